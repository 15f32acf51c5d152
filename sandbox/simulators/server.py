"""A simulator of a vendor: what it asks of the vendor, the HTTP server, the ledger, the clock and the control paths.

A simulator is a `Vendor` (its decisions: a `Request` in, a `Response` and what it took out) behind a `Simulator` (the
server), which draws faults from a `script.Script` and sends receipts by a `courier.Courier`. What follows is the manual
of all of them.

Control, on the simulator's own port (JSON):

    GET    /_ledger    everything truly taken, in order: [{"id", "to", "from", "text", "at" (epoch seconds), ...}]
    DELETE /_ledger    forgets it
    GET    /_state     what the vendor knows besides: records, sessions, schedules; each vendor's module says what
    DELETE /_state     puts that back to what it is at the start under the settings of now; late calls are forgotten
    GET    /_script    {"faults": [...still to come...], "settings": {...}}
    POST   /_script    one fault, or a list of them: they queue up behind those already there; or {"settings": {...}}
    DELETE /_script    drops all faults and puts the vendor's settings back to what they were at the start
    GET    /_receipts  every callback: [{"id", "word", "at", "status" (of the last try; 0: no answer), "tries", "done"}]
    POST   /_receipt   {"id": <ledger id>, "word": ...}: sends that delivery report now
    POST   /_inbound   {"from", "to", "text"[, "id"]}: sends that mobile-originated message now
    POST   /_callback  {"url": ... or null}: where callbacks go from now on

A fault is `{"fault": <name>, "times": n, "match": {...}, ...options}`. `times` is the number of calls it hits (1 when
absent, null: until deleted). `match` limits it: `{"to": <number or address>}` to calls that hold this recipient,
`{"path": <part>}` to calls with this part in their path (without it, only calls that send messages are hit). A call is
hit by the first matching fault of each of the two groups.

The answer, one a call; each takes `"seconds"`: the wait between taking (or not) and answering:

    delay         taken, answered after "seconds" (default 5)
    reset_before  the connection is reset, nothing is taken
    reset_after   taken, then the connection is reset
    500, 429, ... any status from 300 to 599, as number or text; not taken unless "taken": true;
                  "retry_after": seconds adds the header, "body": text replaces the body
    garbage       200 with an unreadable body ("body": text chooses it); taken unless "taken": false
    refuse        the vendor's own no: "code" and "detail" choose it where the vendor has several; nothing is taken.
                  With match.to and a list of recipients, only that one is refused as far as the vendor's rules allow
    partial       a list cut short: the answer has only the first "keep" entries (default: half). With "code", one more
                  entry says that code, and nothing after it is taken; without, all is taken unless "taken": false

With "commit_after": seconds, one that hides the vendor's answer (delay, reset_after, a status, garbage) makes a vendor
that is slower than its answer: the call is carried out only that long after the answer or the reset. The vendor has
nothing to say by then, so a `delay` ends in 504 Gateway Timeout. `DELETE /_script` does not call such a call back.

The receipts of the messages that the call takes (with match.to: that recipient's alone):

    duplicate      every receipt twice
    early          sent, and answered by us, before the vendor answers the call
    contradictory  the failed word, then the delivered one ("reverse": true: the other way round)
    none           no receipt
    receipts       in general: "words": [...] in order, "after": seconds before the first, "early": true or false
"""

import contextlib
import json
import logging
import socket
import struct
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from sandbox.simulators.courier import Callback, Courier
from sandbox.simulators.script import Fault, Script
from switchboard.dialects.wire import JSON, Request, Response

log = logging.getLogger(__name__)

