"""Writes to a CRM in the table: a record's head, which only conditional updates change, and its numbered writes.

A write waits under `N#<number>` and ends under `W#<number>`: the end is put first, then the waiting one is deleted, so
that whoever finds both knows that it is over.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from switchboard.model.problem import Problem
from switchboard.model.record import Head, Kind, Record, Result, Standing, Write
from switchboard.settings import settings
from switchboard.tracking import indexes, table

Overtaken = table.Overtaken
_HEAD = "H"
_LAST = "L"  # and a client's name: the number of its last write to an account


def partition(record: Record) -> str:
    """The partition key of a record: an account is the CRM's, whichever client signs it up."""
    return f"D#{record.client}#{record.reference}" if record.kind is Kind.DEAL else f"A#{record.reference}"


def number_next(record: Record, at: float, written: int = 1) -> int:
    """The number of the next write to a record, the first of `written` in a row; the record begins with its first."""
    item = table.update(
        partition(record),
        _HEAD,
        "ADD #count :written SET #written_at = :at, #ttl = :ttl",
        {":written": written, ":at": table.number(at), ":ttl": _ttl(at)},
    )
    return int(item["count"]) - written + 1


def claim_key(client: str, digest: str, record: Record, number: int, fingerprint: str, at: float) -> Write | None:
    """Let an Idempotency-Key stand for a write, or find which one it stands for already.

    What is answered has no words of its own; None: it is ours now.
    """
    row = {"pk": f"P#{client}#{digest}", "sk": "P", "record": str(record), "number": number, "fingerprint": fingerprint}
    try:
        table.put({**row, "ttl": _ttl(at)}, unless_exists=True, expired_by=int(at))
    except table.Overtaken as standing:
        if standing.item is None:
            raise
        return _named(standing.item, client)
    return None


def read_key(client: str, digest: str) -> Write | None:
    """The write that an Idempotency-Key stands for, without its words."""
    item = table.get(f"P#{client}#{digest}", "P")
    return _named(item, client) if item and not _expired(item) else None


def _named(item: table.Item, client: str) -> Write:
    return Write(
        record=Record.parse(item["record"]),
        number=int(item["number"]),
        client=client,
        said="",
        fingerprint=item["fingerprint"],
        at=0.0,
    )


def put_waiting(write: Write, addresses: Iterable[str]) -> None:
    """Keep a write that is to be called for, and by which addresses its deal is found."""
    table.put(_item(write, "N"))
    if write.record.kind is Kind.ACCOUNT:
        _mark_last(write)
    for address in addresses:
        entry = {
            **{"pk": partition(write.record), "sk": f"I#{address}", "ttl": _ttl(write.at)},
            **indexes.by_address(write.client, f"deal:{address}", write.at, write.record.reference),
        }
        table.put(entry)


def _mark_last(write: Write) -> None:
    """Remember a client's last write to an account, whichever of two that race is kept first."""
    with suppress(table.Overtaken):
        table.update(
            partition(write.record),
            f"{_LAST}#{write.client}",
            "SET #number = :number, #ttl = :ttl",
            {":number": write.number, ":ttl": _ttl(write.at), ":now": int(write.at)},
            "attribute_not_exists(#number) OR #number < :number OR #ttl < :now",
        )


def next_waiting(record: Record, doing: int | None = None) -> Write | None:
    """The write that comes next of those that wait: the one numbered `doing`, else the first; one is read, not all."""
    item = table.get(partition(record), f"N#{doing:09d}") if doing else None
    item = item or table.first(partition(record), "N#")
    return _write(record, item) if item else None


def result(write: Write) -> Write | None:
    """The write as it ended; None while it has not."""
    item = table.get(partition(write.record), f"W#{write.number:09d}")
    return _write(write.record, item) if item and not _expired(item) else None


def results(writes: Sequence[Write]) -> dict[tuple[str, int], Write]:
    """Those of the writes that ended, by record and number."""
    keys = [(partition(write.record), f"W#{write.number:09d}") for write in writes]
    by_key = {partition(write.record): write.record for write in writes}
    ended = [_write(by_key[item["pk"]], item) for item in table.get_many(keys) if not _expired(item)]
    return {(str(write.record), write.number): write for write in ended}


