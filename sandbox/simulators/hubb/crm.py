"""The rules of Hubb's three pages: what each call finds, makes, changes and passes over in the records.

Where the pages are silent: a company is matched by name, then e-mail, then phone, and no flag is about it; what a deal
says of a contact without naming one is said of the deal's own; an unknown `contact_id` or `company_id` names none.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeVar

from sandbox.simulators.hubb.records import (
    Account,
    Company,
    Contact,
    CustomField,
    Deal,
    Mail,
    Records,
    User,
    by_id,
    by_value,
    new_id,
    same,
)
from switchboard.dialects.hubb.accounts import MasterAccount
from switchboard.dialects.hubb.deals import AddDeal, Attachment
from switchboard.dialects.hubb.sms import SendSms
from switchboard.model.contact import SOCIAL_NETWORKS

MAX_ATTACHED = 10**8  # bytes of a call's attachments: with so many, none is saved
FILE_TYPES = frozenset(
    {"bmp", "csv", "doc", "docx", "gif", "jpeg", "jpg", "pdf", "ppt", "pptx", "txt", "xls", "xlsx", "zip"}
)
NEW_CONTACT, NEW_DEAL = "New Contact Added", "New Deal Added"  # subjects where the call names none
_ADDRESS = ("street", "city", "zipcode")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a call of any page says of a contact, in one form. None, () and {}: nothing."""

    names: tuple[str | None, str | None] = (None, None)  # first and last
    email: str | None = None
    phone: str | None = None
    source: str | None = None
    social: Mapping[str, str] = field(default_factory=dict)
    address: Mapping[str, str] = field(default_factory=dict)
    custom_fields: Mapping[str, str] = field(default_factory=dict)  # unique ones alone
    tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()

    @property
    def name(self) -> str | None:
        """As `Contact.name`."""
        return " ".join(part for part in self.names if part) or None

    @property
    def names_someone(self) -> bool:
        """Whether it is enough to make a contact of."""
        return bool(self.name or self.email or self.phone)


