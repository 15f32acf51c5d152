"""The calendar: what is read and what is refused, and every firing around every gap and fold of the tz database."""

import struct
import time
import zoneinfo
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from importlib import resources
from itertools import pairwise, takewhile

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from switchboard.model.calendar import (
    Cron,
    Rate,
    Recurrence,
    following,
    local_instant,
    parse_cron,
    parse_rate,
    resolve,
    zone_of,
)

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGINNING = datetime(1800, 1, 1, tzinfo=UTC)
LAST_YEAR = 2037
MADRID, NEW_YORK = zone_of("Europe/Madrid"), zone_of("America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def first(recurrence: Recurrence, zone: tzinfo, after: datetime, start: datetime) -> datetime | None:
    """The first of what follows."""
    return next(following(recurrence, zone, after, start), None)


def firings(text: str, zone: str, after: str, number: int, start: datetime = BEGINNING) -> list[str]:
    """The next due instants of a cron, as UTC without its offset."""
    cron, at, found = parse_cron(text), utc(after), []
    for _ in range(number):
        due = first(cron, zone_of(zone), at, start)
        assert due is not None
        found.append(due.replace(tzinfo=None).isoformat(" ", "minutes"))
        at = due
    return found


# Reading.


@pytest.mark.parametrize(
    ("text", "minutes", "hours", "days", "months", "weekdays"),
    [
        ("0 9 * * *", {0}, {9}, range(1, 32), range(1, 13), range(7)),
        ("*/15 9-17 * * MON-FRI", {0, 15, 30, 45}, range(9, 18), range(1, 32), range(1, 13), range(1, 6)),
        ("5,10-12,50-59/3 0 1,15 jan,Dec *", {5, 10, 11, 12, 50, 53, 56, 59}, {0}, {1, 15}, {1, 12}, range(7)),
        ("0 0 * * 7", {0}, {0}, range(1, 32), range(1, 13), {0}),
        ("0 0 * * 0-7/7", {0}, {0}, range(1, 32), range(1, 13), {0}),
        ("0 0 * * FRI-SUN", {0}, {0}, range(1, 32), range(1, 13), {5, 6, 0}),
        ("0 0 * * */2", {0}, {0}, range(1, 32), range(1, 13), {0, 2, 4, 6}),
        ("0 0 */10 2-12/5 *", {0}, {0}, {1, 11, 21, 31}, {2, 7, 12}, range(7)),
        ("  0\t0  29 2 * ", {0}, {0}, {29}, {2}, range(7)),
        ("00 007 01 012 03", {0}, {7}, {1}, {12}, {3}),
    ],
)
def test_a_cron_is_read(
    text: str, minutes: set[int], hours: set[int], days: set[int], months: set[int], weekdays: set[int]
) -> None:
    cron = parse_cron(text)
    assert (cron.minutes, cron.hours) == (set(minutes), set(hours))
    assert (cron.days, cron.months, cron.weekdays) == (set(days), set(months), set(weekdays))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("0 9 * *", "has 4 fields"),
        ("0 0 9 * * *", "has 6 fields"),
        ("0 9 * * MON 2030", "has 6 fields"),
        ("cron(0 9 * * ? *)", "without cron(...)"),
        ("@daily", "names like @daily"),
        ("* " * 101, "at most 200 characters"),
        ("60 * * * *", "minute: 60 is not within 0 to 59"),
        ("-1 * * * *", "minute: '-1' is not"),
        ("1.5 * * * *", "minute: '1.5' is not"),
        ("5/15 * * * *", "minute: a step is taken through * or a range, as 5-59/15"),
        ("*/0 * * * *", "minute: the step 0 is not within 1 to 59"),
        ("*/60 * * * *", "minute: the step 60 is not within 1 to 59"),
        ("*/x * * * *", "minute: the step x is not within 1 to 59"),
        ("30-10 * * * *", "minute: the range 30-10 ends before it begins"),
        ("0 24 * * *", "hour: 24 is not within 0 to 23"),
        ("0 9,, * * *", "hour: '' is not"),
        ("0 9;10 * * *", "hour: '9;10' is not"),
        ("0 ٣ * * *", "hour: '٣' is not"),
        ("0 9am * * *", "hour: '9am' is not a number"),
        ("0 9 0 * *", "day: 0 is not within 1 to 31"),
        ("0 9 32 * *", "day: 32 is not within 1 to 31"),
        ("0 9 L * *", "of other calendars"),
        ("0 9 15W * *", "of other calendars"),
        ("0 9 ? * 1", "day: '?' is not *, a number, a range 1-5 or a step */10 (?, L, W and # are of other calendars)"),
        ("0 9 * * 1#2", "of other calendars"),
        ("0 9 * 0 *", "month: 0 is not within 1 to 12"),
        ("0 9 * MAI *", "month: 'MAI' is not a number or a name like JAN"),
        ("0 9 * JANUARY *", "month: 'JANUARY' is not"),
        ("0 9 * * 8", "weekday: 8 is not within 0 to 7"),
        ("0 9 * * MONDAY", "weekday: 'MONDAY' is not a number or a name like SUN"),
        ("0 9 * * SAT-MON", "weekday: the range SAT-MON ends before it begins"),
        ("0 0 31 2 *", "day: 31 never comes in month 2"),
        ("0 0 30,31 FEB *", "day: 30,31 never comes in month FEB"),
        ("0 0 31 4,6,9,NOV */2", "day: 31 never comes"),
        ("9" * 30 + " * * * *", "is not a number"),
    ],
)
def test_what_is_no_cron_is_refused_by_its_field(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_cron(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "every"),
    [
        ("1 minute", MINUTE),
        ("15 minutes", 15 * MINUTE),
        ("90minutes", 90 * MINUTE),
        ("1 hour", 60 * MINUTE),
        (" 2 Days ", 2 * DAY),
        ("3650 days", 3650 * DAY),
    ],
)
def test_a_rate_is_read(text: str, every: timedelta) -> None:
    assert parse_rate(text) == Rate(every)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("minutes", "a number and a unit"),
        ("5", "a number and a unit"),
        ("5 weeks", "a number and a unit"),
        ("30 seconds", "a number and a unit"),
        ("-5 minutes", "a number and a unit"),
        ("1.5 hours", "a number and a unit"),
        ("٥ minutes", "a number and a unit"),
        ("0 minutes", "at least 1 minute"),
        ("3651 days", "at most 3650 days"),
        ("999999999 days", "at most 3650 days"),
        ("9999999999 days", "a number and a unit"),
        ("rate(5 minutes)", "without rate(...)"),
        ("@hourly", "names like @daily"),
    ],
)
def test_what_is_no_rate_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_rate(text)
    assert said in str(refused.value)


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("0123456789*/,- @()?LW#JANMO") | st.characters(), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_cron, parse_rate, zone_of, lambda said: local_instant(said, MADRID)):
        try:
            parse(text)
        except ValueError as refused:
            assert str(refused)


