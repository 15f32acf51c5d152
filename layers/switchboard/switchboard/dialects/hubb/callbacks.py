"""The callbacks, delivery and inbound, in our own form (section 1.4): what is to be set up on the vendor's side."""

import json
from dataclasses import dataclass
from enum import StrEnum

from switchboard.dialects.forms import parameters
from switchboard.dialects.hubb.fields import (
    Failure,
    Parameter,
    TurnedDown,
    decode_answer,
    encode_answer,
    read,
    write,
)
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form
from switchboard.model.status import Status


class Shape(StrEnum):
    """The ways a callback may come."""

    QUERY = "query"
    FORM = "form"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery callback; `status` is the vendor's word as it came."""

    message_id: str
    status: str
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An inbound callback: a text from a handset to a number of the account."""

    sender: str
    text: str
    to: str | None = None
    message_id: str | None = None


STATUS_WORDS = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "expired": Status.EXPIRED,
    "rejected": Status.REJECTED,
}

_REPORT = (
    Parameter("message_id", required=True),
    Parameter("status", required=True),
    Parameter("error_code"),
)
_ARRIVAL = (
    Parameter("from", "sender", required=True),
    Parameter("to"),
    Parameter("message", "text"),
    Parameter("message_id"),
)


def _callback(fields: dict[str, str], shape: Shape) -> Request:
    if shape is Shape.JSON:
        body = json.dumps(fields).encode()
        return Request(method="POST", path="/", headers=(("content-type", JSON),), body=body)
    posted = form("POST", "/", fields)
    return posted if shape is Shape.FORM else Request(method="GET", path="/", query=posted.body)


def encode_report(report: Report, shape: Shape = Shape.FORM) -> Request:
    """The delivery callback, to be appended to the callback URL."""
    return _callback(write(report, _REPORT), shape)


def encode_inbound(arrival: Arrival, shape: Shape = Shape.FORM) -> Request:
    """The inbound callback, to be appended to the callback URL."""
    return _callback(write(arrival, _ARRIVAL), shape)


def decode_callback(request: Request) -> Report | Arrival:
    """What a callback says: with a `status` it is a delivery, with a `message` an inbound text. Raises `Unreadable`."""
    fields = parameters(request, lenient=True)  # nothing more than this may lose a receipt
    try:
        if "status" in fields:
            return Report(**read(fields, _REPORT))
        if "message" in fields:
            return Arrival(**{"text": ""} | read(fields, _ARRIVAL))
    except TurnedDown:
        raise Unreadable("a callback that lacks a parameter") from None
    raise Unreadable("neither a delivery nor an inbound callback")


@dataclass(frozen=True, slots=True)
class Noted:
    """What is answered to a callback that was taken."""


def encode_callback_answer(answer: Noted | Failure) -> Response:
    """The answer to a callback."""
    return encode_answer(answer, ())


def decode_callback_answer(response: Response) -> Noted | Failure:
    """What was answered to a callback. Raises `Unreadable`."""
    return decode_answer(response, Noted, ())
