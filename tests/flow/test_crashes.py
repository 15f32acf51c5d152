"""Stops accept and dispatch before and after every single call they make, lets the rest run, and audits the ledgers."""

import time
from collections.abc import Callable

import pytest

from switchboard.tracking import receipts

from .world import World

PROVIDERS = ("hubb", "ucontact", "bulksms")


def points(world: World, run: Callable[[], object]) -> int:
    """How many points a run without a crash passes."""
    with world.crashing() as calls:
        run()
    return len(calls.points)


@pytest.mark.parametrize("retried", [True, False], ids=["client retries", "client gives up"])
def test_accept_stopped_anywhere_loses_nothing_and_doubles_nothing(world: World, retried: bool) -> None:
    count = points(world, lambda: world.send([world.number(), world.number()], "bulksms", f"counted-{retried}"))
    assert count == 12  # the look before, header, messages, watch, seal, announcement: each before and after
    accepted: dict[str, str] = {}
    unsure: dict[str, str] = {}
    for at in range(1, count + 1):
        numbers = [world.number(), world.number()]
        key = f"accept-{retried}-{at}"
        with world.crashing(at) as calls:
            world.send(numbers, "bulksms", key)
        if retried:
            again = world.send(numbers, "bulksms", key)
            accepted |= {message.id: message.to for message in again.messages}
        else:
            unsure |= dict.fromkeys(numbers, calls.points[-1])
    world.pump(world.settled(list(accepted)))
    world.rest()
    ledger = [entry["to"].lstrip("+") for entry in world.ledger("bulksms")]
    for id_, number in accepted.items():
        assert (world.status(id_), ledger.count(number[1:])) == ("delivered", 1), id_
    for number, point in unsure.items():
        sealed = world.to(number)
        # Sealed or not is the engine's word alone; what was sealed went out once, what was not never did.
        assert ledger.count(number[1:]) == len(sealed) <= 1, point
        assert all(life.status == "delivered" for life in sealed), point


@pytest.mark.parametrize("provider", PROVIDERS)
def test_dispatch_stopped_anywhere_submits_at_most_once_and_says_so(world: World, provider: str) -> None:
    with world.setting(WINDOW=2):
        ids = [m.id for m in world.send([world.number() for _ in range(4)], provider).messages]
        with world.crashing() as calls:
            while not world.deliver(provider):
                pass
        assert {world.life(id_).attempts != () for id_ in ids} == {True}
        accepted: dict[str, tuple[str, int]] = {}
        for at in range(1, len(calls.points) + 1):
            batch = world.send([world.number() for _ in range(4)], provider)
            accepted |= {message.id: (message.to, at) for message in batch.messages}
            with world.crashing(at):
                while not world.deliver(provider):
                    pass
        world.pump(world.settled(list(accepted)))
    world.rest()
    ledger = [entry["to"].lstrip("+") for entry in world.ledger(provider)]
    doubtful = 0
    for id_, (number, at) in accepted.items():
        status, taken = world.status(id_), ledger.count(number[1:])
        assert taken <= 1, (status, calls.points[at - 1])
        if status == "unconfirmed":
            doubtful += 1
            # The bulk platform's receipts name the number: a doubt is left only where nothing was taken.
            assert provider != "bulksms" or taken == 0
            continue
        assert taken == 1, (status, calls.points[at - 1])
        assert status in {"submitted", "sent", "delivered"}
    assert 0 < doubtful < len(accepted) / 2, "some points leave a doubt, most do not"


@pytest.mark.parametrize("early", [False, True], ids=["of a known message", "before anybody knows whose it is"])
def test_a_callback_stopped_anywhere_loses_no_receipt(world: World, early: bool) -> None:
    """The vendor gets no 200 and calls again."""
    count = points(world, lambda: world.receipt("hubb", "nobody's"))
    world.script("hubb", fault="none", times=count)
    ids = [message.id for message in world.send([world.number() for _ in range(count)], "hubb").messages]
    world.pump(lambda: {world.status(id_) for id_ in ids} == {"submitted"})
    for at, id_ in enumerate(ids, start=1):
        vendor_id = f"early-{at}" if early else world.life(id_).attempts[0].vendor_id
        with world.crashing(at):
            world.receipt("hubb", vendor_id)
        world.receipt("hubb", vendor_id)
        if early:
            assert receipts.bind("hubb", f"early-{at}", receipts.Owner(id_), time.time())
    world.rest()
    assert {world.status(id_) for id_ in ids} == {"delivered"}
