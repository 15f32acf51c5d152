"""The API's functions, called with API Gateway's events while the verbs are plain functions of this file."""

import json
import re
from base64 import b32decode, b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from gzip import decompress
from hashlib import md5
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.exceptions import ClientError

from sandbox import openapi
from switchboard import accept, credentials, quota, tracking, web
from switchboard.credentials import Client, Key
from switchboard.model.chunk import ChunkId, batch_id, parse_message_id
from switchboard.model.message import Channel
from switchboard.model.problem import Problem, Refused
from switchboard.model.scope import EVERY, Scope
from switchboard.model.segments import Segments, count
from switchboard.model.status import Status

ROOT = Path(__file__).parents[2]
ANA = "+19195551212"
KEY = "sb_a-key"
HELD = Key(id="key_1", client=Client("acme", "US"), scopes=EVERY)
LEFT = quota.Quota(limit=2000, remaining=1999, reset=7)
CONTEXT = SimpleNamespace(aws_request_id="request-1")
JSON = {"content-type": "application/json"}

SEND, TRACK, DOCS = (openapi.load(ROOT / "functions" / name / "app.py").handler for name in ("send", "track", "docs"))

LIFE = tracking.Life(
    id="b-n-0-0",
    batch="b",
    direction="outbound",
    channel=Channel.SMS,
    to=ANA,
    sender=None,
    text="Hi",
    status=Status.QUEUED,
    settled=False,
    provider="bulksms",
    metadata={},
    created_at=0.0,
)
BATCH = tracking.BatchLife(
    id="b",
    created_at=0.0,
    channel=Channel.SMS,
    campaign=None,
    metadata={},
    total=1,
    statuses={"queued": 1},
    settled=False,
)


class Answer:
    """A function's answer, read as API Gateway reads it."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.status: int = raw["statusCode"]
        self.headers = {name.lower(): value for name, value in raw["headers"].items()}
        self.bytes = b64decode(raw["body"]) if raw["isBase64Encoded"] else raw["body"].encode()

    @property
    def json(self) -> Any:
        return json.loads(self.bytes)

    @property
    def wrong(self) -> dict[str, str]:
        assert self.headers["content-type"] == "application/problem+json"
        return {error["field"]: error["reason"] for error in self.json["errors"]}


def call(
    handler: Callable[[dict[str, Any], Any], dict[str, Any]],
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, str] | None = None,
    **headers: str,
) -> Answer:
    """One request, with a good key unless `headers` say otherwise (their underscores are hyphens)."""
    given = {
        "authorization": f"Bearer {KEY}",
        **JSON,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {name: value for name, value in given.items() if value},
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default", "requestId": "1"},
        "isBase64Encoded": isinstance(body, bytes),
    }
    if query:
        event["queryStringParameters"] = dict(query)
    if body is not None:
        event["body"] = (
            b64encode(body).decode() if isinstance(body, bytes) else body if isinstance(body, str) else json.dumps(body)
        )
    return Answer(handler(event, CONTEXT))


@pytest.fixture(autouse=True)
def verbs(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Everything behind the functions, replaced; what it was called with, by name."""
    calls: dict[str, list[Any]] = {}

    def fake(room: Any, name: str, answer: Callable[..., Any]) -> None:
        def called(*arguments: Any, **named: Any) -> Any:
            calls.setdefault(name, []).append((*arguments, *named.values()))
            return answer(*arguments, **named)

        monkeypatch.setattr(room, name, called)

    fake(credentials, "authenticate", lambda key: HELD if key == KEY else None)
    monkeypatch.setattr(quota, "take", lambda key: LEFT)
    fake(accept, "accept", lambda submission, client, key: taken(submission, key == "again"))
    fake(accept, "preview", lambda submission, client: taken(submission, False, id_="").messages)
    fake(accept, "resend", lambda client, id_: known(id_, accept.Accepted(batch="b", messages=(), replayed=False)))
    fake(tracking, "message", lambda client, id_: known(id_, LIFE))
    fake(tracking, "batch", lambda client, id_: known(id_, BATCH))
    fake(tracking, "recent", lambda client, status, cursor, limit: tracking.Page((LIFE,), "c"))
    fake(tracking, "of_batch", lambda client, id_, *rest: known(id_, tracking.Page((LIFE,), None)))
    fake(tracking, "by_address", lambda client, address, status, cursor, limit, inbound: tracking.Page((), None))
    fake(
        tracking, "cancel_message", lambda client, id_: known(id_, tracking.cancel.CancelResult(True, Status.CANCELED))
    )
    fake(tracking, "cancel_batch", lambda client, id_: known(id_, tracking.cancel.CancelResults(2, 1)))
    return calls


