"""Writes to the CRM stopped before and after every call, answers lost in every way, and two clients of one CRM."""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from botocore.exceptions import ClientError

from switchboard import accounts, clients, credentials, crm, deals, keep, providers, settings, uploads, upsert, written
from switchboard.accept import IdempotencyConflict
from switchboard.admit import admit
from switchboard.credentials import Client
from switchboard.dialects.door import Inline
from switchboard.dialects.keeper import CRM, KEEPER
from switchboard.dialects.unified_deals import MAX_FILES, AccountRequest, DealRequest
from switchboard.dialects.wire import FORM, Request
from switchboard.model.outcome import Outcome, Verdict
from switchboard.model.problem import Refused
from switchboard.model.record import Result, Standing, Write
from switchboard.tracking import writes

from .world import ACME, Calls, Crash, World

OTHER = Client("other", "UY")
NATIVE = Client("native", "US")  # whose deals the CRM has from before


def save(reference: str, key: str | None = None, client: Client = ACME, **said: Any) -> Write:
    """Take a write; nobody waits for its end here."""
    request = DealRequest.model_validate({"name": reference, "note": {"text": reference}, **said})
    return deals.save(client, request, reference, key)[0]


def ended(reference: str, client: Client = ACME) -> list[Result | None]:
    """How the writes to a deal ended, the first one first."""
    life = deals.life(client, reference, None)
    assert life is not None
    return [write.result for write in reversed(life.history)]


def last(reference: str, client: Client = ACME) -> Result:
    result = ended(reference, client)[-1]
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
    # On a slow machine, too, an answer is lost only where a worker stops.
    with world.setting(PROVIDER_TIMEOUT_SECONDS="4"), shorter_leases():
        calls = worked(world, "worked")
        names = [f"worker {at}" for at in range(1, len(calls.points) + 1)]
        for at, name in enumerate(names, 1):
            assert worked(world, name, at).points == calls.points[:at]
        world.rest()
    doubtful = []
    for at, name in enumerate(names):
        (deal,) = held(world, name)
        result = last(name)
        notes = [note["text"] for note in deal["notes"]]
        assert result.standing is Standing.SAVED
        assert notes == [name] or (not notes and "note" in result.unconfirmed)
        doubtful += [at] if "note" in result.unconfirmed else []
    left = calls.points.index("before hubb")
    kept = calls.points.index("before PutItem", left)
    assert doubtful == list(range(left - 1, kept + 1))  # from the claim to the end that is kept


def worked(world: World, name: str, at: int | None = None) -> Calls:
    """A write, and a worker that is given its name alone and stops at a point."""
    write = save(name)
    credentials.accounts()  # whether the secret is asked for is a matter of the time
    with world.crashing(at) as calls:
        crm.work(str(write.record), time.time() + 60)
    return calls


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


@pytest.mark.parametrize("lost", [False, True], ids=["at once", "after a lost answer"])
@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        ("refuse", Standing.REJECTED),
        ("404", Standing.REJECTED),
        ("429", Standing.FAILED),
        ("a file is gone", Standing.FAILED),
    ],
)
def test_no_no_is_plain_after_a_lost_answer(world: World, lost: bool, answer: str, standing: Standing) -> None:
    """The call whose answer was lost was carried out: a no to its repetition does not take it back."""
    name = f"plain {answer} {lost}"
    file = uploads.store(ACME.name, "a.txt", "text/plain", name.encode())
    with world.setting(MAX_PASSES=3):
        if lost:
            stumble(world, "reset_after")
        save(name, attachments=[file])
        if lost:
            world.deliver("crm")
            assert len(held(world, name)) == 1
        if answer == "a file is gone":
            bucket = settings.settings().uploads_bucket
            clients.client("s3").delete_object(Bucket=bucket, Key=f"{ACME.name}/{file}")
        else:
            stumble(world, answer, times=3)
        world.rest()
    result = last(name)
    assert result.standing is (Standing.UNCONFIRMED if lost else standing)
    assert ("An answer before was lost" in str(result.words)) is lost
    assert ("all" in result.unconfirmed) is lost
    assert len(held(world, name)) == lost


@pytest.mark.parametrize("fault", [None, "reset_after"], ids=["no answer yet", "its answer is lost"])
def test_a_door_does_not_say_no_to_what_may_be_saved(world: World, fault: str | None) -> None:
    key = credentials.issue(ACME.name, ACME.region)
    body = urlencode({"key": key, "external_reference_id": f"door {fault}", "name": "A"}).encode()
    headers = (("content-type", FORM), ("idempotency-key", f"door-{fault}"))
    call = Request(method="POST", path="/site/api/crm_add_deal", headers=headers, body=body)
    with world.setting(MAX_PASSES=1):
        if fault:
            stumble(world, fault)
        answer = admit(call)
        assert (answer.status, b"may have been taken" in answer.body) == (500, True)
        world.rest()
        again = admit(call)
    assert again.status == (500 if fault else 200)
    assert len(held(world, f"door {fault}")) == 1


