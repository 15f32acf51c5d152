"""`send_sms`, as the client writes it and as the vendor reads it, and the contact that it speaks of."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchboard.dialects.forms import parameters
from switchboard.dialects.hubb.fields import (
    API,
    LIST,
    YES_IS_1,
    ErrorText,
    Failure,
    Parameter,
    TurnedDown,
    decode_answer,
    encode_answer,
    one_of,
    read,
    write,
)
from switchboard.dialects.wire import Request, Response, form
from switchboard.model.contact import SOCIAL_NETWORKS, Contact, MatchBy, Notify, Owner, Tags
from switchboard.model.problem import Problem

SEND_SMS = API + "send_sms"
MAX_TEXT = 2048  # characters of `message_body`
MAX_SENDER = 64  # characters of `from`: more than any number has, or any name


class TimeWindow(StrEnum):
    """Whose sending hours hold: the company's, or the sending user's own."""

    COMPANY = "company"
    USER = "user"


_WINDOW = one_of({"1": TimeWindow.COMPANY, "2": TimeWindow.USER})


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSms:
    """The 31 parameters of send_sms. None and () mean "not sent": the vendor's default holds.

    `to` and `numbers` are as written; `recipients` is their union in E.164, each number once.
    """

    key: str
    sender: str
    text: str
    to: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    contact_id: str | None = None
    email: str | None = None
    create_new_contact: bool | None = None  # yes
    match_with_email: bool | None = None  # yes
    match_with_phone: bool | None = None  # no
    check_name: bool | None = None  # no
    full_name: str | None = None  # over first_name and last_name
    first_name: str | None = None
    last_name: str | None = None
    new_company_name: str | None = None  # for a contact that has no company
    facebook: str | None = None
    twitter: str | None = None
    skype: str | None = None
    linkedin: str | None = None
    pinterest: str | None = None
    google_plus: str | None = None
    instagram: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    notify_to_email: str | None = None
    notify_email_subject: str | None = None
    owner_email: str | None = None  # over owner_group
    owner_group: str | None = None
    email_notify_owner: bool | None = None  # no
    override_time_window: TimeWindow | None = None  # the company's

    @property
    def recipients(self) -> tuple[str, ...]:
        """The union of both lists in E.164. Raises ValueError for what is no number."""
        return tuple(dict.fromkeys(phone(raw) for raw in (*self.to, *self.numbers)))


_SEND_SMS = (
    Parameter("key", required=True),
    Parameter("from", "sender", required=True),
    Parameter("message_body", "text", required=True),
    Parameter("to", kind=LIST),
    Parameter("numbers", kind=LIST),
    Parameter("contact_id"),
    Parameter("email"),
    Parameter("create_new_contact", kind=YES_IS_1),
    Parameter("match_with_email", kind=YES_IS_1),
    Parameter("match_with_phone", kind=YES_IS_1),
    Parameter("check_name", kind=YES_IS_1),
    Parameter("fullname", "full_name"),
    Parameter("firstname", "first_name"),
    Parameter("lastname", "last_name"),
    Parameter("new_company_name"),
    Parameter("facebook"),
    Parameter("twitter"),
    Parameter("skype"),
    Parameter("linkedin"),
    Parameter("pinterest"),
    Parameter("googlePlus", "google_plus"),
    Parameter("instagram"),
    Parameter("source"),
    Parameter("tags", kind=LIST),
    Parameter("remove_tags", kind=LIST),
    Parameter("notifyToEmail", "notify_to_email"),
    Parameter("notifyEmailSubject", "notify_email_subject"),
    Parameter("contactowner_email", "owner_email"),
    Parameter("contactowner_group", "owner_group"),
    Parameter("email_notify_owner", kind=YES_IS_1),
    Parameter("override_time_window", kind=_WINDOW),
)

_DECORATION = re.compile(r"[\s().\-]")
_DIGITS = re.compile(r"[1-9]\d{6,14}", re.ASCII)


def phone(raw: str) -> str:
    """A number in one of the page's four spellings, as +E.164; ten digits are a number of the US. Raises ValueError."""
    number = _DECORATION.sub("", raw)
    international = number.removeprefix("+") if number.startswith("+") else number.removeprefix("00")
    digits = "1" + number if international == number and len(number) == 10 else international
    if not _DIGITS.fullmatch(digits):
        raise ValueError("not a phone number")
    return "+" + digits


