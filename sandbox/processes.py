"""Child processes that never outlive the sandbox, and folders that never outlive it either."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

PR_SET_PDEATHSIG = 1
ROOT = Path(__file__).resolve().parent.parent
STOP_SECONDS = 5.0


def _dies_with(parent: int) -> Callable[[], None] | None:
    """What a child does before its program starts, so that the kernel kills it as soon as its parent is gone."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def arrange() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died in between
            os._exit(1)

    return arrange


_BEFORE_EXEC: tuple[int, Callable[[], None] | None] = (0, None)


def spawn(arguments: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own (a terminal's Ctrl-C is ours to handle) that is killed when we end.

    Call it from the main thread: the kernel counts the death of the thread that started a child as the parent's.
    """
    global _BEFORE_EXEC
    pid = os.getpid()
    if _BEFORE_EXEC[0] != pid:
        _BEFORE_EXEC = (pid, _dies_with(pid))
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen([str(a) for a in arguments], start_new_session=True, preexec_fn=_BEFORE_EXEC[1], **options)


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs one of our modules with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our own environment for our own children: the repository and the layer's source can be imported."""
    paths = [str(ROOT), str(ROOT / "layers" / "switchboard")]
    if inherited := os.environ.get("PYTHONPATH"):
        paths.append(inherited)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **(extra or {})}


def first_line(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The JSON object that a child prints when it is ready; RuntimeError if it ends before."""
    assert process.stdout is not None
    for line in process.stdout:
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                return value
    raise RuntimeError(f"{process.args!r} ended with {process.wait()} before it was ready")


def stop(process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> None:
    """Ends a child, politely at first, and waits for it."""
    if process.poll() is None:
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)  # a frozen one too
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


class Folder:
    """A temporary folder that a process of its own deletes even when we are killed before we can."""

    def __init__(self, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", 'cat >/dev/null; sleep 0.2; rm -rf -- "$0"', str(self.path)],
            stdin=subprocess.PIPE,  # its end is our end
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def delete(self) -> None:
        """Removes the folder and the guard."""
        shutil.rmtree(self.path, ignore_errors=True)
        guard: IO[bytes] | None = self._guard.stdin
        if guard is not None:
            guard.close()
        self._guard.wait()
