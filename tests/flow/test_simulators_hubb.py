"""The Hubb simulator over real HTTP: each rule of its three pages, faults, receipts, and what the state says."""

import hashlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.simulators.hubb import Hubb, crm
from sandbox.simulators.hubb.records import SEED
from sandbox.simulators.server import Simulator
from switchboard.dialects.hubb.accounts import MASTER_ACCOUNT
from switchboard.dialects.hubb.callbacks import Shape
from switchboard.dialects.hubb.deals import CRM_ADD_DEAL, AddDeal, Attachment
from switchboard.dialects.hubb.provider import DIALECT
from switchboard.dialects.hubb.sms import SEND_SMS
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Outbound
from switchboard.model.outcome import Verdict
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status

from .listener import Listener, simulated, wait_for

ACCOUNT = {"key": "374593457034859", "sender": "3056490655"}
REQUIRED = {
    SEND_SMS: {"key": "k", "from": "3056490655", "message_body": "hi"},
    CRM_ADD_DEAL: {"key": "k"},
    MASTER_ACCOUNT: {"key": "k", "email": "new@customer.example", "account_name": "Company Test Account"},
}
INVALID = {"error_message": "Invalid Key or missing parameters"}


class Line:
    """A client of the simulator, and the callback URL that it was given."""

    def __init__(self, simulator: Simulator, listener: Listener) -> None:
        self.simulator, self.listener = simulator, listener
        self.http = httpx.Client(base_url=simulator.url, timeout=1, trust_env=False)

    def send(self, to: str) -> str:
        """The verdict; for a call without a readable answer the exception, or the status."""
        message = Outbound(id="m", to=to, content=Content(channel=Channel.SMS, text="hola ñ€"))
        request = DIALECT.submit([message], ACCOUNT)
        try:
            answer = self.http.post(request.path, headers=list(request.headers), content=request.body)
            response = Response(status=answer.status_code, body=answer.content)
            return DIALECT.outcomes([message], response)[0].verdict
        except httpx.TransportError as error:
            return type(error).__name__
        except Unreadable:
            return str(answer.status_code)

    def call(self, path: str, **said: str) -> dict[str, str]:
        answer: dict[str, str] = self.http.post(path, data=REQUIRED[path] | said).json()
        return answer

    def script(self, **entry: Any) -> None:
        assert self.http.post("/_script", json=entry).is_success

    def taken(self) -> list[str]:
        return [line["to"] for line in self.http.get("/_ledger").json()]

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.http.get("/_state").json()
        return state

    def heard(self, count: int = 1) -> list[Request]:
        wait_for(lambda: len(self.listener.came) >= count)
        return self.listener.came


@pytest.fixture(scope="module")
def running() -> Iterator[Line]:
    with simulated(Hubb()) as (simulator, listener):
        line = Line(simulator, listener)
        with line.http:
            yield line


@pytest.fixture
def line(running: Line) -> Line:
    for path in ("/_script", "/_state", "/_ledger"):
        assert running.http.delete(path).is_success
    running.simulator.courier.url = None  # the receipts of rules are of no interest
    running.listener.came.clear()
    return running


@pytest.fixture
def called_back() -> Iterator[Line]:
    """A line of its own: no receipt of another test can come in."""
    with simulated(Hubb()) as (simulator, listener):
        line = Line(simulator, listener)
        with line.http:
            yield line


# --- the rules: a call on the seeded company (then perhaps another), and what is there afterwards ---------------------
# The seed: contacts 876566 (Mike Douglas, all there is, owned by bob) and 876567 (Lena Fox, a phone only), company
# 952622, deal 5452 of Mike, owned by ana; users ana 301 and bob 302, eve 303 is not active; group Sales: ana, eve, bob.

MIKE, LENA, NEW = "contacts/876566", "contacts/876567", "contacts/876568"
DEAL, NEXT = "deals/5452", "deals/5453"
TO_MIKE, TO_LENA, STRANGER = {"to": "3055550101"}, {"to": "3055550102"}, {"to": "9195551212"}
OF_MIKE = {"deal_id": "5452"}


def see(state: Any, path: str) -> Any:
    """What is at a path of the state: records by id, lists by number, `#` the length; None where nothing is."""
    for step in path.split("/"):
        if state is None:
            return None
        if step == "#":
            state = len(state)
        elif isinstance(state, dict):
            state = state.get(step)
        elif step.lstrip("-").isdigit() and len(step) < 3:
            state = state[int(step)] if len(state) > int(step) else None
        else:
            state = next((entry for entry in state if entry["id"] == step), None)
    return state


Said = dict[str, str]
Rule = tuple[str, Said | list[Said], dict[str, Any]]

