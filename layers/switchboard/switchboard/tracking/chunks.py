"""A chunk in the table: one contended header that only conditional updates change, results with one writer each."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from switchboard.model.chunk import Chunk, ChunkId, Header, NextPass, ReceiptSeen, Result, Stored
from switchboard.model.outcome import Verdict
from switchboard.model.status import Status
from switchboard.settings import settings
from switchboard.tracking import table

Overtaken = table.Overtaken


def partition(chunk: ChunkId) -> str:
    """The partition key of a chunk and everything in it."""
    return f"C#{chunk.batch}.{chunk.nonce}#{chunk.index}"


def _header_key(chunk: ChunkId, size: int) -> tuple[str, str]:
    return partition(chunk), "M#000" if size == 1 else "C"


def header_item(header: Header, ttl: int) -> table.Item:
    """A fresh header. `pass` counts from 0; sets are absent while empty."""
    pk, sk = _header_key(header.chunk, header.size)
    return {
        **{"pk": pk, "sk": sk, "size": header.size, "providers": list(header.providers), "provider_index": 0},
        **{"pass": 0, "cursor": 0, "not_before": table.number(header.not_before), "ttl": ttl},
        "zones": list(header.zones) or None,
    }


def read_chunk(chunk: ChunkId) -> Chunk | None:
    """A whole chunk in one consistent query: header (its key sorts first, and must), messages, results, receipts."""
    return _chunk(chunk, table.query(partition(chunk)))


def read_message(chunk: ChunkId, n: int, size: int) -> Chunk | None:
    """The chunk as seen by one of its messages: the header and what concerns that message only.

    The header is read first: read last, it may say that a pass has ended whose result was not there yet.
    """
    header = table.get(*_header_key(chunk, size)) if size > 1 else None
    rows = table.query(partition(chunk), f"M#{n:03d}")
    return _chunk(chunk, [header, *rows] if header else rows)


def read_headers(chunks: Sequence[tuple[ChunkId, int]]) -> list[Header]:
    """The headers of chunks given with their sizes, read consistently."""
    by_key = {_header_key(chunk, size): chunk for chunk, size in chunks}
    return [_header(by_key[item["pk"], item["sk"]], item) for item in table.get_many(list(by_key))]


def read_unfinished(chunks: Sequence[ChunkId], sizes: Sequence[int]) -> list[Header]:
    """The headers of a batch's chunks that are not done; of a chunk of one only its result may say that it is."""
    sized = list(zip(chunks, sizes, strict=True))
    single = [view.header for chunk, size in sized if size == 1 and (view := read_chunk(chunk))]
    many = read_headers([(chunk, size) for chunk, size in sized if size > 1])
    return [header for header in (*single, *many) if not header.done]


def claim(header: Header, owner: str, cursor: int, lease: float) -> Header:
    """Claim the numbers from the header's cursor up to `cursor`: nobody else will submit them in this pass.

    The header after it, whose `skip` holds every cancellation that came first. A claim that is repeated because its
    answer was lost finds its own owner there and counts as won. Raises `Overtaken`.
    """
    values = {":owner": owner, ":cursor": cursor, ":lease": table.number(lease), **_seen(header)}
    try:
        return _update(
            header,
            "SET #cursor = :cursor, #owner = :owner, #lease = :lease",
            values,
            f"{_SEEN} AND (attribute_not_exists(#owner) OR #owner = :owner)",
        )
    except Overtaken as overtaken:
        standing = overtaken.item and _header(header.chunk, overtaken.item)
        if standing and (standing.owner, standing.pass_, standing.cursor) == (owner, header.pass_, cursor):
            return standing
        raise


def take_over(header: Header, owner: str, lease: float, doubt: Iterable[int]) -> Header:
    """Become the owner of a chunk whose lease has ended, putting the claimed numbers that have no result into doubt.

    Raises `Overtaken` when anything is not as it was read.
    """
    values = {":owner": owner, ":lease": table.number(lease), ":was": header.owner, **_seen(header)}
    values[":until"] = table.number(header.lease)
    doubtful = set(doubt)
    add = " ADD #doubt :doubt" if doubtful else ""
    try:
        return _update(
            header,
            f"SET #owner = :owner, #lease = :lease{add}",
            {**values, **({":doubt": doubtful} if doubtful else {})},
            f"{_SEEN} AND #owner = :was AND #lease = :until",
        )
    except Overtaken as overtaken:
        standing = overtaken.item and _header(header.chunk, overtaken.item)
        if standing and standing.owner == owner:  # our own, repeated after its answer was lost
            return standing
        raise


