"""Every rule of the CRM's three pages, a row each: what we make of our own words is what the vendor makes of its own.

A row says the same thing twice: in our JSON, which goes through the whole deployment, and as the parameters that the
vendor's page has for it, which go to the vendor itself, and through the vendor's door here. All three begin with the
same records, and all must leave the same.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

import sandbox
from sandbox import deals

REF = "{ref}"  # a reference that no other row has; the deal 5452 has it
NEW = "{ref}-new"  # one that the CRM has not seen
MIKE, LENA = "876566", "876567"


@dataclass(frozen=True, slots=True)
class Row:
    """One rule: our JSON, the vendor's parameters, and the fields that our answer warns of."""

    rule: str
    ours: dict[str, Any]
    theirs: dict[str, str]
    warned: tuple[str, ...] = ()
    path: str = "/v1/deals/" + REF
    status: int = 200
    twice: bool = False  # said a second time, to us and to the vendor


def contact(rule: str, ours: Any, warned: tuple[str, ...] = (), **theirs: str) -> Row:
    """A rule about the contact of a new deal."""
    said = {
        "external_reference_id": NEW,
        **{f"contact_{name}" if name in CONTACT else name: theirs[name] for name in theirs},
    }
    return Row(rule, {"contact": ours}, said, warned, path="/v1/deals/" + NEW, status=201)


CONTACT = ("id", "name", "email", "phone", "source", "facebook", "address_city")


def known(rule: str, ours: Any, warned: tuple[str, ...] = (), **theirs: str) -> Row:
    """A rule about a deal that the CRM has, and that is new by our own record."""
    return Row(rule, ours, {"external_reference_id": REF, **theirs}, warned, status=201)


def new(rule: str, ours: Any, warned: tuple[str, ...] = (), **theirs: str) -> Row:
    """A rule about a deal that the CRM has not."""
    return Row(rule, ours, {"external_reference_id": NEW, **theirs}, warned, path="/v1/deals/" + NEW, status=201)


