"""The uContact simulator over real HTTP: what a client sees, against what the ledger and the state say was taken."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from sandbox.simulators.server import Simulator
from sandbox.simulators.ucontact import UContact
from switchboard.dialects.ucontact.bases import (
    BlacklistRow,
    EmailRow,
    SmsRow,
    write_blacklist_rows,
    write_email_rows,
    write_sms_rows,
)
from switchboard.dialects.ucontact.calls import Authorization, decode_done
from switchboard.dialects.ucontact.dialer import (
    EMAIL,
    ScheduleSms,
    UploadBase,
    UploadBlacklist,
    UploadDialerBase,
    encode_schedule_sms,
    encode_upload_base,
    encode_upload_blacklist,
    encode_upload_dialer_base,
)
from switchboard.dialects.ucontact.email import SEND_EMAIL
from switchboard.dialects.ucontact.provider import DIALECT
from switchboard.dialects.ucontact.session import (
    EndSession,
    Login,
    LoginCall,
    decode_login_answer,
    encode_end_session,
    encode_login,
)
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Outbound
from switchboard.model.outcome import Verdict
from switchboard.model.receipt import Inbound

from .listener import Listener, simulated, wait_for

ACCOUNT = {"user": "gateway", "password": "secret", "campaign": "Ventas->"}


class Line:
    """A client of one simulator, and the callback URL that it was given."""

    def __init__(self, simulator: Simulator, listener: Listener) -> None:
        self.simulator, self.listener, self.account = simulator, listener, dict(ACCOUNT)
        self.http = httpx.Client(base_url=simulator.url, timeout=1, trust_env=False)

    def exchange(self, request: Request) -> Response:
        target = request.path + ("?" + request.query.decode() if request.query else "")
        answer = self.http.request(request.method, target, headers=list(request.headers), content=request.body)
        headers = tuple((name.lower(), value) for name, value in answer.headers.items())
        return Response(status=answer.status_code, headers=headers, body=answer.content)

    def login(self) -> str | None:
        assert DIALECT.session
        return DIALECT.session.token(self.exchange(DIALECT.session.login(self.account)))

    @property
    def shown(self) -> Authorization:
        return Authorization(self.account["token"])

    def send(self, to: str, channel: Channel = Channel.SMS, **content: Any) -> str:
        """The verdict; for a call without a readable answer the exception, or the status."""
        message = Outbound(id="m", to=to, content=Content(channel=channel, **({"text": "hola ñ€"} | content)))
        try:
            response = self.exchange(DIALECT.submit([message], self.account))
            return DIALECT.spoken_with(self.account).outcomes([message], response)[0].verdict
        except httpx.TransportError as error:
            return type(error).__name__
        except Unreadable:
            return str(response.status)

    def upload(self, rows: bytes, campaign: str = "Ventas->") -> bool:
        call = UploadBase(filename="base.csv", content=rows, campaign=campaign, authorization=self.shown)
        return decode_done(self.exchange(encode_upload_base(call)))

    def upload_emails(self, rows: bytes, count: int = 1) -> bool:
        call = UploadDialerBase(
            filename="e.csv", content=rows, dialer="Mails", count=count, channel=EMAIL, subject="Hola"
        )
        return decode_done(self.shown_by(encode_upload_dialer_base(call)))

    def upload_blacklist(self, rows: bytes) -> bool:
        return decode_done(
            self.shown_by(encode_upload_blacklist(UploadBlacklist(filename="b.csv", content=rows, channel=EMAIL)))
        )

    def shown_by(self, request: Request) -> Response:
        header = ("authorization", f"Basic {self.account['token']}")
        return self.exchange(
            Request(method="POST", path=request.path, headers=(*request.headers, header), body=request.body)
        )

    def schedule(self, calldate: datetime, campaign: str = "Ventas->", to: str = "098344484") -> bool:
        naive = calldate.replace(tzinfo=None, microsecond=0)
        call = ScheduleSms(calldate=naive, campaign=campaign, destination=to, data="Message", authorization=self.shown)
        return decode_done(self.exchange(encode_schedule_sms(call)))

    def script(self, **fault: Any) -> None:
        assert self.http.post("/_script", json=fault).is_success

    def state(self) -> dict[str, Any]:
        said: dict[str, Any] = self.http.get("/_state").json()
        return said

    def ledger(self) -> list[dict[str, Any]]:
        said: list[dict[str, Any]] = self.http.get("/_ledger").json()
        return said

    def taken(self) -> list[str]:
        return [line["to"] for line in self.ledger()]

    def heard(self) -> Request:
        wait_for(lambda: self.listener.came)
        return self.listener.came[0]


@pytest.fixture
def line() -> Iterator[Line]:
    with simulated(UContact()) as (simulator, listener):
        line = Line(simulator, listener)
        with line.http:
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
@pytest.mark.parametrize("kind", ["SendSMS", "SendSMSv2", "sendEmail"])
def test_faults(line: Line, kind: str, fault: dict[str, Any], seen: str, taken: int) -> None:
    to, channel = ("a@b.c", Channel.EMAIL) if kind == "sendEmail" else ("098344484", Channel.SMS)
    line.account["sms_call"] = "SendSMSv2" if channel is Channel.EMAIL else kind
    line.script(**fault)
    assert line.send(to, channel) == seen
    wait_for(lambda: line.taken() == [to] * taken)
    assert line.send(to, channel) == Verdict.ACCEPTED
    assert len(line.taken()) == taken + 1


@pytest.mark.parametrize("spelling", ["query", "path"])
def test_inbound(line: Line, spelling: str) -> None:
    line.script(settings={"spelling": spelling})
    line.http.post("/_inbound", json={"from": "+598983", "to": "", "text": "sí & no + a/b?"})
    assert DIALECT.callback(line.heard(), {}) == (Inbound(sender="+598983", text="sí & no + a/b?"),)


def test_sessions(line: Line) -> None:
    assert line.send("098344484") == Verdict.ACCEPTED
    line.script(settings={"expire_tokens": True})
    assert line.send("098344484") == "401"
    line.account |= {"token": line.login() or "", "scheme": "Bearer"}
    line.script(settings={"token_uses": 1, "user": "gateway", "password": "secret"})
    assert [line.send("098344484") for _ in range(2)] == [Verdict.ACCEPTED, "401"]
    token = line.login() or ""
    ending = encode_end_session(EndSession(user="gateway", token=token, authorization=Authorization(token)))
    assert [decode_done(line.exchange(ending)) for _ in range(2)] == [True, False]
    older = Login(user="gateway", password="secret", call=LoginCall.USER_LOGIN)
    assert decode_login_answer(line.exchange(encode_login(older)))
    line.account["password"] = "wrong"
    assert line.login() is None
    assert line.exchange(encode_login(Login(user="x", password="y", call=LoginCall.USER_LOGIN))).body == b"[]"
    assert len(line.taken()) == 2


def test_the_sessions_in_the_state(line: Line) -> None:
    line.send("098344484")
    line.send("098344485")
    (session,) = line.state()["sessions"]
    assert (session["user"], session["calls"], session["ended"]) == ("gateway", 2, False)
    assert line.account["token"].startswith(session["token"])
    assert len(session["token"]) == 8
    line.exchange(encode_end_session(EndSession(token=line.account["token"])))
    assert line.state()["sessions"][0]["ended"]
    assert line.send("098344484") == "401"


def test_the_ledger_has_all_that_was_said(line: Line) -> None:
    line.script(settings={"campaigns": ["Ventas->"]})
    assert line.send("098344484", sender="3001", options={"ucontact": {"agent": "ana"}}) == Verdict.ACCEPTED
    sent = line.send("a@b.c", Channel.EMAIL, text=None, template="t", variables={"a": "b"}, subject="S")
    assert sent == Verdict.ACCEPTED
    assert line.send("098344484", campaign="Unknown") == Verdict.REJECTED
    sms, email = line.ledger()
    assert (sms["from"], sms["text"], sms["agent"], sms["campaign"]) == ("3001", "hola ñ€", "ana", "Ventas->")
    assert (email["to"], email["template"], email["variables"], email["subject"]) == ("a@b.c", "t", {"a": "b"}, "S")


def test_a_stranger_is_answered(line: Line) -> None:
    assert line.http.post("/nothing").status_code == 404
    for settings in ({"unknown": 1}, {"zone": "Nowhere/At_all"}, {"spelling": "backwards"}):
        assert line.http.post("/_script", json={"settings": settings}).status_code == 400
    refused = line.http.post(SEND_EMAIL, content=b"{}", headers={"authorization": "Basic x"})
    assert (refused.status_code, refused.text) == (401, "Unauthorized")


# --- the dialers ------------------------------------------------------------------------------------------------------


def test_what_is_scheduled_is_sent_at_its_time_in_the_instances_zone(line: Line) -> None:
    there = datetime.now(ZoneInfo("America/Montevideo"))
    assert line.schedule(there + timedelta(seconds=2))
    assert line.schedule(there + timedelta(hours=1), to="later")
    time.sleep(0.6)
    assert line.taken() == []
    assert [entry["status"] for entry in line.state()["schedule"]] == ["waiting", "waiting"]
    wait_for(lambda: line.taken() == ["098344484"])
    (sent,) = line.ledger()
    assert (sent["campaign"], sent["text"], sent["source"]) == ("Ventas->", "Message", "schedule")
    assert [entry["status"] for entry in line.state()["schedule"]] == ["sent", "waiting"]


def test_what_is_scheduled_in_the_past_is_sent_at_once(line: Line) -> None:
    line.script(settings={"zone": "UTC"})
    assert line.schedule(datetime(2015, 10, 11, 15, tzinfo=UTC))
    assert line.schedule(datetime(1, 1, 1, tzinfo=UTC), to="first")
    assert line.schedule(datetime(9999, 12, 31, tzinfo=UTC), to="never")
    wait_for(lambda: line.taken() == ["098344484", "first"])


def test_the_schedule_refuses_what_it_cannot_send(line: Line) -> None:
    line.script(settings={"campaigns": ["Ventas->"]})
    assert not line.schedule(datetime.now(UTC), campaign="Unknown")
    line.script(fault="refuse", match={"path": "ScheduleDialerSMS"})
    assert not line.schedule(datetime.now(UTC))
    line.account["token"] = "nobody's"
    with pytest.raises(Unreadable):
        line.schedule(datetime.now(UTC))
    assert line.state()["schedule"] == []


def test_a_base_is_sent_by_priority_and_bad_lines_are_told(line: Line) -> None:
    line.script(settings={"campaigns": ["Ventas->"], "dialer": False})
    rows = [SmsRow(campaign="Ventas->", number=f"09834448{rank}", text="Hi", priority=rank) for rank in (9, 1, 5)]
    assert line.upload(write_sms_rows(rows) + b"Ventas->;1;text with ; in it;2\nVentas->;1\nOther;2;Hi;1\n")
    assert not line.upload(b"Ventas->;1;Hi;1", campaign="Other")
    time.sleep(0.6)
    assert line.taken() == []  # the dialer is off: this is the first to go out when it is on again
    line.script(settings={"dialer": True})
    wait_for(lambda: line.taken() == ["098344481", "1", "098344485", "098344489"])
    assert line.ledger()[1]["text"] == "text with ; in it"
    (upload,) = line.state()["uploads"]
    assert (upload["call"], upload["filename"], upload["campaign"]) == ("uploadbase", "base.csv", "Ventas->")
    assert [error["line"] for error in upload["errors"]] == [5]
    assert [row["status"] for row in upload["rows"]] == [*["sent"] * 4, "unknown campaign"]


def test_the_blacklist_keeps_rows_back(line: Line) -> None:
    listed = [BlacklistRow(address="No@example.com"), BlacklistRow(address="some@example.com", campaign="One")]
    assert line.upload_blacklist(write_blacklist_rows(listed) + b"too;many;fields")
    rows = [
        EmailRow(campaign=campaign, email=email, body="<p>Hi&nbsp;@Var1</p>", variables={"Var1": "value"})
        for campaign, email in (("One", "no@example.com"), ("One", "some@example.com"), ("Two", "some@example.com"))
    ]
    assert line.upload_emails(write_email_rows(rows), count=3)
    wait_for(lambda: line.taken() == ["some@example.com"])
    (sent,) = line.ledger()
    assert (sent["campaign"], sent["text"], sent["subject"]) == ("Two", "<p>Hi&nbsp;@Var1</p>", "Hola")
    state = line.state()
    assert state["blacklist"] == [
        {"address": "No@example.com", "campaign": None},
        {"address": "some@example.com", "campaign": "One"},
    ]
    blacklist, base = state["uploads"]
    assert [error["line"] for error in blacklist["errors"]] == [3]
    assert [row["status"] for row in base["rows"]] == ["blacklisted", "blacklisted", "sent"]
    assert (base["count"], base["dialer"], base["rows"][0]["variables"]) == ("3", "Mails", {"Var1": "value"})


def test_the_state_can_be_reset(line: Line) -> None:
    line.script(settings={"dialer": False})
    assert line.upload(b"Ventas->;1;Hi;1")
    assert line.http.delete("/_state").is_success
    assert line.state() == {"sessions": [], "schedule": [], "uploads": [], "blacklist": []}
    assert line.send("098344484") == "401"
