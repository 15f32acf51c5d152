"""uContact: sessions, SMS, e-mail and inbound SMS, as the client writes them and as the vendor reads them.

Sections are those of the gateway's dialect notes on the vendor's page. Calls are told apart by the end of their path,
so that a door or a callback may stand under any prefix.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TypeVar
from urllib.parse import quote, unquote_to_bytes

from switchboard.dialects.dialect import Account, Dialect, Session
from switchboard.dialects.forms import json_object, json_value, parameters, scalar
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form, text
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound

NAME = "ucontact"
END_SESSION = "/Integra/resources/auth/EndSession"
RECEIVE_SMS = "/Integra/resources/InboundSMS/ReceiveURLSMS"
SEND_EMAIL = "/IntegraChannels/resources/Forms/sendEmail"

UNAUTHORIZED = frozenset({401, 403})  # whatever the body says: nothing was taken, and a new login may help


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """The vendor's readable no; `word` is `ERROR` or `0` in a text answer, the status in an e-mail's."""

    word: str = "ERROR"


class WrongParameters(Exception):
    """A request that reads well and is not one the vendor takes: a text call answers `ERROR`, the e-mail call 400."""


Call = TypeVar("Call", bound=StrEnum)

_NO = {word: TurnedDown(word) for word in ("ERROR", "0")}


def _plain(response: Response) -> str:
    """The body of a text answer. Raises `Unreadable`."""
    try:
        return response.body.decode("utf-8-sig").strip()
    except ValueError:
        raise Unreadable("not text in UTF-8") from None


def _fields(request: Request, *wanted: str) -> dict[str, str]:
    """A form's parameters without the blank ones. Raises `WrongParameters` when one of `wanted` is not there."""
    fields = {name: value for name, value in parameters(request).items() if value}
    if not set(wanted) <= set(fields):
        raise WrongParameters("missing: " + ", ".join(sorted(set(wanted) - set(fields))))
    return fields


def _call(calls: type[Call], request: Request) -> Call:
    """Which of the calls a request makes, by the end of its path. Raises `Unreadable`."""
    found = next((call for call in calls if request.path.rstrip("/").endswith(call.value)), None)
    if found is None:
        raise Unreadable("a path of another call")
    return found


# --- session (section 2.1) --------------------------------------------------------------------------------------------


