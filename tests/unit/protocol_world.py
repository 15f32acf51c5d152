"""The world the protocol's model lives in: a table, queues, providers, and a course of time that a seed draws.

Actors are generators that `yield` every call they make. Between any two calls the world may let another actor go on,
crash this one, freeze it past its lease, repeat its call as an AWS client does when an answer is lost, or let a call
that its caller has given up land later. Time is a number: no clock, no AWS.
"""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from switchboard.model.status import Status

LIFE = 40.0  # no invocation, and no request of one, lives longer: the platform's time limit
VISIBILITY = 15.0
CALM = 0.02  # a step's time at most, where no lease runs out by itself
PASSES = 3  # at most; a run draws its own

RECEIPT_WORDS = (
    (Status.DELIVERED,),
    (Status.SENT, Status.DELIVERED),
    (Status.UNDELIVERED,),
    (Status.UNDELIVERED, Status.DELIVERED),
    (None, Status.DELIVERED),
    (None,),
    (),
)
MOODS = {  # a provider's answers by weight
    "well": {"yes": 12, "no": 1, "retryable": 1},
    "lossy": {"yes": 6, "lost": 2, "lost before": 1, "lost, taken late": 1, "yes without id": 1},
    "busy": {"yes": 3, "retryable": 5, "lost": 1},
    "poor": {"yes": 3, "no credit": 4, "no": 1, "lost": 1},
}
FAULTS = ("crash", "crash after", "freeze", "freeze", "repeat", "stray", "stray", "crash, stray")
PROVIDERS = ("a", "b")

_SLOW = {"tempo": 0.5, "repeats": 0.3, "fault_rate": 0.02, "mood": dict.fromkeys(PROVIDERS, MOODS["busy"])}
_CROWD = {"addresses": "x", "fault_rate": 0.05, "backlog": 0.4, "mood": dict.fromkeys(PROVIDERS, MOODS["lossy"])}
_NAMED = {"names_address": dict.fromkeys(PROVIDERS, True)}
WEATHERS: Mapping[str, Mapping[str, Any]] = {  # what a run does not draw for itself
    "mixed": {},
    "slow": _SLOW | {"lease": 1.0, "burst": 0.5},  # leases run out under workers that live
    "fitful": _SLOW | {"lease": 2.0, "burst": 0.85},  # and they do so while others do much
    "crowded": _CROWD | _NAMED,  # all to one number, and answers are lost
    "slow and crowded": _SLOW | _CROWD | _NAMED | {"lease": 1.0, "burst": 0.5, "fault_rate": 0.02},
}

Item = dict[str, Any]
Call = tuple[Any, ...]
Steps = Generator[Call, Any, Any]


class Receipt(NamedTuple):
    """A receipt on its way to us; `address` is absent where the vendor names none."""

    provider: str
    vendor_id: str
    status: Status | None
    address: str | None


class Outcome(NamedTuple):
    """How a call to a provider ended, as the worker sees it; `account`: a no that concerns only our account there."""

    verdict: str
    vendor_id: str | None = None
    account: bool = False


class Table:
    """DynamoDB: single items are atomic, reads consistent. `changed` hears of every partition that a write changed."""

    def __init__(self, changed: Callable[[Any], None]) -> None:
        self.rows: dict[Any, dict[Any, Item]] = defaultdict(dict)
        self.changed = changed

    def get(self, pk: Any, sk: Any) -> Item | None:
        return self.rows[pk].get(sk)

    def query(self, pk: Any) -> dict[Any, Item]:
        return dict(self.rows[pk])

    def put(self, pk: Any, sk: Any, item: Item) -> None:
        self.rows[pk][sk] = item
        self.changed(pk)

    def delete(self, pk: Any, sk: Any) -> None:
        self.rows[pk].pop(sk, None)

    def add(self, pk: Any, sk: Any, receipts: frozenset[Receipt]) -> None:
        old = self.rows[pk].get(sk, {"receipts": frozenset()})
        self.put(pk, sk, {"receipts": old["receipts"] | receipts})

    def put_new(self, pk: Any, sk: Any, item: Item) -> tuple[bool, Item]:
        """Whether it was put, and the item as it stands."""
        if sk in self.rows[pk]:
            return False, self.rows[pk][sk]
        self.put(pk, sk, item)
        return True, item

    def update(
        self, pk: Any, sk: Any, condition: Callable[[Item], bool], change: Callable[[Item], Item]
    ) -> tuple[bool, Item]:
        """Whether the condition held, and the item after it (ALL_NEW), or as it stands (ALL_OLD)."""
        old = self.rows[pk][sk]
        if not condition(old):
            return False, old
        self.put(pk, sk, {**old, **change(old)})
        return True, self.rows[pk][sk]


@dataclass(eq=False)
class Envelope:
    """A message in a queue, visible from a time on."""

    queue: str
    body: Any
    visible_at: float


