"""The uContact dialect: its samples as the page prints them, round trips, and what the gateway reads of it."""

import json
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects import ucontact
from switchboard.dialects.ucontact import (
    DIALECT,
    Authorization,
    EndSession,
    Login,
    LoginCall,
    ReceiveSms,
    SendEmail,
    SendSms,
    SmsCall,
    Spelling,
    Taken,
    TurnedDown,
)
from switchboard.dialects.wire import Request, Response, Unreadable, form
from switchboard.model.contact import Contact
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.receipt import Inbound

SAMPLES = Path(__file__).parents[1] / "samples" / "ucontact"
TOKEN = ucontact.make_token("agent1", "23e5a082-adeb-4e51-9e39-9e8efee7aacc")
SHOWN = Authorization(TOKEN)
ACCOUNT = {"user": "u", "password": "p", "campaign": "Ventas->", "token": TOKEN}
PRINTED_EMAIL = SendEmail(
    campaign="Email",
    to="adress@ucontactcloud.com",
    subject="Subject",
    body="This is an email body can be HTML",
    attachments=("020212/file1.jpp", "020212/file2.jpg"),
    schedule=Invitation(title="Date title", organizer="Myself", start="2018-08-24 00:00:00", end="2018-08-24 01:00:00"),
    template="templateName",
    variables={"var1": "value", "var2": "value2"},
)

said = st.text(min_size=1, max_size=40)
maybe = st.none() | said
tokens = st.from_regex(r"[A-Za-z0-9+/=]{16,60}", fullmatch=True)
calls = st.builds(
    SendSms, destination=said, message=said, campaign=maybe, agent=maybe, source=maybe, call=st.sampled_from(SmsCall)
)
emails = st.builds(
    SendEmail,
    to=said,
    campaign=maybe,
    subject=maybe,
    body=said,
    attachments=st.lists(said, max_size=3).map(tuple),
    schedule=st.none() | st.builds(Invitation, title=said, organizer=said, start=said, end=said),
    template=maybe,
    variables=st.dictionaries(said, said, max_size=3),
)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def message(channel: Channel = Channel.SMS, **content: object) -> Outbound:
    to = "098344484" if channel is Channel.SMS else "a@b.c"
    return Outbound(id="m", to=to, content=Content(channel=channel, **({"text": "hi"} | content)))


@settings(deadline=None)
@given(st.builds(Login, user=said, password=said, call=st.sampled_from(LoginCall)), tokens | st.none())
def test_a_login_comes_back(login: Login, token: str | None) -> None:
    assert ucontact.decode_login(ucontact.encode_login(login)) == login
    assert ucontact.decode_login_answer(ucontact.encode_login_answer(token, login.call)) == token


@settings(deadline=None)
@given(said, tokens, st.booleans(), st.sampled_from(["Basic", "Bearer"]))
def test_an_end_of_session_comes_back(user: str, token: str, ended: bool, scheme: str) -> None:
    request = ucontact.encode_end_session(EndSession(user=user, token=token), scheme)
    assert ucontact.decode_end_session(request) == EndSession(user=user, token=token)
    assert ucontact.decode_authorization(request) == Authorization(token, scheme)
    assert ucontact.decode_end_session_answer(ucontact.encode_end_session_answer(ended)) is ended


@settings(deadline=None)
@given(calls, st.builds(TurnedDown, st.sampled_from(["ERROR", "0"])) | st.builds(Taken, said))
def test_an_sms_and_its_answer_come_back(call: SendSms, answer: Taken | TurnedDown) -> None:
    assert ucontact.decode_send_sms(ucontact.encode_send_sms(call, SHOWN)) == call
    if call.call is SmsCall.SEND_SMS and isinstance(answer, Taken):
        answer = Taken()
    assert ucontact.decode_send_sms_answer(ucontact.encode_send_sms_answer(answer, call.call), call.call) == answer


@settings(deadline=None)
@given(emails, st.just(TurnedDown("400")) | st.builds(Taken, said))
def test_an_email_and_its_answer_come_back(call: SendEmail, answer: Taken | TurnedDown) -> None:
    assert ucontact.decode_send_email(ucontact.encode_send_email(call, SHOWN)) == call
    assert ucontact.decode_send_email_answer(ucontact.encode_send_email_answer(answer)) == answer


@settings(deadline=None)
@given(said.filter(str.strip), st.text(max_size=40), st.sampled_from(Spelling), st.booleans())
def test_an_inbound_message_and_its_answer_come_back(phone: str, text: str, spelling: Spelling, taken: bool) -> None:
    call = ReceiveSms(phone=phone, message=text)
    assert ucontact.decode_receive_sms(ucontact.encode_receive_sms(call, spelling)) == call
    assert ucontact.decode_receive_sms_answer(ucontact.encode_receive_sms_answer(taken)) is taken


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=30), st.sampled_from([200, 400, 401, 500]))
def test_arbitrary_bytes_give_typed_errors(raw: bytes, path: str, status: int) -> None:
    readers = (
        *(ucontact.decode_login, ucontact.decode_end_session, ucontact.decode_send_sms),
        *(ucontact.decode_send_email, ucontact.decode_receive_sms),
    )
    paths = (*SmsCall, *LoginCall, ucontact.RECEIVE_SMS + "/phone=" + path, path)
    requests = [
        Request(method="POST", path=path, query=raw[:20], body=body) for path in paths for body in (raw, b"{" + raw)
    ]
    requests += [Request(method="GET", path=ucontact.RECEIVE_SMS, query=b"phone=" + raw + b"&message=" + raw)]
    for read in readers:
        for request in requests:
            with suppress(Unreadable, ucontact.WrongParameters):
                read(request)
    responses = [Response(status=status, body=body) for body in (raw, b"[" + raw + b"]", b'{"id":' + raw + b"}")]
    for response in responses:
        for answer in (
            ucontact.decode_login_answer,
            ucontact.decode_end_session_answer,
            ucontact.decode_send_email_answer,
            ucontact.decode_receive_sms_answer,
            *(lambda given, call=call: ucontact.decode_send_sms_answer(given, call) for call in SmsCall),
        ):
            with suppress(Unreadable):
                answer(response)


