"""Requests and answers with damage: what networks, proxies and strangers make of well-formed ones, and pure noise."""

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any
from urllib.parse import parse_qsl, quote_from_bytes, unquote_to_bytes

from switchboard.dialects.wire import Request, Response

Headers = tuple[tuple[str, str], ...]

BOUNDARY = "b--b"
METHODS = ("GET", "POST", "POST", "PUT", "HEAD", "OPTIONS", "get", "")
STATUSES = (*[200] * 8, 100, 201, 204, 301, 302, 400, 401, 403, 404, 408, 413, 425, 429, 500, 502, 503, 504, 599)
# fmt: off
MEDIA = (
    "", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8",
    "application/x-www-form-urlencoded;charset=utf-16", "multipart/form-data", "multipart/form-data; boundary=",
    f"multipart/form-data; boundary={BOUNDARY}", f'MULTIPART/Form-Data; boundary="{BOUNDARY}"; charset=x',
    "multipart/form-data; boundary=\udcff", "multipart/mixed; boundary=x", "application/json", "text/json; q=0",
    "application/json; charset=utf-7", "text/plain", "text/html", "text/csv", "application/octet-stream", "\x00;;=",
)
AUTHORIZATIONS = (
    "", "Basic", "Basic ", "Bearer ", "basic  ", "Basic ====", "Basic \udcff", "Basic YTpi", "Basic /w==", "Basic Og==",
    "Bearer sb_", "Bearer sb_x", "Basic c2JfOnNiXw==", "Digest x", "Basic YTpi,Basic YTpi", "Bearer " + "A" * 5000,
)
PIECES: tuple[bytes, ...] = (  # what parsers stumble over
    b"\x00", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf0\x9f\x98\x80", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\x85", b"\x1b",
    b"%", b"%0", b"%zz", b"%00", b"%FF", b"%ED%A0%80", b"%F0%9F%98%80", b"%26", b"%3D", b"%2C", b"%0D%0A", b"%u0041",
    b"&", b"&&", b"=", b"==", b"+", b"%2B", b";", b",", b",,,", b"|", b":", b"->", b"<-", b"\r\n", b"\n", b"\r\n\r\n",
    b"{", b"}", b"[", b"]", b'"', b"\\", b"\\ud800", b"\\ud83d\\ude00", b"\\u0000", b"null", b"true", b"[]", b"{}",
    b"[" * 3000, b'{"a":' * 3000, b"9" * 5000, b"0", b"-1", b"1e999", b"NaN", b"Infinity", b"0x10", b"1_000",
    "٣".encode(), "１７０１".encode(), "²".encode(), "İ".encode(), "\u202e".encode(), "ß".encode(),
    b"D800", b"D83DDE00", b"00", b"0041", b"d8", b"DC00D800", b"FFFE", b"00E9",
    b"99/99/9999", b"02/30/2026", b"01/01/26", b"12/31/9999", b"00/00/0000", b"13:61 zz", b"00:00 pm", b"12:00 AM",
    b"GMT +99:99", b"GMT +05:30", b"-12:00", b"0000-00-00 00:00:00", b"9999-12-31 23:59:59", b"2026-02-30",
    b"1701", b"1701|", b"|1701", b"99999", b"Scheduled|", b"NA", b"OK", b"ERROR", b"success", b'"message"', b"guid",
    b"--", b"--" + BOUNDARY.encode(), b"\r\n--" + BOUNDARY.encode() + b"--\r\n", b'; filename="', b'name=""', b"name=",
    b"====", b"QQ", b"/w==", b"-_", b"sb_", b"@", b"a@b.c", b"+19195551212", b"0019195551212", b"+", b"contact:7",
    b"attachments[]", b"custom_field", b"sms", b"phone", b"fileb64", b"schedule", b"variables",
    b"A" * 3000, b"a," * 1100,
)
ODD: tuple[Any, ...] = (  # values that a JSON document may have where another was meant
    None, True, False, 0, -1, 1.5, 1e308, float("inf"), float("nan"), 10**400, "", " ", "\x00", "\ud800",
    "\udc00\ud800", [], [None], [[]], ["a", 1], {}, {"": ""}, {"a": None}, "null", "1e999", "٣",
    "2026-02-30 25:61:61", "x" * 3000,
)
# fmt: on


