"""The bulk platform's parameters as bytes: doubled ampersands, and text in UTF-8 or Windows-1252."""

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote_to_bytes

from switchboard.dialects import forms
from switchboard.dialects.wire import FORM, JSON, Request, Unreadable

# Windows-1252 as browsers read it: the five octets that it leaves out are control characters.
_CP1252 = tuple(bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256))


def parameters(request: Request, *, lenient: bool = False) -> dict[str, str]:
    """The parameters of a request, the body's over the query's, JSON as `forms.parameters` reads it.

    Raises `Unreadable` for a broken or endless one.
    """
    media = forms.media(request) if request.body else FORM
    fields = dict(_pairs(request.query))
    if media == FORM:
        fields |= _pairs(request.body)
    elif media == forms.MULTIPART:
        fields |= {part.name: _characters(part.data) for part in forms.parts(request)}
    elif media == JSON:
        fields |= forms.parameters(replace(request, query=b""), lenient=lenient)
    return fields


def _pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    pieces = [piece for piece in raw.split(b"&") if piece]
    if len(pieces) > forms.MAX_FIELDS:
        raise Unreadable("too many parameters")
    for piece in pieces:
        name, _, value = piece.replace(b"+", b" ").partition(b"=")
        yield _characters(unquote_to_bytes(name)), _characters(unquote_to_bytes(value))


def _characters(raw: bytes) -> str:
    """UTF-8, strictly; where that fails, Windows-1252 (section 3.1)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(_CP1252[octet] for octet in raw)
