"""Hubb's CRM corner: our deals and sign-ups as its calls, its answers in our words, and what it says nothing about."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from switchboard.dialects.crm import Crm, Sending
from switchboard.dialects.forms import MULTIPART, Part, frames
from switchboard.dialects.hubb import accounts, deals
from switchboard.dialects.hubb.fields import Failure, split
from switchboard.dialects.wire import Request, Response
from switchboard.model.account import SignedUp, SignUp
from switchboard.model.contact import SOCIAL_NETWORKS, MatchBy
from switchboard.model.deal import Amount, Closing, Deal, File, Person, Refusal, Resolution, SavedDeal
from switchboard.model.problem import Problem

_FLAGS = {MatchBy.EMAIL: "match_with_email", MatchBy.PHONE: "match_with_phone", MatchBy.NAME: "check_name"}
MAX_ATTACHED = 100_000_000  # octets: the page wants the files' total below 100M
SUFFIXES = frozenset(  # JPG, GIF, BMP, Excel, CSV, Word, Powerpoint, PDF, Text, Zipped file
    ("jpg", "jpeg", "gif", "bmp", "xls", "xlsx", "csv", "doc", "docx", "ppt", "pptx", "pdf", "txt", "zip")
)


def call_for(deal: Deal, account: Mapping[str, str]) -> deals.AddDeal:
    """The call that saves a deal, without its files. Raises KeyError when the account has no key."""
    notify, note, custom = deal.notify, deal.note, deal.custom_fields
    return deals.AddDeal(
        key=account["key"],
        deal_id=deal.id,
        external_reference_id=None if deal.id else deal.external_reference,
        name=deal.name,
        **_contact(deal.contact),
        company_id=deal.company.id,
        company_name=deal.company.name,
        company_email=deal.company.email,
        company_phone=deal.company.phone,
        expected_closing_date=deal.closing.expected,
        actual_closing_date=deal.closing.actual,
        expected_closing_amount=deal.amount.expected,
        actual_closing_amount=deal.amount.actual,
        **_choices(deal),
        deal_type=deal.deal_type,
        resolution=deals.Resolution(deal.resolution) if deal.resolution else None,
        won_reasons=deal.reason.won,
        lost_reason=deal.reason.lost,
        reason_name=deal.reason.name,
        create_new_reason_name=deal.reason.create,
        tags=deal.tags.add,
        remove_tags=deal.tags.remove,
        notify_to_email=notify.email,
        notify_email_subject=notify.subject,
        notify_email_extra_text=notify.text,
        send_email_to_contact=notify.contact,
        send_email_to_contact_subject=notify.contact_subject,
        email_notify_owner=notify.owner,
        owner_email=deal.owner.email,
        owner_group=deal.owner.group,
        use_contact_owner=deal.owner.same_as_contact,
        collaborator_email=deal.collaborators.full_access,
        collaborator_only_email=deal.collaborators.only,
        custom_fields=custom.values,
        auto_create_custom_fields=custom.create,
        note_title=note.title if note else None,
        note=note.text if note else None,
    )


def _contact(contact: Person) -> dict[str, Any]:
    return {
        "contact_id": contact.id,
        "contact_name": contact.name,
        "contact_email": contact.email,
        "contact_phone": contact.phone,
        "contact_source": contact.source,
        "contact_address_street": contact.address.street,
        "contact_address_city": contact.address.city,
        "contact_address_zipcode": contact.address.zipcode,
        **{_FLAGS[by]: flag for by, flag in contact.match_by.items()},
        **{f"contact_{network}": handle for network, handle in contact.social.items()},
    }


def _choices(deal: Deal) -> dict[str, Any]:
    rows = (
        ("stage", "create_new_stage", deal.stage),
        ("funnel", "create_new_funnel", deal.funnel),
        ("deal_score", "create_new_deal_score", deal.score),
    )
    said = [(name, flag, choice) for name, flag, choice in rows if choice]
    return {name: choice.name for name, _, choice in said} | {flag: choice.create for _, flag, choice in said}


def deal_request(deal: Deal, account: Mapping[str, str], boundary: str) -> Sending:
    """The call that saves a deal: a form, or with files the frames of a multipart body and the files' places."""
    call = call_for(deal, account)
    if not deal.files:
        return Sending(deals.encode_crm_add_deal(call))
    plain = [Part(name=name, data=value.encode()) for name, value in deals.written(call).items()]
    attached = [
        Part(name=deals.ATTACHMENTS, filename=file.name, content_type=file.content_type, data=b"")
        for file in deal.files
    ]
    contents: list[bytes | File] = [*(part.data for part in plain), *deal.files]
    *before, end = frames([*plain, *attached], boundary)
    pieces = (*(piece for pair in zip(before, contents, strict=True) for piece in pair), end)
    length = sum(piece.size if isinstance(piece, File) else len(piece) for piece in pieces)
    headers = (("content-type", f"{MULTIPART}; boundary={boundary}"), ("content-length", str(length)))
    return Sending(Request(method="POST", path=deals.CRM_ADD_DEAL, headers=headers), pieces)


def saved(response: Response) -> SavedDeal | Refusal:
    """What Hubb answered to a deal. Raises `Unreadable`."""
    answer = deals.decode_crm_add_deal_answer(response)
    if isinstance(answer, Failure):
        return Refusal(answer.error_message)
    return SavedDeal(
        id=answer.deal_id,
        reference=answer.external_reference_id,
        amount=Amount(expected=_amount(answer.expected_closing_amount), actual=_amount(answer.actual_closing_amount)),
        closing=Closing(expected=_day(answer.expected_closing_date), actual=_day(answer.actual_closing_date)),
        stage=answer.stage,
        resolution=_resolution(answer.resolution),
    )


