"""The recurring calendar: cron and rate, read from text, and the instants at which they are due in a time zone.

A day's times are those of the wall clock there. A local time is due at the first instant at which that clock has
reached it: what a gap skips is due at the gap's end, and what a fold repeats is due the first time only.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

FIRST_YEAR, LAST_YEAR = 1971, 9997  # an instant of these has a local time in every zone
MAX_RATE = timedelta(days=3650)
_MAX_TEXT = 200  # characters, of a cron or a rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """The minutes of a calendar; weekdays are 0 (Sunday) to 6.

    `either`: a day is due when its number or its weekday is one of these. Otherwise both have to be.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def on(self, day: date) -> bool:
        """Whether anything is due on a day."""
        if day.month not in self.months:
            return False
        fits = (day.day in self.days, day.isoweekday() % 7 in self.weekdays)
        return any(fits) if self.either else all(fits)


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so often since a schedule's start. A day is 24 hours of it, whatever the clocks do."""

    every: timedelta


Recurrence = Cron | Rate


# Reading.


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field of a cron: its name, its least and greatest number, and the words that stand for numbers."""

    name: str
    least: int
    most: int
    words: Mapping[str, int]


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    _Field(name="minute", least=0, most=59, words={}),
    _Field(name="hour", least=0, most=23, words={}),
    _Field(name="day", least=1, most=31, words={}),
    _Field(name="month", least=1, most=12, words={word: number for number, word in enumerate(_MONTHS, 1)}),
    _Field(name="weekday", least=0, most=7, words={word: number for number, word in enumerate(_WEEKDAYS)}),
)
_LONGEST = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}  # days of a month; 31 of the others
_ITEM = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\w+))?", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_FOREIGN = re.compile(r"[?#]|\d[LW]|\bLW?\b", re.ASCII)
_RATE = re.compile(r"(\d{1,9}) *([a-z]+)", re.ASCII | re.IGNORECASE)
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


def parse_cron(text: str) -> Cron:
    """Five fields as in crontab(5): minute, hour, day, month and weekday.

    Lists, ranges, steps and the English names of months and weekdays in three letters are read; Sunday is 0 and 7. With
    a day and a weekday that both do not begin with `*`, a date that is either is due; with one that does, it has to be
    both. Raises ValueError, which names the field.
    """
    _refuse_other_forms(text, "cron", "0 9 * * MON-FRI")
    fields = text.split()
    if len(fields) != len(_FIELDS):
        names = ", ".join(field.name for field in _FIELDS)
        other = ": years and seconds are not among them" if len(fields) > len(_FIELDS) else ""
        raise ValueError(f"has {len(fields)} fields in place of the five {names}{other}")
    minutes, hours, days, months, weekdays = map(_numbers, _FIELDS, fields)
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not either and min(days) > max(_LONGEST.get(month, 31) for month in months):
        raise ValueError(f"day: {fields[2]} never comes in month {fields[3]}")
    return Cron(
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=frozenset(number % 7 for number in weekdays),
        either=either,
    )


def parse_rate(text: str) -> Rate:
    """`15 minutes`, `1 hour`, `2 days`: from a minute to ten years. Raises ValueError."""
    _refuse_other_forms(text, "rate", "15 minutes")
    found = _RATE.fullmatch(text.strip())
    unit = _UNITS.get(found[2].lower().removesuffix("s")) if found else None
    if found is None or unit is None:
        raise ValueError("is a number and a unit, minutes, hours or days: 15 minutes")
    if not unit <= (every := int(found[1]) * unit) <= MAX_RATE:
        raise ValueError(f"is at least 1 minute and at most {MAX_RATE.days} days")
    return Rate(every)


def _refuse_other_forms(text: str, name: str, example: str) -> None:
    """Raise ValueError for what cannot be read, and for what is written for other calendars."""
    said = text.strip()
    if not said:
        raise ValueError(f"is empty: write {example}")
    if len(said) > _MAX_TEXT:
        raise ValueError(f"has at most {_MAX_TEXT} characters")
    if said.startswith("@"):
        raise ValueError(f"names like @daily are not read: write {example}")
    if "(" in said:
        raise ValueError(f"is written without {name}(...): {example}")


def _numbers(field: _Field, text: str) -> frozenset[int]:
    """The numbers that one field names. Raises ValueError."""
    return frozenset(number for item in text.split(",") for number in _item(field, item))


def _item(field: _Field, text: str) -> range:
    """The numbers of one item of a field's list. Raises ValueError."""
    found = _ITEM.fullmatch(text)
    if found is None or _FOREIGN.search(text):
        foreign = " (?, L, W and # are of other calendars)" if _FOREIGN.search(text) else ""
        raise ValueError(f"{field.name}: {text!r} is not *, a number, a range 1-5 or a step */10{foreign}")
    every, first, last, step = found.groups()
    if step is not None and not every and last is None:
        raise ValueError(f"{field.name}: a step is taken through * or a range, as {first}-{field.most}/{step}")
    if every:
        # Weekday 7 is 0 again, and would shorten a step over the week's end.
        low, high = field.least, min(field.most, 6) if field.name == "weekday" else field.most
    else:
        low = _number(field, first)
        high = low if last is None else _number(field, last)
    if last is not None and field.name == "weekday" and high == 0 < low:
        high = 7  # FRI-SUN
    if low > high:
        raise ValueError(f"{field.name}: the range {text} ends before it begins: write it as two, with a comma")
    return range(low, high + 1, _step(field, step))


