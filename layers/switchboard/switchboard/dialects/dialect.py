"""What the gateway needs of a vendor's dialect to send by it and to be called back by it: a table of functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from switchboard.dialects.wire import Request, Response
from switchboard.model.message import Channel, Content, Outbound
from switchboard.model.outcome import Outcome
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound, Receipt

Account = Mapping[str, str]
"""A provider's credentials and settings, as the provider secret holds them (`token`: the stored session's)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How a provider that wants a login is logged in to: the request, and the token its answer holds.

    `token` raises `Unreadable` for an answer without one and returns None for a readable refusal.
    """

    login: Callable[[Account], Request]
    token: Callable[[Response], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One vendor, in both directions.

    receipts  whether every message that the vendor takes is followed by a delivery receipt
    refuses   what of a content this vendor cannot carry: nothing asked for is silently dropped
    pack      messages into groups, one call each, in order
    submit    the request that submits a group
    outcomes  one outcome per message of the group, in order; `Unreadable` when the answer is not this dialect
    callback  what a request to our callback URL says; `Unreadable` when it is not this dialect
    acknowledgement  what the vendor expects back
    unreadable  what it expects where a callback could not be read, if that is another answer
    """

    name: str
    channels: frozenset[Channel]
    receipts: bool
    refuses: Callable[[Content], tuple[Problem, ...]]
    pack: Callable[[Sequence[Outbound]], list[list[Outbound]]]
    submit: Callable[[Sequence[Outbound], Account], Request]
    outcomes: Callable[[Sequence[Outbound], Response], tuple[Outcome, ...]]
    callback: Callable[[Request, Account], tuple[Receipt | Inbound, ...]]
    acknowledgement: Response
    unreadable: Response | None = None
    options: type | None = None  # a frozen dataclass: what only this vendor knows, as our API names it
    session: Session | None = None
    variant: "Callable[[Account], Dialect] | None" = None  # where an account's setting changes what answers look like

    def spoken_with(self, account: Account) -> "Dialect":
        """This dialect as an account's settings have it."""
        return self.variant(account) if self.variant else self
