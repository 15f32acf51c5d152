"""The door for our own API: who calls, what they may say, and every refusal as problem+json (RFC 9457)."""

import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Header, Query

from switchboard.dialects import unified
from switchboard.dialects.unified import ProblemDocument, problems
from switchboard.dialects.wire import IDEMPOTENCY_KEY
from switchboard.gateway import HEADERS
from switchboard.model.problem import Problem, Refused
from switchboard.model.scope import Scope
from switchboard.model.status import Status
from switchboard.observe import failure

if TYPE_CHECKING:
    from switchboard.accept import Accepted
    from switchboard.credentials import Client, Key

# What the functions need of Powertools comes from here: they import our package first (see its own module).
__all__ = [
    "ADMIN",
    "CRM",
    "JSON",
    "READ",
    "SEND",
    "Api",
    "Body",
    "Fault",
    "IdempotencyKey",
    "Query",
    "Response",
    "accepted",
    "found",
    "operation",
    "problem",
    "too_late",
]

T = TypeVar("T")

_NAMES = re.compile(r"[-._~()'!*:@,;=+&$%<> \[\]{}|^\w]+")  # what Powertools takes for a name in a path

JSON = "application/json"
PROBLEM = "application/problem+json"
SEND, READ, CRM, ADMIN = Scope
SCHEMES = ("Bearer", "ApiKey")
"""The two ways to show a key, as the API's description names them."""
SCOPE = "x-required-scope"
"""Where the description says which scope a route asks for; what it says is what is asked for."""

_TITLES = {status.value: status.phrase for status in HTTPStatus} | {
    422: "Unprocessable Content"
}  # 3.11 has an old name

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=f"^{IDEMPOTENCY_KEY}$",
        description="Repeating a request with the same key sends nothing twice and gives the same answer.",
    ),
]

Problems = Callable[[Iterable[Mapping[str, Any]], Any, str | None], tuple[Problem, ...]]
"""What validation's errors, the body they are about and the client's region come to."""