def known(id_: str, answer: Any) -> Any:
    return None if id_ == "other" else answer


def taken(submission: accept.Submission, replayed: bool, id_: str = "b-n-0-0") -> accept.Accepted:
    """What accepting answers: a message for every recipient."""
    segments: Segments | None = count(submission.content.text or "")
    messages = tuple(
        accept.AcceptedMessage(
            id=id_, alias="", to=one.to, reference=one.reference, provider="bulksms", segments=segments
        )
        for one in submission.recipients
    )
    return accept.Accepted(batch="b", messages=messages, replayed=replayed)


GOOD = {"to": ["(919) 555-1212", {"to": "+59898344484", "reference": "r"}], "text": "Hi"}


def test_a_message_is_taken(verbs: dict[str, list[Any]]) -> None:
    answer = call(SEND, "POST", "/v1/messages", GOOD, idempotency_key="k-1")
    assert answer.status == 202
    assert answer.headers["location"] == "/v1/batches/b"
    assert answer.headers["cache-control"] == "no-store"
    assert "idempotent-replayed" not in answer.headers
    one = {"id": "b-n-0-0", "status": "queued", "send_at": None, "provider": "bulksms"}
    one["segments"] = {"encoding": "gsm", "units": 2, "parts": 1}  # type: ignore[assignment]
    assert answer.json == {
        "batch": "b",
        "url": "/v1/batches/b",
        "dry_run": False,
        "messages": [one | {"to": ANA, "reference": None}, one | {"to": "+59898344484", "reference": "r"}],
    }
    ((submission, client, key),) = verbs["accept"]
    assert (submission.recipients[0].to, client, key) == (ANA, Client("acme", "US"), "k-1")


def test_a_repeat_says_so() -> None:
    answer = call(SEND, "POST", "/v1/messages", GOOD, idempotency_key="again")
    assert (answer.status, answer.headers["idempotent-replayed"]) == (202, "true")


def test_a_dry_run_takes_nothing(verbs: dict[str, list[Any]]) -> None:
    answer = call(SEND, "POST", "/v1/messages", GOOD | {"dry_run": True})
    assert (answer.status, answer.json["batch"], answer.json["dry_run"]) == (200, None, True)
    assert [message["id"] for message in answer.json["messages"]] == [None, None]
    assert "accept" not in verbs


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"bearer  {KEY}"},
        {"authorization": "", "x_api_key": KEY},
        {"content_type": "Application/JSON; charset=utf-8"},
    ],
)
def test_a_key_comes_in_either_header(headers: dict[str, str]) -> None:
    assert call(SEND, "POST", "/v1/messages", GOOD, **headers).status == 202


@pytest.mark.parametrize(
    ("headers", "challenge"),
    [
        ({"authorization": ""}, 'Bearer realm="switchboard"'),
        ({"authorization": f"Basic {KEY}"}, 'Bearer realm="switchboard"'),
        ({"authorization": "Bearer sb_other"}, 'Bearer realm="switchboard", error="invalid_token"'),
    ],
)
@pytest.mark.parametrize("body", [GOOD, {"bad": 1}, "{"])
def test_without_a_key_nothing_is_told(headers: dict[str, str], challenge: str, body: Any) -> None:
    answer = call(SEND, "POST", "/v1/messages", body, **headers)
    assert (answer.status, answer.headers["www-authenticate"], answer.wrong) == (401, challenge, {})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *[(body, 400) for body in ("{", "[]", '"a"', "null", '{"a": NaN}', "[" * 100_000, b"\xff{}")],
        (json.dumps(GOOD).encode(), 202),
    ],
)
def test_a_body_is_a_json_object(body: Any, status: int) -> None:
    answer = call(SEND, "POST", "/v1/messages", body)
    assert answer.status == status
    assert status == 202 or answer.wrong == {}


