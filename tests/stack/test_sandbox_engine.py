"""The sandbox's engine by itself, on a tiny deployment: door, Runtime API, queues, and what is left afterwards."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import sandbox
from sandbox.processes import environment
from sandbox.routes import Router
from sandbox.run import PREFIX
from sandbox.runtime import Result, failure
from sandbox.sources import failures
from sandbox.template import Route
from sandbox.timers import following
from tests.stack.client import eventually

TINY = Path(__file__).parent / "tiny" / "template.yaml"
MEGABYTE = 2**20


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("probe") / "requests.jsonl"


@pytest.fixture(scope="module")
def stack(probe: Path) -> Iterator[sandbox.Stack]:
    env = {"SWITCHBOARD_PROBE": str(probe), "MORE": "yes"}
    with sandbox.running(template=TINY, simulators=False, parameters={"Greeting": "salut"}, env=env) as stack:
        yield stack


def ask(
    stack: sandbox.Stack, method: str, target: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request on a connection of its own; a dict is sent as JSON."""
    headers = dict(headers or {})
    if isinstance(body, dict):
        body, headers = json.dumps(body).encode(), {"content-type": "application/json", **headers}
    with contextlib.closing(http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=40)) as connection:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response, response.read()


def event_of(stack: sandbox.Stack, method: str, target: str, body: Any = None, **headers: str) -> dict[str, Any]:
    response, answer = ask(stack, method, target, body, headers)
    assert response.status == 200, answer
    event: dict[str, Any] = json.loads(answer)[0]
    return event


