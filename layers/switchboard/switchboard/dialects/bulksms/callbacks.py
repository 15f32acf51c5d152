"""The bulk platform's callbacks: the delivery report (section 3.3), and inbound messages in our own form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from switchboard.dialects.bulksms.parameters import parameters
from switchboard.dialects.wire import Request, Response, Unreadable, form, text
from switchboard.model.status import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery report. Times have no zone; `tag`, `udf1` and `udf2` are of newer platforms."""

    message_id: str
    status: str
    source: str = ""
    mobile: str = ""
    submitted: datetime | None = None
    done: datetime | None = None
    cost: str = ""
    charge: str = ""
    mcc_mnc: str = ""
    error: str = ""
    tag: str | None = None
    udf1: str | None = None
    udf2: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An inbound callback, our own form: `from`, `to`, `message` and, where there is one, `message_id`."""

    sender: str
    text: str
    to: str = ""
    message_id: str | None = None


STATUS_WORDS = {
    # Not final, but the platform has the message: enough to lift a doubt.
    "ACKED": Status.SUBMITTED,
    "ENROUTE": Status.SENT,
    "ACCEPTED": Status.SUBMITTED,
    "UNKNOWN": Status.SUBMITTED,
    "DELIVRD": Status.DELIVERED,
    "UNDELIV": Status.UNDELIVERED,
    "EXPIRED": Status.EXPIRED,
    "DELETED": Status.REJECTED,
    "REJECTD": Status.REJECTED,
}

_TEN = {
    "sSender": "source",
    "sMobileNo": "mobile",
    "sStatus": "status",
    "dtSubmit": "submitted",
    "dtDone": "done",
    "sMessageId": "message_id",
    "iCostPerSms": "cost",
    "iCharge": "charge",
    "iMCCMNC": "mcc_mnc",
    "iErrCode": "error",
}
_NEWER = {"sTagName": "tag", "sUdf1": "udf1", "sUdf2": "udf2"}
_TIMES = ("submitted", "done")


def encode_report(report: Report, method: str = "POST") -> Request:
    """The delivery report, to be appended to the callback URL: a form, or the same in the query of a GET."""
    fields = {name: _report_text(getattr(report, attribute)) for name, attribute in _TEN.items()}
    newer = {name: value for name, attribute in _NEWER.items() if (value := getattr(report, attribute)) is not None}
    return _callback(fields | newer, method)


def encode_inbound(arrival: Arrival, method: str = "POST") -> Request:
    """The inbound callback, to be appended to the callback URL."""
    fields = {"from": arrival.sender, "to": arrival.to, "message": arrival.text}
    return _callback(fields | ({"message_id": arrival.message_id} if arrival.message_id is not None else {}), method)


def _callback(fields: dict[str, str], method: str) -> Request:
    posted = form("POST", "/", fields)
    return posted if method == "POST" else Request(method="GET", path="/", query=posted.body)


def _report_text(value: str | datetime | None) -> str:
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value or ""


def told_at(moment: float) -> datetime:
    """Epoch seconds as a report tells them: in UTC, and without saying so."""
    return datetime.fromtimestamp(moment, UTC).replace(tzinfo=None)


def decode_callback(request: Request) -> Report | Arrival:
    """What a callback says: with `sMessageId` it is a report, with `from` an inbound message. Raises `Unreadable`."""
    fields = parameters(request, lenient=True)  # nothing more than this may lose a report
    if fields.get("sMessageId") and fields.get("sStatus"):
        return _report(fields)
    if fields.get("from") and "message" in fields:
        return _arrival(fields)
    raise Unreadable("neither a delivery report nor an inbound message")


def decode_report(request: Request) -> Report:
    """A delivery report. Raises `Unreadable`."""
    said = decode_callback(request)
    if not isinstance(said, Report):
        raise Unreadable("not a delivery report")
    return said


def decode_inbound(request: Request) -> Arrival:
    """An inbound message. Raises `Unreadable`."""
    said = decode_callback(request)
    if not isinstance(said, Arrival):
        raise Unreadable("not an inbound message")
    return said


def encode_callback_answer(taken: bool) -> Response:
    """What a callback is answered with."""
    return text("OK") if taken else text("ERROR", 503)


def decode_callback_answer(response: Response) -> bool:
    """Whether a callback was taken: 200 and 202 say so, whatever the body."""
    return response.status in {200, 202}


def _report(fields: Mapping[str, str]) -> Report:
    said: dict[str, Any] = {attribute: fields.get(name, "") for name, attribute in _TEN.items()}
    newer = {attribute: fields.get(name) for name, attribute in _NEWER.items()}
    return Report(**said | newer | {attribute: _read_time(said[attribute]) for attribute in _TIMES})


def _arrival(fields: Mapping[str, str]) -> Arrival:
    return Arrival(
        sender=fields["from"],
        to=fields.get("to", ""),
        text=fields["message"],
        message_id=fields.get("message_id"),
    )


def _read_time(said: str) -> datetime | None:
    """A time as the platform writes it; one that cannot be read is not worth losing the report for."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", said, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None
