"""Damaged requests at the doors' functions, as API Gateway hands them over, against the engine and with no provider."""

import base64
import json
import logging
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any
from urllib.parse import quote, quote_from_bytes

from sandbox import http1
from sandbox.gateway import from_result, to_event
from sandbox.routes import Router
from sandbox.runtime import Result
from switchboard import accept, admit, campaigns, credentials, keep
from switchboard.dialects.doors import DOORS, ENTRANCES
from switchboard.dialects.registry import DIALECTS
from switchboard.dialects.wire import Request, Response, Unreadable
from tests.corners import CALLS, VENDORS
from tests.corners.samples import Call
from tests.flow.deployed import function
from tests.flow.world import Context
from tests.fuzz.damage import Damage
from tests.fuzz.stack import CLIENTS, SESSION, TOKEN, Stack
from tests.fuzz.tally import Kind, Tally

INBOUND = "/Integra/resources/InboundSMS/ReceiveURLSMS"
FUNCTIONS = {
    **{"SendFunction": "send", "SessionFunction": "session", "CallbackFunction": "callback"},
    "CampaignFunction": "campaign",
}
NOW = 1_700_000_000.0
KEYED = 0.02  # of the requests have an Idempotency-Key, and few have one of their own
_SHOWN = re.compile(  # where a call shows credentials: in a query or a form, in a part, in JSON
    rb'((?:^|&)|name="|")(key|username|password|user|token)(=|"\r\n\r\n|"\s*:\s*")([^&\r\n"]*)'
)
STATUSES = {  # of a yes and of a no; a fault of ours is never among them
    "bulksms": frozenset({200}),
    "hubb": frozenset({200}),
    "ucontact": frozenset({200, 401}),
}
# The one call with a status for wrong parameters, and two whose callers are not told in time how a write ended.
MORE_STATUSES = {"sendEmail": frozenset({400}), **dict.fromkeys(("crm_add_deal", "master_account"), frozenset({500}))}


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way in: its path and methods, well-formed requests to begin with, and how the vendor's client reads answers."""

    vendor: str
    name: str
    path: str
    methods: tuple[str, ...]
    starts: tuple[Request, ...]
    read: Callable[[Response], object]
    typed: tuple[type[Exception], ...] = ()
    statuses: frozenset[int] = frozenset({200})
    behind: bool = False  # whether there may be more path behind it

    @property
    def ends_sessions(self) -> bool:
        """Whether what is good there is good once."""
        return self.path.endswith("/EndSession")


def ways() -> tuple[Way, ...]:
    """Every door and entrance, and the paths of callbacks."""
    gates = [(door.dialect, door.name, door.path, door.methods) for door in DOORS]
    gates += [("ucontact", way.path.rpartition("/")[2], way.path, way.methods) for way in ENTRANCES]
    gates += [("ucontact", "inbound", path, ("GET",)) for path in (INBOUND, f"/callbacks/ucontact/{TOKEN}{INBOUND}")]
    return (*(_gate(*gate) for gate in gates), *map(_callback, VENDORS))


def _gate(vendor: str, name: str, path: str, methods: tuple[str, ...]) -> Way:
    plain = path.removeprefix(f"/callbacks/{vendor}/{TOKEN}")
    starts = [(call, start) for call in CALLS for start in _starts(call) if f"{start.path}/".startswith(f"{plain}/")]
    call = starts[0][0]
    return Way(
        vendor=vendor,
        name=f"{vendor} {name}",
        path=str(path),  # one of an enumeration would show as such
        methods=methods,
        starts=tuple(replace(start, path=str(path) + start.path.removeprefix(plain)) for _, start in starts),
        read=call.decode_answer,
        typed=call.typed,
        statuses=STATUSES[vendor] | MORE_STATUSES.get(call.name, frozenset()),
        behind=plain == INBOUND,
    )


def _starts(call: Call) -> list[Request]:
    return [call.request(sample) for sample in call.samples if sample.is_request]


def _callback(vendor: str) -> Way:
    path, dialect = f"/callbacks/{vendor}/{TOKEN}", DIALECTS[vendor]
    expected = {answer.body for answer in (dialect.acknowledgement, dialect.unreadable) if answer}

    def read(answer: Response) -> None:
        if answer.body not in expected:
            raise Unreadable("not what the provider expects back")

    starts = tuple(replace(start, path=path) for call in CALLS if call.vendor == vendor for start in _starts(call))
    return Way(vendor=vendor, name=f"{vendor} callback", path=path, methods=("GET", "POST"), starts=starts, read=read)