RECEIPT_AFTER = 0.05  # seconds from taking to the first receipt
RECEIPT_GAP = 0.1  # seconds between two receipts of one message, so that they arrive in the order of the script
EARLY_PATIENCE = 10.0  # seconds that an answer waits for its early receipts
TICK = 0.25  # seconds between two looks at what has come due
POLL = 0.02  # seconds between two looks at whether the server is to stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message that the vendor took: a line of the ledger. `extra` is written into the line as it is."""

    id: str
    to: str
    sender: str
    text: str
    receipt: bool = True  # whether a delivery report was asked for and the vendor gives one
    word: str | None = None  # the report's word, when not the vendor's `delivered`
    at: float = field(default_factory=time.time)
    extra: Mapping[str, Any] = field(default_factory=dict)

    def line(self) -> dict[str, Any]:
        """The ledger's JSON."""
        return {"id": self.id, "to": self.to, "from": self.sender, "text": self.text, "at": self.at, **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor decided: its answer, and the messages that it truly took."""

    response: Response
    taken: tuple[Taken, ...] = ()

    def cut_short(self, fault: Fault) -> "Answer":
        """`partial` for a vendor whose answers are no lists: the body ends in the middle."""
        half = replace(self.response, body=self.response.body[: len(self.response.body) // 2])
        return Answer(response=half, taken=self.taken if fault.taken(True) else ())


class Vendor:
    """A vendor's decisions. Override `answer`; the rest where the vendor has it. Calls come one at a time.

    `defaults` are its settings by name, with the values that they have at the start.
    """

    name: str
    delivered = "delivered"  # the report's word for a message that arrived
    failed = "undelivered"  # and for one that did not
    defaults: ClassVar[Mapping[str, Any]] = {}

    def __init__(self) -> None:
        self._settings: dict[str, Any] = dict(self.defaults)
        self.reset()

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call. `fault` is given only when it is `refuse` or `partial`: both are the vendor's own words."""
        raise NotImplementedError

    def sends(self, request: Request) -> bool:
        """Whether the call submits messages: only such calls are hit by a fault that names no path."""
        return True

    def report(self, taken: Taken, word: str) -> Request | None:
        """The delivery report, None if this vendor has none. A path other than "/" is appended to the callback URL."""
        return None

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request | None:
        """A mobile-originated message, in the same shape as `report`."""
        return None

    def due(self, now: float) -> Sequence[Taken]:
        """The messages whose time has come by `now` (epoch seconds), as if taken by a call; asked every `TICK`."""
        return ()

    def state(self) -> Mapping[str, Any]:
        """What the vendor knows, freshly made and in JSON's types."""
        return {}

    def reset(self) -> None:
        """Makes the state what it is at the start under the settings of now; these stay."""

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Takes settings (`--set`, or "settings" in the script); an unknown one is a ValueError."""
        if unknown := set(settings) - set(self.defaults):
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        self.adopt(settings)

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Takes settings whose names are known. Override to check them, before anything changes, or to act on them."""
        self._settings |= settings

    def settings(self) -> Mapping[str, Any]:
        """The settings as they stand, in JSON's types."""
        return dict(self._settings)


class Simulator:
    """A vendor on a port of its own; also a context manager. `ledger`, `script` and `courier` are there for tests.

    `port` 0 picks a free one; `callback` is the full URL that receipts and inbound messages go to, None: nowhere.
    """

    def __init__(
        self, vendor: Vendor, *, port: int = 0, callback: str | None = None, settings: Mapping[str, Any] | None = None
    ) -> None:
        self.vendor = vendor
        self.script = Script()
        self.courier = Courier(callback)
        self.ledger: list[Taken] = []
        vendor.configure(settings or {})
        self._original = dict(vendor.settings())
        self._lock = threading.Lock()
        self._late: list[tuple[float, Request, Fault | None]] = []  # monotonic time, call, its fault of receipts
        self._over = threading.Event()
        self._clock = threading.Thread(target=self._run_clock, daemon=True, name=f"{vendor.name} clock")
        self._server = _Server(port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True, name=vendor.name)

    @property
    def url(self) -> str:
        """The base URL, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> Self:
        """Serves from a thread of its own."""
        self._thread.start()
        self._clock.start()
        return self

    def close(self) -> None:
        """Stops serving and sending."""
        if self._thread.is_alive():
            self._over.set()
            self._clock.join()
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self.courier.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def call(self, request: Request) -> Response | None:
        """One call of the vendor's API under the script; None: the connection is to be reset."""
        fault, receipts = self.script.draw(request, self.vendor.sends(request))
        name = fault.name if fault else ""
        if name == "reset_before":
            self._pause(fault)
            return None
        if fault is not None and fault.commit_after is not None:
            return self._call_late(request, fault, receipts)
        taken: tuple[Taken, ...] = ()
        response: Response | None = None
        if fault is None or not fault.hides or fault.taken(name == "garbage"):
            response, taken = self._take(request, fault if name in {"refuse", "partial"} else None)
        self._await(self._send_receipts(taken, receipts))
        self._pause(fault)
        if fault is None or name in {"delay", "refuse", "partial"}:
            return response
        return None if name == "reset_after" else fault.spoiled()

    def control(self, request: Request) -> Response:
        """One call of the control paths."""
        door = _CONTROLS.get((request.method, request.path))
        if door is None:
            return _json({"error": f"no such control: {request.method} {request.path}"}, 404)
        try:
            said = json.loads(request.body) if request.body else None
            return _json(door(self, said))
        except (ValueError, KeyError, TypeError) as error:
            return _json({"error": str(error)}, 400)

    def _call_late(self, request: Request, fault: Fault, receipts: Fault | None) -> Response | None:
        self._pause(fault)
        with self._lock:
            self._late.append((time.monotonic() + (fault.commit_after or 0.0), request, receipts))
        if fault.name == "reset_after":
            return None
        return (replace(fault, name="504") if fault.name == "delay" else fault).spoiled()

    def _run_clock(self) -> None:
        while not self._over.wait(TICK):
            try:
                self._tick()
            except Exception:  # the vendor's clock must go on, as its server does
                log.exception("what had come due broke the simulator")

    def _tick(self) -> None:
        with self._lock:
            now = time.monotonic()
            late = [entry for entry in self._late if entry[0] <= now]
            self._late = [entry for entry in self._late if entry[0] > now]
            due = tuple(self.vendor.due(time.time()))
            self.ledger += due
        self._send_receipts(due, None)
        for _, request, receipts in late:
            _, taken = self._take(request, None)
            self._send_receipts(taken, receipts)

    def _take(self, request: Request, fault: Fault | None) -> tuple[Response, tuple[Taken, ...]]:
        with self._lock:
            answer = self.vendor.answer(request, fault)
            self.ledger += answer.taken
        return answer.response, answer.taken

    def _pause(self, fault: Fault | None) -> None:
        if fault is not None:
            time.sleep(float(fault.options.get("seconds", 5 if fault.name == "delay" else 0)))

    def _send_receipts(self, taken: Sequence[Taken], fault: Fault | None) -> list[Callback]:
        """Queues the receipts; those that are to be there before the answer."""
        early = []
        for message in taken:
            own = fault if fault is not None and fault.concerns(message.to) else None
            words = self._words(message, own)
            at_once = own is not None and (own.name == "early" or bool(own.options.get("early")))
            after = float(own.options.get("after", RECEIPT_AFTER)) if own else RECEIPT_AFTER
            for number, word in enumerate(words if message.receipt else ()):
                sent = self._report(message, word, 0.0 if at_once else after + number * RECEIPT_GAP)
                early += [sent] if at_once and sent else []
        return early

    def _await(self, early: Sequence[Callback]) -> None:
        deadline = time.monotonic() + EARLY_PATIENCE
        for callback in early:
            callback.over.wait(max(0.0, deadline - time.monotonic()))

    def _words(self, message: Taken, fault: Fault | None) -> tuple[str, ...]:
        usual = (message.word or self.vendor.delivered,)
        if fault is None:
            return usual
        if "words" in fault.options:
            return tuple(str(word) for word in fault.options["words"])
        both = (self.vendor.failed, self.vendor.delivered)
        both = both[::-1] if fault.options.get("reverse") else both
        return {"duplicate": usual * 2, "contradictory": both, "none": ()}.get(fault.name, usual)

    def _report(self, message: Taken, word: str, after: float) -> Callback | None:
        request = self.vendor.report(message, word)
        return self.courier.send(message.id, word, request, after) if request is not None else None

    # the control paths; each takes the request's JSON and returns the answer's

    def _read_ledger(self, said: Any) -> Any:
        return [message.line() for message in self.ledger]

    def _forget_ledger(self, said: Any) -> Any:
        with self._lock:
            self.ledger.clear()
        return []

    def _read_state(self, said: Any) -> Any:
        with self._lock:
            return dict(self.vendor.state())

    def _reset_state(self, said: Any) -> Any:
        with self._lock:
            self._late.clear()
            self.vendor.reset()
            return dict(self.vendor.state())

    def _read_script(self, said: Any = None) -> Any:
        return {"faults": self.script.lines(), "settings": dict(self.vendor.settings())}

    def _extend_script(self, said: Any) -> Any:
        entries = said if isinstance(said, list) else [said]
        self.script.add([entry for entry in entries if not _only_settings(entry)])
        for entry in entries:
            if _only_settings(entry):
                with self._lock:
                    self.vendor.configure(entry["settings"])
        return self._read_script()

    def _clear_script(self, said: Any) -> Any:
        self.script.clear()
        with self._lock:
            self.vendor.configure(self._original)
        return self._read_script()

    def _read_receipts(self, said: Any) -> Any:
        return self.courier.lines()

    def _send_receipt(self, said: Any) -> Any:
        message = next((line for line in self.ledger if line.id == said["id"]), None)
        if message is None:
            raise ValueError("no such id in the ledger")
        return {"sent": self._report(message, str(said.get("word") or self.vendor.delivered), 0.0) is not None}

    def _send_inbound(self, said: Any) -> Any:
        message_id = said.get("id")
        request = self.vendor.inbound(said["from"], said.get("to") or "", said["text"], message_id)
        sent = request is not None and self.courier.send(message_id or "", "inbound", request) is not None
        return {"sent": sent}

    def _set_callback(self, said: Any) -> Any:
        self.courier.url = said["url"]
        return {"url": self.courier.url}


_CONTROLS = {
    ("GET", "/_ledger"): Simulator._read_ledger,
    ("DELETE", "/_ledger"): Simulator._forget_ledger,
    ("GET", "/_state"): Simulator._read_state,
    ("DELETE", "/_state"): Simulator._reset_state,
    ("GET", "/_script"): Simulator._read_script,
    ("POST", "/_script"): Simulator._extend_script,
    ("DELETE", "/_script"): Simulator._clear_script,
    ("GET", "/_receipts"): Simulator._read_receipts,
    ("POST", "/_receipt"): Simulator._send_receipt,
    ("POST", "/_inbound"): Simulator._send_inbound,
    ("POST", "/_callback"): Simulator._set_callback,
}


def _only_settings(entry: Any) -> bool:
    return isinstance(entry, dict) and "settings" in entry and "fault" not in entry


def _json(value: Any, status: int = 200) -> Response:
    return Response(status=status, headers=(("content-type", JSON),), body=json.dumps(value).encode())


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer's own would look the host's name up, which can take seconds without a resolver.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news; the rest is worth a trace."""
        error = sys.exception()
        if not isinstance(error, OSError):
            log.error("a call broke the simulator", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers and body leave in one packet
    timeout = 120

    def _serve(self) -> None:
        request = self._read()
        simulator = self.server.simulator
        response = simulator.control(request) if request.path.startswith("/_") else simulator.call(request)
        if response is None:
            self._reset()
        else:
            self._write(response)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  the names that http.server looks for

    def _read(self) -> Request:
        length = int(self.headers.get("content-length") or 0)
        path, _, query = self.path.partition("?")
        return Request(
            method=self.command,
            path=path,
            query=query.encode("latin-1"),
            headers=tuple((name.lower(), value) for name, value in self.headers.items()),
            body=self.rfile.read(length) if length else b"",
        )

    def _write(self, response: Response) -> None:
        self.send_response_only(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def _reset(self) -> None:
        """Closes with RST: no FIN, no half answer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.wfile.close()
            self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Keeps bodies and numbers out of stderr."""
