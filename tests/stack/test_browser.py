"""The vendors' doors from web pages in a headless Chromium: what an allowed page reads, and a stranger's does not."""

import datetime
import json
import re
from collections.abc import Iterator

import httpx
import pytest

from sandbox.stack import Stack
from tests.clients.browser import Origin, origin
from tests.stack.client import UUID, life, sent_to


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """Another origin, with the same pages."""
    with origin(tmp_path_factory.mktemp("stranger")) as serving:
        yield serving


def bulk(stack: Stack, number: str, **instead: str) -> dict[str, str]:
    """What a page for the bulk door is told."""
    said = {"username": stack.client, "password": stack.key, "destination": number, "when": ""}
    return {"url": stack.url, **said, **instead}


def texts(api: httpx.Client, to: str) -> list[str]:
    """The texts of all messages to a recipient."""
    return [message["text"] for message in sent_to(api, to)]


def test_a_page_sends_by_ucontacts_doors(stack: Stack, api: httpx.Client, page: Origin) -> None:
    told = {"url": stack.url, "user": stack.client, "password": stack.key, "campaign": "Switchboard"}
    said = page.visit("ucontact_session.html", **told, destination="098344485", email="page@example.com")
    assert said["login"][0] == 200
    assert (said["sms"], said["end"], said["after"]) == ([200, "OK"], [200, "1"], [401, "Unauthorized"])
    sms, email = json.loads(said["smsv2"][1]), json.loads(said["email"][1])
    assert life(api, sms["id"], "submitted")["channel"] == "sms"
    assert life(api, email["guid"], "submitted")["channel"] == "email"
    assert texts(api, "+59898344485") == ["Hello from a page"] * 2
    ledger = httpx.get(stack.simulators["ucontact"] + "/_ledger", trust_env=False).raise_for_status().json()
    assert [line["text"] for line in ledger if line["to"] == "page@example.com"] == ["<p>Hello</p>"]


def test_a_page_shows_a_key(stack: Stack, api: httpx.Client, page: Origin) -> None:
    told = {"url": stack.url, "key": stack.key, "campaign": "Switchboard", "destination": "098344486"}
    assert page.visit("ucontact_key.html", **told) == [200, "OK"]
    assert texts(api, "+59898344486") == ["Hello from a page"]


def test_a_page_sends_by_the_bulk_door(stack: Stack, api: httpx.Client, page: Origin) -> None:
    status, answer = page.visit("bulksms_fetch.html", **bulk(stack, "447700900800"))
    taken = re.fullmatch(rf"1701\|447700900800\|({UUID})", answer)
    assert status == 200
    assert taken is not None
    life(api, taken[1], "delivered")
    assert texts(api, "+447700900800") == ["Hééé"]


def test_the_bulk_documents_jquery_program(stack: Stack, api: httpx.Client, page: Origin) -> None:
    answer = page.visit("bulksms_jquery.html", **bulk(stack, "447700900801"))
    taken = re.fullmatch(rf"1701\|447700900801\|({UUID})", answer)
    assert taken is not None
    assert life(api, taken[1], "delivered")["to"] == "+447700900801"


def test_the_bulk_documents_jquery_program_that_schedules(stack: Stack, api: httpx.Client, page: Origin) -> None:
    day = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    when = f"&date={day:%m/%d/%Y}&time=03:45+pm&gmt=GMT+%2B01:30"
    answer = page.visit("bulksms_jquery.html", **bulk(stack, "447700900802", when=when))
    taken = re.fullmatch(rf"1701\|447700900802\|({UUID})", answer)
    assert taken is not None
    found = life(api, taken[1], "scheduled")
    assert (found["to"], found["send_at"]) == ("+447700900802", f"{day:%Y-%m-%d}T14:15:00.000Z")
    assert api.post(f"/v1/messages/{found['id']}/cancel").status_code == 200


def test_a_page_of_another_origin_reads_nothing(stack: Stack, stranger: Origin) -> None:
    """What a page can send without asking is sent all the same; the browser keeps the answer from it."""
    assert stranger.visit("bulksms_jquery.html", **bulk(stack, "447700900803")) == {"error": 0}
    assert stranger.visit("bulksms_fetch.html", **bulk(stack, "447700900804")) == {"error": "TypeError"}


def test_a_page_of_another_origin_sends_nothing_where_the_browser_asks_first(
    stack: Stack, api: httpx.Client, stranger: Origin
) -> None:
    told = {"url": stack.url, "key": stack.key, "campaign": "Switchboard", "destination": "098344487"}
    assert stranger.visit("ucontact_key.html", **told) == {"error": "TypeError"}
    assert texts(api, "+59898344487") == []