class Fault(Exception):
    """An answer that ends the request: an HTTP status, a sentence, the fields it is about, further headers."""

    def __init__(self, status: int, detail: str, *errors: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors
        self.headers = dict(headers or {})


def operation(
    scope: Scope, name: str, summary: str, *refusals: int, ok: tuple[int, ...] = (200,), description: str | None = None
) -> dict[str, Any]:
    """What the API's description says of a route: the scope it needs, its name, what it does, its answers and refusals.

    The first of `ok` is the status of a handler that names none. Every route may refuse a key or a parameter.
    """
    # By name: given the model, Powertools would build it once for every status of every route when it first answers.
    refused = {"content": {PROBLEM: {"schema": {"$ref": f"#/components/schemas/{ProblemDocument.__name__}"}}}}
    answers: dict[int, Any] = {status: {"description": _TITLES[status]} for status in ok}
    statuses = sorted({401, 403, *refusals, 422, 429, 500})
    answers |= {status: {"description": _TITLES[status], **refused} for status in statuses}
    return {
        "operation_id": name,
        "summary": summary,
        "description": description,
        "status_code": ok[0],
        "responses": answers,
        "security": [{scheme: [str(scope)]} for scheme in SCHEMES],
        "openapi_extensions": {SCOPE: str(scope)},
    }


class Api(APIGatewayHttpResolver):
    """The routes of one function, behind an API key unless `public`.

    `refusals` words the errors of a body's validation. `doors`, path templates each with a method, are what is
    told to somebody who knocks where nothing is; by default this function's own routes.
    """

    def __init__(
        self,
        *,
        public: bool = False,
        refusals: Problems = lambda errors, body, region: problems(errors),
        doors: Callable[[], Iterable[tuple[str, str]]] | None = None,
    ) -> None:
        super().__init__(enable_validation=not public, json_body_deserializer=_object)
        self._public, self._refusals = public, refusals
        self._doors = doors or (lambda: ((route.openapi_path, route.method) for route in self.routes))
        if not public:
            self.use([_only_known_parameters])
        answers: dict[type[Exception], Callable[[Any], Response[str]]] = {
            Fault: problem,
            Refused: lambda refused: problem(_unprocessable(refused.problems)),
            RequestValidationError: self._invalid,
            NotFoundError: self._nothing_here,
            Exception: _failed,
        }
        for exception, answer in answers.items():
            self.exception_handler(exception)(answer)

    @property
    def client(self) -> "Client":
        """Whose request this is."""
        return self.key.client

    @property
    def key(self) -> "Key":
        """The key that this request shows."""
        return cast("Key", self.context["key"])

    @property
    def routes(self) -> list[Any]:
        """The routes declared on this function."""
        return self._static_routes + self._dynamic_routes

    def resolve(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one HTTP event (payload format 2.0)."""
        headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
        told: dict[str, str] = {}
        try:
            if not self._public:
                key = self.context["key"] = _authenticated(headers)
                told |= _counted(key)
                _readable(headers, event)  # after the key: strangers are told nothing
            answer = super().resolve({**event, "headers": {**headers, "content-type": JSON}}, context)
        except Fault as fault:
            answer = _encoded(problem(fault))
        except Exception as error:  # the process's edge, for what fails before there is a route
            answer = _encoded(_failed(error))
        self.context.clear()
        answer["headers"] = {**HEADERS, **told, **answer.get("headers", {})}
        return answer

    def _call_route(self, route: Any, route_arguments: dict[str, str]) -> Any:
        """Before the body is looked at, which Powertools does before it asks anything else of ours."""
        if not self._public and route in self.routes:
            _permitted(self.key, Scope(route.openapi_extensions[SCOPE]))
        return super()._call_route(route, route_arguments)

    def _invalid(self, invalid: RequestValidationError) -> Response[str]:
        errors = invalid.errors()
        if any(error["loc"][0] == "header" for error in errors):
            return problem(Fault(400, "A header is not as it must be.", *problems(errors)))
        body = self.current_event.json_body if self.current_event.body else None
        return problem(_unprocessable(self._refusals(errors, body, self.client.region)))

    def _nothing_here(self, _: NotFoundError) -> Response[str]:
        path = self.current_event.path
        if wrong := [Problem(name, reason) for name, reason in self._misnamed(path)]:
            return problem(_unprocessable(tuple(wrong)))
        here = {method.upper() for door, method in self._doors() if _matches(door, path)}
        if not here:
            return problem(Fault(404, "There is nothing at this path."))
        allow = ", ".join(sorted(here))
        return problem(Fault(405, f"This path takes {allow}.", headers={"Allow": allow}))

    def _misnamed(self, path: str) -> Iterator[tuple[str, str]]:
        """What the path should name and cannot: characters that no name here has, or nothing at all.

        API Gateway finds the route of a percent-encoded slash; the decoded path is no longer that route's.
        """
        for name, value in (self.current_event.path_parameters or {}).items():
            if not _NAMES.fullmatch(value):
                yield name, "has a character that no name in a path has, such as a slash"
        method = self.current_event.http_method
        for door, takes in self._doors() if path.endswith("/") else ():
            if takes.upper() == method and door.endswith("}") and _matches(door, path + "x"):
                yield door[door.rindex("{") + 1 : -1], "must not be empty"


def found(thing: T | None, what: str) -> T:
    """The thing, or a 404. Whether it is missing or another client's is nobody's business."""
    if thing is None:
        raise Fault(404, f"There is no such {what}.")
    return thing


def too_late(status: Status, kept_by: str | None = None) -> str:
    """Why a message can no longer be canceled."""
    if kept_by:
        return f"{kept_by} has it, to send it at its time, and takes nothing back: too late to cancel."
    if status is Status.QUEUED:
        return "A worker has claimed it and is submitting it: too late to cancel."
    return f"It is {status.value}: too late to cancel."


def accepted(accepted: "Accepted") -> Response[unified.Accepted]:
    """The answer to whoever had a batch accepted."""
    headers = {"Location": f"/v1/batches/{accepted.batch}"}
    if accepted.replayed:
        headers["Idempotent-Replayed"] = "true"
    return Response(202, JSON, unified.accepted(accepted.batch, accepted.messages), headers)


def _authenticated(headers: Mapping[str, str]) -> "Key":
    # Not needed by the functions without keys, and it brings the AWS clients along.
    from switchboard import credentials

    scheme, _, token = headers.get("authorization", "").partition(" ")
    shown = headers.get("x-api-key") or (token.strip() if scheme.lower() == "bearer" else "")
    key = credentials.authenticate(shown) if shown else None
    if key is None:
        error = ', error="invalid_token"' if shown else ""
        detail = (
            "The API key is not valid." if shown else "An API key is needed: Authorization: Bearer sb_… or X-Api-Key."
        )
        challenge = {"WWW-Authenticate": f'Bearer realm="switchboard"{error}'}
        raise Fault(401, detail, headers=challenge)
    return key


def _counted(key: "Key") -> Mapping[str, str]:
    """What the caller is told of its quota. Raises `Fault` when that is used up."""
    from switchboard import quota  # as above

    try:
        left = quota.take(key.id)
    except quota.Exhausted as over:
        raise Fault(429, "The key has made as many requests as it may; wait.", headers=over.headers) from None
    return left.headers if left else {}


def _permitted(key: "Key", scope: Scope) -> None:
    """Raises `Fault` for a key without the scope (RFC 6750 section 3.1)."""
    if scope not in key.scopes:
        challenge = {"WWW-Authenticate": f'Bearer realm="switchboard", error="insufficient_scope", scope="{scope}"'}
        raise Fault(403, f"This needs a key with the scope {scope}.", headers=challenge)


def _readable(headers: Mapping[str, str], event: Mapping[str, Any]) -> None:
    """Raises `Fault` for a body that is not JSON by its type, or not text."""
    kind = headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if event.get("body") and kind != JSON:
        raise Fault(415, f"Send {JSON}.", headers={"Accept-Post": JSON})
    if event.get("isBase64Encoded"):
        try:
            b64decode(event.get("body") or "", validate=True).decode()
        except ValueError:
            raise Fault(400, "The body is not UTF-8.") from None


def _only_known_parameters(app: Any, next_middleware: Callable[[Any], Response[Any]]) -> Response[Any]:
    """A misspelt filter would otherwise quietly find everything."""
    route = app.context["_route"]
    if route in app.routes:
        known = {parameter.alias for parameter in route.dependant.query_params}
        unknown = [name for name in app.current_event.query_string_parameters if name not in known]
        if unknown:
            raise Refused(*(Problem(name, "is not a parameter of this request") for name in unknown))
    return next_middleware(app)


def _object(text: str | None) -> Any:
    """The JSON object that a body is. Raises `Fault`: nothing else is ever a request of ours."""

    def constant(name: str) -> None:
        raise ValueError(f"{name} is not JSON")

    try:
        value = json.loads(text or "", parse_constant=constant)
    except (ValueError, RecursionError) as error:
        detail = f"The body is not JSON: {error.msg} at {error.pos}." if isinstance(error, json.JSONDecodeError) else ""
        raise Fault(400, detail or "The body is not JSON.") from None
    if not isinstance(value, dict):
        raise Fault(400, "The body is not a JSON object.")
    return value


def _unprocessable(found: tuple[Problem, ...]) -> Fault:
    count = "1 field is" if len(found) == 1 else f"{len(found)} fields are"
    return Fault(422, f"{count} wrong; nothing was done.", *found)


def _failed(error: Exception) -> Response[str]:
    """A 500, which tells the caller nothing of what went wrong."""
    failure("a request failed", error)
    return problem(Fault(500, "This is our fault, and it has been logged. With an Idempotency-Key a repeat is safe."))


def problem(fault: Fault) -> Response[str]:
    """A refusal as problem+json."""
    document = {
        "type": "about:blank",
        "title": _TITLES[fault.status],
        "status": fault.status,
        "detail": fault.detail,
        "errors": [{"field": one.field, "reason": one.reason} for one in fault.errors],
    }
    return Response(fault.status, PROBLEM, json.dumps(document), fault.headers)


def _encoded(response: Response[str]) -> dict[str, Any]:
    return {
        "statusCode": response.status_code,
        "headers": response.headers,
        "body": response.body,
        "isBase64Encoded": False,
    }


def _matches(door: str, path: str) -> bool:
    pattern = "".join("[^/]+" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]+\})", door))
    return re.fullmatch(pattern, path) is not None
