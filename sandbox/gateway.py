"""The door: HTTP requests to events of payload format 2.0, and answers back, as API Gateway's HTTP API does it.

Limits are those of "Quotas for HTTP APIs": 10,240 bytes of request line and headers, 10 MB of body, 30 seconds.
"""

import asyncio
import base64
import binascii
import contextlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

from sandbox import http1
from sandbox.engine import ACCOUNT, HOST, REGION
from sandbox.routes import Router
from sandbox.runtime import PAYLOAD_LIMIT, Pool, Result
from sandbox.template import Deployment, Route

HEAD_LIMIT = 10_240
BODY_LIMIT = 10 * 2**20
TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
HOP_BY_HOP = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
JSON = ("content-type", "application/json")
API_ID = "sandbox"


class Gateway:
    """The HTTP API of a deployment, on one port of 127.0.0.1."""

    def __init__(self, deployment: Deployment, pools: Mapping[str, Pool]) -> None:
        self._router = Router(deployment.routes)
        self._pools = pools
        self._cors = deployment.cors

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one connection."""
        limits = http1.Limits(head=HEAD_LIMIT, body=BODY_LIMIT)
        with contextlib.suppress(asyncio.CancelledError):  # the sandbox stops: no news, but 3.11 would print it
            await http1.serve(reader, writer, self._answer, _refused, limits)

    async def _answer(self, request: http1.Request) -> http1.Response:
        path, _, query = request.target.partition("?")
        if not path.startswith("/"):  # an absolute target, as proxies send it
            path = "/" + path.partition("://")[2].partition("/")[2]
        origin = request.header("origin")
        if self._cors and origin and request.method == "OPTIONS" and request.header("access-control-request-method"):
            return http1.Response(204, _cors_headers(self._cors, origin, preflight=True))
        found = self._router.find(request.method, path)
        if found is None:
            answer = message(404, "Not Found")
        else:
            answer = await self._invoke(*found, request, path, query)
        if self._cors and origin:
            kept = [(k, v) for k, v in answer.headers if not k.lower().startswith("access-control-")]
            answer.headers = kept + _cors_headers(self._cors, origin, preflight=False)
        return answer

    async def _invoke(
        self, route: Route, parameters: Mapping[str, str], request: http1.Request, path: str, query: str
    ) -> http1.Response:
        now = time.time()
        event = to_event(request, route, parameters, path, query, now)
        payload = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        if len(payload) > PAYLOAD_LIMIT:
            return message(413, "Request Entity Too Large")
        try:
            result = await asyncio.wait_for(self._pools[route.function].invoke(payload), route.timeout)
        except TimeoutError:
            answer = message(503, "Service Unavailable")
        else:
            answer = from_result(result)
        answer.headers.append(("apigw-requestid", event["requestContext"]["requestId"]))
        return answer


def message(status: int, text: str) -> http1.Response:
    """The gateway's own answer."""
    return http1.Response(status, [JSON], json.dumps({"message": text}, separators=(",", ":")).encode())


def _refused(refused: http1.Refused) -> http1.Response:
    return message(refused.status, str(refused))


def to_event(
    request: http1.Request, route: Route, parameters: Mapping[str, str], path: str, query: str, now: float
) -> dict[str, Any]:
    """The event of a request. The path is decoded, the query is not; bodies that are not text are base64."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        elif name not in HOP_BY_HOP or name == "content-length":
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    headers |= {
        "x-forwarded-for": request.peer,
        "x-forwarded-proto": "http",
        "x-amzn-trace-id": f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]}",
    }
    host = headers.get("host", HOST)
    raw_path = unquote(path)
    raw_query = quote(query, safe="%/:?#[]@!$&'()*+,;=~", encoding="latin-1")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": raw_path,
        "rawQueryString": raw_query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": host,
            "domainPrefix": host.partition(".")[0],
            "http": {
                "method": request.method,
                "path": raw_path,
                "protocol": request.version,
                "sourceIp": request.peer,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex[:16],
            "routeKey": route.key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
            "region": REGION,
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if parameters:
        event["pathParameters"] = dict(parameters)
    if raw_query:
        event["queryStringParameters"] = _joined(raw_query)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    return event


def _joined(query: str) -> dict[str, str]:
    """Query parameters, decoded; the values of one name joined by commas."""
    values: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in TEXT_TYPES:
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode("ascii"), True


def from_result(result: Result) -> http1.Response:
    """The HTTP answer of an invocation: 500 when the function failed or its answer has no such form."""
    if result.error is not None:
        return message(500, "Internal Server Error")
    try:
        answer = json.loads(result.payload)
        if not isinstance(answer, dict) or "statusCode" not in answer:  # the function gives a body only
            body = answer if isinstance(answer, str) else json.dumps(answer)
            return http1.Response(200, [JSON], body.encode())
        status = int(answer["statusCode"])
        headers = [(str(k).lower(), _text(v)) for k, v in (answer.get("headers") or {}).items()]
        headers = [(k, v) for k, v in headers if k not in HOP_BY_HOP]
        headers += [("set-cookie", str(cookie)) for cookie in answer.get("cookies") or ()]
        text = answer.get("body")
        body = text if isinstance(text, str) else "" if text is None else json.dumps(text)
        content = base64.b64decode(body, validate=True) if answer.get("isBase64Encoded") else body.encode()
    except (ValueError, TypeError, AttributeError, binascii.Error):
        return message(500, "Internal Server Error")
    if not 100 <= status <= 599:
        return message(500, "Internal Server Error")
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=utf-8"))
    return http1.Response(status, headers, content)


def _text(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "\r" in text or "\n" in text:
        raise ValueError("a header of two lines")
    return text


def _cors_headers(cors: Mapping[str, Any], origin: str, *, preflight: bool) -> list[tuple[str, str]]:
    allowed = cors.get("allowOrigins", [])
    if "*" in allowed:
        granted = "*"
    elif origin in allowed:
        granted = origin
    else:
        return []
    headers = [("access-control-allow-origin", granted)]
    if cors.get("allowCredentials"):
        headers.append(("access-control-allow-credentials", "true"))
    named = {"access-control-expose-headers": "exposeHeaders"}
    if preflight:
        named = {"access-control-allow-methods": "allowMethods", "access-control-allow-headers": "allowHeaders"}
        if "maxAge" in cors:
            headers.append(("access-control-max-age", str(cors["maxAge"])))
    return headers + [(name, ",".join(cors[key])) for name, key in named.items() if cors.get(key)]
