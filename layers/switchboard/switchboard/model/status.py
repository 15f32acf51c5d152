"""The one table of statuses: their order, and how any set of events joins into one of them."""

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """Where a message stands. The order of this list is the rank: a message only ever moves on in it.

    `scheduled` is never recorded: it is what a queued message is called while its time has not come.
    """

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    CANCELED = "canceled"
    UNCONFIRMED = "unconfirmed"
    SUBMITTED = "submitted"
    SENT = "sent"
    FAILED = "failed"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"

    @property
    def rank(self) -> int:
        """The place in the order, 0 for `scheduled`; a later event of a lower rank changes nothing."""
        return _RANK[self]


_RANK = {status: rank for rank, status in enumerate(Status)}

FAILURES = frozenset({Status.FAILED, Status.REJECTED, Status.EXPIRED, Status.UNDELIVERED})
FINAL = FAILURES | {Status.CANCELED, Status.DELIVERED}
RESENDABLE = FAILURES | {Status.UNCONFIRMED}


def join(statuses: Iterable[Status]) -> Status:
    """The highest-ranking of `statuses`: commutative, associative, idempotent, so order and repeats do not matter."""
    return max(statuses, key=_RANK.__getitem__, default=Status.QUEUED)


def settled(status: Status, receipts: bool) -> bool:
    """Whether nothing more is to be waited for; `receipts` tells whether the vendor reports every delivery."""
    if status is Status.UNCONFIRMED:
        return True
    return status in FINAL or (not receipts and status in {Status.SUBMITTED, Status.SENT})
