"""Campaigns: every row once and accounted for, whoever stops, repeats, pauses or cancels in between."""

import csv
import gzip
import io
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest

from switchboard import campaigns, feed, outcomes, queues, settings
from switchboard.accept import IdempotencyConflict
from switchboard.dialects.unified_campaigns import CampaignRequest
from switchboard.model import campaign as model
from switchboard.model.campaign import Campaign, State
from switchboard.model.problem import Refused
from switchboard.outcomes import Outcome
from switchboard.tracking import campaigns as kept
from switchboard.tracking import table

from .world import ACME, Context, World

TEXT = "Hello {{name}}"


def begin(key: str | None = None, **said: Any) -> Campaign:
    """A campaign that waits for its file."""
    asked = {"name": "Spring", "text": TEXT, "columns": {"to": "phone"}, "provider": "bulksms", **said}
    return campaigns.begin(ACME, CampaignRequest.model_validate(asked), key)[0]


def sheet(*rows: str, header: str = "phone,name") -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


def upload(campaign: Campaign, data: bytes) -> int:
    """Send the file by the form, as a caller does."""
    form = campaigns.form(campaign)
    return httpx.post(form.url, data=dict(form.fields), files={"file": ("rows.csv", data)}).status_code


def numbers(world: World, count: int) -> list[str]:
    return [world.number() for _ in range(count)]


def life(campaign: Campaign) -> campaigns.Life:
    found = campaigns.life(ACME, campaign.id)
    assert found is not None
    return found


def rows(campaign: Campaign) -> list[Outcome]:
    page = campaigns.rows(ACME, campaign.id, None, None, 1000)
    assert page is not None and page.cursor is None
    return list(page.items)


def done(campaign: Campaign) -> Callable[[], bool]:
    return lambda: life(campaign).finished


