"""The bulk platform: `bulksms` as the client writes it and as the vendor reads it, its result codes, and its callbacks.

A call is a frozen dataclass beside a table of its parameters; scheduling is another pair of these over the same answer.
Sections are those of the gateway's dialect notes on the vendor's document.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote_plus, unquote_to_bytes
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from switchboard.dialects import forms
from switchboard.dialects.dialect import Account, Dialect
from switchboard.dialects.wire import FORM, JSON, Request, Response, Unreadable, form, text
from switchboard.model import segments
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.receipt import Inbound, Receipt
from switchboard.model.status import Status

NAME = "bulksms"
SUBMIT = "/bulksms/bulksms"
MAX_URL = 6000  # octets
MAX_DESTINATIONS = 100
MAX_NUMERIC_SOURCE, MAX_ALPHANUMERIC_SOURCE = 18, 11
_SERVER = 300  # octets of a URL kept for the server's name, the port and the path
_PARAMETERS = 400  # and for all parameters but the message and the destinations
_DESTINATION = len("%2C") + 15  # and for each destination: E.164 has at most 15 digits

# --- result codes (the document's table, printed twice, and its second edition) ---------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a result code means. `stops`: nothing after it in a list was taken; `whole`: it is about the request."""

    words: str = ""
    verdict: Verdict = Verdict.REJECTED
    concern: Concern = Concern.RECIPIENT
    stops: bool = True
    whole: bool = False


SUCCESS = "1701"
SCHEDULED = "Scheduled"

_RECIPIENT = Meaning()
_ACCOUNT = Meaning(concern=Concern.ACCOUNT)
_REQUEST = Meaning(concern=Concern.ACCOUNT, whole=True)
_DOUBTFUL = Meaning(verdict=Verdict.UNCONFIRMED, concern=Concern.ACCOUNT, stops=False)

_ROWS: tuple[tuple[int, str, Meaning], ...] = (
    (1701, "submitted", Meaning(verdict=Verdict.ACCEPTED, stops=False)),
    (1702, "a parameter is missing or blank", _REQUEST),
    (1703, "wrong username or password", _REQUEST),
    (1704, "invalid type", _REQUEST),
    (1705, "invalid message", _REQUEST),
    (1706, "invalid destination", Meaning(stops=False)),
    (1707, "invalid source", _REQUEST),
    (1708, "invalid dlr", _REQUEST),
    # The one code that may be sent again, by the document's own note.
    (1709, "user validation failed", Meaning(verdict=Verdict.RETRYABLE, concern=Concern.ACCOUNT)),
    (1710, "internal error", _DOUBTFUL),
    (1715, "response timeout", _DOUBTFUL),
    (1725, "insufficient credit", _ACCOUNT),
    (1732, "do-not-disturb register", _RECIPIENT),
    (1028, "taken for spam", _ACCOUNT),
    (1033, "the message fits no template", _ACCOUNT),
    (1041, "duplicate message", _RECIPIENT),  # another provider would deliver it a second time
    (1042, "destination asked not to be disturbed", _RECIPIENT),
    (8, "internal error", _DOUBTFUL),
    (69, "internal error", _DOUBTFUL),
    (16, "address on the blacklist", _REQUEST),
    (18, "address not on the whitelist", _REQUEST),
    (1025, "insufficient credit", _ACCOUNT),
    (1026, "insufficient credit of the reseller", _ACCOUNT),
    (1726, "insufficient credit of the reseller", _ACCOUNT),
    (1032, "do-not-disturb register", _RECIPIENT),
    (1035, "opted out", _RECIPIENT),
)
CODES: Mapping[str, Meaning] = {str(code): replace(kind, words=words) for code, words, kind in _ROWS}

