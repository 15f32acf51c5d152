"""The bulk platform's dialect beyond the table of corners: what the gateway makes of it, its times, and its doors."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta, timezone
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects.bulksms.answers import Entry, encode_answer
from switchboard.dialects.bulksms.callbacks import (
    STATUS_WORDS,
    decode_callback,
    decode_report,
    encode_inbound,
    encode_report,
)
from switchboard.dialects.bulksms.codes import CODES, SMPP
from switchboard.dialects.bulksms.doors import DOORS
from switchboard.dialects.bulksms.provider import DIALECT
from switchboard.dialects.bulksms.reports import report
from switchboard.dialects.bulksms.schedule import Schedule, decode_call, decode_schedule, encode_schedule, is_past
from switchboard.dialects.bulksms.submit import SUBMIT, Submit, decode_submit, encode_submit
from switchboard.dialects.door import (
    Credentials,
    Delivery,
    Door,
    Home,
    Order,
    Placed,
    Refusal,
    TurnedAway,
    by_their_names,
)
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form
from switchboard.model.contact import Contact
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound, Recipient
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status
from tests.corners.bulksms import ARRIVAL, CALL, FIRST, MORNING, REPORT, SCHEDULE, submits

HOME = Home("UY", ZoneInfo("UTC"))
ACCOUNT = {"username": "acme", "password": "secret", "sender": "Northwind"}
FIELDS = {
    "username": "acme",
    "password": "secret",
    "type": "0",
    "dlr": "1",
    "destination": "59899123456",
    "source": "Northwind",
    "message": "Hello",
}
A, B, C = "59899123456", "59899123457", "59899123458"
ACCEPTED, REJECTED, RETRYABLE, UNCONFIRMED = Verdict


def get(**changes: str | None) -> Request:
    """A call with these parameters changed, or left out with None."""
    fields = {name: value for name, value in (FIELDS | changes).items() if value is not None}
    return Request(method="GET", path=SUBMIT, query=urlencode(fields).encode())


_ids = count()


def sms(to: str = "+" + A, **changes: Any) -> Outbound:
    content = Content(channel=Channel.SMS, **({"text": "Hello"} | changes))
    return Outbound(id=str(next(_ids)), to=to, content=content)


def group(*numbers: str) -> list[Outbound]:
    return [sms("+" + number) for number in numbers]


def outcomes(body: str | bytes, *numbers: str, status: int = 200) -> tuple[Outcome, ...]:
    body = body if isinstance(body, bytes) else body.encode()
    return DIALECT.outcomes(group(*numbers), Response(status=status, body=body))


def verdicts(body: str | bytes, *numbers: str) -> list[Verdict]:
    return [outcome.verdict for outcome in outcomes(body, *numbers)]


# --- corners that the table has no room for ---------------------------------------------------------------------------


@settings(deadline=None)
@given(submits, st.sampled_from(["GET", "POST"]))
def test_a_call_comes_back_by_either_method(call: Submit, method: str) -> None:
    assert decode_submit(encode_submit(call, method)) == call
    assert decode_call(encode_submit(call, method)) == call


def test_a_callback_comes_back_by_a_get() -> None:
    assert decode_callback(encode_report(REPORT, "GET")) == REPORT
    assert decode_callback(encode_inbound(ARRIVAL, "GET")) == ARRIVAL


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_arbitrary_answers_have_an_outcome_each_or_are_unreadable(raw: bytes) -> None:
    for answer in (raw, b"1701|" + raw, b"1701|59899123456|a,17" + raw):
        with suppress(Unreadable):
            assert len(outcomes(answer, A, B, C)) == 3


def test_no_code_is_of_two_tables() -> None:
    assert not set(CODES) & set(SMPP)


@pytest.mark.parametrize(
    ("second", "microsecond", "minute"),
    [(0, 0, 45), (0, 1, 46), (1, 0, 46), (59, 999999, 46)],
)
def test_nothing_is_scheduled_before_its_time(second: int, microsecond: int, minute: int) -> None:
    wanted = replace(SCHEDULE, at=MORNING.replace(second=second, microsecond=microsecond))
    assert decode_call(encode_schedule(wanted)) == replace(SCHEDULE, at=MORNING.replace(minute=minute))


def test_another_zone_is_written_in_utc() -> None:
    there = MORNING.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert encode_schedule(replace(SCHEDULE, at=there)) == encode_schedule(SCHEDULE)


@pytest.mark.parametrize(("seconds", "past"), [(-60, False), (0, False), (59, False), (60, True)])
def test_a_minute_is_past_when_it_is_over(seconds: int, past: bool) -> None:
    assert is_past(SCHEDULE, MORNING + timedelta(seconds=seconds)) is past


# --- the vendor's answer ----------------------------------------------------------------------------------------------


def test_an_echo_never_breaks_the_list() -> None:
    answer = (Entry("1706", "a|1701|b"), Entry("1701", A, FIRST))
    assert encode_answer(answer).body.decode() == f"1706|NA,1701|{A}|{FIRST}"


# --- the request, as the gateway writes it ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "type_", "message"),
    [
        ({"text": "ñ€"}, "0", "ñ€"),
        ({"text": "hé", "flash": True}, "1", "hé"),
        ({"text": "Привет"}, "2", "041F04400438043204350442"),
        ({"text": "😀", "flash": True}, "6", "D83DDE00"),
        ({"text": "hi", "encoding": Encoding.UCS2}, "2", "00680069"),
        ({"text": "á", "encoding": Encoding.LATIN1}, "5", "á"),
        ({"text": "á", "encoding": Encoding.LATIN1, "flash": True}, "7", "á"),
        ({"text": "á", "link": "http://a.example/?b=c&d"}, "4", "á"),
    ],
)
def test_the_type_follows_the_text(changes: dict[str, Any], type_: str, message: str) -> None:
    assert DIALECT.refuses(sms(**changes).content) == ()
    request = DIALECT.submit([sms(**changes)], ACCOUNT)
    fields = dict(parse_qsl(request.query.decode()))
    assert fields == FIELDS | {"type": type_, "message": message, "source": "Northwind"} | (
        {"url": changes["link"]} if "link" in changes else {}
    )


def test_the_plus_and_the_comma_are_encoded() -> None:
    query = DIALECT.submit([sms(sender="+59824680"), sms("+" + B, sender="+59824680")], ACCOUNT).query.decode()
    assert f"destination={A}%2C{B}&source=%2B59824680&" in query


def test_registered_ids_go_with_the_message_and_part_the_calls() -> None:
    registered = {"entity_id": "1", "template_id": "2", "telemarketer_id": "3"}
    messages = [sms(options={"bulksms": registered}), sms("+" + B), sms("+" + C, options={"bulksms": registered})]
    parts = DIALECT.pack(messages)
    assert [[messages.index(message) for message in part] for part in parts] == [[0, 2], [1]]
    said = [decode_submit(DIALECT.submit(part, ACCOUNT)) for part in parts]
    assert said == [
        replace(CALL, destinations=(A, C), entity_id="1", template_id="2", telemarketer_id="3"),
        replace(CALL, destinations=(B,)),
    ]


def test_what_the_platform_is_to_send_later_goes_by_its_own_schedule() -> None:
    ids = {"template_id": "2"}
    wanted = MORNING.timestamp()
    messages = [sms(provider_at=wanted, options={"bulksms": ids}), sms("+" + B, provider_at=wanted), sms("+" + B)]
    messages += [sms("+" + C, provider_at=wanted), sms("+" + C)]
    parts = DIALECT.pack(messages)
    assert [[messages.index(message) for message in part] for part in parts] == [[0], [1], [2, 4], [3]]
    assert DIALECT.refuses(messages[0].content) == ()
    request = DIALECT.submit(parts[0], ACCOUNT)
    assert (request.method, request.path) == ("GET", "/bulksms/schedulemsg")
    assert decode_schedule(request) == Schedule(submit=replace(CALL, template_id="2"), at=MORNING)
    assert dict(parse_qsl(request.query.decode()))["gmt"] == "GMT +00:00"
    posted = DIALECT.submit(parts[0], ACCOUNT | {"method": "POST"})
    assert (posted.method, decode_schedule(posted)) == ("POST", decode_schedule(request))


@pytest.mark.parametrize("late", [0.001, 0.9, 1, 59.999])
def test_the_platform_never_sends_before_the_time_that_was_asked_for(late: float) -> None:
    request = DIALECT.submit([sms(provider_at=MORNING.timestamp() + late)], ACCOUNT)
    assert decode_schedule(request).at == MORNING + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("body", "verdict"),
    [(f"1701|{A}|{FIRST}", ACCEPTED), (f"Scheduled|{FIRST}", ACCEPTED), (f"1702|{A}", REJECTED), ("1702", REJECTED)],
)
def test_what_the_platform_says_of_a_time(body: str, verdict: Verdict) -> None:
    """A time that has passed by then is the platform's no, for good."""
    (outcome,) = DIALECT.outcomes([sms(provider_at=0.0)], Response(status=200, body=body.encode()))
    assert (outcome.verdict, outcome.vendor_id) == (verdict, FIRST if verdict is ACCEPTED else None)


