"""The Hubb dialect: its samples as the page prints them, round trips, and what the gateway reads of it."""

import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects import hubb
from switchboard.dialects.hubb import DIALECT, Arrival, ErrorText, Failure, Report, SendSms, Sent, Shape, TimeWindow
from switchboard.dialects.wire import FORM, JSON, Request, Response, Unreadable, form
from switchboard.model.contact import SOCIAL_NETWORKS, Contact, MatchBy, Notify, Owner, Tags
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status

SAMPLES = Path(__file__).parents[1] / "samples" / "hubb"
PRINTED = dict(line.split("|") for line in (SAMPLES / "send_sms_parameters.txt").read_text().splitlines())
PRINTED_CALL = SendSms(
    key="374593457034859",
    sender="3056490655",
    text="string",
    to=("9195551212",),
    numbers=("9195551212", "9195551213", "9195551214"),
    contact_id="876566",
    email="newcontact@url.com",
    create_new_contact=False,
    match_with_email=False,
    match_with_phone=True,
    check_name=True,
    full_name="mike douglas",
    first_name="mike",
    last_name="douglas",
    new_company_name="company XY",
    facebook="Facebook name",
    twitter="twitter name",
    skype="skype username",
    linkedin="Linkedin username",
    pinterest="pinterest username",
    google_plus="googlePlus username",
    instagram="instagram username",
    source="campaign1",
    tags=("new customer", "campaign1", "call me"),
    remove_tags=("new customer", "campaign1", "call me"),
    notify_to_email="user1@company.com",
    notify_email_subject="New Contact Added",
    owner_email="user@email.com",
    owner_group="group name",
    email_notify_owner=True,
    override_time_window=TimeWindow.USER,
)
MINIMAL = {"key": "k", "from": "3056490655", "message_body": "hi", "to": "9195551212"}
ACCOUNT = {"key": "k", "sender": "3056490655"}

said = st.text(min_size=1, max_size=40)
item = st.text(min_size=1, max_size=20).map(lambda text: text.replace(",", " ").strip()).filter(bool)
items = st.lists(item, max_size=4).map(tuple)
numbers = st.lists(st.from_regex(r"(\+|00)?[1-9][0-9]{9,13}", fullmatch=True), max_size=4).map(tuple)
maybe = st.none() | said
flag = st.none() | st.booleans()
KINDS = {bool | None: flag, str | None: maybe, tuple[str, ...]: items, str: said}
OWN = {
    "to": numbers,
    "numbers": numbers,
    "contact_id": said,
    "override_time_window": st.none() | st.sampled_from(TimeWindow),
}
calls = st.builds(SendSms, **({row.name: KINDS.get(row.type, said) for row in fields(SendSms)} | OWN))
owners = st.builds(Owner, email=maybe, notify=flag) | st.builds(Owner, group=said, notify=flag)
contacts = st.builds(
    Contact,
    **dict.fromkeys(("id", "first_name", "last_name", "email", "company", "source"), maybe),
    social=st.dictionaries(st.sampled_from(SOCIAL_NETWORKS), said),
    tags=st.builds(Tags, add=items, remove=items),
    match_by=st.none() | st.frozensets(st.sampled_from(MatchBy)),
    create=flag,
    owner=st.none() | owners.filter(lambda owner: owner != Owner()),
    notify=st.none() | st.builds(Notify, email=said, subject=maybe),
)


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def sms(**changes: object) -> Outbound:
    return Outbound(id="m", to="+19195551212", content=Content(channel=Channel.SMS, **({"text": "hi"} | changes)))


def multipart(values: dict[str, str], boundary: str = "x--x") -> Request:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in values.items()
    ]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="attachments[]"; filename="a.txt"\r\n\r\n\x00'
    body = "\r\n".join([*parts, file, f"--{boundary}--\r\n"]).encode()
    header = ("content-type", f'multipart/form-data; boundary="{boundary}"')
    return Request(method="POST", path=hubb.SEND_SMS, headers=(header,), body=body)


def test_every_printed_parameter_is_read_and_written() -> None:
    assert hubb.decode_send_sms(form("POST", hubb.SEND_SMS, PRINTED)) == PRINTED_CALL
    written = dict(parse_qsl(hubb.encode_send_sms(PRINTED_CALL).body.decode()))
    assert written == {name: value.replace(", ", ",") for name, value in PRINTED.items()}
    assert len(PRINTED) == len(fields(SendSms)) == 31


@pytest.mark.parametrize(
    "request_",
    [
        Request(method="GET", path=hubb.SEND_SMS, query=urlencode(PRINTED).encode()),
        Request(method="POST", path=hubb.SEND_SMS, query=urlencode(PRINTED).encode()),
        Request(method="POST", path=hubb.SEND_SMS, body=urlencode(PRINTED).encode()),
        multipart(PRINTED),
        multipart(PRINTED, "plain"),
    ],
    ids=["query", "query of a post", "form without a type", "multipart", "plain multipart"],
)
def test_the_vendor_reads_every_shape(request_: Request) -> None:
    assert hubb.decode_send_sms(request_) == PRINTED_CALL


