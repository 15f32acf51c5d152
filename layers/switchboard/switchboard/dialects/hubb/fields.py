"""What the vendor's calls share: how a typed value is written as a parameter, and the vendor's yes and no."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from switchboard.dialects.forms import json_object, scalar
from switchboard.dialects.wire import JSON, Response, Unreadable
from switchboard.model.problem import Problem

API = "/site/api/"

Yes = TypeVar("Yes")
"""What a call's success says."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How a value is written and read; `read` raises ValueError."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]


def one_of(values: Mapping[str, Any]) -> Kind:
    """The kind whose typed values stand for certain digits."""
    digits = {value: digit for digit, value in values.items()}
    return Kind(digits.__getitem__, lambda text: values[text.strip()])


def split(text: str) -> tuple[str, ...]:
    """The items of a comma list, without blanks around them and without empty ones."""
    return tuple(item for item in (raw.strip() for raw in text.split(",")) if item)


TEXT = Kind(str, str)
LIST = Kind(",".join, split)
# The flags are not uniform (section 1): which of the two a parameter is, its row says.
YES_IS_1 = one_of({"1": True, "2": False})
YES_IS_2 = one_of({"2": True, "1": False})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the vendor's table: its name there, and the attribute's here where that is another."""

    name: str
    other: str | None = None
    kind: Kind = TEXT
    required: bool = False

    @property
    def attribute(self) -> str:
        """Its name here."""
        return self.other or self.name


def write(call: object, table: Sequence[Parameter]) -> dict[str, str]:
    """The parameters of a call that are said: None and the empty list are not sent. Raises ValueError as kinds do."""
    said = ((row, getattr(call, row.attribute)) for row in table)
    return {row.name: row.kind.write(value) for row, value in said if value is not None and value != ()}


def read(fields: Mapping[str, str], table: Sequence[Parameter]) -> dict[str, Any]:
    """The attributes of a call; a blank parameter is one not sent, unknown ones do not matter. Raises `TurnedDown`."""
    said = {row: fields[row.name] for row in table if fields.get(row.name)}
    missing = [row.name for row in table if row.required and not said.get(row, "").strip()]
    if missing:
        raise TurnedDown(Failure(ErrorText.INVALID), *(Problem(name, "is missing or blank") for name in missing))
    values: dict[str, Any] = {}
    for row, text in said.items():
        try:
            values[row.attribute] = row.kind.read(text)
        except (ValueError, KeyError):
            raise TurnedDown(Failure(ErrorText.INVALID), Problem(row.name, "is none of its values")) from None
    return values


class ErrorText(StrEnum):
    """The error texts that the send_sms page prints."""

    BALANCE = "Not Enough Balance to process this request"
    INVALID = "Invalid Key or missing parameters"
    FROM = "From Number is not active on this account"


@dataclass(frozen=True, slots=True)
class Failure:
    """The vendor's no, in its words."""

    error_message: str


class TurnedDown(Exception):
    """A request that reads well and is not one the vendor takes; `failure` is what the vendor answers.

    `problems` say what is wrong, by the names of parameters.
    """

    def __init__(self, failure: Failure, *problems: Problem) -> None:
        super().__init__(failure.error_message)
        self.failure, self.problems = failure, problems


def reply(values: Mapping[str, str]) -> Response:
    """An answer of the vendor: 200 for a no as for a yes, for the pages document no status (section 1)."""
    body = json.dumps(values, separators=(",", ":")).encode()  # a client may look for the printed "message":"success"
    return Response(headers=(("content-type", JSON),), body=body)


def encode_failure(failure: Failure) -> Response:
    """The vendor's no to any call."""
    return reply({"error_message": failure.error_message})


def encode_answer(answer: object, names: Sequence[str]) -> Response:
    """The vendor's yes with these attributes, each a string, blank where there is none; or its `Failure`."""
    if isinstance(answer, Failure):
        return encode_failure(answer)
    return reply({"message": "success"} | {name: getattr(answer, name) or "" for name in names})


def decode_answer(response: Response, yes: Callable[..., Yes], names: Sequence[str]) -> Yes | Failure:
    """What the vendor said: values as strings or numbers, None where blank. Raises `Unreadable`.

    The HTTP status does not matter: a readable answer wins over it (section 1).
    """
    said = json_object(response.body)
    if said.get("message") == "success":
        return yes(**{name: scalar(said.get(name)) or None for name in names})
    error = scalar(said.get("error_message"))
    if not error:
        raise Unreadable("neither success nor an error message")
    return Failure(error)
