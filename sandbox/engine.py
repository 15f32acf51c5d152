"""The data plane: MiniStack in a process of its own, with long polls that answer as soon as a message can be had.

`python -m sandbox.engine` runs it in the foreground on a free port of 127.0.0.1 and prints `{"url": ...}`.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import IO, Any

from sandbox.processes import environment, first_line, python, spawn, stop

HOST = "127.0.0.1"
ACCOUNT = "000000000000"
REGION = "us-east-1"
TICK_SECONDS = 0.1  # how late a delayed message may be seen; a new one is seen at once

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "sandbox",
    "AWS_SECRET_ACCESS_KEY": "sandbox",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}


class Engine:
    """MiniStack as a child process; `url` is its endpoint for every service."""

    def __init__(self, folder: Path, log: IO[bytes]) -> None:
        data = folder / "engine"
        data.mkdir()
        settings = {"TMPDIR": str(data), "STATE_DIR": str(data), "S3_DATA_DIR": str(data / "s3"), "PERSIST_STATE": "0"}
        settings |= CREDENTIALS  # it checks the signature of a link against them
        self._process: subprocess.Popen[bytes] = spawn(
            python("sandbox.engine"), env=environment(settings), stdout=subprocess.PIPE, stderr=log
        )
        self._url: str | None = None

    @property
    def url(self) -> str:
        """The endpoint; waits until it serves."""
        if self._url is None:
            self._url = str(first_line(self._process)["url"])
        return self._url

    def environment(self) -> dict[str, str]:
        """The variables that make any AWS SDK use it."""
        return {"AWS_ENDPOINT_URL": self.url, **CREDENTIALS}

    def stop(self) -> None:
        """Ends it; its data is gone then."""
        stop(self._process, signal.SIGKILL)  # nothing to save


def publish(template: str) -> str:
    """Puts a CloudFormation template where the engine that the environment names finds it, by the URL that is answered:
    in the call itself it has 51,200 bytes, in a bucket 1,000,000."""
    import boto3

    s3: Any = boto3.client("s3")
    s3.create_bucket(Bucket="templates")
    s3.put_object(Bucket="templates", Key="template.json", Body=template.encode())
    return f"{s3.meta.endpoint_url}/templates/template.json"


def prompt(application: Application) -> Application:
    """MiniStack whose long polls end when a message is sent.

    Its own look at the queue ten times a second, which adds 50 ms to a message's way on average. Here a ReceiveMessage
    that waits becomes short ones: one at once, one after every send to that queue, and one a tick for delayed messages.
    """
    sent: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def prompt_application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        target = next((v for k, v in scope.get("headers", ()) if k == b"x-amz-target"), b"")
        if not target.startswith(b"AmazonSQS."):
            await application(scope, receive, send)
            return
        body = await _body(receive)
        order = json.loads(body or b"{}")
        queue = str(order.get("QueueUrl", "")).rpartition("/")[2]
        if target == b"AmazonSQS.ReceiveMessage" and int(order.get("WaitTimeSeconds") or 0) > 0:
            await _long_poll(application, scope, order, sent[queue], send, receive)
            return
        await application(scope, _once(body, receive), send)
        if target.startswith((b"AmazonSQS.SendMessage", b"AmazonSQS.ChangeMessageVisibility")):
            sent[queue].set()

    return prompt_application


async def _long_poll(
    application: Application,
    scope: MutableMapping[str, Any],
    order: dict[str, Any],
    sent: asyncio.Event,
    send: Send,
    receive: Receive,
) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + min(20, int(order.pop("WaitTimeSeconds")))
    body = json.dumps({**order, "WaitTimeSeconds": 0}).encode()
    headers = [(k, v) for k, v in scope["headers"] if k != b"content-length"]
    scope["headers"] = [*headers, (b"content-length", str(len(body)).encode())]
    gone = asyncio.ensure_future(receive())  # the next thing the client does is to hang up
    try:
        while True:
            sent.clear()
            answer: list[Message] = []
            await application(dict(scope), _once(body, receive), _collect(answer))
            left = deadline - loop.time()
            if left <= 0 or not _is_empty(answer):
                for message in answer:
                    await send(message)
                return
            waiting = asyncio.ensure_future(sent.wait())
            await asyncio.wait({waiting, gone}, timeout=min(TICK_SECONDS, left), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if gone.done():
                return
    finally:
        gone.cancel()


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    pending = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return pending.pop() if pending else await receive()

    return again


def _collect(answer: list[Message]) -> Send:
    async def keep(message: Message) -> None:
        answer.append(message)

    return keep


def _is_empty(answer: list[Message]) -> bool:
    status = next((m["status"] for m in answer if m["type"] == "http.response.start"), 0)
    body = b"".join(m.get("body", b"") for m in answer if m["type"] == "http.response.body")
    return status == 200 and b'"Messages"' not in body[:64]


def main() -> None:
    """Serves until SIGTERM."""
    with socket.create_server((HOST, 0), backlog=1024) as listener:
        port = listener.getsockname()[1]
        os.environ.update(
            GATEWAY_PORT=str(port), BIND_HOST=HOST, MINISTACK_HOST=HOST, IOT_MTLS_ENABLED="0", SFTP_ENABLED="0"
        )
        os.environ.setdefault("LOG_LEVEL", "WARNING")
        from hypercorn.asyncio import serve
        from hypercorn.config import Config
        from ministack.app import app

        config = Config()
        config.bind = [f"fd://{listener.fileno()}"]
        config.keep_alive_timeout = 3600
        config.loglevel = "WARNING"

        async def run() -> None:
            stopped = asyncio.Event()
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
            server = asyncio.create_task(serve(prompt(app), config, shutdown_trigger=stopped.wait))  # type: ignore[arg-type]
            print(json.dumps({"url": f"http://{HOST}:{port}"}), flush=True)  # the socket listens: a call waits its turn
            await server

        asyncio.run(run())


if __name__ == "__main__":
    main()
