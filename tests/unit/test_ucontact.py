"""The uContact dialect: what the gateway sends by it and reads of it, its files, its doors and who may pass them."""

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects.door import (
    Credentials,
    Door,
    Entrance,
    Home,
    Order,
    Placed,
    Refusal,
    TurnedAway,
    Upload,
    by_their_names,
)
from switchboard.dialects.forms import Part, multipart
from switchboard.dialects.ucontact.bases import (
    BlacklistRow,
    EmailRow,
    RowError,
    SmsRow,
    UnwritableRow,
    read_blacklist_rows,
    read_email_rows,
    read_sms_rows,
    write_blacklist_rows,
    write_email_rows,
    write_sms_rows,
)
from switchboard.dialects.ucontact.calls import Authorization, WrongParameters, make_token
from switchboard.dialects.ucontact.dialer import decode_schedule_sms
from switchboard.dialects.ucontact.doors import DOORS, ENTRANCES, credentials_of
from switchboard.dialects.ucontact.email import SEND_EMAIL, decode_send_email
from switchboard.dialects.ucontact.inbound import RECEIVE_SMS
from switchboard.dialects.ucontact.provider import DIALECT
from switchboard.dialects.ucontact.sms import SmsCall, decode_send_sms
from switchboard.dialects.wire import FORM, JSON, Request, Response, Unreadable, form
from switchboard.model.calendar import resolve, written
from switchboard.model.contact import Contact
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound, Recipient, is_html
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.receipt import Inbound

TOKEN = make_token("agent1", "23e5a082-adeb-4e51-9e39-9e8efee7aacc")
ACCOUNT = {"user": "u", "password": "p", "campaign": "Ventas->", "token": TOKEN}
KEY = "sb_0123456789abcdef"
MULTIPART = multipart("/", [Part(name="phone", data=b"+1"), Part(name="message", data="café".encode())])


def message(channel: Channel = Channel.SMS, **content: object) -> Outbound:
    to = "098344484" if channel is Channel.SMS else "a@b.c"
    return Outbound(id="m", to=to, content=Content(channel=channel, **({"text": "hi"} | content)))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, "<html>Log in</html>"),
        (200, "short"),
        (200, "[1, 2]"),
        (200, "[" * 9999),
        (500, TOKEN),
        (401, "0"),
        (302, ""),
    ],
)
def test_what_is_no_token(status: int, body: str) -> None:
    assert DIALECT.session
    with pytest.raises(Unreadable):
        DIALECT.session.token(Response(status=status, body=body.encode()))


def test_the_login_is_a_form() -> None:
    assert DIALECT.session
    request = DIALECT.session.login(ACCOUNT)
    assert (request.method, request.path) == ("POST", "/Integra/resources/auth/getUserToken")
    assert request.body == b"user=u&password=p"


def test_submit_of_an_sms() -> None:
    sent = message(sender="3001", text="Hóla & más", options={"ucontact": {"agent": "ana"}})
    request = DIALECT.submit([sent], ACCOUNT)
    assert (request.method, request.path, request.query) == ("POST", "/Integra/resources/SMS/SendSMSv2", b"")
    assert request.header("authorization") == f"Basic {TOKEN}"
    assert request.header("content-type") == "application/x-www-form-urlencoded; charset=UTF-8"
    assert dict(parse_qsl(request.body.decode())) == {
        "destination": "098344484",
        "message": "Hóla & más",
        "campaign": "Ventas->",
        "agent": "ana",
        "source": "3001",
    }
    older = DIALECT.submit([message(campaign="Own")], ACCOUNT | {"sms_call": "SendSMS", "scheme": "Bearer"})
    assert older.path == "/Integra/resources/SMS/SendSMS"
    assert older.header("authorization") == f"Bearer {TOKEN}"
    assert decode_send_sms(older).campaign == "Own"
    with pytest.raises(KeyError, match="campaign"):
        DIALECT.submit([message()], {"token": TOKEN})


def test_submit_of_an_email() -> None:
    request = DIALECT.submit(
        [message(Channel.EMAIL, text=None, template="t", variables={"a": "b"}, subject="S")], ACCOUNT
    )
    assert (request.method, request.path) == ("POST", "/IntegraChannels/resources/Forms/sendEmail")
    assert request.header("content-type") == "application/json"
    assert json.loads(request.body) == {
        "campaign": "Ventas->",
        "to": "a@b.c",
        "subject": "S",
        "template": "t",
        "variables": {"a": "b"},
    }
    plain = DIALECT.submit([message(Channel.EMAIL, variables={"a": "b"})], ACCOUNT)
    assert json.loads(plain.body) == {"campaign": "Ventas->", "to": "a@b.c", "body": "hi"}


AUTUMN = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York, which comes again an hour later


@pytest.mark.parametrize(
    ("zone", "at", "calldate"),
    [
        (None, AUTUMN, "2026-11-01 05:30:00"),
        ("", AUTUMN, "2026-11-01 05:30:00"),
        ("America/Montevideo", AUTUMN, "2026-11-01 02:30:00"),
        ("America/Montevideo", AUTUMN + timedelta(milliseconds=1), "2026-11-01 02:30:01"),
        ("America/New_York", AUTUMN, "2026-11-01 01:30:00"),
        # The second 01:30 cannot be told from the first, and what is not before it is the fold's end.
        ("America/New_York", AUTUMN + timedelta(hours=1), "2026-11-01 02:00:00"),
        ("America/New_York", AUTUMN + timedelta(minutes=90), "2026-11-01 02:00:00"),
        ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC), "2026-03-08 03:00:00"),  # a gap's end
    ],
)
def test_submit_of_an_sms_for_later(zone: str | None, at: datetime, calldate: str) -> None:
    later = message(text="Hóla", provider_at=at.timestamp(), campaign="Own")
    account = ACCOUNT | ({} if zone is None else {"zone": zone})
    request = DIALECT.submit([later], account)
    assert (request.method, request.path) == ("POST", "/Integra/resources/SMS/ScheduleDialerSMS")
    assert request.header("authorization") == f"Basic {TOKEN}"
    (sms,) = dict(parse_qsl(request.body.decode())).values()
    said = {"calldate": calldate, "campaign": "Own", "destination": "098344484", "data": "Hóla"}
    assert json.loads(sms) == said
    assert decode_schedule_sms(DIALECT.submit([message(provider_at=0.0)], account)).campaign == "Ventas->"


