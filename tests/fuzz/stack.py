"""The engine and a stack from the template, with no provider behind it: where the doors' functions run."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3

from sandbox.engine import Engine
from sandbox.template import Route
from switchboard import credentials
from switchboard.credentials import Client
from tests.corners import VENDORS
from tests.flow.deployed import deploy

TOKEN = "callback-token"
CLIENTS = {  # the documents' national numbers are of these regions
    "bulksms": Client("acme", "US"),
    "hubb": Client("acme", "US"),
    "ucontact": Client("norte", "UY"),
}
SESSION = "Zm9vOjIzZTVhMDgyLWFkZWItNGU1MS05ZTM5LTllOGVmZWU3YWFjYw=="


@dataclass(frozen=True, kw_only=True)
class Stack:
    """What a process needs to run the functions: their environment, the routes to them, and keys that are good."""

    environment: dict[str, str]
    routes: tuple[Route, ...]
    keys: dict[str, str]  # by vendor


@contextmanager
def stack() -> Iterator[Stack]:
    """A stack of its own; nothing waits for a provider, for nobody sends."""
    with TemporaryDirectory() as folder, (Path(folder) / "log").open("wb") as log:
        engine = Engine(Path(folder), log)
        try:
            os.environ.update(engine.environment())
            yield _deployed()
        finally:
            engine.stop()


def _deployed() -> Stack:
    nobody = {f"{name.capitalize()}Url": "http://127.0.0.1:9" for name in VENDORS}
    deployment = deploy("fuzz", {"DoorWaitSeconds": "0", "CrmWaitSeconds": "0", "KeyRate": "0", **nobody})
    functions = ("SendFunction", "SessionFunction", "CallbackFunction", "CampaignFunction")
    environment = {
        name: value for function in functions for name, value in deployment.functions[function].environment.items()
    }
    environment |= {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    os.environ.update(environment)
    accounts = {name: {"callback_token": TOKEN, "inbound_client": CLIENTS[name].name} for name in VENDORS}
    boto3.client("secretsmanager").put_secret_value(
        SecretId=environment["PROVIDERS_SECRET_ARN"], SecretString=json.dumps(accounts)
    )
    keys = {client: credentials.issue(client.name, client.region) for client in set(CLIENTS.values())}
    credentials.open_session(SESSION, keys[CLIENTS["ucontact"]])
    return Stack(
        environment=environment,
        routes=deployment.routes,
        keys={name: keys[client] for name, client in CLIENTS.items()},
    )
