"""Accepting: a request becomes a batch of messages, sealed by its last write; nothing accepted is ever lost."""

import hashlib
import secrets
import time
from base64 import b32encode
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import observe, queues, tracking, wake
from switchboard.credentials import Client
from switchboard.model.chunk import (
    BATCH_OCTETS,
    CHUNK_SIZE,
    ChunkId,
    Header,
    Run,
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
    """What a caller wants sent. Addresses are normalised; times are epoch seconds.

    `fingerprint` is a SHA-256 over the canonical request: it tells a repeat from another request under the same key.
    With `marketing` the recipients' quiet hours are kept. A `send_at` that is past is refused, or, with `at_once`, now.
    `door`, `reports`, `schedule` and `run` are the batch's.
    """

    content: Content
    recipients: tuple[Recipient, ...]
    fingerprint: str
    provider: str | None = None
    expires_at: float | None = None
    send_at: float | None = None
    at_once: bool = False
    marketing: bool = False
    metadata: Mapping[str, str] = field(default_factory=dict)
    resend_of: str | None = None
    door: str | None = None
    reports: bool = False
    schedule: str | None = None
    run: Run | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedMessage:
    """One message of an answer; `alias` is its id as a UUID. Both are empty in a dry run.

    `not_before` is when its time comes, in epoch seconds; 0 is at once.
    """

    id: str
    alias: str
    to: str
    reference: str | None
    provider: str
    segments: Segments | None
    not_before: float = 0.0

    @property
    def status(self) -> Status:
        """Where it stood when it was accepted."""
        return Status.SCHEDULED if self.not_before else Status.QUEUED


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The batch that stands, its messages in the request's order, and whether an earlier request made it."""

    batch: str
    messages: tuple[AcceptedMessage, ...]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """The batch that stands, with its chunks, and whether an earlier request made it."""

    batch: Batch
    planned: "Planned"
    replayed: bool


Planned = list[tuple[Header, list[Stored]]]

_LONGEST = 366 * 86_400  # seconds ahead that something may be sent
_PAST = 60.0  # seconds that a time may be past and still mean now


def preview(submission: Submission, client: Client) -> tuple[AcceptedMessage, ...]:
    """A dry run: what accepting would answer, with nothing written or sent. Raises `Refused`."""
    _, planned = _plan(submission, client, "")
    return tuple(replace(message, id="") for message in _answer(submission.content, planned))


def accept(submission: Submission, client: Client, idempotency_key: str | None) -> Accepted:
    """Make the submission a sealed batch and announce it; a repeat under the same key gets the same answer.

    Raises as `take` does.
    """
    taken = take(submission, client, idempotency_key)
    planned = taken.planned or _standing_chunks(taken.batch)
    return Accepted(batch=taken.batch.id, messages=_answer(taken.batch.content, planned), replayed=taken.replayed)


def take(submission: Submission, client: Client, idempotency_key: str | None) -> Taken:
    """The batch that stands afterwards; `planned` is empty where an earlier request made it.

    Raises `Refused`, `IdempotencyConflict`, what AWS raises (nothing was taken), and `SealInDoubt`.
    """
    id_ = batch_of(client.name, idempotency_key)
    if idempotency_key is not None and (standing := _standing(id_)) is not None:
        return _replay(standing, submission)
    batch, planned = _plan(submission, client, id_)
    headers = [header for header, _ in planned]
    seal.write_messages(batch, planned)
    wake.arm(batch, headers)
    queues.watch_batch(batch.id, batch.nonce, settings().watch_delay)
    standing = _seal(batch)
    if standing.nonce != batch.nonce:
        return _replay(standing, submission)
    _announce(batch, headers)
    return Taken(batch, planned, replayed=False)


def withhold(client: Client, idempotency_key: str, fingerprint: str, schedule: str | None = None) -> Batch:
    """Seal a batch without messages under a key, unless one stands: the batch that stands afterwards.

    Where it has no messages, none will be accepted under that key. Raises `SealInDoubt`.
    """
    empty = Batch(
        id=batch_of(client.name, idempotency_key),
        nonce=_nonce(),
        client=client.name,
        fingerprint=fingerprint,
        content=Content(channel=Channel.SMS),
        sizes=(),
        created_at=time.time(),
        metadata={},
        schedule=schedule,
    )
    return _seal(empty)


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


def _announce(batch: Batch, headers: list[Header]) -> None:
    """Say that there is something to send. What is sealed is accepted: where SQS fails, the watch says it later."""
    try:
        wake.announce(batch, headers)
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
        content=replace(batch.content, provider_at=None),  # its time has been
        marketing=batch.hours is not None,
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
    now = time.time()
    begin = _begin(submission, now)
    nonce = _nonce()
    planned: Planned = []
    for (providers, zones), rows in _grouped(submission, client).items():
        not_before = _opening(zones, client, begin or now) if zones else begin
        for start in range(0, len(rows), CHUNK_SIZE):
            some = rows[start : start + CHUNK_SIZE]
            chunk = ChunkId(id_, nonce, len(planned))
            header = Header(chunk=chunk, size=len(some), providers=providers, not_before=not_before, zones=zones)
            planned.append((header, some))
    _check_end(submission, [header.not_before for header, _ in planned])
    batch = Batch(
        id=id_,
        nonce=nonce,
        client=client.name,
        fingerprint=submission.fingerprint,
        content=submission.content,
        sizes=tuple(header.size for header, _ in planned),
        created_at=now,
        send_at=begin or None,
        hours=client.hours if submission.marketing else None,
        schedule=submission.schedule,
        run=submission.run,
        expires_at=submission.expires_at,
        metadata=submission.metadata,
        resend_of=submission.resend_of,
        door=submission.door,
        reports=submission.reports,
    )
    return batch, planned


def _begin(submission: Submission, now: float) -> float:
    """When the submission's time comes, 0 for at once. Raises `Refused`."""
    at = submission.send_at or submission.content.provider_at
    if at is None or (submission.at_once and at <= now):
        return 0.0
    if at < now - _PAST:
        raise Refused(Problem("send_at", "is past"))
    if at > now + _LONGEST:
        raise Refused(Problem("send_at", "is more than 366 days ahead"))
    if submission.expires_at is not None and submission.expires_at <= at:
        raise Refused(Problem("expires_at", "is not after send_at"))
    return at if submission.send_at and at > now else 0.0


def _check_end(submission: Submission, beginnings: list[float]) -> None:
    """Raises `Refused` for what would be over before daytime begins. A campaign's rows expire one by one instead."""
    end = submission.expires_at
    if end is not None and submission.run is None and any(beginning >= end for beginning in beginnings):
        raise Refused(Problem("expires_at", "is before it is day where a recipient is"))


def _opening(zones: tuple[str, ...], client: Client, at: float) -> float:
    """When recipients in these zones may be sent to, 0 for at once."""
    from switchboard.model.hours import next_open, parse_hours  # only marketing needs them

    opens = next_open(zones, parse_hours(client.hours), at)
    return opens if opens > time.time() else 0.0


def _zones(submission: Submission, client: Client) -> list[tuple[str, ...]]:
    """The time zones whose quiet hours each recipient keeps: none, but for marketing; by e-mail the client's own."""
    if not submission.marketing:
        return [()] * len(submission.recipients)
    from switchboard.model.hours import zones_of

    if submission.content.channel is Channel.EMAIL:
        return [(client.zone,)] * len(submission.recipients)
    return [zones_of(recipient.to, client.zone) for recipient in submission.recipients]


def _grouped(submission: Submission, client: Client) -> dict[tuple[tuple[str, ...], tuple[str, ...]], list[Stored]]:
    """The messages by their providers and the time zones of their quiet hours, numbered within their chunks.

    Raises `Refused` for whoever has no route.
    """
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[Stored]] = defaultdict(list)
    each = zip(submission.recipients, _routes(submission), _zones(submission, client), strict=True)
    for place, (recipient, providers, zones) in enumerate(each):
        rows = groups[providers, zones]
        rows.append(
            Stored(
                n=len(rows) % CHUNK_SIZE,
                place=place,
                to=recipient.to,
                reference=recipient.reference,
                variables=recipient.variables,
                row=recipient.row,
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


def _replay(standing: Batch, submission: Submission) -> Taken:
    """The batch that stands. Raises `IdempotencyConflict` when another request made it."""
    if standing.fingerprint != submission.fingerprint:
        raise IdempotencyConflict
    return Taken(standing, [], replayed=True)


def _standing_chunks(standing: Batch) -> Planned:
    """What a standing batch's request came to. Raises `SealInDoubt` where it cannot be read."""
    try:
        views = [view for chunk in standing.chunks if (view := chunks.read_chunk(chunk))]
    except (BotoCoreError, ClientError) as error:
        observe.failure("a batch could not be read", error)
        raise SealInDoubt from None
    # When they were accepted, their time was to come that was asked for; later it may be another pass's.
    asked = standing.send_at or 0.0
    return [
        (
            replace(view.header, not_before=max(asked, view.header.not_before if view.header.zones else 0.0)),
            [*view.messages.values()],
        )
        for view in views
    ]


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
            not_before=header.not_before,
        )
        for header, stored in sorted(rows, key=lambda row: row[1].place)
    )


def _text(content: Content, variables: Mapping[str, str]) -> str | None:
    """What one recipient's SMS says; None for an e-mail."""
    return render(content, variables).text if content.channel is Channel.SMS else None


def batch_of(client: str, idempotency_key: str | None) -> str:
    """The id of the batch that a client's key stands for; without a key, that of a new one."""
    if idempotency_key is None:
        return batch_id(secrets.token_bytes(BATCH_OCTETS))
    return batch_id(_digest(client, idempotency_key)[:BATCH_OCTETS])


def _nonce() -> str:
    return b32encode(secrets.token_bytes(5)).decode().lower()


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
