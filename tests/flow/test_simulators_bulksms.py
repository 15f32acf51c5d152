"""The bulk platform's simulator over real HTTP: each fault, what the client makes of it, and what the ledger says."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.simulators.bulksms import BulkSms
from sandbox.simulators.server import Simulator
from switchboard.dialects.bulksms.provider import DIALECT
from switchboard.dialects.bulksms.schedule import SCHEDULE
from switchboard.dialects.bulksms.submit import SUBMIT
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Outbound
from switchboard.model.outcome import Outcome, Verdict
from switchboard.model.receipt import Inbound
from switchboard.model.status import Status

from .listener import Listener, simulated, wait_for

ROOT = Path(__file__).parents[2]
ACCOUNT = {"username": "gateway", "password": "secret", "sender": "Acme", "zone": "UTC"}
A, B, C, D = (f"+5989912345{number}" for number in range(4))
YES, NO, AGAIN, DOUBT = Verdict
SENT, FAILED = Status.DELIVERED, Status.UNDELIVERED
SAID = {"username": "x", "password": "y", "type": "0", "dlr": "1", "source": "Acme", "message": "Hello"}


class Line:
    """A client of the simulator, and the callback URL that it was given."""

    def __init__(self, simulator: Simulator, listener: Listener) -> None:
        self.simulator, self.listener = simulator, listener
        self.http = httpx.Client(base_url=simulator.url, timeout=20, trust_env=False)
        self.patience = 20.0

    def send(self, *numbers: str, text: str = "hola ñ€") -> tuple[Outcome, ...] | str:
        """The outcomes; for a call without a readable answer the exception, or the status."""
        content = Content(channel=Channel.SMS, text=text)
        group = [Outbound(id=number, to=number, content=content) for number in numbers]
        request = DIALECT.submit(group, ACCOUNT)
        try:
            target = f"{request.path}?{request.query.decode()}"
            answer = self.http.request(request.method, target, timeout=self.patience)
            headers = tuple((name.lower(), value) for name, value in answer.headers.items())
            return DIALECT.outcomes(group, Response(status=answer.status_code, headers=headers, body=answer.content))
        except httpx.TransportError as error:
            return type(error).__name__
        except Unreadable:
            return str(answer.status_code)

    def verdicts(self, *numbers: str) -> list[Verdict] | str:
        said = self.send(*numbers)
        return said if isinstance(said, str) else [outcome.verdict for outcome in said]

    def script(self, *entries: dict[str, Any]) -> None:
        assert self.http.post("/_script", json=list(entries)).is_success

    def ledger(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.http.get("/_ledger").json()
        return lines

    def taken(self) -> list[str]:
        return ["+" + line["to"] for line in self.ledger()]

    def all_sent(self) -> None:
        """Until there is no receipt left to send."""
        wait_for(lambda: all(row["done"] for row in self.http.get("/_receipts").json()))

    def statuses(self, count: int) -> list[Status | None]:
        wait_for(lambda: len(self.listener.came) >= count)
        return [said.status for request in self.listener.came for said in callbacks(request)]


def callbacks(request: Request) -> tuple[Any, ...]:
    return DIALECT.callback(request, ACCOUNT)


@pytest.fixture
def line() -> Iterator[Line]:
    with simulated(BulkSms()) as (simulator, listener):
        made = Line(simulator, listener)
        with made.http:
            yield made


@pytest.mark.parametrize(
    ("fault", "seen", "taken"),
    [
        ({"fault": "delay", "seconds": 1}, "ReadTimeout", [A, B, C, D]),
        ({"fault": "delay", "seconds": 0.1}, [YES] * 4, [A, B, C, D]),
        ({"fault": "reset_before"}, "ReadError", []),
        ({"fault": "reset before taking"}, "ReadError", []),
        ({"fault": "reset_after"}, "ReadError", [A, B, C, D]),
        ({"fault": "reset after taking", "seconds": 0.1}, "ReadError", [A, B, C, D]),
        ({"fault": "500"}, "500", []),
        ({"fault": 500, "taken": True}, "500", [A, B, C, D]),
        ({"fault": "429"}, "429", []),
        ({"fault": 302}, "302", []),
        ({"fault": 403, "body": "1709"}, [AGAIN] * 4, []),
        ({"fault": "garbage"}, "200", [A, B, C, D]),
        ({"fault": "garbage", "taken": False, "body": ""}, "200", []),
        ({"fault": "refuse"}, [NO] * 4, []),
        ({"fault": "refuse", "code": "1709"}, [AGAIN] * 4, []),
        ({"fault": "refuse", "code": "1703"}, [NO] * 4, []),
        ({"fault": "refuse", "code": "1725"}, [NO, AGAIN, AGAIN, AGAIN], []),
        ({"fault": "refuse", "code": "1715"}, [DOUBT] * 4, []),
        ({"fault": "refuse", "match": {"to": C}}, [YES, YES, NO, YES], [A, B, D]),
        ({"fault": "refuse", "match": {"to": C}, "code": "1732"}, [YES, YES, NO, AGAIN], [A, B]),
        ({"fault": "partial"}, [YES, YES, DOUBT, DOUBT], [A, B, C, D]),
        ({"fault": "partial list", "keep": 1, "taken": False}, [YES, DOUBT, DOUBT, DOUBT], [A]),
        ({"fault": "partial", "code": "1725"}, [YES, YES, NO, AGAIN], [A, B]),
        ({"fault": "partial", "code": 1725, "keep": 0}, [NO, AGAIN, AGAIN, AGAIN], []),
        ({"fault": "partial", "keep": 0}, "200", [A, B, C, D]),
        ({"fault": "none"}, [YES] * 4, [A, B, C, D]),
        ({"fault": "reset_before", "match": {"to": "+5989912399"}}, [YES] * 4, [A, B, C, D]),
        ({"fault": "500", "match": {"path": "/other"}}, [YES] * 4, [A, B, C, D]),
        ({"settings": {"username": "gateway", "password": "another"}}, [NO] * 4, []),
        ({"settings": {"senders": ["Other"]}}, [NO] * 4, []),
        ({"settings": {"credit": 2}}, [YES, YES, NO, AGAIN], [A, B]),
        ({"settings": {"dnd": [B]}}, [YES, NO, AGAIN, AGAIN], [A]),
        ({"settings": {"invalid": [A, D]}}, [NO, YES, YES, NO], [B, C]),
        ({"settings": {"codes": {D: "1710"}}}, [YES, YES, YES, DOUBT], [A, B, C]),
    ],
    ids=str,
)
def test_every_fault_beside_the_ledger(line: Line, fault: dict[str, Any], seen: Any, taken: list[str]) -> None:
    line.script(fault)
    line.patience = 0.5 if seen == "ReadTimeout" else 20
    assert line.verdicts(A, B, C, D) == seen
    line.patience = 20
    wait_for(lambda: line.taken() == taken)
    # What was said to be certain is certain, and the fault was for one call.
    if isinstance(seen, list):
        assert {number for number, verdict in zip((A, B, C, D), seen, strict=True) if verdict is YES} <= set(taken)
        assert not {number for number, verdict in zip((A, B, C, D), seen, strict=True) if verdict in {NO, AGAIN}} & set(
            taken
        )
    line.http.delete("/_script")
    assert line.verdicts("+59899123999") == [YES]


def test_times_matches_and_order(line: Line) -> None:
    line.script(
        {"fault": "refuse", "times": 2, "match": {"to": B}},
        {"fault": "429", "retry_after": 3},
        {"fault": "duplicate", "times": None},
    )
    faults = line.http.get("/_script").json()["faults"]
    assert [(fault["fault"], fault["times"]) for fault in faults] == [("refuse", 2), ("429", 1), ("duplicate", None)]
    assert [line.verdicts(number) for number in (A, B, A, B, B)] == ["429", [NO], [YES], [NO], [YES]]
    assert [fault["fault"] for fault in line.http.get("/_script").json()["faults"]] == ["duplicate"]
    assert line.http.delete("/_script").json()["faults"] == []
    assert line.http.delete("/_ledger").json() == line.ledger() == []


@pytest.mark.parametrize("said", [{}, {"fault": "flood"}, {"fault": "delay", "times": 0}, {"fault": "200"}, [1], "x"])
def test_a_script_that_is_none_changes_nothing(line: Line, said: Any) -> None:
    answer = line.http.post("/_script", json=[{"fault": "500"}, said])
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert line.http.get("/_script").json()["faults"] == []


def test_the_ledger_has_all_that_was_said(line: Line) -> None:
    before = time.time()
    line.send(A, text="ы" * 71)
    fields = {"username": "x", "password": "y", "source": "Acme", "message": "hi"}
    for request in (
        line.http.build_request("POST", SUBMIT, data=fields | {"type": "5", "dlr": "0", "destination": B}),
        line.http.build_request("POST", SUBMIT, params=fields | {"type": "2", "dlr": "1", "destination": C}),
        line.http.build_request("GET", SUBMIT, params=fields | {"type": "0", "dlr": "1", "destination": "12"}),
    ):
        assert line.http.send(request).headers["content-type"].startswith("text/plain")
    ledger = line.ledger()
    assert [(row["to"], row["from"], row["text"], row["type"], row["parts"]) for row in ledger] == [
        (A.lstrip("+"), "Acme", "ы" * 71, "2", 2),
        (B, "Acme", "hi", "5", 1),
        (C, "Acme", "hi", "2", 1),
    ]
    assert [row.get("encoding_guessed", False) for row in ledger] == [False, False, True]
    assert len({row["id"] for row in ledger}) == 3
    assert before - 1 < ledger[0]["at"] <= ledger[2]["at"] < time.time() + 1
    assert line.statuses(2) == [SENT, SENT]  # none for the one with dlr=0


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        ({"settings": {}}, [SENT]),
        ({"fault": "duplicate receipts"}, [SENT, SENT]),
        ({"fault": "contradictory"}, [FAILED, SENT]),
        ({"fault": "contradictory", "reverse": True}, [SENT, FAILED]),
        ({"fault": "receipts", "words": ["ENROUTE", "EXPIRED"], "after": 0}, [Status.SENT, Status.EXPIRED]),
        ({"settings": {"words": {A: "REJECTD"}, "method": "GET"}}, [Status.REJECTED]),
    ],
    ids=str,
)
def test_receipts(line: Line, fault: dict[str, Any], statuses: list[Status | None]) -> None:
    line.script(fault)
    said = line.send(A)
    assert isinstance(said, tuple)
    line.all_sent()
    assert line.statuses(len(statuses)) == statuses
    for request in line.listener.came:
        (receipt,) = callbacks(request)
        assert (receipt.vendor_id, receipt.to) == (said[0].vendor_id, A.lstrip("+"))


def test_early_receipts_are_over_before_the_answer(line: Line) -> None:
    line.script({"fault": "early"})
    assert line.verdicts(A, B, C, D) == [YES] * 4
    assert len(line.listener.came) == 4
    line.script({"fault": "early"}, {"fault": "reset_after"})
    assert line.verdicts(A) == "ReadError"
    assert len(line.listener.came) == 5


def test_a_receipt_fault_for_one_recipient(line: Line) -> None:
    line.script({"fault": "none", "match": {"to": B}})
    line.send(A, B, C)
    line.all_sent()
    assert sorted(callbacks(request)[0].to for request in line.listener.came) == [A.lstrip("+"), C.lstrip("+")]


def test_a_receipt_is_sent_until_it_is_taken(line: Line) -> None:
    line.listener.statuses = [500, 404]
    line.send(A)
    wait_for(lambda: [row["done"] for row in line.http.get("/_receipts").json()] == [True])
    assert [(row["tries"], row["status"]) for row in line.http.get("/_receipts").json()] == [(3, 200)]


def test_receipts_and_inbound_messages_on_demand(line: Line) -> None:
    line.script({"fault": "none"})
    line.send(A)
    sent = line.http.post("/_receipt", json={"id": line.ledger()[0]["id"], "word": "EXPIRED"})
    assert sent.json() == {"sent": True}
    assert line.statuses(1) == [Status.EXPIRED]
    line.http.post("/_inbound", json={"from": A, "to": "24680", "text": "sí & no", "id": "i"})
    wait_for(lambda: len(line.listener.came) == 2)
    assert callbacks(line.listener.came[1]) == (Inbound(sender=A, to="24680", text="sí & no", vendor_id="i"),)
    assert line.listener.came[1].path == "/callbacks/x/token"
    assert line.http.post("/_callback", json={"url": None}).json() == {"url": None}
    assert line.http.post("/_inbound", json={"from": A, "text": "x"}).json() == {"sent": False}
    assert line.http.post("/_receipt", json={"id": "unknown"}).status_code == 400


def test_credit_is_used_up_by_parts_and_comes_back(line: Line) -> None:
    line.script({"settings": {"credit": 3}})
    assert isinstance(said := line.send(A, B, text="a" * 161), tuple)
    assert [outcome.code for outcome in said] == ["1701", "1725"]
    assert line.http.get("/_script").json()["settings"]["credit"] == 1
    assert line.http.delete("/_script").json()["settings"]["credit"] is None


RULES = [
    ({"templates": ["Your code is {#var#}."]}, ["1033|{A}", "1701", "1033|{A}"]),
    ({"templates": {"7": "Your code is {#var#}.", "8": "Hello"}}, ["1701", "1701", "1033|{A}"]),
    ({"spam": ["CODE"]}, ["1701", "1028|{A}", "1028|{A}", "1701"]),
    ({"duplicates": 60}, ["1701", "1701", "1701", "1041|{A}"]),
    ({"duplicates": None}, ["1701", "1701", "1701", "1701"]),
    ({"opted_out": [A]}, ["1042|{A}"]),
]


@pytest.mark.parametrize(("setting", "codes"), RULES, ids=str)
def test_what_the_vendor_holds_against_a_message(line: Line, setting: dict[str, Any], codes: list[str]) -> None:
    line.script({"settings": setting})
    texts = ["Hello", "Your code is 1234.", "Your code is " + "9" * 31 + ".", "Hello"]
    for text, code in zip(texts, codes, strict=False):
        answer = line.http.get(SUBMIT, params=SAID | {"destination": A, "message": text}).text
        assert answer.startswith(code.format(A=A)), text


def test_a_named_template_must_be_the_one_that_fits(line: Line) -> None:
    line.script({"settings": {"templates": {"7": "Hello {#var#}", "8": "Bye"}}})
    answers = [
        line.http.get(SUBMIT, params=SAID | {"destination": A, "message": "Hello Ann", "tempid": template}).text[:4]
        for template in ("7", "8", "9")
    ]
    assert answers == ["1701", "1033", "1033"]
    assert [row["tempid"] for row in line.ledger()] == ["7"]


def at(moment: datetime) -> dict[str, str]:
    """The time of a call that is to go out at a moment."""
    return {"date": f"{moment:%m/%d/%Y}", "time": f"{moment:%I:%M %p}", "gmt": "+00:00"}


def test_a_scheduled_message_waits_for_its_time(line: Line) -> None:
    line.script({"settings": {"credit": 3, "invalid": [B]}})
    now = datetime.now(UTC)
    later = SAID | {"destination": f"{A},{B}"} | at(now + timedelta(minutes=10))
    assert (
        line.http.get(SCHEDULE, params=SAID | {"destination": A} | at(now - timedelta(minutes=2))).text == f"1702|{A}"
    )
    assert line.http.get(SCHEDULE, params=SAID | {"destination": A}).text == f"1702|{A}"
    kept, refused = line.http.get(SCHEDULE, params=later).text.split(",")
    assert (kept.rpartition("|")[0], refused) == (f"1701|{A}", f"1706|{B}")
    assert line.http.post(SUBMIT, data=later).text.startswith("1701|")  # a time makes a schedule of it
    state = line.http.get("/_state").json()
    assert (state["credit"], state["paid"]) == (1, 2)
    assert [row["to"] for row in state["scheduled"]] == [A, A]
    assert state["scheduled"][0]["id"] == kept.rpartition("|")[2]
    time.sleep(0.6)
    assert line.ledger() == []
    # This minute has begun: it goes out at once, with its report.
    sent = line.http.get(SCHEDULE, params=SAID | {"destination": A} | at(datetime.now(UTC))).text
    assert line.statuses(1) == [SENT]
    assert [row["id"] for row in line.ledger()] == [sent.rpartition("|")[2]]
    assert len(line.http.get("/_state").json()["scheduled"]) == 2
    assert line.http.delete("/_state").json()["scheduled"] == []


def test_strangers_are_answered(line: Line) -> None:
    assert line.http.get("/nothing").status_code == 404
    assert line.http.get("/_nothing").status_code == 404
    assert line.http.delete(SUBMIT).status_code == 405
    assert line.http.get(SUBMIT).text == "1702"
    assert line.http.get(f"{SUBMIT}?" + "a&" * 1001).text == "1702"


def test_many_at_once_are_all_taken_and_reported_once(line: Line) -> None:
    calls = [[f"+5989{call:03d}{number:04d}" for number in range(100)] for call in range(20)]
    with ThreadPoolExecutor(20) as pool:
        assert all(said == [YES] * 100 for said in pool.map(lambda numbers: line.verdicts(*numbers), calls))
    assert sorted(line.taken()) == sorted(number for numbers in calls for number in numbers)
    wait_for(lambda: len(line.listener.came) == 2000)
    assert len({callbacks(request)[0].vendor_id for request in line.listener.came}) == 2000


def test_the_command_serves_until_it_is_told_to_stop() -> None:
    listener = Listener()
    with Simulator(listener) as door:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "sandbox.simulators",
                "bulksms",
                "--callback",
                door.url,
                "--set",
                "username=gateway",
            ],
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": f"{ROOT / 'layers/switchboard'}{os.pathsep}{ROOT}"},
        )
        killer = threading.Timer(20, process.kill)
        killer.start()
        try:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            assert ready["vendor"] == "bulksms"
            assert httpx.get(f"{ready['url']}/_script").json()["settings"]["username"] == "gateway"
            assert httpx.get(f"{ready['url']}/_ledger").json() == []
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            killer.cancel()
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
