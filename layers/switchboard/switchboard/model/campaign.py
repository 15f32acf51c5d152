"""A campaign: what goes to the rows of a file, how far the reading is, and the windows that its rows become."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from switchboard.model.message import Content

WINDOW_ROWS = 1000  # accepted rows of one window: they are one batch
WINDOW_MISSED = 500  # refused rows and duplicates of one window
WINDOW_OCTETS = 250_000  # of what is kept of them: it is one item of the table
WINDOW_WORDS = 300_000  # octets of a window's wordings: they are in one item with the rest of its batch
DIGEST = 16  # octets of a row's digest: two different rows of a billion share one with a chance of 10^-21
FIRST = 1  # the priority that is sent first, and that of rows which name none
_CLIPPED = 200  # characters of a cell, or of a reason, that are kept of a row that was not taken


class State(StrEnum):
    """Where a campaign stands."""

    WAITING = "waiting"  # for its file
    RUNNING = "running"
    PAUSED = "paused"
    CANCELED = "canceled"
    FAILED = "failed"  # its file cannot be read


class Missed(StrEnum):
    """Why a row became no message."""

    REFUSED = "refused"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what, by its header, or by its place (from 1) in a file without headers.

    `variables` maps a placeholder's name to its column. `base` names a file without headers whose columns are always
    the same (`sms`, `email`): then nothing else is asked for here, and `to` is what its column is called.
    """

    to: str | int
    reference: str | int | None = None
    priority: str | int | None = None
    variables: Mapping[str, str | int] = field(default_factory=dict)
    base: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as it was asked for; it never changes. Times are epoch seconds.

    `region`, `zone` and `hours` are the client's. With `marketing` the recipients' quiet hours are kept. `door` is the
    dialect that it came in by, None for our own API.
    """

    id: str
    client: str
    region: str | None = None
    zone: str = "UTC"
    hours: str = ""
    name: str
    content: Content
    columns: Columns
    fingerprint: str
    created_at: float
    provider: str | None = None
    marketing: bool = False
    send_at: float | None = None
    expires_at: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    allow_duplicates: bool = False
    door: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a campaign is: what its workers and its owner contend for. Times are epoch seconds.

    file, etag, size    what is read: its key, its version, its octets
    priority, last      the checkpoint: the pass, and the last row of it that a window holds
    windows             how many there are
    accepted, refused, duplicates   rows by what became of them
    octets              of the file, as far as this pass has read
    owner, lease        the worker that reads, and until when it alone may
    turns               how often the state was changed by hand: a window that was made meanwhile is announced again
    fed_at              when every row had been read
    reason, cure, field why the file cannot be read
    """

    state: State = State.WAITING
    file: str | None = None
    etag: str | None = None
    size: int = 0
    priority: int = FIRST
    last: int = 0
    windows: int = 0
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    octets: int = 0
    owner: str | None = None
    lease: float = 0.0
    turns: int = 0
    started_at: float | None = None
    fed_at: float | None = None
    ended_at: float | None = None  # canceled or failed
    reason: str | None = None
    cure: str | None = None
    field: str | None = None

    @property
    def rows(self) -> int:
        """The rows that are accounted for."""
        return self.accepted + self.refused + self.duplicates


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedRow:
    """A row that became no message, and what would mend it. `row` counts from 1, `line` is the file's own."""

    kind: Missed
    row: int
    line: int
    to: str | None = None
    reference: str | None = None
    column: str | None = None
    value: str | None = None
    reason: str = ""
    cure: str = ""

    def dump(self) -> str:
        """As JSON, each text clipped."""
        texts = (self.to, self.reference, self.column, self.value, self.reason, self.cure)
        clipped = [None if text is None else _clip(text) for text in texts]
        return json.dumps([self.kind, self.row, self.line, *clipped], ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, said: Sequence[str]) -> "MissedRow":
        """What `dump` wrote, read from JSON."""
        kind, row, line, to, reference, column, value, reason, cure = said
        return cls(
            kind=Missed(kind),
            row=int(row),
            line=int(line),
            to=to,
            reference=reference,
            column=column,
            value=value,
            reason=reason,
            cure=cure,
        )


def _clip(text: str) -> str:
    return text if len(text) <= _CLIPPED else text[: _CLIPPED - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Some rows of one priority: `first` to `last`, of which others may be of another. Without rows taken, no batch.

    `lines` are the places where the distance between a row and its line changes, as (row, distance).
    """

    seq: int
    priority: int
    first: int
    last: int
    batch: str | None = None
    accepted: int = 0
    refused: int = 0
    duplicates: int = 0
    lines: tuple[tuple[int, int], ...] = ()

    @property
    def missed(self) -> int:
        """How many rows became no message."""
        return self.refused + self.duplicates

    def line(self, row: int) -> int:
        """The line of the file that a row of this window begins in."""
        return _line(self.lines, row)


class Lines:
    """The lines of rows that come one after the other, kept as the places where they fall further behind."""

    def __init__(self) -> None:
        self.places: list[tuple[int, int]] = []

    def add(self, row: int, line: int) -> None:
        """One more row."""
        if not self.places or self.places[-1][1] != line - row:
            self.places.append((row, line - row))

    def line(self, row: int) -> int:
        """The line of a row that was added."""
        return _line(self.places, row)


def _line(places: Sequence[tuple[int, int]], row: int) -> int:
    return row + next((distance for first, distance in reversed(places) if first <= row), 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How a window's messages stood at `at`; `handed` were given to a provider, the last of them, or of the word of
    it, at `latest` (epoch seconds)."""

    seq: int
    at: float
    statuses: Mapping[str, int]
    settled: bool
    handed: int
    latest: float = 0.0
