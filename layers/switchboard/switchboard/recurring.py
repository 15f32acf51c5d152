"""Recurring schedules: what is due becomes one batch, whoever fires, pauses, deletes or stops in between.

An occurrence's batch has an id of its schedule, its turn and its due instant. Whoever makes sure that nothing comes of
an occurrence (a pause, a deletion, being too late) seals a batch without messages under that id: of that seal and the
one that sends, one stands. So a pause needs no lock: once it has been answered, nothing is sent but what a worker had
claimed by then.
"""

import hashlib
import math
import re
import secrets
import time
from base64 import b32encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import takewhile

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import accept, observe, queues, schedules, tracking
from switchboard.accept import IdempotencyConflict, Submission
from switchboard.credentials import Client
from switchboard.dialects import unified_schedules as words
from switchboard.model.calendar import parse_rate
from switchboard.model.problem import Problem, Refused
from switchboard.model.schedule import Occurrence, Outcome, Schedule, ScheduleState
from switchboard.settings import settings
from switchboard.tracking import schedules as kept
from switchboard.tracking.cursor import NO_CURSOR, cursor_of, position

PREFIX = "sc_"
"""How the id of a recurring schedule begins."""

OCCURRENCES = 20  # told with a schedule
_ID = re.compile(PREFIX + "[a-z2-7]{24}")
_WAITING = 3 * 86_400  # seconds: for longer, not even quiet hours keep a message
_WAITING_MOST = _WAITING // 60 + 1  # occurrences within that: no two are less than a minute apart
_AT_ONCE = 16  # batches that a pause cancels at once
_LATE = "its time was over before it could be made"
_STOPPED_SHORT = "making it was given up"


class Ended(Exception):
    """Nothing more is due of the schedule."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some schedules, and the cursor that asks for those behind them (None: there are no more)."""

    items: tuple[Schedule, ...]
    cursor: str | None


# What clients ask for.


def create(client: Client, request: words.ScheduleRequest, key: str | None) -> tuple[Schedule, bool]:
    """A schedule that stands, and whether an earlier request under the same key made it.

    Raises `Refused`, `IdempotencyConflict`, and what AWS raises: then a repeat under the same key is safe.
    """
    wanted, now = words.wanted(request, client.region, client.zone), round(time.time(), 3)  # as it is kept
    id_ = _id(client.name, key)
    if key is not None and (standing := kept.read(id_)) is not None:
        return _replay(standing, wanted.fingerprint)
    asked = _new(id_, client, wanted, now)
    due = asked.due_after(now)
    if due is None:
        raise Refused(Problem("end", "is before anything is due"))
    _check(asked, client)
    new = replace(asked, next_due=due)
    armed = _net(new, due)
    standing = kept.put(new)
    if standing is not new:
        return _replay(standing, wanted.fingerprint)
    armed()
    return standing, False


def _new(id_: str, client: Client, wanted: words.Wanted, now: float) -> Schedule:
    """The schedule as it is asked for. A rate that has no start has its first occurrence when it has passed once."""
    first = now + parse_rate(wanted.rate).every.total_seconds() if wanted.rate else now
    return Schedule(
        id=id_,
        client=client.name,
        about={name: value for name, value in asdict(client).items() if name != "name" and value is not None},
        fingerprint=wanted.fingerprint,
        name=wanted.name,
        cron=wanted.cron,
        rate=wanted.rate,
        timezone=wanted.timezone,
        start=math.ceil(first if wanted.start is None else wanted.start),
        end=None if wanted.end is None else math.floor(wanted.end),
        grace=wanted.grace,
        message=wanted.message,
        created_at=now,
    )


def _check(schedule: Schedule, client: Client) -> None:
    """Raises `Refused` where the message would not be taken today, in the words of the request."""
    try:
        accept.preview(replace(_submission(schedule, 0), send_at=None), client)
    except Refused as refused:
        raise Refused(*words.inside(refused.problems)) from None


def _replay(standing: Schedule, fingerprint: str) -> tuple[Schedule, bool]:
    if standing.fingerprint != fingerprint:
        raise IdempotencyConflict
    return standing, True


def own(client: Client, id_: str) -> Schedule | None:
    """A client's schedule, if it was not deleted."""
    standing = _own(client, id_)
    return None if standing is None or standing.state is ScheduleState.DELETED else standing


