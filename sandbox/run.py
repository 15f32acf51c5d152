"""One sandbox in one process: it makes the deployment, starts what runs it, and serves until it is told to stop.

The order: the data plane starts while the template is expanded; its CloudFormation makes the resources; the functions
start with the environment that came of it; queues and timers feed them; the door opens last.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from sandbox import accounts, layers, timers
from sandbox.control import Control
from sandbox.engine import ACCOUNT, HOST, Engine, publish
from sandbox.gateway import HEAD_LIMIT, Gateway
from sandbox.processes import ROOT, Folder, environment, first_line, python, spawn, stop
from sandbox.runtime import Pool, Program
from sandbox.sources import CONCURRENCY, Poller
from sandbox.template import Function, Template, Unsupported

log = logging.getLogger(__name__)

STACK_NAME = "switchboard"
PREFIX = "switchboard-sandbox-"
LEAST_POOL = 8  # processes that a function may have at least, if as many are needed at once
PROBE = "SWITCHBOARD_PROBE"
LOOPBACK = "LoopbackEndpoints"  # the parameter that lets clients' endpoints be on this machine
STATE = "sandbox.json"  # in the sandbox's folder: how to reach it, for `python -m sandbox key`


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a sandbox is asked for. `simulators` False: only the engine and the functions, no accounts and no key."""

    template: str = str(ROOT / "template.yaml")
    parameters: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)  # more variables for the functions
    port: int = 0
    simulators: bool = True
    client: str = accounts.CLIENT
    region: str | None = accounts.CLIENT_REGION
    control: bool = False  # serve the Python API: a control URL in the ready line, and an end when stdin ends

    def dumps(self) -> str:
        """As JSON, for the command line."""
        return json.dumps(asdict(self))


class Failed(Exception):
    """The sandbox could not be brought up; the message says why."""


def run(options: Options) -> int:
    """Brings a sandbox up, prints the ready line, serves until SIGINT or SIGTERM, and leaves nothing behind."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "*"
    folder = Folder(PREFIX)
    try:
        with contextlib.ExitStack() as closing:
            logs = _logs(folder.path)
            sandbox = Sandbox(options, folder.path, logs, closing)
            sandbox.make()
            asyncio.run(sandbox.serve())
    except (Failed, Unsupported) as failed:
        print(f"sandbox: {failed}", file=sys.stderr)
        return 1
    finally:
        folder.delete()
    return 0


def _leave(number: int, _: FrameType | None) -> NoReturn:
    _leave_once()
    raise SystemExit(128 + number)


def _leave_once() -> None:
    """From here on a second signal must not cut the tidying up short."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _logs(folder: Path) -> Path:
    logs = Path(os.environ.get("SANDBOX_LOGS") or folder / "logs").resolve()
    logs.mkdir(parents=True, exist_ok=True)
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    for handler in (logging.FileHandler(logs / "sandbox.log"), logging.StreamHandler()):
        handler.setFormatter(form)
        logging.getLogger().addHandler(handler)
    logging.getLogger("sandbox").setLevel(logging.INFO)
    logging.getLogger().handlers[-1].setLevel(os.environ.get("SANDBOX_LOG_LEVEL", "WARNING"))
    return logs


