"""A base at a vendor's door: every row of the file becomes a message once, in its own words, or is told of."""

import base64
import gzip
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest

from switchboard import accept, campaigns, credentials, feed, tracking
from switchboard.admit import CAMPAIGN_HEADER, PROBLEM_HEADER, admit
from switchboard.dialects.ucontact.bases import EmailRow, write_email_rows
from switchboard.dialects.wire import FORM, Request, Response
from switchboard.model.campaign import State
from switchboard.outcomes import Outcome
from switchboard.tracking import campaigns as kept

from .test_campaigns import numbers, small
from .test_doors import failing
from .world import ACME, World

__all__ = ["small"]  # a fixture

SMS, EMAIL = "/Integra/resources/SMS/uploadbase", "/IntegraChannels/resources/DialersResources/uploadDialerBase"


@pytest.fixture
def key(world: World) -> str:
    return credentials.issue(ACME.name, ACME.region)


def post(key: str, path: str, data: bytes, again: str | None = None, **said: str) -> Response:
    """What the door answers to a file."""
    named = {"campaign": "Ventas->"} if path == SMS else {"channel": "email", "dialer": "News", "cant": "1"}
    fields = {"filename": "base.csv", "fileb64": base64.b64encode(data).decode(), **named, **said}
    shown = (("authorization", f"Bearer {key}"), *((("idempotency-key", again),) if again else ()))
    headers = (("content-type", FORM), *shown)
    return admit(Request(method="POST", path=path, headers=headers, body=urlencode(fields).encode()))


def begun(answer: Response) -> str:
    """The campaign that an upload became."""
    assert (answer.status, answer.body) == (200, b"1"), answer
    return answer.header(CAMPAIGN_HEADER) or ""


def ended(world: World, id_: str) -> campaigns.Life:
    """How a campaign stands when all of it has settled."""

    def life() -> campaigns.Life:
        found = campaigns.life(ACME, id_)
        assert found is not None
        return found

    world.pump(lambda: life().finished or life().progress.state is State.FAILED)
    return life()


def rows(id_: str) -> list[Outcome]:
    page = campaigns.rows(ACME, id_, None, None, 1000)
    assert page is not None and page.cursor is None
    return list(page.items)


def mails(world: World, *addresses: str) -> list[dict[str, Any]]:
    """What the vendor was given for each address, which is one call."""
    ledger = world.ledger("ucontact")
    found = [[line for line in ledger if line["to"] == address] for address in addresses]
    assert [len(lines) for lines in found] == [1] * len(addresses)
    return [line for lines in found for line in lines]


def test_an_sms_base_priorities_first_and_every_row_accounted_for(world: World, key: str, small: None) -> None:
    some = numbers(world, 4)
    lines = [
        "campaign;number;text;priority",
        f"Ventas->;{some[0]};Hola; {{{{name}}}} & <b>;9999",
        f"Ventas->;{some[1]};Uno;1",
        "Ventas->;12;Nadie;1",
        "no row",
        f"Otra;{some[2]};Dos;2",
        f"Ventas->;{some[1]};Uno;3",
        f"Ventas->;{some[3]};{'x' * 1500};2",
    ]
    id_ = begun(post(key, SMS, "\n".join(lines).encode()))
    found = ended(world, id_)
    assert (found.campaign.name, found.campaign.metadata) == ("Ventas->", {"filename": "base.csv"})
    assert (found.progress.accepted, found.progress.refused, found.progress.duplicates) == (4, 2, 1)
    by_row = {row.row: row for row in rows(id_)}
    assert {number: row.status for number, row in by_row.items() if row.message is None} == {
        **{3: "refused", 4: "refused"},
        6: "duplicate",
    }
    assert (by_row[3].line, by_row[3].column, by_row[3].value) == (4, "number", "12")
    lives = {number: world.life(by_row[number].message or "") for number in (1, 2, 5, 7)}
    assert [(life.text, life.campaign, life.door) for life in lives.values()] == [
        ("Hola; {{name}} & <b>", "Ventas->", "ucontact"),
        ("Uno", "Ventas->", "ucontact"),
        ("Dos", "Otra", "ucontact"),
        ("x" * 1500, "Ventas->", "ucontact"),
    ]
    assert [len(world.to(number)) for number in some] == [1] * 4
    windows = list(kept.windows(id_))
    assert [window.priority for window in windows if window.batch] == [1, 2, 9999]
    assert sum(world.taken(provider, number) for provider in world.simulators for number in some) == 4


