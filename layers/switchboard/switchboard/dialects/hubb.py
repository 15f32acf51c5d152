"""Hubb UCS: `send_sms` as the client writes it and as the vendor reads it, and the callbacks both ways.

A call is a frozen dataclass in typed words beside a table that names each parameter and how it is written; a further
call is another pair of these. Sections are those of the gateway's dialect notes on the vendor's pages.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from switchboard.dialects.dialect import Account, Dialect
from switchboard.dialects.forms import json_object, parameters, scalar
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form
from switchboard.model.contact import SOCIAL_NETWORKS, Contact, MatchBy, Notify, Owner, Tags
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status

NAME = "hubb"
API = "/site/api/"
SEND_SMS = API + "send_sms"
MAX_TEXT = 2048  # characters of `message_body`


# --- parameters: how a typed value is written -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """How a value is written and read; `read` raises ValueError."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One row of the vendor's table: its name there, the attribute here."""

    name: str
    attribute: str
    kind: _Kind
    required: bool = False


class TimeWindow(StrEnum):
    """Whose sending hours hold: the company's, or the sending user's own."""

    COMPANY = "company"
    USER = "user"


def _one_of(values: Mapping[str, Any]) -> _Kind:
    digits = {value: digit for digit, value in values.items()}
    return _Kind(digits.__getitem__, lambda text: values[text.strip()])


def _split(text: str) -> tuple[str, ...]:
    return tuple(item for item in (raw.strip() for raw in text.split(",")) if item)


_TEXT = _Kind(str, str)
_LIST = _Kind(",".join, _split)
_YES_IS_1 = _one_of({"1": True, "2": False})  # all flags of send_sms; most of the create flags of deals are the reverse
_WINDOW = _one_of({"1": TimeWindow.COMPANY, "2": TimeWindow.USER})


def _write(call: object, table: Sequence[_Parameter]) -> dict[str, str]:
    """The parameters of a call that are said: None and the empty list are not sent."""
    said = ((row, getattr(call, row.attribute)) for row in table)
    return {row.name: row.kind.write(value) for row, value in said if value is not None and value != ()}


def _read(fields: Mapping[str, str], table: Sequence[_Parameter]) -> dict[str, Any]:
    """The attributes of a call; a blank parameter is one not sent, unknown ones do not matter. Raises `TurnedDown`."""
    said = {row: fields[row.name] for row in table if fields.get(row.name)}
    if any(row.required and row not in said for row in table):
        raise TurnedDown(Failure(ErrorText.INVALID))
    try:
        return {row.attribute: row.kind.read(text) for row, text in said.items()}
    except (ValueError, KeyError):
        raise TurnedDown(Failure(ErrorText.INVALID)) from None


# --- answers ----------------------------------------------------------------------------------------------------------


class ErrorText(StrEnum):
    """The error texts that the send_sms page prints."""

    BALANCE = "Not Enough Balance to process this request"
    INVALID = "Invalid Key or missing parameters"
    FROM = "From Number is not active on this account"


@dataclass(frozen=True, slots=True)
class Failure:
    """The vendor's no, in its words."""

    error_message: str


class TurnedDown(Exception):
    """A request that reads well and is not one the vendor takes; `failure` is what the vendor answers."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error_message)
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The vendor's yes to send_sms; None where it has nothing to say."""

    message_id: str | None = None
    contact_id: str | None = None
    contact_name: str | None = None
    company_id: str | None = None
    company_name: str | None = None
    owner_id: str | None = None


_SENT = ("contact_id", "contact_name", "company_id", "company_name", "owner_id", "message_id")  # in the page's order


def _answer(values: Mapping[str, str]) -> Response:
    # 200 for both: the pages document no status (section 1).
    return Response(headers=(("content-type", JSON),), body=json.dumps(values).encode())


def _success(response: Response) -> dict[str, object] | Failure:
    """The object of a success, or the failure; the HTTP status does not matter (section 1). Raises `Unreadable`."""
    said = json_object(response.body)
    if said.get("message") == "success":
        return said
    error = scalar(said.get("error_message"))
    if not error:
        raise Unreadable("neither success nor an error message")
    return Failure(error)


