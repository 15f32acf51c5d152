"""The callbacks of a simulator on their way out: queued until their time, sent, and tried again until a 2xx."""

import heapq
import http.client
import itertools
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from switchboard.dialects.wire import Request

RECEIPT_PATIENCE = 60.0  # seconds of trying before a receipt is given up
RECEIPT_WORKERS = 8


@dataclass(slots=True, kw_only=True)
class Callback:
    """One callback on its way out, and what became of it."""

    id: str
    word: str
    request: Request
    at: float
    patience: float
    status: int = 0
    tries: int = 0
    done: bool = False  # answered with 2xx
    over: threading.Event = field(default_factory=threading.Event)  # the first try has been made

    def line(self) -> dict[str, Any]:
        """As `/_receipts` shows it."""
        return {name: getattr(self, name) for name in ("id", "word", "at", "status", "tries", "done")}


class Courier:
    """Sends callbacks from its own threads, each again and again until a 2xx or until its patience ends."""

    def __init__(self, url: str | None, patience: float = RECEIPT_PATIENCE) -> None:
        self.url = url
        self.patience = patience
        self.sent: list[Callback] = []
        self._due: list[tuple[float, int, Callback]] = []
        self._count = itertools.count()
        self._ready = threading.Condition()
        self._open = True
        self._threads: list[threading.Thread] = []

    def send(self, message_id: str, word: str, request: Request, after: float = 0.0) -> Callback | None:
        """Queues one callback; None when there is nowhere to send it."""
        if self.url is None:
            return None
        at = time.time() + after
        callback = Callback(id=message_id, word=word, request=request, at=at, patience=at + self.patience)
        with self._ready:
            self.sent.append(callback)
            self._push(callback, after)
            if len(self._threads) < RECEIPT_WORKERS:
                thread = threading.Thread(target=self._run, daemon=True, name="receipts")
                self._threads.append(thread)
                thread.start()
        return callback

    def lines(self) -> list[dict[str, Any]]:
        """All callbacks, as JSON."""
        with self._ready:
            return [callback.line() for callback in self.sent]

    def close(self) -> None:
        """Stops; what has not gone out stays unsent."""
        with self._ready:
            self._open = False
            self._ready.notify_all()

    def _push(self, callback: Callback, after: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + after, next(self._count), callback))
        self._ready.notify()

    def _next(self) -> Callback | None:
        with self._ready:
            while self._open:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._ready.wait(wait)
        return None

    def _run(self) -> None:
        line = _Line()
        while (callback := self._next()) is not None:
            callback.status = line.carry(self.url, callback.request) if self.url else 0
            callback.tries += 1
            callback.done = 200 <= callback.status < 300
            callback.over.set()
            pause = min(5.0, 0.2 * 2 ** min(callback.tries, 6))
            if not callback.done and time.time() + pause < callback.patience:
                with self._ready:
                    self._push(callback, pause)
        line.close()


class _Line:
    """One thread's kept-alive connection to the callback's host."""

    def __init__(self) -> None:
        self._to: tuple[str, str] | None = None
        self._connection: http.client.HTTPConnection | None = None

    def carry(self, url: str, request: Request) -> int:
        """Sends one callback and returns its status, 0 if no answer came; a kept one that died is opened anew."""
        parts = urlsplit(url)
        path = parts.path.rstrip("/") + request.path if request.path.strip("/") else parts.path or "/"
        query = "&".join(part for part in (parts.query, request.query.decode("latin-1")) if part)
        kept = self._connection is not None and self._to == (parts.scheme, parts.netloc)
        for _ in range(2 if kept else 1):
            try:
                connection = self._connect(parts.scheme, parts.netloc)
                target = f"{path}?{query}" if query else path
                connection.request(request.method, target, body=request.body or None, headers=dict(request.headers))
                response = connection.getresponse()
                response.read()
                return response.status
            except (OSError, http.client.HTTPException):
                self.close()
        return 0

    def close(self) -> None:
        """Drops the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _connect(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if self._connection is None or self._to != (scheme, netloc):
            self.close()
            kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
            self._to, self._connection = (scheme, netloc), kind(netloc, timeout=30)
        return self._connection
