"""Queues that feed functions, as Lambda's event source mappings for SQS do.

A message is deleted only when the function says so: after an answer without error, and with `ReportBatchItemFailures`
only when it is not among the failed. A failed message keeps the visibility that it has, whoever set it.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from sandbox.engine import REGION
from sandbox.runtime import Pool, Result
from sandbox.template import Source

log = logging.getLogger(__name__)

RECEIVE_AT_ONCE = 10  # SQS' own limit, of deletes too
WAIT_SECONDS = 20
CONCURRENCY = 5  # invocations at once of a source that names no maximum: as many as Lambda begins with
PAUSE_SECONDS = 0.5  # before another try when the data plane does not answer


class QueueClient:
    """A few calls of SQS over one kept connection, one at a time."""

    def __init__(self, endpoint: str) -> None:
        self._host, self._port = urlsplit(endpoint).hostname, urlsplit(endpoint).port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def call(self, action: str, **fields: Any) -> dict[str, Any]:
        """One request of the JSON protocol; RuntimeError for an error, OSError when nobody answers."""
        body = json.dumps(fields).encode()
        head = (
            f"POST / HTTP/1.1\r\nhost: {self._host}:{self._port}\r\nx-amz-target: AmazonSQS.{action}\r\n"
            f"content-type: application/x-amz-json-1.0\r\ncontent-length: {len(body)}\r\n"
            f"authorization: AWS4-HMAC-SHA256 Credential=sandbox/20000101/{REGION}/sqs/aws4_request\r\n\r\n"
        )
        async with self._turn:
            try:
                status, answer = await self._exchange(head.encode() + body)
            except BaseException:
                self.close()
                raise
        if status != 200:
            raise RuntimeError(f"{action}: {status} {answer[:300]!r}")
        result: dict[str, Any] = json.loads(answer or b"{}")
        return result

    async def _exchange(self, request: bytes) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port, limit=2**20)
        reader, writer = self._streams
        writer.write(request)
        await writer.drain()
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            status = int(head.split(" ", 2)[1])
            length = int(head.partition("content-length:")[2].partition("\r\n")[0])
            return status, await reader.readexactly(length)
        except (asyncio.IncompleteReadError, ValueError) as broken:
            raise ConnectionError(str(broken)) from broken

    def close(self) -> None:
        """Ends the connection; the next call opens another."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Poller:
    """One event source: receives, invokes, deletes; at most `concurrency` invocations at once."""

    def __init__(self, source: Source, queue_url: str, endpoint: str, pool: Pool) -> None:
        self._source = source
        self._queue = queue_url
        self._pool = pool
        self._receiving, self._deleting = QueueClient(endpoint), QueueClient(endpoint)
        self._slots = asyncio.Semaphore(source.concurrency or CONCURRENCY)
        self._batches: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Polls until canceled."""
        try:
            while True:
                await self._slots.acquire()
                batch = []
                try:
                    batch = await self._gather()
                except (OSError, RuntimeError) as error:
                    log.warning("%s: %s", self._source.id, error)
                    await asyncio.sleep(PAUSE_SECONDS)
                if batch:
                    task = asyncio.create_task(self._process(batch))
                    self._batches.add(task)
                    task.add_done_callback(self._batches.discard)
                else:
                    self._slots.release()
        finally:
            for task in list(self._batches):
                task.cancel()
            self._receiving.close()
            self._deleting.close()

    async def _gather(self) -> list[dict[str, Any]]:
        """A batch: what one receive gives, or with a window all that comes within it, up to the batch size."""
        batch = await self._receive(self._source.batch, WAIT_SECONDS)
        loop = asyncio.get_running_loop()
        closes = loop.time() + self._source.window
        while batch and len(batch) < self._source.batch and (left := closes - loop.time()) > 0:
            more = await self._receive(self._source.batch - len(batch), 0)
            batch += more
            if not more:
                await asyncio.sleep(min(0.05, left))
        return batch

    async def _receive(self, most: int, wait: int) -> list[dict[str, Any]]:
        answer = await self._receiving.call(
            "ReceiveMessage",
            QueueUrl=self._queue,
            MaxNumberOfMessages=min(most, RECEIVE_AT_ONCE),
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages") or []
        return messages

    async def _process(self, batch: list[dict[str, Any]]) -> None:
        try:
            records = [to_record(message, self._source.queue_arn) for message in batch]
            event = json.dumps({"Records": records}, ensure_ascii=False, separators=(",", ":")).encode()
            result = await self._pool.invoke(event)
            failed = failures(result, {message["MessageId"] for message in batch}, partial=self._source.partial)
            done = [message for message in batch if message["MessageId"] not in failed]
            for start in range(0, len(done), RECEIVE_AT_ONCE):
                await self._delete(done[start : start + RECEIVE_AT_ONCE])
        finally:
            self._slots.release()

    async def _delete(self, messages: list[dict[str, Any]]) -> None:
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
        with contextlib.suppress(OSError, RuntimeError):  # what is not deleted comes again
            answer = await self._deleting.call("DeleteMessageBatch", QueueUrl=self._queue, Entries=entries)
            if answer.get("Failed"):
                log.info(
                    "%s: %d messages were received again before they were done", self._source.id, len(answer["Failed"])
                )


def to_record(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """A received message as functions see it."""
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute = {"stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}
    for key, name in (("StringValue", "stringValue"), ("BinaryValue", "binaryValue")):
        if key in value:
            attribute[name] = value[key]
    return attribute


def failures(result: Result, batch: set[str], *, partial: bool) -> set[str]:
    """The message ids of a batch that were not done.

    "Reporting batch item failures": an error, an answer that is not JSON, and an entry that names no message of the
    batch fail it all; null, an empty object, and a list that is null, empty or absent fail nothing.
    """
    if result.error is not None:
        return batch
    if not partial:
        return set()
    try:
        answer = json.loads(result.payload or b"null")
        if answer is None or (isinstance(answer, dict) and answer.get("batchItemFailures") is None):
            return set()
        failed = {item["itemIdentifier"] for item in answer["batchItemFailures"]}
    except (ValueError, TypeError, KeyError):
        return batch
    return failed if failed <= batch else batch