@settings(deadline=None)
@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001  made aware
    st.sampled_from(["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_a_time_as_it_is_written_is_never_before_the_one_that_was_meant(at: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    local = written(at, zone)
    meant = at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)
    assert local.tzinfo is None and local.microsecond == 0
    assert resolve(local, zone) == meant or meant.astimezone(zone).fold == 1
    assert timedelta() <= resolve(local, zone) - at <= timedelta(hours=1)


def test_what_an_account_lacks_is_named() -> None:
    with pytest.raises(KeyError, match="campaign"):
        DIALECT.submit([message(provider_at=0.0)], {"token": TOKEN})
    with pytest.raises(KeyError, match="time zone"):
        DIALECT.submit([message(provider_at=0.0)], ACCOUNT | {"zone": "Uruguay"})


@pytest.mark.parametrize(
    "body",
    [
        {"to": "a@b.c"},
        {"body": "x"},
        {"to": ["a"], "body": "x"},
        {"to": "a", "body": "x", "attachments": "path"},
        {"to": "a", "body": "x", "attachments": [{}]},
        {"to": "a", "body": "x", "variables": []},
        {"to": "a", "body": "x", "schedule": "today"},
    ],
    ids=str,
)
def test_wrong_parameters_of_an_email(body: dict[str, object]) -> None:
    with pytest.raises(WrongParameters):
        decode_send_email(Request(method="POST", path="/", body=json.dumps(body).encode()))


def test_wrong_parameters_of_an_sms() -> None:
    for fields in ({"destination": "098344484"}, {"message": "hi", "destination": ""}, {}):
        with pytest.raises(WrongParameters):
            decode_send_sms(form("POST", SmsCall.SEND_SMS, fields))


ACCEPTED, REJECTED, UNREADABLE = Verdict.ACCEPTED, Verdict.REJECTED, None


@pytest.mark.parametrize(
    ("call", "status", "body", "verdict", "vendor_id"),
    [
        ("SendSMSv2", 200, b'{id:"{smsId}"}', ACCEPTED, "{smsId}"),
        ("SendSMSv2", 200, b'{"id":"77"}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b"{id:77}", ACCEPTED, "77"),
        ("SendSMSv2", 200, b'{"id":77}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b'"{\\"id\\":\\"77\\"}"', ACCEPTED, "77"),
        ("SendSMSv2", 500, b'{"id":"77"}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b"{}", UNREADABLE, None),
        ("SendSMSv2", 200, b'{"id":""}', UNREADABLE, None),
        ("SendSMSv2", 200, b"", UNREADABLE, None),
        ("SendSMSv2", 200, b"OK", UNREADABLE, None),
        ("SendSMSv2", 200, b"ERROR", REJECTED, None),
        ("SendSMSv2", 200, b'"ERROR"\n', REJECTED, None),
        ("SendSMSv2", 200, b"0", REJECTED, None),
        ("SendSMSv2", 401, b"ERROR", UNREADABLE, None),
        ("SendSMSv2", 403, b'{"id":"77"}', UNREADABLE, None),
        ("SendSMS", 200, b"OK", ACCEPTED, None),
        ("SendSMS", 200, b"ERROR", REJECTED, None),
        ("SendSMS", 200, b'{"id":"77"}', UNREADABLE, None),
        ("sendEmail", 200, b'{"guid": "77"}', ACCEPTED, "77"),
        ("sendEmail", 400, b"", REJECTED, None),
        ("sendEmail", 500, b"Server error", UNREADABLE, None),
        ("sendEmail", 500, b'{"guid": "77"}', ACCEPTED, "77"),
        ("sendEmail", 200, b"{}", UNREADABLE, None),
        ("sendEmail", 401, b"{}", UNREADABLE, None),
        ("ScheduleDialerSMS", 200, b"1", ACCEPTED, None),
        ("ScheduleDialerSMS", 500, b'"1"\n', ACCEPTED, None),
        ("ScheduleDialerSMS", 200, b"0", REJECTED, None),
        ("ScheduleDialerSMS", 200, b"ERROR", REJECTED, None),
        ("ScheduleDialerSMS", 200, b"OK", UNREADABLE, None),
        ("ScheduleDialerSMS", 200, b'{"id":"77"}', UNREADABLE, None),
        ("ScheduleDialerSMS", 200, b"", UNREADABLE, None),
        ("ScheduleDialerSMS", 401, b"0", UNREADABLE, None),
        ("ScheduleDialerSMS", 403, b"1", UNREADABLE, None),
    ],
)
def test_what_an_answer_means(
    call: str, status: int, body: bytes, verdict: Verdict | None, vendor_id: str | None
) -> None:
    email, later = call == "sendEmail", call == "ScheduleDialerSMS"
    dialect = DIALECT.spoken_with({} if email or later else {"sms_call": call})
    group = [message(Channel.EMAIL if email else Channel.SMS, provider_at=0.0 if later else None)]
    response = Response(status=status, body=body)
    if verdict is None:
        with pytest.raises(Unreadable):
            dialect.outcomes(group, response)
        return
    (outcome,) = dialect.outcomes(group, response)
    assert (outcome.verdict, outcome.vendor_id) == (verdict, vendor_id)
    assert verdict is ACCEPTED or outcome == Outcome(verdict=REJECTED, code=outcome.code, concern=Concern.ACCOUNT)


@pytest.mark.parametrize(
    ("path", "query", "read"),
    [
        ("/ReceiveURLSMS", b"phone=%2B598983&message=Hola+%26+chau", ("+598983", "Hola & chau")),
        ("/ReceiveURLSMS", b"phone=+598983&message=a&b=c&message=d", ("+598983", "a&b=c&message=d")),
        ("/ReceiveURLSMS", b"message=hi&phone=1", ("1", "hi")),
        ("/ReceiveURLSMS", b"phone=1&message=", ("1", "")),
        ("/ReceiveURLSMS", b"phone=+598983&id=1&message=Hola+a", ("+598983", "Hola a")),
        ("/ReceiveURLSMS", b"id=1&phone=1&message=hi", ("1", "hi")),
        ("/ReceiveURLSMS", b"message=caf%E9&phone=+598", ("+598", "caf\xe9")),
        ("/ReceiveURLSMS/phone=+598983&id=1&message=Hola+a", b"", ("+598983", "Hola a")),
        ("", b"phone=1&message=hi", ("1", "hi")),
        ("/ReceiveURLSMS", b"phone=1&message=ma%F1ana", ("1", "mañana")),
        ("/ReceiveURLSMS/phone=098344484&message=s%C3%AD%20a", b"", ("098344484", "sí a")),
        ("/ReceiveURLSMS/phone=098344484&message=sí a/b", b"and more", ("098344484", "sí a/b?and more")),
    ],
)
@pytest.mark.parametrize(
    "prefix", ["/Integra/resources/InboundSMS", "/callbacks/ucontact/s3cret/Integra/resources/InboundSMS"]
)
def test_an_inbound_message_in_either_spelling(prefix: str, path: str, query: bytes, read: tuple[str, str]) -> None:
    request = Request(method="GET", path=prefix + path, query=query)
    assert DIALECT.callback(request, ACCOUNT) == (Inbound(sender=read[0], text=read[1]),)
    assert DIALECT.acknowledgement.body == b"OK"
    assert DIALECT.unreadable
    assert DIALECT.unreadable.body == b"ERROR"


@pytest.mark.parametrize(
    ("query", "media", "body"),
    [
        (b"", FORM, b"message=caf%E9&phone=+1"),
        (b"phone=+1", FORM, b"message=caf%E9"),
        (b"", MULTIPART.headers[0][1], MULTIPART.body),
        (b"phone=%2B1", JSON, '{"message":"café"}'.encode()),
    ],
)
def test_an_inbound_message_in_a_body(query: bytes, media: str, body: bytes) -> None:
    request = Request(method="POST", path="/", query=query, headers=(("content-type", media),), body=body)
    assert DIALECT.callback(request, ACCOUNT) == (Inbound(sender="+1", text="café"),)


@pytest.mark.parametrize("query", [b"", b"phone=1", b"phone=&message=hi", b"message=hi", b"phone=%20&message=hi"])
def test_what_is_no_inbound_message(query: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.callback(Request(method="GET", path=RECEIVE_SMS, query=query), ACCOUNT)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({}, []),
        ({"campaign": "Ventas<-"}, []),
        ({"campaign": "two words"}, ["campaign"]),
        ({"text": "", "flash": True, "encoding": Encoding.UCS2, "link": "l"}, ["text", "flash", "encoding", "link"]),
        ({"contact": Contact(name="a")}, ["contact"]),
        ({"options": {"ucontact": {"agent": "a", "x": "y"}, "another": {}}}, ["another", "ucontact.x"]),
        (
            {"channel": Channel.EMAIL, "options": {"ucontact": {"agent": "a"}}, "sender": "x"},
            ["from", "ucontact.agent"],
        ),
        ({"provider_at": 1e9}, []),
        ({"provider_at": 1e9, "sender": "x", "options": {"ucontact": {"agent": "a"}}}, ["from", "ucontact.agent"]),
        ({"channel": Channel.EMAIL, "provider_at": 1e9}, ["via"]),
        ({"channel": Channel.EMAIL, "text": None}, ["html"]),
        ({"channel": Channel.EMAIL, "html": "<p>"}, ["text"]),
        ({"channel": Channel.EMAIL, "template": "t"}, ["template"]),
        ({"channel": Channel.EMAIL, "template": "t", "text": None}, []),
    ],
    ids=str,
)
def test_what_it_cannot_carry_is_named(change: dict[str, object], wrong: list[str]) -> None:
    content = Content(**({"channel": Channel.SMS, "text": "hi"} | change))
    assert [problem.field for problem in DIALECT.refuses(content)] == wrong


# --- the dialers' files -----------------------------------------------------------------------------------------------

PRINTED = b"somecampaign;098344484;Hello World!;9999"
LEGEND = b"campaign;number;text;priority"
PRINTED_ROW = SmsRow(campaign="somecampaign", number="098344484", text="Hello World!", priority=9999)
EMAIL_PRINTED = b'CampName;ejemplo@gmail.com;This is an example mail body;;"Var1":"value","Var2":"value";9999'
EMAIL_ROW = EmailRow(
    campaign="CampName",
    email="ejemplo@gmail.com",
    body="This is an example mail body",
    variables={"Var1": "value", "Var2": "value"},
    priority=9999,
)

fields = st.from_regex(r"[A-Za-z0-9_@.<>-]{1,20}", fullmatch=True)
bodies = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() and not set(text) & set("\r\n"))
values = st.text(max_size=20).filter(lambda text: not set(text) & set(';"\\') and min(text, default=" ") >= " ")
priorities = st.integers(1, 9999)


def test_the_printed_rows_are_written_and_read() -> None:
    assert write_sms_rows([PRINTED_ROW]) == PRINTED + b"\n"
    assert read_sms_rows(PRINTED) == read_sms_rows(PRINTED + b"\n" + LEGEND) == (PRINTED_ROW,)
    assert write_email_rows([EMAIL_ROW]) == EMAIL_PRINTED + b"\n"
    assert read_email_rows(EMAIL_PRINTED) == (EMAIL_ROW,)


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            SmsRow,
            campaign=fields,
            number=fields,
            text=bodies.filter(lambda text: ";" not in text),
            priority=priorities,
        )
    )
)
def test_sms_rows_come_back(rows: list[SmsRow]) -> None:
    assert list(read_sms_rows(write_sms_rows(rows))) == rows