class Crm(Records):
    """The records, and the rules of the calls."""

    # --- send_sms -----------------------------------------------------------------------------------------------------

    def texted(self, call: SendSms, number: str) -> Contact | None:
        """The contact that a text to this number is about, made or changed; None when the call makes none."""
        about = About(
            names=_names(call.full_name) if call.full_name else (call.first_name, call.last_name),
            email=call.email,
            source=call.source,
            social=_said(call, SOCIAL_NETWORKS),
            tags=call.tags,
            remove_tags=call.remove_tags,
        )
        by = {
            "phone": call.match_with_phone is not False,  # the page: the contact that has the number is changed
            "email": call.match_with_email is not False,
            "name": call.check_name is True,
        }
        found = by_id(self.contacts, call.contact_id) or self._match(about, by, number)
        if found is None and call.create_new_contact is False:
            return None
        contact = found or self._new_contact(number)
        self._change(contact, about, new=found is None)
        if call.new_company_name and contact.company_id is None:
            contact.company_id = self._company_named(call.new_company_name).id
        self._own(contact, call)
        if found is None:
            self._tell_of_contact(contact, call)
        return contact

    # --- crm_add_deal -------------------------------------------------------------------------------------------------

    def save(self, call: AddDeal) -> Deal:
        """The deal that the call made or changed."""
        found = self._deal(call)
        deal = found or self._new_deal(call)
        contact = self._deals_contact(call, deal)
        company = self._deals_company(call)
        deal.contact_id = contact.id if contact else deal.contact_id
        deal.company_id = company.id if company else deal.company_id
        for attribute in _PLAIN:
            setattr(deal, attribute, _text(getattr(call, attribute)) or getattr(deal, attribute))
        self._catalogue(call, deal)
        deal.tags = _tagged(deal.tags, call.tags, call.remove_tags if found else ())
        self._keep_custom_fields(call, deal)
        self._own_deal(call, deal, contact)
        self._collaborate(call, deal)
        if call.note or call.note_title:
            deal.notes.append({"title": call.note_title, "text": call.note})
        deal.attachments += _attached(call.attachments)
        self._tell_of_deal(call, deal, contact, new=found is None)
        return deal

    def _deal(self, call: AddDeal) -> Deal | None:
        """By `deal_id`, else by the reference: the page ignores the reference beside a `deal_id`, known or not."""
        if call.deal_id:
            return by_id(self.deals, call.deal_id)
        reference = call.external_reference_id
        return next((deal for deal in self.deals if reference and deal.external_reference_id == reference), None)

    def _new_deal(self, call: AddDeal) -> Deal:
        deal = Deal(
            id=new_id(self.deals),
            external_reference_id=None if call.deal_id else call.external_reference_id,
            stage=self.defaults.get("stage"),
            funnel=self.defaults.get("funnel"),
            score=self.defaults.get("score"),
        )
        self.deals.append(deal)
        return deal

    def _deals_contact(self, call: AddDeal, deal: Deal) -> Contact | None:
        about = About(
            names=_names("" if call.contact_id else call.contact_name),  # beside contact_id the name is ignored
            email=call.contact_email,
            phone=call.contact_phone,
            source=call.contact_source,
            social=_said(call, SOCIAL_NETWORKS, "contact_"),
            address=_said(call, _ADDRESS, "contact_address_"),
            custom_fields={name: value for name, value in call.custom_fields.items() if self._identifies(name)},
        )
        by = {
            "email": call.match_with_email is not False,
            "phone": call.match_with_phone is True,
            "name": call.check_name is True,
        }
        new = False
        if call.contact_id:
            contact = by_id(self.contacts, call.contact_id)
        else:
            contact = self._match(about, by, about.phone)
            new = contact is None and about.names_someone
            contact = self._new_contact(None) if new else contact or by_id(self.contacts, deal.contact_id)
        if contact is not None:
            self._change(contact, about, new=new)
        return contact

    def _deals_company(self, call: AddDeal) -> Company | None:
        said = {"email": call.company_email, "phone": call.company_phone}
        if call.company_id:  # beside it the name is ignored
            company = by_id(self.companies, call.company_id)
        else:
            said = {"name": call.company_name, **said}
            company = _first(by_value(self.companies, attribute, value) for attribute, value in said.items())
            if company is None and any(said.values()):
                company = self._new_company()
        if company is not None:
            _update(company, said)
        return company

    def _catalogue(self, call: AddDeal, deal: Deal) -> None:
        """Stage, funnel, reason and score are made only if that is asked for; a deal type always."""
        choices = (
            ("stage", self.stages, "stage", call.stage, call.create_new_stage),
            ("funnel", self.funnels, "funnel", call.funnel, call.create_new_funnel),
            ("reason_name", self.reasons, "reason", call.reason_name, call.create_new_reason_name),
            ("score", self.scores, "score", call.deal_score, call.create_new_deal_score),
            ("type", self.deal_types, "type", call.deal_type, True),
        )
        for attribute, known, default, said, make in choices:
            if said is not None:
                kept = getattr(deal, attribute) or self.defaults.get(default)
                setattr(deal, attribute, _chosen(known, said, make is True) or kept)

    def _identifies(self, name: str) -> bool:
        known = self.custom_field(name)
        return known is not None and known.unique

    def _keep_custom_fields(self, call: AddDeal, deal: Deal) -> None:
        """Unknown ones are ignored, or become text fields; the unique ones are the contact's."""
        for name, value in call.custom_fields.items():
            if self.custom_field(name) is None and call.auto_create_custom_fields:
                self.custom_fields.append(CustomField(name=name))
            known = self.custom_field(name)
            if known is not None and not known.unique:
                deal.custom_fields[name] = value

    def _own_deal(self, call: AddDeal, deal: Deal, contact: Contact | None) -> None:
        if call.use_contact_owner:  # owner_email and owner_group are ignored then
            owner = by_id(self.users, contact.owner_id) if contact else None
        else:
            owner = self._owner(call)
        self._give(deal, owner, call, f"Deal {deal.id}: {deal.name or ''}")

    def _collaborate(self, call: AddDeal, deal: Deal) -> None:
        for listed, email in (
            (deal.collaborators, call.collaborator_email),
            (deal.collaborators_only, call.collaborator_only_email),
        ):
            user = self.user(email)
            if user is not None and user.id not in listed:
                listed.append(user.id)

    def _tell_of_deal(self, call: AddDeal, deal: Deal, contact: Contact | None, *, new: bool) -> None:
        text = f"{deal.name or ''} (deal {deal.id})"
        if call.send_email_to_contact and contact is not None:
            usual = f"New Deal Creation Notification from {self.company_name}"
            self._mail(contact.email, call.send_email_to_contact_subject or usual, text, "contact")
        if new:
            extra = f"{text}\n{call.notify_email_extra_text}" if call.notify_email_extra_text else text
            self._mail(call.notify_to_email, call.notify_email_subject or NEW_DEAL, extra, "notify")

    # --- master_account -----------------------------------------------------------------------------------------------

    def sign_up(self, call: MasterAccount) -> Account | None:
        """The account that was made, its administrator a contact here; None when the e-mail is registered already."""
        registered = [*(user.email for user in self.users), *(account.admin_email for account in self.accounts)]
        if any(same(email, call.email) for email in registered):
            return None
        about = About(
            names=(call.first_name, call.last_name),
            email=call.email,
            phone=call.phone,
            source=call.source,
            social=_said(call, ("facebook", "twitter")),
            tags=call.tags,
        )
        found = self._match(about, {"email": True, "phone": True}, call.phone)
        contact = found or self._new_contact(None)
        self._change(contact, about, new=found is None)
        self._own(contact, call)
        if found is None:
            self._tell_of_contact(contact, call)
        account = Account(
            id=(number := new_id(self.accounts, first=7001)),
            name=call.account_name,
            admin_id=f"{number}1",
            admin_email=call.email,
            admin_name=about.name,
            contact_id=contact.id,
            referred_by=self.company_name,
        )
        self.accounts.append(account)
        if call.send_welcome_email is not False:
            self._mail(call.email, f"Welcome to {call.account_name}", "Your account is ready.", "welcome")
        return account

    # --- what the pages have in common --------------------------------------------------------------------------------

    def _match(self, about: About, by: Mapping[str, bool], number: str | None) -> Contact | None:
        """The contact by the first of these that finds one, in this order, then by a unique custom field."""
        said = {"phone": number, "email": about.email, "name": about.name}
        plain = (by_value(self.contacts, attribute, said[attribute]) for attribute, asked in by.items() if asked)
        unique = (
            contact
            for name, value in about.custom_fields.items()
            for contact in self.contacts
            if contact.custom_fields.get(name) == value
        )
        return _first(plain) or _first(unique)

    def _new_contact(self, number: str | None) -> Contact:
        contact = Contact(id=new_id(self.contacts), phone=number)
        self.contacts.append(contact)
        return contact

    def _new_company(self) -> Company:
        company = Company(id=new_id(self.companies))
        self.companies.append(company)
        return company

    def _company_named(self, name: str) -> Company:
        company = by_value(self.companies, "name", name) or self._new_company()
        company.name = company.name or name
        return company

    def _change(self, contact: Contact, about: About, *, new: bool) -> None:
        """Takes over what is said; a source is always made, and tags are taken only off a contact that was there."""
        first, last = about.names
        _update(contact, {"first_name": first, "last_name": last, "email": about.email, "phone": about.phone})
        if about.source is not None:
            contact.source = _chosen(self.sources, about.source, True)
        contact.social |= about.social
        contact.address |= about.address
        contact.custom_fields |= about.custom_fields
        contact.tags = _tagged(contact.tags, about.tags, () if new else about.remove_tags)

    def _owner(self, call: SendSms | AddDeal | MasterAccount) -> User | None:
        """An e-mail is over the group, even one that is of no active user and so neglected."""
        if call.owner_email:
            return self.user(call.owner_email)
        return self.next_of(call.owner_group) if call.owner_group else None

    def _own(self, contact: Contact, call: SendSms | MasterAccount) -> None:
        self._give(contact, self._owner(call), call, f"Contact {contact.id}: {contact.name or ''}")

    def _give(
        self, record: Contact | Deal, owner: User | None, call: SendSms | AddDeal | MasterAccount, text: str
    ) -> None:
        if owner is None:
            return
        record.owner_id = owner.id
        if call.email_notify_owner:
            self._mail(owner.email, "You are the owner", text, "owner")

    def _tell_of_contact(self, contact: Contact, call: SendSms | MasterAccount) -> None:
        text = f"{contact.name or ''} (contact {contact.id})"
        self._mail(call.notify_to_email, call.notify_email_subject or NEW_CONTACT, text, "notify")

    def _mail(self, to: str | None, subject: str, text: str, why: str) -> None:
        if to:
            self.mails.append(Mail(to=to, subject=subject, text=text, why=why))


