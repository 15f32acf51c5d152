"""API Gateway's HTTP events (payload format 2.0) as wire values, and wire answers as what API Gateway expects."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from switchboard.dialects.wire import Request, Response, basic_pair

Event = Mapping[str, Any]

HEADERS = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""An API's answers are nobody's to keep, to guess the type of, or to fetch in the clear."""


def request(event: Event) -> Request:
    """The request as it came over the wire: raw path, raw query, the body as bytes."""
    body = event.get("body") or ""
    return Request(
        method=event["requestContext"]["http"]["method"],
        # It comes decoded; encoded again, it means the same to whoever reads it as it does in what we write.
        path=quote(event["rawPath"], safe="/=&:@!$'()*,;~", errors="surrogatepass"),
        query=event.get("rawQueryString", "").encode("utf-8", "surrogateescape"),
        headers=tuple((name.lower(), value) for name, value in event.get("headers", {}).items()),
        body=b64decode(body) if event.get("isBase64Encoded") else body.encode("utf-8", "surrogateescape"),
    )


def basic(request: Request) -> tuple[str, str]:
    """The name and the password of HTTP Basic (RFC 7617), both empty where there are none."""
    scheme, _, shown = (request.header("authorization") or "").partition(" ")
    return (scheme.lower() == "basic" and basic_pair(shown)) or ("", "")


def with_doors(ours: Callable[[Event, Any], dict[str, Any]]) -> Callable[[Event, Any], dict[str, Any]]:
    """One request, in our words, which `ours` answers, or in a vendor's."""

    def handler(event: Event, context: Any) -> dict[str, Any]:
        if event["rawPath"].startswith("/v1/"):
            return ours(event, context)
        # Only old clients need the doors, and a cold start of our own API does not wait for them to load.
        from switchboard.admit import admit

        return answer(admit(request(event)))

    return handler


def answer(response: Response) -> dict[str, Any]:
    """The answer for API Gateway; the body goes as base64, so that every byte arrives as it is."""
    return {
        "statusCode": response.status,
        "headers": {**HEADERS, **dict(response.headers)},
        "body": b64encode(response.body).decode(),
        "isBase64Encoded": True,
    }