SMS_RULES: list[Rule] = [
    ("phone found: updated, not added", TO_MIKE | {"email": "m@x.y"}, {"contacts/#": 2, f"{MIKE}/email": "m@x.y"}),
    ("phone matched when sent", TO_MIKE | {"match_with_phone": "1"}, {"contacts/#": 2}),
    ("phone not matched when forbidden", TO_MIKE | {"match_with_phone": "2"}, {"contacts/#": 3}),
    (
        "numbers are recipients too",
        {"numbers": "3055550101,9195551212"},
        {"contacts/#": 3, f"{NEW}/phone": "+19195551212"},
    ),
    ("a new contact has the phone", STRANGER, {f"{NEW}/phone": "+19195551212"}),
    ("create_new_contact 1", STRANGER | {"create_new_contact": "1"}, {"contacts/#": 3}),
    ("create_new_contact 2", STRANGER | {"create_new_contact": "2", "tags": "a"}, {"contacts/#": 2}),
    ("contact_id found: updated", STRANGER | {"contact_id": "876567", "email": "l@x.y"}, {f"{LENA}/email": "l@x.y"}),
    ("contact_id unknown: as if not sent", TO_LENA | {"contact_id": "1", "email": "l@x.y"}, {f"{LENA}/email": "l@x.y"}),
    (
        "email matched by default",
        STRANGER | {"email": "MIKE@customer.example", "firstname": "Mick"},
        {"contacts/#": 2, f"{MIKE}/first_name": "Mick", f"{MIKE}/phone": "+13055550101"},
    ),
    (
        "email not matched when forbidden",
        STRANGER | {"email": "mike@customer.example", "match_with_email": "2"},
        {"contacts/#": 3, f"{NEW}/email": "mike@customer.example"},
    ),
    ("name not matched by default", STRANGER | {"fullname": "Lena Fox"}, {"contacts/#": 3}),
    ("name matched when asked", STRANGER | {"fullname": "lena fox", "check_name": "1"}, {"contacts/#": 2}),
    (
        "name matched by its parts",
        STRANGER | {"firstname": "Lena", "lastname": "Fox", "check_name": "1"},
        {"contacts/#": 2},
    ),
    (
        "fullname over firstname and lastname",
        STRANGER | {"fullname": "mike van douglas", "firstname": "a", "lastname": "b"},
        {f"{NEW}/first_name": "mike", f"{NEW}/last_name": "van douglas"},
    ),
    ("fullname of one word", TO_LENA | {"fullname": "Lena"}, {f"{LENA}/first_name": "Lena", f"{LENA}/last_name": None}),
    ("lastname alone", TO_LENA | {"lastname": "Wolf"}, {f"{LENA}/first_name": "Lena", f"{LENA}/last_name": "Wolf"}),
    (
        "new_company_name is created and linked",
        TO_LENA | {"new_company_name": "company XY"},
        {"companies/952623/name": "company XY", f"{LENA}/company_id": "952623"},
    ),
    (
        "new_company_name is ignored beside a company",
        TO_MIKE | {"new_company_name": "company XY"},
        {"companies/#": 1, f"{MIKE}/company_id": "952622"},
    ),
    *(
        (f"{name} is kept", TO_LENA | {name: "handle"}, {f"{LENA}/social": {kept: "handle"}})
        for name, kept in (
            *((name, name) for name in ("facebook", "twitter", "skype", "linkedin", "pinterest", "instagram")),
            ("googlePlus", "google_plus"),
        )
    ),
    (
        "an unknown source is added",
        TO_LENA | {"source": "campaign1"},
        {f"{LENA}/source": "campaign1", "sources": ["Website", "campaign1"]},
    ),
    ("a known source is used", TO_LENA | {"source": "Website"}, {f"{LENA}/source": "Website", "sources": ["Website"]}),
    ("tags are added once", TO_MIKE | {"tags": "customer, call me"}, {f"{MIKE}/tags": ["customer", "call me"]}),
    ("remove_tags of a contact", TO_MIKE | {"tags": "a", "remove_tags": "customer"}, {f"{MIKE}/tags": ["a"]}),
    ("remove_tags of a new contact", STRANGER | {"tags": "a,b", "remove_tags": "a"}, {f"{NEW}/tags": ["a", "b"]}),
    (
        "notifyToEmail of a new contact",
        STRANGER | {"notifyToEmail": "user1@company.com"},
        {"mails/0/to": "user1@company.com", "mails/0/subject": "New Contact Added", "mails/0/why": "notify"},
    ),
    (
        "notifyEmailSubject",
        STRANGER | {"notifyToEmail": "user1@company.com", "notifyEmailSubject": "Look"},
        {"mails/0/subject": "Look"},
    ),
    ("notifyToEmail of a known contact", TO_MIKE | {"notifyToEmail": "user1@company.com"}, {"mails/#": 0}),
    ("contactowner_email", TO_LENA | {"contactowner_email": "Ana@acme.example"}, {f"{LENA}/owner_id": "301"}),
    ("contactowner_email unknown", TO_MIKE | {"contactowner_email": "no@acme.example"}, {f"{MIKE}/owner_id": "302"}),
    ("contactowner_email not active", TO_LENA | {"contactowner_email": "eve@acme.example"}, {f"{LENA}/owner_id": None}),
    (
        "contactowner_group is a round robin of the active",
        [{"to": to, "contactowner_group": "Sales"} for to in ("9195551211", "9195551212", "9195551213")],
        {f"{NEW}/owner_id": "301", "contacts/876569/owner_id": "302", "contacts/876570/owner_id": "301"},
    ),
    ("contactowner_group unknown", TO_LENA | {"contactowner_group": "None"}, {f"{LENA}/owner_id": None}),
    ("contactowner_group without active users", TO_LENA | {"contactowner_group": "Nobody"}, {f"{LENA}/owner_id": None}),
    (
        "contactowner_group beside contactowner_email",
        TO_LENA | {"contactowner_group": "Sales", "contactowner_email": "bob@acme.example"},
        {f"{LENA}/owner_id": "302", "turns": {}},
    ),
    (
        "contactowner_group beside a neglected contactowner_email",
        TO_LENA | {"contactowner_group": "Sales", "contactowner_email": "eve@acme.example"},
        {f"{LENA}/owner_id": None, "turns": {}},
    ),
    (
        "email_notify_owner 1",
        TO_LENA | {"contactowner_email": "ana@acme.example", "email_notify_owner": "1"},
        {"mails/0/to": "ana@acme.example", "mails/0/why": "owner"},
    ),
    (
        "email_notify_owner is 2 by default",
        TO_LENA | {"contactowner_email": "ana@acme.example"},
        {f"{LENA}/owner_id": "301", "mails/#": 0},
    ),
]


