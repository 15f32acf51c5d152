"""Runs the programs as processes of their own, and finds or installs what they are written in."""

import contextlib
import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sandbox.processes import ROOT

HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
INSTALLED = ROOT / "build" / "clients" / hashlib.sha256(PACKAGES.read_bytes()).hexdigest()[:16]
NODE_MODULES = INSTALLED / "node_modules"
PATIENCE = 120.0  # seconds for one program, on a slow machine

INTERPRETERS = {".py": sys.executable, ".sh": "sh", ".php": "php", ".js": "node"}
WHERE = {"php": "Debian's php-cli", "node": "Node.js", "npm": "with Node.js"}

# What the PHP programs stand on, as PHP itself can tell, and where it would come from.
PHP_LIBRARIES = {
    "php_curl.php": ("extension_loaded('curl')", "Debian's php-curl"),
    "php_http_request2.php": ("stream_resolve_include_path('HTTP/Request2.php')", "PEAR's HTTP_Request2"),
    "php_pecl_http.php": ("class_exists('http\\\\Client')", "Debian's php-http and php-raphf"),
}


def need(command: str) -> str:
    """The path of a command; skips the test, saying so, where there is none."""
    found = shutil.which(command)
    if found is None:
        pytest.skip(f"there is no {command} on this machine" + (f" ({WHERE[command]})" if command in WHERE else ""))
    return found


def run(program: str, **environment: str) -> str:
    """What a program (a path below tests/clients) printed. AssertionError with what it said if it failed."""
    path = HERE / program
    command = need(INTERPRETERS[path.suffix])
    if path.suffix == ".sh":
        need("curl")
    if path.suffix == ".js":
        need_packages()
    if path.suffix == ".php":
        _need_php(path.name)
    done = subprocess.run(
        [command, str(path)],
        env=surroundings(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stderr or done.stdout}"
    return done.stdout


def surroundings(environment: dict[str, str]) -> dict[str, str]:
    """A program's environment: ours, no proxy on the way to this machine, and what it is told."""
    direct = dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")
    return {**os.environ, "NODE_PATH": str(NODE_MODULES), **direct, **environment}


@functools.cache
def _has_php(condition: str) -> bool:
    return (
        subprocess.run(["php", "-r", f"exit({condition} ? 0 : 1);"], capture_output=True, check=False).returncode == 0
    )


def _need_php(program: str) -> None:
    condition, origin = PHP_LIBRARIES[program]
    if not _has_php(condition):
        pytest.skip(f"{program} needs what this PHP has not ({origin})")


def need_packages() -> None:
    """Installs npm's packages where package.json has changed since the last time; no script of theirs is run."""
    npm = need("npm")
    if NODE_MODULES.exists():
        return
    INSTALLED.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=INSTALLED.parent) as folder:
        shutil.copy(PACKAGES, folder)
        flags = ("--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        done = subprocess.run([npm, "install", *flags], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"npm install: {done.stderr}"
        INSTALLED.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):  # another run of the tests was first
            (Path(folder) / "node_modules").rename(NODE_MODULES)
