"""What a campaign costs: `python -m sandbox campaigns` sends two files, one a hundred times the other, and counts.

Some rows are wrong and some say what others said. Receipts are off: they are the callback's, and would be the same for
messages that came in by any other way. The first look of the watch comes after the end: it is a few requests a window.
"""

import argparse
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import sandbox
from sandbox.audit import digits, ledgers
from sandbox.probed import Probe, bar
from sandbox.stack import Stack

SIZES = (2_000, 200_000)
TIMES = {"WatchDelaySeconds": 900, "RecheckSeconds": 900}
WARM = 1_001
EVERY = 100  # of so many rows one is wrong, and one a duplicate
BARS = {"requests": 0.30, "units": 4.5, "ratio": 0.05, "memory": 128.0}
PATIENCE = 1800.0  # seconds
PATH = ("feed", "dispatch", "watch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one campaign came to. `missing` and `repeated` are numbers at the simulator; `memory` is in MB."""

    rows: int
    accepted: int
    refused: int
    duplicates: int
    missing: int
    repeated: int
    seconds: float
    requests: dict[str, float]
    units: dict[str, float]
    memory: float

    @property
    def kept(self) -> bool:
        """Whether every row is accounted for, and every accepted one was sent exactly once."""
        accounted = self.accepted + self.refused + self.duplicates == self.rows
        return accounted and self.missing == 0 and self.repeated == 0


def measure(stack: Stack, probe: Probe, rows: int) -> Report:
    """Send one file and wait until the simulator has all of it. Numbers are of the row and of the size."""
    httpx.post(f"{stack.simulators['bulksms']}/_script", json={"fault": "none", "times": None}).raise_for_status()
    httpx.delete(f"{stack.simulators['bulksms']}/_ledger").raise_for_status()
    before, prefix = paid(stack), f"+5989{rows % 9}"
    wanted, data = sheet(rows, prefix)
    probe.take()
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {stack.key}"}, timeout=60) as api:
        began = time.monotonic()
        url = begin(api, data)
        wait(lambda: paid(stack) - before >= len(wanted))
        seconds = time.monotonic() - began
        wait(lambda: waiting(stack, "BulksmsQueueUrl") == 0)
        requests, units = probe.take()
        memory = peak(stack, "feed")
        told = api.get(url).raise_for_status().json()
    taken = Counter(digits(line["to"]) for line in ledgers(stack.simulators)["bulksms"])
    return Report(
        rows=rows,
        accepted=told["accepted"],
        refused=told["refused"],
        duplicates=told["duplicates"],
        missing=sum(not taken[number] for number in wanted),
        repeated=sum(count > 1 for count in taken.values()) + len(taken.keys() - wanted),
        seconds=seconds,
        requests={name: requests[name] / rows for name in PATH},
        units={name: units[name] / rows for name in PATH},
        memory=memory,
    )


def sheet(rows: int, prefix: str) -> tuple[set[str], bytes]:
    """A file, and the numbers that are to be sent to."""
    lines, wanted = ["phone,name"], set[str]()
    for row in range(rows):
        if row % EVERY == 50:
            lines.append(f"12,Row {row}")
        elif row % EVERY == 51:
            lines.append(lines[-2])
        else:
            lines.append(f"{prefix}{row:06d},Row {row}")
            wanted.add(digits(lines[-1].partition(",")[0]))
    return wanted, "\r\n".join([*lines, ""]).encode()


def begin(api: httpx.Client, data: bytes, more: Mapping[str, Any] | None = None) -> str:
    """Begin a campaign, with more than it needs, and send its file; where it is followed."""
    body = {"name": "Bench", "text": "Hello", "provider": "bulksms", "columns": {"to": "phone"}, **(more or {})}
    begun = api.post("/v1/campaigns", json=body).raise_for_status().json()
    form = begun["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("rows.csv", data)}, timeout=120)
    sent.raise_for_status()
    return str(begun["url"])


def paid(stack: Stack) -> int:
    """How many parts the simulator took so far: a message here is one."""
    return int(httpx.get(f"{stack.simulators['bulksms']}/_state", timeout=60).json()["paid"])


def waiting(stack: Stack, queue: str) -> int:
    """How many names a queue holds that are not done with."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = stack.boto("sqs").get_queue_attributes(QueueUrl=stack.outputs[queue], AttributeNames=names)
    return sum(map(int, answer["Attributes"].values()))


def wait(until: Any, pause: float = 0.5) -> None:
    """Wait for a condition. Raises TimeoutError."""
    end = time.monotonic() + PATIENCE
    while not until():
        if time.monotonic() > end:
            raise TimeoutError("the campaign did not come to its end")
        time.sleep(pause)


def peak(stack: Stack, function: str) -> float:
    """The most memory that any process of a function ever had, in MB."""
    stats = [Path(f"/proc/{pid}/status").read_text() for pid in stack.stats()[function]["workers"]]
    found = [re.search(r"VmHWM:\s+(\d+) kB", text) for text in stats]
    return max(int(one[1]) * 1024 for one in found if one) / 1_000_000


def show(report: Report) -> bool:
    """Print what came of a campaign; whether it met its bars."""
    accounted = f"{report.accepted} accepted, {report.refused} refused, {report.duplicates} duplicates"
    print(f"campaign of {report.rows} rows in {report.seconds:.1f} s, {report.rows / report.seconds:.0f} rows a second")
    print(f"  {accounted}; at the simulator {report.missing} missing, {report.repeated} repeated")
    requests, units = sum(report.requests.values()), sum(report.units.values())
    return all(
        [
            report.kept,
            bar("  AWS requests a row, before receipts", requests, BARS["requests"], report.requests),
            bar("  write units a row, before receipts", units, BARS["units"], report.units),
            bar("  most memory of feed, MB", report.memory, BARS["memory"], {}),
        ]
    )


def bench(sizes: tuple[int, ...] = SIZES) -> bool:
    """Measure and print every size, and how alike they cost; whether all bars were met."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        file = Path(folder) / "probe"
        reports, met = [], []
        with sandbox.running(parameters=TIMES, env={"SWITCHBOARD_PROBE": str(file)}) as stack:
            probe = Probe(file, stack)
            measure(stack, probe, WARM)  # what a process asks for once is not a row's
            for rows in sizes:
                reports.append(measure(stack, probe, rows))
                met.append(show(reports[-1]))
    costs = [sum(report.requests.values()) for report in reports]
    if len(costs) > 1:
        ratio = costs[-1] / costs[0]
        print(f"requests a row, {sizes[-1]} rows beside {sizes[0]}: {ratio:.3f} (bar 1 ± {BARS['ratio']:g})")
        met.append(abs(ratio - 1) <= BARS["ratio"])
    return all(met)


def main(arguments: list[str]) -> int:
    """Measure and print; 1 when a bar was not met."""
    parser = argparse.ArgumentParser(prog="python -m sandbox campaigns", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=SIZES)
    os.environ.setdefault("SANDBOX_LOG_LEVEL", "ERROR")
    return 0 if bench(tuple(parser.parse_args(arguments).rows)) else 1
