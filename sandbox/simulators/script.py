"""The script of a simulator: the faults still to come, how one is written, and which calls it hits.

The manual is in `server`.
"""

import http.client
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import unquote_plus

from switchboard.dialects.wire import TEXT, Request, Response

ANSWER_FAULTS = frozenset({"delay", "reset_before", "reset_after", "garbage", "refuse", "partial"})
RECEIPT_FAULTS = frozenset({"duplicate", "early", "contradictory", "none", "receipts"})
STATUS_FAULT = re.compile(r"[345]\d\d")
COMMITS_LATE = frozenset({"delay", "reset_after", "garbage"})  # and the statuses: what may have commit_after
DECORATION = {"receipt", "receipts", "list", "taking"}  # "duplicate receipts" is said for duplicate

GARBAGE = "<html><body>\x00upstream sent no valid answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of the script; `options` are the keys beyond fault, times and match."""

    name: str
    times: int | None = 1
    to: str | None = None
    path: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def about_receipts(self) -> bool:
        """Whether it changes the receipts, not the answer."""
        return self.name in RECEIPT_FAULTS

    @property
    def commit_after(self) -> float | None:
        """The seconds from the answer to the carrying out; None: the call is carried out before it is answered."""
        said = self.options.get("commit_after")
        return None if said is None else float(said)

    @property
    def hides(self) -> bool:
        """Whether the vendor's own answer is lost."""
        return self.name == "garbage" or bool(STATUS_FAULT.fullmatch(self.name))

    def taken(self, default: bool) -> bool:
        """Whether the call is taken under this fault."""
        return bool(self.options.get("taken", default))

    def hits(self, request: Request, sends: bool) -> bool:
        """Whether this call is meant; `sends`: the call submits messages."""
        if self.path is not None and self.path not in request.path:
            return False
        if self.path is None and not sends:
            return False
        said = (request.query + b"&" + request.body).decode("latin-1")
        return self.to is None or self.to.lstrip("+") in unquote_plus(said)

    def concerns(self, recipient: str) -> bool:
        """Whether this one recipient is meant, however it is written."""
        return self.to is None or self.to.lstrip("+") in recipient

    def spoiled(self) -> Response:
        """The answer of a fault that hides the vendor's own."""
        if self.name == "garbage":
            return Response(headers=(("content-type", TEXT),), body=str(self.options.get("body", GARBAGE)).encode())
        status = int(self.name)
        headers = [("content-type", TEXT)]
        if "retry_after" in self.options:
            headers.append(("retry-after", str(self.options["retry_after"])))
        body = str(self.options.get("body", http.client.responses.get(status, "failed")))
        return Response(status=status, headers=tuple(headers), body=body.encode())


class Script:
    """The faults still to come, in order."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Queues faults up; a malformed one is a ValueError and nothing is queued."""
        faults = [_read_fault(entry) for entry in entries]
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Drops all."""
        with self._lock:
            self._faults.clear()

    def lines(self) -> list[dict[str, Any]]:
        """What is still to come, as JSON."""
        with self._lock:
            return [_fault_line(fault) for fault in self._faults]

    def draw(self, request: Request, sends: bool) -> tuple[Fault | None, Fault | None]:
        """The faults of this call: one for the answer, one for the receipts; each has one time less afterwards."""
        with self._lock:
            return self._draw(request, sends, False), self._draw(request, sends, True)

    def _draw(self, request: Request, sends: bool, about_receipts: bool) -> Fault | None:
        for index, fault in enumerate(self._faults):
            if fault.about_receipts is about_receipts and fault.hits(request, sends):
                if fault.times is not None:
                    self._faults[index : index + 1] = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
                return fault
        return None


def _read_fault(entry: Mapping[str, Any]) -> Fault:
    if not isinstance(entry, Mapping) or "fault" not in entry:
        raise ValueError("a fault is an object with the key fault")
    words = re.split(r"[\s_-]+", str(entry["fault"]).strip().lower())
    name = "_".join(word for word in words if word not in DECORATION) or "receipts"
    if name not in ANSWER_FAULTS | RECEIPT_FAULTS and not STATUS_FAULT.fullmatch(name):
        raise ValueError(f"no such fault: {entry['fault']}")
    times, match = entry.get("times", 1), entry.get("match") or {}
    if times is not None and (not isinstance(times, int) or times < 1):
        raise ValueError("times is a number from 1, or null")
    if not isinstance(match, Mapping) or set(match) - {"to", "path"}:
        raise ValueError("match has the keys to and path")
    options = {key: value for key, value in entry.items() if key not in {"fault", "times", "match"}}
    if "commit_after" in options:
        _check_late(name, options)
    return Fault(name=name, times=times, to=match.get("to"), path=match.get("path"), options=options)


def _check_late(name: str, options: Mapping[str, Any]) -> None:
    after = options["commit_after"]
    if not isinstance(after, int | float) or after < 0:
        raise ValueError("commit_after is a number of seconds")
    if name not in COMMITS_LATE and not STATUS_FAULT.fullmatch(name):
        raise ValueError(f"{name} cannot commit late")
    if options.get("taken") is False:
        raise ValueError("what is not taken cannot commit late")


def _fault_line(fault: Fault) -> dict[str, Any]:
    match = {key: value for key, value in (("to", fault.to), ("path", fault.path)) if value is not None}
    return {"fault": fault.name, "times": fault.times, "match": match, **fault.options}
