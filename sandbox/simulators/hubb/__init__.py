"""The Hubb UCS simulator: its three calls with key, numbers and balance, a CRM behind them, and callbacks.

Settings: `key` (null: any), `numbers` that may be a `from` (null: any), `balance` in messages (null: endless;
it goes down by what is sent), the `shape` of callbacks, which are in our own form (form, json, query), and `crm`: the
company, part by part as `records.SEED` has it; the parts that a setting names take the place of those that are there,
the others stay.
`GET /_state` shows all records, the mails that were sent and the accounts that were signed up.
`refuse` takes "code": key, from, balance or registered, or "detail": any text. `partial` cuts the answer's body short.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from sandbox.simulators.hubb.crm import Crm
from sandbox.simulators.hubb.records import SEED, Contact, Deal, by_id
from sandbox.simulators.script import Fault
from sandbox.simulators.server import Answer, Taken, Vendor
from switchboard.dialects.hubb import NAME, accounts, callbacks, deals, fields, sms
from switchboard.dialects.wire import Request, Unreadable, text

REFUSALS = {
    "key": fields.ErrorText.INVALID,
    "from": fields.ErrorText.FROM,
    "balance": fields.ErrorText.BALANCE,
    "registered": accounts.ALREADY_REGISTERED,
}


class Hubb(Vendor):
    """The vendor's decisions."""

    name = NAME
    defaults: ClassVar[Mapping[str, Any]] = {
        "key": None,
        "numbers": None,
        "balance": None,
        "shape": "form",
        "crm": SEED,
    }

    def reset(self) -> None:
        """The CRM as the settings seed it; the balance is a setting and stays."""
        self.crm = Crm(self._settings["crm"])

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Takes settings; only those parts of `crm` that differ from the setting as it stands are put in place."""
        callbacks.Shape(settings.get("shape", "form"))
        for number in settings.get("numbers") or ():
            sms.phone(str(number))
        if not isinstance(settings.get("crm", {}), dict):
            raise ValueError("crm is an object")
        before = self._settings["crm"]
        changed = {name: part for name, part in settings.get("crm", {}).items() if part != before.get(name)}
        self.crm.load(changed)
        super().adopt({**settings, "crm": {**before, **changed}})

    def state(self) -> Mapping[str, Any]:
        """The CRM."""
        return self.crm.state()

    def sends(self, request: Request) -> bool:
        """Only send_sms does."""
        return request.path.endswith(sms.SEND_SMS)

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        call = next((call for path, call in _CALLS.items() if request.path.endswith(path)), None)
        if call is None:
            return Answer(response=text("no such page", 404))
        if request.method not in {"GET", "POST"}:
            return Answer(response=text("GET or POST", 405))
        if fault is not None and fault.name == "refuse":
            usual = "from" if self.sends(request) else "key"
            return _no(str(fault.options.get("detail") or REFUSALS[fault.options.get("code", usual)]))
        try:
            answer = call(self, request)
        except fields.TurnedDown as no:
            return Answer(response=fields.encode_failure(no.failure))
        except Unreadable:
            return _no(fields.ErrorText.INVALID)
        return answer.cut_short(fault) if fault else answer

    def report(self, taken: Taken, word: str) -> Request:
        """The delivery callback."""
        failed = word.lower() in {"undelivered", "failed", "rejected"}
        report = callbacks.Report(message_id=taken.id, status=word, error_code="30005" if failed else None)
        return callbacks.encode_report(report, callbacks.Shape(self._settings["shape"]))

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound callback."""
        arrival = callbacks.Arrival(sender=sender, to=to or None, text=text, message_id=message_id)
        return callbacks.encode_inbound(arrival, callbacks.Shape(self._settings["shape"]))

    def _send_sms(self, request: Request) -> Answer:
        call = sms.decode_send_sms(request)
        known = by_id(self.crm.contacts, call.contact_id)
        recipients = call.recipients or tuple(number for number in (known and known.phone,) if number)
        if error := self._error(call, recipients):
            return _no(error)
        if self._settings["balance"] is not None:
            self._settings["balance"] -= len(recipients)
        contacts = [self.crm.texted(call, number) for number in recipients]
        taken = tuple(
            Taken(id=uuid.uuid4().hex, to=number, sender=call.sender, text=call.text, extra=_extra(call, contact))
            for number, contact in zip(recipients, contacts, strict=True)
        )
        return Answer(response=sms.encode_send_sms_answer(self._sent(taken[0].id, contacts[0])), taken=taken)

    def _add_deal(self, request: Request) -> Answer:
        call = deals.decode_crm_add_deal(request)
        if not self._knows(call.key):
            return _no(fields.ErrorText.INVALID)
        return Answer(response=deals.encode_crm_add_deal_answer(_saved(self.crm.save(call))))

    def _sign_up(self, request: Request) -> Answer:
        call = accounts.decode_master_account(request)
        if not self._knows(call.key):
            return _no(fields.ErrorText.INVALID)
        made = self.crm.sign_up(call) is not None
        said = accounts.AccountMade() if made else fields.Failure(accounts.ALREADY_REGISTERED)
        return Answer(response=accounts.encode_master_account_answer(said))

    def _knows(self, key: str) -> bool:
        return self._settings["key"] is None or key == str(self._settings["key"])

    def _error(self, call: sms.SendSms, recipients: tuple[str, ...]) -> str | None:
        if not self._knows(call.key) or not recipients:
            return fields.ErrorText.INVALID
        if not _active(call.sender, self._settings["numbers"]):
            return fields.ErrorText.FROM
        balance = self._settings["balance"]
        return None if balance is None or balance >= len(recipients) else fields.ErrorText.BALANCE

    def _sent(self, message_id: str, contact: Contact | None) -> sms.Sent:
        if contact is None:
            return sms.Sent(message_id=message_id)
        company = by_id(self.crm.companies, contact.company_id)
        return sms.Sent(
            message_id=message_id,
            contact_id=contact.id,
            contact_name=contact.name,
            company_id=company.id if company else None,
            company_name=company.name if company else None,
            owner_id=contact.owner_id,
        )


_CALLS: Mapping[str, Callable[[Hubb, Request], Answer]] = {
    sms.SEND_SMS: Hubb._send_sms,
    deals.CRM_ADD_DEAL: Hubb._add_deal,
    accounts.MASTER_ACCOUNT: Hubb._sign_up,
}


def _active(sender: str, numbers: Iterable[object] | None) -> bool:
    if numbers is None:
        return True
    try:
        return sms.phone(sender) in {sms.phone(str(number)) for number in numbers}
    except ValueError:
        return False


def _saved(deal: Deal) -> deals.DealSaved:
    return deals.DealSaved(
        deal_id=deal.id,
        external_reference_id=deal.external_reference_id,
        expected_closing_date=deal.expected_closing_date,
        actual_closing_date=deal.actual_closing_date,
        expected_closing_amount=deal.expected_closing_amount,
        actual_closing_amount=deal.actual_closing_amount,
        stage=deal.stage,
        resolution=deal.resolution,
    )


def _extra(call: sms.SendSms, contact: Contact | None) -> dict[str, Any]:
    window = {"override_time_window": call.override_time_window} if call.override_time_window else {}
    return {"contact_id": contact and contact.id, "tags": list(contact.tags) if contact else [], **window}


def _no(error: str) -> Answer:
    return Answer(response=fields.encode_failure(fields.Failure(str(error))))


VENDOR = Hubb