def _listed(name: str, kept: str, known: str, records: str, flag: str, there: str, default: str) -> list[Rule]:
    """What `flag` decides of a name in a list: `there` is what deal 5452 has, `known` another entry."""
    return [
        (f"{name} known", OF_MIKE | {name: known}, {f"{DEAL}/{kept}": known}),
        (f"{name} unknown: the default", {name: "X"}, {f"{NEXT}/{kept}": default, records: SEED[records]}),
        (f"{name} unknown in a deal: kept", OF_MIKE | {name: "X", flag: "1"}, {f"{DEAL}/{kept}": there}),
        (f"{flag} 2", OF_MIKE | {name: "X", flag: "2"}, {f"{DEAL}/{kept}": "X", records: [*SEED[records], "X"]}),
    ]


CATALOGUE_RULES: list[Rule] = [
    *_listed("stage", "stage", "Closing", "stages", "create_new_stage", "Proposal", "New"),
    *_listed("funnel", "funnel", "Renewals", "funnels", "create_new_funnel", "Sales", "Sales"),
    *_listed("reason_name", "reason_name", "Price", "reasons", "create_new_reason_name", "Other", "Other"),
    *_listed("deal_score", "score", "Hot", "scores", "create_new_deal_score", "Warm", "Cold"),
]


def _collaborating(name: str, kept: str) -> list[Rule]:
    return [
        (name, [OF_MIKE | {name: "bob@acme.example"}] * 2, {f"{DEAL}/{kept}": ["302"]}),
        (f"{name} unknown", OF_MIKE | {name: "no@acme.example"}, {f"{DEAL}/{kept}": []}),
        (f"{name} not active", OF_MIKE | {name: "eve@acme.example"}, {f"{DEAL}/{kept}": []}),
    ]


