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
    TEXT,
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
_ADD_DEAL = (
    Parameter("key", "key", TEXT, required=True),
    Parameter("deal_id", "deal_id", TEXT),
    Parameter("external_reference_id", "external_reference_id", TEXT),
    Parameter("name", "name", TEXT),
    Parameter("contact_id", "contact_id", TEXT),
    Parameter("contact_name", "contact_name", TEXT),
    Parameter("contact_email", "contact_email", TEXT),
    Parameter("send_email_to_contact", "send_email_to_contact", YES_IS_1),
    Parameter("send_email_to_contact_subject", "send_email_to_contact_subject", TEXT),
    Parameter("contact_phone", "contact_phone", TEXT),
    Parameter("match_with_email", "match_with_email", YES_IS_1),
    Parameter("match_with_phone", "match_with_phone", YES_IS_1),
    Parameter("check_name", "check_name", YES_IS_1),
    Parameter("contact_source", "contact_source", TEXT),
    Parameter("contact_facebook", "contact_facebook", TEXT),
    Parameter("contact_twitter", "contact_twitter", TEXT),
    Parameter("contact_skype", "contact_skype", TEXT),
    Parameter("contact_linkedin", "contact_linkedin", TEXT),
    Parameter("contact_pinterest", "contact_pinterest", TEXT),
    Parameter("contact_googlePlus", "contact_google_plus", TEXT),
    Parameter("contact_instagram", "contact_instagram", TEXT),
    Parameter("company_id", "company_id", TEXT),
    Parameter("company_name", "company_name", TEXT),
    Parameter("company_email", "company_email", TEXT),
    Parameter("company_phone", "company_phone", TEXT),
    Parameter("expected_closing_date", "expected_closing_date", _DATE),
    Parameter("actual_closing_date", "actual_closing_date", _DATE),
    Parameter("expected_closing_amount", "expected_closing_amount", _MONEY),
    Parameter("actual_closing_amount", "actual_closing_amount", _MONEY),
    Parameter("stage", "stage", TEXT),
    Parameter("deal_type", "deal_type", TEXT),
    Parameter("create_new_stage", "create_new_stage", YES_IS_2),
    Parameter("funnel", "funnel", TEXT),
    Parameter("create_new_funnel", "create_new_funnel", YES_IS_2),
    Parameter("resolution", "resolution", _RESOLUTION),
    Parameter("won_reasons", "won_reasons", TEXT),
    Parameter("lost_reason", "lost_reason", TEXT),
    Parameter("reason_name", "reason_name", TEXT),
    Parameter("create_new_reason_name", "create_new_reason_name", YES_IS_2),
    Parameter("tags", "tags", LIST),
    Parameter("remove_tags", "remove_tags", LIST),
    Parameter("notifyToEmail", "notify_to_email", TEXT),
    Parameter("notifyEmailSubject", "notify_email_subject", TEXT),
    Parameter("notifyEmailExtraText", "notify_email_extra_text", TEXT),
    Parameter("owner_email", "owner_email", TEXT),
    Parameter("dealcollaborator_email", "collaborator_email", TEXT),
    Parameter("dealcollaboratoronly_email", "collaborator_only_email", TEXT),
    Parameter("use_contact_owner", "use_contact_owner", YES_IS_2),
    Parameter("owner_group", "owner_group", TEXT),
    Parameter("email_notify_owner", "email_notify_owner", YES_IS_1),
    Parameter("auto_create_custom_fields", "auto_create_custom_fields", YES_IS_2),
    Parameter("note_title", "note_title", TEXT),
    Parameter("note", "note", TEXT),
    Parameter("create_new_deal_score", "create_new_deal_score", YES_IS_2),
    Parameter("deal_score", "deal_score", TEXT),
    Parameter("contact_address_street", "contact_address_street", TEXT),
    Parameter("contact_address_city", "contact_address_city", TEXT),
    Parameter("contact_address_zipcode", "contact_address_zipcode", TEXT),
)
_TABLED = frozenset(row.name for row in _ADD_DEAL)
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
    return write(call, _ADD_DEAL) | dict(call.custom_fields)


def decode_crm_add_deal(request: Request) -> AddDeal:
    """As the vendor: GET or POST; query, form or multipart. Raises `TurnedDown`, and `Unreadable` for broken bytes.

    Attachments are read by the names `attachments[]`, `attachments` and `attachments[0]`.
    """
    fields = parameters(request)
    if any(value and _ATTACHMENT.fullmatch(name) for name, value in fields.items()):
        raise TurnedDown(Failure(ErrorText.INVALID))  # a file that was not sent as one
    return AddDeal(
        **read(fields, _ADD_DEAL),
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
