"""Feeding: a campaign's file is read row by row, and its rows become batches, a window at a time, each exactly once."""

import hashlib
import secrets
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

from switchboard import accept, files, judge, queues, runs, tracking
from switchboard.credentials import Client
from switchboard.dialects import sheets
from switchboard.dialects.sheets import Flaw, Row, Unusable
from switchboard.judge import Fit, Judge, octets
from switchboard.model.campaign import (
    FIRST,
    WINDOW_MISSED,
    WINDOW_OCTETS,
    WINDOW_ROWS,
    WINDOW_WORDS,
    Campaign,
    Lines,
    Missed,
    MissedRow,
    Progress,
    State,
    Window,
)
from switchboard.model.chunk import Run
from switchboard.model.message import WORDING, Content, Recipient, Wording
from switchboard.model.template import worded
from switchboard.seen import Seen
from switchboard.settings import settings
from switchboard.tracking import Batch, Overtaken, campaigns, chunks

INCOMING = "incoming/"
_ENDED: dict[str, Any] = {"owner": None, "lease": None}  # nobody reads any more
_MARGIN = 20.0  # seconds before an invocation's end in which no window is begun
_SLICE = 16 * 1024  # octets of the file that are given to the reader at once
_BEAT = 256  # rows between two looks at the clock
_SOON = 1  # seconds that the next name waits for this worker to let go


class Later(Exception):
    """Somebody else reads the file: the name must come back after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"look again in {seconds:.0f} s")
        self.seconds = max(0.0, seconds)


class HandOver(Exception):
    """This invocation's time is up: another one goes on."""


class Stopped(Exception):
    """The campaign does not run any more, or somebody else has its lease."""


def upload(key: str, etag: str, size: int, deadline: float) -> None:
    """Let a campaign run on the file that came, and read it.

    The file is copied away from where its form points, so that a second upload changes nothing; it is deleted. Raises
    `Later`.
    """
    client, _, id_ = key.removeprefix(INCOMING).partition("/")
    campaign, progress = campaigns.read(id_), campaigns.progress(id_)
    bucket = settings().campaigns_bucket
    if campaign is None or progress is None or campaign.client != client:
        return  # a campaign that is forgotten; the bucket forgets the file
    file = f"files/{client}/{id_}-{etag}"
    if progress.state is State.WAITING:
        try:
            version = files.copy(bucket, key, f'"{etag}"', file)
        except files.Changed:
            return  # another file came after this one, and tells of itself
        queues.watch_campaign(id_, settings().watch_delay)  # before the start: no campaign runs that nobody watches
        try:
            progress = campaigns.start(id_, file, version, size, time.time())
        except Overtaken as overtaken:
            progress = campaigns.standing(overtaken) or progress
    files.delete(bucket, key)
    if progress.file == file:
        _feed(campaign, deadline)


def feed(id_: str, deadline: float) -> None:
    """Read a campaign's file from its checkpoint on; returning acknowledges its name. `deadline` is in epoch seconds.

    Raises `Later` while another worker has the lease.
    """
    if campaign := campaigns.read(id_):
        _feed(campaign, deadline)


def _feed(campaign: Campaign, deadline: float) -> None:
    id_ = campaign.id
    owner, now = secrets.token_hex(8), time.time()
    try:
        progress = campaigns.take(id_, owner, now + settings().feed_lease, now)
    except Overtaken as overtaken:
        standing = campaigns.standing(overtaken)
        if standing and standing.state is State.RUNNING and standing.fed_at is None:
            raise Later(standing.lease - now) from None
        return
    reading = _Reading(campaign, progress, owner, deadline)
    try:
        reading.run()
    except Unusable as unusable:
        _fail(id_, owner, unusable)
        return
    except HandOver:
        queues.announce_campaign(campaign.client, {"feed": id_}, _SOON)
    except (Stopped, Overtaken):
        pass  # the checkpoint is where it was
    else:
        return  # all is read, and the last checkpoint let go
    finally:
        reading.close()
    _let_go(id_, owner)


def _let_go(id_: str, owner: str) -> None:
    with suppress(Overtaken):  # it is somebody else's by now
        campaigns.release(id_, owner)


