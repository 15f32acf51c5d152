"""API keys and sessions in the table: those that clients have with us, and those that we have with vendors.

A key is two items: by its hash what it may do, which alone makes it usable; in its client's partition its id and its
hash, which makes it listed. The list has it first and loses it last, so that no usable key is ever missing there.
"""

from collections.abc import Mapping
from typing import Any

from switchboard.tracking import table

_KEPT = 7 * 86400  # seconds that a key is still listed after its end


def put_key(digest: str, id_: str, client: str, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """Store an API key of a client: its id, and what is known about it and the client, by the hash of the key.

    What was stored; `expires_at` in `about` (epoch seconds) is when it stops being one.
    """
    until = about.get("expires_at")
    _list(client, id_, digest, until)
    numbers = {name: table.number(value) for name, value in about.items() if isinstance(value, float)}
    item = {"pk": f"K#{digest}", "sk": "K", "client": client, "ttl": _forgotten(until), **about, **numbers}
    table.put(item, unless_exists=True)
    return {name: value for name, value in item.items() if value is not None}


def get_key(digest: str) -> Mapping[str, Any] | None:
    """The `client` that a key's hash stands for, and what was stored about both."""
    return table.get(f"K#{digest}", "K")


def keys_of(client: str) -> dict[str, Mapping[str, Any]]:
    """What is stored about every key of a client, by the key's id."""
    listed = {f"K#{item['key']}": str(item["sk"]) for item in table.query(f"KC#{client}")}
    return {listed[item["pk"]]: item for item in table.get_many([(pk, "K") for pk in listed])}


def key_of(client: str, id_: str) -> Mapping[str, Any] | None:
    """What is stored about one key of a client."""
    listed = table.get(f"KC#{client}", id_)
    return get_key(listed["key"]) if listed else None


def drop_key(client: str, id_: str) -> bool:
    """Make a key of a client worthless, then forget it; whether it was listed."""
    listed = table.get(f"KC#{client}", id_)
    if listed is None:
        return False
    table.delete(f"K#{listed['key']}", "K")
    table.delete(f"KC#{client}", id_)
    return True


def end_key(client: str, id_: str, until: float) -> None:
    """Let a key of a client stand no longer than `until`, epoch seconds. Raises `Overtaken` where there is none."""
    listed = table.get(f"KC#{client}", id_)
    if listed is None:
        raise table.Overtaken(None)
    try:
        table.update(
            f"K#{listed['key']}",
            "K",
            "SET expires_at = :until, #ttl = :ttl",
            {":until": table.number(until), ":ttl": _forgotten(until)},
            "attribute_exists(pk) AND (attribute_not_exists(expires_at) OR expires_at > :until)",
        )
    except table.Overtaken as overtaken:
        if overtaken.item is None:  # else it ends sooner anyway
            raise
        return
    _list(client, id_, listed["key"], until)


def note_use(digest: str, day: str) -> None:
    """Write down the last day (ISO 8601) that a key was used on. Raises `Overtaken` when that is written already."""
    condition = "attribute_exists(pk) AND (attribute_not_exists(#used) OR #used < :day)"
    table.update(f"K#{digest}", "K", "SET #used = :day", {":day": day}, condition)


def list_key(digest: str, id_: str, client: str) -> None:
    """List a key that was stored before there were lists; a repeat changes nothing."""
    _list(client, id_, digest, None)


def lease(id_: str, window: int, amount: int, most: int, until: float) -> int:
    """Take `amount` of the `most` requests that a key has in a window; how many are taken then.

    Raises `Overtaken` where so many are not left. The window is forgotten after `until`, epoch seconds.
    """
    condition = "attribute_not_exists(taken) OR taken <= :rest"
    values = {":amount": amount, ":rest": most - amount, ":ttl": int(until)}
    item = table.update(f"KU#{id_}", str(window), "ADD taken :amount SET #ttl = :ttl", values, condition)
    return int(item["taken"])


def _list(client: str, id_: str, digest: str, until: float | None) -> None:
    table.put({"pk": f"KC#{client}", "sk": id_, "key": digest, "ttl": _forgotten(until)})


def _forgotten(until: float | None) -> int | None:
    return None if until is None else int(until) + _KEPT


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
