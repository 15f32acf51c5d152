"""Campaigns in the table: a definition that stays, a small state that only conditional updates change, windows.

`P#<id>` / `P` is the definition, `S` the state, `W#<seq>` a window, `R#<seq>` the rows of it that became no message,
`D#<seq>` the digests of those that did, `T#<seq>` how its messages stood when they had settled, `F` the file of
outcomes. They lie apart from the window: windows are read often, and a write pays for the whole item.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

from switchboard.model.campaign import DIGEST, FIRST, Campaign, Columns, MissedRow, Progress, State, Tally, Window
from switchboard.settings import settings
from switchboard.tracking import indexes, table
from switchboard.tracking.seal import dump_content, load_content

Overtaken = table.Overtaken
_ROW = 4  # octets of the number of a row
_DAY = "campaigns"  # in place of the day: a client has few, and they are listed together


def _key(id_: str) -> str:
    return f"P#{id_}"


# The definition.


def create(campaign: Campaign) -> Campaign:
    """Make a campaign exist, or find that it does: the one that stands.

    The state comes first: a campaign that is seen has one.
    """
    pk, ttl = _key(campaign.id), _kept_until(campaign)
    state = {"pk": pk, "sk": "S", "state": State.WAITING.value, "ttl": ttl}
    said = {"pk": pk, "sk": "P", "ttl": ttl, **_dump(campaign)}
    said |= indexes.listed(campaign.client, _DAY, campaign.created_at, campaign.id)
    with suppress(Overtaken):  # an earlier attempt came so far; whatever became of it, the state is the campaign's
        table.put(state, unless_exists=True, expired_by=int(campaign.created_at))
    try:
        table.put(said, unless_exists=True, expired_by=int(campaign.created_at))
    except Overtaken as standing:
        if standing.item is None:
            raise
        return _campaign(standing.item)
    return campaign


def _kept_until(campaign: Campaign) -> int:
    """When it may be forgotten, in epoch seconds: not before its batches."""
    return int(max(campaign.created_at, campaign.send_at or 0.0)) + settings().retention


def read(id_: str) -> Campaign | None:
    """A campaign as it was asked for."""
    item = table.get(_key(id_), "P")
    return _campaign(item) if item else None


def listed(client: str, after: str | None, limit: int) -> tuple[list[Campaign], str | None]:
    """A client's campaigns, the newest first, from behind `after`, and where to go on (None: that was all)."""
    place = None
    if after:
        id_ = after.partition("#")[2]
        place = {"pk": _key(id_), "sk": "P", "client_day": f"{client}#{_DAY}", "client_at": after}
    found: list[Campaign] = []
    for key in table.query_index(indexes.BY_CLIENT, ("client_day", f"{client}#{_DAY}"), ("client_at", ""), place):
        if len(found) == limit:
            return found, after
        after = key["client_at"]
        if campaign := read(str(after).partition("#")[2]):
            found.append(campaign)
    return found, None


def _dump(campaign: Campaign) -> table.Item:
    return {
        **{"client": campaign.client, "region": campaign.region, "name": campaign.name, "provider": campaign.provider},
        **{
            "content": dump_content(campaign.content),
            "columns": json.dumps(asdict(campaign.columns), ensure_ascii=False),
        },
        **{"fingerprint": campaign.fingerprint, "created": table.number(campaign.created_at)},
        **{"zone": campaign.zone, "hours": campaign.hours, "marketing": campaign.marketing or None},
        "send_at": None if campaign.send_at is None else table.number(campaign.send_at),
        "expires": None if campaign.expires_at is None else table.number(campaign.expires_at),
        "metadata": json.dumps(dict(campaign.metadata), ensure_ascii=False),
        **{"twice": campaign.allow_duplicates or None, "door": campaign.door},
    }


def _campaign(item: table.Item) -> Campaign:
    return Campaign(
        id=item["pk"][2:],
        client=item["client"],
        region=item.get("region"),
        name=item["name"],
        content=load_content(item["content"]),
        columns=Columns(**json.loads(item["columns"])),
        fingerprint=item["fingerprint"],
        created_at=float(item["created"]),
        provider=item.get("provider"),
        zone=item["zone"],
        hours=item["hours"],
        marketing=item.get("marketing", False),
        send_at=float(item["send_at"]) if "send_at" in item else None,
        expires_at=float(item["expires"]) if "expires" in item else None,
        metadata=json.loads(item["metadata"]),
        allow_duplicates=item.get("twice", False),
        door=item.get("door"),
    )


# The state.


def progress(id_: str) -> Progress | None:
    """How far a campaign is."""
    item = table.get(_key(id_), "S")
    return _progress(item) if item else None


def start(id_: str, file: str, etag: str, size: int, now: float) -> Progress:
    """Let a campaign that waits run on its file. Raises `Overtaken` with how it stands."""
    return change(
        id_,
        {
            **{"state": State.RUNNING, "file": file, "etag": etag, "size": size, "started_at": now},
            **{"priority": FIRST, "last": 0},
        },
        "#state = :was",
        {":was": State.WAITING.value},
    )