# What SMPP v3.4 (its table of command statuses) says for certain; all are final by the document's note.
_SMPP_ROWS: tuple[tuple[int, str, Meaning], ...] = (
    (1, "invalid message length", _ACCOUNT),
    (4, "wrong bind status", _ACCOUNT),
    (6, "invalid priority", _ACCOUNT),
    (7, "invalid registered delivery", _ACCOUNT),
    (10, "invalid source address", _ACCOUNT),
    (11, "invalid destination address", _RECIPIENT),
    (13, "bind failed", _ACCOUNT),
    (14, "invalid password", _ACCOUNT),
    (15, "invalid system id", _ACCOUNT),
    (20, "message queue full", _ACCOUNT),
    (21, "invalid service type", _ACCOUNT),
    (51, "invalid number of destinations", _ACCOUNT),
    (67, "invalid esm class", _ACCOUNT),
    (72, "invalid source type of number", _ACCOUNT),
    (73, "invalid source numbering plan", _ACCOUNT),
    (80, "invalid destination type of number", _RECIPIENT),
    (81, "invalid destination numbering plan", _RECIPIENT),
    (83, "invalid system type", _ACCOUNT),
    (88, "throttled", _ACCOUNT),
    (97, "invalid delivery time", _ACCOUNT),
    (98, "invalid validity period", _ACCOUNT),
    (99, "invalid predefined message", _ACCOUNT),
    (101, "permanent error of the receiver", _RECIPIENT),
    (102, "rejected by the receiver", _RECIPIENT),
    (192, "error in the optional part", _ACCOUNT),
    (193, "optional parameter not allowed", _ACCOUNT),
    (194, "invalid parameter length", _ACCOUNT),
    (195, "optional parameter missing", _ACCOUNT),
    (196, "invalid optional parameter", _ACCOUNT),
)
SMPP: Mapping[str, Meaning] = {str(code): replace(kind, words=f"SMPP: {words}") for code, words, kind in _SMPP_ROWS}

UNKNOWN = replace(_DOUBTFUL, words="a result code that the document does not have")


def meaning(code: str) -> Meaning:
    """What a result code means; an unknown one is in doubt."""
    return CODES.get(code) or SMPP.get(code) or UNKNOWN


# --- answers (section 3.2) --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an answer. `code` is "" where a piece of a list cannot be read; `destination` is as it was sent."""

    code: str
    destination: str | None = None
    message_id: str | None = None


Answer = tuple[Entry, ...]

NOT_APPLICABLE = "NA"
_SPOILS_A_LIST = re.compile(r"[|,:\r\n]")
_ENTRY = re.compile(rf"(\d{{1,5}}|{SCHEDULED})(?:\|([^|]*))?(?:\|([^|]*))?", re.ASCII)


def encode_submit_answer(answer: Answer) -> Response:
    """The vendor's answer: plain text, entries in request order on one line, 200 for errors too."""
    return text(",".join(_entry_text(entry) for entry in answer))


def _entry_text(entry: Entry) -> str:
    destination = entry.destination
    if destination is not None and _SPOILS_A_LIST.search(destination):
        destination = NOT_APPLICABLE
    return "|".join(part for part in (entry.code, destination, entry.message_id) if part is not None)


def decode_submit_answer(response: Response) -> Answer:
    """What the vendor said, in any of its forms, whatever the HTTP status. Raises `Unreadable`.

    A later piece that cannot be read is an entry without a code: what stands before it is still worth knowing.
    """
    try:
        body = response.body.decode().strip()
    except UnicodeDecodeError:
        raise Unreadable("an answer that is not text") from None
    entries = tuple(_read_entry(piece.strip()) for piece in re.split(r"[,\r\n]+", body))
    if not entries[0].code:
        raise Unreadable("an answer without a result code")
    if response.status != 200 and not any(entry.code in CODES or entry.destination for entry in entries):
        raise Unreadable("a result code that may be an HTTP status")
    return entries


def _read_entry(piece: str) -> Entry:
    match = _ENTRY.fullmatch(piece)
    if match is None:
        return Entry("")
    code, destination, message_id = match[1], match[2], match[3]
    if code == SCHEDULED:
        return Entry(code, None, destination or None)
    if destination and message_id is None and ":" in destination:
        destination, _, message_id = destination.partition(":")
    return Entry(code, destination or None, message_id or None)


# --- the request (section 3.1) ----------------------------------------------------------------------------------------


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

    `encoding_guessed`: the type wants hex and the text came as it is. The last four are what the vendor lets pass.
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


class TurnedDown(Exception):
    """A request that reads well and is not one the vendor takes; `answer` is what the vendor says."""

    def __init__(self, code: str, destinations: Sequence[str] = ()) -> None:
        super().__init__(meaning(code).words)
        self.answer: Answer = whole_request(code, destinations)


def whole_request(code: str, destinations: Sequence[str] = ()) -> Answer:
    """An error about the whole request: with the first destination, where there is one (section 3.2)."""
    return (Entry(code, destinations[0] if destinations else None),)


