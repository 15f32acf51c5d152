"""Quotas: how many requests a key may still make, over all processes together and without a write for each.

Time goes in windows. A process leases requests of a key's window with one conditional ADD and serves from them; it
asks for as many as it has served so far, or as its pace will need, a twentieth of the window at most. The first few of
a window, a two-hundredth, it serves before it asks at all, so that a key which is seldom used costs nothing. What
all processes let through is at most the window's requests, and those few for each process.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

from switchboard import tracking
from switchboard.settings import settings

WINDOW = 10  # seconds
_SHARE, _UNASKED = 20, 200  # parts of a window: the largest lease, and what is served before the first
_KEPT = 3600  # seconds that a window is kept after its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What a key may do: `limit` requests in a window, of which `remaining` are left (as far as this process knows) for
    the `reset` seconds until the next."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields of draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "RateLimit-Policy": f'"key";q={self.limit};w={WINDOW}',
            "RateLimit": f'"key";r={self.remaining};t={self.reset}',
        }


class Exhausted(Exception):
    """The key has made as many requests in this window as it may."""

    def __init__(self, quota: Quota) -> None:
        super().__init__("the key has no requests left in this window")
        self.quota = quota

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come again, and what the quota is."""
        return {"Retry-After": str(self.quota.reset), **self.quota.headers}


@dataclass(slots=True)
class _Window:
    """A key's window as a process knows it: what it served, what it leased, what all have leased."""

    number: int
    used: int = 0
    held: int = 0
    taken: int = 0
    over: bool = False


_windows: dict[str, _Window] = {}


def take(key: str) -> Quota | None:
    """Count one request of a key, by its id; what is left. None where there is no limit. Raises `Exhausted`."""
    limit = math.ceil(settings().key_rate * WINDOW)
    if not limit:
        return None
    now = time.time()
    number, elapsed = int(now // WINDOW), now % WINDOW
    mine = _windows.get(key)
    if mine is None or mine.number != number:
        mine = _windows[key] = _Window(number)
    unasked = limit // _UNASKED
    if mine.used >= max(mine.held, unasked) and not mine.over:
        pace = mine.used * (WINDOW - elapsed) / max(elapsed, 0.001)
        share = max(1, unasked, min(limit // _SHARE, mine.used, math.ceil(pace)))
        _lease(key, mine, share, limit)
    served = mine.used < max(mine.held, unasked)
    mine.used += served
    left = max(0, limit - mine.taken + mine.held - mine.used)
    quota = Quota(limit=limit, remaining=left if served else 0, reset=math.ceil(WINDOW - elapsed))
    if not served:
        raise Exhausted(quota)
    return quota


def _lease(key: str, mine: _Window, share: int, limit: int) -> None:
    """Lease a share on top of what was served unasked, or what is left of the window; after a no nobody asks again."""
    owed = max(0, mine.used - mine.held)
    amount = owed + share
    for _ in range(2):
        try:
            mine.taken = tracking.lease(key, mine.number, amount, limit, (mine.number + 1) * WINDOW + _KEPT)
        except tracking.Overtaken as overtaken:
            mine.taken = int(overtaken.item["taken"]) if overtaken.item else 0
            amount = limit - mine.taken
            if amount <= owed:
                break
        else:
            mine.held += amount
            return
    mine.over = True