def steer(id_: str, to: State, where: Sequence[State], **more: Any) -> Progress:
    """Change the state by hand, from one of `where`. Raises `Overtaken` with how it stands."""
    named = {f":was{number}": state.value for number, state in enumerate(where)}
    return change(id_, {"state": to, **more}, f"#state IN ({', '.join(named)})", named, add={"turns": 1})


def take(id_: str, owner: str, lease: float, now: float) -> Progress:
    """Become the one worker that reads the file, if nobody is. Raises `Overtaken` with how it stands."""
    return change(
        id_,
        {"owner": owner, "lease": lease},
        "#state = :running AND attribute_not_exists(#fed_at) "
        "AND (attribute_not_exists(#lease) OR #lease <= :now OR #owner = :owner)",
        {":running": State.RUNNING.value, ":now": table.number(now)},
    )


def renew(id_: str, owner: str, lease: float) -> Progress:
    """Hold the lease for longer. Raises `Overtaken`."""
    return change(id_, {"lease": lease}, "#owner = :holder", {":holder": owner})


def checkpoint(id_: str, owner: str, seen: Progress, values: Mapping[str, Any]) -> Progress:
    """Move on, if the checkpoint is as it was read; a repeat of our own counts as done. Raises `Overtaken`."""
    condition = "#owner = :holder AND #last = :seen AND #priority = :pass"
    standing = {":holder": owner, ":seen": seen.last, ":pass": seen.priority}
    try:
        return change(id_, values, condition, standing)
    except Overtaken as overtaken:
        found = overtaken.item and _progress(overtaken.item)
        if found and _is(found, owner, values):
            return found
        raise


