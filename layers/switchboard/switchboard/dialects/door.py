"""What the gateway needs of a dialect to stand in its vendor's place: doors, with the vendor's words on both sides."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from switchboard.dialects.wire import Request, Response
from switchboard.model.message import Content, Recipient
from switchboard.model.problem import Problem
from switchboard.model.scope import Scope
from switchboard.model.status import Status

Said = TypeVar("Said")
"""A call in the vendor's own terms, as its door read it."""


class TurnedAway(Exception):
    """What came is no call that this door takes; `response` says so in the vendor's words.

    `problems` say what those words do not, by the vendor's own names of parameters.
    """

    def __init__(self, response: Response, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__("turned away at the door")
        self.response = response
        self.problems = problems


class Refusal(StrEnum):
    """Why a call that reads well is not taken."""

    CREDENTIALS = "credentials"  # nobody's key, or one that may not do this
    CONTENT = "content"  # something in it cannot be carried; problems name it
    LIMIT = "limit"  # the key has made too many requests, and nothing was stored
    BUSY = "busy"  # for the moment, and nothing was stored
    FAILED = "failed"  # a fault of ours, and certainly nothing was taken
    UNKNOWN = "unknown"  # a fault of ours, and it may have been taken
    ABSENT = "absent"  # a thing that this gateway does not do


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The gateway's API key in the vendor's clothes. `user`, where the clothes have one, must be the key's client.

    With `session`, `secret` is the token of a session that was opened at an entrance, not a key.
    """

    secret: str
    user: str | None = None
    session: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """Where a client is: its region (ISO 3166-1 or None) reads national numbers, its time zone times that name none."""

    region: str | None
    zone: ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a door's caller wants sent, in our words; with `reports`, receipts go to the client in this dialect.

    `send_at` is epoch seconds; one that is past means now with `at_once`, and is refused without.
    """

    content: Content
    recipients: tuple[Recipient, ...]
    reports: bool = False
    send_at: float | None = None
    at_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One accepted message: the UUID that its caller knows it by, and what the provider said where the door waited.

    `refused` are the provider's words for a no that nobody of the route turned into a yes.
    """

    id: str
    facts: Mapping[str, str] = field(default_factory=dict)
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inline:
    """A file that came with a call."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """What a call wants the CRM to hold: a deal, or an account, as our own JSON says it, and the files with it."""

    account: bool
    said: Mapping[str, Any]
    files: tuple[Inline, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the CRM holds now: the caller's or our own reference, and the CRM's answer as our API shows it."""

    reference: str
    saved: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file to whose every row a message goes: what its caller calls that, and what all the messages share.

    `base` says what the columns of the file are, as a campaign's `Columns` does; `metadata` is what else was said.
    """

    name: str
    content: Content
    base: str
    data: bytes
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door(Generic[Said]):
    """One call of the vendor, taken by the gateway. `dialect` is the vendor's name.

    read         the call; raises `TurnedAway`, and nothing else, whatever the bytes
    credentials  what the call shows; None when it shows nothing
    order        the call in our words, numbers and times read as at the client's home; None for a
                 thing that this gateway does not do. Raises `TurnedAway`, or `Refused` with problems in our words
    answer       the vendor's yes: one `Placed` for each recipient of the order, in its order
    refuse       the vendor's no; with the order, where the call came to one: `to.3` names a recipient of it
    waits        whether the answer holds what only the provider can say
    names        the vendor's parameters by our fields, where they have another name there
    writing      what a call wants the CRM to hold, in place of an order; `held` is then the vendor's yes
    upload       the file that a call brings, in place of an order; `begun` is then the vendor's yes. Raises `Refused`
    """

    dialect: str
    name: str
    path: str
    methods: tuple[str, ...]
    read: Callable[[Request], Said]
    credentials: Callable[[Said], Credentials | None]
    order: Callable[[Said, Home], Order | None]
    answer: Callable[[Said, Order, tuple[Placed, ...]], Response]
    refuse: Callable[[Said, Refusal, tuple[Problem, ...], Order | None], Response]
    waits: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    writing: Callable[[Said], Writing] | None = None
    held: Callable[[Held], Response] | None = None
    upload: Callable[[Said], Upload] | None = None
    begun: Response | None = None

    @property
    def scope(self) -> Scope:
        """What a key must be good for to be let in here."""
        return Scope.CRM if self.writing else Scope.SEND


def by_their_names(problems: Iterable[Problem], names: Mapping[str, str]) -> tuple[Problem, ...]:
    """The problems with our fields as the vendor calls them: `to.3` is `destination.3` where `to` is `destination`."""
    return tuple(Problem(_their_name(problem.field.split("."), names), problem.reason) for problem in problems)


def _their_name(path: Sequence[str], names: Mapping[str, str]) -> str:
    for known in range(len(path), 0, -1):
        if name := names.get(".".join(path[:known])):
            return ".".join((name, *path[known:]))
    return ".".join(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance(Generic[Said]):
    """A call that opens a session, or ends one.

    token   the new session's token, of the client's name and a random UUID; None for a call that ends a session
    answer  the vendor's answer: to the token, or to None when nothing was opened or ended
    """

    path: str
    methods: tuple[str, ...]
    read: Callable[[Request], Said]
    credentials: Callable[[Said], Credentials]
    token: Callable[[str, str], str] | None
    answer: Callable[[Said, str | None], Response]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a message, for the client whose door it came in by; times are epoch seconds.

    `code` is the provider's code of a no or of a failed delivery, where it gave one.
    """

    id: str
    to: str
    sender: str | None
    status: Status
    submitted_at: float
    done_at: float
    parts: int
    code: str | None = None
