"""Receipts back out, end to end: an old client at the bulk platform's door, its URL set by the operator's command."""

import subprocess
import sys
from urllib.parse import urlsplit

import httpx

from sandbox.processes import environment
from sandbox.stack import Stack
from tests.flow.endpoint import SECRET, Endpoint
from tests.stack.client import at_rest, bulk, eventually, life

NUMBER = "447700900701"


def operate(stack: Stack, *arguments: str) -> int:
    """`python -m sandbox reports`, as an operator types it; its exit status."""
    command = [sys.executable, "-m", "sandbox", "reports", "--client", stack.client, "--door", "bulksms"]
    port = ["--port", str(urlsplit(stack.url).port)]
    said = subprocess.run([*command, *port, *arguments], env=environment(), capture_output=True, check=False)
    return said.returncode


def send(stack: Stack, door: httpx.Client, dlr: str) -> str:
    """A message at the bulk door; its id there."""
    code, number, id_ = door.get("/bulksms/bulksms", params=bulk(stack, NUMBER, dlr=dlr)).text.split("|")
    assert (code, number) == ("1701", NUMBER)
    return id_


def delivered(stack: Stack, api: httpx.Client, door: httpx.Client, dlr: str) -> str:
    """The id of a message whose receipt is there, and whose report, if it has one, was looked after."""
    before = stack.stats()["notify"]["invocations"]
    id_ = send(stack, door, dlr)
    life(api, id_, "delivered")
    if dlr == "1":
        eventually(lambda: stack.stats()["notify"]["invocations"] > before)
    return id_


def test_a_client_of_the_bulk_door_is_told_of_its_receipts(stack: Stack, api: httpx.Client, door: httpx.Client) -> None:
    at_rest(api)
    with Endpoint() as endpoint:
        assert operate(stack, "--url", "http://client.example/") == 2
        assert operate(stack, "--url", endpoint.url) == 0
        unasked, id_ = delivered(stack, api, door, dlr="0"), delivered(stack, api, door, dlr="1")
        eventually(lambda: endpoint.of(id_))
        endpoint.answers = [503]
        refused = send(stack, door, dlr="1")
        eventually(lambda: "HTTP 503" in stack.logs("notify"))
        assert operate(stack, "--off") == 0
        silent = delivered(stack, api, door, dlr="1")
    (told,) = [fields for fields in endpoint.told if fields["sMessageId"] == id_]
    assert {name: told[name] for name in ("sMobileNo", "sStatus", "sSender")} == {
        "sMobileNo": NUMBER,
        "sStatus": "DELIVRD",
        "sSender": "Northwind",
    }
    assert endpoint.kinds == {("POST", f"/receipts?key={SECRET}", "application/x-www-form-urlencoded")}
    assert [fields["sMessageId"] for fields in endpoint.refused] == [refused]
    assert endpoint.of(unasked) == endpoint.of(silent) == []
    logs = stack.logs("notify")
    assert [secret for secret in (NUMBER, SECRET, id_, refused) if secret in logs] == []
