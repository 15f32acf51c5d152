"""GET /openapi.json and /docs: the API described for programs and for people; a 404 or 405 for every other path."""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import aws_lambda_powertools.event_handler.openapi.swagger_ui as swagger
from aws_lambda_powertools.event_handler import Response, content_types

from switchboard import observe, web

HERE = Path(__file__).parent
DOCUMENT = (HERE / "openapi.json").read_text()  # written by sandbox/openapi.py from the routes of all functions

# The page may run what it came with and ask this API, and nothing else: it needs no internet and reaches none.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEEP = "public, max-age=300"

app = web.Api(public=True, doors=lambda: [*doors(), ("/openapi.json", "GET"), ("/docs", "GET")])
handler = observe.invocation(app.resolve)


@app.get("/openapi.json", compress=True, cache_control=KEEP)
def openapi() -> Response[str]:
    """The description in OpenAPI 3.1."""
    return Response(200, web.JSON, DOCUMENT)


@app.get("/docs", compress=True, cache_control=KEEP)
def docs() -> Response[str]:
    """The description to browse and to try out."""
    return Response(200, content_types.TEXT_HTML, page(), {"Content-Security-Policy": POLICY})


def doors() -> Iterator[tuple[str, str]]:
    """Every path that is described, with each of its methods."""
    from switchboard.dialects.doors import DOORS, ENTRANCES  # only for somebody who knocks where nothing is

    yield from ((path, method) for path, methods in json.loads(DOCUMENT)["paths"].items() for method in methods)
    yield from ((door.path, method) for door in DOORS for method in door.methods)
    yield from ((entrance.path, method) for entrance in ENTRANCES for method in entrance.methods)


@cache
def page() -> str:
    """The page with Swagger UI, as Powertools brings it along, written into it."""
    bundled = Path(swagger.__file__).parent
    text = (HERE / "page.html").read_text()
    for name in ("swagger-ui.min.css", "swagger-ui-bundle.min.js"):
        text = text.replace(f"[[{name}]]", (bundled / name).read_text())
    return text
