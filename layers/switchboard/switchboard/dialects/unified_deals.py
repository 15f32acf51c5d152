"""Our own JSON for deals, accounts and uploads: what callers may send, in our own words, and what they get back."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import quote

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from switchboard.dialects.crm import MAX_REFERENCE
from switchboard.dialects.keeper import CRM
from switchboard.dialects.unified import FieldProblem, Time, problems
from switchboard.model.account import SignUp
from switchboard.model.contact import MatchBy
from switchboard.model.deal import Deal, File, Resolution
from switchboard.model.problem import Problem, Refused

MAX_FILE = 100_000_000 - 1  # octets of one upload: no CRM takes more
MAX_FILES = 20
MAX_QUOTED = 1800  # of a file's name, percent-encoded: S3 takes 2 kB of metadata
MAX_SAID = 200_000  # octets of a request as it is kept: an item of the table takes 400 kB
MAX_DEALS = 100  # of one batch
BY_ID = "id:"
"""How the reference begins of a deal that its caller names by the CRM's own id."""

# ----------------------------------------------------------------------------------------------- what callers say


class _Said(BaseModel):
    """What a caller says: a name we do not know is a mistake that would otherwise go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


def _no_line_break(text: str) -> str:
    if any(character < " " or character == "\x7f" for character in text):
        raise ValueError("must be one line without control characters")
    return text


def _addressable(reference: str) -> str:
    """A reference that stays what it is in a path, whoever normalises that."""
    if reference != reference.strip() or reference in {".", ".."}:
        raise ValueError("must neither begin nor end with a blank, nor be . or ..")
    return reference


def _own(reference: str) -> str:
    if reference.startswith(BY_ID):
        raise ValueError(f"must not begin with {BY_ID}, as those that the CRM's ids make")
    return reference


def _quotable(name: str) -> str:
    if len(quote(name, errors="replace")) > MAX_QUOTED:
        raise ValueError(f"must have at most {MAX_QUOTED} characters when percent-encoded")
    return name


def _decimal(amount: Any) -> Any:
    """A number that JSON writes without a fraction is as good as its text; a fraction may have lost its last digits."""
    return str(amount) if isinstance(amount, int) and not isinstance(amount, bool) else amount


def _day(text: str) -> str:
    """A date that exists, in its long form."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise ValueError("must be a date, as 2026-01-31")


def _email(text: str) -> str:
    from switchboard.model.address import parse_email  # slow to load, and few requests need it

    try:
        return parse_email(text)
    except Refused:
        raise ValueError("must be an e-mail address") from None


_Line = Annotated[str, StringConstraints(min_length=1, max_length=255), AfterValidator(_no_line_break)]
_Long = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
_Email = Annotated[str, StringConstraints(min_length=3, max_length=254), AfterValidator(_email)]
_Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_DealId = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$")]  # one way to write each, as it is told
_Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"format": "date"})]
_Money = Annotated[str, BeforeValidator(_decimal), StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,6})?$")]
_Handle = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_no_line_break)]
Reference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_REFERENCE, pattern=r"^[\w .~:@+=,;()'!*&$-]+$"),
    AfterValidator(_addressable),
]
"""A deal's name: letters, digits and what a path carries, no slash."""

OwnReference = Annotated[Reference, AfterValidator(_own)]
"""A caller's own name of a deal: any but those that the CRM's ids make."""


class AddressSaid(_Said):
    """Where the contact lives."""

    street: _Line | None = None
    city: _Line | None = None
    zipcode: _Line | None = None


class PersonSaid(_Said):
    """The contact to associate with: by its id, or looked up, or made."""

    id: _Id | None = Field(default=None, description="The CRM's; `email` and `phone` then change that contact.")
    name: _Line | None = None
    email: _Email | None = None
    phone: _Line | None = None
    source: _Line | None = Field(default=None, description="Made where the CRM has no such source.")
    social: Annotated[dict[_Line, _Handle], Field(max_length=20)] = {}
    address: AddressSaid | None = None
    match_by: dict[MatchBy, StrictBool] = Field(
        default={},
        description="By what to look an existing contact up, and by what not; by default by its e-mail alone.",
    )


class CompanySaid(_Said):
    """The company to associate with: by its id, or by its name, or made."""

    id: _Id | None = Field(default=None, description="The CRM's; `email` and `phone` then change that company.")
    name: _Line | None = None
    email: _Email | None = None
    phone: _Line | None = None


class AmountSaid(_Said):
    """What the deal is thought to bring and what it brought: decimals as text, `1234.50`."""

    expected: _Money | None = None
    actual: _Money | None = None


class ClosingSaid(_Said):
    """When the deal is thought to close and when it did."""

    expected: _Day | None = None
    actual: _Day | None = None


class ChoiceSaid(_Said):
    """An entry of one of the CRM's lists."""

    name: _Line
    create: StrictBool | None = Field(default=None, description="Have it made where the list lacks it; by default not.")


