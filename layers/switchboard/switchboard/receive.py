"""Receiving: receipts find their message whenever they come, inbound messages find their client."""

import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from switchboard import credentials, observe, queues, tracking
from switchboard.dialects.dialect import Account
from switchboard.dialects.registry import DIALECTS
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.chunk import ReceiptSeen
from switchboard.model.receipt import Inbound, Receipt
from switchboard.settings import settings
from switchboard.tracking import life, receipts
from switchboard.tracking.receipts import Owner

_MOST_LOOKED_AT = 200  # messages to one number that a receipt without an owner is held against


def receive(provider: str, token: str, request: Request) -> Response | None:
    """Take a provider's callback and answer as it expects. None: no such provider, or not its secret token.

    What cannot be read is kept raw for a day, and nobody is asked to send it again: it would be the same.
    """
    dialect = DIALECTS.get(provider)
    if dialect is None or not credentials.callback_token_matches(provider, token):
        observe.count("CallbacksRefused")
        return None
    account = credentials.account(provider)
    try:
        events = dialect.callback(request, account)
        if not all(event.plausible for event in events):
            raise Unreadable("blank or oversized fields")
    except Unreadable as unreadable:
        observe.count("CallbacksUnreadable")
        observe.logger.warning("a callback could not be read", provider=provider, reason=str(unreadable))
        tracking.keep_raw(provider, _raw(request), time.time())
        return dialect.unreadable or dialect.acknowledgement
    for event in events:
        if isinstance(event, Receipt):
            _receipt(provider, event)
        else:
            _inbound(provider, account, event)
    return dialect.acknowledgement


def recheck(provider: str, vendor_id: str, to: str | None) -> None:
    """Look at a parked receipt again, after every worker that may have had its message has recorded or lost it."""
    owner = receipts.owner(provider, vendor_id)
    if owner is None and to is not None:
        owner = _settle_by_number(provider, vendor_id, to)
    if owner is None:
        return
    if parked := receipts.parked(provider, [vendor_id]).get(vendor_id):
        _record(owner, parked)


def _receipt(provider: str, receipt: Receipt) -> None:
    seen = ReceiptSeen(
        word=receipt.word,
        status=receipt.status,
        error=receipt.error,
        done_at=receipt.done_at,
        received_at=round(time.time(), 3),
    )
    if owner := receipts.owner(provider, receipt.vendor_id):
        _record(owner, [seen])
        return
    receipts.park(provider, receipt.vendor_id, seen)
    queues.watch_receipt(provider, receipt.vendor_id, _e164(receipt.to), settings().recheck)


def _record(owner: Owner, seen: Sequence[ReceiptSeen]) -> None:
    """Add receipts to their message, then say so to whoever tells its client."""
    receipts.record(owner.message, seen)
    if owner.reports_to:
        queues.announce_reports(owner.reports_to, [owner.message])


def _settle_by_number(provider: str, vendor_id: str, to: str) -> Owner | None:
    """The one message that a receipt without an owner must be about, bound to it; None when that is not certain.

    While any message to the number is claimed and without a result the receipt may be that one's: look again later.
    """
    candidates: list[Owner] = []
    recipients = list(islice(receipts.messages_to(to), _MOST_LOOKED_AT + 1))
    if len(recipients) > _MOST_LOOKED_AT:
        return None  # a number that is written to all day: nothing about it is certain
    for client, id_ in recipients:
        found = life.read(client, id_)
        if found is None:
            continue  # of an attempt that was never sealed
        batch, view = found
        n = int(id_.rsplit("-", 1)[1])
        if view.in_flight(n) and view.header.provider == provider:
            queues.watch_receipt(provider, vendor_id, to, settings().recheck)
            return None
        if view.may_own_receipt(n, provider):
            candidates.append(Owner(id_, batch.reports_to))
    if len(candidates) == 1 and receipts.bind(provider, vendor_id, candidates[0], time.time()):
        observe.logger.info(
            "a receipt found its message by number", message_id=candidates[0].message, provider=provider
        )
        return candidates[0]
    return None


def _inbound(provider: str, account: Account, inbound: Inbound) -> None:
    # Only inbound messages need the numbering plans, and receipts are the hot path.
    from switchboard.model.address import read_phone

    region = account.get("region")
    to = read_phone(inbound.to, region) if inbound.to else None
    client = account.get(f"inbound_client:{to}") or account.get("inbound_client")
    if client is None:
        observe.count("InboundUnclaimed")
        observe.logger.warning("no client is set for inbound messages", provider=provider)
        return
    sender = read_phone(inbound.sender, region)
    tracking.store_inbound(client, provider, replace(inbound, to=to), sender, time.time())


def _e164(raw: str | None) -> str | None:
    """The number of a receipt as messages are kept by it: vendors echo it with or without its plus."""
    digits = "".join(filter(str.isdigit, raw or ""))
    return f"+{digits}" if digits else None


def _raw(request: Request) -> dict[str, str]:
    """A request without its path, which holds the secret token, and no larger than an item may be."""
    return {
        "method": request.method,
        "query": request.query.decode("latin-1")[:10_000],
        "body": b64encode(request.body[:100_000]).decode(),
    }
