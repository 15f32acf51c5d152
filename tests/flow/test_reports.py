"""Receipts go back out to clients: at least once, never lost, each in its door's dialect, nobody held up by another."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from switchboard import accept, endpoints, report, tracking
from switchboard.credentials import Client
from switchboard.dialects.door import Delivery
from switchboard.dialects.wire import Request
from switchboard.model.chunk import Chunk, parse_message_id
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.status import Status
from switchboard.receive import receive
from switchboard.tracking import chunks, table

from .endpoint import SECRET, Endpoint
from .world import ACME, TOKEN, Context, World

DOOR = "bulksms"
OTHER = Client("other", "US")
FINAL_WORDS = {"DELIVRD", "UNDELIV", "EXPIRED", "REJECTD"}


@pytest.fixture
def endpoint(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """The endpoint of `ACME`, told again after a second at most."""
    monkeypatch.setattr(report, "WAITS", (0.0, 1.0))
    with Endpoint() as made:
        report.direct(ACME.name, DOOR, made.url)
        yield made
        report.direct(ACME.name, DOOR, None)


@pytest.fixture
def others(world: World) -> Iterator[Endpoint]:
    """The endpoint of `OTHER`."""
    with Endpoint() as made:
        report.direct(OTHER.name, DOOR, made.url)
        yield made
        report.direct(OTHER.name, DOOR, None)


def send(world: World, count: int = 1, **options: Any) -> list[accept.AcceptedMessage]:
    """Messages that came in by a door, with reports unless it is said otherwise."""
    options = {"provider": DOOR, "door": DOOR, "reports": True, **options}
    return list(world.send([world.number() for _ in range(count)], **options).messages)


def all_told(endpoint: Endpoint, messages: list[accept.AcceptedMessage]) -> bool:
    return all(set(endpoint.of(message.alias)) & FINAL_WORDS for message in messages)


def test_a_delivery_is_told_in_the_doors_dialect(world: World, endpoint: Endpoint) -> None:
    messages = send(world, 3)
    world.pump(lambda: all_told(endpoint, messages))
    world.rest()
    assert {message.alias: endpoint.of(message.alias)[-1] for message in messages} == {
        message.alias: "DELIVRD" for message in messages
    }
    assert {fields["sMobileNo"] for fields in endpoint.told} == {message.to.lstrip("+") for message in messages}
    assert {len(fields) for fields in endpoint.told} == {10}
    assert endpoint.kinds == {("POST", f"/receipts?key={SECRET}", "application/x-www-form-urlencoded")}


def test_an_endpoint_that_refuses_is_told_once_it_is_back(world: World, endpoint: Endpoint) -> None:
    endpoint.answers = [503, 404, 302, 0.1, 202]
    (message,) = send(world)
    world.pump(lambda: all_told(endpoint, [message]))
    world.rest()
    assert len(endpoint.refused) == 3
    assert [fields for fields in endpoint.refused if fields != endpoint.told[0]] == []
    assert endpoint.told == endpoint.told[:1]  # a 202 is a yes, and nothing more is said after it


def test_an_endpoint_that_asks_for_time_has_it(world: World, endpoint: Endpoint) -> None:
    endpoint.answers, endpoint.retry_after = [429], "3"
    (message,) = send(world)
    world.pump(lambda: len(endpoint.refused) == 1)
    began = time.monotonic()
    world.pump(lambda: all_told(endpoint, [message]))
    assert time.monotonic() - began > 2


def test_an_endpoint_that_is_down_is_told_once_it_is_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "WAITS", (0.0, 1.0))
    report.direct(ACME.name, DOOR, "http://127.0.0.1:9/")
    (message,) = send(world)
    world.pump(lambda: world.status(message.id) == "delivered")
    for _ in range(20):
        world.deliver()
    with Endpoint() as late:
        report.direct(ACME.name, DOOR, late.url)
        world.pump(lambda: all_told(late, [message]))
        world.rest()
        report.direct(ACME.name, DOOR, None)
    assert late.of(message.alias) == ["DELIVRD"]


def test_a_message_that_the_provider_refuses_is_told_with_its_code(world: World, endpoint: Endpoint) -> None:
    world.script(DOOR, fault="refuse", times=1)
    (message,) = send(world)
    world.pump(lambda: all_told(endpoint, [message]))
    world.rest()
    (attempt,) = world.life(message.id).attempts
    (said,) = endpoint.told
    assert (attempt.verdict, said["sStatus"], said["iErrCode"]) == ("rejected", "REJECTD", attempt.code)


@pytest.mark.parametrize("end", ["expired", "failed"])
def test_what_ends_without_a_provider_is_told(world: World, endpoint: Endpoint, end: str) -> None:
    if end == "expired":
        (message,) = send(world, expires_at=time.time() - 1)
        world.pump(lambda: all_told(endpoint, [message]))
    else:
        with world.setting(BULKSMS_URL="http://127.0.0.1:9"):
            (message,) = send(world)
            world.pump(lambda: all_told(endpoint, [message]))
    world.rest()
    assert (world.status(message.id), len(endpoint.told)) == (end, 1)


def test_who_asked_for_no_reports_or_gave_no_url_is_told_nothing(world: World, endpoint: Endpoint) -> None:
    silent = send(world, reports=False)
    plain = send(world, door=None, reports=False)
    world.pump(world.settled([silent[0].id, plain[0].id]))
    report.direct(ACME.name, DOOR, None)
    nowhere = send(world)
    world.pump(world.settled([nowhere[0].id]))
    world.rest()
    assert (endpoint.told, endpoint.refused) == ([], [])


def test_a_doubt_is_not_told_and_the_receipt_that_settles_it_is(world: World, endpoint: Endpoint) -> None:
    world.script(DOOR, fault="reset_after", times=1)
    (message,) = send(world)
    world.pump(lambda: all_told(endpoint, [message]))
    world.rest()
    assert world.life(message.id).attempts[0].verdict == "unconfirmed"
    assert endpoint.of(message.alias)[-1] == "DELIVRD"


@pytest.mark.parametrize("fault", ["early", "duplicate", "contradictory"])
def test_receipts_in_any_order_end_with_the_same_report(world: World, endpoint: Endpoint, fault: str) -> None:
    world.script(DOOR, fault=fault, times=1)
    (message,) = send(world)
    world.pump(lambda: "DELIVRD" in endpoint.of(message.alias))
    world.rest()
    words = endpoint.of(message.alias)
    assert (words[-1], words.count("DELIVRD")) == ("DELIVRD", 1)


def test_a_report_that_is_announced_again_is_not_told_again(world: World, endpoint: Endpoint) -> None:
    (message,) = send(world)
    world.pump(lambda: all_told(endpoint, [message]))
    world.rest()
    before = list(endpoint.told)
    report.report(message.id)
    assert endpoint.told == before
    for nothing in ("x", "a-b-0-0", message.id[:-1] + "1", message.id.replace("-", "-x", 1)):
        report.report(nothing)  # no message of anybody: nothing to say


def test_one_slow_client_holds_up_nobody_else(
    world: World, endpoint: Endpoint, others: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_SECONDS", 3.0)
    late = time.time() - 1
    slow = send(world, 9, expires_at=late)
    submission = accept.Submission(
        content=Content(channel=Channel.SMS, text="Hi"),
        recipients=(Recipient(to=world.number()),),
        provider=DOOR,
        fingerprint="",
        expires_at=late,
        door=DOOR,
        reports=True,
    )
    message = accept.accept(submission, OTHER, None).messages[0]
    while (life := tracking.message(OTHER.name, message.id)) is None or life.status != "expired":
        world.deliver(DOOR)
    endpoint.answers = [30.0] * 9
    records = [record(each.id) for each in (*slow, message)]
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        invocation = pool.submit(world.notify.handler, {"Records": records}, Context())
        while not others.of(message.alias):
            assert not invocation.done()
            time.sleep(0.01)
        assert not invocation.done()  # the slow ones are still being waited for
        answer = invocation.result(10)
    assert time.monotonic() - began < 5  # all of them at once
    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == [each.id for each in slow]
    world.rest()
    assert all_told(endpoint, slow)


def record(message: str) -> dict[str, Any]:
    """A message of the report queue, as the event source would hand it out for the first time."""
    attributes = {"ApproximateReceiveCount": "1"}
    body = json.dumps({"message": message})
    return {"messageId": message, "receiptHandle": "nobody's", "body": body, "attributes": attributes}


def test_an_endpoint_that_may_not_be_called_is_counted_and_waited_for(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted, said = list[str](), list[str]()
    monkeypatch.setattr(report.observe, "count", lambda name, value=1: counted.append(name))
    monkeypatch.setattr(report.observe.logger, "warning", lambda text, **keys: said.append(f"{text} {keys}"))
    with world.setting(LOOPBACK_ENDPOINTS="no"):
        (message,) = send(world)
        world.pump(lambda: counted.count("EndpointsBarred") == 2)
        assert (endpoint.told, counted.count("ReportsFailed"), "ReportsDelivered" in counted) == ([], 2, False)
    assert [line for line in said if message.id not in line or "loopback" not in line] == []
    assert [line for line in said if SECRET in line or "127.0.0.1" in line or "http:" in line] == []
    world.pump(lambda: all_told(endpoint, [message]))
    world.rest()


@pytest.mark.parametrize("habit", ["says nothing", "a header without an end", "a body without an end"])
def test_a_slow_endpoint_has_its_time_and_no_more(habit: str) -> None:
    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            if habit == "a body without an end":
                self.send_response(200)
                self.end_headers()
            elif habit == "a header without an end":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Padding: ")
            with suppress(OSError):  # the caller has gone
                for _ in range(100):
                    time.sleep(0.1)
                    if habit != "says nothing":
                        self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True).start()
    url, began = f"http://127.0.0.1:{server.server_address[1]}/", time.monotonic()
    request = Request(method="POST", path="/", body=b"a=1")
    if habit == "a body without an end":
        assert endpoints.carry(url, request, 1.0, loopback=True).status == 200  # the status is all that counts
    else:
        with pytest.raises(endpoints.Unreached):
            endpoints.carry(url, request, 1.0, loopback=True)
    assert time.monotonic() - began < 3
    server.shutdown()
    server.server_close()


def test_a_dispatch_stopped_anywhere_leaves_no_refusal_untold(world: World, endpoint: Endpoint) -> None:
    def refused() -> list[accept.AcceptedMessage]:
        world.script(DOOR, fault="refuse", times=2)
        return send(world, 3)

    with world.setting(WINDOW=2):
        messages = refused()
        with world.crashing() as calls:
            while not world.deliver(DOOR):
                pass
        for at in range(1, len(calls.points) + 1):
            messages += refused()
            with world.crashing(at):
                while not world.deliver(DOOR):
                    pass
            world.unscript()
        world.pump(world.settled([message.id for message in messages]))
        world.rest()
    ended = [message for message in messages if world.status(message.id) != "unconfirmed"]
    assert any(world.status(message.id) == "rejected" for message in ended)
    assert [message.id for message in ended if not set(endpoint.of(message.alias)) & FINAL_WORDS] == []


def test_a_callback_or_a_report_stopped_anywhere_is_told_in_the_end(world: World, endpoint: Endpoint) -> None:
    messages, vendor_ids = submitted(world, 18)
    with world.crashing() as calls:
        receipt(vendor_ids[0])
    assert len(calls.points) == 6  # whose it is, the receipt, the announcement: each before and after
    for at, vendor_id in enumerate(vendor_ids[1:7], start=1):
        with world.crashing(at):
            receipt(vendor_id)
        receipt(vendor_id)  # the provider got no answer
    for vendor_id in vendor_ids[7:]:
        receipt(vendor_id)
    with world.crashing() as calls:
        report.report(messages[7].id)
    assert len(calls.points) == 10  # the batch, the URL, the header, the message; that it was told
    for at, message in enumerate(messages[8:], start=1):
        with world.crashing(at):
            report.report(message.id)
    world.pump(lambda: all_told(endpoint, messages))
    world.rest()
    assert {word for message in messages for word in endpoint.of(message.alias)} == {"DELIVRD"}
    assert endpoint.of(messages[16].alias) == ["DELIVRD", "DELIVRD"]  # told, and stopped before it could remember


def test_without_reports_a_receipt_costs_what_it_cost(world: World) -> None:
    _, (vendor_id,) = submitted(world, 1, reports=False)
    with world.crashing() as calls:
        receipt(vendor_id)
    assert calls.points == [f"{when} {call}" for call in ("GetItem", "UpdateItem") for when in ("before", "after")]


def submitted(world: World, count: int, **options: Any) -> tuple[list[accept.AcceptedMessage], list[str | None]]:
    """Messages that the provider has and will say nothing of, and its ids of them."""
    world.script(DOOR, fault="none", times=count)
    messages = send(world, count, **options)
    world.pump(lambda: {world.status(message.id) for message in messages} == {"submitted"})
    world.unscript()
    return messages, [world.life(message.id).attempts[0].vendor_id for message in messages]


def receipt(vendor_id: str | None) -> None:
    """The provider's receipt at the callback."""
    query = f"sMessageId={vendor_id}&sStatus=DELIVRD".encode()
    answer = receive(DOOR, TOKEN, Request(method="GET", path="/", query=query))
    assert answer is not None and answer.status == 200


def test_of_two_that_tell_at_once_the_later_status_has_the_last_word(
    world: World, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker reads `sent`; before it has told that, another one has told `delivered`."""
    (message,) = send(world)
    parsed, tell = parse_message_id(message.id), report._tell
    assert parsed is not None

    def overtaken(url: str, door: str, said: Delivery, id_: str) -> None:
        monkeypatch.setattr(report, "_tell", tell)
        report.report(message.id)
        tell(url, door, replace(said, status=Status.SENT), id_)

    world.pump(lambda: world.status(message.id) == "delivered")
    endpoint.told.clear()
    table.delete(chunks.partition(parsed[0]), f"M#{parsed[1]:03d}#T")
    monkeypatch.setattr(report, "_tell", overtaken)
    status = Chunk.status
    seen = iter([Status.SENT])
    monkeypatch.setattr(Chunk, "status", lambda view, n: next(seen, None) or status(view, n))
    report.report(message.id)
    assert endpoint.of(message.alias) == ["DELIVRD", "ENROUTE", "DELIVRD"]
