"""Pages in a browser: the origin that serves them and hears what they read, and a headless Chromium that shows one."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from sandbox.processes import spawn
from tests.clients.programs import HERE, NODE_MODULES, need, need_packages, surroundings

PATIENCE = 120.0  # seconds for one page, on a slow machine
STOP_SECONDS = 10.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--no-proxy-server",
)
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


class Origin:
    """One web origin. Its pages are the files of tests/clients/pages; what a page posts to /said is what it read."""

    def __init__(self, url: str, said: "queue.Queue[Any]", folder: Path) -> None:
        self.url = url
        self._said = said
        self._folder = folder
        self._visits = 0

    def visit(self, page: str, **told: str) -> Any:
        """What a page said when it was done, in a browser that knows nothing of other visits. `told` is its query."""
        if "_jquery" in page:
            need_packages()
        self._visits += 1
        home = self._folder / f"visit-{self._visits}"
        home.mkdir()
        flags = (*FLAGS, f"--user-data-dir={home}/profile", f"{self.url}/{page}?{urlencode(told)}")
        environment = surroundings({name: str(home) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")})
        with open(home / "log", "wb") as log:
            browser = spawn([need("chromium"), *flags], env=environment, stdout=log, stderr=log)
            try:
                return self._said.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"{page} said nothing: {(home / 'log').read_text(errors='replace')}") from None
            finally:
                _end(browser)


@contextlib.contextmanager
def origin(folder: Path) -> Iterator[Origin]:
    """An origin on a free port; `folder` is where its browsers live. A visit skips the test where there is none."""
    said = queue.Queue[Any]()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = Path(urlsplit(self.path).path).name
            file = NODE_MODULES / "jquery" / "dist" / name if name.startswith("jquery") else HERE / "pages" / name
            if file.suffix not in TYPES or not file.is_file():
                self.send_error(404)
                return
            content = file.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", TYPES[file.suffix])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            said.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Origin(f"http://127.0.0.1:{server.server_port}", said, folder)
        server.shutdown()


def _end(browser: subprocess.Popen[bytes]) -> None:
    """Ends a browser with all its processes: its group is its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(browser.pid, signal.SIGKILL)
    browser.wait(STOP_SECONDS)