def extend(header: Header, owner: str, following: NextPass, not_before: float) -> None:
    """End a pass that another one follows: nobody owns the chunk, nothing of it is claimed. Raises `Overtaken`."""
    _update(
        header,
        "SET #pass = :next, #cursor = :zero, #provider_index = :index, #not_before = :at REMOVE #owner, #lease",
        {
            **{":next": following.pass_, ":zero": 0, ":index": following.provider_index},
            **{":at": table.number(not_before), ":owner": owner, **_seen(header)},
        },
        f"{_SEEN} AND #owner = :owner",
    )


def finish(header: Header, owner: str) -> None:
    """End the last pass: the chunk is done. Raises `Overtaken`."""
    values = {":done": True, ":owner": owner, **_seen(header)}
    _update(header, "SET #done = :done REMOVE #owner, #lease", values, f"{_SEEN} AND #owner = :owner")


def release(header: Header, owner: str) -> None:
    """Let go of a chunk between two windows: the next worker need not wait for the lease. Raises `Overtaken`."""
    _update(header, "REMOVE #owner, #lease", {":owner": owner, **_seen(header)}, f"{_SEEN} AND #owner = :owner")


def postpone(header: Header, owner: str, not_before: float) -> None:
    """Let go of a chunk, or keep from it, until a later time than its own. Raises `Overtaken`."""
    values = {":owner": owner, ":at": table.number(not_before), ":postponed": True, **_seen(header)}
    _update(
        header,
        "SET #not_before = :at, #postponed = :postponed REMOVE #owner, #lease",
        values,
        f"{_SEEN} AND (attribute_not_exists(#owner) OR #owner = :owner)",
    )


def skip(header: Header, numbers: Sequence[int]) -> Header:
    """Cancel numbers that nobody has claimed: whoever claims later sees them in `skip`. Raises `Overtaken`."""
    values = {":numbers": set(numbers), ":pass": header.pass_, ":least": min(numbers)}
    condition = "#pass = :pass AND #cursor <= :least AND attribute_not_exists(#done)"
    try:
        return _update(header, "ADD #skip :numbers", values, condition)
    except Overtaken as overtaken:
        standing = overtaken.item and _header(header.chunk, overtaken.item)
        if standing and standing.skip.issuperset(numbers):  # our own, repeated after its answer was lost
            return standing
        raise


_SEEN = "#pass = :pass AND #cursor = :seen AND attribute_not_exists(#done)"


def _seen(header: Header) -> dict[str, Any]:
    return {":pass": header.pass_, ":seen": header.cursor}


def _update(header: Header, expression: str, values: Mapping[str, Any], condition: str) -> Header:
    item = table.update(*_header_key(header.chunk, header.size), expression, values, condition)
    return _header(header.chunk, item)


def write_results(
    chunk: ChunkId, results: Sequence[Result], reports_to: str | None = None, provider_at: float | None = None
) -> None:
    """Whose receipts these vendor ids are, then the results; never in one batch: no result stands without its map.

    `reports_to` is the client that is to be told of the receipts: a receipt finds it with its message. It comes after
    `provider_at`, when the provider is to send what it was given.
    """
    ttl = int(max(provider_at or 0.0, *(result.at for result in results))) + settings().retention
    # By id: a vendor that gives one id twice must not make a batch that the table refuses.
    mapped = {result.vendor_id: result for result in results if result.vendor_id}
    table.put_many(
        map_item(result.provider, vendor_id, chunk.message(result.n), reports_to, ttl)
        for vendor_id, result in mapped.items()
    )
    table.put_many(_result_item(chunk, result, ttl) for result in results)


def write_lost(header: Header, numbers: Iterable[int], at: float) -> None:
    """Say of claimed numbers that their worker was lost, unless it has said how they ended after all."""
    for n in numbers:
        result = Result(
            n=n, pass_=header.pass_, provider=header.provider, verdict=Verdict.UNCONFIRMED, at=at, detail=_LOST
        )
        with suppress(Overtaken):
            table.put(_result_item(header.chunk, result, int(at) + settings().retention), unless_exists=True)


_LOST = "the worker that had claimed the message was lost before it could record an answer"


def receipt_key(provider: str, vendor_id: str, kind: str) -> dict[str, str]:
    """The key of what is known of a vendor's id: `MAP`, whose it is; `PARK`, receipts that came first."""
    return {"pk": f"R#{provider}#{vendor_id}", "sk": kind}


