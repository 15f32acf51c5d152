"""A recurring schedule in our own words: when its occurrences are due, where it stands, and what became of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from switchboard.model.calendar import following, parse_cron, parse_rate, zone_of


class ScheduleState(StrEnum):
    """Where a schedule stands."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"  # nothing more is due
    DELETED = "deleted"  # kept for a while, so that nothing takes its name


class Outcome(StrEnum):
    """What became of an occurrence."""

    MADE = "made"  # a batch
    MISSED = "missed"  # too late to be sent, or a later one had become due
    REFUSED = "refused"  # its message was not one that could be sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A message that is sent again and again; times are epoch seconds, whole ones where something is due.

    It has a `cron` or a `rate`. `message` is what the caller said, as JSON; `about` is the client as it was then. An
    occurrence may be `grace` seconds late. `turn` counts how often it was resumed: what was due before a pause and
    after it are two occurrences. `next_due` is what waits; in a pause, what had waited.
    """

    id: str
    client: str
    about: Mapping[str, str]
    fingerprint: str
    name: str | None
    cron: str | None
    rate: str | None
    timezone: str
    start: int
    end: int | None
    grace: int
    message: str
    created_at: float
    state: ScheduleState = ScheduleState.ACTIVE
    turn: int = 0
    next_due: int | None = None

    def dues(self, after: float) -> Iterator[int]:
        """What is due after a time, in order, until its end."""
        recurrence = parse_cron(self.cron) if self.cron else parse_rate(self.rate or "")
        zone, start = zone_of(self.timezone), datetime.fromtimestamp(self.start, UTC)
        for instant in following(recurrence, zone, datetime.fromtimestamp(after, UTC), start):
            due = int(instant.timestamp())
            if self.end is not None and due > self.end:
                return
            yield due

    def due_after(self, after: float) -> int | None:
        """The next that is due after a time; None: there is none."""
        return next(self.dues(after), None)

    def awaits(self, due: int) -> bool:
        """Whether what is due then, or something before it, waits to be made."""
        return self.state is ScheduleState.ACTIVE and self.next_due is not None and self.next_due <= due


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What became of what was due; `batch` is the one that was made. `count` missed ones in a row are told as one."""

    due: int
    outcome: Outcome
    batch: str | None = None
    reason: str | None = None
    count: int = 1
