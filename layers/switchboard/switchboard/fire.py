"""Firing: what an alarm of ours names is announced, or found to be over."""

from collections.abc import Mapping
from typing import Any

from switchboard import queues, tracking, wake
from switchboard.settings import settings
from switchboard.tracking import chunks


def fire(body: Mapping[str, Any]) -> None:
    """Do what is due of what a fire message names; returning acknowledges it. A second firing changes nothing."""
    if "batch" in body:
        _fire_batch(body["batch"], body["nonce"])
    else:
        from switchboard import recurring  # it reads our own API's words, which a batch does not need

        recurring.fire(body["schedule"], body["due"], again=bool(body.get("again")))


def _fire_batch(id_: str, nonce: str) -> None:
    """Announce the chunks whose time is near, watch them from here on, and set the alarm for the next.

    A batch that is gone, was never sealed, or was sealed by another attempt, is nobody's.
    """
    batch = tracking.read_batch(id_)
    if batch is None or batch.nonce != nonce:
        return
    headers = chunks.read_unfinished(batch.chunks, batch.sizes)
    if not headers:
        return
    queues.watch_batch(id_, nonce, settings().watch_delay)
    wake.arm(batch, headers)
    wake.announce(batch, headers)