def _own(client: Client, id_: str) -> Schedule | None:
    standing = kept.read(id_) if _ID.fullmatch(id_) else None  # a longer one is no key that the table takes
    return standing if standing is not None and standing.client == client.name else None


def occurrences(schedule: Schedule) -> list[Occurrence]:
    """What became of what was due last, the newest first."""
    return kept.occurrences(schedule.id, OCCURRENCES)


def of_client(client: Client, cursor: str | None, limit: int) -> Page:
    """A page of a client's schedules, the newest first. Raises `Refused` for a cursor that is none."""
    place = position(cursor, str)
    at, _, id_ = place[0].partition("#") if place else ("", "", "")
    if place and not (len(at) == 14 and at.isascii() and at.isdigit() and _ID.fullmatch(id_)):
        raise Refused(NO_CURSOR)
    items, after = kept.of_client(client.name, place[0] if place else None, limit)
    return Page(tuple(items), cursor_of([after]) if after else None)


def pause(client: Client, id_: str) -> Schedule | None:
    """Have nothing more made of a schedule, nor sent of what was made and nobody has claimed.

    One that has ended stays so, and its last occurrence, if it waits for its second, is canceled too. None: there is no
    such schedule.
    """

    def paused(standing: Schedule) -> Schedule:
        after = kept.pause(standing) if standing.state is ScheduleState.ACTIVE else standing
        _stop(after)
        return after

    return _changed(lambda: own(client, id_), paused)


def delete(client: Client, id_: str) -> Schedule | None:
    """The same for good; a repeat is answered alike. None: there is no such schedule."""

    def deleted(standing: Schedule) -> Schedule:
        after = kept.delete(standing) if standing.state is not ScheduleState.DELETED else standing
        _stop(after)
        return after

    return _changed(lambda: _own(client, id_), deleted)


def resume(client: Client, id_: str) -> Schedule | None:
    """Go on with what is due from now on. None: there is no such schedule. Raises `Ended` where it has ended."""

    def resumed(standing: Schedule) -> Schedule:
        if standing.state is ScheduleState.ENDED:
            raise Ended
        if standing.state is ScheduleState.ACTIVE:
            return standing
        _stop(standing)  # the pause may have got no further than its state, and a due instant of it may come again
        due = standing.due_after(time.time())
        if due is None:
            return kept.end(standing)
        armed = _net(standing, due)
        after = kept.resume(standing, due)
        armed()
        return after

    return _changed(lambda: own(client, id_), resumed)


def _changed(look: Callable[[], Schedule | None], change: Callable[[Schedule], Schedule]) -> Schedule | None:
    """A schedule after a change, which is tried again on what it has become when somebody else was quicker."""
    while (standing := look()) is not None:
        with suppress(kept.Overtaken):
            return change(standing)
    return None


def _stop(schedule: Schedule) -> None:
    """Whatever was made and nobody has claimed is not sent; and nothing comes any more of what waited to be made."""
    batches = [_withhold(schedule, schedule.next_due).id] if schedule.next_due is not None else []
    since = time.time() - _WAITING
    made = (one.batch for one in kept.occurrences(schedule.id, _WAITING_MOST) if one.due > since and one.batch)
    cancel = partial(tracking.cancel_batch, schedule.client)
    waiting = [*dict.fromkeys([*batches, *made])]
    for batch in waiting[:1]:
        cancel(batch)
    with ThreadPoolExecutor(_AT_ONCE) as pool:  # more than the next are a night of marketing, by the minute perhaps
        list(pool.map(cancel, waiting[1:]))


# What is due.


def fire(id_: str, due: int, again: bool = False) -> None:
    """Make what is due of a schedule, and set the alarm for what comes next; a second firing changes nothing.

    After an outage only the last that is due is made, if it is not later than the schedule allows; the others are
    missed. `again`: a watch that goes on has asked for it, and no other is needed.
    """
    standing = kept.read(id_)
    if standing is None or not standing.awaits(due) or standing.next_due is None:
        return
    if not again:
        queues.watch_schedule(id_, due, settings().watch_delay)
    now, first = time.time(), standing.next_due
    last = max(takewhile(lambda at: at <= now, standing.dues(first - 1)), default=first)
    if now - last > standing.grace:
        _miss(standing, standing.due_after(last))
    elif last != first:
        _miss(standing, last)
    else:
        _occur(standing, first)


