"""What the Hubb simulator's company knows: its records, the settings that seed them, and how one is found."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

from switchboard.dialects.hubb.sms import phone


@dataclass(slots=True, kw_only=True)
class Contact:
    """A person; `owner_id` and `company_id` are ids of a user and of a company."""

    id: str
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    company_id: str | None = None
    source: str | None = None
    owner_id: str | None = None
    social: dict[str, str] = field(default_factory=dict)
    address: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str | None:
        """First and last name, as the vendor's answer has them."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or None


@dataclass(slots=True, kw_only=True)
class Company:
    """A customer's company."""

    id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None


@dataclass(slots=True, kw_only=True)
class Deal:
    """A deal; the dates are YYYY-mm-dd, the amounts as they were written, the collaborators ids of users."""

    id: str
    external_reference_id: str | None = None
    name: str | None = None
    contact_id: str | None = None
    company_id: str | None = None
    type: str | None = None
    stage: str | None = None
    funnel: str | None = None
    score: str | None = None
    resolution: str = "open"
    reason_name: str | None = None
    won_reasons: str | None = None
    lost_reason: str | None = None
    expected_closing_date: str | None = None
    actual_closing_date: str | None = None
    expected_closing_amount: str | None = None
    actual_closing_amount: str | None = None
    owner_id: str | None = None
    collaborators: list[str] = field(default_factory=list)  # with full access
    collaborators_only: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    custom_fields: dict[str, str] = field(default_factory=dict)
    notes: list[dict[str, str | None]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)  # name, type, size in bytes, sha256


@dataclass(slots=True, kw_only=True)
class User:
    """Someone of the company, who can own records while active."""

    id: str
    email: str
    name: str | None = None
    active: bool = True


@dataclass(slots=True, kw_only=True)
class CustomField:
    """A field by its API name. A unique one identifies a contact and is kept there, the others are kept at the deal."""

    name: str
    unique: bool = False
    type: str = "text"


@dataclass(slots=True, kw_only=True)
class Mail:
    """An e-mail that the vendor has sent; `why` is notify, owner, contact or welcome."""

    to: str
    subject: str
    text: str
    why: str


@dataclass(slots=True, kw_only=True)
class Account:
    """A company account that was signed up: its administrator, and the contact that he became here."""

    id: str
    name: str
    admin_id: str
    admin_email: str
    admin_name: str | None
    contact_id: str
    referred_by: str


SEED: Mapping[str, Any] = {
    "company_name": "Acme Home Services",
    "users": [
        {"id": "301", "email": "ana@acme.example", "name": "Ana Silva"},
        {"id": "302", "email": "bob@acme.example", "name": "Bob Stone"},
        {"id": "303", "email": "eve@acme.example", "name": "Eve Moor", "active": False},
    ],
    "groups": {"Sales": ["ana@acme.example", "eve@acme.example", "bob@acme.example"], "Nobody": ["eve@acme.example"]},
    "companies": [
        {"id": "952622", "name": "Hubb UCS Company", "email": "office@customer.example", "phone": "+13055550111"}
    ],
    "contacts": [
        {
            **{"id": "876566", "first_name": "Mike", "last_name": "Douglas", "email": "mike@customer.example"},
            **{"phone": "+13055550101", "company_id": "952622", "source": "Website", "owner_id": "302"},
            **{"tags": ["customer"], "custom_fields": {"customer_number": "C-1"}},
        },
        {"id": "876567", "first_name": "Lena", "last_name": "Fox", "phone": "+13055550102"},
    ],
    "deals": [
        {
            **{"id": "5452", "external_reference_id": "Deal656588", "name": "Selling Product", "owner_id": "301"},
            **{"contact_id": "876566", "company_id": "952622", "type": "New business", "tags": ["spring"]},
            **{"stage": "Proposal", "funnel": "Sales", "score": "Warm", "expected_closing_amount": "523"},
        }
    ],
    "custom_fields": [{"name": "customer_number", "unique": True}, {"name": "region"}],
    "stages": ["New", "Proposal", "Closing"],
    "funnels": ["Sales", "Renewals"],
    "reasons": ["Other", "Price"],
    "scores": ["Cold", "Warm", "Hot"],
    "deal_types": ["New business"],
    "sources": ["Website"],
    "defaults": {"stage": "New", "funnel": "Sales", "reason": "Other", "score": "Cold"},
}