def taken(world: World, some: list[str]) -> list[int]:
    """How often the provider took a message to each number."""
    counts = Counter(entry["to"].lstrip("+") for entry in world.ledger("bulksms"))
    return [counts[number.lstrip("+")] for number in some]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Windows of two rows."""
    monkeypatch.setattr(feed, "WINDOW_ROWS", 2)
    monkeypatch.setattr(feed, "WINDOW_MISSED", 2)
    yield


def test_a_file_becomes_messages_and_every_row_has_an_outcome(world: World) -> None:
    some = numbers(world, 3)
    campaign = begin(columns={"to": "phone", "reference": "id"}, metadata={"shop": "north"})
    lines = [f"{some[0]},Ann,a", "12,Bob,b", f'{some[1]},"Two\nlines",c', f"{some[0]},Ann,d", f"{some[2]},Cy,e"]
    assert upload(campaign, sheet(*lines, header="phone,name,id")) == 204
    world.pump(done(campaign))
    found = life(campaign)
    assert (found.progress.accepted, found.progress.refused, found.progress.duplicates) == (3, 1, 1)
    assert (found.statuses, found.counted, found.handed) == ({"delivered": 3}, 3, 3)
    assert found.finished_at is not None and found.rate is not None
    told = [(row.row, row.line, row.to, row.reference, row.status) for row in rows(campaign)]
    assert told == [
        (1, 2, some[0], "a", "delivered"),
        (2, 3, "12", "b", "refused"),
        (3, 4, some[1], "c", "delivered"),
        (4, 6, some[0], "d", "duplicate"),
        (5, 7, some[2], "e", "delivered"),
    ]
    assert [row.reason for row in rows(campaign) if row.status == "delivered"] == [None] * 3
    refused = rows(campaign)[1]
    assert (refused.column, refused.value) == ("phone", "12")
    assert refused.reason and refused.cure
    assert "row 1" in (rows(campaign)[3].reason or "")
    message = world.life(rows(campaign)[2].message or "")
    assert (message.text, message.reference, message.metadata) == ("Hello Two\nlines", "c", {"shop": "north"})
    assert taken(world, some) == [1, 1, 1]
    assert [one.row for one in found.refusals] == [2, 4]


def test_duplicates_are_sent_where_they_are_wanted_and_by_number_and_text(world: World) -> None:
    first, second = numbers(world, 2)
    lines = [f"{first},Ann", f"{first},Bob", f" {first} ,Ann", f"{second},Ann"]
    once, twice = begin(), begin(allow_duplicates=True)
    for campaign in (once, twice):
        upload(campaign, sheet(*lines))
        world.pump(done(campaign))
    assert [row.status for row in rows(once)] == ["delivered", "delivered", "duplicate", "delivered"]
    assert [row.status for row in rows(twice)] == ["delivered"] * 4
    assert taken(world, [first, second]) == [2 + 3, 1 + 1]


def test_priority_one_goes_first_and_a_twin_of_a_later_pass_is_one_too(world: World, small: None) -> None:
    some = numbers(world, 7)
    ranks = ["3", "1", "", "2", "1", "1", "3"]
    lines = [f"{number},Ann,{rank}" for number, rank in zip(some, ranks, strict=True)]
    lines += [f"{some[1]},Ann,3", f"{some[0]},Ann,1"]  # row 9 goes before its twin, row 1
    campaign = begin(columns={"to": "phone", "priority": "rank"})
    upload(campaign, sheet(*lines, header="phone,name,rank"))
    world.pump(done(campaign))
    windows = list(kept.windows(campaign.id))
    assert [window.priority for window in windows] == sorted(window.priority for window in windows)
    by_row = {row.row: row.status for row in rows(campaign)}
    assert by_row == dict.fromkeys(range(1, 10), "delivered") | {1: "duplicate", 8: "duplicate"}
    order = [row.row for row in rows(campaign)]
    assert order == [2, 5, 6, 9, 4, 1, 7, 8, 3]


def test_a_second_upload_changes_nothing_and_an_event_told_twice_neither(world: World) -> None:
    first, second = numbers(world, 2)
    campaign = begin()
    upload(campaign, sheet(f"{first},Ann"))
    events = world.receive(settings.settings().campaign_queue)
    for _ in range(2):
        assert world.feed.handler({"Records": events}, Context())["batchItemFailures"] == []
    upload(campaign, sheet(f"{second},Bob"))
    world.rest()
    assert taken(world, [first, second]) == [1, 0]
    assert life(campaign).progress.rows == 1
    incoming = boto3.client("s3").list_objects_v2(Bucket=settings.settings().campaigns_bucket, Prefix="incoming/")
    assert campaign.id not in str(incoming.get("Contents"))


def test_the_file_that_came_last_before_the_start_is_the_one(world: World) -> None:
    first, second = numbers(world, 2)
    campaign = begin()
    upload(campaign, sheet(f"{first},Ann"))
    upload(campaign, sheet(f"{second},Bob"))
    world.pump(done(campaign))
    assert taken(world, [first, second]) == [0, 1]


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"", "file"),
        (sheet("1,Ann", header="number,name"), "columns.to"),
        (sheet("1", header="phone"), "columns.variables.name"),
    ],
    ids=["empty", "no such column", "no column for a placeholder"],
)
def test_a_file_that_cannot_be_read_fails_the_campaign_and_says_why(world: World, data: bytes, field: str) -> None:
    campaign = begin()
    campaigns.bring(campaign, data)
    world.pump(lambda: life(campaign).progress.state is State.FAILED)
    progress = life(campaign).progress
    assert (progress.field, progress.rows) == (field, 0)
    assert progress.reason and progress.cure and progress.ended_at


def test_e_mail_and_gzip(world: World) -> None:
    campaign = begin(subject="Hi {{name}}", html="<p>{{name}}</p>", text=None, provider=None)
    assert campaign.content.channel == "email"
    lines = ["ann@example.com,Ann", "nobody,Bob", "cy@example.com,<Cy>"]
    upload(campaign, gzip.compress(sheet(*lines)))
    world.pump(done(campaign))
    assert [row.status for row in rows(campaign)] == ["submitted", "refused", "submitted"]
    assert world.life(rows(campaign)[2].message or "").subject == "Hi <Cy>"


def test_a_dialers_base_without_headers_brings_its_own_text_and_order(world: World) -> None:
    """What a vendor's door hands in: the columns are always the same."""
    some = numbers(world, 3)
    asked = replace(
        begin(text="{{text}}", columns={"to": 2, "variables": {"text": 3}}),
        id=campaigns.new_id(ACME.name, "base"),
        fingerprint="base",
        columns=model.Columns(to=2, base="sms"),
    )
    campaign, replayed = campaigns.create(asked)
    assert not replayed
    lines = [f"Ventas;{some[0]};One; two;2", f"Ventas;{some[1]};Three;1", "Ventas;12;Four;1", f"Ventas;{some[2]};Five"]
    campaigns.bring(campaign, "\r\n".join(lines).encode())
    world.pump(done(campaign))
    assert [row.status for row in rows(campaign)] == ["delivered", "refused", "refused", "delivered"]
    texts = {entry["to"]: entry["text"] for entry in world.ledger("bulksms")}
    assert [texts[number.lstrip("+")] for number in some[:2]] == ["One; two", "Three"]


