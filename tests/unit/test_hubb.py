"""The Hubb dialect beyond its table of samples: what the gateway makes of a call, at its doors and as a provider."""

import json
from dataclasses import fields, replace
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.dialects import forms
from switchboard.dialects.door import Credentials, Door, Home, Order, Placed, Refusal, TurnedAway, by_their_names
from switchboard.dialects.hubb import doors
from switchboard.dialects.hubb.accounts import MasterAccount
from switchboard.dialects.hubb.callbacks import Arrival, Report, Shape, decode_callback, encode_inbound, encode_report
from switchboard.dialects.hubb.deals import UNKNOWN_TYPE, AddDeal, Attachment, decode_crm_add_deal, encode_crm_add_deal
from switchboard.dialects.hubb.fields import ErrorText, TurnedDown
from switchboard.dialects.hubb.provider import DIALECT
from switchboard.dialects.hubb.sms import SEND_SMS, SendSms, TimeWindow, contact_of, decode_send_sms
from switchboard.dialects.wire import Request, Response, Unreadable, form
from switchboard.model.contact import CONTACT, SOCIAL_NETWORKS, Contact, MatchBy, Notify, Owner, Tags
from switchboard.model.message import Channel, Content, Encoding, Outbound, Recipient
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status
from tests.corners.hubb import ATTACHED_DEAL, FULL_DEAL, FULL_SMS, flag, items, maybe, said

MINIMAL = {"key": "k", "from": "3056490655", "message_body": "hi", "to": "9195551212"}
ACCOUNT = {"key": "k", "sender": "3056490655"}
UUID = "0f8b2c1e-6d3a-4a53-9f51-0d6a7c1c2b3d"

owners = st.builds(Owner, email=maybe, notify=flag) | st.builds(Owner, group=said, notify=flag)
contacts = st.builds(
    Contact,
    **dict.fromkeys(("id", "first_name", "last_name", "email", "company", "source"), maybe),
    social=st.dictionaries(st.sampled_from(SOCIAL_NETWORKS), said),
    tags=st.builds(Tags, add=items, remove=items),
    match_by=st.dictionaries(st.sampled_from(MatchBy), st.booleans()),
    create=flag,
    owner=st.none() | owners.filter(lambda owner: owner != Owner()),
    notify=st.none() | st.builds(Notify, email=said, subject=maybe),
)


def sms(to: str = "+19195551212", **changes: Any) -> Outbound:
    return Outbound(id="m", to=to, content=Content(channel=Channel.SMS, **({"text": "hi"} | changes)))


def door(name: str) -> Door[Any]:
    return next(door for door in doors.DOORS if door.name == name)


def call(**changes: str) -> SendSms:
    return decode_send_sms(form("POST", SEND_SMS, MINIMAL | changes))


def order(said: SendSms) -> Order:
    order = door("send_sms").order(said, Home(None, ZoneInfo("UTC")))
    assert order is not None
    return order


def spoken(response: Response) -> dict[str, str]:
    assert response.status == 200
    answer: dict[str, str] = json.loads(response.body)
    return answer


# --- the vendor's reading ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [*({name: ""} for name in MINIMAL), {"to": "12345"}, {"numbers": "+0123456789"}, {"override_time_window": "3"}],
    ids=str,
)
def test_what_the_vendor_turns_down(change: dict[str, str]) -> None:
    with pytest.raises(TurnedDown, match=ErrorText.INVALID):
        call(**change)


def test_recipients_are_one_list_without_doubles() -> None:
    many = call(to="+19195551212, 9195551212,,19195551213", numbers="0019195551212,(919) 555-1214,+59898344484")
    assert many.recipients == ("+19195551212", "+19195551213", "+19195551214", "+59898344484")
    alone = call(to="", contact_id="7")
    assert (alone.recipients, alone.contact_id) == ((), "7")