@settings(deadline=None)
@given(
    st.lists(
        st.builds(
            EmailRow,
            campaign=fields,
            email=fields,
            body=bodies,
            variables=st.dictionaries(values, values, max_size=3),
            priority=priorities,
        )
    )
)
def test_email_rows_come_back(rows: list[EmailRow]) -> None:
    assert list(read_email_rows(write_email_rows(rows))) == rows


@settings(deadline=None)
@given(st.lists(st.builds(BlacklistRow, address=fields, campaign=st.none() | fields)))
def test_blacklist_rows_come_back(rows: list[BlacklistRow]) -> None:
    assert list(read_blacklist_rows(write_blacklist_rows(rows))) == rows


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_file_is_rows_and_errors(content: bytes) -> None:
    for read in (read_sms_rows, read_email_rows, read_blacklist_rows):
        for row in (*read(content), *read(b"a;b;c;;" + content + b";1")):
            assert not isinstance(row, RowError) or row.line > 0


def test_a_bad_line_does_not_lose_the_others() -> None:
    lines = ("\ufeffc;1;Hi;1", "", "c;2;Hi", "c;3;Hi;0", "c;4;Hi;10000", "c;5;Hi;x", ";6;Hi;1", "c;;Hi;1", "c;8; ;1")
    rows = read_sms_rows("\r\n".join((*lines, "c;9; a;b ; 2 ")).encode())
    assert rows[0] == SmsRow(campaign="c", number="1", text="Hi", priority=1)
    assert rows[-1] == SmsRow(campaign="c", number="9", text=" a;b ", priority=2)
    assert [row.line for row in rows if isinstance(row, RowError)] == [3, 4, 5, 6, 7, 8, 9]
    assert rows[1] == RowError(3, "fewer than 4 fields")
    assert rows[5] == RowError(7, "no campaign")


