"""Runs: what the state of a campaign means for a batch that holds rows of it, and how its batches are woken."""

import time
from dataclasses import replace

from switchboard import observe, queues
from switchboard.model.campaign import State
from switchboard.model.chunk import Chunk
from switchboard.settings import settings
from switchboard.tracking import Batch, campaigns, chunks


def state(batch: Batch) -> State:
    """Where the campaign of a batch stands: running for a batch of none, and for one that is forgotten."""
    progress = campaigns.progress(batch.run.campaign) if batch.run else None
    return progress.state if progress else State.RUNNING


class Paused(Exception):
    """Nothing of the chunk may go out now: its name is dropped, and whoever resumes the campaign says it again."""


def steer(view: Chunk, batch: Batch, owner: str) -> Chunk:
    """What is left of a chunk before its next window is claimed: nothing of it where the campaign was canceled.

    Raises `Paused`, and `Overtaken` when the chunk is not as it was read.
    """
    standing = state(batch)
    if standing is State.PAUSED:
        if view.header.owner == owner:
            chunks.release(view.header, owner)
        raise Paused
    open_ = [n for n in view.messages if view.cancelable(n)] if standing is State.CANCELED else []
    return replace(view, header=chunks.skip(view.header, open_)) if open_ else view


def wake(batch: Batch, whatever_the_time: bool = False) -> None:
    """Announce what is not done of a batch, and watch it from now on, as if it had just been accepted.

    A chunk whose time has not come is left to its schedule, but for `whatever_the_time`.
    """
    now = time.time()
    open_ = chunks.read_unfinished(batch.chunks, batch.sizes)
    if not open_:
        return
    queues.watch_batch(batch.id, batch.nonce, settings().watch_delay)
    due = [replace(header, not_before=0.0) for header in open_ if whatever_the_time or header.not_before <= now]
    queues.announce(due, batch.client)


def watch(id_: str) -> None:
    """Say again that a campaign is to be read, if nobody does, and look once more later, until it has been."""
    campaign, progress = campaigns.read(id_), campaigns.progress(id_)
    if campaign is None or progress is None or progress.state is not State.RUNNING or progress.fed_at is not None:
        return
    if progress.lease <= time.time():
        observe.count("CampaignsAnnouncedAgain")
        queues.announce_campaign(campaign.client, {"feed": id_})
    queues.watch_campaign(id_, settings().watch_delay)
