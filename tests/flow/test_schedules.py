"""Recurring schedules: one batch for what is due, whoever fires, pauses, deletes or stops in between."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from switchboard import accept, recurring, settings, tracking
from switchboard.credentials import Client
from switchboard.dialects import unified_schedules as words
from switchboard.model.problem import Refused
from switchboard.model.schedule import Outcome, Schedule, ScheduleState
from switchboard.tracking import schedules as kept
from switchboard.tracking.cursor import cursor_of

from .world import ACME, World

SOON = 2.0  # seconds


@pytest.fixture
def far(world: World) -> Iterator[None]:
    """Every moment that has not come is one for an alarm."""
    with world.setting(SCHEDULE_THRESHOLD_SECONDS=0, SCHEDULE_LEAD_SECONDS=0):
        yield


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def wanted(number: str, start: float, **more: Any) -> words.ScheduleRequest:
    """A schedule of one occurrence, unless it is said otherwise."""
    message = {"to": number, "text": "Hello", "provider": "hubb", "from": "+13056490655"}
    said = {"rate": "1 hour", "start": iso(start), "end": iso(start + 60), "message": message, **more}
    return words.ScheduleRequest.model_validate({name: value for name, value in said.items() if value is not None})


def soon(seconds: float = SOON) -> int:
    """A whole second ahead."""
    return int(time.time() + seconds) + 1


def make(world: World, start: float | None = None, key: str | None = None, **more: Any) -> tuple[Schedule, str]:
    """A schedule and the number that it sends to."""
    number = world.number()
    return recurring.create(ACME, wanted(number, start or soon(), **more), key)[0], number


def outcomes(schedule: Schedule) -> list[tuple[Outcome, int]]:
    return [(one.outcome, one.count) for one in recurring.occurrences(schedule)]


def state(schedule: Schedule) -> ScheduleState:
    found = kept.read(schedule.id)
    assert found is not None
    return found.state


def delivered(world: World, number: str) -> bool:
    """Whether something was sent to a number, and all of it has arrived."""
    return {life.status.value for life in world.to(number)} == {"delivered"}


def sent_once(world: World, schedule: Schedule, number: str) -> None:
    """One message went out, at its time, in a batch that names its schedule."""
    (life,) = world.to(number)
    assert (life.status, world.taken("hubb", number)) == ("delivered", 1)
    assert life.batch is not None
    batch = tracking.batch(ACME.name, life.batch)
    assert batch is not None and batch.schedule == schedule.id
    assert schedule.next_due is not None and life.attempts[0].at >= schedule.next_due


def drop(world: World, url: str) -> None:
    """Whatever a queue holds is lost."""
    for record in world.receive(url):
        world.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])


# From the making to the sending.


def test_what_is_due_is_sent_on_the_second_and_the_schedule_ends(world: World) -> None:
    schedule, number = make(world)
    assert schedule.next_due is not None
    world.pump(lambda: delivered(world, number))
    world.rest()
    sent_once(world, schedule, number)
    assert world.to(number)[0].attempts[0].at - schedule.next_due < 5.0  # a busy machine; `punctual` measures
    assert (state(schedule), outcomes(schedule)) == (ScheduleState.ENDED, [(Outcome.MADE, 1)])


def test_what_is_far_gets_an_alarm_and_so_does_what_comes_next(world: World, far: None) -> None:
    start = soon()
    schedule, number = make(world, start, end=None)
    assert alarm(schedule.id, start)["ScheduleExpression"] == f"at({iso(start)[:19]})"
    world.pump(lambda: delivered(world, number))
    sent_once(world, schedule, number)
    following = alarm(schedule.id, start + 3600)
    assert json.loads(following["Target"]["Input"]) == {"schedule": schedule.id, "due": start + 3600}
    assert number[1:] not in json.dumps(following, default=str)
    after = kept.read(schedule.id)
    assert after is not None and after.next_due == start + 3600
    recurring.delete(ACME, schedule.id)


def alarm(id_: str, due: int) -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("scheduler").get_schedule(
        GroupName=settings.settings().schedule_group, Name=f"{id_}-{due}"
    )
    return found


def test_a_gap_of_the_clocks_is_due_when_it_ends(world: World, far: None) -> None:
    year = datetime.now(UTC).year + 1
    last = next(day for day in range(31, 24, -1) if datetime(year, 3, day, tzinfo=UTC).isoweekday() == 7)
    said = {"cron": f"*/10 2 {last} 3 *", "rate": None, "timezone": "Europe/Madrid", "end": f"{year}-12-31T00:00:00"}
    schedule, _ = make(world, **said)  # its start is this year
    assert schedule.next_due == datetime(year, 3, last, 1, tzinfo=UTC).timestamp()
    assert schedule.due_after(schedule.next_due) is None
    recurring.delete(ACME, schedule.id)


def test_an_alarm_that_is_lost_is_missed_by_nobody(world: World) -> None:
    schedule, number = make(world)
    end = time.monotonic() + SOON + 1
    while time.monotonic() < end:
        drop(world, settings.settings().fire_queue)
        time.sleep(0.05)
    assert outcomes(schedule) == []
    world.pump(lambda: delivered(world, number))
    world.rest()
    sent_once(world, schedule, number)


@pytest.mark.parametrize("retried", [True, False], ids=["client retries", "client gives up"])
@pytest.mark.parametrize("distance", ["near", "far"])
def test_making_stopped_anywhere_leaves_one_schedule_that_fires_or_none(
    world: World, retried: bool, distance: str
) -> None:
    ahead = {"SCHEDULE_THRESHOLD_SECONDS": 0, "SCHEDULE_LEAD_SECONDS": 0} if distance == "far" else {}
    made: list[tuple[str, str, str]] = []
    with world.setting(**ahead):
        with world.crashing() as calls:
            schedule, _ = make(world, key=f"counted {distance} {retried}")
        recurring.delete(ACME, schedule.id)
        count = len(calls.points)
        assert count == {"near": 8, "far": 6}[distance]
        for at in range(1, count + 1):
            number, start, key = world.number(), soon(), f"made-{distance}-{retried}-{at}"
            with world.crashing(at) as calls:
                recurring.create(ACME, wanted(number, start), key)
            if retried:
                recurring.create(ACME, wanted(number, start), key)
            made.append((recurring._id(ACME.name, key), number, calls.points[-1]))
        world.pump(
            lambda: all(
                one is None or one.state is ScheduleState.ENDED for one in (kept.read(id_) for id_, _, _ in made)
            )
        )
    world.rest()
    for id_, number, point in made:
        standing = kept.read(id_)
        assert (standing is not None) or not retried
        assert world.taken("hubb", number) == (standing is not None), point


@pytest.mark.parametrize("goes_on", [False, True], ids=["the last one", "one of many"])
def test_firing_stopped_anywhere_sends_once(world: World, far: None, goes_on: bool) -> None:
    more = {"end": None} if goes_on else {}
    schedule, _ = make(world, **more)
    with world.crashing() as calls:
        recurring.fire(schedule.id, schedule.next_due or 0)
    count = len(calls.points)
    assert count == (20 if goes_on else 18)
    made = []
    for at in range(1, count + 1):
        schedule, number = make(world, **more)
        with world.crashing(at):
            recurring.fire(schedule.id, schedule.next_due or 0)
        made.append((schedule, number, calls.points[at - 1]))
    world.pump(lambda: all(outcomes(schedule) for schedule, _, _ in made))
    world.pump(lambda: all(delivered(world, number) for _, number, _ in made))
    for schedule, number, point in made:
        sent_once(world, schedule, number)
        assert outcomes(schedule) == [(Outcome.MADE, 1)], point
        after = kept.read(schedule.id)
        assert after is not None and schedule.next_due is not None
        assert after.next_due == (schedule.next_due + 3600 if goes_on else None), point
        recurring.delete(ACME, schedule.id)


def test_many_who_fire_at_once_make_one_batch(world: World, far: None) -> None:
    schedule, number = make(world)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: recurring.fire(schedule.id, schedule.next_due or 0), range(16)))
    world.pump(lambda: delivered(world, number))
    world.rest()
    sent_once(world, schedule, number)
    recurring.fire(schedule.id, schedule.next_due or 0)  # long after
    world.rest()
    assert world.taken("hubb", number) == 1


# Pause, resume, delete.


class Halt:
    """Stops one thread at the n-th call of it, until it is let go."""

    def __init__(self, at: int) -> None:
        self.at, self.points, self.thread = at, 0, 0
        self.reached, self.let_go = threading.Event(), threading.Event()

    def __call__(self, point: str) -> None:
        if threading.get_ident() != self.thread:
            return
        self.points += 1
        if self.points == self.at:
            self.reached.set()
            assert self.let_go.wait(30)

    def run(self, verb: Callable[[], object]) -> None:
        self.thread = threading.get_ident()
        try:
            verb()
        finally:
            self.reached.set()


def halted(world: World, at: int, one: Callable[[], object], meanwhile: Callable[[], object]) -> int:
    """Do something while something else stands still at its n-th call; how many calls that made in all."""
    halt = Halt(at)
    with world.watching(halt), ThreadPoolExecutor(1) as pool:
        running = pool.submit(halt.run, one)
        assert halt.reached.wait(30)
        try:
            meanwhile()
        finally:
            halt.let_go.set()
        running.result(30)
    return halt.points


STOPS = pytest.mark.parametrize("stop", [recurring.pause, recurring.delete], ids=["pause", "delete"])


@STOPS
@pytest.mark.parametrize("ahead", [SOON, -5.0], ids=["before its time", "when it is late"])
def test_nothing_is_sent_after_a_pause_was_answered(
    world: World, far: None, stop: Callable[[Client, str], Schedule], ahead: float
) -> None:
    """Wherever a firing stands still while somebody pauses or deletes: no worker has claimed yet, so none is sent."""
    numbers, at, points = [], 0, 1
    while at < points:
        at += 1
        schedule, number = make(world)
        due = schedule.next_due or 0
        if ahead < 0:  # as after an outage
            kept.move(schedule, due - 3600)
            due -= 3600
        points = halted(world, at, lambda: recurring.fire(schedule.id, due), lambda: stop(ACME, schedule.id))  # noqa: B023  called within the loop
        numbers.append(number)
        assert state(schedule) in {ScheduleState.PAUSED, ScheduleState.DELETED, ScheduleState.ENDED}
    assert at > 10
    world.pump(lambda: all(life.settled for number in numbers for life in world.to(number)))
    time.sleep(max(0.0, ahead))
    world.rest()
    assert [world.taken("hubb", number) for number in numbers] == [0] * len(numbers)
    assert {life.status.value for number in numbers for life in world.to(number)} <= {"canceled"}


@STOPS
def test_a_pause_that_stands_still_lets_no_second_one_out(
    world: World, far: None, stop: Callable[[Client, str], Schedule]
) -> None:
    numbers, at, points = [], 0, 1
    while at < points:
        at += 1
        schedule, number = make(world)
        due = schedule.next_due or 0
        points = halted(world, at, lambda: stop(ACME, schedule.id), lambda: recurring.fire(schedule.id, due))  # noqa: B023  called within the loop
        numbers.append(number)
    assert at > 5
    time.sleep(SOON)
    world.rest()
    assert [world.taken("hubb", number) for number in numbers] == [0] * len(numbers)


def test_a_pause_leaves_nothing_of_a_night_that_waits_for_the_morning(
    world: World, far: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marketing by the minute: each occurrence waits for the recipient's hours, which do not come in this test."""
    monkeypatch.setattr("switchboard.schedules.arm", lambda *_: None)  # a page of alarms is all that others look at
    number, count = "+447700900997", 130
    now = datetime.now(UTC)
    begins, ends = ("12:00", "13:00") if now.hour < 10 or now.hour > 14 else ("20:00", "21:00")
    night = replace(ACME, hours=f"{begins}-{ends}", zone="UTC")
    message = {"to": number, "text": "Hello", "provider": "hubb", "class": "marketing"}
    first = soon() - count * 60
    schedule, _ = recurring.create(night, wanted(number, first, rate="1 minute", end=None, message=message), None)
    kept.move(schedule, first)
    for due in range(first, first + count * 60, 60):
        with monkeypatch.context() as then:
            then.setattr(recurring.time, "time", lambda due=due: due - 1.0)
            recurring.fire(schedule.id, due)
    assert [life.status for life in world.to(number)] == ["scheduled"] * 100  # a page of them
    recurring.pause(night, schedule.id)
    made = [one.batch for one in kept.occurrences(schedule.id, 2 * count) if one.batch]
    found = [tracking.batch(ACME.name, batch) for batch in made]
    assert [batch.statuses for batch in found if batch] == [{"canceled": 1}] * count
    world.rest()