DEAL_RULES: list[Rule] = [
    ("nothing but the key: a new deal", {}, {"deals/#": 2, f"{NEXT}/contact_id": None, f"{NEXT}/resolution": "open"}),
    ("deal_id found: updated", OF_MIKE | {"name": "N"}, {"deals/#": 1, f"{DEAL}/name": "N"}),
    ("deal_id unknown: a new deal", {"deal_id": "9", "name": "N"}, {"deals/#": 2, f"{NEXT}/name": "N"}),
    ("what is not said stays", OF_MIKE, {DEAL: see(crm.Crm().state(), DEAL)}),
    (
        "reference found: updated",
        {"external_reference_id": "Deal656588", "name": "N"},
        {"deals/#": 1, f"{DEAL}/name": "N"},
    ),
    ("reference unknown: set", {"external_reference_id": "R"}, {"deals/#": 2, f"{NEXT}/external_reference_id": "R"}),
    ("reference twice: one deal", [{"external_reference_id": "R"}] * 2, {"deals/#": 2}),
    (
        "reference beside deal_id is ignored",
        OF_MIKE | {"external_reference_id": "R"},
        {"deals/#": 1, f"{DEAL}/external_reference_id": "Deal656588"},
    ),
    (
        "reference beside an unknown deal_id is ignored",
        {"deal_id": "9", "external_reference_id": "Deal656588"},
        {"deals/#": 2, f"{NEXT}/external_reference_id": None},
    ),
    ("contact_id is linked", {"contact_id": "876567"}, {f"{NEXT}/contact_id": "876567"}),
    (
        "contact_id unknown: nobody",
        {"contact_id": "1", "contact_name": "A"},
        {"contacts/#": 2, f"{NEXT}/contact_id": None},
    ),
    (
        "contact_id with email and phone: updated; name ignored",
        {"contact_id": "876567", "contact_email": "l@x.y", "contact_phone": "54065486544", "contact_name": "A B"},
        {f"{LENA}/email": "l@x.y", f"{LENA}/phone": "54065486544", f"{LENA}/first_name": "Lena", "contacts/#": 2},
    ),
    (
        "contact created",
        {"contact_name": "Lena Fox", "contact_email": "l@x.y"},
        {"contacts/#": 3, f"{NEW}/email": "l@x.y", f"{NEW}/last_name": "Fox", f"{NEXT}/contact_id": "876568"},
    ),
    (
        "email matched by default",
        {"contact_email": "mike@customer.example"},
        {"contacts/#": 2, f"{NEXT}/contact_id": "876566"},
    ),
    (
        "email not matched when forbidden",
        {"contact_email": "mike@customer.example", "match_with_email": "2"},
        {"contacts/#": 3, f"{NEXT}/contact_id": "876568"},
    ),
    ("phone not matched by default", {"contact_phone": "3055550102"}, {"contacts/#": 3}),
    (
        "phone matched when asked",
        {"contact_phone": "13055550102", "match_with_phone": "1"},
        {"contacts/#": 2, f"{NEXT}/contact_id": "876567"},
    ),
    ("name not matched by default", {"contact_name": "Lena Fox"}, {"contacts/#": 3}),
    ("name matched when asked", {"contact_name": "Lena Fox", "check_name": "1"}, {f"{NEXT}/contact_id": "876567"}),
    (
        "contact_source always created",
        {"contact_id": "876567", "contact_source": "campaign1"},
        {f"{LENA}/source": "campaign1", "sources": ["Website", "campaign1"]},
    ),
    *(
        (f"contact_{name} is kept", {"contact_id": "876567", f"contact_{name}": "h"}, {f"{LENA}/social": {kept: "h"}})
        for name, kept in (
            *((name, name) for name in ("facebook", "twitter", "skype", "linkedin", "pinterest", "instagram")),
            ("googlePlus", "google_plus"),
        )
    ),
    *(
        (
            f"contact_address_{name} is kept",
            {"contact_id": "876567", f"contact_address_{name}": "A"},
            {f"{LENA}/address": {name: "A"}},
        )
        for name in ("street", "city", "zipcode")
    ),
    (
        "contact fields without a contact: the deal's own",
        OF_MIKE | {"contact_skype": "s"},
        {f"{MIKE}/social": {"skype": "s"}},
    ),
    (
        "send_email_to_contact",
        {"contact_id": "876566", "send_email_to_contact": "1", "name": "Selling"},
        {
            "mails/0/to": "mike@customer.example",
            "mails/0/subject": "New Deal Creation Notification from Acme Home Services",
            "mails/0/text": "Selling (deal 5453)",
        },
    ),
    (
        "send_email_to_contact_subject",
        {"contact_id": "876566", "send_email_to_contact": "1", "send_email_to_contact_subject": "S"},
        {"mails/0/subject": "S"},
    ),
    ("send_email_to_contact is 2 by default", {"contact_id": "876566"}, {"mails/#": 0}),
    ("no e-mail to a contact without one", {"contact_id": "876567", "send_email_to_contact": "1"}, {"mails/#": 0}),
    ("company_id is linked", {"company_id": "952622"}, {f"{NEXT}/company_id": "952622"}),
    (
        "company_id with email and phone: updated; name ignored",
        {"company_id": "952622", "company_email": "c@x.y", "company_phone": "1", "company_name": "A"},
        {"companies/0": {"id": "952622", "name": "Hubb UCS Company", "email": "c@x.y", "phone": "1"}},
    ),
    (
        "company_id unknown: none",
        {"company_id": "1", "company_name": "A"},
        {"companies/#": 1, f"{NEXT}/company_id": None},
    ),
    ("company name found", {"company_name": "hubb ucs company"}, {"companies/#": 1, f"{NEXT}/company_id": "952622"}),
    ("company email found", {"company_email": "office@customer.example"}, {f"{NEXT}/company_id": "952622"}),
    ("company phone found", {"company_phone": "3055550111"}, {f"{NEXT}/company_id": "952622"}),
    (
        "company created",
        {"company_name": "A", "company_email": "a@x.y"},
        {"companies/952623/email": "a@x.y", f"{NEXT}/company_id": "952623"},
    ),
    *(
        (f"{name} is kept", OF_MIKE | {name: said}, {f"{DEAL}/{name}": said})
        for name, said in (
            *(("expected_closing_date", "2020-09-30"), ("actual_closing_date", "2020-10-01")),
            *(("expected_closing_amount", "1 523,00"), ("actual_closing_amount", "523.5")),
            *(("won_reasons", "good"), ("lost_reason", "bad")),
        )
    ),
    *(
        ("resolution " + said, OF_MIKE | {"resolution": said}, {f"{DEAL}/resolution": said})
        for said in ("open", "closed", "won", "lost")
    ),
    ("a new deal has the defaults", {}, {f"{NEXT}/stage": "New", f"{NEXT}/funnel": "Sales", f"{NEXT}/score": "Cold"}),
    *CATALOGUE_RULES,
    (
        "deal_type always created",
        OF_MIKE | {"deal_type": "T"},
        {f"{DEAL}/type": "T", "deal_types": ["New business", "T"]},
    ),
    ("tags are added once", OF_MIKE | {"tags": "spring, tag2"}, {f"{DEAL}/tags": ["spring", "tag2"]}),
    ("remove_tags of a deal", OF_MIKE | {"remove_tags": "spring"}, {f"{DEAL}/tags": []}),
    ("remove_tags of a new deal", {"tags": "a,b", "remove_tags": "a"}, {f"{NEXT}/tags": ["a", "b"]}),
    (
        "notifyToEmail of a new deal",
        {"notifyToEmail": "u@company.com", "name": "N", "notifyEmailExtraText": "more"},
        {
            "mails/0": {
                "to": "u@company.com",
                "subject": "New Deal Added",
                "text": "N (deal 5453)\nmore",
                "why": "notify",
            }
        },
    ),
    (
        "notifyEmailSubject",
        {"notifyToEmail": "u@company.com", "notifyEmailSubject": "Look"},
        {"mails/0/subject": "Look"},
    ),
    ("notifyToEmail of a known deal", OF_MIKE | {"notifyToEmail": "u@company.com"}, {"mails/#": 0}),
    ("owner_email", OF_MIKE | {"owner_email": "bob@acme.example"}, {f"{DEAL}/owner_id": "302"}),
    ("owner_email unknown", OF_MIKE | {"owner_email": "no@acme.example"}, {f"{DEAL}/owner_id": "301"}),
    ("owner_email not active", OF_MIKE | {"owner_email": "eve@acme.example"}, {f"{DEAL}/owner_id": "301"}),
    (
        "owner_group is a round robin of the active",
        [{"owner_group": "Sales"}] * 3,
        {f"{NEXT}/owner_id": "301", "deals/5454/owner_id": "302", "deals/5455/owner_id": "301"},
    ),
    (
        "owner_group beside owner_email",
        {"owner_group": "Sales", "owner_email": "bob@acme.example"},
        {f"{NEXT}/owner_id": "302", "turns": {}},
    ),
    (
        "use_contact_owner 2: the contact's, not owner_email",
        OF_MIKE | {"use_contact_owner": "2", "owner_email": "ana@acme.example"},
        {f"{DEAL}/owner_id": "302"},
    ),
    (
        "use_contact_owner 1: owner_email",
        {"contact_id": "876566", "use_contact_owner": "1", "owner_email": "ana@acme.example"},
        {f"{NEXT}/owner_id": "301"},
    ),
    (
        "use_contact_owner 2 and owner_group",
        {"contact_id": "876566", "use_contact_owner": "2", "owner_group": "Sales"},
        {f"{NEXT}/owner_id": "302", "turns": {}},
    ),
    (
        "email_notify_owner 1",
        {"owner_email": "ana@acme.example", "email_notify_owner": "1"},
        {"mails/0/to": "ana@acme.example", "mails/0/why": "owner"},
    ),
    ("email_notify_owner is 2 by default", {"owner_email": "ana@acme.example"}, {"mails/#": 0}),
    *_collaborating("dealcollaborator_email", "collaborators"),
    *_collaborating("dealcollaboratoronly_email", "collaborators_only"),
    ("a known custom field", OF_MIKE | {"region": "north"}, {f"{DEAL}/custom_fields": {"region": "north"}}),
    (
        "an unknown custom field is ignored",
        OF_MIKE | {"colour": "red", "auto_create_custom_fields": "1"},
        {f"{DEAL}/custom_fields": {}, "custom_fields/#": 2},
    ),
    (
        "auto_create_custom_fields 2",
        OF_MIKE | {"colour": "red", "auto_create_custom_fields": "2"},
        {
            f"{DEAL}/custom_fields": {"colour": "red"},
            "custom_fields/2": {"name": "colour", "unique": False, "type": "text"},
        },
    ),
    (
        "a unique custom field matches the contact",
        {"customer_number": "C-1", "contact_name": "Mike D"},
        {"contacts/#": 2, f"{NEXT}/contact_id": "876566", f"{MIKE}/last_name": "D"},
    ),
    (
        "a unique custom field of a new contact",
        {"customer_number": "C-2", "contact_name": "A"},
        {"contacts/#": 3, f"{NEW}/custom_fields": {"customer_number": "C-2"}, f"{NEXT}/custom_fields": {}},
    ),
    (
        "note and note_title",
        OF_MIKE | {"note_title": "T", "note": "n"},
        {f"{DEAL}/notes": [{"title": "T", "text": "n"}]},
    ),
]

