"""Admitting: a client at a vendor's door is heard and answered in that vendor's words, and served like any other."""

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import credentials, observe, quota
from switchboard.accept import Accepted, IdempotencyConflict, SealInDoubt, Submission, accept
from switchboard.credentials import Client, Key
from switchboard.dialects.door import (
    Credentials,
    Door,
    Entrance,
    Held,
    Home,
    Order,
    Placed,
    Refusal,
    TurnedAway,
    Upload,
    Writing,
    by_their_names,
)
from switchboard.dialects.doors import DOORS, ENTRANCES
from switchboard.dialects.wire import IDEMPOTENCY_KEY, NOT_FOUND, Request, Response, text
from switchboard.model.calendar import zone_of
from switchboard.model.chunk import Result, parse_message_id
from switchboard.model.message import Channel
from switchboard.model.outcome import Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.record import Standing
from switchboard.model.scope import Scope
from switchboard.model.segments import sendable
from switchboard.settings import settings
from switchboard.tracking import life
from switchboard.tracking.seal import dump_content

PROBLEM_HEADER = "x-switchboard-problem"
"""What was wrong, for whom the vendor's own word does not say it: `field: reason; field: reason`."""
CAMPAIGN_HEADER = "x-switchboard-campaign"
"""The id of the campaign that an upload became, which its vendor's own answer does not tell."""

_TOO_MANY = Problem("call", "the key has no requests left: come again after the seconds of Retry-After")
_ABSENT = Problem("call", "this gateway does not take it")
_OUT_OF_ORDER = text("Service Unavailable", status=503)
_MAX_PROBLEM_HEADER = 1000  # characters
_LOOK_AGAIN = 0.1  # seconds
_AWS = (BotoCoreError, ClientError, OSError)  # the network, a service, or a batch that was never taken whole


def admit(request: Request) -> Response:
    """The vendor's answer to a call at one of its doors."""
    door = next((door for door in DOORS if _leads_to(door, request)), None)
    if door is None:
        return NOT_FOUND
    try:
        return _served(door, door.read(request), request)
    except TurnedAway as turned:
        return _named(turned.response, turned.problems) if turned.problems else turned.response


def enter(request: Request) -> Response:
    """The vendor's answer to a call that opens or ends a session."""
    entrance = next((entrance for entrance in ENTRANCES if _leads_to(entrance, request)), None)
    if entrance is None:
        return NOT_FOUND
    try:
        return _opened_or_ended(entrance, entrance.read(request))
    except TurnedAway as turned:
        return _named(turned.response, turned.problems) if turned.problems else turned.response
    except _AWS as error:
        observe.failure("a session could not be opened or ended", error)
        return _OUT_OF_ORDER


def _leads_to(door: Door[Any] | Entrance[Any], request: Request) -> bool:
    return request.path == door.path and request.method in door.methods


def _opened_or_ended(entrance: Entrance[Any], said: Any) -> Response:
    """The answer to a call that could be read. Raises `TurnedAway`."""
    shown = entrance.credentials(said)
    if entrance.token is None:
        return entrance.answer(said, shown.secret if credentials.end_session(shown.secret) else None)
    no = entrance.answer(said, None)
    key = _key(shown)
    if key is None:
        return no
    try:
        quota.take(key.id)
    except quota.Exhausted as over:
        raise TurnedAway(_later(replace(no, status=429), over), (_TOO_MANY,)) from None
    if Scope.SEND not in key.scopes:
        raise TurnedAway(no, (_lacks(Scope.SEND),))
    token = entrance.token(key.client.name, str(uuid.uuid4()))
    credentials.open_session(token, shown.secret)
    return entrance.answer(said, token)


def _client(door: Door[Any], said: Any) -> Client:
    """Whose call it is, counted and allowed. Raises `TurnedAway`."""
    try:
        key = _key(door.credentials(said))
        if key is not None:
            quota.take(key.id)
    except quota.Exhausted as over:
        raise TurnedAway(_later(door.refuse(said, Refusal.LIMIT, (), None), over), (_TOO_MANY,)) from None
    except _AWS as error:
        observe.failure("a key could not be looked up", error, door=door.name)
        raise TurnedAway(door.refuse(said, Refusal.BUSY, (), None)) from None
    if key is None or door.scope not in key.scopes:
        raise TurnedAway(door.refuse(said, Refusal.CREDENTIALS, (), None), (_lacks(door.scope),) if key else ())
    return key.client


def _later(response: Response, over: quota.Exhausted) -> Response:
    told = tuple((name.lower(), value) for name, value in over.headers.items())
    return replace(response, headers=(*response.headers, *told))


def _lacks(scope: Scope) -> Problem:
    return Problem("key", f"lacks the scope {scope}")


def _served(door: Door[Any], said: Any, request: Request) -> Response:
    """The answer to a call that could be read. Raises `TurnedAway`."""
    client = _client(door, said)
    order: Order | None = None
    try:
        if door.writing and door.held:
            return _kept(door, door.writing(said), door.held, client, _idempotency_key(request))
        if door.upload and door.begun:
            return _begun(door, door.upload(said), door.begun, client, _idempotency_key(request))
        order = door.order(said, Home(client.region, zone_of(client.zone)))
        if order is None:
            return _named(door.refuse(said, Refusal.ABSENT, (), order), (_ABSENT,))
        accepted = accept(_submission(door, _checked(order)), client, _idempotency_key(request))
        return door.answer(said, order, _placed(door, client, accepted))
    except Refused as refused:
        answer = door.refuse(said, Refusal.CONTENT, refused.problems, order)
        return _named(answer, by_their_names(refused.problems, door.names))
    except IdempotencyConflict:
        conflict = (Problem("Idempotency-Key", "was used with another request"),)
        return _named(door.refuse(said, Refusal.CONTENT, conflict, order), conflict)
    except SealInDoubt as error:
        observe.failure("nobody knows whether a call was taken", error, door=door.name)
        return door.refuse(said, Refusal.UNKNOWN, (), order)
    except _AWS as error:
        observe.failure("a call could not be taken", error, door=door.name)
        # A write to the CRM may stand by then, and nothing takes it back.
        return door.refuse(said, Refusal.UNKNOWN if door.writing else Refusal.FAILED, (), order)