def test_a_pause_before_its_time_and_a_resumption_before_it_still_send_once(world: World, far: None) -> None:
    schedule, number = make(world, soon(4))
    recurring.fire(schedule.id, schedule.next_due or 0)
    (life,) = world.to(number)
    assert life.status == "scheduled"
    schedule, number = make(world, soon(4), end=None)
    due = schedule.next_due or 0
    recurring.fire(schedule.id, due)
    paused = recurring.pause(ACME, schedule.id)
    assert paused is not None and paused.state is ScheduleState.PAUSED
    assert [life.status for life in world.to(number)] == ["canceled"]
    resumed = recurring.resume(ACME, schedule.id)
    assert resumed is not None and (resumed.state, resumed.next_due, resumed.turn) == (ScheduleState.ACTIVE, due, 1)
    assert recurring.resume(ACME, schedule.id) == resumed
    world.pump(lambda: sorted(life.status for life in world.to(number)) == ["canceled", "delivered"])
    made = recurring.occurrences(schedule)
    assert [(one.due, one.outcome) for one in made] == [(due, Outcome.MADE)] * 2
    assert {one.batch for one in made} == {life.batch for life in world.to(number)}
    assert world.taken("hubb", number) == 1
    recurring.delete(ACME, schedule.id)


def test_a_pause_stopped_anywhere_and_a_resumption_send_once(world: World, far: None) -> None:
    """Whoever paused got no answer; resumed before its time, what had been made already is not sent as well."""
    numbers, schedules, at = [], [], 0
    passed = False
    while not passed:
        at += 1
        schedule, number = make(world, soon(6), end=None)
        recurring.fire(schedule.id, schedule.next_due or 0)
        with world.crashing(at) as calls:
            recurring.pause(ACME, schedule.id)
        passed = len(calls.points) < at
        again = recurring.resume(ACME, schedule.id)
        assert again is not None and again.state is ScheduleState.ACTIVE
        numbers.append(number)
        schedules.append(schedule)
    assert len(numbers) > 8
    world.pump(lambda: all("delivered" in {life.status.value for life in world.to(number)} for number in numbers))
    for schedule, number in zip(schedules, numbers, strict=True):
        recurring.delete(ACME, schedule.id)
        assert world.taken("hubb", number) == 1


