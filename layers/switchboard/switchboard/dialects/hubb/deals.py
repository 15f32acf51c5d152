"""`crm_add_deal`: a deal made or changed, with its contact, its company, custom fields and attachments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from switchboard.dialects.forms import Part, files, multipart, parameters
from switchboard.dialects.hubb.fields import (
    API,
    LIST,
    YES_IS_1,
    YES_IS_2,
    ErrorText,
    Failure,
    Kind,
    Parameter,
    TurnedDown,
    decode_answer,
    encode_answer,
    read,
    write,
)
from switchboard.dialects.wire import Request, Response, form
from switchboard.model.problem import Problem

CRM_ADD_DEAL = API + "crm_add_deal"
ATTACHMENTS = "attachments[]"
UNKNOWN_TYPE = "application/octet-stream"


class Resolution(StrEnum):
    """How a deal stands."""

    OPEN = "open"
    CLOSED = "closed"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file. Its name is not blank and holds none of %22, %0D and %0A, which is how the wire writes `"`, CR and LF."""

    filename: str
    data: bytes
    content_type: str = UNKNOWN_TYPE


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDeal:
    """The 60 parameters of crm_add_deal. None, () and {} mean "not sent": the default holds, or what is stored.

    `custom_fields` are the parameters that the page's table does not name, by the API names of the fields. Amounts are
    digits, spaces, commas and dots, as written.
    """

    key: str
    deal_id: str | None = None  # one that is unknown makes a new deal
    external_reference_id: str | None = None  # not looked at beside deal_id
    name: str | None = None
    contact_id: str | None = None
    contact_name: str | None = None  # not looked at beside contact_id
    contact_email: str | None = None
    send_email_to_contact: bool | None = None  # no
    send_email_to_contact_subject: str | None = None
    contact_phone: str | None = None
    match_with_email: bool | None = None  # yes
    match_with_phone: bool | None = None  # no
    check_name: bool | None = None  # no
    contact_source: str | None = None
    contact_facebook: str | None = None
    contact_twitter: str | None = None
    contact_skype: str | None = None
    contact_linkedin: str | None = None
    contact_pinterest: str | None = None
    contact_google_plus: str | None = None
    contact_instagram: str | None = None
    company_id: str | None = None
    company_name: str | None = None  # not looked at beside company_id
    company_email: str | None = None
    company_phone: str | None = None
    expected_closing_date: date | None = None
    actual_closing_date: date | None = None
    expected_closing_amount: str | None = None
    actual_closing_amount: str | None = None
    stage: str | None = None
    deal_type: str | None = None
    create_new_stage: bool | None = None  # no
    funnel: str | None = None
    create_new_funnel: bool | None = None  # no
    resolution: Resolution | None = None
    won_reasons: str | None = None
    lost_reason: str | None = None
    reason_name: str | None = None
    create_new_reason_name: bool | None = None  # no
    tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    notify_to_email: str | None = None
    notify_email_subject: str | None = None
    notify_email_extra_text: str | None = None
    owner_email: str | None = None  # over owner_group
    collaborator_email: str | None = None  # with full access
    collaborator_only_email: str | None = None
    use_contact_owner: bool | None = None  # no
    owner_group: str | None = None
    email_notify_owner: bool | None = None  # no
    custom_fields: Mapping[str, str] = field(default_factory=dict)
    auto_create_custom_fields: bool | None = None  # no
    note_title: str | None = None
    note: str | None = None
    create_new_deal_score: bool | None = None  # no
    deal_score: str | None = None
    attachments: tuple[Attachment, ...] = ()
    contact_address_street: str | None = None
    contact_address_city: str | None = None
    contact_address_zipcode: str | None = None


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_AMOUNT = re.compile(r"[0-9 ,.]+")


def _day(text: str) -> date:
    if not _DAY.fullmatch(text.strip()):
        raise ValueError("not a date in the form YYYY-mm-dd")
    return date.fromisoformat(text.strip())


def _amount(text: str) -> str:
    if not _AMOUNT.fullmatch(text) or not re.search("[0-9]", text):
        raise ValueError("an amount is digits, spaces, commas and dots")
    return text


_DATE = Kind(date.isoformat, _day)
_MONEY = Kind(_amount, _amount)
_RESOLUTION = Kind(str, lambda text: Resolution(text.strip().lower()))