ACCOUNT_RULES: list[Rule] = [
    (
        "user, company and contact are made",
        {"phone": "5645645456", "firstname": "mike", "lastname": "douglas"},
        {
            "accounts/0/name": "Company Test Account",
            "accounts/0/admin_email": "new@customer.example",
            "accounts/0/admin_name": "mike douglas",
            "accounts/0/contact_id": "876568",
            "accounts/0/referred_by": "Acme Home Services",
            f"{NEW}/email": "new@customer.example",
            f"{NEW}/phone": "5645645456",
        },
    ),
    ("welcome mail by default", {}, {"mails/0/to": "new@customer.example", "mails/0/why": "welcome", "mails/#": 1}),
    ("send_welcome_email 1", {"send_welcome_email": "1"}, {"mails/#": 1}),
    ("send_welcome_email 2", {"send_welcome_email": "2"}, {"mails/#": 0, "accounts/#": 1}),
    ("registered before: nothing", [{}, {"email": "NEW@customer.example"}], {"accounts/#": 1, "contacts/#": 3}),
    ("registered as a user: nothing", {"email": "eve@acme.example"}, {"accounts/#": 0, "contacts/#": 2}),
    (
        "a contact of that email is updated",
        {"email": "mike@customer.example", "firstname": "Mick"},
        {"contacts/#": 2, f"{MIKE}/first_name": "Mick", "accounts/0/contact_id": "876566"},
    ),
    (
        "a contact of that phone is updated",
        {"phone": "3055550102"},
        {"contacts/#": 2, f"{LENA}/email": "new@customer.example"},
    ),
    ("facebook is kept", {"facebook": "h"}, {f"{NEW}/social": {"facebook": "h"}}),
    ("twitter is kept", {"twitter": "h"}, {f"{NEW}/social": {"twitter": "h"}}),
    ("source always created", {"source": "c"}, {f"{NEW}/source": "c", "sources": ["Website", "c"]}),
    ("tags", {"tags": "new customer, call me"}, {f"{NEW}/tags": ["new customer", "call me"]}),
    (
        "notifyToEmail of a new contact",
        {"notifyToEmail": "u@company.com", "send_welcome_email": "2"},
        {"mails/0/to": "u@company.com", "mails/0/subject": "New Contact Added"},
    ),
    (
        "notifyToEmail of a known contact",
        {"email": "mike@customer.example", "notifyToEmail": "u@company.com", "send_welcome_email": "2"},
        {"mails/#": 0},
    ),
    (
        "notifyEmailSubject",
        {"notifyToEmail": "u@company.com", "notifyEmailSubject": "Look", "send_welcome_email": "2"},
        {"mails/0/subject": "Look"},
    ),
    ("contactowner_email", {"contactowner_email": "bob@acme.example"}, {f"{NEW}/owner_id": "302"}),
    ("contactowner_email not active", {"contactowner_email": "eve@acme.example"}, {f"{NEW}/owner_id": None}),
    ("contactowner_group", {"contactowner_group": "Sales"}, {f"{NEW}/owner_id": "301", "turns": {"Sales": 1}}),
    (
        "contactowner_group beside contactowner_email",
        {"contactowner_group": "Sales", "contactowner_email": "bob@acme.example"},
        {f"{NEW}/owner_id": "302"},
    ),
    (
        "email_notify_owner 1",
        {"contactowner_email": "bob@acme.example", "email_notify_owner": "1", "send_welcome_email": "2"},
        {"mails/0/to": "bob@acme.example", "mails/0/why": "owner"},
    ),
    ("email_notify_owner is 2 by default", {"contactowner_email": "bob@acme.example"}, {"mails/#": 1}),
]