def encode_failure(failure: Failure) -> Response:
    """The vendor's no to any call."""
    return _answer({"error_message": failure.error_message})


def encode_send_sms_answer(answer: Sent | Failure) -> Response:
    """The vendor's answer to send_sms: every value a string, blank where there is none."""
    if isinstance(answer, Failure):
        return encode_failure(answer)
    return _answer({"message": "success"} | {name: getattr(answer, name) or "" for name in _SENT})


def decode_send_sms_answer(response: Response) -> Sent | Failure:
    """What the vendor said to send_sms; ids as strings or numbers. Raises `Unreadable`."""
    said = _success(response)
    return said if isinstance(said, Failure) else Sent(**{name: scalar(said.get(name)) or None for name in _SENT})


# --- send_sms ---------------------------------------------------------------------------------------------------------


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
    _Parameter("key", "key", _TEXT, required=True),
    _Parameter("from", "sender", _TEXT, required=True),
    _Parameter("message_body", "text", _TEXT, required=True),
    _Parameter("to", "to", _LIST),
    _Parameter("numbers", "numbers", _LIST),
    _Parameter("contact_id", "contact_id", _TEXT),
    _Parameter("email", "email", _TEXT),
    _Parameter("create_new_contact", "create_new_contact", _YES_IS_1),
    _Parameter("match_with_email", "match_with_email", _YES_IS_1),
    _Parameter("match_with_phone", "match_with_phone", _YES_IS_1),
    _Parameter("check_name", "check_name", _YES_IS_1),
    _Parameter("fullname", "full_name", _TEXT),
    _Parameter("firstname", "first_name", _TEXT),
    _Parameter("lastname", "last_name", _TEXT),
    _Parameter("new_company_name", "new_company_name", _TEXT),
    _Parameter("facebook", "facebook", _TEXT),
    _Parameter("twitter", "twitter", _TEXT),
    _Parameter("skype", "skype", _TEXT),
    _Parameter("linkedin", "linkedin", _TEXT),
    _Parameter("pinterest", "pinterest", _TEXT),
    _Parameter("googlePlus", "google_plus", _TEXT),
    _Parameter("instagram", "instagram", _TEXT),
    _Parameter("source", "source", _TEXT),
    _Parameter("tags", "tags", _LIST),
    _Parameter("remove_tags", "remove_tags", _LIST),
    _Parameter("notifyToEmail", "notify_to_email", _TEXT),
    _Parameter("notifyEmailSubject", "notify_email_subject", _TEXT),
    _Parameter("contactowner_email", "owner_email", _TEXT),
    _Parameter("contactowner_group", "owner_group", _TEXT),
    _Parameter("email_notify_owner", "email_notify_owner", _YES_IS_1),
    _Parameter("override_time_window", "override_time_window", _WINDOW),
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
    return form("POST", SEND_SMS, _write(call, _SEND_SMS))


def decode_send_sms(request: Request) -> SendSms:
    """As the vendor: GET or POST; query, form or multipart. Raises `TurnedDown`, and `Unreadable` for broken bytes."""
    call = SendSms(**_read(parameters(request), _SEND_SMS))
    try:
        addressed = bool(call.recipients or call.contact_id)
    except ValueError:
        addressed = False
    if not addressed or len(call.text) > MAX_TEXT:
        raise TurnedDown(Failure(ErrorText.INVALID))
    return call


# --- the contact, between our words and the vendor's ------------------------------------------------------------------

_MATCH_DEFAULTS = {MatchBy.EMAIL: True, MatchBy.PHONE: False, MatchBy.NAME: False}


