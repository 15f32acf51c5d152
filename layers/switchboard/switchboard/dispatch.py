"""Submitting: a worker claims a window of a chunk, submits it once, records how it ended, and says what comes next."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache

from switchboard import observe, providers, queues, runs, tracking
from switchboard.dialects.dialect import Dialect
from switchboard.dialects.registry import DIALECTS
from switchboard.model.campaign import State
from switchboard.model.chunk import EXPIRED, Chunk, ChunkId, Header, Result, again, next_pass
from switchboard.model.message import Outbound
from switchboard.model.outcome import Outcome, Verdict
from switchboard.model.template import render
from switchboard.settings import settings
from switchboard.tracking import Batch, Overtaken, chunks, receipts

Numbered = tuple[int, Outbound]

_SLEEP = 1.0  # seconds that a worker itself waits for a chunk's time
_MARGIN = 5.0  # seconds that recording a window may take
_ENDINGS = frozenset({Verdict.REJECTED, Verdict.RETRYABLE, EXPIRED})  # no receipt follows these
_RETRY_AFTER_LIMIT = 3600.0  # a vendor's Retry-After is honoured up to this


class Later(Exception):
    """The name must come back after `seconds`; it is not acknowledged."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds:.0f} s")
        self.seconds = max(0.0, seconds)


def dispatch(name: str, queue: str, deadline: float) -> None:
    """Do what is due of one chunk; returning acknowledges its name. `queue` is the provider whose queue it came from,
    `deadline` the invocation's end in epoch seconds.

    Raises `Later` when somebody else has the chunk, when it is not time yet, or when this invocation's time is up.
    """
    batch, view = _read(name)
    if batch is None or view is None or view.header.done:
        return  # never sealed, or nothing left to do
    header = view.header
    if header.provider != queue:
        queues.announce([header], batch.client)
        return
    if (wait := header.not_before - time.time()) > 0 and runs.state(batch) is State.CANCELED:
        wait = 0.0
    if wait > _SLEEP:
        raise Later(int(wait))  # SQS knows whole seconds: within the one before, and the rest is waited for here
    time.sleep(max(0.0, wait))
    owner = secrets.token_hex(8)
    try:
        header = _take_over(view, owner) if header.owner is not None else header
        _run(replace(view, header=header), batch, owner, deadline)
    except runs.Paused:
        return
    except Overtaken:
        raise Later(0.0) from None  # the chunk is not as it was read: read it again


def _read(name: str) -> tuple[Batch | None, Chunk | None]:
    """The sealed batch and the chunk of a name; the chunk of another accepting attempt is nobody's."""
    chunk = ChunkId.parse(name)
    batch = tracking.read_batch(chunk.batch)
    if batch is None or batch.nonce != chunk.nonce:
        return None, None
    return batch, chunks.read_chunk(chunk)


def _take_over(view: Chunk, owner: str) -> Header:
    """The header of a chunk whose owner's lease has ended. Raises `Later` while it has not.

    Whatever that owner had claimed and not recorded is in doubt from here on: it is never submitted again.
    """
    header = view.header
    if (wait := header.lease - time.time()) > 0:
        raise Later(wait)
    abandoned = view.abandoned()
    taken = chunks.take_over(header, owner, _lease(), abandoned)
    chunks.write_lost(header, abandoned, time.time())
    return taken


def _run(view: Chunk, batch: Batch, owner: str, deadline: float) -> None:
    """Window after window to the end of the pass, then say what comes next."""
    results = [result for n in view.messages if (result := view.result(n, view.header.pass_))]
    _tell(batch, view.header, results)  # whoever recorded these may not have come to it
    retry_after = 0.0
    while view.header.cursor < view.header.size:
        view, window = _claim(runs.steer(view, batch, owner), batch, owner, deadline)
        outcomes = _submit(DIALECTS[view.header.provider], window, batch.expires_at)
        results += _record(view.header, batch, window, outcomes)
        retry_after = max(retry_after, *(outcome.retry_after or 0.0 for outcome in outcomes if outcome), 0.0)
    _end(view.header, batch, owner, results, min(retry_after, _RETRY_AFTER_LIMIT))