@dataclass(eq=False)
class Actor:
    """A running invocation: its generator, and the call it is about to make."""

    name: str
    steps: Steps
    born: float
    call: Call
    crashed: Callable[[], None] | None = None


class World:
    """One run's table, queues, providers and time; who works in it says so in the methods that raise here."""

    def __init__(self, seed: int, weather: str | None = None, trace: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)
        self.trace = trace
        self.now = 0.0
        self.serial = 0
        self.table = Table(self.changed)
        self.envelopes: list[Envelope] = []
        self.actors: list[Actor] = []
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.turn: Actor | None = None
        self.violations: list[str] = []
        self.seen: Counter[str] = Counter()
        self.ledger: list[tuple[Any, str, str, str]] = []  # what was truly taken: message, text, provider, vendor id
        self.acknowledged: set[Receipt] = set()
        self.chaos = True
        self._draw(weather)

    def _draw(self, weather: str | None) -> None:
        """This run's temper."""
        choice = self.random.choice
        self.fault_rate: float = choice((0.0, 0.01, 0.03, 0.06, 0.1))
        self.tempo: float = choice((CALM, 0.1, 0.5))
        self.lease: float = 8.0 if self.tempo == CALM else choice((1.0, 3.0, 8.0))
        self.passes: int = choice(range(1, PASSES + 1))
        self.burst: float = choice((0.0, 0.5, 0.85))  # how likely the same actor goes on
        self.backlog: float = choice((0.0, 0.0, 0.1, 0.4))  # how likely a queue is late
        self.repeats: float = choice((0.0, 0.05, 0.3))  # how likely a queue delivers twice
        self.mood = {provider: MOODS[choice(tuple(MOODS))] for provider in PROVIDERS}
        self.names_address = {provider: self.random.random() < 0.8 for provider in PROVIDERS}
        self.addresses: str = choice(("x", "xy"))
        self.withhold_watch: bool = self.random.random() < 0.4
        self.steps: int = choice((100, 250, 500))
        drawn = self.random.choice(("mixed", *WEATHERS))
        vars(self).update(WEATHERS[weather or drawn])

    # --- who works here ---

    def work(self, envelope: Envelope) -> Steps:
        raise NotImplementedError

    def callback(self, receipt: Receipt) -> Steps:
        raise NotImplementedError

    def submitting(self, message: Any, pass_: int) -> None:
        raise NotImplementedError

    def changed(self, pk: Hashable) -> None:
        raise NotImplementedError

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def says(self, violation: str) -> None:
        if violation not in self.violations:
            self.violations.append(violation)
        self.tell(f"!! {violation}")

    def tell(self, line: str) -> None:
        if self.trace:
            self.trace(f"{self.now:7.2f} {line}")

    # --- queues ---

    def send(self, queue: str, body: Any, delay: float = 0.0) -> None:
        self.envelopes.append(Envelope(queue, body, self._queued(delay)))

    def hide(self, envelope: Envelope, until: float) -> None:
        envelope.visible_at = self._queued(max(0.0, until - self.now))

    def acknowledge(self, envelope: Envelope) -> None:
        if envelope in self.envelopes:
            self.envelopes.remove(envelope)

    def _queued(self, delay: float) -> float:
        late = self.chaos and self.random.random() < self.backlog
        return self.now + delay + (self.random.uniform(0, 300) if late else 0.0)

    def _deliver(self, envelope: Envelope) -> None:
        dead = self.chaos and self.fault_rate and not self.withhold_watch and envelope.queue != "watch"
        if dead and self.random.random() < 0.02:
            self.seen["dead letter"] += 1
            self.acknowledge(envelope)
            return
        if not (self.chaos and self.random.random() < self.repeats):
            envelope.visible_at = self._queued(VISIBILITY)
        self.spawn(f"{envelope.queue} {envelope.body}", self.work(envelope))

    def _withheld(self, envelope: Envelope) -> bool:
        return self.withhold_watch and envelope.queue == "watch" and envelope.body[0] == "batch"

    # --- providers ---

    def submit(self, provider: str, message: Any, address: str, text: str, pass_: int) -> Outcome:
        """One message reaches a provider: what it does with it, and what the worker gets to see of that."""
        self.submitting(message, pass_)
        kind = self.random.choices(tuple(self.mood[provider]), tuple(self.mood[provider].values()))[0]
        self.seen[kind] += 1
        self.tell(f"   {provider} gets {message} in pass {pass_}: {kind}")
        if kind == "yes":
            return Outcome("accepted", self._take(provider, message, address, text))
        if kind == "yes without id":
            self._take(provider, message, address, text)
            return Outcome("accepted")
        if kind == "lost":
            self._take(provider, message, address, text)
        if kind == "lost, taken late":
            self.after(self.random.uniform(0, LIFE), lambda: self._take(provider, message, address, text))
        if kind.startswith("lost"):
            return Outcome("unconfirmed")
        if kind == "retryable":
            return Outcome("retryable")
        return Outcome("rejected", account=kind == "no credit")

    def _take(self, provider: str, message: Any, address: str, text: str) -> str:
        vendor_id = self.fresh("v")
        if any(taken == message for taken, *_ in self.ledger):
            self.says(f"twice: {message} was taken again")
        self.ledger.append((message, text, provider, vendor_id))
        for status in self.random.choice(RECEIPT_WORDS):
            for _ in range(self.random.choice((1, 1, 1, 2))):
                named = address if self.names_address[provider] else None
                receipt = Receipt(provider, vendor_id, status, named)
                wait = self.random.choice((0.0, 0.0, 1.0, 5.0, 30.0)) * self.random.random()
                self.after(wait, partial(self._call_back, receipt))
        return vendor_id

    def _call_back(self, receipt: Receipt) -> None:
        """A vendor calls until it gets its 200."""

        def crashed() -> None:
            if receipt not in self.acknowledged:
                self.after(5.0 * self.random.random(), lambda: self._call_back(receipt))

        self.spawn("callback", self.callback(receipt), crashed)

    # --- the course of time ---

    def after(self, wait: float, event: Callable[[], Any]) -> None:
        self.serial += 1
        heapq.heappush(self.agenda, (self.now + wait, self.serial, event))

    def spawn(self, name: str, steps: Steps, crashed: Callable[[], None] | None = None) -> None:
        if (call := next(steps, None)) is not None:
            self.actors.append(Actor(f"{name} /{self.fresh('')}", steps, self.now, call, crashed))

    def rest(self, most: int) -> bool:
        """Let things happen until nothing is left to happen, or `most` times. Whether nothing was left."""
        for _ in range(most):
            while self.agenda and self.agenda[0][0] <= self.now:
                heapq.heappop(self.agenda)[2]()
            if chosen := self._next():
                self._go_on(chosen) if isinstance(chosen, Actor) else self._deliver(chosen)
                self.now += (self.tempo if self.chaos else CALM) * self.random.random()
                continue
            times = [envelope.visible_at for envelope in self.envelopes if not self._withheld(envelope)]
            times += [self.agenda[0][0]] if self.agenda else []
            if not times:
                return True
            self.now = min(times)
        return False

    def _next(self) -> Actor | Envelope | None:
        """Whose turn it is: anybody's, or for a while the same one's, as if the others were far away."""
        if self.turn in self.actors and self.random.random() < self.burst:
            return self.turn
        ready: list[Actor | Envelope] = [*self.actors]
        if len(self.actors) < 6:
            ready += [e for e in self.envelopes if e.visible_at <= self.now and not self._withheld(e)]
        if not ready:
            return None
        chosen = ready[int(self.random.random() * len(ready))]
        self.turn = chosen if isinstance(chosen, Actor) else None
        return chosen

    def _go_on(self, actor: Actor) -> None:
        """One call of one actor, and what may go wrong with it."""
        method, *arguments = actor.call
        fault = self.random.choice(FAULTS) if self.chaos and self.random.random() < self.fault_rate else None
        if method == self.submit and fault in ("repeat", "stray", "crash, stray"):
            fault = None  # a provider's call is nobody's to repeat; what may befall it are the provider's moods
        if self.trace:
            shown = " ".join("..." if callable(argument) else str(argument) for argument in arguments)
            self.tell(f"{actor.name}: {method.__name__} {shown} {fault or ''}")
        self.seen[fault or "step"] += 1
        if fault == "freeze":
            self.actors.remove(actor)
            longest = self.random.choice((self.lease, 2 * self.lease, LIFE))
            self.after(longest * self.random.random(), lambda: self._wake(actor))
            return
        if fault in ("stray", "crash, stray"):  # given up by who sent it, and still on its way
            left = max(0.0, LIFE - (self.now - actor.born))
            self.after(self.random.uniform(0, left), lambda: method(*arguments))
        if fault in ("crash", "crash, stray"):
            self._end(actor, crashed=True)
        elif fault != "stray":  # after a stray the actor makes the same call again, and so it does after a repeat
            answer = method(*arguments)
            if fault == "crash after":
                self._end(actor, crashed=True)
            elif fault != "repeat":
                self._answer(actor, answer)

    def _answer(self, actor: Actor, answer: Any) -> None:
        try:
            actor.call = actor.steps.send(answer)
        except StopIteration:
            self._end(actor, crashed=False)

    def _wake(self, actor: Actor) -> None:
        self.actors.append(actor)
        if self.now > actor.born + LIFE:
            self._end(actor, crashed=True)

    def _end(self, actor: Actor, crashed: bool) -> None:
        self.actors.remove(actor)
        if crashed and actor.crashed:
            actor.crashed()
