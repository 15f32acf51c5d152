"""Writes to the CRM stopped before and after every call, answers lost in every way, and two clients of one CRM."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from switchboard import accounts, deals, upsert
from switchboard.accept import IdempotencyConflict
from switchboard.credentials import Client
from switchboard.dialects.unified_deals import AccountRequest, DealRequest
from switchboard.model.record import Result, Standing, Write

from .world import ACME, World

OTHER = Client("other", "UY")


def save(reference: str, key: str | None = None, client: Client = ACME, **said: Any) -> Write:
    """Take a write; nobody waits for its end here."""
    request = DealRequest.model_validate({"name": reference, "note": {"text": reference}, **said})
    return deals.save(client, request, reference, key)[0]


def ended(reference: str, client: Client = ACME) -> list[Result | None]:
    """How the writes to a deal ended, the first one first."""
    life = deals.life(client, reference, None)
    assert life is not None
    return [write.result for write in reversed(life.history)]


def last(reference: str) -> Result:
    result = ended(reference)[-1]
    assert result is not None
    return result


def held(world: World, reference: str, client: str = "acme") -> list[dict[str, Any]]:
    """What the CRM has under a reference of a client."""
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    return [deal for deal in state["deals"] if deal["external_reference_id"] == f"{client}|{reference}"]


@pytest.fixture(autouse=True)
def behaving(world: World) -> Iterator[None]:
    yield
    world.unscript()
    world.rest()


def stumble(world: World, fault: str, path: str = "crm_add_deal", **options: Any) -> None:
    world.script("hubb", fault=fault, match={"path": path}, **options)


@pytest.mark.parametrize("retried", [True, False], ids=["client retries", "client gives up"])
def test_a_write_stopped_anywhere_while_it_is_taken_is_there_once_or_not_at_all(world: World, retried: bool) -> None:
    with world.crashing() as calls:
        save(f"counted {retried}", f"counted {retried}")
    assert len(calls.points) == 14  # the key, the number, the key's claim, the write, watch, announcement, a look
    names = [f"stopped {at} {retried}" for at in range(1, len(calls.points) + 1)]
    for at, name in enumerate(names, 1):
        with world.crashing(at):
            save(name, name)
        if retried:
            save(name, name)
    world.rest()
    for name in names:
        found = held(world, name)
        assert len(found) == 1 if retried else len(found) <= 1
        assert [note["text"] for deal in found for note in deal["notes"]] == [name] * len(found)
        if retried:
            assert last(name).standing is Standing.SAVED


def test_a_worker_stopped_anywhere_leaves_one_deal_and_says_what_may_be_missing(world: World) -> None:
    save("worked")
    with world.crashing() as calls:
        while not world.deliver("crm"):
            pass
    names = [f"worker {at}" for at in range(1, len(calls.points) + 1)]
    for at, name in enumerate(names, 1):
        save(name)
        with world.crashing(at):
            while not world.deliver("crm"):
                pass
    world.rest()
    doubtful = 0
    for name in names:
        (deal,) = held(world, name)
        result = last(name)
        notes = [note["text"] for note in deal["notes"]]
        assert result.standing is Standing.SAVED
        assert notes == [name] or (not notes and "note" in result.unconfirmed)
        doubtful += "note" in result.unconfirmed
    assert 0 < doubtful < len(names) / 3


@pytest.mark.parametrize(
    ("fault", "options", "noted"),
    [
        ("reset_before", {}, 0),
        ("reset_after", {}, 1),
        ("reset_after", {"commit_after": 0.5}, 1),
        ("delay", {"seconds": 1.5}, 1),
        ("garbage", {}, 1),
        ("500", {"taken": True}, 1),
        ("500", {}, 0),
    ],
)
def test_a_lost_answer_is_repeated_without_what_would_be_done_twice(
    world: World, fault: str, options: dict[str, Any], noted: int
) -> None:
    name = f"lost {fault} {sorted(options)} {noted}"
    name = "".join(character if character.isalnum() or character == " " else "." for character in name)
    stumble(world, fault, **options)
    save(name, notify={"email": "boss@acme.example"})
    world.rest()
    (deal,) = held(world, name)
    assert deal["name"] == name
    assert len(deal["notes"]) == noted
    assert last(name).standing is Standing.SAVED
    assert last(name).unconfirmed == ("note", "notify")


def test_nothing_is_repeated_while_the_first_call_can_still_run(world: World) -> None:
    stumble(world, "reset_after", commit_after=0.8)
    save("late", name="first")
    world.deliver("crm")
    save("late", name="second")
    world.rest()
    (deal,) = held(world, "late")
    assert deal["name"] == "second"
    assert [result and result.standing for result in ended("late")] == [Standing.SAVED, Standing.SAVED]


@pytest.mark.parametrize("fault", ["429", "401"])
def test_what_was_certainly_not_taken_is_sent_again_with_everything(world: World, fault: str) -> None:
    stumble(world, fault)
    save(f"not taken {fault}")
    world.rest()
    (deal,) = held(world, f"not taken {fault}")
    assert (len(deal["notes"]), last(f"not taken {fault}").unconfirmed) == (1, ())


def test_a_no_is_told_in_the_crms_words(world: World) -> None:
    stumble(world, "refuse", detail="No more deals")
    save("refused")
    world.rest()
    assert (last("refused").standing, last("refused").words) == (Standing.REJECTED, "No more deals")
    assert held(world, "refused") == []


def test_answers_that_are_lost_for_good_are_in_doubt_and_the_next_write_goes_on(world: World) -> None:
    with world.setting(MAX_PASSES=2):
        stumble(world, "reset_before", times=2)
        save("doubtful")
        save("doubtful", name="after")
        world.rest()
    first, second = ended("doubtful")
    assert first is not None and second is not None
    assert first.standing is Standing.UNCONFIRMED
    assert first.unconfirmed == ("all", "note")
    assert second.standing is Standing.SAVED
    assert [deal["name"] for deal in held(world, "doubtful")] == ["after"]


def test_a_deal_by_an_id_that_nobody_knows_is_not_written_again(world: World) -> None:
    stumble(world, "reset_after")
    request = DealRequest.model_validate({"id": "987654", "name": "By id"})
    deals.save(ACME, request, None, None)
    world.rest()
    assert last("id:987654").standing is Standing.UNCONFIRMED
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    assert sum(deal["name"] == "By id" for deal in state["deals"]) == 1


def test_an_id_that_the_crm_did_not_know_is_one_deal_however_often_it_is_written(world: World) -> None:
    for name in ("one", "two"):
        deals.save(ACME, DealRequest.model_validate({"id": "876543", "name": f"unknown {name}"}), None, None)
        world.rest()
    first, second = ended("id:876543")
    assert first is not None and second is not None
    assert (first.created, second.created) == (True, False)
    assert [warning.field for warning in first.warnings] == ["id"]
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    assert [deal["name"] for deal in state["deals"] if str(deal["name"]).startswith("unknown ")] == ["unknown two"]


def test_two_clients_of_one_crm_neither_collide_nor_see_each_other(world: World) -> None:
    save("shared", name="acme's", contact={"email": "shared@x.example"})
    save("shared", name="other's", client=OTHER, contact={"email": "shared@x.example"})
    world.rest()
    assert [deal["name"] for deal in held(world, "shared")] == ["acme's"]
    assert [deal["name"] for deal in held(world, "shared", "other")] == ["other's"]
    for client in (ACME, OTHER):
        life = deals.life(client, "shared", None)
        assert life is not None and life.head.count == 1
        found = deals.find(client, {"contact_email": "Shared@x.example"}, None, 10)
        assert [head.record.client for head in found.items] == [client.name]
    assert deals.life(OTHER, "worked", None) is None


def test_a_key_stands_for_one_request(world: World) -> None:
    save("keyed", "one key")
    save("keyed", "one key")
    with pytest.raises(IdempotencyConflict):
        save("keyed", "one key", name="another")
    with pytest.raises(IdempotencyConflict):
        save("keyed elsewhere", "one key")
    world.rest()
    assert len(ended("keyed")) == 1


def test_without_a_reference_the_key_makes_one(world: World) -> None:
    request = DealRequest.model_validate({"name": "derived"})
    writes = [deals.save(ACME, request, None, key)[0] for key in ("k 1", "k 1", "k 2", None, None)]
    names = [write.record.reference for write in writes]
    assert names[0] == names[1]
    assert len(set(names)) == 4
    world.rest()
    assert all(len(held(world, name)) == 1 for name in names)


def test_a_search_finds_deals_page_by_page_and_no_messages(world: World) -> None:
    names = [f"page {number}" for number in range(5)]
    for name in names:
        save(name, contact={"phone": "(919) 555-7000", "email": "pages@x.example"})
    found: list[str] = []
    cursor = None
    while True:
        page = deals.find(ACME, {"contact_phone": "+19195557000"}, cursor, 2)
        found += [head.record.reference for head in page.items]
        if (cursor := page.cursor) is None:
            break
    assert found == names[::-1]
    assert world.to("+19195557000") == []
    world.rest()


def test_history_goes_back_page_by_page(world: World) -> None:
    for number in range(deals.HISTORY + 3):
        save("often", name=f"write {number}")
    world.rest()
    life = deals.life(ACME, "often", None)
    assert life is not None
    assert [write.number for write in life.history] == list(range(deals.HISTORY + 3, 3, -1))
    before = deals.life(ACME, "often", life.cursor)
    assert before is not None
    assert ([write.number for write in before.history], before.cursor) == ([3, 2, 1], None)


# Accounts


def sign_up(email: str, client: Client = ACME) -> Write:
    return accounts.sign_up(client, AccountRequest(email=email, account_name="Acme 2"), None)[0]


def signed_up(email: str, client: Client = ACME) -> Result | None:
    write = accounts.read(client, upsert.digest_of(email)[:32])
    return write.result if write else None


@pytest.mark.parametrize("fault", ["reset_after", "reset_before"])
def test_a_lost_sign_up_that_is_already_registered_is_a_success(world: World, fault: str) -> None:
    email = f"{fault}@new.example".replace("_", "-")
    stumble(world, fault, "master_account")
    sign_up(email)
    world.rest()
    result = signed_up(email)
    assert result is not None and result.standing is Standing.SAVED
    assert [warning.field for warning in result.warnings] == (["email"] if fault == "reset_after" else [])


def test_of_two_sign_ups_of_one_email_one_is_told_no(world: World) -> None:
    sign_up("race@new.example")
    sign_up("race@new.example", OTHER)
    world.rest()
    mine, others = signed_up("race@new.example"), signed_up("race@new.example", OTHER)
    assert mine is not None and others is not None
    assert {mine.standing, others.standing} == {Standing.SAVED, Standing.REJECTED}
    assert "already registered" in str(mine.words or others.words)


def test_names_in_the_queue_that_were_dropped_are_announced_by_the_watch(world: World) -> None:
    save("dropped")
    with suppress(ClientError):
        world.sqs.purge_queue(QueueUrl=next(url for url, handler in world._handlers.items() if handler is world.crm))
    world.rest()
    assert last("dropped").standing is Standing.SAVED