_RECORDS: Mapping[str, Callable[..., Any]] = {
    "users": User,
    "companies": Company,
    "contacts": Contact,
    "deals": Deal,
    "custom_fields": CustomField,
}


class _Record(Protocol):
    id: str


R = TypeVar("R", bound=_Record)


class Records:
    """All that is known; `load` puts parts of it in place."""

    def __init__(self, seed: Mapping[str, Any] = SEED) -> None:
        self.company_name = ""
        self.users: list[User] = []
        self.groups: dict[str, list[str]] = {}  # the users' e-mails
        self.companies: list[Company] = []
        self.contacts: list[Contact] = []
        self.deals: list[Deal] = []
        self.custom_fields: list[CustomField] = []
        self.stages: list[str] = []
        self.funnels: list[str] = []
        self.reasons: list[str] = []
        self.scores: list[str] = []
        self.deal_types: list[str] = []
        self.sources: list[str] = []
        self.defaults: dict[str, str] = {}
        self.turns: dict[str, int] = {}  # how many records each group has been given
        self.mails: list[Mail] = []
        self.accounts: list[Account] = []
        self.load(seed)

    def load(self, seed: Mapping[str, Any]) -> None:
        """Puts the named parts in place of what is there. Raises ValueError or TypeError before anything is changed."""
        if unknown := set(seed) - set(SEED):
            raise ValueError(f"the CRM has no {', '.join(sorted(unknown))}")
        parts = {name: _read(name, value) for name, value in seed.items()}
        for name, part in parts.items():
            setattr(self, name, part)

    def state(self) -> dict[str, Any]:
        """Everything, in JSON's types."""
        return {name: _plain(part) for name, part in vars(self).items()}

    def user(self, email: str | None) -> User | None:
        """The active user of that e-mail."""
        return next((user for user in self.users if user.active and email and same(user.email, email)), None)

    def next_of(self, group: str) -> User | None:
        """The active user of a group whose turn it is (round robin); None for a group without one."""
        members = [user for user in map(self.user, self.groups.get(group, ())) if user]
        if not members:
            return None
        turn = self.turns.get(group, 0)
        self.turns[group] = turn + 1
        return members[turn % len(members)]

    def custom_field(self, name: str) -> CustomField | None:
        """The custom field of that API name."""
        return next((known for known in self.custom_fields if known.name == name), None)


def _read(name: str, value: Any) -> Any:
    if name in _RECORDS:
        return [_RECORDS[name](**_copy(record)) for record in value]
    wanted = type(SEED[name])
    if not isinstance(value, wanted):
        raise ValueError(f"{name} is a {wanted.__name__}")
    return _copy(value)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list) else value


def _plain(part: Any) -> Any:
    if isinstance(part, list):
        return [entry if isinstance(entry, str) else asdict(entry) for entry in part]
    return _copy(part)


def by_id(records: Iterable[R], wanted: str | None) -> R | None:
    """The record of that id."""
    return next((record for record in records if record.id == wanted), None)


def by_value(records: Iterable[R], attribute: str, value: str | None) -> R | None:
    """The first record with that value, as `same` compares; None for no value."""
    return next((record for record in records if value and same(getattr(record, attribute) or "", value)), None)


def same(one: str, other: str) -> bool:
    """Whether two e-mails, names or phone numbers mean the same: case, and how a number is written, do not matter."""
    return _essence(one) == _essence(other)


def _essence(text: str) -> str:
    try:
        return phone(text)
    except ValueError:
        return text.strip().casefold()


def new_id(records: Sequence[_Record], first: int = 1) -> str:
    """An id that no record has, always the next one up."""
    return str(max((int(record.id) + 1 for record in records if record.id.isdecimal()), default=first))
