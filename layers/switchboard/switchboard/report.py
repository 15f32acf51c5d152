"""Reporting: what became of a message is told to the client at whose door it came in, in that door's dialect."""

from datetime import datetime

from switchboard import endpoints, observe, tracking
from switchboard.dialects.door import Delivery
from switchboard.dialects.reports import REPORTS
from switchboard.model import destination
from switchboard.model.chunk import Chunk, alias, parse_message_id
from switchboard.model.segments import count
from switchboard.model.status import FINAL, Status
from switchboard.model.template import render
from switchboard.settings import settings
from switchboard.tracking import Batch, life, reports

REPORTED = FINAL - {Status.CANCELED} | {Status.SENT}
"""What a client is told: how it ended, and that it is on its way. It canceled by itself, and a doubt is not told."""

WAITS = (5.0, 30.0, 120.0, 600.0, 900.0)  # seconds after the first try, the second, ...; the last from then on
_RETRY_AFTER_LIMIT = 3600.0  # seconds; an endpoint's Retry-After is honoured up to this
_SECONDS = 10.0  # that an endpoint may take, in all
_TAKEN = frozenset({200, 202})


class NotTaken(Exception):
    """The client's endpoint did not take the report: it must come again, after `retry_after` seconds if it says so."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("the report was not taken")
        self.retry_after = retry_after


def wait(tries: int, retry_after: float | None) -> float:
    """How many seconds to wait after so many tries (1 at least), the endpoint's own wish included."""
    return max(WAITS[min(tries, len(WAITS)) - 1], min(retry_after or 0.0, _RETRY_AFTER_LIMIT))


def direct(client: str, door: str, url: str | None) -> None:
    """Send a client's reports in a door's dialect to a URL from now on, or with None nowhere.

    Raises ValueError for a door that has no reports, and `Refused` for a URL that we do not call: see `destination`.
    """
    if door not in REPORTS:
        raise ValueError(f"{door} has no reports; these have: {', '.join(sorted(REPORTS))}")
    if url is not None:
        destination.check(url, settings().loopback_endpoints)
    reports.put_url(client, door, url)


def report(message: str) -> None:
    """Tell the client where its message stands, unless it knows. Raises `NotTaken`.

    Told first and remembered second: the client may be told the same twice, and nothing is left untold.
    """
    parsed = parse_message_id(message)
    batch = tracking.read_batch(parsed[0].batch) if parsed else None
    if parsed is None or batch is None or batch.door is None:
        return
    url = reports.get_url(batch.client, batch.door)
    view = life.read_in(batch, *parsed) if url else None
    if url is None or view is None:
        return  # nobody wants to be told
    chunk, n = parsed
    status = view.status(n)
    if status not in REPORTED or view.told.get(n) is status:
        return
    _tell(url, batch.door, delivery(batch, view, n), message)
    if not reports.put_told(chunk, n, status) and (later := life.read_in(batch, chunk, n)):
        _tell(url, batch.door, delivery(batch, later, n), message)  # what was told meanwhile must be the last word


def delivery(batch: Batch, view: Chunk, n: int) -> Delivery:
    """What became of a message that stands where clients are told of it."""
    stored, status = view.messages[n], view.status(n)
    content = render(batch.content, stored.variables)
    done_at, code = _ending(view, n, status)
    taken = [result.at for result in view.results.get(n, ())]
    return Delivery(
        id=alias(batch.id, stored.place),
        to=stored.to,
        sender=content.sender,
        status=status,
        submitted_at=taken[-1] if taken else batch.created_at,
        done_at=done_at,
        parts=count(content.text, content.encoding).parts if content.text else 1,
        code=code,
    )


def _ending(view: Chunk, n: int, status: Status) -> tuple[float, str | None]:
    """When and by whose code a message came to where it stands: by a receipt, or by the last submission's result."""
    receipt = next((receipt for receipt in view.receipts.get(n, ()) if receipt.status is status), None)
    if receipt is not None:
        done_at = datetime.fromisoformat(receipt.done_at).timestamp() if receipt.done_at else receipt.received_at
        return done_at, receipt.error
    result = view.results[n][-1]
    return result.at, result.code


def _tell(url: str, door: str, said: Delivery, message: str) -> None:
    """One report to the client's endpoint. Raises `NotTaken`."""
    try:
        answer = endpoints.carry(url, REPORTS[door](said), _SECONDS, settings().loopback_endpoints)
    except endpoints.Unreached as unreached:
        why, retry_after = str(unreached), None
        if isinstance(unreached, endpoints.Barred):
            observe.count("EndpointsBarred")
    else:
        if answer.status in _TAKEN:
            observe.count("ReportsDelivered")
            return
        why, retry_after = f"HTTP {answer.status}", answer.retry_after
    observe.count("ReportsFailed")
    observe.logger.warning("a report was not taken", message_id=message, reason=why)
    raise NotTaken(retry_after)