def test_a_file_that_is_not_utf_8_is_windows_1252() -> None:
    assert read_sms_rows("c;1;Mañana 5 €;1".encode("cp1252")) == (
        SmsRow(campaign="c", number="1", text="Mañana 5 €", priority=1),
    )


def test_lines_that_are_no_email_rows() -> None:
    content = b'c;a@b.c;<p>&lt;;</p>;;;1\nc;a@b.c;x;y;"a":"b";1\nc;a@b.c;x;;"a";1\nc;a@b.c;x;;"a":["b"];1\nc;a@b.c;x;1'
    good, *bad = read_email_rows(content)
    assert good == EmailRow(campaign="c", email="a@b.c", body="<p>&lt;;</p>", priority=1)
    assert [row.line for row in bad if isinstance(row, RowError)] == [2, 3, 4, 5]
    assert read_blacklist_rows(b"a@b.c\n;x@b.c\nOne; y@b.c\na;b;c\nOne;") == (
        BlacklistRow(address="a@b.c"),
        BlacklistRow(address="x@b.c"),
        BlacklistRow(address="y@b.c", campaign="One"),
        RowError(4, "more than 2 fields"),
        RowError(5, "no address"),
    )


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"text": "a;b"}, "the text holds ;, which the format cannot carry"),
        ({"text": "a\nb"}, "the text holds a line break, which the format cannot carry"),
        ({"text": "a\rb"}, "the text holds a line break, which the format cannot carry"),
        ({"text": " "}, "no text"),
        ({"text": "\ud83d"}, "holds half of a surrogate pair"),
        ({"campaign": "a;b"}, "the campaign holds ;, which the format cannot carry"),
        ({"number": ""}, "no number"),
        ({"number": " 1"}, "the number has blanks around it, or begins with a byte order mark"),
        ({"priority": 0}, "the priority is a number from 1 to 9999"),
        ({"priority": 10000}, "the priority is a number from 1 to 9999"),
    ],
    ids=str,
)
def test_a_row_that_cannot_be_written_is_named(row: dict[str, Any], reason: str) -> None:
    said: dict[str, Any] = {"campaign": "c", "number": "1", "text": "x"}
    with pytest.raises(UnwritableRow) as refused:
        write_sms_rows([PRINTED_ROW, SmsRow(**said | row)])
    assert (refused.value.row, refused.value.reason) == (2, reason)


