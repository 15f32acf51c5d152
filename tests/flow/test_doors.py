"""A vendor's door when our side fails: the caller is told, in the vendor's words, whether a repeat could send twice."""

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import EndpointConnectionError

from switchboard import credentials, quota, tracking
from switchboard.admit import PROBLEM_HEADER, admit
from switchboard.dialects.wire import FORM, Request, Response
from switchboard.tracking import table

from .world import ACME, World

SEAL, KEY = "PutItem", "GetItem"


@dataclass(frozen=True)
class OldClient:
    """A program written for one vendor: how it sends a text to a number."""

    path: str
    fields: Callable[[str, str], dict[str, str]]
    header: bool = False

    def sends(self, key: str, to: str, again: str | None = None) -> Response:
        """What the door answers it; `again` is an Idempotency-Key."""
        shown = (("authorization", f"Bearer {key}"),) if self.header else ()
        shown += (("idempotency-key", again),) if again else ()
        body = urlencode(self.fields(key, to)).encode()
        return admit(Request(method="POST", path=self.path, headers=(("content-type", FORM), *shown), body=body))


BULK = OldClient(
    "/bulksms/bulksms",
    lambda key, to: {
        **{"username": ACME.name, "password": key, "type": "0", "dlr": "0", "source": "Acme"},
        **{"destination": to, "message": "Hello"},
    },
)
HUBB = OldClient(
    "/site/api/send_sms", lambda key, to: {"key": key, "from": "3056490655", "to": to, "message_body": "Hello"}
)
UCONTACT = OldClient(
    "/Integra/resources/SMS/SendSMS",
    lambda key, to: {"destination": to, "message": "Hello", "campaign": "Ventas"},
    header=True,
)


@pytest.fixture
def key(world: World) -> Iterator[str]:
    with world.setting(DOOR_WAIT_SECONDS="0"):
        issued = credentials.issue(ACME.name, ACME.region)
        credentials._keys.clear()  # so that the first look is asked of the table
        yield issued


def failing(*points: str, after: int = 0) -> Callable[[str], None]:
    """AWS does not answer at these points, from the one behind `after` others on."""
    seen: list[str] = []

    def observe(point: str) -> None:
        if point in points:
            seen.append(point)
            if len(seen) > after:
                raise EndpointConnectionError(endpoint_url="the service")

    return observe


def taken(world: World, number: str) -> int:
    """How often anybody took a message to a number."""
    return sum(world.taken(provider, number) for provider in world.simulators)


def test_a_key_that_cannot_be_looked_up_is_a_temporary_no(world: World, key: str) -> None:
    number = world.number()
    with world.watching(failing(f"before {KEY}")):
        assert BULK.sends(key, number).body.decode() == f"1709|{number}"
        assert b"nothing was taken" in HUBB.sends(key, number).body
        assert UCONTACT.sends(key, number).body == b"ERROR"
    assert world.to(number) == []


def test_what_fails_before_the_seal_is_certainly_not_taken(world: World, key: str) -> None:
    number = world.number()
    with world.watching(failing("before SendMessage")):  # the watch message
        assert BULK.sends(key, number).body.decode() == f"1710|{number}"
        assert b"nothing was taken" in HUBB.sends(key, number).body
        assert UCONTACT.sends(key, number).body == b"ERROR"
    world.rest()
    assert world.to(number) == []
    assert taken(world, number) == 0


def test_a_seal_without_an_answer_is_said_to_be_in_doubt(world: World, key: str) -> None:
    """The put took effect, and neither its answer nor the look for the batch came back: it may be sent."""
    number = world.number()
    credentials.authenticate(key)
    # A single message's header is the first put, the seal the second; then the batch cannot be read either.
    with world.watching(failing(f"after {SEAL}", f"before {KEY}", after=1)):
        answer = BULK.sends(key, number)
    assert answer.body.decode() == f"1715|{number}"
    world.rest()
    assert [life.status.value for life in world.to(number)] == ["delivered"]
    assert taken(world, number) == 1


def test_a_seal_whose_answer_was_lost_is_found(world: World, key: str) -> None:
    number = world.number()
    credentials.authenticate(key)
    with world.watching(failing(f"after {SEAL}", after=1)):
        assert BULK.sends(key, number).body.startswith(f"1701|{number}|".encode())
    world.rest()
    assert taken(world, number) == 1


def test_a_lost_announcement_does_not_make_a_sealed_message_fail(world: World, key: str) -> None:
    number = world.number()
    with world.watching(failing("before SendMessageBatch")):
        assert BULK.sends(key, number).body.startswith(f"1701|{number}|".encode())
    world.rest()
    assert taken(world, number) == 1


@pytest.mark.parametrize("point", ["before SendMessage", "before BatchGetItem"], ids=["the watch message", "a look"])
def test_a_write_to_the_crm_that_may_stand_is_said_to_be_in_doubt(world: World, key: str, point: str) -> None:
    said = urlencode({"key": key, "external_reference_id": f"in doubt {point}", "name": "A"}).encode()
    request = Request(method="POST", path="/site/api/crm_add_deal", headers=(("content-type", FORM),), body=said)
    credentials.authenticate(key)
    with world.watching(failing(point)):
        answer = admit(request)
    assert (answer.status, b"may have been taken" in answer.body) == (500, True)
    world.rest()