DEALS = (
    new("an unknown reference is a new deal", {"name": "A"}, name="A"),
    known("a known reference is that deal", {"name": "A"}, name="A"),
    Row(
        "without a reference or an id it is a new deal",
        {"name": "A"},
        {"external_reference_id": "{answered}", "name": "A"},
        path="POST /v1/deals",
        status=201,
    ),
    Row("an id is that deal", {"id": "5452", "name": "B"}, {"deal_id": "5452", "name": "B"}, path="POST /v1/deals"),
    Row(
        "beside an id the reference is not looked at",
        {"id": "5452", "name": "B", "external_reference": NEW},
        {"deal_id": "5452", "external_reference_id": NEW, "name": "B"},
        path="POST /v1/deals",
    ),
    Row(
        "an unknown id is a new deal",
        {"id": "77", "name": "B"},
        {"deal_id": "77", "name": "B"},
        ("id",),
        path="POST /v1/deals",
        status=201,
    ),
    contact("a contact by its id", {"id": MIKE}, id=MIKE),
    contact("beside the id the name is ignored", {"id": MIKE, "name": "X Y"}, ("contact.name",), id=MIKE, name="X Y"),
    contact(
        "beside the id e-mail and phone change the contact",
        {"id": LENA, "email": "lena@fox.example", "phone": "+13055550199"},
        id=LENA,
        email="lena@fox.example",
        phone="+13055550199",
    ),
    contact("a contact is found by its e-mail", {"email": "Mike@customer.example"}, email="Mike@customer.example"),
    contact(
        "unless it is not matched by that",
        {"email": "mike@customer.example", "match_by": {"email": False}},
        email="mike@customer.example",
        match_with_email="2",
    ),
    contact("an unknown e-mail is a new contact", {"email": "new@x.example"}, email="new@x.example"),
    contact("a phone number does not find one by default", {"phone": "+13055550102"}, phone="+13055550102"),
    contact(
        "it does when it is matched by that",
        {"phone": "+13055550102", "match_by": {"phone": True}},
        phone="+13055550102",
        match_with_phone="1",
    ),
    contact("a name does not find one by default", {"name": "Lena Fox"}, name="Lena Fox"),
    contact(
        "it does when it is matched by that",
        {"name": "Lena Fox", "match_by": {"name": True}},
        name="Lena Fox",
        check_name="1",
    ),
    new(
        "a unique custom field finds the contact",
        {"contact": {"name": "Somebody"}, "custom_fields": {"values": {"customer_number": "C-1"}}},
        contact_name="Somebody",
        customer_number="C-1",
    ),
    contact("an unknown source is made", {"id": MIKE, "source": "campaign1"}, id=MIKE, source="campaign1"),
    contact(
        "social handles and the address are kept",
        {"id": MIKE, "social": {"facebook": "mike", "google_plus": "m+"}, "address": {"city": "Bloomfield"}},
        id=MIKE,
        facebook="mike",
        contact_googlePlus="m+",
        address_city="Bloomfield",
    ),
    new("a company by its id", {"company": {"id": "952622"}}, company_id="952622"),
    new(
        "beside the id its name is ignored, e-mail and phone change it",
        {"company": {"id": "952622", "name": "X", "email": "a@b.example", "phone": "+13055550177"}},
        ("company.name",),
        company_id="952622",
        company_name="X",
        company_email="a@b.example",
        company_phone="+13055550177",
    ),
    new("a company is found by its name", {"company": {"name": "Hubb UCS Company"}}, company_name="Hubb UCS Company"),
    new("an unknown name is a new company", {"company": {"name": "Other"}}, company_name="Other"),
    known("a known stage", {"stage": {"name": "Closing"}}, stage="Closing"),
    known("an unknown stage is not made", {"stage": {"name": "Odd"}}, ("stage",), stage="Odd"),
    known(
        "nor when that is said",
        {"stage": {"name": "Odd", "create": False}},
        ("stage",),
        stage="Odd",
        create_new_stage="1",
    ),
    known("unless it shall be", {"stage": {"name": "Odd", "create": True}}, stage="Odd", create_new_stage="2"),
    known("an unknown funnel is not made", {"funnel": {"name": "Odd"}}, funnel="Odd"),
    known("unless it shall be", {"funnel": {"name": "Odd", "create": True}}, funnel="Odd", create_new_funnel="2"),
    known("an unknown score is not made", {"score": {"name": "Odd"}}, deal_score="Odd"),
    known(
        "unless it shall be", {"score": {"name": "Odd", "create": True}}, deal_score="Odd", create_new_deal_score="2"
    ),
    known(
        "an unknown reason is not made",
        {"resolution": "lost", "reason": {"name": "Odd", "lost": "too dear"}},
        resolution="lost",
        reason_name="Odd",
        lost_reason="too dear",
    ),
    known(
        "unless it shall be",
        {"resolution": "won", "reason": {"name": "Odd", "create": True, "won": "good"}},
        resolution="won",
        reason_name="Odd",
        create_new_reason_name="2",
        won_reasons="good",
    ),
    *(known(f"resolution {word}", {"resolution": word}, resolution=word) for word in ("open", "closed", "won", "lost")),
    known("an unknown deal type is made", {"deal_type": "Odd"}, deal_type="Odd"),
    known(
        "tags are added and taken off",
        {"tags": {"add": ["a", "b"], "remove": ["spring"]}},
        tags="a,b",
        remove_tags="spring",
    ),
    new("off a new deal none is taken", {"tags": {"add": ["a"], "remove": ["a"]}}, tags="a", remove_tags="a"),
    known("an owner", {"owner": {"email": "bob@acme.example"}}, owner_email="bob@acme.example"),
    known("an unknown owner is passed over", {"owner": {"email": "x@acme.example"}}, owner_email="x@acme.example"),
    known("and one that is not active", {"owner": {"email": "eve@acme.example"}}, owner_email="eve@acme.example"),
    known("a group in round robin", {"owner": {"group": "Sales"}}, owner_group="Sales"),
    known(
        "beside an owner the group is ignored",
        {"owner": {"email": "bob@acme.example", "group": "Sales"}},
        ("owner.group",),
        owner_email="bob@acme.example",
        owner_group="Sales",
    ),
    known(
        "the contact's owner is over both",
        {"owner": {"email": "ana@acme.example", "same_as_contact": True}},
        ("owner.email",),
        owner_email="ana@acme.example",
        use_contact_owner="2",
    ),
    known(
        "unless it is said not to be",
        {"owner": {"email": "bob@acme.example", "same_as_contact": False}},
        owner_email="bob@acme.example",
        use_contact_owner="1",
    ),
    known(
        "an owner is told",
        {"owner": {"email": "bob@acme.example"}, "notify": {"owner": True}},
        owner_email="bob@acme.example",
        email_notify_owner="1",
    ),
    known(
        "collaborators of both kinds",
        {"collaborators": {"full_access": "ana@acme.example", "only": "bob@acme.example"}},
        dealcollaborator_email="ana@acme.example",
        dealcollaboratoronly_email="bob@acme.example",
    ),
    known(
        "an unknown one is passed over",
        {"collaborators": {"only": "x@x.example"}},
        dealcollaboratoronly_email="x@x.example",
    ),
    known("a known custom field", {"custom_fields": {"values": {"region": "north"}}}, region="north"),
    known("an unknown one is ignored", {"custom_fields": {"values": {"odd": "1"}}}, odd="1"),
    known(
        "unless it shall be made",
        {"custom_fields": {"values": {"odd": "1"}, "create": True}},
        odd="1",
        auto_create_custom_fields="2",
    ),
    known("a note", {"note": {"title": "T", "text": "N"}}, note_title="T", note="N"),
    new(
        "somebody is told of a new deal",
        {"notify": {"email": "boss@acme.example", "subject": "S", "text": "more"}},
        notifyToEmail="boss@acme.example",
        notifyEmailSubject="S",
        notifyEmailExtraText="more",
    ),
    known("and not of an old one", {"notify": {"email": "boss@acme.example"}}, notifyToEmail="boss@acme.example"),
    new(
        "the contact is told",
        {"contact": {"id": MIKE}, "notify": {"contact": True, "contact_subject": "S"}},
        contact_id=MIKE,
        send_email_to_contact="1",
        send_email_to_contact_subject="S",
    ),
    new(
        "unless it is said not to be",
        {"contact": {"id": MIKE}, "notify": {"contact": False}},
        contact_id=MIKE,
        send_email_to_contact="2",
    ),
    known(
        "amounts and dates",
        {
            "amount": {"expected": "1234.50", "actual": "1200"},
            "closing": {"expected": "2026-09-30", "actual": "2026-10-01"},
        },
        expected_closing_amount="1234.50",
        actual_closing_amount="1200",
        expected_closing_date="2026-09-30",
        actual_closing_date="2026-10-01",
    ),
)


