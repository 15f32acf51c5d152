"""Accepting: a request becomes a batch of messages, sealed by its last write; nothing accepted is ever lost."""

import hashlib
import secrets
import time
from base64 import b32encode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import observe, queues, tracking
from switchboard.credentials import Client
from switchboard.model.chunk import (
    BATCH_OCTETS,
    CHUNK_SIZE,
    ChunkId,
    Header,
    Stored,
    alias,
    batch_id,
    parse_message_id,
)
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.problem import Problem, Refused
from switchboard.model.segments import Segments, count
from switchboard.model.status import RESENDABLE, Status
from switchboard.model.template import render
from switchboard.routing import route
from switchboard.settings import settings
from switchboard.tracking import Batch, chunks, life, seal


class IdempotencyConflict(Exception):
    """The Idempotency-Key stands for another request."""


class SealInDoubt(Exception):
    """Nobody knows whether the batch stands: the seal's answer was lost, or an earlier batch could not be read."""


class NotResendable(Exception):
    """The message is not where a person may send it again; `status` says where it is."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"a message that is {status.value} is not sent again")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a caller wants sent. Addresses are normalised; `expires_at` is in epoch seconds.

    `fingerprint` is a SHA-256 over the canonical request: it tells a repeat from another request under the same key.
    `door` and `reports` are the batch's.
    """

    content: Content
    recipients: tuple[Recipient, ...]
    fingerprint: str
    provider: str | None = None
    expires_at: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    resend_of: str | None = None
    door: str | None = None
    reports: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMessage:
    """One message of an answer; `alias` is its id as a UUID. Both are empty in a dry run."""

    id: str
    alias: str
    to: str
    reference: str | None
    provider: str
    segments: Segments | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The batch that stands, its messages in the request's order, and whether an earlier request made it."""

    batch: str
    messages: tuple[AcceptedMessage, ...]
    replayed: bool


Planned = list[tuple[Header, list[Stored]]]


def preview(submission: Submission, client: Client) -> tuple[AcceptedMessage, ...]:
    """A dry run: what accepting would answer, with nothing written or sent. Raises `Refused`."""
    _, planned = _plan(submission, client, "")
    return tuple(replace(message, id="") for message in _answer(submission.content, planned))


def accept(submission: Submission, client: Client, idempotency_key: str | None) -> Accepted:
    """Make the submission a sealed batch and announce it; a repeat under the same key gets the same answer.

    Raises `Refused`, `IdempotencyConflict`, what AWS raises (nothing was taken), and `SealInDoubt`.
    """
    id_ = _batch_id(client.name, idempotency_key)
    if idempotency_key is not None and (standing := _standing(id_)) is not None:
        return _replay(standing, submission)
    batch, planned = _plan(submission, client, id_)
    seal.write_messages(batch, planned)
    queues.watch_batch(batch.id, batch.nonce, settings().watch_delay)
    standing = _seal(batch)
    if standing.nonce != batch.nonce:
        return _replay(standing, submission)
    _announce(planned, client)
    return Accepted(batch=id_, messages=_answer(batch.content, planned), replayed=False)


def _standing(id_: str) -> Batch | None:
    """The batch that an earlier request under the same key made. Raises `SealInDoubt`."""
    try:
        return tracking.read_batch(id_)
    except (BotoCoreError, ClientError) as error:
        observe.failure("a batch could not be looked for", error)
        raise SealInDoubt from None


def _seal(batch: Batch) -> Batch:
    """The batch that stands. Raises `SealInDoubt`."""
    try:
        return seal.seal(batch)
    except (BotoCoreError, ClientError) as error:
        observe.failure("a seal had no answer", error)
    standing = _standing(batch.id)
    if standing is None:
        raise SealInDoubt
    return standing


def _announce(planned: Planned, client: Client) -> None:
    """Say that there is something to send. What is sealed is accepted: where SQS fails, the watch says it later."""
    try:
        queues.announce((header for header, _ in planned), client.name)
    except (BotoCoreError, ClientError, ConnectionError) as error:
        observe.failure("a batch was not announced; the watch will", error)


def resend(client: Client, message_id: str) -> Accepted | None:
    """A new message in place of one that failed or is in doubt, naming the old one. None: no such message.

    A message is sent again at most once, however often this is asked: the new batch's id derives from the old id.
    Raises `NotResendable`, and `Refused` when no route takes it any more.
    """
    message_id = life.own_id(client.name, message_id)
    found, parsed = life.read(client.name, message_id), parse_message_id(message_id)
    if found is None or parsed is None:
        return None
    batch, view = found
    status, stored = view.status(parsed[1]), view.messages[parsed[1]]
    again = Submission(
        content=batch.content,
        recipients=(Recipient(to=stored.to, reference=stored.reference, variables=stored.variables),),
        metadata=batch.metadata,
        door=batch.door,
        reports=batch.reports,
        # A route of one may be the caller's own choice, and is kept; of several, whoever is able today may have it.
        provider=view.header.provider if len(view.header.providers) == 1 else None,
        resend_of=message_id,
        fingerprint=_digest("resend", message_id).hex(),
    )
    if status not in RESENDABLE:
        raise NotResendable(status)
    return accept(again, client, f"resend of {message_id}")