def _is(found: Progress, owner: str, values: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is what its worker made of it."""
    ours = found.owner == owner or (found.fed_at is not None and found.fed_at == values.get("fed_at"))
    return ours and all(getattr(found, name) == values[name] for name in ("priority", "last", "windows"))


def release(id_: str, owner: str) -> None:
    """Let go of the lease. Raises `Overtaken`."""
    table.update(_key(id_), "S", "REMOVE #owner, #lease", {":owner": owner}, "#owner = :owner")


def change(
    id_: str,
    values: Mapping[str, Any],
    condition: str,
    standing: Mapping[str, Any],
    add: Mapping[str, int] | None = None,
) -> Progress:
    """One update of the state; None takes a value away. Raises `Overtaken` with the item as it stands."""
    kept = {name: _plain(value) for name, value in values.items() if value is not None}
    gone = [name for name, value in values.items() if value is None]
    parts = ["SET " + ", ".join(f"#{name} = :{name}" for name in kept)] if kept else []
    if gone:
        parts.append("REMOVE " + ", ".join(f"#{name}" for name in gone))
    if add:
        parts.append("ADD " + ", ".join(f"#{name} :{name}" for name in add))
    expressed = {f":{name}": value for name, value in {**kept, **(add or {})}.items()} | dict(standing)
    return _progress(table.update(_key(id_), "S", " ".join(parts), expressed, condition))


def _plain(value: Any) -> Any:
    if isinstance(value, State):
        return value.value
    return table.number(value) if isinstance(value, float) else value


_WHOLE = frozenset({"size", "priority", "last", "windows", "accepted", "refused", "duplicates", "octets", "turns"})
_TIMES = frozenset({"lease", "started_at", "fed_at", "ended_at"})


def _progress(item: table.Item) -> Progress:
    known = {field.name: item[field.name] for field in fields(Progress) if field.name in item}
    for name in known.keys() & _WHOLE:
        known[name] = int(known[name])
    for name in known.keys() & _TIMES:
        known[name] = float(known[name])
    return Progress(**{**known, "state": State(item["state"])})


def standing(overtaken: Overtaken) -> Progress | None:
    """How a campaign stood where a condition did not hold; None when there is none."""
    return _progress(overtaken.item) if overtaken.item else None


# Windows.


def put_window(campaign: Campaign, window: Window, missed: Sequence[MissedRow], digests: Mapping[int, bytes]) -> None:
    """Keep a window, its rows that became no message, and the digests of those that did; a repeat puts the same."""
    id_, ttl = campaign.id, _kept_until(campaign)
    items: list[table.Item] = []
    if missed:
        rows = "[" + ",".join(row.dump() for row in missed) + "]"
        items.append({"pk": _key(id_), "sk": f"R#{window.seq:06d}", "rows": rows, "ttl": ttl})
    if digests:
        said = b"".join(row.to_bytes(_ROW) + digest for row, digest in digests.items())
        items.append({"pk": _key(id_), "sk": f"D#{window.seq:06d}", "digests": said, "ttl": ttl})
    items.append(
        {
            **{"pk": _key(id_), "sk": f"W#{window.seq:06d}", "batch": window.batch, "priority": window.priority},
            **{"first": window.first, "last": window.last, "accepted": window.accepted, "refused": window.refused},
            **{"duplicates": window.duplicates, "lines": json.dumps(window.lines), "ttl": ttl},
        }
    )
    table.put_many(items)


def windows(id_: str, after: int = 0) -> Iterator[Window]:
    """The windows behind number `after`, in order."""
    for item in table.query_after(_key(id_), f"W#{after:06d}", "W#999999"):
        yield Window(
            seq=int(item["sk"][2:]),
            priority=int(item["priority"]),
            first=int(item["first"]),
            last=int(item["last"]),
            batch=item.get("batch"),
            accepted=int(item["accepted"]),
            refused=int(item["refused"]),
            duplicates=int(item["duplicates"]),
            lines=tuple((row, distance) for row, distance in json.loads(item["lines"])),
        )


def digests(id_: str, until: int) -> Iterator[dict[int, bytes]]:
    """What the rows of the first windows that became messages said and to whom, as digests by row."""
    for item in table.query_after(_key(id_), "D#", f"D#{until:06d}"):
        said = bytes(item["digests"])
        places = range(0, len(said), _ROW + DIGEST)
        yield {int.from_bytes(said[at : at + _ROW]): said[at + _ROW : at + _ROW + DIGEST] for at in places}


def missed(id_: str, seq: int) -> list[MissedRow]:
    """The rows of a window that became no message, in order."""
    item = table.get(_key(id_), f"R#{seq:06d}")
    return [MissedRow.parse(row) for row in json.loads(item["rows"])] if item else []


def put_tally(id_: str, tally: Tally) -> None:
    """Keep how the messages of a window stood."""
    item = {
        **{"pk": _key(id_), "sk": f"T#{tally.seq:06d}", "at": table.number(tally.at), "handed": tally.handed},
        **{"statuses": dict(tally.statuses), "latest": table.number(tally.latest)},
        "ttl": int(tally.at) + settings().retention,
    }
    table.put(item)


def tallies(id_: str) -> dict[int, Tally]:
    """What is kept of windows whose messages had all settled, by their numbers."""
    found = {}
    for item in table.query(_key(id_), "T#"):
        seq = int(item["sk"][2:])
        statuses = {name: int(count) for name, count in item["statuses"].items()}
        found[seq] = Tally(
            seq=seq,
            at=float(item["at"]),
            statuses=statuses,
            settled=True,
            handed=int(item["handed"]),
            latest=float(item["latest"]),
        )
    return found


# The file of outcomes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """The file of outcomes: who asked last, until when it is being made, the one that is there, and whether anybody has
    been told where."""

    ticket: str | None = None
    until: float = 0.0
    file: str | None = None
    made_at: float = 0.0
    final: bool = False
    given: bool = False


def outcomes(id_: str) -> Outcomes:
    """What is known of a campaign's file of outcomes."""
    return _outcomes(table.get(_key(id_), "F") or {})


def begin_outcomes(id_: str, ticket: str, now: float, until: float, ttl: int) -> None:
    """Say that the file is being made under a ticket, where nobody makes it. Raises `Overtaken`."""
    values = {":ticket": ticket, ":until": table.number(until), ":now": table.number(now), ":ttl": ttl}
    table.update(
        _key(id_),
        "F",
        "SET #ticket = :ticket, #until = :until, #ttl = :ttl",
        values,
        "attribute_not_exists(#until) OR #until <= :now",
    )


def go_on_with_outcomes(id_: str, ticket: str, until: float) -> None:
    """Make the file for longer. Raises `Overtaken` when the ticket is another's."""
    values = {":ticket": ticket, ":until": table.number(until)}
    table.update(_key(id_), "F", "SET #until = :until", values, "#ticket = :ticket")


def end_outcomes(id_: str, ticket: str, file: str, at: float, final: bool) -> None:
    """The file is there. Raises `Overtaken` when the ticket is another's."""
    values = {":ticket": ticket, ":file": file, ":at": table.number(at), ":final": final}
    table.update(
        _key(id_),
        "F",
        "SET #file = :file, #made_at = :at, #final = :final REMOVE #ticket, #until, #given",
        values,
        "#ticket = :ticket",
    )


def give_outcomes(id_: str, file: str) -> None:
    """Somebody was told where the file is. Raises `Overtaken` when there is another by now."""
    table.update(_key(id_), "F", "SET #given = :yes", {":yes": True, ":file": file}, "#file = :file")


def _outcomes(item: Mapping[str, Any]) -> Outcomes:
    return Outcomes(
        ticket=item.get("ticket"),
        until=float(item.get("until", 0)),
        file=item.get("file"),
        made_at=float(item.get("made_at", 0)),
        final=item.get("final", False),
        given=item.get("given", False),
    )
