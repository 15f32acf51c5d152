"""The CRM corner: every parameter of the vendor's tables has a place in our words, and what a repetition leaves out."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from switchboard.dialects import unified_deals as words
from switchboard.dialects.forms import parameters
from switchboard.dialects.hubb import accounts, crm, deals
from switchboard.dialects.hubb import said as at_door
from switchboard.dialects.wire import JSON, Request, Response, form
from switchboard.model.contact import MatchBy
from switchboard.model.deal import Amount, Deal, File, Mails, Note, Person, Refusal, Resolution, SavedDeal
from switchboard.model.problem import Refused

ACCOUNT = {"key": "k"}

# Every row of the document's table but the key: the place in our request, what is said there, what goes out.
DEAL: Mapping[str, tuple[str, Any, str]] = {
    "deal_id": ("id", "5452", "5452"),
    "external_reference_id": ("external_reference", "Deal656588", "Deal656588"),
    "name": ("name", "Selling Product", "Selling Product"),
    "contact_id": ("contact.id", "65246", "65246"),
    "contact_name": ("contact.name", "Mike Douglas", "Mike Douglas"),
    "contact_email": ("contact.email", "Mike@gmail.com", "Mike@gmail.com"),
    "send_email_to_contact": ("notify.contact", True, "1"),
    "send_email_to_contact_subject": ("notify.contact_subject", "S", "S"),
    "contact_phone": ("contact.phone", "54065486544", "54065486544"),
    "match_with_email": ("contact.match_by.email", False, "2"),
    "match_with_phone": ("contact.match_by.phone", True, "1"),
    "check_name": ("contact.match_by.name", True, "1"),
    "contact_source": ("contact.source", "campaign1", "campaign1"),
    "contact_facebook": ("contact.social.facebook", "a", "a"),
    "contact_twitter": ("contact.social.twitter", "b", "b"),
    "contact_skype": ("contact.social.skype", "c", "c"),
    "contact_linkedin": ("contact.social.linkedin", "d", "d"),
    "contact_pinterest": ("contact.social.pinterest", "e", "e"),
    "contact_googlePlus": ("contact.social.google_plus", "f", "f"),
    "contact_instagram": ("contact.social.instagram", "g", "g"),
    "company_id": ("company.id", "952622", "952622"),
    "company_name": ("company.name", "Hubb UCS Company", "Hubb UCS Company"),
    "company_email": ("company.email", "email@website.com", "email@website.com"),
    "company_phone": ("company.phone", "54065486544", "54065486544"),
    "expected_closing_date": ("closing.expected", "2020-09-30", "2020-09-30"),
    "actual_closing_date": ("closing.actual", "2020-09-30", "2020-09-30"),
    "expected_closing_amount": ("amount.expected", "523", "523"),
    "actual_closing_amount": ("amount.actual", "523.50", "523.50"),
    "stage": ("stage.name", "stage name", "stage name"),
    "deal_type": ("deal_type", "String", "String"),
    "create_new_stage": ("stage.create", True, "2"),
    "funnel": ("funnel.name", "Funnel name", "Funnel name"),
    "create_new_funnel": ("funnel.create", True, "2"),
    "resolution": ("resolution", "won", "won"),
    "won_reasons": ("reason.won", "w", "w"),
    "lost_reason": ("reason.lost", "l", "l"),
    "reason_name": ("reason.name", "Reason Name", "Reason Name"),
    "create_new_reason_name": ("reason.create", True, "2"),
    "tags": ("tags.add", ["tag1", "tag2"], "tag1,tag2"),
    "remove_tags": ("tags.remove", ["tag3"], "tag3"),
    "notifyToEmail": ("notify.email", "user1@company.com", "user1@company.com"),
    "notifyEmailSubject": ("notify.subject", "New Deal Added", "New Deal Added"),
    "notifyEmailExtraText": ("notify.text", "String", "String"),
    "owner_email": ("owner.email", "user@email.com", "user@email.com"),
    "dealcollaborator_email": ("collaborators.full_access", "user@email.com", "user@email.com"),
    "dealcollaboratoronly_email": ("collaborators.only", "user@email.com", "user@email.com"),
    "use_contact_owner": ("owner.same_as_contact", True, "2"),
    "owner_group": ("owner.group", "group name", "group name"),
    "email_notify_owner": ("notify.owner", True, "1"),
    "custom_field": ("custom_fields.values.custom_field", "any value", "any value"),
    "auto_create_custom_fields": ("custom_fields.create", True, "2"),
    "note_title": ("note.title", "text", "text"),
    "note": ("note.text", "text string", "text string"),
    "create_new_deal_score": ("score.create", True, "2"),
    "deal_score": ("score.name", "deal score name", "deal score name"),
    "contact_address_street": ("contact.address.street", "4806 Reppert Coal Road", "4806 Reppert Coal Road"),
    "contact_address_city": ("contact.address.city", "Bloomfield Township", "Bloomfield Township"),
    "contact_address_zipcode": ("contact.address.zipcode", "48302", "48302"),
}
SIGN_UP: Mapping[str, tuple[str, Any, str]] = {
    "email": ("email", "mike@gmail.com", "mike@gmail.com"),
    "account_name": ("account_name", "Company Test Account", "Company Test Account"),
    "send_welcome_email": ("welcome", False, "2"),
    "phone": ("phone", "5645645456", "5645645456"),
    "firstname": ("first_name", "mike", "mike"),
    "lastname": ("last_name", "douglas", "douglas"),
    "facebook": ("facebook", "f", "f"),
    "twitter": ("twitter", "t", "t"),
    "source": ("source", "campaign1", "campaign1"),
    "tags": ("tags", ["new customer", "call me"], "new customer,call me"),
    "notifyToEmail": ("notify.email", "a@b.example", "a@b.example"),
    "notifyEmailSubject": ("notify.subject", "New Contact Added", "New Contact Added"),
    "contactowner_email": ("owner.email", "a@b.example", "a@b.example"),
    "contactowner_group": ("owner.group", "group name", "group name"),
    "email_notify_owner": ("owner.notify", True, "1"),
}


def said(table: Mapping[str, tuple[str, Any, str]], *, less: tuple[str, ...] = ()) -> dict[str, Any]:
    """A request of ours that says every row."""
    request: dict[str, Any] = {}
    for name, (path, value, _) in table.items():
        *parents, last = path.split(".")
        inner = request
        for parent in parents:
            inner = inner.setdefault(parent, {})
        if name not in less:
            inner[last] = value
    return request


def test_every_parameter_of_a_deal_has_a_place_in_our_request() -> None:
    for less in ((), ("deal_id",)):
        request = words.NewDealRequest.model_validate(said(DEAL, less=less))
        sent = crm.CRM.deal(words.deal(request, request.external_reference), ACCOUNT, "b").request
        unlooked = {"external_reference_id"} if not less else {"deal_id"}
        expected = {name: out for name, (_, _, out) in DEAL.items() if name not in unlooked}
        assert parameters(sent) == {"key": "k", **expected}


def test_the_table_of_a_deal_is_the_documents() -> None:
    assert DEAL.keys() | {"key", "attachments"} == {row.name for row in deals.DEAL_PARAMETERS} | {
        "custom_field",
        "attachments",
    }
    assert len(DEAL) == 58  # and attachments, which are files, and the key


def test_every_parameter_of_a_sign_up_has_a_place_in_our_request() -> None:
    wanted = words.sign_up(words.AccountRequest.model_validate(said(SIGN_UP)))
    expected = {name: out for name, (_, _, out) in SIGN_UP.items()}
    assert parameters(crm.CRM.sign_up(wanted, ACCOUNT)) == {"key": "k", **expected}
    assert SIGN_UP.keys() | {"key"} == {row.name for row in accounts.ACCOUNT_PARAMETERS}


def test_what_a_client_says_at_the_door_is_what_it_could_have_said_to_us() -> None:
    form_ = {name: out for name, (_, _, out) in DEAL.items()} | {"key": "k"}
    call = deals.decode_crm_add_deal(form("POST", deals.CRM_ADD_DEAL, form_))
    ours = words.NewDealRequest.model_validate(said(DEAL))
    assert words.NewDealRequest.model_validate(at_door.deal(call)) == ours
    made = accounts.decode_master_account(
        form("POST", accounts.MASTER_ACCOUNT, {name: out for name, (_, _, out) in SIGN_UP.items()} | {"key": "k"})
    )
    assert words.AccountRequest.model_validate(at_door.sign_up(made)) == words.AccountRequest.model_validate(
        said(SIGN_UP)
    )


@pytest.mark.parametrize(
    ("written", "amount"),
    [("523", "523"), ("1 234,567.50", "1234567.50"), ("1,234", "1234"), ("12,5", "12.5"), ("1 000", "1000")],
)
def test_an_amount_at_the_door_is_read_as_it_is_meant(written: str, amount: str) -> None:
    call = deals.AddDeal(key="k", expected_closing_amount=written)
    assert at_door.deal(call) == {"amount": {"expected": amount}}


def test_what_is_not_said_is_not_sent() -> None:
    request = words.DealRequest.model_validate({"name": "A"})
    sent = crm.CRM.deal(words.deal(request, "r"), ACCOUNT, "b").request
    assert parameters(sent) == {"key": "k", "external_reference_id": "r", "name": "A"}


def test_a_streamed_body_is_the_same_call_with_its_files() -> None:
    contents = {"a": b"\r\n--b\x00\xff" * 10, "b": b""}
    files = tuple(
        File(id=id_, name=f'{id_} "1".zip', content_type="application/zip", size=len(data))
        for id_, data in contents.items()
    )
    sending = crm.CRM.deal(Deal(external_reference="r", name="Ä", files=files), ACCOUNT, "nobody-holds-this")
    body = b"".join(piece if isinstance(piece, bytes) else contents[piece.id] for piece in sending.pieces)
    assert int(sending.request.header("content-length") or 0) == len(body)
    request = Request(method="POST", path=sending.request.path, headers=sending.request.headers, body=body)
    call = deals.decode_crm_add_deal(request)
    assert (call.external_reference_id, call.name) == ("r", "Ä")
    assert [(file.filename, file.data) for file in call.attachments] == [
        (file.name, contents[file.id]) for file in files
    ]


def answered(body: bytes) -> Response:
    return Response(headers=(("content-type", JSON),), body=body)


def test_an_answer_is_typed() -> None:
    told = crm.CRM.saved(
        answered(
            b'{"message":"success","deal_id":7,"expected_closing_amount":"1 234,567.50","actual_closing_amount":"much",'
            b'"expected_closing_date":"2020-09-30","actual_closing_date":"0000-00-00","stage":"New","resolution":"Won"}'
        )
    )
    assert isinstance(told, SavedDeal)
    assert (told.id, told.stage, told.resolution) == ("7", "New", Resolution.WON)
    assert told.amount == Amount(expected="1234567.50", actual=None)
    assert (str(told.closing.expected), told.closing.actual) == ("2020-09-30", None)
    assert crm.CRM.saved(answered(b'{"error_message":"no"}')) == Refusal("no")


@pytest.mark.parametrize("said_", ["This email is already registered", "User ALREADY exists"])
def test_an_email_that_is_known_is_told_from_another_no(said_: str) -> None:
    assert crm.CRM.signed_up(answered(b'{"error_message":"%s"}' % said_.encode())) == Refusal(said_, known=True)
    assert crm.CRM.signed_up(answered(b'{"error_message":"Invalid Key"}')) == Refusal("Invalid Key", known=False)


def test_a_repetition_leaves_out_what_would_be_done_twice() -> None:
    file = File(id="a", name="a.zip", content_type="application/zip", size=1)
    deal = Deal(name="A", note=Note(text="n"), notify=Mails(owner=True), files=(file,), contact=Person(name="M"))
    assert deal.once == {"note", "notify", "attachments", "contact"}
    again = deal.without(deal.once)
    assert again == Deal(name="A")
    assert not again.once


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        (Person(), True),
        (Person(id="1", name="M"), True),
        (Person(email="a@b.example"), True),
        (Person(email="a@b.example", match_by={MatchBy.EMAIL: False}), False),
        (Person(name="M", phone="1"), False),
        (Person(name="M", phone="1", match_by={MatchBy.PHONE: True}), True),
        (Person(name="M", match_by={MatchBy.NAME: True}), True),
    ],
)
def test_a_contact_that_a_repetition_would_not_find_is_made_once(contact: Person, found: bool) -> None:
    assert ("contact" in Deal(contact=contact).once) is not found


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({"tags": {"add": ["a,b"]}}, "tags.add.0"),
        ({"contact": {"social": {"myspace": "x"}}}, "contact.social.myspace"),
        ({"custom_fields": {"values": {"deal_id": "1"}}}, "custom_fields.values.deal_id"),
    ],
)
def test_what_the_crm_cannot_carry_is_refused(request_: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        words.deal(words.DealRequest.model_validate(request_), "r")
    assert [problem.field for problem in refused.value.problems] == [field]


@pytest.mark.parametrize(("sizes", "ok"), [((99_999_999,), True), ((50_000_000, 50_000_000), False)])
def test_a_hundred_megabytes_are_too_much(sizes: tuple[int, ...], ok: bool) -> None:
    files = tuple(File(id="a", name="a.zip", content_type="x/y", size=size) for size in sizes)
    assert (crm.CRM.refuses(Deal(files=files)) == ()) is ok


def test_every_wrong_field_is_named_at_once() -> None:
    body = {"amount": {"expected": "much"}, "tags": {"add": ["a,b"]}, "odd": 1, "contact": {"social": {"myspace": "x"}}}
    with pytest.raises(ValidationError) as wrong:
        words.NewDealRequest.model_validate(body)
    found = words.refusals([{**error} for error in wrong.value.errors()], body, None)
    fields = [problem.field for problem in found]
    assert fields == ["amount.expected", "odd", "contact.social.myspace", "tags.add.0"]
    assert words.refusals([], ["no object"], None) == ()