def _claim(view: Chunk, batch: Batch, owner: str, deadline: float) -> tuple[Chunk, list[Numbered]]:
    """Claim the next window: the chunk after it, and the messages to submit. Raises `Later`, `Overtaken`.

    In the recipients' quiet hours nothing is claimed; what was claimed just before they began still goes.
    """
    header = view.header
    due = _due(view, batch)
    end = _window_end(header, due)
    try:
        _wait_for_turn(header.provider, sum(n < end for n, _ in due), deadline)
    except Later:
        if header.owner == owner:
            chunks.release(header, owner)
        raise
    if batch.hours and (opens := _opening(header, batch.hours)) > (now := time.time()):
        chunks.postpone(header, owner, opens)
        raise Later(int(opens - now))
    claimed = replace(view, header=chunks.claim(header, owner, end, _lease()))
    # What was canceled before the claim is seen only in the claim's answer.
    return claimed, [(n, message) for n, message in due if n < claimed.header.cursor and claimed.due(n)]


def _opening(header: Header, hours: str) -> float:
    """When the recipients of a chunk may be sent to, in epoch seconds."""
    from switchboard.model.hours import next_open, parse_hours  # only marketing needs them

    return next_open(header.zones, parse_hours(hours), time.time())


def _due(view: Chunk, batch: Batch) -> list[Numbered]:
    """What is left of the pass, as the provider would get it."""
    chunk = view.header.chunk
    return [
        (n, Outbound(id=chunk.message(n), to=stored.to, content=render(batch.content, stored.variables)))
        for n, stored in sorted(view.messages.items())
        if n >= view.header.cursor and view.due(n)
    ]


def _window_end(header: Header, due: Sequence[Numbered]) -> int:
    """Where the window ends: as many calls as the setting says, and no more messages than the provider's rate lets out
    in half a provider's time, so that a paced window stays well inside its lease."""
    rate = _rate(header.provider)
    most = max(1, int(rate * settings().provider_timeout / 2)) if rate else len(due)
    if len(DIALECTS[header.provider].pack([message for _, message in due[:most]])) > settings().window:
        most = settings().window
    return due[most][0] if most < len(due) else header.size


def _submit(dialect: Dialect, window: Sequence[Numbered], expires_at: float | None) -> list[Outcome | None]:
    """One outcome for each message of a window, None for what is past its time and was not submitted."""
    if expires_at is not None and time.time() >= expires_at:
        return [None] * len(window)
    rate, began, sent = _rate(dialect.name), time.monotonic(), 0
    calls = []
    for group in dialect.pack([message for _, message in window]):
        at = began + sent / rate if rate else began
        calls.append((group, at, _calls().submit(_submit_at, at, dialect, group)))
        sent += len(group)
    by_id: dict[str, Outcome] = {}
    for group, at, call in calls:
        by_id |= zip((message.id for message in group), _outcomes(call, at, len(group)), strict=True)
    return [by_id[message.id] for _, message in window]


def _submit_at(at: float, dialect: Dialect, group: Sequence[Outbound]) -> tuple[Outcome, ...]:
    """Submit a group at its moment of the pace (of the monotonic clock)."""
    time.sleep(max(0.0, at - time.monotonic()))
    return providers.submit(dialect, group)


def _outcomes(call: Future[tuple[Outcome, ...]], at: float, size: int) -> tuple[Outcome, ...]:
    """A call's outcomes. One that outlasts the provider's time twice over, byte by byte, holds up no other's record."""
    try:
        return call.result(max(0.0, at + 2 * settings().provider_timeout - time.monotonic()))
    except TimeoutError:
        return (Outcome(verdict=Verdict.UNCONFIRMED, code="late", detail="no whole answer came in time"),) * size


