"""The Python API for tests and benches: a sandbox in a process of its own, and what one does with it.

with sandbox.running(parameters={"LeaseSeconds": 2}) as stack:
    httpx.post(stack.url + "/v1/messages", headers={"Authorization": "Bearer " + stack.key}, json=...)
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sandbox.processes import environment as child_environment
from sandbox.processes import first_line, python
from sandbox.run import Options

STOP_SECONDS = 30.0


class FunctionFailed(Exception):
    """The function that was invoked ended in an error; the arguments are its type and description."""


class Stack:
    """A running sandbox.

    url, key, client     the door, and who may use it
    callbacks            URL by provider, for receipts and inbound messages
    simulators           URL by provider
    engine_url           the data plane, for every AWS service
    outputs              the template's outputs
    environments         variables by function id, as its processes have them
    accounts             the providers' secret
    """

    def __init__(self, ready: Mapping[str, Any]) -> None:
        self.url: str = ready["url"]
        self.key: str = ready.get("key") or ""
        self.client: str = ready.get("client") or ""
        self.callbacks: dict[str, str] = ready.get("callbacks") or {}
        self.simulators: dict[str, str] = ready.get("simulators") or {}
        self.engine_url: str = ready["engine"]
        self.outputs: dict[str, str] = ready["outputs"]
        self.environments: dict[str, dict[str, str]] = ready["environments"]
        self.accounts: dict[str, dict[str, str]] = ready["accounts"]
        self._control: str = ready["control"]
        self._logs = Path(ready["logs"])

    @property
    def table_name(self) -> str:
        """The tracking table."""
        return self.outputs["TableName"]

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a function, any: with them in os.environ the layer's code works on this sandbox."""
        return dict(next(iter(self.environments.values())))

    def boto(self, service: str, **options: Any) -> Any:
        """A boto3 client of the data plane."""
        import boto3

        variables = self.environment
        return boto3.client(
            service,
            endpoint_url=self.engine_url,
            region_name=variables["AWS_REGION"],
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            **options,
        )

    def invoke(self, function: str, event: Any) -> Any:
        """The answer of a function, named by its folder or its logical id; FunctionFailed if it failed."""
        error, payload = self._ask("POST", f"/invoke/{function}", json.dumps(event).encode())
        if error:
            raise FunctionFailed(error, json.loads(payload or b"null"))
        return json.loads(payload or b"null")

    def kill_workers(self, function: str) -> list[int]:
        """Kills all processes of a function, as SIGKILL does; the next event starts new ones. Returns their ids."""
        return self.signal_workers(function, signal.SIGKILL)

    def signal_workers(self, function: str, number: int) -> list[int]:
        """Sends all processes of a function a signal (SIGSTOP freezes, SIGCONT thaws); their ids."""
        ids: list[int] = json.loads(self._ask("POST", f"/signal/{function}?number={int(number)}")[1])
        return ids

    def stats(self) -> dict[str, dict[str, Any]]:
        """By function: invocations, errors, workers (process ids), init_seconds (of every process that was started)."""
        counts: dict[str, dict[str, Any]] = json.loads(self._ask("GET", "/stats")[1])
        return counts

    def logs(self, name: str | None = None) -> str:
        """What functions, simulators (simulator-<name>), the engine and the sandbox wrote; all of it or one's."""
        files = sorted(self._logs.glob("*.log")) if name is None else [self._logs / f"{name}.log"]
        return "".join(file.read_text(errors="replace") for file in files if file.exists())

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[str, bytes]:
        parts = urlsplit(self._control)
        connection = http.client.HTTPConnection(parts.netloc, timeout=900)
        try:
            connection.request(method, parts.path + path, body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise LookupError(f"{method} {path}: {response.status}")
        return response.getheader("x-error") or "", answer


@contextlib.contextmanager
def running(
    *,
    parameters: Mapping[str, object] | None = None,
    env: Mapping[str, str] | None = None,
    template: str | Path | None = None,
    simulators: bool = True,
    client: str | None = None,
    region: str | None = None,
) -> Iterator[Stack]:
    """A sandbox for the length of a `with` block, on free ports; RuntimeError if it does not come up.

    `parameters` are the template's, `env` is added to the functions' variables (SWITCHBOARD_PROBE turns the probe on).
    HUBB_URL, UCONTACT_URL and BULKSMS_URL in `env` take the place of simulators.
    """
    given = {"template": str(template) if template else None, "client": client, "region": region}
    options = Options(
        parameters={name: str(value) for name, value in (parameters or {}).items()},
        environment=dict(env or {}),
        simulators=simulators,
        control=True,
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]  # each is of its field's type
    )
    replaced = {
        name: value for name, value in (env or {}).items() if name in ("HUBB_URL", "UCONTACT_URL", "BULKSMS_URL")
    }
    process = subprocess.Popen(
        python("sandbox", "run", "--options", options.dumps()),
        stdin=subprocess.PIPE,  # it ends when we do
        stdout=subprocess.PIPE,
        stderr=sys.stderr if _has_file(sys.stderr) else None,
        env=child_environment({**os.environ, **replaced}),
        start_new_session=True,
    )
    try:
        yield Stack(first_line(process))
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _has_file(stream: Any) -> bool:
    try:
        return isinstance(stream.fileno(), int)
    except (AttributeError, OSError, ValueError):
        return False
