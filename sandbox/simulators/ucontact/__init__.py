"""The uContact simulator: sessions, SMS and e-mail, the dialers' schedule and uploads, and inbound messages going out.

Settings: `user` and `password` (null: any), `campaigns` (null: any), `token_uses`, the calls that a token lasts for
(null: endless), `expire_tokens` true ends all sessions now, the `spelling` of inbound messages (query, path), the
instance's `zone`, which `calldate` is in, and `dialer` false: nothing scheduled or uploaded goes out until it is true.
Inbound messages go to the callback URL as it is, which stands for the whole path of ReceiveURLSMS.
`refuse` answers ERROR, or 0 with "code": "0"; 0 to the dialers' calls; 400 to an e-mail. `partial` cuts the answer's
body in half. `GET /_state` shows the sessions (tokens by their beginning), the schedule, the uploads with their rows
and the lines that are none, and the blacklist.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.simulators.script import Fault
from sandbox.simulators.server import Answer, Taken, Vendor
from sandbox.simulators.ucontact.dialer import Dialer
from switchboard.dialects.ucontact import NAME, calls, dialer, email, inbound, session, sms
from switchboard.dialects.wire import Request, Response, Unreadable, text

Handler = Callable[["UContact", Request], Answer]


@dataclass(slots=True, kw_only=True)
class Session:
    """One token: whose it is, the calls that it has been shown in, and whether it is over."""

    user: str
    calls: int = 0
    ended: bool = False


class UContact(Vendor):
    """The vendor's decisions."""

    name = NAME
    defaults: ClassVar[Mapping[str, Any]] = {
        "user": None,
        "password": None,
        "campaigns": None,
        "token_uses": None,
        "expire_tokens": False,
        "spelling": "query",
        "zone": "America/Montevideo",
        "dialer": True,
    }

    def reset(self) -> None:
        """No session is open, and the dialers have nothing."""
        self.sessions: dict[str, Session] = {}
        self.dialer = Dialer()

    def adopt(self, settings: Mapping[str, Any]) -> None:
        """Takes settings; `expire_tokens` ends the sessions that there are, and is over."""
        inbound.Spelling[str(settings.get("spelling", "query")).upper()]
        _zone(settings.get("zone", "UTC"))
        super().adopt(settings)
        if self._settings["expire_tokens"]:
            for known in self.sessions.values():
                known.ended = True
            self._settings["expire_tokens"] = False

    def state(self) -> Mapping[str, Any]:
        """The sessions, and what the dialers have."""
        sessions = [
            {"user": known.user, "token": token[:8], "calls": known.calls, "ended": known.ended}
            for token, known in self.sessions.items()
        ]
        return {"sessions": sessions, **self.dialer.state()}

    def due(self, now: float) -> Sequence[Taken]:
        """What the dialers send by then; a dialer that is off keeps it, and sends it first when it is on again."""
        return tuple(self.dialer.due(now, self._has_campaign)) if self._settings["dialer"] else ()

    def sends(self, request: Request) -> bool:
        """The calls that submit messages, at once or for the dialers."""
        return request.path.endswith(_SENDING)

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        path = request.path.partition("/phone=")[0]  # ReceiveURLSMS may have its parameters there
        handler = next((handler for known, handler in _HANDLERS.items() if path.endswith(known)), None)
        if handler is None:
            return Answer(response=text("no such page", 404))
        if request.path.endswith(_IN_SESSION) and not self._in_session(request):
            return Answer(response=calls.UNKNOWN_SESSION)
        if fault is not None and fault.name == "refuse":
            return _no(request, str(fault.options.get("code", "ERROR")))
        try:
            answer = handler(self, request)
        except (Unreadable, calls.WrongParameters):
            return _no(request)
        return answer.cut_short(fault) if fault else answer

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound call; it has neither the number that was texted nor an id."""
        spelling = inbound.Spelling[str(self._settings["spelling"]).upper()]
        request = inbound.encode_receive_sms(inbound.ReceiveSms(phone=sender, message=text, spelling=spelling))
        return replace(request, path=request.path.removeprefix(inbound.RECEIVE_SMS) or "/")

    def _in_session(self, request: Request) -> bool:
        shown = calls.decode_authorization(request)
        known = self.sessions.get(shown.token) if shown and shown.scheme in {"Basic", "Bearer"} else None
        if known is None or known.ended:
            return False
        limit = self._settings["token_uses"]
        known.ended = limit is not None and known.calls >= limit
        known.calls += not known.ended
        return not known.ended

    def _login(self, request: Request) -> Answer:
        login = session.decode_login(request)
        wanted = (self._settings["user"], login.user), (self._settings["password"], login.password)
        if any(asked is not None and asked != given for asked, given in wanted):
            return Answer(response=session.encode_login_answer(None, login.call))
        token = calls.make_token(login.user, str(uuid.uuid4()))
        self.sessions[token] = Session(user=login.user)
        return Answer(response=session.encode_login_answer(token, login.call))

    def _end_session(self, request: Request) -> Answer:
        known = self.sessions.get(session.decode_end_session(request).token)
        if known is None or known.ended:
            return _no(request)
        known.ended = True
        return _done()

    def _send_sms(self, request: Request) -> Answer:
        call = sms.decode_send_sms(request)
        if not self._has_campaign(call.campaign):
            return _no(request)
        taken = Taken(
            id=str(uuid.uuid4()),
            to=call.destination,
            sender=call.source or "",
            text=call.message,
            extra={"channel": "sms", "campaign": call.campaign, "agent": call.agent},
        )
        return Answer(response=sms.encode_send_sms_answer(calls.Taken(taken.id), call.call), taken=(taken,))

    def _send_email(self, request: Request) -> Answer:
        call = email.decode_send_email(request)
        if not self._has_campaign(call.campaign):
            return _no(request)
        said = {"campaign": call.campaign, "subject": call.subject, "attachments": list(call.attachments)}
        template = {} if call.body else {"template": call.template, "variables": dict(call.variables)}
        taken = Taken(
            id=str(uuid.uuid4()),
            to=call.to,
            sender="",
            text=call.body or "",
            extra={"channel": "email", **said, **template, "invitation": call.schedule is not None},
        )
        return Answer(response=email.encode_send_email_answer(calls.Taken(taken.id)), taken=(taken,))

    def _schedule(self, request: Request) -> Answer:
        call = dialer.decode_schedule_sms(request)
        if not self._has_campaign(call.campaign):
            return _no(request)
        self.dialer.take_schedule(call, _zone(self._settings["zone"]))
        return _done()

    def _upload_base(self, request: Request) -> Answer:
        call = dialer.decode_upload_base(request)
        if not self._has_campaign(call.campaign):
            return _no(request)
        self.dialer.take_base(call)
        return _done()

    def _upload_dialer_base(self, request: Request) -> Answer:
        call = dialer.decode_upload_dialer_base(request)
        if not self._has_campaign(call.dialer):
            return _no(request)
        self.dialer.take_dialer_base(call)
        return _done()

    def _upload_blacklist(self, request: Request) -> Answer:
        self.dialer.take_blacklist(dialer.decode_upload_blacklist(request))
        return _done()

    def _receive(self, request: Request) -> Answer:
        inbound.decode_receive_sms(request)
        return Answer(response=inbound.encode_receive_sms_answer(True))

    def _has_campaign(self, campaign: str | None) -> bool:
        known = self._settings["campaigns"]
        return bool(campaign) and (known is None or campaign in known)


def _zone(name: Any) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError(f"no such zone: {name}") from None


def _done() -> Answer:
    return Answer(response=calls.encode_done(True))


def _no(request: Request, word: str = "ERROR") -> Answer:
    """The vendor's no, as the call has it."""
    return Answer(response=_refusal(request, calls.TurnedDown(word)))