class LoginCall(StrEnum):
    """The calls that open a session, by their paths; the second is the older one."""

    GET_USER_TOKEN = "/Integra/resources/auth/getUserToken"  # noqa: S105  a path, no secret
    USER_LOGIN = "/Integra/resources/auth/UserLogin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Asks for a token."""

    user: str
    password: str
    call: LoginCall = LoginCall.GET_USER_TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class EndSession:
    """Gives a token up."""

    user: str
    token: str


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a call in a session shows: the token, verbatim, under a scheme."""

    token: str
    scheme: str = "Basic"


_TOKEN = re.compile(r"[A-Za-z0-9+/=._~-]{16,4096}")  # long and without blanks: a word or an error page is no token
_NO_LOGIN = frozenset({*_NO, "", "[]", "null", "false"})


def make_token(user: str, uuid: str) -> str:
    """The token of a session, as the vendor makes it."""
    return b64encode(f"{user}:{uuid}".encode()).decode()


def encode_authorization(authorization: Authorization) -> tuple[str, str]:
    """The header of a call in a session."""
    return "authorization", f"{authorization.scheme} {authorization.token}"


def decode_authorization(request: Request) -> Authorization | None:
    """What a call shows, None if it shows nothing."""
    scheme, _, token = (request.header("authorization") or "").strip().partition(" ")
    return Authorization(token.strip(), scheme) if token.strip() else None


def encode_login(login: Login) -> Request:
    """The call that opens a session."""
    return form("POST", login.call, {"user": login.user, "password": login.password})


def decode_login(request: Request) -> Login:
    """Reads either login call. Raises `Unreadable`, `WrongParameters`."""
    call = _call(LoginCall, request)
    fields = _fields(request, "user", "password")
    return Login(user=fields["user"], password=fields["password"], call=call)


def encode_login_answer(token: str | None, call: LoginCall) -> Response:
    """The token as the call gives it; None refuses."""
    if call is LoginCall.GET_USER_TOKEN:
        return text("0" if token is None else token)
    sessions = [] if token is None else [{"md5secret": token}]
    return Response(headers=(("content-type", JSON),), body=json.dumps(sessions).encode())


def decode_login_answer(response: Response) -> str | None:
    """The token: bare text, a JSON string, or in an array an object's `md5secret`, else the last text.

    None when the login was refused; raises `Unreadable` for all else, any status but 200 included.
    """
    said = _plain(response)
    if response.status == 200 and said in _NO_LOGIN:
        return None
    token = _token_in(said)
    if response.status != 200 or token is None or not _TOKEN.fullmatch(token):
        raise Unreadable("no token in the answer to the login")
    return token


def _token_in(said: str) -> str | None:
    try:
        value = json_value(said.encode())
    except Unreadable:
        return said
    if not isinstance(value, list):
        return scalar(value)
    secrets = [scalar(item.get("md5secret")) for item in value if isinstance(item, dict)]
    named = [secret for secret in secrets if secret]
    return named[0] if named else next((item for item in reversed(value) if isinstance(item, str)), None)


def encode_end_session(call: EndSession, scheme: str = "Basic") -> Request:
    """The call that ends a session; it shows the token that it gives up."""
    request = form("POST", END_SESSION, {"user": call.user, "token": call.token})
    return _in_session(request, Authorization(call.token, scheme))


def decode_end_session(request: Request) -> EndSession:
    """Raises `Unreadable`, `WrongParameters`."""
    fields = _fields(request, "user", "token")
    return EndSession(user=fields["user"], token=fields["token"])


def encode_end_session_answer(ended: bool) -> Response:
    """`1`, or `0` when there was no such session."""
    return text("1" if ended else "0")


def decode_end_session_answer(response: Response) -> bool:
    """Whether the session was ended. Raises `Unreadable`."""
    ended = {"1": True, "0": False, "ERROR": False}.get(_plain(response))
    if ended is None:
        raise Unreadable("neither 1 nor 0")
    return ended


def _in_session(request: Request, authorization: Authorization) -> Request:
    return replace(request, headers=(*request.headers, encode_authorization(authorization)))


# --- SMS (section 2.2) ------------------------------------------------------------------------------------------------


class SmsCall(StrEnum):
    """The calls that send an SMS, by their paths; the first gives no id."""

    SEND_SMS = "/Integra/resources/SMS/SendSMS"
    SEND_SMS_V2 = "/Integra/resources/SMS/SendSMSv2"


SMS_CALLS = {call.rpartition("/")[2]: call for call in SmsCall}
"""The values of an account's `sms_call`, and the calls they name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSms:
    """One text to one number; `source` is the caller id or the number of a port."""

    destination: str
    message: str
    campaign: str | None = None
    agent: str | None = None
    source: str | None = None
    call: SmsCall = SmsCall.SEND_SMS_V2


@dataclass(frozen=True, slots=True)
class Taken:
    """The vendor's yes; SendSMS has no id."""

    id: str | None = None


_SMS_FIELDS = ("destination", "message", "campaign", "agent", "source")
_UNQUOTED_ID = re.compile(r"""\{\s*id\s*:\s*(?:"([^"]+)"|'([^']+)'|([\w-]+))\s*,?\s*\}""")


def encode_send_sms(call: SendSms, authorization: Authorization) -> Request:
    """All five fields, blank where nothing is said."""
    fields = {name: getattr(call, name) or "" for name in _SMS_FIELDS}
    return _in_session(form("POST", call.call, fields), authorization)


def decode_send_sms(request: Request) -> SendSms:
    """Reads either call. Raises `Unreadable`, `WrongParameters`."""
    call = _call(SmsCall, request)
    fields = _fields(request, "destination", "message")
    return SendSms(call=call, **{name: fields[name] for name in _SMS_FIELDS if name in fields})