@pytest.mark.parametrize(
    "row",
    [{"body": "a\nb"}, {"variables": {"a": 'b"'}}, {"variables": {"a;": "b"}}, {"variables": {"a": "\t"}}],
    ids=str,
)
def test_an_email_row_that_cannot_be_written(row: dict[str, Any]) -> None:
    said: dict[str, Any] = {"campaign": "c", "email": "a@b.c", "body": "x"}
    with pytest.raises(UnwritableRow):
        write_email_rows([EmailRow(**said | row)])


# --- the doors --------------------------------------------------------------------------------------------------------

BY_NAME: dict[str, Door[Any]] = {door.name: door for door in DOORS}
ENTRANCE_BY_NAME: dict[str, Entrance[Any]] = {way.path.rpartition("/")[2]: way for way in ENTRANCES}
SMS = {"destination": "098344484", "message": "Hola", "campaign": "Ventas->", "agent": "ana", "source": "3001"}
PLACED = (Placed(id="23e5a082-adeb-4e51-9e39-9e8efee7aacc"),)
SCHEDULED = {"calldate": "2015-10-11 15:00:00", "campaign": "c", "destination": "098344484", "data": "Message"}
BASES = {
    "uploadbase": {"filename": "f", "fileb64": "YTtiO2M7MQ==", "campaign": "c"},
    "uploadDialerBase": {"filename": "f", "fileb64": "YQ==", "channel": "email", "dialer": "d", "cant": "1"},
}
ABSENT = {"uploadMultiChannelBlacklist": {"filename": "f", "fileb64": "YQ==", "channel": "email"}}
LATER = {"ScheduleDialerSMS": {"sms": json.dumps(SCHEDULED)}} | BASES | ABSENT


def post(name: str, fields: dict[str, str], authorization: str = f"Bearer {KEY}") -> Request:
    door = BY_NAME[name]
    request = form("POST", door.path, fields)
    headers = (*request.headers, ("authorization", authorization))
    return Request(method="POST", path=door.path, headers=headers, body=request.body)


def mail(**said: object) -> Request:
    body = json.dumps({"to": "Ana@Example.com"} | said).encode()
    return Request(method="POST", path=SEND_EMAIL, headers=(("authorization", f"Basic {TOKEN}"),), body=body)


def order_of(name: str, request: Request, region: str | None = "UY") -> Order:
    door = BY_NAME[name]
    order = door.order(door.read(request), Home(region, ZoneInfo("UTC")))
    assert order
    return order


def test_the_doors_stand_where_the_vendor_has_its_calls() -> None:
    assert {door.path for door in DOORS} == {
        "/Integra/resources/SMS/SendSMS",
        "/Integra/resources/SMS/SendSMSv2",
        "/Integra/resources/SMS/ScheduleDialerSMS",
        "/Integra/resources/SMS/uploadbase",
        "/IntegraChannels/resources/DialersResources/uploadDialerBase",
        "/IntegraChannels/resources/DialersResources/uploadMultiChannelBlacklist",
        "/IntegraChannels/resources/Forms/sendEmail",
    }
    assert ENTRANCE_BY_NAME.keys() == {"getUserToken", "UserLogin", "EndSession"}
    assert {way for way in (*DOORS, *ENTRANCES) if way.methods != ("POST",)} == set()


@pytest.mark.parametrize("name", ["SendSMS", "SendSMSv2"])
def test_an_sms_in_our_words(name: str) -> None:
    order = order_of(name, post(name, SMS))
    assert order.recipients == (Recipient(to="+59898344484"),)
    assert order.content == Content(
        channel=Channel.SMS, text="Hola", sender="3001", campaign="Ventas->", options={"ucontact": {"agent": "ana"}}
    )
    blank = order_of(name, post(name, SMS | {"agent": "", "source": "", "campaign": ""}))
    assert blank.content == Content(channel=Channel.SMS, text="Hola")
    snippet = order_of(name, post(name, {"action": "sms"} | SMS))
    assert snippet == order


@pytest.mark.parametrize(
    ("name", "campaign"),
    [
        *product(["SendSMS", "SendSMSv2", "ScheduleDialerSMS"], ["two words", "Ventas>", "->"]),
        *product(["SendSMS", "SendSMSv2"], [" "]),
    ],
)
def test_a_campaign_that_is_none_is_refused(name: str, campaign: str) -> None:
    later = name == "ScheduleDialerSMS"
    with pytest.raises(Refused) as refused:
        order_of(name, schedule(campaign=campaign) if later else post(name, SMS | {"campaign": campaign}))
    assert [problem.field for problem in refused.value.problems] == ["campaign"]


def schedule(**said: object) -> Request:
    return post("ScheduleDialerSMS", {"sms": json.dumps(SCHEDULED | said)})


@pytest.mark.parametrize(
    ("calldate", "zone", "at"),
    [
        ("2015-10-11 15:00:00", "UTC", "2015-10-11T15:00:00+00:00"),
        ("2015-10-11 15:00", "America/Montevideo", "2015-10-11T15:00:00-03:00"),
        ("2030-01-31T23:59:59", "America/Montevideo", "2030-01-31T23:59:59-03:00"),
        ("2026-03-08 02:30:00", "America/New_York", "2026-03-08T03:00:00-04:00"),  # a gap: its end
        ("2026-11-01 01:30:00", "America/New_York", "2026-11-01T01:30:00-04:00"),  # a fold: the first
    ],
)
def test_a_schedule_in_our_words(calldate: str, zone: str, at: str) -> None:
    door = BY_NAME["ScheduleDialerSMS"]
    said = door.read(schedule(calldate=calldate, campaign="Ventas->"))
    assert door.credentials(said) == Credentials(secret=KEY)
    order = door.order(said, Home("UY", ZoneInfo(zone)))
    assert order == Order(
        content=Content(channel=Channel.SMS, text="Message", campaign="Ventas->"),
        recipients=(Recipient(to="+59898344484"),),
        send_at=datetime.fromisoformat(at).timestamp(),
        at_once=True,
    )
    assert door.answer(said, order, PLACED).body == b"1"