def test_a_text_keeps_its_line_breaks_and_markers_in_multipart() -> None:
    text = "a\r\n--x--xyz\r\n\r\nñ€😀"
    assert hubb.decode_send_sms(multipart(MINIMAL | {"message_body": text})).text == text


@settings(deadline=None)
@given(calls)
def test_a_call_comes_back(call: SendSms) -> None:
    assert hubb.decode_send_sms(hubb.encode_send_sms(call)) == call


@settings(deadline=None)
@given(st.builds(Sent, **{row.name: maybe for row in fields(Sent)}) | st.builds(Failure, said))
def test_an_answer_comes_back(answer: Sent | Failure) -> None:
    response = hubb.encode_send_sms_answer(answer)
    assert response.status == 200
    assert hubb.decode_send_sms_answer(response) == answer
    assert all(isinstance(value, str) for value in json.loads(response.body).values())


@settings(deadline=None)
@given(
    st.builds(Report, message_id=said, status=said, error_code=maybe)
    | st.builds(Arrival, sender=said, text=st.text(max_size=40), to=maybe, message_id=maybe),
    st.sampled_from(Shape),
)
def test_a_callback_comes_back_in_every_shape(callback: Report | Arrival, shape: Shape) -> None:
    encode = hubb.encode_report if isinstance(callback, Report) else hubb.encode_inbound
    assert hubb.decode_callback(encode(callback, shape)) == callback


@settings(deadline=None)
@given(contacts)
def test_a_contact_survives_the_call(contact: Contact) -> None:
    content = Content(channel=Channel.SMS, text="hi", contact=contact)
    assert DIALECT.refuses(content) == ()
    read = hubb.decode_send_sms(DIALECT.submit([Outbound(id="m", to="+19195551212", content=content)], ACCOUNT))
    assert hubb.contact_of(read) == (None if contact == Contact() else contact)


@pytest.mark.parametrize("media", [FORM, JSON, "multipart/form-data; boundary=b", "text/plain"])
@settings(deadline=None)
@given(raw=st.binary(max_size=200), query=st.binary(max_size=50))
def test_arbitrary_bytes_give_typed_errors(media: str, raw: bytes, query: bytes) -> None:
    for body in (raw, b"--b\r\n" + raw + b"\r\n--b--", b'{"from":' + raw + b"}"):
        request = Request(method="POST", path="/", query=query, headers=(("content-type", media),), body=body)
        for read in (hubb.decode_send_sms, hubb.decode_callback):
            with suppress(Unreadable, hubb.TurnedDown):
                read(request)
        with suppress(Unreadable):
            hubb.decode_send_sms_answer(Response(body=body))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[" * 100_000,
        b"\xff",
        b'{"message":"Unauthorized"}',
        b'{"error_message":""}',
        b'{"message":"success"',
        sample("send_sms_success_as_printed.txt"),
    ],
)
def test_an_answer_that_is_none_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.outcomes([sms()], Response(body=body))


def test_the_printed_answers() -> None:
    assert hubb.decode_send_sms_answer(Response(body=sample("send_sms_success.json"))) == Sent(
        message_id="unique ID for the message",
        contact_id="Contact ID",
        contact_name="Firstname Lastname",
        company_id="Company ID if the contact assigned to a company",
        company_name="Company Name of the contact",
        owner_id="User ID of the contact owner",
    )
    assert hubb.decode_send_sms_answer(Response(body=sample("failure.json"))) == Failure("error message")
    assert [str(text) for text in ErrorText] == sample("send_sms_errors.txt").decode().splitlines()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"message":"success","message_id":876566}', Outcome(verdict=Verdict.ACCEPTED, vendor_id="876566")),
        (b'\xef\xbb\xbf{"message":"success","message_id":"1e3"}', Outcome(verdict=Verdict.ACCEPTED, vendor_id="1e3")),
        (b'{"message":"success","message_id":null,"owner_id":[1]}', Outcome(verdict=Verdict.ACCEPTED)),
        *(
            (
                json.dumps({"error_message": text}).encode(),
                Outcome(verdict=Verdict.REJECTED, detail=text, concern=Concern.ACCOUNT),
            )
            for text in ErrorText
        ),
        (b'{"error_message":"no such number"}', Outcome(verdict=Verdict.REJECTED, detail="no such number")),
    ],
)
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_readable_answer_wins_over_the_status(body: bytes, outcome: Outcome, status: int) -> None:
    assert DIALECT.outcomes([sms()], Response(status=status, body=body)) == (outcome,)


