"""The bulk platform's dialect: its samples as the document prints them, round trips, what the gateway makes of them."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects import bulksms
from switchboard.dialects.bulksms import CODES, DIALECT, SMPP, Arrival, Entry, Report, Submit, Type
from switchboard.dialects.wire import FORM, JSON, Request, Response, Unreadable, form
from switchboard.model.contact import Contact
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status

SAMPLES = Path(__file__).parents[1] / "samples" / "bulksms"
FIRST, SECOND = "8a0e4a5c-4c8f-4e0e-9f6d-0f6d6b3f0a11", "5b1d9f3e-0c8a-4f56-8a44-2d6f4d1c7b22"
ACCOUNT = {"username": "X", "password": "Y", "sender": "Northwind"}
FIELDS = {
    "username": "X",
    "password": "Y",
    "type": "0",
    "dlr": "1",
    "destination": "59899123456",
    "source": "R",
    "message": "S",
}
CALL = Submit(username="X", password="Y", type=Type.GSM, dlr=True, destinations=("59899123456",), source="R", text="S")
A, B, C = "59899123456", "59899123457", "59899123458"
ACCEPTED, REJECTED, RETRYABLE, UNCONFIRMED = Verdict

said = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
maybe = st.none() | said
destination = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True) | st.from_regex(
    r"[a-z][a-z .]{0,8}[a-z]", fullmatch=True
)
sources = st.from_regex(r"\+?[0-9]{1,18}", fullmatch=True) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=11
)
calls = st.builds(
    Submit,
    username=said,
    password=said,
    type=st.sampled_from([type_ for type_ in Type if type_ not in {Type.RESERVED, Type.WAP_PUSH}]),
    dlr=st.booleans(),
    destinations=st.lists(destination, min_size=1, max_size=5).map(tuple),
    source=sources,
    text=said,
    link=maybe,
    encoding_guessed=st.just(False),
    ip=maybe,
    entity_id=maybe,
    template_id=maybe,
    telemarketer_id=maybe,
)
codes = st.sampled_from([*CODES, *SMPP]) | st.from_regex(r"[0-9]{1,5}", fullmatch=True)
echoed = st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True) | st.just("NA")
entries = st.builds(Entry, codes) | st.builds(Entry, codes, echoed, st.none() | st.uuids().map(str))
answers = st.lists(entries, min_size=1, max_size=6).map(tuple)
times = st.none() | st.datetimes(min_value=datetime.fromisoformat("2000-01-01")).map(
    lambda moment: moment.replace(microsecond=0)
)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
reports = st.builds(
    Report,
    message_id=said,
    status=said,
    **dict.fromkeys(("source", "mobile", "cost", "charge", "mcc_mnc", "error"), any_text),
    **dict.fromkeys(("submitted", "done"), times),
    **dict.fromkeys(("tag", "udf1", "udf2"), st.none() | any_text),
)
arrivals = st.builds(Arrival, sender=said, text=any_text, to=any_text, message_id=st.none() | any_text)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def get(fields: dict[str, str] | bytes) -> Request:
    query = fields if isinstance(fields, bytes) else urlencode(fields).encode()
    return Request(method="GET", path=bulksms.SUBMIT, query=query)


def turned_down(request: Request) -> str:
    with pytest.raises(bulksms.TurnedDown) as no:
        bulksms.decode_submit(request)
    return bulksms.encode_submit_answer(no.value.answer).body.decode()


_ids = count()


def sms(to: str = "+" + A, **changes: Any) -> Outbound:
    content = Content(channel=Channel.SMS, **({"text": "hi"} | changes))
    return Outbound(id=str(next(_ids)), to=to, content=content)


def group(*numbers: str) -> list[Outbound]:
    return [sms("+" + number) for number in numbers]


def outcomes(body: str | bytes, *numbers: str, status: int = 200) -> tuple[Outcome, ...]:
    body = body if isinstance(body, bytes) else body.encode()
    return DIALECT.outcomes(group(*numbers), Response(status=status, body=body))


def verdicts(body: str | bytes, *numbers: str) -> list[Verdict]:
    return [outcome.verdict for outcome in outcomes(body, *numbers)]


# --- samples ----------------------------------------------------------------------------------------------------------


def test_every_printed_parameter_in_its_printed_order() -> None:
    path, _, query = sample("bulksms_example_url.txt").decode().removeprefix("http://<server>:port").partition("?")
    written = bulksms.encode_submit(CALL)
    assert (written.method, written.path) == ("GET", path)
    assert [name for name, _ in parse_qsl(written.query.decode())] == [name for name, _ in parse_qsl(query)]
    fields = dict(parse_qsl(query)) | {"type": "0", "dlr": "1"}
    read = bulksms.decode_submit(get(fields))
    assert read == replace(CALL, destinations=("Q",))
    with_ip = dict(parse_qsl(sample("bulksms_example_url_with_ip.txt").decode().partition("?")[2]))
    assert bulksms.decode_submit(get(with_ip | {"type": "0", "dlr": "1"})) == replace(read, ip="x")


def test_the_printed_placeholders_are_no_values() -> None:
    _, _, query = sample("bulksms_example_url.txt").partition(b"?")
    assert turned_down(get(query)) == "1704|Q"
    assert turned_down(get(query.replace(b"type=Y", b"type=5"))) == "1708|Q"


def test_a_time_to_send_at_is_never_sent_at_once() -> None:
    _, _, query = sample("bulksms_example_url_scheduled.txt").partition(b"?")
    assert turned_down(get(query.replace(b"type=Y&dlr=Z", b"type=0&dlr=1"))) == "1702|Q"
    for name in ("date", "time", "gmt"):
        assert turned_down(get(FIELDS | {name: "X"})) == f"1702|{A}"


def test_every_printed_code_and_type_is_known() -> None:
    _, *rows = sample("result_codes_as_printed.txt").decode().splitlines()
    printed = [row.split("|")[1].strip() for row in rows]
    assert len(printed) == 21
    assert set(CODES) - set(printed) == {"1025", "1026", "1032", "1035", "1726"}  # the second edition's
    assert set(printed) <= set(CODES)
    assert re.findall(r"(\d) :", sample("types_as_printed.txt").decode()) == [type_.value for type_ in Type]
    assert not set(CODES) & set(SMPP)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("answer_as_printed.txt", (Entry("1701", "<CELL_NO>", "<MESSAGE ID>"),)),
        ("answer_list.txt", (Entry("1701", "+" + A, FIRST), Entry("1706", "12"), Entry("1701", B, SECOND))),
        ("answer_credit_ran_out.txt", (Entry("1701", A, FIRST), Entry("1725", B))),
        ("answer_older.txt", (Entry("1701", A, FIRST),)),
        ("answer_na.txt", (Entry("1701", A, FIRST), Entry("1706", "NA"))),
        ("answer_lines.txt", (Entry("1701", A, FIRST), Entry("1701", B, SECOND))),
        ("answer_scheduled.txt", (Entry("Scheduled", None, FIRST),)),
    ],
)
def test_answers_in_every_form(name: str, answer: tuple[Entry, ...]) -> None:
    assert bulksms.decode_submit_answer(Response(body=sample(name))) == answer
    if name not in {"answer_older.txt", "answer_lines.txt", "answer_scheduled.txt"}:
        written = bulksms.encode_submit_answer(answer)
        assert (written.status, written.body) == (200, sample(name))
        assert (written.header("content-type") or "").startswith("text/plain")


REPORT = Report(
    message_id=FIRST,
    status="DELIVRD",
    source="Northwind",
    mobile=A,
    submitted=datetime.fromisoformat("2026-11-22 14:05:37"),
    done=datetime.fromisoformat("2026-11-22 14:05:41"),
    cost="0.004",
    charge="1",
    mcc_mnc="74801",
    error="000",
)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("name", "callback"),
    [
        ("delivery_report.txt", REPORT),
        ("delivery_report_newer.txt", replace(REPORT, status="UNDELIV", error="27", tag="spring", udf1="a", udf2="")),
        ("inbound.txt", Arrival(sender=A, to="24680", text="Sí, gracias", message_id=FIRST)),
    ],
)
def test_callbacks_as_bytes(name: str, callback: Report | Arrival, method: str) -> None:
    encode: Any = bulksms.encode_report if isinstance(callback, Report) else bulksms.encode_inbound
    request = encode(callback, method)
    assert (request.method, request.body if method == "POST" else request.query) == (method, sample(name))
    assert bulksms.decode_callback(request) == callback


# --- round trips, arbitrary bytes -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    calls | calls.map(lambda call: replace(call, type=Type.WAP_PUSH, link=call.link or "u")),
    st.sampled_from(["GET", "POST"]),
)
def test_a_call_comes_back(call: Submit, method: str) -> None:
    assert bulksms.decode_submit(bulksms.encode_submit(call, method)) == call


@settings(deadline=None)
@given(answers)
def test_an_answer_comes_back(answer: tuple[Entry, ...]) -> None:
    assert bulksms.decode_submit_answer(bulksms.encode_submit_answer(answer)) == answer


@settings(deadline=None)
@given(reports | arrivals, st.sampled_from(["GET", "POST"]))
def test_a_callback_comes_back(callback: Report | Arrival, method: str) -> None:
    encode: Any = bulksms.encode_report if isinstance(callback, Report) else bulksms.encode_inbound
    assert bulksms.decode_callback(encode(callback, method)) == callback


@pytest.mark.parametrize("media", [FORM, JSON, "multipart/form-data; boundary=b", "text/plain"])
@settings(deadline=None)
@given(raw=st.binary(max_size=200), query=st.binary(max_size=50), at=st.integers(0, 200))
def test_arbitrary_bytes_give_typed_errors(media: str, raw: bytes, query: bytes, at: int) -> None:
    good = urlencode(FIELDS | {"type": "2", "sMessageId": "i", "sStatus": "s"}).encode()
    spoiled = good[:at] + raw + good[at:]
    for body in (raw, spoiled, b"--b\r\n" + raw + b"\r\n--b--", b'{"from":' + raw + b"}"):
        request = Request(method="POST", path="/", query=query, headers=(("content-type", media),), body=body)
        for read in (bulksms.decode_submit, bulksms.decode_callback):
            with suppress(Unreadable, bulksms.TurnedDown):
                read(request)
        with suppress(Unreadable):
            DIALECT.callback(request, ACCOUNT)
        for answer in (body, b"1701|" + raw, b"1701|59899123456|a,17" + raw):
            with suppress(Unreadable):
                assert len(outcomes(answer, A, B, C)) == 3


# --- the request, as the vendor reads it ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "request_",
    [
        get(FIELDS),
        get(b"&&" + urlencode(FIELDS).replace("&", "&&").encode() + b"&"),
        Request(method="POST", path=bulksms.SUBMIT, query=urlencode(FIELDS).encode()),
        form("POST", bulksms.SUBMIT, FIELDS),
        Request(method="POST", path=bulksms.SUBMIT, body=urlencode(FIELDS).encode()),
        Request(
            method="POST",
            path=bulksms.SUBMIT,
            headers=(("content-type", "multipart/form-data; boundary=b"),),
            body="".join(
                f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
                for name, value in FIELDS.items()
            ).encode()
            + b"--b--\r\n",
        ),
    ],
    ids=["query", "doubled ampersands", "query of a post", "form", "form without a type", "multipart"],
)
def test_the_vendor_reads_every_shape(request_: Request) -> None:
    assert bulksms.decode_submit(request_) == CALL


@pytest.mark.parametrize(
    ("type_", "message", "text", "guessed"),
    [
        ("0", b"h%C3%A9", "hé", False),
        ("0", b"h%E9", "hé", False),  # not UTF-8
        ("0", b"h\xe9+%80", "hé €", False),
        ("5", b"%81", "\x81", False),
        ("0", b"a%26b%3Dc%2B", "a&b=c+", False),
        ("0", b"a=b", "a=b", False),
        ("0", b"00480049", "00480049", False),
        ("2", b"00480049", "HI", False),
        ("6", b"d83dDE00", "😀", False),
        ("2", b"%E2%98%8E", "☎", True),
        ("2", b"004800", "004800", True),
        ("6", b"Hi+there", "Hi there", True),
    ],
)
def test_the_bytes_of_a_message(type_: str, message: bytes, text: str, guessed: bool) -> None:
    fields = {name: value for name, value in FIELDS.items() if name != "message"} | {"type": type_}
    read = bulksms.decode_submit(get(urlencode(fields).encode() + b"&message=" + message))
    assert (read.text, read.encoding_guessed) == (text, guessed)
    assert bulksms.decode_submit(bulksms.encode_submit(read)) == read


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        *(({name: ""}, f"1702|{A}") for name in FIELDS if name != "destination"),
        ({"destination": ""}, "1702"),
        ({"destination": " , ,"}, "1702"),
        ({"type": "3"}, f"1704|{A}"),
        ({"type": "8"}, f"1704|{A}"),
        ({"type": "4"}, f"1702|{A}"),
        ({"dlr": "2"}, f"1708|{A}"),
        ({"source": "1" * 19}, f"1707|{A}"),
        ({"source": "a" * 12}, f"1707|{A}"),
        ({"type": "2", "message": "D83D"}, f"1705|{A}"),
        ({"destination": f"+{A},{B}", "dlr": "x"}, f"1708|+{A}"),
    ],
    ids=str,
)
def test_what_the_vendor_turns_down(change: dict[str, str], answer: str) -> None:
    assert turned_down(get(FIELDS | change)) == answer
    for name in change:
        if not change[name]:
            assert turned_down(get({key: value for key, value in FIELDS.items() if key != name})) == answer


def test_what_the_vendor_lets_pass() -> None:
    fields = FIELDS | {
        "source": "+" + "1" * 18,
        "destination": f" {A},,+{B} ",
        "entityid": "1",
        "tempid": "2",
        "tmid": "3",
    }
    read = bulksms.decode_submit(get(fields))
    assert read.destinations == (A, "+" + B)
    assert (read.source, read.entity_id, read.template_id, read.telemarketer_id) == ("+" + "1" * 18, "1", "2", "3")


def test_an_echo_never_breaks_the_list() -> None:
    answer = (Entry("1706", "a|1701|b"), Entry("1701", A, FIRST))
    assert bulksms.encode_submit_answer(answer).body.decode() == f"1706|NA,1701|{A}|{FIRST}"


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


def test_a_post_where_it_is_asked_for_or_the_url_is_too_long() -> None:
    assert DIALECT.submit([sms()], ACCOUNT | {"method": "POST"}).method == "POST"
    long = DIALECT.submit([sms(text="ы" * 1600)], ACCOUNT)
    assert (long.method, long.query, bulksms.decode_submit(long).text) == ("POST", b"", "ы" * 1600)


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
        ({"options": {"bulksms": {"x": "y"}}}, ["bulksms.x"]),
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
    assert set(said) == {said[0]}
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
    assert outcomes(sample("answer_scheduled.txt"), A)[0].vendor_id == FIRST
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
    request = bulksms.encode_report(replace(REPORT, status=word, error="27"), method)
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


def test_too_many_parameters() -> None:
    with pytest.raises(Unreadable):
        bulksms.decode_submit(get(b"a=b&" * 1001))
