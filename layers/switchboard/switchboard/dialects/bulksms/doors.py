"""The gateway in the bulk platform's place: both calls as doors, and the delivery report to a client."""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from switchboard.dialects.bulksms import NAME
from switchboard.dialects.bulksms.answers import Answer, Entry, TurnedDown, encode_answer, whole_request
from switchboard.dialects.bulksms.codes import SUCCESS
from switchboard.dialects.bulksms.schedule import SCHEDULE, Schedule, decode_call, decode_schedule
from switchboard.dialects.bulksms.submit import SUBMIT, TYPES, Submit, Type
from switchboard.dialects.door import Credentials, Door, Home, Order, Placed, Refusal, TurnedAway
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model import segments
from switchboard.model.address import routed_phone
from switchboard.model.chunk import MAX_RECIPIENTS
from switchboard.model.message import Channel, Content, Encoding, Recipient
from switchboard.model.problem import Problem, Refused

_Call = Submit | Schedule
_MISSING, _INVALID_TYPE, _INVALID_TEXT, _INVALID_DESTINATION, _INVALID_SOURCE = "1702", "1704", "1705", "1706", "1707"
_INTERNAL = "1710"
_CODES: Mapping[Refusal, str] = {
    Refusal.CREDENTIALS: "1703",
    Refusal.LIMIT: "1709",
    Refusal.BUSY: "1709",
    Refusal.FAILED: _INTERNAL,
    Refusal.ABSENT: _INTERNAL,
    Refusal.UNKNOWN: "1715",
}
_OF_FIELD = {
    "text": _INVALID_TEXT,
    "encoding": _INVALID_TEXT,
    "to": _INVALID_DESTINATION,
    "from": _INVALID_SOURCE,
    "flash": _INVALID_TYPE,
    "link": _INVALID_TYPE,
    "type": _INVALID_TYPE,
    "send_at": _MISSING,  # a minute that is over, or is too far ahead
}
_NAMES = {
    "to": "destination",
    "from": "source",
    "text": "message",
    "encoding": "type",
    "flash": "type",
    "link": "url",
    "send_at": "date, time, gmt",
    f"{NAME}.entity_id": "entityid",
    f"{NAME}.template_id": "tempid",
    f"{NAME}.telemarketer_id": "tmid",
}
_NUMBER = re.compile(r"\+?[0-9 ().-]+")
_DESCRIBED = {type_: (encoding, flash) for (encoding, flash), type_ in TYPES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Order):
    """An order that knows which recipient each destination of its call is, None for one that is no number."""

    places: tuple[int | None, ...]


def _reader(decode: Callable[[Request], _Call]) -> Callable[[Request], _Call]:
    def read(request: Request) -> _Call:
        try:
            return decode(request)
        except TurnedDown as no:
            raise TurnedAway(encode_answer(no.answer), no.problems) from None
        except Unreadable as unreadable:
            problem = Problem("request", str(unreadable))
            raise TurnedAway(encode_answer(whole_request(_MISSING)), (problem,)) from None

    return read


def _submit(said: _Call) -> Submit:
    return said.submit if isinstance(said, Schedule) else said


def _credentials(said: _Call) -> Credentials:
    call = _submit(said)
    return Credentials(secret=call.password, user=call.username)


def _order(said: _Call, home: Home) -> Order:
    """The order of a call; a destination that is no number is left out, and does not stop the rest."""
    call = _submit(said)
    if len(call.destinations) > MAX_RECIPIENTS:
        too_many = Problem("destination", f"at most {MAX_RECIPIENTS} a call")
        raise TurnedAway(encode_answer(whole_request(_INTERNAL, call.destinations)), (too_many,))
    numbers = [_number(destination, home.region) for destination in call.destinations]
    first = {number: place for place, number in enumerate(dict.fromkeys(filter(None, numbers)))}
    if not first:
        raise TurnedAway(encode_answer(tuple(Entry(_INVALID_DESTINATION, each) for each in call.destinations)))
    return Listed(
        content=_content(call),
        recipients=tuple(Recipient(to=number) for number in first),
        reports=call.dlr,
        send_at=said.at.timestamp() if isinstance(said, Schedule) else None,
        places=tuple(first[number] if number else None for number in numbers),
    )


def _number(destination: str, region: str | None) -> str | None:
    """A destination in E.164: with its country code, as the vendor has it, or else as the client's region writes it."""
    if not _NUMBER.fullmatch(destination):
        return None
    with suppress(Refused):
        return routed_phone(destination, region)
    return None


def _content(call: Submit) -> Content:
    """What a call sends. `ip` stays behind: printed once and unexplained, it is an address that no provider is told."""
    encoding, flash = _DESCRIBED.get(call.type, (Encoding.AUTO, False))
    ids = {name: getattr(call, name) for name in ("entity_id", "template_id", "telemarketer_id")}
    options = {name: value for name, value in ids.items() if value is not None}
    return Content(
        channel=Channel.SMS,
        text=call.text,
        sender=call.source,
        flash=flash,
        encoding=Encoding.AUTO if call.encoding_guessed else _asked(call.text, encoding),
        link=call.link if call.type is Type.WAP_PUSH else None,
        options={NAME: options} if options else {},
    )


def _asked(text: str, encoding: Encoding) -> Encoding:
    """The encoding that has to be asked for: none where the text comes to it by itself, or does not fit into it."""
    try:
        wanted = segments.resolve(text, encoding)
    except Refused:
        return Encoding.AUTO
    return Encoding.AUTO if segments.resolve(text, Encoding.AUTO) is wanted else encoding


def _answer(said: _Call, order: Order, placed: tuple[Placed, ...]) -> Response:
    places = cast(Listed, order).places
    return encode_answer(
        tuple(
            Entry(_INVALID_DESTINATION, destination) if place is None else Entry(SUCCESS, destination, placed[place].id)
            for destination, place in zip(_submit(said).destinations, places, strict=True)
        )
    )


def _refuse(said: _Call, why: Refusal, problems: tuple[Problem, ...], order: Order | None) -> Response:
    destinations = _submit(said).destinations
    if why is not Refusal.CONTENT:
        return encode_answer(whole_request(_CODES[why], destinations))
    return encode_answer(_refused(problems, destinations, order))


def _refused(problems: tuple[Problem, ...], destinations: tuple[str, ...], order: Order | None) -> Answer:
    """The first problem that the vendor has a code for; one about a recipient names its first destination.

    In a list that one's code would leave the others in doubt, for it does not stop a list: the vendor's fault does.
    """
    said = [(*problem.field.split("."), "")[:2] for problem in problems]
    field, place = next((pair for pair in said if pair[0] in _OF_FIELD), ("", ""))
    places = [str(place) for place in order.places] if isinstance(order, Listed) else []
    first = places.index(place) if field == "to" and place in places else 0
    code = _OF_FIELD.get(field, _INTERNAL)
    whole = _INTERNAL if code == _INVALID_DESTINATION and len(destinations) > 1 else code
    return whole_request(whole, destinations[first:])


DOORS: tuple[Door[Any], ...] = tuple(
    Door(
        dialect=NAME,
        name=path.rpartition("/")[2],
        path=path,
        methods=("GET", "POST"),
        read=_reader(decode),
        credentials=_credentials,
        order=_order,
        answer=_answer,
        refuse=_refuse,
        names=_NAMES,
    )
    for path, decode in ((SUBMIT, decode_call), (SCHEDULE, decode_schedule))
)
