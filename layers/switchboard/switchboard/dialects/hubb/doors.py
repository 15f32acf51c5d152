"""The vendor's doors: its calls taken by the gateway and answered in the vendor's words: with 200, except in doubt.

One more is not 200: too many requests, which clients know by its status wherever it comes from (RFC 6585).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from switchboard.dialects.door import (
    Credentials,
    Door,
    Held,
    Home,
    Inline,
    Order,
    Placed,
    Refusal,
    TurnedAway,
    Writing,
    by_their_names,
)
from switchboard.dialects.hubb import NAME, said
from switchboard.dialects.hubb.accounts import (
    MASTER_ACCOUNT,
    AccountMade,
    MasterAccount,
    decode_master_account,
    encode_master_account_answer,
)
from switchboard.dialects.hubb.deals import (
    CRM_ADD_DEAL,
    AddDeal,
    DealSaved,
    decode_crm_add_deal,
    encode_crm_add_deal_answer,
)
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
_TOO_MANY = "Too many requests: nothing was taken, send the request again later"
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


def _order(call: SendSms, home: Home) -> Order:
    """The call in our words. Where the client is says nothing here: by the page ten digits are a number of the US."""
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


def _refuser(
    names: Mapping[str, str],
) -> Callable[[object, Refusal, tuple[Problem, ...], Order | None], Response]:
    def refuse(call: object, refusal: Refusal, problems: tuple[Problem, ...], order: Order | None) -> Response:
        if refusal is Refusal.UNKNOWN:
            return _IN_DOUBT
        if refusal is Refusal.LIMIT:
            return replace(_no(_TOO_MANY), status=429)
        if refusal is not Refusal.CONTENT:
            return _no(_FAULTS[refusal])
        if any(problem.field == "from" for problem in problems):
            return _no(ErrorText.FROM)
        # What has no field is what the CRM itself said.
        named = by_their_names(problems, names)
        words = (f"{problem.field}: {problem.reason}" if problem.field else problem.reason for problem in named)
        return _no("; ".join(words) or ErrorText.INVALID)

    return refuse


# --- what the CRM holds -----------------------------------------------------------------------------------------------


def _deal(call: AddDeal) -> Writing:
    files = tuple(
        Inline(name=file.filename, content_type=file.content_type, data=file.data) for file in call.attachments
    )
    return Writing(account=False, said=said.deal(call), files=files)


def _held(held: Held) -> Response:
    saved = held.saved
    amount, closing = saved.get("amount") or {}, saved.get("closing") or {}
    answer = DealSaved(
        deal_id=saved.get("id"),
        external_reference_id=held.reference,
        expected_closing_date=closing.get("expected"),
        actual_closing_date=closing.get("actual"),
        expected_closing_amount=amount.get("expected"),
        actual_closing_amount=amount.get("actual"),
        stage=saved.get("stage"),
        resolution=saved.get("resolution"),
    )
    return encode_crm_add_deal_answer(answer)


def _keeping(
    name: str,
    path: str,
    decode: Callable[[Request], Call],
    writing: Callable[[Call], Writing],
    held: Callable[[Held], Response],
    names: Mapping[str, str],
) -> Door[Call]:
    """A door to the CRM itself."""
    return Door(
        dialect=NAME,
        name=name,
        path=path,
        methods=_METHODS,
        read=_reader(decode),
        credentials=_credentials,
        order=lambda call, home: None,
        answer=lambda call, order, placed: _no(_FAULTS[Refusal.ABSENT]),
        refuse=_refuser(names),
        writing=writing,
        held=held,
        names=names,
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
        refuse=_refuser(_NAMES),
        waits=True,
        names=_NAMES,
    ),
    _keeping("crm_add_deal", CRM_ADD_DEAL, decode_crm_add_deal, _deal, _held, said.DEAL_NAMES),
    _keeping(
        "master_account",
        MASTER_ACCOUNT,
        decode_master_account,
        lambda call: Writing(account=True, said=said.sign_up(call)),
        lambda held: encode_master_account_answer(AccountMade()),
        said.ACCOUNT_NAMES,
    ),
)