def test_every_attribute_is_in_the_full_sample() -> None:
    for full, rows in ((FULL_SMS, 31), (ATTACHED_DEAL, 60)):
        assert [row.name for row in fields(full) if getattr(full, row.name) in (None, (), {})] == []
        assert len(fields(full)) == rows
    assert len(fields(MasterAccount)) == 16


# --- deals ------------------------------------------------------------------------------------------------------------


def test_the_same_deal_is_the_same_bytes_and_its_boundary_is_in_no_file() -> None:
    first, second = encode_crm_add_deal(ATTACHED_DEAL), encode_crm_add_deal(ATTACHED_DEAL)
    assert first == second
    boundary = (first.header("content-type") or "").partition("boundary=")[2].encode()
    files_and_fields = len(ATTACHED_DEAL.attachments) + len(parse_qsl(encode_crm_add_deal(FULL_DEAL).body))
    assert first.body.count(boundary) == files_and_fields + 1
    other = replace(ATTACHED_DEAL, attachments=(Attachment(filename="a", data=boundary),))
    assert decode_crm_add_deal(encode_crm_add_deal(other)) == other


@pytest.mark.parametrize("wrong", ["", " ", "1e3", "5 €", "٣", ",."])
def test_an_amount_that_is_none_is_not_written(wrong: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        encode_crm_add_deal(AddDeal(key="k", expected_closing_amount=wrong))


@pytest.mark.parametrize("name", ["key", "notifyToEmail", "attachments", "attachments[]", "attachments[7]", ""])
def test_a_custom_field_does_not_stand_in_for_a_parameter(name: str) -> None:
    with pytest.raises(ValueError, match="custom field"):
        encode_crm_add_deal(AddDeal(key="k", custom_fields={name: "x"}))


@pytest.mark.parametrize("kind", ["", " text/plain", "text/plain\r\nX: y", "tëxt/plain"])
def test_a_type_that_no_header_carries_is_not_written(kind: str) -> None:
    file = Attachment(filename="a", data=b"", content_type=kind)
    with pytest.raises(ValueError, match="content type"):
        encode_crm_add_deal(AddDeal(key="k", attachments=(file,)))


@pytest.mark.parametrize("day", ["20200930", "2020-W40-3", "2020-9-30", "2020-09-30T00:00", "٢٠٢٠-09-30", "0000-01-01"])
def test_a_date_has_one_form(day: str) -> None:
    with pytest.raises(TurnedDown):
        decode_crm_add_deal(form("POST", "/", {"key": "k", "actual_closing_date": day}))
    assert decode_crm_add_deal(
        form("POST", "/", {"key": "k", "actual_closing_date": " 2020-09-30 "})
    ).actual_closing_date == date(2020, 9, 30)


@pytest.mark.parametrize(
    ("head", "read"),
    [
        (
            'Content-Type: image/jpeg\r\ncontent-disposition: form-data; filename="a.jpg"; name="attachments[]"',
            Attachment(filename="a.jpg", content_type="image/jpeg", data=b"\x00"),
        ),
        (
            "Content-Disposition: form-data; name=attachments; filename=a.jpg; filename*=utf-8''b.jpg",
            Attachment(filename="a.jpg", content_type=UNKNOWN_TYPE, data=b"\x00"),
        ),
        (
            'Content-Disposition: form-data; name="attachments[0]"; filename="a; name=b%0d%0A%22.txt"',
            Attachment(filename='a; name=b\r\n".txt', content_type=UNKNOWN_TYPE, data=b"\x00"),
        ),
        ('Content-Disposition: form-data; name="note"; filename="a.txt"', None),
    ],
    ids=["type first", "bare words", "a file name that looks like a parameter", "a file by another name"],
)
def test_attachments_as_clients_write_them(head: str, read: Attachment | None) -> None:
    key = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    body = key + b"--b\r\n" + head.encode() + b"\r\n\r\n\x00\r\n--b--\r\n"
    header = ("content-type", 'Multipart/Form-Data; charset=utf-8; boundary="b"')
    read_deal = decode_crm_add_deal(Request(method="POST", path="/", headers=(header,), body=body))
    assert read_deal == AddDeal(key="k", attachments=(read,) if read else ())


@pytest.mark.parametrize(
    "head", ["", "Content-Disposition: attachment; name=key", "Content-Disposition: form-data", "X-Name: name=key"]
)
def test_a_part_without_a_name_is_unreadable(head: str) -> None:
    body = b"--b\r\n" + head.encode() + b"\r\n\r\nk\r\n--b--"
    header = ("content-type", "multipart/form-data; boundary=b")
    with pytest.raises(Unreadable, match="without"):
        forms.parameters(Request(method="POST", path="/", headers=(header,), body=body))


def test_a_boundary_of_lone_surrogates_is_unreadable() -> None:
    header = ("content-type", "multipart/form-data; boundary=\ud800")
    with pytest.raises(Unreadable, match="cut short"):
        forms.parts(Request(method="POST", path="/", headers=(header,), body=b"--x--"))


def test_too_many_parts_are_unreadable_as_too_many_parameters_are() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n'
    header = ("content-type", "multipart/form-data; boundary=b")
    most = Request(method="POST", path="/", headers=(header,), body=part * forms.MAX_FIELDS + b"--b--")
    assert forms.parameters(most) == {"key": "k"}
    with pytest.raises(Unreadable, match="too many"):
        forms.parts(replace(most, body=part + most.body))


def test_a_custom_field_of_json_can_be_written_again() -> None:
    broken = Request(method="POST", path="/", body=b'{"key":"k","\\ud800":"\\udfff!"}')
    read = decode_crm_add_deal(broken)
    assert read.custom_fields == {"\ufffd": "\ufffd!"}
    assert decode_crm_add_deal(encode_crm_add_deal(read)) == read


# --- the contact ------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(contacts)
def test_a_contact_survives_the_call(contact: Contact) -> None:
    message = sms(contact=contact)
    assert DIALECT.refuses(message.content) == ()
    read = decode_send_sms(DIALECT.submit([message], ACCOUNT))
    assert contact_of(read) == (None if contact == Contact() else contact)


def test_what_the_page_passes_over_is_not_in_the_contact() -> None:
    contact = contact_of(FULL_SMS)
    assert contact is not None
    assert (contact.name, contact.first_name, contact.last_name) == ("mike douglas", None, None)
    assert contact.owner == Owner(email="user@email.com", notify=True)
    assert contact_of(call(notifyEmailSubject="to nobody")) is None
    content = Content(channel=Channel.SMS, text="hi", contact=contact)
    assert DIALECT.refuses(content) == (), "an old client's call must get through"


# --- as a provider ----------------------------------------------------------------------------------------------------


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


def test_a_contact_is_sent_to_by_its_id_alone() -> None:
    written = dict(parse_qsl(DIALECT.submit([sms(f"{CONTACT}876566")], ACCOUNT).body.decode()))
    assert written == {name: value for name, value in MINIMAL.items() if name != "to"} | {"contact_id": "876566"}


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[" * 100_000, b"\xff", b'{"error_message":""}', b'{"message":"success"']
)
def test_an_answer_that_is_none_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.outcomes([sms()], Response(body=body))


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"message":"success","message_id":876566}', Outcome(verdict=Verdict.ACCEPTED, vendor_id="876566")),
        (b'{"message":"success","message_id":null,"owner_id":[1]}', Outcome(verdict=Verdict.ACCEPTED)),
        (
            b'{"message":"success","message_id":"b4d1","contact_id":7,"company_name":"","owner_id":"12"}',
            Outcome(verdict=Verdict.ACCEPTED, vendor_id="b4d1", facts={"contact_id": "7", "owner_id": "12"}),
        ),
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


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"channel": Channel.EMAIL}, ["channel"]),
        ({"text": None}, ["text"]),
        ({"text": "a" * 2048}, []),
        ({"text": "a" * 2049, "flash": True}, ["text", "flash"]),
        ({"encoding": Encoding.LATIN1, "link": "https://example.org"}, ["encoding", "link"]),
        ({"provider_at": 1e9}, ["via"]),
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
def test_what_it_cannot_carry_is_named(change: dict[str, Any], wrong: list[str]) -> None:
    content = Content(**({"channel": Channel.SMS, "text": "hi"} | change))
    assert [problem.field for problem in DIALECT.refuses(content)] == wrong


