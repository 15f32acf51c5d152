"""What may know what: the rooms of the layer and the arrows between them, read from the source."""

import ast
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAYER = ROOT / "layers" / "switchboard"
FUNCTIONS = ROOT / "functions"

FLOORS = (  # a module imports from its own floor or from one below
    {"model"},
    {"dialects", "routing"},
    {
        "settings",
        "clients",
        "observe",
        "tracking",
        "queues",
        "credentials",
        "quota",
        "providers",
        "endpoints",
        "files",
        "seen",
        "schedules",
        "uploads",
    },  # one service a room
    # The verbs.
    {
        "accept",
        "accounts",
        "admit",
        "campaigns",
        "crm",
        "deals",
        "dispatch",
        "find",
        "fire",
        "keep",
        "keyring",
        "receive",
        "recurring",
        "report",
    }
    | {"feed", "judge", "outcomes", "runs", "upsert", "wake", "watch"},
    {"web", "campaigned", "written", "gateway"},  # what a function needs around a verb
)
PURE = {"model", "dialects", "routing"}
HARMLESS = {  # all that a pure room may import: no I/O, clock, randomness or environment in it
    *("base64", "binascii", "codecs", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum"),
    *("functools", "hashlib", "hmac", "html", "io", "ipaddress", "itertools", "json", "math", "operator", "re"),
    *("string", "struct"),
    *("textwrap", "types", "typing", "unicodedata", "urllib.parse", "zlib", "zoneinfo"),
    *("phonenumbers", "pydantic", "pydantic_core", "typing_extensions"),
}
IMPURE_CALLS = {"open", "input", "print", "exec", "eval", "__import__", "now", "today", "utcnow"}
VENDORS = ("hubb", "ucontact", "bulksms")
NAMELESS = {"util", "utils", "helper", "helpers", "common", "misc", "manager"}
WIRES = {"boto3", "botocore", "httpcore", "httpx", "requests"}


def name_of(path: Path) -> str:
    """The dotted name under which a module of the layer or of the repository is imported."""
    base = LAYER if path.is_relative_to(LAYER) else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


def sources(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


MODULES = {name_of(path): path for path in sources(LAYER / "switchboard")}
HANDLERS = sources(FUNCTIONS)
OURS = [*MODULES.values(), *HANDLERS]
EVERYTHING = [*OURS, *sources(ROOT / "sandbox"), *sources(ROOT / "tests")]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports anywhere, and `from a import b` as a.b where that is a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from names & MODULES.keys()
            if names - MODULES.keys():
                yield str(node.module)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def floor(module: str) -> int:
    found = [number for number, rooms in enumerate(FLOORS) if room(module) in rooms]
    assert found, f"{module}: say in FLOORS where this room stands"
    return found[0]


def identify(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", [module for module in MODULES if "." in module])
def test_arrows_point_down(module: str) -> None:
    known = [
        other for other in imports(MODULES[module]) if other.split(".")[0] in {"switchboard", "functions", "sandbox"}
    ]
    assert [other for other in known if not other.startswith("switchboard.") or floor(other) > floor(module)] == []


def test_no_room_imports_itself_around_a_corner() -> None:
    arrows = {module: {other for other in imports(path) if other in MODULES} for module, path in MODULES.items()}
    while leaves := {module for module, targets in arrows.items() if not targets & arrows.keys()}:
        arrows = {module: targets for module, targets in arrows.items() if module not in leaves}
    assert arrows.keys() == set(), "these import each other in a circle"


@pytest.mark.parametrize("module", [module for module in MODULES if room(module) in PURE])
def test_a_pure_room_knows_no_outside(module: str) -> None:
    foreign = {name for name in imports(MODULES[module]) if not name.startswith("switchboard.")}
    assert {name for name in foreign if name not in HARMLESS and name.split(".")[0] not in HARMLESS} == set()
    calls = [node.func for node in ast.walk(tree(MODULES[module])) if isinstance(node, ast.Call)]
    names = {call.id if isinstance(call, ast.Name) else getattr(call, "attr", "") for call in calls}
    assert names & IMPURE_CALLS == set()


@pytest.mark.parametrize("room", ["report", "dispatch", "receive", "accept"])
def test_who_sends_or_tells_does_not_load_the_doors(room: str) -> None:
    known, new = set[str](), {f"switchboard.{room}"}
    while new:
        known |= new
        new = {other for module in new for other in imports(MODULES[module])} & MODULES.keys() - known
    assert [module for module in known if module.endswith(".doors")] == []


@pytest.mark.parametrize("function", ["send", "dispatch", "callback", "notify"])
def test_who_sends_or_tells_does_not_load_what_deals_need(function: str) -> None:
    ours = {name.rpartition(".")[2] for name in loaded(function) if name.startswith("switchboard.")}
    assert "registry" in ours
    assert ours & {"account", "accounts", "crm", "deal", "deals", "keep", "keeper", "unified_deals", "uploads"} == set()


@pytest.mark.parametrize("function", ["send", "dispatch", "callback", "notify", "session"])
def test_who_sends_or_tells_does_not_load_what_campaigns_need(function: str) -> None:
    theirs = {
        "campaigns",
        "feed",
        "judge",
        "seen",
        "files",
        "outcomes",
        "dialects.sheets",
        "dialects.unified_campaigns",
    }
    assert loaded(function) & {f"switchboard.{name}" for name in theirs} == set()


def test_who_takes_campaigns_in_loads_the_doors_for_old_clients_alone() -> None:
    assert loaded("campaign") & {"switchboard.admit", "switchboard.dialects.doors"} == set()


def test_who_reads_files_does_not_load_what_requests_need() -> None:
    """Its memory is to stay small."""
    assert loaded("feed") & {"pydantic", "httpx", "switchboard.web", "switchboard.campaigns"} == set()


def loaded(function: str) -> set[str]:
    """What a cold start loads, in a process of its own: arrows do not tell what waits until it is needed."""
    load = "import runpy, sys; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    command = [sys.executable, "-c", load, str(FUNCTIONS / function / "app.py")]
    said = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(LAYER)})
    return set(said.stdout.split())


@pytest.mark.parametrize("path", HANDLERS, ids=identify)
def test_a_function_calls_the_layer_and_nobody_else(path: Path) -> None:
    assert path.name == "app.py", "one file a function"
    assert len(path.read_text("utf-8").splitlines()) <= 60
    found = {name.split(".")[0] for name in imports(path)}
    assert found & (WIRES | {"functions", "sandbox", "app"} | {other.parent.name for other in HANDLERS}) == set()


@pytest.mark.parametrize("path", OURS, ids=identify)
def test_a_vendor_is_named_only_where_it_is_spoken(path: Path) -> None:
    dialects = LAYER / "switchboard" / "dialects"
    lists = {dialects / f"{name}.py" for name in ("registry", "doors", "reports", "keeper")}
    allowed = VENDORS if path in lists else (path.parent.name,) if path.parent.parent == dialects else ()
    words = re.compile("|".join(vendor for vendor in VENDORS if vendor not in allowed) or r"(?!)", re.IGNORECASE)
    assert [line for line in path.read_text("utf-8").splitlines() if words.search(line)] == []


@pytest.mark.parametrize("path", OURS + sources(ROOT / "sandbox"), ids=identify)
def test_whoever_catches_everything_says_why(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
    wide = [node.lineno for node in handlers if catches_all(node) and not passes_on(node)]
    assert [lines[line - 1] for line in wide if not re.search(r":\s+# \w+ \w+", lines[line - 1])] == []


def catches_all(handler: ast.ExceptHandler) -> bool:
    wide = {"Exception", "BaseException"}
    return handler.type is None or any(
        isinstance(node, ast.Name) and node.id in wide for node in ast.walk(handler.type)
    )


def passes_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


@pytest.mark.parametrize("path", [path for path in EVERYTHING if tree(path).body], ids=identify)
def test_a_module_says_its_room(path: Path) -> None:
    docstring = ast.get_docstring(tree(path)) or ""
    assert re.match(r"[`\"]?\w.*?[.:](\s|$)", docstring, re.DOTALL), "open it with one sentence"
    assert path.stem not in NAMELESS, "a module is named for what it does"


SILENT = {"aws_lambda_powertools"}  # its loggers write nothing unless its own debugging is asked for
EMPTY = {"bcdocs", "concurrent", "service_undefined"}  # they have no line below a warning that a function runs through
LISTENING = """
import logging
from pathlib import Path

from sandbox import openapi
from switchboard import clients

logging.getLogger().setLevel(logging.DEBUG)
for path in sorted(Path("functions").glob("*/app.py")):
    openapi.load(path)
for service in ("dynamodb", "s3", "secretsmanager", "sqs"):
    clients.client(service)
import asyncio, s3transfer.manager  # loaded by the AWS library when it needs them
for name, logger in logging.root.manager.loggerDict.items():
    if isinstance(logger, logging.Logger):
        print(name, logger.getEffectiveLevel())
"""


def test_no_librarys_logger_writes_what_a_request_holds() -> None:
    """With everything at DEBUG: whoever else writes lines below a warning may write bodies and headers into them."""
    run = subprocess.run(
        [sys.executable, "-c", LISTENING],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{LAYER}:{ROOT}", "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=True,
    )
    levels = {name: int(level) for name, level in (line.rsplit(" ", 1) for line in run.stdout.splitlines())}
    libraries = {"httpx", "httpcore", "botocore", "boto3", "s3transfer", "urllib3", "asyncio"}
    assert libraries <= {name.split(".")[0] for name in levels}
    talkative = {name.split(".")[0] for name, level in levels.items() if level < logging.WARNING}
    assert talkative - SILENT - EMPTY == set()
