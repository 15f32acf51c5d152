"""The accept, dispatch, receipt and watch protocol as a small model that a seed drives, and the audit of what came of it.

Actors are generators that `yield` every call they make: to the table, to the queues, to a provider. Between any two calls
the world may let another actor go on, crash this one, freeze it past its lease, repeat its call as an AWS client does when
an answer is lost, or let a call that its caller has given up land later. Time is a number. No clock, no AWS.

A rule of the protocol is a name in `RULES`; a world can be run `without` some of them, to see that the audit notices.
"""

import heapq
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from switchboard.model.status import FINAL, Status, join

RULES = {
    # accepting
    "keys carry a nonce": "two accepting attempts share no key",
    "the header is put only if absent": "a header's put that lands late must not set a chunk back to its beginning",
    "messages come before the seal": "what is sealed is whole",
    "the watch comes before the seal": "what is sealed is watched",
    "the seal is conditional": "one attempt seals, the others read",
    "the fingerprint is compared": "a key that stands for another request is a conflict",
    "the watch outlasts accepting": "a watch finds no seal only when none can come any more",
    # announcing
    "the seal is checked": "workers and watch touch only what is sealed, by the nonce that sealed it",
    "the watch announces": "a lost name is announced again",
    "the watch re-arms": "again and again, until all is done",
    "the next pass is announced before the acknowledgement": "a worker that ends leaves a name behind",
    "a live lease is not acknowledged": "if the owner dies, somebody still has the name",
    "a lost claim is not acknowledged": "the same",
    # claiming
    "an owner is new for every delivery": "what an earlier delivery claimed is not its own",
    "a claim pins the cursor": "a window is claimed once",
    "a claim pins the pass": "a window is claimed in the pass whose candidates were read",
    "a claim pins the owner": "EXPLORE",
    "a worker reads the header before the results": "what the header says has been, is seen",
    "a take-over waits for the lease": "an owner at work is left alone",
    "a take-over is conditional": "nothing was claimed since it was read",
    "a take-over puts into doubt": "what was claimed and has no result is settled as unconfirmed",
    "a take-over counts results of this pass": "a result of an earlier pass says nothing of this one",
    "a take-over leaves canceled ones alone": "they were not submitted",
    "a doubt is not submitted by who takes over": "it may have been",
    "a doubt joins no later pass": "even when its late result says that nothing was taken: it was settled",
    "only the last result's `again` joins a pass": "nobody else",
    "a pass ends by everybody's results": "those of the owners before too",
    "the end of a pass pins the owner": "who was overtaken ends nothing",
    "unconfirmed is never sent again": "it may have been taken",
    "no status is overruled": "a result only ever adds to what is known",
    # canceling
    "skip is honoured": "who is canceled is not submitted",
    "skip is read from the claim's answer": "a cancellation between reading and claiming counts",
    "a cancellation pins the cursor": "who is claimed cannot be canceled",
    "a cancellation pins the pass": "the numbers above the cursor are untouched in the pass that was read only",
    "only who is due is canceled": "who was taken in an earlier pass is not",
    "no doubt is canceled": "it may have been taken",
    # receipts
    "a receipt that came first is parked": "nobody knows yet whose it is",
    "a parked receipt is looked at again": "a parked receipt finds its message",
    "the recheck is queued before the 200": "after it the vendor sends no more",
    "what was parked stays parked": "another may be parked while the first is handed over",
    "MAP comes before the result": "no accepted message without the way back to it",
    "the recheck outlasts a worker": "who may still write MAP has written it, before a receipt is given up",
    "the recheck waits for what is in flight": "the receipt may be that one's",
    "the recheck reads the header before the results": "what left the flight before the header was read, is seen",
    "the recheck binds only a certain one": "two in doubt are none",
    "the recheck binds conditionally": "the worker may have written MAP meanwhile",
    "the recheck sees doubts of all providers of a route": "a doubt of an earlier pass is an earlier provider's",
    "who was taken without an id may be whose it is": "a yes without an id has no MAP",
}

PASSES = 3  # at most; a run draws its own
WINDOW = 2
BACKOFF = 3.0
VISIBILITY = 15.0
LIFE = 40.0  # no invocation, and no request of one, lives longer: a platform's time limit
WATCH = 60.0  # > LIFE
CALM = 0.02  # a step's time at most, where no lease runs out by itself
RECHECK = 60.0  # > LIFE
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
STANDING = {
    "accepted": Status.SUBMITTED,
    "rejected": Status.REJECTED,
    "retryable": Status.FAILED,
    "unconfirmed": Status.UNCONFIRMED,
}
SETTLED = FINAL | {Status.UNCONFIRMED, Status.SUBMITTED, Status.SENT}

Item = dict[str, Any]
Key = tuple[Any, ...]
Call = tuple[Any, ...]
Steps = Generator[Call, Any, Any]


class Chunk(NamedTuple):
    """A chunk's partition: batch, nonce, index."""

    batch: str
    nonce: str
    index: int


class Message(NamedTuple):
    """A message's id: its chunk and its number."""

    chunk: Chunk
    n: int


class Receipt(NamedTuple):
    """A receipt on its way to us; `serial` tells two equal ones apart, `address` is absent where the vendor names none."""

    provider: str
    vendor_id: str
    serial: int
    status: Status | None
    address: str | None


