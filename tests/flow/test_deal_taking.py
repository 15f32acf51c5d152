"""What is taken of a request about deals, and of which: keys, files that are gone, ids that are not the caller's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from switchboard import clients, deals, uploads
from switchboard.accept import IdempotencyConflict
from switchboard.credentials import Client
from switchboard.dialects.unified_deals import DealRequest, NewDealRequest, UploadRequest
from switchboard.model.problem import Refused
from switchboard.model.record import Kind, Record, Standing, Write
from switchboard.settings import settings
from switchboard.tracking import table, writes
from switchboard.upsert import digest_of

from .world import ACME, World

OTHER = Client("other", "UY")
NATIVE = Client("native", "US")  # whose deals the CRM has from before


@pytest.fixture(autouse=True)
def resting(world: World) -> Iterator[None]:
    yield
    world.unscript()
    world.rest()


def save(known_by: str | None, key: str | None = None, client: Client = ACME, **said: Any) -> tuple[Write, bool]:
    return deals.save(client, DealRequest.model_validate({"name": "A", **said}), known_by, key)


def save_all(names: list[str], key: str | None = None) -> list[Write]:
    requests = [NewDealRequest.model_validate({"name": name, "external_reference": name}) for name in names]
    return deals.save_all(ACME, requests, key)[0]


def kept(name: str) -> bool:
    """Whether anything was ever written to a deal."""
    return writes.head(Record(Kind.DEAL, ACME.name, name)) is not None


def file() -> str:
    return uploads.store(ACME.name, "a.txt", "text/plain", b"hello")


def lose(id_: str) -> None:
    boto3.client("s3").delete_object(Bucket=settings().uploads_bucket, Key=f"{ACME.name}/{id_}")


# Keys


def test_a_batch_that_is_refused_for_its_key_is_not_taken_in_part(world: World) -> None:
    names = [f"part {number}" for number in range(9)]
    save_all(names[:1], "grows")
    with pytest.raises(IdempotencyConflict):
        save_all(names, "grows")
    assert [name for name in names if kept(name)] == names[:1]


@pytest.mark.parametrize("more", [1, 9], ids=["one of one", "one of nine"])
def test_what_was_kept_before_aws_failed_is_found_by_the_watch(world: World, more: int) -> None:
    names = [f"failing {more} {number}" for number in range(more)]
    put = 0

    def fail(point: str) -> None:
        nonlocal put
        put += point == "after PutItem"
        if put:
            raise ClientError({"Error": {"Code": "InternalServerError"}}, "PutItem")

    with world.watching(fail), pytest.raises(ClientError):
        save_all(names)
    world.rest()
    lives = [life for name in names if (life := deals.life(ACME, name, None)) and life.history]
    assert lives
    assert {life.history[0].result and life.history[0].result.standing for life in lives} == {Standing.SAVED}


def test_a_batch_is_repeated_under_its_key_from_wherever_it_stopped(world: World) -> None:
    with world.crashing() as calls:
        save_all(["whole 1", "whole 2"], "whole")
    for at in range(1, len(calls.points) + 1):
        names = [f"stopped {at} {number}" for number in range(2)]
        with world.crashing(at):
            save_all(names, f"stopped {at}")
        assert [write.record.reference for write in save_all(names, f"stopped {at}")] == names
        world.rest()
        lives = [deals.life(ACME, name, None) for name in names]
        assert [life and [bool(write.result) for write in life.history] for life in lives] == [[True], [True]]


@pytest.mark.parametrize("first", ["sb-one", "one"])
def test_a_key_with_another_reference_is_another_request(world: World, first: str) -> None:
    save(first, f"key of {first}")
    with pytest.raises(IdempotencyConflict):
        save("sb-two", f"key of {first}")
    assert save(first, f"key of {first}")[1]
    assert not kept("sb-two")


def test_a_repeat_under_its_key_finds_its_answer_though_its_file_is_gone(world: World) -> None:
    id_ = file()
    first, _ = save("with a file", "with a file", attachments=[id_])
    lose(id_)
    again, replayed = save("with a file", "with a file", attachments=[id_])
    assert (again.record, again.number, replayed) == (first.record, first.number, True)
    with pytest.raises(Refused, match=r"attachments\.0"):
        save("with a file", "another key", attachments=[id_])


def test_a_key_that_has_expired_stands_for_nothing(world: World) -> None:
    save("expired key", "expires")
    table.update(f"P#{ACME.name}#{digest_of(ACME.name, 'expires', '0')}", "P", "SET #ttl = :ttl", {":ttl": 1})
    write, replayed = save("another", "expires")
    assert (write.record.reference, replayed) == ("another", False)


# Patience


@contextmanager
def slow_files(seconds: float) -> Iterator[None]:
    """Whoever asks for a file waits."""

    def wait(**_: Any) -> None:
        time.sleep(seconds)

    events = clients.client("s3").meta.events
    events.register("before-call.s3.HeadObject", wait, unique_id="slow")
    try:
        yield
    finally:
        events.unregister("before-call.s3.HeadObject", wait, unique_id="slow")


@pytest.mark.parametrize("size", [1, 3], ids=["one deal", "a batch"])
def test_files_are_asked_for_at_once_and_the_callers_patience_counts_that(world: World, size: int) -> None:
    ids = [uploads.store(ACME.name, f"{number}.txt", "text/plain", b"hello") for number in range(20)]
    names = [f"patient {size} {number}" for number in range(size)]
    requests = [NewDealRequest(name=name, external_reference=name, attachments=tuple(ids[:10])) for name in names]
    began = time.monotonic()
    with world.setting(CRM_WAIT_SECONDS=4), slow_files(2):
        if size == 1:
            told = [deals.save(ACME, replace_files(requests[0], ids), names[0], None)[0]]
        else:
            told, _ = deals.save_all(ACME, requests, None)
    took = time.monotonic() - began
    assert [write.result for write in told] == [None] * size  # nobody works here: the caller waited in vain
    assert 4 <= took < 5.9  # one after the other: 40 s and more; not counted: 6


def replace_files(request: NewDealRequest, ids: list[str]) -> NewDealRequest:
    return request.model_copy(update={"attachments": tuple(ids)})


# Ids of the CRM's


def made(world: World, name: str, client: Client = ACME) -> str:
    """The CRM's id of a deal that a client writes."""
    save(name, client=client)
    world.rest()
    life = deals.life(client, name, None)
    assert life is not None and life.head.crm_id
    return life.head.crm_id