BODY = '<p style="a;b">Hi {{Var1}}, {{ Var2 }}</p>'


def test_an_email_base_with_one_body_for_all(world: World, key: str) -> None:
    some = [EmailRow(campaign="News", email=f"one{n}@example.com", body=BODY, variables={"Var1": f"<{n}>", "Var2": "&"})
            for n in range(3)]  # fmt: skip
    data = write_email_rows(some) + b"News;one9@example.com;Hi {{Var1}};;;1\nNews;nobody;Hi;;;1\n"
    id_ = begun(post(key, EMAIL, gzip.compress(data), filter="For {{Var1}}", user="ana", cant="7"))
    found = ended(world, id_)
    assert (found.campaign.name, found.statuses) == ("News", {"submitted": 3})
    assert found.campaign.metadata == {"filename": "base.csv", "user": "ana", "cant": "7"}
    refused = {row.row: row.reason for row in rows(id_) if row.status == "refused"}
    assert refused.keys() == {4, 5}
    assert refused[4] == "has no value for {{Var1}}"
    taken = mails(world, *(row.email for row in some))
    assert [(line["text"], line["subject"], line["campaign"]) for line in taken] == [
        (f'<p style="a;b">Hi &lt;{n}&gt;, &amp;</p>', f"For <{n}>", "News") for n in range(3)
    ]
    batch = tracking.read_batch(list(kept.windows(id_))[-1].batch or "")
    assert batch and (batch.content.html, batch.content.wordings) == (BODY, ())