def encode_send_sms(call: SendSms) -> Request:
    """As the client: always a form in a POST, so that the key stays out of URLs."""
    return form("POST", SEND_SMS, write(call, _SEND_SMS))


def decode_send_sms(request: Request) -> SendSms:
    """As the vendor: GET or POST; query, form or multipart. Raises `TurnedDown`, and `Unreadable` for broken bytes."""
    call = SendSms(**read(parameters(request), _SEND_SMS))
    if len(call.sender) > MAX_SENDER:
        raise TurnedDown(Failure(ErrorText.FROM), Problem("from", f"has at most {MAX_SENDER} characters"))
    if wrong := [Problem(field, reason) for field, reason in _wrong(call)]:
        raise TurnedDown(Failure(ErrorText.INVALID), *wrong)
    return call


def _wrong(call: SendSms) -> Iterator[tuple[str, str]]:
    """The parameters that cannot be as they are, and why."""
    if len(call.text) > MAX_TEXT:
        yield "message_body", f"has at most {MAX_TEXT} characters"
    for name, numbers in (("to", call.to), ("numbers", call.numbers)):
        if not all(map(_is_phone, numbers)):
            yield name, "holds something that is not a phone number"
    if not (call.to or call.numbers or call.contact_id):
        yield "to", "is missing or blank, and so are numbers and contact_id"


def _is_phone(raw: str) -> bool:
    try:
        return bool(phone(raw))
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The vendor's yes to send_sms; None where it has nothing to say."""

    message_id: str | None = None
    contact_id: str | None = None
    contact_name: str | None = None
    company_id: str | None = None
    company_name: str | None = None
    owner_id: str | None = None


FACTS = ("contact_id", "contact_name", "company_id", "company_name", "owner_id")
"""What an answer says besides the message's id, in the page's order."""

_SENT = (*FACTS, "message_id")


def encode_send_sms_answer(answer: Sent | Failure) -> Response:
    """The vendor's answer to send_sms."""
    return encode_answer(answer, _SENT)


def decode_send_sms_answer(response: Response) -> Sent | Failure:
    """What the vendor said to send_sms. Raises `Unreadable`."""
    return decode_answer(response, Sent, _SENT)


_FLAGS = {MatchBy.EMAIL: "match_with_email", MatchBy.PHONE: "match_with_phone", MatchBy.NAME: "check_name"}


def contact_of(call: SendSms) -> Contact | None:
    """The contact that a call speaks of, in our words; None when it says nothing of one.

    What the page says is passed over when another parameter is sent, is not in it: parts of a name beside a full name,
    a group beside an owner, and the subject of a notice that nobody gets.
    """
    flags = {by: getattr(call, attribute) for by, attribute in _FLAGS.items()}
    group = None if call.owner_email else call.owner_group
    owner = Owner(email=call.owner_email, group=group, notify=call.email_notify_owner)
    notify = call.notify_to_email and Notify(email=call.notify_to_email, subject=call.notify_email_subject)
    contact = Contact(
        id=call.contact_id,
        name=call.full_name,
        first_name=None if call.full_name else call.first_name,
        last_name=None if call.full_name else call.last_name,
        email=call.email,
        company=call.new_company_name,
        source=call.source,
        social={network: handle for network in SOCIAL_NETWORKS if (handle := getattr(call, network))},
        tags=Tags(add=call.tags, remove=call.remove_tags),
        match_by={by: flag for by, flag in flags.items() if flag is not None},
        create=call.create_new_contact,
        owner=owner if owner != Owner() else None,
        notify=notify or None,
    )
    return contact if contact != Contact() else None


def contact_attributes(contact: Contact) -> dict[str, Any]:
    """The attributes of a call that say this contact."""
    owner, notify = contact.owner or Owner(), contact.notify
    return {
        "contact_id": contact.id,
        "email": contact.email,
        "create_new_contact": contact.create,
        "full_name": contact.name,
        "first_name": contact.first_name,
        "last_name": contact.last_name,
        "new_company_name": contact.company,
        "source": contact.source,
        "tags": contact.tags.add,
        "remove_tags": contact.tags.remove,
        "notify_to_email": notify.email if notify else None,
        "notify_email_subject": notify.subject if notify else None,
        "owner_email": owner.email,
        "owner_group": owner.group,
        "email_notify_owner": owner.notify,
        **{_FLAGS[by]: flag for by, flag in contact.match_by.items()},
        **contact.social,
    }
