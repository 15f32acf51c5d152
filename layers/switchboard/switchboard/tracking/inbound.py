"""Inbound messages in the table, and callbacks that could not be read."""

import hashlib
import secrets
from base64 import b32encode
from collections.abc import Mapping
from contextlib import suppress

from switchboard.model.receipt import Inbound
from switchboard.settings import settings
from switchboard.tracking import indexes, table

INBOUND = "in_"
"""How the id of an inbound message begins."""


def store_inbound(client: str, provider: str, message: Inbound, address: str, at: float) -> str:
    """Keep an inbound message; its id. One with a vendor's id is kept once, however often it is delivered.

    Without a vendor's id every delivery is kept: two equal texts may be meant.
    """
    known = f"{provider}\0{message.vendor_id}".encode()
    raw = hashlib.sha256(known).digest()[:15] if message.vendor_id else secrets.token_bytes(15)
    id_ = INBOUND + b32encode(raw).decode().lower()
    item = {
        **{"pk": f"I#{id_}", "sk": "I", "client": client, "provider": provider, "from": address, "to": message.to},
        **{"text": message.text, "vendor_id": message.vendor_id, "created": table.number(at)},
        **indexes.by_address(client, address, at, id_),
        **indexes.by_client(client, at, id_),
        "ttl": int(at) + settings().retention,
    }
    with suppress(table.Overtaken):  # the same message, delivered again
        table.put(item, unless_exists=True)
    return id_


def keep_raw(provider: str, request: Mapping[str, str], at: float) -> None:
    """Keep a callback that could not be read, as it came, for a day."""
    key = f"Q#{provider}#{secrets.token_hex(8)}"
    table.put({"pk": key, "sk": "Q", **request, "created": table.number(at), "ttl": int(at) + 86400})
