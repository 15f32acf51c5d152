"""What a provider calls back with: a delivery receipt, or an inbound (mobile-originated) message."""

from dataclasses import dataclass

from switchboard.model.status import Status

MAX_ID = 512  # octets of a vendor's id: it is a key of the table
MAX_ADDRESS = 255
MAX_WORDS = 500
MAX_TEXT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A delivery receipt. `status` is None for a word that moves nothing; `word` is the vendor's own, kept raw."""

    vendor_id: str
    word: str
    status: Status | None = None
    to: str | None = None  # the recipient as the vendor wrote it, where the form has one
    error: str | None = None
    done_at: str | None = None  # ISO 8601 with an offset

    @property
    def plausible(self) -> bool:
        """Whether it is of a size that the vendor can have meant."""
        words = (self.word, self.error or "", self.to or "")
        return 0 < len(self.vendor_id.encode()) <= MAX_ID and max(map(len, words)) <= MAX_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message from a handset; `vendor_id` only where the vendor gives one."""

    sender: str
    text: str
    to: str | None = None
    vendor_id: str | None = None

    @property
    def plausible(self) -> bool:
        """Whether it is of a size that a handset can have meant."""
        addresses = (self.sender, self.to or "", self.vendor_id or "")
        return bool(self.sender.strip()) and max(map(len, addresses)) <= MAX_ADDRESS and len(self.text) <= MAX_TEXT