def _record(
    header: Header, batch: Batch, window: Sequence[Numbered], outcomes: Sequence[Outcome | None]
) -> list[Result]:
    """Write how a window ended, then hand over the receipts that came before anybody knew whose they were."""
    now = time.time()
    results = [_result(header, n, outcome, now) for (n, _), outcome in zip(window, outcomes, strict=True)]
    if not results:
        return []
    chunks.write_results(header.chunk, results, batch.reports_to, batch.content.provider_at)
    early = _hand_over(header, results)
    _tell(batch, header, results, early)
    for verdict, count in Counter(result.verdict for result in results).items():
        observe.count(f"Messages{verdict.capitalize()}", count)
    return results


def _hand_over(header: Header, results: Sequence[Result]) -> set[int]:
    """Give the messages of a window the receipts that came first; which messages had some."""
    by_vendor_id = {result.vendor_id: result.n for result in results if result.vendor_id}
    found = receipts.parked(header.provider, by_vendor_id) if by_vendor_id else {}
    for vendor_id, parked in found.items():
        receipts.record(header.chunk.message(by_vendor_id[vendor_id]), parked)
    return {by_vendor_id[vendor_id] for vendor_id in found}


def _tell(batch: Batch, header: Header, results: Sequence[Result], early: Iterable[int] = ()) -> None:
    """Announce the messages that their client is to be told of now: ended without a receipt to come, or with one that
    came first. A worker that is lost before this leaves it to the next one, and to the receipt's re-check."""
    if batch.reports_to:
        ended = {result.n for result in results if result.verdict in _ENDINGS and not result.again}
        queues.announce_reports(batch.reports_to, (header.chunk.message(n) for n in sorted(ended.union(early))))


def _result(header: Header, n: int, outcome: Outcome | None, now: float) -> Result:
    if outcome is None:
        return Result(n=n, pass_=header.pass_, provider=header.provider, verdict=EXPIRED, at=now)
    return Result(
        n=n,
        pass_=header.pass_,
        provider=header.provider,
        verdict=outcome.verdict,
        at=now,
        vendor_id=outcome.vendor_id,
        code=outcome.code,
        detail=outcome.detail,
        again=again(outcome, header, settings().max_passes),
        facts=outcome.facts,
    )


def _end(header: Header, batch: Batch, owner: str, results: Sequence[Result], retry_after: float) -> None:
    """Close the pass. The next one is announced before this name is acknowledged."""
    following = next_pass(header, results, settings().backoff, retry_after)
    if following is None:
        if header.size > 1 or not results:  # of one, the result says it, and saves a write of the few that it costs
            chunks.finish(header, owner)
        return
    not_before = time.time() + following.delay
    chunks.extend(header, owner, following, not_before)
    queues.announce([replace(header, provider_index=following.provider_index, not_before=not_before)], batch.client)


def _lease() -> float:
    return time.time() + settings().lease


def _rate(provider: str) -> float:
    """Messages a second for this worker: the provider's rate holds across as many workers as may run at once."""
    return settings().rates[provider] / settings().concurrency[provider]


_turns: dict[str, float] = {}
_turns_lock = threading.Lock()


def _wait_for_turn(provider: str, messages: int, deadline: float) -> None:
    """Wait until this worker may submit `messages` more, before they are claimed: a claim does not wait.

    Raises `Later` when what follows would not be done by `deadline`.
    """
    now, rate = time.monotonic(), _rate(provider)
    lasts = ((messages - 1) / rate if rate and messages else 0.0) + 2 * settings().provider_timeout + _MARGIN
    with _turns_lock:
        turn = max(now, _turns.get(provider, 0.0)) if rate else now
        if time.time() + (turn - now) + lasts > deadline:
            raise Later(turn - now)
        if rate:
            _turns[provider] = turn + messages / rate
    time.sleep(turn - now)


@cache
def _calls() -> ThreadPoolExecutor:
    """The process's provider calls: as many at once as the windows of ten records have."""
    most = min(10 * settings().window, providers.CONNECTIONS)
    return ThreadPoolExecutor(max_workers=most, thread_name_prefix="call")