def test_an_email_base_with_bodies_of_its_rows(world: World, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTML and text, long and short, two campaigns, names that are the columns' own; more than one window holds."""
    monkeypatch.setattr(feed, "WINDOW_WORDS", 1400)
    said = {"body": "b", "campaign": "c", "#body": "no", "Var1": "x<y"}
    bodies = [
        "Hi {{Var1}} <ana@example.com>",
        "<b>{{campaign}} {{body}}</b>",
        "<i>" + "x" * 1200 + "</i>",
        "Hi {{Var1}}",
    ]
    some = [
        EmailRow(campaign=f"News{n % 2}", email=f"own{n}@example.com", body=bodies[n % 4], variables=said)
        for n in range(12)
    ]
    id_ = begun(post(key, EMAIL, write_email_rows(some)))
    assert ended(world, id_).statuses == {"submitted": 12}
    expected = ["Hi x<y <ana@example.com>", "<b>c b</b>", bodies[2], "Hi x<y"]
    taken = mails(world, *(row.email for row in some))
    assert [(line["text"], line["campaign"]) for line in taken] == [
        (expected[n % 4], f"News{n % 2}") for n in range(12)
    ]
    assert 1 < len(list(kept.windows(id_))) < 12
    shown = [world.life(row.message or "") for row in rows(id_)]
    assert [life.campaign for life in shown] == [f"News{n % 2}" for n in range(12)]


def test_what_is_too_much_for_one_row_is_its_own_refusal(world: World, key: str) -> None:
    lines = [f"News;long{n}@example.com;{'é' * size};;;1" for n, size in enumerate([10, 200_000, 140_000, 140_000])]
    lines.append("two words;odd@example.com;Hi;;;1")
    id_ = begun(post(key, EMAIL, "\n".join(lines).encode()))
    assert ended(world, id_).statuses == {"submitted": 3}
    refused = [(row.row, row.column) for row in rows(id_) if row.status == "refused"]
    assert refused == [(2, "body"), (5, "campaign")]


def test_a_repeat_is_a_new_campaign_but_under_a_key(world: World, key: str) -> None:
    some = numbers(world, 2)
    data = f"c;{some[0]};Hi;1".encode()
    first, second = begun(post(key, SMS, data)), begun(post(key, SMS, data))
    assert first != second
    again = [begun(post(key, SMS, f"c;{some[1]};Hi;1".encode(), again="again")) for _ in range(3)]
    assert len(set(again)) == 1
    no = post(key, SMS, data, again="again")
    assert (no.body, no.header(PROBLEM_HEADER)) == (b"0", "Idempotency-Key: was used with another request")
    for id_ in (first, second, again[0]):
        ended(world, id_)
    begun(post(key, SMS, f"c;{some[1]};Hi;1".encode(), again="again"))
    world.rest()
    assert [len(world.to(number)) for number in some] == [2, 1]


@pytest.mark.parametrize(
    ("path", "data", "reason"),
    [
        (SMS, b"PK\x03\x04\x00", "fileb64: is a zip archive or a workbook such as .xlsx, not a CSV file; "),
        (SMS, b"\n\n", "fileb64: is empty: it has no row; "),
        (SMS, b"campaign;number;text;priority\n", "fileb64: is empty: it has no row; "),
        (SMS, b"c,1,x,1\nc,2,x,1", "fileb64: has no row that can be read: line 1 has fewer than 4 fields"),
        (EMAIL, b"c;a@b.c;x;;;ten", "fileb64: has no row that can be read: line 1 priority is not a number from 1 to"),
    ],
)
def test_a_file_that_cannot_be_read_at_all_is_an_honest_no(
    world: World, key: str, path: str, data: bytes, reason: str
) -> None:
    before = campaigns.listed(ACME, None, 100)[0]
    answer = post(key, path, data)
    assert (answer.status, answer.body, answer.header(CAMPAIGN_HEADER)) == (200, b"0", None)
    assert (answer.header(PROBLEM_HEADER) or "").startswith(reason)
    assert campaigns.listed(ACME, None, 100)[0] == before


def test_a_file_of_many_flaws_is_taken_and_told(world: World, key: str) -> None:
    (number,) = numbers(world, 1)
    id_ = begun(post(key, SMS, b"no row\n" * 150 + f"c;{number};Hi;1".encode()))
    found = ended(world, id_)
    assert (found.progress.accepted, found.progress.refused) == (1, 150)


@pytest.mark.parametrize(("point", "again", "status"), [("PutItem", "0", 200), ("PutObject", "Server error", 500)])
def test_a_door_that_does_not_know_says_so(world: World, key: str, point: str, again: str, status: int) -> None:
    (number,) = numbers(world, 1)
    data = f"c;{number};Hi;1".encode()
    with world.watching(failing(f"before {point}")):
        answer = post(key, SMS, data, again=f"{point} {number}".replace(" ", "-"))
    assert (answer.status, answer.body.decode()) == (status, again)
    id_ = begun(post(key, SMS, data, again=f"{point} {number}".replace(" ", "-")))
    assert ended(world, id_).progress.accepted == 1
    assert len(world.to(number)) == 1


def test_a_batch_keeps_the_words_of_its_rows(world: World, key: str) -> None:
    some = [EmailRow(campaign="c", email=f"kept{n}@example.com", body=f"<b>{n}</b>") for n in range(2)]
    id_ = begun(post(key, EMAIL, write_email_rows(some), filter="S"))
    ended(world, id_)
    batch = tracking.read_batch(next(kept.windows(id_)).batch or "")
    assert batch and [wording.html for wording in batch.content.wordings] == ["<b>0</b>", "<b>1</b>"]


def test_a_message_that_is_sent_again_says_what_its_own_row_says(world: World, key: str) -> None:
    some = [EmailRow(campaign=f"c{n}", email=f"again{n}@example.com", body=f"Hi {n} {{{{a}}}}", variables={"a": "x"})
            for n in range(3)]  # fmt: skip
    world.script("ucontact", fault="refuse", match={"to": "again2@example.com"})
    id_ = begun(post(key, EMAIL, write_email_rows(some)))
    assert ended(world, id_).statuses == {"submitted": 2, "rejected": 1}
    world.unscript()
    again = accept.resend(ACME, rows(id_)[2].message or "")
    assert again is not None
    world.rest()
    life = world.life(again.messages[0].id)
    assert (life.status, life.text, life.campaign) == ("submitted", "Hi 2 x", "c2")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a file whose reader is no more
def test_feeding_stopped_anywhere_gives_every_row_its_own_words_once(
    world: World, key: str, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(at: int | None, name: str) -> tuple[str, list[str]]:
        rows_ = [EmailRow(campaign="c", email=f"{name}{n}@example.com", body=f"<b>{n}</b>") for n in range(5)]
        id_ = begun(post(key, EMAIL, write_email_rows(rows_)))
        with world.crashing(at) as calls:
            while not world.deliver("campaign"):
                pass
        return id_, calls.points

    monkeypatch.setattr(feed, "WINDOW_WORDS", 120)
    points = once(None, "whole")[1]
    assert len(points) > 30
    made = {f"part{at}-": once(at, f"part{at}-")[0] for at in range(1, len(points) + 1, 3)}
    world.rest()
    sent = Counter((line["to"], line["text"]) for line in world.ledger("ucontact"))
    for name, id_ in made.items():
        assert ended(world, id_).statuses == {"submitted": 5}, name
        assert [sent[f"{name}{n}@example.com", f"<b>{n}</b>"] for n in range(5)] == [1] * 5, name