def test_a_door_that_cannot_look_at_the_result_says_that_it_was_taken(world: World, key: str) -> None:
    number = world.number()
    credentials.authenticate(key)
    with world.setting(DOOR_WAIT_SECONDS="5"), world.watching(failing(f"before {KEY}", "before Query")):
        answer = json.loads(HUBB.sends(key, number).body)
    assert (answer["message"], answer["contact_id"]) == ("success", "")


@pytest.mark.parametrize("lost", ["before GetItem", "before Query"])
def test_a_repeat_that_cannot_see_the_first_is_in_doubt(world: World, key: str, lost: str) -> None:
    """The first may have been taken: that nothing was would have its caller send it again."""
    number, again = world.number(), f"again-{lost.replace(' ', '-')}"
    first = BULK.sends(key, number, again).body.decode()
    assert first.startswith(f"1701|{number}|")
    with world.watching(failing(lost)):
        assert BULK.sends(key, number, again).body.decode() == f"1715|{number}"
    assert BULK.sends(key, number, again).body.decode() == first
    world.rest()
    assert taken(world, number) == 1


def test_what_is_too_large_to_keep_is_certainly_not_taken(world: World, key: str) -> None:
    number = world.number()
    large = OldClient(HUBB.path, lambda key, to: HUBB.fields(key, to) | {"fullname": "x" * 500_000})
    assert b"octets" in large.sends(key, number).body
    assert world.to(number) == []


def test_a_session_ends_with_the_key_that_opened_it(world: World, key: str) -> None:
    credentials.open_session("a-token", key)
    opened = credentials.in_session("a-token")
    assert opened is not None and opened.client == ACME
    table.delete(f"K#{hashlib.sha256(key.encode()).hexdigest()}", "K")
    credentials._keys.clear()  # a minute later
    assert credentials.in_session("a-token") is None


@pytest.mark.parametrize(
    ("client", "status", "no"), [(BULK, 200, b"1709|"), (HUBB, 429, b"nothing was taken"), (UCONTACT, 429, b"ERROR")]
)
def test_a_key_that_calls_too_often_is_told_to_come_again(
    world: World, key: str, client: OldClient, status: int, no: bytes
) -> None:
    number, late = world.number(), world.number()
    with world.setting(KEY_RATE="0.1"):  # one in ten seconds
        while time.time() % quota.WINDOW > quota.WINDOW - 3:
            time.sleep(0.1)
        assert client.sends(key, number).status == 200
        answer = client.sends(key, late)
    assert (answer.status, no in answer.body) == (status, True)
    assert 1 <= (answer.retry_after or 0) <= quota.WINDOW
    assert answer.header(PROBLEM_HEADER) and world.to(late) == []


def test_a_key_whose_uses_cannot_be_counted_is_a_temporary_no(world: World, key: str) -> None:
    number = world.number()
    credentials.authenticate(key)
    with world.setting(KEY_RATE="0.1"), world.watching(failing("before UpdateItem")):
        assert BULK.sends(key, number).body.decode() == f"1709|{number}"
    assert world.to(number) == []


@pytest.mark.parametrize(("client", "no"), [(BULK, b"1705|"), (HUBB, b"parts"), (UCONTACT, b"ERROR")])
def test_a_text_of_more_parts_than_an_sms_is_meant_for_is_refused(
    world: World, key: str, client: OldClient, no: bytes
) -> None:
    number = world.number()
    name = "message_body" if client is HUBB else "message"
    said = "ñandú 🙂 " * 200  # in Unicode, well below the length that Hubb takes
    long = OldClient(client.path, lambda key, to: client.fields(key, to) | {name: said}, client.header)
    assert no in long.sends(key, number).body
    assert world.to(number) == []


def test_what_looks_like_a_placeholder_is_text_at_a_door(world: World, key: str) -> None:
    number = world.number()
    braces = OldClient(BULK.path, lambda key, to: BULK.fields(key, to) | {"message": "Dear {{name}}"})
    assert braces.sends(key, number).body.startswith(b"1701|")
    world.rest()
    assert [life.text for life in world.to(number)] == ["Dear {{name}}"]
    assert taken(world, number) == 1


# --- the schedules ----------------------------------------------------------------------------------------------------


def bulk_at(at: float, path: str = "/bulksms/schedulemsg") -> OldClient:
    """The bulk platform's call for later; `at` is epoch seconds."""
    when = datetime.fromtimestamp(at, UTC)
    time_ = {"date": f"{when:%m/%d/%Y}", "time": f"{when:%I:%M %p}", "gmt": "GMT +00:00"}
    return OldClient(path, lambda key, to: BULK.fields(key, to) | time_)