def test_a_post_where_it_is_asked_for_or_the_url_is_too_long() -> None:
    assert DIALECT.submit([sms()], ACCOUNT | {"method": "POST"}).method == "POST"
    long = DIALECT.submit([sms(text="ы" * 1600)], ACCOUNT)
    assert (long.method, long.query, decode_submit(long).text) == ("POST", b"", "ы" * 1600)


def test_a_missing_credential_is_a_key_error() -> None:
    for name in ACCOUNT:
        with pytest.raises(KeyError):
            DIALECT.submit([sms()], {key: value for key, value in ACCOUNT.items() if key != name})


def test_messages_go_together_by_text_sender_and_type() -> None:
    messages = [
        sms("+" + A),
        sms("+" + B, text="other"),
        sms("+" + B),
        sms("+" + A),  # again: another call
        sms("+" + C, sender="Other"),
        sms("+" + C, flash=True),
        sms("+" + C),
        sms("+" + B, text="other", encoding=Encoding.GSM),
    ]
    packed = [[messages.index(message) for message in part] for part in DIALECT.pack(messages)]
    assert packed == [[0, 2], [1], [3, 6], [4], [5], [7]]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 3)), max_size=400),
    st.sampled_from(["hi", "ñ" * 500, "ы" * 300, "😀" * 700, "€" * 600]),
)
def test_a_pack_holds_every_message_once_and_keeps_the_limits(wanted: list[tuple[int, int]], text: str) -> None:
    messages = [sms(f"+598991234{number:05d}", text=text + str(kind)) for number, kind in wanted]
    packed = DIALECT.pack(messages)
    assert sorted(message.id for part in packed for message in part) == sorted(message.id for message in messages)
    for part in packed:
        request = DIALECT.submit(part, ACCOUNT)
        assert 0 < len(part) <= 100
        assert len({message.to for message in part}) == len(part)
        assert len(request.path) + len(request.query) < 6000
        assert request.method == "GET" or len(part) == 1
        assert [message.id for message in part] == sorted((message.id for message in part), key=int)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"text": None}, ["text"]),
        ({"text": "á", "encoding": Encoding.GSM}, ["text"]),
        ({"text": "ы", "encoding": Encoding.LATIN1}, ["text"]),
        ({"text": "\ud83d"}, ["text"]),
        ({"link": ""}, ["link"]),
        ({"link": "http://a.example", "flash": True}, ["flash"]),
        ({"link": "http://a.example", "encoding": Encoding.UCS2}, ["encoding"]),
        ({"sender": ""}, ["from"]),
        ({"sender": "1" * 19}, ["from"]),
        ({"sender": "Northwind Ltd"}, ["from"]),
        ({"contact": Contact(name="a")}, ["contact"]),
        ({"subject": "a", "html": "b", "template": "c"}, ["subject", "html", "template"]),
        ({"attachments": ("a",)}, ["attachments"]),
        ({"invitation": Invitation(title="a", organizer="b", start="c", end="d")}, ["invitation"]),
        (
            {"options": {"bulksms": {"x": "y", "entity_id": "1", "template_id": ""}}},
            ["bulksms.x", "bulksms.template_id"],
        ),
        ({"channel": Channel.EMAIL}, ["channel"]),
        ({"sender": "+" + "1" * 18}, []),
        ({"sender": "a" * 11, "campaign": "spring"}, []),
    ],
    ids=str,
)
def test_what_the_platform_cannot_carry(changes: dict[str, Any], fields: list[str]) -> None:
    content = Content(**({"channel": Channel.SMS, "text": "hi"} | changes))
    problems = DIALECT.refuses(content)
    assert [problem.field for problem in problems] == fields
    assert all(problem.reason for problem in problems)


