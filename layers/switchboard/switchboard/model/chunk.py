"""A chunk of a batch and the rules of its life: who is due in a pass, what follows it, where each message stands."""

import re
from base64 import b32decode, b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.status import Status, join

CHUNK_SIZE = 100
MAX_RECIPIENTS = 1000  # of one request: an alias has 10 bits for the place
BATCH_OCTETS = 14  # of a batch id: with a place of 10 bits it fills what a UUID leaves to its maker
EXPIRED = "expired"  # the one result that no provider gave: its time was over before it was submitted


@dataclass(frozen=True, slots=True)
class ChunkId:
    """Where a chunk is kept. The nonce is the accepting attempt's own, so two attempts never share a key."""

    batch: str
    nonce: str
    index: int

    def __str__(self) -> str:
        return f"{self.batch}-{self.nonce}-{self.index}"

    @classmethod
    def parse(cls, name: str) -> "ChunkId":
        """The chunk a name stands for. Raises ValueError."""
        batch, nonce, index = name.split("-")
        return cls(batch, nonce, int(index))

    def message(self, n: int) -> str:
        """The id of the chunk's message number `n`: it says where the message is kept, so reading it needs no index."""
        return f"{self}-{n}"


def parse_message_id(text: str) -> tuple[ChunkId, int] | None:
    """The chunk and the number that a message id holds, or None when it is not one."""
    parts = text.split("-")
    if len(parts) != 4 or not all(parts) or not all(part.isalnum() and part.isascii() for part in parts):
        return None
    if not (parts[2].isdigit() and parts[3].isdigit() and len(parts[2]) <= 4 and len(parts[3]) <= 4):
        return None
    return ChunkId(parts[0], parts[1], int(parts[2])), int(parts[3])


def batch_id(raw: bytes) -> str:
    """The id of a batch, of `BATCH_OCTETS` random or derived octets: 23 letters and digits."""
    return b32encode(raw).decode().rstrip("=").lower()