class ReasonSaid(_Said):
    """Why the deal was won or lost."""

    name: _Line | None = Field(default=None, description="An entry of the CRM's list.")
    create: StrictBool | None = Field(default=None, description="Have it made where the list lacks it; by default not.")
    won: _Long | None = Field(default=None, description="A comment.")
    lost: _Long | None = Field(default=None, description="A comment.")


class TagsSaid(_Said):
    """Tags to put on and to take off."""

    add: Annotated[tuple[_Line, ...], Field(max_length=100)] = ()
    remove: Annotated[tuple[_Line, ...], Field(max_length=100)] = ()


class OwnerSaid(_Said):
    """Whose deal it is."""

    email: _Email | None = Field(default=None, description="An active user; another is passed over by the CRM.")
    group: _Line | None = Field(default=None, description="A group, in round robin.")
    same_as_contact: StrictBool | None = None


class CollaboratorsSaid(_Said):
    """Users who may work on the deal too; whom the CRM does not know it passes over."""

    full_access: _Email | None = None
    only: _Email | None = None


class MailsSaid(_Said):
    """Who gets an e-mail; sent once, whatever becomes of the CRM's answer."""

    email: _Email | None = Field(default=None, description="Told when the deal is new.")
    subject: _Line | None = None
    text: _Long | None = Field(default=None, description="Added to that e-mail.")
    contact: StrictBool | None = None
    contact_subject: _Line | None = None
    owner: StrictBool | None = None


class NoteSaid(_Said):
    """A note; sent once, whatever becomes of the CRM's answer."""

    title: _Line | None = None
    text: _Long | None = None


class CustomFieldsSaid(_Said):
    """Values by the CRM's own names of its custom fields."""

    values: Annotated[
        dict[_Line, Annotated[str, StringConstraints(min_length=1, max_length=4096)]], Field(max_length=200)
    ]
    create: StrictBool | None = Field(default=None, description="Have fields made that the CRM lacks; by default not.")


class DealRequest(_Said):
    """What a deal shall hold; what is not said stays as the CRM has it."""

    id: _DealId | None = Field(
        default=None,
        description="The CRM's own id of a deal that you wrote here, or that was yours before. The CRM makes a new one "
        "of an id that it does not know.",
    )
    name: _Line | None = None
    contact: PersonSaid | None = None
    company: CompanySaid | None = None
    amount: AmountSaid | None = None
    closing: ClosingSaid | None = None
    stage: ChoiceSaid | None = None
    funnel: ChoiceSaid | None = None
    resolution: Resolution | None = None
    reason: ReasonSaid | None = None
    deal_type: _Line | None = Field(default=None, description="Made where the CRM has no such type.")
    score: ChoiceSaid | None = None
    tags: TagsSaid | None = None
    owner: OwnerSaid | None = None
    collaborators: CollaboratorsSaid | None = None
    notify: MailsSaid | None = None
    note: NoteSaid | None = None
    custom_fields: CustomFieldsSaid | None = None
    attachments: Annotated[tuple[_Id, ...], Field(max_length=MAX_FILES)] = Field(
        default=(), description="Ids of uploads; added once, whatever becomes of the CRM's answer."
    )


class NewDealRequest(DealRequest):
    """A deal, and the name that it is to be known by."""

    external_reference: OwnReference | None = Field(
        default=None,
        description="Your own name for the deal: the same name is the same deal. By default one is made of the "
        "Idempotency-Key, or at random, and answered.",
    )


class DealsRequest(_Said):
    """Deals to save, in order."""

    deals: Annotated[list[NewDealRequest], Field(min_length=1, max_length=MAX_DEALS)]


class NotifySaid(_Said):
    """Who is told by e-mail of a new contact."""

    email: _Email
    subject: _Line | None = None


class AccountOwnerSaid(_Said):
    """Whose contact it becomes."""

    email: _Email | None = Field(default=None, description="An active user; another is passed over by the CRM.")
    group: _Line | None = Field(default=None, description="A group, in round robin; passed over beside `email`.")
    notify: StrictBool | None = None


class AccountRequest(_Said):
    """A new user to sign up, with a company of his own."""

    email: _Email = Field(description="Must be new to the CRM.")
    account_name: _Line = Field(description="The company's.")
    phone: _Line | None = None
    first_name: _Line | None = None
    last_name: _Line | None = None
    facebook: _Handle | None = None
    twitter: _Handle | None = None
    source: _Line | None = None
    tags: Annotated[tuple[_Line, ...], Field(max_length=100)] = ()
    welcome: StrictBool | None = Field(
        default=None, description="Whether the user gets a welcome e-mail; by default yes."
    )
    owner: AccountOwnerSaid | None = None
    notify: NotifySaid | None = None


class UploadRequest(_Said):
    """A file that a deal is to hold."""

    name: Annotated[
        str,
        StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f/\\\"]+$"),
        AfterValidator(_quotable),
    ]
    content_type: Annotated[str, StringConstraints(max_length=100, pattern=r"^[A-Za-z0-9_.+-]+/[A-Za-z0-9_.+-]+$")]
    size: Annotated[int, Field(ge=1, le=MAX_FILE)] = Field(description="Octets, exactly.")


_DEAL, _SIGN_UP = TypeAdapter(Deal), TypeAdapter(SignUp)


