"""`master_account`: a reseller signs up a new user, who gets an account of his own and becomes a contact."""

from dataclasses import dataclass

from switchboard.dialects.forms import parameters
from switchboard.dialects.hubb.fields import (
    API,
    LIST,
    YES_IS_1,
    Failure,
    Parameter,
    decode_answer,
    encode_answer,
    read,
    write,
)
from switchboard.dialects.wire import Request, Response, form

MASTER_ACCOUNT = API + "master_account"
ALREADY_REGISTERED = "This email is already registered"  # the page prints no error text of its own (section 1.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterAccount:
    """The 16 parameters of master_account. None and () mean "not sent": the vendor's default holds."""

    key: str
    email: str  # must be new to the vendor
    account_name: str
    send_welcome_email: bool | None = None  # yes
    phone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    facebook: str | None = None
    twitter: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    notify_to_email: str | None = None
    notify_email_subject: str | None = None
    owner_email: str | None = None  # over owner_group
    owner_group: str | None = None
    email_notify_owner: bool | None = None  # no


ACCOUNT_PARAMETERS = (
    Parameter("key", required=True),
    Parameter("email", required=True),
    Parameter("account_name", required=True),
    Parameter("send_welcome_email", kind=YES_IS_1),
    Parameter("phone"),
    Parameter("firstname", "first_name"),
    Parameter("lastname", "last_name"),
    Parameter("facebook"),
    Parameter("twitter"),
    Parameter("source"),
    Parameter("tags", kind=LIST),
    Parameter("notifyToEmail", "notify_to_email"),
    Parameter("notifyEmailSubject", "notify_email_subject"),
    Parameter("contactowner_email", "owner_email"),
    Parameter("contactowner_group", "owner_group"),
    Parameter("email_notify_owner", kind=YES_IS_1),
)


def encode_master_account(call: MasterAccount) -> Request:
    """As the client: always a form in a POST, so that the key stays out of URLs."""
    return form("POST", MASTER_ACCOUNT, write(call, ACCOUNT_PARAMETERS))


def decode_master_account(request: Request) -> MasterAccount:
    """As the vendor: GET or POST; query, form or multipart. Raises `TurnedDown`, and `Unreadable` for broken bytes."""
    return MasterAccount(**read(parameters(request), ACCOUNT_PARAMETERS))


@dataclass(frozen=True, slots=True)
class AccountMade:
    """The vendor's yes to master_account: it says no more than that."""


def encode_master_account_answer(answer: AccountMade | Failure) -> Response:
    """The vendor's answer to master_account."""
    return encode_answer(answer, ())


def decode_master_account_answer(response: Response) -> AccountMade | Failure:
    """What the vendor said to master_account. Raises `Unreadable`."""
    return decode_answer(response, AccountMade, ())