class Outcome(NamedTuple):
    """How a call to a provider ended, as the worker sees it."""

    verdict: str
    vendor_id: str | None = None
    account: bool = False


@dataclass
class Request:
    """What a client asks: per chunk the addresses and the route."""

    key: str | None
    text: str
    chunks: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


class Table:
    """DynamoDB: single items are atomic, reads consistent; a query sees each item at some time during it."""

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
        self.rows[pk][sk] = {"receipts": old["receipts"] | receipts}
        self.changed(pk)

    def put_new(self, pk: Any, sk: Any, item: Item) -> tuple[bool, Item]:
        """Whether it was put, and the item as it stands."""
        standing = self.rows[pk].setdefault(sk, item)
        return standing is item, standing

    def update(
        self, pk: Any, sk: Any, condition: Callable[[Item], bool], change: Callable[[Item], Item]
    ) -> tuple[bool, Item]:
        """Whether the condition held, and the item after it (ALL_NEW), or as it stands (ALL_OLD)."""
        old = self.rows[pk][sk]
        if not condition(old):
            return False, old
        self.rows[pk][sk] = new = {**old, **change(old)}
        self.changed(pk)
        return True, new


@dataclass
class View:
    """A chunk as read: the header, and the rows by sort key."""

    header: Item
    rows: Mapping[Any, Item]

    def result(self, n: int, pass_: int) -> Item | None:
        return self.rows.get(("X", n, pass_))

    def receipts(self, n: int) -> frozenset[Receipt]:
        return self.rows.get(("P", n), {"receipts": frozenset()})["receipts"]

    def results(self, n: int) -> list[Item]:
        return [result for pass_ in range(PASSES) if (result := self.result(n, pass_))]

    def status(self, n: int, overruled: bool = False, receipts: bool = True) -> Status:
        events = [Status.QUEUED]
        events += [Status.CANCELED] if n in self.header["skip"] else []
        events += [Status.UNCONFIRMED] if n in self.header["doubt"] else []
        for result in self.results(n):
            if not (overruled and n in self.header["doubt"] and result["verdict"] == "retryable"):
                events.append(Status.QUEUED if result["again"] else STANDING[result["verdict"]])
        if receipts:
            events += [receipt.status for receipt in self.receipts(n) if receipt.status]
        return join(events)


