"""The uContact simulator: logins and sessions, SendSMS, SendSMSv2, sendEmail, and inbound messages on their way out.

Settings: `user` and `password` (null: any), `campaigns` (null: any), `token_uses`, the calls that a token lasts for
(null: endless), `expire_tokens` true forgets all sessions now, and the `spelling` of inbound messages (query, path).
Inbound messages go to the callback URL as it is, which stands for the whole path of ReceiveURLSMS.
`refuse` answers ERROR, or 0 with "code": "0"; 400 to an e-mail. `partial` cuts the answer's body in half.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.simulators.server import Answer, Fault, Taken, Vendor
from switchboard.dialects import ucontact
from switchboard.dialects.wire import Request, Unreadable, text

Handler = Callable[["UContact", Request], Answer]


class UContact(Vendor):
    """The vendor's decisions."""

    name = "ucontact"

    def __init__(self) -> None:
        self.sessions: dict[str, int] = {}  # the calls that each token has been shown in
        self._settings: dict[str, Any] = {
            "user": None,
            "password": None,
            "campaigns": None,
            "token_uses": None,
            "expire_tokens": False,
            "spelling": "query",
        }

    def settings(self) -> Mapping[str, Any]:
        """The settings as they stand."""
        return dict(self._settings)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Takes some settings."""
        if unknown := set(settings) - set(self._settings):
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))}")
        ucontact.Spelling[str(settings.get("spelling", "query")).upper()]
        self._settings |= settings
        if self._settings["expire_tokens"]:
            self.sessions.clear()
            self._settings["expire_tokens"] = False

    def sends(self, request: Request) -> bool:
        """SendSMS, SendSMSv2 and sendEmail do."""
        return request.path.endswith(_SENDING)

    def answer(self, request: Request, fault: Fault | None) -> Answer:
        """Decides one call."""
        path = request.path.partition("/phone=")[0]  # ReceiveURLSMS may have its parameters there
        handler = next((handler for known, handler in _HANDLERS.items() if path.endswith(known)), None)
        if handler is None:
            return Answer(response=text("no such page", 404))
        if self.sends(request) and not self._in_session(request):
            return Answer(response=text("Unauthorized", 401))
        if fault is not None and fault.name == "refuse":
            return _no(request, str(fault.options.get("code", "ERROR")))
        try:
            answer = handler(self, request)
        except (Unreadable, ucontact.WrongParameters):
            return _no(request)
        return answer.cut_short(fault) if fault else answer

    def inbound(self, sender: str, to: str, text: str, message_id: str | None) -> Request:
        """The inbound call; it has neither the number that was texted nor an id."""
        spelling = ucontact.Spelling[str(self._settings["spelling"]).upper()]
        request = ucontact.encode_receive_sms(ucontact.ReceiveSms(phone=sender, message=text), spelling)
        return replace(request, path=request.path.removeprefix(ucontact.RECEIVE_SMS) or "/")

    def _in_session(self, request: Request) -> bool:
        shown = ucontact.decode_authorization(request)
        if shown is None or shown.scheme not in {"Basic", "Bearer"} or shown.token not in self.sessions:
            return False
        self.sessions[shown.token] += 1
        limit = self._settings["token_uses"]
        if limit is not None and self.sessions[shown.token] > limit:
            del self.sessions[shown.token]
            return False
        return True

    def _login(self, request: Request) -> Answer:
        login = ucontact.decode_login(request)
        wanted = (self._settings["user"], login.user), (self._settings["password"], login.password)
        if any(asked is not None and asked != given for asked, given in wanted):
            return Answer(response=ucontact.encode_login_answer(None, login.call))
        token = ucontact.make_token(login.user, str(uuid.uuid4()))
        self.sessions[token] = 0
        return Answer(response=ucontact.encode_login_answer(token, login.call))

    def _end_session(self, request: Request) -> Answer:
        ended = self.sessions.pop(ucontact.decode_end_session(request).token, None) is not None
        return Answer(response=ucontact.encode_end_session_answer(ended))

    def _send_sms(self, request: Request) -> Answer:
        call = ucontact.decode_send_sms(request)
        if not self._has_campaign(call.campaign):
            return _no(request)
        taken = Taken(
            id=str(uuid.uuid4()),
            to=call.destination,
            sender=call.source or "",
            text=call.message,
            extra={"channel": "sms", "campaign": call.campaign, "agent": call.agent},
        )
        return Answer(response=ucontact.encode_send_sms_answer(ucontact.Taken(taken.id), call.call), taken=(taken,))

    def _send_email(self, request: Request) -> Answer:
        call = ucontact.decode_send_email(request)
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
        return Answer(response=ucontact.encode_send_email_answer(ucontact.Taken(taken.id)), taken=(taken,))

    def _receive(self, request: Request) -> Answer:
        ucontact.decode_receive_sms(request)
        return Answer(response=ucontact.encode_receive_sms_answer(True))

    def _has_campaign(self, campaign: str | None) -> bool:
        known = self._settings["campaigns"]
        return bool(campaign) and (known is None or campaign in known)


def _no(request: Request, word: str = "ERROR") -> Answer:
    """The vendor's no, as the call has it."""
    turned_down = ucontact.TurnedDown(word)
    if request.path.endswith(ucontact.SEND_EMAIL):
        return Answer(response=ucontact.encode_send_email_answer(turned_down))
    return Answer(response=ucontact.encode_send_sms_answer(turned_down, ucontact.SmsCall.SEND_SMS))


_SENDING = (*ucontact.SmsCall, ucontact.SEND_EMAIL)
_HANDLERS: dict[str, Handler] = {
    **dict.fromkeys(ucontact.LoginCall, UContact._login),
    **dict.fromkeys(ucontact.SmsCall, UContact._send_sms),
    ucontact.END_SESSION: UContact._end_session,
    ucontact.SEND_EMAIL: UContact._send_email,
    ucontact.RECEIVE_SMS: UContact._receive,
}

VENDOR = UContact
