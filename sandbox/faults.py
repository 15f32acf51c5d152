"""`python -m sandbox faults`: every fault of the simulators' script on every vendor, and what it led to, as a table."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx

import sandbox
from sandbox.audit import digits, ledgers, lives_of
from sandbox.stack import Stack

PROVIDERS = ("hubb", "ucontact", "bulksms")
RECIPIENTS = 3
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("answer late, within the provider's time", {"fault": "delay", "seconds": 0.5}),
    ("answer later than the provider's time", {"fault": "delay", "seconds": 3}),
    ("connection reset before taking", {"fault": "reset_before"}),
    ("connection reset after taking", {"fault": "reset_after"}),
    ("HTTP 500, not taken", {"fault": "500"}),
    ("HTTP 500, yet taken", {"fault": "500", "taken": True}),
    ("HTTP 429", {"fault": "429"}),
    ("unreadable answer, yet taken", {"fault": "garbage"}),
    ("the vendor's own no", {"fault": "refuse"}),
    ("answer cut short, all taken", {"fault": "partial"}),
    ("receipt twice", {"fault": "duplicate"}),
    ("receipt before the answer", {"fault": "early"}),
    ("receipts that contradict each other", {"fault": "contradictory"}),
)
SHORT = {
    **{"LeaseSeconds": 3, "DispatchTimeoutSeconds": 15, "VisibilitySeconds": 90, "ProviderTimeoutSeconds": 1.5},
    **{"WatchDelaySeconds": 5, "RecheckSeconds": 4, "BackoffSeconds": 0},
}
PATIENCE = 40.0  # seconds in which everything has come to rest under these times


def main(arguments: list[str]) -> int:
    """Print the table in Markdown."""
    for line in table():
        print(line)
    return 0


def table() -> Iterator[str]:
    """The table's lines: a row a fault, a column a vendor; where the messages ended, how many the vendor took."""
    with sandbox.running(parameters=SHORT) as stack:
        sent = {(fault, provider): _send(stack, place, provider, fault) for place, fault, provider in _cases()}
        cells = _settle(stack, sent)
    yield f"| fault, on {RECIPIENTS} messages | {' | '.join(PROVIDERS)} |"
    yield f"|---{'|---' * len(PROVIDERS)}|"
    for name, _ in FAULTS:
        yield f"| {name} | {' | '.join(cells[name, provider] for provider in PROVIDERS)} |"


def _cases() -> Iterator[tuple[int, str, str]]:
    cases = ((name, provider) for name, _ in FAULTS for provider in PROVIDERS)
    return ((place, name, provider) for place, (name, provider) in enumerate(cases))


def _send(stack: Stack, place: int, provider: str, fault: str) -> str:
    """Script the fault for these recipients alone, then send to them; the batch."""
    numbers = [f"+1919555{place:03d}{n}" for n in range(RECIPIENTS)]
    options = dict(FAULTS)[fault]
    for number in numbers if provider != "bulksms" else numbers[:1]:  # the bulk platform takes them in one call
        entry = {**options, "match": {"to": number.lstrip("+")}}
        httpx.post(f"{stack.simulators[provider]}/_script", json=entry).raise_for_status()
    body = {"to": numbers, "text": fault, "provider": provider}
    answer = httpx.post(f"{stack.url}/v1/messages", json=body, headers=_key(stack), timeout=30).raise_for_status()
    batch: str = answer.json()["batch"]
    return batch


def _settle(stack: Stack, sent: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Wait until nothing changes any more, then say where everything stands."""
    before: Sequence[Any] = ()
    deadline = time.monotonic() + PATIENCE
    with httpx.Client(base_url=stack.url, headers=_key(stack), timeout=30) as api:
        while True:
            lives = lives_of(api, sent.values())
            now = [(life["id"], life["status"]) for life in lives]
            if time.monotonic() > deadline or (now == before and all(life["settled"] for life in lives)):
                break
            before = now
            time.sleep(SHORT["RecheckSeconds"] + 1)
    taken = Counter((name, digits(line["to"])) for name, lines in ledgers(stack.simulators).items() for line in lines)
    by_batch: dict[str, list[dict[str, Any]]] = {}
    for life in lives:
        by_batch.setdefault(life["batch"], []).append(life)
    return {(name, provider): _cell(by_batch[batch], provider, taken) for (name, provider), batch in sent.items()}


def _cell(lives: Sequence[Mapping[str, Any]], provider: str, taken: Mapping[tuple[str, str], int]) -> str:
    statuses = Counter(life["status"] for life in lives)
    passes = max(len(life["attempts"]) for life in lives)
    count = sum(taken[provider, digits(life["to"])] for life in lives)
    said = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
    return f"{said}; {count} taken" + (f", {passes} passes" if passes > 1 else "")


def _key(stack: Stack) -> dict[str, str]:
    return {"Authorization": f"Bearer {stack.key}"}
