"""Every route that openapi.json describes, against every key that must not do: over HTTP, in the sandbox.

A route is called as its owner would call it, so that nothing but the key stands in its way. A new route is in the
matrix by being described.
"""

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

import sandbox
from sandbox.processes import environment
from sandbox.stack import Stack
from switchboard.dialects.doors import DOORS, ENTRANCES
from tests.stack.client import bulk, eventually

DOCUMENT = json.loads((Path(__file__).resolve().parents[2] / "functions" / "docs" / "openapi.json").read_text("utf-8"))
SCOPES = ("send", "read", "crm", "admin")
SECRET, NUMBER, REFERENCE = "What only the owner may read", "+59898344123", "owners-own-deal"
WRONG = "sb_" + "A" * 32 + "00000000"  # its checksum is not this
GUESS = "sb_" + "A" * 32 + "ad316f1e"  # this one would be a key, had anybody made it


@dataclass(frozen=True)
class Route:
    """A described route."""

    method: str
    path: str
    operation: Mapping[str, Any]

    @property
    def scope(self) -> str:
        return str(self.operation["x-required-scope"])


ROUTES = [
    Route(method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")

# A valid body by operation; a new route with a body needs a line.
BODIES: Mapping[str, Any] = {
    "beginCampaign": {"name": "never sent", "text": "never sent", "columns": {"to": "phone"}},
    "makeKey": {"name": "never made", "scopes": ["read"]},
    "rotateKey": {},
    "signUp": {"email": "nobody@example.com", "account_name": "Nobody"},
    "upload": {"name": "a.txt", "content_type": "text/plain", "size": 1},
    "saveDeal": {"name": "never written"},
    "saveDeals": {"deals": [{"name": "never written"}]},
    "putDeal": {"name": "never written"},
    "schedule": {"cron": "0 0 29 2 *", "message": {"to": "+59898344999", "text": "never sent"}},
    "send": {"to": "+59898344999", "text": "never sent", "dry_run": True},
}
QUERIES: Mapping[str, str] = {"findDeals": f"?reference={REFERENCE}"}  # for those that cannot do without


@dataclass(frozen=True)
class Owned:
    """What the owner has: a value for every parameter of a path, by the collection that it stands behind."""

    ids: Mapping[str, str]
    keys: Mapping[str, str]  # by what is wrong with them


def made(stack: Stack, by: str, **said: Any) -> dict[str, Any]:
    answer = call(stack, "POST", "/v1/keys", by, {"name": "of the matrix", "scopes": list(SCOPES), **said})
    assert answer.status_code == 201, answer.text
    key: dict[str, Any] = answer.json()
    return key


def call(stack: Stack, method: str, path: str, key: str | None, body: Any = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.request(method, stack.url + path, json=body, headers=headers, timeout=60, trust_env=False)


@pytest.fixture(scope="module")
def owned(stack: Stack) -> Owned:
    """A message, a batch, a deal, an account and a key of the owner's; and the keys of the matrix."""
    sent = call(stack, "POST", "/v1/messages", stack.key, {"to": NUMBER, "text": SECRET}).json()
    deal = call(stack, "PUT", f"/v1/deals/{REFERENCE}", stack.key, {"name": SECRET})
    assert deal.status_code in (200, 201), deal.text
    account = call(stack, "POST", "/v1/accounts", stack.key, {"email": "a@owner.example", "account_name": "A"}).json()
    recurring = {"cron": "0 0 29 2 *", "message": {"to": NUMBER, "text": SECRET}}
    schedule = call(stack, "POST", "/v1/schedules", stack.key, recurring).json()
    wanted = {"name": SECRET, "text": SECRET, "columns": {"to": "phone"}}
    campaign = call(stack, "POST", "/v1/campaigns", stack.key, wanted).json()
    kept = made(stack, stack.key, name=SECRET)
    end = time.time() + 2
    expired = made(stack, stack.key, expires_at=f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(end))}Z")
    revoked = made(stack, stack.key)
    assert call(stack, "DELETE", f"/v1/keys/{revoked['id']}", stack.key).status_code == 204
    keys = {
        "wrong": WRONG,
        "guessed": GUESS,
        "expired": expired["key"],
        "revoked": revoked["key"],
        "other": issued(stack, "stranger"),
        **{
            f"without {scope}": made(stack, stack.key, scopes=[s for s in SCOPES if s != scope])["key"]
            for scope in SCOPES
        },
    }
    eventually(lambda: time.time() > end + 1)
    ids = {
        "messages": sent["messages"][0]["id"],
        "batches": sent["batch"],
        "deals": REFERENCE,
        "accounts": account["url"].rpartition("/")[2],
        "schedules": schedule["id"],
        "campaigns": campaign["id"],
        "keys": kept["id"],
    }
    return Owned(ids, keys)


@cache
def issued(stack: Stack, client: str) -> str:
    """A key of another client, by the bootstrap command."""
    from sandbox.accounts import issue_key

    before = dict(os.environ)
    try:
        return issue_key(client, {}, stack.environment)
    finally:
        os.environ.clear()
        os.environ.update(before)


def knock(stack: Stack, route: Route, owned: Owned, key: str | None) -> httpx.Response:
    """The call that would be good with a good key."""
    path = re.sub(r"(?<=/)(\w+)/\{\w+\}", lambda found: f"{found[1]}/{owned.ids[found[1]]}", route.path)
    assert "{" not in path, f"say in `ids` what {path} stands for"
    body = BODIES[route.operation["operationId"]] if "requestBody" in route.operation else None
    return call(stack, route.method, path + QUERIES.get(route.operation["operationId"], ""), key, body)


def problem(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    assert SECRET not in answer.text and NUMBER not in answer.text
    return str(answer.json()["detail"])


@every_route
def test_a_route_says_what_it_needs(route: Route) -> None:
    assert route.scope in SCOPES
    assert {scope for need in route.operation["security"] for scopes in need.values() for scope in scopes} == {
        route.scope
    }
    assert {"401", "403", "429"} <= route.operation["responses"].keys()
    assert "{" not in route.path or "404" in route.operation["responses"] or route.method == "PUT"


@every_route
@pytest.mark.parametrize("which", [None, "wrong", "guessed", "expired", "revoked"])
def test_who_has_no_key_is_told_nothing(stack: Stack, owned: Owned, route: Route, which: str | None) -> None:
    answer = knock(stack, route, owned, which and owned.keys[which])
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert problem(answer)


@every_route
def test_a_key_without_the_scope_is_told_which(stack: Stack, owned: Owned, route: Route) -> None:
    answer = knock(stack, route, owned, owned.keys[f"without {route.scope}"])
    assert answer.status_code == 403, answer.text
    assert problem(answer) == f"This needs a key with the scope {route.scope}."
    assert f'scope="{route.scope}"' in answer.headers["www-authenticate"]


@every_route
def test_another_clients_things_are_not_there(stack: Stack, owned: Owned, route: Route) -> None:
    answer = knock(stack, route, owned, owned.keys["other"])
    owners = [SECRET, NUMBER, *(id_ for kind, id_ in owned.ids.items() if kind != "deals")]
    if "{" in route.path and route.method != "PUT":
        assert answer.status_code == 404, answer.text
        assert problem(answer).startswith("There is no such ")
    else:  # a list of one's own, or a thing of one's own: a stranger's deal of this name is another deal
        assert answer.status_code < 300, answer.text
    assert [said for said in owners if said in answer.text] == []


@pytest.mark.parametrize("query", ["to={}", "with={}", "batch={batches}"])
def test_another_clients_messages_are_not_found(stack: Stack, owned: Owned, query: str) -> None:
    asked = query.format(NUMBER.replace("+", "%2B"), **owned.ids)
    mine = call(stack, "GET", f"/v1/messages?{asked}", stack.key)
    assert owned.ids["messages"] in mine.text  # the question is a good one
    answer = call(stack, "GET", f"/v1/messages?{asked}", owned.keys["other"])
    assert answer.status_code == 404 or answer.json()["items"] == []


def test_what_strangers_tried_changed_nothing(stack: Stack, owned: Owned) -> None:
    ours = call(stack, "GET", f"/v1/messages/{owned.ids['messages']}", stack.key).json()
    assert (ours["text"], ours["status"] != "canceled") == (SECRET, True)
    deal = call(stack, "GET", f"/v1/deals/{REFERENCE}", stack.key).json()
    assert (deal["writes"], deal["history"][0]["request"]["name"]) == (1, SECRET)
    assert call(stack, "GET", f"/v1/keys/{owned.ids['keys']}", stack.key).json()["expires_at"] is None


# --- the vendors' doors -----------------------------------------------------------------------------------------------


def knocks(stack: Stack, key: str) -> Iterator[tuple[str, httpx.Response]]:
    """A call at every vendor's sending door, and at the CRM's."""
    shown = bulk(stack, "447700900123", password=key)
    yield "bulksms", httpx.get(f"{stack.url}/bulksms/bulksms", params=shown, timeout=60)
    sms = {"key": key, "from": "3056490655", "to": "9195551212", "message_body": "never sent"}
    yield "hubb", httpx.post(f"{stack.url}/site/api/send_sms", data=sms, timeout=60)
    said, bearer = {"destination": "098344484", "message": "never sent"}, {"Authorization": f"Bearer {key}"}
    url = f"{stack.url}/Integra/resources/SMS/SendSMSv2"
    yield "ucontact", httpx.post(url, data=said, headers=bearer, timeout=60)
    url = f"{stack.url}/Integra/resources/auth/getUserToken"
    yield "login", httpx.post(url, data={"user": stack.client, "password": key}, timeout=60)
    yield "crm", httpx.post(f"{stack.url}/site/api/crm_add_deal", data={"key": key, "name": "never"}, timeout=60)


NOES = {
    "bulksms": (200, "1703|447700900123"),
    "hubb": (200, '{"error_message":"Invalid Key or missing parameters"}'),
    "ucontact": (401, "Unauthorized"),
    "login": (200, "0"),
    "crm": (200, '{"error_message":"Invalid Key or missing parameters"}'),
}


@pytest.mark.parametrize("which", ["wrong", "guessed", "expired", "revoked", "without send", "without crm"])
def test_a_vendors_door_says_no_in_its_vendors_words(stack: Stack, owned: Owned, which: str) -> None:
    for door, answer in knocks(stack, owned.keys[which]):
        scope = "crm" if door == "crm" else "send"
        if which.startswith("without") and which != f"without {scope}":
            continue  # this key would be let in
        assert (answer.status_code, answer.text.replace(": ", ":").strip()) == NOES[door]
        told = answer.headers.get("x-switchboard-problem")
        assert told == (f"key: lacks the scope {scope}" if which.startswith("without") else None)


def test_every_door_needs_send_or_crm() -> None:
    assert {door.scope.value for door in DOORS} == {"send", "crm"}
    assert {door.name for door in DOORS if door.scope == "crm"} == {"crm_add_deal", "master_account"}
    assert len(ENTRANCES) == 3


# --- keys over HTTP ---------------------------------------------------------------------------------------------------


def test_a_keys_life_over_http(stack: Stack) -> None:
    key = made(stack, stack.key, name="shop", scopes=["read", "send"])
    assert (key["name"], key["scopes"], key["expires_at"]) == ("shop", ["read", "send"], None)
    assert call(stack, "GET", "/v1/messages", key["key"]).status_code == 200
    listed = call(stack, "GET", "/v1/keys", stack.key)
    assert key["key"] not in listed.text and '"key"' not in listed.text
    one = next(one for one in listed.json()["items"] if one["id"] == key["id"])
    assert one == call(stack, "GET", f"/v1/keys/{key['id']}", stack.key).json()
    assert one["last_used"] in {time.strftime("%Y-%m-%d", time.gmtime(time.time() - s)) for s in (0, 60)}
    new = call(stack, "POST", f"/v1/keys/{key['id']}/rotate", stack.key, {"overlap": 2})
    assert (new.status_code, new.json()["scopes"]) == (201, ["read", "send"])
    assert call(stack, "GET", "/v1/messages", new.json()["key"]).status_code == 200
    assert call(stack, "DELETE", f"/v1/keys/{new.json()['id']}", stack.key).status_code == 204
    assert call(stack, "DELETE", f"/v1/keys/{new.json()['id']}", stack.key).status_code == 404
    ends = call(stack, "GET", f"/v1/keys/{key['id']}", stack.key).json()["expires_at"]
    assert ends is not None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["root"]}, "scopes.0"),
        ({"name": "a", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "scopes": ["read"], "client": "other"}, "client"),
    ],
)
def test_a_key_that_makes_no_sense(stack: Stack, body: Any, field: str) -> None:
    answer = call(stack, "POST", "/v1/keys", stack.key, body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_the_first_key_of_a_client_is_the_operators(stack: Stack) -> None:
    command = [sys.executable, "-m", "sandbox", "key", "--client", "first", "--port", str(urlsplit(stack.url).port)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], env=environment(), capture_output=True, text=True, check=False)

    every = run().stdout.strip()
    listed = call(stack, "GET", "/v1/keys", every).json()["items"]
    assert [(key["name"], key["scopes"]) for key in listed] == [("bootstrap", sorted(SCOPES))]
    some = run("--scopes", "read,crm", "--name", "a report").stdout.strip()
    assert [call(stack, "GET", path, some).status_code for path in ("/v1/messages", "/v1/keys")] == [200, 403]
    wrong = run("--scopes", "root")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert call(stack, "DELETE", f"/v1/keys/{listed[0]['id']}", every).status_code == 409  # its last admin


