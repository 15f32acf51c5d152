"""The vendor's doors: its calls taken by the gateway and answered in the vendor's words: with 200, except in doubt."""

from collections.abc import Callable
from typing import TypeVar

from switchboard.dialects.door import Credentials, Door, Order, Placed, Refusal, TurnedAway, by_their_names
from switchboard.dialects.hubb import NAME
from switchboard.dialects.hubb.accounts import MASTER_ACCOUNT, MasterAccount, decode_master_account
from switchboard.dialects.hubb.deals import CRM_ADD_DEAL, AddDeal, decode_crm_add_deal
from switchboard.dialects.hubb.fields import ErrorText, Failure, TurnedDown, encode_failure
from switchboard.dialects.hubb.sms import (
    FACTS,
    SEND_SMS,
    SendSms,
    Sent,
    contact_of,
    decode_send_sms,
    encode_send_sms_answer,
)
from switchboard.dialects.wire import Request, Response, Unreadable, text
from switchboard.model.address import parse_phone
from switchboard.model.chunk import MAX_RECIPIENTS
from switchboard.model.contact import CONTACT
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.problem import Problem, Refused

MAX_CONTACT_ID = 254  # characters, as of any address of our own API
_METHODS = ("GET", "POST")

Call = TypeVar("Call", SendSms, AddDeal, MasterAccount)

# The pages print no text for these: whoever reads them has to know whether a repeat could send twice.
_FAULTS = {
    Refusal.CREDENTIALS: ErrorText.INVALID.value,
    Refusal.BUSY: "Temporarily unavailable: nothing was taken, send the request again later",
    Refusal.FAILED: "Internal error: nothing was taken, send the request again later",
    Refusal.ABSENT: "This gateway does not take this call",
}
# An error message would read as a plain no: whoever does not know the status reads no answer here.
_IN_DOUBT = text("Server error: the request may have been taken, do not send it again", 500)
_NAMES = {
    "text": "message_body",
    "contact.id": "contact_id",
    "contact.name": "fullname",
    "contact.first_name": "firstname",
    "contact.last_name": "lastname",
    "contact.email": "email",
    "contact.owner": "contactowner_email",
    "contact.owner.group": "contactowner_group",
    "contact.tags.add": "tags",
    "contact.tags.remove": "remove_tags",
    NAME: "override_time_window",
    f"{NAME}.override_time_window": "override_time_window",
}


def _no(words: str) -> Response:
    return encode_failure(Failure(words))


def _reader(decode: Callable[[Request], Call]) -> Callable[[Request], Call]:
    def read(request: Request) -> Call:
        try:
            return decode(request)
        except TurnedDown as no:
            raise TurnedAway(encode_failure(no.failure), no.problems) from None
        except Unreadable as unreadable:
            raise TurnedAway(_no(ErrorText.INVALID), (Problem("request", str(unreadable)),)) from None

    return read


def _credentials(call: SendSms | AddDeal | MasterAccount) -> Credentials:
    return Credentials(secret=call.key)


# --- send_sms ---------------------------------------------------------------------------------------------------------


def _order(call: SendSms, region: str | None) -> Order:
    """The call in our words. The client's region says nothing here: by the page ten digits are a number of the US."""
    window = call.override_time_window
    content = Content(
        channel=Channel.SMS,
        text=call.text,
        sender=call.sender,
        contact=contact_of(call),
        options={NAME: {"override_time_window": window.value}} if window else {},
    )
    return Order(content=content, recipients=_recipients(call))


def _recipients(call: SendSms) -> tuple[Recipient, ...]:
    """The numbers of the call, each once, or its contact when it has none. Raises `Refused`."""
    numbers = call.recipients
    if len(numbers) > MAX_RECIPIENTS:
        raise Refused(Problem("to", f"at most {MAX_RECIPIENTS} numbers a call"))
    if len(call.contact_id or "") > MAX_CONTACT_ID:
        raise Refused(Problem("contact.id", f"at most {MAX_CONTACT_ID} characters"))
    if not numbers:
        return (Recipient(to=f"{CONTACT}{call.contact_id}"),)
    # A numbering plan knows of spellings that the page does not: two of these may still be one number.
    read = (parse_phone(number, None, f"to.{place}") for place, number in enumerate(numbers))
    return tuple(Recipient(to=number) for number in dict.fromkeys(read))


def _answer(call: SendSms, order: Order, placed: tuple[Placed, ...]) -> Response:
    """The first message's, for the vendor's answer is singular even for a list (section 1.1)."""
    first = placed[0]
    if first.refused:
        return _no(first.refused)
    about = {name: first.facts.get(name) for name in FACTS}
    return encode_send_sms_answer(Sent(message_id=first.id, **about))


def _refuse(call: object, refusal: Refusal, problems: tuple[Problem, ...], order: Order | None) -> Response:
    if refusal is Refusal.UNKNOWN:
        return _IN_DOUBT
    if refusal is not Refusal.CONTENT:
        return _no(_FAULTS[refusal])
    if any(problem.field == "from" for problem in problems):
        return _no(ErrorText.FROM)
    named = by_their_names(problems, _NAMES)
    return _no("; ".join(f"{problem.field}: {problem.reason}" for problem in named) or ErrorText.INVALID)


# --- what this gateway does not do ------------------------------------------------------------------------------------


def _absent(name: str, path: str, decode: Callable[[Request], Call]) -> Door[Call]:
    """A door that reads the call in full, and then says no: nothing is answered as if it had been done."""
    return Door(
        dialect=NAME,
        name=name,
        path=path,
        methods=_METHODS,
        read=_reader(decode),
        credentials=_credentials,
        order=lambda call, region: None,
        answer=lambda call, order, placed: _no(_FAULTS[Refusal.ABSENT]),
        refuse=_refuse,
    )


DOORS = (
    Door(
        dialect=NAME,
        name="send_sms",
        path=SEND_SMS,
        methods=_METHODS,
        read=_reader(decode_send_sms),
        credentials=_credentials,
        order=_order,
        answer=_answer,
        refuse=_refuse,
        waits=True,
        names=_NAMES,
    ),
    _absent("crm_add_deal", CRM_ADD_DEAL, decode_crm_add_deal),
    _absent("master_account", MASTER_ACCOUNT, decode_master_account),
)