# --- what an answer means ---------------------------------------------------------------------------------------------

ABOUT_THE_RECIPIENT = {"1706", "1732", "1042", "1041", "1032", "1035"}
IN_DOUBT = {"1710", "1715", "8", "69"}


@pytest.mark.parametrize("code", [*CODES, *SMPP, "0", "9", "400", "1100", "1799", "99999"])
@pytest.mark.parametrize("status", [200, 403, 500])
def test_every_code(code: str, status: int) -> None:
    (outcome,) = outcomes(f"{code}|{A}", A, status=status)
    known = code in CODES or code in SMPP
    if code == "1701":
        verdict = ACCEPTED
    elif code == "1709":
        verdict = RETRYABLE
    else:
        verdict = UNCONFIRMED if code in IN_DOUBT or not known else REJECTED
    assert (outcome.verdict, outcome.code) == (verdict, code)
    assert outcome.detail
    if verdict is REJECTED and code in CODES:
        assert (outcome.concern is Concern.RECIPIENT) == (code in ABOUT_THE_RECIPIENT)


@pytest.mark.parametrize("code", [code for code in CODES if code != "1701"])
def test_a_bare_code_speaks_for_all(code: str) -> None:
    said = outcomes(code, A, B, C)
    assert said == (said[0],) * 3
    assert said[0] == outcomes(f"{code}|{A}", A)[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        # an invalid destination does not stop the rest; any other code does, and nothing after it was taken
        (f"1701|{A}|x,1706|{B},1701|{C}|y", [ACCEPTED, REJECTED, ACCEPTED]),
        (f"1701|{A}|x,1725|{B}", [ACCEPTED, REJECTED, RETRYABLE]),
        (f"1701|{A}|x,1025|{B}", [ACCEPTED, REJECTED, RETRYABLE]),
        (f"1732|{A}", [REJECTED, RETRYABLE, RETRYABLE]),
        (f"1028|{A}", [REJECTED, RETRYABLE, RETRYABLE]),
        (f"1709|{A}", [RETRYABLE] * 3),
        (f"11|{A}", [REJECTED, RETRYABLE, RETRYABLE]),
        # an error about the whole request names the first destination
        *((f"{code}|{A}", [REJECTED] * 3) for code in ("1702", "1703", "1704", "1705", "1707", "1708", "16", "18")),
        (f"1701|{A}|x,1707|{B}", [ACCEPTED, REJECTED, RETRYABLE]),
        # without a code that stops the list, the answer may have been cut
        (f"1701|{A}|x", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        *((f"{code}|{A}", [REJECTED, UNCONFIRMED, UNCONFIRMED]) for code in ("1706",)),
        *((f"{code}|{A}", [UNCONFIRMED] * 3) for code in ("1710", "1715", "8", "69", "4000")),
        (f"1725|{A},1701|{B}|x", [REJECTED, ACCEPTED, UNCONFIRMED]),
        # cut in the middle of an entry: no proof of anything
        (f"1701|{A}|x,17", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        (f"1701|{A}|x,1", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        (f"1701|{A}|x,1725|5989", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        (f"1701|{A}|x,1725|{B},", [ACCEPTED, REJECTED, UNCONFIRMED]),
        (f"1701|{A}|x,1725", [ACCEPTED, REJECTED, UNCONFIRMED]),
        (f"1701|{A}|x,<br>", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        ("1", [UNCONFIRMED] * 3),
        ("17", [UNCONFIRMED] * 3),
        # by digits, by position, with and without ids
        (f"1701|{B}|x,1701|+{A}|y,1701|00-{C}|z", [ACCEPTED] * 3),
        (f"1701|{A}:x,1701|{B},1701", [ACCEPTED] * 3),
        (f"1701|{A}|x,1706|NA,1701|{C}|y", [ACCEPTED, REJECTED, ACCEPTED]),
        (f"1701|{A}|x,1725|NA", [ACCEPTED, REJECTED, RETRYABLE]),
        ("1701|099123456|x,1706|099123457,1701|099123458|y", [ACCEPTED, REJECTED, ACCEPTED]),
        # a yes beside a no is a yes; a doubt beside a no is a doubt
        (f"1701|{A}|x,1706|{A}", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        (f"1709|{A},1701|{A}|x", [ACCEPTED, UNCONFIRMED, UNCONFIRMED]),
        (f"1710|{A},1709|{A}", [UNCONFIRMED, RETRYABLE, RETRYABLE]),
        (f"1701|{A}|x\n1701|{B}|y\r\n1701|{C}|z\n", [ACCEPTED] * 3),
    ],
)
def test_lists(body: str, expected: list[Verdict]) -> None:
    assert verdicts(body, A, B, C) == expected


def test_ids_find_their_messages() -> None:
    answer = outcomes(f"1701|{B}|second,1701|+{A}:first,1701|{C}", A, B, C)
    assert [outcome.vendor_id for outcome in answer] == ["first", "second", None]
    assert outcomes(f"Scheduled|{FIRST}", A)[0].vendor_id == FIRST
    assert outcomes("1701", A)[0].verdict is ACCEPTED
    assert outcomes(f"1706|{A}|x", A)[0].vendor_id is None


def test_retry_after_goes_with_what_may_be_sent_again() -> None:
    response = Response(status=429, headers=(("retry-after", "7"),), body=f"1709|{A}".encode())
    assert [outcome.retry_after for outcome in DIALECT.outcomes(group(A, B), response)] == [7, 7]
    response = replace(response, body=f"1703|{A}".encode())
    assert [outcome.retry_after for outcome in DIALECT.outcomes(group(A), response)] == [None]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"\xff\xfe"),
        (200, b"OK"),
        (200, b"<html>1701|59899123456|x</html>"),
        (200, b"ERROR,1701|59899123456|x"),
        (200, b"170100|59899123456|x"),
        (200, b"1701|a|b|c"),
        (200, "１７０１|59899123456|x".encode()),  # digits, but not the vendor's
        (404, b"404"),
        (503, b"503"),
    ],
)
def test_an_answer_that_is_none_is_unreadable(status: int, body: bytes) -> None:
    with pytest.raises(Unreadable):
        outcomes(body, A, B, status=status)


# --- callbacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("ACKED", Status.SUBMITTED),
        ("ENROUTE", Status.SENT),
        ("ACCEPTED", Status.SUBMITTED),
        ("UNKNOWN", Status.SUBMITTED),
        ("DELIVRD", Status.DELIVERED),
        ("delivrd", Status.DELIVERED),
        ("UNDELIV", Status.UNDELIVERED),
        ("EXPIRED", Status.EXPIRED),
        ("DELETED", Status.REJECTED),
        ("REJECTD", Status.REJECTED),
        ("SOMETHING", None),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_words_of_a_report(word: str, status: Status | None, method: str) -> None:
    request = encode_report(replace(REPORT, status=word, error="27"), method)
    assert DIALECT.callback(request, ACCOUNT) == (
        Receipt(vendor_id=FIRST, word=word, status=status, to=A, error="27", done_at="2026-11-22T14:05:41+00:00"),
    )


@pytest.mark.parametrize(
    ("zone", "done", "expected"),
    [
        ("UTC", "2026-07-01 00:00:00", "2026-07-01T00:00:00+00:00"),
        ("Asia/Kolkata", "2026-07-01 00:00:00", "2026-07-01T00:00:00+05:30"),
        ("Europe/London", "2026-07-01 00:00:00", "2026-07-01T00:00:00+01:00"),
        ("Nowhere/Else", "2026-07-01 00:00:00", None),
        ("UTC", "2026-02-30 00:00:00", None),
        ("UTC", "yesterday", None),
        ("UTC", "", None),
    ],
)
def test_the_time_of_a_report(zone: str, done: str, expected: str | None) -> None:
    query = f"sMessageId=i&sStatus=DELIVRD&iErrCode=000&dtDone={quote(done)}".encode()
    (receipt,) = DIALECT.callback(Request(method="GET", path="/", query=query), ACCOUNT | {"zone": zone})
    assert receipt == Receipt(vendor_id="i", word="DELIVRD", status=Status.DELIVERED, done_at=expected)


def test_an_inbound_message_in_every_shape() -> None:
    posted = form("POST", "/", {"from": A, "to": "24680", "message": "", "message_id": ""})
    as_json = Request(
        method="POST",
        path="/",
        headers=(("content-type", JSON),),
        body=f'{{"from": "{A}", "to": 24680, "message": ""}}'.encode(),
    )
    for request in (posted, Request(method="GET", path="/", query=posted.body), as_json):
        assert DIALECT.callback(request, ACCOUNT) == (Inbound(sender=A, to="24680", text=""),)


@pytest.mark.parametrize("query", [b"", b"sMessageId=&sStatus=DELIVRD", b"sMessageId=i", b"from=1", b"message=hi"])
def test_what_is_no_callback(query: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.callback(Request(method="GET", path="/", query=query), ACCOUNT)


# --- the doors --------------------------------------------------------------------------------------------------------

BULK, LATER = DOORS
AS_JSON = Request(method="POST", path=SUBMIT, headers=(("content-type", JSON),))
WITH_A_TIME = {"date": "03/03/2030", "time": "03:45 am", "gmt": "+00:00"}


def ordered(region: str | None = "UY", **changes: str) -> Order:
    order = BULK.order(BULK.read(get(**changes)), Home(region, ZoneInfo("UTC")))
    assert order is not None
    return order


def turned_away(act: Callable[[], object]) -> str:
    with pytest.raises(TurnedAway) as away:
        act()
    assert away.value.response.status == 200
    return away.value.response.body.decode()


def answered(region: str | None = None, **changes: str) -> str:
    said = BULK.read(get(**changes))
    order = BULK.order(said, Home(region, ZoneInfo("UTC")))
    assert order is not None
    placed = tuple(Placed(id=f"id{place}") for place in range(len(order.recipients)))
    return BULK.answer(said, order, placed).body.decode()


def test_a_call_in_our_words() -> None:
    said = BULK.read(get(ip="10.0.0.1"))
    assert BULK.credentials(said) == Credentials(user="acme", secret="secret")
    content = Content(channel=Channel.SMS, text="Hello", sender="Northwind")
    assert ordered() == replace(ordered(), content=content, recipients=(Recipient(to="+" + A),), reports=True)
    assert not ordered(dlr="0").reports
    ids = {"entity_id": "1", "template_id": "2", "telemarketer_id": "3"}
    assert ordered(entityid="1", tempid="2", tmid="3").content.options == {"bulksms": ids}


@pytest.mark.parametrize(
    ("changes", "content"),
    [
        ({"message": "ñ€"}, {"text": "ñ€"}),
        ({"message": "Привет"}, {"text": "Привет"}),  # the gateway codes it anew
        ({"type": "1"}, {"flash": True}),
        ({"type": "1", "message": "ы"}, {"flash": True, "text": "ы"}),
        ({"type": "2", "message": "00480069"}, {"text": "Hi", "encoding": Encoding.UCS2}),
        ({"type": "2", "message": "044B"}, {"text": "ы"}),  # it comes to that by itself
        ({"type": "2", "message": "Hi"}, {"text": "Hi"}),  # not in hex: guessed
        ({"type": "6", "message": "044B"}, {"text": "ы", "flash": True}),
        ({"type": "5", "message": "Sí"}, {"text": "Sí", "encoding": Encoding.LATIN1}),
        ({"type": "5", "message": "ы"}, {"text": "ы"}),
        ({"type": "7", "message": "Sí"}, {"text": "Sí", "encoding": Encoding.LATIN1, "flash": True}),
        ({"type": "4", "url": "http://a.example"}, {"link": "http://a.example"}),
        ({"type": "0", "url": "http://a.example"}, {}),
    ],
    ids=str,
)
def test_types_in_our_words(changes: dict[str, str], content: dict[str, Any]) -> None:
    expected = {"channel": Channel.SMS, "text": "Hello", "sender": "Northwind"} | content
    assert ordered(**changes).content == Content(**expected)


@pytest.mark.parametrize(
    ("destination", "region", "numbers", "answer"),
    [
        (f"+{A},{B}", None, [A, B], f"1701|+{A}|id0,1701|{B}|id1"),
        (f"12,{A},xyz,{B}", None, [A, B], f"1706|12,1701|{A}|id0,1706|xyz,1701|{B}|id1"),
        (f"{B},{A},+{B},099123457", "UY", [B, A], f"1701|{B}|id0,1701|{A}|id1,1701|+{B}|id0,1701|099123457|id0"),
        (f"00{A},099123457", None, [A], f"1701|00{A}|id0,1706|099123457"),
        (f"1800FLOWERS,{A}|1", None, [], "1706|1800FLOWERS,1706|NA"),
        # without its country code, and without the plus that a client did not encode
        ("9195551299,59899123456", "US", ["19195551299", A], f"1701|9195551299|id0,1701|{A}|id1"),
        ("612345678", "ES", ["34612345678"], "1701|612345678|id0"),
        ("447700900101", "DE", ["447700900101"], "1701|447700900101|id0"),
        (f" {A}, 099123457", "UY", [A, B], f"1701|+{A}|id0,1701|099123457|id1"),
        (" 099123457", "UY", [B], "1701|099123457|id0"),
        (" 015123456789", "DE", ["4915123456789"], "1701|015123456789|id0"),
    ],
)
def test_destinations(destination: str, region: str | None, numbers: list[str], answer: str) -> None:
    if not numbers:
        assert turned_away(lambda: ordered(region, destination=destination)) == answer
        return
    assert [recipient.to for recipient in ordered(region, destination=destination).recipients] == [
        f"+{number}" for number in numbers
    ]
    assert answered(region, destination=destination) == answer


def test_one_destination_too_many_takes_nothing() -> None:
    numbers = [f"5989{number:07d}" for number in range(1001)]
    assert len(ordered(destination=",".join(numbers[:1000])).recipients) == 1000
    with pytest.raises(TurnedAway) as away:
        ordered(destination=",".join(numbers))
    assert away.value.response.body.decode() == f"1710|{numbers[0]}"
    assert away.value.problems == (Problem("destination", "at most 1000 a call"),)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (get(message=""), f"1702|{A}"),
        (get(destination=None), "1702"),
        (get(type="3", **WITH_A_TIME), f"1704|{A}"),
        (get(**(WITH_A_TIME | {"gmt": None})), f"1702|{A}"),
        (Request(method="GET", path=SUBMIT, query=b"a=b&" * 1001), "1702"),
        (Request(method="POST", path=SUBMIT, headers=(("content-type", JSON),), body=b"{"), "1702"),
    ],
)
def test_what_is_no_call_is_turned_away(door: Door[Any], request_: Request, answer: str) -> None:
    assert turned_away(lambda: door.read(request_)) == answer


@pytest.mark.parametrize(
    ("changes", "code", "parameters"),
    [
        ({"message": None}, "1702", ["message"]),
        *(({name: " \t"}, "1702", [name]) for name in FIELDS),
        ({"username": "", "source": " "}, "1702", ["username", "source"]),
        ({"destination": " , ,"}, "1702", ["destination"]),
        ({"type": "4", "url": " "}, "1702", ["url"]),
        ({"type": "3"}, "1704", ["type"]),
        ({"type": "2", "message": "D83D"}, "1705", ["message"]),
        ({"source": "Northwind Ltd"}, "1707", ["source"]),
        ({"dlr": "2"}, "1708", ["dlr"]),
        ({"Date": "03/03/2030"}, "1702", ["date, time, gmt"]),
        ({"SCHEDULETIME": "03:45 am"}, "1702", ["date, time, gmt"]),
    ],
    ids=str,
)
def test_whoever_is_turned_away_hears_of_which_parameter(
    changes: dict[str, str | None], code: str, parameters: list[str]
) -> None:
    with pytest.raises(TurnedAway) as away:
        BULK.read(get(**changes))
    assert away.value.response.body.decode().partition("|")[0] == code
    assert [problem.field for problem in away.value.problems] == parameters
    assert all(problem.reason for problem in away.value.problems)


def test_what_cannot_be_read_at_all_is_said_too() -> None:
    with pytest.raises(TurnedAway) as away:
        BULK.read(Request(method="POST", path=SUBMIT, headers=(("content-type", JSON),), body=b"{"))
    assert away.value.problems == (Problem("request", "not JSON in UTF-8"),)


@pytest.mark.parametrize("value", [["59899123456"], {"a": "b"}, True], ids=str)
def test_a_json_value_that_is_no_text_is_not_dropped(value: object) -> None:
    body = json.dumps(FIELDS | {"ip": value}).encode()
    assert turned_away(lambda: BULK.read(replace(AS_JSON, body=body))) == "1702"
    for scalar in (7, None):
        assert BULK.read(replace(AS_JSON, body=json.dumps(FIELDS | {"ip": scalar}).encode())).text == "Hello"


def test_a_report_in_json_is_not_lost_for_what_it_says_besides() -> None:
    body = b'{"sMessageId": "i", "sStatus": "DELIVRD", "more": {"a": [1]}, "flag": true}'
    (receipt,) = DIALECT.callback(replace(AS_JSON, body=body), ACCOUNT)
    assert isinstance(receipt, Receipt)
    assert receipt.status is Status.DELIVERED


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=UTF-8", "application/octet-stream", "", "x"])
def test_a_body_of_another_type_is_a_form(kind: str) -> None:
    plain = Request(method="POST", path=SUBMIT, headers=(("content-type", kind),), body=get().query)
    assert decode_submit(plain) == CALL
    assert decode_submit(replace(plain, body=json.dumps(FIELDS).encode())) == CALL


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
@pytest.mark.parametrize("names", [("date", "time", "gmt"), ("Date", "Time", "GMT"), ("ScheduleDate", "TIME", "Gmt")])
def test_a_time_to_send_at_is_never_sent_at_once(door: Door[Any], names: tuple[str, ...]) -> None:
    said = door.read(get(destination=f"{A},xyz,+{B}", **dict(zip(names, WITH_A_TIME.values(), strict=True))))
    assert isinstance(said, Schedule)
    assert door.credentials(said) == Credentials(user="acme", secret="secret")
    # The call names its own offset: the client's zone has no say, and a time that is past is not at once.
    order = door.order(said, Home("UY", ZoneInfo("Asia/Tokyo")))
    assert order == replace(ordered(destination=f"{A},xyz,+{B}"), send_at=MORNING.timestamp())
    assert (order.at_once, order.reports) == (False, True)
    placed = (Placed(id="id0"), Placed(id="id1"))
    assert door.answer(said, order, placed).body.decode() == f"1701|{A}|id0,1706|xyz,1701|+{B}|id1"


def test_a_time_in_another_zone_is_the_same_moment() -> None:
    there = BULK.read(get(date="03/03/2030", time="09:15 am", gmt="GMT +05:30"))
    assert BULK.order(there, HOME) == replace(ordered(), send_at=MORNING.timestamp())


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_time_that_cannot_be_kept_has_its_code(door: Door[Any]) -> None:
    said = door.read(get(destination=f"{B},{A}", **WITH_A_TIME))
    problems = (Problem("send_at", "is past"),)
    assert door.refuse(said, Refusal.CONTENT, problems, door.order(said, HOME)).body.decode() == f"1702|{B}"
    assert by_their_names(problems, door.names) == (Problem("date, time, gmt", "is past"),)


def test_the_door_for_later_wants_a_time() -> None:
    assert turned_away(lambda: LATER.read(get())) == f"1702|{A}"


@pytest.mark.parametrize(
    ("why", "code"),
    [
        (Refusal.CREDENTIALS, "1703"),
        (Refusal.LIMIT, "1709"),
        (Refusal.BUSY, "1709"),
        (Refusal.FAILED, "1710"),
        (Refusal.ABSENT, "1710"),
        (Refusal.UNKNOWN, "1715"),
    ],
)
def test_a_refusal_has_its_code(why: Refusal, code: str) -> None:
    said = BULK.read(get(destination=f"{B},{A}"))
    assert BULK.refuse(said, why, (), None).body.decode() == f"{code}|{B}"


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (["from"], f"1707|{B}"),
        (["text"], f"1705|{B}"),
        (["encoding"], f"1705|{B}"),
        (["flash"], f"1704|{B}"),
        (["link"], f"1704|{B}"),
        (["bulksms.entity_id"], f"1710|{B}"),
        (["provider", "from"], f"1707|{B}"),
        # 1706 does not stop a list: it would leave the others in doubt
        (["to.0"], f"1710|{B}"),
        (["to.1"], f"1710|{A}"),  # behind one that is no number, and one that was said before
        (["to.2"], "1710|099123458"),  # behind one that is the same number as the region writes it
        (["to"], f"1710|{B}"),
        ([], f"1710|{B}"),
    ],
)
def test_what_cannot_be_carried_has_its_code(fields: list[str], answer: str) -> None:
    said = BULK.read(get(destination=f"{B},xyz,+{B},{A},099123456,099123458"))
    problems = tuple(Problem(field, "is wrong") for field in fields)
    assert BULK.refuse(said, Refusal.CONTENT, problems, BULK.order(said, HOME)).body.decode() == answer


