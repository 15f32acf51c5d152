"""`python -m sandbox demo`: the requests in events/ through the deployment, every message's life, and an audit."""

import json
import re
import sys
import time
import uuid
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx

import sandbox
from sandbox.audit import audit, ledgers, lives_of, wait_until_settled
from sandbox.processes import ROOT
from sandbox.stack import Stack

# What the simulators do wrong, by the event whose messages it is done to.
FAULTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "send_sms_refused": ("bulksms", {"fault": "refuse"}),
    "send_sms_answer_lost": ("hubb", {"fault": "reset_after"}),
}
INBOUND = {"from": "+59898344484", "to": "+13056490655", "text": "Yes, please call me"}
PLACE_OF_KEY = "replace-this-with-an-api-key"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATIENCE = 60.0  # seconds that messages may take to settle


def main(arguments: list[str]) -> int:
    """Run the demo; 0 when the audit passes."""
    with sandbox.running() as stack, _api(stack.url, stack.key) as api:
        batches = {name: _send(api, stack.simulators, name) for name in _events("send")}
        batches |= {name: _knock(api, stack, name) for name in _events("door")}
        httpx.post(f"{stack.simulators['ucontact']}/_inbound", json=INBOUND).raise_for_status()
        wait_until_settled(api, batches.values(), PATIENCE)
        inbound = _conversation(api)
        lives = lives_of(api, batches.values())
        named = {id_: name for name, id_ in batches.items()}
        for row in _table(
            [*((named[life["batch"]], life) for life in lives), *(("inbound", life) for life in inbound)]
        ):
            print(row)
        result = audit(lives, ledgers(stack.simulators))
    print(result)
    return 0 if result.passed and inbound else 1


def _api(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=35)


def _events(kind: str) -> list[str]:
    return sorted(path.stem for path in (ROOT / "events").glob(f"{kind}_*.json"))


def _knock(api: httpx.Client, stack: Stack, name: str) -> str:
    """Make an event's call at a vendor's door, with the key filled in; the batch of the id that was answered."""
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    said = (event["rawQueryString"], b64decode(event.get("body", "")).decode(), event["headers"])
    query, body, headers = json.loads(json.dumps(said).replace(PLACE_OF_KEY, stack.key))
    kept = {name: value for name, value in headers.items() if name in ("authorization", "content-type")}
    url = f"{stack.url}{event['rawPath']}?{query}"
    answer = httpx.request(event["requestContext"]["http"]["method"], url, content=body, headers=kept, timeout=35)
    alias = re.search(UUID, answer.text)
    if alias is None:
        sys.exit(f"{name}: {answer.status_code} {answer.text}")
    batch: str = api.get(f"/v1/messages/{alias[0]}").raise_for_status().json()["batch"]
    return batch


def _send(api: httpx.Client, simulators: Mapping[str, str], name: str) -> str:
    """Post an event's body, with its fault scripted first; the batch that it became."""
    body = json.loads((ROOT / "events" / f"{name}.json").read_text())["body"]
    if name in FAULTS:
        provider, fault = FAULTS[name]
        match = {"to": _first_recipient(json.loads(body)["to"]).lstrip("+")}
        httpx.post(f"{simulators[provider]}/_script", json={**fault, "match": match}).raise_for_status()
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    answer = api.post("/v1/messages", content=body, headers=headers)
    if answer.status_code != 202:
        sys.exit(f"{name}: {answer.status_code} {answer.text}")
    batch: str = answer.json()["batch"]
    return batch


def _first_recipient(to: Any) -> str:
    first = to[0] if isinstance(to, list) else to
    return str(first["to"] if isinstance(first, dict) else first)


def _conversation(api: httpx.Client) -> list[dict[str, Any]]:
    """The inbound messages of the number that wrote to us."""
    for _ in range(50):
        items = api.get("/v1/messages", params={"with": INBOUND["from"]}).raise_for_status().json()["items"]
        if inbound := [life for life in items if life["direction"] == "inbound"]:
            return inbound
        time.sleep(0.1)
    return []


COLUMNS = ("event", "to", "provider", "status", "its life, in seconds from acceptance")


def _table(lives: list[tuple[str, Mapping[str, Any]]]) -> Iterator[str]:
    """Rows of equal columns, one a message; a column is as wide as its widest cell."""
    rows = [COLUMNS, *(_row(name, life) for name, life in lives)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(COLUMNS))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    yield ""


def _row(name: str, life: Mapping[str, Any]) -> tuple[str, ...]:
    who = life["to"] if life["direction"] == "outbound" else f"from {life['from']}"
    return (name, who or "", life["provider"] or "", life["status"], _story(life))


def _story(life: Mapping[str, Any]) -> str:
    """What was tried, what was answered, what came back."""
    if life["direction"] == "inbound":
        return repr(life["text"])
    events = [(life["created_at"], "queued")]
    events += [(attempt["at"], _attempt(attempt)) for attempt in life["attempts"]]
    events += [(receipt["received_at"], f"receipt {receipt['word']}") for receipt in life["receipts"]]
    began = datetime.fromisoformat(life["created_at"])
    return ", ".join(f"{(datetime.fromisoformat(at) - began).total_seconds():+.2f} {what}" for at, what in events)


def _attempt(attempt: Mapping[str, Any]) -> str:
    said = attempt.get("vendor_id") or attempt.get("code") or ""
    return f"{attempt['verdict']} ({said})" if said else str(attempt["verdict"])
