"""Watching: whatever was announced and may have been lost is announced again until it is done."""

import time
from collections.abc import Mapping
from typing import Any

from switchboard import observe, queues, receive, runs, tracking, wake
from switchboard.model.campaign import State
from switchboard.model.record import Record
from switchboard.settings import settings
from switchboard.tracking import chunks, writes


def watch(body: Mapping[str, Any]) -> None:
    """Look again at what a watch message names: a batch, a file being read, a record with writes to the CRM, what is
    due of a schedule, or a parked receipt."""
    if "batch" in body:
        watch_batch(body["batch"], body["nonce"])
    elif "campaign" in body:
        runs.watch(body["campaign"])
    elif "record" in body:
        watch_record(body["record"])
    elif "schedule" in body:
        from switchboard import recurring  # it reads our own API's words, which few of these messages need

        recurring.watch(body["schedule"], body["due"])
    else:
        receive.recheck(body["provider"], body["receipt"], body.get("to"))


def watch_batch(id_: str, nonce: str) -> None:
    """Announce the unfinished chunks of a batch again, and look once more later, until every chunk is done.

    A batch that was never sealed, or that another attempt sealed, is dropped. A chunk that somebody works on, or whose
    time has not come, is not announced; a batch that has a long time to wait is left to its alarm.
    """
    batch = tracking.read_batch(id_)
    if batch is None or batch.nonce != nonce or runs.state(batch) is State.PAUSED:
        return  # whoever resumes a campaign has its batches watched again
    now = time.time()
    unfinished = chunks.read_unfinished(batch.chunks, batch.sizes)
    if not unfinished:
        return
    far = wake.arm(batch, unfinished)  # perhaps once more: then it stands
    lost = [header for header in unfinished if max(header.lease, header.not_before) <= now]
    if lost:
        observe.count("ChunksAnnouncedAgain", len(lost))
        queues.announce(lost, batch.client)
    if len(far) < len(unfinished):
        queues.watch_batch(id_, nonce, settings().watch_delay)


def watch_record(name: str) -> None:
    """Announce a record whose writes still wait again, and look once more later, until none does."""
    record = Record.parse(name)
    if writes.next_waiting(record) is None:
        return
    observe.count("RecordsAnnouncedAgain")
    queues.announce_records(record.client, [name])
    queues.watch_record(name, settings().watch_delay)