def test_a_process_has_the_templates_environment_layer_and_folder(stack: sandbox.Stack) -> None:
    _, answer = ask(stack, "GET", "/echo")
    process = json.loads(answer)[1]
    variables = process["environment"]
    assert process["word"] == "layer"
    assert Path(process["cwd"]).name == "echo"
    assert 500 < process["left"] <= 1000
    assert process["arn"].endswith(":function:EchoFunction")
    assert variables["GREETING"] == "salut, us-east-1"
    assert variables["MORE"] == "yes"
    assert variables["TABLE_NAME"] == stack.table_name
    assert variables["QUEUE_URL"] == stack.outputs["QueueUrl"]
    assert variables["AWS_ENDPOINT_URL"] == stack.engine_url
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert not set(variables) & {"HOME", "USER", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"}


def test_a_request_becomes_an_event(stack: sandbox.Stack) -> None:
    event = event_of(
        stack, "GET", "/echo?a=1&b=%C3%A9&a=2&c&raw=%E9+x", **{"X-Some": "v", "Cookie": "k=1; l=2", "User-Agent": "me"}
    )
    context = event["requestContext"]
    assert event["version"] == "2.0"
    assert event["routeKey"] == context["routeKey"] == "GET /echo"
    assert event["rawQueryString"] == "a=1&b=%C3%A9&a=2&c&raw=%E9+x"
    assert event["queryStringParameters"] == {"a": "1,2", "b": "é", "c": "", "raw": "\ufffd x"}
    assert event["cookies"] == ["k=1", "l=2"]
    assert event["headers"]["x-some"] == "v" and "cookie" not in event["headers"]
    assert event["isBase64Encoded"] is False and "body" not in event and "pathParameters" not in event
    assert context["http"] == {
        "method": "GET", "path": "/echo", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "me",
    }  # fmt: skip
    assert context["stage"] == "$default" and abs(context["timeEpoch"] / 1000 - time.time()) < 60


@pytest.mark.parametrize(
    ("content_type", "body", "as_text"),
    [
        ("application/json", '{"a": "é"}'.encode(), True),
        ("text/xml; charset=utf-8", "<é/>".encode(), True),
        ("text/plain", b"\xff\xfe", False),  # not what it says it is
        ("application/x-www-form-urlencoded", b"a=1", False),
        ("application/octet-stream", bytes(range(256)), False),
    ],
)
def test_bodies_that_are_not_text_are_base64(
    stack: sandbox.Stack, content_type: str, body: bytes, as_text: bool
) -> None:
    import base64

    event = event_of(stack, "POST", "/echo", body, **{"content-type": content_type})
    assert event["isBase64Encoded"] is not as_text
    assert (event["body"].encode() if as_text else base64.b64decode(event["body"])) == body


@pytest.mark.parametrize(
    ("method", "target", "key", "parameters"),
    [
        ("GET", "/echo", "GET /echo", None),
        ("PUT", "/echo", "ANY /echo", None),
        ("POST", "/things/a%2Fb%20c/do", "POST /things/{id}/do", {"id": "a/b c"}),
        ("POST", "/things/all/do", "POST /things/all/do", None),
        ("GET", "/things/all/do", "ANY /things/{proxy+}", {"proxy": "all/do"}),
        ("POST", "/things/x/y/%C3%B1", "ANY /things/{proxy+}", {"proxy": "x/y/ñ"}),
    ],
)
def test_the_most_specific_route_wins(
    stack: sandbox.Stack, method: str, target: str, key: str, parameters: dict[str, str] | None
) -> None:
    event = event_of(stack, method, target)
    assert (event["routeKey"], event.get("pathParameters")) == (key, parameters)


@pytest.mark.parametrize(
    ("method", "target"),
    [("GET", "/"), ("GET", "/things"), ("GET", "/things/"), ("GET", "/echo/"), ("GET", "/patient")],
)
def test_what_has_no_route_is_not_found(stack: sandbox.Stack, method: str, target: str) -> None:
    response, answer = ask(stack, method, target)
    assert (response.status, answer) == (404, b'{"message":"Not Found"}')


def test_routes_are_ranked_as_the_gateway_ranks_them() -> None:
    paths = ["$default", "/{proxy+}", "/a/{x+}", "/a/b/{x+}", "/a/{x}", "/{x}/b", "/a/b"]
    router = Router([Route(method="ANY", path=path, function="f", timeout=1) for path in paths])
    wanted = {"/a/b": "/a/b", "/a/c": "/a/{x}", "/c/b": "/{x}/b", "/a/b/c": "/a/b/{x+}", "/a/c/d": "/a/{x+}"}
    wanted |= {"/c/d": "/{proxy+}", "/": "$default"}
    assert {path: found[0].path for path in wanted if (found := router.find("GET", path))} == wanted


def test_an_answer_becomes_http(stack: sandbox.Stack) -> None:
    response, body = ask(stack, "POST", "/echo", {"do": "bytes"})
    assert response.status == 201 and body == bytes(range(256))
    assert response.headers["content-type"] == "application/octet-stream" and response.headers["x-one"] == "1"
    assert response.headers.get_all("set-cookie") == ["a=1", "b=2"]
    response, body = ask(stack, "POST", "/echo", {"do": "bare"})
    assert (response.status, response.headers["content-type"], json.loads(body)) == (
        200,
        "application/json",
        {"just": "this"},
    )


@pytest.mark.parametrize(
    ("order", "status"),
    [
        ({"do": "raise"}, 500),
        ({"do": "die"}, 500),
        ({"do": "malformed"}, 500),
        ({"do": "sleep", "seconds": 9}, 500),  # the function's 1 s
        ({"do": "big", "bytes": 6 * MEGABYTE - 200}, 200),
        ({"do": "big", "bytes": 6 * MEGABYTE + 200}, 500),
        ({"do": "store", "filler": "x" * (6 * MEGABYTE + 200)}, 413),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_function_that_fails_is_an_error_and_the_next_request_is_none(
    stack: sandbox.Stack, order: dict[str, Any], status: int
) -> None:
    response, body = ask(stack, "POST", "/echo", order)
    assert response.status == status
    if status != 200:
        assert set(json.loads(body)) == {"message"}
    else:
        assert len(body) == order["bytes"]
    assert ask(stack, "GET", "/echo")[0].status == 200


def test_a_function_that_cannot_be_loaded_says_so_every_time(stack: sandbox.Stack) -> None:
    assert [ask(stack, "GET", "/cold")[0].status for _ in range(2)] == [500, 500]
    assert "no such luck" in stack.logs("cold")
    with pytest.raises(sandbox.FunctionFailed, match="RuntimeError"):
        stack.invoke("cold", {})


def test_the_gateway_waits_no_longer_than_the_integration_may_take(stack: sandbox.Stack) -> None:
    began = time.monotonic()
    response, body = ask(stack, "POST", "/patient", {"do": "sleep", "seconds": 0.9})
    assert (response.status, body) == (503, b'{"message":"Service Unavailable"}')
    assert time.monotonic() - began < 0.8


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (b"GET /echo HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 10_000, b"", 200),
        (b"GET /echo HTTP/1.1\r\nhost: x\r\nx: " + b"y" * 10_300, b"", 431),
        (b"GET /echo?" + b"y" * 20_000 + b" HTTP/1.1\r\nhost: x", b"", 431),
        (b"POST /echo HTTP/1.1\r\ncontent-length: 10485761", b"", 413),
        (b"POST /echo HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked", b"", 400),
        (b"POST /echo HTTP/1.1\r\ncontent-length: x", b"", 400),
        (b"nonsense", b"", 400),
        (b"GET /echo HTTP/1.1\r\n bad: header", b"", 400),
        (b"POST /echo HTTP/1.1\r\ntransfer-encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n", 200),
        (b"POST /echo HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2", b"{}", 100),
    ],
    ids=lambda value: str(value)[:30],
)
def test_limits_and_framing(stack: sandbox.Stack, head: bytes, body: bytes, status: int) -> None:
    host, port = stack.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head + b"\r\n\r\n" + body)
        assert connection.recv(100).startswith(b"HTTP/1.1 %d " % status)


def test_connections_are_kept_and_many_are_served_at_once(stack: sandbox.Stack) -> None:
    def several(_: int) -> set[int]:
        with contextlib.closing(
            http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=40)
        ) as connection:
            statuses = set()
            for _ in range(5):
                connection.request("GET", "/echo")
                response = connection.getresponse()
                statuses.add(response.status)
                response.read()
            return statuses

    with ThreadPoolExecutor(64) as threads:
        assert set.union(*threads.map(several, range(64))) == {200}
    assert 1 < len(stack.stats()["echo"]["workers"]) <= 8


