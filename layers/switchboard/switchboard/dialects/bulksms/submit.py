"""The call `bulksms`, as the client writes it and as the vendor reads it (section 3.1)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from switchboard.dialects.bulksms.answers import TurnedDown
from switchboard.dialects.bulksms.parameters import parameters
from switchboard.dialects.wire import Request, form
from switchboard.model.message import Encoding
from switchboard.model.problem import Problem

SUBMIT = "/bulksms/bulksms"
MAX_URL = 6000  # octets
SERVER = 300  # octets of a URL kept for the server's name, the port and the path
MAX_NUMERIC_SOURCE, MAX_ALPHANUMERIC_SOURCE = 18, 11


class Type(StrEnum):
    """The values of `type`."""

    GSM = "0"
    GSM_FLASH = "1"
    UNICODE = "2"
    RESERVED = "3"
    WAP_PUSH = "4"
    LATIN1 = "5"
    UNICODE_FLASH = "6"
    LATIN1_FLASH = "7"

    @property
    def in_hex(self) -> bool:
        """Whether `message` is UTF-16BE in hex."""
        return self in {Type.UNICODE, Type.UNICODE_FLASH}


TYPES = {
    (Encoding.GSM, False): Type.GSM,
    (Encoding.GSM, True): Type.GSM_FLASH,
    (Encoding.UCS2, False): Type.UNICODE,
    (Encoding.UCS2, True): Type.UNICODE_FLASH,
    (Encoding.LATIN1, False): Type.LATIN1,
    (Encoding.LATIN1, True): Type.LATIN1_FLASH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit:
    """One call of `bulksms`. `destinations` are as sent; `link` is the URL of a WAP push.

    `encoding_guessed`: the type wants hex and the text came as it is. The last four are what the vendor lets pass; the
    ids are those of a sender's registration (entity, template, telemarketer).
    """

    username: str
    password: str
    type: Type
    dlr: bool
    destinations: tuple[str, ...]
    source: str
    text: str
    link: str | None = None
    encoding_guessed: bool = False
    ip: str | None = None
    entity_id: str | None = None
    template_id: str | None = None
    telemarketer_id: str | None = None


_REQUIRED = ("username", "password", "type", "dlr", "destination", "source", "message")
_OPTIONAL = {
    "url": "link",
    "ip": "ip",
    "entityid": "entity_id",
    "tempid": "template_id",
    "tmid": "telemarketer_id",
}
SCHEDULING = ("date", "time", "gmt", "scheduledate", "scheduletime")
_DLR = {"0": False, "1": True}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{4})+")
_UNENCODED_PLUS = re.compile(r"\A\s(?=[1-9][0-9]{10})")
_NUMERIC = re.compile(r"\+?[0-9]+")


def encode_submit(call: Submit, method: str = "GET") -> Request:
    """As the client: a GET, or a POST with a form where the URL would grow past its limit."""
    return carry(SUBMIT, spell(call), method)


def spell(call: Submit) -> dict[str, str]:
    """The parameters of a call."""
    fields = {
        "username": call.username,
        "password": call.password,
        "type": call.type.value,
        "dlr": "1" if call.dlr else "0",
        "destination": ",".join(call.destinations),
        "source": call.source,
        "message": spell_text(call.type, call.text, call.encoding_guessed),
    }
    said = {name: getattr(call, attribute) for name, attribute in _OPTIONAL.items()}
    return fields | {name: value for name, value in said.items() if value is not None}


def spell_text(type_: Type, said: str, as_it_is: bool = False) -> str:
    """The text as `message` carries it."""
    return said.encode("utf-16-be").hex().upper() if type_.in_hex and not as_it_is else said


def carry(path: str, fields: Mapping[str, str], method: str) -> Request:
    """The parameters on their way, in their order."""
    posted = form("POST", path, dict(fields))
    if method == "POST" or len(posted.body) > MAX_URL - SERVER:
        return posted
    return Request(method="GET", path=path, query=posted.body)


def decode_submit(request: Request) -> Submit:
    """As the vendor: GET, POST with a form, POST with everything in the query. Raises `TurnedDown`, `Unreadable`.

    A time to send at is refused (1702): sending at once is not what was asked for.
    """
    fields = parameters(request)
    if said := scheduling_of(fields):
        wrong = (Problem(name, "this call sends at once") for name in said)
        raise TurnedDown("1702", destinations_of(fields), *wrong)
    return read_submit(fields)


def scheduling_of(fields: Mapping[str, str]) -> dict[str, str]:
    """What a call says of a time to send at, by the names in lower case: `Date` must not be passed over."""
    return {name.lower(): value for name, value in fields.items() if value and name.lower() in SCHEDULING}


def destinations_of(fields: Mapping[str, str]) -> tuple[str, ...]:
    """The destinations as sent, without the blanks and empty places between them.

    A blank before the first of them is the plus of a client that did not encode it; any other may be one of a list.
    """
    listed = _UNENCODED_PLUS.sub("+", fields.get("destination", ""))
    return tuple(part for raw in listed.split(",") if (part := raw.strip()))


def read_submit(fields: Mapping[str, str]) -> Submit:
    """The parameters that both calls have. Raises `TurnedDown`."""
    destinations = destinations_of(fields)
    missing = [name for name in _REQUIRED if not fields.get(name, "").strip()]
    if not destinations and "destination" not in missing:  # nothing between its commas
        missing.append("destination")
    type_ = next((type_ for type_ in Type if type_.value == fields.get("type", "").strip()), Type.RESERVED)
    if type_ is Type.WAP_PUSH and not fields.get("url", "").strip():
        missing.append("url")
    if missing:
        raise TurnedDown("1702", destinations, *(Problem(name, "is missing or blank") for name in missing))
    dlr = _DLR.get(fields["dlr"].strip())
    if type_ is Type.RESERVED:
        raise TurnedDown("1704", destinations, Problem("type", "is 0, 1, 2, 4, 5, 6 or 7"))
    if dlr is None:
        raise TurnedDown("1708", destinations, Problem("dlr", "is 0 or 1"))
    if wrong := wrong_source(fields["source"]):
        raise TurnedDown("1707", destinations, Problem("source", wrong))
    said, guessed = _read_text(type_, fields["message"], destinations)
    return Submit(
        username=fields["username"],
        password=fields["password"],
        type=type_,
        dlr=dlr,
        destinations=destinations,
        source=fields["source"],
        text=said,
        encoding_guessed=guessed,
        **{attribute: fields[name] for name, attribute in _OPTIONAL.items() if fields.get(name)},
    )


def wrong_source(source: str) -> str | None:
    """What is wrong with the length of a sender."""
    if _NUMERIC.fullmatch(source):
        long = len(source.removeprefix("+")) > MAX_NUMERIC_SOURCE
        return f"a numeric sender has at most {MAX_NUMERIC_SOURCE} digits" if long else None
    long = len(source) > MAX_ALPHANUMERIC_SOURCE
    return f"an alphanumeric sender has at most {MAX_ALPHANUMERIC_SOURCE} characters" if long else None


def _read_text(type_: Type, message: str, destinations: Sequence[str]) -> tuple[str, bool]:
    """The text, and whether its coding was guessed: clients that never write hex are taken at their word."""
    if not type_.in_hex:
        return message, False
    if not _HEX.fullmatch(message):
        return message, True
    try:
        return bytes.fromhex(message).decode("utf-16-be"), False
    except UnicodeDecodeError:
        raise TurnedDown("1705", destinations, Problem("message", "is no UTF-16 in hex")) from None