def account(rule: str, ours: Any, status: int = 201, twice: bool = False, **theirs: str) -> Row:
    """A rule about a sign-up."""
    whole = {"email": "{ref}@new.example", "account_name": "Acme 2"}
    return Row(rule, {**whole, **ours}, {**whole, **theirs}, path="POST /v1/accounts", status=status, twice=twice)


ACCOUNTS = (
    account("a new user", {}),
    account("an e-mail once", {}, twice=True),
    account("without a welcome", {"welcome": False}, send_welcome_email="2"),
    account("with one", {"welcome": True}, send_welcome_email="1"),
    account("a known phone number is that contact", {"phone": "+13055550102"}, phone="+13055550102"),
    account(
        "names, handles, source, tags",
        {"first_name": "M", "last_name": "D", "facebook": "f", "twitter": "t", "source": "new", "tags": ["a", "b"]},
        firstname="M",
        lastname="D",
        facebook="f",
        twitter="t",
        source="new",
        tags="a,b",
    ),
    account(
        "somebody is told",
        {"notify": {"email": "boss@acme.example", "subject": "S"}},
        notifyToEmail="boss@acme.example",
        notifyEmailSubject="S",
    ),
    account(
        "an owner, over the group, who is told",
        {"owner": {"email": "bob@acme.example", "group": "Sales", "notify": True}},
        contactowner_email="bob@acme.example",
        contactowner_group="Sales",
        email_notify_owner="1",
    ),
    account("a group in round robin", {"owner": {"group": "Sales"}}, contactowner_group="Sales"),
)


