"""Accepting, submitting, canceling, receipts and watching as actors, with every rule of theirs a name to leave out.

What a rule is for is shown by the runs `without` it; `protocol_audit.search` makes them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from switchboard.model.status import Status, join
from tests.unit.protocol_world import LIFE, PASSES, Call, Envelope, Item, Outcome, Receipt, Steps, World

RULES = {
    # accepting
    "keys carry a nonce": "two accepting attempts share no key",
    "a header is put only if absent": "its put that lands late must not set a chunk back to its beginning",
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
    "a worker reads the header before the results": "what the header says has been, is seen",
    "a take-over waits for the lease": "an owner at work is left alone",
    "a take-over is conditional": "nothing was claimed since it was read",
    "a take-over puts into doubt": "what was claimed and has no result is settled as unconfirmed",
    "a take-over counts results of this pass": "a result of an earlier pass says nothing of this one",
    "a take-over leaves canceled ones alone": "they were not submitted",
    "a doubt is not submitted by who takes over": "it may have been",
    "a doubt joins no later pass": "it was settled, even if its late result says that nothing was taken",
    "a pass has whom the last one wants again": "and nobody else",
    "a pass ends by everybody's results": "those of the owners before too",
    "the end of a pass pins the owner": "who was overtaken ends nothing",
    "unconfirmed is never sent again": "it may have been taken",
    "no result is overruled": "what is known only ever grows",
    # canceling
    "skip is honoured": "who is canceled is not submitted",
    "skip is read from the claim's answer": "a cancellation between reading and claiming counts",
    "a cancellation pins the cursor": "who is claimed cannot be canceled",
    "a cancellation pins the pass": "only in the pass that was read are the numbers above the cursor untouched",
    "only who is due is canceled": "who was taken in an earlier pass is not",
    "no doubt is canceled": "it may have been taken",
    # receipts
    "a receipt that came first is parked": "nobody knows yet whose it is",
    "a parked receipt is looked at again": "it finds its message, whoever crashed",
    "the recheck is queued before the 200": "after it the vendor sends no more",
    "what was parked stays parked": "another may be parked while the first is handed over",
    "MAP comes before the result": "no accepted message without the way back to it",
    "the recheck outlasts a worker": "who may still write MAP has written it before a receipt is given up",
    "the recheck waits for what is in flight": "the receipt may be that one's",
    "the recheck reads the header before the results": "what left the flight before the header was read, is seen",
    "the recheck binds only a certain one": "two in doubt are none",
    "the recheck binds conditionally": "the worker may have written MAP meanwhile",
    "the recheck sees doubts of all providers of a route": "a doubt of an earlier pass is an earlier provider's",
    "who was taken without an id may be whose it is": "a yes without an id has no MAP",
}

WINDOW = 2
BACKOFF = 3.0
WATCH = LIFE + 20.0
RECHECK = LIFE + 20.0
STANDING = {
    "accepted": Status.SUBMITTED,
    "rejected": Status.REJECTED,
    "retryable": Status.FAILED,
    "unconfirmed": Status.UNCONFIRMED,
}
NOBODY: frozenset[int] = frozenset()


class Chunk(NamedTuple):
    """A chunk's partition. Its rows: `C` the header, `("M", n)`, `("X", n, pass)`, `("P", n)`."""

    batch: str
    nonce: str
    index: int


class Message(NamedTuple):
    """A message's id: its chunk and its number."""

    chunk: Chunk
    n: int


class Request(NamedTuple):
    """What a client asks: for every chunk the addresses and the route."""

    key: str | None
    text: str
    chunks: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


@dataclass
class View:
    """A chunk as read: the header, and the rows by sort key."""

    header: Item
    rows: Mapping[Any, Item]

    @property
    def provider(self) -> str:
        return self.header["route"][self.header["provider"]]

    def result(self, n: int, pass_: int) -> Item | None:
        return self.rows.get(("X", n, pass_))

    def results(self, n: int) -> list[Item]:
        return [result for pass_ in range(PASSES) if (result := self.result(n, pass_))]

    def receipts(self, n: int) -> frozenset[Receipt]:
        return self.rows.get(("P", n), {"receipts": frozenset()})["receipts"]

    def status(self, n: int, *, overruled: bool = False, receipts: bool = True) -> Status:
        doubted = n in self.header["doubt"]
        events = [Status.QUEUED]
        events += [Status.CANCELED] if n in self.header["skip"] else []
        events += [Status.UNCONFIRMED] if doubted else []
        for result in self.results(n):
            if not (overruled and doubted and result["verdict"] == "retryable"):
                events.append(Status.QUEUED if result["again"] else STANDING[result["verdict"]])
        if receipts:
            events += [receipt.status for receipt in self.receipts(n) if receipt.status]
        return join(events)


