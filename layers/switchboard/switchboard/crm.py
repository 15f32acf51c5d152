"""Writing to the CRM: one worker a record, one call at a time, and a lost answer repeated only where that is safe."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from pydantic import ValidationError

from switchboard import observe, providers, uploads
from switchboard.dialects import unified_deals
from switchboard.dialects.crm import Sending
from switchboard.dialects.dialect import Account
from switchboard.dialects.keeper import CRM, KEEPER
from switchboard.dialects.unified import problems
from switchboard.model.account import SignedUp
from switchboard.model.deal import File, Refusal, SavedDeal
from switchboard.model.outcome import Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.record import Head, Kind, Record, Result, Standing, Write
from switchboard.settings import settings
from switchboard.tracking import writes

SCOPE = "|"
"""Stands between a client and its reference in what the CRM is told: no reference of ours has it."""

DEALS_CLIENT = "deals_client"
"""In the provider's account: the client whose references the CRM gets as they are, for it may know them from before."""

_NOES = {Standing.REJECTED, Standing.FAILED}  # they say that nothing was written
_MARGIN = 5.0  # seconds that connecting, and recording an outcome, may take
_SLOWEST = 1_000_000  # octets a second of files that are sent
_LONGEST_WAIT = 900.0  # seconds between two tries


_SECOND = "The CRM's answer was lost, and a repetition could make a second deal."
_WORN_OUT = "Nobody could say how its calls ended, too often to make another."
_BEHIND = "The answer to an earlier call by the CRM's id was lost: this was not sent, it could make a second deal."


class Frozen(Exception):
    """This process stood still for so long that its lease is no longer certain: nothing has left."""


class Later(Exception):
    """The name must come back after `seconds`; it is not acknowledged."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds:.0f} s")
        self.seconds = max(0.0, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as it is to go out: its once-only parts, whether it may be repeated, how long its files may take.

    `asked_id` is the CRM's id that goes out, `named` the one that its caller said. `make` carries it out without those
    of its parts that went before; it raises `Frozen` unless the call leaves before a time.
    """

    parts: frozenset[str]
    asked_id: str | None
    named: str | None
    safe: bool
    upload_seconds: float
    ignored: tuple[Problem, ...]
    make: Callable[[frozenset[str], float], "SavedDeal | SignedUp | Refusal | Outcome"]
    differing: Callable[[SavedDeal], tuple[Problem, ...]]


def work(name: str, deadline: float) -> None:
    """Do the writes that wait for a record; returning acknowledges its name. `deadline` is the invocation's end.

    Raises `Later` when the CRM may still be at work on a call whose answer was lost, when it could not be reached, or
    when this invocation's time is up.
    """
    record, owner, now = Record.parse(name), secrets.token_hex(8), time.time()
    try:
        head = writes.take(record, owner, now + _MARGIN, now)
    except writes.Overtaken:
        # Its holder has this name's fellow in hand and looks again before it lets go, or comes back for it.
        if writes.knock(record, now):
            return
        raise Later(0.0) from None
    try:
        _run(head, owner, deadline)
    except writes.Overtaken:
        raise Later(1.0) from None


def _run(head: Head, owner: str, deadline: float) -> None:
    """Write after write, until none waits and nobody has knocked since that was seen."""
    if head.calling:  # whoever held this lease did not say how its call ended
        head = writes.change(head, owner, calling=False, lost=head.lost + 1)
    while True:
        write = writes.next_waiting(head.record, head.doing)
        if write:
            head = _do(head, write, owner, deadline)
        elif writes.release(head, owner):
            return
        else:
            head = writes.take(head.record, owner, time.time() + _MARGIN, time.time())


def _do(head: Head, write: Write, owner: str, deadline: float) -> Head:
    """One write to its end; the head after it. Raises `Later`."""
    if ended := writes.result(write):
        return _ended(head, ended, owner)
    if head.doing != write.number:
        head = replace(head, doing=write.number, carried=frozenset(), lost=0, tries=0)
    try:
        call = _call(head, write)
    except Refused as refused:
        words = str(refused)
        return _end(head, write, owner, _result(Standing.FAILED, head, words=words))
    if not call.safe and (head.lost or _in_doubt(head)):
        words = _SECOND if head.lost else _BEHIND
        return _end(head, write, owner, _result(Standing.UNCONFIRMED, head, words=words))
    if head.lost >= settings().max_passes:  # whoever called did not live to say how it ended
        return _end(head, write, owner, _result(Standing.UNCONFIRMED, head, words=_WORN_OUT))
    taking = 2 * settings().provider_timeout + call.upload_seconds + _MARGIN
    if time.time() + taking > deadline:
        writes.change(head, owner, owner=None, lease=None)
        raise Later(0.0)
    now = time.time()
    claimed = writes.change(
        head,
        owner,
        lease=now + taking + settings().crm_settle,
        doing=write.number,
        calling=True,
        carried=head.carried | call.parts,
        lost=head.lost,
        tries=head.tries,
        bound=_doubted(head, call),
    )
    try:
        answer = call.make(head.carried, now + _MARGIN)
    except Frozen:
        writes.change(claimed, owner, owner=None, lease=None, calling=False, carried=head.carried, bound=head.bound)
        raise Later(0.0) from None
    return _judge(replace(claimed, carried=head.carried, bound=head.bound), write, owner, call, answer)