@pytest.mark.parametrize("body", [None, ""])
def test_a_body_is_needed(body: str | None) -> None:
    answer = call(SEND, "POST", "/v1/messages", body)
    assert (answer.status, answer.wrong) == (422, {"body": "is required"})


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "multipart/form-data"]
)
def test_a_body_is_nothing_but_json(kind: str) -> None:
    answer = call(SEND, "POST", "/v1/messages", GOOD, content_type=kind)
    assert (answer.status, answer.headers["accept-post"], answer.wrong) == (415, "application/json", {})


@pytest.mark.parametrize("key", ["a b", "é", "a" * 256])
def test_an_idempotency_key_is_visible_ascii(key: str, verbs: dict[str, list[Any]]) -> None:
    answer = call(SEND, "POST", "/v1/messages", GOOD, idempotency_key=key)
    assert (answer.status, list(answer.wrong)) == (400, ["idempotency-key"])
    assert "accept" not in verbs


def test_every_wrong_field_is_named(verbs: dict[str, list[Any]]) -> None:
    body = {"to": [ANA, 5, "12"], "flash": 1, "subject": "S", "contact": {"x": 1}}
    answer = call(SEND, "POST", "/v1/messages", body)
    assert answer.status == 422
    assert answer.json.keys() == {"type", "title", "status", "detail", "errors"}
    assert answer.wrong.keys() == {"to.1", "to.2", "flash", "subject", "contact.x", "text"}
    assert "accept" not in verbs


@pytest.mark.parametrize("body", [GOOD, {"bad": 1}])
def test_a_key_without_the_scope_is_told_which(body: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "authenticate", lambda key: replace(HELD, scopes=EVERY - {Scope.SEND}))
    answer = call(SEND, "POST", "/v1/messages", body)
    assert (answer.status, answer.json["detail"]) == (403, "This needs a key with the scope send.")
    assert answer.headers["www-authenticate"].endswith('error="insufficient_scope", scope="send"')
    assert call(TRACK, "GET", "/v1/messages/b").status == 200
    assert call(TRACK, "POST", "/v1/messages/b/cancel").status == 403


def test_a_route_that_says_no_scope_lets_nobody_in(capsys: pytest.CaptureFixture[str]) -> None:
    app, entered = web.Api(), []

    @app.get("/v1/forgotten")
    def forgotten() -> dict[str, str]:
        entered.append(1)
        return {}

    answer = call(lambda event, context: app.resolve(event, context), "GET", "/v1/forgotten")
    assert (answer.status, entered) == (500, [])


def test_every_answer_to_a_key_says_what_is_left() -> None:
    for answer in (call(SEND, "POST", "/v1/messages", GOOD), call(SEND, "POST", "/v1/messages", {"bad": 1})):
        told = (answer.headers["ratelimit-policy"], answer.headers["ratelimit"])
        assert told == ('"key";q=2000;w=10', '"key";r=1999;t=7')
    assert "ratelimit" not in call(SEND, "POST", "/v1/messages", GOOD, authorization="").headers


def test_a_key_that_asks_too_often_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "take", raising(quota.Exhausted(replace(LEFT, remaining=0))))
    answer = call(SEND, "POST", "/v1/messages", GOOD)
    assert (answer.status, answer.wrong) == (429, {})
    told = [answer.headers[name] for name in ("retry-after", "ratelimit-policy", "ratelimit")]
    assert told == ["7", '"key";q=2000;w=10', '"key";r=0;t=7']


def raising(error: Exception) -> Callable[..., Any]:
    def verb(*_: Any, **__: Any) -> Any:
        raise error

    return verb


SECRET = ClientError({"Error": {"Code": "Throttling", "Message": f"{ANA} Hi"}}, "PutItem")


