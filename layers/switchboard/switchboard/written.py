"""Answers about writes to the CRM: how a write ended as a status, a body or a problem, and where it can be followed."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from switchboard.accept import IdempotencyConflict
from switchboard.deals import Life, Page
from switchboard.dialects import unified_deals
from switchboard.model.problem import Problem
from switchboard.model.record import Head, Result, Standing, Write
from switchboard.web import JSON, Fault, Response

_STATUS = {Standing.PENDING: 202, Standing.SAVED: 200, Standing.REJECTED: 422, Standing.FAILED: 503}
_STATUS[Standing.UNCONFIRMED] = 504
_REFUSALS = {
    Standing.REJECTED: "The CRM said no: {}",
    Standing.FAILED: "The CRM was not reached, and nothing was written: {}",
    Standing.UNCONFIRMED: "Nobody knows whether the CRM holds what was asked for: {}",
}


def conflict(_: IdempotencyConflict) -> Fault:
    """The refusal of a key that stands for another request."""
    return Fault(
        422, "The key stands for another request.", Problem("Idempotency-Key", "was used with another request")
    )


def deal(write: Write, replayed: bool) -> Response[Any]:
    """The answer about one deal. Raises `Fault` where the CRM did not save it."""
    return _answer(
        write, unified_deals.DealTold.model_validate(_deal(write)), deal_url(write.record.reference), replayed
    )


def account(write: Write, replayed: bool) -> Response[Any]:
    """The answer about one sign-up. Raises `Fault` where the CRM did not take it."""
    return _answer(write, account_told(write), account_url(write.record.reference), replayed)


def account_told(write: Write) -> unified_deals.AccountTold:
    """A sign-up as it stands."""
    told = _told(write)
    about = {"id": write.record.reference, "url": account_url(write.record.reference), "email": _said(write)["email"]}
    return unified_deals.AccountTold.model_validate({**told, **about})


def _answer(write: Write, told: Any, url: str, replayed: bool) -> Response[Any]:
    standing = _result(write).standing
    headers = {"Location": url, **({"Idempotent-Replayed": "true"} if replayed else {})}
    if standing in _REFUSALS:
        fault = Fault(_STATUS[standing], _REFUSALS[standing].format(_result(write).words or ""), headers=headers)
        raise fault
    return Response(_status(write), JSON, told, headers)


def deals(written: Sequence[Write], replayed: bool) -> Response[Any]:
    """The answer about a batch: 200 when all were saved, else 207."""
    lines = [unified_deals.DealResult.model_validate({**_deal(write), "status": _status(write)}) for write in written]
    status = 200 if all(line.status in {200, 201} for line in lines) else 207
    headers = {"Idempotent-Replayed": "true"} if replayed else {}
    return Response(status, JSON, unified_deals.DealResults(results=lines), headers)


def life(found: Life) -> unified_deals.DealLife:
    """A deal and what was written to it."""
    head, history = found.head, found.history
    return unified_deals.DealLife.model_validate(
        {
            "external_reference": head.record.reference,
            "id": head.crm_id,
            "standing": _result(history[0]).standing.value if history else Standing.PENDING.value,
            "deal": head.saved,
            "writes": head.count,
            "history": [{**_deal(write), "request": _said(write)} for write in history],
            "cursor": found.cursor,
        }
    )


def page(found: Page) -> unified_deals.DealPage:
    """A page of deals."""
    return unified_deals.DealPage.model_validate(
        {"items": [_line(head) for head in found.items], "cursor": found.cursor}
    )


def _line(head: Head) -> dict[str, Any]:
    name = head.record.reference
    told = {"external_reference": name, "url": deal_url(name), "id": head.crm_id, "deal": head.saved}
    return {**told, "at": head.written_at}


def deal_url(reference: str) -> str:
    """Where a deal can be read."""
    return f"/v1/deals/{quote(reference, safe='')}"


def account_url(id_: str) -> str:
    """Where a sign-up can be read."""
    return f"/v1/accounts/{id_}"


def _result(write: Write) -> Result:
    return write.result or Result(standing=Standing.PENDING, at=write.at)


def _status(write: Write) -> int:
    result = _result(write)
    return 201 if result.created and result.standing is Standing.SAVED else _STATUS[result.standing]


def _said(write: Write) -> dict[str, Any]:
    """The words as they are kept: they were read when they were taken, and are shown whatever is read today."""
    said: dict[str, Any] = json.loads(write.said)
    return said


def _told(write: Write) -> dict[str, Any]:
    result = _result(write)
    warnings = [{"field": warning.field, "reason": warning.reason} for warning in result.warnings]
    return {"standing": result.standing.value, "words": result.words, "warnings": warnings, "at": result.at}


def _deal(write: Write) -> dict[str, Any]:
    result, name = _result(write), write.record.reference
    about = {"external_reference": name, "url": deal_url(name), "number": write.number, "created": result.created}
    return {**_told(write), **about, "deal": result.saved, "unconfirmed": list(result.unconfirmed)}
