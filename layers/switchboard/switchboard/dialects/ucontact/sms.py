"""SMS sent at once: SendSMS, SendSMSv2, and the form that stands in for the page's browser snippet (section 2.2)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from switchboard.dialects.forms import json_value, scalar
from switchboard.dialects.ucontact.calls import (
    NO,
    Authorization,
    Taken,
    TurnedDown,
    WrongParameters,
    call_of,
    compact,
    decode_authorization,
    fields_of,
    plain,
    post,
)
from switchboard.dialects.wire import Request, Response, Unreadable, text

MAX_SOURCE = 64  # characters: more than any number has, or any name
SNIPPET = "sms"
"""The `action` of what the page's browser snippet posts."""


class SmsCall(StrEnum):
    """The calls that send an SMS, by their paths; the first gives no id."""

    SEND_SMS = "/Integra/resources/SMS/SendSMS"
    SEND_SMS_V2 = "/Integra/resources/SMS/SendSMSv2"


SMS_CALLS = {call.rpartition("/")[2]: call for call in SmsCall}
"""The values of an account's `sms_call`, and the calls they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSms:
    """One text to one number; `source` is the caller id or the number of a port.

    `action` is `SNIPPET` in what a page posts in the place of the browser snippet's object, else None.
    """

    destination: str
    message: str
    campaign: str | None = None
    agent: str | None = None
    source: str | None = None
    action: str | None = None
    call: SmsCall = SmsCall.SEND_SMS_V2
    authorization: Authorization | None = None


_FIELDS = ("destination", "message", "campaign", "agent", "source")
_SNIPPET_FIELDS = ("action", "campaign", "message", "destination")  # in the order of the object
_UNQUOTED_ID = re.compile(r"""\{\s*id\s*:\s*(?:"([^"]+)"|'([^']+)'|([\w-]+))\s*,?\s*\}""")


def encode_send_sms(call: SendSms) -> Request:
    """All the fields of the call, or of the snippet, blank where nothing is said."""
    always = _SNIPPET_FIELDS if call.action else _FIELDS
    said = {name: getattr(call, name) for name in (*always, *_FIELDS)}
    fields = {name: value for name, value in said.items() if value or name in always}
    return post(call.call, fields, call.authorization)


def decode_send_sms(request: Request) -> SendSms:
    """Reads either call, and the snippet's form. Raises `Unreadable`, `WrongParameters`."""
    call = call_of(SmsCall, request)
    fields = fields_of(request, "destination", "message")
    if fields.get("action", SNIPPET) != SNIPPET:
        raise WrongParameters("an action that is not sms", "action")
    if len(fields.get("source", "")) > MAX_SOURCE:
        raise WrongParameters(f"at most {MAX_SOURCE} characters", "source")
    said = {name: fields[name] for name in ("action", *_FIELDS) if name in fields}
    return SendSms(call=call, authorization=decode_authorization(request), **said)


def encode_send_sms_answer(answer: Taken | TurnedDown, call: SmsCall) -> Response:
    """`OK`, or the id's JSON in text; `ERROR`."""
    if isinstance(answer, TurnedDown):
        return text(answer.word)
    return text("OK" if call is SmsCall.SEND_SMS else compact({"id": answer.id}))


def decode_send_sms_answer(response: Response, call: SmsCall) -> Taken | TurnedDown:
    """Raises `Unreadable`, also for a yes to SendSMSv2 that has no id."""
    said = plain(response)
    if refusal := NO.get(said.strip('"')):
        return refusal
    if call is SmsCall.SEND_SMS:
        if said.strip('"') != "OK":
            raise Unreadable("neither OK nor ERROR")
        return Taken()
    message_id = _id_in(said)
    if not message_id:
        raise Unreadable("an answer without an id")
    return Taken(message_id)


def _id_in(said: str) -> str | None:
    """The id of `{"id": "7"}`, `{id:"7"}`, or of either inside a JSON string."""
    if unquoted := _UNQUOTED_ID.fullmatch(said):
        return unquoted[1] or unquoted[2] or unquoted[3]
    value = json_value(said.encode())
    if isinstance(value, dict):
        return scalar(value.get("id"))
    inner = scalar(value) or ""
    return _id_in(inner) if inner.startswith("{") else None
