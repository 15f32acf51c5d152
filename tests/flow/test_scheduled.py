"""Messages with a time of their own: never early, never twice, whoever fires, cancels or stops in between."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from switchboard import accept, fire, settings, tracking
from switchboard.model.chunk import parse_message_id
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.problem import Refused
from switchboard.tracking import table
from switchboard.tracking.chunks import partition

from .world import ACME, World

SOON = 2.0  # seconds


@pytest.fixture
def far(world: World) -> Iterator[None]:
    """Every moment that has not come is one for an alarm."""
    with world.setting(SCHEDULE_THRESHOLD_SECONDS=0, SCHEDULE_LEAD_SECONDS=0):
        yield


def alarms() -> list[dict[str, Any]]:
    """The alarms that stand, as EventBridge tells them."""
    scheduler = boto3.client("scheduler")
    group = settings.settings().schedule_group
    names = [one["Name"] for one in scheduler.list_schedules(GroupName=group)["Schedules"]]
    return [scheduler.get_schedule(GroupName=group, Name=name) for name in names]


def alarm_of(batch: str) -> dict[str, Any]:
    """The one alarm of a batch."""
    (found,) = (alarm for alarm in alarms() if json.loads(alarm["Target"]["Input"]).get("batch") == batch)
    return found


def said(batch: str) -> dict[str, str]:
    """What a batch's alarm puts into the queue."""
    sealed = tracking.read_batch(batch)
    assert sealed is not None
    return {"batch": batch, "nonce": sealed.nonce}


def later(seconds: float) -> float:
    """A moment so many seconds ahead, to the millisecond, as it is kept."""
    return round(time.time() + seconds, 3)


@pytest.mark.parametrize("ahead", [1.2, 2.0, 2.9])
def test_what_is_near_waits_in_the_queue_and_goes_on_the_second(world: World, ahead: float) -> None:
    at, number = later(ahead), world.number()
    accepted = world.send([number], "hubb", send_at=at)
    (message,) = accepted.messages
    assert (message.status, world.status(message.id), world.life(message.id).send_at) == ("scheduled", "scheduled", at)
    world.pump(lambda: world.status(message.id) == "delivered")
    life = world.life(message.id)
    assert 0 <= life.attempts[0].at - at < 1.0
    assert (life.send_at, world.taken("hubb", number)) == (at, 1)
    assert not [alarm for alarm in alarms() if accepted.batch in alarm["Name"]]


def test_what_is_far_gets_an_alarm_that_rings_before_its_time_and_is_gone_then(world: World, far: None) -> None:
    at, number = later(5), world.number()
    with world.setting(SCHEDULE_LEAD_SECONDS=3):
        accepted = world.send([number], "bulksms", send_at=at)
    alarm = alarm_of(accepted.batch)
    rings = datetime.fromtimestamp(at - 3, UTC)
    assert alarm["ScheduleExpression"] == f"at({rings:%Y-%m-%dT%H:%M:%S})"
    assert (alarm["ScheduleExpressionTimezone"], alarm["ActionAfterCompletion"]) == ("UTC", "DELETE")
    assert alarm["Target"]["DeadLetterConfig"]["Arn"] == settings.settings().schedule_dead_letter_arn
    assert number[1:] not in json.dumps(alarm, default=str)
    (message,) = accepted.messages
    world.pump(lambda: world.status(message.id) == "delivered")
    assert world.life(message.id).attempts[0].at >= at
    assert world.taken("bulksms", number) == 1
    assert not [alarm for alarm in alarms() if accepted.batch in alarm["Name"]]


def test_an_alarm_that_rings_twice_or_early_sends_once_and_never_early(world: World, far: None) -> None:
    at, number = later(SOON), world.number()
    accepted = world.send([number], "hubb", send_at=at)
    with world.setting(SCHEDULE_THRESHOLD_SECONDS=900):
        for _ in range(3):
            fire.fire(said(accepted.batch))
        world.pump(lambda: world.status(accepted.messages[0].id) == "delivered")
        world.rest()
    assert world.life(accepted.messages[0].id).attempts[0].at >= at
    assert world.taken("hubb", number) == 1