# Time zones and local times.


def test_every_zone_of_the_database_is_one() -> None:
    names = resources.files("tzdata").joinpath("zones").read_text().split()
    assert len(names) > 590
    assert {zone_of(name).key for name in names if name != "Factory"} == set(names) - {"Factory"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("europe/madrid", "is not a time zone: did you mean Europe/Madrid?"),
        ("AMERICA/ARGENTINA/USHUAIA", "did you mean America/Argentina/Ushuaia?"),
        ("utc", "did you mean UTC?"),
        *((name, "is not a time zone of the tz database") for name in (
            "", " ", "../etc", "../../etc/localtime", "/etc/localtime", "posixrules", "localtime", "Factory",
            "posix/UTC", "right/UTC", "America", "America/", "Etc/Unknown", "Mars/Olympus", "zone.tab", "tzdata.zi",
            "leapseconds", "+VERSION", "SECURITY", "__init__", "__pycache__", "zones", "UTC\n", "UTC\0", "UTC+3",
            "Europe/Madrid ", "Européen", "CST6CDT,M3.2.0,M11.1.0", "-03:00", "a/" * 5000, "A" * 65, "C:\\UTC",
        )),
    ],
)  # fmt: skip
def test_what_is_no_zone_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        zone_of(name)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-07-01T12:00:00", MADRID, "2026-07-01T10:00:00"),
        ("2026-07-01 12:00", MADRID, "2026-07-01T10:00:00"),
        ("2026-03-29T02:30:00", MADRID, "2026-03-29T01:00:00"),  # in the gap: its end
        ("2026-03-29T02:30:00.5", MADRID, "2026-03-29T01:00:00"),
        ("2026-03-29T02:00:00", MADRID, "2026-03-29T01:00:00"),
        ("2026-03-29T02:59:59.999999", MADRID, "2026-03-29T01:00:00"),
        ("2026-03-29T01:59:59.5", MADRID, "2026-03-29T00:59:59.5"),
        ("2026-10-25T02:30:00", MADRID, "2026-10-25T00:30:00"),  # in the fold: the first
        ("2026-10-25T03:00:00", MADRID, "2026-10-25T02:00:00"),
        ("2011-12-30T12:00:00", zone_of("Pacific/Apia"), "2011-12-30T10:00:00"),  # a day that was not there
        ("2026-07-01T12:00:00Z", None, "2026-07-01T12:00:00"),
        ("2026-07-01t12:00:00z", None, "2026-07-01T12:00:00"),
        ("2026-07-01T12:00:00.123456789-03:00", None, "2026-07-01T15:00:00.123456"),
        ("2026-07-01T12:00:00-03:00", MADRID, "2026-07-01T15:00:00"),  # its offset wins
        ("2026-03-29T02:30:00+01:00", MADRID, "2026-03-29T01:30:00"),
        ("2028-02-29T23:59:59+14:00", None, "2028-02-29T09:59:59"),
    ],
)
def test_a_local_time_is_an_instant(text: str, zone: zoneinfo.ZoneInfo | None, instant: str) -> None:
    found = local_instant(text, zone)
    assert (found, found.tzinfo) == (utc(instant), UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-07-01T12:00:00", "has no offset"),
        ("2026-02-29T12:00:00Z", "a day that no calendar has"),
        ("2026-13-01T12:00:00Z", "a day that no calendar has"),
        ("0000-01-01T12:00:00Z", "a day that no calendar has"),
        ("0001-01-01T00:00:00+05:00", "is not within the years"),
        ("9999-12-31T23:59:59-05:00", "is not within the years"),
        *((text, "is not a date and time") for text in (
            "", "tomorrow", "12:00", "2026-07-01", "2026-07-01T24:00:00Z", "2026-07-01T12:60Z", "2026-07-01T12:00:60Z",
            "20260701T120000Z", "2026-W27-3T12:00Z", "2026-07-01T12:00:00+25:00", "2026-07-01T12:00:00+0300",
            "2026-07-01T12Z", "2026-07-01T12:00:00 Europe/Madrid", "٢٠٢٦-07-01T12:00:00Z", "1751371200",
            "2026-07-01T12:00:00." + "1" * 10,
        )),
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        local_instant(text, None)
    assert said in str(refused.value)


# What is due.


@pytest.mark.parametrize(
    ("text", "zone", "after", "due"),
    [
        ("0 9 * * *", "UTC", "2026-01-01T08:59:59.999999", ["2026-01-01 09:00", "2026-01-02 09:00"]),
        ("0 9 * * *", "UTC", "2026-01-01T09:00:00", ["2026-01-02 09:00"]),  # strictly after
        ("0 9 * * MON-FRI", "America/Montevideo", "2026-01-02T12:00:00", ["2026-01-05 12:00", "2026-01-06 12:00"]),
        ("0 0 13 * FRI", "UTC", "2026-01-31T00:00:00", ["2026-02-06 00:00", "2026-02-13 00:00", "2026-02-20 00:00"]),
        # A field that begins with * leaves the choice to the other: both have to fit.
        ("0 0 */2 * FRI", "UTC", "2026-01-31T00:00:00", ["2026-02-13 00:00", "2026-02-27 00:00"]),
        ("0 0 13 * */5", "UTC", "2026-01-31T00:00:00", ["2026-02-13 00:00", "2026-03-13 00:00"]),
        ("0 0 31 * *", "UTC", "2026-02-01T00:00:00", ["2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00"]),
        ("0 0 29 2 *", "UTC", "2096-02-28T00:00:00", ["2096-02-29 00:00", "2104-02-29 00:00"]),
        ("0 0 31 2 MON", "UTC", "2026-02-22T00:00:00", ["2026-02-23 00:00", "2027-02-01 00:00"]),
        # 29 February on a Sunday, once in 28 years; and on those of a century without it, in 40.
        ("0 0 29 2 */7", "UTC", "2026-01-01T00:00:00", []),
        # Gaps: at 02:00 the clock in Madrid goes to 03:00.
        ("30 2 * * *", "Europe/Madrid", "2026-03-28T00:00:00", [
            "2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30",
        ]),
        ("*/10 2 * * *", "Europe/Madrid", "2026-03-28T01:45:00", [
            "2026-03-28 01:50", "2026-03-29 01:00", "2026-03-30 00:00",
        ]),
        ("0 2,3 * * *", "Europe/Madrid", "2026-03-28T12:00:00", ["2026-03-29 01:00", "2026-03-30 00:00"]),
        # Folds: at 03:00 it goes to 02:00.
        ("30 2 * * *", "Europe/Madrid", "2026-10-24T12:00:00", ["2026-10-25 00:30", "2026-10-26 01:30"]),
        ("30 2 * * *", "Europe/Madrid", "2026-10-25T00:30:00", ["2026-10-26 01:30"]),
        ("30 2 * * *", "Europe/Madrid", "2026-10-25T01:10:00", ["2026-10-26 01:30"]),  # within the second 02:10
        ("0,30 * * * *", "Europe/Madrid", "2026-10-25T00:00:00", ["2026-10-25 00:30", "2026-10-25 02:00"]),
        # Midnight that was not there, and a day that was not there.
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00", ["2018-11-04 03:00", "2018-11-05 02:00"]),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00", [
            "2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00",
        ]),
        ("0 0 * * *", "Pacific/Apia", "2011-12-29T12:00:00", ["2011-12-30 10:00", "2011-12-31 10:00"]),
        ("0 0 30 12 *", "Pacific/Apia", "2011-01-01T00:00:00", ["2011-12-30 10:00", "2012-12-29 10:00"]),
        # Half an hour, in Lord Howe's.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00", ["2026-10-03 15:30", "2026-10-04 15:15"]),
    ],
)  # fmt: skip
def test_when_a_cron_is_due(text: str, zone: str, after: str, due: list[str]) -> None:
    if due:
        assert firings(text, zone, after, len(due)) == due
    else:
        leap = (year for year in range(2028, 2200, 4) if year != 2100)
        sundays = [year for year in leap if date(year, 2, 29).isoweekday() == 7]
        assert firings(text, zone, after, 4) == [f"{year}-02-29 00:00" for year in sundays[:4]]


