"""The vendors' doors from web pages in a headless Chromium: what an allowed page reads, and a stranger's does not."""

import datetime
import json
import re
import time
from collections.abc import Iterator

import httpx
import pytest

import sandbox
from sandbox.stack import Stack
from tests.clients.browser import Origin, origin

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """The origin whose pages may call."""
    with origin(tmp_path_factory.mktemp("allowed")) as serving:
        yield serving


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """Another origin, with the same pages."""
    with origin(tmp_path_factory.mktemp("stranger")) as serving:
        yield serving


@pytest.fixture(scope="module")
def stack(page: Origin) -> Iterator[Stack]:
    """A deployment that one origin's pages may call."""
    with sandbox.running(parameters={"CorsOrigin": page.url}) as running:
        yield running


def bulk(stack: Stack, number: str, **instead: str) -> dict[str, str]:
    """What a page for the bulk door is told."""
    said = {"username": stack.client, "password": stack.key, "destination": number, "when": ""}
    return {"url": stack.url, **said, **instead}


def texts(stack: Stack, to: str) -> list[str]:
    """The texts of all messages to a recipient."""
    shown = {"X-Api-Key": stack.key}
    answer = httpx.get(stack.url + "/v1/messages", params={"to": to}, headers=shown, timeout=60, trust_env=False)
    return [life["text"] for life in answer.raise_for_status().json()["items"]]


def settles(stack: Stack, id_: str) -> str:
    """The status in which a message settles."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = httpx.get(
            f"{stack.url}/v1/messages/{id_}", headers={"X-Api-Key": stack.key}, timeout=60, trust_env=False
        )
        life = answer.raise_for_status().json()
        if life["settled"]:
            return str(life["status"])
        time.sleep(0.1)
    raise AssertionError(f"{id_} did not settle")


def test_a_page_sends_by_ucontacts_doors(stack: Stack, page: Origin) -> None:
    told = {"url": stack.url, "user": stack.client, "password": stack.key, "campaign": "Switchboard"}
    said = page.visit("ucontact_session.html", **told, destination="098344485", email="ann@example.com")
    assert said["login"][0] == 200
    assert (said["sms"], said["end"], said["after"]) == ([200, "OK"], [200, "1"], [401, "Unauthorized"])
    sms, email = json.loads(said["smsv2"][1]), json.loads(said["email"][1])
    assert settles(stack, sms["id"]) == settles(stack, email["guid"]) == "submitted"
    assert texts(stack, "+59898344485") == ["Hello from a page"] * 2
    ledger = httpx.get(stack.simulators["ucontact"] + "/_ledger", trust_env=False).raise_for_status().json()
    assert [line["text"] for line in ledger if line["to"] == "ann@example.com"] == ["<p>Hello</p>"]


def test_a_page_shows_a_key(stack: Stack, page: Origin) -> None:
    told = {"url": stack.url, "key": stack.key, "campaign": "Switchboard", "destination": "098344486"}
    assert page.visit("ucontact_key.html", **told) == [200, "OK"]
    assert texts(stack, "+59898344486") == ["Hello from a page"]


def test_a_page_sends_by_the_bulk_door(stack: Stack, page: Origin) -> None:
    status, answer = page.visit("bulksms_fetch.html", **bulk(stack, "447700900800"))
    taken = re.fullmatch(rf"1701\|447700900800\|({UUID})", answer)
    assert status == 200
    assert taken is not None
    assert settles(stack, taken[1]) == "delivered"
    assert texts(stack, "+447700900800") == ["Hééé"]


def test_the_bulk_documents_jquery_program(stack: Stack, page: Origin) -> None:
    answer = page.visit("bulksms_jquery.html", **bulk(stack, "447700900801"))
    taken = re.fullmatch(rf"1701\|447700900801\|({UUID})", answer)
    assert taken is not None
    assert settles(stack, taken[1]) == "delivered"


def test_the_bulk_documents_jquery_program_that_schedules(stack: Stack, page: Origin) -> None:
    day = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    when = f"&date={day:%m/%d/%Y}&time=03:45+pm&gmt=GMT+%2B01:30"
    assert page.visit("bulksms_jquery.html", **bulk(stack, "447700900802", when=when)) == "1710|447700900802"
    assert texts(stack, "+447700900802") == []


def test_a_page_of_another_origin_reads_nothing(stack: Stack, stranger: Origin) -> None:
    """What a page can send without asking is sent all the same; the browser keeps the answer from it."""
    assert stranger.visit("bulksms_jquery.html", **bulk(stack, "447700900803")) == {"error": 0}
    assert stranger.visit("bulksms_fetch.html", **bulk(stack, "447700900804")) == {"error": "TypeError"}


def test_a_page_of_another_origin_sends_nothing_where_the_browser_asks_first(stack: Stack, stranger: Origin) -> None:
    told = {"url": stack.url, "key": stack.key, "campaign": "Switchboard", "destination": "098344487"}
    assert stranger.visit("ucontact_key.html", **told) == {"error": "TypeError"}
    assert texts(stack, "+59898344487") == []
