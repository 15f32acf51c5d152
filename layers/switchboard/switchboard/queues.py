"""SQS: chunk names to the providers' queues, what is to be looked at again to the watch queue; never any content."""

import json
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass

from botocore.exceptions import ClientError

from switchboard.clients import client
from switchboard.model.chunk import Header
from switchboard.settings import settings

MAX_DELAY = 900  # SQS's DelaySeconds limit
_SEND_BATCH = 10  # SendMessageBatch's limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What is announced: a chunk, and the provider whose turn it was then."""

    chunk: str
    provider: str


def announce(headers: Iterable[Header], owner: str, delay: float = 0.0) -> None:
    """Put chunk names into the queue of the provider whose turn it is, ten a request.

    `owner`, the client, is the message group: SQS's fair queues keep one client's million from starving another's one.
    """
    by_provider = defaultdict(list)
    for header in headers:
        by_provider[header.provider].append(Name(chunk=str(header.chunk), provider=header.provider))
    for provider, names in by_provider.items():
        for start in range(0, len(names), _SEND_BATCH):
            _send_batch(settings().queues[provider], names[start : start + _SEND_BATCH], owner, _whole(delay))


def parse_name(body: str) -> Name:
    """The name that a queue's message holds."""
    return Name(**json.loads(body))


def watch_batch(batch: str, nonce: str, delay: float) -> None:
    """Look at a batch again after `delay` seconds."""
    _watch({"batch": batch, "nonce": nonce}, delay)


def watch_receipt(provider: str, vendor_id: str, to: str | None, delay: float) -> None:
    """Look at a parked receipt again after `delay` seconds; `to` is the recipient's E.164 number where it is known."""
    _watch({"provider": provider, "receipt": vendor_id, "to": to}, delay)


def postpone(provider: str, receipt_handle: str, seconds: float) -> None:
    """Make a received message visible again after `seconds`: it is not acknowledged.

    Where SQS will not have it (the message was handed out again meanwhile, or is gone) the queue's own time holds.
    """
    with suppress(ClientError):
        client("sqs").change_message_visibility(
            QueueUrl=settings().queues[provider],
            ReceiptHandle=receipt_handle,
            VisibilityTimeout=_whole(seconds),
        )


def _watch(body: dict[str, str | None], delay: float) -> None:
    client("sqs").send_message(
        QueueUrl=settings().watch_queue, MessageBody=json.dumps(body), DelaySeconds=_whole(delay)
    )


def _send_batch(url: str, names: list[Name], owner: str, delay: int) -> None:
    entries = [
        {
            **{"Id": str(place), "MessageBody": json.dumps(asdict(name)), "MessageGroupId": owner},
            **({"DelaySeconds": delay} if delay else {}),
        }
        for place, name in enumerate(names)
    ]
    answer = client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    if answer.get("Failed"):
        raise ConnectionError(f"SQS did not take {len(answer['Failed'])} of {len(entries)} names")


def _whole(seconds: float) -> int:
    """Whole seconds, never early, never more than SQS takes."""
    return min(max(0, -int(-seconds // 1)), MAX_DELAY)