def contact_of(call: SendSms) -> Contact | None:
    """The contact that a call speaks of, in our words; None when it says nothing of one."""
    flags = dict(zip(_MATCH_DEFAULTS, (call.match_with_email, call.match_with_phone, call.check_name), strict=True))
    matched = {by for by, flag in flags.items() if (_MATCH_DEFAULTS[by] if flag is None else flag)}
    owner = Owner(email=call.owner_email, group=call.owner_group, notify=call.email_notify_owner)
    notify = call.notify_to_email and Notify(email=call.notify_to_email, subject=call.notify_email_subject)
    contact = Contact(
        id=call.contact_id,
        name=call.full_name,
        first_name=call.first_name,
        last_name=call.last_name,
        email=call.email,
        company=call.new_company_name,
        source=call.source,
        social={network: handle for network in SOCIAL_NETWORKS if (handle := getattr(call, network))},
        tags=Tags(add=call.tags, remove=call.remove_tags),
        match_by=None if set(flags.values()) == {None} else frozenset(matched),
        create=call.create_new_contact,
        owner=owner if owner != Owner() else None,
        notify=notify or None,
    )
    return contact if contact != Contact() else None


def _contact_attributes(contact: Contact) -> dict[str, Any]:
    """The attributes of a call that say this contact."""
    owner, notify, match_by = contact.owner or Owner(), contact.notify, contact.match_by
    matching: Mapping[str, bool] = {}
    if match_by is not None:
        matching = {
            "match_with_email": MatchBy.EMAIL in match_by,
            "match_with_phone": MatchBy.PHONE in match_by,
            "check_name": MatchBy.NAME in match_by,
        }
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
        **matching,
        **contact.social,
    }


# --- callbacks, our own form (section 1.4) ----------------------------------------------------------------------------


class Shape(StrEnum):
    """The ways a callback may come."""

    QUERY = "query"
    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery callback; `status` is the vendor's word as it came."""

    message_id: str
    status: str
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An inbound callback: a text from a handset to a number of the account."""

    sender: str
    text: str
    to: str | None = None
    message_id: str | None = None


STATUS_WORDS = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "expired": Status.EXPIRED,
    "rejected": Status.REJECTED,
}

_REPORT = (
    _Parameter("message_id", "message_id", _TEXT, required=True),
    _Parameter("status", "status", _TEXT, required=True),
    _Parameter("error_code", "error_code", _TEXT),
)
_ARRIVAL = (
    _Parameter("from", "sender", _TEXT, required=True),
    _Parameter("to", "to", _TEXT),
    _Parameter("message", "text", _TEXT),
    _Parameter("message_id", "message_id", _TEXT),
)


def _callback(fields: dict[str, str], shape: Shape) -> Request:
    if shape is Shape.JSON:
        body = json.dumps(fields).encode()
        return Request(method="POST", path="/", headers=(("content-type", JSON),), body=body)
    posted = form("POST", "/", fields)
    return posted if shape is Shape.FORM else Request(method="GET", path="/", query=posted.body)


def encode_report(report: Report, shape: Shape = Shape.FORM) -> Request:
    """The delivery callback, to be appended to the callback URL."""
    return _callback(_write(report, _REPORT), shape)


def encode_inbound(arrival: Arrival, shape: Shape = Shape.FORM) -> Request:
    """The inbound callback, to be appended to the callback URL."""
    return _callback(_write(arrival, _ARRIVAL), shape)


def decode_callback(request: Request) -> Report | Arrival:
    """What a callback says: with a `status` it is a delivery, with a `message` an inbound text. Raises `Unreadable`."""
    fields = parameters(request)
    try:
        if "status" in fields:
            return Report(**_read(fields, _REPORT))
        if "message" in fields:
            return Arrival(**{"text": ""} | _read(fields, _ARRIVAL))
    except TurnedDown:
        raise Unreadable("a callback that lacks a parameter") from None
    raise Unreadable("neither a delivery nor an inbound callback")


# --- the dialect as the gateway uses it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this vendor knows of a message."""

    override_time_window: TimeWindow | None = None


_CONCERNS = {text.lower(): Concern.ACCOUNT for text in ErrorText}


def _refuses(content: Content) -> tuple[Problem, ...]:
    if content.channel is not Channel.SMS:
        return (Problem("channel", "Hubb sends SMS only"),)
    return (*_refused_text(content), *_refused_options(content), *_refused_contact(content.contact or Contact()))


