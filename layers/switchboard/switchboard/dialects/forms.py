"""The parameters of a request, whichever way it carries them: query, form, multipart or JSON."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from switchboard.dialects.wire import FORM, JSON, Request, Unreadable

MULTIPART = "multipart/form-data"
MAX_FIELDS = 1000

# What a quoted name cannot hold, as browsers write it (HTML living standard, "multipart/form-data"); % itself stays.
_ESCAPES = {'"': "%22", "\r": "%0D", "\n": "%0A"}
_ESCAPED = {escape: character for character, escape in _ESCAPES.items()}
_ESCAPE = re.compile("|".join(_ESCAPED), re.IGNORECASE)
_PRINTABLE = re.compile(r"[!-~](?:[ -~]*[!-~])?")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_DISPOSITION = re.compile(r"^content-disposition:[ \t]*form-data(.*)", re.IGNORECASE | re.MULTILINE)
_SAID = re.compile(r';[ \t]*([^\s;="]+)=(?:"([^"]*)"|([^\s;"]*))')  # some clients write a name without its quotes
_TYPE = re.compile(r"^content-type:(.*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body; `filename` only where it is a file."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str | None = None


def parameters(request: Request, *, lenient: bool = False) -> dict[str, str]:
    """All parameters by name, the body's over the query's, the last of a repeated one. Files are left out.

    JSON texts and numbers become text, and nulls are left out; so is every other JSON value where the reader is
    `lenient`. Raises `Unreadable`.
    """
    kind = media(request)
    if kind == JSON:
        return _pairs(request.query) | _of_json(request, lenient)
    return _pairs(request.query) | (_of_multipart(request) if kind == MULTIPART else _pairs(request.body))


def files(request: Request) -> tuple[Part, ...]:
    """The files of a multipart body, in order; none of another body. Raises `Unreadable`.

    A part with neither a file name nor data is a form's file field that was left blank.
    """
    if media(request) != MULTIPART:
        return ()
    return tuple(part for part in parts(request) if part.filename is not None and (part.filename or part.data))


def multipart(path: str, said: Sequence[Part]) -> Request:
    """A POST with a multipart body, the same bytes for the same parts; a part with a file name has a type too.

    Raises ValueError for a type that a header cannot carry.
    """
    pieces = [_head(part) + part.data for part in said]
    boundary = hashlib.sha256(b"".join(pieces)).hexdigest()  # nobody can write a text that holds its own digest
    marker = f"--{boundary}".encode()
    body = b"".join(marker + b"\r\n" + piece + b"\r\n" for piece in pieces) + marker + b"--\r\n"
    headers = (("content-type", f"{MULTIPART}; boundary={boundary}"),)
    return Request(method="POST", path=path, headers=headers, body=body)


def frames(said: Sequence[Part], boundary: str) -> tuple[bytes, ...]:
    """A multipart body without its parts' data: what stands before each part's, and what closes it.

    For bodies that are too large to hold. Raises ValueError for a type that a header cannot carry.
    """
    marker = f"--{boundary}\r\n".encode()
    before = [marker + _head(part) for part in said]
    return (
        *(piece if not place else b"\r\n" + piece for place, piece in enumerate(before)),
        f"\r\n--{boundary}--\r\n".encode(),
    )


def parts(request: Request) -> tuple[Part, ...]:
    """The parts of a multipart body, in order. Raises `Unreadable`."""
    boundary = _BOUNDARY.search(request.header("content-type") or "")
    if boundary is None:
        raise Unreadable("a multipart body without a boundary")
    marker = b"\r\n--" + re.escape((boundary[1] or boundary[2]).encode("utf-8", "surrogatepass"))
    _preamble, *pieces = re.split(marker + rb"(?=--|[ \t]*\r\n)", b"\r\n" + request.body)
    if not pieces or not pieces[-1].startswith(b"--"):
        raise Unreadable("a multipart body that is cut short")
    if len(pieces) > MAX_FIELDS + 1:
        raise Unreadable("too many parts")
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


def media(request: Request) -> str:
    """How a body is to be read: JSON, a form, or one of several parts.

    A type that is not named, or is none of them, says nothing: the body is JSON where it looks so, else a form.
    """
    named = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if named in (FORM, MULTIPART, JSON):
        return named
    return JSON if request.body.lstrip()[:1] == b"{" else FORM


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
    disposition, content_type = _DISPOSITION.search(headers), _TYPE.search(headers)
    said = _SAID.findall(disposition[1]) if disposition else ()
    words = {name.lower(): _unescaped(quoted or bare) for name, quoted, bare in said}
    if "name" not in words:
        raise Unreadable("a part without a name")
    return Part(
        name=words["name"],
        data=data,
        filename=words.get("filename"),
        content_type=content_type and content_type[1].strip(),
    )


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED[found[0].upper()], text)


def _head(part: Part) -> bytes:
    line = f'Content-Disposition: form-data; name="{_escaped(part.name)}"'
    if part.filename is None:
        return f"{line}\r\n\r\n".encode()
    if not _PRINTABLE.fullmatch(part.content_type or ""):
        raise ValueError("not a content type")
    return f'{line}; filename="{_escaped(part.filename)}"\r\nContent-Type: {part.content_type}\r\n\r\n'.encode()


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)


def _of_multipart(request: Request) -> dict[str, str]:
    try:
        return {part.name: part.data.decode() for part in parts(request) if part.filename is None}
    except UnicodeDecodeError:
        raise Unreadable("a part that is not UTF-8") from None


def _of_json(request: Request, lenient: bool) -> dict[str, str]:
    said = {name: value for name, value in json_object(request.body).items() if value is not None}
    if not lenient and not all(isinstance(value, str) for value in said.values()):
        raise Unreadable("a JSON member that is no text, number or null")
    values = {scalar(name): scalar(value) for name, value in said.items()}
    return {name: value for name, value in values.items() if name is not None and value is not None}