# --- doors ------------------------------------------------------------------------------------------------------------


def test_the_doors_stand_where_the_vendor_has_them() -> None:
    assert {door.path: door.methods for door in doors.DOORS} == dict.fromkeys(
        ("/site/api/send_sms", "/site/api/crm_add_deal", "/site/api/master_account"), ("GET", "POST")
    )
    assert {door.name for door in doors.DOORS if door.waits} == {"send_sms"}


@pytest.mark.parametrize("name", ["send_sms", "crm_add_deal", "master_account"])
@pytest.mark.parametrize(
    "request_",
    [
        Request(method="GET", path="/"),
        Request(method="POST", path="/", body=b"\xff"),
        Request(method="POST", path="/", headers=(("content-type", "multipart/form-data"),), body=b"--"),
    ],
    ids=["nothing", "bytes", "multipart without a boundary"],
)
def test_a_malformed_call_is_turned_away_in_the_vendors_words(name: str, request_: Request) -> None:
    with pytest.raises(TurnedAway) as turned:
        door(name).read(request_)
    assert spoken(turned.value.response) == {"error_message": "Invalid Key or missing parameters"}
    assert all(problem.field and problem.reason for problem in turned.value.problems)
    assert turned.value.problems


@pytest.mark.parametrize(
    ("change", "parameters", "words"),
    [
        ({"message_body": " \n"}, ["message_body"], ErrorText.INVALID),
        ({"key": "", "from": ""}, ["key", "from"], ErrorText.INVALID),
        ({"to": ""}, ["to"], ErrorText.INVALID),
        ({"to": "12345", "numbers": "nobody"}, ["to", "numbers"], ErrorText.INVALID),
        ({"message_body": "a" * 2049}, ["message_body"], ErrorText.INVALID),
        ({"override_time_window": "3"}, ["override_time_window"], ErrorText.INVALID),
        ({"from": "1" * 65}, ["from"], ErrorText.FROM),
    ],
    ids=str,
)
def test_whoever_is_turned_away_hears_of_which_parameter(
    change: dict[str, str], parameters: list[str], words: str
) -> None:
    with pytest.raises(TurnedAway) as turned:
        door("send_sms").read(form("POST", SEND_SMS, MINIMAL | change))
    assert spoken(turned.value.response) == {"error_message": words}
    assert [problem.field for problem in turned.value.problems] == parameters