def test_a_row_that_no_route_takes_or_whose_text_is_too_long_is_refused_by_itself(world: World) -> None:
    some = numbers(world, 3)
    lines = [f"{some[0]},{'x' * 1000}", f"{some[1]},", f"{some[2]},{'é' * 900}ж"]
    campaign = begin()
    upload(campaign, sheet(*lines))
    world.pump(done(campaign))
    assert [row.status for row in rows(campaign)] == ["delivered", "refused", "refused"]
    assert "{{name}}" in (rows(campaign)[1].reason or "")
    assert "parts" in (rows(campaign)[2].reason or "")


def test_a_hand_over_between_windows_goes_on_where_it_was(
    world: World, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = numbers(world, 9)
    campaign = begin(columns={"to": "phone", "priority": "rank"})
    ranks = [str(n % 2 + 1) for n in range(9)]
    upload(campaign, sheet(*(f"{n},Ann,{r}" for n, r in zip(some, ranks, strict=True)), header="phone,name,rank"))
    handed: list[object] = []
    announce = queues.announce_campaign
    monkeypatch.setattr(queues, "announce_campaign", lambda *said: (handed.append(said), announce(*said)))
    for _ in range(20):
        for record in world.receive(settings.settings().campaign_queue):
            hurried = Context(feed._MARGIN + 0.01)  # time for one window, or for none
            if not world.feed.handler({"Records": [record]}, hurried)["batchItemFailures"]:
                world.sqs.delete_message(
                    QueueUrl=settings.settings().campaign_queue, ReceiptHandle=record["receiptHandle"]
                )
        time.sleep(0.3)
        if life(campaign).progress.windows >= 2:
            break
    assert handed
    world.pump(done(campaign))
    assert taken(world, some) == [1] * 9
    assert sorted(row.row for row in rows(campaign)) == list(range(1, 10))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file whose reader is no more
def test_feeding_stopped_anywhere_loses_no_row_and_doubles_none(world: World, small: None) -> None:
    def once(at: int | None) -> tuple[Campaign, list[str], list[str]]:
        some = numbers(world, 3)
        campaign = begin(columns={"to": "phone", "priority": "rank"})
        lines = [f"{n},Ann,{r}" for n, r in zip(some, ["1", "2", "1"], strict=True)]
        upload(campaign, sheet(*lines, "12,Bob,2", f"{some[0]},Ann,2", header="phone,name,rank"))
        with world.crashing(at) as calls:
            while not world.deliver("campaign"):
                pass
        return campaign, some, calls.points

    points = once(None)[2]
    assert len(points) > 50
    made = [once(at)[:2] for at in range(1, len(points) + 1)]
    world.pump(lambda: life(made[-1][0]).finished, 120)
    world.rest()
    for at, (campaign, some) in enumerate(made):
        found = life(campaign)
        assert taken(world, some) == [1] * 3, points[at]
        progress = found.progress
        assert (progress.accepted, progress.refused, progress.duplicates) == (3, 1, 1), points[at]
        assert sorted(row.row for row in rows(campaign)) == list(range(1, 6)), points[at]
        assert found.finished, points[at]


def test_pause_keeps_what_was_not_claimed_and_resume_lets_it_go(world: World, small: None) -> None:
    some = numbers(world, 6)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    while not life(campaign).progress.windows:
        world.deliver("campaign")
    assert campaigns.pause(ACME, campaign.id) is not None
    world.rest()
    assert sum(taken(world, some)) == 0
    assert life(campaign).progress.state is State.PAUSED
    assert campaigns.pause(ACME, campaign.id) is not None  # once more is no mistake
    campaigns.resume(ACME, campaign.id)
    world.pump(done(campaign))
    assert taken(world, some) == [1] * 6


def test_nothing_steers_a_campaign_whose_messages_have_all_been_handed_over(world: World) -> None:
    some = numbers(world, 2)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some), "12,Bob"))
    world.pump(done(campaign))
    for steer in (campaigns.pause, campaigns.resume, campaigns.cancel):
        with pytest.raises(campaigns.NotPossible) as refused:
            steer(ACME, campaign.id)
        assert refused.value.state is None
    assert life(campaign).progress.state is State.RUNNING


