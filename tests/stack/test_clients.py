"""Programs that know nothing of the gateway at its doors: others' packages, the bulk document's samples, old ones.

Only their URL and their credentials are the gateway's; what they sent is then found by our own API.
"""

import datetime
import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.stack import Stack
from tests.clients import programs
from tests.clients.terminator import https
from tests.stack.client import UUID, life, sent_to

SAMPLES = (
    "php_curl.php",
    "php_http_request2.php",
    "php_pecl_http.php",
    "curl.sh",
    "python_requests.py",
    "python_http_client.py",
)
WRONG = "sb_of-nobody"
NUMBERS = (f"447700900{number:03}" for number in itertools.count(300))  # a number for each message


def latest(api: httpx.Client) -> list[str]:
    """The ids of the client's messages that came last."""
    return [each["id"] for each in api.get("/v1/messages").raise_for_status().json()["items"]]


def ended(api: httpx.Client, number: str, status: str = "delivered") -> dict[str, Any]:
    """The one message to a number, written with its country code and without a plus, once it stands there."""
    (found,) = sent_to(api, f"+{number}")
    return life(api, found["id"], status)


def bulk(stack: Stack, number: str, **instead: str) -> dict[str, str]:
    """What a program for the bulk platform is told."""
    host = stack.url.removeprefix("http://")
    return {
        "HOST": host,
        "USERNAME": stack.client,
        "PASSWORD": stack.key,
        "DESTINATION": number,
        "WHEN": "",
        "SENDER": "Tests",
        "MESSAGE": "Sent by others' code",
        **instead,
    }


@pytest.fixture
def sample(stack: Stack, tmp_path: Path) -> Callable[..., str]:
    """Runs one of the document's samples; the one that speaks HTTPS finds HTTPS."""

    def run(program: str, number: str, **instead: str) -> str:
        told = bulk(stack, number, **instead)
        if program != "python_http_client.py":
            return programs.run(f"bulksms/{program}", **told).strip()
        with https(told["HOST"], tmp_path) as (host, certificate):
            told |= {"HOST": host, "SSL_CERT_FILE": str(certificate)}
            return programs.run(f"bulksms/{program}", **told).strip()

    return run


@pytest.mark.parametrize("program", SAMPLES)
def test_a_sample_of_the_bulk_document_sends(api: httpx.Client, sample: Callable[..., str], program: str) -> None:
    number = next(NUMBERS)
    answer = re.fullmatch(rf"1701\|{number}\|({UUID})", sample(program, number))
    assert answer is not None
    found = ended(api, number)
    assert (found["alias"], found["text"], found["from"]) == (answer[1], "Sent by a sample", "Tests")


def in_a_month() -> tuple[str, str]:
    """A time as the document's programs write it, and as our API does."""
    day = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    return f"&date={day:%m/%d/%Y}&time=03:45+pm&gmt=GMT+%2B01:30", f"{day:%Y-%m-%d}T14:15:00.000Z"


def waits(api: httpx.Client, number: str, send_at: str) -> str:
    """The UUID of the one message to a number, which is scheduled, and then canceled."""
    found = ended(api, number, "scheduled")
    assert (found["send_at"], found["attempts"]) == (send_at, [])
    assert api.post(f"/v1/messages/{found['id']}/cancel").json()["status"] == "canceled"
    alias: str = found["alias"]
    return alias


@pytest.mark.parametrize("program", SAMPLES)
def test_a_sample_of_the_bulk_document_schedules(api: httpx.Client, sample: Callable[..., str], program: str) -> None:
    number, (when, send_at) = next(NUMBERS), in_a_month()
    answer = sample(program, number, WHEN=when)
    assert answer == f"1701|{number}|{waits(api, number, send_at)}"


@pytest.mark.parametrize("program", SAMPLES[:1])
def test_a_sample_that_schedules_for_a_time_that_is_past(
    api: httpx.Client, sample: Callable[..., str], program: str
) -> None:
    number, when = next(NUMBERS), "&date=03/03/2020&time=03:45+pm&gmt=GMT+%2B01:30"
    assert sample(program, number, WHEN=when) == f"1702|{number}"
    assert sent_to(api, f"+{number}") == []


@pytest.mark.parametrize("program", SAMPLES)
def test_a_sample_with_a_wrong_password(api: httpx.Client, sample: Callable[..., str], program: str) -> None:
    number = next(NUMBERS)
    assert sample(program, number, PASSWORD=WRONG) == f"1703|{number}"
    assert sent_to(api, f"+{number}") == []


def nunyakata(told: dict[str, str]) -> dict[str, Any]:
    """What the package told its caller."""
    answer: dict[str, Any] = json.loads(programs.run("bulksms/with_nunyakata.py", **told))
    return answer


def test_nunyakata_sends(stack: Stack, api: httpx.Client) -> None:
    number = next(NUMBERS)
    answer = nunyakata(bulk(stack, number, MESSAGE="Fresh & 100 % café?"))
    told = [answer[name] for name in ("status", "message", "code", "phone_number")]
    assert told == ["success", "SMS sent successfully", "1701", number]
    found = ended(api, number)
    said = (found["alias"], found["text"], found["from"])
    assert said == (answer["message_id"], "Fresh & 100 % café?", "Tests")


@pytest.mark.parametrize(
    ("code", "instead"),
    [("1703", {"PASSWORD": WRONG}), ("1707", {"SENDER": "TwelveLetter"}), ("1706", {"DESTINATION": "12"})],
)
def test_nunyakata_can_read_a_no(stack: Stack, api: httpx.Client, code: str, instead: dict[str, str]) -> None:
    """It calls every text a success and reads a code out of three fields only; a bare number would break it."""
    told, before = bulk(stack, next(NUMBERS), **instead), latest(api)
    answer = nunyakata(told)
    assert "code" not in answer
    assert answer["raw_response"] == f"{code}|{told['DESTINATION']}"
    assert latest(api) == before


