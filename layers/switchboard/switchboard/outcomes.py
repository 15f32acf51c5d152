"""Outcomes: what became of the rows of a campaign, window by window: counted, paged, written to a file."""

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

from switchboard import files, queues, tracking
from switchboard.dialects.registry import DIALECTS
from switchboard.model.campaign import Campaign, MissedRow, State, Tally, Window
from switchboard.model.chunk import Chunk, ChunkId
from switchboard.model.status import Status, settled
from switchboard.settings import settings
from switchboard.tracking import Overtaken, campaigns, chunks

BELIEVED = 3600.0  # seconds that a window whose messages had all settled is not counted again
CSV = "text/csv"
MAKING = 120.0  # seconds that whoever makes the file has for its next step
_PART = 5 * 2**20  # octets: the least that S3 takes for a part that is not the last
_MARGIN = 20.0
_UNTOUCHED = frozenset({Status.SCHEDULED, Status.QUEUED, Status.CANCELED})
_WELL = frozenset({Status.SUBMITTED, Status.SENT, Status.DELIVERED})  # what the provider said of them is no reason
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One row: `status` is its message's, or why it became none."""

    row: int
    line: int
    to: str | None
    reference: str | None
    status: str
    message: str | None = None
    provider: str | None = None
    column: str | None = None
    value: str | None = None
    reason: str | None = None
    cure: str | None = None


def of_window(campaign: str, window: Window) -> list[Outcome]:
    """What became of the rows of a window, in the file's order."""
    rows = missed(campaign, window) if window.missed else []
    for view in _views(window):
        rows += [_sent(window, view, n) for n in view.messages]
    return sorted(rows, key=lambda outcome: outcome.row)


def missed(campaign: str, window: Window) -> list[Outcome]:
    """The rows of a window that became no message."""
    return [_missed(row) for row in campaigns.missed(campaign, window.seq)]


def tally(window: Window) -> Tally:
    """How the messages of a window stand now."""
    statuses: Counter[str] = Counter()
    at = time.time()
    done, handed, latest = True, 0, 0.0
    for view in _views(window):
        for n in view.messages:
            status = view.status_at(n, at)
            statuses[status.value] += 1
            done = done and settled(status, DIALECTS[view.last_provider(n)].receipts)
            handed += status not in _UNTOUCHED
            latest = max(latest, _latest(view, n))
    complete = sum(statuses.values()) == window.accepted
    return Tally(seq=window.seq, at=at, statuses=statuses, settled=done and complete, handed=handed, latest=latest)


def _latest(view: Chunk, n: int) -> float:
    times = [result.at for result in view.results.get(n, ())]
    return max([*times, *(receipt.received_at for receipt in view.receipts.get(n, ()))], default=0.0)


def _views(window: Window) -> Iterator[Chunk]:
    """The chunks of a window's batch."""
    batch = tracking.read_batch(window.batch) if window.batch else None
    if batch:
        yield from (view for view in _pool().map(_view, batch.chunks) if view)


def _view(chunk: ChunkId) -> Chunk | None:
    return chunks.read_chunk(chunk)


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=10, thread_name_prefix="chunk")  # the chunks of one window


def _missed(row: MissedRow) -> Outcome:
    return Outcome(
        row=row.row,
        line=row.line,
        to=row.to,
        reference=row.reference,
        status=row.kind.value,
        column=row.column,
        value=row.value,
        reason=row.reason,
        cure=row.cure or None,
    )


def _sent(window: Window, view: Chunk, n: int) -> Outcome:
    stored, row = view.messages[n], view.messages[n].row or 0
    results = view.results.get(n, ())
    status = view.status_at(n, time.time())
    wrong = results and status not in _WELL
    said = [part for part in (results[-1].code, results[-1].detail) if part] if wrong else []
    return Outcome(
        row=row,
        line=window.line(row),
        to=stored.to,
        reference=stored.reference,
        status=status.value,
        message=view.header.chunk.message(n),
        provider=view.last_provider(n),
        reason=" ".join(said) or None,
    )