def encode_send_sms_answer(answer: Taken | TurnedDown, call: SmsCall) -> Response:
    """`OK`, or the id's JSON in text; `ERROR`."""
    if isinstance(answer, TurnedDown):
        return text(answer.word)
    return text("OK" if call is SmsCall.SEND_SMS else json.dumps({"id": answer.id}))


def decode_send_sms_answer(response: Response, call: SmsCall) -> Taken | TurnedDown:
    """Raises `Unreadable`, also for a yes to SendSMSv2 that has no id."""
    said = _plain(response)
    if refusal := _NO.get(said.strip('"')):
        return refusal
    if call is SmsCall.SEND_SMS:
        if said.strip('"') != "OK":
            raise Unreadable("neither OK nor ERROR")
        return Taken()
    message_id = _id_in(said)
    if not message_id:
        raise Unreadable("an answer without an id")
    return Taken(message_id)


def _id_in(said: str) -> str | None:
    """The id of `{"id": "7"}`, `{id:"7"}`, or of either inside a JSON string."""
    if unquoted := _UNQUOTED_ID.fullmatch(said):
        return unquoted[1] or unquoted[2] or unquoted[3]
    value = json_value(said.encode())
    if isinstance(value, dict):
        return scalar(value.get("id"))
    return _id_in(value) if isinstance(value, str) and value.startswith("{") else None


# --- inbound SMS (section 2.2) ----------------------------------------------------------------------------------------


class Spelling(StrEnum):
    """Where ReceiveURLSMS has its parameters: after a question mark, or after a slash."""

    QUERY = "?"
    PATH = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveSms:
    """A text from a handset."""

    phone: str
    message: str


_PHONE_FIRST = re.compile(rb"phone=(.*?)&message=(.*)", re.DOTALL)


def encode_receive_sms(call: ReceiveSms, spelling: Spelling = Spelling.QUERY) -> Request:
    """As the vendor calls back."""
    said = f"phone={quote(call.phone, safe='')}&message={quote(call.message, safe='')}"
    if spelling is Spelling.QUERY:
        return Request(method="GET", path=RECEIVE_SMS, query=said.encode())
    return Request(method="GET", path=f"{RECEIVE_SMS}/{said}")


def decode_receive_sms(request: Request) -> ReceiveSms:
    """Reads both spellings. All that stands after the first `&message=` is the text, a bare `&` or `?` too.

    Raises `Unreadable`.
    """
    _, slash, tail = request.path.partition("/phone=")
    in_path = (slash[1:] + tail).encode("utf-8", "surrogateescape") + (b"?" + request.query if request.query else b"")
    split = _PHONE_FIRST.fullmatch(in_path) or _PHONE_FIRST.fullmatch(request.query)
    if split:
        # A plus is a space in the text; in front of a number it is a plus, encoded or not.
        call = ReceiveSms(phone=_unquoted(split[1]), message=_unquoted(split[2].replace(b"+", b" ")))
    else:
        fields = {"phone": ""} | parameters(request)
        if "message" not in fields:
            raise Unreadable("an inbound message without its text")
        call = ReceiveSms(phone=fields["phone"], message=fields["message"])
    if not call.phone.strip():
        raise Unreadable("an inbound message without its number")
    return call


def _unquoted(raw: bytes) -> str:
    octets = unquote_to_bytes(raw)
    try:
        return octets.decode()
    except ValueError:
        return octets.decode("latin-1")  # a text from a handset is kept, whatever its bytes


def encode_receive_sms_answer(taken: bool) -> Response:
    """`OK` or `ERROR`."""
    return text("OK" if taken else "ERROR")


def decode_receive_sms_answer(response: Response) -> bool:
    """Whether the message was taken. Raises `Unreadable`."""
    taken = {"OK": True, "ERROR": False}.get(_plain(response))
    if taken is None:
        raise Unreadable("neither OK nor ERROR")
    return taken


# --- e-mail (section 2.3) ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmail:
    """One e-mail. The vendor uses `template` and its `variables` only when there is no `body`.

    `attachments` are paths on the vendor's server; `schedule` is a calendar invitation.
    """

    to: str
    campaign: str | None = None
    subject: str | None = None
    body: str | None = None
    attachments: tuple[str, ...] = ()
    schedule: Invitation | None = None
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