def _judge(
    head: Head, write: Write, owner: str, call: Call, answer: "SavedDeal | SignedUp | Refusal | Outcome"
) -> Head:
    """What an answer means for a write; `head.carried` and `bound` are as before the call. Raises `Later`."""
    if isinstance(answer, Refusal) and answer.known and head.lost:
        warning = Problem("email", "is registered, the CRM says now: its answer to our own call before was lost")
        return _end(head, write, owner, _result(Standing.SAVED, head, created=True, warnings=(warning,)))
    if isinstance(answer, Refusal):
        return _end(head, write, owner, _result(Standing.REJECTED, head, words=answer.words))
    if isinstance(answer, Outcome):
        return _unanswered(head, write, owner, call, answer)
    if isinstance(answer, SignedUp):
        return _end(head, write, owner, _result(Standing.SAVED, head, created=True))
    return _saved(head, write, owner, call, answer)


def _saved(head: Head, write: Write, owner: str, call: Call, answer: SavedDeal) -> Head:
    """A deal that the CRM says it holds."""
    shown = _shown(answer, write.client)
    created = answer.id != call.asked_id if call.asked_id else head.crm_id is None
    warnings = (*call.ignored, *call.differing(answer))
    result = _result(Standing.SAVED, head, created=created, saved=shown, warnings=warnings)
    if answer.id:
        writes.put_owner(answer.id, write.client, result.at)
    stays = head.bound if answer.id == head.crm_id else None
    bound = stays or (call.named if answer.id else None) or head.bound
    return _end(head, write, owner, result, crm_id=answer.id or head.crm_id, saved=shown, bound=bound)


def _in_doubt(head: Head) -> bool:
    """Whether the CRM may have made a deal of an id that it did not know, and nobody knows which."""
    return head.bound is not None and head.crm_id is None


def _doubted(head: Head, call: Call) -> str | None:
    """What the record is bound to while a call has no answer: the id of one that is not to be repeated is a doubt."""
    return head.bound if call.safe or head.crm_id else head.bound or call.named


def _unanswered(head: Head, write: Write, owner: str, call: Call, outcome: Outcome) -> Head:
    """A call that nobody answered, or not in the CRM's words."""
    words = outcome.detail or outcome.code or "no answer"
    if outcome.verdict is Verdict.REJECTED:
        return _end(head, write, owner, _result(Standing.REJECTED, head, words=words))
    if outcome.verdict is Verdict.RETRYABLE:
        tries = head.tries + 1
        if tries >= settings().max_passes:
            return _end(head, write, owner, _result(Standing.FAILED, head, words=words))
        pause = max(outcome.retry_after or 0.0, settings().backoff * 4 ** (tries - 1))
        pause = min(pause, _LONGEST_WAIT)
        return _pause(head, owner, pause, tries=tries, lost=head.lost, carried=head.carried, bound=head.bound)
    observe.count("CrmAnswersLost")
    carried, lost = head.carried | call.parts, head.lost + 1
    if lost >= settings().max_passes or not call.safe:
        doubt = "The CRM's answer was lost." if call.safe else _SECOND
        ended = replace(head, carried=carried, lost=lost)
        _finish(ended, write, _result(Standing.UNCONFIRMED, ended, words=f"{doubt} {words}"))
    bound = _doubted(head, call)
    return _pause(head, owner, settings().crm_settle, tries=head.tries, lost=lost, carried=carried, bound=bound)


def _pause(head: Head, owner: str, seconds: float, **known: Any) -> Head:
    """Hold the record, with nobody at work on it, until the CRM is done or there again. Raises `Later`, always."""
    writes.change(head, owner, lease=time.time() + seconds, owner=None, calling=False, doing=head.doing, **known)
    raise Later(seconds + 0.1)


def _end(head: Head, write: Write, owner: str, result: Result, **known: Any) -> Head:
    """A write is over: its result first, then what is known of the record, then it waits no longer."""
    writes.put_result(replace(write, result=result))
    known = {"bound": head.bound, **known}
    after = writes.change(head, owner, doing=None, calling=False, carried=None, lost=0, tries=0, **known)
    writes.drop_waiting(write)
    return after


