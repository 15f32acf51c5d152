"""Never twice, never silently: repeated, concurrent, frozen and racing actors on the real engine."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from switchboard import accept, queues, receive, tracking, watch
from switchboard.dialects.wire import FORM, Request
from switchboard.model.chunk import Result, parse_message_id
from switchboard.model.outcome import Verdict
from switchboard.model.problem import Refused
from switchboard.settings import settings
from switchboard.tracking import chunks, receipts

from .world import ACME, TOKEN, Context, World


class Freeze:
    """Stops the first call that reaches a point until it is thawed."""

    def __init__(self, point: str) -> None:
        self.point = point
        self.reached = threading.Event()
        self._thawed = threading.Event()

    def __call__(self, point: str) -> None:
        if point == self.point and not self.reached.is_set():
            self.reached.set()
            assert self._thawed.wait(30)

    def thaw(self) -> None:
        self._thawed.set()


def delivered_once(world: World, provider: str, accepted: accept.Accepted, final: str = "delivered") -> None:
    """Every message of a batch stands at `final` and was taken exactly once."""
    world.pump(lambda: all(world.status(message.id) == final for message in accepted.messages))
    assert [world.taken(provider, message.to) for message in accepted.messages] == [1] * len(accepted.messages)


@pytest.mark.parametrize(
    ("provider", "final"), [("hubb", "delivered"), ("ucontact", "submitted"), ("bulksms", "delivered")]
)
def test_one_batch_goes_out_once_and_comes_back(world: World, provider: str, final: str) -> None:
    delivered_once(world, provider, world.send([world.number() for _ in range(30)], provider), final)


@pytest.mark.parametrize("provider", ["hubb", "bulksms"])
def test_a_name_delivered_many_times_at_once_is_submitted_once(world: World, provider: str) -> None:
    accepted = world.send([world.number() for _ in range(30)], provider)
    url = settings().queues[provider]
    while not (records := world.receive(url)):
        time.sleep(0.05)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: world.dispatch.handler({"Records": records}, Context()), range(12)))
    delivered_once(world, provider, accepted)


@pytest.mark.parametrize("point", ["before hubb", "after hubb", "before BatchWriteItem"])
def test_a_worker_that_freezes_beyond_its_lease_sends_nothing_again(world: World, point: str) -> None:
    accepted = world.send([world.number()], "hubb")
    id_ = accepted.messages[0].id
    freeze = Freeze(point)
    # However slow this machine is, the lease ends before the answer is given up.
    with world.setting(PROVIDER_TIMEOUT_SECONDS=10), world.watching(freeze), ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(world.deliver, "hubb")
        assert freeze.reached.wait(10)
        world.pump(lambda: world.status(id_) == "unconfirmed")  # the lease has ended, another worker has taken over
        freeze.thaw()
        frozen.result(30)
    delivered_once(world, "hubb", accepted)  # its late answer still counts
    assert len(world.life(id_).attempts) == 1


def test_an_accept_that_wakes_after_another_sealed_gives_the_same_answer(world: World) -> None:
    numbers = [world.number() for _ in range(3)]
    freeze = Freeze("before PutItem")
    with world.watching(freeze), ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(world.send, numbers, "hubb", "wakes late")
        assert freeze.reached.wait(10)
        sealed = world.send(numbers, "hubb", "wakes late")
        freeze.thaw()
        late = frozen.result(30)
    assert (sealed.replayed, late.replayed) == (False, True)
    assert late.messages == sealed.messages
    delivered_once(world, "hubb", sealed)
    with pytest.raises(accept.IdempotencyConflict):
        world.send(numbers, "hubb", "wakes late", text="Another text")


def test_many_accepts_at_once_under_one_key_make_one_batch(world: World) -> None:
    numbers = [world.number() for _ in range(5)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world.send(numbers, "bulksms", "all at once"), range(16)))
    assert len({answer.messages for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    delivered_once(world, "bulksms", answers[0])


def test_cancel_or_send_never_both_never_neither(world: World) -> None:
    accepted = [world.send([world.number() for _ in range(4)], "hubb") for _ in range(12)]
    messages = [message for batch in accepted for message in batch.messages]
    with ThreadPoolExecutor(5) as pool, world.setting(WINDOW=1):
        sent = [pool.submit(world.deliver, "hubb") for _ in range(3)]
        answers = list(pool.map(lambda message: tracking.cancel_message(ACME.name, message.id), messages))
        for future in sent:
            future.result()
        world.pump(world.settled([message.id for message in messages]))
    world.rest()
    for message, answer in zip(messages, answers, strict=True):
        assert answer is not None
        expected = ("canceled", 0) if answer.canceled else ("delivered", 1)
        assert (world.status(message.id), world.taken("hubb", message.to)) == expected
    assert {answer.canceled for answer in answers if answer} == {True, False}, "the race went one way only"


def test_a_canceled_batch_is_not_sent(world: World) -> None:
    accepted = world.send([world.number() for _ in range(5)], "hubb")
    assert tracking.cancel_batch(ACME.name, accepted.batch) == tracking.CancelResults(5, 0)
    assert tracking.cancel_batch(ACME.name, accepted.batch) == tracking.CancelResults(5, 0)
    world.rest()
    assert [world.taken("hubb", message.to) for message in accepted.messages] == [0] * 5
    assert {world.status(message.id) for message in accepted.messages} == {"canceled"}


@pytest.mark.parametrize("fault", ["early", "duplicate", "contradictory"])
@pytest.mark.parametrize("provider", ["hubb", "bulksms"])
def test_receipts_in_any_order_end_delivered(world: World, provider: str, fault: str) -> None:
    world.script(provider, fault=fault, times=1)
    accepted = world.send([world.number()], provider)
    delivered_once(world, provider, accepted)
    expected = {"early": 1, "duplicate": 1, "contradictory": 2}[fault]
    world.pump(lambda: len(world.life(accepted.messages[0].id).receipts) == expected)
    assert world.status(accepted.messages[0].id) == "delivered"


def test_a_receipt_that_comes_before_anybody_knows_whose_it_is(world: World) -> None:
    """The receipt is parked after dispatch has looked, and before the map: only the re-check is left to find it."""
    accepted = world.send([world.number()], "hubb")
    id_ = accepted.messages[0].id
    freeze = Freeze("before GetItem")
    with world.watching(freeze), ThreadPoolExecutor(1) as pool:
        from switchboard.model.receipt import Receipt
        from switchboard.model.status import Status

        early = Receipt(vendor_id="early-one", word="delivered", status=Status.DELIVERED)
        frozen = pool.submit(receive._receipt, "hubb", early)
        assert freeze.reached.wait(10)
        freeze.thaw()
        frozen.result(10)
    assert receipts.parked("hubb", ["early-one"])
    assert receipts.bind("hubb", "early-one", receipts.Owner(id_), time.time())
    world.pump(lambda: world.status(id_) == "delivered")


def test_a_lost_answer_is_said_to_be_unconfirmed_and_a_receipt_by_number_settles_it(world: World) -> None:
    world.script("bulksms", fault="reset_after", times=1)
    accepted = world.send([world.number() for _ in range(3)], "bulksms")
    ids = [message.id for message in accepted.messages]
    world.pump(lambda: all(world.life(id_).attempts for id_ in ids))
    assert {world.life(id_).attempts[0].verdict for id_ in ids} == {"unconfirmed"}
    delivered_once(world, "bulksms", accepted)


def test_a_lost_answer_that_two_messages_may_have_had_stays_unconfirmed(world: World) -> None:
    number = world.number()
    world.script("bulksms", fault="reset_after", times=2)
    both = [world.send([number], "bulksms", text=text).messages[0] for text in ("One", "Two")]
    world.pump(world.settled([message.id for message in both]))
    world.rest()
    assert [world.status(message.id) for message in both] == ["unconfirmed"] * 2
    assert world.taken("bulksms", number) == 2


def test_a_lost_answer_without_receipts_by_number_is_a_persons_to_settle(world: World) -> None:
    world.script("hubb", fault="reset_after", times=1)
    old = world.send([world.number()], "hubb").messages[0]
    world.pump(world.settled([old.id]))
    world.rest()
    assert (world.status(old.id), world.taken("hubb", old.to)) == ("unconfirmed", 1)
    new = accept.resend(ACME, old.id)
    again = accept.resend(ACME, old.id)
    assert new is not None and again is not None
    assert (new.messages, again.replayed) == (again.messages, True)
    world.pump(lambda: world.status(new.messages[0].id) == "delivered")
    assert world.life(new.messages[0].id).resend_of == old.id
    assert world.taken("hubb", old.to) == 2  # the one that a person asked for
    with pytest.raises(accept.NotResendable):
        accept.resend(ACME, new.messages[0].id)


@pytest.mark.parametrize("fault", [{"fault": "429"}, {"fault": "reset_before"}])
def test_what_was_certainly_not_taken_is_sent_again_and_nothing_else(world: World, fault: dict[str, str]) -> None:
    world.script("hubb", times=2, **fault)
    message = world.send([world.number()], "hubb").messages[0]
    world.pump(world.settled([message.id]))
    world.rest()
    life = world.life(message.id)
    if fault["fault"] == "429":
        assert [attempt.verdict for attempt in life.attempts] == ["retryable", "retryable", "accepted"]
        assert (life.status, world.taken("hubb", message.to)) == ("delivered", 1)
    else:  # from outside a reset is a reset: nobody can say whether it was taken
        assert (life.status, world.taken("hubb", message.to)) == ("unconfirmed", 0)
        world.unscript()


def test_failover_where_the_no_concerned_the_account(world: World) -> None:
    with world.setting(ROUTES='[{"channel": "sms", "providers": ["hubb", "bulksms"]}]'):
        world.script("hubb", fault="refuse", times=1)
        message = world.send([world.number()]).messages[0]
        assert message.provider == "hubb"
        world.pump(lambda: world.status(message.id) == "delivered")
    assert (world.taken("hubb", message.to), world.taken("bulksms", message.to)) == (0, 1)
    assert [attempt.verdict for attempt in world.life(message.id).attempts] == ["rejected", "accepted"]


def test_past_its_time_a_message_is_not_submitted(world: World) -> None:
    message = world.send([world.number()], "hubb", expires_at=time.time() - 1).messages[0]
    world.pump(world.settled([message.id]))
    assert (world.status(message.id), world.taken("hubb", message.to)) == ("expired", 0)


def test_a_provider_that_is_down_is_tried_six_times_and_then_it_failed(world: World) -> None:
    with world.setting(HUBB_URL="http://127.0.0.1:9"):
        message = world.send([world.number()], "hubb").messages[0]
        world.pump(world.settled([message.id]))
    life = world.life(message.id)
    assert ([attempt.verdict for attempt in life.attempts], life.status) == (["retryable"] * 6, "failed")


def test_a_client_sees_only_its_own(world: World) -> None:
    message = world.send([world.number()], "hubb").messages[0]
    batch = message.id.split("-")[0]
    assert tracking.message("stranger", message.id) is None
    assert tracking.batch("stranger", batch) is None
    assert tracking.of_batch("stranger", batch, None, None, 10) is None
    assert tracking.cancel_message("stranger", message.id) is None
    assert tracking.cancel_batch("stranger", batch) is None
    assert tracking.by_address("stranger", message.to, None, None, 10, inbound=True).items == ()
    assert tracking.recent("stranger", None, None, 10).items == ()


def test_no_route_is_a_refusal_that_names_the_recipient(world: World) -> None:
    with world.setting(ROUTES="[]"), pytest.raises(Refused, match=r"to\.0"):
        world.send([world.number()])


def test_a_rate_makes_messages_wait_and_none_doubtful(world: World) -> None:
    with world.setting(HUBB_RATE=40, HUBB_CONCURRENCY=1):
        began = time.monotonic()
        batches = [world.send([world.number() for _ in range(10)], "hubb") for _ in range(6)]
        for batch in batches:
            delivered_once(world, "hubb", batch)
        assert time.monotonic() - began > 60 / 40 - 1  # all but the last windows have passed at the pace


def test_a_name_that_waits_often_is_put_anew_and_is_no_dead_letter(world: World) -> None:
    """SQS counts every receive, and a paced provider's names, or those of somebody's lease, are received again."""
    accepted = world.send([world.number()], "hubb")
    url = settings().queues["hubb"]
    while not (records := world.receive(url)):
        time.sleep(0.05)
    (record,) = records
    view = chunks.read_chunk(parse_message_id(accepted.messages[0].id)[0])  # type: ignore[index]  # it is one
    assert view is not None
    chunks.postpone(view.header, "somebody", time.time() + 2.5)
    came = []
    for receives in range(1, 7):
        record["attributes"]["ApproximateReceiveCount"] = str(receives)
        came.append(world.dispatch.handler({"Records": [record]}, Context())["batchItemFailures"] == [])
    assert came == [False] * 4 + [True] * 2
    world.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
    delivered_once(world, "hubb", accepted)


def test_a_name_that_waits_for_longer_than_a_round_of_the_watch_is_left_to_it(world: World) -> None:
    """The watch has announced its chunk again by then: put anew without end, names would pile up."""
    accepted = world.send([world.number()], "hubb")
    url = settings().queues["hubb"]

    def ours() -> list[dict[str, Any]]:
        return [record for record in world.receive(url) if accepted.batch in record["body"]]

    while not (records := ours()):
        time.sleep(0.05)
    (record,) = records
    world.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
    sent = int(record["attributes"]["SentTimestamp"]) - 1000 * (settings().watch_delay + 1)
    record["attributes"] |= {"ApproximateReceiveCount": "5", "SentTimestamp": str(sent)}
    assert queues.postpone("hubb", record, 0.0)
    assert ours() == []
    sealed = tracking.read_batch(accepted.batch)
    assert sealed is not None
    watch.watch({"batch": sealed.id, "nonce": sealed.nonce})
    delivered_once(world, "hubb", accepted)


@pytest.mark.parametrize(
    "body", ["from=+&message=x", f"message_id={'x' * 3000}&status=sent", f"message_id=1&status={'x' * 450_000}"]
)
def test_an_odd_callback_is_kept_and_acknowledged(world: World, body: str) -> None:
    request = Request(method="POST", path="/", headers=(("content-type", FORM),), body=body.encode())
    answer = receive.receive("hubb", TOKEN, request)
    assert answer is not None and answer.status == 200


@pytest.mark.parametrize("query", [b"phone=098344484", b"phone=%20&message=hi"])
def test_an_inbound_message_that_cannot_be_read_is_answered_with_the_vendors_error(world: World, query: bytes) -> None:
    answer = receive.receive("ucontact", TOKEN, Request(method="GET", path="/", query=query))
    assert answer is not None and answer.body == b"ERROR"


def test_an_id_that_a_vendor_gives_twice_spoils_no_result(world: World) -> None:
    accepted = world.send([world.number(), world.number()], "hubb")
    chunk, _ = parse_message_id(accepted.messages[0].id) or (None, 0)
    assert chunk is not None
    same = [
        Result(n=n, pass_=0, provider="hubb", verdict=Verdict.ACCEPTED, at=time.time(), vendor_id="the same")
        for n in range(2)
    ]
    chunks.write_results(chunk, same)
    assert {world.status(message.id) for message in accepted.messages} == {"submitted"}
    tracking.cancel_batch(ACME.name, accepted.batch)
    world.rest()
