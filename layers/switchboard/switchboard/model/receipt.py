"""What a provider calls back with: a delivery receipt, or an inbound (mobile-originated) message."""

from dataclasses import dataclass

from switchboard.model.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A delivery receipt. `status` is None for a word that moves nothing; `word` is the vendor's own, kept raw."""

    vendor_id: str
    word: str
    status: Status | None = None
    to: str | None = None  # the recipient as the vendor wrote it, where the form has one
    error: str | None = None
    done_at: str | None = None  # ISO 8601 with an offset


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message from a handset; `vendor_id` only where the vendor gives one."""

    sender: str
    text: str
    to: str | None = None
    vendor_id: str | None = None
