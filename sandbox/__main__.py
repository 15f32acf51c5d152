"""The command line: `python -m sandbox run | key | reports | build`; the others use one."""

import argparse
import dataclasses
import glob
import importlib
import json
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import accounts, layers
from sandbox.processes import ROOT
from sandbox.run import PREFIX, STATE, Options, run
from switchboard.model.problem import Refused

PROGRAMS = ("demo", "bench", "campaigns", "deals", "faults", "kills", "punctual")


def main() -> int:
    """Runs one command; its exit status."""
    if sys.argv[1:2] and sys.argv[1] in PROGRAMS:
        return int(importlib.import_module(f"sandbox.{sys.argv[1]}").main(sys.argv[2:]) or 0)
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The deployment on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser(
        "run", help="bring a sandbox up and serve until SIGINT or SIGTERM (PORT: 8080; PARAMETERS: the template's)"
    )
    serving.add_argument("--options", help=argparse.SUPPRESS)
    key = commands.add_parser("key", help="make an API key, in a running sandbox or in the deployment of TABLE_NAME")
    key.add_argument("--client", required=True)
    key.add_argument("--region", help="the region of the client's numbers without a country code, such as UY")
    key.add_argument("--zone", help="the client's time zone, such as America/Montevideo; a region of one needs none")
    key.add_argument("--hours", help="when its recipients may have marketing messages (default 08:00-21:00)")
    key.add_argument("--scopes", type=_scopes, help="what it may do, a list: send,read,crm,admin (default: all four)")
    key.add_argument("--name", help="for people, to tell keys apart (default: bootstrap)", default="bootstrap")
    reports = commands.add_parser("reports", help="say where a client of a vendor's door is told of its receipts")
    reports.add_argument("--client", required=True)
    reports.add_argument("--door", required=True, help="the dialect that they go out in, such as bulksms")
    where = reports.add_mutually_exclusive_group(required=True)
    where.add_argument("--url", help="the client's own URL: https, and public unless LoopbackEndpoints=yes")
    where.add_argument("--off", action="store_true", help="tell this client nothing from now on")
    for parser_ in (key, reports):
        parser_.add_argument("--port", type=int, help="which sandbox, when several run")
    commands.add_parser("build", help="install the layers' requirements as Lambda would have them (build/layers)")
    for name in PROGRAMS:
        commands.add_parser(name)
    arguments = parser.parse_args()
    if arguments.command == "run":
        return run(_options(arguments.options))
    if arguments.command == "build":
        return _build()
    return _operate(arguments)


def _scopes(text: str) -> frozenset[Any]:
    from switchboard.model.scope import Scope  # our code is on the path of every command but `build`

    return frozenset(map(Scope, text.split(",")))


def _options(text: str | None) -> Options:
    if text is None:
        given = (pair.partition("=") for pair in shlex.split(os.environ.get("PARAMETERS", "")))
        return Options(port=int(os.environ.get("PORT") or 8080), parameters={name: value for name, _, value in given})
    known = {field.name for field in dataclasses.fields(Options)}
    return Options(**{name: value for name, value in json.loads(text).items() if name in known})


def _build() -> int:
    for folder in sorted((ROOT / "layers").iterdir()):
        if layers.has_requirements(folder):
            print(layers.build(folder))
    return 0


def _operate(arguments: argparse.Namespace) -> int:
    """What an operator does by hand, in the deployment of TABLE_NAME or in a running sandbox."""
    variables: dict[str, str] = accounts.table_alone()
    if arguments.port is not None or "TABLE_NAME" not in os.environ:
        running = [
            state for state in _running() if arguments.port is None or state["url"].endswith(f":{arguments.port}")
        ]
        if len(running) != 1:
            found = ", ".join(sorted(state["url"] for state in running)) or "none"
            print(f"which deployment? Set TABLE_NAME, or name a sandbox by --port (running: {found})", file=sys.stderr)
            return 2
        variables = running[0]["environment"]
        print(f"for the sandbox at {running[0]['url']}", file=sys.stderr)
    try:
        if arguments.command == "key":
            names = ("region", "zone", "hours", "name", "scopes")
            about = {name: value for name in names if (value := getattr(arguments, name)) is not None}
            print(accounts.issue_key(arguments.client, about, variables))
        else:
            accounts.direct_reports(arguments.client, arguments.door, arguments.url, variables)
            print(f"{arguments.door} reports of {arguments.client} go to {arguments.url or 'nobody'}")
    except (ValueError, Refused, BotoCoreError, ClientError) as wrong:
        print(wrong, file=sys.stderr)
        return 2
    return 0


def _running() -> list[dict[str, Any]]:
    files = glob.glob(str(Path(tempfile.gettempdir()) / f"{PREFIX}*" / STATE))
    return [json.loads(Path(file).read_text()) for file in files if os.access(file, os.R_OK)]


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
