"""The Hubb UCS simulator: send_sms with its key, numbers and balance, a small CRM, and callbacks in our own form.

Settings: `key` (null: any), `numbers` that may be a `from` (null: any), `balance` in messages (null: endless), and the
`shape` of callbacks (form, json, query).
`refuse` takes "code": key, from or balance, or "detail": any text. `partial` cuts the answer's body in half.
"""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.simulators.server import Answer, Fault, Taken, Vendor
from switchboard.dialects import hubb
from switchboard.dialects.wire import Request, Unreadable, text

REFUSALS = {"key": hubb.ErrorText.INVALID, "from": hubb.ErrorText.FROM, "balance": hubb.ErrorText.BALANCE}


@dataclass(slots=True, kw_only=True)
class Contact:
    """One record of the CRM."""

    id: str
    phone: str | None = None
    email: str | None = None
    name: str | None = None
    company: str | None = None
    source: str | None = None
    owner: str | None = None
    tags: list[str] = field(default_factory=list)


class Crm:
    """The contacts, and how a call finds, makes and changes one (the notes' section 1.1)."""

    def __init__(self) -> None:
        self.contacts: list[Contact] = []

    def contact(self, contact_id: str | None) -> Contact | None:
        """The contact of that id."""
        return next((contact for contact in self.contacts if contact.id == contact_id), None)

    def upsert(self, call: hubb.SendSms, phone: str) -> Contact | None:
        """The contact that a call to this number is about, with what the call says of it; None when it makes none."""
        contact = self.contact(call.contact_id) or self._match(call, phone)
        if contact is None and call.create_new_contact is not False:
            contact = Contact(id=str(len(self.contacts) + 1), phone=phone)
            self.contacts.append(contact)
        if contact is not None:
            _update(contact, call)
        return contact

    def _match(self, call: hubb.SendSms, phone: str) -> Contact | None:
        # The page says that a contact is found by the recipient's number; only an explicit 2 turns that off.
        wanted = (
            ("phone", phone, call.match_with_phone is not False),
            ("email", call.email, call.match_with_email is not False),
            ("name", _name(call), call.check_name is True),
        )
        found = (
            next((contact for contact in self.contacts if getattr(contact, attribute) == value), None)
            for attribute, value, asked in wanted
            if asked and value
        )
        return next((contact for contact in found if contact), None)


def _name(call: hubb.SendSms) -> str | None:
    return call.full_name or " ".join(part for part in (call.first_name, call.last_name) if part) or None


def _update(contact: Contact, call: hubb.SendSms) -> None:
    contact.name = _name(call) or contact.name
    contact.email = call.email or contact.email
    contact.company = contact.company or call.new_company_name
    contact.source = call.source or contact.source
    contact.owner = call.owner_email or call.owner_group or contact.owner
    tags = dict.fromkeys((*contact.tags, *call.tags))
    contact.tags = [tag for tag in tags if tag not in call.remove_tags]


class Hubb(Vendor):
    """The vendor's decisions."""

    name = "hubb"

    def __init__(self) -> None:
        self.crm = Crm()
        self._settings: dict[str, Any] = {"key": None, "numbers": None, "balance": None, "shape": "form"}

    def settings(self) -> Mapping[str, Any]:
        """The settings as they stand; the balance has gone down by what was sent."""
        return dict(self._settings)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Takes some settings."""
        if unknown := set(settings) - set(self._settings):
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        hubb.Shape(settings.get("shape", "form"))
        for number in settings.get("numbers") or ():
            hubb.phone(str(number))
        self._settings |= settings

    def sends(self, request: Request) -> bool:
        """Only send_sms does."""
        return request.path.endswith(hubb.SEND_SMS)

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        if not self.sends(request):
            return Answer(response=text("no such page", 404))
        if fault is not None and fault.name == "refuse":
            return _no(str(fault.options.get("detail") or REFUSALS[fault.options.get("code", "from")]))
        try:
            answer = self._send(hubb.decode_send_sms(request))
        except hubb.TurnedDown as no:
            return Answer(response=hubb.encode_failure(no.failure))
        except Unreadable:
            return _no(hubb.ErrorText.INVALID)
        return answer.cut_short(fault) if fault else answer

    def report(self, taken: Taken, word: str) -> Request:
        """The delivery callback."""
        failed = word.lower() in {"undelivered", "failed", "rejected"}
        report = hubb.Report(message_id=taken.id, status=word, error_code="30005" if failed else None)
        return hubb.encode_report(report, hubb.Shape(self._settings["shape"]))

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound callback."""
        arrival = hubb.Arrival(sender=sender, to=to or None, text=text, message_id=message_id)
        return hubb.encode_inbound(arrival, hubb.Shape(self._settings["shape"]))

    def _send(self, call: hubb.SendSms) -> Answer:
        known = self.crm.contact(call.contact_id)
        recipients = call.recipients or tuple(number for number in (known and known.phone,) if number)
        if error := self._error(call, recipients):
            return _no(error)
        if self._settings["balance"] is not None:
            self._settings["balance"] -= len(recipients)
        contacts = [self.crm.upsert(call, number) for number in recipients]
        taken = tuple(
            Taken(id=uuid.uuid4().hex, to=number, sender=call.sender, text=call.text, extra=_extra(call, contact))
            for number, contact in zip(recipients, contacts, strict=True)
        )
        return Answer(response=hubb.encode_send_sms_answer(_sent(taken[0].id, contacts[0])), taken=taken)

    def _error(self, call: hubb.SendSms, recipients: tuple[str, ...]) -> str | None:
        settings = self._settings
        if (settings["key"] is not None and call.key != str(settings["key"])) or not recipients:
            return hubb.ErrorText.INVALID
        if not _active(call.sender, settings["numbers"]):
            return hubb.ErrorText.FROM
        enough = settings["balance"] is None or settings["balance"] >= len(recipients)
        return None if enough else hubb.ErrorText.BALANCE


def _active(sender: str, numbers: Iterable[object] | None) -> bool:
    if numbers is None:
        return True
    try:
        return hubb.phone(sender) in {hubb.phone(str(number)) for number in numbers}
    except ValueError:
        return False


def _sent(message_id: str, contact: Contact | None) -> hubb.Sent:
    if contact is None:
        return hubb.Sent(message_id=message_id)
    company_id = str(uuid.uuid5(uuid.NAMESPACE_OID, contact.company).int % 10**6) if contact.company else None
    return hubb.Sent(
        message_id=message_id,
        contact_id=contact.id,
        contact_name=contact.name,
        company_id=company_id,
        company_name=contact.company,
        owner_id=contact.owner,
    )


def _extra(call: hubb.SendSms, contact: Contact | None) -> dict[str, Any]:
    window = {"override_time_window": call.override_time_window} if call.override_time_window else {}
    return {"contact_id": contact and contact.id, "tags": list(contact.tags) if contact else [], **window}


def _no(error: str) -> Answer:
    return Answer(response=hubb.encode_failure(hubb.Failure(str(error))))


VENDOR = Hubb
