"""Recurring schedules in the table: one item that only conditional updates change, and its occurrences.

Each occurrence of a turn is put once: what stands stays. An active schedule is kept; what ended or was deleted expires.
"""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from switchboard.model.schedule import Occurrence, Outcome, Schedule, ScheduleState
from switchboard.settings import settings
from switchboard.tracking import indexes, table

Overtaken = table.Overtaken
_ITEM = "S"
_AS_READ = "#state = :seen AND #turn = :turn"


def put(schedule: Schedule) -> Schedule:
    """Keep a new schedule; the one that stands under its id, which is another where there was one already."""
    row = {name: value for name, value in asdict(schedule).items() if name not in {"id", "about"}}
    item = {
        **{**row, "pk": _key(schedule.id), "sk": _ITEM, "about": json.dumps(dict(schedule.about))},
        **{"state": schedule.state.value, "created_at": table.number(schedule.created_at)},
        **indexes.schedules_of(schedule.client, schedule.created_at, schedule.id),
    }
    try:
        table.put(item, unless_exists=True, expired_by=int(schedule.created_at))
    except table.Overtaken as standing:
        if standing.item is None:
            raise
        return _schedule(standing.item)
    return schedule


def read(id_: str) -> Schedule | None:
    """A schedule by its id, whatever its state."""
    item = table.get(_key(id_), _ITEM)
    return _schedule(item) if item and not _expired(item) else None


def of_client(client: str, before: str | None, limit: int) -> tuple[list[Schedule], str | None]:
    """A client's schedules, the newest first, and the cursor for what follows; `before` is such a cursor."""
    partition, after = indexes.schedules_of(client, 0, "")["client_day"], None
    if before:
        key = _key(before.partition("#")[2])
        after = {"pk": key, "sk": _ITEM, "client_day": partition, "client_at": before}
    names: list[str] = []
    more = False
    for entry in table.query_index(indexes.BY_CLIENT, ("client_day", partition), ("client_at", ""), after):
        if more := len(names) == limit:
            break
        names.append(entry["client_at"])
    ids = [name.partition("#")[2] for name in names]
    found = {item["pk"]: _schedule(item) for item in table.get_many([(_key(id_), _ITEM) for id_ in ids])}
    known = [found[_key(id_)] for id_ in ids if _key(id_) in found]
    return [each for each in known if each.state is not ScheduleState.DELETED], names[-1] if more else None


def move(schedule: Schedule, due: int) -> None:
    """What was due is over, and this is next. Raises `Overtaken` where it is not as it was read."""
    values = {":next": due, ":due": schedule.next_due, **_seen(schedule)}
    _update(schedule, "SET #next_due = :next", values, f"{_AS_READ} AND #next_due = :due")


def end(schedule: Schedule) -> Schedule:
    """Nothing more is due. Raises `Overtaken` where it is not as it was read."""
    values = {":state": ScheduleState.ENDED.value, ":ttl": _ttl(), ":due": schedule.next_due, **_seen(schedule)}
    expression = "SET #state = :state, #ttl = :ttl REMOVE #next_due"
    return _update(schedule, expression, values, f"{_AS_READ} AND #next_due = :due")


def pause(schedule: Schedule) -> Schedule:
    """It as it is now: nothing is made of it until it is resumed. Raises `Overtaken`."""
    return _update(schedule, "SET #state = :state", {":state": ScheduleState.PAUSED.value, **_seen(schedule)}, _AS_READ)


def resume(schedule: Schedule, due: int) -> Schedule:
    """It as it is now: a new turn, of which this is next. Raises `Overtaken`."""
    values = {":state": ScheduleState.ACTIVE.value, ":next": due, ":one": 1, **_seen(schedule)}
    return _update(schedule, "SET #state = :state, #next_due = :next ADD #turn :one", values, _AS_READ)


def delete(schedule: Schedule) -> Schedule:
    """It as it is now: nobody sees it any more, and nothing is made of it. Raises `Overtaken`."""
    values = {":state": ScheduleState.DELETED.value, ":ttl": _ttl(), **_seen(schedule)}
    expression = "SET #state = :state, #ttl = :ttl REMOVE #client_day, #client_at"
    return _update(schedule, expression, values, _AS_READ)


def put_occurrence(schedule: Schedule, occurrence: Occurrence) -> None:
    """Keep what became of what was due in the schedule's turn. It became that once: what stands stays."""
    row = {name: value for name, value in asdict(occurrence).items() if name != "due"}
    sk = f"O#{occurrence.due:011d}#{schedule.turn:06d}"
    item = {**row, "outcome": occurrence.outcome.value, "pk": _key(schedule.id), "sk": sk}
    with suppress(table.Overtaken):
        table.put({**item, "ttl": _ttl()}, unless_exists=True, expired_by=int(time.time()))


def occurrences(id_: str, limit: int) -> list[Occurrence]:
    """The last occurrences, the newest first."""
    return [_occurrence(item) for item in table.latest(_key(id_), "O#", limit) if not _expired(item)]


def _update(schedule: Schedule, expression: str, values: Mapping[str, Any], condition: str) -> Schedule:
    return _schedule(table.update(_key(schedule.id), _ITEM, expression, values, condition))


def _seen(schedule: Schedule) -> dict[str, Any]:
    return {":seen": schedule.state.value, ":turn": schedule.turn}


def _key(id_: str) -> str:
    return f"S#{id_}"


def _schedule(item: table.Item) -> Schedule:
    numbers = {name: int(item[name]) if name in item else None for name in ("end", "next_due")}
    return Schedule(
        id=item["pk"][2:],
        client=item["client"],
        about=json.loads(item["about"]),
        fingerprint=item["fingerprint"],
        name=item.get("name"),
        cron=item.get("cron"),
        rate=item.get("rate"),
        timezone=item["timezone"],
        start=int(item["start"]),
        grace=int(item["grace"]),
        turn=int(item["turn"]),
        message=item["message"],
        **numbers,
        created_at=float(item["created_at"]),
        state=ScheduleState(item["state"]),
    )


def _occurrence(item: table.Item) -> Occurrence:
    return Occurrence(
        due=int(item["sk"].split("#")[1]),
        outcome=Outcome(item["outcome"]),
        batch=item.get("batch"),
        reason=item.get("reason"),
        count=int(item["count"]),
    )


def _expired(item: table.Item) -> bool:
    """Whether TTL, which is late, should have deleted it."""
    return "ttl" in item and int(item["ttl"]) < time.time()


def _ttl() -> int:
    return int(time.time()) + settings().retention
