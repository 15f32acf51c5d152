"""The call `schedulemsg`, and `bulksms` with a time to send at: `bulksms` and its moment (section 3.1).

The answer is that of `bulksms`. There is no clock here: whether a time has passed is asked with the time it is.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from switchboard.dialects.bulksms.answers import TurnedDown
from switchboard.dialects.bulksms.parameters import parameters
from switchboard.dialects.bulksms.submit import Submit, carry, decode_submit, read_submit, scheduling_of, spell
from switchboard.dialects.wire import Request
from switchboard.model.problem import Problem

SCHEDULE = "/bulksms/schedulemsg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One call of `schedulemsg`: what to send, and when; `at` is in UTC, to the minute."""

    submit: Submit
    at: datetime


_ORDER = ("username", "password", "message", "type", "dlr", "source", "destination")  # the printed URL's
_NAMES = (("date", "scheduledate"), ("time", "scheduletime"), ("gmt",))
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(0?\d|1[0-2]):(\d{2}) ?([ap])m", re.ASCII | re.IGNORECASE)
_OFFSET = re.compile(r"(?:GMT)? {0,2}([+-]?)(0?\d|1[0-2])(?::(00|30))?", re.ASCII | re.IGNORECASE)


def encode_schedule(call: Schedule, method: str = "GET") -> Request:
    """As the client: in UTC, since other zones cannot all be written, and never before the time that was asked for."""
    said = spell(call.submit)
    whole = call.at.astimezone(UTC).replace(second=0, microsecond=0)
    at = whole if whole == call.at else whole + timedelta(minutes=1)
    when = {
        "date": f"{at.month:02}/{at.day:02}/{at.year:04}",
        "time": f"{at.hour % 12 or 12:02}:{at.minute:02} {'pm' if at.hour >= 12 else 'am'}",
        "gmt": "GMT +00:00",
    }
    first = {name: said.pop(name) for name in _ORDER}
    return carry(SCHEDULE, first | when | said, method)


def decode_schedule(request: Request) -> Schedule:
    """As the vendor, at either path, in the forms of `decode_submit`. Raises `TurnedDown`, `Unreadable`.

    A time that is missing, or that no calendar has, is 1702.
    """
    fields = parameters(request)
    submit, said = read_submit(fields), scheduling_of(fields)
    date, time, offset = (next(filter(None, map(said.get, names)), "").strip() for names in _NAMES)
    try:
        at = _moment(date, time, offset)
    except (ValueError, OverflowError):
        reason = "are missing, or not as 12/31/2030, 11:51 pm and +01:30"
        raise TurnedDown("1702", submit.destinations, Problem("date, time, gmt", reason)) from None
    return Schedule(submit=submit, at=at)


def decode_call(request: Request) -> Submit | Schedule:
    """As the vendor at the path of `bulksms`: with any part of a time, it is a call of `schedulemsg`.

    Raises `TurnedDown`, `Unreadable`.
    """
    return decode_schedule(request) if scheduling_of(parameters(request)) else decode_submit(request)


def is_past(call: Schedule, now: datetime) -> bool:
    """Whether the call's minute was over at `now` (aware); the vendor says 1702 to it."""
    return call.at + timedelta(minutes=1) <= now


def _moment(date: str, time: str, offset: str) -> datetime:
    """The moment in UTC; 12 am is midnight, and 00 pm is noon. Raises ValueError, OverflowError."""
    day, hour, zone = _DATE.fullmatch(date), _TIME.fullmatch(time), _OFFSET.fullmatch(offset)
    if day is None or hour is None or zone is None:
        raise ValueError("not as the document writes a time")
    year = int(day[3]) + (2000 if len(day[3]) == 2 else 0)
    half = 12 if hour[3].lower() == "p" else 0
    ahead = timedelta(hours=int(zone[2]), minutes=int(zone[3] or 0)) * (-1 if zone[1] == "-" else 1)
    there = datetime(year, int(day[1]), int(day[2]), int(hour[1]) % 12 + half, int(hour[2]), tzinfo=timezone(ahead))
    return there.astimezone(UTC)