def test_cors_is_the_gateways_business(stack: sandbox.Stack) -> None:
    asked = {"Origin": "https://console.example", "Access-Control-Request-Method": "POST"}
    response, _ = ask(stack, "OPTIONS", "/anything", headers=asked)
    assert response.status == 204
    assert response.headers["access-control-allow-origin"] == "https://console.example"
    assert response.headers["access-control-allow-methods"] == "GET,POST"
    response, _ = ask(stack, "GET", "/echo", headers={"Origin": "https://elsewhere.example"})
    assert response.status == 200 and "access-control-allow-origin" not in response.headers


def test_killed_processes_are_replaced(stack: sandbox.Stack) -> None:
    ask(stack, "GET", "/echo")
    killed = set(stack.kill_workers("echo"))
    assert killed and ask(stack, "GET", "/echo")[0].status == 200
    assert not killed & set(stack.stats()["echo"]["workers"])


def test_a_frozen_process_is_ended_at_the_timeout(stack: sandbox.Stack) -> None:
    frozen = set(stack.signal_workers("echo", signal.SIGSTOP))
    assert frozen and ask(stack, "GET", "/echo")[0].status == 500
    stack.kill_workers("echo")


def test_the_probe_counts_requests_and_the_indexes_units(stack: sandbox.Stack, probe: Path) -> None:
    assert ask(stack, "POST", "/echo", {"do": "store"})[0].status == 200
    lines = [json.loads(line) for line in probe.read_text().splitlines()]
    seen = [(line["function"], line["service"], line["operation"], line["write_units"]) for line in lines]
    assert seen == [("EchoFunction", "dynamodb", "PutItem", 2.0), ("EchoFunction", "dynamodb", "UpdateItem", 1.0)]