_ALIAS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def alias(batch: str, place: int) -> str:
    """The message at a place of a request as a UUID (version 8, RFC 9562 section 5.8): what a vendor's client is told.

    It holds the batch's 112 bits and the place's 10, so that finding the message needs no index.
    """
    held = int.from_bytes(b32decode(batch.upper() + "="), "big") << 10 | place
    high, middle, low = held >> 74, held >> 62 & 0xFFF, held & (1 << 62) - 1
    digits = f"{high << 80 | 0x8 << 76 | middle << 64 | 0b10 << 62 | low:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def parse_alias(text: str) -> tuple[str, int] | None:
    """The batch and the place that an alias holds, or None when it is not one."""
    if not _ALIAS.fullmatch(text.lower()):
        return None
    bits = int(text.replace("-", ""), 16)
    held = (bits >> 80) << 74 | (bits >> 64 & 0xFFF) << 62 | bits & (1 << 62) - 1
    return batch_id((held >> 10).to_bytes(BATCH_OCTETS, "big")), held & 0x3FF


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Which rows of a campaign's file a batch is: those of one priority from `first` to `last`, counted from 1."""

    campaign: str
    priority: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What workers contend for. Numbers below `cursor` are claimed in this pass, the others untouched.

    `doubt` are numbers that a lost worker had claimed: never submitted again. `skip` are canceled numbers. `lease` and
    `not_before` are epoch seconds. `zones` are the time zones (IANA) whose quiet hours the recipients keep, if any;
    `postponed` says that these began when the time had come already.
    """

    chunk: ChunkId
    size: int
    providers: tuple[str, ...]
    pass_: int = 0
    cursor: int = 0
    provider_index: int = 0
    owner: str | None = None
    lease: float = 0.0
    not_before: float = 0.0
    zones: tuple[str, ...] = ()
    postponed: bool = False
    skip: frozenset[int] = frozenset()
    doubt: frozenset[int] = frozenset()
    done: bool = False

    @property
    def provider(self) -> str:
        """Whose turn it is."""
        return self.providers[self.provider_index]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A message as accepted: written once, never changed. `place` is its position in the request, from 0; `row` its
    place in a campaign's file, from 1."""

    n: int
    place: int
    to: str
    reference: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one pass ended for one message; `again` says that the next pass has it once more. `at` is epoch seconds.

    `facts` are what else the provider said of it.
    """

    n: int
    pass_: int
    provider: str
    verdict: str  # a Verdict, or EXPIRED
    at: float
    vendor_id: str | None = None
    code: str | None = None
    detail: str | None = None
    again: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptSeen:
    """A delivery receipt as it was taken; `status` is None for a word that moves nothing."""

    word: str
    received_at: float
    status: Status | None = None
    error: str | None = None
    done_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk as read in one consistent query; `told` is what clients that want reports were told last."""

    header: Header
    messages: Mapping[int, Stored]
    results: Mapping[int, Sequence[Result]] = field(default_factory=dict)
    receipts: Mapping[int, Sequence[ReceiptSeen]] = field(default_factory=dict)
    told: Mapping[int, Status] = field(default_factory=dict)

    def result(self, n: int, pass_: int) -> Result | None:
        """The result of one message in one pass."""
        return next((result for result in self.results.get(n, ()) if result.pass_ == pass_), None)

    def due(self, n: int) -> bool:
        """Whether the current pass has this message: all in the first, then those the last pass wants once more."""
        header = self.header
        if n in header.skip or n in header.doubt or n >= header.size:
            return False
        if header.pass_ == 0:
            return True
        before = self.result(n, header.pass_ - 1)
        return before is not None and before.again

    def in_flight(self, n: int) -> bool:
        """Whether a worker has claimed this message in the current pass and has not said how it ended."""
        header = self.header
        return not header.done and n < header.cursor and self.due(n) and self.result(n, header.pass_) is None

    def abandoned(self) -> frozenset[int]:
        """The claimed numbers without a result of this pass: whoever takes the chunk over puts them into doubt."""
        return frozenset(n for n in range(self.header.cursor) if self.in_flight(n))

    def cancelable(self, n: int) -> bool:
        """Whether nobody has claimed this message yet and somebody still would."""
        return not self.header.done and n >= self.header.cursor and self.due(n)

    def status(self, n: int) -> Status:
        """Where one message stands: the join of everything known of it."""
        header = self.header
        events = [Status.QUEUED]
        if n in header.skip:
            events.append(Status.CANCELED)
        if n in header.doubt:
            events.append(Status.UNCONFIRMED)
        events += [_standing(result) for result in self.results.get(n, ())]
        events += [receipt.status for receipt in self.receipts.get(n, ()) if receipt.status is not None]
        return join(events)

    def status_at(self, n: int, now: float) -> Status:
        """The same as somebody sees it at a time, in epoch seconds: what waits for its own time is scheduled.

        What waits for another one was queued before, and stays that.
        """
        waits = self.waits_until(n, now) is not None and not self.header.postponed
        return Status.SCHEDULED if waits else self.status(n)

    def waits_until(self, n: int, now: float) -> float | None:
        """When the time of a message comes that nobody has claimed yet; None where it has come."""
        header = self.header
        waits = self.status(n) is Status.QUEUED and header.pass_ == 0 and n >= header.cursor
        return header.not_before if waits and header.not_before > now else None

    def may_own_receipt(self, n: int, provider: str) -> bool:
        """Whether a receipt of that provider with an unknown id may be about this message.

        It may where the message is in doubt, with that provider or with nobody says whom, or where the provider took it
        without giving an id and no receipt has come yet.
        """
        results = self.results.get(n, ())
        if self.status(n) is Status.UNCONFIRMED:
            doubted = {result.provider for result in results if result.verdict == Verdict.UNCONFIRMED}
            return provider in (doubted or self.header.providers)
        nameless = [result for result in results if result.verdict == Verdict.ACCEPTED and result.vendor_id is None]
        return n not in self.receipts and any(result.provider == provider for result in nameless)

    def last_provider(self, n: int) -> str:
        """The provider that had the message last, or the one that will have it."""
        results = self.results.get(n, ())
        if not results or results[-1].again or n in self.header.doubt:
            return self.header.provider
        return results[-1].provider


_STANDING = {
    Verdict.ACCEPTED: Status.SUBMITTED,
    Verdict.REJECTED: Status.REJECTED,
    Verdict.RETRYABLE: Status.FAILED,
    Verdict.UNCONFIRMED: Status.UNCONFIRMED,
    EXPIRED: Status.EXPIRED,
}


def _standing(result: Result) -> Status:
    return Status.QUEUED if result.again else _STANDING[result.verdict]


def again(outcome: Outcome, header: Header, max_passes: int) -> bool:
    """Whether a message goes on to another pass: nothing was taken, or the no concerned the account only."""
    reserve = header.provider_index + 1 < len(header.providers)
    if outcome.verdict is Verdict.RETRYABLE:
        return reserve or header.pass_ + 1 < max_passes
    return outcome.verdict is Verdict.REJECTED and outcome.concern is Concern.ACCOUNT and reserve


@dataclass(frozen=True, slots=True)
class NextPass:
    """The pass that follows: with which of the route's providers, after how many seconds."""

    pass_: int
    provider_index: int
    delay: float


def next_pass(header: Header, outcomes: Sequence[Result], backoff: float, retry_after: float = 0.0) -> NextPass | None:
    """What follows the pass whose results are `outcomes`, or None when the chunk is done.

    With a provider in reserve it is that one's turn at once. On the last one the wait grows fourfold a pass, from
    `backoff` seconds to an hour, and is never shorter than the vendor's own `retry_after`.
    """
    if not any(result.again for result in outcomes if result.n not in header.doubt):
        return None
    if header.provider_index + 1 < len(header.providers):
        return NextPass(header.pass_ + 1, header.provider_index + 1, 0.0)
    return NextPass(header.pass_ + 1, header.provider_index, max(min(backoff * 4**header.pass_, 3600.0), retry_after))
