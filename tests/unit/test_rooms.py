"""Single rooms against AWS's semantics (moto): keys, accounts, the table's batches and pages, the queues' batches."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from sandbox.template import Template
from switchboard import accept, clients, credentials, queues, settings, tracking
from switchboard.credentials import Client
from switchboard.model.chunk import ChunkId, Header, ReceiptSeen
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.problem import Refused
from switchboard.model.receipt import Inbound
from switchboard.model.status import Status
from switchboard.tracking import receipts, table

ROOT = Path(__file__).resolve().parents[2]
TABLE = Template.load(ROOT / "template.yaml").of_type("AWS::DynamoDB::Table")["Table"]
MADE_WITH = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
ACME = Client("acme", "UY")
NUMBER = "+59898344484"


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The template's table, the queues and the secret, in moto."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with mock_aws():
        forget()
        boto3.client("dynamodb").create_table(TableName="tracking", **{name: TABLE[name] for name in MADE_WITH})
        sqs = boto3.client("sqs")
        urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("hubb", "ucontact", "bulksms", "watch")}
        secret = boto3.client("secretsmanager").create_secret(Name="providers", SecretString='{"hubb": {"key": "k"}}')
        given = dict.fromkeys(settings.NAMES, "1") | {
            **{"TABLE_NAME": "tracking", "PROVIDERS_SECRET_ARN": secret["ARN"], "WATCH_QUEUE_URL": urls["watch"]},
            **{f"{name.upper()}_QUEUE_URL": url for name, url in urls.items()},
            **{"ROUTES": '[{"channel": "sms", "providers": ["bulksms"]}]', "RETENTION_DAYS": "90"},
        }
        for name, value in given.items():
            monkeypatch.setenv(name, value)
        yield
        forget()


def forget() -> None:
    """What a process remembers between invocations."""
    settings.settings.cache_clear()
    clients.client.cache_clear()
    credentials._keys.clear()
    credentials._accounts.clear()


def send(*to: str, key: str | None = None, text: str = "Hello") -> accept.Accepted:
    recipients = tuple(Recipient(to=number) for number in to)
    content = Content(channel=Channel.SMS, text=text)
    return accept.accept(accept.Submission(content=content, recipients=recipients, fingerprint=text), ACME, key)


def waiting(queue: str) -> list[dict[str, Any]]:
    """The bodies that a queue holds, delayed ones left out."""
    url = os.environ[f"{queue.upper()}_QUEUE_URL"]
    found = boto3.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(message["Body"]) for message in found]


def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    key = credentials.issue("acme", "UY")
    known = credentials.authenticate(key)
    assert known is not None and known.client == replace(ACME, zone="America/Montevideo")  # it has no other
    stored = boto3.client("dynamodb").scan(TableName="tracking")["Items"]
    assert key not in json.dumps(stored) and len(stored) == 2  # the key, and its line in the client's list


@pytest.mark.parametrize(
    "change", [str.upper, lambda key: key[:-1] + "g", lambda key: key + "0", lambda _: "sb_", lambda _: "é"]
)
def test_what_is_not_a_key_is_nobodys(change: Any) -> None:
    assert credentials.authenticate(change(credentials.issue("acme"))) is None


def test_a_well_formed_guess_is_looked_up_and_not_remembered() -> None:
    body = "A" * 32
    assert credentials.authenticate(f"sb_{body}{credentials._checksum(body)}") is None
    assert not credentials._keys


def test_a_secret_without_a_provider_is_an_empty_account_and_no_token_matches() -> None:
    assert credentials.account("bulksms") == {}
    assert not credentials.callback_token_matches("bulksms", "")
    assert not credentials.callback_token_matches("hubb", "k")


def test_unprocessed_items_are_written_again_until_none_is_left() -> None:
    rows = [{"pk": "p", "sk": str(n)} for n in range(3)]
    wire = [{"PutRequest": {"Item": table.pack(row)}} for row in rows]
    with Stubber(clients.client("dynamodb")) as stub:
        stub.add_response(
            "batch_write_item", {"UnprocessedItems": {"tracking": wire[1:]}}, {"RequestItems": {"tracking": wire}}
        )
        stub.add_response("batch_write_item", {"UnprocessedItems": {}}, {"RequestItems": {"tracking": wire[1:]}})
        table.put_many(rows)
        stub.assert_no_pending_responses()


def test_keys_left_unprocessed_are_read_again() -> None:
    keys = [("p", "1"), ("p", "2")]
    wire = [table.pack({"pk": pk, "sk": sk}) for pk, sk in keys]
    left = {"tracking": {"Keys": wire[1:], "ConsistentRead": True}}
    with Stubber(clients.client("dynamodb")) as stub:
        stub.add_response("batch_get_item", {"Responses": {"tracking": wire[:1]}, "UnprocessedKeys": left})
        stub.add_response("batch_get_item", {"Responses": {"tracking": wire[1:]}}, {"RequestItems": left})
        assert [item["sk"] for item in table.get_many(keys)] == ["1", "2"]


def test_names_that_sqs_does_not_take_are_an_error() -> None:
    header = Header(chunk=ChunkId("b", "n", 0), size=1, providers=("bulksms",))
    with Stubber(clients.client("sqs")) as stub, pytest.raises(ConnectionError):
        failed = [{"Id": "0", "SenderFault": False, "Code": "InternalError"}]
        stub.add_response("send_message_batch", {"Failed": failed, "Successful": []})
        queues.announce([header], "acme")


def test_names_go_ten_a_request_to_the_provider_whose_turn_it_is() -> None:
    headers = [Header(chunk=ChunkId("b", "n", index), size=1, providers=("hubb", "bulksms")) for index in range(12)]
    queues.announce(headers, "acme")
    found = waiting("hubb") + waiting("hubb")
    assert sorted(name["chunk"] for name in found) == sorted(f"b-n-{index}" for index in range(12))
    assert {name["provider"] for name in found} == {"hubb"}


def test_a_large_batch_is_chunked_and_read_back_in_order_page_by_page() -> None:
    numbers = [f"+5989834{n:04d}" for n in range(230)]
    accepted = send(*numbers)
    assert [message.to for message in accepted.messages] == numbers
    assert len(waiting("bulksms")) == 3
    found, cursor = [], None
    while page := tracking.of_batch("acme", accepted.batch, None, cursor, 100):
        found += [life.to for life in page.items]
        if (cursor := page.cursor) is None:
            break
    assert found == numbers
    whole = tracking.batch("acme", accepted.batch)
    assert whole is not None and (whole.total, whole.statuses, whole.settled) == (230, {"queued": 230}, False)


def test_recent_pages_through_everything_once_newest_batch_first() -> None:
    batches = [send(f"+59898340{n:03d}", f"+59898341{n:03d}", text=str(n)) for n in range(5)]
    inbound = tracking.store_inbound("acme", "bulksms", Inbound(sender=NUMBER, text="Yes"), NUMBER, time.time())
    tracking.store_inbound("other", "bulksms", Inbound(sender=NUMBER, text="No"), NUMBER, time.time())
    found: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = tracking.recent("acme", None, cursor, 3)
        found += [life.id for life in page.items]
        if (cursor := page.cursor) is None:
            break
    expected = [inbound, *(message.id for batch in reversed(batches) for message in batch.messages)]
    assert found == expected


def test_a_conversation_has_both_directions_and_a_repeat_with_an_id_once() -> None:
    sent = send(NUMBER).messages[0].id
    said = Inbound(sender=NUMBER, text="Yes", vendor_id="7")
    ids = {tracking.store_inbound("acme", "hubb", said, NUMBER, time.time()) for _ in range(2)}
    nameless = {
        tracking.store_inbound("acme", "ucontact", Inbound(sender=NUMBER, text="Yes"), NUMBER, 1.0) for _ in range(2)
    }
    both = tracking.by_address("acme", NUMBER, None, None, 10, inbound=True).items
    assert {life.id for life in both} == {sent, *ids, *nameless} and len(ids) == 1 and len(nameless) == 2
    assert [life.id for life in tracking.by_address("acme", NUMBER, None, None, 10, inbound=False).items] == [sent]
    first = tracking.by_address("acme", NUMBER, None, None, 2, inbound=True)
    rest = tracking.by_address("acme", NUMBER, None, first.cursor, 2, inbound=True)
    assert [*first.items, *rest.items] == list(both)


@pytest.mark.parametrize("cursor", ["", "x", "e30", "WzFd", "bnVsbA", "é", "WyIyMDI2Il0"])
def test_a_cursor_that_is_not_ours_is_refused(cursor: str) -> None:
    batch = send(NUMBER).batch
    for look in (
        lambda: tracking.of_batch("acme", batch, None, cursor, 1),
        lambda: tracking.recent("acme", None, cursor, 1),
        lambda: tracking.by_address("acme", NUMBER, None, cursor, 1, inbound=False),
    ):
        with pytest.raises(Refused):
            look()


def test_a_receipt_that_comes_again_is_kept_once_with_the_time_it_first_came() -> None:
    id_ = send(NUMBER).messages[0].id
    first = ReceiptSeen(word="DELIVRD", received_at=1.5, status=Status.DELIVERED, done_at="2026-01-31T10:00:00+00:00")
    other = ReceiptSeen(word="ACKED", received_at=3.0, error="000")
    for receipt in (first, replace(first, received_at=2.0), other):
        receipts.record(id_, [receipt])
        receipts.park("hubb", "7", receipt)
    life = tracking.message("acme", id_)
    assert life is not None and (life.status, life.receipts) == (Status.DELIVERED, (first, other))
    assert receipts.parked("hubb", ["7"]) == {"7": [first, other]}


def test_an_expired_batch_is_nobodys_before_it_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = send(NUMBER)
    late = time.time() + 91 * 86400
    monkeypatch.setattr(time, "time", lambda: late)
    assert tracking.batch("acme", accepted.batch) is None
