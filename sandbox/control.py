"""What tests do to a running sandbox from outside: invoke a function, end or freeze its processes, look at its counts.

An HTTP server on a port of its own, with a random path; never on the door's port.
"""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from sandbox import http1
from sandbox.engine import HOST
from sandbox.runtime import PAYLOAD_LIMIT, Pool

LIMITS = http1.Limits(head=16_384, body=PAYLOAD_LIMIT + 1024)
JSON = [("content-type", "application/json")]


class Control:
    """POST /invoke/<function>, POST /signal/<function>?number=9, GET /stats, all under the random path."""

    def __init__(self, pools: Mapping[str, Pool], names: Mapping[str, str]) -> None:
        self._pools = pools
        self._names = names
        self._root = "/" + secrets.token_urlsafe(16)

    async def open(self) -> str:
        """Serves; the base URL."""
        server = await asyncio.start_server(self._connected, HOST, 0, limit=LIMITS.head)
        return f"http://{HOST}:{server.sockets[0].getsockname()[1]}{self._root}"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await http1.serve(reader, writer, self._answer, lambda refused: http1.Response(refused.status, []), LIMITS)

    async def _answer(self, request: http1.Request) -> http1.Response:
        path, _, query = request.target.partition("?")
        if not path.startswith(self._root + "/"):
            return http1.Response(404, [])
        verb, _, name = path.removeprefix(self._root + "/").partition("/")
        if verb == "stats":
            return _json({name: _stats(self._pools[id]) for name, id in self._names.items()})
        pool = self._pools.get(self._names.get(name, name))
        if pool is None:
            return http1.Response(404, [])
        if verb == "signal":
            return _json(pool.signal(int(parse_qs(query)["number"][0])))
        if verb == "invoke":
            result = await pool.invoke(request.body)
            return http1.Response(200, [*JSON, ("x-error", result.error or "")], result.payload)
        return http1.Response(404, [])


def _stats(pool: Pool) -> dict[str, Any]:
    return {
        "invocations": pool.invocations,
        "errors": pool.errors,
        "workers": [worker.pid for worker in pool.workers],
        "init_seconds": pool.init_seconds,
    }


def _json(value: Any) -> http1.Response:
    return http1.Response(200, JSON, json.dumps(value).encode())
