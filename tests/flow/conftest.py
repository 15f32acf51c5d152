"""One engine, one stack from the template and the three simulators for all flow tests: short times, real HTTP."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

from sandbox.engine import Engine
from sandbox.simulators.__main__ import VENDORS, create
from sandbox.simulators.server import Simulator

from .deployed import deploy
from .world import TOKEN, World

SHORT = {
    **{"LeaseSeconds": "1", "VisibilitySeconds": "1", "WatchDelaySeconds": "1", "RecheckSeconds": "3"},
    **{"BackoffSeconds": "0", "ProviderTimeoutSeconds": "1", "MaxReceives": "1000"},
    **{"LoopbackEndpoints": "yes", "CrmSettleSeconds": "1", "CrmWaitSeconds": "0", "CrmVisibilitySeconds": "1"},
    **{"FeedLeaseSeconds": "1", "FeedVisibilitySeconds": "1"},
}
ACCOUNTS = {
    "hubb": {"key": "hubb-key", "sender": "+13056490655", "deals_client": "native"},
    "ucontact": {"user": "gateway", "password": "secret", "campaign": "Ventas", "zone": "America/Montevideo"},
    "bulksms": {"username": "gateway", "password": "secret", "sender": "Acme", "zone": "UTC"},
}


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The verbs of this process on a stack of their own."""
    folder: Path = tmp_path_factory.mktemp("engine")
    before = dict(os.environ)
    with ExitStack() as stack:
        engine = Engine(folder, stack.enter_context((folder / "log").open("wb")))
        stack.callback(engine.stop)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        os.environ.update(engine.environment(), POWERTOOLS_METRICS_DISABLED="true")
        simulators = {name: stack.enter_context(Simulator(create(name))) for name in VENDORS}
        urls = {name: simulator.url for name, simulator in simulators.items()}
        deployment = deploy("flow", SHORT | {f"{name.capitalize()}Url": url for name, url in urls.items()})
        deployed = deployment.functions["DispatchFunction"].environment
        secret = {
            name: {**account, "callback_token": TOKEN, "inbound_client": "acme"} for name, account in ACCOUNTS.items()
        }
        boto3.client("secretsmanager").put_secret_value(
            SecretId=deployed["PROVIDERS_SECRET_ARN"], SecretString=json.dumps(secret)
        )
        made = World(dict(deployed), urls)
        door = ThreadingHTTPServer(("127.0.0.1", 0), _door(made))
        stack.callback(door.server_close)
        threading.Thread(target=door.serve_forever, daemon=True).start()
        stack.callback(door.shutdown)
        for name, simulator in simulators.items():
            simulator.courier.url = f"http://127.0.0.1:{door.server_address[1]}/callbacks/{name}/{TOKEN}/receipts"
        yield made


def _door(world: World) -> type[BaseHTTPRequestHandler]:
    """The callback door: HTTP in, API Gateway's event to the handler, its answer out."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            _, _, provider, token, _ = parts.path.split("/", 4)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            event = {
                "rawPath": parts.path,
                "rawQueryString": parts.query,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "pathParameters": {"provider": provider, "token": token},
                "requestContext": {"http": {"method": self.command}},
                "body": body.decode("latin-1"),
            }
            answer = world.called_back(event)
            self.send_response(answer["statusCode"])
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815  the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Door