def test_a_campaign_that_was_paused_too_late_may_go_on_but_not_be_canceled(world: World) -> None:
    (number,) = numbers(world, 1)
    campaign = begin()
    upload(campaign, sheet(f"{number},Ann"))
    world.pump(done(campaign))
    kept.steer(campaign.id, State.PAUSED, (State.RUNNING,))
    with pytest.raises(campaigns.NotPossible):
        campaigns.cancel(ACME, campaign.id)
    resumed = campaigns.resume(ACME, campaign.id)
    assert resumed is not None and resumed.state is State.RUNNING


def test_pause_while_the_file_is_read_stops_within_one_window(world: World, small: None) -> None:
    some = numbers(world, 8)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))

    def pause_once(point: str) -> None:
        if point == "after BatchWriteItem" and not paused:
            paused.append(point)
            campaigns.pause(ACME, campaign.id)

    paused: list[str] = []
    with world.watching(pause_once):
        while not world.deliver("campaign"):
            pass
    assert life(campaign).progress.windows == 1
    world.rest()
    assert sum(taken(world, some)) == 0
    campaigns.resume(ACME, campaign.id)
    world.pump(done(campaign))
    assert taken(world, some) == [1] * 8


def test_cancel_leaves_nothing_queued_and_nothing_more_goes_out(world: World, small: None) -> None:
    some = numbers(world, 6)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    while not life(campaign).progress.windows:
        world.deliver("campaign")
    campaigns.cancel(ACME, campaign.id)
    world.pump(done(campaign))
    world.rest()
    assert sum(taken(world, some)) == 0
    assert life(campaign).statuses == {"canceled": life(campaign).progress.accepted}
    with pytest.raises(campaigns.NotPossible):
        campaigns.resume(ACME, campaign.id)


def test_a_campaign_with_a_time_of_its_own_waits_and_is_canceled_before_it(world: World) -> None:
    some = numbers(world, 2)
    campaign = begin(send_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400)))
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    world.pump(lambda: life(campaign).statuses == {"scheduled": 2})
    campaigns.cancel(ACME, campaign.id)
    world.pump(lambda: life(campaign).statuses == {"canceled": 2})
    assert sum(taken(world, some)) == 0


def test_the_same_key_is_the_same_campaign_and_another_request_a_conflict(world: World) -> None:
    first = begin("one")
    assert begin("one") == first
    with pytest.raises(IdempotencyConflict):
        begin("one", text="Bye {{name}}")


def test_campaigns_are_listed_page_by_page(world: World) -> None:
    made = [begin().id for _ in range(3)]
    found: list[str] = []
    cursor = None
    while len(found) < 3:
        page, cursor = campaigns.listed(ACME, cursor, 2)
        found += [campaign.id for campaign, _ in page]
        assert cursor is None or re.fullmatch(r"[\w-]+", cursor), "it goes into a URL as it is"
    assert found[:3] == made[::-1]


