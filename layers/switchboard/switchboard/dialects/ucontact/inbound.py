"""Inbound SMS: the call by which the vendor hands over a text from a handset (section 2.2)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes

from switchboard.dialects.forms import parameters
from switchboard.dialects.ucontact.calls import plain
from switchboard.dialects.wire import Request, Response, Unreadable, text

RECEIVE_SMS = "/Integra/resources/InboundSMS/ReceiveURLSMS"

_PHONE_FIRST = re.compile(rb"phone=(.*?)&message=(.*)", re.DOTALL)


class Spelling(StrEnum):
    """Where ReceiveURLSMS has its parameters: after a question mark, or after a slash."""

    QUERY = "?"
    PATH = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveSms:
    """A text from a handset."""

    phone: str
    message: str
    spelling: Spelling = Spelling.QUERY


def encode_receive_sms(call: ReceiveSms) -> Request:
    """As the vendor calls back."""
    said = f"phone={quote(call.phone, safe='')}&message={quote(call.message, safe='')}"
    if call.spelling is Spelling.QUERY:
        return Request(method="GET", path=RECEIVE_SMS, query=said.encode())
    return Request(method="GET", path=f"{RECEIVE_SMS}/{said}")


def decode_receive_sms(request: Request) -> ReceiveSms:
    """Reads both spellings. All that stands after the first `&message=` is the text, a bare `&` or `?` too.

    Raises `Unreadable`.
    """
    call = _in_path(request) or _in_query(request)
    if call is None:
        fields = {"phone": ""} | parameters(request)
        if "message" not in fields:
            raise Unreadable("an inbound message without its text")
        call = ReceiveSms(phone=fields["phone"], message=fields["message"])
    if not call.phone.strip():
        raise Unreadable("an inbound message without its number")
    return call


def _in_path(request: Request) -> ReceiveSms | None:
    _, slash, tail = request.path.partition("/phone=")
    said = (slash[1:] + tail).encode("utf-8", "surrogatepass") + (b"?" + request.query if request.query else b"")
    return _split(said, Spelling.PATH)


def _in_query(request: Request) -> ReceiveSms | None:
    return _split(request.query, Spelling.QUERY)


def _split(said: bytes, spelling: Spelling) -> ReceiveSms | None:
    found = _PHONE_FIRST.fullmatch(said)
    if found is None:
        return None
    # A plus is a space in the text; in front of a number it is a plus, encoded or not.
    phone, message = _unquoted(found[1]), _unquoted(found[2].replace(b"+", b" "))
    return ReceiveSms(phone=phone, message=message, spelling=spelling)


def _unquoted(raw: bytes) -> str:
    octets = unquote_to_bytes(raw)
    try:
        return octets.decode()
    except ValueError:
        return octets.decode("latin-1")  # a text from a handset is kept, whatever its bytes


def encode_receive_sms_answer(taken: bool) -> Response:
    """`OK` or `ERROR`."""
    return text("OK" if taken else "ERROR")


def decode_receive_sms_answer(response: Response) -> bool:
    """Whether the message was taken. Raises `Unreadable`."""
    taken = {"OK": True, "ERROR": False}.get(plain(response))
    if taken is None:
        raise Unreadable("neither OK nor ERROR")
    return taken
