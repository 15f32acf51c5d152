"""`python -m sandbox bench`: AWS requests and write units a message, time to the provider, punctuality, cold starts."""

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

import sandbox
from sandbox import campaigns, punctual
from sandbox.audit import audit, digits, ledgers, lives_of, wait_until_settled
from sandbox.probed import Probe, bar
from sandbox.processes import ROOT
from sandbox.stack import Stack

REQUESTS, RECIPIENTS = 100, 100
SINGLES = 100
DOOR_CALLS = 5
COLD_STARTS = 21
WATCH_DELAY = 45  # seconds: long enough for a batch to be done when it is looked at, as ten minutes are in a deployment
BARS = {"requests": 0.30, "campaign": 4.5, "single": 9.0, "cold": 1.6, "door": 1.0}
MESSAGE_PATH = ("send", "dispatch", "callback", "watch")


def main(arguments: list[str]) -> int:
    """Run the benches; 0 when every bar is met."""
    os.environ.setdefault("SANDBOX_LOG_LEVEL", "ERROR")  # cold starts kill workers, which is no news
    met = [*_messages(), campaigns.bench(), punctual.bench(), *_cold_starts()]
    return 0 if all(met) else 1


@contextmanager
def _stack() -> Iterator[tuple[Stack, httpx.Client, Probe]]:
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        file = Path(folder) / "probe"
        with sandbox.running(
            parameters={"WatchDelaySeconds": WATCH_DELAY}, env={"SWITCHBOARD_PROBE": str(file)}
        ) as stack:
            headers = {"Authorization": f"Bearer {stack.key}"}
            with httpx.Client(base_url=stack.url, headers=headers, timeout=35) as api:
                yield stack, api, Probe(file, stack)


def _messages() -> Iterator[bool]:
    with _stack() as (stack, api, probe):
        yield from _campaign(stack, api, probe)
        yield from _single(stack, api, probe)
        yield from _bulk_door(stack, api)


def _campaign(stack: Stack, api: httpx.Client, probe: Probe) -> Iterator[bool]:
    """10,000 messages to the bulk platform, a hundred a request."""
    numbers = iter(range(REQUESTS * RECIPIENTS))
    bodies = [
        {"to": [f"+5989{next(numbers):07d}" for _ in range(RECIPIENTS)], "text": "Hello", "provider": "bulksms"}
        for _ in range(REQUESTS)
    ]
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda body: _send(api, body)["batch"], bodies))
    accepted = time.monotonic() - began
    settled = accepted + wait_until_settled(api, batches, 300)
    _wait_for_watch(stack, REQUESTS)
    requests, units = probe.take()
    count = REQUESTS * RECIPIENTS
    result = audit(lives_of(api, batches), ledgers(stack.simulators))
    print(
        f"campaign: {count} messages in {REQUESTS} requests, accepted in {accepted:.1f} s, settled in {settled:.1f} s"
    )
    print(result)
    yield result.passed and result.accepted == count
    path = {name: requests[name] / count for name in ("send", "dispatch", "watch")}
    yield bar("AWS requests a message, before receipts", sum(path.values()), BARS["requests"], path)
    written = {name: units[name] / count for name in ("send", "dispatch", "watch")}
    yield bar("write units a message, before receipts", sum(written.values()), BARS["campaign"], written)
    asked, wrote = requests["callback"] / count, units["callback"] / count
    print(f"  (a receipt: {asked:.2f} requests, {wrote:.2f} write units)")


def _single(stack: Stack, api: httpx.Client, probe: Probe) -> Iterator[bool]:
    """Messages one by one, each with its receipt; and how long after its 202 one reaches the provider."""
    probe.take()
    answered: dict[str, float] = {}
    batches = []
    for n in range(SINGLES):
        number = f"+59891{n:06d}"
        batches.append(_send(api, {"to": number, "text": "Hello", "provider": "bulksms"})["batch"])
        answered[digits(number)] = time.time()
    wait_until_settled(api, batches, 60)
    lives = lives_of(api, batches)
    requests, units = probe.take()
    taken = {digits(line["to"]): line["at"] for line in ledgers(stack.simulators)["bulksms"]}
    waits = [max(0.0, taken[number] - at) for number, at in answered.items()]
    delivered = sum(life["status"] == "delivered" for life in lives)
    median = statistics.median(waits)
    print(f"single: {SINGLES} messages, {delivered} delivered; from 202 to the provider: median {median:.3f} s")
    yield delivered == SINGLES and median < 1.0
    written = {name: units[name] / SINGLES for name in MESSAGE_PATH}
    yield bar("write units a message, receipt included", sum(written.values()), BARS["single"], written)
    print(f"  (requests a message, receipt included: {sum(requests[name] for name in MESSAGE_PATH) / SINGLES:.2f})")


