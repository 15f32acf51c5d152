"""Campaigns: a caller makes one, sends its file, follows it, pauses, resumes and cancels it."""

import hashlib
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import accept, files, judge, observe, outcomes, queues, tracking
from switchboard.credentials import Client
from switchboard.dialects import sheets
from switchboard.dialects.unified_campaigns import CampaignRequest, campaign
from switchboard.feed import INCOMING, batch_of, caller
from switchboard.model.campaign import Campaign, Columns, Progress, State, Tally, Window
from switchboard.model.chunk import BATCH_OCTETS, batch_id
from switchboard.model.problem import Problem, Refused
from switchboard.outcomes import Outcome
from switchboard.routing import route
from switchboard.settings import settings
from switchboard.tracking import Overtaken, chunks
from switchboard.tracking import campaigns as kept
from switchboard.tracking.cursor import NO_CURSOR, cursor_of, position
from switchboard.tracking.seal import dump_content

if TYPE_CHECKING:  # of the vendors' doors, which our own API does not load
    from switchboard.dialects.door import Upload

MAX_FILE = 500_000_000  # octets
FRESH = 60.0  # seconds that a file of outcomes is given out while the campaign still goes on
WAITS = 900.0  # seconds that it waits for whoever asked for it
_COUNTING = 15.0  # seconds for counting
_AT_ONCE = 4  # windows that are counted at once
_REFUSALS = 10  # rows that were not taken, told with a campaign
_LOOKS = 3  # windows that are looked into for them
_ID = re.compile(r"[a-z2-7]{23}")
_LINE = re.compile(rf"[0-9]{{14}}#{_ID.pattern}")  # the place of a campaign in its client's list
_ROW = re.compile(r"[1-9][0-9]{0,5}\.[0-9]{1,10}")  # a window and a row: there is no place behind the last window
_TRIED = 100  # rows that are tried at a door: what none of them shows is told with the campaign


class NotPossible(Exception):
    """The campaign is not where this can be done: `state` is where it is, None where it is finished."""

    def __init__(self, state: State | None) -> None:
        super().__init__(f"the campaign is {state.value if state else 'finished'}")
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A campaign and how it stands. `statuses` are of the `counted` rows; `rate` is messages handed over a second.

    `finished`: every message has settled. Times are epoch seconds.
    """

    campaign: Campaign
    progress: Progress
    statuses: Mapping[str, int]
    counted: int
    handed: int
    finished: bool
    finished_at: float | None
    rate: float | None
    estimated_end: float | None
    refusals: Sequence[Outcome]


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the cursor that asks for those behind them (None: there are no more)."""

    items: tuple[Outcome, ...]
    cursor: str | None


def begin(client: Client, request: CampaignRequest, key: str | None) -> tuple[Campaign, bool]:
    """Make the campaign of a request, and whether it stood already. Raises as `create` does."""
    return create(campaign(request, new_id(client.name, key), client, round(time.time(), 3)))


def new_id(client: str, key: str | None) -> str:
    """The id of a campaign: of its key, so that a repeat finds it, or at random."""
    if key is None:
        return batch_id(secrets.token_bytes(BATCH_OCTETS))
    return batch_id(hashlib.sha256(f"campaign\0{client}\0{key}".encode()).digest()[:BATCH_OCTETS])


def create(asked: Campaign) -> tuple[Campaign, bool]:
    """Make a campaign, and whether it stood already.

    Raises `Refused` for what no batch can be, and `IdempotencyConflict` where another request stands under the key.
    """
    if (earlier := kept.read(asked.id)) is None:
        accept.preview(batch_of(asked), caller(asked))
        _carried(asked)
    standing = earlier or kept.create(asked)
    if standing.fingerprint != asked.fingerprint:
        raise accept.IdempotencyConflict
    return standing, standing.created_at != asked.created_at


