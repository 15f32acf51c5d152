"""The parameters of a request, whichever way it carries them: query, form, multipart or JSON."""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from switchboard.dialects.wire import FORM, JSON, Request, Unreadable

MULTIPART = "multipart/form-data"
MAX_FIELDS = 1000

_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(r'[;\s]name="([^"]*)"', re.IGNORECASE)
_FILENAME = re.compile(r'[;\s]filename="([^"]*)"', re.IGNORECASE)
_TYPE = re.compile(r"^content-type:[ \t]*([^\r\n]*?)[ \t]*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body; `filename` only where it is a file."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None


def parameters(request: Request) -> dict[str, str]:
    """All parameters by name, the body's over the query's, the last of a repeated one. Files are left out.

    JSON scalars become text, other JSON values and nulls are left out. Raises `Unreadable`.
    """
    return _pairs(request.query) | _READERS.get(_media(request), _no_parameters)(request)


def parts(request: Request) -> tuple[Part, ...]:
    """The parts of a multipart body, in order. Raises `Unreadable`."""
    boundary = _BOUNDARY.search(request.header("content-type") or "")
    if boundary is None:
        raise Unreadable("a multipart body without a boundary")
    marker = b"\r\n--" + re.escape((boundary[1] or boundary[2]).encode("utf-8", "surrogateescape"))
    _preamble, *pieces = re.split(marker + rb"(?=--|[ \t]*\r\n)", b"\r\n" + request.body)
    if not pieces or not pieces[-1].startswith(b"--"):
        raise Unreadable("a multipart body that is cut short")
    return tuple(_part(piece) for piece in pieces[:-1])


def json_value(body: bytes) -> object:
    """A JSON document with its numbers as the text they were written in. Raises `Unreadable`."""
    try:
        return json.loads(body.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON in UTF-8") from None


def json_object(body: bytes) -> dict[str, object]:
    """The JSON object of a body, as `json_value` reads it. Raises `Unreadable`."""
    value = json_value(body)
    if not isinstance(value, dict):
        raise Unreadable("not a JSON object")
    return value


def scalar(value: object) -> str | None:
    """A JSON string or number as text that UTF-8 can carry (a lone surrogate becomes U+FFFD); None for all else."""
    if not isinstance(value, str):
        return None
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _media(request: Request) -> str:
    named = (request.header("content-type") or "").partition(";")[0].strip().lower()
    return named or (JSON if request.body.lstrip()[:1] == b"{" else FORM)


def _pairs(raw: bytes) -> dict[str, str]:
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Unreadable("parameters that are not UTF-8, or too many") from None


def _part(piece: bytes) -> Part:
    head, blank_line, data = piece.partition(b"\r\n\r\n")
    if not blank_line:
        raise Unreadable("a part without headers")
    try:
        headers = head.decode()
    except ValueError:
        raise Unreadable("a part's headers are not UTF-8") from None
    name, filename, content_type = _NAME.search(headers), _FILENAME.search(headers), _TYPE.search(headers)
    if name is None:
        raise Unreadable("a part without a name")
    return Part(
        name=name[1],
        data=data,
        filename=filename and filename[1],
        content_type=content_type and content_type[1],
    )


def _of_form(request: Request) -> dict[str, str]:
    return _pairs(request.body)


def _of_multipart(request: Request) -> dict[str, str]:
    try:
        return {part.name: part.data.decode() for part in parts(request) if part.filename is None}
    except UnicodeDecodeError:
        raise Unreadable("a part that is not UTF-8") from None


def _of_json(request: Request) -> dict[str, str]:
    values = {name: scalar(value) for name, value in json_object(request.body).items()}
    return {name: value for name, value in values.items() if value is not None}


def _no_parameters(request: Request) -> dict[str, str]:
    return {}


_READERS = {FORM: _of_form, MULTIPART: _of_multipart, JSON: _of_json}
