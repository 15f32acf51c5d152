"""SQS: names of chunks for the providers, of messages to report, of what to look at again; never any content."""

import json
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote_plus

from botocore.exceptions import ClientError

from switchboard.clients import client
from switchboard.model.chunk import Header
from switchboard.settings import settings

MAX_DELAY = 900  # SQS's DelaySeconds limit
MAX_HIDDEN = 43_200  # SQS's VisibilityTimeout limit
_SEND_BATCH = 10  # SendMessageBatch's limit
_RENEWED = 5  # receives of a name that waits; MaxReceives is well above


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """What is announced: a chunk, and the provider whose turn it was then."""

    chunk: str
    provider: str


def announce(headers: Iterable[Header], owner: str) -> None:
    """Put chunk names into the queue of the provider whose turn it is, ten a request, to be had when their time comes.

    The queue knows whole seconds: a name comes within the second before, and whoever gets it waits for the rest.
    `owner`, the client, is the message group: SQS's fair queues keep one client's million from starving another's one.
    """
    now = time.time()
    by_turn = defaultdict(list)
    for header in headers:
        by_turn[header.provider, _whole(int(header.not_before - now), MAX_DELAY)].append(header)
    for (provider, delay), some in by_turn.items():
        names = [asdict(Name(chunk=str(header.chunk), provider=provider)) for header in some]
        _send(settings().queues[provider], names, owner, delay)


def parse_name(body: str) -> Name:
    """The name that a queue's message holds."""
    said = json.loads(body)
    return Name(chunk=said["chunk"], provider=said["provider"])


def announce_reports(owner: str, messages: Iterable[str]) -> None:
    """Say that there is news of these messages for the client `owner`, ten a request.

    The client is the message group, as in `announce`: one whose endpoint is slow keeps nobody else waiting.
    """
    _send(settings().report_queue, [{"message": message} for message in messages], owner)


def parse_report(body: str) -> str:
    """The message that a report queue's message is about."""
    return str(json.loads(body)["message"])


def announce_records(owner: str, records: Iterable[str]) -> None:
    """Say that there are writes to these records of the client `owner`, ten a request."""
    _send(settings().crm_queue, [{"record": record} for record in records], owner)


def parse_record(body: str) -> str:
    """The record that a message of the CRM's queue is about."""
    return str(json.loads(body)["record"])


def announce_campaign(owner: str, name: Mapping[str, Any], delay: int = 0) -> None:
    """Say what is to be done of a campaign of the client `owner`: see `parse_campaign`."""
    _send(settings().campaign_queue, [name], owner, delay)


def parse_campaign(body: str) -> Mapping[str, Any]:
    """What a message of the campaigns' queue is about.

    `upload` and `etag`, the key and the version of a file that came, as S3 tells it; or the id of a campaign under
    `feed`, `walk` or `report`, and where to go on. Empty for what S3 says when it is told of the queue.
    """
    said: dict[str, Any] = json.loads(body)
    if "Records" in said:
        (record,) = said["Records"]  # S3 sends one an event
        stored = record["s3"]["object"]
        return {"upload": unquote_plus(stored["key"]), "etag": stored["eTag"], "size": stored["size"]}
    return {} if "Event" in said else said


def watch_campaign(campaign: str, delay: float) -> None:
    """Look after `delay` seconds whether a campaign is still being read."""
    _watch({"campaign": campaign}, delay)


def watch_record(record: str, delay: float) -> None:
    """Look after `delay` seconds whether writes to a record still wait."""
    _watch({"record": record}, delay)


def fire(body: Mapping[str, str | float], delay: float) -> None:
    """What a schedule says when it fires, said by ourselves after `delay` seconds."""
    client("sqs").send_message(
        QueueUrl=settings().fire_queue, MessageBody=json.dumps(body), DelaySeconds=_whole(delay, MAX_DELAY)
    )