def test_a_resumption_goes_on_with_what_is_due_from_now_on(world: World, far: None) -> None:
    schedule, number = make(world, time.time() - 7200.5, end=None)
    recurring.pause(ACME, schedule.id)
    recurring.fire(schedule.id, schedule.next_due or 0)
    assert outcomes(schedule) == []
    resumed = recurring.resume(ACME, schedule.id)
    assert resumed is not None and resumed.next_due is not None
    assert 0 < resumed.next_due - time.time() <= 3600
    ended, _ = make(world, soon(), end=None)
    kept.pause(kept.read(ended.id) or ended)
    assert world.to(number) == []
    recurring.delete(ACME, schedule.id)
    recurring.delete(ACME, ended.id)


def test_what_has_ended_is_not_resumed(world: World, far: None) -> None:
    schedule, _ = make(world)
    kept.end(kept.read(schedule.id) or schedule)
    with pytest.raises(recurring.Ended):
        recurring.resume(ACME, schedule.id)
    paused = recurring.pause(ACME, schedule.id)
    assert paused is not None and paused.state is ScheduleState.ENDED
    over, _ = make(world, soon(0.1))
    recurring.pause(ACME, over.id)
    time.sleep(1.2)
    resumed = recurring.resume(ACME, over.id)
    assert resumed is not None and (resumed.state, resumed.next_due) == (ScheduleState.ENDED, None)