def watch(id_: str, due: int) -> None:
    """Fire what is due of a schedule once more, and look again later, until something else is next."""
    standing = kept.read(id_)
    if standing is None or not standing.awaits(due):
        return
    if due - settings().schedule_lead <= time.time():
        observe.count("SchedulesFiredAgain")
        queues.fire({"schedule": id_, "due": due, "again": 1}, 0)
    queues.watch_schedule(id_, due, settings().watch_delay)


def _occur(schedule: Schedule, due: int) -> None:
    """Make the batch, keep what became of it, go on to the next."""
    try:
        batch = accept.take(_submission(schedule, due), _client(schedule), _key(schedule, due)).batch
        reason, outcome = _STOPPED_SHORT, Outcome.MISSED
    except Refused as refused:
        batch, reason, outcome = _withhold(schedule, due), str(refused), Outcome.REFUSED
    if batch.sizes:
        kept.put_occurrence(schedule, Occurrence(due=due, outcome=Outcome.MADE, batch=batch.id))
    elif kept.read(schedule.id) == schedule:  # nobody has paused or deleted it, nor made it otherwise
        observe.count("OccurrencesNotMade")
        kept.put_occurrence(schedule, Occurrence(due=due, outcome=outcome, reason=reason))
    else:
        return
    _move(schedule, schedule.due_after(due))


def _miss(schedule: Schedule, upto: int | None) -> None:
    """Go on to `upto` without making what was due before it, unless the first of that was made already."""
    first = schedule.next_due
    if first is None:
        return
    skipped = list(takewhile(lambda due: upto is None or due < upto, schedule.dues(first - 1)))
    batch = _withhold(schedule, first)
    if batch.sizes:
        kept.put_occurrence(schedule, Occurrence(due=first, outcome=Outcome.MADE, batch=batch.id))
        skipped = skipped[1:]
    if skipped:
        observe.count("OccurrencesNotMade", len(skipped))
        missed = Occurrence(due=skipped[0], outcome=Outcome.MISSED, reason=_LATE, count=len(skipped))
        kept.put_occurrence(schedule, missed)
    _move(schedule, upto)


def _move(schedule: Schedule, due: int | None) -> None:
    """Set the alarm for what is next, and make it the next. Somebody else may have done so."""
    with suppress(kept.Overtaken):
        if due is None:
            kept.end(schedule)
        else:
            _arm(schedule.id, due)
            kept.move(schedule, due)


def _net(schedule: Schedule, due: int) -> Callable[[], None]:
    """See to it that what is due is fired once it stands in the table; what is to be called then.

    An alarm that is set before rings after. What is so near that a queue keeps it may come before, and be dropped: then
    a watch comes back.
    """
    if not schedules.near(due, time.time()):
        _arm(schedule.id, due)
        return lambda: None
    queues.watch_schedule(schedule.id, due, settings().watch_delay)

    def armed() -> None:
        try:
            _arm(schedule.id, due)
        except (BotoCoreError, ClientError) as error:
            observe.failure("a schedule was not armed; the watch will fire it", error)

    return armed


def _arm(id_: str, due: int) -> None:
    schedules.arm(f"{id_}-{due}", due, {"schedule": id_, "due": due})


# The batch of an occurrence.


def _submission(schedule: Schedule, due: int) -> Submission:
    """What is to be accepted. Raises `Refused` for a message that is none any more."""
    return Submission(
        **words.submitted(schedule.message, schedule.about.get("region")),
        fingerprint=_fingerprint(schedule, due),
        send_at=due,
        at_once=True,
        schedule=schedule.id,
    )


def _withhold(schedule: Schedule, due: int) -> tracking.Batch:
    """See to it that nothing is made of an occurrence, unless it was: the batch that stands, or one of no messages."""
    key, fingerprint = _key(schedule, due), _fingerprint(schedule, due)
    return accept.withhold(_client(schedule), key, fingerprint, schedule.id)


def _key(schedule: Schedule, due: int) -> str:
    return f"{schedule.id} turn {schedule.turn} at {due}"  # no caller's key has a blank


def _fingerprint(schedule: Schedule, due: int) -> str:
    return hashlib.sha256(_key(schedule, due).encode()).hexdigest()


def _client(schedule: Schedule) -> Client:
    return Client(name=schedule.client, **schedule.about)


def _id(client: str, key: str | None) -> str:
    raw = secrets.token_bytes(15) if key is None else hashlib.sha256(f"{client}\0{key}".encode()).digest()[:15]
    return PREFIX + b32encode(raw).decode().lower()