def test_more_files_than_a_deal_takes_are_refused_and_the_record_goes_on(world: World) -> None:
    files = [Inline(name=f"{number}.txt", content_type="text/plain", data=b"a") for number in range(MAX_FILES + 1)]
    said = {"external_reference": "many files", "name": "A"}
    with pytest.raises(Refused) as refused:
        keep.keep(ACME, False, said, files, None)
    assert [problem.field for problem in refused.value.problems] == ["attachments"]
    assert deals.life(ACME, "many files", None) is None
    keep.keep(ACME, False, said, files[1:], None)
    world.rest()
    assert last("many files").standing is Standing.SAVED
    assert len(held(world, "many files")[0]["attachments"]) == MAX_FILES


def test_words_that_can_no_longer_be_read_end_their_write_and_are_shown(world: World) -> None:
    first = save("unreadable")
    writes.put_waiting(replace(first, said='{"dropped":1}'), ())
    save("unreadable")
    world.rest()
    bad, good = ended("unreadable")
    assert bad is not None and good is not None
    assert (bad.standing, good.standing) == (Standing.FAILED, Standing.SAVED)
    assert "dropped" in str(bad.words)
    life = deals.life(ACME, "unreadable", None)
    assert life is not None
    assert [write.request for write in written.life(life).history][-1] == {"dropped": 1}


def test_a_call_that_cannot_be_written_is_no_matter_of_time(world: World) -> None:
    def write(account: object) -> Any:
        raise ValueError("nobody can write this")

    outcome = providers.ask(KEEPER, write, CRM.saved, lambda file: [])
    assert isinstance(outcome, Outcome)
    assert outcome.verdict is Verdict.REJECTED


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
    deals.save(NATIVE, request, None, None)
    world.rest()
    assert last("id:987654", NATIVE).standing is Standing.UNCONFIRMED
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    assert sum(deal["name"] == "By id" for deal in state["deals"]) == 1


def test_an_id_that_the_crm_did_not_know_is_one_deal_however_often_it_is_written(world: World) -> None:
    for name in ("one", "two"):
        deals.save(NATIVE, DealRequest.model_validate({"id": "876543", "name": f"unknown {name}"}), None, None)
        world.rest()
    first, second = ended("id:876543", NATIVE)
    assert first is not None and second is not None
    assert (first.created, second.created) == (True, False)
    assert [warning.field for warning in first.warnings] == ["id"]
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    assert [deal["name"] for deal in state["deals"] if str(deal["name"]).startswith("unknown ")] == ["unknown two"]


def by_id(reference: str, id_: str, name: str) -> None:
    deals.save(NATIVE, DealRequest.model_validate({"id": id_, "name": name}), reference, None)


def named(world: World, prefix: str) -> list[str]:
    """The names of the CRM's deals that begin so."""
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    return [deal["name"] for deal in state["deals"] if str(deal["name"]).startswith(prefix)]


def stopping(at: str) -> Callable[[str], None]:
    """The process ends at a point of this name."""

    def observe(point: str) -> None:
        if point == at:
            raise Crash

    return observe


def test_a_reference_and_an_id_that_the_crm_did_not_know_are_one_deal(world: World) -> None:
    for name in ("bound one", "bound two"):
        by_id("A1", "765432", name)
        world.rest()
    assert named(world, "bound ") == ["bound two"]
    life = deals.life(NATIVE, "A1", None)
    assert life is not None and life.head.crm_id is not None
    by_id("A1", life.head.crm_id, "bound three")
    by_id("A1", "765432", "bound four")
    save("A1", client=NATIVE, name="bound five")
    world.rest()
    assert named(world, "bound ") == ["bound five"]


@pytest.mark.parametrize("stopped", [False, True], ids=["its answer is lost", "its worker is stopped"])
def test_behind_a_call_by_id_that_is_in_doubt_none_by_id_is_sent(world: World, stopped: bool) -> None:
    reference = f"in doubt {stopped}"
    by_id(reference, f"65432{stopped:d}", f"doubted {stopped}")
    if stopped:
        with suppress(Crash), world.watching(stopping("after hubb")):
            world.deliver("crm")
    else:
        stumble(world, "reset_after")
    world.rest()
    for _ in range(2):
        by_id(reference, f"65432{stopped:d}", f"doubted {stopped} again")
        world.rest()
    assert [result and result.standing for result in ended(reference, NATIVE)] == [Standing.UNCONFIRMED] * 3
    assert named(world, f"doubted {stopped}") == [f"doubted {stopped}"]


def test_a_no_to_a_call_by_id_leaves_no_doubt(world: World) -> None:
    stumble(world, "refuse")
    by_id("no doubt", "543210", "undoubted")
    world.rest()
    by_id("no doubt", "543210", "undoubted")
    world.rest()
    standings = [result and result.standing for result in ended("no doubt", NATIVE)]
    assert standings == [Standing.REJECTED, Standing.SAVED]