# The file. Its maker may be stopped anywhere: what it has is in its name in the queue, and nobody sees it unfinished.

_COLUMNS = ("row", "line", "to", "reference", "status", "message", "provider", "column", "value", "reason", "cure")


def write(campaign_id: str, ticket: str, name: dict[str, Any], deadline: float) -> None:
    """Make a campaign's file of outcomes, or go on with it; where time ends, hand over.

    `name` holds the upload, its parts, and the last window that they hold.
    """
    campaign = campaigns.read(campaign_id)
    if campaign is None:
        return
    with suppress(Overtaken):  # the ticket is another's by now
        _File(campaign, ticket, name).write(deadline)


class _File:
    """The file being made."""

    def __init__(self, campaign: Campaign, ticket: str, name: dict[str, Any]) -> None:
        self._campaign, self._ticket = campaign, ticket
        self._key = f"reports/{campaign.client}/{campaign.id}-{ticket}.csv"
        self._bucket = settings().campaigns_bucket
        self._upload: str = name.get("upload_id") or files.begin_parts(self._bucket, self._key, CSV)
        self._parts: list[str] = list(name.get("parts", ()))
        self._after: int = name.get("after", 0)
        self._final: bool = name.get("final", True)

    def write(self, deadline: float) -> None:
        """Window by window, part by part. Raises `Overtaken`."""
        campaigns.go_on_with_outcomes(self._campaign.id, self._ticket, time.time() + MAKING)
        progress = campaigns.progress(self._campaign.id)
        fed = progress is not None and (progress.fed_at is not None or progress.state is State.CANCELED)
        self._final = self._final and fed
        buffer = io.StringIO(newline="")
        writer = csv.writer(buffer)
        if not self._parts:
            writer.writerow(_COLUMNS)
        for window in campaigns.windows(self._campaign.id, self._after):
            if time.time() + _MARGIN > deadline:
                self._hand_over()
                return
            self._final = self._window(window, writer) and self._final
            if buffer.tell() >= _PART:
                self._flush(buffer, window.seq)
        self._flush(buffer, self._after)
        files.end_parts(self._bucket, self._key, self._upload, self._parts)
        campaigns.end_outcomes(self._campaign.id, self._ticket, self._key, time.time(), self._final)

    def _window(self, window: Window, writer: Any) -> bool:
        """The rows of a window; whether all of them have settled."""
        done = True
        for outcome in of_window(self._campaign.id, window):
            writer.writerow([_cell(column, getattr(outcome, column)) for column in _COLUMNS])
            provider = outcome.provider
            done = done and (provider is None or settled(Status(outcome.status), DIALECTS[provider].receipts))
        return done

    def _flush(self, buffer: io.StringIO, seq: int) -> None:
        """What is written so far becomes a part; the next one begins behind window `seq`."""
        data = buffer.getvalue().encode("utf-8", "replace")
        self._parts.append(files.put_part(self._bucket, self._key, self._upload, len(self._parts) + 1, data))
        self._after = seq
        buffer.seek(0)
        buffer.truncate()
        campaigns.go_on_with_outcomes(self._campaign.id, self._ticket, time.time() + MAKING)

    def _hand_over(self) -> None:
        """Another invocation goes on behind the last part."""
        name = {"upload_id": self._upload, "parts": self._parts, "after": self._after, "final": self._final}
        queues.announce_campaign(self._campaign.client, {"report": self._campaign.id, "ticket": self._ticket, **name})


def _cell(column: str, value: object) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before what looks like one.

    Only our own E.164 numbers keep their plus: a program that reads them back finds them as they are.
    """
    text = "" if value is None else str(value)
    number = column == "to" and text[:1] == "+" and text[1:].isdigit()
    return f"'{text}" if text.startswith(_FORMULA) and not number else text