def _ended(head: Head, write: Write, owner: str) -> Head:
    """A write that waits though it is over; what its result says of the record is made good if nobody came to it."""
    saved = write.result.saved if write.result else None
    if saved and saved["id"] and head.doing == write.number:
        named = json.loads(write.said).get("id")
        head = writes.change(head, owner, crm_id=saved["id"], saved=saved, bound=named or head.bound)
    writes.drop_waiting(write)
    return head


def _finish(head: Head, write: Write, result: Result) -> None:
    """The same for a write whose call the CRM may still be at work on: the head stays as it is."""
    writes.put_result(replace(write, result=result))
    writes.drop_waiting(write)


def _result(
    standing: Standing,
    head: Head,
    *,
    words: str | None = None,
    created: bool | None = None,
    saved: dict[str, Any] | None = None,
    warnings: tuple[Problem, ...] = (),
) -> Result:
    """A result now; what went out with a lost answer and not again is unconfirmed, and so is a deal without a yes.

    A no after a lost answer is one to the repetition alone: the call before may have been carried out.
    """
    if head.lost and standing in _NOES:
        standing, words = Standing.UNCONFIRMED, f"An answer before was lost; then: {words}"
    whole = {"all"} if head.lost and standing is not Standing.SAVED else set()
    return Result(
        standing=standing,
        at=time.time(),
        created=created,
        saved=saved,
        words=words[:500] if words else None,
        warnings=warnings,
        unconfirmed=tuple(sorted(head.carried | whole)),
    )


def _call(head: Head, write: Write) -> Call:
    """The call that a write comes to. Raises `Refused` when its files are gone, or its words no longer hold."""
    try:
        return _account_call(write) if head.record.kind is Kind.ACCOUNT else _deal_call(head, write)
    except ValidationError as wrong:
        raise Refused(*problems([{**error} for error in wrong.errors()])) from None


def _account_call(write: Write) -> Call:
    wanted = unified_deals.sign_up(unified_deals.AccountRequest.model_validate_json(write.said))

    def make(_: frozenset[str], latest: float) -> "SignedUp | Refusal | Outcome":
        def wire(account: Account) -> Sending:
            _awake(latest)
            return Sending(CRM.sign_up(wanted, account))

        return providers.ask(KEEPER, wire, CRM.signed_up, _no_file)

    return Call(
        asked_id=None,
        named=None,
        parts=frozenset(),  # a repetition finds the e-mail registered, and nothing is done twice
        safe=True,
        upload_seconds=0.0,
        ignored=(),
        make=make,
        differing=lambda _: (),
    )


def _deal_call(head: Head, write: Write) -> Call:
    request = _said(write)
    files = tuple(File(**file) for file in write.files)
    if files and uploads.resolve(write.client, [file.id for file in files]) != files:
        raise Refused(Problem("attachments", "are not what they were"))
    deal = unified_deals.deal(request, head.record.reference, files)
    if head.bound and head.crm_id and deal.id in (None, head.bound):
        deal = replace(deal, id=head.crm_id)  # what the CRM made of an id that it did not know is known by another
    seconds = _MARGIN + sum(file.size for file in files) / _SLOWEST if files else 0.0

    def make(without: frozenset[str], latest: float) -> "SavedDeal | Refusal | Outcome":
        sent = deal.without(without)

        def wire(account: Account) -> Sending:
            _awake(latest)
            reference = wire_reference(head.record, account)
            return CRM.deal(replace(sent, external_reference=reference), account, secrets.token_hex(24))

        return providers.ask(KEEPER, wire, CRM.saved, lambda file: uploads.read(write.client, file), seconds)

    return Call(
        parts=deal.once,
        asked_id=deal.id,
        named=request.id,
        safe=not deal.id or deal.id == head.crm_id or writes.get_owner(deal.id) is not None,
        upload_seconds=seconds,
        ignored=CRM.ignored(deal),
        make=make,
        differing=lambda answer: CRM.differing(deal, answer),
    )


def _awake(latest: float) -> None:
    """The last look at the clock before a call leaves. Raises `Frozen`."""
    if time.time() > latest:
        raise Frozen


def wire_reference(record: Record, account: Account) -> str:
    """What the CRM knows a deal by: two clients never meet under one reference."""
    if account.get(DEALS_CLIENT) == record.client:
        return record.reference
    return f"{record.client}{SCOPE}{record.reference}"


def _said(write: Write) -> unified_deals.NewDealRequest:
    return unified_deals.NewDealRequest.model_validate_json(write.said)


def _no_file(_: File) -> "list[bytes]":
    return []


def _shown(answer: SavedDeal, client: str) -> dict[str, Any]:
    """The CRM's answer as it is kept and shown: the client's own reference, and no other client's."""
    reference = (answer.reference or "").removeprefix(client + SCOPE)
    said = asdict(answer) | {"reference": None if SCOPE in reference else reference or None}
    closing = {name: day.isoformat() if day else None for name, day in said["closing"].items()}
    return {**said, "closing": closing}