@pytest.mark.parametrize(
    ("error", "status", "fields"),
    [
        (Refused(Problem("to.0", "no route"), Problem("provider", "no")), 422, {"to.0", "provider"}),
        (accept.IdempotencyConflict(), 422, {"Idempotency-Key"}),
        (SECRET, 500, set()),
        (ValueError(f"{ANA} Hi"), 500, set()),
    ],
)
def test_what_a_verb_refuses(
    error: Exception, status: int, fields: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(accept, "accept", raising(error))
    answer = call(SEND, "POST", "/v1/messages", GOOD)
    assert (answer.status, answer.wrong.keys()) == (status, fields)
    output = "".join(capsys.readouterr())
    assert not [secret for secret in (ANA, KEY, "Hi") if secret in output + answer.bytes.decode()]


def test_a_failing_key_store_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "authenticate", raising(SECRET))
    answer = call(SEND, "POST", "/v1/messages", GOOD)
    assert (answer.status, answer.wrong) == (500, {})


@pytest.mark.parametrize(
    ("handler", "method", "path", "status", "allow"),
    [
        (SEND, "POST", "/v1/other", 404, None),
        (SEND, "GET", "/v1/messages", 405, "POST"),
        (TRACK, "DELETE", "/v1/messages/b", 405, "GET"),
        (TRACK, "GET", "/v1/messages/b/cancel", 405, "POST"),
        (DOCS, "PUT", "/v1/messages", 405, "GET, POST"),
        (DOCS, "DELETE", "/v1/batches/b", 405, "GET"),
        (DOCS, "POST", "/docs", 405, "GET"),
        (DOCS, "GET", "/v1/batches", 404, None),
        (DOCS, "GET", "/", 404, None),
    ],
)
def test_where_nothing_is(handler: Any, method: str, path: str, status: int, allow: str | None) -> None:
    answer = call(handler, method, path)
    assert (answer.status, answer.headers.get("allow"), answer.wrong) == (status, allow, {})


@pytest.mark.parametrize(
    ("query", "verb", "called"),
    [
        ({}, "recent", ("acme", None, None, 20)),
        ({"status": "unconfirmed", "cursor": "c", "limit": "100"}, "recent", ("acme", Status.UNCONFIRMED, "c", 100)),
        ({"batch": "b", "status": "queued"}, "of_batch", ("acme", "b", Status.QUEUED, None, 20)),
        ({"to": "+19195551212"}, "by_address", ("acme", ANA, None, None, 20, False)),
        ({"to": " 19195551212"}, "by_address", ("acme", ANA, None, None, 20, False)),
        ({"with": "919 555 1212", "limit": "1"}, "by_address", ("acme", ANA, None, None, 1, True)),
        ({"with": "Ana@Example.com"}, "by_address", ("acme", "Ana@example.com", None, None, 20, True)),
    ],
)
def test_messages_are_found(query: dict[str, str], verb: str, called: Any, verbs: dict[str, list[Any]]) -> None:
    answer = call(TRACK, "GET", "/v1/messages", query=query)
    assert (answer.status, answer.json.keys()) == (200, {"items", "cursor"})
    assert (verbs.keys() - {"authenticate"}, verbs[verb]) == ({verb}, [called])


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ({"to": ANA, "with": ANA}, {"to", "with"}),
        ({"to": ""}, {"to"}),
        ({"to": "hello"}, {"to"}),
        ({"to": "+598"}, {"to"}),
        ({"to": "a@b"}, {"to"}),
        ({"with": " "}, {"with"}),
        ({"status": "lost", "limit": "0"}, {"status", "limit"}),
        ({"limit": "101"}, {"limit"}),
        ({"limit": "x"}, {"limit"}),
        ({"too": ANA}, {"too"}),
    ],
)
def test_filters_that_make_no_sense(query: dict[str, str], fields: set[str]) -> None:
    answer = call(TRACK, "GET", "/v1/messages", query=query)
    assert (answer.status, answer.wrong.keys()) == (422, fields)