def test_what_is_deleted_is_gone_and_its_key_stands_for_it(world: World, far: None) -> None:
    number, start = world.number(), soon()
    schedule, _ = recurring.create(ACME, wanted(number, start), "to be deleted")
    for _ in range(2):  # a repeat is answered alike
        deleted = recurring.delete(ACME, schedule.id)
        assert deleted is not None and deleted.state is ScheduleState.DELETED
    assert recurring.own(ACME, schedule.id) is None
    assert recurring.pause(ACME, schedule.id) is None
    assert recurring.resume(ACME, schedule.id) is None
    again, replayed = recurring.create(ACME, wanted(number, start), "to be deleted")
    assert (again.state, replayed) == (ScheduleState.DELETED, True)
    with pytest.raises(accept.IdempotencyConflict):
        recurring.create(ACME, wanted(world.number(), start), "to be deleted")


# What is late, and what cannot be sent.


def outage(schedule: Schedule, hours: float) -> Schedule:
    """As if nothing had fired since so many hours before the next that is due."""
    assert schedule.next_due is not None
    kept.move(schedule, schedule.next_due - int(hours * 3600))
    after = kept.read(schedule.id)
    assert after is not None
    return after


def test_after_an_outage_only_the_last_that_is_due_is_sent(world: World, far: None) -> None:
    schedule, number = make(world, int(time.time()) - 8 * 3600 - 600, end=None)
    late = outage(schedule, 6)
    recurring.fire(schedule.id, late.next_due or 0)
    world.pump(lambda: delivered(world, number))
    assert world.taken("hubb", number) == 1
    assert outcomes(schedule) == [(Outcome.MADE, 1), (Outcome.MISSED, 5)]
    after = kept.read(schedule.id)
    assert after is not None and after.next_due == schedule.next_due
    recurring.delete(ACME, schedule.id)