def test_a_start_counts_itself_and_nothing_before() -> None:
    start, before, zone = utc("2026-06-01T12:00:00"), utc("2026-01-01T00:00:00"), zone_of("UTC")
    assert first(parse_cron("0 12 * * *"), zone, before, start) == start
    assert first(parse_cron("0 12 * * *"), zone, before, start + timedelta(microseconds=1)) == start + DAY
    assert first(parse_cron("0 12 * * *"), zone, start, start) == start + DAY
    assert first(parse_rate("5 hours"), zone, before, start) == start
    assert first(parse_rate("5 hours"), zone, start, start) == start + 300 * MINUTE
    assert first(parse_rate("5 hours"), zone, start + 299.9 * MINUTE, start) == start + 300 * MINUTE
    assert first(parse_rate("1 day"), NEW_YORK, utc("2026-03-08T00:00:00"), start - 180 * DAY) == utc(
        "2026-03-08T12:00:00"
    )


def test_a_fortnight_of_minutes_is_gone_through_in_no_time() -> None:
    """What a schedule has missed in an outage has to be counted within one run of a function, or it stops for ever."""
    began, start = time.process_time(), utc("2026-03-20T00:00:00")
    due = following(parse_cron("* * * * *"), MADRID, start, BEGINNING)
    assert sum(1 for _ in takewhile(lambda at: at < start + 14 * DAY, due)) == 14 * 24 * 60 - 1
    assert time.process_time() - began < 5