def _carried(asked: Campaign) -> None:
    """Raises `Refused` where no route of any address carries such messages."""
    routes = settings().routes
    refused = Refused(Problem("channel", f"no route takes {asked.content.channel.value}"))
    for prefix in [rule.prefix for rule in routes if rule.channel is asked.content.channel]:
        try:
            route(routes, asked.content, prefix, asked.provider)
        except Refused as no:
            refused = no
        else:
            return
    raise refused


def form(campaign: Campaign) -> files.Form:
    """Where a campaign's file is to be sent."""
    return files.form(settings().campaigns_bucket, _incoming(campaign), {}, 1, MAX_FILE)


def bring(campaign: Campaign, data: bytes) -> None:
    """Send a campaign's file for its caller: it comes in as if it had been uploaded."""
    files.put(settings().campaigns_bucket, _incoming(campaign), data)


def take(client: Client, upload: "Upload", door: str, key: str | None) -> Campaign:
    """Let a campaign run on a file that came with a call at a vendor's door; a repeat under the same key is the same.

    Raises as `create` does, `Refused` too for a file of which nothing can be read, and `SealInDoubt`.
    """
    columns, metadata = judge.base(upload.base), dict(upload.metadata)
    _read_some(columns, upload.data)
    said = json.dumps([door, upload.base, upload.name, dump_content(upload.content), metadata])
    asked = Campaign(
        id=new_id(client.name, key),
        client=client.name,
        region=client.region,
        zone=client.zone,
        hours=client.hours,
        name=upload.name,
        content=upload.content,
        columns=columns,
        fingerprint=hashlib.sha256(said.encode() + hashlib.sha256(upload.data).digest()).hexdigest(),
        created_at=round(time.time(), 3),
        metadata=metadata,
        door=door,
    )
    standing, _ = create(asked)
    try:
        bring(standing, upload.data)
    except (BotoCoreError, ClientError) as error:
        observe.failure("nobody knows whether a campaign's file was kept", error)
        raise accept.SealInDoubt from None
    return standing


def _read_some(columns: Columns, data: bytes) -> None:
    """Raises `Refused` for a file of which not one row can be read; of many rows the first ones speak for all."""
    flaws: list[sheets.Flaw] = []
    try:
        for row in islice(sheets.rows([data], judge.layout(columns)), _TRIED):
            if isinstance(row, sheets.Row):
                return
            flaws.append(row)
    except sheets.Unusable as unusable:
        raise Refused(Problem("file", f"{unusable.reason}; {unusable.cure}")) from None
    if len(flaws) < _TRIED:
        line, column = flaws[0].line, flaws[0].column and f"{flaws[0].column} "
        raise Refused(Problem("file", f"has no row that can be read: line {line} {column}{flaws[0].reason}"))


def _incoming(campaign: Campaign) -> str:
    return f"{INCOMING}{campaign.client}/{campaign.id}"


def own(client: Client, id_: str) -> Campaign | None:
    """A campaign, if it is this client's."""
    campaign = kept.read(id_) if _ID.fullmatch(id_) else None
    return campaign if campaign and campaign.client == client.name else None


def listed(client: Client, cursor: str | None, limit: int) -> tuple[list[tuple[Campaign, Progress]], str | None]:
    """A page of a client's campaigns, the newest first, with how far they are. Raises `Refused`."""
    place = position(cursor, str)
    if place and not _LINE.fullmatch(place[0]):
        raise Refused(NO_CURSOR)
    found, after = kept.listed(client.name, place[0] if place else None, limit)
    told = [(campaign, progress) for campaign in found if (progress := kept.progress(campaign.id))]
    return told, cursor_of([after]) if after else None


