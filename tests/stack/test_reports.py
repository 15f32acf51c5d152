"""Receipts back out, end to end: an old client at the bulk platform's door, its URL set by the operator's command."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

import sandbox
from sandbox.processes import environment
from sandbox.stack import Stack

NUMBER, SECRET = "447700900123", "secret-of-the-url"
Told = list[dict[str, str]]


@pytest.fixture
def told() -> Iterator[tuple[str, Told]]:
    """A client's endpoint that takes nothing at first: its URL, and what it was told."""
    heard: Told = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append({"path": self.path, **dict(parse_qsl(body.decode(), keep_blank_values=True))})
            self.send_response(200 if len(heard) > 1 else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/receipts?key={SECRET}", heard
    server.shutdown()
    server.server_close()


def operate(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m sandbox reports`, as an operator types it."""
    command = [sys.executable, "-m", "sandbox", "reports", "--client", stack.client, "--door", "bulksms"]
    port = ["--port", str(urlsplit(stack.url).port)]
    return subprocess.run([*command, *port, *arguments], env=environment(), capture_output=True, text=True, check=False)


def send(stack: Stack, dlr: str) -> str:
    """A message at the bulk door; its id there."""
    call = {"username": stack.client, "password": stack.key, "type": "0", "dlr": dlr, "destination": NUMBER}
    answer = httpx.get(f"{stack.url}/bulksms/bulksms", params={**call, "source": "Acme", "message": "Hi"}, timeout=30)
    code, number, id_ = answer.text.split("|")
    assert (code, number) == ("1701", NUMBER)
    return id_


def test_a_client_of_the_bulk_door_is_told_of_its_receipts(told: tuple[str, Told]) -> None:
    url, heard = told
    with sandbox.running(parameters={"LogLevel": "DEBUG"}) as stack:
        assert operate(stack, "--url", "http://client.example/").returncode == 2
        assert operate(stack, "--url", url).returncode == 0
        send(stack, dlr="0")
        id_ = send(stack, dlr="1")
        wait_until(heard, 2)
        assert operate(stack, "--off").returncode == 0
        send(stack, dlr="1")
        time.sleep(2)
        logs = stack.logs("notify")
    assert heard[0] == heard[1]  # the second is the first one again, after the 503
    assert len(heard) == 2
    assert {name: heard[0][name] for name in ("path", "sMessageId", "sMobileNo", "sStatus", "sSender")} == {
        "path": f"/receipts?key={SECRET}",
        "sMessageId": id_,
        "sMobileNo": NUMBER,
        "sStatus": "DELIVRD",
        "sSender": "Acme",
    }
    assert "HTTP 503" in logs
    assert [secret for secret in (NUMBER, SECRET, id_) if secret in logs] == []


def wait_until(heard: Told, count: int) -> None:
    """Until the endpoint was called so often: the first wait is five seconds."""
    deadline = time.monotonic() + 30
    while len(heard) < count:
        assert time.monotonic() < deadline, heard
        time.sleep(0.1)
