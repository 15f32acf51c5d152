"""Campaigns in the whole deployment: from a form to a report, what they cost, and workers that are killed."""

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import sandbox
from sandbox import campaigns, kills
from sandbox.probed import Probe

ROOT = Path(__file__).resolve().parents[2]
ROWS = 3_000


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sandbox.Stack, Probe]]:
    file = tmp_path_factory.mktemp("probe") / "probe"
    with sandbox.running(parameters=campaigns.TIMES, env={"SWITCHBOARD_PROBE": str(file)}) as stack:
        yield stack, Probe(file, stack)


def ask(stack: sandbox.Stack, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {stack.key}"}
    return httpx.request(method, stack.url + path, json=body, params=query, headers=headers, timeout=60)


def test_every_row_of_a_file_is_accounted_for_at_a_cost_that_is_known(probed: tuple[sandbox.Stack, Probe]) -> None:
    report = campaigns.measure(*probed, rows=ROWS)
    assert report.kept, report
    assert sum(report.requests.values()) <= campaigns.BARS["requests"]
    assert sum(report.units.values()) <= campaigns.BARS["units"]
    assert report.memory < campaigns.BARS["memory"]


def test_from_the_form_to_the_report(probed: tuple[sandbox.Stack, Probe]) -> None:
    stack = probed[0]
    httpx.delete(f"{stack.simulators['bulksms']}/_script").raise_for_status()
    headers = {"Authorization": f"Bearer {stack.key}"}
    lines = ["phone,name", "+447700900001,Ann", "+447700900002,Bob", "12,Cy", "+447700900001,Ann"]
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as api:
        url = campaigns.begin(api, "\n".join(lines).encode())
        told: dict[str, Any] = {}
        for _ in range(100):
            told = api.get(url).json()
            if told["state"] == "finished":
                break
            time.sleep(0.2)
        assert (told["statuses"], told["rows"], told["refused"], told["duplicates"]) == ({"delivered": 2}, 4, 1, 1)
        assert [row["row"] for row in told["refusals"]] == [3, 4]
        assert [row["status"] for row in api.get(f"{url}/rows").json()["items"]] == [
            *("delivered", "delivered", "refused", "duplicate")
        ]
        assert told["id"] in [one["id"] for one in api.get("/v1/campaigns").json()["items"]]
        for _ in range(100):
            answer = api.get(f"{url}/report.csv")
            if answer.status_code == 303:
                break
            assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")
            time.sleep(0.2)
        rows = list(csv.DictReader(io.StringIO(httpx.get(answer.headers["location"]).text)))
        assert [row["status"] for row in rows] == ["delivered", "delivered", "refused", "duplicate"]
        for verb in ("pause", "resume", "cancel"):
            answer = api.post(f"{url}/{verb}")
            assert (answer.status_code, answer.json()["detail"][:16]) == (409, "It is finished: ")
        assert api.get(url).json()["state"] == "finished"


def test_a_file_without_the_column_says_which_it_has(probed: tuple[sandbox.Stack, Probe]) -> None:
    stack = probed[0]
    headers = {"Authorization": f"Bearer {stack.key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=60) as api:
        url = campaigns.begin(api, b"number,name\n+447700900001,Ann\n")
        for _ in range(100):
            told = api.get(url).json()
            if told["state"] == "failed":
                break
            time.sleep(0.2)
        assert told["failure"]["field"] == "columns.to"
        assert "number, name" in told["failure"]["reason"]


@pytest.mark.parametrize("path", sorted((ROOT / "events").glob("campaign_*.json")), ids=lambda path: path.stem)
def test_every_event_finds_its_function(probed: tuple[sandbox.Stack, Probe], path: Path) -> None:
    event = json.loads(path.read_text())
    body = json.loads(event["body"]) if "body" in event else None
    query = event.get("queryStringParameters", {})
    answer = ask(probed[0], event["requestContext"]["http"]["method"], event["rawPath"], body, **query)
    assert answer.status_code == {"campaign_begin": 201, "campaign_list": 200}.get(path.stem, 404), answer.text


def test_what_s3_tells_finds_its_function(probed: tuple[sandbox.Stack, Probe]) -> None:
    told = json.loads((ROOT / "events" / "feed.json").read_text())
    assert probed[0].invoke("feed", told) == {"batchItemFailures": []}
    told["Records"][0]["body"] = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"})
    assert probed[0].invoke("feed", told) == {"batchItemFailures": []}


def test_workers_that_are_killed_lose_no_row_and_double_none() -> None:
    with sandbox.running(parameters=kills.TIMES) as stack:
        report = kills.measure(stack, runs=1, rows=2_000, kills=8)
    assert report.kept, report
    assert sum(report.kills.values()) == 8
