"""What a bench counts: the AWS requests and write units of each function, and a figure beside its bar."""

import json
from collections import Counter
from pathlib import Path

from sandbox.stack import Stack

QUEUE_FED = ("dispatch", "feed", "watch")


class Probe:
    """What the functions asked of AWS since the last look, as sandbox/probe wrote it down, by function."""

    def __init__(self, file: Path, stack: Stack) -> None:
        self._file, self._stack, self._read = file, stack, 0
        self._invocations: Counter[str] = Counter()
        self.take()

    def take(self) -> tuple[Counter[str], Counter[str]]:
        """Requests and write units by function; a batch from a queue adds the poller's receive and delete."""
        requests: Counter[str] = Counter()
        units: Counter[str] = Counter()
        text = self._file.read_text() if self._file.exists() else ""
        for line in text[self._read :].splitlines():
            call = json.loads(line)
            name = call["function"].removesuffix("Function").lower()
            requests[name] += 1
            units[name] += call["write_units"]
        self._read = len(text)
        now = Counter({name: stats["invocations"] for name, stats in self._stack.stats().items()})
        for name in QUEUE_FED:
            requests[name] += 2 * (now[name] - self._invocations[name])
        self._invocations = now
        return requests, units


def bar(what: str, value: float, bar: float, parts: dict[str, float]) -> bool:
    """Print a figure beside its bar."""
    detail = ", ".join(f"{name} {part:.3f}" for name, part in parts.items())
    print(f"{what}: {value:.3f} (bar {bar:g}{', ' + detail if detail else ''})")
    return value <= bar