class Damage:
    """One source of damage; the same seed does the same."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def request(self, request: Request, path: bool = True) -> Request:
        """A request with some damage somewhere; its path stays as it is where only that path leads to the reader."""
        if self.random.random() < 0.2:
            request = self.dressed(request)
        for _ in range(self._few()):
            request = self.random.choice(_PLACES if path else _PLACES[1:])(self, request)
        return request

    def answer(self, answer: Response) -> Response:
        """An answer with some damage somewhere."""
        body = answer.body
        for _ in range(self._few() if self.random.random() < 0.8 else 0):
            body = self.octets(body)
        status = self.random.choice(STATUSES) if self.random.random() < 0.3 else answer.status
        headers = self._headers(answer.headers, "retry-after") if self.random.random() < 0.3 else answer.headers
        return Response(status=status, headers=headers, body=body)

    def noise(self) -> bytes:
        """Any bytes: all of them, printable ones, or pieces that mean something."""
        length = self.random.choice((0, 1, 3, 10, 40, 200))
        kind = self.random.randrange(3)
        if kind == 0:
            return self.random.randbytes(length)
        if kind == 1:
            return bytes(self.random.choices(b'abz019%&=+,;|:"{}[]\\/-_ \r\n', k=length))
        return b"".join(self.random.choice(PIECES) for _ in range(min(length, 10)))

    def noisy_request(self, path: str) -> Request:
        """A request to a path, and nothing that was ever meant."""
        headers = self._headers((), "authorization")
        return Request(
            method=self.random.choice(METHODS), path=path, query=self.noise(), headers=headers, body=self.noise()
        )

    def noisy_answer(self) -> Response:
        """An answer that nobody wrote."""
        return Response(
            status=self.random.choice(STATUSES), headers=self._headers((), "retry-after"), body=self.noise()
        )

    def octets(self, raw: bytes) -> bytes:
        """Some bytes with one damage: in a value of theirs, where they are JSON, as often as anywhere."""
        if raw.startswith(b"{") and self.random.random() < 0.5:
            return self._json(raw)
        return self.random.choice(_BLOWS)(self, raw)

    def dressed(self, request: Request) -> Request:
        """The same parameters in other clothes: query, form, multipart or JSON."""
        pairs = parse_qsl((request.query + b"&" + request.body).decode("latin-1"), keep_blank_values=True)[:100]
        joined = b"&".join(piece for piece in (request.query, request.body) if piece)
        kept = tuple(header for header in request.headers if header[0] != "content-type")
        kind = self.random.randrange(4)
        if kind == 0:
            return replace(request, method="GET", query=joined, headers=kept, body=b"")
        if kind == 1:
            typed = (*kept, ("content-type", "application/x-www-form-urlencoded"))
            return replace(request, method="POST", query=b"", headers=typed, body=joined)
        if kind == 2:
            typed = (*kept, ("content-type", f"multipart/form-data; boundary={BOUNDARY}"))
            return replace(request, method="POST", query=b"", headers=typed, body=_multipart(pairs))
        typed = (*kept, ("content-type", "application/json"))
        return replace(request, method="POST", query=b"", headers=typed, body=json.dumps(dict(pairs)).encode())

    def _few(self) -> int:
        return self.random.choice((1, 1, 1, 2, 2, 3, 6))

    def _span(self, raw: bytes) -> tuple[int, int]:
        start = self.random.randint(0, len(raw))
        return start, min(len(raw), start + self.random.choice((1, 1, 2, 4, 16, 100)))

    def _flip(self, raw: bytes) -> bytes:
        at = self.random.randrange(len(raw)) if raw else 0
        return raw[:at] + bytes([(raw[at] if raw else 0) ^ 1 << self.random.randrange(8)]) + raw[at + 1 :]

    def _cut(self, raw: bytes) -> bytes:
        return raw[: self.random.randint(0, len(raw))]

    def _drop(self, raw: bytes) -> bytes:
        start, end = self._span(raw)
        return raw[:start] + raw[end:]

    def _double(self, raw: bytes) -> bytes:
        start, end = self._span(raw)
        return raw[:end] + raw[start:end] * self.random.choice((1, 1, 2, 50)) + raw[end:]

    def _insert(self, raw: bytes) -> bytes:
        at = self.random.randint(0, len(raw))
        return raw[:at] + self.random.choice(PIECES) + raw[at:]

    def _overwrite(self, raw: bytes) -> bytes:
        start, end = self._span(raw)
        return raw[:start] + self.random.choice(PIECES) + raw[end:]

    def _field(self, raw: bytes) -> bytes:
        """One of the fields has another value, another name, is there twice, or not at all."""
        mark = next((mark for mark in (b"&", b",", b"|", b"\n") if mark in raw), b"&")
        fields = raw.split(mark)
        at = self.random.randrange(len(fields))
        name, equals, value = fields[at].partition(b":" if b"=" not in fields[at] else b"=")
        kind = self.random.randrange(5)
        if kind == 0:
            fields[at] = name + (equals or b"=") + self.random.choice(PIECES)
        elif kind == 1:
            fields[at] = self.random.choice(PIECES) + equals + value
        elif kind == 2:
            fields.insert(self.random.randrange(len(fields)), fields[at])
        elif kind == 3:
            del fields[at]
        else:
            fields[at] = name + equals + self._value(value)
        return mark.join(fields)

    def _value(self, raw: bytes) -> bytes:
        """One damage in a value, below its escapes."""
        said = unquote_to_bytes(raw.replace(b"+", b" "))
        return quote_from_bytes(self.octets(said), safe=" ").replace(" ", "+").encode()

    def _json(self, raw: bytes) -> bytes:
        """The same document with another value, another name, or less in it."""
        try:
            document = json.loads(raw)
        except (ValueError, RecursionError):
            return raw
        inner = [value for value in document.values() if isinstance(value, dict) and value]
        target = self.random.choice([document, *inner])
        name = self.random.choice([*target, "x"])
        kind = self.random.randrange(4)
        if kind == 0:
            target.pop(name, None)
        elif kind == 1:
            target[self.random.choice(("", "x", "\ud800", name.upper()))] = target.pop(name, None)
        else:
            target[name] = self.random.choice(ODD)
        return json.dumps(document, ensure_ascii=self.random.random() < 0.8).encode("utf-8", "surrogatepass")

    def _headers(self, headers: Headers, besides: str) -> Headers:
        """Another media type, and another value of one header."""
        kind = self.random.randrange(4)
        if kind == 0:
            return tuple(header for header in headers if header[0] != "content-type")
        if kind == 1:
            return ()
        if kind == 2:
            values = AUTHORIZATIONS if besides == "authorization" else ("", "1", "-1", "1e9", "²", "9" * 5000, "\udcff")
            return (*(header for header in headers if header[0] != besides), (besides, self.random.choice(values)))
        rest = tuple(header for header in headers if header[0] != "content-type")
        return (*rest, ("content-type", self.random.choice(MEDIA)))

    def _in_path(self, request: Request) -> Request:
        path = self.octets(request.path.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
        return replace(request, path=path)

    def _in_parameters(self, request: Request) -> Request:
        """In the query or in the body: mostly where there is something to damage."""
        both = bool(request.query) == bool(request.body) or self.random.random() < 0.1
        if self.random.random() < 0.5 if both else request.query:
            return replace(request, query=self.octets(request.query))
        return replace(request, body=self.octets(request.body))

    def _in_method(self, request: Request) -> Request:
        return replace(request, method=self.random.choice(METHODS))

    def _in_headers(self, request: Request) -> Request:
        return replace(request, headers=self._headers(request.headers, "authorization"))


def _multipart(pairs: list[tuple[str, str]]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in pairs
    ]
    return ("".join(parts) + f"--{BOUNDARY}--\r\n").encode()


_BLOWS: tuple[Callable[[Damage, bytes], bytes], ...] = (
    *(Damage._flip, Damage._cut, Damage._drop, Damage._double, Damage._insert, Damage._overwrite),
    *(Damage._field, Damage._field, Damage._field),
)
# The path comes first: it alone may be left out.
_PLACES: tuple[Callable[[Damage, Request], Request], ...] = (
    *(Damage._in_path, Damage._in_method, Damage._in_headers),
    *[Damage._in_parameters] * 6,
)