ONE = [
    ("GET", "/v1/messages/{}", 200, {"id": "b-n-0-0", "created_at": "1970-01-01T00:00:00.000Z", "from": None}),
    ("POST", "/v1/messages/{}/cancel", 200, {"id": "b", "status": "canceled"}),
    ("POST", "/v1/messages/{}/resend", 202, {"batch": "b", "url": "/v1/batches/b"}),
    ("GET", "/v1/batches/{}", 200, {"id": "b", "total": 1, "statuses": {"queued": 1}}),
    ("POST", "/v1/batches/{}/cancel", 200, {"canceled": 2, "kept": 1}),
]


@pytest.mark.parametrize(("method", "path", "status", "part"), ONE)
def test_one_of_them(method: str, path: str, status: int, part: dict[str, Any]) -> None:
    answer = call(TRACK, method, path.format("b"))
    assert (answer.status, {name: answer.json[name] for name in part}) == (status, part)
    assert answer.json.keys() == described(method, path.format("{id}"), status)
    missing = call(TRACK, method, path.format("other"))
    assert (missing.status, missing.wrong) == (404, {})


def test_a_batch_that_is_not_there() -> None:
    assert call(TRACK, "GET", "/v1/messages", query={"batch": "other"}).status == 404


def test_too_late_to_cancel_and_too_early_to_resend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "cancel_message", lambda *_: tracking.cancel.CancelResult(False, Status.SUBMITTED))
    monkeypatch.setattr(accept, "resend", raising(accept.NotResendable(Status.QUEUED)))
    for verb, status in (("cancel", "submitted"), ("resend", "queued")):
        answer = call(TRACK, "POST", f"/v1/messages/b/{verb}")
        assert answer.status == 409
        assert status in answer.json["detail"]


DOCUMENT = json.loads(openapi.TARGET.read_text())


def described(method: str, path: str, status: int) -> set[str]:
    """The names that an answer has by the description."""
    content = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]["content"]
    schema = DOCUMENT["components"]["schemas"][content["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]]
    return set(schema["properties"])


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def test_the_description_is_in_step() -> None:
    assert openapi.TARGET.read_text() == openapi.rendered(), "make openapi"


def test_campaigns_and_schedules_have_states_of_their_own() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    states = ["waiting", "running", "fed", "paused", "canceled", "failed", "finished"]
    assert schemas["CampaignState"]["enum"] == states
    assert schemas["ScheduleState"]["enum"] == ["active", "paused", "ended", "deleted"]
    for told in ("Steered", "CampaignLine", "CampaignTold"):
        assert schemas[told]["properties"]["state"]["$ref"] == "#/components/schemas/CampaignState"


def test_the_description_holds_together() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    refs = {node["$ref"] for node in nodes(DOCUMENT) if isinstance(node.get("$ref"), str)}
    operations = [(path, operation) for path, methods in DOCUMENT["paths"].items() for operation in methods.values()]
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert refs == {f"#/components/schemas/{name}" for name in schemas}
    assert len({operation["operationId"] for _, operation in operations}) == len(operations) == 34
    assert [list(need) for need in DOCUMENT["security"]] == [
        [name] for name in DOCUMENT["components"]["securitySchemes"]
    ]
    for path, operation in operations:
        named = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))
        assert {"401", "403", "422", "429", "500"} <= operation["responses"].keys()
        needs = {scope for need in operation["security"] for scopes in need.values() for scope in scopes}
        assert needs == {operation["x-required-scope"]} <= set(Scope)
        assert [list(need) for need in operation["security"]] == [list(need) for need in DOCUMENT["security"]]
        refusals = [answer for status, answer in operation["responses"].items() if status >= "400"]
        assert all(answer["content"].keys() == {"application/problem+json"} for answer in refusals)


def test_the_description_is_served() -> None:
    answer = call(DOCS, "GET", "/openapi.json", authorization="")
    assert (answer.status, answer.headers["content-type"], answer.json) == (200, "application/json", DOCUMENT)
    assert answer.headers["cache-control"] == "public, max-age=300"