def test_an_alarm_before_the_seal_or_after_the_batch_is_gone_does_nothing(world: World, far: None) -> None:
    number, other = world.number(), world.number()
    with world.crashing() as counted:
        world.send([number], "hubb", "counted", send_at=later(60))
    before = {alarm["Name"] for alarm in alarms()}
    seal = len(counted.points) - 1  # the seal is the last call: what is far is not announced
    assert counted.points[-2:] == ["before PutItem", "after PutItem"]
    with world.crashing(seal):
        world.send([other], "hubb", "never sealed", send_at=later(SOON))
    (alarm,) = (one for one in alarms() if one["Name"] not in before)
    fire.fire(json.loads(alarm["Target"]["Input"]))
    gone = world.send([other], "hubb", send_at=later(SOON))
    body = said(gone.batch)
    table.delete(f"B#{gone.batch}", "B")
    time.sleep(SOON)
    fire.fire(body)
    world.rest()
    assert world.taken("hubb", other) == 0


def test_accepting_for_later_stopped_anywhere_loses_nothing_and_doubles_nothing(world: World, far: None) -> None:
    with world.crashing() as counted:
        world.send([world.number(), world.number()], "bulksms", "later", send_at=later(1))
    # The look before, header, messages, alarm, watch, seal: each before and after.
    assert len(counted.points) == 12
    accepted: dict[str, tuple[str, float]] = {}
    for at in range(1, len(counted.points) + 1):
        numbers, moment = [world.number(), world.number()], later(1)
        with world.crashing(at):
            world.send(numbers, "bulksms", f"later-{at}", send_at=moment)
        again = world.send(numbers, "bulksms", f"later-{at}", send_at=moment)
        accepted |= {message.id: (message.to, moment) for message in again.messages}
    world.pump(world.settled(list(accepted)))
    world.rest()
    ledger = [entry["to"].lstrip("+") for entry in world.ledger("bulksms")]
    for id_, (number, moment) in accepted.items():
        assert (world.status(id_), ledger.count(number[1:])) == ("delivered", 1), id_
        assert world.life(id_).attempts[0].at >= moment


def test_firing_stopped_anywhere_sends_once(world: World, far: None) -> None:
    def begin() -> accept.Accepted:
        return world.send([world.number(), world.number()], "hubb", send_at=later(0.01))

    body = said(begin().batch)
    time.sleep(0.05)
    with world.crashing() as counted:
        fire.fire(body)
    assert counted.points[-2:] == ["before SendMessageBatch", "after SendMessageBatch"]
    batches = [begin() for _ in counted.points]
    time.sleep(0.05)
    for at, accepted in enumerate(batches, start=1):
        with world.crashing(at):
            fire.fire(said(accepted.batch))
    world.rest()
    for accepted in batches:
        assert [world.taken("hubb", message.to) for message in accepted.messages] == [1, 1]


def test_what_is_canceled_before_its_time_is_never_sent(world: World) -> None:
    numbers = [world.number() for _ in range(4)]
    accepted = world.send(numbers, "bulksms", send_at=later(SOON))
    first, *rest = accepted.messages
    assert tracking.cancel_message(ACME.name, first.id) == tracking.CancelResult(True, "canceled")
    assert tracking.cancel_batch(ACME.name, accepted.batch) == tracking.CancelResults(4, 0)
    world.rest()
    assert {world.status(message.id) for message in rest} == {"canceled"}
    assert [world.taken("bulksms", number) for number in numbers] == [0] * 4
    assert tracking.cancel_batch(ACME.name, accepted.batch) == tracking.CancelResults(4, 0)


def test_canceling_at_the_very_moment_is_one_or_the_other(world: World) -> None:
    outcomes = set()
    for step in range(-6, 12):
        to, at = world.number(), later(0.3)
        accepted = world.send([to], "hubb", send_at=at)
        worker = threading.Thread(target=world.pump, args=[lambda: time.time() > at + 0.2])  # noqa: B023  # joined here
        worker.start()
        time.sleep(max(0.0, at + step / 200 - time.time()))
        result = tracking.cancel_message(ACME.name, accepted.messages[0].id)
        assert result is not None
        worker.join()
        world.rest()
        assert world.taken("hubb", to) == (0 if result.canceled else 1)
        outcomes.add(result.canceled)
    assert outcomes == {True, False}


def test_the_watch_sets_the_alarm_again_and_then_lets_it_be(world: World, far: None) -> None:
    accepted = world.send([world.number()], "hubb", send_at=later(3600))
    alarm = alarm_of(accepted.batch)
    boto3.client("scheduler").delete_schedule(GroupName=settings.settings().schedule_group, Name=alarm["Name"])
    world.rest()  # the watch comes back, and is not heard of again
    assert alarm_of(accepted.batch)["ScheduleExpression"] == alarm["ScheduleExpression"]
    assert tracking.cancel_batch(ACME.name, accepted.batch)


