"""The bulk platform's simulator: `bulksms` with its credentials, senders, credit and registers, and delivery reports.

Settings: `username` and `password` (null: any), `senders` that may be a `source` (null: any), `credit` in parts (null:
endless), `dnd` (numbers that answer 1732), `invalid` (numbers that answer 1706), `codes` ({number: code} for any other
no), `words` ({number: the report's word}), and the `method` of callbacks (POST, GET).
`refuse` takes "code" (default 1706).
"""

import re
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.simulators.server import Answer, Fault, Taken, Vendor
from switchboard.dialects import bulksms
from switchboard.dialects.bulksms import Entry, Submit
from switchboard.dialects.wire import Request, Unreadable, text
from switchboard.model import segments
from switchboard.model.message import Encoding

INVALID_DESTINATION, NO_CREDIT, DO_NOT_DISTURB = "1706", "1725", "1732"
COST = "0.0040"
NETWORK = "74801"  # country and network code of the reports

_DEFAULTS: Mapping[str, Any] = {
    "username": None,
    "password": None,
    "senders": None,
    "credit": None,
    "dnd": [],
    "invalid": [],
    "codes": {},
    "words": {},
    "method": "POST",
}
_NUMBER = re.compile(r"[0-9]{7,15}")
_8_BIT = {bulksms.Type.LATIN1, bulksms.Type.LATIN1_FLASH}
_FAILED = {"UNDELIV", "EXPIRED", "DELETED", "REJECTD"}


class BulkSms(Vendor):
    """The vendor's decisions."""

    name = bulksms.NAME
    delivered = "DELIVRD"
    failed = "UNDELIV"

    def __init__(self) -> None:
        self._settings: dict[str, Any] = dict(_DEFAULTS)

    def settings(self) -> Mapping[str, Any]:
        """The settings as they stand; the credit has gone down by what was sent."""
        return dict(self._settings)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Takes some settings."""
        if unknown := set(settings) - set(_DEFAULTS):
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        self._settings |= settings

    def sends(self, request: Request) -> bool:
        """Only `bulksms` does."""
        return request.path == bulksms.SUBMIT

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        if not self.sends(request):
            return Answer(response=text("no such page", 404))
        if request.method not in {"GET", "POST"}:
            return Answer(response=text("GET or POST", 405))
        try:
            call = bulksms.decode_submit(request)
        except bulksms.TurnedDown as no:
            return _say(no.answer)
        except Unreadable:
            return _say(bulksms.whole_request("1702"))
        if code := self._wrong_account(call):
            return _say(bulksms.whole_request(code, call.destinations))
        return self._partial(call, fault) if fault and fault.name == "partial" else _say(*self._list(call, fault))

    def report(self, taken: Taken, word: str) -> Request:
        """The delivery report."""
        report = bulksms.Report(
            message_id=taken.id,
            status=word,
            source=taken.sender,
            mobile=taken.to.lstrip("+"),
            submitted=_utc(taken.at),
            done=_utc(time.time()),
            cost=COST,
            charge=str(taken.extra["parts"]),
            mcc_mnc=NETWORK,
            error="001" if word in _FAILED else "000",
        )
        return bulksms.encode_report(report, self._settings["method"])

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound callback, in our own form."""
        arrival = bulksms.Arrival(sender=sender, to=to, text=text, message_id=message_id)
        return bulksms.encode_inbound(arrival, self._settings["method"])

    def _wrong_account(self, call: Submit) -> str | None:
        wanted = (self._settings["username"], self._settings["password"])
        pairs = zip(wanted, (call.username, call.password), strict=True)
        if any(setting is not None and str(setting) != said for setting, said in pairs):
            return "1703"
        senders = self._settings["senders"]
        return "1707" if senders is not None and call.source not in senders else None

    def _list(self, call: Submit, refuse: Fault | None) -> tuple[list[Entry], list[Taken]]:
        """Destination by destination, until a code that stops the list."""
        entries: list[Entry] = []
        taken: list[Taken] = []
        for destination in call.destinations:
            code = self._refused(destination, refuse) or self._unpaid(call)
            if code is None:
                taken.append(self._take(call, destination))
                entries.append(Entry(bulksms.SUCCESS, destination, taken[-1].id))
                continue
            entries.append(Entry(code, destination))
            if code != INVALID_DESTINATION:
                break
        return entries, taken

    def _partial(self, call: Submit, fault: Fault) -> Answer:
        """The list cut short: by a code that stops it, or on its way to the client."""
        keep = int(fault.options.get("keep", len(call.destinations) // 2))
        kept, rest = call.destinations[:keep], call.destinations[keep:]
        code = fault.options.get("code")
        stopped = code is not None or not fault.taken(True)
        entries, taken = self._list(replace(call, destinations=kept if stopped else call.destinations), None)
        ended = [Entry(str(code), rest[0])] if code is not None and rest else []
        return _say([*entries[:keep], *ended], taken)

    def _refused(self, destination: str, refuse: Fault | None) -> str | None:
        number = destination.lstrip("+")
        if refuse is not None and refuse.concerns(destination):
            return str(refuse.options.get("code", INVALID_DESTINATION))
        if not _NUMBER.fullmatch(number) or _listed(number, self._settings["invalid"]):
            return INVALID_DESTINATION
        if _listed(number, self._settings["dnd"]):
            return DO_NOT_DISTURB
        codes = {str(listed).lstrip("+"): str(code) for listed, code in self._settings["codes"].items()}
        return codes.get(number)

    def _unpaid(self, call: Submit) -> str | None:
        """The code of a credit that is used up; else the message is paid."""
        credit = self._settings["credit"]
        if credit is None:
            return None
        if credit < _parts(call):
            return NO_CREDIT
        self._settings["credit"] = credit - _parts(call)
        return None

    def _take(self, call: Submit, destination: str) -> Taken:
        words = {str(number).lstrip("+"): word for number, word in self._settings["words"].items()}
        link = {"link": call.link} if call.link else {}
        guessed = {"encoding_guessed": True} if call.encoding_guessed else {}
        return Taken(
            id=str(uuid.uuid4()),
            to=destination,
            sender=call.source,
            text=call.text,
            receipt=call.dlr,
            word=words.get(destination.lstrip("+")),
            extra={"type": call.type.value, "parts": _parts(call), **link, **guessed},
        )


def _say(entries: Sequence[Entry], taken: Sequence[Taken] = ()) -> Answer:
    return Answer(response=bulksms.encode_submit_answer(tuple(entries)), taken=tuple(taken))


def _listed(number: str, numbers: Sequence[object]) -> bool:
    return number in {str(listed).lstrip("+") for listed in numbers}


def _parts(call: Submit) -> int:
    """What it costs: a text that its type cannot carry is coded anew, never refused (section 3.1)."""
    if call.type in _8_BIT and segments.is_latin1(call.text):
        return segments.count(call.text, Encoding.LATIN1).parts
    return segments.count(call.text, Encoding.UCS2 if call.type.in_hex else Encoding.AUTO).parts


def _utc(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)


VENDOR = BulkSms
