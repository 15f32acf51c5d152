"""The template's schedules: rate and cron expressions in UTC, as EventBridge reads them, and the calls they make."""

import asyncio
import json
import re
import uuid
from datetime import UTC, datetime, timedelta

from sandbox.engine import ACCOUNT, REGION
from sandbox.runtime import Pool
from sandbox.template import Timer

RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
NAMES = {
    "month": ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    "weekday": ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
}
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 1, 7), ("year", 1970, 2199))
HORIZON = timedelta(days=366 * 5)


async def run(timer: Timer, pool: Pool) -> None:
    """Calls the function at every due time until canceled; a call that fails is not repeated."""
    due = following(timer.expression, datetime.now(UTC))
    while due is not None:
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        await pool.invoke((timer.input or _event(timer, due)).encode())
        due = following(timer.expression, due)


def following(expression: str, after: datetime) -> datetime | None:
    """The first due time after an instant (None: never); ValueError for an expression that is neither rate nor cron."""
    if match := RATE.fullmatch(expression):
        return after + timedelta(**{match[2] + "s": int(match[1])})
    if match := CRON.fullmatch(expression):
        allowed = {
            name: _values(text, name, low, high) for text, (name, low, high) in zip(match.groups(), FIELDS, strict=True)
        }
        return _next_minute(allowed, after)
    raise ValueError(f"neither rate nor cron: {expression}")


def _next_minute(allowed: dict[str, set[int]], after: datetime) -> datetime | None:
    due = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while due < after + HORIZON:
        weekday = due.isoweekday() % 7 + 1
        day = due.day in allowed["day"] and weekday in allowed["weekday"]
        if not (day and due.month in allowed["month"] and due.year in allowed["year"]):
            due = due.replace(hour=0, minute=0) + timedelta(days=1)
        elif due.hour not in allowed["hour"]:
            due = due.replace(minute=0) + timedelta(hours=1)
        elif due.minute not in allowed["minute"]:
            due += timedelta(minutes=1)
        else:
            return due
    return None


def _values(text: str, name: str, low: int, high: int) -> set[int]:
    """The values that a cron field allows; L, W and # are not known here."""

    def number(word: str) -> int:
        names = NAMES.get(name, [])
        return names.index(word.upper()) + 1 if word.upper() in names else int(word)

    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, _, end = span.partition("-")
            first = number(start)
            last = number(end) if end else (high if step else first)
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def _event(timer: Timer, due: datetime) -> str:
    return json.dumps(
        {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": ACCOUNT,
            "time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": REGION,
            "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{timer.id}"],
            "detail": {},
        }
    )