@pytest.mark.parametrize(("ahead", "field"), [(-61, "send_at"), (367 * 86_400, "send_at")])
def test_a_time_that_cannot_be_kept_is_refused(world: World, ahead: float, field: str) -> None:
    with pytest.raises(Refused) as refused:
        world.send([world.number()], send_at=later(ahead))
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_time_that_is_past_may_mean_at_once(world: World) -> None:
    (message,) = world.send([world.number()], "hubb", send_at=later(-7200), at_once=True).messages
    assert message.status == "queued"
    world.pump(lambda: world.status(message.id) == "delivered")


def test_what_expires_before_its_time_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="expires_at"):
        world.send([world.number()], send_at=later(100), expires_at=later(100))


def hours(begin: float, end: float) -> str:
    """Hours of the UTC day, from so many minutes ahead to so many."""
    now = datetime.now(UTC)
    return "-".join(f"{now + timedelta(minutes=minutes):%H:%M}" for minutes in (begin, end))


@pytest.mark.skipif(datetime.now(UTC).hour in {22, 23, 0}, reason="hours do not go over midnight")
def test_marketing_waits_for_the_recipients_hours_and_the_rest_does_not(world: World) -> None:
    number = world.number("+44770090")  # Europe/London, where no summer is meant: the hours are those of UTC
    closed = replace(ACME, hours=hours(20, 60), zone="UTC")
    unknown = "+8781012345"  # a number of no country: the client's own zone counts
    quiet = world.send([unknown], "hubb", client=closed, marketing=True).messages[0]
    opens = datetime.now(UTC) + timedelta(minutes=20)
    assert (quiet.status, f"{datetime.fromtimestamp(quiet.not_before, UTC):%H:%M}") == ("scheduled", f"{opens:%H:%M}")
    at_once = world.send([number], "hubb", client=closed).messages[0]
    open_now = world.send([unknown], "hubb", client=replace(closed, hours=hours(-60, 60)), marketing=True).messages[0]
    world.pump(world.settled([at_once.id, open_now.id]))
    assert (world.status(quiet.id), at_once.status, open_now.status) == ("scheduled", "queued", "queued")
    assert world.taken("hubb", unknown) == 1


@pytest.mark.skipif(datetime.now(UTC).hour in {22, 23, 0}, reason="hours do not go over midnight")
def test_what_would_be_over_before_it_is_day_is_refused(world: World) -> None:
    closed = replace(ACME, hours=hours(20, 60), zone="UTC")
    with pytest.raises(Refused, match="expires_at"):
        world.send(["+8781012347"], "hubb", client=closed, marketing=True, expires_at=later(600))


@pytest.mark.skipif(datetime.now(UTC).hour in {22, 23, 0}, reason="hours do not go over midnight")
def test_what_comes_late_meets_the_quiet_hours_again(world: World) -> None:
    """Accepted in the hours, dispatched behind them: a backlog, or a provider's outage. Queued it was, and stays."""
    unknown = "+8781012346"
    open_now = replace(ACME, hours=hours(-60, 60), zone="UTC")
    accepted = world.send([unknown], "hubb", client=open_now, marketing=True)
    sealed = tracking.read_batch(accepted.batch)
    assert sealed is not None
    table.update(f"B#{sealed.id}", "B", "SET #hours = :hours", {":hours": hours(30, 60)})
    while not world.deliver("hubb"):
        pass
    life = world.life(accepted.messages[0].id)
    assert (accepted.messages[0].status, life.status, life.attempts) == ("queued", "queued", ())
    assert life.send_at is not None
    assert 25 * 60 < life.send_at - time.time() <= 30 * 60
    assert tracking.cancel_batch(ACME.name, accepted.batch) == tracking.CancelResults(1, 0)
    world.sqs.purge_queue(QueueUrl=settings.settings().queues["hubb"])  # its name hides there for half an hour


def test_what_a_provider_keeps_is_kept_as_long_as_its_receipts_may_come(world: World) -> None:
    at, number = later(300 * 86400), world.number()
    content = Content(channel=Channel.SMS, text="Hello", provider_at=at)
    said = accept.Submission(content=content, recipients=(Recipient(to=number),), provider="bulksms", fingerprint="f")
    (message,) = accept.accept(said, ACME, None).messages
    world.pump(lambda: world.status(message.id) != "queued")
    (attempt,) = world.life(message.id).attempts
    chunk, _ = parse_message_id(message.id) or (None, 0)
    assert chunk is not None and attempt.vendor_id is not None
    keys = [("B#" + chunk.batch, "B"), (partition(chunk), "M#000"), (partition(chunk), "M#000#X00")]
    keys.append((f"R#bulksms#{attempt.vendor_id}", "MAP"))
    items = [table.get(*key) for key in keys]
    assert all(item and item["ttl"] >= at for item in items)
