"""How punctual is a one-off send: `python -m sandbox punctual` schedules some at random seconds and asks the provider.

Beside them the engine's own delays are measured, of a delayed message and of an alarm: what nobody on top can be better
than. The times are short, so that half of the sends wait in a queue alone and half are woken by an alarm.
"""

import argparse
import json
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

import sandbox
from sandbox.audit import digits, ledgers
from sandbox.stack import Stack

TIMES = {"ScheduleThresholdSeconds": 30, "ScheduleLeadSeconds": 15}
FIRST, LAST = 3, 75  # seconds ahead
SLACK = 2.0  # seconds that we may be later than the engine
PROBES = 20


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it, in seconds after the time that was asked for; negative is early."""

    sends: int
    by_alarm: int
    sent_once: int
    earliest: float
    median: float
    latest: float
    engine_delay: float
    engine_alarm: float

    @property
    def kept(self) -> bool:
        """Whether all went once, none early, and none later than the engine and a little."""
        return self.sent_once == self.sends and self.earliest >= 0 and self.latest <= self.engine_delay + SLACK


def measure(stack: Stack, sends: int) -> Report:
    """Schedules, waits, asks the simulator. The stack has `TIMES`."""
    chance = random.Random(sends)
    wanted: dict[str, float] = {}
    with _engine_delays(stack) as engine, httpx.Client(base_url=stack.url, timeout=35) as api:
        for number in range(sends):
            at = round(time.time() + chance.uniform(FIRST, LAST), 3)
            body = {"to": f"+59895{number:06d}", "text": "Now", "provider": "bulksms", "send_at": _rfc3339(at)}
            headers = {"Authorization": f"Bearer {stack.key}"}
            accepted = api.post("/v1/messages", json=body, headers=headers).raise_for_status().json()
            assert accepted["messages"][0]["status"] == "scheduled"
            wanted[digits(body["to"])] = at
        asked = time.time()
        time.sleep(max(wanted.values()) - asked + 5)
    taken: dict[str, list[float]] = {}
    for line in ledgers(stack.simulators)["bulksms"]:
        taken.setdefault(digits(line["to"]), []).append(line["at"])
    late = sorted(taken[number][0] - at for number, at in wanted.items() if number in taken)
    return Report(
        sends=sends,
        by_alarm=sum(at - asked > TIMES["ScheduleThresholdSeconds"] for at in wanted.values()),
        sent_once=sum(len(taken.get(number, ())) == 1 for number in wanted),
        earliest=round(late[0], 3),
        median=round(late[len(late) // 2], 3),
        latest=round(late[-1], 3),
        engine_delay=round(max(engine["delay"]), 3),
        engine_alarm=round(max(engine["alarm"]), 3),
    )


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


@contextmanager
def _engine_delays(stack: Stack) -> Iterator[dict[str, list[float]]]:
    """How late the engine hands out a delayed message, and an alarm's, on a queue that nobody else has."""
    sqs = stack.boto("sqs")
    late: dict[str, list[float]] = {"delay": [], "alarm": []}
    url = sqs.create_queue(QueueName="punctual")["QueueUrl"]
    done = threading.Event()
    listener = threading.Thread(target=_listen, args=[sqs, url, late, done], daemon=True)
    listener.start()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_probe, stack, sqs, url).result()
        yield late
    done.set()
    listener.join()


def _probe(stack: Stack, sqs: Any, url: str) -> None:
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    scheduler = stack.boto("scheduler")
    for number in range(PROBES):
        delay = 2 + 3 * number
        body = json.dumps({"kind": "delay", "at": time.time() + delay})
        sqs.send_message(QueueUrl=url, MessageBody=body, DelaySeconds=delay)
        at = int(time.time()) + delay
        scheduler.create_schedule(
            Name=f"punctual-{number}",
            ScheduleExpression=f"at({datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target={"Arn": arn, "RoleArn": arn, "Input": json.dumps({"kind": "alarm", "at": at})},
        )


def _listen(sqs: Any, url: str, late: dict[str, list[float]], done: threading.Event) -> None:
    while not done.is_set():
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        now = time.time()
        for message in answer.get("Messages", ()):
            said = json.loads(message["Body"])
            late[said["kind"]].append(now - said["at"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def bench() -> bool:
    """Measures fifty and prints; whether the promise held."""
    with sandbox.running(parameters=TIMES) as stack:
        report = measure(stack, 50)
    print(f"one-off sends: {report.sends} at random seconds, {report.by_alarm} by alarm, {report.sent_once} sent once")
    after = f"earliest {report.earliest:.3f}, median {report.median:.3f}, latest {report.latest:.3f}"
    print(f"  sent after their time, s: {after} (bar: the engine's own delay and {SLACK:g})")
    print(f"  (the engine itself, s: a delayed message {report.engine_delay:.3f}, an alarm {report.engine_alarm:.3f})")
    return report.kept


def main(arguments: list[str]) -> int:
    """Measures and prints; 1 when the promise did not hold."""
    argparse.ArgumentParser(prog="python -m sandbox punctual", description=__doc__).parse_args(arguments)
    return 0 if bench() else 1
