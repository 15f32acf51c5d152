"""Inbound SMS: the call by which the vendor hands over a text from a handset (section 2.2)."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote_to_bytes

from switchboard.dialects.forms import MAX_FIELDS, media, parameters
from switchboard.dialects.ucontact.calls import plain
from switchboard.dialects.wire import FORM, Request, Response, Unreadable, text

RECEIVE_SMS = "/Integra/resources/InboundSMS/ReceiveURLSMS"

_AS_PRINTED = re.compile(rb"phone=([^&]*)&message=(.*)", re.DOTALL)


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
    """Reads both spellings, and other parameters beside the two or another order.

    In the printed order all that stands after `&message=` is the text, a bare `&` or `?` too. Raises `Unreadable`.
    """
    call = _in_path(request) or _read(request.query, Spelling.QUERY) or _in_body(request)
    if call is None:
        raise Unreadable("an inbound message without its number or its text")
    return call


def _in_path(request: Request) -> ReceiveSms | None:
    _, slash, tail = request.path.partition("/phone=")
    if not slash:
        return None
    said = (slash[1:] + tail).encode("utf-8", "surrogatepass") + (b"?" + request.query if request.query else b"")
    return _read(said, Spelling.PATH)


def _in_body(request: Request) -> ReceiveSms | None:
    """Parameters that came in a body, or in a body and the query."""
    if media(request) == FORM:
        return _read(request.query + b"&" + request.body, Spelling.QUERY)
    fields = parameters(request, lenient=True)
    return _call(fields.get("phone", ""), fields.get("message"), Spelling.QUERY)


def _read(said: bytes, spelling: Spelling) -> ReceiveSms | None:
    printed = _AS_PRINTED.fullmatch(said)
    if printed:
        phone, message = printed.groups()
    else:
        pairs = [piece.partition(b"=") for piece in said.split(b"&", MAX_FIELDS)]
        fields = {unquote_to_bytes(name): value for name, _, value in pairs}
        phone, message = fields.get(b"phone", b""), fields.get(b"message")
    # A plus is a space in the text; in front of a number it is a plus, encoded or not.
    words = None if message is None else _unquoted(message.replace(b"+", b" "))
    return _call(_unquoted(phone), words, spelling)


def _call(phone: str, message: str | None, spelling: Spelling) -> ReceiveSms | None:
    if not phone.strip() or message is None:
        return None
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