def _refusal(request: Request, said: calls.TurnedDown) -> Response:
    if request.path.endswith(email.SEND_EMAIL):
        return email.encode_send_email_answer(email.WRONG)
    if request.path.endswith(session.LoginCall.USER_LOGIN):
        return session.encode_login_answer(None, session.LoginCall.USER_LOGIN)
    if request.path.endswith((*_DIALERS, dialer.UPLOAD_BLACKLIST, session.END_SESSION, *session.LoginCall)):
        return calls.encode_done(False)
    return sms.encode_send_sms_answer(said, sms.SmsCall.SEND_SMS)


_DIALERS = (dialer.SCHEDULE_SMS, dialer.UPLOAD_BASE, dialer.UPLOAD_DIALER_BASE)
_SENDING = (*sms.SmsCall, email.SEND_EMAIL, *_DIALERS)
_IN_SESSION = (*_SENDING, dialer.UPLOAD_BLACKLIST)
_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(session.LoginCall, UContact._login),
    **dict.fromkeys(sms.SmsCall, UContact._send_sms),
    session.END_SESSION: UContact._end_session,
    email.SEND_EMAIL: UContact._send_email,
    dialer.SCHEDULE_SMS: UContact._schedule,
    dialer.UPLOAD_BASE: UContact._upload_base,
    dialer.UPLOAD_DIALER_BASE: UContact._upload_dialer_base,
    dialer.UPLOAD_BLACKLIST: UContact._upload_blacklist,
    inbound.RECEIVE_SMS: UContact._receive,
}

VENDOR = UContact