@pytest.mark.parametrize(
    ("change", "field", "theirs"),
    [
        ({"calldate": "0001-01-01 00:00:00"}, "send_at", "calldate"),
        ({"calldate": "9999-12-31 23:59:59"}, "send_at", "calldate"),
        ({"destination": "nobody"}, "to.0", "destination.0"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(change: dict[str, str], field: str, theirs: str) -> None:
    with pytest.raises(Refused) as refused:
        order_of("ScheduleDialerSMS", schedule(**change))
    assert [problem.field for problem in refused.value.problems] == [field]
    assert [one.field for one in by_their_names(refused.value.problems, BY_NAME["ScheduleDialerSMS"].names)] == [theirs]


def test_problems_have_the_pages_names() -> None:
    ours = [Problem(name, "is wrong") for name in ("to.0", "from", "text", "ucontact", "ucontact.agent", "campaign")]
    said = by_their_names(ours, BY_NAME["SendSMS"].names)
    assert [problem.field for problem in said] == ["destination.0", "source", "message", "agent", "agent", "campaign"]
    ours = [Problem(name, "is wrong") for name in ("to.0", "text", "invitation.start", "invitation.title")]
    said = by_their_names(ours, BY_NAME["sendEmail"].names)
    assert [problem.field for problem in said] == ["to.0", "body", "schedule.from", "schedule.title"]


@pytest.mark.parametrize(
    ("destination", "region", "to"),
    [
        ("098344484", "UY", "+59898344484"),
        ("59898344484", "UY", "+59898344484"),
        ("59898344484", None, "+59898344484"),
        ("+59898344484", None, "+59898344484"),
        ("0059898344484", None, "+59898344484"),
        ("34600111222", "UY", "+34600111222"),
        ("9195551212", "US", "+19195551212"),
        ("98344484", "UY", "+59898344484"),
        ("4915123456789", "DE", "+4915123456789"),
        (" 59898344484", "UY", "+59898344484"),
        (" 15123456789", "DE", "+15123456789"),  # its plus was not encoded
        ("442071234567", "FR", "+442071234567"),
        ("12345678", "UY", "+59812345678"),
        ("098344484", None, None),
        ("+1", "US", None),
        ("nobody", "US", None),
    ],
)
def test_a_destination_is_read_as_it_is_dialed(destination: str, region: str | None, to: str | None) -> None:
    request = post("SendSMS", SMS | {"destination": destination})
    if to:
        assert order_of("SendSMS", request, region).recipients[0].to == to
        return
    with pytest.raises(Refused) as refused:
        order_of("SendSMS", request, region)
    assert [problem.field for problem in refused.value.problems] == ["to.0"]


def test_an_email_in_our_words() -> None:
    invitation = {"title": "T", "organizer": "O", "from": "2018-08-24 00:00:00", "to": "2018-08-24 01:00:00"}
    said = {"campaign": "Email", "subject": "S", "attachments": ["a/b.pdf"], "schedule": invitation}
    unused = {"template": "t", "variables": {"a": "b"}}
    order = order_of("sendEmail", mail(body="<p>Hi</p>", **said, **unused))
    assert order.recipients == (Recipient(to="Ana@example.com"),)
    assert order.content == Content(
        channel=Channel.EMAIL,
        html="<p>Hi</p>",
        subject="S",
        campaign="Email",
        attachments=("a/b.pdf",),
        invitation=Invitation(title="T", organizer="O", start="2018-08-24 00:00:00", end="2018-08-24 01:00:00"),
    )
    assert order_of("sendEmail", mail(body="Hi", **unused)).content == Content(channel=Channel.EMAIL, text="Hi")
    template = Content(channel=Channel.EMAIL, template="t", variables={"a": "b"})
    assert order_of("sendEmail", mail(**unused)).content == template
    with pytest.raises(Refused):
        order_of("sendEmail", mail(to="a@b.c, d@e.f", body="Hi"))


@pytest.mark.parametrize("subject", ["Hi\r\nBcc: all@example.com", "a\nb", "a\x00b", "a\u2028b"])
def test_a_subject_of_more_than_a_line_is_refused(subject: str) -> None:
    with pytest.raises(Refused) as refused:
        order_of("sendEmail", mail(body="Hi", subject=subject))
    assert [problem.field for problem in refused.value.problems] == ["subject"]
    with pytest.raises(Refused) as refused:
        order_of("sendEmail", mail(body="Hi", schedule={"title": "T", "organizer": subject}))
    assert [problem.field for problem in refused.value.problems] == ["invitation.organizer"]
    assert order_of("sendEmail", mail(body="Hi", subject="¡Año nuevo! 🎉")).content.subject == "¡Año nuevo! 🎉"


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("<p>Hi", True),
        ("Hi<br/>you", True),
        ('see <a href="https://example.com">here</a>', True),
        ("<!DOCTYPE html>", True),
        ("<!-- a comment -->", True),
        ("This is an email body can be HTML", False),
        ("1 < 2 and 3 > 2; a<b", False),
        ("Ana <ana@example.com> <https://example.com>", False),
        ("<" * 5000, False),
    ],
)
def test_a_body_with_a_tag_is_html(body: str, html: bool) -> None:
    assert is_html(body) is html


def test_the_yes_of_each_door() -> None:
    order = Order(content=Content(channel=Channel.SMS), recipients=())
    bodies = {}
    for name, request in {
        **{name: post(name, SMS) for name in ("SendSMS", "SendSMSv2")},
        "sendEmail": mail(body="x"),
    }.items():
        bodies[name] = BY_NAME[name].answer(BY_NAME[name].read(request), order, PLACED)
    assert bodies["SendSMS"].body == b"OK"
    assert bodies["SendSMSv2"].body == b'{"id":"23e5a082-adeb-4e51-9e39-9e8efee7aacc"}'
    assert (bodies["sendEmail"].status, bodies["sendEmail"].body) == (
        200,
        b'{"guid":"23e5a082-adeb-4e51-9e39-9e8efee7aacc"}',
    )


@pytest.mark.parametrize("refusal", Refusal)
@pytest.mark.parametrize("name", BY_NAME)
def test_the_no_of_each_door(name: str, refusal: Refusal) -> None:
    door = BY_NAME[name]
    said = door.read(mail(body="x") if name == "sendEmail" else post(name, SMS | LATER.get(name, {})))
    answer = door.refuse(said, refusal, (Problem("to.0", "is not a phone number"),), None)
    if refusal is Refusal.CREDENTIALS:
        expected: tuple[int, bytes] = 401, b"Unauthorized"
    elif refusal is Refusal.UNKNOWN and name not in ABSENT:
        expected = (500, b"Server error")
        sent = {"provider_at": 0.0} if name in LATER else {}
        with pytest.raises(Unreadable):  # our own client does not know what became of it
            DIALECT.outcomes([message(Channel.EMAIL if name == "sendEmail" else Channel.SMS, **sent)], answer)
    elif name == "sendEmail":
        expected = (400, b"Wrong parameters") if refusal is Refusal.CONTENT else (500, b"Server error")
    else:
        expected = 200, b"0" if name in LATER else b"ERROR"
    if refusal is Refusal.LIMIT:
        expected = 429, expected[1]
    assert (answer.status, answer.body) == expected


@pytest.mark.parametrize("name", ABSENT)
def test_what_the_gateway_does_not_do_is_read_and_not_done(name: str) -> None:
    door = BY_NAME[name]
    said = door.read(post(name, ABSENT[name]))
    assert door.credentials(said) == Credentials(secret=KEY)
    assert door.order(said, Home("UY", ZoneInfo("UTC"))) is None


def upload_of(name: str, **said: str) -> Upload:
    door = BY_NAME[name]
    read = door.read(post(name, BASES[name] | said))
    assert door.upload and door.credentials(read) == Credentials(secret=KEY)
    return door.upload(read)


def test_a_base_in_our_words() -> None:
    assert upload_of("uploadbase", campaign="Ventas->") == Upload(
        name="Ventas->",
        content=Content(channel=Channel.SMS, text="{{text}}", campaign="Ventas->"),
        base="sms",
        data=b"a;b;c;1",
        metadata={"filename": "f"},
    )
    said = {"filename": "f" * 300, "dialer": "The dialer", "filter": "Hi {{Var1}}", "user": "ana", "cant": "12"}
    assert upload_of("uploadDialerBase", **said) == Upload(
        name="The dialer",
        content=Content(channel=Channel.EMAIL, text="{{body}}", subject="Hi {{Var1}}"),
        base="email",
        data=b"a",
        metadata={"filename": "f" * 255, "user": "ana", "cant": "12"},
    )
    assert upload_of("uploadDialerBase").content.subject is None
    assert {name: door.begun.body for name, door in BY_NAME.items() if door.begun} == dict.fromkeys(BASES, b"1")


@pytest.mark.parametrize(
    ("name", "said", "field"),
    [
        ("uploadbase", {"campaign": "two words"}, "campaign"),
        ("uploadbase", {"campaign": "->"}, "campaign"),
        ("uploadbase", {"campaign": "c" * 129}, "campaign"),
        ("uploadDialerBase", {"dialer": "d" * 129}, "dialer"),
        ("uploadDialerBase", {"dialer": "a\nb"}, "dialer"),
        ("uploadDialerBase", {"filter": "Hi\r\nBcc: all@example.com"}, "filter"),
        ("uploadDialerBase", {"filter": "s" * 256}, "filter"),
    ],
)
def test_a_base_that_cannot_be_is_refused(name: str, said: dict[str, str], field: str) -> None:
    with pytest.raises(Refused) as refused:
        upload_of(name, **said)
    assert [problem.field for problem in by_their_names(refused.value.problems, BY_NAME[name].names)] == [field]


@pytest.mark.parametrize("name", LATER)
def test_what_lacks_is_a_no(name: str) -> None:
    door = BY_NAME[name]
    for missing in LATER[name]:
        with pytest.raises(TurnedAway) as away:
            door.read(post(name, LATER[name] | {missing: ""}))
        assert away.value.response.body == b"0"


@pytest.mark.parametrize(
    ("name", "request_", "answer"),
    [
        ("SendSMS", post("SendSMS", {"destination": "1"}), (200, b"ERROR")),
        ("SendSMSv2", post("SendSMSv2", {"message": "1"}), (200, b"ERROR")),
        ("sendEmail", mail(), (400, b"Wrong parameters")),
        ("sendEmail", Request(method="POST", path=SEND_EMAIL, body=b"\xff"), (400, b"Wrong parameters")),
    ],
    ids=str,
)
def test_who_is_turned_away_hears_it_in_the_vendors_words(
    name: str, request_: Request, answer: tuple[int, bytes]
) -> None:
    with pytest.raises(TurnedAway) as away:
        BY_NAME[name].read(request_)
    assert (away.value.response.status, away.value.response.body) == answer


def as_json(name: str, **said: object) -> Request:
    headers = (("content-type", JSON), ("authorization", f"Bearer {KEY}"))
    return Request(method="POST", path=BY_NAME[name].path, headers=headers, body=json.dumps(said).encode())


INVITED = {"title": "T", "organizer": "O", "from": "2018-08-24 00:00:00", "to": "2018-08-24 01:00:00"}


@pytest.mark.parametrize(
    ("name", "request_", "parameters"),
    [
        ("SendSMS", post("SendSMS", {"destination": " ", "message": "\n"}), ["destination", "message"]),
        ("SendSMSv2", post("SendSMSv2", SMS | {"source": "1" * 65}), ["source"]),
        ("SendSMS", post("SendSMS", SMS | {"action": "call"}), ["action"]),
        ("SendSMS", as_json("SendSMS", **SMS | {"message": ["Hola"]}), ["request"]),
        ("SendSMS", as_json("SendSMS", **SMS | {"urgent": True}), ["request"]),
        (
            "ScheduleDialerSMS",
            post("ScheduleDialerSMS", {"sms": '{"calldate": "today"}'}),
            ["campaign", "data", "destination"],
        ),
        (
            "ScheduleDialerSMS",
            schedule(calldate="2015-13-11 15:00:00"),
            ["calldate"],
        ),
        ("sendEmail", mail(body=" "), ["body", "template"]),
        ("sendEmail", mail(to=" ", body="Hi"), ["to"]),
        ("sendEmail", mail(body="Hi", subject=[]), ["subject"]),
        ("sendEmail", mail(body="Hi", schedule=INVITED | {"from": "tomorrow"}), ["schedule.from"]),
        ("sendEmail", mail(body="Hi", schedule=INVITED | {"to": "2018-02-30 00:00:00"}), ["schedule.to"]),
        ("sendEmail", mail(body="Hi", schedule={"when": "2018-08-24 00:00:00"}), ["schedule"]),
    ],
    ids=str,
)
def test_whoever_is_turned_away_hears_of_which_parameter(name: str, request_: Request, parameters: list[str]) -> None:
    with pytest.raises(TurnedAway) as away:
        BY_NAME[name].read(request_)
    assert [problem.field for problem in away.value.problems] == parameters
    assert all(problem.reason for problem in away.value.problems)


def test_json_and_unknown_types_are_read_as_the_form_is() -> None:
    expected = BY_NAME["SendSMS"].read(post("SendSMS", SMS))
    assert BY_NAME["SendSMS"].read(as_json("SendSMS", **SMS, more=None)) == expected
    posted = post("SendSMS", SMS)
    plain = tuple(
        ("content-type", "text/plain") if name == "content-type" else (name, value) for name, value in posted.headers
    )
    assert BY_NAME["SendSMS"].read(replace(posted, headers=plain)) == expected


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        (f"Basic {TOKEN}", Credentials(secret=TOKEN, session=True)),
        (f"Bearer {TOKEN}", Credentials(secret=TOKEN, session=True)),
        (f"bearer {KEY}", Credentials(secret=KEY)),
        (f"Basic {KEY}", Credentials(secret=KEY)),
        ("Basic " + b64encode(f"acme:{KEY}".encode()).decode(), Credentials(secret=KEY, user="acme")),
        ("Basic " + b64encode(b"acme:secret").decode(), Credentials(secret="YWNtZTpzZWNyZXQ=", session=True)),
        ("Basic \udc80", Credentials(secret="\ufffd", session=True)),
        (f"Digest {TOKEN}", None),
        ("Basic", None),
        ("Basic ", None),
        ("", None),
    ],
)
def test_what_a_call_shows(header: str, credentials: Credentials | None) -> None:
    door = BY_NAME["SendSMS"]
    assert door.credentials(door.read(post("SendSMS", SMS, header))) == credentials
    assert credentials_of(None) is None