def is_waiting(write: Write) -> bool:
    """Whether a write is kept and has not ended."""
    return table.get(partition(write.record), f"N#{write.number:09d}") is not None


def history(record: Record, last: int, size: int) -> list[Write]:
    """The writes numbered `last` and before, the newest first."""
    numbers = range(last, max(0, last - size), -1)
    keys = [(partition(record), f"{prefix}#{number:09d}") for number in numbers for prefix in "WN"]
    found: dict[int, Write] = {}
    for item in table.get_many(keys):
        if _expired(item):
            continue
        write = _write(record, item)
        if write.result or write.number not in found:
            found[write.number] = write
    return [found[number] for number in numbers if number in found]


def last_of(record: Record, client: str) -> Write | None:
    """A client's last write to an account, which others may sign up too."""
    mark = table.get(partition(record), f"{_LAST}#{client}")
    found = history(record, int(mark["number"]), 1) if mark and not _expired(mark) else []
    return found[0] if found else None


def drop_waiting(write: Write) -> None:
    """A write that has ended waits no longer."""
    table.delete(partition(write.record), f"N#{write.number:09d}")


def put_result(write: Write) -> None:
    """Keep how a write ended. It ends once: what stands stays."""
    with suppress(table.Overtaken):
        table.put(_item(write, "W"), unless_exists=True, expired_by=int(time.time()))


# The head.


def head(record: Record) -> Head | None:
    """What is known of a record."""
    item = table.get(partition(record), _HEAD)
    return _head(record, item) if item else None


def heads(records: Sequence[Record]) -> dict[Record, Head]:
    """What is known of several."""
    by_key = {partition(record): record for record in records}
    found = table.get_many([(key, _HEAD) for key in by_key])
    return {by_key[item["pk"]]: _head(by_key[item["pk"]], item) for item in found}


def take(record: Record, owner: str, lease: float, now: float) -> Head:
    """Take the lease if nobody holds it. Raises `Overtaken` with whoever does."""
    # A name may come when TTL has taken its record: what it leaves then is to go as well.
    expression = "SET #owner = :owner, #lease = :lease, #ttl = if_not_exists(#ttl, :ttl)"
    values = {":owner": owner, ":lease": table.number(lease), ":now": table.number(now), ":ttl": _ttl(now)}
    condition = "attribute_not_exists(#lease) OR #lease < :now OR #owner = :owner"
    return _head(record, table.update(partition(record), _HEAD, expression, values, condition))


def knock(record: Record, now: float) -> bool:
    """Tell whoever holds the lease that there is more to do. False when nobody holds it any more."""
    try:
        table.update(
            partition(record), _HEAD, "ADD #knocks :one", {":one": 1, ":now": table.number(now)}, "#lease >= :now"
        )
    except table.Overtaken:
        return False
    return True


def change(before: Head, holder: str, **values: Any) -> Head:
    """Change the head that `holder` holds the lease of; None and empty values are taken away. Raises `Overtaken`."""
    said = {name: _plain(value) for name, value in values.items()}
    kept = {name: value for name, value in said.items() if value not in (None, False, 0)}
    parts = []
    if kept:
        parts.append("SET " + ", ".join(f"#{name} = :{name}" for name in kept))
    if gone := said.keys() - kept.keys():
        parts.append("REMOVE " + ", ".join(f"#{name}" for name in sorted(gone)))
    expressed = {f":{name}": value for name, value in kept.items()} | {":holder": holder}
    item = table.update(partition(before.record), _HEAD, " ".join(parts), expressed, "#owner = :holder")
    return _head(before.record, item)


def release(before: Head, owner: str) -> bool:
    """Let the lease go, unless somebody knocked meanwhile. Raises `Overtaken` when it is somebody else's."""
    condition = "#owner = :owner AND " + ("#knocks = :knocks" if before.knocks else "attribute_not_exists(#knocks)")
    values = {":owner": owner, **({":knocks": before.knocks} if before.knocks else {})}
    try:
        table.update(partition(before.record), _HEAD, "REMOVE #owner, #lease", values, condition)
    except table.Overtaken as overtaken:
        if overtaken.item and overtaken.item.get("owner") == owner:
            return False
        raise
    return True