# Queues


class Work:
    """The tiny stack's queue and what its function did."""

    def __init__(self, stack: sandbox.Stack) -> None:
        self.sqs = stack.boto("sqs")
        self.url = stack.outputs["QueueUrl"]
        self.stack = stack
        self.skip = len(self.lines())

    def send(self, *orders: dict[str, Any], **more: Any) -> list[str]:
        """The messages' ids."""
        ids = []
        for start in range(0, len(orders), 10):
            entries = [
                {"Id": str(n), "MessageBody": json.dumps(order), **more}
                for n, order in enumerate(orders[start : start + 10])
            ]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed")
            ids += [entry["MessageId"] for entry in answer["Successful"]]
        return ids

    def lines(self) -> list[dict[str, Any]]:
        found = [line for line in self.stack.logs("work").splitlines() if line.startswith('{"batch"')]
        return [json.loads(line)["batch"] for line in found]

    def batches(self) -> list[dict[str, Any]]:
        return self.lines()[self.skip :]

    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches() for record in batch["records"]]

    def is_empty(self, url: str | None = None) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return all(int(count) == 0 for count in counts.values())


@pytest.fixture
def work(stack: sandbox.Stack) -> Iterator[Work]:
    work = Work(stack)
    yield work
    eventually(work.is_empty, 15)


def test_a_message_is_seen_at_once_and_in_lambdas_words(work: Work) -> None:
    late = []
    for n in range(10):
        sent = time.time()
        work.send({"n": n}, MessageAttributes={"kind": {"DataType": "String", "StringValue": "k"}}, MessageGroupId="g")
        eventually(lambda n=n: len(work.records()) > n)
        late.append(work.batches()[n]["began"] - sent)
    assert sorted(late)[5] < 0.05
    record = work.records()[0]
    attributes = record.pop("attributes")
    assert set(record) == {
        "messageId", "receiptHandle", "body", "messageAttributes", "md5OfBody", "md5OfMessageAttributes",
        "eventSource", "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert record["messageAttributes"]["kind"]["stringValue"] == "k"
    assert record["eventSource"] == "aws:sqs" and record["eventSourceARN"].startswith("arn:aws:sqs:us-east-1:")
    assert attributes["ApproximateReceiveCount"] == "1" and attributes["MessageGroupId"] == "g"
    assert {"SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"} <= set(attributes)


def test_only_the_failed_come_again_and_when_they_were_told_to(work: Work) -> None:
    stubborn, postponed, fine = work.send({"do": "fail"}, {"do": "postpone", "by": 1}, {"n": 1})

    def times(message_id: str) -> list[float]:
        return [b["began"] for b in work.batches() for r in b["records"] if r["messageId"] == message_id]

    eventually(lambda: len(times(stubborn)) >= 2 and len(times(postponed)) >= 3)
    assert len(times(fine)) == 1
    assert times(stubborn)[1] - times(stubborn)[0] == pytest.approx(2, abs=0.4)  # the queue's visibility, untouched
    assert times(postponed)[1] - times(postponed)[0] == pytest.approx(1, abs=0.4)  # its own
    work.sqs.purge_queue(QueueUrl=work.url)


def test_a_batch_whose_function_fails_comes_again_whole(work: Work) -> None:
    sent = [id for fault in ("die", "raise", "unknown") for id in work.send({"do": fault}, {"n": 1}, {"n": 2})]
    eventually(work.is_empty, 10)
    last = {record["messageId"]: record["attributes"]["ApproximateReceiveCount"] for record in work.records()}
    assert last == dict.fromkeys(sent, "2")


def test_no_more_invocations_at_once_than_the_source_allows(work: Work) -> None:
    work.send(*({"seconds": 0.02} for _ in range(100)))
    eventually(lambda: len(work.records()) == 100)
    edges = sorted([(b["began"], 1) for b in work.batches()] + [(b["ended"], -1) for b in work.batches()])
    running = [sum(step for _, step in edges[: n + 1]) for n in range(len(edges))]
    assert max(running) == 2
    assert max(len(batch["records"]) for batch in work.batches()) == 10


def test_a_thousand_messages_are_each_done_once(work: Work) -> None:
    work.send(*({"n": n} for n in range(1000)))
    eventually(lambda: len(work.records()) == 1000, 60)
    assert len({record["messageId"] for record in work.records()}) == 1000


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (b"null", ""), (b"{}", ""), (b'{"batchItemFailures": null}', ""), (b'{"batchItemFailures": []}', ""),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', "a"),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', "ab"),
        (b'{"batchItemFailures": [{"id": "a"}]}', "ab"),
        (b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', "ab"),
        (b'{"batchItemFailures": 1}', "ab"), (b'"done"', "ab"), (b"not json", "ab"),
    ],
)  # fmt: skip
def test_what_a_batchs_answer_means(answer: bytes, failed: str) -> None:
    assert failures(Result(answer), {"a", "b"}, partial=True) == set(failed)
    assert failures(Result(answer), {"a", "b"}, partial=False) == set()
    assert failures(failure("X", "x"), {"a", "b"}, partial=False) == {"a", "b"}


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("rate(1 minute)", "2026-01-31T23:59:30", "2026-02-01T00:00:30"),
        ("rate(12 hours)", "2026-01-01T00:00:00", "2026-01-01T12:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T10:15:00", "2026-01-01T10:30:00"),
        ("cron(30 9 ? * MON-FRI *)", "2026-01-02T09:30:00", "2026-01-05T09:30:00"),
        ("cron(0 0 29 FEB ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("cron(0 0 1 1 ? 2025)", "2026-01-01T00:00:00", None),
    ],
)
def test_when_a_schedule_is_due(expression: str, after: str, due: str | None) -> None:
    from datetime import UTC, datetime

    instant = following(expression, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert (instant and instant.replace(tzinfo=None).isoformat()) == due


# What is left afterwards


def folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob(PREFIX + "*")}


