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


def put_told(chunk: ChunkId, n: int, status: Status) -> bool:
    """Remember what the client was told of its message; False where it has been told of a higher status meanwhile."""
    values = {":status": status.value, ":rank": status.rank, ":ttl": int(time.time()) + settings().retention}
    try:
        table.update(
            chunks.partition(chunk),
            f"M#{n:03d}#T",
            "SET #status = :status, #rank = :rank, #ttl = :ttl",
            values,
            "attribute_not_exists(#rank) OR #rank <= :rank",
        )
    except table.Overtaken:
        return False
    return True