# Whose the CRM's own ids are, and which deals a client wrote for an address.


def put_owner(crm_id: str, client: str, at: float) -> None:
    """Remember, or remember for longer, whose deal an id of the CRM is: the first client's that got it."""
    values = {":client": client, ":ttl": _ttl(at), ":now": int(at)}
    with suppress(table.Overtaken):
        table.update(
            f"X#{crm_id}",
            "X",
            "SET #client = :client, #ttl = :ttl",
            values,
            "attribute_not_exists(#client) OR #client = :client OR #ttl < :now",
        )


def get_owner(crm_id: str) -> str | None:
    """Whose deal an id of the CRM is, as far as we made it."""
    item = table.get(f"X#{crm_id}", "X")
    return item["client"] if item else None


def by_address(client: str, address: str, before: str | None, limit: int) -> tuple[list[Record], str | None]:
    """A client's deals whose contact has an address, the last written first, and the cursor for what follows.

    `before` is such a cursor.
    """
    key = f"deal:{address}"
    after = None
    if before:
        at, _, reference = before.partition("#")
        found = Record(Kind.DEAL, client, reference)
        after = {
            **{"pk": partition(found), "sk": f"I#{address}", "address": key},
            "address_at": f"{client}#{at}#{reference}",
        }
    records: list[Record] = []
    for item in table.query_index(indexes.BY_ADDRESS, ("address", key), ("address_at", f"{client}#"), after):
        if len(records) == limit:
            return records, before
        before = item["address_at"].removeprefix(f"{client}#")
        records.append(Record(Kind.DEAL, client, before.partition("#")[2]))
    return records, None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return table.number(value)
    if isinstance(value, frozenset):
        return set(value) or None
    return json.dumps(value) if isinstance(value, Mapping) else value


def _head(record: Record, item: table.Item) -> Head:
    return Head(
        record=record,
        count=int(item.get("count", 0)),
        knocks=int(item.get("knocks", 0)),
        owner=item.get("owner"),
        lease=float(item.get("lease", 0)),
        doing=int(item["doing"]) if "doing" in item else None,
        calling=item.get("calling", False),
        carried=frozenset(item.get("carried", ())),
        lost=int(item.get("lost", 0)),
        tries=int(item.get("tries", 0)),
        crm_id=item.get("crm_id"),
        bound=item.get("bound"),
        saved=json.loads(item["saved"]) if "saved" in item else None,
        written_at=float(item.get("written_at", 0)),
    )


def _item(write: Write, prefix: str) -> table.Item:
    ended = write.result
    return {
        **{"pk": partition(write.record), "sk": f"{prefix}#{write.number:09d}", "client": write.client},
        **{"said": write.said, "fingerprint": write.fingerprint, "at": table.number(write.at)},
        **{"files": json.dumps(write.files) if write.files else None, "ttl": _ttl(write.at)},
        "result": json.dumps(asdict(ended)) if ended else None,
    }


def _write(record: Record, item: table.Item) -> Write:
    return Write(
        record=record,
        number=int(item["sk"].partition("#")[2]),
        client=item["client"],
        said=item["said"],
        fingerprint=item["fingerprint"],
        at=float(item["at"]),
        files=tuple(json.loads(item.get("files", "[]"))),
        result=_result(json.loads(item["result"])) if "result" in item else None,
    )


def _result(values: dict[str, Any]) -> Result:
    warnings = tuple(Problem(**warning) for warning in values.pop("warnings"))
    unconfirmed = tuple(values.pop("unconfirmed"))
    return Result(**{**values, "standing": Standing(values["standing"])}, warnings=warnings, unconfirmed=unconfirmed)


def _expired(item: table.Item) -> bool:
    """Whether TTL, which is late and in no order, should have deleted it: a record that began anew has its number."""
    return int(item["ttl"]) < int(time.time())


def _ttl(at: float) -> int:
    return int(at) + settings().retention