def dying(world: World, at: str) -> None:
    """A worker is given what waits, as soon as it may have it, and its process ends at a point of this name."""
    with pytest.raises(Crash), world.watching(stopping(at)):
        world.pump(lambda: False)


def test_a_write_whose_workers_all_die_is_in_doubt_and_the_next_one_goes_on(world: World) -> None:
    with world.setting(MAX_PASSES=2, PROVIDER_TIMEOUT_SECONDS="0.2"), shorter_leases():
        save("deadly")
        save("deadly", name="after")
        for _ in range(2):
            dying(world, "after hubb")
        world.rest()
    first, second = ended("deadly")
    assert first is not None and second is not None
    assert (first.standing, first.unconfirmed) == (Standing.UNCONFIRMED, ("all", "note"))
    assert second.standing is Standing.SAVED
    assert [deal["name"] for deal in held(world, "deadly")] == ["after"]


@contextmanager
def shorter_leases() -> Iterator[None]:
    """A dead worker's lease ends soon."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crm, "_MARGIN", 0.5)
        yield


def test_an_end_that_its_worker_kept_and_did_not_note_is_known_of_the_deal(world: World) -> None:
    """Between the write's end and the record's: the next write knows that the deal was made, and which it is."""

    def end(point: str) -> None:
        nonlocal called, puts
        called = called or point == "after hubb"
        puts += called and point == "after PutItem"
        if puts:
            raise Crash

    with shorter_leases():
        for client, said in ((ACME, {}), (NATIVE, {"id": "432109"})):
            called, puts = False, 0
            request = DealRequest.model_validate({"name": "unnoted one", **said})
            deals.save(client, request, "unnoted", None)
            with pytest.raises(Crash), world.watching(end):
                world.deliver("crm")
            life = deals.life(client, "unnoted", None)
            assert life is not None and life.head.crm_id is None
            assert (life.history[0].result or Result(standing=Standing.PENDING, at=0)).standing is Standing.SAVED
            deals.save(client, replaced(request, name="unnoted two"), "unnoted", None)
            world.rest()
            first, second = ended("unnoted", client)
            assert first is not None and second is not None
            assert (second.standing, second.created) == (Standing.SAVED, False)
            assert first.saved and second.saved and first.saved["id"] == second.saved["id"]
    assert named(world, "unnoted") == ["unnoted two"] * 2


def replaced(request: DealRequest, **said: Any) -> DealRequest:
    return DealRequest.model_validate({**request.model_dump(exclude_unset=True), **said})


def test_a_call_that_would_leave_late_does_not_leave(world: World) -> None:
    """Between the claim and the call the secret is asked for: where that takes long, the lease may be another's."""
    points: list[str] = []

    def slow(point: str) -> None:
        points.append(point)
        if point == "before GetSecretValue":
            time.sleep(1)

    with shorter_leases():
        save("late to leave")
        credentials._accounts.clear()
        with world.watching(slow):
            while not world.deliver("crm"):
                pass
        assert "after GetSecretValue" in points and "before hubb" not in points
        assert held(world, "late to leave") == []
        world.rest()
    (deal,) = held(world, "late to leave")
    assert ([note["text"] for note in deal["notes"]], last("late to leave").unconfirmed) == (["late to leave"], ())


def test_what_waits_is_not_all_in_memory_at_once(world: World) -> None:
    size, count = 150_000, 100
    values = {f"field {number}": "x" * 3000 for number in range(size // 3000)}
    for number in range(count):
        save("heavy", name=f"write {number}", custom_fields={"values": values})
    tracemalloc.start()
    try:
        while not world.deliver("crm"):
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    world.rest()
    assert peak < size * count * 2 / 3
    assert [deal["name"] for deal in held(world, "heavy")] == [f"write {count - 1}"]


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


def test_a_sign_up_is_found_behind_however_many_others_of_the_same_email(world: World) -> None:
    mine = sign_up("crowded@new.example")
    world.rest()
    for _ in range(60):
        sign_up("crowded@new.example", OTHER)
    world.rest()
    found = accounts.read(ACME, mine.record.reference)
    assert found is not None
    assert (found.number, found.client) == (mine.number, ACME.name)
    others = accounts.read(OTHER, mine.record.reference)
    assert others is not None and others.number == 61
    assert accounts.read(NATIVE, mine.record.reference) is None


def test_names_in_the_queue_that_were_dropped_are_announced_by_the_watch(world: World) -> None:
    save("dropped")
    with suppress(ClientError):
        world.sqs.purge_queue(QueueUrl=next(url for url, handler in world._handlers.items() if handler is world.crm))
    world.rest()
    assert last("dropped").standing is Standing.SAVED