# In the page's order, but for its custom_field and its attachments, which are no parameters of that name.
DEAL_PARAMETERS = (
    Parameter("key", required=True),
    Parameter("deal_id"),
    Parameter("external_reference_id"),
    Parameter("name"),
    Parameter("contact_id"),
    Parameter("contact_name"),
    Parameter("contact_email"),
    Parameter("send_email_to_contact", kind=YES_IS_1),
    Parameter("send_email_to_contact_subject"),
    Parameter("contact_phone"),
    Parameter("match_with_email", kind=YES_IS_1),
    Parameter("match_with_phone", kind=YES_IS_1),
    Parameter("check_name", kind=YES_IS_1),
    Parameter("contact_source"),
    Parameter("contact_facebook"),
    Parameter("contact_twitter"),
    Parameter("contact_skype"),
    Parameter("contact_linkedin"),
    Parameter("contact_pinterest"),
    Parameter("contact_googlePlus", "contact_google_plus"),
    Parameter("contact_instagram"),
    Parameter("company_id"),
    Parameter("company_name"),
    Parameter("company_email"),
    Parameter("company_phone"),
    Parameter("expected_closing_date", kind=_DATE),
    Parameter("actual_closing_date", kind=_DATE),
    Parameter("expected_closing_amount", kind=_MONEY),
    Parameter("actual_closing_amount", kind=_MONEY),
    Parameter("stage"),
    Parameter("deal_type"),
    Parameter("create_new_stage", kind=YES_IS_2),
    Parameter("funnel"),
    Parameter("create_new_funnel", kind=YES_IS_2),
    Parameter("resolution", kind=_RESOLUTION),
    Parameter("won_reasons"),
    Parameter("lost_reason"),
    Parameter("reason_name"),
    Parameter("create_new_reason_name", kind=YES_IS_2),
    Parameter("tags", kind=LIST),
    Parameter("remove_tags", kind=LIST),
    Parameter("notifyToEmail", "notify_to_email"),
    Parameter("notifyEmailSubject", "notify_email_subject"),
    Parameter("notifyEmailExtraText", "notify_email_extra_text"),
    Parameter("owner_email"),
    Parameter("dealcollaborator_email", "collaborator_email"),
    Parameter("dealcollaboratoronly_email", "collaborator_only_email"),
    Parameter("use_contact_owner", kind=YES_IS_2),
    Parameter("owner_group"),
    Parameter("email_notify_owner", kind=YES_IS_1),
    Parameter("auto_create_custom_fields", kind=YES_IS_2),
    Parameter("note_title"),
    Parameter("note"),
    Parameter("create_new_deal_score", kind=YES_IS_2),
    Parameter("deal_score"),
    Parameter("contact_address_street"),
    Parameter("contact_address_city"),
    Parameter("contact_address_zipcode"),
)
_TABLED = frozenset(row.name for row in DEAL_PARAMETERS)
_ATTACHMENT = re.compile(r"attachments(?:\[\d*\])?", re.ASCII)


def is_custom(name: str) -> bool:
    """Whether a parameter of that name is a custom field's."""
    return bool(name) and name not in _TABLED and not _ATTACHMENT.fullmatch(name)


def encode_crm_add_deal(call: AddDeal) -> Request:
    """As the client: a form in a POST, multipart where there are attachments.

    Raises ValueError for an amount that is none, and for a custom field that has the name of a parameter.
    """
    fields = written(call)
    if not call.attachments:
        return form("POST", CRM_ADD_DEAL, fields)
    attached = (
        Part(name=ATTACHMENTS, filename=file.filename, content_type=file.content_type, data=file.data)
        for file in call.attachments
    )
    plain = (Part(name=name, data=value.encode()) for name, value in fields.items())
    return multipart(CRM_ADD_DEAL, (*plain, *attached))


def written(call: AddDeal) -> dict[str, str]:
    """The parameters of a call, without its files. Raises ValueError as `encode_crm_add_deal` does."""
    if not all(map(is_custom, call.custom_fields)):
        raise ValueError("a custom field with the name of a parameter")
    return write(call, DEAL_PARAMETERS) | dict(call.custom_fields)


def decode_crm_add_deal(request: Request) -> AddDeal:
    """As the vendor: GET or POST; query, form or multipart. Raises `TurnedDown`, and `Unreadable` for broken bytes.

    Attachments are read by the names `attachments[]`, `attachments` and `attachments[0]`.
    """
    fields = parameters(request)
    if any(value and _ATTACHMENT.fullmatch(name) for name, value in fields.items()):
        raise TurnedDown(Failure(ErrorText.INVALID), Problem("attachments", "is not sent as a file"))
    return AddDeal(
        **read(fields, DEAL_PARAMETERS),
        custom_fields={name: value for name, value in fields.items() if value and is_custom(name)},
        attachments=tuple(_attachment(file) for file in files(request) if _ATTACHMENT.fullmatch(file.name)),
    )


def _attachment(file: Part) -> Attachment:
    return Attachment(filename=file.filename or "", content_type=file.content_type or UNKNOWN_TYPE, data=file.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class DealSaved:
    """The vendor's yes to crm_add_deal, as it is written; None where it has nothing to say.

    It does not say whether the deal is new.
    """

    deal_id: str | None = None
    external_reference_id: str | None = None
    expected_closing_date: str | None = None
    actual_closing_date: str | None = None
    expected_closing_amount: str | None = None
    actual_closing_amount: str | None = None
    stage: str | None = None
    resolution: str | None = None


_SAVED = (
    *("deal_id", "external_reference_id", "expected_closing_date", "actual_closing_date"),
    *("expected_closing_amount", "actual_closing_amount", "stage", "resolution"),
)


def encode_crm_add_deal_answer(answer: DealSaved | Failure) -> Response:
    """The vendor's answer to crm_add_deal."""
    return encode_answer(answer, _SAVED)


def decode_crm_add_deal_answer(response: Response) -> DealSaved | Failure:
    """What the vendor said to crm_add_deal. Raises `Unreadable`."""
    return decode_answer(response, DealSaved, _SAVED)