def refused(id_: str, client: Client) -> str:
    with pytest.raises(Refused) as refusal:
        save(None, client=client, id=id_)
    return str(refusal.value)


def test_an_id_is_its_owners_alone(world: World) -> None:
    id_ = made(world, "owned")
    save(None, id=id_)
    assert refused(id_, OTHER) == refused("5452", OTHER) == refused("998877", OTHER) == refused(id_, NATIVE)


def test_ids_that_nobody_wrote_are_the_clients_whose_the_crm_was(world: World) -> None:
    save(None, client=NATIVE, id="5452", name="Mine from before")
    world.rest()
    state = httpx.get(f"{world.simulators['hubb']}/_state").json()
    assert [deal["name"] for deal in state["deals"] if deal["id"] == "5452"] == ["Mine from before"]
    assert writes.get_owner("5452") == "native"
    refused("5452", ACME)


def test_an_owner_is_remembered_from_the_last_save_on(world: World) -> None:
    id_ = made(world, "renewed")
    table.update(f"X#{id_}", "X", "SET #ttl = :ttl", {":ttl": 1})
    assert made(world, "renewed") == id_
    assert (table.get(f"X#{id_}", "X") or {})["ttl"] > 1
    writes.put_owner(id_, "other", 0.0)
    assert writes.get_owner(id_) == "acme"


@pytest.mark.parametrize("id_", ["05452", "x5452", "5452 ", "٥٤٥٢", "0", ""])
def test_an_id_has_one_way_to_be_written(id_: str) -> None:
    with pytest.raises(ValidationError, match="id"):
        DealRequest.model_validate({"id": id_})


# Words


@pytest.mark.parametrize("amount", ["١٢", "12.٣", "12\n"])
def test_amounts_have_ascii_digits(amount: str) -> None:
    with pytest.raises(ValidationError, match="amount"):
        DealRequest.model_validate({"amount": {"expected": amount}})


@pytest.mark.parametrize(
    ("wrong", "field"), [({"content_type": "text/plaín"}, "content_type"), ({"name": "\U0001f600" * 151}, "name")]
)
def test_what_s3_would_not_keep_of_an_upload_is_named(wrong: dict[str, str], field: str) -> None:
    about = {"name": "\U0001f600" * 150, "content_type": "text/plain", "size": 1}
    UploadRequest.model_validate(about)
    with pytest.raises(ValidationError, match=field):
        UploadRequest.model_validate(about | wrong)


def test_a_file_at_a_vendors_door_with_a_name_that_s3_would_not_keep_is_refused(world: World) -> None:
    with pytest.raises(Refused, match="attachments"):
        uploads.store(ACME.name, "\U0001f600" * 151, "text/plain", b"hello")


@pytest.mark.parametrize("reference", [" a", "a ", " ", ".", ".."])
def test_a_reference_stays_what_it_is_in_a_path(reference: str) -> None:
    with pytest.raises(ValidationError, match="external_reference"):
        NewDealRequest.model_validate({"external_reference": reference})


def test_a_reference_is_not_one_that_an_id_makes() -> None:
    with pytest.raises(ValidationError, match="external_reference"):
        NewDealRequest.model_validate({"external_reference": "id:5452"})


@pytest.mark.parametrize("cursor", ["0", "000", "-1", "x", "٣", "1" * 10])
def test_a_cursor_is_one_that_was_given(world: World, cursor: str) -> None:
    save("paged")
    with pytest.raises(Refused, match="cursor"):
        deals.life(ACME, "paged", cursor)


def test_an_end_that_should_be_deleted_is_no_later_writes(world: World) -> None:
    save("again", name="first")
    world.rest()
    partition = writes.partition(Record(Kind.DEAL, ACME.name, "again"))
    table.update(partition, "W#000000001", "SET #ttl = :ttl", {":ttl": 1})
    table.delete(partition, "H")  # TTL deletes in no order
    write, _ = save("again", name="second")
    assert (write.number, write.result) == (1, None)
    world.rest()
    life = deals.life(ACME, "again", None)
    assert life is not None
    assert [(one.result and one.result.standing, "second" in one.said) for one in life.history] == [
        (Standing.SAVED, True)
    ]
