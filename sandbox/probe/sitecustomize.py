"""Counts a function's AWS requests: one JSON line each, appended to the file that SWITCHBOARD_PROBE names.

{"function", "service", "operation", "read_units", "write_units", "status", "error"}. Every HTTP request counts,
repeated ones too. Python loads this module by its name when its folder is on PYTHONPATH, and only then.
"""

import importlib.abc
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from typing import Any

WATCHED = "botocore.session"
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"})
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})


class Watch(importlib.abc.MetaPathFinder):
    """Waits for botocore to be imported, so that nothing is imported for our sake."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Lets botocore's session module be found as usual, and hooks into it once it is loaded."""
        if name != WATCHED:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        loader: Any = spec and spec.loader
        load = loader.exec_module

        def load_and_hook(module: Any) -> None:
            load(module)
            hook(module.Session)

        loader.exec_module = load_and_hook
        return spec


def hook(session_class: Any) -> None:
    """Registers the hooks with every session that is made."""
    make = session_class.__init__

    def make_and_register(session: Any, *arguments: Any, **named: Any) -> None:
        make(session, *arguments, **named)
        session.register("before-parameter-build.dynamodb", ask)
        session.register("response-received", count)

    session_class.__init__ = make_and_register


def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
    """Has DynamoDB say what a call consumed, its indexes' share included."""
    if model.name in WRITES | READS:
        params["ReturnConsumedCapacity"] = "INDEXES"


def count(response_dict: Any, parsed_response: Any, exception: Any, event_name: str, **_: Any) -> None:
    """Writes one request down."""
    service, operation = event_name.split(".")[1:]
    answer: dict[str, Any] = parsed_response or {}
    error = answer.get("Error", {}).get("Code") or (type(exception).__name__ if exception else None)
    units = consumed(answer)
    if error == "ConditionalCheckFailedException":
        units = 1.0  # it is charged like the write it was not; the answer does not say
    line = {
        "function": os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
        "service": service,
        "operation": operation,
        "read_units": units if operation in READS else 0.0,
        "write_units": units if operation in WRITES else 0.0,
        "status": (response_dict or {}).get("status_code"),
        "error": error,
    }
    descriptor = os.open(os.environ["SWITCHBOARD_PROBE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


def consumed(answer: Mapping[str, Any]) -> float:
    """The capacity units of an answer: one table's, or several's."""
    capacity = answer.get("ConsumedCapacity") or []
    return sum(float(entry["CapacityUnits"]) for entry in (capacity if isinstance(capacity, list) else [capacity]))


if os.environ.get("SWITCHBOARD_PROBE"):
    sys.meta_path.insert(0, Watch())