def _number(field: _Field, text: str) -> int:
    """One number of a field, or the word for it. Raises ValueError."""
    if text.upper() in field.words:
        return field.words[text.upper()]
    if not _NUMBER.fullmatch(text):
        words = f" or a name like {next(iter(field.words))}" if field.words else ""
        raise ValueError(f"{field.name}: {text!r} is not a number{words}")
    if not field.least <= int(text) <= field.most:
        raise ValueError(f"{field.name}: {text} is not within {field.least} to {field.most}")
    return int(text)


def _step(field: _Field, text: str | None) -> int:
    """The width of a step. Raises ValueError for one that would not be taken even once."""
    if text is None:
        return 1
    most = field.most - field.least
    if not _NUMBER.fullmatch(text) or not 1 <= int(text) <= most:
        raise ValueError(f"{field.name}: the step {text} is not within 1 to {most}")
    return int(text)


# Time zones and local times.

_ZONE = re.compile(r"[A-Za-z][\w+-]*(?:/[A-Za-z][\w+-]*){0,2}", re.ASCII)
_MAX_ZONE = 64  # characters
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})  # the host's own, and what stands for none
_NO_FOLDERS = frozenset({"posix", "right"})  # the database again, one of them with leap seconds
_LOCAL = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ]((?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?)(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?",
    re.ASCII | re.IGNORECASE,
)


def zone_of(name: str) -> ZoneInfo:
    """The zone of the tz database that has this name. Raises ValueError for any other name."""
    zone = _zone(name) if len(name) <= _MAX_ZONE else None
    if zone is None:
        meant = _spelled().get(name.lower()) if len(name) <= _MAX_ZONE else None
        hint = f": did you mean {meant}?" if meant else " of the tz database, as America/Montevideo"
        raise ValueError(f"is not a time zone{hint}")
    return zone


def _zone(name: str) -> ZoneInfo | None:
    if not _ZONE.fullmatch(name) or name in _NO_ZONES or name.partition("/")[0] in _NO_FOLDERS:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # none, a file of something else, a folder
        return None


@cache
def _spelled() -> Mapping[str, str]:
    """The names as the database spells them, by the same in lower case; to find them, every file of it is read."""
    return {name.lower(): name for name in available_timezones() if name not in _NO_ZONES}


def resolve(local: datetime, zone: tzinfo) -> datetime:
    """The instant (UTC) of a naive local time: the first at which the zone's clock has reached it.

    A time that a gap skips is the gap's end; one that a fold repeats is its first.
    """
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if _wall(instant, zone) == local:
        return instant
    # In a gap, fold=0 reads with the offset before it, which gives an instant after it; fold=1 the other way about.
    early, late = (local.replace(tzinfo=zone, fold=fold, microsecond=0).astimezone(UTC) for fold in (1, 0))
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        early, late = (early, middle) if _wall(middle, zone) >= local else (middle, late)
    return late


def local_instant(text: str, zone: tzinfo | None) -> datetime:
    """The instant (UTC) of an ISO 8601 date and time, which is the zone's where it has no offset.

    An offset wins over the zone. Raises ValueError for what is not a time of these years, and for one with neither.
    """
    found = _LOCAL.fullmatch(text.strip())
    if found is None:
        raise ValueError("is not a date and time as 2030-12-31T23:59:00 or 2030-12-31T23:59:00-03:00")
    day, clock, offset = found.groups()
    try:
        read = datetime.fromisoformat(f"{day}T{clock}{(offset or '').upper()}")
    except ValueError:
        raise ValueError("is a day that no calendar has") from None
    if not FIRST_YEAR <= read.year <= LAST_YEAR:
        raise ValueError(f"is not within the years {FIRST_YEAR} to {LAST_YEAR}")
    if read.tzinfo is not None:
        return read.astimezone(UTC)
    if zone is None:
        raise ValueError("has no offset: end it in Z or -03:00, or name the time zone")
    return resolve(read, zone)


def written(instant: datetime, zone: tzinfo) -> datetime:
    """The first naive local time, in whole seconds, that `resolve` reads as the instant (aware) or as a later one.

    The clock's second time through a fold cannot be told from its first: it is written as the fold's end.
    """
    whole = instant.astimezone(UTC).replace(microsecond=0)
    whole = whole if whole == instant else whole + timedelta(seconds=1)
    early = _wall(whole, zone)
    if resolve(early, zone) >= whole:
        return early
    late = early + timedelta(hours=25)  # no clock was ever put back by more than a day
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        early, late = (early, middle) if resolve(middle, zone) >= whole else (middle, late)
    return late


def _wall(instant: datetime, zone: tzinfo) -> datetime:
    """What the zone's clock shows at an instant, naive."""
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


# What is due.


def following(recurrence: Recurrence, zone: tzinfo, after: datetime, start: datetime) -> Iterator[datetime]:
    """The due instants (UTC) that are after `after` and not before `start`, both aware, in order.

    Local times that one gap skips are due at the same instant, its end, and make one. A rate counts from `start`.
    """
    if isinstance(recurrence, Rate):
        yield from _following_rate(recurrence, after, start)
        return
    after = max(after, start - datetime.resolution)
    if after.year > LAST_YEAR:
        return
    # What the clock has shown by then has been due. In a fold it shows again what it has: that is not due again.
    for local in _locals(recurrence, _wall(after, zone)):
        if (instant := resolve(local, zone)) > after:
            yield instant
            after = instant


def _following_rate(rate: Rate, after: datetime, start: datetime) -> Iterator[datetime]:
    passed = (after - start) // rate.every + 1 if after >= start else 0
    with suppress(OverflowError):
        due = (start + passed * rate.every).astimezone(UTC)
        while due.year <= LAST_YEAR:
            yield due
            due += rate.every


def _locals(cron: Cron, after: datetime) -> Iterator[datetime]:
    """The local times of a cron that come after one, in order."""
    clock = [time(hour, minute) for hour in sorted(cron.hours) for minute in sorted(cron.minutes)]
    for day in _days(cron, after.date()):
        yield from (local for local in (datetime.combine(day, at) for at in clock) if local > after)


def _days(cron: Cron, day: date) -> Iterator[date]:
    while day.year <= LAST_YEAR:
        if cron.on(day):
            yield day
        skipped = day.month not in cron.months
        # The 28th is in every month, and four days on is in the next.
        day = (day.replace(day=28) + timedelta(days=4)).replace(day=1) if skipped else day + timedelta(days=1)
