"""Which route of an HTTP API a request takes, as API Gateway chooses it."""

from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from sandbox.template import Route

DEFAULT = "$default"


class Router:
    """The routes of one API.

    "Working with routes for HTTP APIs": a full match first, then a greedy `{proxy+}`, then `$default`; of several,
    literal segments before variables from left to right, and a method of its own before ANY.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = sorted(routes, key=_rank)

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route of a request, and its path parameters (decoded); `path` is as on the wire, without the query."""
        segments = path.split("/")[1:]
        for route in self._routes:
            if route.path == DEFAULT:
                return route, {}
            if route.method in (method, "ANY"):
                found = _match(route.path.split("/")[1:], segments)
                if found is not None:
                    return route, found
        return None


def _rank(route: Route) -> tuple[object, ...]:
    if route.path == DEFAULT:
        return (2,)
    segments = route.path.split("/")[1:]
    kinds = tuple(2 if s.endswith("+}") else 1 if s.startswith("{") else 0 for s in segments)
    return (1 if kinds[-1] == 2 else 0, kinds if kinds[-1] != 2 else (-len(kinds), kinds), route.method == "ANY")


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for index, part in enumerate(pattern):
        if part.startswith("{") and part.endswith("+}"):
            rest = "/".join(segments[index:])
            return {**parameters, part[1:-2]: unquote(rest)} if rest else None
        if index >= len(segments):
            return None
        if part.startswith("{"):
            if not segments[index]:
                return None
            parameters[part[1:-1]] = unquote(segments[index])
        elif part != unquote(segments[index]):
            return None
    return parameters if len(pattern) == len(segments) else None