def test_the_printed_example_url_lacks_parameters() -> None:
    path, _, query = sample("send_sms_example_url.txt").decode().partition("?")
    with pytest.raises(hubb.TurnedDown, match=ErrorText.INVALID):
        hubb.decode_send_sms(Request(method="GET", path=path, query=query.encode()))


@pytest.mark.parametrize(
    "change",
    [
        *({name: ""} for name in MINIMAL),
        {"to": "call me"},
        {"to": "12345"},
        {"numbers": "+0123456789"},
        {"match_with_email": "yes"},
        {"override_time_window": "3"},
        {"message_body": "a" * 2049},
    ],
    ids=str,
)
def test_what_the_vendor_turns_down(change: dict[str, str]) -> None:
    with pytest.raises(hubb.TurnedDown, match=ErrorText.INVALID):
        hubb.decode_send_sms(form("POST", hubb.SEND_SMS, MINIMAL | change))


def test_recipients_are_one_list_without_doubles() -> None:
    lists = {"to": "+19195551212, 9195551212,,19195551213", "numbers": "0019195551212,(919) 555-1214,+59898344484"}
    call = hubb.decode_send_sms(form("POST", hubb.SEND_SMS, MINIMAL | lists))
    assert call.recipients == ("+19195551212", "+19195551213", "+19195551214", "+59898344484")
    alone = hubb.decode_send_sms(form("POST", hubb.SEND_SMS, MINIMAL | {"to": "", "contact_id": "7"}))
    assert (alone.recipients, alone.contact_id) == ((), "7")


def test_submit_posts_one_form_a_recipient_and_keeps_the_key_out_of_the_url() -> None:
    messages = [sms(), sms(sender="2025550100", options={"hubb": {"override_time_window": "user"}})]
    assert DIALECT.pack(messages) == [[messages[0]], [messages[1]]]
    first, second = (DIALECT.submit([message], ACCOUNT) for message in messages)
    assert (first.method, first.path, first.query) == ("POST", "/site/api/send_sms", b"")
    assert dict(parse_qsl(first.body.decode())) == MINIMAL | {"to": "+19195551212"}
    assert dict(parse_qsl(second.body.decode())) == MINIMAL | {
        "to": "+19195551212",
        "from": "2025550100",
        "override_time_window": "2",
    }
    with pytest.raises(KeyError, match="sender"):
        DIALECT.submit([sms()], {"key": "k"})


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"channel": Channel.EMAIL}, ["channel"]),
        ({"text": None}, ["text"]),
        ({"text": "a" * 2048}, []),
        ({"text": "a" * 2049, "flash": True}, ["text", "flash"]),
        ({"encoding": Encoding.LATIN1, "link": "https://example.org"}, ["encoding", "link"]),
        ({"options": {"hubb": {"override_time_window": "company"}}}, []),
        ({"options": {"hubb": {"override_time_window": "3", "x": "y"}}}, ["hubb.x", "hubb.override_time_window"]),
        ({"options": {"another": {"agent": "a"}}}, ["another"]),
        ({"contact": Contact(name="a b", first_name="a")}, ["contact.name"]),
        ({"contact": Contact(owner=Owner(email="a@b.c", group="g"))}, ["contact.owner.group"]),
        ({"contact": Contact(social={"mastodon": "x"})}, ["contact.social.mastodon"]),
        (
            {"contact": Contact(tags=Tags(add=("a", "b,c"), remove=("",)))},
            ["contact.tags.add.1", "contact.tags.remove.0"],
        ),
    ],
    ids=str,
)
def test_what_it_cannot_carry_is_named(change: dict[str, object], wrong: list[str]) -> None:
    content = Content(**({"channel": Channel.SMS, "text": "hi"} | change))
    assert [problem.field for problem in DIALECT.refuses(content)] == wrong


@pytest.mark.parametrize(
    ("callback", "read"),
    [
        (b"message_id=7&status=DELIVERED", Receipt(vendor_id="7", word="DELIVERED", status=Status.DELIVERED)),
        (
            b'{"message_id":7,"status":"Failed","error_code":30005}',
            Receipt(vendor_id="7", word="Failed", status=Status.FAILED, error="30005"),
        ),
        (b"message_id=7&status=read", Receipt(vendor_id="7", word="read")),
        (b"from=%2B1919&to=305&message=", Inbound(sender="+1919", to="305", text="")),
        (b'{"from":"+1919","message":"\\ud83d!","message_id":"m"}', Inbound(sender="+1919", text="�!", vendor_id="m")),
    ],
)
def test_callbacks(callback: bytes, read: Receipt | Inbound) -> None:
    assert DIALECT.callback(Request(method="POST", path="/", body=callback), {}) == (read,)


@pytest.mark.parametrize("body", [b"", b"message_id=7", b"status=sent", b"message=hi", b"message_id=7&status=", b"[1]"])
def test_what_is_no_callback(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.callback(Request(method="POST", path="/", body=body), {})