def test_the_calendar_has_an_end() -> None:
    never = replace(parse_cron("0 0 31 1 *"), months=frozenset({2}))
    assert first(never, MADRID, EPOCH, EPOCH) is None
    for recurrence in (parse_cron("0 0 1 1 *"), parse_rate("3650 days"), parse_rate("1 minute")):
        assert first(recurrence, MADRID, datetime.max.replace(tzinfo=UTC), EPOCH) is None


# Every gap and fold.

Span = tuple[datetime, timedelta]
"""From when on a zone's clock is how far ahead of UTC."""


def transitions(name: str) -> list[Span]:
    """What a zone's file says (RFC 9636), and for the years after its last line, what its clock shows day by day."""
    data = resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()
    assert data[:4] == b"TZif"
    first = struct.unpack(">6l", data[20:44])
    at = 44 + first[3] * 5 + first[4] * 6 + first[5] + first[2] * 8 + first[1] + first[0]
    _, _, _, times, types, _ = struct.unpack(">6l", data[at + 20 : at + 44])
    at += 44
    moments = struct.unpack(f">{times}q", data[at : at + 8 * times])
    kinds = data[at + 8 * times : at + 9 * times]
    offsets = [
        struct.unpack(">l", data[place : place + 4])[0]
        for place in range(at + 9 * times, at + 9 * times + 6 * types, 6)
    ]
    spans = [(BEGINNING, timedelta(seconds=offsets[0]))]
    spans += [
        (EPOCH + timedelta(seconds=moment), timedelta(seconds=offsets[kind]))
        for moment, kind in zip(moments, kinds, strict=True)
    ]
    return [span for span in spans if span[0] >= BEGINNING] + list(changes(zoneinfo.ZoneInfo(name), spans[-1][0]))