@pytest.mark.parametrize("cursor", ["", "é", "20260131000000#abc", "WzFd", "WyJ4Il0"])
def test_a_cursor_that_is_not_of_the_list_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(Refused, match="cursor"):
        campaigns.listed(ACME, cursor, 1)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"text": "{{"}, "text"),
        ({"subject": "Hi", "provider": "bulksms"}, "provider"),
        ({"subject": "Hi", "html": "Hi", "provider": None}, "text"),
        ({"contact": {"email": "a@example.com"}}, "contact"),
        ({"send_at": "2020-01-01T00:00:00Z"}, "send_at"),
        ({"send_at": "2031-01-01T00:00:00Z", "via": "provider"}, "via"),
        ({"columns": {"to": "a", "variables": {f"p{n}": "\U0001f600" * 255 for n in range(100)}}}, "columns"),
    ],
)
def test_what_no_row_could_mend_is_refused_at_once(world: World, said: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        begin(**said)
    assert [problem.field for problem in refused.value.problems] == [field]


def test_rows_come_page_by_page_in_order_and_by_status(world: World, small: None) -> None:
    some = numbers(world, 5)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some), "12,Bob", "13,Bob"))
    world.pump(done(campaign))
    found: list[int] = []
    cursor: str | None = None
    for _ in range(7):
        page = campaigns.rows(ACME, campaign.id, None, cursor, 1)
        assert page is not None and len(page.items) <= 1
        found += [row.row for row in page.items]
        cursor = page.cursor
    assert found == list(range(1, 8))
    page = campaigns.rows(ACME, campaign.id, "refused", None, 100)
    assert page is not None and [row.row for row in page.items] == [6, 7]
    for wrong in ("x.y", "0.0", "1000000.0", "9999991.0", "1.", "1.1\n"):
        with pytest.raises(Refused):
            campaigns.rows(ACME, campaign.id, None, wrong, 1)
    assert campaigns.rows(ACME, campaign.id, None, "999999.0", 1) == campaigns.Page((), None)