def deal(request: DealRequest, reference: str | None, files: Sequence[File] = ()) -> Deal:
    """A validated request in our own words. Raises `Refused` for what the CRM cannot carry."""
    said = request.model_dump(exclude_none=True, exclude={"external_reference", "attachments"})
    wanted = _DEAL.validate_python({**said, "external_reference": reference, "files": tuple(files)})
    if found := CRM.refuses(wanted):
        raise Refused(*found)
    if len(canonical(request)) > MAX_SAID:
        raise Refused(Problem("body", f"is too large: {MAX_SAID} octets at most"))
    return wanted


def refusals(errors: Iterable[Mapping[str, Any]], body: Any, region: str | None) -> tuple[Problem, ...]:
    """Every problem of a deal that validation refused: those that it named, and those of what else the body says."""
    named = problems(errors)
    wrong = {problem.field.partition(".")[0] for problem in named}
    try:
        deal(NewDealRequest.model_validate({name: said for name, said in body.items() if name not in wrong}), None)
    except (ValidationError, AttributeError):  # of a batch, or of something that is no object
        return named
    except Refused as refused:
        return (*named, *refused.problems)
    return named


def sign_up(request: AccountRequest) -> SignUp:
    """A validated request in our own words."""
    return _SIGN_UP.validate_python(request.model_dump(exclude_none=True))


def canonical(request: _Said) -> str:
    """What was asked for, as one JSON text that is the same whichever order the names came in."""
    said = request.model_dump(exclude_unset=True, exclude_none=True, mode="json")
    return json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def fingerprint(text: str) -> str:
    """SHA-256 of a request as `canonical` writes it."""
    return hashlib.sha256(text.encode()).hexdigest()


# ----------------------------------------------------------------------------------------------- what we answer


class _Told(BaseModel):
    """What we answer, read off the attributes of our own words."""

    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


Standing = Literal["pending", "saved", "rejected", "failed", "unconfirmed"]


class Pair(_Told):
    """Expected and actual; null where the CRM says nothing."""

    expected: str | None
    actual: str | None


class SavedDealTold(_Told):
    """The deal as the CRM answered that it stands."""

    id: str | None
    amount: Pair
    closing: Pair
    stage: str | None
    resolution: Resolution | None


class DealTold(_Told):
    """What became of a write to a deal."""

    external_reference: str
    url: str
    number: int = Field(description="Which write to this deal it was, from 1.")
    standing: Standing = Field(
        description="pending: no answer yet. failed: the CRM was never reached. unconfirmed: its answers were "
        "lost, and nobody knows whether it holds the deal as it was asked for."
    )
    created: bool | None = Field(description="Whether this write made the deal, by our own record; null while unknown.")
    deal: SavedDealTold | None = Field(description="The CRM's answer.")
    words: str | None = Field(description="What the CRM said to a no, or what went wrong.")
    warnings: list[FieldProblem] = Field(description="What of the request the CRM dropped, as far as can be known.")
    unconfirmed: list[str] = Field(
        description="Parts that were sent once and whose answer was lost: they may be missing."
    )
    at: Time


class Write(DealTold):
    """A write to a deal, with what was asked for."""

    request: dict[str, Any]


class DealLife(_Told):
    """A deal as this API wrote it."""

    external_reference: str
    id: str | None = Field(description="The CRM's own id, once it answered one.")
    standing: Standing = Field(description="Of the last write.")
    deal: SavedDealTold | None = Field(description="The CRM's last answer.")
    writes: int = Field(description="How many writes there were.")
    history: list[Write] = Field(description="The newest first, 20 at most.")
    cursor: str | None = Field(description="Asks for what came before; null at the beginning.")


class DealLine(_Told):
    """A deal in a list."""

    external_reference: str
    url: str
    id: str | None
    deal: SavedDealTold | None
    at: Time = Field(description="When it was last written.")


class DealPage(_Told):
    """Deals, the last written first."""

    items: list[DealLine]
    cursor: str | None = Field(description="Asks for what follows; null on the last page.")


class DealResult(DealTold):
    """One line of a batch."""

    status: int = Field(description="What the deal alone would have been answered with.")


class DealResults(_Told):
    """One result for each deal of a batch, in its order."""

    results: list[DealResult]


class AccountTold(_Told):
    """What became of a sign-up."""

    id: str
    url: str
    email: str
    standing: Standing
    words: str | None
    warnings: list[FieldProblem]
    at: Time


class UploadTold(_Told):
    """Where to send the file: a POST of a form (multipart) with `fields`, and the file last, as `file`."""

    id: str
    url: str
    fields: dict[str, str]
    expires_at: Time


EXAMPLES: Mapping[str, Any] = {
    "deal": {
        "summary": "A deal with its contact",
        "value": {
            "name": "Selling Product",
            "contact": {"name": "Mike Douglas", "email": "mike@example.com", "match_by": {"phone": True}},
            "amount": {"expected": "523.00"},
            "closing": {"expected": "2026-09-30"},
            "stage": {"name": "Offer", "create": True},
        },
    },
}
