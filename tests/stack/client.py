"""What a client does at a deployment's doors, and what our own API then says of it."""

import time
from collections.abc import Callable
from typing import Any

import httpx

from sandbox.stack import Stack

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
PATIENCE = 60.0  # seconds, on a slow machine


def eventually(look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
    return found


def life(api: httpx.Client, id_: str, *statuses: str) -> dict[str, Any]:
    """The life of a message, by its id or its UUID, once it stands at one of these."""

    def look() -> dict[str, Any] | None:
        said: dict[str, Any] = api.get(f"/v1/messages/{id_}").raise_for_status().json()
        return said if said["status"] in statuses else None

    found: dict[str, Any] = eventually(look)
    return found


def sent_to(api: httpx.Client, to: str) -> list[dict[str, Any]]:
    """All messages to a recipient."""
    items: list[dict[str, Any]] = api.get("/v1/messages", params={"to": to}).raise_for_status().json()["items"]
    return items


def at_rest(api: httpx.Client) -> None:
    """Until everything that the client sent last has been with its provider."""

    def look() -> bool:
        latest = api.get("/v1/messages").raise_for_status().json()["items"]
        return all(each["status"] != "queued" for each in latest)

    eventually(look)


def bulk(stack: Stack, destination: str, **more: str) -> dict[str, str]:
    """A call at the bulk platform's door."""
    said = {"username": stack.client, "password": stack.key, "type": "0", "dlr": "1", "source": "Northwind"}
    return {**said, "destination": destination, "message": "Hello", **more}
