"""Many writers and few deals: `python -m sandbox deals` counts what a CRM that stumbles ends up with.

Callers at once write deals whose references they share, while the simulator is slow, resets connections before and
after it has saved, answers nonsense and saves late. At the end every reference must be one deal, equal to its last
write that was acknowledged or to one that was not acknowledged before that, and no note may be there twice.
"""

import argparse
import json
import random
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

import sandbox

TIMES = {
    **{"CrmSettleSeconds": 1, "CrmWaitSeconds": 10, "ProviderTimeoutSeconds": 1, "BackoffSeconds": 0.2},
    **{"MaxPasses": 20, "MaxReceives": 1000},
}
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "delay", "seconds": 0.3},
    {"fault": "delay", "seconds": 1.5},  # longer than we wait
    {"fault": "reset_before"},
    {"fault": "reset_after"},
    {"fault": "reset_after", "commit_after": 0.5},
    {"fault": "garbage", "commit_after": 0.7},
    {"fault": "500", "taken": True},
    {"fault": "429"},
)
PATIENCE = 120.0  # seconds until the last write has ended


@dataclass(frozen=True, slots=True)
class Wrote:
    """One write: its value, when its caller began and was answered, and the answer's status (0: none)."""

    value: str
    began: float
    ended: float
    status: int

    @property
    def acknowledged(self) -> bool:
        """Whether its caller was told that it is saved."""
        return self.status in {200, 201}


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it; `wrong` are the deals that hold something else than they may."""

    writes: int
    references: int
    seconds: float
    statuses: dict[int, int]
    faults: int
    deals: int
    doubled: int
    wrong: int
    notes_twice: int
    pending: int

    @property
    def kept(self) -> bool:
        """Whether every promise held."""
        return self.deals == self.references and not (self.doubled or self.wrong or self.notes_twice or self.pending)


def measure(stack: sandbox.Stack, writes: int, references: int, callers: int, faults_a_second: float) -> Report:
    """Writes, waits for the last of them, and looks at what the simulator holds."""
    headers = {"Authorization": f"Bearer {stack.key}"}
    names = [f"deal-{number}" for number in range(references)]
    plan = [names[number % references] for number in range(writes)]
    random.Random(writes).shuffle(plan)
    already = {deal["id"] for deal in httpx.get(stack.simulators["hubb"] + "/_state", timeout=60).json()["deals"]}
    wrote: dict[str, list[Wrote]] = defaultdict(list)
    begun = time.monotonic()
    with httpx.Client(base_url=stack.url, headers=headers, timeout=40) as http:

        def write(number: int) -> None:
            reference, value = plan[number], f"write {number}"
            body = {"name": value, "contact": {"email": f"{reference}@example.com"}, "note": {"text": value}}
            began, status = time.monotonic(), 0
            with suppress(httpx.HTTPError):  # its caller knows nothing then: unacknowledged
                status = http.put(f"/v1/deals/{reference}", json=body).status_code
            wrote[reference].append(Wrote(value, began, time.monotonic(), status))

        with _stumbling(stack.simulators["hubb"], faults_a_second) as faults, ThreadPoolExecutor(callers) as pool:
            list(pool.map(write, range(writes)))
        pending = _wait(http, names)
    seconds = time.monotonic() - begun
    state = httpx.get(stack.simulators["hubb"] + "/_state", timeout=60).json()
    held = [deal for deal in state["deals"] if deal["id"] not in already]
    by_reference = defaultdict(list)
    for deal in held:
        by_reference[str(deal["external_reference_id"]).rpartition("|")[2]].append(deal)
    notes = Counter(note["text"] for deal in held for note in deal["notes"])
    return Report(
        writes=writes,
        references=references,
        seconds=seconds,
        statuses=dict(Counter(one.status for some in wrote.values() for one in some)),
        faults=faults[0],
        deals=len(held),
        doubled=sum(len(some) > 1 for some in by_reference.values()),
        wrong=sum(not _may_hold(wrote[name], by_reference[name]) for name in names),
        notes_twice=sum(count > 1 for count in notes.values()),
        pending=pending,
    )


def _may_hold(wrote: list[Wrote], held: list[dict[str, Any]]) -> bool:
    """Whether a deal holds a write that no acknowledged one came after."""
    last = next((one for one in wrote if held and one.value == held[0]["name"]), None)
    if last is None:
        return False
    end = last.ended if last.acknowledged else float("inf")
    return not any(one.acknowledged and one.began > end for one in wrote)


def _wait(http: httpx.Client, names: list[str]) -> int:
    """How many deals still have writes that wait when patience is at its end."""
    waiting, end = list(names), time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end:
        if any(write["standing"] == "pending" for write in http.get(f"/v1/deals/{waiting[-1]}").json()["history"]):
            time.sleep(0.5)
        else:
            waiting.pop()
    return len(waiting)


@contextmanager
def _stumbling(simulator: str, faults_a_second: float) -> Iterator[list[int]]:
    """A simulator that gets faults all the time; how many it got.

    Never more than one waits: were every call to fail, calls that repeat failed ones would never get below the faults.
    """
    done, count, chance = threading.Event(), [0], random.Random(1)

    def feed() -> None:
        while not done.wait(1 / faults_a_second):
            if httpx.get(f"{simulator}/_script").json()["faults"]:
                continue
            fault = {**chance.choice(FAULTS), "match": {"path": "crm_add_deal"}}
            httpx.post(f"{simulator}/_script", json=fault).raise_for_status()
            count[0] += 1

    feeder = threading.Thread(target=feed, daemon=True)
    feeder.start()
    try:
        yield count
    finally:
        done.set()
        feeder.join()
        httpx.delete(f"{simulator}/_script").raise_for_status()


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m sandbox deals", description=__doc__)
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument("--references", type=int, default=500)
    parser.add_argument("--callers", type=int, default=20)
    parser.add_argument("--faults", type=float, default=2.0, help="a second")
    asked = parser.parse_args(arguments)
    with sandbox.running(parameters=TIMES) as stack:
        report = measure(stack, asked.writes, asked.references, asked.callers, asked.faults)
    said = {name: getattr(report, name) for name in Report.__slots__}
    print(json.dumps({**said, "seconds": round(report.seconds, 1), "kept": report.kept}))
    return 0 if report.kept else 1
