"""An account in our own words: a new user whom a reseller signs up, with a company and as a contact."""

from dataclasses import dataclass, field

from switchboard.model.contact import Notify, Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """Whom to sign up. None means "not said": the CRM's own default then holds."""

    email: str
    account_name: str
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    facebook: str | None = None
    twitter: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    welcome: bool | None = None
    owner: Owner = field(default_factory=Owner)
    notify: Notify | None = None


@dataclass(frozen=True, slots=True)
class SignedUp:
    """The CRM's yes: it says no more than that."""