def _fail(id_: str, owner: str, unusable: Unusable) -> None:
    values = {
        **{"state": State.FAILED, "ended_at": time.time(), "reason": unusable.reason, "cure": unusable.cure},
        **{"field": unusable.field, "owner": None, "lease": None},
    }
    with suppress(Overtaken):  # it is somebody else's by now
        campaigns.change(id_, values, "#owner = :holder", {":holder": owner})


class _Cut:
    """A window being filled: the rows taken, and those that were not.

    Where its `batch` stands already, the worker that made it was stopped: the window takes what that holds and no other
    row, however routes and rules would have it by now.
    """

    def __init__(self, batch: Batch | None = None) -> None:
        self.batch = batch
        self.changed = False  # whether a row is judged otherwise than it was then
        self._held = _held(batch) if batch else {}
        self._until = batch.run.last if batch and batch.run else 0
        self.taken: list[Recipient] = []
        self.missed: list[MissedRow] = []
        self.digests: dict[int, bytes] = {}
        self.lines = Lines()
        self.first = 0
        self.last = 0
        self._octets = 0
        self._wordings: dict[Wording, int] = {}
        self._words = 0

    @property
    def full(self) -> bool:
        """Whether it ends here."""
        if self.batch:
            return self.last >= self._until
        missed = len(self.missed) >= WINDOW_MISSED or self._octets >= WINDOW_OCTETS
        return missed or len(self.taken) >= WINDOW_ROWS

    def holds(self, found: Fit | MissedRow) -> bool:
        """Whether there is room for what a row says in words of its own."""
        wording = found.wording if isinstance(found, Fit) and not self.batch else None
        return wording is None or wording in self._wordings or self._words + octets(wording) <= WINDOW_WORDS

    def add(self, row: Row | Flaw, found: Fit | MissedRow) -> None:
        """One more row, where it `holds` that."""
        self.first, self.last = self.first or row.number, row.number
        if self.batch and (row.number in self._held) is not isinstance(found, Fit):
            found, self.changed = self._as_it_stands(row, found), True
        if isinstance(found, Fit):
            self.taken.append(self._worded(found))
            if found.digest:
                self.digests[row.number] = found.digest
            self.lines.add(row.number, row.line)
            return
        self.missed.append(found)
        self._octets += len(found.dump().encode("utf-8", "replace"))

    def _as_it_stands(self, row: Row | Flaw, found: Fit | MissedRow) -> Fit | MissedRow:
        """What became of a row that is judged otherwise now; what it said is told by nothing that could be compared."""
        if isinstance(found, MissedRow):
            return Fit(self._held[row.number], b"")
        return MissedRow(
            kind=Missed.REFUSED,
            row=row.number,
            line=row.line,
            to=found.recipient.to,
            reference=found.recipient.reference,
            reason="was refused by rules that have changed since",
            cure="send it again in a campaign of its own",
        )

    def _worded(self, found: Fit) -> Recipient:
        """The recipient, naming its wording; most rows have that of the first, and need not."""
        recipient, wording = found.recipient, found.wording
        if wording is None:
            return recipient
        if wording not in self._wordings:
            self._words += octets(wording)
        place = self._wordings.setdefault(wording, len(self._wordings))
        return replace(recipient, variables={**recipient.variables, WORDING: str(place)}) if place else recipient

    def content(self, content: Content) -> Content:
        """What the rows taken share: in the wording of all, or in each its own."""
        wordings = tuple(self._wordings)
        return worded(content, *wordings) if len(wordings) == 1 else replace(content, wordings=wordings)

    def window(self, seq: int, priority: int, batch: Batch | None) -> Window:
        """As it is kept."""
        duplicates = sum(row.kind is Missed.DUPLICATE for row in self.missed)
        return Window(
            seq=seq,
            priority=priority,
            first=self.first,
            last=self.last,
            batch=batch.id if batch else None,
            accepted=len(self.taken),
            refused=len(self.missed) - duplicates,
            duplicates=duplicates,
            lines=tuple(self.lines.places),
        )


