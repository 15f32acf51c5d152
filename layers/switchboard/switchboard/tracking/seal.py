"""Accepting in the table: messages first, the batch last, and its conditional put is the seal."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from switchboard.model.chunk import ChunkId, Header, Run, Stored
from switchboard.model.contact import Contact, MatchBy, Notify, Owner, Tags
from switchboard.model.message import Channel, Content, Encoding, Invitation, Wording
from switchboard.settings import settings
from switchboard.tracking import chunks, indexes, table

MAX_CONTENT = 350_000  # octets: it is in one item with the rest of the batch, and an item has 400 kB


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A request as it was accepted: what its messages share. `sizes` are its chunks'; times are epoch seconds.

    `door` is the dialect that it came in by, None for our own API; with `reports`, its receipts go back out in it.
    `send_at` is when it was to be sent, None for at once; `hours` are those of a day outside which its recipients are
    left alone, as 08:00-21:00; it is an occurrence of the recurring `schedule`, and `run` is its part of a campaign.
    """

    id: str
    nonce: str
    client: str
    fingerprint: str
    content: Content
    sizes: tuple[int, ...]
    created_at: float
    expires_at: float | None = None
    metadata: Mapping[str, str]
    resend_of: str | None = None
    door: str | None = None
    reports: bool = False
    send_at: float | None = None
    hours: str | None = None
    schedule: str | None = None
    run: Run | None = None

    @property
    def kept_until(self) -> int:
        """When it may be forgotten, in epoch seconds."""
        return int(max(self.created_at, self.send_at or 0.0, self.content.provider_at or 0.0)) + settings().retention

    @property
    def reports_to(self) -> str | None:
        """The client that is told of its receipts; None where nobody asked for that."""
        return self.client if self.reports else None

    @property
    def chunks(self) -> tuple[ChunkId, ...]:
        """The names of the batch's chunks."""
        return tuple(ChunkId(self.id, self.nonce, index) for index in range(len(self.sizes)))


def write_messages(batch: Batch, planned: Iterable[tuple[Header, Sequence[Stored]]]) -> None:
    """The messages and chunk headers of one accepting attempt, under keys that carry its nonce. Nobody sees them yet.

    A header is put only where none stands: an unconditional put that is repeated and arrives late would turn a chunk
    that workers have begun back to its beginning. What stands under our nonce is ours.
    """
    ttl = batch.kept_until
    rows: list[table.Item] = []
    for header, messages in planned:
        head = chunks.header_item(header, ttl)
        items = [_message_item(batch, header.chunk, message, ttl) for message in messages]
        if len(items) == 1:
            # A batch of one keeps its header in the message's item: a write less of the few that a message costs.
            head, items = {**items[0], **head}, []
        with suppress(table.Overtaken):
            table.put(head, unless_exists=True)
        rows += items
    table.put_many(rows)


def seal(batch: Batch) -> Batch:
    """Make the batch exist, or find that it does: the batch that stands, which names the nonce that won."""
    item = {
        **{"pk": f"B#{batch.id}", "sk": "B", "client": batch.client, "fingerprint": batch.fingerprint},
        **{"nonce": batch.nonce, "content": dump_content(batch.content), "sizes": list(batch.sizes)},
        **{"created": table.number(batch.created_at), "metadata": json.dumps(dict(batch.metadata), ensure_ascii=False)},
        **{"expires": batch.expires_at and table.number(batch.expires_at), "resend_of": batch.resend_of},
        **{"door": batch.door, "reports": batch.reports or None, "schedule": batch.schedule},
        **{"send_at": batch.send_at and table.number(batch.send_at), "hours": batch.hours},
        "run": asdict(batch.run) if batch.run else None,
        **indexes.by_client(batch.client, batch.created_at, batch.id),
        "ttl": batch.kept_until,
    }
    try:
        table.put(item, unless_exists=True, expired_by=int(batch.created_at))
    except table.Overtaken as standing:
        if standing.item is None:
            raise
        return _batch(standing.item)
    return batch


def read_batch(batch: str) -> Batch | None:
    """A sealed batch by its id."""
    item = table.get(f"B#{batch}", "B")
    return _batch(item) if item and not _expired(item) else None


def _message_item(batch: Batch, chunk: ChunkId, message: Stored, ttl: int) -> table.Item:
    return {
        **{"pk": chunks.partition(chunk), "sk": f"M#{message.n:03d}", "to": message.to, "ref": message.reference},
        **{"place": message.place, "row": message.row},
        "vars": json.dumps(dict(message.variables), ensure_ascii=False) if message.variables else None,
        **indexes.by_address(batch.client, message.to, batch.created_at, chunk.message(message.n)),
        "ttl": ttl,
    }


def _batch(item: table.Item) -> Batch:
    return Batch(
        id=item["pk"][2:],
        nonce=item["nonce"],
        client=item["client"],
        fingerprint=item["fingerprint"],
        content=load_content(item["content"]),
        sizes=tuple(int(size) for size in item["sizes"]),
        created_at=float(item["created"]),
        expires_at=float(item["expires"]) if item.get("expires") is not None else None,
        metadata=json.loads(item["metadata"]),
        resend_of=item.get("resend_of"),
        door=item.get("door"),
        reports=item.get("reports", False),
        send_at=float(item["send_at"]) if item.get("send_at") is not None else None,
        hours=item.get("hours"),
        schedule=item.get("schedule"),
        run=_run(item["run"]) if "run" in item else None,
    )


def _run(item: Mapping[str, Any]) -> Run:
    rows = {name: int(item[name]) for name in ("priority", "first", "last")}
    return Run(campaign=item["campaign"], **rows)


def _expired(item: table.Item) -> bool:
    """TTL deletes late (DynamoDB: within days), so what is over is not shown before."""
    return int(item["ttl"]) < time.time()


def dump_content(content: Content) -> str:
    """A content as one JSON text, without what is empty."""
    values = {name: value for name, value in asdict(content).items() if value not in (None, (), {}, False)}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def load_content(text: str) -> Content:
    """The content that `dump_content` wrote."""
    values = json.loads(text)
    values["channel"] = Channel(values["channel"])
    values["encoding"] = Encoding(values["encoding"])
    values["attachments"] = tuple(values.get("attachments", ()))
    if "invitation" in values:
        values["invitation"] = Invitation(**values["invitation"])
    values["wordings"] = tuple(Wording(**wording) for wording in values.get("wordings", ()))
    if "contact" in values:
        values["contact"] = _contact(values["contact"])
    return Content(**values)


def _contact(values: dict[str, object]) -> Contact:
    parts = {"owner": Owner, "notify": Notify}
    built: dict[str, object] = {
        name: parts[name](**part) for name in parts if isinstance(part := values.get(name), dict)
    }
    tags = values.get("tags")
    if isinstance(tags, dict):
        built["tags"] = Tags(add=tuple(tags["add"]), remove=tuple(tags["remove"]))
    match_by = values.get("match_by")
    if isinstance(match_by, dict):
        built["match_by"] = {MatchBy(by): flag for by, flag in match_by.items()}
    return Contact(**{**values, **built})  # type: ignore[arg-type]  # written by dump_content from a Contact