def _bulk_door(stack: Stack, api: httpx.Client) -> Iterator[bool]:
    """Many destinations in one call at the bulk platform's door: as many as a GET holds, and as one call may have."""
    said = {
        "username": stack.client,
        "password": stack.key,
        "type": "0",
        "dlr": "0",
        "source": "Bench",
        "message": "Hi",
    }
    for method, count in (("GET", 400), ("POST", 1000)):
        times = []
        for turn in range(DOOR_CALLS):
            numbers = [f"4477{turn}{count % 7}{n:06d}" for n in range(count)]
            call = said | {"destination": ",".join(numbers)}
            url, query = f"{stack.url}/bulksms/bulksms", call if method == "GET" else None
            began = time.monotonic()
            answer = httpx.request(method, url, params=query, data=None if query else call, timeout=35)
            times.append(time.monotonic() - began)
            entries = [entry.split("|") for entry in answer.text.split(",")]
            if [entry[:2] for entry in entries] != [["1701", number] for number in numbers]:
                print(f"bulk door, {method}: {answer.status_code} {answer.text[:200]}")
                yield False
            first = api.get(f"/v1/messages/{entries[0][-1]}").raise_for_status().json()
            wait_until_settled(api, [first["batch"]], 60)  # the next call does not compete with the sending of this one
        what = f"bulk door, {count} destinations by {method}, answered in, s (median of {DOOR_CALLS})"
        yield bar(what, statistics.median(times), BARS["door"], {})


def _send(api: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/v1/messages", json=body)
    answer.raise_for_status()
    accepted: dict[str, Any] = answer.json()
    return accepted


def _wait_for_watch(stack: Stack, batches: int) -> None:
    """Until the watch has looked at every batch once, or has had the time to."""
    watched = stack.boto("sqs")
    url = stack.outputs["WatchQueueUrl"]
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    for _ in range(2 * (WATCH_DELAY + 30)):
        if not sum(map(int, watched.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())):
            return
        time.sleep(0.5)


def _cold_starts() -> Iterator[bool]:
    """Process start to first answer, each function's median beside that of the bare one, measured in turns."""
    with (
        sandbox.running() as stack,
        sandbox.running(template=ROOT / "sandbox/bare/template.yaml", simulators=False) as bare,
    ):
        starts: dict[str, Callable[[], float]] = {"bare": lambda: _cold_start(bare, "bare", _http("GET", "/", ""))}
        for name, event in _first_events(stack).items():
            starts[name] = partial(_cold_start, stack, name, event)
        times: dict[str, list[float]] = {name: [] for name in starts}
        for _ in range(COLD_STARTS):
            for name, start in starts.items():
                times[name].append(start())
    medians = {
        name: statistics.median(values[1:]) for name, values in times.items()
    }  # the first one fills the disk's cache
    print(f"cold start: bare {medians['bare'] * 1000:.0f} ms (Powertools logger, metrics, resolver; one read by boto3)")
    for name, median in medians.items():
        if name != "bare":
            met = bar(f"cold start of {name}, ratio to bare", median / medians["bare"], BARS["cold"], {})
            yield met or name not in MESSAGE_PATH


def _cold_start(stack: Stack, function: str, event: dict[str, Any]) -> float:
    stack.kill_workers(function)
    began = time.monotonic()
    stack.invoke(function, event)
    return time.monotonic() - began


def _first_events(stack: Stack) -> dict[str, dict[str, Any]]:
    body = json.dumps({"to": "+59891234567", "text": "Hello", "provider": "bulksms"})
    token = stack.accounts["bulksms"]["callback_token"]
    receipt = "sMessageId=unknown&sStatus=DELIVRD&sMobileNo=59891234567"
    callback = _http("POST", f"/callbacks/bulksms/{token}/receipts", receipt, provider="bulksms", token=token)
    callback["headers"]["content-type"] = "application/x-www-form-urlencoded"
    return {
        "send": _http("POST", "/v1/messages", body, key=stack.key),
        "dispatch": _sqs({"chunk": "unknown-unknown-0", "provider": "bulksms"}),
        "callback": callback,
        "watch": _sqs({"batch": "unknown", "nonce": "unknown"}),
        "feed": _sqs({"feed": "unknown"}),
        "fire": _sqs({"batch": "unknown", "nonce": "unknown"}),
        "notify": _sqs({"message": "unknown"}),
        "session": _http("POST", "/Integra/resources/auth/EndSession", "user=demo&token=unknown"),
        "campaign": _http("GET", "/v1/campaigns/unknown", "", key=stack.key, id="unknown"),
        "track": _http("GET", "/v1/batches/unknown", "", key=stack.key, id="unknown"),
        "docs": _http("GET", "/openapi.json", ""),
    }


def _http(method: str, path: str, body: str, key: str = "", **parameters: str) -> dict[str, Any]:
    """An event of payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "authorization": f"Bearer {key}"},
        "pathParameters": parameters,
        "requestContext": {
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "bench",
            },
            **{"stage": "$default", "requestId": "bench", "accountId": "0", "apiId": "bench", "timeEpoch": 0},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def _sqs(body: dict[str, str]) -> dict[str, Any]:
    return {"Records": [{"messageId": "1", "receiptHandle": "1", "body": json.dumps(body)}]}