_REQUIRED = ("username", "password", "type", "dlr", "destination", "source", "message")
_OPTIONAL = {
    "url": "link",
    "ip": "ip",
    "entityid": "entity_id",
    "tempid": "template_id",
    "tmid": "telemarketer_id",
}
_SCHEDULING = ("date", "time", "gmt", "scheduledate", "scheduletime")
_DLR = {"0": False, "1": True}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{4})+")
_NUMERIC = re.compile(r"\+?[0-9]+")


def encode_submit(call: Submit, method: str = "GET") -> Request:
    """As the client: a GET, or a POST with a form where the URL would grow past its limit."""
    fields = {
        "username": call.username,
        "password": call.password,
        "type": call.type.value,
        "dlr": "1" if call.dlr else "0",
        "destination": ",".join(call.destinations),
        "source": call.source,
        "message": _message(call.type, call.text, call.encoding_guessed),
    }
    said = {name: getattr(call, attribute) for name, attribute in _OPTIONAL.items()}
    posted = form("POST", SUBMIT, fields | {name: value for name, value in said.items() if value is not None})
    if method == "POST" or len(posted.body) > MAX_URL - _SERVER:
        return posted
    return Request(method="GET", path=SUBMIT, query=posted.body)


def _message(type_: Type, said: str, as_it_is: bool = False) -> str:
    return said.encode("utf-16-be").hex().upper() if type_.in_hex and not as_it_is else said


def decode_submit(request: Request) -> Submit:
    """As the vendor: GET, POST with a form, POST with everything in the query. Raises `TurnedDown`, `Unreadable`.

    A time to send at is refused (1702): sending at once is not what was asked for.
    """
    fields = _fields(request)
    destinations = tuple(part for raw in fields.get("destination", "").split(",") if (part := raw.strip()))
    if not destinations or not all(fields.get(name) for name in _REQUIRED) or any(map(fields.get, _SCHEDULING)):
        raise TurnedDown("1702", destinations)
    type_ = next((type_ for type_ in Type if type_.value == fields["type"].strip()), Type.RESERVED)
    dlr = _DLR.get(fields["dlr"].strip())
    if type_ is Type.RESERVED:
        raise TurnedDown("1704", destinations)
    if type_ is Type.WAP_PUSH and not fields.get("url"):
        raise TurnedDown("1702", destinations)
    if dlr is None:
        raise TurnedDown("1708", destinations)
    if _wrong_source(fields["source"]):
        raise TurnedDown("1707", destinations)
    said, guessed = _read_message(type_, fields["message"], destinations)
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


def _wrong_source(source: str) -> str | None:
    """What is wrong with the length of a sender."""
    if _NUMERIC.fullmatch(source):
        long = len(source.removeprefix("+")) > MAX_NUMERIC_SOURCE
        return f"a numeric sender has at most {MAX_NUMERIC_SOURCE} digits" if long else None
    long = len(source) > MAX_ALPHANUMERIC_SOURCE
    return f"an alphanumeric sender has at most {MAX_ALPHANUMERIC_SOURCE} characters" if long else None


def _read_message(type_: Type, message: str, destinations: Sequence[str]) -> tuple[str, bool]:
    """The text, and whether its coding was guessed: clients that never write hex are taken at their word."""
    if not type_.in_hex:
        return message, False
    if not _HEX.fullmatch(message):
        return message, True
    try:
        return bytes.fromhex(message).decode("utf-16-be"), False
    except UnicodeDecodeError:
        raise TurnedDown("1705", destinations) from None


# --- parameters as bytes ----------------------------------------------------------------------------------------------

# Windows-1252 as browsers read it: the five octets that it leaves out are control characters.
_CP1252 = tuple(bytes([octet]).decode("cp1252", "ignore") or chr(octet) for octet in range(256))


def _fields(request: Request) -> dict[str, str]:
    """The parameters of a request, the body's over the query's. Raises `Unreadable` for a broken or endless one."""
    media = (request.header("content-type") or FORM).partition(";")[0].strip().lower()
    fields = dict(_pairs(request.query))
    if media == FORM:
        fields |= _pairs(request.body)
    elif media == forms.MULTIPART:
        fields |= {part.name: _characters(part.data) for part in forms.parts(request)}
    elif media == JSON and request.body:
        fields |= forms.parameters(replace(request, query=b""))
    return fields