def _held(batch: Batch) -> dict[int | None, Recipient]:
    """The rows that a batch holds."""
    views = [view for chunk in batch.chunks if (view := chunks.read_chunk(chunk))]
    return {
        stored.row: Recipient(to=stored.to, reference=stored.reference, variables=stored.variables, row=stored.row)
        for view in views
        for stored in view.messages.values()
    }


class _Reading:
    """One worker's reading of one file, under its lease."""

    def __init__(self, campaign: Campaign, progress: Progress, owner: str, deadline: float) -> None:
        self._campaign, self._progress, self._owner, self._deadline = campaign, progress, owner, deadline
        self._judge = Judge(campaign, settings().routes)
        self._layout = judge.layout(campaign.columns)
        self._seen = None if campaign.allow_duplicates else Seen()
        self._file: Generator[bytes, None, None] = self._pieces()
        self._renewed = time.time()
        self._octets = 0
        self._begun = False  # whether a window has been begun
        self._longest = 0.0  # seconds that a window took

    def close(self) -> None:
        """Let go of what is held."""
        self._file.close()
        if self._seen:
            self._seen.close()

    def run(self) -> None:
        """Pass after pass, one for each priority. Raises `Unusable`, `HandOver`, `Stopped`, `Overtaken`."""
        if self._seen and self._progress.windows:
            for digests in campaigns.digests(self._campaign.id, self._progress.windows):
                self._seen.load(digests)
                self._beat()
        while self._progress.fed_at is None:
            self._pass(self._progress.priority)

    def _pass(self, priority: int) -> None:
        """The rows of one priority. What cannot be read belongs to the first one."""
        cut, higher, resumed = _Cut(), 0, self._progress.last
        for row in self._rows():
            its = _priority(row)
            if its > priority:
                higher = min(higher or its, its)
            if its != priority or row.number <= resumed:
                continue
            cut = cut if self._begun else self._first(row.number)
            found = self._judged(row)
            if not cut.holds(found):
                self._keep(cut, priority=priority, last=cut.last)
                cut = _Cut()
            cut.add(row, found)
            if cut.full:
                self._keep(cut, priority=priority, last=cut.last)
                cut = _Cut()
        values: dict[str, Any] = (
            {"priority": higher, "last": 0} if higher else _ENDED | {"fed_at": round(time.time(), 3)}
        )
        self._keep(cut, **{"priority": priority, "last": max(cut.last, self._progress.last), **values})

    def _first(self, row: int) -> _Cut:
        """The first window that is begun here: the worker before this one may have made its batch."""
        self._begun = True
        id_ = accept.batch_of(self._campaign.client, self._name(row))
        return _Cut(tracking.read_batch(id_))

    def _name(self, first: int) -> str:
        """What the batch of the window that begins with a row is known by; no caller's key has a blank in it."""
        return f"campaign {self._campaign.id} {self._progress.priority} {first}"

    def _judged(self, row: Row | Flaw) -> Fit | MissedRow:
        """What becomes of a row."""
        found = self._judge.row(row)
        if self._seen is None or isinstance(found, MissedRow) or isinstance(row, Flaw):
            return found
        first = self._seen.add(found.digest, row.number)
        return found if first == row.number else judge.missed_twin(row, found.recipient.to, first)

    def _rows(self) -> Iterator[Row | Flaw]:
        """The rows of the file from its beginning; the lease is held meanwhile."""
        self._octets = 0
        self._file.close()
        self._file = self._pieces()
        for count, row in enumerate(sheets.rows(self._file, self._layout, self._beat)):
            if count % _BEAT == 0:
                self._beat()
            yield row

    def _pieces(self) -> Generator[bytes, None, None]:
        progress = self._progress
        with closing(files.pieces(settings().campaigns_bucket, progress.file or "", progress.etag or "")) as pieces:
            for piece in pieces:
                for start in range(0, len(piece), _SLICE):  # what is read ahead is not counted yet
                    part = piece[start : start + _SLICE]
                    self._octets += len(part)
                    yield part

    def _beat(self) -> None:
        """Hold the lease for longer, once a third of it is over."""
        now = time.time()
        if now + _MARGIN / 4 > self._deadline:
            raise HandOver
        if now - self._renewed > settings().feed_lease / 3:
            self._moved(campaigns.renew(self._campaign.id, self._owner, now + settings().feed_lease))

    def _keep(self, cut: _Cut, **values: Any) -> None:
        """Make a window's rows a batch, keep the window, move the checkpoint on. Each may be repeated.

        Raises `HandOver`, `Stopped`, `Overtaken`.
        """
        began, before, seq = time.time(), self._progress, self._progress.windows
        if cut.first:
            if began + _MARGIN + 2 * self._longest > self._deadline:
                raise HandOver
            seq += 1
            batch = self._take(cut) if cut.taken else None
            window = cut.window(seq, before.priority, batch)
            digests = cut.digests if self._seen else {}
            campaigns.put_window(self._campaign, window, cut.missed, digests)
            values |= {
                "accepted": before.accepted + window.accepted,
                "refused": before.refused + window.refused,
                "duplicates": before.duplicates + window.duplicates,
            }
        now = time.time()
        values = {"windows": seq, "octets": self._octets, "lease": now + settings().feed_lease, **values}
        after = campaigns.checkpoint(self._campaign.id, self._owner, before, values)
        if cut.taken and batch and after.turns != before.turns:
            # Whoever came to it while the campaign was paused has dropped it.
            runs.wake(batch, whatever_the_time=after.state is State.CANCELED)
        self._longest = max(self._longest, now - began)
        self._moved(after)
        if cut.changed:
            raise HandOver  # what was seen here of these rows is not what they are

    def _moved(self, progress: Progress) -> None:
        self._progress, self._renewed = progress, time.time()
        if progress.state is not State.RUNNING:
            raise Stopped

    def _take(self, cut: _Cut) -> Batch:
        """The batch of a window's rows, which may stand already. Raises `HandOver` where it stands with other rows."""
        if cut.batch:
            runs.wake(cut.batch)  # the worker before this one may not have come to announcing it
            return cut.batch
        campaign, name = self._campaign, self._name(cut.first)
        submission = replace(
            batch_of(campaign),
            content=cut.content(campaign.content),
            at_once=True,
            recipients=tuple(cut.taken),
            fingerprint=hashlib.sha256(name.encode()).hexdigest(),
            run=Run(campaign=campaign.id, first=cut.first, last=cut.last, priority=self._progress.priority),
        )
        taken = accept.take(submission, caller(campaign), name)
        if taken.replayed:
            if (taken.batch.run, sum(taken.batch.sizes)) != (submission.run, len(cut.taken)):
                raise HandOver  # somebody made it meanwhile: whoever goes on finds it, and reads the window as it is
            runs.wake(taken.batch)
        return taken.batch