def _amount(text: str | None) -> str | None:
    """An amount as a plain decimal: Hubb's may hold spaces, and commas between thousands."""
    try:
        value = Decimal((text or "").replace(" ", "").replace(",", ""))
    except InvalidOperation:
        return None
    return f"{value:f}" if value.is_finite() else None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "").strip()[:10])
    except ValueError:
        return None


def _resolution(text: str | None) -> Resolution | None:
    word = (text or "").strip().lower()
    return Resolution(word) if word in set(Resolution) else None


def refuses(deal: Deal) -> tuple[Problem, ...]:
    """Lists that cannot be written, fields that are no custom ones, and files that Hubb would not save."""
    checks: list[tuple[object, str, str]] = [
        (network not in SOCIAL_NETWORKS, f"contact.social.{network}", "the CRM does not know this network")
        for network in deal.contact.social
    ]
    checks += [
        (split(tag) != (tag,), f"tags.{kind}.{number}", "a tag has no comma, no blank end and is not empty")
        for kind, tags in (("add", deal.tags.add), ("remove", deal.tags.remove))
        for number, tag in enumerate(tags)
    ]
    checks += [
        (not deals.is_custom(name), f"custom_fields.values.{name}", "is the name of a field of its own")
        for name in deal.custom_fields.values
    ]
    checks += [
        (suffix(file) not in SUFFIXES, f"attachments.{place}", f"is none of {', '.join(sorted(SUFFIXES))}")
        for place, file in enumerate(deal.files)
    ]
    total = sum(file.size for file in deal.files)
    checks.append((total >= MAX_ATTACHED, "attachments", f"have {total} octets: less than {MAX_ATTACHED} are taken"))
    return tuple(Problem(field, reason) for wrong, field, reason in checks if wrong)


def suffix(file: File) -> str:
    """The end of a file's name, by which its type goes."""
    return file.name.rpartition(".")[2].lower()


def ignored(deal: Deal) -> tuple[Problem, ...]:
    """What Hubb's page says that it does not look at."""
    contact, company, owner, notify = deal.contact, deal.company, deal.owner, deal.notify
    checks: tuple[tuple[object, str, str], ...] = (
        (contact.id and contact.name, "contact.name", "is ignored beside contact.id"),
        (company.id and company.name, "company.name", "is ignored beside company.id"),
        (owner.email and owner.group, "owner.group", "is ignored beside owner.email"),
        (owner.same_as_contact and owner.email, "owner.email", "is ignored beside owner.same_as_contact"),
        (owner.same_as_contact and owner.group, "owner.group", "is ignored beside owner.same_as_contact"),
        (notify.subject and not notify.email, "notify.subject", "is ignored without notify.email"),
        (notify.text and not notify.email, "notify.text", "is ignored without notify.email"),
        (notify.contact_subject and not notify.contact, "notify.contact_subject", "is ignored without notify.contact"),
    )
    return tuple(Problem(field, reason) for wrong, field, reason in checks if wrong)


def differing(deal: Deal, said: SavedDeal) -> tuple[Problem, ...]:
    """What Hubb answers that is not what was asked for: it keeps what it has where a list lacks an entry."""
    asked: tuple[tuple[str, Any, Any], ...] = (
        ("id", deal.id, said.id),
        ("stage", deal.stage and deal.stage.name, said.stage),
        ("resolution", deal.resolution, said.resolution),
        ("amount.expected", _amount(deal.amount.expected), said.amount.expected),
        ("amount.actual", _amount(deal.amount.actual), said.amount.actual),
        ("closing.expected", deal.closing.expected, said.closing.expected),
        ("closing.actual", deal.closing.actual, said.closing.actual),
    )
    return tuple(
        Problem(field, f"was not taken: the CRM says {told if told is not None else 'nothing'}")
        for field, wanted, told in asked
        if wanted is not None and not _same(wanted, told)
    )


def _same(wanted: Any, told: Any) -> bool:
    if isinstance(wanted, str) and isinstance(told, str):
        return _plain(wanted) == _plain(told)
    return bool(wanted == told)


def _plain(text: str) -> str | Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text.strip().casefold()


def sign_up(wanted: SignUp, account: Mapping[str, str]) -> Request:
    """The call that signs an account up. Raises KeyError when the account has no key."""
    call = accounts.MasterAccount(
        key=account["key"],
        email=wanted.email,
        account_name=wanted.account_name,
        send_welcome_email=wanted.welcome,
        phone=wanted.phone,
        first_name=wanted.first_name,
        last_name=wanted.last_name,
        facebook=wanted.facebook,
        twitter=wanted.twitter,
        source=wanted.source,
        tags=wanted.tags,
        owner_email=wanted.owner.email,
        owner_group=wanted.owner.group,
        email_notify_owner=wanted.owner.notify,
    )
    if wanted.notify:
        call = replace(call, notify_to_email=wanted.notify.email, notify_email_subject=wanted.notify.subject)
    return accounts.encode_master_account(call)


def signed_up(response: Response) -> SignedUp | Refusal:
    """What Hubb answered to a sign-up. Raises `Unreadable`.

    No page prints the words for an e-mail that Hubb has already: they are read loosely (section 1.3).
    """
    answer = accounts.decode_master_account_answer(response)
    if isinstance(answer, Failure):
        return Refusal(answer.error_message, known="already" in answer.error_message.lower())
    return SignedUp()


CRM = Crm(
    refuses=refuses,
    deal=deal_request,
    saved=saved,
    ignored=ignored,
    differing=differing,
    sign_up=sign_up,
    signed_up=signed_up,
)
