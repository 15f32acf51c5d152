"""The Hubb and uContact simulators over real HTTP: what a client sees, against what the ledger says was taken."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox.simulators.hubb import Hubb
from sandbox.simulators.server import Answer, Fault, Simulator, Vendor
from sandbox.simulators.ucontact import UContact
from switchboard.dialects import hubb, ucontact
from switchboard.dialects.dialect import Dialect
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Outbound
from switchboard.model.outcome import Verdict
from switchboard.model.receipt import Inbound
from switchboard.model.status import Status

HUBB_ACCOUNT = {"key": "374593457034859", "sender": "3056490655"}
UCONTACT_ACCOUNT = {"user": "gateway", "password": "secret", "campaign": "Ventas->"}


class Listener(Vendor):
    """A callback URL: keeps what came."""

    name = "listener"

    def __init__(self) -> None:
        self.came: list[Request] = []

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        self.came.append(request)
        return Answer(response=Response())


class Line:
    """A client of one simulator, and the callback URL that it was given."""

    def __init__(self, dialect: Dialect, simulator: Simulator, listener: Listener, account: dict[str, str]) -> None:
        self.dialect, self.simulator, self.listener, self.account = dialect, simulator, listener, dict(account)
        self.http = httpx.Client(base_url=simulator.url, timeout=1, trust_env=False)

    def exchange(self, request: Request) -> Response:
        target = request.path + ("?" + request.query.decode() if request.query else "")
        answer = self.http.request(request.method, target, headers=list(request.headers), content=request.body)
        headers = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Response(status=answer.status_code, headers=headers, body=answer.content)

    def login(self) -> str | None:
        assert self.dialect.session
        return self.dialect.session.token(self.exchange(self.dialect.session.login(self.account)))

    def send(self, to: str, channel: Channel = Channel.SMS, **content: Any) -> str:
        """The verdict; for a call without a readable answer the exception, or the status."""
        message = Outbound(id="m", to=to, content=Content(channel=channel, **({"text": "hola ñ€"} | content)))
        try:
            response = self.exchange(self.dialect.submit([message], self.account))
            return self.dialect.spoken_with(self.account).outcomes([message], response)[0].verdict
        except httpx.TransportError as error:
            return type(error).__name__
        except Unreadable:
            return str(response.status)

    def script(self, **fault: Any) -> None:
        assert self.http.post("/_script", json=fault).is_success

    def taken(self) -> list[str]:
        return [line["to"] for line in self.http.get("/_ledger").json()]

    def heard(self, count: int = 1) -> list[Request]:
        wait_for(lambda: len(self.listener.came) >= count)
        return self.listener.came


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


def connect(dialect: Dialect, vendor: Vendor, account: dict[str, str]) -> Iterator[Line]:
    listener = Listener()
    with Simulator(listener) as door, Simulator(vendor, callback=door.url + "/callbacks/x/token/path") as simulator:
        line = Line(dialect, simulator, listener, account)
        with line.http:
            yield line


@pytest.fixture
def hubb_line() -> Iterator[Line]:
    yield from connect(hubb.DIALECT, Hubb(), HUBB_ACCOUNT)


@pytest.fixture
def ucontact_line() -> Iterator[Line]:
    for line in connect(ucontact.DIALECT, UContact(), UCONTACT_ACCOUNT):
        line.account["token"] = line.login() or ""
        yield line


FAULTS = [
    ({"fault": "delay", "seconds": 1.3}, "ReadTimeout", 1),
    ({"fault": "reset_before"}, "ReadError", 0),
    ({"fault": "reset_after"}, "ReadError", 1),
    ({"fault": "500"}, "500", 0),
    ({"fault": "500", "taken": True}, "500", 1),
    ({"fault": "429"}, "429", 0),
    ({"fault": "garbage"}, "200", 1),
    ({"fault": "refuse"}, Verdict.REJECTED, 0),
    ({"fault": "partial"}, "200", 1),
    ({"fault": "none"}, Verdict.ACCEPTED, 1),
]


@pytest.mark.parametrize(("fault", "seen", "taken"), FAULTS, ids=lambda value: str(value))
def test_faults_of_hubb(hubb_line: Line, fault: dict[str, Any], seen: str, taken: int) -> None:
    hubb_line.script(**fault)
    assert hubb_line.send("+19195551212") == seen
    wait_for(lambda: hubb_line.taken() == ["+19195551212"] * taken)
    assert hubb_line.send("+19195551213") == Verdict.ACCEPTED
    assert hubb_line.taken()[taken:] == ["+19195551213"]


@pytest.mark.parametrize(("fault", "seen", "taken"), FAULTS, ids=lambda value: str(value))
@pytest.mark.parametrize("kind", ["SendSMS", "SendSMSv2", "sendEmail"])
def test_faults_of_ucontact(ucontact_line: Line, kind: str, fault: dict[str, Any], seen: str, taken: int) -> None:
    to, channel = ("a@b.c", Channel.EMAIL) if kind == "sendEmail" else ("098344484", Channel.SMS)
    ucontact_line.account["sms_call"] = "SendSMSv2" if channel is Channel.EMAIL else kind
    ucontact_line.script(**fault)
    assert ucontact_line.send(to, channel) == seen
    wait_for(lambda: ucontact_line.taken() == [to] * taken)
    assert ucontact_line.send(to, channel) == Verdict.ACCEPTED
    assert len(ucontact_line.taken()) == taken + 1


def receipts(line: Line, count: int) -> list[Any]:
    return [said.status for request in line.heard(count) for said in line.dialect.callback(request, {})]


@pytest.mark.parametrize(
    ("fault", "statuses"),
    [
        (None, [Status.DELIVERED]),
        ({"fault": "duplicate"}, [Status.DELIVERED, Status.DELIVERED]),
        ({"fault": "contradictory"}, [Status.UNDELIVERED, Status.DELIVERED]),
        ({"fault": "receipts", "words": ["sent", "Failed", "seen"]}, [Status.SENT, Status.FAILED, None]),
    ],
    ids=str,
)
@pytest.mark.parametrize("shape", hubb.Shape)
def test_receipts_of_hubb(hubb_line: Line, fault: dict[str, Any] | None, statuses: list[Any], shape: str) -> None:
    hubb_line.script(settings={"shape": shape})
    if fault:
        hubb_line.script(**fault)
    assert hubb_line.send("+19195551212") == Verdict.ACCEPTED
    assert receipts(hubb_line, len(statuses)) == statuses


def test_an_early_receipt_comes_before_the_answer(hubb_line: Line) -> None:
    hubb_line.script(fault="early")
    assert hubb_line.send("+19195551212") == Verdict.ACCEPTED
    (receipt,) = hubb_line.dialect.callback(hubb_line.listener.came[0], {})
    assert receipt.vendor_id == hubb_line.http.get("/_ledger").json()[0]["id"]


def hubb_answer(line: Line, **changes: str) -> dict[str, str]:
    fields = {"key": "k", "from": "3056490655", "message_body": "hi", "to": "9195551212"} | changes
    answer: dict[str, str] = line.http.get(hubb.SEND_SMS, params=fields).json()
    return answer


def test_hubb_checks_key_number_and_balance(hubb_line: Line) -> None:
    hubb_line.script(settings={"key": "k", "numbers": ["+13056490655"], "balance": 2})
    assert hubb_answer(hubb_line, key="wrong") == {"error_message": "Invalid Key or missing parameters"}
    assert hubb_answer(hubb_line, to="") == {"error_message": "Invalid Key or missing parameters"}
    assert hubb_answer(hubb_line, **{"from": "3056490656"}) == {
        "error_message": "From Number is not active on this account"
    }
    assert hubb_answer(hubb_line, numbers="+19195551212,9195551213")["message"] == "success"
    assert hubb_answer(hubb_line) == {"error_message": "Not Enough Balance to process this request"}
    assert hubb_line.taken() == ["+19195551212", "+19195551213"]


def test_hubb_remembers_contacts(hubb_line: Line) -> None:
    first = hubb_answer(hubb_line, firstname="mike", lastname="douglas", new_company_name="company XY", tags="a,b")
    again = hubb_answer(hubb_line, remove_tags="a", new_company_name="another")
    assert first["contact_name"] == again["contact_name"] == "mike douglas"
    assert (again["contact_id"], again["company_name"]) == (first["contact_id"], "company XY")
    assert hubb_answer(hubb_line, match_with_phone="2")["contact_id"] != first["contact_id"]
    assert hubb_answer(hubb_line, to="9195551299", create_new_contact="2")["contact_id"] == ""
    assert hubb_answer(hubb_line, to="", contact_id=first["contact_id"])["contact_id"] == first["contact_id"]
    ledger = hubb_line.http.get("/_ledger").json()
    assert [line["tags"] for line in ledger[:2]] == [["a", "b"], ["b"]]
    assert ledger[-1]["to"] == "+19195551212"


@pytest.mark.parametrize("setting", [{"shape": "form"}, {"shape": "json"}, {"shape": "query"}], ids=str)
def test_inbound_of_hubb(hubb_line: Line, setting: dict[str, str]) -> None:
    hubb_line.script(settings=setting)
    hubb_line.http.post("/_inbound", json={"from": "+1919", "to": "+1305", "text": "sí & no", "id": "i"})
    said = hubb_line.dialect.callback(hubb_line.heard()[0], {})
    assert said == (Inbound(sender="+1919", to="+1305", text="sí & no", vendor_id="i"),)


@pytest.mark.parametrize("spelling", ["query", "path"])
def test_inbound_of_ucontact(ucontact_line: Line, spelling: str) -> None:
    ucontact_line.script(settings={"spelling": spelling})
    ucontact_line.http.post("/_inbound", json={"from": "+598983", "to": "", "text": "sí & no + a/b?"})
    said = ucontact_line.dialect.callback(ucontact_line.heard()[0], {})
    assert said == (Inbound(sender="+598983", text="sí & no + a/b?"),)


def test_sessions_of_ucontact(ucontact_line: Line) -> None:
    assert ucontact_line.send("098344484") == Verdict.ACCEPTED
    ucontact_line.script(settings={"expire_tokens": True})
    assert ucontact_line.send("098344484") == "401"
    ucontact_line.account |= {"token": ucontact_line.login() or "", "scheme": "Bearer"}
    ucontact_line.script(settings={"token_uses": 1, "user": "gateway", "password": "secret"})
    assert [ucontact_line.send("098344484") for _ in range(2)] == [Verdict.ACCEPTED, "401"]
    token = ucontact_line.login() or ""
    ending = ucontact.encode_end_session(ucontact.EndSession(user="gateway", token=token))
    ended = [ucontact.decode_end_session_answer(ucontact_line.exchange(ending)) for _ in range(2)]
    assert ended == [True, False]
    older = ucontact.Login(user="gateway", password="secret", call=ucontact.LoginCall.USER_LOGIN)
    assert ucontact.decode_login_answer(ucontact_line.exchange(ucontact.encode_login(older)))
    ucontact_line.account["password"] = "wrong"
    assert ucontact_line.login() is None
    assert len(ucontact_line.taken()) == 2


def test_the_ledger_of_ucontact_has_all_that_was_said(ucontact_line: Line) -> None:
    ucontact_line.script(settings={"campaigns": ["Ventas->"]})
    assert ucontact_line.send("098344484", sender="3001", options={"ucontact": {"agent": "ana"}}) == Verdict.ACCEPTED
    sent = ucontact_line.send("a@b.c", Channel.EMAIL, text=None, template="t", variables={"a": "b"}, subject="S")
    assert sent == Verdict.ACCEPTED
    assert ucontact_line.send("098344484", campaign="Unknown") == Verdict.REJECTED
    sms, email = ucontact_line.http.get("/_ledger").json()
    assert (sms["from"], sms["text"], sms["agent"], sms["campaign"]) == ("3001", "hola ñ€", "ana", "Ventas->")
    assert (email["to"], email["template"], email["variables"], email["subject"]) == ("a@b.c", "t", {"a": "b"}, "S")


def test_a_stranger_is_answered(ucontact_line: Line, hubb_line: Line) -> None:
    for line in (ucontact_line, hubb_line):
        assert line.http.post("/nothing").status_code == 404
        assert line.http.post("/_script", json={"settings": {"unknown": 1}}).status_code == 400
    refused = ucontact_line.http.post(ucontact.SEND_EMAIL, content=b"{}", headers={"authorization": "Basic x"})
    assert refused.status_code == 401
    with socket.create_connection(("127.0.0.1", httpx.URL(hubb_line.simulator.url).port or 0)) as raw:
        raw.sendall(b"POST /site/api/send_sms HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n\xff\xfe")
        assert b"Invalid Key or missing parameters" in raw.recv(4096)
