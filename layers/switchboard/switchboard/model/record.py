"""What is written to a CRM, one write after the other: a record, the writes to it, and what its one worker knows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from switchboard.model.problem import Problem


class Kind(StrEnum):
    """What a record is in the CRM."""

    DEAL = "D"
    ACCOUNT = "A"


class Standing(StrEnum):
    """Where a write stands; all but the first are for good."""

    PENDING = "pending"
    SAVED = "saved"
    REJECTED = "rejected"  # a readable no
    FAILED = "failed"  # nobody could be reached: nothing was taken
    UNCONFIRMED = "unconfirmed"  # it left, and no readable answer came


@dataclass(frozen=True, slots=True)
class Record:
    """A deal of a client by its external reference, or an account by its e-mail's digest, whoever signs it up.

    Written as `D/<client>/<reference>`: names of clients have no slash. It is what is announced, and the unit of order:
    of two writes to one record, one is over before the other begins.
    """

    kind: Kind
    client: str
    reference: str

    def __str__(self) -> str:
        return f"{self.kind.value}/{self.client}/{self.reference}"

    @classmethod
    def parse(cls, text: str) -> "Record":
        """Read a record's name. Raises ValueError."""
        kind, client, reference = text.split("/", 2)
        return cls(Kind(kind), client, reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a write ended. `created`: by our own record; `saved`: the CRM's answer, as it is shown.

    `words` are the CRM's no, or ours. `unconfirmed` are parts that were sent once and whose answer was lost. `at` is
    epoch seconds.
    """

    standing: Standing
    at: float
    created: bool | None = None
    saved: Mapping[str, Any] | None = None
    words: str | None = None
    warnings: tuple[Problem, ...] = ()
    unconfirmed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One write as it was asked for: the caller's words as JSON text, `files` what was resolved of them."""

    record: Record
    number: int
    client: str
    said: str
    fingerprint: str
    at: float
    files: tuple[Mapping[str, Any], ...] = ()
    result: Result | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What workers contend for, and what the one that holds the lease leaves to the next.

    count      writes so far: a new one takes the next number
    knocks     names that other workers dropped because this lease was held: its holder looks again before it lets go
    owner      the invocation that holds the lease, None when it only waits for the CRM to be done
    lease      epoch seconds until which nobody else may call
    doing      the number of the write that was called for last
    calling    whether no outcome of that call has been recorded
    carried    its parts that went out with calls whose answer was lost: they do not go again
    lost, tries  how often its answer was lost; how often nothing was taken
    crm_id     the CRM's own id, once it answered one
    bound      the id that the caller named the deal by: it stands for `crm_id`, or without one for a call in doubt
    """

    record: Record
    count: int = 0
    knocks: int = 0
    owner: str | None = None
    lease: float = 0.0
    doing: int | None = None
    calling: bool = False
    carried: frozenset[str] = frozenset()
    lost: int = 0
    tries: int = 0
    crm_id: str | None = None
    bound: str | None = None
    saved: Mapping[str, Any] | None = field(default=None)
    written_at: float = 0.0
