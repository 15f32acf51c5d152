"""A client's own server, which is told of its receipts."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

SECRET = "secret-of-the-url"


class Endpoint:
    """Keeps what it is told; does what `answers` says first: a status, or seconds to hang. Also a context manager."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.refused: list[dict[str, str]] = []
        self.answers: list[int | float] = []
        self.retry_after: str | None = None
        self.kinds: set[tuple[str, str, str]] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/receipts?key={SECRET}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, id_: str) -> list[str]:
        """The words that it was told of a message, in order."""
        return [fields["sStatus"] for fields in self.told if fields["sMessageId"] == id_]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                endpoint.kinds.add((self.command, self.path, self.headers.get("Content-Type", "").partition(";")[0]))
                answer = endpoint.answers.pop(0) if endpoint.answers else 200
                if isinstance(answer, float):
                    time.sleep(answer)
                    return
                (endpoint.told if answer in (200, 202) else endpoint.refused).append(
                    dict(parse_qsl(body.decode(), keep_blank_values=True))
                )
                self.send_response(answer)
                if endpoint.retry_after:
                    self.send_header("Retry-After", endpoint.retry_after)
                self.end_headers()

            do_GET = do_POST  # noqa: N815  the name that http.server looks for

            def log_message(self, *_: object) -> None:
                """Quiet."""

        return Handler
