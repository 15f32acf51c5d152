"""What the vendor's calls have in common: what they show of a session, their forms, and the words of their answers."""

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from switchboard.dialects.forms import parameters, scalar
from switchboard.dialects.wire import JSON, Request, Response, Unreadable, form, text

UNAUTHORIZED = frozenset({401, 403})  # whatever the body says: nothing was taken, and a new login may help

CAMPAIGN = re.compile(r"[\w-]+?(->|<-)?")
"""The name of a campaign, and an arrow that may be at its end (section 2.2)."""
CAMPAIGN_IS = "letters, digits, _ and -, with -> or <- at its end"

Paths = TypeVar("Paths", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Taken:
    """The vendor's yes; SendSMS has no id."""

    id: str | None = None


@dataclass(frozen=True, slots=True)
class TurnedDown:
    """The vendor's readable no; `word` is `ERROR` or `0` in a text answer, the status in an e-mail's."""

    word: str = "ERROR"


class WrongParameters(Exception):
    """A request that reads well and is not one the vendor takes: a text call answers `ERROR` or `0`, sendEmail 400.

    `parameters` are the names of what is wrong.
    """

    def __init__(self, reason: str, *parameters: str) -> None:
        super().__init__(reason)
        self.parameters = parameters


def missing(names: Iterable[str]) -> WrongParameters:
    """What is said of parameters that are missing or blank."""
    return WrongParameters("missing or blank", *sorted(names))


NO = {word: TurnedDown(word) for word in ("ERROR", "0")}
"""The readable no of the text answers, by its word."""


# --- what a call shows (section 2.1) ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a call in a session shows: the token, verbatim, under a scheme."""

    token: str
    scheme: str = "Basic"


def make_token(user: str, uuid: str) -> str:
    """The token of a session, as the vendor makes it."""
    return b64encode(f"{user}:{uuid}".encode()).decode()


def encode_authorization(authorization: Authorization) -> tuple[str, str]:
    """The header of a call in a session."""
    return "authorization", f"{authorization.scheme} {authorization.token}"


def decode_authorization(request: Request) -> Authorization | None:
    """What a call shows, None if it shows nothing."""
    scheme, _, token = (scalar(request.header("authorization")) or "").strip().partition(" ")
    return Authorization(token.strip(), scheme) if token.strip() else None


def in_session(request: Request, authorization: Authorization | None) -> Request:
    """The request, showing what it has to show."""
    if authorization is None:
        return request
    return replace(request, headers=(*request.headers, encode_authorization(authorization)))


# --- requests ---------------------------------------------------------------------------------------------------------


def post(path: str, fields: Mapping[str, str | None], authorization: Authorization | None) -> Request:
    """A form, its fields blank where nothing is said."""
    return in_session(form("POST", path, {name: value or "" for name, value in fields.items()}), authorization)


def fields_of(request: Request, *wanted: str) -> dict[str, str]:
    """A form's parameters without the empty ones.

    Raises `Unreadable`, and `WrongParameters` where a wanted one lacks, or holds blanks only.
    """
    fields = {name: value for name, value in parameters(request).items() if value}
    if lacking := [name for name in wanted if not fields.get(name, "").strip()]:
        raise missing(lacking)
    return fields


_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?")


def local_time(said: str) -> datetime:
    """A moment as the page writes it, in the instance's own time. Raises ValueError, also for what no calendar has."""
    if not _LOCAL_TIME.fullmatch(said):
        raise ValueError("not YYYY-MM-DD hh:mm:ss")
    return datetime.fromisoformat(said)


def call_of(calls: type[Paths], request: Request) -> Paths:
    """Which of the calls a request makes, by the end of its path. Raises `Unreadable`."""
    found = next((call for call in calls if request.path.rstrip("/").endswith(call.value)), None)
    if found is None:
        raise Unreadable("a path of another call")
    return found


# --- answers ----------------------------------------------------------------------------------------------------------


def compact(value: object) -> str:
    """JSON without blanks, as the vendor writes it."""
    return json.dumps(value, separators=(",", ":"))


def json_answer(value: object, status: int = 200) -> Response:
    """An answer in JSON."""
    return Response(status=status, headers=(("content-type", JSON),), body=compact(value).encode())


def plain(response: Response) -> str:
    """The body of a text answer. Raises `Unreadable`."""
    try:
        return response.body.decode("utf-8-sig").strip()
    except ValueError:
        raise Unreadable("not text in UTF-8") from None


def encode_done(done: bool) -> Response:
    """`1` or `0`: the answer of EndSession, of the dialer's schedule and of the uploads."""
    return text("1" if done else "0")


def decode_done(response: Response) -> bool:
    """Whether what was asked for was done, or taken to be done later. Raises `Unreadable`."""
    done = {"1": True, "0": False, "ERROR": False}.get(plain(response).strip('"'))
    if done is None:
        raise Unreadable("neither 1 nor 0")
    return done


UNKNOWN_SESSION = text("Unauthorized", 401)
"""The answer to a call that shows no session, or one that is over."""