class Sandbox:
    """A deployment on this machine. `make` blocks; `serve` runs the loop."""

    def __init__(self, options: Options, folder: Path, logs: Path, closing: contextlib.ExitStack) -> None:
        self._options = options
        self._folder = folder
        self._logs = logs
        self._closing = closing
        self._began = time.monotonic()
        self._accounts = accounts.invent(options.client)
        self._simulators: dict[str, str] = {}
        self._key: str | None = None
        self.pools: dict[str, Pool] = {}

    def make(self) -> None:
        """Everything up to the functions' environment."""
        try:
            self._listener = self._closing.enter_context(
                socket.create_server((HOST, self._options.port), backlog=1024, reuse_port=False)
            )
        except OSError as error:
            raise Failed(f"port {self._options.port}: {error.strerror}") from error
        self.url = f"http://{HOST}:{self._listener.getsockname()[1]}"
        output = self._closing.enter_context((self._logs / "engine.log").open("ab"))
        self._engine = Engine(self._folder, output)
        self._closing.callback(self._engine.stop)
        starting = self._start_simulators() if self._options.simulators else {}
        template = self._template()
        self._note("template expanded")
        for name, process in starting.items():
            self._simulators[name] = self._simulator_url(name, process)
        outputs = self._create(template)
        self._note("resources made")
        self.deployment = template.deployment(outputs)
        for function in self.deployment.functions.values():
            if not function.folder.is_dir():
                raise Failed(f"{function.id}: there is no folder {function.folder}")
        (self._folder / "tmp").mkdir()
        self._environments = {id: self._variables(f) for id, f in self.deployment.functions.items()}
        if self._options.simulators:
            self._open_accounts()
        self._publish()
        self.pools = {id: self._pool(function) for id, function in self.deployment.functions.items()}

    async def serve(self) -> None:
        """Serves until a signal."""
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        tasks = [asyncio.create_task(work) for work in (*self._pollers(), *self._timers())]
        gateway = Gateway(self.deployment, self.pools)
        server = await asyncio.start_server(gateway.connected, sock=self._listener, limit=HEAD_LIMIT, backlog=1024)
        ready = self._ready()
        if self._options.control:
            ready |= await self._open_control(loop, stopped)
        await asyncio.gather(*(pool.warm() for pool in self.pools.values()))
        self._note("ready")
        print(json.dumps(ready), flush=True)
        try:
            await stopped.wait()
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
            _leave_once()
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for pool in self.pools.values():
                pool.close()

    def _note(self, message: str) -> None:
        log.info("after %.1f s: %s", time.monotonic() - self._began, message)

    def _start_simulators(self) -> dict[str, subprocess.Popen[bytes]]:
        """Starts those that no variable replaces."""
        started = {}
        for name, callback in accounts.callbacks(self.url, self._accounts).items():
            if given := os.environ.get(f"{name.upper()}_URL"):
                self._simulators[name] = given.rstrip("/")
                continue
            output = self._closing.enter_context((self._logs / f"simulator-{name}.log").open("ab"))
            arguments = [
                name,
                "--port",
                "0",
                "--callback",
                callback,
                *accounts.simulator_settings(name, self._accounts),
            ]
            process = spawn(
                python("sandbox.simulators", *arguments), env=environment(), stdout=subprocess.PIPE, stderr=output
            )
            self._closing.callback(stop, process)
            started[name] = process
        return started

    def _simulator_url(self, name: str, process: subprocess.Popen[bytes]) -> str:
        try:
            return str(first_line(process)["url"])
        except RuntimeError as error:
            said = (self._logs / f"simulator-{name}.log").read_text(errors="replace").strip()
            raise Failed(f"the {name} simulator: {said[-2000:] or error}") from error

    def _template(self) -> Template:
        from samtranslator.model.exceptions import InvalidDocumentException

        try:
            return Template.load(Path(self._options.template), self._options.parameters)
        except InvalidDocumentException as invalid:
            raise Failed("; ".join(cause.message for cause in invalid.causes)) from invalid

    def _create(self, template: Template) -> Mapping[str, str]:
        """Has the data plane make the stack; its outputs."""
        import boto3

        os.environ.update(self._engine.environment())
        client: Any = boto3.client("cloudformation")
        given = {f"{name.capitalize()}Url": url for name, url in self._simulators.items()}
        known = template.expanded.get("Parameters", {})
        given[LOOPBACK] = "yes"  # whoever is told of something here is on this machine too
        parameters = {**{name: said for name, said in given.items() if name in known}, **self._options.parameters}
        if unknown := sorted(parameters.keys() - known.keys()):
            raise Failed(f"the template has no parameter {', '.join(unknown)}")
        client.create_stack(
            StackName=STACK_NAME,
            TemplateURL=publish(template.for_engine()),
            Parameters=[{"ParameterKey": k, "ParameterValue": str(v)} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        while True:
            stack = client.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
            if stack["StackStatus"] == "CREATE_COMPLETE":
                return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
            if not stack["StackStatus"].endswith("CREATE_IN_PROGRESS"):
                raise Failed(_reasons(client) or str(stack.get("StackStatusReason")))
            time.sleep(0.02)

    def _open_accounts(self) -> None:
        accounts.store(self._engine, self.deployment.outputs, self._accounts)
        self._key = accounts.issue_key(self._options.client, {"region": self._options.region}, self._deployed())

    def _deployed(self) -> dict[str, str]:
        """What our code needs to know of this deployment, whichever function it is in."""
        functions = self.deployment.functions.values()
        return {**next((f.environment for f in functions), {}), **self._engine.environment()}

    def _variables(self, function: Function) -> dict[str, str]:
        """The environment of a function's processes: Lambda's own, the template's, and the way to the data plane."""
        _, path = layers.command_and_path(function.layers, function.handler, self._folder)
        probe = self._options.environment.get(PROBE) or os.environ.get(PROBE)
        if probe:
            path = [ROOT / "sandbox" / "probe", *path]
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "TMPDIR": str(self._folder / "tmp"),
            "PYTHONPATH": os.pathsep.join(str(p) for p in path),
            "PYTHONNOUSERSITE": "1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": function.id,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.id}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "sandbox",
            "LAMBDA_TASK_ROOT": str(function.folder),
            "_HANDLER": function.handler,
            **({PROBE: probe} if probe else {}),
            **function.environment,
            **self._engine.environment(),
            **self._options.environment,
        }

    def _pool(self, function: Function) -> Pool:
        command, _ = layers.command_and_path(function.layers, function.handler, self._folder)
        program = Program(
            name=function.id,
            command=command,
            folder=function.folder,
            environment=self._environments[function.id],
            timeout=function.timeout,
            log=self._logs / f"{function.name}.log",
        )
        fed = sum(s.concurrency or CONCURRENCY for s in self.deployment.sources if s.function == function.id)
        return Pool(program, function.reserved or max(LEAST_POOL, fed))

    def _pollers(self) -> Iterator[Any]:
        for source in self.deployment.sources:
            queue = f"{self._engine.url}/{ACCOUNT}/{source.queue_arn.rpartition(':')[2]}"
            yield Poller(source, queue, self._engine.url, self.pools[source.function]).run()

    def _timers(self) -> Iterator[Any]:
        for timer in self.deployment.timers:
            yield timers.run(timer, self.pools[timer.function])

    def _ready(self) -> dict[str, Any]:
        if not self._options.simulators:
            return {"ready": True, "url": self.url}
        return {
            "ready": True,
            "url": self.url,
            "client": self._options.client,
            "key": self._key,
            "callbacks": accounts.callbacks(self.url, self._accounts),
            "simulators": self._simulators,
        }

    async def _open_control(self, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> dict[str, Any]:
        def ended() -> None:
            if not os.read(sys.stdin.fileno(), 4096):
                loop.remove_reader(sys.stdin.fileno())
                stopped.set()

        loop.add_reader(sys.stdin.fileno(), ended)
        names = {function.name: id for id, function in self.deployment.functions.items()}
        control = await Control(self.pools, names).open()
        return {
            "control": control,
            "engine": self._engine.url,
            "outputs": self.deployment.outputs,
            "environments": self._environments,
            "logs": str(self._logs),
            "accounts": self._accounts,
        }

    def _publish(self) -> None:
        """Leaves in the folder, which only its owner reads, how other programs of ours find this sandbox."""
        (self._folder / STATE).write_text(json.dumps({"url": self.url, "environment": self._deployed()}))


def _reasons(client: Any) -> str:
    events = client.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    return "; ".join(f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in failed)