def test_what_is_later_than_its_grace_is_missed(world: World, far: None) -> None:
    schedule, number = make(world, int(time.time()) - 8 * 3600 - 600, end=None, grace=300)
    late = outage(schedule, 3)
    recurring.fire(schedule.id, late.next_due or 0)
    assert outcomes(schedule) == [(Outcome.MISSED, 3)]
    after = kept.read(schedule.id)
    assert after is not None and after.next_due == schedule.next_due
    assert (world.to(number), world.taken("hubb", number)) == ([], 0)
    recurring.delete(ACME, schedule.id)


def test_what_was_made_before_an_outage_is_not_said_to_be_missed(world: World, far: None) -> None:
    schedule, number = make(world, int(time.time()) - 8 * 3600 - 600, end=None)
    late = outage(schedule, 2)
    accept.take(recurring._submission(late, late.next_due or 0), ACME, recurring._key(late, late.next_due or 0))
    recurring.fire(schedule.id, late.next_due or 0)
    world.pump(lambda: [life.status for life in world.to(number)] == ["delivered"] * 2)
    assert outcomes(schedule) == [(Outcome.MADE, 1), (Outcome.MADE, 1)]
    assert world.taken("hubb", number) == 2
    recurring.delete(ACME, schedule.id)


@pytest.mark.parametrize("hours", [1, 4], ids=["one", "several"])
def test_an_outage_stopped_anywhere_loses_no_count(world: World, far: None, hours: int) -> None:
    def late() -> tuple[Schedule, str]:
        schedule, number = make(world, int(time.time()) - 8 * 3600 - 600, end=None)
        return outage(schedule, hours), number

    schedule, _ = late()
    with world.crashing() as calls:
        recurring.fire(schedule.id, schedule.next_due or 0)
    made = []
    for at in range(1, len(calls.points) + 1):
        schedule, number = late()
        with world.crashing(at):
            recurring.fire(schedule.id, schedule.next_due or 0)
        recurring.fire(schedule.id, schedule.next_due or 0)
        made.append((schedule, number))
    world.pump(lambda: all(delivered(world, number) for _, number in made))
    world.pump(lambda: all(((kept.read(schedule.id) or schedule).next_due or 0) > time.time() for schedule, _ in made))
    missed = [(Outcome.MISSED, hours - 1)] if hours > 1 else []
    for schedule, number in made:
        assert outcomes(schedule) == [(Outcome.MADE, 1), *missed]
        assert world.taken("hubb", number) == 1
        recurring.delete(ACME, schedule.id)