def _refused_text(content: Content) -> list[Problem]:
    checks = (
        (not content.text, "text", "an SMS needs a text"),
        (len(content.text or "") > MAX_TEXT, "text", f"Hubb takes at most {MAX_TEXT} characters"),
        (content.flash, "flash", "Hubb has no flash messages"),
        (content.encoding is not Encoding.AUTO, "encoding", "Hubb chooses the encoding itself"),
        (content.link is not None, "link", "Hubb has no WAP push"),
    )
    return [Problem(field, reason) for wrong, field, reason in checks if wrong]


def _refused_options(content: Content) -> list[Problem]:
    others = [Problem(name, "Hubb does not know these options") for name in content.options if name != NAME]
    own = content.options.get(NAME, {})
    unknown = [Problem(f"{NAME}.{name}", "no such option") for name in own if name != "override_time_window"]
    window = own.get("override_time_window")
    if window is not None and window not in set(TimeWindow):
        unknown.append(Problem(f"{NAME}.override_time_window", "company or user"))
    return others + unknown


def _refused_contact(contact: Contact) -> list[Problem]:
    """Contact fields that the vendor passes over, by its page, when another one is sent, and lists it cannot write."""
    owner = contact.owner or Owner()
    named_twice = contact.name and (contact.first_name or contact.last_name)
    checks: list[tuple[object, str, str]] = [
        (named_twice, "contact.name", "Hubb takes a full name, or first and last name, not both"),
        (owner.email and owner.group, "contact.owner.group", "Hubb takes an owner or a group, not both"),
    ]
    checks += [
        (network not in SOCIAL_NETWORKS, f"contact.social.{network}", "Hubb does not know this network")
        for network in contact.social
    ]
    checks += [
        (_split(tag) != (tag,), f"contact.tags.{kind}.{number}", "a tag has no comma, no blank end and is not empty")
        for kind, tags in (("add", contact.tags.add), ("remove", contact.tags.remove))
        for number, tag in enumerate(tags)
    ]
    return [Problem(field, reason) for wrong, field, reason in checks if wrong]


def _pack(messages: Sequence[Outbound]) -> list[list[Outbound]]:
    # The answer has one message_id even for a list (section 1.1): one call per recipient.
    return [[message] for message in messages]


def call_for(message: Outbound, account: Account) -> SendSms:
    """The call that sends a message. Raises KeyError when neither it nor the account names a sender."""
    content = message.content
    window = content.options.get(NAME, {}).get("override_time_window")
    about: dict[str, Any] = _contact_attributes(content.contact or Contact())
    return SendSms(
        key=account["key"],
        sender=content.sender or account["sender"],
        text=content.text or "",
        to=(message.to,),
        override_time_window=TimeWindow(window) if window else None,
        **{attribute: value for attribute, value in about.items() if value != ""},
    )


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    (message,) = group
    return encode_send_sms(call_for(message, account))


def _outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
    answer = decode_send_sms_answer(response)
    if isinstance(answer, Sent):
        return (Outcome(verdict=Verdict.ACCEPTED, vendor_id=answer.message_id),) * len(group)
    concern = _CONCERNS.get(answer.error_message.strip().rstrip(".").lower(), Concern.RECIPIENT)
    return (Outcome(verdict=Verdict.REJECTED, detail=answer.error_message, concern=concern),) * len(group)


def _called_back(request: Request, account: Account) -> tuple[Receipt | Inbound, ...]:
    said = decode_callback(request)
    if isinstance(said, Arrival):
        return (Inbound(sender=said.sender, to=said.to, text=said.text, vendor_id=said.message_id),)
    status = STATUS_WORDS.get(said.status.strip().lower())
    return (Receipt(vendor_id=said.message_id, word=said.status, status=status, error=said.error_code),)


DIALECT = Dialect(
    name=NAME,
    channels=frozenset({Channel.SMS}),
    receipts=False,  # only where callbacks have been set up on the vendor's side: a message may stay submitted
    refuses=_refuses,
    pack=_pack,
    submit=_submit,
    outcomes=_outcomes,
    callback=_called_back,
    acknowledgement=_answer({"message": "success"}),
    options=Options,
)
