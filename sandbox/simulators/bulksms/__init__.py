"""The bulk platform's simulator: both calls with credentials, senders, credit and registers, and delivery reports.

Settings: `username` and `password` (null: any), `senders` that may be a `source` (null: any), `credit` in parts (null:
endless; it goes down by what is sent), the numbers that answer 1732 (`dnd`), 1042 (`opted_out`) and 1706 (`invalid`),
`codes` ({number: code} for any other no), `spam` (words that answer 1028), `templates` (null: any text; a list, or
{id: text} for `tempid`; a text that fits none is 1033, `{#var#}` stands for up to 30 characters), `duplicates`
(seconds within which the same text from the same source to the same number is 1041; null: never), `words` ({number:
the report's word}), and the `method` of callbacks (POST, GET).
A scheduled message is paid when it is taken and sent when its minute begins; a minute that is over is 1702.
`refuse` takes "code" (default 1706). `GET /_state` shows the credit, the parts that were paid, the registers, and what
is scheduled.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sandbox.simulators.bulksms import rules
from sandbox.simulators.script import Fault
from sandbox.simulators.server import Answer, Taken, Vendor
from switchboard.dialects.bulksms import NAME
from switchboard.dialects.bulksms.answers import Entry, TurnedDown, encode_answer, whole_request
from switchboard.dialects.bulksms.callbacks import Arrival, Report, encode_inbound, encode_report, told_at
from switchboard.dialects.bulksms.codes import SUCCESS
from switchboard.dialects.bulksms.schedule import SCHEDULE, Schedule, decode_call, decode_schedule, is_past
from switchboard.dialects.bulksms.submit import SUBMIT, Submit
from switchboard.dialects.wire import Request, Unreadable, text

COST = "0.0040"
NETWORK = "74801"  # country and network code of the reports

_READERS = {SUBMIT: decode_call, SCHEDULE: decode_schedule}
_REGISTERS = ("senders", "dnd", "opted_out", "invalid", "spam", "templates")
_FAILED = {"UNDELIV", "EXPIRED", "DELETED", "REJECTD"}


class BulkSms(Vendor):
    """The vendor's decisions."""

    name = NAME
    delivered = "DELIVRD"
    failed = "UNDELIV"
    defaults = rules.SETTINGS

    def reset(self) -> None:
        """Nothing is scheduled, and nothing was sent."""
        self._scheduled: list[tuple[datetime, Taken]] = []
        self._recent = rules.Recent()
        self._paid = 0

    def state(self) -> Mapping[str, Any]:
        """The credit, the parts paid so far, the registers, and the messages that wait for their time."""
        return {
            "credit": self._settings["credit"],
            "paid": self._paid,
            **{name: self._settings[name] for name in _REGISTERS},
            "scheduled": [
                {"id": taken.id, "to": taken.to, "from": taken.sender, "text": taken.text, "at": at.isoformat()}
                for at, taken in self._scheduled
            ],
        }

    def due(self, now: float) -> Sequence[Taken]:
        """The scheduled messages whose minute has begun."""
        come = [taken for at, taken in self._scheduled if at.timestamp() <= now]
        self._scheduled = [(at, taken) for at, taken in self._scheduled if at.timestamp() > now]
        return [replace(taken, at=now) for taken in come]

    def sends(self, request: Request) -> bool:
        """Both calls do."""
        return request.path in _READERS

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        if not self.sends(request):
            return Answer(response=text("no such page", 404))
        if request.method not in {"GET", "POST"}:
            return Answer(response=text("GET or POST", 405))
        try:
            said = _READERS[request.path](request)
        except TurnedDown as no:
            return _say(no.answer)
        except Unreadable:
            return _say(whole_request(rules.INVALID_CALL))
        call = said.submit if isinstance(said, Schedule) else said
        if code := self._whole(said, call):
            return _say(whole_request(code, call.destinations))
        entries, taken = self._partial(call, fault) if fault and fault.name == "partial" else self._list(call, fault)
        if isinstance(said, Schedule):
            self._scheduled += [(said.at, message) for message in taken]
            taken = []
        return _say(entries, taken)

    def report(self, taken: Taken, word: str) -> Request:
        """The delivery report."""
        report = Report(
            message_id=taken.id,
            status=word,
            source=taken.sender,
            mobile=taken.to.lstrip("+"),
            submitted=told_at(taken.at),
            done=told_at(time.time()),
            cost=COST,
            charge=str(taken.extra["parts"]),
            mcc_mnc=NETWORK,
            error="001" if word in _FAILED else "000",
        )
        return encode_report(report, self._settings["method"])

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound callback, in our own form."""
        arrival = Arrival(sender=sender, to=to, text=text, message_id=message_id)
        return encode_inbound(arrival, self._settings["method"])

    def _whole(self, said: Submit | Schedule, call: Submit) -> str | None:
        """The code of what is wrong with the call as a whole."""
        if code := rules.of_account(call, self._settings):
            return code
        if isinstance(said, Schedule) and is_past(said, datetime.now(UTC)):
            return rules.INVALID_CALL
        return rules.of_text(call, self._settings)

    def _list(self, call: Submit, refuse: Fault | None) -> tuple[list[Entry], list[Taken]]:
        """Destination by destination, until a code that stops the list."""
        entries: list[Entry] = []
        taken: list[Taken] = []
        for destination in call.destinations:
            code = self._refused(call, destination, refuse) or self._unpaid(call)
            if code is None:
                taken.append(self._take(call, destination))
                entries.append(Entry(SUCCESS, destination, taken[-1].id))
                continue
            entries.append(Entry(code, destination))
            if code != rules.INVALID_DESTINATION:
                break
        return entries, taken

    def _partial(self, call: Submit, fault: Fault) -> tuple[list[Entry], list[Taken]]:
        """The list cut short: by a code that stops it, or on its way to the client."""
        keep = int(fault.options.get("keep", len(call.destinations) // 2))
        kept, rest = call.destinations[:keep], call.destinations[keep:]
        code = fault.options.get("code")
        stopped = code is not None or not fault.taken(True)
        entries, taken = self._list(replace(call, destinations=kept if stopped else call.destinations), None)
        ended = [Entry(str(code), rest[0])] if code is not None and rest else []
        return [*entries[:keep], *ended], taken

    def _refused(self, call: Submit, destination: str, refuse: Fault | None) -> str | None:
        if refuse is not None and refuse.concerns(destination):
            return str(refuse.options.get("code", rules.INVALID_DESTINATION))
        if code := rules.of_destination(destination, self._settings):
            return code
        return self._recent.refused(call, destination, self._settings["duplicates"], time.time())

    def _unpaid(self, call: Submit) -> str | None:
        """The code of a credit that is used up; else the message is paid."""
        credit, cost = self._settings["credit"], rules.parts(call)
        if credit is not None and credit < cost:
            return rules.NO_CREDIT
        if credit is not None:
            self._settings["credit"] = credit - cost
        self._paid += cost
        return None

    def _take(self, call: Submit, destination: str) -> Taken:
        self._recent.note(call, destination, time.time())
        words = rules.by_number(self._settings["words"])
        registered = {"entityid": call.entity_id, "tempid": call.template_id, "tmid": call.telemarketer_id}
        said = {"link": call.link, "encoding_guessed": call.encoding_guessed or None, **registered}
        return Taken(
            id=str(uuid.uuid4()),
            to=destination,
            sender=call.source,
            text=call.text,
            receipt=call.dlr,
            word=words.get(rules.digits(destination)),
            extra={
                "type": call.type.value,
                "parts": rules.parts(call),
                **{name: value for name, value in said.items() if value is not None},
            },
        )


def _say(entries: Sequence[Entry], taken: Sequence[Taken] = ()) -> Answer:
    return Answer(response=encode_answer(tuple(entries)), taken=tuple(taken))


VENDOR = BulkSms