def life(client: Client, id_: str) -> Life | None:
    """A client's campaign and how its rows stand, as far as they could be counted in time."""
    campaign = own(client, id_)
    progress = kept.progress(id_) if campaign else None
    if campaign is None or progress is None:
        return None
    windows = list(kept.windows(id_)) if progress.file else []
    progress = _as_kept(progress, windows)
    tallies = _tallies(campaign.id, windows)
    counted = sum(sum(one.statuses.values()) for one in tallies)
    statuses: Counter[str] = Counter()
    for one in tallies:
        statuses.update(one.statuses)
    handed, latest = sum(one.handed for one in tallies), max((one.latest for one in tallies), default=0.0)
    over = progress.fed_at is not None or progress.state is State.CANCELED
    finished = over and counted == progress.accepted and all(one.settled for one in tallies)
    began = max(progress.started_at or 0.0, campaign.send_at or 0.0)
    # Of a part of the messages no rate can be told.
    rate = _rate(handed, began, latest if finished else time.time()) if counted == progress.accepted else None
    return Life(
        campaign=campaign,
        progress=progress,
        statuses=statuses,
        counted=counted,
        handed=handed,
        finished=finished,
        finished_at=max(latest, progress.fed_at or progress.ended_at or 0.0) if finished else None,
        rate=rate,
        estimated_end=None
        if finished or progress.state is not State.RUNNING
        else _end(campaign, progress, handed, rate),
        refusals=_refusals(id_, windows),
    )


def _as_kept(progress: Progress, windows: Sequence[Window]) -> Progress:
    """The progress with the rows of the windows: a worker that was stopped may have kept one more than it could say."""
    names = ("accepted", "refused", "duplicates")
    return replace(progress, **{name: sum(getattr(window, name) for window in windows) for name in names})


def _tallies(id_: str, windows: Sequence[Window]) -> list[Tally]:
    """How the windows stand, the first ones first, as many as there is time for."""
    end = time.time() + _COUNTING
    known = kept.tallies(id_) if windows else {}

    def count(window: Window) -> Tally | None:
        tally = known.get(window.seq)
        if tally and time.time() - tally.at < outcomes.BELIEVED:
            return tally
        if time.time() > end:
            return tally  # an old count is better than none
        tally = outcomes.tally(window)
        if tally.settled:
            kept.put_tally(id_, tally)
        return tally

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return [tally for tally in pool.map(count, windows) if tally]


def _rate(handed: int, began: float, until: float) -> float | None:
    return handed / (until - began) if handed and until > began else None


def _end(campaign: Campaign, progress: Progress, handed: int, rate: float | None) -> float | None:
    """When all will have been handed over, at this rate; the rows still unread are guessed by the file's octets.

    None where nobody can know: how many rows of later priorities there are, nor when the whole file is in the reader.
    """
    if progress.state is not State.RUNNING:
        return None
    unread = 1.0
    if progress.fed_at is None:
        if judge.layout(campaign.columns).priority is not None or not 0 < progress.octets < progress.size:
            return None
        unread = progress.size / progress.octets
    return time.time() + max(0.0, progress.accepted * unread - handed) / rate if rate else None


def _refusals(id_: str, windows: Iterable[Window]) -> list[Outcome]:
    """The first rows that became no message."""
    found: list[Outcome] = []
    for window in [window for window in windows if window.missed][:_LOOKS]:
        found += outcomes.missed(id_, window)
    return found[:_REFUSALS]


def pause(client: Client, id_: str) -> Progress | None:
    """Let nothing more of a campaign go out, from the next window on. Raises `NotPossible`."""
    return _steer(client, id_, State.PAUSED, (State.RUNNING,))


def resume(client: Client, id_: str) -> Progress | None:
    """Let a paused campaign go on. Raises `NotPossible`."""
    return _steer(client, id_, State.RUNNING, (State.PAUSED,))


def cancel(client: Client, id_: str) -> Progress | None:
    """Let nothing more of a campaign go out, ever. Raises `NotPossible`."""
    return _steer(client, id_, State.CANCELED, (State.WAITING, State.RUNNING, State.PAUSED))


