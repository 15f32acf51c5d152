"""Sessions: the two calls that open one, and the call that ends it (section 2.1)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from switchboard.dialects.forms import json_value, scalar
from switchboard.dialects.ucontact.calls import (
    NO,
    Authorization,
    call_of,
    decode_authorization,
    fields_of,
    json_answer,
    missing,
    plain,
    post,
)
from switchboard.dialects.wire import Request, Response, Unreadable, form, text

END_SESSION = "/Integra/resources/auth/EndSession"

_TOKEN = re.compile(r"[A-Za-z0-9+/=._~-]{16,4096}")  # long and without blanks: a word or an error page is no token
_NO_LOGIN = frozenset({*NO, "", "[]", "null", "false"})


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
    """Gives a token up; the user is the token's own anyway."""

    token: str
    user: str | None = None
    authorization: Authorization | None = None


def encode_login(login: Login) -> Request:
    """The call that opens a session."""
    return form("POST", login.call, {"user": login.user, "password": login.password})


def decode_login(request: Request) -> Login:
    """Reads either login call. Raises `Unreadable`, `WrongParameters`."""
    call = call_of(LoginCall, request)
    fields = fields_of(request, "user", "password")
    return Login(user=fields["user"], password=fields["password"], call=call)


def encode_login_answer(token: str | None, call: LoginCall) -> Response:
    """The token as the call gives it; None refuses."""
    if call is LoginCall.GET_USER_TOKEN:
        return text("0" if token is None else token)
    return json_answer([] if token is None else [{"md5secret": token}])


def decode_login_answer(response: Response) -> str | None:
    """The token: bare text, a JSON string, or in an array an object's `md5secret`, else the last text.

    None when the login was refused; raises `Unreadable` for all else, any status but 200 included.
    """
    said = plain(response)
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


def encode_end_session(call: EndSession) -> Request:
    """The call that ends a session."""
    return post(END_SESSION, {"user": call.user, "token": call.token}, call.authorization)


def decode_end_session(request: Request) -> EndSession:
    """Reads the form's token, else the one that the call shows.

    Raises `Unreadable`, `WrongParameters` without either.
    """
    fields, shown = fields_of(request), decode_authorization(request)
    token = fields.get("token") or (shown.token if shown else None)
    if token is None:
        raise missing(("token",))
    return EndSession(user=fields.get("user"), token=token, authorization=shown)