RULES = [
    pytest.param(path, said, seen, id=f"{path.rpartition('/')[2]}: {name}")
    for path, rules in ((SEND_SMS, SMS_RULES), (CRM_ADD_DEAL, DEAL_RULES), (MASTER_ACCOUNT, ACCOUNT_RULES))
    for name, said, seen in rules
]


@pytest.mark.parametrize(("path", "said", "seen"), RULES)
def test_a_rule_of_the_pages(line: Line, path: str, said: Said | list[Said], seen: dict[str, Any]) -> None:
    for fields in said if isinstance(said, list) else [said]:
        answer = line.call(path, **fields)
    assert ("message" in answer) != ("registered" in answer.get("error_message", ""))
    state = line.state()
    assert {where: see(state, where) for where in seen} == seen


# --- calls and answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["GET", "query of a POST", "form", "multipart"])
@pytest.mark.parametrize("path", REQUIRED)
def test_every_way_of_a_call(line: Line, path: str, way: str) -> None:
    fields = REQUIRED[path] | {"to": "9195551212", "tags": "ñ & €"}
    answer = {
        "GET": lambda: line.http.get(path, params=fields),
        "query of a POST": lambda: line.http.post(path, params=fields),
        "form": lambda: line.http.post(path, data=fields),
        "multipart": lambda: line.http.post(path, files={name: (None, value) for name, value in fields.items()}),
    }[way]()
    assert answer.json()["message"] == "success"
    assert see(line.state(), f"{NEXT if path == CRM_ADD_DEAL else NEW}/tags") == ["ñ & €"]


def test_the_answers(line: Line) -> None:
    sent = line.call(SEND_SMS, to="3055550101")
    assert sent == {
        "message": "success",
        "contact_id": "876566",
        "contact_name": "Mike Douglas",
        "company_id": "952622",
        "company_name": "Hubb UCS Company",
        "owner_id": "302",
        "message_id": line.http.get("/_ledger").json()[0]["id"],
    }
    assert line.call(CRM_ADD_DEAL, deal_id="5452", expected_closing_date="2020-09-30", resolution="won") == {
        "message": "success",
        "deal_id": "5452",
        "external_reference_id": "Deal656588",
        "expected_closing_date": "2020-09-30",
        "actual_closing_date": "",
        "expected_closing_amount": "523",
        "actual_closing_amount": "",
        "stage": "Proposal",
        "resolution": "won",
    }
    assert line.call(MASTER_ACCOUNT) == {"message": "success"}
    assert line.call(MASTER_ACCOUNT) == {"error_message": "This email is already registered"}
    nobody = line.call(SEND_SMS, to="9195551299", create_new_contact="2")
    assert (nobody["message"], nobody["contact_id"], nobody["owner_id"]) == ("success", "", "")
    line.call(SEND_SMS, contact_id="876566")
    assert line.taken() == ["+13055550101", "+19195551299", "+13055550101"]


