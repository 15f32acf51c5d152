"""Reports in the table: where each client wants to be told of its receipts, and what it was told last."""

import time

from switchboard.model.chunk import ChunkId
from switchboard.model.status import Status
from switchboard.settings import settings
from switchboard.tracking import chunks, table


def put_url(client: str, dialect: str, url: str | None) -> None:
    """Set where a client's reports in a dialect go, or with None that they go nowhere."""
    table.put({"pk": f"W#{client}", "sk": dialect, "url": url})


def get_url(client: str, dialect: str) -> str | None:
    """Where a client's reports in a dialect go."""
    item = table.get(f"W#{client}", dialect)
    return item.get("url") if item else None


def put_told(chunk: ChunkId, n: int, status: Status) -> None:
    """Remember that the client was told where its message stands."""
    ttl = int(time.time()) + settings().retention
    table.put({"pk": chunks.partition(chunk), "sk": f"M#{n:03d}#T", "status": status.value, "ttl": ttl})
