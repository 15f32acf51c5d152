"""Functions as processes of the real Lambda runtime client, each behind a Runtime API server of its own.

The protocol is AWS' "Lambda runtime API" 2018-06-01: a process asks for the next invocation, posts the response or the
error of it, and asks again. A process serves one invocation at a time; a pool has as many as are needed at once.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
import time
import uuid
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import http1
from sandbox.engine import ACCOUNT, HOST, REGION
from sandbox.processes import spawn

log = logging.getLogger(__name__)

PAYLOAD_LIMIT = 6_291_556  # bytes of a synchronous invocation's event or answer: 6 MB and 100 bytes
INIT_SECONDS = 30.0
STARTING_AT_ONCE = (
    2  # a burst does not start a process for every request of it: most are served by those that come free
)
TOO_LARGE = "Function.ResponseSizeTooLarge"
SAID = 800  # characters of a process's last words
PREFIX = "/2018-06-01/runtime/"
RUNTIME_LIMITS = http1.Limits(head=2 * 2**20, body=64 * 2**20)


@dataclass(frozen=True, slots=True)
class Result:
    """What an invocation came to: its answer as JSON, or the type of the function's error with a JSON description."""

    payload: bytes
    error: str | None = None


def failure(kind: str, message: str) -> Result:
    """An invocation that ended without the function's own word."""
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), kind)