def _plan(submission: Submission, client: Client, id_: str) -> tuple[Batch, Planned]:
    """The batch, and its recipients by route in chunks. Raises `Refused` for what cannot be stored or has no route."""
    if len(seal.dump_content(submission.content).encode()) > seal.MAX_CONTENT:
        raise Refused(Problem("text", f"all that the messages share has at most {seal.MAX_CONTENT} octets"))
    nonce = b32encode(secrets.token_bytes(5)).decode().lower()
    planned: Planned = []
    for providers, rows in _grouped(submission).items():
        for start in range(0, len(rows), CHUNK_SIZE):
            some = rows[start : start + CHUNK_SIZE]
            chunk = ChunkId(id_, nonce, len(planned))
            planned.append((Header(chunk=chunk, size=len(some), providers=providers), some))
    batch = Batch(
        id=id_,
        nonce=nonce,
        client=client.name,
        fingerprint=submission.fingerprint,
        content=submission.content,
        sizes=tuple(header.size for header, _ in planned),
        created_at=time.time(),
        expires_at=submission.expires_at,
        metadata=submission.metadata,
        resend_of=submission.resend_of,
        door=submission.door,
        reports=submission.reports,
    )
    return batch, planned


def _grouped(submission: Submission) -> dict[tuple[str, ...], list[Stored]]:
    """The messages by their providers, numbered within their chunks. Raises `Refused` for whoever has no route."""
    groups: dict[tuple[str, ...], list[Stored]] = defaultdict(list)
    for place, (recipient, providers) in enumerate(zip(submission.recipients, _routes(submission), strict=True)):
        rows = groups[providers]
        rows.append(
            Stored(
                n=len(rows) % CHUNK_SIZE,
                place=place,
                to=recipient.to,
                reference=recipient.reference,
                variables=recipient.variables,
            )
        )
    return groups


def _routes(submission: Submission) -> list[tuple[str, ...]]:
    routes, content, provider = settings().routes, submission.content, submission.provider
    found: list[tuple[str, ...]] = []
    problems: dict[Problem, None] = {}
    for place, recipient in enumerate(submission.recipients):
        try:
            found.append(route(routes, content, recipient.to, provider))
        except Refused as refused:
            problems |= {
                Problem(f"to.{place}", problem.reason) if problem.field == "to" else problem: None
                for problem in refused.problems
            }
    if problems:
        raise Refused(*problems)
    return found


def _replay(standing: Batch, submission: Submission) -> Accepted:
    """The answer that the standing batch's request had.

    Raises `IdempotencyConflict` when that was another request, and `SealInDoubt` where it cannot be read.
    """
    if standing.fingerprint != submission.fingerprint:
        raise IdempotencyConflict
    try:
        views = [view for chunk in standing.chunks if (view := chunks.read_chunk(chunk))]
    except (BotoCoreError, ClientError) as error:
        observe.failure("a batch could not be read", error)
        raise SealInDoubt from None
    planned = [(view.header, list(view.messages.values())) for view in views]
    return Accepted(batch=standing.id, messages=_answer(standing.content, planned), replayed=True)


def _answer(content: Content, planned: Planned) -> tuple[AcceptedMessage, ...]:
    """One line for each message, in the order of the request."""
    rows = [(header, stored) for header, some in planned for stored in some]
    texts = {_text(content, stored.variables) for _, stored in rows}  # most have the same
    segments = {said: count(said, content.encoding) if said else None for said in texts}
    return tuple(
        AcceptedMessage(
            id=header.chunk.message(stored.n),
            alias=alias(header.chunk.batch, stored.place) if header.chunk.batch else "",
            to=stored.to,
            reference=stored.reference,
            provider=header.providers[0],
            segments=segments[_text(content, stored.variables)],
        )
        for header, stored in sorted(rows, key=lambda row: row[1].place)
    )


def _text(content: Content, variables: Mapping[str, str]) -> str | None:
    """What one recipient's SMS says; None for an e-mail."""
    return render(content, variables).text if content.channel is Channel.SMS else None


def _batch_id(client: str, idempotency_key: str | None) -> str:
    if idempotency_key is None:
        return batch_id(secrets.token_bytes(BATCH_OCTETS))
    return batch_id(_digest(client, idempotency_key)[:BATCH_OCTETS])


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
