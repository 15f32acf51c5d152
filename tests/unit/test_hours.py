"""Quiet hours: which zones a number may be in, and when all their clocks are within the hours."""

from datetime import UTC, datetime, time
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.model.calendar import zone_of
from switchboard.model.hours import Hours, next_open, parse_hours, zones_of

DAYTIME = Hours()
FALLBACK = "America/Montevideo"
ALL_OF_AMERICA = zones_of("+18005551234", FALLBACK)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_hours_are_from_eight_to_nine() -> None:
    assert Hours() == Hours(time(8), time(21)) == parse_hours("08:00-21:00")
    clocks = [(time(7, 59, 59, 999999), False), (time(8), True), (time(20, 59, 59), True), (time(21), False)]
    assert [(clock, clock in DAYTIME) for clock, _ in clocks] == clocks
    assert Hours(time(8), time(0)) == parse_hours("08:00-24:00") == parse_hours("08:00-00:00")
    assert time(23, 59, 59) in Hours(time(8), time(0))
    assert all(time(hour) in parse_hours("00:00-24:00") for hour in range(24))


@pytest.mark.parametrize(
    "text",
    [
        *("20:00-02:00", "08:00-08:00", "21:00-08:00", "8:00-21:00", "08:00", "", "08:00-24:01", "08:00-25:00"),
        *("24:00-24:00", "08:00 - 21:00", "08:60-21:00", "٠٨:00-21:00", "08:00-21:00\n", "08-21"),
    ],
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="as 08:00-21:00"):
        parse_hours(text)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+59898344484", ("America/Montevideo",)),
        ("+12125551234", ("America/New_York",)),
        ("+447911123456", ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London")),
        ("+34600123456", ("Atlantic/Canary", "Europe/Madrid")),
        ("+34922123456", ("Atlantic/Canary",)),
        ("+80012345678", (FALLBACK,)),  # no country's
        ("+8881234567", (FALLBACK,)),
        ("ann@example.com", (FALLBACK,)),
        ("", (FALLBACK,)),
        ("70123", (FALLBACK,)),
    ],
)
def test_a_numbers_zones_are_its_prefixs(number: str, zones: tuple[str, ...]) -> None:
    assert zones_of(number, FALLBACK) == zones


def test_a_number_that_no_plan_knows_has_the_zones_of_its_country() -> None:
    assert "Europe/London" in zones_of("+447700900123", FALLBACK)


def test_every_zone_that_a_prefix_is_of_is_one() -> None:
    from phonenumbers.tzdata import TIMEZONE_DATA

    names = {name for zones in TIMEZONE_DATA.values() for name in zones} - {"Etc/Unknown"}
    assert len(names) > 250
    assert {zone_of(name).key for name in names} == names


@pytest.mark.parametrize(
    ("zones", "at", "opens"),
    [
        (("America/Montevideo",), "2026-07-01T11:00:00", "2026-07-01T11:00:00"),
        (("America/Montevideo",), "2026-07-01T10:59:59.5", "2026-07-01T11:00:00"),
        (("America/Montevideo",), "2026-07-01T23:59:59.5", "2026-07-01T23:59:59.5"),
        (("America/Montevideo",), "2026-07-02T00:00:00", "2026-07-02T11:00:00"),
        # The clocks change in the night between.
        (("Europe/Madrid",), "2026-03-28T20:00:00", "2026-03-29T06:00:00"),
        (("Europe/Madrid",), "2026-10-24T19:00:00", "2026-10-25T07:00:00"),
        # A day that is not there: the 29th ends, and the next morning is the 31st's.
        (("Pacific/Apia",), "2011-12-30T09:00:00", "2011-12-30T18:00:00"),
        # Both, or nothing.
        (("America/New_York", "America/Los_Angeles"), "2026-07-01T12:00:00", "2026-07-01T15:00:00"),
        (("America/New_York", "America/Los_Angeles"), "2026-07-02T01:00:00", "2026-07-02T15:00:00"),
        # Nine in the evening in Auckland is eleven in Madrid: there, eight is the later of the two beginnings.
        (("Europe/Madrid", "Pacific/Auckland"), "2026-07-01T12:00:00", "2026-07-02T06:00:00"),
        ((), "2026-07-01T03:00:00", "2026-07-01T03:00:00"),
    ],
)
def test_when_it_is_day_in_every_zone(zones: tuple[str, ...], at: str, opens: str) -> None:
    assert next_open(zones, DAYTIME, seconds(at)) == seconds(opens)