def test_key_number_and_balance(line: Line) -> None:
    line.script(settings={"key": "k", "numbers": ["+13056490655"], "balance": 2})
    before = line.state()
    for path in REQUIRED:
        assert line.call(path, key="wrong", to="9195551212") == INVALID
        assert line.call(path, key="", to="9195551212") == INVALID
    assert line.call(SEND_SMS) == INVALID
    assert line.call(SEND_SMS, to="9195551212", message_body="x" * 2049) == INVALID
    assert line.call(SEND_SMS, to="9195551212", check_name="3") == INVALID
    assert line.call(CRM_ADD_DEAL, resolution="maybe") == INVALID
    assert line.call(MASTER_ACCOUNT, account_name="") == INVALID
    other = {"to": "9195551212", "from": "3056490656"}
    assert line.call(SEND_SMS, **other) == {"error_message": "From Number is not active on this account"}
    assert line.state() == before
    assert line.call(SEND_SMS, numbers="+19195551212,9195551213")["message"] == "success"
    short = line.call(SEND_SMS, to="9195551212")
    assert short == {"error_message": "Not Enough Balance to process this request"}
    assert line.taken() == ["+19195551212", "+19195551213"]


def test_attachments(line: Line) -> None:
    names = ("a.JPG", "b.png", "c.pdf", "d.exe", "e", "f.docx", "g.zip")
    files = [("attachments[]", (name, name.encode(), "application/x-said")) for name in names]
    answer = line.http.post(CRM_ADD_DEAL, data={"key": "k"} | OF_MIKE, files=files)
    assert answer.json()["message"] == "success"
    kept = see(line.state(), f"{DEAL}/attachments")
    assert [file["name"] for file in kept] == ["a.JPG", "c.pdf", "f.docx", "g.zip"]
    digest = hashlib.sha256(b"c.pdf").hexdigest()
    assert kept[1] == {"name": "c.pdf", "type": "application/x-said", "size": 5, "sha256": digest}


def test_attachments_of_100_mb_in_total_are_dropped() -> None:
    half = Attachment(filename="a.zip", data=bytes(crm.MAX_ATTACHED // 2))
    less = Attachment(filename="b.zip", data=half.data[1:])
    sizes = [
        [file["size"] for file in crm.Crm().save(AddDeal(key="k", attachments=files)).attachments]
        for files in ((half, half), (half, less))
    ]
    assert crm.MAX_ATTACHED == 100_000_000
    assert sizes == [[], [50_000_000, 49_999_999]]


# --- the state --------------------------------------------------------------------------------------------------------


def test_the_company_is_a_setting(line: Line) -> None:
    line.call(SEND_SMS, to="9195551212")
    users = [{"id": "1", "email": "zoe@acme.example"}]
    line.script(settings={"crm": {"users": users, "stages": ["Only"], "defaults": {"stage": "Only"}}})
    state = line.state()
    assert state["users"] == [{"id": "1", "email": "zoe@acme.example", "name": None, "active": True}]
    assert see(state, "contacts/#") == 3  # what the setting does not name stays
    line.call(CRM_ADD_DEAL, owner_email="zoe@acme.example")
    assert see(line.state(), f"{NEXT}/owner_id") == "1"
    assert see(line.state(), f"{NEXT}/stage") == "Only"
    assert line.http.delete("/_state").json()["stages"] == ["Only"]
    assert see(line.state(), "contacts/#") == 2
    line.http.delete("/_script")
    assert see(line.state(), "users/0/email") == "ana@acme.example"


@pytest.mark.parametrize(
    "wrong",
    [{"crm": {"planets": []}}, {"crm": {"users": [{"x": 1}]}}, {"crm": {"stages": 1}}, {"crm": []}, {"x": 1}],
    ids=str,
)
def test_a_wrong_setting_changes_nothing(line: Line, wrong: dict[str, Any]) -> None:
    before = line.state(), line.http.get("/_script").json()
    assert line.http.post("/_script", json={"settings": wrong}).status_code == 400
    assert (line.state(), line.http.get("/_script").json()) == before


# --- faults and callbacks ---------------------------------------------------------------------------------------------

FAULTS = [
    ({"fault": "delay", "seconds": 1.3}, "ReadTimeout", 1),
    ({"fault": "reset_before"}, "ReadError", 0),
    ({"fault": "reset_after"}, "ReadError", 1),
    ({"fault": "reset_after", "commit_after": 0.4}, "ReadError", 1),
    ({"fault": "500"}, "500", 0),
    ({"fault": "500", "taken": True}, "500", 1),
    ({"fault": "500", "commit_after": 0}, "500", 1),
    ({"fault": "delay", "seconds": 0.1, "commit_after": 0.1}, "504", 1),
    ({"fault": "garbage", "commit_after": 0.1}, "200", 1),
    ({"fault": "429"}, "429", 0),
    ({"fault": "garbage"}, "200", 1),
    ({"fault": "refuse"}, Verdict.REJECTED, 0),
    ({"fault": "partial"}, "200", 1),
    ({"fault": "none"}, Verdict.ACCEPTED, 1),
]


@pytest.mark.parametrize(("fault", "seen", "taken"), FAULTS, ids=lambda value: str(value))
def test_faults_of_texts(line: Line, fault: dict[str, Any], seen: str, taken: int) -> None:
    line.script(**fault)
    assert line.send("+19195551212") == seen
    wait_for(lambda: line.taken() == ["+19195551212"] * taken)
    assert line.send("+19195551213") == Verdict.ACCEPTED
    assert line.taken()[taken:] == ["+19195551213"]


@pytest.mark.parametrize(
    ("fault", "made"),
    [
        ({"fault": "reset_before"}, 0),
        ({"fault": "reset_after"}, 1),
        ({"fault": "500"}, 0),
        ({"fault": "garbage"}, 1),
        ({"fault": "refuse"}, 0),
        ({"fault": "partial"}, 1),
        ({"fault": "500", "commit_after": 0.3}, 1),
    ],
    ids=str,
)
@pytest.mark.parametrize(("path", "records"), [(CRM_ADD_DEAL, "deals"), (MASTER_ACCOUNT, "accounts")])
def test_faults_of_the_other_calls(line: Line, path: str, records: str, fault: dict[str, Any], made: int) -> None:
    line.script(**fault)  # without a path it is about texts
    assert line.call(path)["message"] == "success"
    line.http.delete("/_script")
    line.http.delete("/_state")
    before = len(line.state()[records])
    line.script(**fault, match={"path": path})
    try:
        assert "success" not in line.http.post(path, data=REQUIRED[path]).text[-20:]
    except httpx.TransportError:
        assert fault["fault"].startswith("reset")
    wait_for(lambda: len(line.state()[records]) == before + made)


def test_a_late_commit_comes_late(line: Line) -> None:
    line.script(fault="reset_after", commit_after=0.6, match={"path": CRM_ADD_DEAL})
    with pytest.raises(httpx.TransportError):
        line.call(CRM_ADD_DEAL, external_reference_id="R", name="late")
    assert line.call(CRM_ADD_DEAL, external_reference_id="R", name="soon")["deal_id"] == "5453"
    time.sleep(0.4)
    assert see(line.state(), f"{NEXT}/name") == "soon"
    wait_for(lambda: see(line.state(), f"{NEXT}/name") == "late")
    assert see(line.state(), "deals/#") == 2
    line.script(fault="500", commit_after=0.2, match={"path": CRM_ADD_DEAL})
    line.http.post(CRM_ADD_DEAL, data={"key": "k"})
    line.http.delete("/_state")  # forgets what is still to come
    time.sleep(0.6)
    assert see(line.state(), "deals/#") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"fault": "refuse", "commit_after": 1},
        {"fault": "reset_before", "commit_after": 1},
        {"fault": "early", "commit_after": 1},
        {"fault": "500", "commit_after": -1},
        {"fault": "500", "commit_after": "soon"},
        {"fault": "500", "commit_after": 1, "taken": False},
    ],
    ids=str,
)
def test_what_cannot_commit_late(line: Line, wrong: dict[str, Any]) -> None:
    assert line.http.post("/_script", json=wrong).status_code == 400


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("key", "Invalid Key or missing parameters"),
        ("from", "From Number is not active on this account"),
        ("balance", "Not Enough Balance to process this request"),
        ("registered", "This email is already registered"),
    ],
)
def test_the_refusals_of_the_script(line: Line, code: str, said: str) -> None:
    for path in REQUIRED:
        line.script(fault="refuse", code=code, match={"path": path})
        assert line.call(path, to="9195551212") == {"error_message": said}


