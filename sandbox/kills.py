"""Campaigns that survive being killed: `python -m sandbox kills` kills workers while they read files and submit rows.

Every run is a file of some thousand rows; meanwhile processes of `feed` and `dispatch` get SIGKILL at random moments.
At the end no row may be missing at the simulator and none there twice; the messages of a window whose worker died
between claiming and recording it may be `unconfirmed`, for nobody knows of them.
"""

import argparse
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx

import sandbox
from sandbox import campaigns
from sandbox.audit import digits, ledgers
from sandbox.stack import Stack

TIMES = {
    **{"LeaseSeconds": 2, "VisibilitySeconds": 2, "WatchDelaySeconds": 4, "RecheckSeconds": 6, "BackoffSeconds": 0},
    **{"FeedLeaseSeconds": 2, "FeedVisibilitySeconds": 2, "MaxReceives": 1000, "ProviderTimeoutSeconds": 2},
}
RUNS, ROWS, KILLS = 10, 5_000, 200
VICTIMS = ("feed", "dispatch")
PATIENCE = 300.0  # seconds
_OPEN = ("queued", "scheduled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What came of it. `missing` are numbers that nobody took and that are not said to be in doubt; `windows` those
    chunks that the unconfirmed messages belong to; `unaccounted` rows without an outcome."""

    runs: int
    rows: int
    kills: Mapping[str, int]
    accepted: int
    missing: int
    repeated: int
    unconfirmed: int
    windows: int
    unconfirmed_but_taken: int
    unaccounted: int
    seconds: float

    @property
    def kept(self) -> bool:
        """Whether every promise held."""
        doubts = self.windows <= self.kills["dispatch"] * 10 and not (self.unconfirmed and not self.windows)
        return doubts and not (self.missing or self.repeated or self.unaccounted)


def measure(stack: Stack, runs: int, rows: int, kills: int) -> Report:
    """Send the files one after the other, with an even share of the kills in each."""
    chance = random.Random(kills)
    httpx.post(f"{stack.simulators['bulksms']}/_script", json={"fault": "none", "times": None}).raise_for_status()
    killed: Counter[str] = Counter()
    told: dict[str, tuple[str, str]] = {}
    wanted: set[str] = set()
    unaccounted, began = 0, time.monotonic()
    headers = {"Authorization": f"Bearer {stack.key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as api:
        for run in range(runs):
            numbers, data = campaigns.sheet(rows, f"+5989{run}")
            wanted |= numbers
            url = campaigns.begin(api, data)
            share = kills // runs
            while share:
                share -= _kill(stack, chance, killed)
                time.sleep(chance.uniform(0.05, 0.5))
            life = _wait(api, url)
            unaccounted += rows - life["accepted"] - life["refused"] - life["duplicates"]
            told |= _rows(api, url)
    taken = Counter(digits(line["to"]) for line in ledgers(stack.simulators)["bulksms"])
    doubtful = {number: message for number, (status, message) in told.items() if status == "unconfirmed"}
    return Report(
        runs=runs,
        rows=runs * rows,
        kills=dict(killed),
        accepted=len(told),
        missing=sum(not taken[number] and number not in doubtful for number in wanted),
        repeated=sum(count > 1 for count in taken.values()),
        unconfirmed=len(doubtful),
        windows=len({message.rpartition("-")[0] for message in doubtful.values()}),
        unconfirmed_but_taken=sum(bool(taken[number]) for number in doubtful),
        unaccounted=unaccounted,
        seconds=round(time.monotonic() - began, 1),
    )


def _kill(stack: Stack, chance: random.Random, killed: Counter[str]) -> int:
    """Kill one process, if there is any; how many were."""
    stats = stack.stats()
    victims = [(name, pid) for name in VICTIMS for pid in stats[name]["workers"] if pid]
    if not victims:
        return 0
    name = chance.choice(sorted({name for name, _ in victims}))
    pid = chance.choice([pid for other, pid in victims if other == name])
    with suppress(ProcessLookupError):  # it was quicker
        os.kill(pid, signal.SIGKILL)
        killed[name] += 1
        return 1
    return 0


def _wait(api: httpx.Client, url: str) -> dict[str, int]:
    """The campaign once all is read and nothing is queued any more. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        life = api.get(url).raise_for_status().json()
        if life["fed_at"] and life["counted"] == life["accepted"] and not any(map(life["statuses"].get, _OPEN)):
            return dict(life)
        time.sleep(1)
    raise TimeoutError(f"the campaign did not come to its end: {json.dumps(life)[:1000]}")


def _rows(api: httpx.Client, url: str) -> dict[str, tuple[str, str]]:
    """Every message of a campaign by its number: where it stands, and its id."""
    found: dict[str, tuple[str, str]] = {}
    cursor = None
    while True:
        asked = {"limit": 1000, **({"cursor": cursor} if cursor else {})}
        page = api.get(f"{url}/rows", params=asked).raise_for_status().json()
        found |= {digits(row["to"]): (row["status"], row["message"]) for row in page["items"] if row["message"]}
        cursor = page["cursor"]
        if cursor is None:
            return found


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a promise did not hold."""
    parser = argparse.ArgumentParser(prog="python -m sandbox kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--rows", type=int, default=ROWS, help="of each run")
    parser.add_argument("--kills", type=int, default=KILLS, help="of all runs together")
    asked = parser.parse_args(arguments)
    os.environ.setdefault("SANDBOX_LOG_LEVEL", "CRITICAL")  # killed processes are no news here
    with sandbox.running(parameters=TIMES) as stack:
        report = measure(stack, asked.runs, asked.rows, asked.kills)
    said = {name: getattr(report, name) for name in Report.__slots__}
    print(json.dumps({**said, "kept": report.kept}))
    return 0 if report.kept else 1