def test_a_message_that_is_refused_when_it_is_due_is_said_and_does_not_stop_the_schedule(
    world: World, far: None
) -> None:
    schedule, number = make(world, end=None, message={"to": world.number(), "text": "Hello"})
    with world.setting(ROUTES='[{"channel": "email", "providers": ["ucontact"]}]'):
        recurring.fire(schedule.id, schedule.next_due or 0)
    (occurrence,) = recurring.occurrences(schedule)
    assert (occurrence.outcome, occurrence.batch) == (Outcome.REFUSED, None)
    assert occurrence.reason is not None and "to.0" in occurrence.reason
    after = kept.read(schedule.id)
    assert after is not None and schedule.next_due is not None
    assert (after.state, after.next_due) == (ScheduleState.ACTIVE, schedule.next_due + 3600)
    recurring.delete(ACME, schedule.id)
    assert world.to(number) == []


def test_a_schedule_that_would_be_refused_today_is_not_made(world: World) -> None:
    with world.setting(ROUTES='[{"channel": "email", "providers": ["ucontact"]}]'), pytest.raises(Refused) as refused:
        make(world, message={"to": world.number(), "text": "Hello"})
    assert [problem.field for problem in refused.value.problems] == ["message.to.0"]
    with pytest.raises(Refused) as refused:
        make(world, time.time() - 7200)
    assert [problem.field for problem in refused.value.problems] == ["end"]


def test_it_fires_as_the_account_said_when_it_was_made(world: World, far: None) -> None:
    night = Client("acme", "US", "America/New_York", "00:00-00:01")
    number = world.number("+1212555")
    message = {"to": number[2:], "text": "Hello", "provider": "hubb", "from": "+13056490655", "class": "marketing"}
    schedule, _ = recurring.create(night, wanted(number, soon(), message=message), None)
    recurring.fire(schedule.id, schedule.next_due or 0)
    (life,) = world.to(number)
    assert life.status == "scheduled" and life.send_at is not None
    assert life.send_at >= (schedule.next_due or 0)
    recurring.pause(ACME, schedule.id) if state(schedule) is ScheduleState.ACTIVE else recurring.delete(
        ACME, schedule.id
    )
    assert world.status(life.id) == "canceled"


# Lists.


def test_a_client_lists_its_own_the_newest_first(world: World, far: None) -> None:
    client = replace(ACME, name="lists")
    made = [recurring.create(client, wanted(world.number(), soon(60), name=f"{n}"), None)[0] for n in range(5)]
    recurring.delete(client, made[2].id)
    names, cursor = [], None
    for _ in range(2):
        page = recurring.of_client(client, cursor, 2)
        names += [one.name for one in page.items]
        cursor = page.cursor
        assert cursor is None or re.fullmatch(r"[\w-]+", cursor), "it goes into a URL as it is"
    assert (names, cursor) == (["4", "3", "1", "0"], None)
    assert recurring.of_client(replace(ACME, name="lists.other"), None, 10).items == ()
    assert list(tracking.recent("lists", None, None, 10).items) == []  # they are no batches
    assert recurring.own(ACME, made[0].id) is None
    for wrong in ("x", "00000000000000#x", "0" * 14, "١" * 14 + "#sc_x"):
        for cursor in (wrong, cursor_of([wrong])):
            with pytest.raises(Refused):
                recurring.of_client(client, cursor, 10)
    for one in made:
        recurring.delete(client, one.id)
