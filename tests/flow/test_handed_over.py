"""Messages that a provider keeps until their time: handed over at once, once, by the vendor's own schedule."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import pytest

from switchboard import accept, tracking
from switchboard.model.message import Channel, Content, Recipient
from switchboard.model.problem import Refused

from .world import ACME, World

HOUR = 3600.0


@pytest.fixture(autouse=True)
def unscripted(world: World) -> Iterator[None]:
    yield
    world.unscript()


@dataclass(frozen=True)
class Handed:
    """One message, and the moment that it was handed over for."""

    id: str
    to: str
    at: float


def hand(world: World, provider: str | None, at: float, prefix: str = "+1919555") -> Handed:
    """Accept a text that a provider is to send at a moment."""
    to = world.number(prefix)
    content = Content(channel=Channel.SMS, text="Hello", provider_at=at)
    submission = accept.Submission(content=content, recipients=(Recipient(to=to),), provider=provider, fingerprint=to)
    (message,) = accept.accept(submission, ACME, None).messages
    assert message.status == "queued"
    return Handed(message.id, to, at)


def state(world: World, provider: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{world.simulators[provider]}/_state").json()
    return found


def kept(world: World, number: str) -> list[float]:
    """When the vendors' own schedules are to send to a number, in epoch seconds."""
    by_bulk = [
        (entry["to"], datetime.fromisoformat(entry["at"]).timestamp()) for entry in state(world, "bulksms")["scheduled"]
    ]
    by_dialer = [(entry["to"], entry["at"]) for entry in state(world, "ucontact")["schedule"]]
    return [at for to, at in (*by_bulk, *by_dialer) if to.lstrip("+") == number.lstrip("+")]


def later(seconds: float) -> float:
    """A moment so many seconds ahead, to the millisecond, as it is kept."""
    return round(time.time() + seconds, 3)


@pytest.mark.parametrize(("provider", "whole"), [("bulksms", 60), ("ucontact", 1)])
def test_a_provider_keeps_it_until_its_time_and_gives_nothing_back(world: World, provider: str, whole: int) -> None:
    handed = hand(world, provider, later(HOUR))
    world.pump(lambda: world.status(handed.id) == "submitted")
    assert kept(world, handed.to) == [math.ceil(handed.at / whole) * whole]
    life = world.life(handed.id)
    assert (life.send_at, life.attempts[0].provider) == (handed.at, provider)
    assert tracking.cancel_message(ACME.name, handed.id) == tracking.CancelResult(False, "submitted", provider)
    world.rest()
    assert (world.status(handed.id), world.taken(provider, handed.to)) == ("submitted", 0)


def test_each_message_of_a_request_has_an_answer_of_its_own(world: World) -> None:
    """The platform's schedule takes lists too, and of one that stops in the middle nobody could say who is in it."""
    numbers = [world.number() for _ in range(5)]
    world.script("bulksms", fault="refuse", code="1732", match={"to": numbers[1]})
    submission = accept.Submission(
        content=Content(channel=Channel.SMS, text="Hello", provider_at=time.time() + HOUR),
        recipients=tuple(Recipient(to=number) for number in numbers),
        provider="bulksms",
        fingerprint="five",
    )
    messages = accept.accept(submission, ACME, None).messages
    world.pump(lambda: {world.status(message.id) for message in messages} == {"submitted", "rejected"})
    assert [world.status(message.id) for message in messages] == ["submitted", "rejected", *["submitted"] * 3]
    assert [len(kept(world, number)) for number in numbers] == [1, 0, 1, 1, 1]
    assert len({world.life(message.id).attempts[0].vendor_id for message in messages}) == 5


def test_the_bulk_platforms_schedule_is_followed_by_its_receipt(world: World) -> None:
    # A minute that has begun, or that begins within seconds: the platform knows no others.
    minute = (time.time() + 5) // 60 * 60
    handed = hand(world, "bulksms", minute)
    world.pump(lambda: world.status(handed.id) == "delivered")
    assert world.taken("bulksms", handed.to) == 1