@pytest.mark.parametrize(("name", "no"), [("getUserToken", b"0"), ("UserLogin", b"[]")])
def test_an_entrance_opens_a_session(name: str, no: bytes) -> None:
    entrance = ENTRANCE_BY_NAME[name]
    said = entrance.read(form("POST", entrance.path, {"user": "acme", "password": KEY}))
    assert entrance.credentials(said) == Credentials(secret=KEY, user="acme")
    assert entrance.token
    token = entrance.token("acme", "23e5a082-adeb-4e51-9e39-9e8efee7aacc")
    assert DIALECT.session
    assert DIALECT.session.token(entrance.answer(said, token)) == token
    assert credentials_of(Authorization(token)) == Credentials(secret=token, session=True)
    assert entrance.answer(said, None).body == no
    with pytest.raises(TurnedAway) as away:
        entrance.read(form("POST", entrance.path, {"user": "acme"}))
    assert away.value.response.body == no


def test_the_last_entrance_is_the_way_out() -> None:
    out = ENTRANCE_BY_NAME["EndSession"]
    said = out.read(form("POST", out.path, {"user": "acme", "token": TOKEN}))
    assert out.credentials(said) == Credentials(secret=TOKEN, session=True)
    shown = Request(method="POST", path=out.path, headers=(("authorization", f"Basic {TOKEN}"),))
    assert out.credentials(out.read(shown)) == Credentials(secret=TOKEN, session=True)
    assert out.token is None
    assert [out.answer(said, token).body for token in (TOKEN, None)] == [b"1", b"0"]
    with pytest.raises(TurnedAway) as away:
        out.read(form("POST", out.path, {"user": "acme"}))
    assert away.value.response.body == b"0"