@pytest.mark.parametrize("name", ["send_sms", "crm_add_deal", "master_account"])
@pytest.mark.parametrize("value", [["9195551212"], {"a": "b"}, False], ids=str)
def test_a_json_value_that_is_no_text_is_not_dropped(name: str, value: object) -> None:
    whole = MINIMAL | {"email": "a@b.co", "account_name": "A"}
    bodies = [json.dumps(whole | {"firstname": said}).encode() for said in (value, None, 7)]
    wrong, *good = [Request(method="POST", path=door(name).path, body=body) for body in bodies]
    with pytest.raises(TurnedAway) as turned:
        door(name).read(wrong)
    assert spoken(turned.value.response) == {"error_message": ErrorText.INVALID}
    for request in good:
        door(name).read(request)


@pytest.mark.parametrize("kind", ["text/plain", "text/html; charset=utf-8", "x"])
def test_a_body_of_another_type_is_a_form(kind: str) -> None:
    posted = form("POST", SEND_SMS, MINIMAL)
    assert decode_send_sms(replace(posted, headers=(("content-type", kind),))) == decode_send_sms(posted)


def test_problems_have_the_pages_names() -> None:
    ours = [Problem(name, "is wrong") for name in ("to.3", "text", "contact.name", "hubb.override_time_window")]
    said = by_their_names(ours, door("send_sms").names)
    assert [problem.field for problem in said] == ["to.3", "message_body", "fullname", "override_time_window"]


