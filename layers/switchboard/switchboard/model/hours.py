"""Quiet hours: which time zones a number may be in, and when their clocks are all within the hours for messages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from switchboard.model.calendar import resolve, zone_of

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_MIDNIGHT = time(0)
_DAYS = 3  # of openings looked at: clocks are at most 26 hours apart, and a change of them moves one by less than a day


@dataclass(frozen=True, slots=True)
class Hours:
    """From when, and until before when, a local clock lets messages through; an `end` of 00:00 is the day's end.

    Raises ValueError for hours that are none, or that go over midnight.
    """

    start: time = time(8)
    end: time = time(21)

    def __post_init__(self) -> None:
        if self.end != _MIDNIGHT and self.start >= self.end:
            raise ValueError("end after they begin, on the same day: as 08:00-21:00")

    def __contains__(self, clock: time) -> bool:
        """Whether they let a message through when a clock shows this."""
        return self.start <= clock and (self.end == _MIDNIGHT or clock < self.end)


def parse_hours(text: str) -> Hours:
    """`08:00-21:00`, or until `24:00`. Raises ValueError."""
    found = _HOURS.fullmatch(text)
    if found is None or (found[3] == "24" and found[4] != "00"):
        raise ValueError("are two times of a day: as 08:00-21:00")
    start, end = time(int(found[1]), int(found[2])), time(int(found[3]) % 24, int(found[4]))
    return Hours(start, end)


def zones_of(e164: str, fallback: str) -> tuple[str, ...]:
    """The names of the time zones that a number's prefix is of; the fallback's for one that says nothing.

    A mobile or a toll-free number may be anywhere in its country, which may have many.
    """
    # Here, since only what is for marketing needs them: they are large.
    import phonenumbers
    from phonenumbers import timezone

    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return (fallback,)
    unknown = (timezone.UNKNOWN_TIMEZONE,)
    # A number that no plan knows yet has a prefix all the same.
    for look in (timezone.time_zones_for_number, timezone.time_zones_for_geographical_number):
        if (found := tuple(look(number))) != unknown:
            return found
    return (fallback,)


def next_open(zones: tuple[str, ...], hours: Hours, at: float) -> float:
    """The first moment, from `at` on (both in epoch seconds), at which the hours are open in every one of the zones.

    Where they never are at once, it is the moment of the coming days at which they are open in most of the zones, the
    first such. Raises ValueError for a name that is no zone's.
    """
    here = [zone_of(name) for name in zones]
    openings = {opening for zone in here for opening in _openings(zone, hours, at) if opening > at}
    best, most = at, -1
    for moment in (at, *sorted(openings)):
        number = sum(datetime.fromtimestamp(moment, zone).time() in hours for zone in here)
        if number > most:
            best, most = moment, number
        if number == len(here):
            break
    return best


def _openings(zone: ZoneInfo, hours: Hours, at: float) -> Iterator[float]:
    """When the hours begin on the day of `at` and the days after it; twice where a fold repeats it."""
    today = datetime.fromtimestamp(at, zone).date()
    for day in range(_DAYS):
        begin = datetime.combine(today + timedelta(days=day), hours.start)
        yield resolve(begin, zone).timestamp()
        yield begin.replace(tzinfo=zone, fold=1).timestamp()
