"""What one submission to a provider ended in: exactly one of four verdicts (dialects' answers, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """What a provider's answer, or the lack of one, means for the message."""

    ACCEPTED = "accepted"  # the vendor said yes
    REJECTED = "rejected"  # a readable no, for good
    RETRYABLE = "retryable"  # proof that nothing was taken
    UNCONFIRMED = "unconfirmed"  # it left, and no readable answer came


class Concern(StrEnum):
    """Whom a rejection is about: another provider may still take what concerned only the account."""

    RECIPIENT = "recipient"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One message's verdict with the vendor's id, code and words (redacted); `retry_after` is in seconds.

    `facts` are what else the vendor's answer says of the message, by the vendor's names.
    """

    verdict: Verdict
    vendor_id: str | None = None
    code: str | None = None
    detail: str | None = None
    concern: Concern = Concern.RECIPIENT
    retry_after: float | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