def routesms(told: dict[str, str], kind: str = "sms") -> dict[str, Any]:
    """What the package told its callback."""
    answer: dict[str, Any] = json.loads(programs.run("bulksms/with_routesms.js", KIND=kind, **told))
    return answer


@pytest.mark.parametrize(("kind", "type_"), [("sms", "5"), ("flash", "7")])
def test_routesms_sends(stack: Stack, api: httpx.Client, kind: str, type_: str) -> None:
    number = next(NUMBERS)
    answer = routesms(bulk(stack, number, MESSAGE="Fresh & 100 % café?"), kind)
    assert (answer["status"], answer["message"]) == (1, "Message processed successfully")
    found = ended(api, number)
    assert (found["alias"], found["text"]) == (answer["message_id"], "Fresh & 100 % café?")
    ledger = httpx.get(stack.simulators["bulksms"] + "/_ledger", trust_env=False).raise_for_status().json()
    assert [line["type"] for line in ledger if line["to"].endswith(number)] == [type_]


def test_routesms_sends_to_several(stack: Stack, api: httpx.Client) -> None:
    """It reads the first of them."""
    numbers = [next(NUMBERS) for _ in range(3)]
    assert routesms(bulk(stack, ",".join(numbers)))["status"] == 1
    assert [ended(api, number)["text"] for number in numbers] == ["Sent by others' code"] * 3


def test_routesms_schedules(stack: Stack, api: httpx.Client) -> None:
    number, (when, send_at) = next(NUMBERS), in_a_month()
    answer = routesms(bulk(stack, number, WHEN=when.removeprefix("&")))
    assert answer["status"] == 1
    assert answer["message_id"] == waits(api, number, send_at)
    past = routesms(bulk(stack, next(NUMBERS), WHEN="date=03/03/2020&time=03:45+pm&gmt=GMT+%2B01:30"))
    assert past == {"status": 0, "message": "Invalid URL Error"}


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("Invalid value in username or password field", {"PASSWORD": WRONG}),
        ("Invalid URL Error", {"MESSAGE": ""}),
        ("Invalid Destination", {"DESTINATION": "12"}),
    ],
)
def test_routesms_tells_its_words_of_a_no(stack: Stack, api: httpx.Client, words: str, instead: dict[str, str]) -> None:
    told, before = bulk(stack, next(NUMBERS), **instead), latest(api)
    assert routesms(told) == {"status": 0, "message": words}
    assert latest(api) == before


def test_only_the_url_of_an_old_program_for_hubb_changes(stack: Stack, api: httpx.Client) -> None:
    def run(url: str, key: str, number: str) -> dict[str, str]:
        told = {"URL": url, "KEY": key, "FROM": stack.accounts["hubb"]["sender"], "TO": "+" + number}
        answer: dict[str, str] = json.loads(programs.run("hubb/old_form.py", **told))
        return answer

    number = next(NUMBERS)
    vendor = run(stack.simulators["hubb"], stack.accounts["hubb"]["key"], next(NUMBERS))
    door = run(stack.url, stack.key, number)
    assert list(door) == list(vendor)
    assert (door["message"], door["contact_name"]) == (vendor["message"], vendor["contact_name"])
    assert {name for name, value in door.items() if value} == {name for name, value in vendor.items() if value}
    found = ended(api, number)
    assert (found["provider"], found["alias"]) == ("hubb", door["message_id"])
    no = {"error_message": "Invalid Key or missing parameters"}
    assert run(stack.url, WRONG, number) == run(stack.simulators["hubb"], WRONG, number) == no


def test_only_the_url_of_an_old_program_for_ucontact_changes(stack: Stack, api: httpx.Client) -> None:
    def run(url: str, user: str, password: str, number: str) -> dict[str, Any]:
        told = {"URL": url, "USER": user, "PASSWORD": password, "TO": number, "CAMPAIGN": "Switchboard"}
        told["WHEN"] = f"{year}-10-11 15:00:00"  # by the clock of the instance, and of the client
        answer: dict[str, Any] = json.loads(programs.run("ucontact/old_session.py", **told))
        return answer

    account, national = stack.accounts["ucontact"], "098344489"
    today = datetime.datetime.now(datetime.UTC).date()
    year = today.year if today < datetime.date(today.year, 10, 1) else today.year + 1
    vendor = run(stack.simulators["ucontact"], account["user"], account["password"], national)
    door = run(stack.url, stack.client, stack.key, national)
    for said in (vendor, door):
        assert re.fullmatch(r"[0-9A-Za-z+/]+=*", said["login"][1])
        assert said["SendSMS"] == [200, "OK"]
        assert said["end"] == [200, "1"]
        assert said["after the end"] == [401, "Unauthorized"]
        assert (said["SendSMSv2"][0], list(json.loads(said["SendSMSv2"][1]))) == (200, ["id"])
        assert said["ScheduleDialerSMS"] == [200, "1"]
    second = life(api, json.loads(door["SendSMSv2"][1])["id"], "submitted")
    lives = [life(api, each["id"], "submitted", "scheduled") for each in sent_to(api, "+59898344489")]
    (later,) = (each for each in lives if each["status"] == "scheduled")
    assert [each["provider"] for each in lives if each is not later] == ["ucontact"] * 2
    assert (later["send_at"], later["text"]) == (f"{year}-10-11T18:00:00.000Z", "Su turno es mañana.")
    assert api.post(f"/v1/messages/{later['id']}/cancel").json()["status"] == "canceled"
    assert second["id"] in {each["id"] for each in lives}
    assert run(stack.url, stack.client, WRONG, national)["login"] == [200, "0"]
