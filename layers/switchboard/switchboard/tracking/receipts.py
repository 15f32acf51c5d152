"""Receipts in the table: whose a vendor's id is, and receipts that came before that was known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from switchboard.model.chunk import ReceiptSeen, parse_message_id
from switchboard.settings import settings
from switchboard.tracking import chunks, indexes, table
from switchboard.tracking.chunks import receipt_key


@dataclass(frozen=True, slots=True)
class Owner:
    """The message that a vendor's id belongs to, and the client that is told of its receipts, if one is."""

    message: str
    reports_to: str | None = None


def owner(provider: str, vendor_id: str) -> Owner | None:
    """Whose a provider's id is, read consistently."""
    item = table.get(*receipt_key(provider, vendor_id, "MAP").values())
    return Owner(item["message"], item.get("reports_to")) if item else None


def record(message: str, receipts: Iterable[ReceiptSeen]) -> None:
    """Add receipts to a message; adding one again changes nothing."""
    parsed = parse_message_id(message)
    if parsed is None:
        raise ValueError("not a message id")
    chunk, n = parsed
    _add({"pk": chunks.partition(chunk), "sk": f"M#{n:03d}#P"}, receipts)


def park(provider: str, vendor_id: str, receipt: ReceiptSeen) -> None:
    """Keep a receipt whose message is not known yet."""
    _add(receipt_key(provider, vendor_id, "PARK"), [receipt])


def parked(provider: str, vendor_ids: Iterable[str]) -> dict[str, list[ReceiptSeen]]:
    """The parked receipts of these vendor ids."""
    prefix = f"R#{provider}#"
    keys = [(f"{prefix}{vendor_id}", "PARK") for vendor_id in vendor_ids]
    return {item["pk"].removeprefix(prefix): chunks.load_receipts(item) for item in table.get_many(keys)}


def bind(provider: str, vendor_id: str, owner: Owner, at: float) -> bool:
    """Say whose a vendor's id is, unless somebody has; whether it is now this message's."""
    ttl = int(at) + settings().retention
    try:
        table.put(chunks.map_item(provider, vendor_id, owner.message, owner.reports_to, ttl), unless_exists=True)
    except table.Overtaken as standing:
        return standing.item is not None and standing.item["message"] == owner.message
    return True


def messages_to(address: str) -> Iterator[tuple[str, str]]:
    """Client and id of all messages to an address that are still kept, of every client."""
    for item in table.query_index(indexes.BY_ADDRESS, ("address", address), ("address_at", "")):
        client, _, id_ = item["address_at"].split("#")
        if parse_message_id(id_):
            yield client, id_


def _add(key: dict[str, str], receipts: Iterable[ReceiptSeen]) -> None:
    seen = list(receipts)
    members, first = chunks.dump_receipts(seen)
    ttl = int(max(receipt.received_at for receipt in seen)) + settings().retention
    times = "".join(f", #{name} = if_not_exists(#{name}, :{name})" for name in first)
    values = {":receipts": members, ":ttl": ttl, **{f":{name}": table.number(at) for name, at in first.items()}}
    table.update(key["pk"], key["sk"], f"ADD #receipts :receipts SET #ttl = :ttl{times}", values)