def receipts(line: Line, count: int) -> list[Any]:
    heard = [said for request in line.heard(count) for said in DIALECT.callback(request, {})]
    return [said.status if isinstance(said, Receipt) else said for said in heard]


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        (None, [Status.DELIVERED]),
        ({"fault": "duplicate"}, [Status.DELIVERED, Status.DELIVERED]),
        ({"fault": "contradictory"}, [Status.UNDELIVERED, Status.DELIVERED]),
        ({"fault": "receipts", "words": ["sent", "Failed", "seen"]}, [Status.SENT, Status.FAILED, None]),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", Shape)
def test_receipts(called_back: Line, fault: dict[str, Any] | None, statuses: list[Any], shape: str) -> None:
    called_back.script(settings={"shape": shape})
    if fault:
        called_back.script(**fault)
    assert called_back.send("+19195551212") == Verdict.ACCEPTED
    assert receipts(called_back, len(statuses)) == statuses


def test_an_early_receipt_comes_before_the_answer(called_back: Line) -> None:
    called_back.script(fault="early")
    assert called_back.send("+19195551212") == Verdict.ACCEPTED
    (receipt,) = DIALECT.callback(called_back.listener.came[0], {})
    assert receipt.vendor_id == called_back.http.get("/_ledger").json()[0]["id"]


def test_a_late_commit_has_its_receipt(called_back: Line) -> None:
    called_back.script(fault="500", commit_after=0.1)
    assert called_back.send("+19195551212") == "500"
    assert receipts(called_back, 1) == [Status.DELIVERED]


@pytest.mark.parametrize("shape", Shape)
def test_inbound(called_back: Line, shape: str) -> None:
    called_back.script(settings={"shape": shape})
    called_back.http.post("/_inbound", json={"from": "+1919", "to": "+1305", "text": "sí & no", "id": "i"})
    said = DIALECT.callback(called_back.heard()[0], {})
    assert said == (Inbound(sender="+1919", to="+1305", text="sí & no", vendor_id="i"),)


def test_a_stranger_is_answered(line: Line) -> None:
    assert line.http.post("/nothing").status_code == 404
    assert line.http.put(SEND_SMS).status_code == 405
    for path in REQUIRED:
        with socket.create_connection(("127.0.0.1", httpx.URL(line.simulator.url).port or 0)) as raw:
            raw.sendall(f"POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n".encode() + b"\xff\xfe")
            assert b"Invalid Key or missing parameters" in raw.recv(4096)