def test_the_page_needs_no_internet() -> None:
    answer = call(DOCS, "GET", "/docs", authorization="", accept_encoding="gzip")
    page = decompress(answer.bytes).decode()
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "http" not in answer.headers["content-security-policy"]
    assert "SwaggerUIBundle" in page
    assert page.count("</script>") == 2
    assert "[[" not in re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.DOTALL)
    markup = re.sub(r"(<script>|<style>).*?(</script>|</style>)", "", page, flags=re.DOTALL)
    assert re.findall(r"(?:src|href)=\"(?!data:)", markup) == []
    assert (
        re.findall(
            r"@import|url\(\s*[\"']?(?!data:)[a-z/]", "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
        )
        == []
    )


# --- the examples: events/ and the README -----------------------------------------------------------------------------

EVENTS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "events").glob("*.json"))}
HTTP = ("send_", "find_", "read_", "cancel_", "resend_", "docs_")


@pytest.mark.parametrize("name", [name for name in EVENTS if name.startswith(HTTP)])
def test_every_event_has_its_function(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "authenticate", lambda key: HELD)
    handler = SEND if name.startswith("send_") else DOCS if name.startswith("docs_") else TRACK
    assert Answer(handler(EVENTS[name], CONTEXT)).status in {200, 202}


def ids_of(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What an event names of ours: of which kind, and the id."""
    path, query = event.get("pathParameters", {}), event.get("queryStringParameters", {})
    if "id" in path:
        _, _, collection, id_, *_ = event["rawPath"].split("/")
        assert id_ == path["id"]
        kinds = {"batches": "batch", "campaigns": "campaign", "messages": "message", "schedules": "schedule"}
        kinds |= {"keys": "key"}
        yield kinds[collection], id_
    if "batch" in query:
        yield "batch", query["batch"]
    for record in event.get("Records", ()):
        said = json.loads(record["body"])
        yield from ((kind, said[kind]) for kind in ("batch", "chunk", "message", "schedule") if kind in said)


KEY_ID = re.compile(r"key_[0-9a-f]{20}")


def is_batch_id(id_: str) -> bool:
    return batch_id(b32decode(id_.upper() + "=")) == id_


def is_message_id(id_: str) -> bool:
    found = parse_message_id(id_)
    return found is not None and is_batch_id(found[0].batch)


def is_schedule_id(id_: str) -> bool:
    return id_.startswith("sc_") and len(b32decode(id_[3:].upper())) == 15


FORMS = {
    "key": KEY_ID.fullmatch,
    **{"batch": is_batch_id, "campaign": is_batch_id, "message": is_message_id, "schedule": is_schedule_id},
    "chunk": lambda id_: is_batch_id(ChunkId.parse(id_).batch),
}
NAMED = [(name, kind, id_) for name, event in EVENTS.items() for kind, id_ in ids_of(event)]


def test_the_events_that_name_what_was_accepted() -> None:
    assert {name for name, _, _ in NAMED} == {
        *(
            "cancel_batch",
            "cancel_message",
            "dispatch",
            "find_batch_messages",
            "fire",
            "notify",
            "read_batch",
            "read_message",
        ),
        *("key_read", "key_revoke", "key_rotate", "resend_message", "watch"),
        *("schedule_delete", "schedule_pause", "schedule_read", "schedule_resume"),
        *(f"campaign_{what}" for what in ("read", "rows", "report", "pause", "resume", "cancel")),
    }


@pytest.mark.parametrize(("name", "kind", "id_"), NAMED)
def test_an_events_id_has_the_form_of_ours(name: str, kind: str, id_: str) -> None:
    assert FORMS[kind](id_)


@pytest.mark.parametrize("name", [name for name, event in EVENTS.items() if "Records" in event])
def test_a_queues_event_has_the_digest_of_its_body(name: str) -> None:
    for record in EVENTS[name]["Records"]:
        assert md5(record["body"].encode(), usedforsecurity=False).hexdigest() == record["md5OfBody"]


def test_the_readmes_example_has_ids_of_our_form() -> None:
    (block,) = re.findall(r"```json\n(\{\"batch\".*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    answer = json.loads(block)
    assert is_batch_id(answer["batch"]) and answer["url"] == f"/v1/batches/{answer['batch']}"
    assert [parse_message_id(message["id"])[0].batch for message in answer["messages"]] == [answer["batch"]] * 2
