"""Writes the API's description: the routes of all functions merged into functions/docs/openapi.json.

`python -m sandbox.openapi` writes it; a test says when it is out of step.
"""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import APIKey, HTTPBearer

from switchboard.dialects.unified import ProblemDocument
from switchboard.web import SCHEMES, Api

FUNCTIONS = Path(__file__).parent.parent / "functions"
TARGET = FUNCTIONS / "docs" / "openapi.json"

TITLE = "Switchboard"
VERSION = "1"
DESCRIPTION = """\
One API in front of several messaging providers.

Every message has a life: `queued`, `submitted`, `sent`, then `delivered` or one of `undelivered`,
`expired`, `rejected`, `failed`; or `canceled`; or `unconfirmed`, when a provider's answer was lost: such a message is
never sent again by itself, because it may have arrived.

A key has scopes, and every route names the one that it needs (`x-required-scope`). A key may make so many requests in
ten seconds; every answer says how many are left (`RateLimit`), and a 429 when to come again (`Retry-After`).

Errors are `application/problem+json` (RFC 9457) and name every wrong field. Where a route takes an `Idempotency-Key`,
it can be repeated: it does its work once, and the repeat is answered alike, marked `Idempotent-Replayed: true`.
"""
SECURITY: dict[str, Any] = {
    "Bearer": HTTPBearer(description="Your API key, `sb_…`, as `Authorization: Bearer`."),
    "ApiKey": APIKey.model_validate(
        {"in": "header", "name": "X-Api-Key", "description": "The same key in a header of its own."}
    ),
}
_FOREIGN = (
    "HTTPValidationError",
    "ValidationError",
    "ResponseValidationError",
)  # the framework's own errors, which our doors never answer with


def document() -> dict[str, Any]:
    """The description of all routes that need a key."""
    merged: dict[str, Any] = {}
    for app in _apps():
        part = json.loads(
            app.get_openapi_json_schema(
                title=TITLE,
                version=VERSION,
                description=DESCRIPTION,
                security_schemes=SECURITY,
                security=[{name: []} for name in SCHEMES],
            )
        )
        paths, components = part.pop("paths"), part.pop("components")
        merged = merged or {**part, "paths": {}, "components": {"schemas": {}, **components}}
        for path, operations in paths.items():
            for operation in operations.values():
                operation["tags"] = [path.split("/")[2]]
            merged["paths"].setdefault(path, {}).update(operations)
        known = merged["components"]["schemas"]
        if clashing := [name for name, schema in components["schemas"].items() if known.get(name, schema) != schema]:
            raise ValueError(f"functions mean different things by {clashing}: give them different names")
        known |= components["schemas"]
    merged["components"]["schemas"] |= _problem()
    for name in _FOREIGN:
        merged["components"]["schemas"].pop(name, None)
    merged["paths"] = dict(sorted(merged["paths"].items()))
    return merged


def rendered() -> str:
    """The description as it stands in its file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def _problem() -> dict[str, Any]:
    """The schemas of a refusal, which routes only name."""
    schema = ProblemDocument.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), ProblemDocument.__name__: schema}


def _apps() -> list[Api]:
    """The apps of all functions but the one that shows the description."""
    paths = sorted(set(FUNCTIONS.glob("*/app.py")) - {TARGET.with_name("app.py")})
    return [app for path in paths if isinstance(app := getattr(load(path), "app", None), Api)]


def load(path: Path) -> ModuleType:
    """A function's module under a name of its own: in Lambda they are all called `app`."""
    spec = importlib.util.spec_from_file_location(f"functions.{path.parent.name}.app", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    TARGET.write_text(rendered())
