"""Carries a request to a client's own URL: where that may lead, within a time that nothing prolongs, reading no body.

Apart from `providers`: a report may be repeated and a submission may not, and whose server this is we do not know. So
it is httpcore itself that connects, by way of `_Guarded`, and nothing stands above it that would follow a redirect, ask
a proxy or keep a connection.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterable
from functools import cache
from ipaddress import ip_address
from typing import Any

import httpcore
import httpx

from switchboard.dialects.wire import Request, Response
from switchboard.model import destination
from switchboard.model.problem import Refused

_MAX_ADDRESSES = 4  # of a name that are tried: a name must not make us knock at hundreds of doors
_CONNECT_SECONDS = 3.0  # for one address, so that a dead one leaves time for the next
_HEADERS = ((b"user-agent", b"Switchboard"), (b"accept", b"*/*"))


class Unreached(Exception):
    """No answer came; the message is the kind of failure, and names no address."""


class Barred(Unreached):
    """The URL leads where we do not call: nothing was sent, and no connection made."""


def carry(url: str, request: Request, seconds: float, loopback: bool = False) -> Response:
    """The answer, without its body, to a request at `url` (its path is the URL's, its query is added to the URL's).

    It takes no more than `seconds` in all, look-up and handshake included, however slowly the other side talks. The URL
    must be one that `destination.check` lets through, with `loopback` as there, and all addresses of its host ones that
    `destination.refusal` has nothing against. A redirect is an answer like any other. Raises `Unreached`, and of its
    kind `Barred`.
    """
    try:
        destination.check(url, loopback)
    except Refused as refused:
        raise Barred("; ".join(f"the URL {problem.reason}" for problem in refused.problems)) from None
    loop = asyncio.new_event_loop()  # asyncio.run would wait for a look-up that was given up
    try:
        return loop.run_until_complete(_carry(httpx.URL(url), request, seconds, loopback))
    except _FAILURES as error:
        raise Unreached(type(error).__name__) from None
    finally:
        loop.close()


_FAILURES = (
    *(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.UnsupportedProtocol),
    *(httpx.InvalidURL, OSError, UnicodeError, ExceptionGroup),
)


async def _carry(url: httpx.URL, request: Request, seconds: float, loopback: bool) -> Response:
    query = b"&".join(part for part in (url.query, request.query) if part)
    target = httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.copy_with(query=query or None).raw_path
    )
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in request.headers]
    async with (
        asyncio.timeout(seconds),
        httpcore.AsyncHTTPConnection(target.origin, ssl_context=_trust(), network_backend=_Guarded(loopback)) as http,
        http.stream(
            request.method,
            target,
            headers=[(b"host", url.netloc), *_HEADERS, *headers],
            content=request.body,
        ) as answer,
    ):
        said = tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in answer.headers)
        return Response(status=answer.status, headers=said)


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to a host only where every address that its name leads to may be called.

    A name is looked up once, and the connection goes to an address that was judged: an answer of the name's server that
    comes later changes nothing. One bad address among good ones bars the name: it is a mistake or an attack, and who is
    called must not depend on which of them answers first. Whether a host is written in octal, in hexadecimal or in
    full-width digits is no matter here: what the resolver makes of it is judged. The TLS above this is for the name.
    """

    def __init__(self, loopback: bool) -> None:
        self._loopback = loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  httpcore's name for it
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the host's addresses. Raises `Barred`, OSError, and httpcore's own exceptions."""
        failed: Exception = httpcore.ConnectError("the name has no address")
        for address in await self._addresses(host, port):
            try:
                return await self._network.connect_tcp(address, port, timeout=_CONNECT_SECONDS)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _addresses(self, host: str, port: int) -> list[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ip_address(str(sockaddr[0])) for _, _, _, _, sockaddr in found]
        for address in addresses:
            if kind := destination.refusal(address, self._loopback):
                raise Barred(f"the URL leads to an address that is {kind}")
        return [str(address) for address in dict.fromkeys(addresses)][:_MAX_ADDRESSES]


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that the process trusts, read once: a connection lives for one request."""
    return httpx.create_ssl_context(trust_env=False)