def test_a_session_ends_with_its_key(stack: Stack) -> None:
    end = int(time.time()) + 3
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
    key = made(stack, stack.key, expires_at=at)["key"]
    shown = {"user": stack.client, "password": key}
    token = httpx.post(f"{stack.url}/Integra/resources/auth/getUserToken", data=shown, timeout=60).text
    assert base64.b64decode(token)
    url, said = f"{stack.url}/Integra/resources/SMS/SendSMSv2", {"destination": "098344484", "message": "never sent"}
    eventually(lambda: time.time() > end)
    answer = httpx.post(url, data=said, headers={"Authorization": f"Basic {token}"}, timeout=60)
    assert (answer.status_code, answer.text) == (401, "Unauthorized")
    assert call(stack, "GET", "/v1/messages", key).status_code == 401


# --- how often --------------------------------------------------------------------------------------------------------

LIMITED, WINDOW = 20, 10  # requests a second; seconds


def test_workers_together_let_the_limit_through(tmp_path: Path) -> None:
    """400 requests at once, of a key that has 200 in ten seconds: all workers' sum is the limit, and at most one more
    for each of them (a two-hundredth of the window)."""
    probe = tmp_path / "probe"
    env = {"SWITCHBOARD_PROBE": str(probe)}
    with sandbox.running(parameters={"KeyRate": LIMITED}, env=env, simulators=True) as stack:
        headers = {"Authorization": f"Bearer {stack.key}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=60, trust_env=False) as api:

            def ask(_: int) -> tuple[int, httpx.Response]:
                at = int(time.time() // WINDOW)
                answer = api.get("/v1/messages/none")
                return (at if at == int(time.time() // WINDOW) else -1), answer

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(ask, range(16)))  # the workers are there
                eventually(lambda: 0.2 < time.time() % WINDOW < 1)
                answers = list(pool.map(ask, range(600)))
            workers = len(stack.stats()["track"]["workers"])
            refused = [answer for _, answer in answers if answer.status_code == 429]
            window, _ = Counter(at for at, _ in answers if at >= 0).most_common(1)[0]
            through = sum(answer.status_code == 404 for at, answer in answers if at == window)
            print(f"{workers} workers let {through} of {len(answers)} through")
            assert workers > 1 and refused
            assert 0.8 * LIMITED * WINDOW <= through <= LIMITED * WINDOW + workers
            one = refused[0]
            assert problem(one) and 1 <= int(one.headers["retry-after"]) <= WINDOW
            assert one.headers["ratelimit-policy"] == f'"key";q={LIMITED * WINDOW};w={WINDOW}'
            assert re.fullmatch(r'"key";r=0;t=\d+', one.headers["ratelimit"])
            door = httpx.get(f"{stack.url}/bulksms/bulksms", params=bulk(stack, "447700900123"), timeout=60)
    lines = [json.loads(line) for line in probe.read_text().splitlines()]
    written = sum(line["write_units"] for line in lines if line["function"] == "TrackFunction")
    print(f"{written / len(answers):.3f} write units a request; the bulk door: {door.text}")