def test_ucontacts_dialer_sends_at_the_time_and_not_before(world: World) -> None:
    handed = hand(world, "ucontact", later(2))
    world.pump(lambda: world.status(handed.id) == "submitted")
    assert time.time() < handed.at
    world.pump(lambda: world.taken("ucontact", handed.to) == 1)
    assert handed.at <= time.time() < handed.at + 3
    (line,) = (line for line in world.ledger("ucontact") if line["to"] == handed.to)
    assert (line["campaign"], line["source"]) == ("Ventas", "schedule")


@pytest.mark.parametrize(
    ("provider", "status", "code", "taken"),
    [("bulksms", "rejected", "1702", 0), ("ucontact", "submitted", None, 1)],
    ids=["the bulk platform says no", "uContact sends at once"],
)
def test_a_time_that_is_past_when_it_is_handed_over(
    world: World, monkeypatch: pytest.MonkeyPatch, provider: str, status: str, code: str | None, taken: int
) -> None:
    """After a long outage; here it is accepted late, which has the same effect."""
    monkeypatch.setattr(accept, "_PAST", 2 * HOUR)
    handed = hand(world, provider, later(-HOUR))
    world.pump(world.settled([handed.id]))
    assert (world.status(handed.id), world.life(handed.id).attempts[0].code) == (status, code)
    world.pump(lambda: world.taken(provider, handed.to) == taken)
    assert kept(world, handed.to) == ([] if provider == "bulksms" else [math.ceil(handed.at)])


def test_a_time_that_is_past_is_refused_at_once(world: World) -> None:
    for ahead in (-61, 367 * 86_400):
        with pytest.raises(Refused, match="send_at"):
            hand(world, "bulksms", later(ahead))


def test_a_no_of_one_vendors_schedule_is_anothers_to_try(world: World) -> None:
    world.script("ucontact", fault="refuse", times=1)
    handed = hand(world, None, later(HOUR), "+59898344")
    world.pump(lambda: world.status(handed.id) == "submitted")
    attempts = world.life(handed.id).attempts
    assert [(attempt.provider, attempt.code) for attempt in attempts] == [("ucontact", "0"), ("bulksms", "1701")]
    assert kept(world, handed.to) == [math.ceil(handed.at / 60) * 60]


@pytest.mark.parametrize("provider", ["bulksms", "ucontact"])
@pytest.mark.parametrize("fault", [{"fault": "garbage"}, {"fault": "500", "taken": True}, {"fault": "reset_after"}])
def test_what_may_be_in_a_vendors_schedule_is_not_put_there_again(
    world: World, provider: str, fault: dict[str, Any]
) -> None:
    world.script(provider, times=1, **fault)
    handed = hand(world, provider, later(HOUR))
    world.pump(lambda: world.status(handed.id) == "unconfirmed")
    world.rest()
    assert len(kept(world, handed.to)) == 1


def test_a_session_that_is_over_is_opened_anew_for_the_schedule_too(world: World) -> None:
    world.script("ucontact", settings={"expire_tokens": True})
    handed = hand(world, "ucontact", later(HOUR))
    world.pump(lambda: world.status(handed.id) == "submitted")
    assert len(world.life(handed.id).attempts) == len(kept(world, handed.to)) == 1


def test_what_is_sent_again_goes_at_once_by_the_plain_call(world: World) -> None:
    world.script("ucontact", fault="refuse", times=1)
    handed = hand(world, "ucontact", later(HOUR))
    world.pump(lambda: world.status(handed.id) == "rejected")
    again = accept.resend(ACME, handed.id)
    assert again is not None
    (message,) = again.messages
    world.pump(lambda: world.status(message.id) == "submitted")
    assert (world.life(message.id).send_at, kept(world, handed.to)) == (None, [])
    assert world.taken("ucontact", handed.to) == 1