def _pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    pieces = [piece for piece in raw.split(b"&") if piece]
    if len(pieces) > forms.MAX_FIELDS:
        raise Unreadable("too many parameters")
    for piece in pieces:
        name, _, value = piece.replace(b"+", b" ").partition(b"=")
        yield _characters(unquote_to_bytes(name)), _characters(unquote_to_bytes(value))


def _characters(raw: bytes) -> str:
    """UTF-8, strictly; where that fails, Windows-1252 (section 3.1)."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return "".join(_CP1252[octet] for octet in raw)


# --- callbacks: the delivery report (section 3.3), and inbound messages in our own form -------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery report. Times have no zone; `tag`, `udf1` and `udf2` are of newer platforms."""

    message_id: str
    status: str
    source: str = ""
    mobile: str = ""
    submitted: datetime | None = None
    done: datetime | None = None
    cost: str = ""
    charge: str = ""
    mcc_mnc: str = ""
    error: str = ""
    tag: str | None = None
    udf1: str | None = None
    udf2: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An inbound callback, our own form: `from`, `to`, `message` and, where there is one, `message_id`."""

    sender: str
    text: str
    to: str = ""
    message_id: str | None = None


STATUS_WORDS = {
    # Not final, but the platform has the message: enough to lift a doubt.
    "ACKED": Status.SUBMITTED,
    "ENROUTE": Status.SENT,
    "ACCEPTED": Status.SUBMITTED,
    "UNKNOWN": Status.SUBMITTED,
    "DELIVRD": Status.DELIVERED,
    "UNDELIV": Status.UNDELIVERED,
    "EXPIRED": Status.EXPIRED,
    "DELETED": Status.REJECTED,
    "REJECTD": Status.REJECTED,
}

_TEN = {
    "sSender": "source",
    "sMobileNo": "mobile",
    "sStatus": "status",
    "dtSubmit": "submitted",
    "dtDone": "done",
    "sMessageId": "message_id",
    "iCostPerSms": "cost",
    "iCharge": "charge",
    "iMCCMNC": "mcc_mnc",
    "iErrCode": "error",
}
_NEWER = {"sTagName": "tag", "sUdf1": "udf1", "sUdf2": "udf2"}
_TIMES = ("submitted", "done")


def encode_report(report: Report, method: str = "POST") -> Request:
    """The delivery report, to be appended to the callback URL: a form, or the same in the query of a GET."""
    fields = {name: _report_text(getattr(report, attribute)) for name, attribute in _TEN.items()}
    newer = {name: value for name, attribute in _NEWER.items() if (value := getattr(report, attribute)) is not None}
    return _callback(fields | newer, method)


def encode_inbound(arrival: Arrival, method: str = "POST") -> Request:
    """The inbound callback, to be appended to the callback URL."""
    fields = {"from": arrival.sender, "to": arrival.to, "message": arrival.text}
    return _callback(fields | ({"message_id": arrival.message_id} if arrival.message_id is not None else {}), method)


def _callback(fields: dict[str, str], method: str) -> Request:
    posted = form("POST", "/", fields)
    return posted if method == "POST" else Request(method="GET", path="/", query=posted.body)


def _report_text(value: str | datetime | None) -> str:
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else value or ""


def decode_callback(request: Request) -> Report | Arrival:
    """What a callback says: with `sMessageId` it is a report, with `from` an inbound message. Raises `Unreadable`."""
    fields = _fields(request)
    if fields.get("sMessageId") and fields.get("sStatus"):
        said: dict[str, Any] = {attribute: fields.get(name, "") for name, attribute in _TEN.items()}
        newer = {attribute: fields.get(name) for name, attribute in _NEWER.items()}
        return Report(**said | newer | {attribute: _read_time(said[attribute]) for attribute in _TIMES})
    if fields.get("from") and "message" in fields:
        return Arrival(
            sender=fields["from"],
            to=fields.get("to", ""),
            text=fields["message"],
            message_id=fields.get("message_id"),
        )
    raise Unreadable("neither a delivery report nor an inbound message")


def _read_time(said: str) -> datetime | None:
    """A time as the platform writes it; one that cannot be read is not worth losing the report for."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", said, re.ASCII):
        return None
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None


# --- the dialect as the gateway uses it -------------------------------------------------------------------------------