def _steer(client: Client, id_: str, to: State, where: tuple[State, ...]) -> Progress | None:
    """Change the state, then have the windows walked; a repeat of what is done already has them walked again."""
    campaign = own(client, id_)
    if campaign is None:
        return None
    _still(id_, to)
    ended = {"ended_at": time.time()} if to is State.CANCELED else {}
    try:
        progress = kept.steer(id_, to, where, **ended)
    except Overtaken as overtaken:
        standing = kept.standing(overtaken)
        if standing is None or standing.state is not to:
            raise NotPossible(standing.state if standing else State.FAILED) from None
        progress = standing
    if to is State.PAUSED:
        return progress
    queues.announce_campaign(client.name, {"walk": id_, "after": 0})
    if to is State.RUNNING and progress.fed_at is None:
        queues.watch_campaign(id_, settings().watch_delay)
        queues.announce_campaign(client.name, {"feed": id_})
    return progress


def _still(id_: str, to: State) -> None:
    """Raises `NotPossible` where nothing is left to steer: every message has been handed over.

    One that is paused may go on all the same, or it would stay so for good.
    """
    progress = kept.progress(id_)
    if progress is None or progress.fed_at is None:
        return
    steered = progress.state is State.RUNNING or (progress.state is State.PAUSED and to is State.CANCELED)
    if steered and _handed_over(id_):
        raise NotPossible(None)


def _handed_over(id_: str) -> bool:
    """Whether no chunk of a campaign is open, as far as there is time to look; the last one says so soonest."""
    end, known = time.time() + _COUNTING, kept.tallies(id_)
    for window in reversed(list(kept.windows(id_))):
        if window.batch is None or window.seq in known:
            continue
        batch = tracking.read_batch(window.batch)
        if time.time() > end or (batch and chunks.read_unfinished(batch.chunks, batch.sizes)):
            return False
    return True


def rows(client: Client, id_: str, status: str | None, cursor: str | None, limit: int) -> Page | None:
    """A page of a campaign's rows in the order of its windows. Raises `Refused`."""
    if own(client, id_) is None:
        return None
    if cursor is not None and not _ROW.fullmatch(cursor):
        raise Refused(NO_CURSOR)
    seq, row = map(int, (cursor or "1.0").split("."))
    items: list[Outcome] = []
    end = time.time() + _COUNTING
    for window in kept.windows(id_, seq - 1):
        if len(items) == limit or time.time() > end:
            return Page(tuple(items), f"{window.seq}.0")
        for outcome in outcomes.of_window(id_, window):
            if (window.seq == seq and outcome.row <= row) or status not in (None, outcome.status):
                continue
            if len(items) == limit:
                return Page(tuple(items), f"{window.seq}.{items[-1].row}")
            items.append(outcome)
    return Page(tuple(items), None)


def report(client: Client, id_: str) -> str | None:
    """Where the file of a campaign's outcomes can be fetched; empty while it is being made. None: no such campaign."""
    campaign = own(client, id_)
    if campaign is None:
        return None
    standing, now = kept.outcomes(id_), time.time()
    if standing.file and now - standing.made_at < _patience(standing):
        if not standing.given:
            with suppress(Overtaken):  # there is a newer one
                kept.give_outcomes(id_, standing.file)
        name = f"{id_}.csv"
        return files.link(settings().campaigns_bucket, standing.file, name, outcomes.CSV)
    if standing.until <= now:
        ticket = secrets.token_hex(8)
        try:
            kept.begin_outcomes(id_, ticket, now, now + outcomes.MAKING, int(now) + settings().retention)
        except Overtaken:
            return ""  # somebody else asked at the same time
        queues.announce_campaign(client.name, {"report": id_, "ticket": ticket})
    return ""


def _patience(standing: kept.Outcomes) -> float:
    """For how long a file of outcomes is given out, in seconds."""
    if standing.final:
        return outcomes.BELIEVED
    return FRESH if standing.given else WAITS