def processes(session_of: str) -> set[int]:
    """The processes that have this text in their environment or command line."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (
                session_of.encode() in (entry / "environ").read_bytes()
                and b"Z (zombie)" not in (entry / "status").read_bytes()
            ):
                found.add(int(entry.name))
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_it_ends_nothing_is_left(number: int) -> None:
    before, mark = folders(), f"MARK_{os.getpid()}_{int(number)}"
    options = json.dumps({"template": str(TINY), "simulators": False})
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "--options", options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment({mark: "1"}),
    )
    with process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        made = folders() - before
        assert ready["ready"] is True and len(made) == 1
        assert len(processes(mark)) >= 2  # itself, the data plane
        process.send_signal(number)
        assert process.wait(10) == (0 if number != signal.SIGKILL else -signal.SIGKILL)
        assert process.stdout.read() == b""  # one line, and no more
    eventually(lambda: not processes(mark), 5)
    eventually(lambda: not made & folders(), 5)


def test_two_run_side_by_side(stack: sandbox.Stack) -> None:
    with sandbox.running(template=TINY, simulators=False, parameters={"Greeting": "ciao"}) as other:
        assert other.url != stack.url and other.engine_url != stack.engine_url
        assert other.environments["EchoFunction"]["GREETING"] == "ciao, us-east-1"
        other.boto("sqs").purge_queue(QueueUrl=other.outputs["QueueUrl"])
        assert ask(other, "GET", "/echo")[0].status == ask(stack, "GET", "/echo")[0].status == 200


def test_a_deployment_that_cannot_be_made_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(RuntimeError, match="before it was ready"),
        sandbox.running(template=TINY, simulators=False, parameters={"Nonsense": "1"}),
    ):
        pass
    assert "Nonsense" in capfd.readouterr().err