class Protocol(World):
    """The actors. `without` are the rules that they do not keep."""

    def __init__(
        self,
        seed: int,
        without: Collection[str] = (),
        weather: str | None = None,
        trace: Callable[[str], None] | None = None,
    ) -> None:
        if unknown := set(without) - set(RULES):
            raise ValueError(f"no such rule: {unknown}")
        super().__init__(seed, weather, trace)
        self.without = frozenset(without)
        self.statuses: dict[Message, Status] = {}
        self.answers: list[tuple[str, str, tuple[Message, ...]]] = []
        self.announced: set[str] = set()
        self.canceled: set[Message] = set()

    def keeps(self, rule: str) -> bool:
        return rule not in self.without

    def work(self, envelope: Envelope) -> Steps:
        if envelope.queue != "watch":
            return self.dispatch(envelope)
        return self.watch(envelope) if envelope.body[0] == "batch" else self.recheck(envelope)

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
        soon = WATCH if self.keeps("the watch outlasts accepting") else 1.0
        before = {
            "messages come before the seal": self.write_messages(chunks, request),
            "the watch comes before the seal": self.batch_write([(self.send, "watch", ("batch", batch, nonce), soon)]),
        }
        for rule, steps in before.items():
            if self.keeps(rule):
                yield from steps
        put = self.table.put_new if self.keeps("the seal is conditional") else self.table.put
        standing = ((yield put, ("B", batch), "B", seal) or (True, seal))[1]
        for rule, steps in before.items():
            if not self.keeps(rule):
                yield from steps
        if standing["attempt"] == attempt:
            for chunk, (_, route) in zip(chunks, request.chunks, strict=True):
                yield self.send, route[0], chunk
            self.announced.add(batch)
        self.answer(standing, request)

    def write_messages(self, chunks: list[Chunk], request: Request) -> Steps:
        """Messages by BatchWriteItem; the headers, which conditional updates will change, only where there are none."""
        put_header = self.table.put_new if self.keeps("a header is put only if absent") else self.table.put
        rows: list[Call] = []
        for chunk, (addresses, route) in zip(chunks, request.chunks, strict=True):
            header = {
                **{"size": len(addresses), "route": route, "provider": 0, "pass": 0, "cursor": 0, "not_before": 0.0},
                **{"owner": None, "lease": 0.0, "skip": NOBODY, "doubt": NOBODY, "doubted": {}, "done": False},
            }
            rows.append((put_header, chunk, "C", header))
            for n, address in enumerate(addresses):
                rows.append((self.table.put, chunk, ("M", n), {"address": address, "text": request.text}))
        yield from self.batch_write(rows)

    def batch_write(self, calls: Iterable[Call]) -> Steps:
        """Writes without conditions: they land one by one, in any order."""
        calls = list(calls)
        while calls:
            yield calls.pop(int(self.random.random() * len(calls)))

    def answer(self, standing: Item, request: Request) -> None:
        """The request's answer; some of those who get one cancel later."""
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
                self.after(wait, lambda message=message: self.spawn("cancel", self.cancel(message)))

    # --- submitting ---

    def read(self, chunk: Chunk, *, header_first: bool = True) -> Steps:
        """A chunk in one query: consistent, but not of one instant. The header's sort key comes first."""
        header = (yield self.table.get, chunk, "C") if header_first else None
        rows = yield self.table.query, chunk
        if not header_first:
            header = yield self.table.get, chunk, "C"
        return View(header, rows) if header else None

    def due(self, view: View, n: int) -> bool:
        """Whether the current pass has this number."""
        header = view.header
        if n in header["skip"] and self.keeps("skip is honoured"):
            return False
        if n in header["doubt"] and self.keeps("a doubt joins no later pass"):
            return False
        if header["pass"] == 0 or not self.keeps("a pass has whom the last one wants again"):
            return True
        before = view.result(n, header["pass"] - 1)
        return before is not None and before["again"]

    def in_flight(self, view: View, n: int) -> bool:
        """Whether it is claimed in this pass, and nobody has said how that ended."""
        header = view.header
        this_pass = self.keeps("a take-over counts results of this pass")
        ended = view.result(n, header["pass"]) if this_pass else view.results(n)
        if header["done"] or n >= header["cursor"] or ended:
            return False
        if n in header["skip"] and not self.keeps("a take-over leaves canceled ones alone"):
            return n not in header["doubt"]
        return self.due(view, n)

    def dispatch(self, envelope: Envelope) -> Steps:
        """One delivery of a chunk's name."""
        chunk: Chunk = envelope.body
        seal = yield self.table.get, ("B", chunk.batch), "B"
        sealed = (seal is not None and seal["nonce"] == chunk.nonce) or not self.keeps("the seal is checked")
        view: View | None = yield from self.read(
            chunk, header_first=self.keeps("a worker reads the header before the results")
        )
        if view is None or view.header["done"] or not sealed:
            yield self.acknowledge, envelope
        elif view.provider != envelope.queue:
            yield self.send, view.provider, chunk
            yield self.acknowledge, envelope
        elif view.header["not_before"] > self.now:
            yield self.hide, envelope, view.header["not_before"]
        else:
            yield from self.own(chunk, view, envelope)

    def own(self, chunk: Chunk, view: View, envelope: Envelope) -> Steps:
        """Wait for the chunk's owner, or become it."""
        owner = self.fresh("owner") if self.keeps("an owner is new for every delivery") else "owner"
        if view.header["owner"] in (None, owner):
            yield from self.run(chunk, view, owner, envelope)
        elif view.header["lease"] > self.now and self.keeps("a take-over waits for the lease"):
            if self.keeps("a live lease is not acknowledged"):
                yield self.hide, envelope, view.header["lease"]
            else:
                yield self.acknowledge, envelope
        elif (yield from self.take_over(chunk, view, owner)):
            yield from self.run(chunk, view, owner, envelope)
        else:
            yield self.hide, envelope, self.now

    def take_over(self, chunk: Chunk, view: View, owner: str) -> Steps:
        """Become the owner of a chunk whose owner's lease has ended. Whether nothing had changed since it was read."""
        header, lease = view.header, self.now + self.lease
        lost = frozenset(n for n in range(header["cursor"]) if self.in_flight(view, n))
        submits = not self.keeps("a doubt is not submitted by who takes over")
        doubt = lost if self.keeps("a take-over puts into doubt") and not submits else NOBODY
        pinned = ("owner", "lease", "pass", "cursor", "done") if self.keeps("a take-over is conditional") else ()
        won, view.header = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: all(old[name] == header[name] for name in pinned),
            lambda old: {
                **{"owner": owner, "lease": lease, "doubt": old["doubt"] | doubt},
                "doubted": {**dict.fromkeys(doubt, header["pass"]), **old["doubted"]},  # for the audit
            },
        )
        if not won:
            return False
        self.seen["take-over"] += 1
        self.seen["doubt"] += len(doubt)
        for n in doubt:  # for people: where it was lost. Nothing hangs on it
            result = {"verdict": "unconfirmed", "again": False, "vendor_id": None, "provider": header["provider"]}
            yield self.table.put_new, chunk, ("X", n, header["pass"]), result
        if submits:
            yield from self.submit_window(chunk, view, lost)
        return True

    def run(self, chunk: Chunk, view: View, owner: str, envelope: Envelope) -> Steps:
        """Window after window, then the end of the pass."""
        pass_, size = view.header["pass"], view.header["size"]
        everybody = range(size) if self.keeps("a pass ends by everybody's results") else ()
        again = {n for n in everybody if (result := view.result(n, pass_)) and result["again"]}
        while view.header["cursor"] < size:
            if self.chaos and self.random.random() < 0.05:
                yield from self.release(chunk, view.header, owner, envelope)
                return
            before = View(view.header, view.rows)
            window = range(view.header["cursor"], min(view.header["cursor"] + WINDOW, size))
            if not (yield from self.claim(chunk, view, owner, window.stop)):
                if not self.keeps("a lost claim is not acknowledged"):
                    yield self.acknowledge, envelope
                return
            last = view if self.keeps("skip is read from the claim's answer") else before
            again |= yield from self.submit_window(chunk, view, [n for n in window if self.due(last, n)])
        yield from self.end_pass(chunk, view.header, owner, again, envelope)

    def claim(self, chunk: Chunk, view: View, owner: str, cursor: int) -> Steps:
        """Move the cursor: nobody else will submit what lies below. Whether it was won."""
        header, lease = view.header, self.now + self.lease
        pinned = [name for name in ("cursor", "pass") if self.keeps(f"a claim pins the {name}")]
        won, view.header = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: all(old[name] == header[name] for name in pinned) and old["owner"] in (None, owner),
            lambda _: {"owner": owner, "lease": lease, "cursor": cursor},
        )
        # A claim that is repeated, because its answer was lost, finds itself there.
        standing = (view.header["owner"], view.header["pass"], view.header["cursor"])
        won = won or standing == (owner, header["pass"], cursor)
        self.seen["claim won" if won else "claim lost"] += 1
        return won

    def release(self, chunk: Chunk, header: Item, owner: str, envelope: Envelope) -> Steps:
        """Let go between two windows, when time is up: everything claimed has its result."""
        yield (
            self.table.update,
            chunk,
            "C",
            lambda old: (old["owner"], old["pass"], old["cursor"]) == (owner, header["pass"], header["cursor"]),
            lambda _: {"owner": None},
        )
        yield self.hide, envelope, self.now

    def submit_window(self, chunk: Chunk, view: View, window: Iterable[int]) -> Steps:
        """Submit, write MAP, then the results, then hand over what was parked. The numbers that want another pass."""
        pass_, index = view.header["pass"], view.header["provider"]
        maps: list[Call] = []
        results: list[Call] = []
        again: set[int] = set()
        given: dict[str, Message] = {}
        for n in window:
            if (row := view.rows.get(("M", n))) is None:
                continue
            message = Message(chunk, n)
            outcome: Outcome = yield self.submit, view.provider, message, row["address"], row["text"], pass_
            if repeat := self.again(outcome, view):
                again.add(n)
            if vendor_id := outcome.vendor_id:
                given[vendor_id] = message
                maps.append((self.table.put, ("R", view.provider, vendor_id), "MAP", {"message": message}))
            result = {"verdict": outcome.verdict, "again": repeat, "vendor_id": vendor_id, "provider": index}
            results.append((self.table.put, chunk, ("X", n, pass_), result))
        for batch in (maps, results) if self.keeps("MAP comes before the result") else (results, maps):
            yield from self.batch_write(batch)
        for vendor_id, message in given.items():
            yield from self.hand_over(view.provider, vendor_id, message)
        return again

    def again(self, outcome: Outcome, view: View) -> bool:
        """Whether a message goes on to another pass: nothing was taken, or the no concerned only our account there."""
        if view.header["pass"] + 1 >= self.passes:
            return False
        reserve = view.header["provider"] + 1 < len(view.header["route"])
        doubtful = outcome.verdict == "unconfirmed" and not self.keeps("unconfirmed is never sent again")
        return outcome.verdict == "retryable" or (outcome.account and reserve) or doubtful

    def end_pass(self, chunk: Chunk, header: Item, owner: str, again: set[int], envelope: Envelope) -> Steps:
        """Close the pass: done, or another one, whose name is announced before this one's is acknowledged."""
        more = bool(again - (header["doubt"] if self.keeps("a doubt joins no later pass") else NOBODY))
        index = min(header["provider"] + 1, len(header["route"]) - 1)
        following = {"pass": header["pass"] + 1, "cursor": 0, "provider": index, "owner": None}
        following["not_before"] = self.now + BACKOFF
        free = not self.keeps("the end of a pass pins the owner")
        won, _ = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: free or ((old["owner"], old["pass"], old["done"]) == (owner, header["pass"], False)),
            lambda _: following if more else {"done": True, "owner": None},
        )
        if not won:  # overtaken; or done, and the answer was lost: whoever reads the name next will see
            yield self.hide, envelope, self.now
            return
        early = self.keeps("the next pass is announced before the acknowledgement")
        if more and early:
            yield self.send, header["route"][index], chunk, BACKOFF
        yield self.acknowledge, envelope
        if more and not early:
            yield self.send, header["route"][index], chunk, BACKOFF

    # --- canceling ---

    def cancel(self, message: Message) -> Steps:
        """Put a number into `skip`, if nobody has claimed it and somebody still would."""
        chunk, n = message
        view: View | None = yield from self.read(chunk)
        if view is None or (n in view.header["doubt"] and self.keeps("no doubt is canceled")):
            return
        header, before = view.header, view.result(n, view.header["pass"] - 1)
        wanted = header["pass"] == 0 or (before is not None and before["again"])
        if not wanted and self.keeps("only who is due is canceled"):
            return
        any_cursor = not self.keeps("a cancellation pins the cursor")
        any_pass = not self.keeps("a cancellation pins the pass")
        won, standing = yield (
            self.table.update,
            chunk,
            "C",
            lambda old: (
                (any_pass or old["pass"] == header["pass"]) and (any_cursor or old["cursor"] <= n) and not old["done"]
            ),
            lambda old: {"skip": old["skip"] | {n}},
        )
        if won or n in standing["skip"]:
            self.seen["canceled"] += 1
            self.canceled.add(message)

    # --- receipts ---

    def callback(self, receipt: Receipt) -> Steps:
        """A vendor's receipt, to its 200."""
        pk = ("R", receipt.provider, receipt.vendor_id)
        if bound := (yield self.table.get, pk, "MAP"):
            yield self.table.add, bound["message"].chunk, ("P", bound["message"].n), frozenset((receipt,))
        elif self.keeps("a receipt that came first is parked"):
            self.seen["parked"] += 1
            yield self.table.add, pk, "PARK", frozenset((receipt,))
            if not self.keeps("the recheck is queued before the 200"):
                self.acknowledged.add(receipt)
            if self.keeps("a parked receipt is looked at again"):
                soon = RECHECK if self.keeps("the recheck outlasts a worker") else 0.0
                yield self.send, "watch", ("receipt", *receipt), soon
        self.acknowledged.add(receipt)

    def hand_over(self, provider: str, vendor_id: str, message: Message) -> Steps:
        """What was parked under a vendor's id goes to its message."""
        pk = ("R", provider, vendor_id)
        if parked := (yield self.table.get, pk, "PARK"):
            yield self.table.add, message.chunk, ("P", message.n), parked["receipts"]
            if not self.keeps("what was parked stays parked"):
                yield self.table.delete, pk, "PARK"

    def recheck(self, envelope: Envelope) -> Steps:
        """Look at a parked receipt again; without an owner it may settle the one message in doubt to its address."""
        receipt = Receipt(*envelope.body[1:])
        pk = ("R", receipt.provider, receipt.vendor_id)
        bound = yield self.table.get, pk, "MAP"
        if bound is None and receipt.address is not None:
            found: list[Message] | None = yield from self.unbound(receipt)
            if found is None:
                yield self.hide, envelope, self.now + RECHECK
                return
            if len(found) == 1 or (found and not self.keeps("the recheck binds only a certain one")):
                put = self.table.put_new if self.keeps("the recheck binds conditionally") else self.table.put
                bound = {"message": found[0]}
                bound = ((yield put, pk, "MAP", bound) or (True, bound))[1]
                self.seen["bound by address"] += 1
        if bound:
            yield from self.hand_over(receipt.provider, receipt.vendor_id, bound["message"])
        yield self.acknowledge, envelope

    def unbound(self, receipt: Receipt) -> Steps:
        """The messages that a receipt without an owner may be about; None while one of them is still in flight."""
        found: list[Message] = []
        messages: list[Message] = yield self.by_address, receipt.address
        for chunk, n in messages:
            seal = yield self.table.get, ("B", chunk.batch), "B"
            if seal is None or seal["nonce"] != chunk.nonce:
                continue
            view: View = yield from self.read(
                chunk, header_first=self.keeps("the recheck reads the header before the results")
            )
            if self.in_flight(view, n) and view.provider == receipt.provider:
                self.seen["in flight"] += 1
                if self.keeps("the recheck waits for what is in flight"):
                    return None
            if self.may_be(view, n, receipt.provider):
                found.append(Message(chunk, n))
        return found

    def may_be(self, view: View, n: int, provider: str) -> bool:
        """Whether a message without a receipt may have been taken by that provider under an id that we do not know."""
        route, results = view.header["route"], view.results(n)

        def at(verdict: str) -> list[str]:
            return [route[x["provider"]] for x in results if x["verdict"] == verdict and not x["vendor_id"]]

        if view.receipts(n):
            return False
        if provider in at("accepted") and self.keeps("who was taken without an id may be whose it is"):
            return True
        where = at("unconfirmed") or route
        if not self.keeps("the recheck sees doubts of all providers of a route"):
            where = [view.provider]
        return view.status(n) is Status.UNCONFIRMED and provider in where

    def by_address(self, address: str) -> list[Message]:
        """The index: messages of all batches to an address, sealed or not."""
        return [
            Message(pk, sk[1])
            for pk, rows in self.table.rows.items()
            if isinstance(pk, Chunk) and "C" in rows
            for sk, row in rows.items()
            if sk[0] == "M" and row["address"] == address
        ]

    # --- watching ---

    def watch(self, envelope: Envelope) -> Steps:
        """Announce what is unfinished of a batch again, and look once more later."""
        _, batch, nonce = envelope.body
        seal = yield self.table.get, ("B", batch), "B"
        count = len(seal["sizes"]) if seal and seal["nonce"] == nonce else 0
        if not self.keeps("the seal is checked"):
            count = sum("C" in rows for pk, rows in self.table.rows.items() if pk[:2] == (batch, nonce))
        unfinished = False
        for chunk in [Chunk(batch, nonce, index) for index in range(count if self.keeps("the watch announces") else 0)]:
            header = yield self.table.get, chunk, "C"
            if header and not header["done"]:
                unfinished = True
                if max(header["lease"], header["not_before"]) <= self.now:
                    self.seen["announced again"] += 1
                    yield self.send, header["route"][header["provider"]], chunk
        if unfinished and self.keeps("the watch re-arms"):
            yield self.send, "watch", envelope.body, WATCH
        yield self.acknowledge, envelope

    # --- what is looked at while it runs ---

    def track(self) -> Steps:
        """A client that looks again and again at what it was answered: no status may go back."""
        last: dict[Message, Status] = {}
        for _ in range(40):
            ids = [message for _, _, answered in self.answers for message in answered]
            if not ids:
                yield (self.fresh, "look")
                continue
            message = self.random.choice(ids)
            if view := (yield from self.read(message.chunk)):
                self._saw(last, message, view)

    def changed(self, pk: Any) -> None:
        rows = self.table.rows[pk]
        if isinstance(pk, Chunk) and "C" in rows:
            view = View(rows["C"], rows)
            for n in range(view.header["size"]):
                self._saw(self.statuses, Message(pk, n), view)

    def _saw(self, last: dict[Message, Status], message: Message, view: View) -> None:
        status = view.status(message.n, overruled=not self.keeps("no result is overruled"))
        before = last.setdefault(message, status)
        if status.rank < before.rank:
            self.says(f"backwards: {message} went from {before} to {status}")
        last[message] = status

    def submitting(self, message: Message, pass_: int) -> None:
        chunk, n = message
        seal = self.table.get(("B", chunk.batch), "B")
        if seal is None or seal["nonce"] != chunk.nonce:
            self.says(f"unsealed: {message} was submitted")
        if self.table.rows[chunk]["C"]["doubted"].get(n, pass_) < pass_:
            self.says(f"doubt: {message} was unconfirmed, and submitted in a later pass")
        if message in self.canceled:
            self.says(f"canceled: {message} was submitted")

    # --- a run ---

    def play(self) -> None:
        """Requests and trouble, then quiet until nothing is left to happen."""
        for request in self._requests():
            wait = self.random.choice((0.0, 0.0, 1.0, 20.0)) * self.random.random()
            self.after(wait, lambda request=request: self.spawn("accept", self.accept(request)))
        self.spawn("track", self.track())
        self.rest(self.steps)
        self.chaos = False
        self._come_to_rest()
        if self.withhold_watch:
            self._watch_was_not_needed()
            self.withhold_watch = False
            self._come_to_rest()

    def _requests(self) -> Iterable[Request]:
        """One key, asked for several times, perhaps with another text; and sometimes a request without a key."""
        draw = self.random

        def chunks() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
            return tuple(
                (tuple(draw.choice(self.addresses) for _ in range(draw.randint(1, 3))), route)
                for route in draw.choices((("a",), ("b", "a"), ("a", "b")), k=draw.choice((1, 1, 2)))
            )

        shared = chunks()
        for _ in range(draw.choice((1, 2, 3))):
            yield Request("key", "hello" if draw.random() < 0.85 else "other", shared)
        if draw.random() < 0.5:
            yield Request(None, "single", chunks())

    def _come_to_rest(self) -> None:
        if not self.rest(5000):
            self.says("unrest: it never comes to an end")

    def _watch_was_not_needed(self) -> None:
        """What was announced is done without the watch, which is only a net."""
        for batch in self.announced:
            seal = self.table.rows["B", batch]["B"]
            for index in range(len(seal["sizes"])):
                header = self.table.get(Chunk(batch, seal["nonce"], index), "C")
                if header is None or not header["done"]:
                    self.says(f"left: chunk {index} of {batch} waits for the watch")