def test_a_plus_that_was_not_encoded_is_read_as_one() -> None:
    raw = Request(method="GET", path=SEND_SMS, query=b"key=k&from=1&message_body=hi&to=+59898344484,+9195551212")
    assert decode_send_sms(raw).recipients == ("+59898344484", "+19195551212")


def test_an_order_carries_what_the_call_says() -> None:
    said = door("send_sms").read(form("POST", SEND_SMS, MINIMAL | {"numbers": "+19195551212,+59898344484"}))
    assert door("send_sms").credentials(said) == Credentials(secret="k")
    assert order(said) == Order(
        content=Content(channel=Channel.SMS, text="hi", sender="3056490655"),
        recipients=(Recipient(to="+19195551212"), Recipient(to="+59898344484")),
    )
    assert order(FULL_SMS).content == Content(
        channel=Channel.SMS,
        text="string",
        sender="3056490655",
        contact=contact_of(FULL_SMS),
        options={"hubb": {"override_time_window": TimeWindow.USER.value}},
    )
    known = order(call(to="", contact_id="876566"))
    assert known.recipients == (Recipient(to=f"{CONTACT}876566"),)
    assert known.content.contact == Contact(id="876566")


def test_a_number_in_two_spellings_is_sent_to_once() -> None:
    twice = order(call(to="+44 (0)20 7946 0018, +44 20 7946 0018", numbers="9195551212,+1 919 555-1212"))
    assert twice.recipients == (Recipient(to="+442079460018"), Recipient(to="+19195551212"))


def test_a_contact_has_an_id_no_longer_than_an_address() -> None:
    assert order(call(to="", contact_id="7" * 254)).recipients == (Recipient(to=CONTACT + "7" * 254),)
    for to in ("", "9195551212"):
        with pytest.raises(Refused) as refused:
            order(call(to=to, contact_id="7" * 255))
        assert [problem.field for problem in refused.value.problems] == ["contact.id"]


def test_a_number_that_cannot_be_is_named_by_its_place() -> None:
    with pytest.raises(Refused) as refused:
        order(call(numbers="+1919555,+59898344484"))
    assert [problem.field for problem in refused.value.problems] == ["to.1"]


def test_a_thousand_numbers_are_the_most() -> None:
    thousand = [f"+1919555{number:04}" for number in range(1001)]
    assert len(order(call(to="", numbers=",".join(thousand[:1000]))).recipients) == 1000
    with pytest.raises(Refused, match="1000"):
        order(call(to="", numbers=",".join(thousand)))


def test_the_answer_is_the_first_messages_with_the_crms_ids_where_they_came() -> None:
    said = call(numbers="+59898344484")
    first, second = Placed(id=UUID), Placed(id="another")
    blank = dict.fromkeys(("contact_id", "contact_name", "company_id", "company_name", "owner_id"), "")
    answer = door("send_sms").answer
    assert spoken(answer(said, order(said), (first, second))) == {"message": "success"} | blank | {"message_id": UUID}
    facts = {"contact_id": "7", "owner_id": "12", "another": "word"}
    known = replace(first, facts=facts)
    told = {"message": "success"} | blank | {"contact_id": "7", "owner_id": "12", "message_id": UUID}
    assert spoken(answer(said, order(said), (known,))) == told
    refused = replace(first, refused=str(ErrorText.BALANCE))
    assert spoken(answer(said, order(said), (refused,))) == {"error_message": ErrorText.BALANCE}


