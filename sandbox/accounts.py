"""What a deployed stack is given by hand before its first message: the providers' accounts, and a client's API key."""

import json
import os
import secrets
from collections.abc import Mapping
from typing import Any

from sandbox.engine import Engine

CLIENT = "demo"
CLIENT_REGION = "UY"
SECRET_OUTPUT = "ProvidersSecretArn"

CALLBACK_PATHS = {
    "bulksms": "receipts",
    "hubb": "receipts",
    "ucontact": "Integra/resources/InboundSMS/ReceiveURLSMS",
}

Account = Mapping[str, str]
Accounts = Mapping[str, Account]

# Which of an account's credentials a simulator is to insist on; its settings have the same names.
SIMULATOR_SETTINGS = {"bulksms": ("username", "password"), "hubb": ("key",), "ucontact": ("user", "password")}


def invent(client: str) -> Accounts:
    """Accounts with random credentials; inbound messages go to `client`."""
    return {
        "bulksms": {
            "username": "switchboard",
            "password": secrets.token_hex(12),
            "sender": "Switchboard",
            "zone": "UTC",
            **_ours(client),
        },
        "hubb": {
            "key": str(secrets.randbelow(9 * 10**14) + 10**14),
            "sender": "+13056490655",
            "region": "US",
            "deals_client": client,
            **_ours(client),
        },
        "ucontact": {
            "user": "switchboard",
            "password": secrets.token_hex(12),
            "campaign": "Switchboard",
            "region": CLIENT_REGION,
            "zone": "America/Montevideo",  # the simulator's own
            "scheme": "Basic",
            "sms_call": "SendSMSv2",
            **_ours(client),
        },
    }


def _ours(client: str) -> dict[str, str]:
    return {"callback_token": secrets.token_urlsafe(24), "inbound_client": client}


def callbacks(url: str, accounts: Accounts) -> dict[str, str]:
    """Where each provider calls us back, by name."""
    return {
        name: f"{url}/callbacks/{name}/{accounts[name]['callback_token']}/{path}"
        for name, path in CALLBACK_PATHS.items()
    }


def simulator_settings(name: str, accounts: Accounts) -> list[str]:
    """The arguments that make a simulator ask for these credentials."""
    wanted = SIMULATOR_SETTINGS[name]
    return [part for key in wanted for part in ("--set", f"{key}={json.dumps(accounts[name][key])}")]


def store(engine: Engine, outputs: Mapping[str, str], accounts: Accounts) -> None:
    """Fills the providers' secret of the stack."""
    import boto3

    client: Any = boto3.client("secretsmanager", endpoint_url=engine.url)
    client.put_secret_value(SecretId=outputs[SECRET_OUTPUT], SecretString=json.dumps(accounts))


def table_alone() -> dict[str, str]:
    """Every name that our code reads and this process has not been told: an operator's commands use the table alone."""
    from switchboard.settings import NAMES

    return {name: "[]" if name == "ROUTES" else "0" for name in NAMES if name not in os.environ}


def issue_key(client: str, about: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """A new API key of a client, by the function that every deployment uses; `about` is what that takes by name, and
    `environment` says which deployment."""
    os.environ.update(environment)
    from switchboard.credentials import issue

    return issue(client, **about)


def direct_reports(client: str, door: str, url: str | None, environment: Mapping[str, str]) -> None:
    """Say where a client's reports in a door's dialect go (None: nowhere); `environment` says in which deployment."""
    os.environ.update(environment)
    from switchboard.report import direct

    direct(client, door, url)