_EMAIL_TEXTS = ("campaign", "to", "subject", "body", "template")
_SCHEDULE = {"title": "title", "organizer": "organizer", "from": "start", "to": "end"}


def encode_send_email(call: SendEmail, authorization: Authorization) -> Request:
    """The call's JSON; what is not said is left out."""
    said: dict[str, object] = {name: getattr(call, name) for name in _EMAIL_TEXTS}
    said |= {"attachments": list(call.attachments), "variables": dict(call.variables)}
    said["schedule"] = call.schedule and {name: getattr(call.schedule, ours) for name, ours in _SCHEDULE.items()}
    body = json.dumps({name: value for name, value in said.items() if value}).encode()
    request = Request(method="POST", path=SEND_EMAIL, headers=(("content-type", JSON),), body=body)
    return _in_session(request, authorization)


def decode_send_email(request: Request) -> SendEmail:
    """Raises `Unreadable`, and `WrongParameters` for a missing recipient, no body and no template, or a wrong type."""
    said = json_object(request.body)
    texts = {name: _text(said.get(name)) for name in _EMAIL_TEXTS}
    if not texts["to"] or not (texts["body"] or texts["template"]):
        raise WrongParameters("to, and body or template, are needed")
    to = texts.pop("to") or ""
    return SendEmail(
        to=to,
        **texts,
        attachments=tuple(_text(item) or "" for item in _items(said.get("attachments"))),
        schedule=_invitation(_members(said.get("schedule"))),
        variables={scalar(name) or "": _text(item) or "" for name, item in _members(said.get("variables")).items()},
    )


def _text(value: object) -> str | None:
    found = scalar(value)
    if value is not None and found is None:
        raise WrongParameters("a text is wanted")
    return found or None


def _items(value: object) -> list[object]:
    if not isinstance(value, list | None):
        raise WrongParameters("a list is wanted")
    return value or []


def _members(value: object) -> dict[str, object]:
    if not isinstance(value, dict | None):
        raise WrongParameters("an object is wanted")
    return value or {}


def _invitation(said: dict[str, object]) -> Invitation | None:
    return Invitation(**{ours: _text(said.get(name)) or "" for name, ours in _SCHEDULE.items()}) if said else None


def encode_send_email_answer(answer: Taken | TurnedDown) -> Response:
    """200 with the guid, or 400."""
    said, status = ({"guid": answer.id}, 200) if isinstance(answer, Taken) else ({"error": "Wrong parameters"}, 400)
    return Response(status=status, headers=(("content-type", JSON),), body=json.dumps(said).encode())


def decode_send_email_answer(response: Response) -> Taken | TurnedDown:
    """A guid is a yes, 400 a no. Raises `Unreadable` for all else."""
    if response.status == 400:
        return TurnedDown("400")
    guid = scalar(json_object(response.body).get("guid"))
    if not guid:
        raise Unreadable("an answer without a guid")
    return Taken(guid)


# --- the dialect as the gateway uses it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this vendor knows of a message."""

    agent: str | None = None


_CAMPAIGN = re.compile(r"[\w-]+?(->|<-)?")  # section 2.2
_Check = tuple[Callable[[Content], object], str, str]  # what is wrong, the field, the reason
_SMS_ONLY: tuple[_Check, ...] = (
    (lambda content: not content.text, "text", "an SMS needs a text"),
    (lambda content: content.flash, "flash", "uContact has no flash messages"),
    (lambda content: content.encoding is not Encoding.AUTO, "encoding", "uContact chooses the encoding itself"),
    (lambda content: content.link is not None, "link", "uContact has no WAP push"),
)
_EMAIL_ONLY: tuple[_Check, ...] = (
    (lambda content: not (content.html or content.text or content.template), "html", "html, text or a template"),
    (lambda content: content.html and content.text, "text", "uContact sends one body: html or text"),
    (lambda content: content.template and (content.html or content.text), "template", "uContact takes it or a body"),
    (lambda content: content.sender is not None, "from", "uContact sends from the campaign's address"),
    (lambda content: content.options.get(NAME, {}).get("agent"), f"{NAME}.agent", "not for an e-mail"),
)
_ANY: tuple[_Check, ...] = (
    (
        lambda content: content.campaign is not None and not _CAMPAIGN.fullmatch(content.campaign),
        "campaign",
        "letters, digits, _ and -, with -> or <- at its end",
    ),
    (lambda content: content.contact is not None, "contact", "uContact carries no contact"),
)
_CHECKS = {Channel.SMS: (*_SMS_ONLY, *_ANY), Channel.EMAIL: (*_EMAIL_ONLY, *_ANY)}


