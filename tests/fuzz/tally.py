"""What a run of the fuzz counts: by reader or door, how each message ended, and the inputs that must not have been."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from traceback import extract_tb

KEPT = 10  # failing inputs


class Kind(StrEnum):
    """How one message ended."""

    READ = "in the dialect"
    TYPED = "typed error"
    FAILED = "UNTYPED"


@dataclass
class Tally:
    """Counts, and the first failures in words that reproduce them."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def add(self, name: str, kind: str) -> None:
        """One more that ended so."""
        self.counts[name, kind] += 1

    def fail(self, name: str, seed: int, message: object, error: Exception) -> None:
        """One that must not have been."""
        self.add(name, Kind.FAILED)
        if len(self.failures) < KEPT:
            self.failures.append(f"seed {seed}: {name}: {_words(error)}\n    {message!r}")

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.counts + other.counts, [*self.failures, *other.failures][:KEPT])


def _words(error: Exception) -> str:
    places = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in extract_tb(error.__traceback__)[-4:]]
    return f"{type(error).__name__}: {error} ({' > '.join(places)})"