class _Errors(logging.Handler):
    """Every line of the log that is an error or holds a traceback."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR or record.exc_info:
            self.lines.append(f"{record.getMessage()} {getattr(record, 'error', '')} {getattr(record, 'where', '')}")


class Doors:
    """The functions of a process of its own."""

    def __init__(self, stack: Stack) -> None:
        os.environ.update(stack.environment)
        self._stack = stack
        self._tally = Tally()
        self._errors = _Errors()
        logging.getLogger().addHandler(self._errors)
        self._router = Router(stack.routes)
        self._handlers = {id_: function(name).handler for id_, name in FUNCTIONS.items()}
        self._ways = ways()
        self._accepted = 0
        accept._LONGEST = 100 * 365 * 86_400  # the documents' times are some years ahead, and are to be taken
        admit.accept = self._counted(admit.accept)
        keep.keep = self._counted(keep.keep)
        campaigns.take = self._counted(campaigns.take)

    def _counted(self, verb: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(verb)
        def counted(*arguments: Any) -> Any:
            accepted = verb(*arguments)
            self._accepted += 1
            return accepted

        return counted

    def run(self, seeds: range) -> Tally:
        """One damaged request a seed."""
        self._tally = Tally()
        for seed in seeds:
            damage = Damage(seed)
            way = damage.random.choice(self._ways)
            good = damage.random.random() < 0.5
            request = self._request(damage, way, good, seed)
            self._one(way, request, seed, good)
        return self._tally

    def _one(self, way: Way, request: Request, seed: int, good: bool) -> None:
        before = self._accepted
        try:
            kind = _verdict(way, self._answer(request))
            assert not self._errors.lines, f"in the log: {self._errors.lines}"
            self._tally.add(way.name, kind)
        except Exception as error:
            self._tally.fail(way.name, seed, request, error)
            self._errors.lines.clear()
        self._tally.counts[way.name, "good key"] += good
        self._tally.counts[way.name, "accepted"] += self._accepted - before

    def _request(self, damage: Damage, way: Way, good: bool, seed: int) -> Request:
        start = damage.random.choice(way.starts)
        if damage.random.random() < 0.05:
            request = damage.noisy_request(start.path)
        else:
            shown = self._with_credentials(damage, way, start, seed) if good else start
            request = damage.request(shown, path=way.behind)
        if damage.random.random() < KEYED:
            header = ("idempotency-key", damage.random.choice(("k", f"k{seed}", "", "é", "k" * 300)))
            request = replace(request, headers=(*request.headers, header))
        more = way.behind and request.path.startswith(f"{way.path}/") and not request.path.endswith("/")
        path = request.path if more else way.path
        method = request.method if request.method in way.methods else damage.random.choice(way.methods)
        return replace(request, method=method, path=path)

    def _with_credentials(self, damage: Damage, way: Way, request: Request, seed: int) -> Request:
        """The same call of a client whose key, or session, is good."""
        client, key = CLIENTS[way.vendor].name, self._stack.keys[way.vendor]
        session = self._session(seed) if way.ends_sessions else SESSION
        values = {b"key": key, b"password": key, b"token": quote(session), b"user": client, b"username": client}

        def shown(found: re.Match[bytes]) -> bytes:
            return found[1] + found[2] + found[3] + values[found[2]].encode()

        query, body = _SHOWN.sub(shown, request.query), _SHOWN.sub(shown, request.body)
        pair = f"{way.vendor}:{TOKEN}" if way.behind else f"{client}:{key}"
        basic = base64.b64encode(pair.encode()).decode()
        scheme = damage.random.choice((f"Basic {session}", f"Bearer {session}", f"Bearer {key}", f"Basic {basic}"))
        headers = (*(header for header in request.headers if header[0] != "authorization"), ("authorization", scheme))
        return replace(request, query=query, body=body, headers=headers)

    def _session(self, seed: int) -> str:
        """A session that may be ended."""
        token = base64.b64encode(f"norte:{seed}".encode()).decode()
        credentials.open_session(token, self._stack.keys["ucontact"])
        return token

    def _answer(self, request: Request) -> Response:
        """The answer as it leaves API Gateway; there is none where the gateway would not have asked the function."""
        path = quote_from_bytes(request.path.encode("utf-8", "surrogateescape"), safe="/=&+:,;@!$'()*~")
        found = self._router.find(request.method, path)
        assert found is not None, "no route"
        route, parameters = found
        event = to_event(_on_the_wire(request, path), route, parameters, path, request.query.decode("latin-1"), NOW)
        answer = self._handlers[route.function](event, self._context)
        sent = from_result(Result(json.dumps(answer).encode()))
        return Response(status=sent.status, headers=tuple(sent.headers), body=sent.body)

    @cached_property
    def _context(self) -> Context:
        return Context(seconds=1e9)


def _on_the_wire(request: Request, path: str) -> http1.Request:
    headers = [
        (name, value.encode("utf-8", "surrogateescape").decode("latin-1").replace("\r", "").replace("\n", ""))
        for name, value in request.headers
    ]
    target = f"{path}?{request.query.decode('latin-1')}"
    return http1.Request(method=request.method, target=target, headers=headers, body=request.body, peer="127.0.0.1")


def _verdict(way: Way, answer: Response) -> Kind:
    """Whether the vendor's own client understands the answer. Raises AssertionError when it does not."""
    assert answer.status in way.statuses, f"status {answer.status}: {answer.body[:200]!r}"
    try:
        way.read(answer)
    except Unreadable as unreadable:
        if answer.status in {401, 500}:  # a client knows these without reading on
            return Kind.TYPED
        raise AssertionError(f"not in the dialect: {unreadable}: {answer.body[:200]!r}") from None
    except way.typed:
        return Kind.TYPED
    return Kind.READ