def dialer_at(at: float, zone: str = "UTC") -> OldClient:
    """uContact's call for later, its time on the clocks of a zone."""
    calldate = datetime.fromtimestamp(at, ZoneInfo(zone))
    said = {"calldate": f"{calldate:%Y-%m-%d %H:%M:%S}", "campaign": "Ventas", "data": "Hello"}
    path = "/Integra/resources/SMS/ScheduleDialerSMS"
    return OldClient(path, lambda key, to: {"sms": json.dumps(said | {"destination": to})}, header=True)


@pytest.mark.parametrize("path", ["/bulksms/schedulemsg", "/bulksms/bulksms"])
def test_what_is_scheduled_at_the_bulk_door_is_ours_to_keep_and_to_give_back(world: World, key: str, path: str) -> None:
    at, number = (time.time() + 7200) // 60 * 60, world.number()
    first, again = (bulk_at(at, path).sends(key, f"{number},12", f"keep-{path}").body.decode() for _ in range(2))
    taken_ = re.fullmatch(rf"1701\|\{number}\|([0-9a-f-]{{36}}),1706\|12", first)
    assert taken_ is not None
    assert again == first
    (life,) = world.to(number)
    assert (life.status, life.send_at, life.alias) == ("scheduled", at, taken_[1])
    world.rest()
    assert tracking.cancel_message(ACME.name, life.id) == tracking.CancelResult(True, "canceled")
    assert bulk_at(at, path).sends(key, f"{number},12", f"keep-{path}").body.decode() == first
    conflict = bulk_at(at + 60, path).sends(key, f"{number},12", f"keep-{path}")
    assert conflict.body.decode().startswith("1710|")


@pytest.mark.parametrize("path", ["/bulksms/schedulemsg", "/bulksms/bulksms"])
@pytest.mark.parametrize(("ahead", "reason"), [(-120, "is past"), (367 * 86_400, "is more than 366 days ahead")])
def test_a_time_that_cannot_be_kept_is_the_bulk_platforms_1702(
    world: World, key: str, path: str, ahead: float, reason: str
) -> None:
    number = world.number()
    answer = bulk_at(time.time() + ahead, path).sends(key, number)
    assert (answer.status, answer.body.decode()) == (200, f"1702|{number}")
    assert answer.header(PROBLEM_HEADER) == f"date, time, gmt: {reason}"
    assert world.to(number) == []


def test_the_minute_that_it_is_now_is_at_once(world: World, key: str) -> None:
    number = world.number()
    assert bulk_at((time.time() + 5) // 60 * 60).sends(key, number).body.startswith(b"1701|")
    world.pump(lambda: [life.status for life in world.to(number)] == ["delivered"])
    assert taken(world, number) == 1


def test_the_dialers_call_is_kept_on_the_clients_clock_to_the_second(world: World) -> None:
    """By whoever the route picks: here none that has a schedule of its own."""
    tokyo = credentials.issue(ACME.name, ACME.region, "Asia/Tokyo")
    at, number = math.ceil(time.time() + 2), world.number()
    assert dialer_at(at, "Asia/Tokyo").sends(tokyo, number).body == b"1"
    (life,) = world.to(number)
    assert (life.status, life.send_at) == ("scheduled", at)
    world.pump(lambda: taken(world, number) == 1)
    assert at <= time.time() < at + 2
    assert world.taken("hubb", number) == 1


def test_the_dialers_call_for_what_is_past_is_for_now(world: World, key: str) -> None:
    number = world.number()
    assert dialer_at(time.time() - 86_400 * 4000).sends(key, number).body == b"1"
    world.rest()
    assert taken(world, number) == 1


@pytest.mark.parametrize("ahead", [367 * 86_400, 3000 * 365 * 86_400])
def test_the_dialers_call_for_what_is_too_far_is_refused_by_name(world: World, key: str, ahead: float) -> None:
    number = world.number()
    answer = dialer_at(time.time() + ahead).sends(key, number)
    assert (answer.status, answer.body) == (200, b"0")
    assert (answer.header(PROBLEM_HEADER) or "").startswith("calldate: is more than 366 days ahead")
    assert world.to(number) == []


def test_the_dialers_call_is_honest_about_a_doubt_and_about_a_repeat(world: World, key: str) -> None:
    at, doubtful, careful = time.time() + 7200, world.number(), world.number()
    credentials.authenticate(key)
    with world.watching(failing(f"after {SEAL}", f"before {KEY}", after=1)):
        answer = dialer_at(at).sends(key, doubtful)
    assert (answer.status, answer.body) == (500, b"Server error")
    assert [life.status for life in world.to(doubtful)] == ["scheduled"]
    with world.watching(failing("before SendMessage")):
        assert dialer_at(at).sends(key, careful).body == b"0"
    assert {dialer_at(at).sends(key, careful, "dialer").body for _ in range(3)} == {b"1"}
    assert dialer_at(at + 60).sends(key, careful, "dialer").body == b"0"
    assert [life.status for life in world.to(careful)] == ["scheduled"]
