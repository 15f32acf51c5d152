"""A deal in our own words: what a caller wants a CRM to hold, and what the CRM says that it holds."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any

from switchboard.model.contact import MatchBy, Tags


class Resolution(StrEnum):
    """How a deal stands."""

    OPEN = "open"
    CLOSED = "closed"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An entry of one of the CRM's own lists; `create` has it made where the list lacks it."""

    name: str
    create: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What a deal is thought to bring and what it brought: decimals, as `1234.50`."""

    expected: str | None = None
    actual: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When a deal is thought to close and when it did."""

    expected: date | None = None
    actual: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where somebody lives."""

    street: str | None = None
    city: str | None = None
    zipcode: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The contact of a deal: by its id, or looked up, or made.

    `match_by` says by what to look an existing contact up, and by what not; unsaid, it is by its e-mail alone. `social`
    maps one of `SOCIAL_NETWORKS` to a handle or URL.
    """

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    source: str | None = None
    social: Mapping[str, str] = field(default_factory=dict)
    address: Address = Address()
    match_by: Mapping[MatchBy, bool] = field(default_factory=dict)

    @property
    def found_again(self) -> bool:
        """Whether the same call, made once more, certainly finds the contact that it made."""
        known = {MatchBy.EMAIL: self.email, MatchBy.PHONE: self.phone, MatchBy.NAME: self.name}
        asked = {MatchBy.EMAIL: True, **self.match_by}
        nobody = not any(known.values())
        return bool(self.id) or nobody or any(known[by] for by, flag in asked.items() if flag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """The company of a deal: by its id, or by its name."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a deal was won or lost: an entry of the CRM's list, and a comment for either case."""

    name: str | None = None
    create: bool | None = None
    won: str | None = None
    lost: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealOwner:
    """Whose deal it is: a user's, a group's in round robin, or its contact's owner's."""

    email: str | None = None
    group: str | None = None
    same_as_contact: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Collaborators:
    """Users who may work on a deal: with full access, or as collaborators only."""

    full_access: str | None = None
    only: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mails:
    """Who gets an e-mail: an address that is told of new deals, the contact, the owner."""

    email: str | None = None
    subject: str | None = None
    text: str | None = None
    contact: bool | None = None
    contact_subject: str | None = None
    owner: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note beside a deal."""

    title: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomFields:
    """Values by the CRM's own names of its custom fields; `create` has fields made that it lacks."""

    values: Mapping[str, str] = field(default_factory=dict)
    create: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that was uploaded, and what is kept of it: where, and which content (`etag`)."""

    id: str
    name: str
    content_type: str
    size: int
    etag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deal:
    """What a deal shall hold. None means "not said": what the CRM holds stays, or its own default does.

    `id` is the CRM's own; `external_reference` is what the caller and the gateway know the deal by. With an id the
    reference is not looked at.
    """

    id: str | None = None
    external_reference: str | None = None
    name: str | None = None
    contact: Person = Person()
    company: Company = Company()
    amount: Amount = Amount()
    closing: Closing = Closing()
    stage: Choice | None = None
    funnel: Choice | None = None
    resolution: Resolution | None = None
    reason: Reason = Reason()
    deal_type: str | None = None
    score: Choice | None = None
    tags: Tags = field(default_factory=Tags)
    owner: DealOwner = DealOwner()
    collaborators: Collaborators = Collaborators()
    notify: Mails = Mails()
    note: Note | None = None
    custom_fields: CustomFields = CustomFields()
    files: tuple[File, ...] = ()

    @property
    def once(self) -> frozenset[str]:
        """The parts that another call with the same words would do a second time: they are sent once."""
        parts = {part for part, (_, empty) in _ONCE.items() if getattr(self, _ONCE[part][0]) != empty}
        return frozenset(parts if not self.contact.found_again else parts - {"contact"})

    def without(self, parts: Collection[str]) -> "Deal":
        """The deal less some of its `once` parts."""
        changes: dict[str, Any] = {_ONCE[part][0]: _ONCE[part][1] for part in parts}
        return replace(self, **changes)


_ONCE: Mapping[str, tuple[str, object]] = {
    "note": ("note", None),
    "attachments": ("files", ()),
    "notify": ("notify", Mails()),
    "contact": ("contact", Person()),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedDeal:
    """A deal as the CRM says that it stands; None where it says nothing, or nothing that can be read.

    `reference` is the one that the CRM has.
    """

    id: str | None = None
    reference: str | None = None
    amount: Amount = Amount()
    closing: Closing = Closing()
    stage: str | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The CRM's readable no, in its words; `known` says that what should be made exists already."""

    words: str
    known: bool = False
