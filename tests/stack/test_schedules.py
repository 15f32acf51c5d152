"""Recurring schedules as their owner sees them: at the API of the whole deployment."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from .client import eventually, life, sent_to

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = {"to": "+19195550177", "text": "Hello", "provider": "hubb", "from": "+13056490655"}
WEEKDAYS = {"cron": "30 9 * * MON-FRI", "timezone": "America/Montevideo", "message": MESSAGE}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def made(api: httpx.Client, body: dict[str, Any]) -> dict[str, Any]:
    answer = api.post("/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/v1/schedules/{told['id']}"
    return told


def test_an_occurrence_is_sent_on_the_second_in_a_batch_that_names_its_schedule(api: httpx.Client) -> None:
    start, to = int(time.time()) + 4, "+19195550178"
    said = {"rate": "1 hour", "start": iso(start), "message": {**MESSAGE, "to": to}}
    schedule = made(api, said)
    assert (schedule["state"], seconds(schedule["next_due"])) == ("active", start)
    eventually(lambda: sent_to(api, to))
    (message,) = sent_to(api, to)
    ended = life(api, message["id"], "delivered")
    late = seconds(ended["attempts"][0]["at"]) - start
    print(f"an occurrence: {late:.3f} s after it was due")
    assert 0 <= late < 2
    assert api.get(f"/v1/batches/{ended['batch']}").json()["schedule"] == schedule["id"]
    told = api.get(f"/v1/schedules/{schedule['id']}").json()
    (occurrence,) = told["occurrences"]
    assert (occurrence["outcome"], occurrence["batch"], occurrence["count"]) == ("made", ended["batch"], 1)
    assert seconds(occurrence["due"]) == start
    assert seconds(told["next_due"]) == start + 3600
    assert told["message"]["text"] == "Hello"
    assert api.delete(f"/v1/schedules/{schedule['id']}").json()["state"] == "deleted"


def test_a_schedule_is_made_told_listed_paused_resumed_and_deleted(api: httpx.Client) -> None:
    headers = {"Idempotency-Key": "weekdays"}
    first, again = (api.post("/v1/schedules", json=WEEKDAYS, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    other = api.post("/v1/schedules", json={**WEEKDAYS, "grace": 60}, headers=headers)
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    path, schedule = first.headers["location"], first.json()
    due = datetime.fromisoformat(schedule["next_due"])
    assert (due.hour, due.minute, due.isoweekday() < 6) == (12, 30, True)
    listed = eventually(
        lambda: [one for one in api.get("/v1/schedules").json()["items"] if one["id"] == schedule["id"]]
    )
    assert listed == [schedule]
    paused = api.post(f"{path}/pause").json()
    assert (paused["state"], paused["next_due"]) == ("paused", None)
    assert api.get(path).json()["state"] == "paused"
    assert api.post(f"{path}/resume").json() == schedule
    assert api.delete(path).json()["state"] == "deleted"
    assert api.delete(path).status_code == 200
    for answer in (api.get(path), api.post(f"{path}/pause"), api.post(f"{path}/resume")):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert schedule["id"] not in [one["id"] for one in api.get("/v1/schedules").json()["items"]]


def test_what_has_ended_is_not_resumed(api: httpx.Client) -> None:
    start = int(time.time()) + 3
    once = {"rate": "1 hour", "start": iso(start), "end": iso(start + 60), "message": {**MESSAGE, "to": "+19195550179"}}
    path = f"/v1/schedules/{made(api, once)['id']}"
    eventually(lambda: api.get(path).json()["state"] == "ended")
    answer = api.post(f"{path}/resume")
    assert (answer.status_code, answer.json()["detail"]) == (409, "It has ended: nothing more is due of it.")
    assert api.post(f"{path}/pause").json()["state"] == "ended"
    api.delete(path).raise_for_status()


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"cron": "60 9 * * *"}, {"cron"}),
        ({"cron": None, "rate": "0 minutes"}, {"rate"}),
        ({"rate": "1 hour"}, {"cron"}),
        ({"cron": None}, {"cron"}),
        ({"timezone": "Mars/Olympus", "start": "soon", "end": "2030-02-30T00:00:00Z"}, {"timezone", "start", "end"}),
        ({"start": "2030-01-02T00:00:00", "end": "2030-01-01T00:00:00"}, {"end"}),
        ({"end": "2020-01-01T00:00:00"}, {"end"}),
        ({"grace": 0, "name": "a\nb"}, {"grace", "name"}),
        ({"message": {"to": ["x"], "send_at": "now"}}, {"message.to.0", "message.send_at", "message.text"}),
        ({"message": None}, {"message"}),
        ({"send_at": "2030-01-01T00:00:00Z"}, {"send_at"}),
        ({"cron": "x", "message": {**MESSAGE, "subject": "S"}}, {"cron", "message.subject"}),
        ({"message": {**MESSAGE, "text": "Hello {{name}}"}}, {"message.to.0"}),
        ({"message": {"to": "ann@example.com", "text": "Hello", "provider": "bulksms"}}, {"message.provider"}),
    ],
)  # fmt: skip
def test_every_wrong_field_is_named(api: httpx.Client, wrong: dict[str, Any], fields: set[str]) -> None:
    answer = api.post("/v1/schedules", json={name: said for name, said in {**WEEKDAYS, **wrong}.items() if said})
    if wrong.get("grace") == 0:
        answer = api.post("/v1/schedules", json={**WEEKDAYS, **wrong})
    assert answer.status_code == 422, answer.text
    assert {error["field"] for error in answer.json()["errors"]} == fields


@pytest.mark.parametrize("id_", ["sc_x", "x" * 3000])
def test_what_is_no_name_of_a_schedule_is_not_found(api: httpx.Client, id_: str) -> None:
    assert api.get(f"/v1/schedules/{id_}").status_code == api.post(f"/v1/schedules/{id_}/pause").status_code == 404


def test_a_message_that_is_too_large_to_be_kept_is_refused(api: httpx.Client) -> None:
    to = [{"to": f"+1919555{number:04}", "variables": {"name": "x" * 400}} for number in range(800)]
    answer = api.post("/v1/schedules", json={**WEEKDAYS, "message": {**MESSAGE, "to": to}})
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, ["message"])


def test_every_event_finds_its_function(api: httpx.Client) -> None:
    for path in sorted((ROOT / "events").glob("schedule_*.json")):
        event = json.loads(path.read_text())
        body = json.loads(event["body"]) if "body" in event else None
        answer = api.request(event["routeKey"].partition(" ")[0], event["rawPath"], json=body)
        expected = {"schedule_create": 201, "schedule_list": 200}.get(path.stem, 404)
        assert answer.status_code == expected, path.stem
        if expected == 201:
            api.delete(answer.headers["location"]).raise_for_status()
