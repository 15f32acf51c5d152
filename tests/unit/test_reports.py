"""Which reports go out, how they are made and how often they are tried: the rules, without a network."""

from datetime import UTC, datetime

import pytest

from sandbox.template import Template
from switchboard import queues, report
from switchboard.dialects.door import Delivery
from switchboard.model.chunk import EXPIRED, Chunk, ChunkId, Header, ReceiptSeen, Result, Stored, alias, batch_id
from switchboard.model.message import Channel, Content
from switchboard.model.outcome import Verdict
from switchboard.model.problem import Refused
from switchboard.model.status import Status
from switchboard.settings import NAMES, parse
from switchboard.tracking import Batch

from .test_template import ROOT, default

BATCH = batch_id(bytes(range(14)))
CHUNK = ChunkId(BATCH, "nonce", 0)
CREATED, TRIED, RECEIVED = 1000.0, 1010.0, 1020.0
DONE = datetime(2026, 11, 22, 14, 5, 41, tzinfo=UTC)


def batch(text: str = "Hello {{name}}") -> Batch:
    content = Content(channel=Channel.SMS, text=text, sender="Acme")
    return Batch(
        id=BATCH,
        nonce="nonce",
        client="acme",
        fingerprint="",
        content=content,
        sizes=(1,),
        created_at=CREATED,
        metadata={},
        door="bulksms",
        reports=True,
    )


def result(verdict: str, code: str | None = None) -> Result:
    return Result(n=0, pass_=0, provider="bulksms", verdict=verdict, at=TRIED, code=code)


def chunk(results: list[Result], receipts: list[ReceiptSeen]) -> Chunk:
    header = Header(chunk=CHUNK, size=1, providers=("bulksms",))
    stored = Stored(n=0, place=7, to="+447700900123", variables={"name": "é" * 100})
    return Chunk(header=header, messages={0: stored}, results={0: results}, receipts={0: receipts})


def seen(status: Status, error: str | None = None, done_at: str | None = None) -> ReceiptSeen:
    return ReceiptSeen(word="X", status=status, received_at=RECEIVED, error=error, done_at=done_at)


@pytest.mark.parametrize(
    ("results", "receipts", "status", "done_at", "code"),
    [
        (["accepted"], [seen(Status.DELIVERED)], Status.DELIVERED, RECEIVED, None),
        (["accepted"], [seen(Status.SENT), seen(Status.DELIVERED)], Status.DELIVERED, RECEIVED, None),
        (["accepted"], [seen(Status.DELIVERED, done_at=DONE.isoformat())], Status.DELIVERED, DONE.timestamp(), None),
        (["accepted"], [seen(Status.UNDELIVERED, error="69")], Status.UNDELIVERED, RECEIVED, "69"),
        (["rejected"], [], Status.REJECTED, TRIED, "1706"),
        (["retryable"], [], Status.FAILED, TRIED, "1706"),
        ([EXPIRED], [], Status.EXPIRED, TRIED, "1706"),
    ],
)
def test_a_delivery_says_where_the_message_stands_since_when_and_by_whose_code(
    results: list[str], receipts: list[ReceiptSeen], status: Status, done_at: float, code: str | None
) -> None:
    view = chunk([result(verdict, "1706") for verdict in results], receipts)
    assert report.delivery(batch(), view, 0) == Delivery(
        id=alias(BATCH, 7),
        to="+447700900123",
        sender="Acme",
        status=status,
        submitted_at=TRIED,
        done_at=done_at,
        parts=1,
        code=code,
    )


def test_parts_are_those_of_the_text_that_this_recipient_had() -> None:
    view = chunk([result(Verdict.REJECTED)], [])
    assert report.delivery(batch("{{name}}ж"), view, 0).parts == 2  # 101 characters of Unicode
    assert report.delivery(batch(""), view, 0).parts == 1


def test_what_is_not_news_for_a_client_is_never_told() -> None:
    untold = {Status.SCHEDULED, Status.QUEUED, Status.CANCELED, Status.UNCONFIRMED, Status.SUBMITTED}
    assert set(Status) - report.REPORTED == untold


def test_the_waits_grow_and_the_tries_make_a_day() -> None:
    tries = int(default("ReportTries"))
    waits = [report.wait(tried, None) for tried in range(1, tries + 1)]
    assert waits[:6] == [5, 30, 120, 600, 900, 900]
    assert waits == sorted(waits)
    assert 24 <= sum(waits) / 3600 < 25


@pytest.mark.parametrize(
    ("tries", "asked", "waited"),
    [(1, None, 5), (1, 60.0, 60), (1, 1.0, 5), (3, 60.0, 120), (50, 7200.0, 3600), (1, float("inf"), 3600)],
)
def test_an_endpoint_may_ask_for_a_longer_wait_and_not_for_a_shorter_one(
    tries: int, asked: float | None, waited: float
) -> None:
    assert report.wait(tries, asked) == waited <= queues.MAX_HIDDEN


def test_no_invocation_ends_before_its_endpoints_have_had_their_time() -> None:
    function = Template.load(ROOT / "template.yaml").of_type("AWS::Lambda::Function")["NotifyFunction"]
    assert function["Timeout"] > 2 * report._SECONDS


def test_a_door_without_reports_says_so() -> None:
    with pytest.raises(ValueError, match="no reports"):
        report.direct("acme", "no such door", "https://client.example/")


@pytest.mark.parametrize(
    ("url", "loopback", "why"),
    [
        ("http://client.example/", "no", "url: must be https"),
        ("http://client.example/", "yes", "url: must be https, or http to this machine itself"),
        (
            "http://127.0.0.1/",
            "no",
            "url: must be https; url: must lead to a public address, not to one that is loopback",
        ),
        ("https://10.0.0.1/", "yes", "url: must lead to a public address, not to one that is a private network"),
    ],
)
def test_a_url_that_we_do_not_call_is_not_set(
    url: str, loopback: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = parse(dict.fromkeys(NAMES, "1") | {"ROUTES": "[]", "LOOPBACK_ENDPOINTS": loopback})
    monkeypatch.setattr(report, "settings", lambda: given)
    with pytest.raises(Refused) as refused:
        report.direct("acme", "bulksms", url)
    assert str(refused.value) == why