# What a deal takes as it is said; what is not said stays.
_PLAIN = (
    *("name", "resolution", "won_reasons", "lost_reason", "expected_closing_date", "actual_closing_date"),
    *("expected_closing_amount", "actual_closing_amount"),
)


def _names(full: str | None) -> tuple[str | None, str | None]:
    """A full name's parts; a last name that it lacks is a blank one."""
    if not full:
        return None, None
    first, _, last = full.strip().partition(" ")
    return first, last.strip()


def _said(call: object, names: Iterable[str], prefix: str = "") -> dict[str, str]:
    return {name: value for name in names if (value := getattr(call, prefix + name))}


def _update(record: Contact | Company, said: Mapping[str, str | None]) -> None:
    for attribute, value in said.items():
        if value is not None:
            setattr(record, attribute, value or None)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _chosen(known: list[str], said: str, make: bool) -> str | None:
    """The entry of a list; None for one that is not there and is not to be made."""
    if said not in known:
        if not make:
            return None
        known.append(said)
    return said


def _tagged(tags: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> list[str]:
    return [tag for tag in dict.fromkeys((*tags, *add)) if tag not in remove]


def _attached(files: Sequence[Attachment]) -> list[dict[str, Any]]:
    """What is kept of the files: none of a wrong type, and nothing where the rest is too much together."""
    right = [file for file in files if PurePath(file.filename).suffix[1:].lower() in FILE_TYPES]
    if sum(len(file.data) for file in right) >= MAX_ATTACHED:
        return []
    return [
        {
            "name": file.filename,
            "type": file.content_type,
            "size": len(file.data),
            "sha256": hashlib.sha256(file.data).hexdigest(),
        }
        for file in right
    ]


def _first(found: Iterable[T | None]) -> T | None:
    return next((record for record in found if record is not None), None)
