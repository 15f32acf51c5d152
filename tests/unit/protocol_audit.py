"""The audit of a run that has come to rest: the table and the answers against what was truly taken and truly sent."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from switchboard.model.status import FINAL, Status
from tests.unit.protocol_model import Chunk, Message, Protocol, View
from tests.unit.protocol_world import CALM, Receipt

SETTLED = FINAL | {Status.UNCONFIRMED, Status.SUBMITTED, Status.SENT}


def audit(world: Protocol) -> None:
    """Add to `violations` what the promises do not allow."""
    sealed = {
        Message(Chunk(pk[1], rows["B"]["nonce"], index), n): rows["B"]["text"]
        for pk, rows in list(world.table.rows.items())
        if pk[0] == "B" and "B" in rows
        for index, size in enumerate(rows["B"]["sizes"])
        for n in range(size)
    }
    taken = {message: text for message, text, _, _ in world.ledger}
    for message, text in sealed.items():
        rows = world.table.rows[message.chunk]
        if "C" not in rows or ("M", message.n) not in rows:
            world.says(f"lost: {message} is sealed and not there")
            continue
        _message(world, message, View(rows["C"], rows))
        _truth(world, message, View(rows["C"], rows).status(message.n, receipts=False), taken.get(message))
        if taken.get(message, text) != text:
            world.says(f"untrue: {message} was sealed as {text} and taken as {taken[message]}")
    _answers(world, sealed)
    _bindings(world)
    _receipts(world, sealed)


def _message(world: Protocol, message: Message, view: View) -> None:
    status = view.status(message.n)
    world.seen[f"ended {status}"] += 1
    if status not in SETTLED or not view.header["done"]:
        world.says(f"lost: {message} stays {status}")
    if message in world.canceled and status is not Status.CANCELED:
        world.says(f"canceled: {message} is {status}")
    if world.fault_rate == 0 and world.tempo == CALM and message.n in view.header["doubt"]:
        world.says(f"doubt: {message} is in doubt, and its worker was well")


def _truth(world: Protocol, message: Message, ours: Status, taken: str | None) -> None:
    """What we say without any receipt: nothing that is not so, `unconfirmed` where we cannot know."""
    if taken is None and ours is Status.SUBMITTED:
        world.says(f"untrue: {message} was not taken and is {ours}")
    if taken is not None and ours not in (Status.SUBMITTED, Status.UNCONFIRMED):
        world.says(f"untrue: {message} was taken and is {ours}")
    if taken is not None and message in world.canceled:
        world.says(f"canceled: {message} was taken")


def _answers(world: Protocol, sealed: Mapping[Message, str]) -> None:
    by_batch: dict[str, set[tuple[Message, ...]]] = defaultdict(set)
    for batch, text, ids in world.answers:
        by_batch[batch].add(ids)
        if any(sealed.get(message) != text for message in ids):
            world.says(f"answer: {batch} was answered to a request that was not sealed")
    for batch, answers in by_batch.items():
        if len(answers) > 1:
            world.says(f"answer: {batch} was answered with other ids")


def _bindings(world: Protocol) -> None:
    for owner, _, provider, vendor_id in world.ledger:
        bound = world.table.get(("R", provider, vendor_id), "MAP")
        if bound and bound["message"] != owner:
            world.says(f"bound: {vendor_id} is {owner}'s and was bound to {bound['message']}")


def _receipts(world: Protocol, sealed: Iterable[Message]) -> None:
    truth = {(provider, vendor_id): message for message, _, provider, vendor_id in world.ledger}
    nameless = _ever_without_id(world, sealed)
    for receipt in world.acknowledged:
        owner = truth[receipt.provider, receipt.vendor_id]
        rows = world.table.rows[owner.chunk]
        view = View(rows["C"], rows)
        bound = world.table.get(("R", receipt.provider, receipt.vendor_id), "MAP")
        if bound:
            if receipt not in view.receipts(owner.n):
                world.says(f"receipt: {receipt} of {owner} was lost")
        elif any(result["vendor_id"] for result in view.results(owner.n)):
            world.says(f"receipt: {owner} has an id and no way back to it")
        elif _certain(receipt, owner, nameless):
            world.says(f"receipt: {receipt} was given up, and only {owner} can have been meant")


def _certain(receipt: Receipt, owner: Message, nameless: Mapping[str, set[Message]]) -> bool:
    return receipt.address is not None and nameless[receipt.address] == {owner}


def _ever_without_id(world: Protocol, sealed: Iterable[Message]) -> dict[str, set[Message]]:
    """By address, the messages that a receipt without an owner may have been about at any time."""
    found: dict[str, set[Message]] = defaultdict(set)
    for message in sealed:
        rows = world.table.rows[message.chunk]
        if "C" not in rows or ("M", message.n) not in rows:
            continue
        view = View(rows["C"], rows)
        taken = ("accepted", "unconfirmed")
        unnamed = any(result["verdict"] in taken and not result["vendor_id"] for result in view.results(message.n))
        if unnamed or message.n in view.header["doubt"]:
            found[rows["M", message.n]["address"]].add(message)
    return found


@dataclass
class Found:
    """What a series of runs came to: the first violation with its seed, and what happened how often."""

    runs: int = 0
    seed: int | None = None
    violations: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


def search(
    runs: int, without: Collection[str] = (), *, kind: str = "", weather: str | None = None, start: int = 0
) -> Found:
    """Run seed after seed until one has a violation that begins with `kind`, or `runs` are over."""
    found = Found()
    for seed in range(start, start + runs):
        world = Protocol(seed, without, weather)
        world.play()
        audit(world)
        found.runs += 1
        found.seen += world.seen
        if violations := [violation for violation in world.violations if violation.startswith(kind)]:
            found.seed, found.violations = seed, violations
            break
    return found