def changes(zone: zoneinfo.ZoneInfo, after: datetime) -> Iterator[Span]:
    day, last = after + MINUTE, datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    offset = day.astimezone(zone).utcoffset()
    while day < last:
        early, late = day, day + DAY
        if late.astimezone(zone).utcoffset() != offset:
            while late - early > timedelta(seconds=1):
                middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
                early, late = (middle, late) if middle.astimezone(zone).utcoffset() == offset else (early, middle)
            late = late.replace(microsecond=0)
            offset = late.astimezone(zone).utcoffset()
            assert offset is not None
            yield late, offset
        day += DAY


def first_reached(spans: list[Span], local: datetime) -> datetime:
    """By the definition: the first instant at which the clock shows `local` or more."""
    for (begin, offset), (end, _) in zip(spans, [*spans[1:], (spans[-1][0] + 10 * DAY, timedelta())], strict=True):
        instant = max(local.replace(tzinfo=UTC) - offset, begin)
        if instant < end:
            return instant
    raise AssertionError("the clock never gets there")


def test_every_gap_and_fold_of_every_zone_fires_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A daily cron at a time that a clock skips or repeats: one firing for each date, at the instant promised."""
    zoneinfo.reset_tzpath(())  # the files that are read here
    zoneinfo.ZoneInfo.clear_cache()
    try:
        root = resources.files("tzdata").joinpath("zoneinfo")
        names = resources.files("tzdata").joinpath("zones").read_text().split()
        alike = Counter(root.joinpath(*name.split("/")).read_bytes() for name in names)
        one = {root.joinpath(*name.split("/")).read_bytes(): name for name in names}
        seen = Counter[str]()
        for data, name in one.items():
            seen += Counter({kind: number * alike[data] for kind, number in walked(name).items()})
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()
    with capsys.disabled():
        print(f"\n{len(names)} zones, {len(one)} different, through {LAST_YEAR}: one firing each in")
        print(f"{seen['gap']} gaps and {seen['fold']} folds; {seen['short']} more are shorter than a minute")
    assert len(names) > 590
    assert min(seen["gap"], seen["fold"]) > 15_000


def walked(name: str) -> Counter[str]:
    """How many gaps and folds of one zone were gone through."""
    spans, zone, seen = transitions(name), zoneinfo.ZoneInfo(name), Counter[str]()
    for place, ((_, before), (moment, after)) in enumerate(pairwise(spans), 1):
        begin, end = sorted(((moment + before).replace(tzinfo=None), (moment + after).replace(tzinfo=None)))
        first = begin + (-begin.second % 60) * timedelta(seconds=1)
        minutes = (end - first + MINUTE - timedelta(seconds=1)) // MINUTE
        if minutes < 1:
            seen["short"] += before != after
            continue
        once(zone, spans[max(0, place - 4) : place + 5], moment, first + minutes // 2 * MINUTE)
        for local in (first, first + minutes // 2 * MINUTE, first + (minutes - 1) * MINUTE):
            promised = moment if after > before else local.replace(tzinfo=UTC) - before
            assert resolve(local, zone) == promised, (name, moment, local)
        seen["gap" if after > before else "fold"] += 1
    return seen


def once(zone: zoneinfo.ZoneInfo, spans: list[Span], moment: datetime, local: datetime) -> None:
    """Walk a daily cron from two days before a change of the clock to two days after."""
    cron = parse_cron(f"{local.minute} {local.hour} * * *")
    dates = [local + number * DAY for number in range(-3, 4)]
    begin, end = moment - 2 * DAY, moment + 2 * DAY
    expected = sorted({due for at in dates if begin < (due := first_reached(spans, at)) <= end})
    found, at = [], begin
    while (due := first(cron, zone, at, BEGINNING)) is not None and due <= end:
        found.append(due)
        at = due
    assert found == expected, (zone.key, moment, local)


# Properties.

ZONES = st.sampled_from(
    (
        *("UTC", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"),
        *("Africa/Casablanca", "Pacific/Apia", "Asia/Kathmandu", "Pacific/Kwajalein"),
    )
)


def fields(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most)
    spans = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    steps = st.tuples(st.just("*") | spans, st.integers(1, most - least)).map(lambda pair: f"{pair[0]}/{pair[1]}")
    items = st.lists(number.map(str) | spans | steps, min_size=1, max_size=3).map(",".join)
    return st.just("*") | items


CRONS = st.tuples(fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12), fields(0, 7)).map(" ".join)
BUSY = st.tuples(fields(0, 59), fields(0, 23), st.just("*"), st.just("*"), st.just("*") | fields(0, 7)).map(" ".join)
INSTANTS = st.datetimes(EPOCH.replace(year=1971, tzinfo=None), EPOCH.replace(year=LAST_YEAR, tzinfo=None)).map(
    lambda at: at.replace(tzinfo=UTC)
)


def cron_of(text: str) -> Cron:
    try:
        return parse_cron(text)
    except ValueError:
        assume(False)  # a day that never comes
        raise


@settings(max_examples=200, deadline=None)
@given(CRONS, ZONES, INSTANTS, INSTANTS)
def test_what_follows_is_later_and_fits(text: str, name: str, after: datetime, start: datetime) -> None:
    cron, zone, at = cron_of(text), zone_of(name), after
    for _ in range(5):
        due = first(cron, zone, at, start)
        assert due is not None
        assert due > at
        assert due >= start
        assert (due.second, due.microsecond, due.tzinfo) == (0, 0, UTC)
        wall = due.astimezone(zone)
        gap_end = (due - timedelta(seconds=1)).astimezone(zone).utcoffset() < wall.utcoffset()  # type: ignore[operator] # aware
        assert gap_end or (wall.minute in cron.minutes and wall.hour in cron.hours and cron.on(wall.date()))
        # Between the two, nothing is due.
        assert first(cron, zone, at + (due - at) / 2, start) == due
        at = due


TROUBLE = st.sampled_from(
    [
        ("Europe/Madrid", "2026-03-29T01:00:00"),
        ("Europe/Madrid", "2026-10-25T01:00:00"),
        ("America/New_York", "2026-03-08T07:00:00"),
        ("America/New_York", "2026-11-01T06:00:00"),
        ("Australia/Lord_Howe", "2026-10-03T15:30:00"),
        ("Australia/Lord_Howe", "2027-04-03T15:00:00"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00"),
        ("Pacific/Apia", "2011-12-30T10:00:00"),
        ("Pacific/Kwajalein", "1969-09-30T13:00:00"),
        ("UTC", "2026-12-31T23:59:00"),
    ]
)


@settings(max_examples=25, deadline=None)
@given(BUSY, TROUBLE, st.integers(-2000, 1000))
def test_it_agrees_with_a_walk_by_minutes(text: str, where: tuple[str, str], ahead: int) -> None:
    """A clock watched from minute to minute: whatever it shows, or passes over, that it never showed before."""
    cron, zone = cron_of(text), zone_of(where[0])
    begin = utc(where[1]) + ahead * MINUTE
    end = begin + 2 * DAY
    highest = max((begin - number * MINUTE).astimezone(zone).replace(tzinfo=None) for number in range(1600))
    expected = []
    for number in range(1, 2 * 24 * 60 + 1):
        at = begin + number * MINUTE
        wall = at.astimezone(zone).replace(tzinfo=None)
        passed = (highest + minute * MINUTE for minute in range(1, (wall - highest) // MINUTE + 1))
        if any(local.minute in cron.minutes and local.hour in cron.hours and cron.on(local.date()) for local in passed):
            expected.append(at)
        highest = max(highest, wall)
    found, last = [], begin
    while (due := first(cron, zone, last, BEGINNING)) is not None and due <= end:
        found.append(due)
        last = due
    assert found == expected
    assert list(takewhile(lambda due: due <= end, following(cron, zone, begin, BEGINNING))) == expected


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 5_000_000), INSTANTS, INSTANTS)
def test_a_rate_keeps_its_pace_from_its_start(minutes: int, after: datetime, start: datetime) -> None:
    rate = Rate(minutes * MINUTE)
    due = first(rate, MADRID, after, start)
    assert due is not None
    assert (due - start) % rate.every == timedelta()
    assert due > after
    assert due == start or (due > start and due - rate.every <= after)