def _priority(row: Row | Flaw) -> int:
    return FIRST if isinstance(row, Flaw) else row.priority


def caller(campaign: Campaign) -> Client:
    """The client of a campaign, as it was when it asked."""
    return Client(campaign.client, campaign.region, campaign.zone, campaign.hours)


def batch_of(campaign: Campaign) -> accept.Submission:
    """What all batches of a campaign share."""
    return accept.Submission(
        content=campaign.content,
        recipients=(),
        fingerprint="",
        provider=campaign.provider,
        expires_at=campaign.expires_at,
        send_at=campaign.send_at,
        marketing=campaign.marketing,
        metadata=campaign.metadata,
        door=campaign.door,
    )


def walk(id_: str, after: int, deadline: float) -> None:
    """Wake the batches of a campaign that was resumed or canceled, window by window; where time ends, hand over."""
    campaign, progress = campaigns.read(id_), campaigns.progress(id_)
    if campaign is None or progress is None:
        return
    for window in campaigns.windows(id_, after):
        if time.time() + _MARGIN > deadline:
            queues.announce_campaign(campaign.client, {"walk": id_, "after": window.seq - 1})
            return
        batch = tracking.read_batch(window.batch) if window.batch else None
        if batch:
            runs.wake(batch, whatever_the_time=progress.state is State.CANCELED)
