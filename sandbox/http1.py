"""HTTP/1.1 on asyncio streams: just enough of it, for the door and for the Runtime API."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

IDLE_SECONDS = 3600.0


@dataclass(slots=True)
class Request:
    """A request; header names are lower case, `target` and header values as they stood on the wire (latin-1)."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    peer: str
    version: str = "HTTP/1.1"

    def header(self, name: str) -> str:
        """All values of a header, joined by commas; empty if there is none."""
        return ",".join(value for key, value in self.headers if key == name)


@dataclass(slots=True)
class Response:
    """An answer; `close` ends the connection after it."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    close: bool = False


class Refused(Exception):
    """A request that cannot be read; the status says why, and the connection ends."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message or HTTPStatus(status).phrase)
        self.status = status


Handler = Callable[[Request], Awaitable[Response]]
OnRefusal = Callable[[Refused], Response]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes of request line and headers together, and of a body."""

    head: int
    body: int


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler, refusal: OnRefusal, limits: Limits
) -> None:
    """Answers all requests of one connection, one after the other, until either side ends it."""
    peer = (writer.get_extra_info("peername") or ("127.0.0.1",))[0]
    try:
        keep = True
        while keep:
            try:
                request = await asyncio.wait_for(_read(reader, writer, peer, limits), IDLE_SECONDS)
            except Refused as refused:
                answer = refusal(refused)
                answer.close = True
                request = None
            else:
                if request is None:
                    return
                answer = await handler(request)
            keep = not answer.close and request is not None and _keeps_alive(request)
            writer.write(encode(answer, head_only=request is not None and request.method == "HEAD", keep=keep))
            await writer.drain()
    except (ConnectionError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


def _keeps_alive(request: Request) -> bool:
    connection = request.header("connection").lower()
    return "close" not in connection and (request.version == "HTTP/1.1" or "keep-alive" in connection)


async def _read(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str, limits: Limits
) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial.strip():
            raise Refused(400) from None
        return None
    except asyncio.LimitOverrunError:
        raise Refused(431) from None
    if len(head) > limits.head + 2:
        raise Refused(431)
    request = _parse(head.decode("latin-1").lstrip("\r\n"), peer)
    coding, length = _framing(request, limits.body)
    if request.header("expect").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    if coding:
        request.body = await _chunks(reader, limits.body)
    elif length:
        request.body = await reader.readexactly(length)
    return request


def _framing(request: Request, most: int) -> tuple[str, int]:
    """The transfer coding (empty or chunked) and the length that the headers name; never both."""
    coding, length = request.header("transfer-encoding").lower(), request.header("content-length")
    if coding not in ("", "chunked") or (coding and length):
        raise Refused(400)
    if length and not (length.isascii() and length.isdigit()):
        raise Refused(400)
    if length and int(length) > most:
        raise Refused(413)
    return coding, int(length or 0)


def _parse(head: str, peer: str) -> Request:
    first, *lines = head[: head.index("\r\n\r\n")].split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[0].isalpha() or parts[2] not in ("HTTP/1.1", "HTTP/1.0"):
        raise Refused(400)
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Refused(400)
        headers.append((name.lower(), value.strip(" \t")))
    return Request(parts[0], parts[1], headers, b"", peer, parts[2])


async def _chunks(reader: asyncio.StreamReader, most: int) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            raise Refused(400) from None
        if len(body) + size > most:
            raise Refused(413)
        if size == 0:
            break
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":  # trailers
        pass
    return bytes(body)


def encode(answer: Response, *, head_only: bool = False, keep: bool = True) -> bytes:
    """The answer's bytes; a length, a date and what becomes of the connection are added."""
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Status"
    lines = [f"HTTP/1.1 {answer.status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    lines.append(f"date: {formatdate(usegmt=True)}")
    if answer.status >= 200 and answer.status != 204:
        lines.append(f"content-length: {len(answer.body)}")
    lines.append(f"connection: {'keep-alive' if keep else 'close'}")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    return head if head_only or answer.status in (204, 304) else head + answer.body
