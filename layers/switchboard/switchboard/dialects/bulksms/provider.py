"""The bulk platform as the gateway sends by it and is called back by it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from urllib.parse import quote_plus
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from switchboard.dialects.bulksms import NAME
from switchboard.dialects.bulksms.answers import NOT_APPLICABLE, Answer, Entry, decode_answer
from switchboard.dialects.bulksms.callbacks import STATUS_WORDS, Arrival, decode_callback
from switchboard.dialects.bulksms.codes import CODES, SCHEDULED, SUCCESS, UNKNOWN, meaning
from switchboard.dialects.bulksms.submit import (
    MAX_URL,
    SERVER,
    TYPES,
    Submit,
    Type,
    encode_submit,
    spell_text,
    wrong_source,
)
from switchboard.dialects.dialect import Account, Dialect
from switchboard.dialects.wire import Request, Response, text
from switchboard.model import segments
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.receipt import Inbound, Receipt

CALL_SIZE = 100  # destinations
_PARAMETERS = 400  # and for all parameters but the message and the destinations
_DESTINATION = len("%2C") + 15  # and for each destination: E.164 has at most 15 digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Whom a sender and a text are registered by, where a country wants that: the ids that its register gave."""

    entity_id: str | None = None
    template_id: str | None = None
    telemarketer_id: str | None = None


_OPTIONS = frozenset(field.name for field in fields(Options))


def _refuses(content: Content) -> tuple[Problem, ...]:
    if content.channel is not Channel.SMS:
        return (Problem("channel", "the bulk platform sends SMS only"),)
    # A push of a link has neither flash nor an alphabet of its own.
    link, chosen = content.link is not None, content.flash or content.encoding is not Encoding.AUTO
    wrong = wrong_source(content.sender) if content.sender is not None else None
    checks: tuple[tuple[object, str, str | None], ...] = (
        (not content.text, "text", "an SMS needs a text"),
        (link and not content.link, "link", "a WAP push needs the URL of what it points at"),
        (link and chosen, "flash" if content.flash else "encoding", "a WAP push has no choice of flash or encoding"),
        (content.sender == "", "from", "a sender is not empty"),
        (wrong, "from", wrong),
        (content.contact, "contact", "the bulk platform keeps no contacts"),
        (content.subject is not None, "subject", "an SMS has no subject"),
        (content.html is not None, "html", "an SMS has no HTML"),
        (content.template is not None, "template", "the bulk platform has no templates to name"),
        (content.attachments, "attachments", "an SMS has no attachments"),
        (content.invitation, "invitation", "an SMS has no invitation"),
    )
    problems = [Problem(field, reason or "") for is_wrong, field, reason in checks if is_wrong]
    return (*problems, *_refused_options(_options(content)), *_refused_text(content))


def _options(content: Content) -> Mapping[str, str]:
    return content.options.get(NAME, {})


def _refused_options(options: Mapping[str, str]) -> tuple[Problem, ...]:
    reasons = {name: "is empty" if name in _OPTIONS else "no such option" for name in options}
    return tuple(
        Problem(f"{NAME}.{name}", reasons[name]) for name in options if name not in _OPTIONS or not options[name]
    )


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


# Sender, text, link, type, options, and when it is to be sent.
_Shared = tuple[str | None, str, str | None, Type, tuple[tuple[str, str], ...], float | None]


def _shared(message: Outbound) -> _Shared:
    """What the messages of one call have in common."""
    content = message.content
    options = tuple(sorted(_options(content).items()))
    return content.sender, content.text or "", content.link, type_of(content), options, content.provider_at


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
    """How many destinations a call may have: as many as keep its URL short, but one at least, and one of a schedule."""
    _, said, link, type_, options, at = shared
    if at is not None:
        return 1
    spoken = (spell_text(type_, said), link or "", *(value for _, value in options))
    room = MAX_URL - SERVER - _PARAMETERS - sum(len(quote_plus(value)) for value in spoken)
    return max(1, min(CALL_SIZE, room // _DESTINATION))


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    """The call that submits a group; the account's `method` POST keeps the password and the text out of URLs.

    A message with a time of its own goes by the platform's schedule, in the first whole minute of UTC from then on.
    Raises KeyError when the account lacks a credential, or a sender that the message does not have.
    """
    content = group[0].content
    options = _options(content)
    call = Submit(
        username=account["username"],
        password=account["password"],
        type=type_of(content),
        dlr=True,
        destinations=tuple(_digits(message.to) for message in group),
        source=content.sender or account["sender"],
        text=content.text or "",
        link=content.link,
        entity_id=options.get("entity_id"),
        template_id=options.get("template_id"),
        telemarketer_id=options.get("telemarketer_id"),
    )
    method = account.get("method", "GET").upper()
    if content.provider_at is None:
        return encode_submit(call, method)
    from switchboard.dialects.bulksms.schedule import Schedule, encode_schedule  # few messages are handed over

    return encode_schedule(Schedule(submit=call, at=datetime.fromtimestamp(content.provider_at, UTC)), method)


def _outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
    """One outcome a message (section 3.2). Raises `Unreadable`."""
    answer = decode_answer(response)
    numbers = [_digits(message.to) for message in group]
    retry_after = response.retry_after
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
    options=Options,
)