@dataclass(slots=True)
class Invocation:
    """One event on its way through a function."""

    event: bytes
    done: "asyncio.Future[Result]"
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    abandoned: bool = False  # nobody waits for it any more; one that runs goes on all the same
    delivered: bool = False  # a process has it

    def finish(self, result: Result) -> None:
        """Settles it; only the first time counts."""
        if not self.done.done():
            self.done.set_result(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """How a function's process is started. `timeout` in seconds."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    timeout: float
    log: Path

    @property
    def arn(self) -> str:
        """The function's ARN."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}"


class Worker:
    """One process and its Runtime API. `ready` is set once it asks for work, `dead` once it has ended."""

    def __init__(self, program: Program, ended: Callable[["Worker"], None]) -> None:
        self.program = program
        self._on_end = ended
        self.ready = asyncio.Event()
        self.dead = asyncio.Event()
        self.fault: Result | None = None  # why it could not start
        self.started = time.monotonic()
        self.init_seconds = 0.0
        self.signaled = False  # from outside: its end says nothing about the function
        self.current: Invocation | None = None
        self._next: asyncio.Queue[Invocation] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._death: int | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before there is a process."""
        return 0 if self._process is None else self._process.pid

    async def start(self) -> None:
        """Starts the Runtime API, then the process; returns before the process is ready."""
        self._server = await asyncio.start_server(self._connected, HOST, 0, limit=RUNTIME_LIMITS.head)
        port = self._server.sockets[0].getsockname()[1]
        self._death, held = os.pipe()  # the process alone holds the other end: end of file is its end
        try:
            with self.program.log.open("ab") as output:
                self._process = spawn(
                    self.program.command,
                    cwd=self.program.folder,
                    env={**self.program.environment, "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{port}"},
                    stdout=output,
                    stderr=output,
                    pass_fds=(held,),
                )
        finally:
            os.close(held)
        asyncio.get_running_loop().add_reader(self._death, self._ended)

    async def run(self, invocation: Invocation) -> None:
        """Hands an invocation to the process and waits for its end, at most for the function's timeout.

        One that the process never saw, because it had died by itself, is left unfinished.
        """
        self.current = invocation
        self._next.put_nowait(invocation)
        ended = asyncio.ensure_future(self.dead.wait())
        either: set[asyncio.Future[Any]] = {invocation.done, ended}
        await asyncio.wait(either, timeout=self.program.timeout, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if self.dead.is_set() and not invocation.delivered:
            return
        if not invocation.done.done():
            message = f"{invocation.id} Task timed out after {self.program.timeout:.2f} seconds"
            kind = "Sandbox.Timedout"
            if self.dead.is_set():
                kind, message = "Runtime.ExitError", f"RequestId: {invocation.id} Error: Runtime exited"
            self._note(message)
            self.kill()
            invocation.finish(failure(kind, message))
        elif invocation.done.result().error == TOO_LARGE:
            self.kill()  # the runtime client ends itself when its answer is refused
        self.current = None

    def signal(self, number: int) -> None:
        """Sends the process a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """Ends the process, at once."""
        if self._process is not None and not self.dead.is_set():
            self.signal(signal.SIGKILL)
            self._process.wait()
            self._ended()

    def _note(self, message: str) -> None:
        with self.program.log.open("a") as output:
            output.write(message + "\n")

    def _ended(self) -> None:
        if self.dead.is_set() or self._death is None or self._process is None:
            return
        asyncio.get_running_loop().remove_reader(self._death)
        os.close(self._death)
        self._process.wait()
        self.dead.set()
        self._on_end(self)
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await http1.serve(reader, writer, self._answer, _unreadable, RUNTIME_LIMITS)
        except asyncio.CancelledError:
            pass  # the process has ended, and with it the connection
        finally:
            self._connections.discard(task)

    async def _answer(self, request: http1.Request) -> http1.Response:
        path = request.target.removeprefix(PREFIX)
        if request.method == "GET" and path == "invocation/next":
            return await self._give_next()
        if request.method == "POST" and path == "init/error":
            self.fault = Result(request.body, _error_type(request))
            return _accepted()
        match path.split("/"):
            case ["invocation", id, "response" | "error" as verb] if request.method == "POST":
                return self._take(id, verb, request)
        return _refused(404, "Not Found")

    async def _give_next(self) -> http1.Response:
        if not self.ready.is_set():
            self.init_seconds = time.monotonic() - self.started
            self.ready.set()
        invocation = await self._next.get()
        invocation.delivered = True
        deadline = int((time.time() + self.program.timeout) * 1000)
        headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", invocation.id),
            ("lambda-runtime-deadline-ms", str(deadline)),
            ("lambda-runtime-invoked-function-arn", self.program.arn),
            ("lambda-runtime-trace-id", f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"),
        ]
        return http1.Response(200, headers, invocation.event)

    def _take(self, id: str, verb: str, request: http1.Request) -> http1.Response:
        invocation = self.current
        if invocation is None or invocation.id != id:
            return _refused(400, "InvalidRequestID")
        if verb == "error":
            invocation.finish(Result(request.body, _error_type(request)))
        elif len(request.body) > PAYLOAD_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({PAYLOAD_LIMIT} bytes)."
            self._note(message)
            invocation.finish(failure(TOO_LARGE, message))
            return _refused(413, "RequestEntityTooLarge")
        else:
            invocation.finish(Result(request.body))
        return _accepted()


class Pool:
    """A function: invocations in, results out, over as many processes as are needed at once, up to a limit."""

    def __init__(self, program: Program, limit: int) -> None:
        self.program = program
        self.limit = limit
        self.workers: list[Worker] = []
        self.invocations = 0
        self.errors = 0
        self.init_seconds: list[float] = []
        self._idle: list[Worker] = []
        self._starting = 0
        self._queue: deque[Invocation] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def invoke(self, event: bytes) -> Result:
        """Runs the function once; an error of the function is a result too."""
        self.invocations += 1
        if len(event) > PAYLOAD_LIMIT:
            return failure("RequestEntityTooLarge", f"Request must be smaller than {PAYLOAD_LIMIT} bytes")
        invocation = Invocation(event, asyncio.get_running_loop().create_future())
        self._queue.append(invocation)
        self._feed()
        try:
            result = await asyncio.shield(invocation.done)
        except asyncio.CancelledError:
            invocation.abandoned = True
            raise
        if result.error is not None:
            self.errors += 1
            log.warning("%s: %s: %s", self.program.name, result.error, result.payload[:500].decode(errors="replace"))
        return result

    async def warm(self) -> None:
        """Starts one process and waits until it is ready or has failed."""
        if not self.workers and not self._starting:
            await self._start(self._new())

    def signal(self, number: int) -> list[int]:
        """Sends all processes a signal; their ids."""
        workers = [worker for worker in self.workers if worker.pid]
        for worker in workers:
            worker.signaled = True
            worker.signal(number)
            if number == signal.SIGKILL:
                worker.kill()  # and be sure of it: the next event meets another process
        return [worker.pid for worker in workers]

    def close(self) -> None:
        """Ends all processes."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for worker in list(self.workers):
            worker.kill()

    def _feed(self) -> None:
        while self._queue and self._queue[0].abandoned:
            self._queue.popleft()
        while self._queue and self._idle:
            worker = self._idle.pop()  # the one used last: it is warm, and those that are not needed stay idle
            if worker.dead.is_set():
                continue
            self._spawn(self._serve(worker, self._queue.popleft()))
        most = min(STARTING_AT_ONCE, len(self._queue))
        while self._starting < most and len(self.workers) < self.limit and not self._closed:
            self._spawn(self._start(self._new()))

    def _new(self) -> Worker:
        self._starting += 1
        worker = Worker(self.program, self._forget)
        self.workers.append(worker)
        return worker

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, worker: Worker, invocation: Invocation) -> None:
        await worker.run(invocation)
        if not invocation.done.done():
            self._queue.appendleft(invocation)
        if not worker.dead.is_set():
            self._idle.append(worker)
        self._feed()

    async def _start(self, worker: Worker) -> None:
        try:
            await worker.start()
            ready, dead = asyncio.ensure_future(worker.ready.wait()), asyncio.ensure_future(worker.dead.wait())
            await asyncio.wait({ready, dead}, timeout=INIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            dead.cancel()
        finally:
            self._starting -= 1
        if worker.ready.is_set() and not worker.dead.is_set():
            self.init_seconds.append(worker.init_seconds)
            self._idle.append(worker)
        else:
            worker.kill()
            self._forget(worker)
            said = self.program.log.read_text(errors="replace")[-SAID:].strip()
            result = worker.fault or failure("Runtime.ExitError", f"the process ended before it asked for work: {said}")
            log.error("%s: init: %s", self.program.name, result.payload[:2000].decode(errors="replace"))
            if (
                self._queue and not worker.signaled
            ):  # an init error is the answer of the invocation that made us start a process
                self._queue.popleft().finish(result)
        self._feed()

    def _forget(self, worker: Worker) -> None:
        with contextlib.suppress(ValueError):
            self.workers.remove(worker)
        with contextlib.suppress(ValueError):
            self._idle.remove(worker)


def _error_type(request: http1.Request) -> str:
    return request.header("lambda-runtime-function-error-type") or "Unhandled"


def _accepted() -> http1.Response:
    return http1.Response(202, [("content-type", "application/json")], b'{"status":"OK"}')


def _refused(status: int, kind: str) -> http1.Response:
    body = json.dumps({"errorType": kind, "errorMessage": kind}).encode()
    return http1.Response(status, [("content-type", "application/json")], body)


def _unreadable(refused: http1.Refused) -> http1.Response:
    return _refused(refused.status, str(refused))