def sms(rule: str, ours: Any, to: str = "+13055550102", **theirs: str) -> Row:
    """A rule about the contact that a text is about."""
    said = {"from": "+13056490655", "message_body": "Hi", "to": to, **theirs}
    whole = {"to": to, "from": "+13056490655", "text": "Hi", "provider": "hubb", "contact": ours}
    return Row(rule, whole, said, path="POST /v1/messages", status=202)


NOBODY = "+13055550155"
MESSAGES = (
    sms("the number finds the contact, which is changed", {"email": "l@fox.example"}, email="l@fox.example"),
    sms("an unknown number is a new contact", {"name": "New One"}, NOBODY, fullname="New One"),
    sms(
        "unless none shall be made",
        {"name": "New One", "create": False},
        NOBODY,
        fullname="New One",
        create_new_contact="2",
    ),
    sms("an e-mail finds one", {"email": "mike@customer.example"}, NOBODY, email="mike@customer.example"),
    sms(
        "unless it is matched by nothing",
        {"email": "mike@customer.example", "match_by": {"email": False}},
        NOBODY,
        email="mike@customer.example",
        match_with_email="2",
    ),
    sms("a name finds none", {"name": "Lena Fox"}, NOBODY, fullname="Lena Fox"),
    sms(
        "unless it is matched by that",
        {"name": "Lena Fox", "match_by": {"name": True}},
        NOBODY,
        fullname="Lena Fox",
        check_name="1",
    ),
    sms("first and last name", {"first_name": "A", "last_name": "B"}, NOBODY, firstname="A", lastname="B"),
    sms("a company for who has none", {"company": "Other"}, new_company_name="Other"),
    sms("none for who has one", {"company": "Other"}, "+13055550101", new_company_name="Other"),
    sms("an unknown source is made", {"source": "odd"}, source="odd"),
    sms(
        "tags are added and taken off",
        {"tags": {"add": ["a"], "remove": ["customer"]}},
        "+13055550101",
        tags="a",
        remove_tags="customer",
    ),
    sms(
        "handles",
        {
            "social": {
                "skype": "s",
                "linkedin": "l",
                "pinterest": "p",
                "instagram": "i",
                "twitter": "t",
                "facebook": "f",
            }
        },
        skype="s",
        linkedin="l",
        pinterest="p",
        instagram="i",
        twitter="t",
        facebook="f",
    ),
    sms(
        "an owner, who is told",
        {"owner": {"email": "bob@acme.example", "notify": True}},
        contactowner_email="bob@acme.example",
        email_notify_owner="1",
    ),
    sms("an unknown owner is passed over", {"owner": {"email": "x@x.example"}}, contactowner_email="x@x.example"),
    sms("a group in round robin", {"owner": {"group": "Sales"}}, contactowner_group="Sales"),
    sms(
        "somebody is told of a new contact",
        {"name": "N", "notify": {"email": "boss@acme.example", "subject": "S"}},
        NOBODY,
        fullname="N",
        notifyToEmail="boss@acme.example",
        notifyEmailSubject="S",
    ),
)

IDLE = {  # rules by which the records stay as they are
    "an unknown stage is not made",
    "nor when that is said",
    "an unknown funnel is not made",
    "an unknown score is not made",
    "an unknown owner is passed over",
    "and one that is not active",
    "an unknown one is passed over",
    "an unknown one is ignored",
    "and not of an old one",
    "resolution open",
    "unless it is matched by that",
    "unless none shall be made",
    "an e-mail finds one",
    "none for who has one",
}
ROWS = [*enumerate((*DEALS, *ACCOUNTS, *MESSAGES))]


