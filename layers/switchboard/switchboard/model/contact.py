"""A CRM contact in our own words, as messages carry it and deals will."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

CONTACT = "contact:"
"""How the address of a contact begins whose number only its CRM knows; the contact's id there follows."""


class MatchBy(StrEnum):
    """What an existing contact is looked up by."""

    EMAIL = "email"
    PHONE = "phone"
    NAME = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """Tags to put on a record and to take off it."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose contact it is: a user by e-mail, or a group in round robin; `notify` mails the owner."""

    email: str | None = None
    group: str | None = None
    notify: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Who is told by e-mail of a new record."""

    email: str
    subject: str | None = None


SOCIAL_NETWORKS = ("facebook", "twitter", "skype", "linkedin", "pinterest", "google_plus", "instagram")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact's fields. None means "not said": the vendor's own default then holds.

    `social` maps one of `SOCIAL_NETWORKS` to a handle or URL; `match_by` says by what to look an existing contact up,
    and by what not to.
    """

    id: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    company: str | None = None
    source: str | None = None
    social: Mapping[str, str] = field(default_factory=dict)
    tags: Tags = Tags()
    match_by: Mapping[MatchBy, bool] = field(default_factory=dict)
    create: bool | None = None
    owner: Owner | None = None
    notify: Notify | None = None