def map_item(provider: str, vendor_id: str, message: str, reports_to: str | None, ttl: int) -> table.Item:
    """Whose a vendor's id is."""
    key = receipt_key(provider, vendor_id, "MAP")
    return {**key, "message": message, "reports_to": reports_to, "ttl": ttl}


def _result_item(chunk: ChunkId, result: Result, ttl: int) -> table.Item:
    return {
        **{"pk": partition(chunk), "sk": f"M#{result.n:03d}#X{result.pass_:02d}", "provider": result.provider},
        **{"verdict": str(result.verdict), "at": table.number(result.at), "again": result.again or None},
        **{"vendor_id": result.vendor_id, "code": result.code, "detail": result.detail, "ttl": ttl},
        "facts": dict(result.facts) or None,
    }


def _chunk(chunk: ChunkId, items: Iterable[table.Item]) -> Chunk | None:
    """Sort a partition's items by what their sort keys say: `C`, `M#n`, `M#n#X<pass>`, `M#n#P`, `M#n#T`."""
    header: Header | None = None
    messages: dict[int, Stored] = {}
    results: dict[int, list[Result]] = {}
    receipts: dict[int, list[ReceiptSeen]] = {}
    told: dict[int, Status] = {}
    for item in items:
        if "providers" in item:
            header = _header(chunk, item)
        kind, _, rest = item["sk"].partition("#")
        if kind != "M":
            continue
        number, _, part = rest.partition("#")
        n = int(number)
        if part.startswith("X"):
            results.setdefault(n, []).append(_result(n, int(part[1:]), item))
        elif part == "P":
            receipts[n] = load_receipts(item)
        elif part == "T":
            told[n] = Status(item["status"])
        else:
            messages[n] = _stored(n, item)
    if header is None:
        return None
    if header.size == 1 and (last := next(reversed(results.get(0, [])), None)):
        header = replace(header, done=header.done or (last.pass_ == header.pass_ and not last.again))
    return Chunk(header=header, messages=messages, results=results, receipts=receipts, told=told)


def _stored(n: int, item: table.Item) -> Stored:
    variables = json.loads(item.get("vars", "{}"))
    row = int(item["row"]) if "row" in item else None
    return Stored(n=n, place=int(item["place"]), to=item["to"], reference=item.get("ref"), variables=variables, row=row)


def _header(chunk: ChunkId, item: table.Item) -> Header:
    return Header(
        chunk=chunk,
        size=int(item["size"]),
        providers=tuple(item["providers"]),
        pass_=int(item["pass"]),
        cursor=int(item["cursor"]),
        provider_index=int(item["provider_index"]),
        owner=item.get("owner"),
        lease=float(item.get("lease", 0)),
        not_before=float(item["not_before"]),
        zones=tuple(item.get("zones", ())),
        postponed=item.get("postponed", False),
        skip=frozenset(int(n) for n in item.get("skip", ())),
        doubt=frozenset(int(n) for n in item.get("doubt", ())),
        done=item.get("done", False),
    )


def _result(n: int, pass_: int, item: table.Item) -> Result:
    return Result(
        n=n,
        pass_=pass_,
        provider=item["provider"],
        verdict=item["verdict"],
        at=float(item["at"]),
        vendor_id=item.get("vendor_id"),
        code=item.get("code"),
        detail=item.get("detail"),
        again=item.get("again", False),
        facts=item.get("facts", {}),
    )


def dump_receipts(receipts: Iterable[ReceiptSeen]) -> tuple[set[str], dict[str, float]]:
    """Receipts as members of a string set, and when each was first received, by the name of its own attribute.

    A member holds what the vendor said and nothing else, so that the same receipt, sent again, is the same member.
    """
    members = {_dump_receipt(receipt): receipt.received_at for receipt in receipts}
    return set(members), {_first_received(member): at for member, at in members.items()}


def load_receipts(item: Mapping[str, Any]) -> list[ReceiptSeen]:
    """The receipts of an item that `dump_receipts` wrote, in the order of their coming."""
    found = [_load_receipt(member, float(item[_first_received(member)])) for member in item["receipts"]]
    return sorted(found, key=lambda receipt: receipt.received_at)


def _dump_receipt(receipt: ReceiptSeen) -> str:
    parts = (receipt.word, receipt.status, receipt.error, receipt.done_at)
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _load_receipt(member: str, received_at: float) -> ReceiptSeen:
    word, status, error, done_at = json.loads(member)
    return ReceiptSeen(
        word=word, received_at=received_at, status=status and Status(status), error=error, done_at=done_at
    )


def _first_received(member: str) -> str:
    return f"at_{zlib.crc32(member.encode()):08x}"