@dataclass
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
    """Everything there is in one run. `play` runs it; `violations` is the audit's list."""

    def __init__(self, seed: int, without: Collection[str] = (), trace: Callable[[str], None] | None = None) -> None:
        if unknown := set(without) - set(RULES):
            raise ValueError(f"no such rule: {unknown}")
        self.random = random.Random(seed)
        self.without = frozenset(without)
        self.trace = trace
        self.now = 0.0
        self.serial = 0
        self.table = Table(self._changed)
        self.envelopes: list[Envelope] = []
        self.actors: list[Actor] = []
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.violations: list[str] = []
        self.seen: Counter[str] = Counter()
        # what the audit knows
        self.ledger: list[tuple[Message, str, str, str]] = []  # message, text, provider, vendor id
        self.answers: list[tuple[str, str, tuple[Message, ...]]] = []
        self.announced: set[str] = set()
        self.canceled: set[Message] = set()
        self.acknowledged: set[Receipt] = set()
        self.statuses: dict[Message, Status] = {}
        # this run's temper
        self.chaos = True
        self.fault_rate = self.random.choice((0.0, 0.01, 0.03, 0.06, 0.1))
        self.tempo = self.random.choice((CALM, 0.1, 0.5))
        self.mood = {provider: MOODS[self.random.choice(tuple(MOODS))] for provider in "ab"}
        self.names_address = {provider: self.random.random() < 0.8 for provider in "ab"}
        self.withhold_watch = self.random.random() < 0.4
        self.backlog = self.random.choice((0.0, 0.0, 0.1, 0.4))
        self.passes = self.random.randint(1, PASSES)
        self.lease = 8.0 if self.tempo == CALM else self.random.choice((1.0, 3.0, 8.0))
        self.burst = self.random.choice((0.0, 0.5, 0.85))
        self.turn: Actor | None = None
        self.repeats = self.random.choice((0.0, 0.05, 0.3))
        self.addresses = self.random.choice(("x", "xy"))

    def keeps(self, rule: str) -> bool:
        return rule not in self.without

    def fresh(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}{self.serial}"

    def says(self, violation: str) -> None:
        if violation not in self.violations:
            self.violations.append(violation)
        if self.trace:
            self.trace(f"{self.now:7.1f} !! {violation}")

    # --- queues ---

    def send(self, queue: str, body: Any, delay: float = 0.0) -> None:
        self.envelopes.append(Envelope(queue, body, self._queued(delay)))

    def hide(self, envelope: Envelope, until: float) -> None:
        envelope.visible_at = self._queued(max(0.0, until - self.now))

    def acknowledge(self, envelope: Envelope) -> None:
        if envelope in self.envelopes:
            self.envelopes = [other for other in self.envelopes if other is not envelope]

    def _queued(self, delay: float) -> float:
        waits = self.chaos and self.random.random() < self.backlog
        return self.now + delay + (self.random.uniform(0, 300) if waits else 0.0)

    # --- a provider ---

    def submit(self, provider: str, message: Message, address: str, text: str, pass_: int) -> Outcome:
        """One message reaches a provider: what it does with it, and what the worker gets to see of that."""
        self._check_submission(message, pass_)
        mood = self.mood[provider]
        kind = self.random.choices(tuple(mood), tuple(mood.values()))[0]
        self.seen[kind] += 1
        if self.trace:
            self.trace(f"{self.now:7.1f}    provider {provider}: {message} in pass {pass_}: {kind}")
        if kind == "yes":
            return Outcome("accepted", self._take(provider, message, address, text))
        if kind == "yes without id":
            self._take(provider, message, address, text)
            return Outcome("accepted")
        if kind == "lost":
            self._take(provider, message, address, text)
        if kind == "lost, taken late":
            self._after(self.random.uniform(0, LIFE), lambda: self._take(provider, message, address, text))
        if kind.startswith("lost"):
            return Outcome("unconfirmed")
        if kind == "retryable":
            return Outcome("retryable")
        return Outcome("rejected", account=kind == "no credit")

    def _take(self, provider: str, message: Message, address: str, text: str) -> str:
        vendor_id = self.fresh("v")
        if any(taken == message for taken, *_ in self.ledger):
            self.says(f"twice: {message} was submitted again")
        self.ledger.append((message, text, provider, vendor_id))
        for status in self.random.choice(RECEIPT_WORDS):
            for _ in range(self.random.choice((1, 1, 1, 2))):
                named = address if self.names_address[provider] else None
                receipt = Receipt(provider, vendor_id, len(self.ledger), status, named)
                wait = self.random.choice((0.0, 0.0, 1.0, 5.0, 30.0)) * self.random.random()
                self._after(wait, lambda receipt=receipt: self._call_back(receipt))
        return vendor_id

    def _call_back(self, receipt: Receipt) -> None:
        """A vendor calls until it gets its 200."""
        again = 5.0 * self.random.random()

        def crashed() -> None:
            if receipt not in self.acknowledged:
                self._after(again, lambda: self._call_back(receipt))

        self.spawn("callback", self.callback(receipt), crashed)

    def _check_submission(self, message: Message, pass_: int) -> None:
        chunk, n = message
        seal = self.table.get(("B", chunk.batch), "B")
        header = self.table.rows[chunk]["C"]
        if seal is None or seal["nonce"] != chunk.nonce:
            self.says(f"unsealed: {message} was submitted")
        if header["doubted"].get(n, pass_) < pass_:
            self.says(f"doubt: {message} was unconfirmed, and submitted in a later pass")
        if message in self.canceled:
            self.says(f"canceled: {message} was submitted")

    # --- accepting ---

    def accept(self, request: Request) -> Steps:
        batch = request.key or self.fresh("batch")
        if request.key and (standing := (yield self.table.get, ("B", batch), "B")):
            self.answer(standing, request)
            return
        attempt = self.fresh("nonce")
        nonce = attempt if self.keeps("keys carry a nonce") else ""
        chunks = [Chunk(batch, nonce, index) for index in range(len(request.chunks))]
        sizes = tuple(len(addresses) for addresses, _ in request.chunks)
        seal = {"batch": batch, "nonce": nonce, "attempt": attempt, "text": request.text, "sizes": sizes}
        watch = (self.send, "watch", ("batch", batch, nonce), WATCH if self.keeps("the watch outlasts accepting") else 1.0)
        write = self.write_messages(chunks, request)
        if self.keeps("messages come before the seal"):
            yield from write
        if self.keeps("the watch comes before the seal"):
            yield watch
        if self.keeps("the seal is conditional"):
            _, standing = yield self.table.put_new, ("B", batch), "B", seal
        else:
            yield self.table.put, ("B", batch), "B", seal
            standing = seal
        if not self.keeps("messages come before the seal"):
            yield from write
        if not self.keeps("the watch comes before the seal"):
            yield watch
        if standing["attempt"] == attempt:
            for chunk, (_, route) in zip(chunks, request.chunks, strict=True):
                yield self.send, route[0], chunk
            self.announced.add(batch)
        self.answer(standing, request)

    def write_messages(self, chunks: list[Chunk], request: Request) -> Steps:
        """Messages by BatchWriteItem: they land one by one, in any order. Headers, which others change later, on their own."""
        rows: list[Call] = []
        for chunk, (addresses, route) in zip(chunks, request.chunks, strict=True):
            header = {
                **{"size": len(addresses), "route": route, "provider": 0, "pass": 0, "cursor": 0, "not_before": 0.0},
                **{"owner": None, "lease": 0.0, "skip": frozenset(), "doubt": frozenset(), "doubted": {}, "done": False},
            }
            for n, address in enumerate(addresses):
                rows.append((self.table.put, chunk, ("M", n), {"address": address, "text": request.text}))
            put = self.table.put_new if self.keeps("the header is put only if absent") else self.table.put
            rows.append((put, chunk, "C", header))
        yield from self.batch_write(rows)

    def batch_write(self, calls: Iterable[Call]) -> Steps:
        calls = list(calls)
        self.random.shuffle(calls)
        for call in calls:
            yield call

    def answer(self, standing: Item, request: Request) -> None:
        if self.keeps("the fingerprint is compared") and standing["text"] != request.text:
            self.seen["conflict"] += 1
            return
        ids = tuple(
            Message(Chunk(standing["batch"], standing["nonce"], index), n)
            for index, size in enumerate(standing["sizes"])
            for n in range(size)
        )
        self.answers.append((standing["batch"], request.text, ids))
        for message in ids:
            if self.random.random() < 0.3:
                wait = self.random.choice((0.0, 1.0, 10.0, 60.0)) * self.random.random()
                self._after(wait, lambda message=message: self.spawn("cancel", self.cancel(message)))

    # --- submitting ---

    def read(self, chunk: Chunk, header_first: bool = True) -> Steps:
        """A chunk in one query: consistent, but not of one instant. The header's sort key comes first."""
        if header_first:
            header = yield self.table.get, chunk, "C"
            rows = yield self.table.query, chunk
        else:
            rows = yield self.table.query, chunk
            header = yield self.table.get, chunk, "C"
        return View(header, rows) if header else None

    def due(self, view: View, n: int) -> bool:
        """Whether the current pass has this number."""
        header = view.header
        if n in header["skip"] and self.keeps("skip is honoured"):
            return False
        if n in header["doubt"] and self.keeps("a doubt joins no later pass"):
            return False
        if header["pass"] == 0 or not self.keeps("only the last result's `again` joins a pass"):
            return True
        before = view.result(n, header["pass"] - 1)
        return before is not None and before["again"]

    def in_flight(self, view: View, n: int) -> bool:
        """Whether it is claimed in this pass, and nobody has said how that ended."""
        header = view.header
        if n in header["skip"] and not self.keeps("a take-over leaves canceled ones alone"):
            return n < header["cursor"] and view.result(n, header["pass"]) is None and n not in header["doubt"]
        done = bool(view.result(n, header["pass"]))
        if not self.keeps("a take-over counts results of this pass"):
            done = bool(view.results(n))
        return not header["done"] and n < header["cursor"] and self.due(view, n) and not done

    def dispatch(self, envelope: Envelope) -> Steps:
        chunk: Chunk = envelope.body
        owner = self.fresh("owner") if self.keeps("an owner is new for every delivery") else "owner"
        seal = yield self.table.get, ("B", chunk.batch), "B"
        sealed = seal is not None and seal["nonce"] == chunk.nonce
        view: View | None = yield from self.read(chunk, self.keeps("a worker reads the header before the results"))
        if view is None or view.header["done"] or not (sealed or not self.keeps("the seal is checked")):
            yield self.acknowledge, envelope
            return
        header = view.header
        if (provider := header["route"][header["provider"]]) != envelope.queue:
            yield self.send, provider, chunk
            yield self.acknowledge, envelope
            return
        if header["not_before"] > self.now:
            yield self.hide, envelope, header["not_before"]
            return
        if header["owner"] not in (None, owner):
            if header["lease"] > self.now and self.keeps("a take-over waits for the lease"):
                if self.keeps("a live lease is not acknowledged"):
                    yield self.hide, envelope, header["lease"]
                else:
                    yield self.acknowledge, envelope
                return
            taken = yield from self.take_over(chunk, view, owner)
            if not taken:
                yield self.hide, envelope, self.now
                return
        yield from self.run(chunk, view, owner, envelope)

    def take_over(self, chunk: Chunk, view: View, owner: str) -> Steps:
        header, lease = view.header, self.now + self.lease
        pinned = ("owner", "lease", "pass", "cursor", "done")
        lost = frozenset(n for n in range(header["cursor"]) if self.in_flight(view, n))
        resend = not self.keeps("a doubt is not submitted by who takes over")
        doubt = frozenset() if resend or not self.keeps("a take-over puts into doubt") else lost
        free = not self.keeps("a take-over is conditional")
        won, standing = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: free or all(old[name] == header[name] for name in pinned),
            lambda old: {
                **{"owner": owner, "lease": lease, "doubt": old["doubt"] | doubt},
                "doubted": {**dict.fromkeys(doubt, header["pass"]), **old["doubted"]},
            },
        )
        if won or standing["owner"] == owner:
            self.seen["take-over"] += 1
            self.seen["doubt"] += len(doubt)
            view.header = standing
            for n in lost if not resend else ():  # for people: what was lost where. Nothing hangs on it
                result = {"verdict": "unconfirmed", "again": False, "vendor_id": None, "provider": header["provider"]}
                yield self.table.put_new, chunk, ("X", n, header["pass"]), result
            if resend:
                yield from self.submit_window(chunk, view, lost)
            return True
        return False

    def run(self, chunk: Chunk, view: View, owner: str, envelope: Envelope) -> Steps:
        """Window after window, then the end of the pass."""
        pass_ = view.header["pass"]
        everybody = range(view.header["size"]) if self.keeps("a pass ends by everybody's results") else ()
        again = {n for n in everybody if (result := view.result(n, pass_)) and result["again"]}
        while view.header["cursor"] < view.header["size"]:
            if self.chaos and self.random.random() < 0.05:
                yield from self.release(chunk, view.header, owner)
                yield self.hide, envelope, self.now
                return
            before = view.header
            window = range(before["cursor"], min(before["cursor"] + WINDOW, before["size"]))
            if not (yield from self.claim(chunk, view, owner, window.stop)):
                if not self.keeps("a lost claim is not acknowledged"):
                    yield self.acknowledge, envelope
                return
            read = View(before, view.rows)
            last = view if self.keeps("skip is read from the claim's answer") else read
            again |= yield from self.submit_window(chunk, view, [n for n in window if self.due(last, n)])
        yield from self.end_pass(chunk, view.header, owner, again, envelope)

    def claim(self, chunk: Chunk, view: View, owner: str, cursor: int) -> Steps:
        header, lease = view.header, self.now + self.lease
        owns = self.keeps("a claim pins the owner")
        pins = [name for name in ("cursor", "pass") if self.keeps(f"a claim pins the {name}")]
        won, standing = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: all(old[name] == header[name] for name in pins) and (not owns or old["owner"] in (None, owner)),
            lambda _: {"owner": owner, "lease": lease, "cursor": cursor},
        )
        # A claim that is repeated, because its answer was lost, finds itself there.
        mine = (standing["owner"], standing["pass"], standing["cursor"]) == (owner, header["pass"], cursor)
        view.header = standing
        if not won and not mine:
            self.seen["claim lost"] += 1
        return won or mine

    def release(self, chunk: Chunk, header: Item, owner: str) -> Steps:
        """Let go between two windows: everything claimed has its result."""
        yield (
            self.table.update,
            chunk,
            "C",
            lambda old: (old["owner"], old["pass"], old["cursor"]) == (owner, header["pass"], header["cursor"]),
            lambda _: {"owner": None},
        )

    def submit_window(self, chunk: Chunk, view: View, window: Iterable[int]) -> Steps:
        """Submit, write MAP, then the results, then hand over what was parked. The numbers that another pass may have."""
        pass_, index = view.header["pass"], view.header["provider"]
        provider = view.header["route"][index]
        reserve = index + 1 < len(view.header["route"])
        maps: list[Call] = []
        results: list[Call] = []
        again: set[int] = set()
        given: dict[str, int] = {}
        for n in window:
            if (row := view.rows.get(("M", n))) is None:
                continue
            outcome: Outcome = yield self.submit, provider, Message(chunk, n), row["address"], row["text"], pass_
            repeat = outcome.verdict == "retryable" or (outcome.account and reserve)
            repeat |= outcome.verdict == "unconfirmed" and not self.keeps("unconfirmed is never sent again")
            if repeat := repeat and pass_ + 1 < self.passes:
                again.add(n)
            if outcome.vendor_id:
                given[outcome.vendor_id] = n
                item = {"message": Message(chunk, n)}
                maps.append((self.table.put, ("R", provider, outcome.vendor_id), "MAP", item))
            result = {"verdict": outcome.verdict, "again": repeat, "vendor_id": outcome.vendor_id, "provider": index}
            results.append((self.table.put, chunk, ("X", n, pass_), result))
        for batch in (maps, results) if self.keeps("MAP comes before the result") else (results, maps):
            yield from self.batch_write(batch)
        for vendor_id, n in given.items():
            yield from self.hand_over(provider, vendor_id, Message(chunk, n))
        return again

    def end_pass(self, chunk: Chunk, header: Item, owner: str, again: set[int], envelope: Envelope) -> Steps:
        pass_ = header["pass"]
        more = bool(again - (header["doubt"] if self.keeps("a doubt joins no later pass") else frozenset()))
        index = min(header["provider"] + 1, len(header["route"]) - 1)
        until = self.now + BACKOFF
        following = {"pass": pass_ + 1, "cursor": 0, "provider": index, "not_before": until, "owner": None}
        free = not self.keeps("the end of a pass pins the owner")
        won, _ = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: free or (old["owner"] == owner and old["pass"] == pass_ and not old["done"]),
            lambda _: following if more else {"done": True, "owner": None},
        )
        if not won:  # overtaken, or done and its answer lost: whoever reads the name next will see
            yield self.hide, envelope, self.now
            return
        last = [(self.acknowledge, envelope)]
        announce = [(self.send, header["route"][index], chunk, BACKOFF)] if more else []
        early = self.keeps("the next pass is announced before the acknowledgement")
        for call in announce + last if early else last + announce:
            yield call

    # --- canceling ---

    def cancel(self, message: Message) -> Steps:
        chunk, n = message
        view: View | None = yield from self.read(chunk)
        if view is None:
            return
        header = view.header
        if n in header["doubt"] and self.keeps("no doubt is canceled"):
            return
        before = view.result(n, header["pass"] - 1)
        if self.keeps("only who is due is canceled") and header["pass"] and not (before and before["again"]):
            return
        cursor = self.keeps("a cancellation pins the cursor")
        pass_ = self.keeps("a cancellation pins the pass")
        won, standing = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: (not pass_ or old["pass"] == header["pass"])
            and (not cursor or old["cursor"] <= n)
            and not old["done"],
            lambda old: {"skip": old["skip"] | {n}},
        )
        if won or n in standing["skip"]:
            self.seen["canceled"] += 1
            self.canceled.add(message)

    # --- receipts ---

    def callback(self, receipt: Receipt) -> Steps:
        pk = ("R", receipt.provider, receipt.vendor_id)
        bound = yield self.table.get, pk, "MAP"
        if bound:
            yield self.table.add, bound["message"].chunk, ("P", bound["message"].n), frozenset((receipt,))
        elif self.keeps("a receipt that came first is parked"):
            self.seen["parked"] += 1
            yield self.table.add, pk, "PARK", frozenset((receipt,))
            recheck = (self.send, "watch", ("receipt", *receipt), RECHECK)
            if not self.keeps("the recheck outlasts a worker"):
                recheck = (self.send, "watch", ("receipt", *receipt), 0.0)
            if self.keeps("a parked receipt is looked at again"):
                if not self.keeps("the recheck is queued before the 200"):
                    self.acknowledged.add(receipt)
                yield recheck
        self.acknowledged.add(receipt)

    def hand_over(self, provider: str, vendor_id: str, message: Message) -> Steps:
        pk = ("R", provider, vendor_id)
        if parked := (yield self.table.get, pk, "PARK"):
            yield self.table.add, message.chunk, ("P", message.n), parked["receipts"]
            if not self.keeps("what was parked stays parked"):
                yield self.table.delete, pk, "PARK"

    def recheck(self, envelope: Envelope) -> Steps:
        receipt = Receipt(*envelope.body[1:])
        pk = ("R", receipt.provider, receipt.vendor_id)
        bound = yield self.table.get, pk, "MAP"
        message = bound and bound["message"]
        if message is None and receipt.address is not None:
            found = yield from self.unbound(receipt)
            if found is None:
                yield self.hide, envelope, self.now + RECHECK
                return
            if len(found) == 1 or (found and not self.keeps("the recheck binds only a certain one")):
                message = found[0]
                if self.keeps("the recheck binds conditionally"):
                    _, standing = yield self.table.put_new, pk, "MAP", {"message": message}
                    message = standing["message"]
                else:
                    yield self.table.put, pk, "MAP", {"message": message}
                self.seen["bound by number"] += 1
        if message:
            yield from self.hand_over(receipt.provider, receipt.vendor_id, message)
        yield self.acknowledge, envelope

    def unbound(self, receipt: Receipt) -> Steps:
        """The messages that a receipt without an owner may be about; None while one of them is still in flight."""
        found: list[Message] = []
        messages = yield self.by_address, receipt.address
        for message in messages:
            chunk, n = message
            seal = yield self.table.get, ("B", chunk.batch), "B"
            if seal is None or seal["nonce"] != chunk.nonce:
                continue
            view: View = yield from self.read(chunk, self.keeps("the recheck reads the header before the results"))
            route = view.header["route"]
            now_at = route[view.header["provider"]]
            if self.in_flight(view, n) and now_at == receipt.provider:
                self.seen["in flight"] += 1
                if self.keeps("the recheck waits for what is in flight"):
                    return None
            results = view.results(n)
            doubted = [route[result["provider"]] for result in results if result["verdict"] == "unconfirmed"]
            where = doubted or route
            if not self.keeps("the recheck sees doubts of all providers of a route"):
                where = [now_at]
            status = view.status(n, receipts=False)
            nameless = any(result["verdict"] == "accepted" and not result["vendor_id"] for result in results)
            if view.receipts(n):
                continue
            if (status is Status.UNCONFIRMED and receipt.provider in where) or (
                nameless and self.keeps("who was taken without an id may be whose it is")
            ):
                found.append(message)
        return found

    def by_address(self, address: str | None) -> list[Message]:
        """The index: messages of all batches to an address."""
        return [
            Message(pk, sk[1])
            for pk, rows in self.table.rows.items()
            if isinstance(pk, Chunk)
            for sk, row in rows.items()
            if sk[0] == "M" and row["address"] == address
        ]

    # --- watching ---

    def watch(self, envelope: Envelope) -> Steps:
        if envelope.body[0] == "receipt":
            yield from self.recheck(envelope)
            return
        _, batch, nonce = envelope.body
        seal = yield self.table.get, ("B", batch), "B"
        sizes = seal["sizes"] if seal and seal["nonce"] == nonce else ()
        if not self.keeps("the seal is checked"):
            sizes = [1] * sum(("C" in rows) for pk, rows in self.table.rows.items() if pk[:2] == (batch, nonce))
        unfinished = False
        for index in range(len(sizes)):
            chunk = Chunk(batch, nonce, index)
            header = yield self.table.get, chunk, "C"
            if header and not header["done"]:
                unfinished = True
                if self.keeps("the watch announces") and max(header["lease"], header["not_before"]) <= self.now:
                    self.seen["announced again"] += 1
                    yield self.send, header["route"][header["provider"]], chunk
        if unfinished and self.keeps("the watch re-arms") and self.keeps("the watch announces"):
            yield self.send, "watch", envelope.body, WATCH
        yield self.acknowledge, envelope

    def track(self) -> Steps:
        """A client that looks again and again at what it was answered: no status may go back."""
        last: dict[Message, Status] = {}
        for _ in range(40):
            sealed = sorted({message for _, _, ids in self.answers for message in ids})
            if not sealed:
                yield (self.fresh, "look")
                continue
            message = self.random.choice(sealed)
            view: View | None = yield from self.read(message.chunk)
            if view:
                self._saw(last, message, view)

    def _changed(self, pk: Any) -> None:
        rows = self.table.rows[pk]
        if isinstance(pk, Chunk) and "C" in rows:
            view = View(rows["C"], rows)
            for n in range(view.header["size"]):
                self._saw(self.statuses, Message(pk, n), view)

    def _saw(self, last: dict[Message, Status], message: Message, view: View) -> None:
        status = view.status(message.n, overruled=not self.keeps("no status is overruled"))
        before = last.setdefault(message, status)
        if status.rank < before.rank:
            self.says(f"backwards: {message} went from {before} to {status}")
        last[message] = status

    # --- the course of time ---

    def spawn(self, name: str, steps: Steps, crashed: Callable[[], None] | None = None) -> None:
        if (call := next(steps, None)) is not None:
            self.actors.append(Actor(name, steps, self.now, call, crashed))

    def _after(self, wait: float, event: Callable[[], Any]) -> None:
        self.serial += 1
        heapq.heappush(self.agenda, (self.now + wait, self.serial, event))

    def _end(self, actor: Actor, crashed: bool) -> None:
        self.actors.remove(actor)
        if crashed and actor.crashed:
            actor.crashed()

    def _wake(self, actor: Actor) -> None:
        self.actors.append(actor)
        if self.now > actor.born + LIFE:
            self._end(actor, crashed=True)

    def _go_on(self, actor: Actor) -> None:
        """One call of one actor, and what may go wrong with it."""
        method, *arguments = actor.call
        fault = self.random.choice(FAULTS) if self.chaos and self.random.random() < self.fault_rate else None
        if method == self.submit and fault in ("repeat", "stray", "crash, stray"):
            fault = None  # a provider's call is nobody's to repeat; what may befall it are the provider's moods
        if self.trace:
            self.trace(f"{self.now:7.1f} {actor.name} {id(actor) % 9973}: {method.__name__} {_short(arguments)} {fault or ''}")
        if fault:
            self.seen[fault] += 1
        if fault == "freeze":
            self.actors.remove(actor)
            self._after(self.random.choice((self.lease, 2 * self.lease, LIFE)) * self.random.random(), lambda: self._wake(actor))
            return
        if fault in ("stray", "crash, stray"):  # given up by who sent it, and still on its way
            self._after(self.random.uniform(0, LIFE - min(LIFE, self.now - actor.born)), lambda: method(*arguments))
        if fault in ("crash", "crash, stray"):
            self._end(actor, crashed=True)
            return
        if fault == "stray":
            return  # its answer does not come: the next time, the same call again
        answer = method(*arguments)
        if fault == "crash after":
            self._end(actor, crashed=True)
        elif fault != "repeat":
            try:
                actor.call = actor.steps.send(answer)
            except StopIteration:
                self._end(actor, crashed=False)

    def _deliver(self, envelope: Envelope) -> None:
        if self.chaos and self.fault_rate and not self.withhold_watch and envelope.queue != "watch":
            if self.random.random() < 0.02:
                self.seen["dead letter"] += 1
                self.acknowledge(envelope)
                return
        if not (self.chaos and self.random.random() < self.repeats):  # else it is delivered twice
            envelope.visible_at = self._queued(VISIBILITY)
        work = self.watch if envelope.queue == "watch" else self.dispatch
        self.spawn(f"{work.__name__} {envelope.body[:3]}", work(envelope))

    def _rest(self, most: int) -> bool:
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

    def _withheld(self, envelope: Envelope) -> bool:
        return self.withhold_watch and envelope.queue == "watch" and envelope.body[0] == "batch"

    def play(self) -> list[str]:
        """One run: requests, trouble, quiet, audit."""
        for request in self._requests():
            wait = self.random.choice((0.0, 0.0, 1.0, 20.0)) * self.random.random()
            self._after(wait, lambda request=request: self.spawn("accept", self.accept(request)))
        self.spawn("track", self.track())
        self._rest(self.random.choice((100, 250, 500)))
        self.chaos = False
        if not self._rest(4000):
            self.says("unrest: it never comes to an end")
        if self.withhold_watch:
            self._audit_prompt()
            self.withhold_watch = False
            if not self._rest(4000):
                self.says("unrest: it never comes to an end")
        self._audit()
        return self.violations

    def _requests(self) -> Iterable[Request]:
        """One key, asked for several times, perhaps with another text; and sometimes a request without a key."""

        def chunks() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
            return tuple(
                (tuple(self.random.choice(self.addresses) for _ in range(self.random.randint(1, 3))), route)
                for route in self.random.choices((("a",), ("b", "a"), ("a", "b")), k=self.random.choice((1, 1, 2)))
            )

        shared = chunks()
        for _ in range(self.random.choice((1, 2, 3))):
            yield Request("key", "hello" if self.random.random() < 0.85 else "other", shared)
        if self.random.random() < 0.5:
            yield Request(None, "single", chunks())

    # --- the audit ---

    def _audit_prompt(self) -> None:
        """What was answered and announced is done without the watch: that is only a net."""
        for batch in self.announced:
            seal = self.table.rows[("B", batch)]["B"]
            for index in range(len(seal["sizes"])):
                header = self.table.get(Chunk(batch, seal["nonce"], index), "C")
                if header is None or not header["done"]:
                    self.says(f"left: chunk {index} of {batch} waits for the watch")

    def _audit(self) -> None:
        sealed = {
            Message(Chunk(pk[1], rows["B"]["nonce"], index), n): rows["B"]["text"]
            for pk, rows in list(self.table.rows.items())
            if pk[0] == "B" and "B" in rows
            for index, size in enumerate(rows["B"]["sizes"])
            for n in range(size)
        }
        taken = {message: text for message, text, _, _ in self.ledger}
        for message, text in sealed.items():
            self._audit_message(message, text, taken.get(message))
        self._audit_answers(sealed)
        self._audit_receipts(sealed)

    def _audit_message(self, message: Message, text: str, taken: str | None) -> None:
        chunk, n = message
        rows = self.table.rows[chunk]
        if "C" not in rows or ("M", n) not in rows:
            self.says(f"lost: {message} is sealed and not there")
            return
        view = View(rows["C"], rows)
        status, ours = view.status(n), view.status(n, receipts=False)
        self.seen[f"ended {status}"] += 1
        if status not in SETTLED or not view.header["done"]:
            self.says(f"lost: {message} stays {status}")
        if self.fault_rate == 0 and self.tempo == CALM and n in view.header["doubt"]:
            self.says(f"doubt: {message} is in doubt, and its worker was well")
        if taken is not None and ours not in (Status.SUBMITTED, Status.UNCONFIRMED):
            self.says(f"untrue: {message} was taken and is {ours}")
        if taken is None and ours is Status.SUBMITTED:
            self.says(f"untrue: {message} was not taken and is {ours}")
        if taken not in (None, text):
            self.says(f"untrue: {message} was sealed as {text} and submitted as {taken}")
        if message in self.canceled and (taken is not None or status is not Status.CANCELED):
            self.says(f"canceled: {message} is {status}")

    def _audit_answers(self, sealed: Mapping[Message, str]) -> None:
        by_batch: dict[str, set[tuple[Message, ...]]] = defaultdict(set)
        for batch, text, ids in self.answers:
            by_batch[batch].add(ids)
            if any(sealed.get(message) != text for message in ids):
                self.says(f"answer: {batch} was answered to a request that was not sealed")
        for batch, answers in by_batch.items():
            if len(answers) > 1:
                self.says(f"answer: {batch} was answered with other ids")

    def _audit_receipts(self, sealed: Iterable[Message]) -> None:
        truth = {(provider, vendor_id): message for message, _, provider, vendor_id in self.ledger}
        nameless = self._ever_unbound(sealed)
        for key, owner in truth.items():
            bound = self.table.get(("R", *key), "MAP")
            if bound and bound["message"] != owner:
                self.says(f"bound: {key} is {owner}'s and was bound to {bound['message']}")
        for receipt in self.acknowledged:
            owner = truth[receipt.provider, receipt.vendor_id]
            bound = self.table.get(("R", receipt.provider, receipt.vendor_id), "MAP")
            rows = self.table.rows[owner.chunk]
            handed = receipt in View(rows["C"], rows).receipts(owner.n)
            if bound and not handed:
                self.says(f"receipt: {receipt} of {owner} was lost")
            if not bound and any(result["vendor_id"] for result in View(rows["C"], rows).results(owner.n)):
                self.says(f"receipt: {owner} has an id and no way back to it")
            if not bound and receipt.address and nameless[receipt.address] == {owner}:
                self.says(f"receipt: {receipt} was given up, and only {owner} can have been meant")

    def _ever_unbound(self, sealed: Iterable[Message]) -> dict[str, set[Message]]:
        """Per address, the messages that a receipt without an owner may have been about at any time."""
        found: dict[str, set[Message]] = defaultdict(set)
        for message in sealed:
            rows = self.table.rows[message.chunk]
            results = View({}, rows).results(message.n)
            unnamed = any(result["verdict"] in ("accepted", "unconfirmed") and not result["vendor_id"] for result in results)
            if "C" in rows and ("M", message.n) in rows and (unnamed or message.n in rows["C"]["doubt"]):
                found[rows[("M", message.n)]["address"]].add(message)
        return found


def _short(arguments: Iterable[Any]) -> str:
    return " ".join("<lambda>" if callable(argument) else str(argument) for argument in arguments)


@dataclass
class Found:
    """What a series of runs came to: the first violation with its seed, and what happened how often."""

    runs: int = 0
    seed: int | None = None
    violations: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


def search(
    runs: int, without: Collection[str] = (), kind: str = "", start: int = 0, temper: Mapping[str, Any] | None = None
) -> Found:
    """Run seed after seed until one has a violation that begins with `kind`, or `runs` are over."""
    found = Found()
    for seed in range(start, start + runs):
        world = World(seed, without)
        vars(world).update(temper or {})
        found.violations = [violation for violation in world.play() if violation.startswith(kind)]
        found.runs += 1
        found.seen += world.seen
        if found.violations:
            found.seed = seed
            break
    return found
