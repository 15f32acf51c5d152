"""uContact: sessions, SMS, e-mail and inbound SMS, as the client writes them and as the vendor reads them.

Sections are those of the gateway's dialect notes on the vendor's page. Paths are matched by their end, so that a door or
a callback may stand under any prefix.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from switchboard.dialects.dialect import Account, Dialect, Session
from switchboard.dialects.forms import json_object, json_value, parameters, scalar
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form, text
from switchboard.model.message import Channel, Content, Encoding, Invitation, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.receipt import Inbound

NAME = "ucontact"
END_SESSION = "/Integra/resources/auth/EndSession"
RECEIVE_SMS = "/Integra/resources/InboundSMS/ReceiveURLSMS"
SEND_EMAIL = "/IntegraChannels/resources/Forms/sendEmail"

_CAMPAIGN = re.compile(r"[\w-]+?(->|<-)?")  # section 2.2
_NO = frozenset({"ERROR", "0"})


class WrongParameters(Exception):
    """A request that reads well and is not one the vendor takes: `ERROR` for a form call, 400 for the e-mail's JSON."""


def _plain(response: Response) -> str:
    """The body of a text answer. Raises `Unreadable`."""
    try:
        return response.body.decode("utf-8-sig").strip()
    except ValueError:
        raise Unreadable("not text in UTF-8") from None


def _wanted(fields: Mapping[str, str], *names: str) -> None:
    if not all(fields.get(name) for name in names):
        raise WrongParameters


# --- session (section 2.1) ----------------------------------------------------------------------------------------------


class LoginCall(StrEnum):
    """The call that opens a session, by its path; the second is the older one."""

    GET_USER_TOKEN = "/Integra/resources/auth/getUserToken"  # noqa: S105  a path
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
    """The header of a call in a session: the token stands there verbatim."""

    token: str
    scheme: str = "Basic"


_TOKEN = re.compile(r"[A-Za-z0-9+/=._~-]{16,4096}")  # one line, no blanks: an error page is no token
_REFUSED_LOGIN = _NO | {"", "[]", "null", "false"}


def _named[Call: StrEnum](calls: type[Call], request: Request) -> Call:
    raise NotImplementedError
