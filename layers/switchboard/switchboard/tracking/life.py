"""What happened: messages, conversations and batches read back for the client they belong to."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from botocore.exceptions import ClientError

from switchboard.dialects.registry import DIALECTS
from switchboard.model.chunk import (
    CHUNK_SIZE,
    Chunk,
    ChunkId,
    ReceiptSeen,
    Result,
    alias,
    parse_alias,
    parse_message_id,
)
from switchboard.model.message import Channel, Content
from switchboard.model.problem import Refused
from switchboard.model.segments import Segments, count
from switchboard.model.status import Status, settled
from switchboard.model.template import render
from switchboard.settings import settings
from switchboard.tracking import chunks, indexes, seal, table
from switchboard.tracking.cursor import NO_CURSOR, Place, cursor_of, position
from switchboard.tracking.inbound import INBOUND

_STEPS_A_PAGE = 200  # reads of the table for one page
_PAGE_SIZE = 2_000_000  # characters of text in one page: a Lambda answers 6 MB at most
_BATCH_ID = re.compile(r"[a-z2-7]{23}")
_INBOUND_ID = re.compile(rf"{INBOUND}[a-z2-7]{{24}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One message and all that happened to it; times are epoch seconds."""

    id: str
    alias: str | None = None
    batch: str | None
    direction: str  # outbound | inbound
    channel: Channel
    to: str | None
    sender: str | None
    text: str | None
    subject: str | None = None
    status: Status
    settled: bool
    provider: str | None
    reference: str | None = None
    metadata: dict[str, str]
    campaign: str | None = None
    door: str | None = None
    created_at: float
    send_at: float | None = None
    expires_at: float | None = None
    resend_of: str | None = None
    segments: Segments | None = None
    attempts: tuple[Result, ...] = ()
    receipts: tuple[ReceiptSeen, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Some messages, and the cursor that asks for those behind them (None: there are no more)."""

    items: tuple[Life, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLife:
    """A batch and how many of its messages stand where."""

    id: str
    created_at: float
    send_at: float | None = None
    schedule: str | None = None
    channel: Channel
    campaign: str | None
    metadata: dict[str, str]
    total: int
    statuses: dict[str, int]
    settled: bool


def own_id(client: str, id_: str) -> str:
    """A message's id of its alias, and anything else as it is."""
    named = parse_alias(id_)
    sealed = own_batch(client, named[0]) if named else None
    for chunk in sealed.chunks if sealed else ():
        view = chunks.read_chunk(chunk)
        for n, stored in view.messages.items() if view else ():
            if named and stored.place == named[1]:
                return chunk.message(n)
    return id_


def message(client: str, id_: str) -> Life | None:
    """One message of a client, outbound or inbound, by its id or its alias."""
    id_ = own_id(client, id_)
    if (parsed := parse_message_id(id_)) is None:
        return _inbound(client, id_)
    found = read(client, id_)
    return _life(*found, parsed[1]) if found else None


def read(client: str, id_: str) -> tuple[seal.Batch, Chunk] | None:
    """A client's sealed batch, and the chunk as one of its messages sees it."""
    parsed = parse_message_id(id_)
    sealed = own_batch(client, parsed[0].batch) if parsed else None
    view = read_in(sealed, *parsed) if sealed and parsed else None
    return (sealed, view) if sealed and view else None


def read_in(sealed: seal.Batch, chunk: ChunkId, n: int) -> Chunk | None:
    """The chunk as its message number `n` sees it; None when the batch has no such message."""
    if chunk.nonce != sealed.nonce or chunk.index >= len(sealed.sizes) or n >= sealed.sizes[chunk.index]:
        return None
    return chunks.read_message(chunk, n, sealed.sizes[chunk.index])


def own_batch(client: str, id_: str) -> seal.Batch | None:
    """A sealed batch, if it is this client's."""
    sealed = seal.read_batch(id_) if _BATCH_ID.fullmatch(id_) else None
    return sealed if sealed and sealed.client == client else None


def batch(client: str, id_: str) -> BatchLife | None:
    """A client's batch with the count of its messages by status."""
    if (sealed := own_batch(client, id_)) is None:
        return None
    lives = [life for index in range(len(sealed.sizes)) for _, life in _numbered(sealed, index)]
    return BatchLife(
        id=id_,
        created_at=sealed.created_at,
        send_at=sealed.send_at,
        schedule=sealed.schedule,
        channel=sealed.content.channel,
        campaign=sealed.content.campaign,
        metadata=dict(sealed.metadata),
        total=sum(sealed.sizes),
        statuses=dict(Counter(life.status.value for life in lives)),
        settled=len(lives) == sum(sealed.sizes) and all(life.settled for life in lives),
    )


def of_batch(client: str, id_: str, status: Status | None, cursor: str | None, limit: int) -> Page | None:
    """A page of a batch's messages in order."""
    if (sealed := own_batch(client, id_)) is None:
        return None
    start, n = position(cursor, int, int) or (0, -1)

    def found() -> Found:
        for index in range(max(start, 0), len(sealed.sizes)):
            for number, life in _numbered(sealed, index):
                if (index, number) > (start, n):
                    yield [index, number], life
            yield [index, CHUNK_SIZE], None

    return _page(found(), status, limit)


def by_address(client: str, address: str, status: Status | None, cursor: str | None, limit: int, inbound: bool) -> Page:
    """A page of the messages to an address, newest first; with `inbound` those from it too."""
    after = None
    if place := position(cursor, str, str, str):
        pk, sk, rest = place
        after = {"pk": pk, "sk": sk, "address": address, "address_at": f"{client}#{rest}"}

    def found() -> Found:
        keys = table.query_index(indexes.BY_ADDRESS, ("address", address), ("address_at", f"{client}#"), after)
        for key in keys:
            rest, id_ = key["address_at"].partition("#")[2], key["address_at"].rsplit("#", 1)[1]
            place = [key["pk"], key["sk"], rest]
            if (inbound or parse_message_id(id_)) and (life := message(client, id_)) is not None:
                yield place, life
            yield place, None

    return _page(found(), status, limit)


def recent(client: str, status: Status | None, cursor: str | None, limit: int) -> Page:
    """A page of a client's messages, the newest batch first."""
    start = position(cursor, str, str, int, int) or [indexes.day(time.time()), "", 0, -1]
    return _page(_walk(client, start), status, limit)


Found = Iterator[tuple[Place, "Life | None"]]


def _walk(client: str, place: Place) -> Found:
    """Every message of a client behind a place, newest day and newest batch first; None marks a step of work done."""
    day, at, index, n = place
    last = date.fromisoformat(indexes.day(time.time() - settings().retention))
    current = _day(day)
    while current >= last:
        name = current.isoformat()
        after = None
        if at:
            yield from _entry(client, name, at, index, n)
            after = {**_entry_key(at), "client_day": f"{client}#{name}", "client_at": at}
        for key in table.query_index(indexes.BY_CLIENT, ("client_day", f"{client}#{name}"), ("client_at", ""), after):
            yield from _entry(client, name, key["client_at"], 0, -1)
        current -= timedelta(days=1)
        at = ""
        yield [current.isoformat(), "", 0, -1], None


def _entry(client: str, day: str, at: str, start: int, n: int) -> Found:
    """The messages of one batch behind a place in it, or the one inbound message."""
    id_ = at.partition("#")[2]
    if id_.startswith(INBOUND):
        if n < 0 and (inbound := _inbound(client, id_)):
            yield [day, at, 0, 0], inbound
        yield [day, at, 0, 0], None
        return
    sealed = own_batch(client, id_)
    for index in range(start, len(sealed.sizes) if sealed else 0):
        for number, life in _numbered(sealed, index) if sealed else ():
            if (index, number) > (start, n):
                yield [day, at, index, number], life
        yield [day, at, index, CHUNK_SIZE], None


def _entry_key(at: str) -> dict[str, str]:
    id_ = at.partition("#")[2]
    kind = "I" if id_.startswith(INBOUND) else "B"
    return {"pk": f"{kind}#{id_}", "sk": kind}


def _numbered(sealed: seal.Batch, index: int) -> Iterator[tuple[int, Life]]:
    view = chunks.read_chunk(sealed.chunks[index])
    for n in sorted(view.messages) if view else ():
        if view:
            yield n, _life(sealed, view, n)


def _life(sealed: seal.Batch, view: Chunk, n: int) -> Life:
    stored = view.messages[n]
    content = render(sealed.content, stored.variables)
    now = time.time()
    status = view.status_at(n, now)
    provider = view.last_provider(n)
    return Life(
        id=view.header.chunk.message(n),
        alias=alias(sealed.id, stored.place) if sealed.door else None,
        batch=sealed.id,
        direction="outbound",
        channel=content.channel,
        to=stored.to,
        sender=content.sender,
        text=content.text,
        subject=content.subject,
        status=status,
        settled=settled(status, DIALECTS[provider].receipts),
        provider=provider,
        reference=stored.reference,
        metadata=dict(sealed.metadata),
        campaign=content.campaign,
        door=sealed.door,
        created_at=sealed.created_at,
        send_at=view.waits_until(n, now) or sealed.send_at or content.provider_at,
        expires_at=sealed.expires_at,
        resend_of=sealed.resend_of,
        segments=_segments(content),
        attempts=tuple(view.results.get(n, ())),
        receipts=tuple(view.receipts.get(n, ())),
    )


def _segments(content: Content) -> Segments | None:
    return count(content.text, content.encoding) if content.channel is Channel.SMS and content.text else None


def _inbound(client: str, id_: str) -> Life | None:
    item = table.get(f"I#{id_}", "I") if _INBOUND_ID.fullmatch(id_) else None
    if item is None or item["client"] != client:
        return None
    return Life(
        id=id_,
        batch=None,
        direction="inbound",
        channel=Channel.SMS,
        to=item.get("to"),
        sender=item["from"],
        text=item["text"],
        status=Status.DELIVERED,
        settled=True,
        provider=item["provider"],
        metadata={},
        created_at=float(item["created"]),
    )


def _page(found: Found, status: Status | None, limit: int) -> Page:
    """The first messages of what was found that stand at `status`; None among what was found is a step of work done.

    A page ends at its limit, at as much text as one answer carries, and after so many steps that no list runs into the
    function's time: it may be short, even empty, and its cursor still lead on.
    """
    items: list[Life] = []
    steps, size, before = 0, 0, None
    try:
        for place, life in found:
            if life is None:
                steps += 1
            elif status in (None, life.status):
                if len(items) == limit or size > _PAGE_SIZE:
                    return Page(tuple(items), cursor_of(before or place))
                items.append(life)
                size += len(life.text or "")
            before = place
            if steps == _STEPS_A_PAGE:
                return Page(tuple(items), cursor_of(place))
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationException":
            raise
        raise Refused(NO_CURSOR) from None  # the table does not know such a place
    return Page(tuple(items), None)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused(NO_CURSOR) from None
