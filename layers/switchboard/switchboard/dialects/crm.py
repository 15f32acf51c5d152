"""What the gateway needs of a vendor's dialect to keep deals and to sign up accounts: a table of functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from switchboard.dialects.wire import Request, Response
from switchboard.model.account import SignedUp, SignUp
from switchboard.model.deal import Deal, File, Refusal, SavedDeal
from switchboard.model.problem import Problem

MAX_REFERENCE = 128


@dataclass(frozen=True, slots=True)
class Sending:
    """A request whose body is too large to hold: its pieces in order, and in their places the files that go there.

    `request` has everything but the body, its length included.
    """

    request: Request
    pieces: tuple[bytes | File, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Crm:
    """The CRM corner of a dialect.

    refuses    what of a deal this vendor cannot carry, or would drop without a word where that can be known before
    deal       the call that saves a deal; its `external_reference` is the wire's, the last argument a boundary that no
               file holds. `KeyError` when the account lacks a credential
    saved      what the vendor answered; `Unreadable` when it is not this dialect
    ignored    what of a deal this vendor would not look at, beside what else it says
    differing  what of a deal does not stand as it was asked for, by the vendor's own answer
    sign_up, signed_up  the same for an account
    """

    refuses: Callable[[Deal], tuple[Problem, ...]]
    deal: Callable[[Deal, Mapping[str, str], str], Sending]
    saved: Callable[[Response], SavedDeal | Refusal]
    ignored: Callable[[Deal], tuple[Problem, ...]]
    differing: Callable[[Deal, SavedDeal], tuple[Problem, ...]]
    sign_up: Callable[[SignUp, Mapping[str, str]], Request]
    signed_up: Callable[[Response], SignedUp | Refusal]