def test_what_is_wrong_before_there_is_an_order_is_said_of_the_first_destination() -> None:
    said = BULK.read(get(destination=f"{B},{A}"))
    assert BULK.refuse(said, Refusal.CONTENT, (Problem("to.1", "is wrong"),), None).body.decode() == f"1710|{B}"


def test_the_only_destination_of_a_call_is_named_as_such() -> None:
    said = BULK.read(get(destination=B))
    problem = (Problem("to.0", "nobody sends there"),)
    assert BULK.refuse(said, Refusal.CONTENT, problem, BULK.order(said, HOME)).body.decode() == f"1706|{B}"


def test_problems_have_the_documents_names() -> None:
    ours = [
        Problem(name, "is wrong") for name in ("to.3", "from", "text", "link", f"{DIALECT.name}.template_id", "a.b")
    ]
    said = by_their_names(ours, BULK.names)
    assert [problem.field for problem in said] == ["destination.3", "source", "message", "url", "tempid", "a.b"]


@pytest.mark.parametrize("status", Status)
def test_a_report_to_a_client(status: Status) -> None:
    told = report(
        Delivery(
            id=FIRST,
            to="+" + A,
            sender=None,
            status=status,
            parts=2,
            code="1732",
            submitted_at=1795356337.9,
            done_at=1795356341.0,
        )
    )
    said = decode_report(told)
    assert said == replace(REPORT, source="", status=said.status, cost="0", charge="2", mcc_mnc="", error="1732")
    means = {Status.FAILED: Status.UNDELIVERED, Status.CANCELED: Status.REJECTED, Status.QUEUED: Status.SUBMITTED}
    means |= {Status.UNCONFIRMED: Status.SUBMITTED, Status.SCHEDULED: Status.SUBMITTED}
    assert STATUS_WORDS[said.status] == means.get(status, status)