def test_where_it_is_never_day_in_all_the_most_are_served() -> None:
    three = ("Pacific/Auckland", "Europe/London", "Europe/Madrid")
    short = Hours(time(9), time(12))
    opens = next_open(three, short, seconds("2026-07-01T12:00:00"))
    assert opens == seconds("2026-07-02T08:00:00")  # nine in London, ten in Madrid
    assert next_open(three, short, opens) == opens
    assert next_open(three, short, opens + 60) == opens + 60
    # Each as good as the other: whoever is first.
    assert next_open(three[:2], short, seconds("2026-07-01T12:00:00")) == seconds("2026-07-01T21:00:00")


def test_a_zone_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        next_open(("Etc/Unknown",), DAYTIME, 0.0)


def test_all_of_america_has_an_hour() -> None:
    """A toll-free number may ring between Guam and Newfoundland: every day has a moment for it."""
    assert len(ALL_OF_AMERICA) > 30
    here = [zone_of(name) for name in ALL_OF_AMERICA]
    for day in range(0, 366, 7):
        at = seconds("2026-01-01T00:00:00") + day * 86400
        opens = next_open(ALL_OF_AMERICA, DAYTIME, at)
        assert at <= opens <= at + 86400 + 3600
        assert all(datetime.fromtimestamp(opens, zone).time() in DAYTIME for zone in here)


MOMENTS = st.floats(seconds("1972-01-01T00:00:00"), seconds("2037-12-01T00:00:00"))
CHANGES = st.sampled_from(
    ["2026-03-29T01:00:00", "2026-10-25T01:00:00", "2026-03-08T07:00:00", "2026-11-01T06:00:00", "2011-12-30T10:00:00"]
).flatmap(lambda text: st.floats(-172800, 172800).map(lambda ahead: seconds(text) + ahead))
NAMES = st.sampled_from(
    (
        *("UTC", "Europe/Madrid", "America/New_York", "America/Los_Angeles", "Australia/Lord_Howe", "Asia/Kathmandu"),
        *("America/Sao_Paulo", "Pacific/Apia", "Pacific/Pago_Pago", "Pacific/Chatham", "America/St_Johns"),
    )
)
QUARTERS = st.integers(24, 96)  # of an hour, from six in the morning


@settings(max_examples=150, deadline=None)
@given(st.lists(NAMES, min_size=1, max_size=3, unique=True), QUARTERS, QUARTERS, MOMENTS | CHANGES)
def test_it_is_the_first_moment_of_a_walk_by_quarters(names: list[str], one: int, other: int, at: float) -> None:
    """Offsets of these zones and years are whole quarters of an hour: so are all openings."""
    first, last = sorted((one, other))
    if first == last:
        return
    hours = Hours(time(first // 4, first % 4 * 15), time(last // 4 % 24, last % 4 * 15))
    here = [zone_of(name) for name in names]

    def number(moment: float) -> int:
        return sum(datetime.fromtimestamp(moment, zone).time() in hours for zone in here)

    found = next_open(tuple(names), hours, at)
    walked = [at, *(at // 900 * 900 + 900 * step for step in range(1, 2 * 96))]
    assert found >= at
    if number(found) == len(here):
        assert found == next(moment for moment in walked if number(moment) == len(here))
        assert next_open(tuple(names), hours, found) == found
    else:  # later, behind a change of clocks, there may be one at which all are open
        assert number(found) == max(map(number, walked))
        assert not any(number(moment) == number(found) for moment in walked if moment < found)


@settings(max_examples=100, deadline=None)
@given(NAMES, st.integers(0, 95), st.integers(1, 96), MOMENTS | CHANGES)
def test_it_never_rings_outside_the_hours(name: str, start: int, end: int, at: float) -> None:
    if start >= end:
        return
    hours = Hours(time(start // 4, start % 4 * 15), time(end // 4 % 24, end % 4 * 15))
    found = next_open((name,), hours, at)
    assert found >= at
    shown = datetime.fromtimestamp(found, zone_of(name))
    gap = datetime.fromtimestamp(found - 1, zone_of(name)).utcoffset() < shown.utcoffset()  # type: ignore[operator] # aware
    # Hours that a gap skips whole are not there on that day: the gap's end is in none, and a later day is.
    assert shown.time() in hours or gap


def test_the_rows_of_a_campaign_find_their_zones_soon() -> None:
    numbers = [f"+59898{number:06}" for number in range(3000)]
    started = process_time()
    assert {zones_of(number, "UTC") for number in numbers} == {("America/Montevideo",)}
    assert process_time() - started < 1.5  # half a millisecond a number; a tenth of that is usual
