"""The verbs in this process against the real engine and real simulators, with a hand on every call they make."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import httpx
from botocore.exceptions import ClientError

from switchboard import accept, clients, credentials, providers, receive, settings, tracking
from switchboard.credentials import Client
from switchboard.dialects.wire import Request
from switchboard.model.message import Channel, Content, Recipient

from .deployed import function

ACME = Client("acme", "US")
TOKEN = "callback-token"


class Crash(BaseException):
    """The process ends here: nothing of ours may catch it."""


class Calls:
    """Counts every AWS and provider call, before it and after it, and ends the process at one of these points."""

    def __init__(self, at: int | None = None) -> None:
        self.at = at
        self.points: list[str] = []
        self._lock = threading.Lock()

    def reach(self, point: str) -> None:
        """One more point; `Crash` at the one that was asked for."""
        with self._lock:
            self.points.append(point)
            now = len(self.points) == self.at
        if now:
            raise Crash(point)


class World:
    """A stack made from the template on the local engine, driven by hand: `pump` is all the queues' event sources."""

    def __init__(self, environment: dict[str, str], simulators: dict[str, str]) -> None:
        self.simulators = simulators
        self._observer: Callable[[str], None] = _nobody
        os.environ.update(environment)
        for cached in (settings.settings, clients.client, providers._http):
            cached.cache_clear()
        credentials._accounts.clear()
        self.dispatch = function("dispatch")
        self.watch = function("watch")
        self.callback = function("callback")
        self.notify = function("notify")
        self.crm = function("crm")
        self.fire = function("fire")
        self.feed = function("feed")
        for service in ("dynamodb", "sqs", "secretsmanager", "scheduler", "s3"):
            events = clients.client(service).meta.events
            events.register("before-call", self._before)
            events.register("after-call", self._after)
        self._exchange = providers._exchange
        providers._exchange = self._exchanged
        self._unseen = threading.local()
        self._number = 0
        self.sqs = boto3.client("sqs")  # not one of the code under test: its calls do not count
        self._handlers = {
            **dict.fromkeys(settings.settings().queues.values(), self.dispatch),
            settings.settings().watch_queue: self.watch,
            settings.settings().report_queue: self.notify,
            settings.settings().crm_queue: self.crm,
            settings.settings().fire_queue: self.fire,
            settings.settings().campaign_queue: self.feed,
        }

    def number(self, prefix: str = "+1919555") -> str:
        """A number that no other test has."""
        self._number += 1
        return f"{prefix}{self._number:04d}"

    def send(
        self,
        to: list[str],
        provider: str | None = None,
        key: str | None = None,
        text: str = "Hello",
        client: Client = ACME,
        **options: Any,
    ) -> accept.Accepted:
        """Accept an SMS."""
        submission = accept.Submission(
            content=Content(channel=Channel.SMS, text=text, sender="+13056490655"),
            recipients=tuple(Recipient(to=number) for number in to),
            provider=provider,
            fingerprint=text + ",".join(to),
            **options,
        )
        return accept.accept(submission, client, key)

    @contextmanager
    def crashing(self, at: int | None = None) -> Iterator[Calls]:
        """Within, every call of the code under test counts; at the given point its process ends."""
        calls = Calls(at)
        with suppress(Crash), self.watching(calls.reach):
            yield calls

    @contextmanager
    def watching(self, observer: Callable[[str], None]) -> Iterator[None]:
        """Within, `observer` is told of every call before it and after it, as `before PutItem`; it may block."""
        self._observer = observer
        try:
            yield
        finally:
            self._observer = _nobody

    def to(self, number: str) -> list[tracking.Life]:
        """What support would see of the messages to a number."""
        return list(tracking.by_address(ACME.name, number, None, None, 100, inbound=False).items)

    def rest(self) -> None:
        """Deliver until every queue is empty: nothing visible, delayed or in flight."""
        self.pump(lambda: not any(map(self._holds, self._handlers)))

    def _holds(self, url: str) -> int:
        attributes = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(value) for name, value in attributes.items() if name.startswith("ApproximateNumberOfMessages"))

    def pump(self, until: Callable[[], bool], limit: float = 60.0) -> None:
        """Deliver what the queues hold, as event sources do, until a condition holds."""
        end = time.monotonic() + limit
        while not until():
            assert time.monotonic() < end, "the queues did not come to rest"
            if not self.deliver():
                time.sleep(0.05)

    def deliver(self, only: str | None = None, acknowledge: bool = True) -> int:
        """One round over the queues; how many messages were delivered."""
        return sum(
            self._deliver(url, handler.handler, acknowledge)
            for url, handler in self._handlers.items()
            if only is None or url == self._queue(only)
        )

    def _queue(self, name: str) -> str | None:
        others = {"crm": settings.settings().crm_queue, "campaign": settings.settings().campaign_queue}
        return {**settings.settings().queues, **others}.get(name)

    def receive(self, url: str) -> list[dict[str, Any]]:
        """What a queue hands out, as records of a Lambda event."""
        answer = self.sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0, AttributeNames=["All"]
        )
        names = {"messageId": "MessageId", "receiptHandle": "ReceiptHandle", "body": "Body", "attributes": "Attributes"}
        return [{name: m[key] for name, key in names.items()} for m in answer.get("Messages", ())]

    def _deliver(self, url: str, handler: Callable[..., Any], acknowledge: bool) -> int:
        records = self.receive(url)
        if records:
            answer = handler({"Records": records}, Context())
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            for record in records if acknowledge else ():
                if record["messageId"] not in failed:
                    with suppress(ClientError):  # handed out again meanwhile: that delivery's answer counts
                        self.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
        return len(records)

    def life(self, id_: str) -> tracking.Life:
        """A message's life."""
        found = tracking.message(ACME.name, id_)
        assert found is not None
        return found

    def status(self, id_: str) -> str:
        """Where a message stands."""
        return self.life(id_).status.value

    def settled(self, ids: list[str]) -> Callable[[], bool]:
        """A condition: these messages are settled."""
        waiting = list(ids)

        def check() -> bool:
            while waiting and self.life(waiting[-1]).settled:
                waiting.pop()
            return not waiting

        return check

    def ledger(self, provider: str) -> list[dict[str, Any]]:
        """Everything that a provider truly took."""
        return httpx.get(f"{self.simulators[provider]}/_ledger").json()  # type: ignore[no-any-return]

    def taken(self, provider: str, number: str) -> int:
        """How often a provider took a message to a number."""
        digits = number.lstrip("+")
        return sum(entry["to"].lstrip("+") == digits for entry in self.ledger(provider))

    def script(self, provider: str, **fault: Any) -> None:
        """Tell a simulator what to do wrong."""
        httpx.post(f"{self.simulators[provider]}/_script", json=fault).raise_for_status()

    def unscript(self) -> None:
        """All simulators behave again."""
        for url in self.simulators.values():
            httpx.delete(f"{url}/_script").raise_for_status()

    @contextmanager
    def setting(self, **changes: object) -> Iterator[None]:
        """Another environment for a while."""
        before = {name: os.environ[name] for name in changes}
        os.environ.update({name: str(value) for name, value in changes.items()})
        settings.settings.cache_clear()
        try:
            yield
        finally:
            os.environ.update(before)
            settings.settings.cache_clear()

    def receipt(self, provider: str, vendor_id: str | None) -> None:
        """A delivery receipt at the callback, in Hubb's form."""
        request = Request(method="POST", path="/", query=f"message_id={vendor_id}&status=delivered".encode())
        answer = receive.receive(provider, TOKEN, request)
        assert answer is not None and answer.status == 200

    def called_back(self, event: dict[str, Any]) -> dict[str, Any]:
        """The callback function, in a process of its own as far as an observer can see."""
        self._unseen.here = True
        answer: dict[str, Any] = self.callback.handler(event, Context())
        return answer

    def _observe(self, point: str) -> None:
        if not hasattr(self._unseen, "here"):
            self._observer(point)

    def _before(self, model: Any, **_: Any) -> None:
        self._observe(f"before {model.name}")

    def _after(self, model: Any, **_: Any) -> None:
        self._observe(f"after {model.name}")

    def _exchanged(self, dialect: Any, request: Any, *more: Any) -> Any:
        self._observe(f"before {dialect.name}")
        answer = self._exchange(dialect, request, *more)
        self._observe(f"after {dialect.name}")
        return answer


def _nobody(point: str) -> None:
    """Watches nothing."""


class Context:
    """What Lambda tells a handler."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, seconds: float = 60.0) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining_time_in_millis(self) -> int:
        return int((self._end - time.monotonic()) * 1000)


def names(records: list[dict[str, Any]]) -> list[str]:
    """The chunk names in records."""
    return [json.loads(record["body"])["chunk"] for record in records]
