"""What callers were promised against what providers truly took: every message's life beside the ledgers."""

import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

TAKEN = frozenset({"submitted", "sent", "delivered", "undelivered"})  # statuses that say a provider has the message
NOT_TAKEN = frozenset({"failed", "canceled"})  # statuses that say none has it


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """The counts of an audit; `lost` and `doubled` hold the ids of the messages concerned."""

    accepted: int
    settled: int
    lost: tuple[str, ...]
    doubled: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return self.accepted == self.settled and not self.lost and not self.doubled

    def __str__(self) -> str:
        kept = f"{self.accepted} accepted, {self.settled} settled"
        return f"audit: {kept}, {len(self.lost)} lost, {len(self.doubled)} doubled"


def audit(lives: Iterable[Mapping[str, Any]], ledgers: Mapping[str, list[dict[str, Any]]]) -> Audit:
    """Compare messages, as the API tells them, with what the providers took.

    A message is lost when it is said to be with a provider that does not have it, or does not settle; it is doubled
    when more of it was taken than was asked for, or any of it where the API says that nobody has it.
    """
    lives = list(lives)
    taken = Counter(digits(line["to"]) for ledger in ledgers.values() for line in ledger)
    asked = Counter(digits(life["to"]) for life in lives)
    held = Counter(digits(life["to"]) for life in lives if life["status"] in TAKEN)
    barred = Counter(digits(life["to"]) for life in lives if life["status"] in NOT_TAKEN)
    lost = [life["id"] for life in lives if not life["settled"] or taken[digits(life["to"])] < held[digits(life["to"])]]
    doubled = [
        life["id"]
        for life in lives
        if taken[digits(life["to"])] > asked[digits(life["to"])] - barred[digits(life["to"])]
    ]
    settled = sum(life["settled"] for life in lives)
    return Audit(accepted=len(lives), settled=settled, lost=tuple(lost), doubled=tuple(doubled))


def digits(address: str) -> str:
    """An address as both sides write it: vendors drop the plus."""
    return re.sub(r"\D", "", address) if "@" not in address else address


def ledgers(simulators: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Everything that the simulators took."""
    return {name: httpx.get(f"{url}/_ledger", timeout=30).json() for name, url in simulators.items()}


def lives_of(api: httpx.Client, batches: Iterable[str]) -> list[dict[str, Any]]:
    """The messages of batches, as the API tells them."""
    found: list[dict[str, Any]] = []
    for batch in batches:
        cursor: str | None = ""
        while cursor is not None:
            page = api.get(
                "/v1/messages", params={"batch": batch, "limit": 100, **({"cursor": cursor} if cursor else {})}
            )
            page.raise_for_status()
            found += page.json()["items"]
            cursor = page.json().get("cursor")
    return found


def wait_until_settled(api: httpx.Client, batches: Iterable[str], seconds: float) -> float:
    """Wait for every message of the batches to settle; how long that took. Returns after `seconds` at the latest."""
    began = time.monotonic()
    waiting = list(batches)
    while waiting and time.monotonic() < began + seconds:
        waiting = [
            batch for batch in waiting if not api.get(f"/v1/batches/{batch}").raise_for_status().json()["settled"]
        ]
        time.sleep(0.2 if waiting else 0)
    return time.monotonic() - began
