"""Carries a request to a client's own URL over httpx: within a time that nothing prolongs, and without reading a body.

Apart from `providers`: a report may be repeated and a submission may not, and whose server this is we do not know.
"""

import asyncio
import ssl
from functools import cache

import httpx

from switchboard.dialects.wire import Request, Response


class Unreached(Exception):
    """No answer came; the message is the kind of failure, and names no address."""


def carry(url: str, request: Request, seconds: float) -> Response:
    """The answer, without its body, to a request at `url` (its path is the URL's, its query is added to the URL's).

    It takes no more than `seconds` in all, look-up and handshake included, however slowly the other side talks: httpx's
    own times are for each read. Raises `Unreached`.
    """
    loop = asyncio.new_event_loop()  # asyncio.run would wait for a look-up that was given up
    try:
        return loop.run_until_complete(_carry(httpx.URL(url), request, seconds))
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError, ExceptionGroup) as error:
        raise Unreached(type(error).__name__) from None
    finally:
        loop.close()


async def _carry(url: httpx.URL, request: Request, seconds: float) -> Response:
    query = b"&".join(part for part in (url.query, request.query) if part)
    async with (
        asyncio.timeout(seconds),
        httpx.AsyncClient(verify=_trust(), timeout=seconds, trust_env=False, follow_redirects=False) as http,
        http.stream(
            request.method,
            url.copy_with(query=query or None),
            headers=request.headers,
            content=request.body or None,
        ) as answer,
    ):
        headers = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Response(status=answer.status_code, headers=headers)


@cache
def _trust() -> ssl.SSLContext:
    """The certificates that the process trusts, read once: a client lives for one request."""
    return httpx.create_ssl_context(trust_env=False)
