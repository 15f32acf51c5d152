"""Keys of a client, as its admins have them: made, listed, replaced with an overlap, taken away."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from switchboard import credentials, tracking
from switchboard.credentials import Client
from switchboard.model.problem import Problem, Refused
from switchboard.model.scope import Scope

MAX_KEYS = 100  # of a client that stand at once: all of them are one answer


class Conflict(Exception):
    """A key cannot be made, replaced or taken away as things stand; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLife:
    """A key as it is shown to its client's admins; times are epoch seconds, `last_used` a day (ISO 8601, UTC).

    `key` itself is known only to whoever was just given it.
    """

    id: str
    name: str | None
    scopes: tuple[Scope, ...]
    created_at: float | None
    expires_at: float | None
    last_used: str | None
    key: str | None = field(default=None, repr=False)

    @property
    def stands(self) -> bool:
        """Whether it may still be used."""
        return self.expires_at is None or time.time() < self.expires_at


def create(client: Client, name: str | None, scopes: Collection[Scope], expires_at: float | None) -> KeyLife:
    """A new key, with any scopes: whoever may make keys may do everything. Raises `Refused`, `Conflict`."""
    if expires_at is not None and expires_at <= time.time():
        raise Refused(Problem("expires_at", "is past"))
    if sum(life.stands for life in keys(client)) >= MAX_KEYS:
        raise Conflict(f"A client has {MAX_KEYS} keys at most.")
    key, id_, row = credentials.issue_another(client, name, scopes, expires_at)
    return replace(_life(id_, row), key=key)


def keys(client: Client) -> list[KeyLife]:
    """All keys of a client, the oldest first."""
    lives = [_life(id_, row) for id_, row in tracking.keys_of(client.name).items()]
    return sorted(lives, key=lambda life: (life.created_at or 0.0, life.id))


def read(client: Client, id_: str) -> KeyLife | None:
    """One key of a client."""
    row = tracking.key_of(client.name, id_)
    return _life(id_, row) if row else None


def rotate(client: Client, id_: str, overlap: float) -> KeyLife | None:
    """A new key of the same name, scopes and end; the old one ends after `overlap` seconds, unless it does before.

    Raises `Conflict` for a key that has ended. A repeat makes another new key, and puts the old one's end no later.
    """
    row = tracking.key_of(client.name, id_)
    if row is None:
        return None
    old = _life(id_, row)
    if not old.stands:
        raise Conflict("The key has ended: make a new one.")
    until = float(row["made_until"]) if "made_until" in row else None
    new = create(client, old.name, old.scopes, until)
    tracking.end_key(client.name, id_, time.time() + overlap)
    return new


def revoke(client: Client, id_: str) -> bool:
    """Take a key away, from other processes' memories within a minute; whether there was one.

    Raises `Conflict` for the last key that can make others.
    """
    admins = [life.id for life in keys(client) if life.stands and Scope.ADMIN in life.scopes]
    if admins == [id_]:
        raise Conflict("This is the last key of the client with the scope admin: make another first.")
    return tracking.drop_key(client.name, id_)


def _life(id_: str, row: Mapping[str, Any]) -> KeyLife:
    return KeyLife(
        id=id_,
        name=row.get("name"),
        scopes=tuple(sorted(credentials.scopes_of(row))),
        created_at=float(row["created"]) if "created" in row else None,
        expires_at=float(row["expires_at"]) if "expires_at" in row else None,
        last_used=row.get("used"),
    )
