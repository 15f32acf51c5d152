"""API keys and sessions in the table: those that clients have with us, and those that we have with vendors."""

from collections.abc import Mapping

from switchboard.tracking import table


def put_key(digest: str, client: str, about: Mapping[str, str | None]) -> None:
    """Store an API key of a client, and what is known about the client, by the hash of the key."""
    table.put({"pk": f"K#{digest}", "sk": "K", "client": client, **about}, unless_exists=True)


def get_key(digest: str) -> Mapping[str, str] | None:
    """The `client` that a key's hash stands for, and what was stored about it."""
    return table.get(f"K#{digest}", "K")


def put_login(digest: str, key: str, until: float) -> None:
    """Store a session by the hash of its token: the hash of the key that opened it, until a time in epoch seconds."""
    table.put({"pk": f"L#{digest}", "sk": "L", "key": key, "ttl": int(until)})


def get_login(digest: str, now: float) -> str | None:
    """The hash of the key that opened the session that a token's hash stands for now."""
    item = table.get(f"L#{digest}", "L")
    return item["key"] if item and item["ttl"] > now else None


def drop_login(digest: str, now: float) -> bool:
    """Forget a session; whether it still stood."""
    item = table.delete(f"L#{digest}", "L")
    return item is not None and item["ttl"] > now


def get_session(provider: str) -> str | None:
    """The token of the session that all workers share with a provider."""
    item = table.get(f"T#{provider}", "T")
    return item["token"] if item else None


def put_session(provider: str, token: str) -> None:
    """Remember the token of a new session."""
    table.put({"pk": f"T#{provider}", "sk": "T", "token": token})
