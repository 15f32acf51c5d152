"""HTTP requests and answers as plain values: what every dialect reads and writes, and no network."""

from base64 import b64decode
from dataclasses import dataclass
from urllib.parse import urlencode

FORM = "application/x-www-form-urlencoded"
FORM_UTF8 = f"{FORM}; charset=UTF-8"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"
IDEMPOTENCY_KEY = r"[\x21-\x7e]{1,255}"
"""What the value of an Idempotency-Key header may be, at our own API and at the vendors' doors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Headed:
    """What requests and answers have in common; header names are lower case."""

    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """The first value of a header, by its lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(_Headed):
    """A request as bytes on the wire. `path` starts with a slash, is percent-encoded and has no query."""

    method: str
    path: str
    query: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(_Headed):
    """An answer as bytes on the wire."""

    status: int = 200

    @property
    def retry_after(self) -> float | None:
        """Seconds of a Retry-After header (RFC 9110 section 10.2.3); its other form, a date, is as good as none."""
        value = self.header("retry-after")
        return float(value) if value is not None and value.isascii() and value.isdigit() else None


class Unreadable(Exception):
    """What came over the wire is not this dialect; the message says why and quotes no personal data."""


def form(method: str, path: str, fields: dict[str, str]) -> Request:
    """A request with a form body in UTF-8."""
    return Request(
        method=method, path=path, headers=(("content-type", FORM_UTF8),), body=urlencode(fields).encode("ascii")
    )


def text(body: str, status: int = 200) -> Response:
    """A plain-text answer."""
    return Response(status=status, headers=(("content-type", TEXT),), body=body.encode())


NOT_FOUND = text("Not Found", 404)
"""The answer where nothing stands, and where nobody is to know that something does."""


def basic_pair(token: str) -> tuple[str, str] | None:
    """The name and the password that a token of HTTP Basic (RFC 7617) holds; None where it holds none."""
    try:
        name, colon, password = b64decode(token, validate=True).decode().partition(":")
    except ValueError:  # binascii.Error is one
        return None
    return (name, password) if colon else None
