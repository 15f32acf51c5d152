"""Waking: chunks are announced when their time is near, and an alarm is set for those whose time is not."""

import time
from collections.abc import Iterable

from switchboard import queues, schedules
from switchboard.model.chunk import Header
from switchboard.tracking import Batch


def announce(batch: Batch, headers: Iterable[Header]) -> None:
    """Announce those of a batch's chunks whose time is near."""
    now = time.time()
    queues.announce((header for header in headers if schedules.near(header.not_before, now)), batch.client)


def arm(batch: Batch, headers: Iterable[Header]) -> list[Header]:
    """Set the alarm for the first of a batch's chunks whose time is not near; all of those.

    It names the accepting attempt: what another attempt armed finds that the batch is not its own.
    """
    now = time.time()
    far = [header for header in headers if not schedules.near(header.not_before, now)]
    if far:
        first = min(header.not_before for header in far)
        schedules.arm(f"{batch.id}-{batch.nonce}-{int(first)}", first, {"batch": batch.id, "nonce": batch.nonce})
    return far