def _refuses(content: Content) -> tuple[Problem, ...]:
    if content.channel is not Channel.SMS:
        return (Problem("channel", "the bulk platform sends SMS only"),)
    # A push of a link has neither flash nor an alphabet of its own.
    link, chosen = content.link is not None, content.flash or content.encoding is not Encoding.AUTO
    wrong_source = _wrong_source(content.sender) if content.sender is not None else None
    checks: tuple[tuple[object, str, str | None], ...] = (
        (not content.text, "text", "an SMS needs a text"),
        (link and not content.link, "link", "a WAP push needs the URL of what it points at"),
        (link and chosen, "flash" if content.flash else "encoding", "a WAP push has no choice of flash or encoding"),
        (content.sender == "", "from", "a sender is not empty"),
        (wrong_source, "from", wrong_source),
        (content.contact, "contact", "the bulk platform keeps no contacts"),
        (content.subject is not None, "subject", "an SMS has no subject"),
        (content.html is not None, "html", "an SMS has no HTML"),
        (content.template is not None, "template", "the bulk platform has no templates to name"),
        (content.attachments, "attachments", "an SMS has no attachments"),
        (content.invitation, "invitation", "an SMS has no invitation"),
    )
    problems = [Problem(field, reason or "") for wrong, field, reason in checks if wrong]
    problems += [Problem(f"{NAME}.{name}", "no such option") for name in content.options.get(NAME, {})]
    return (*problems, *_refused_text(content))


def _refused_text(content: Content) -> tuple[Problem, ...]:
    try:
        segments.resolve(content.text or "", content.encoding)
    except Refused as refused:
        return refused.problems
    return ()


def type_of(content: Content) -> Type:
    """The type that a content goes out as: by its text, unless the caller asked for another."""
    if content.link is not None:
        return Type.WAP_PUSH
    return TYPES[segments.resolve(content.text or "", content.encoding), content.flash]


def _digits(number: str) -> str:
    return "".join(re.findall(r"[0-9]", number))


_Shared = tuple[str | None, str, str | None, Type]  # sender, text, link, type


def _shared(message: Outbound) -> _Shared:
    """What the messages of one call have in common."""
    content = message.content
    return content.sender, content.text or "", content.link, type_of(content)


def _pack(messages: Sequence[Outbound]) -> list[list[Outbound]]:
    """Same text, sender and type go in one call: as many as its URL holds, and never a number twice."""
    groups: list[list[Outbound]] = []
    open_groups: dict[_Shared, tuple[list[Outbound], set[str], int]] = {}
    for message in messages:
        shared, number = _shared(message), _digits(message.to)
        group, numbers, capacity = open_groups.get(shared, ([], set[str](), 0))
        if len(group) >= capacity or number in numbers:
            group, numbers, capacity = open_groups[shared] = [], set(), _capacity(shared)
            groups.append(group)
        group.append(message)
        numbers.add(number)
    return groups