def _refuses(content: Content) -> tuple[Problem, ...]:
    problems = [Problem(field, reason) for wrong, field, reason in _CHECKS[content.channel] if wrong(content)]
    problems += [Problem(name, "uContact does not know these options") for name in content.options if name != NAME]
    own = content.options.get(NAME, {})
    problems += [Problem(f"{NAME}.{name}", "no such option") for name in own if name != "agent"]
    return tuple(problems)


def _pack(messages: Sequence[Outbound]) -> list[list[Outbound]]:
    return [[message] for message in messages]


def sms_for(message: Outbound, account: Account) -> SendSms:
    """The call that sends an SMS. Raises KeyError when neither it nor the account names a campaign."""
    content = message.content
    return SendSms(
        destination=message.to,
        message=content.text or "",
        campaign=content.campaign or account["campaign"],
        agent=content.options.get(NAME, {}).get("agent") or None,
        source=content.sender,
        call=_sms_call(account),
    )


def email_for(message: Outbound, account: Account) -> SendEmail:
    """The call that sends an e-mail. Raises KeyError when neither it nor the account names a campaign."""
    content = message.content
    return SendEmail(
        to=message.to,
        campaign=content.campaign or account["campaign"],
        subject=content.subject,
        body=content.html or content.text,
        attachments=content.attachments,
        schedule=content.invitation,
        template=content.template,
        variables=content.variables if content.template else {},
    )


def _sms_call(account: Account) -> SmsCall:
    return SMS_CALLS[account.get("sms_call") or "SendSMSv2"]


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    (message,) = group
    shown = Authorization(account["token"], account.get("scheme") or "Basic")
    if message.content.channel is Channel.EMAIL:
        return encode_send_email(email_for(message, account), shown)
    return encode_send_sms(sms_for(message, account), shown)


def _outcomes_of(call: SmsCall) -> Callable[[Sequence[Outbound], Response], tuple[Outcome, ...]]:
    def outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
        if response.status in UNAUTHORIZED:
            raise Unreadable("the session is not known")
        if group[0].content.channel is Channel.EMAIL:
            answer = decode_send_email_answer(response)
        else:
            answer = decode_send_sms_answer(response, call)
        if isinstance(answer, Taken):
            return (Outcome(verdict=Verdict.ACCEPTED, vendor_id=answer.id),) * len(group)
        # Another provider of the route may have a try (section 4): the word does not say what was wrong.
        return (Outcome(verdict=Verdict.REJECTED, code=answer.word, concern=Concern.ACCOUNT),) * len(group)

    return outcomes


def _called_back(request: Request, account: Account) -> tuple[Inbound, ...]:
    said = decode_receive_sms(request)
    return (Inbound(sender=said.phone, text=said.message),)


def _login(account: Account) -> Request:
    return encode_login(Login(user=account["user"], password=account["password"]))


def _variant(account: Account) -> Dialect:
    # A yes without an id is a yes only where the account's instance has no call that gives one.
    return replace(DIALECT, outcomes=_outcomes_of(_sms_call(account)))


DIALECT = Dialect(
    name=NAME,
    channels=frozenset({Channel.SMS, Channel.EMAIL}),
    receipts=False,
    refuses=_refuses,
    pack=_pack,
    submit=_submit,
    outcomes=_outcomes_of(SmsCall.SEND_SMS_V2),
    callback=_called_back,
    acknowledgement=encode_receive_sms_answer(True),
    options=Options,
    session=Session(login=_login, token=decode_login_answer),
    variant=_variant,
)