def watch_batch(batch: str, nonce: str, delay: float) -> None:
    """Look at a batch again after `delay` seconds."""
    _watch({"batch": batch, "nonce": nonce}, delay)


def watch_schedule(schedule: str, due: int, delay: float) -> None:
    """Look after `delay` seconds whether what was due of a recurring schedule has been made."""
    _watch({"schedule": schedule, "due": due}, delay)


def watch_receipt(provider: str, vendor_id: str, to: str | None, delay: float) -> None:
    """Look at a parked receipt again after `delay` seconds; `to` is the recipient's E.164 number where it is known."""
    _watch({"provider": provider, "receipt": vendor_id, "to": to}, delay)


def postpone(provider: str, record: Mapping[str, Any], seconds: float) -> bool:
    """Have a received name again after `seconds`; whether what was received is to be acknowledged.

    It is made visible again, or, where it has waited so a few times, put anew: SQS counts what it hands out, and what
    merely waits is no dead letter. One that is older than the watch's round is left to the watch, which has announced
    its chunk again: names do not pile up. Where SQS will not have it (the message was handed out again meanwhile, or is
    gone) the queue's own time holds.
    """
    return _put_off(settings().queues[provider], record, seconds, settings().watch_delay)


def postpone_report(receipt_handle: str, seconds: float) -> None:
    """Make a received message of the report queue visible again after `seconds`: its receives are its tries."""
    _hide(settings().report_queue, receipt_handle, seconds)


def postpone_campaign(receipt_handle: str, seconds: float) -> None:
    """The same for a message of the campaigns' queue."""
    _hide(settings().campaign_queue, receipt_handle, seconds)


def postpone_record(record: Mapping[str, Any], seconds: float) -> bool:
    """The same as `postpone` for a name of the CRM's queue, which its record's holder keeps from piling up."""
    return _put_off(settings().crm_queue, record, seconds)


def _put_off(url: str, record: Mapping[str, Any], seconds: float, most: float = math.inf) -> bool:
    attributes = record["attributes"]
    if int(attributes["ApproximateReceiveCount"]) < _RENEWED:
        _hide(url, record["receiptHandle"], seconds)
        return False
    body = {"since": int(attributes["SentTimestamp"]) // 1000, **json.loads(record["body"])}
    if time.time() - body["since"] <= most:
        # First the new one, then the acknowledgement: between them there are two, and one changes nothing.
        group = {"MessageGroupId": attributes["MessageGroupId"]} if "MessageGroupId" in attributes else {}
        delay = _whole(seconds, MAX_DELAY)
        client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body), DelaySeconds=delay, **group)
    return True


def _hide(url: str, receipt_handle: str, seconds: float) -> None:
    hidden = _whole(seconds, MAX_HIDDEN)
    with suppress(ClientError):
        client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=receipt_handle, VisibilityTimeout=hidden)


def _watch(body: Mapping[str, str | int | None], delay: float) -> None:
    client("sqs").send_message(
        QueueUrl=settings().watch_queue, MessageBody=json.dumps(body), DelaySeconds=_whole(delay, MAX_DELAY)
    )


def _send(url: str, bodies: Sequence[Mapping[str, Any]], owner: str, delay: int = 0) -> None:
    for start in range(0, len(bodies), _SEND_BATCH):
        _send_batch(url, bodies[start : start + _SEND_BATCH], owner, delay)


def _send_batch(url: str, bodies: Sequence[Mapping[str, Any]], owner: str, delay: int) -> None:
    entries = [
        {
            **{"Id": str(place), "MessageBody": json.dumps(body), "MessageGroupId": owner},
            **({"DelaySeconds": delay} if delay else {}),
        }
        for place, body in enumerate(bodies)
    ]
    answer = client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    if answer.get("Failed"):
        raise ConnectionError(f"SQS did not take {len(answer['Failed'])} of {len(entries)} names")


def _whole(seconds: float, most: int) -> int:
    """Whole seconds, never early, never more than SQS takes."""
    return min(max(0, -int(-seconds // 1)), most)