def fetch(world: World, campaign: Campaign) -> list[dict[str, str]]:
    """The file of outcomes, asked for until it is there."""
    links: list[str] = []

    def ready() -> bool:
        links.append(campaigns.report(ACME, campaign.id) or "")
        return bool(links[-1])

    world.pump(ready)
    answer = httpx.get(links[-1])
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_the_report_has_an_outcome_for_every_row_and_no_formula(
    world: World, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = numbers(world, 3)
    campaign = begin(columns={"to": "phone", "reference": "id"})
    lines = [f"{some[0]},Ann,=1+2", "=cmd(),Bob,b", f"{some[1]},Cy,-c", f"{some[0]},Ann,d", f"{some[2]},Di,e"]
    upload(campaign, sheet(*lines, header="phone,name,id"))
    world.pump(done(campaign))
    monkeypatch.setattr(outcomes, "_PART", 1)  # a part a window
    told = fetch(world, campaign)
    assert [row["row"] for row in told] == ["1", "2", "3", "4", "5"]
    assert [row["status"] for row in told] == [row.status for row in rows(campaign)]
    assert told[0]["to"] == some[0]
    assert not any(cell.startswith(("=", "-", "@")) for row in told for cell in row.values())
    assert told[2]["reference"] == "'-c"
    assert campaigns.report(ACME, campaign.id), "it stands"


def test_a_report_that_was_asked_for_waits_until_it_is_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = begin()
    upload(campaign, sheet(f"{world.number()},Ann"))
    world.pump(lambda: life(campaign).progress.fed_at is not None)
    campaigns.pause(ACME, campaign.id)  # nothing of it is final
    monkeypatch.setattr(campaigns, "FRESH", 0.0)
    for _ in range(2):
        assert campaigns.report(ACME, campaign.id) == ""
        while not kept.outcomes(campaign.id).made_at or kept.outcomes(campaign.id).until:
            world.deliver("campaign")
        assert campaigns.report(ACME, campaign.id), "however late it is asked for again"
    campaigns.cancel(ACME, campaign.id)


def test_whoever_makes_the_report_may_be_stopped_anywhere(world: World, small: None, monkeypatch: Any) -> None:
    some = numbers(world, 3)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    world.pump(done(campaign))
    monkeypatch.setattr(outcomes, "MAKING", 0.1)
    monkeypatch.setattr(campaigns, "FRESH", 0.0)
    monkeypatch.setattr(campaigns, "WAITS", 0.0)
    monkeypatch.setattr(outcomes, "BELIEVED", 0.0)

    def make(at: int | None) -> list[str]:
        assert campaigns.report(ACME, campaign.id) == ""
        with world.crashing(at) as calls:
            while not world.deliver("campaign"):
                pass
        return calls.points

    count = len(make(None))
    for at in range(1, count + 1):
        make(at)
        time.sleep(0.12)
    world.rest()
    monkeypatch.setattr(outcomes, "BELIEVED", 3600.0)
    assert [row["row"] for row in fetch(world, campaign)] == ["1", "2", "3"]


def test_another_clients_campaign_is_none(world: World) -> None:
    from switchboard.credentials import Client

    campaign, other = begin(), Client("other")
    assert campaigns.life(ACME, "a" * 3000) is None  # no key of the table is so long
    assert campaigns.life(other, campaign.id) is None
    assert campaigns.rows(other, campaign.id, None, None, 1) is None
    assert campaigns.pause(other, campaign.id) is None
    assert campaigns.report(other, campaign.id) is None


def test_rules_that_change_between_two_workers_leave_the_batch_as_it_stands(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first worker made the batch and was stopped; the second would have made another of the same rows."""
    some = numbers(world, 4)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    monkeypatch.setattr(feed, "WINDOW_ROWS", 3)
    keep = kept.put_window
    monkeypatch.setattr(kept, "put_window", lambda *said: 1 / 0)
    while not world.deliver("campaign"):
        pass
    monkeypatch.setattr(kept, "put_window", keep)
    monkeypatch.setattr(feed, "WINDOW_ROWS", 1000)
    world.pump(done(campaign))
    assert taken(world, some) == [1] * 4
    assert [row.row for row in rows(campaign)] == [1, 2, 3, 4]
    assert [window.last for window in kept.windows(campaign.id)] == [3, 4]


def test_where_a_file_has_no_rows_for_long_its_reader_still_looks_at_the_clock(world: World) -> None:
    number = world.number()
    campaign = begin()
    upload(campaign, gzip.compress(b"phone,name\n" + b"\n" * 500_000 + f"{number},Ann".encode()))
    (record,) = world.receive(settings.settings().campaign_queue)
    with world.setting(FEED_LEASE_SECONDS=0.0):
        points: list[str] = []
        with world.watching(points.append):
            assert not world.feed.handler({"Records": [record]}, Context())["batchItemFailures"]
    assert points.count("after UpdateItem") > 5  # the lease, again and again
    world.pump(done(campaign))
    assert taken(world, [number]) == [1]


NORTH = {"channel": "sms", "prefix": "+1", "providers": ["bulksms"]}
SOUTH = {"channel": "sms", "prefix": "+598", "providers": ["bulksms"]}


@pytest.mark.parametrize("order", ["ssnnnn", "nnssnn", "nssssn", "ssssss", "snnnnn"])
@pytest.mark.parametrize("closes", [True, False], ids=["a route closes", "a route opens"])
def test_routes_that_change_between_two_workers_double_no_row_and_lose_none(
    world: World, monkeypatch: pytest.MonkeyPatch, order: str, closes: bool
) -> None:
    """The first worker seals the first window and is stopped; the next one judges its rows otherwise."""
    monkeypatch.setattr(feed, "WINDOW_ROWS", 4)
    monkeypatch.setattr(feed, "WINDOW_MISSED", 2)
    some = [world.number("+1919555") if to == "n" else world.number("+5989455") for to in order]
    campaign = begin(provider=None)
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    both, north = json.dumps([NORTH, SOUTH]), json.dumps([NORTH])
    with world.setting(ROUTES=both if closes else north), monkeypatch.context() as stopped:
        stopped.setattr(kept, "put_window", lambda *said: 1 / 0)
        while not world.deliver("campaign"):
            pass
    with world.setting(ROUTES=north if closes else both):
        world.pump(lambda: life(campaign).progress.windows > 0)
    with world.setting(ROUTES=both):  # what closed is open again for the windows behind
        world.pump(done(campaign))
        world.rest()
    found = rows(campaign)
    assert [row.row for row in found] == list(range(1, 7))
    assert taken(world, some) == [int(row.status == "delivered") for row in found]
    progress = life(campaign).progress
    assert (progress.accepted, progress.rows) == (sum(taken(world, some)), 6)


def test_a_campaign_is_kept_as_long_as_its_batches(world: World) -> None:
    later = time.time() + 200 * 86400
    campaign = begin(send_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(later)))
    upload(campaign, sheet(f"{world.number()},Ann", "12,Bob"))
    world.pump(lambda: life(campaign).statuses == {"scheduled": 1})
    kinds = {item["sk"]: int(item["ttl"]) for item in table.query(f"P#{campaign.id}")}
    assert set(kinds) == {"P", "S", "W#000001", "R#000001", "D#000001"}
    assert min(kinds.values()) >= int(later) + settings.settings().retention
    campaigns.cancel(ACME, campaign.id)


def test_cancel_while_a_window_far_ahead_is_made_cancels_it_now(world: World, small: None) -> None:
    some = numbers(world, 2)
    campaign = begin(send_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400)))
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))

    def cancel_once(point: str) -> None:
        if point == "after BatchWriteItem" and not canceled:
            canceled.append(point)
            campaigns.cancel(ACME, campaign.id)
            feed.walk(campaign.id, 0, time.time() + 60)  # there is no window yet

    canceled: list[str] = []
    with world.watching(cancel_once):
        while not world.deliver("campaign"):
            pass
    for queued in world.receive(settings.settings().campaign_queue):
        world.sqs.delete_message(
            QueueUrl=settings.settings().campaign_queue, ReceiptHandle=queued["receiptHandle"]
        )  # the walk that came already
    world.pump(lambda: life(campaign).statuses == {"canceled": 2})


def test_a_window_whose_worker_was_stopped_before_it_could_say_so_counts(
    world: World, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = numbers(world, 5)
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in some)))
    keep, calls = kept.checkpoint, 0

    def once(*said: Any) -> model.Progress:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise ConnectionError
        return keep(*said)

    monkeypatch.setattr(kept, "checkpoint", once)
    while not world.deliver("campaign"):
        pass
    campaigns.cancel(ACME, campaign.id)
    world.pump(done(campaign))
    found = life(campaign)
    assert (found.progress.accepted, found.counted, len(rows(campaign))) == (4, 4, 4)


def test_a_campaign_with_a_time_of_its_own_has_its_rate_from_then_on(world: World) -> None:
    begun = time.time() + 2.0
    campaign = begin(send_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begun + 1)))
    upload(campaign, sheet(f"{world.number()},Ann"))
    world.pump(done(campaign))
    found = life(campaign)
    assert found.rate is not None and found.finished_at is not None and campaign.send_at is not None
    assert found.rate == pytest.approx(1 / (found.finished_at - campaign.send_at), rel=0.01)


def test_of_a_part_that_could_be_counted_in_time_no_rate_is_told(
    world: World, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = begin()
    upload(campaign, sheet(*(f"{number},Ann" for number in numbers(world, 4))))
    world.pump(lambda: all(row.status == "delivered" for row in rows(campaign)) and len(rows(campaign)) == 4)
    monkeypatch.setattr(campaigns, "_COUNTING", -1.0)
    monkeypatch.setattr(kept, "tallies", lambda id_: {1: outcomes.tally(next(iter(kept.windows(id_))))})
    found = life(campaign)
    assert (found.counted, found.rate, found.estimated_end) == (2, None, None)


def test_a_window_of_many_refusals_fits_its_item(world: World) -> None:
    wide = "ж" * 900
    campaign = begin()
    upload(campaign, sheet(*(f"{wide}{n},{wide}" for n in range(700))))
    world.pump(done(campaign))
    assert life(campaign).progress.refused == 700
    assert len(rows(campaign)) == 700
    assert all(len(row.dump().encode()) < 2 * model._CLIPPED * 6 for row in kept.missed(campaign.id, 1))