def _kept(
    door: Door[Any], writing: Writing, held: Callable[[Held], Response], client: Client, key: str | None
) -> Response:
    """The answer to a call that writes to the CRM. Raises `Refused`, with the CRM's own no as well."""
    # Few calls write to the CRM, and the others' cold start does not wait for it.
    from switchboard import keep

    write = keep.keep(client, writing.account, writing.said, writing.files, key)
    result = write.result
    if result is None or result.standing is Standing.UNCONFIRMED:
        words = (result.words or "no answer") if result else keep.PENDING
        return _named(door.refuse(None, Refusal.UNKNOWN, (), None), (Problem("call", words),))
    if result.standing is not Standing.SAVED:
        return door.refuse(None, Refusal.CONTENT, (Problem("", result.words or "no answer"),), None)
    saved = result.saved or {}
    # A deal that is named by the CRM's own id has the CRM's reference, if it has one.
    reference = saved.get("reference") if "id" in writing.said else write.record.reference
    return held(Held(reference=reference or "", saved=saved))


def _begun(door: Door[Any], upload: Upload, yes: Response, client: Client, key: str | None) -> Response:
    """The answer to a call that brings a campaign's file. Raises as `campaigns.take` does."""
    # Few calls bring files, and the others' cold start does not wait for what reads them.
    from switchboard import campaigns

    campaign = campaigns.take(client, upload, door.dialect, key)
    return replace(yes, headers=(*yes.headers, (CAMPAIGN_HEADER, campaign.id)))


def _key(shown: Credentials | None) -> Key | None:
    """The key that a call shows, or that its session was opened with."""
    if shown is None:
        return None
    key = credentials.in_session(shown.secret) if shown.session else credentials.authenticate(shown.secret)
    return key if key and shown.user in (None, key.client.name) else None


def _checked(order: Order) -> Order:
    """The order, if its text is one that an SMS is meant for. Raises `Refused`."""
    if order.content.channel is Channel.SMS:
        sendable(order.content.text or "", order.content.encoding)
    return order


def _submission(door: Door[Any], order: Order) -> Submission:
    """What is to be accepted. A repeat is the same order, whatever spelling, method or key it comes by."""
    when = () if order.send_at is None else (str(order.send_at),)
    asked = (dump_content(order.content), *when, *(recipient.to for recipient in order.recipients))
    return Submission(
        content=replace(order.content, literal=True),  # no vendor has placeholders: theirs is text
        recipients=order.recipients,
        fingerprint=hashlib.sha256("\0".join((door.dialect, door.name, *asked)).encode()).hexdigest(),
        door=door.dialect,
        reports=order.reports,
        send_at=order.send_at,
        at_once=order.at_once,
    )


def _idempotency_key(request: Request) -> str | None:
    """The header that our own API has, for the old client that can send one. Raises `Refused`."""
    key = request.header("idempotency-key")
    if key is not None and not re.fullmatch(IDEMPOTENCY_KEY, key):
        raise Refused(Problem("Idempotency-Key", "has 1 to 255 printable ASCII characters and no blanks"))
    return key


def _placed(door: Door[Any], client: Client, accepted: Accepted) -> tuple[Placed, ...]:
    """The accepted messages as the door's caller is told of them; of the first what the provider said, if it waits."""
    placed = [Placed(id=message.alias) for message in accepted.messages]
    result = _result(client, accepted.messages[0].id) if door.waits else None
    if result is not None:
        # Of many, some may have been taken: a no to all of them would have all of them sent again.
        ended = result.verdict not in (Verdict.ACCEPTED, Verdict.UNCONFIRMED) and len(placed) == 1
        refused = (result.detail or result.code or result.verdict) if ended else None
        placed[0] = replace(placed[0], facts=result.facts, refused=refused)
    return tuple(placed)


def _result(client: Client, message_id: str) -> Result | None:
    """How a message's last pass ended, as soon as that is known and within the door's time."""
    patience = time.monotonic() + settings().door_wait
    parsed = parse_message_id(message_id)
    while parsed and time.monotonic() < patience:
        time.sleep(_LOOK_AGAIN)
        try:
            found = life.read(client.name, message_id)
        except _AWS as error:  # the message is accepted, and its caller must not be told otherwise
            observe.failure("a provider's answer could not be waited for", error)
            return None
        results = found[1].results.get(parsed[1], ()) if found else ()
        if results and not results[-1].again:
            return results[-1]
    return None


def _named(response: Response, problems: Iterable[Problem]) -> Response:
    """The vendor's answer, and in a header what it has no word for."""
    words = "; ".join(f"{problem.field}: {problem.reason}" for problem in problems)
    printable = "".join(char if " " <= char <= "~" else "?" for char in words[:_MAX_PROBLEM_HEADER])
    return replace(response, headers=(*response.headers, (PROBLEM_HEADER, printable)))