@pytest.mark.parametrize(
    ("body", "token"),
    [
        (TOKEN, TOKEN),
        (f"\n{TOKEN}\r\n", TOKEN),
        (json.dumps(TOKEN), TOKEN),
        (json.dumps([{"name": "agent1", "md5secret": TOKEN}, "another"]), TOKEN),
        (json.dumps(["agent1", {"role": 1}, TOKEN]), TOKEN),
        ("0", None),
        ("ERROR", None),
        ("[]", None),
    ],
)
def test_the_token_is_found_wherever_it_stands(body: str, token: str | None) -> None:
    assert DIALECT.session
    assert DIALECT.session.token(Response(body=body.encode())) == token


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
    assert ucontact.decode_send_sms(older).campaign == "Own"
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


def test_the_printed_email() -> None:
    request = Request(method="POST", path=ucontact.SEND_EMAIL, body=sample("send_email.json"))
    assert ucontact.decode_send_email(request) == PRINTED_EMAIL
    assert json.loads(ucontact.encode_send_email(PRINTED_EMAIL, SHOWN).body) == json.loads(request.body)
    with pytest.raises(Unreadable):  # the page lacks a comma
        ucontact.decode_send_email(Request(method="POST", path="/", body=sample("send_email_as_printed.txt")))
    sent = message(
        Channel.EMAIL,
        text=None,
        html=PRINTED_EMAIL.body,
        subject="Subject",
        attachments=PRINTED_EMAIL.attachments,
        invitation=PRINTED_EMAIL.schedule,
    )
    printed = json.loads(request.body)
    del printed["template"], printed["variables"]
    assert json.loads(DIALECT.submit([sent], ACCOUNT | {"campaign": "Email"}).body) == printed | {"to": "a@b.c"}


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
    with pytest.raises(ucontact.WrongParameters):
        ucontact.decode_send_email(Request(method="POST", path="/", body=json.dumps(body).encode()))


def test_wrong_parameters_of_an_sms() -> None:
    for fields in ({"destination": "098344484"}, {"message": "hi", "destination": ""}, {}):
        with pytest.raises(ucontact.WrongParameters):
            ucontact.decode_send_sms(form("POST", SmsCall.SEND_SMS, fields))


ACCEPTED, REJECTED, UNREADABLE = Verdict.ACCEPTED, Verdict.REJECTED, None


@pytest.mark.parametrize(
    ("call", "status", "body", "verdict", "vendor_id"),
    [
        ("SendSMSv2", 200, sample("send_sms_v2_answer.txt"), ACCEPTED, "{smsId}"),
        ("SendSMSv2", 200, b'{"id":"77"}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b"{id:77}", ACCEPTED, "77"),
        ("SendSMSv2", 200, b'{"id":77}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b'"{\\"id\\":\\"77\\"}"', ACCEPTED, "77"),
        ("SendSMSv2", 500, b'{"id":"77"}', ACCEPTED, "77"),
        ("SendSMSv2", 200, b"{}", UNREADABLE, None),
        ("SendSMSv2", 200, b'{"id":""}', UNREADABLE, None),
        ("SendSMSv2", 200, b"", UNREADABLE, None),
        ("SendSMSv2", 200, sample("ok.txt"), UNREADABLE, None),
        ("SendSMSv2", 200, sample("error.txt"), REJECTED, None),
        ("SendSMSv2", 200, b'"ERROR"\n', REJECTED, None),
        ("SendSMSv2", 200, b"0", REJECTED, None),
        ("SendSMSv2", 401, b"ERROR", UNREADABLE, None),
        ("SendSMSv2", 403, b'{"id":"77"}', UNREADABLE, None),
        ("SendSMS", 200, sample("ok.txt"), ACCEPTED, None),
        ("SendSMS", 200, sample("error.txt"), REJECTED, None),
        ("SendSMS", 200, b'{"id":"77"}', UNREADABLE, None),
        ("sendEmail", 200, sample("send_email_answer.json"), ACCEPTED, "23e5a082-adeb-4e51-9e39-9e8efee7aacc"),
        ("sendEmail", 400, b"", REJECTED, None),
        ("sendEmail", 500, b"Server error", UNREADABLE, None),
        ("sendEmail", 200, b"{}", UNREADABLE, None),
        ("sendEmail", 401, b"{}", UNREADABLE, None),
    ],
)
def test_what_an_answer_means(
    call: str, status: int, body: bytes, verdict: Verdict | None, vendor_id: str | None
) -> None:
    email = call == "sendEmail"
    dialect = DIALECT.spoken_with({} if email else {"sms_call": call})
    group = [message(Channel.EMAIL if email else Channel.SMS)]
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
    assert DIALECT.acknowledgement.body == sample("ok.txt")


@pytest.mark.parametrize("query", [b"", b"phone=1", b"phone=&message=hi", b"message=hi", b"phone=%20&message=hi"])
def test_what_is_no_inbound_message(query: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.callback(Request(method="GET", path=ucontact.RECEIVE_SMS, query=query), ACCOUNT)


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