def _capacity(shared: _Shared) -> int:
    """How many destinations a call may have: as many as keep its URL short, but one at least."""
    _, said, link, type_ = shared
    message = len(quote_plus(_message(type_, said))) + len(quote_plus(link or ""))
    room = MAX_URL - _SERVER - _PARAMETERS - message
    return max(1, min(MAX_DESTINATIONS, room // _DESTINATION))


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    """The call that submits a group; the account's `method` POST keeps the password and the text out of URLs.

    Raises KeyError when the account lacks a credential, or a sender that the message does not have.
    """
    content = group[0].content
    call = Submit(
        username=account["username"],
        password=account["password"],
        type=type_of(content),
        dlr=True,
        destinations=tuple(_digits(message.to) for message in group),
        source=content.sender or account["sender"],
        text=content.text or "",
        link=content.link,
    )
    return encode_submit(call, account.get("method", "GET").upper())


def _outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
    """One outcome a message (section 3.2). Raises `Unreadable`."""
    answer = decode_submit_answer(response)
    numbers = [_digits(message.to) for message in group]
    retry_after = _retry_after(response)
    only = answer[0] if len(answer) == 1 else None
    if only is not None and _about_all(only, numbers):
        return (_outcome(only, retry_after),) * len(group)
    placed = _place(answer, numbers)
    missing = _missing(answer[-1], numbers, retry_after)
    return tuple(_best(placed[index], retry_after) or missing for index in range(len(group)))


def _about_all(entry: Entry, numbers: Sequence[str]) -> bool:
    """Whether the one entry of an answer speaks for every message of the call."""
    if len(numbers) == 1 and entry.destination is None:
        return True
    if entry.code not in CODES or entry.code == SUCCESS:
        return False
    if entry.destination is None:
        return True
    return meaning(entry.code).whole and _names(entry, numbers[0])


def _names(entry: Entry, number: str) -> bool:
    return entry.destination == NOT_APPLICABLE or _digits(entry.destination or "") == number


def _place(answer: Answer, numbers: Sequence[str]) -> list[list[Entry]]:
    """The entries of each message: by its digits, in order; by its place where an entry names no number of the call."""
    placed: list[list[Entry]] = [[] for _ in numbers]
    whole = len(answer) == len(numbers)
    for place, entry in enumerate(answer):
        named = [index for index, number in enumerate(numbers) if entry.destination and _names(entry, number)]
        if entry.destination in {None, NOT_APPLICABLE} or (not named and whole):
            named = [place] if place < len(numbers) else []
        if entry.code and named:
            placed[next((index for index in named if not placed[index]), named[-1])].append(entry)
    return placed


# A number with two entries: a yes wins, then a doubt; only what nobody took may be sent again.
_STRENGTH = (Verdict.ACCEPTED, Verdict.UNCONFIRMED, Verdict.REJECTED, Verdict.RETRYABLE)


def _best(entries: Sequence[Entry], retry_after: float | None) -> Outcome | None:
    outcomes = [_outcome(entry, retry_after) for entry in entries]
    return min(outcomes, key=lambda outcome: _STRENGTH.index(outcome.verdict), default=None)


def _outcome(entry: Entry, retry_after: float | None) -> Outcome:
    # A bare number that is not the vendor's own is no SMPP status for certain: it may be the beginning of another.
    known = entry.code in CODES or entry.destination is not None
    said = CODES[SUCCESS] if entry.code == SCHEDULED else meaning(entry.code) if known else UNKNOWN
    return Outcome(
        verdict=said.verdict,
        vendor_id=entry.message_id if said.verdict is Verdict.ACCEPTED else None,
        code=entry.code or None,
        detail=said.words,
        concern=said.concern,
        retry_after=retry_after if said.verdict is Verdict.RETRYABLE else None,
    )


def _missing(last: Entry, numbers: Sequence[str], retry_after: float | None) -> Outcome:
    """What became of a destination without an entry: certainly not taken only behind a code that stops the list."""
    said = meaning(last.code) if any(_names(last, number) for number in numbers) else UNKNOWN
    if said.stops:
        return Outcome(
            verdict=Verdict.RETRYABLE,
            code=last.code,
            detail=f"not taken: the list stopped before it ({said.words})",
            concern=said.concern,
            retry_after=retry_after,
        )
    return Outcome(verdict=Verdict.UNCONFIRMED, detail="the answer does not speak of it", concern=Concern.ACCOUNT)


def _retry_after(response: Response) -> float | None:
    value = response.header("retry-after")
    return float(value) if value is not None and value.isascii() and value.isdigit() else None


def _called_back(request: Request, account: Account) -> tuple[Receipt | Inbound, ...]:
    said = decode_callback(request)
    if isinstance(said, Arrival):
        return (Inbound(sender=said.sender, to=said.to or None, text=said.text, vendor_id=said.message_id or None),)
    return (
        Receipt(
            vendor_id=said.message_id,
            word=said.status,
            status=STATUS_WORDS.get(said.status.strip().upper()),
            to=said.mobile or None,
            error=said.error if said.error.strip("0") else None,
            done_at=_in_zone(said.done, account.get("zone", "UTC")),
        ),
    )


def _in_zone(moment: datetime | None, zone: str) -> str | None:
    """The moment with the offset of the platform's zone; None in a zone that nobody knows, or beyond time."""
    if moment is None:
        return None
    try:
        there = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
        there.astimezone(UTC)  # the empty date of some platforms is no moment of UTC
        return there.isoformat()
    except (ZoneInfoNotFoundError, ValueError, OverflowError, OSError):
        return None


DIALECT = Dialect(
    name=NAME,
    channels=frozenset({Channel.SMS}),
    receipts=True,
    refuses=_refuses,
    pack=_pack,
    submit=_submit,
    outcomes=_outcomes,
    callback=_called_back,
    acknowledgement=text("OK"),
)