@pytest.fixture(scope="module")
def stack() -> Iterator[sandbox.Stack]:
    """A deployment in which the CRM gets this client's references as they are."""
    with sandbox.running(parameters=deals.TIMES | {"ProviderTimeoutSeconds": 5}) as stack:
        yield stack


def filled(said: Any, **names: str) -> Any:
    """The same with the placeholders filled in."""
    if isinstance(said, dict):
        return {name: filled(value, **names) for name, value in said.items()}
    if isinstance(said, str):
        for name, value in names.items():
            said = said.replace("{" + name + "}", value)
    return said


def begin(stack: sandbox.Stack, reference: str) -> None:
    """The records that both roads begin with."""
    from sandbox.simulators.hubb.records import SEED

    held = [{**deal, "external_reference_id": reference} for deal in SEED["deals"]]
    control(stack, "POST", "/_script", {"settings": {"crm": {"deals": held}}})
    control(stack, "DELETE", "/_state")


def control(stack: sandbox.Stack, method: str, path: str, body: Any = None) -> Any:
    answer = httpx.request(method, stack.simulators["hubb"] + path, json=body, timeout=30).raise_for_status()
    return answer.json() if method == "GET" else None


def ask(stack: sandbox.Stack, row: Row, reference: str) -> httpx.Response:
    method, _, path = row.path.rpartition(" ")
    url = stack.url + filled(path, ref=reference)
    headers = {"X-Api-Key": stack.key}
    answer = httpx.request(method or "PUT", url, json=filled(row.ours, ref=reference), headers=headers, timeout=30)
    if path == "/v1/messages":
        for _ in range(100):
            message = httpx.get(f"{stack.url}/v1/messages/{answer.json()['messages'][0]['id']}", headers=headers).json()
            if message["settled"]:
                break
            time.sleep(0.05)
    return answer


def post(
    stack: sandbox.Stack, url: str, key: str, call: str, said: dict[str, str], twice: bool
) -> tuple[Any, dict[str, str]]:
    """The records after a call in the vendor's words, to the vendor or at our door, and the last answer."""
    for _ in range(1 + twice):
        answer = httpx.post(f"{url}/site/api/{call}", data={"key": key, **said}, timeout=30).raise_for_status()
    return control(stack, "GET", "/_state"), answer.json()


@pytest.mark.parametrize(("number", "row"), ROWS, ids=[f"{number} {row.rule}" for number, row in ROWS])
def test_ours_and_theirs_come_to_the_same(stack: sandbox.Stack, number: int, row: Row) -> None:
    reference = f"rule{number}"
    begin(stack, reference)
    answer = ask(stack, row, reference)
    assert answer.status_code == row.status, answer.text
    if row.twice:
        assert ask(stack, row, reference).status_code == 422
    told = answer.json()
    ours = control(stack, "GET", "/_state")
    begin(stack, reference)
    before = control(stack, "GET", "/_state")
    said = filled(row.theirs, ref=reference, answered=told.get("external_reference", ""))
    call = {"/v1/accounts": "master_account", "/v1/messages": "send_sms"}.get(
        row.path.rpartition(" ")[2], "crm_add_deal"
    )
    theirs, said_by_vendor = post(stack, stack.simulators["hubb"], stack.accounts["hubb"]["key"], call, said, row.twice)
    assert ours == theirs
    assert (ours != before) is (row.rule not in IDLE)
    begin(stack, reference)
    said = filled(row.theirs, ref=reference, answered=told.get("external_reference", ""))
    through, said_at_door = post(stack, stack.url, stack.key, call, said, row.twice)
    assert through == theirs
    assert {**said_at_door, "message_id": ""} == {**said_by_vendor, "message_id": ""}
    if call == "crm_add_deal":
        assert sorted(warning["field"] for warning in told["warnings"]) == sorted(row.warned)
