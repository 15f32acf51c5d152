"""Deals in the whole deployment: many writers and a CRM that stumbles, and files that are too large to hold."""

import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox
from sandbox import deals

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def stack() -> Iterator[sandbox.Stack]:
    with sandbox.running(parameters=deals.TIMES | {"ProviderTimeoutSeconds": 25, "CrmWaitSeconds": 25}) as stack:
        yield stack


def test_many_writers_make_one_deal_a_reference_whatever_the_crm_does() -> None:
    # The longest patience: on a slow machine, too, callers see the ends of their writes.
    with sandbox.running(parameters=deals.TIMES | {"CrmWaitSeconds": 25}) as stack:
        report = deals.measure(stack, writes=200, references=20, callers=20, faults_a_second=4)
    assert report.kept, report
    assert report.faults > 10
    assert report.statuses.keys() <= {200, 201, 202}, report  # nothing failed, no caller was left without an answer
    assert report.statuses.get(200, 0) + report.statuses.get(201, 0) > 100, report


def raw(stack: sandbox.Stack, method: str, target: str) -> tuple[int, dict[str, Any]]:
    """An answer to a request whose path goes out byte by byte as it stands."""
    url = httpx.URL(stack.url)
    connection = HTTPConnection(url.host, url.port or 80, timeout=40)
    body = "{}" if method == "PUT" else None
    connection.request(method, target, body, {"X-Api-Key": stack.key, "Content-Type": "application/json"})
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said


@pytest.mark.parametrize("method", ["PUT", "GET"])
@pytest.mark.parametrize(
    "reference",
    [
        *("", "a%2Fb", "%2F", "a%2F", "%2E", "%2E%2E", "%2e.", "a%3Fb", "a%23b", "a%22b", "a%5Cb", "a%7Cb", "a%00b"),
        *("a%0Ab", "a%252Fb", "%F0%9F%98%80", "%FF", "%20a", "a%20", "x" * 129, "x" * 9000, "%C3%A9" * 129),
        *("..%2F..%2Fmessages", "batch%2F"),
    ],
    ids=lambda reference: reference[:20] or "empty",
)
def test_a_name_that_no_deal_can_have_is_refused_by_that_name(
    stack: sandbox.Stack, method: str, reference: str
) -> None:
    status, said = raw(stack, method, f"/v1/deals/{reference}")
    assert (status, [error["field"] for error in said["errors"]]) == (422, ["reference"]), said


@pytest.mark.parametrize(
    ("target", "reference"),
    [
        ("%C3%A9t%C3%A9-%E6%97%A5", "\u00e9t\u00e9-\u65e5"),
        ("%62atch", "batch"),
        ("a.b~c:d@e+f=g,h;(i)'j!*k&l$m", "a.b~c:d@e+f=g,h;(i)'j!*k&l$m"),
        ("a%20b", "a b"),
        ("...", "..."),
        ("x" * 128, "x" * 128),
        ("%C3%A9" * 128, "\u00e9" * 128),
    ],
    ids=lambda text: text[:12],
)
def test_a_name_is_the_same_however_it_is_written(stack: sandbox.Stack, target: str, reference: str) -> None:
    status, said = raw(stack, "PUT", f"/v1/deals/{target}")
    assert (status, said["external_reference"]) == (201, reference), said
    for path in (f"/v1/deals/{target}", said["url"]):
        status, said = raw(stack, "GET", path)
        assert (status, said["external_reference"], said["writes"]) == (200, reference, 1)
    assert len([deal for deal in crm(stack) if deal["external_reference_id"] == reference]) == 1


def test_what_only_ids_make_is_read_and_not_written(stack: sandbox.Stack) -> None:
    status, said = raw(stack, "PUT", "/v1/deals/id:5452")
    assert (status, [error["field"] for error in said["errors"]]) == (422, ["reference"])
    assert raw(stack, "GET", "/v1/deals/id:5452")[0] == 404
    assert raw(stack, "GET", "/v1/accounts/" + "a" * 3000)[0] == 404


def crm(stack: sandbox.Stack) -> list[dict[str, Any]]:
    held: list[dict[str, Any]] = httpx.get(stack.simulators["hubb"] + "/_state", timeout=30).json()["deals"]
    return held


def upload(stack: sandbox.Stack, name: str, content: bytes, content_type: str = "application/zip") -> str:
    about = {"name": name, "content_type": content_type, "size": len(content)}
    told = ask(stack, "POST", "/v1/uploads", about).json()
    files = {"file": (name, content, content_type)}
    httpx.post(told["url"], data=told["fields"], files=files, timeout=60).raise_for_status()
    return str(told["id"])


def ask(stack: sandbox.Stack, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, stack.url + path, json=body, headers={"X-Api-Key": stack.key}, timeout=40)


def settled(stack: sandbox.Stack, path: str) -> dict[str, Any]:
    """A deal when none of its writes waits any longer."""
    end = time.monotonic() + 90
    while True:
        told: dict[str, Any] = ask(stack, "GET", path).json()
        if all(write["standing"] != "pending" for write in told["history"]):
            return told
        assert time.monotonic() < end, told
        time.sleep(0.1)