@pytest.mark.parametrize(
    ("refusal", "problems", "words"),
    [
        (Refusal.CREDENTIALS, (), "Invalid Key or missing parameters"),
        (Refusal.CONTENT, (), "Invalid Key or missing parameters"),
        (Refusal.CONTENT, (Problem("from", "is not yours"),), "From Number is not active on this account"),
        (
            Refusal.CONTENT,
            (Problem("to.3", "is none"), Problem("text", "is long")),
            "to.3: is none; message_body: is long",
        ),
    ],
)
def test_a_refusal_is_in_the_vendors_words(refusal: Refusal, problems: tuple[Problem, ...], words: str) -> None:
    assert spoken(door("send_sms").refuse(call(), refusal, problems, None)) == {"error_message": words}


@pytest.mark.parametrize("name", ["send_sms", "crm_add_deal", "master_account"])
def test_a_fault_says_whether_a_repeat_is_safe(name: str) -> None:
    for refusal in (Refusal.BUSY, Refusal.FAILED):
        assert "nothing was taken" in spoken(door(name).refuse(call(), refusal, (), None))["error_message"]
    too_many = door(name).refuse(call(), Refusal.LIMIT, (), None)
    assert (too_many.status, "nothing was taken" in json.loads(too_many.body)["error_message"]) == (429, True)
    doubt = door(name).refuse(call(), Refusal.UNKNOWN, (), None)
    assert (doubt.status, doubt.header("content-type")) == (500, "text/plain; charset=utf-8")
    assert b"may have been taken, do not send it again" in doubt.body
    with pytest.raises(Unreadable):  # a plain no would be sent again
        DIALECT.outcomes([sms()], doubt)


def test_what_the_crm_shall_hold_is_said_in_our_own_json() -> None:
    fields_ = {
        "key": "k",
        "email": "a@b.co",
        "account_name": "A",
        "name": "Deal",
        "create_new_stage": "2",
        "stage": "New",
    }
    for name, account, told in (
        ("crm_add_deal", False, {"name": "Deal", "stage": {"name": "New", "create": True}}),
        ("master_account", True, {"email": "a@b.co", "account_name": "A"}),
    ):
        said = door(name).read(Request(method="GET", path=door(name).path, query=urlencode(fields_).encode()))
        assert door(name).credentials(said) == Credentials(secret="k")
        writing = door(name).writing
        assert writing is not None
        wanted = writing(said)
        assert (wanted.account, {name: wanted.said.get(name) for name in told}) == (account, told)


# --- callbacks --------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.builds(Report, message_id=said, status=said, error_code=maybe)
    | st.builds(Arrival, sender=said, text=st.text(max_size=40), to=maybe, message_id=maybe),
    st.sampled_from(Shape),
)
def test_a_callback_comes_back_in_every_shape(callback: Report | Arrival, shape: Shape) -> None:
    encoded = encode_report(callback, shape) if isinstance(callback, Report) else encode_inbound(callback, shape)
    assert decode_callback(encoded) == callback


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
        # by the page ten digits are a number of the US
        (
            b"from=(919)+555-1212&to=3056490655&message=hi",
            Inbound(sender="+19195551212", to="+13056490655", text="hi"),
        ),
        (b"from=59898344484&message=hi", Inbound(sender="+59898344484", text="hi")),
        (b"from=Northwind&to=24680&message=hi", Inbound(sender="Northwind", to="24680", text="hi")),
        (
            b'{"message_id":"7","status":"sent","more":{"a":[1]},"flag":true}',
            Receipt(vendor_id="7", word="sent", status=Status.SENT),
        ),
        (b'{"from":"+1919","message":"\\ud83d!","message_id":"m"}', Inbound(sender="+1919", text="�!", vendor_id="m")),
    ],
)
def test_callbacks(callback: bytes, read: Receipt | Inbound) -> None:
    assert DIALECT.callback(Request(method="POST", path="/", body=callback), {}) == (read,)
    assert DIALECT.acknowledgement.body == b'{"message":"success"}'


@pytest.mark.parametrize("body", [b"", b"message_id=7", b"status=sent", b"message=hi", b"message_id=7&status=", b"[1]"])
def test_what_is_no_callback(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DIALECT.callback(Request(method="POST", path="/", body=body), {})