def attached(stack: sandbox.Stack, reference: str) -> list[dict[str, Any]]:
    """The files of a deal, as the CRM has them."""
    found = [deal for deal in crm(stack) if deal["external_reference_id"] == reference]
    return [file for deal in found for file in deal["attachments"]]


def test_ninety_megabytes_of_files_pass_through_less_than_two_hundred_of_memory(stack: sandbox.Stack) -> None:
    contents = {f"part {number}.zip": os.urandom(10 * MEGABYTE) for number in range(9)}
    ids = [upload(stack, name, content) for name, content in contents.items()]
    answer = ask(stack, "PUT", "/v1/deals/large", {"name": "Large", "attachments": ids})
    assert answer.status_code in {201, 202}  # a slow machine is a slow CRM
    (write,) = settled(stack, answer.headers["location"])["history"]
    assert (write["standing"], write["created"], write["unconfirmed"]) == ("saved", True, [])
    held = {file["name"]: (file["size"], file["sha256"]) for file in attached(stack, "large")}
    assert held == {name: (len(text), hashlib.sha256(text).hexdigest()) for name, text in contents.items()}
    print(f"90 MB of files: crm had {peak(stack, 'crm')} octets at most, deal {peak(stack, 'deal')}")
    assert peak(stack, "crm") < 200 * MEGABYTE
    assert peak(stack, "deal") < 200 * MEGABYTE


def peak(stack: sandbox.Stack, function: str) -> int:
    """The most memory that any process of a function ever had, in octets."""
    stats = [Path(f"/proc/{pid}/status").read_text() for pid in stack.stats()[function]["workers"]]
    found = [re.search(r"VmHWM:\s+(\d+) kB", text) for text in stats]
    return max(int(one[1]) * 1024 for one in found if one)


def test_more_than_a_hundred_megabytes_are_refused_before_any_call(stack: sandbox.Stack) -> None:
    content = os.urandom(51 * MEGABYTE)
    ids = [upload(stack, name, content[:size]) for name, size in (("a.zip", 51 * MEGABYTE), ("b.zip", 50 * MEGABYTE))]
    answer = ask(stack, "PUT", "/v1/deals/too-large", {"name": "Too large", "attachments": ids})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["attachments"]
    assert "101000000" in answer.json()["errors"][0]["reason"]
    assert attached(stack, "too-large") == []
    assert ask(stack, "GET", "/v1/deals/too-large").status_code == 404


def test_one_file_of_a_hundred_megabytes_is_not_even_let_up(stack: sandbox.Stack) -> None:
    about = {"name": "a.zip", "content_type": "application/zip", "size": 101 * MEGABYTE}
    assert [error["field"] for error in ask(stack, "POST", "/v1/uploads", about).json()["errors"]] == ["size"]


def test_a_type_that_the_crm_would_drop_is_refused_before_any_call(stack: sandbox.Stack) -> None:
    ids = [upload(stack, "run.exe", b"MZ", "application/octet-stream")]
    answer = ask(stack, "PUT", "/v1/deals/odd", {"name": "Odd", "attachments": ids})
    assert [error["field"] for error in answer.json()["errors"]] == ["attachments.0"]
    assert ask(stack, "GET", "/v1/deals/odd").status_code == 404


def test_a_slow_crm_is_a_202_with_a_link_and_every_event_finds_its_function() -> None:
    slow = deals.TIMES | {"CrmWaitSeconds": 4, "ProviderTimeoutSeconds": 25}
    with sandbox.running(parameters=slow) as stack:
        for path in sorted((ROOT / "events").glob("*.json")):
            if path.stem.startswith(("deal_", "account_", "upload_")):
                event = json.loads(path.read_text())
                body = json.loads(event["body"]) if "body" in event else None
                method, _, _ = event["routeKey"].partition(" ")
                assert ask(stack, method, event["rawPath"], body).status_code in {200, 201, 202, 207}, path.stem
        assert stack.invoke("crm", json.loads((ROOT / "events" / "crm.json").read_text())) == {"batchItemFailures": []}
        fault = {"fault": "delay", "seconds": 15, "match": {"path": "crm_add_deal"}}
        httpx.post(stack.simulators["hubb"] + "/_script", json=fault).raise_for_status()
        answer = ask(stack, "PUT", "/v1/deals/slow", {"name": "Slow"})
        assert (answer.status_code, answer.headers["location"]) == (202, "/v1/deals/slow")
        assert (answer.json()["standing"], answer.json()["created"]) == ("pending", None)
        batch = ask(stack, "POST", "/v1/deals/batch", {"deals": [{"external_reference": "slow"}, {"name": "Quick"}]})
        assert batch.status_code == 207
        assert [line["status"] for line in batch.json()["results"]] == [202, 201]
        told = settled(stack, answer.headers["location"])
        assert [write["standing"] for write in told["history"]] == ["saved", "saved"]
        assert told["deal"]["id"] == told["id"]
