"""Our own JSON API: what callers may send, read into our own words, and what they get back."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypedDict, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    create_model,
)

from switchboard.dialects.registry import DIALECTS
from switchboard.model.chunk import MAX_RECIPIENTS
from switchboard.model.contact import SOCIAL_NETWORKS, Contact
from switchboard.model.message import CONTROL, MAX_VARIABLES, Channel, Content, Encoding, Invitation, Recipient
from switchboard.model.outcome import Verdict
from switchboard.model.problem import Problem, Refused
from switchboard.model.segments import MAX_PARTS, Segments, sendable
from switchboard.model.status import Status
from switchboard.model.template import placeholders, render

MAX_HTML = 256 * 1024  # UTF-8 octets
MAX_SHARED = 300_000  # octets of all that a batch's messages share: it is one item of the table, which takes 400 kB
MAX_PROBLEMS = 100
MAX_PLACEHOLDERS = 200  # in one text, subject or HTML

# ------------------------------------------------------------------------------------------------- the request


_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _instant(text: str) -> str:
    """RFC 3339 with its zone; a time without one is a different moment to everybody who reads it."""
    try:
        at = datetime.fromisoformat(text)
        if "T" in text.upper() and at.tzinfo and _FIRST <= at <= _LAST:
            return text
    except ValueError:
        pass
    raise ValueError("must be a time with its zone (RFC 3339), as 2026-01-31T18:00:00Z")


def _moment(text: str) -> str:
    """RFC 3339, or the same without its offset."""
    if _LOCAL.fullmatch(text):
        from switchboard.model.calendar import local_instant  # few requests have a time of their own

        local_instant(text, UTC)  # whatever its zone will be
        return text
    return _instant(text)


def _zone(name: str) -> str:
    from switchboard.model.calendar import zone_of  # few requests name a zone

    return zone_of(name).key


_LOCAL = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)


class Via(StrEnum):
    """Who keeps a message until its time."""

    GATEWAY = "gateway"
    PROVIDER = "provider"


class MessageClass(StrEnum):
    """What a message is for: whether it may wait for the recipient's daytime."""

    TRANSACTIONAL = "transactional"
    MARKETING = "marketing"


def _entries(to: Any) -> Any:
    """One address, or a list of addresses and objects, as a list of objects."""
    entries = [to] if isinstance(to, str) else to
    if not isinstance(entries, list):
        return entries
    return [{"to": entry} if isinstance(entry, str) else entry for entry in entries]


def _line(longest: int) -> Any:
    """A text of one line: no control characters, so that it can stand in a header or a form field."""
    return StringConstraints(min_length=1, max_length=longest, pattern=r"^[^\x00-\x1f\x7f]+$")


_Name = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]
_Value = Annotated[str, StringConstraints(max_length=1024)]
_Variables = Annotated[dict[_Name, _Value], Field(max_length=100)]
_Key = Annotated[str, StringConstraints(min_length=1, max_length=40)]
_Label = Annotated[str, StringConstraints(max_length=500)]
Instant = Annotated[str, AfterValidator(_instant), Field(json_schema_extra={"format": "date-time"})]
_Moment = Annotated[str, AfterValidator(_moment)]


class _Said(BaseModel):
    """What a caller says: a name we do not know is a mistake that would otherwise go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class RecipientEntry(_Said):
    """A recipient with values of its own."""

    to: Annotated[str, StringConstraints(min_length=1, max_length=254)] = Field(
        description="A phone number (E.164, or national in your account's region) or an e-mail address."
    )
    variables: _Variables = Field(
        default={}, description="Its values for `{{placeholders}}`; they win over the shared ones."
    )
    reference: Annotated[str, _line(255)] | None = Field(default=None, description="Your own name for this message.")


_ToSaid = str | Annotated[list[str | RecipientEntry], Field(min_length=1, max_length=MAX_RECIPIENTS)]


def _options(name: str, options: type) -> Any:
    """What only one provider knows, as a model with the fields of its dialect's dataclass."""
    hints = get_type_hints(options)
    said: dict[str, Any] = {field.name: (hints[field.name], field.default) for field in fields(options)}
    return create_model(
        f"{name.capitalize()}Options", __base__=_Said, __doc__=f"What only {name} knows of a message.", **said
    )


# Providers and their options come from the registry, so that another vendor is one more dialect and nothing here.
_BY_PROVIDER: dict[str, Any] = {
    "provider": (
        Literal[tuple(DIALECTS)] | None,
        Field(default=None, description="Send by this provider; by default the route for the address decides."),
    ),
    **{
        name: (
            _options(name, dialect.options) | None,
            Field(default=None, description=f"Options of {name}; they route the message to it."),
        )
        for name, dialect in DIALECTS.items()
        if dialect.options is not None
    },
}
_Providers = create_model("_Providers", __base__=_Said, **_BY_PROVIDER)


class SendRequest(_Providers):  # type: ignore[misc, valid-type]  # its fields are known only at run time
    """One message to one or many recipients: SMS or e-mail, all of one channel."""

    to: Annotated[
        list[RecipientEntry],
        BeforeValidator(_entries, json_schema_input_type=_ToSaid),
        Field(min_length=1, max_length=MAX_RECIPIENTS),
    ] = Field(
        description=f"One address, or 1 to {MAX_RECIPIENTS} of them, each a string or an object with values of its own."
    )
    channel: Channel | None = Field(default=None, description="By default read off the first address.")
    sender: Annotated[str, _line(254)] | None = Field(
        default=None, alias="from", description="The number or name it comes from; by default the provider's."
    )
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_HTML)] | None = Field(
        default=None,
        description=f"May hold `{{{{placeholders}}}}`. An SMS has {MAX_PARTS} parts at most.",
    )
    subject: Annotated[str, _line(255)] | None = Field(default=None, description="E-mail: may hold `{{placeholders}}`.")
    html: Annotated[str, StringConstraints(min_length=1, max_length=MAX_HTML)] | None = Field(
        default=None, description="E-mail: may hold `{{placeholders}}`, whose values are escaped. 256 KiB at most."
    )
    template: Annotated[str, _line(128)] | None = Field(
        default=None, description="E-mail: a template kept at the provider, filled in with `variables`."
    )
    variables: _Variables = Field(default={}, description="Values for `{{placeholders}}` that all recipients share.")
    attachments: Annotated[tuple[Annotated[str, _line(1024)], ...], Field(max_length=20)] = Field(
        default=(), description="E-mail: paths of files on the provider's server."
    )
    invitation: Invitation | None = Field(
        default=None, description="E-mail: a calendar invitation; `start` and `end` are local, `YYYY-MM-DD hh:mm:ss`."
    )
    contact: Contact | None = Field(default=None, description="The CRM contact to match, create or update.")
    campaign: Annotated[str, _line(128)] | None = Field(default=None, description="The campaign it belongs to.")
    flash: StrictBool = Field(default=False, description="SMS: shown at once and not kept by the handset.")
    encoding: Encoding = Field(
        default=Encoding.AUTO, description="SMS: by default GSM 03.38 where every character fits, else UCS-2."
    )
    link: Annotated[str, StringConstraints(max_length=2048, pattern=r"^https?://[^\s]+$")] | None = Field(
        default=None, description="SMS: the address that a WAP push opens."
    )
    send_at: _Moment | None = Field(
        default=None,
        description="Send then, at most 366 days ahead: RFC 3339 with an offset, or a local time in `timezone`.",
    )
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None, description="The time zone (IANA) of a `send_at` without an offset, as America/Montevideo."
    )
    via: Via = Field(
        default=Via.GATEWAY,
        description="Who keeps it until `send_at`: this gateway, or the provider, where it cannot be canceled.",
    )
    class_: MessageClass = Field(
        default=MessageClass.TRANSACTIONAL,
        alias="class",
        description="`marketing` waits for the recipient's daytime, 08:00 to 21:00 unless your account says otherwise.",
    )
    expires_at: Instant | None = Field(default=None, description="Do not send after this (RFC 3339, with a zone).")
    metadata: Annotated[dict[_Key, _Label], Field(max_length=50)] = Field(
        default={}, description="Your own labels, given back with every message."
    )
    allow_duplicates: StrictBool = Field(
        default=False, description="Take an address that occurs twice; it is then sent to twice."
    )
    dry_run: StrictBool = Field(default=False, description="Answer segments and provider, and send nothing.")


EXAMPLES: dict[str, dict[str, Any]] = {
    "sms": {
        "summary": "An SMS",
        "value": {"to": "+19195551212", "from": "3056490655", "text": "Your order has left us."},
    },
    "personal": {
        "summary": "An SMS to many, each with values of its own",
        "value": {
            "to": [
                {"to": "+19195551212", "variables": {"name": "Ana"}, "reference": "order-1"},
                {"to": "+59898344484", "variables": {"name": "Luis"}, "reference": "order-2"},
            ],
            "text": "Hello {{name}}, your order has left us.",
            "expires_at": "2026-12-31T18:00:00-03:00",
            "metadata": {"shop": "north"},
        },
    },
    "email": {
        "summary": "An e-mail",
        "value": {
            "to": "ana@example.com",
            "subject": "Your order",
            "html": "<p>Hello {{name}}</p>",
            "variables": {"name": "Ana"},
            "campaign": "Orders",
        },
    },
    "dry_run": {
        "summary": "What it would cost, and who would send it",
        "value": {"to": "+19195551212", "text": "Your order has left us.", "dry_run": True},
    },
}


class Submitted(TypedDict):
    """What accepting is told: normalised addresses, times as epoch seconds."""

    content: Content
    recipients: tuple[Recipient, ...]
    provider: str | None
    expires_at: float | None
    send_at: float | None
    marketing: bool
    metadata: Mapping[str, str]
    fingerprint: str


def submission(request: SendRequest, region: str | None) -> Submitted:
    """A validated request in our own words; `region` (ISO 3166-1) reads national numbers.

    Raises `Refused` with every problem that validation by field cannot see.
    """
    reading = _Reading(request, region, range(len(request.to)))
    if reading.problems:
        raise Refused(*_distinct(reading.problems))
    at, handed_over = _send_at(request), request.via is Via.PROVIDER
    return Submitted(
        content=replace(reading.content, provider_at=at) if handed_over else reading.content,
        recipients=tuple(reading.recipients.values()),
        provider=request.provider,
        expires_at=datetime.fromisoformat(request.expires_at).timestamp() if request.expires_at else None,
        send_at=None if handed_over else at,
        marketing=request.class_ is MessageClass.MARKETING,
        metadata=request.metadata,
        fingerprint=fingerprint(request),
    )


def shared(said: Mapping[str, Any]) -> Submitted:
    """A request without its recipients, of its fields, in our own words. Raises `Refused` with every problem of it."""
    return submission(SendRequest.model_validate({**said, "to": ["-"]}).model_copy(update={"to": []}), None)


def _send_at(request: SendRequest) -> float | None:
    """When a request is to be sent, in epoch seconds."""
    if request.send_at is None:
        return None
    if not _LOCAL.fullmatch(request.send_at):
        return datetime.fromisoformat(request.send_at).timestamp()
    from switchboard.model.calendar import local_instant, zone_of  # few requests have a time of their own

    return local_instant(request.send_at, zone_of(request.timezone or "UTC")).timestamp()


def fingerprint(request: SendRequest) -> str:
    """SHA-256 over what was asked for, in one canonical JSON: the same whichever order the names came in."""
    said = request.model_dump(by_alias=True, exclude={"dry_run"}, exclude_unset=True, exclude_none=True)
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def refusals(errors: Iterable[Mapping[str, Any]], body: Any, region: str | None) -> tuple[Problem, ...]:
    """Every problem of a body that validation refused: those that it named, and those of what else the body says."""
    named = _named(errors)
    if not isinstance(body, dict):
        return _distinct(named)
    wrong = frozenset(problem.field.partition(".")[0] for problem in named)
    bad = {problem.field.split(".")[1] for problem in named if problem.field.startswith("to.")}
    said = _entries(body.get("to"))
    entries: list[Any] = [] if said is None or any(problem.field == "to" for problem in named) else said
    places = [place for place in range(len(entries)) if str(place) not in bad]
    rest = {name: value for name, value in body.items() if name not in wrong}
    try:
        request = SendRequest.model_validate({**rest, "to": [entries[place] for place in places] or "-"})
    except ValidationError:
        return _distinct(named)
    reading = _Reading(request.model_copy(update={} if places else {"to": []}), region, places, wrong)
    return _distinct(named + reading.problems)


class _Reading:
    """One pass over a request that finds everything wrong with it.

    `places` are the recipients' positions in the caller's list; the fields in `wrong` were left out and named already.
    """

    def __init__(
        self, request: SendRequest, region: str | None, places: Sequence[int], wrong: frozenset[str] = frozenset()
    ) -> None:
        self.request, self.places, self.wrong = request, places, wrong
        self.found: list[Problem] = []
        self.channel = _channel(request)
        self.content = _content(request, self.channel)
        self.recipients = self._recipients(region)
        self._fields()
        self._placeholders()
        self._lengths()

    @property
    def problems(self) -> list[Problem]:
        """What was found, less what is said about a field already named."""
        return [problem for problem in self.found if problem.field.partition(".")[0] not in self.wrong - {"to"}]

    def _say(self, field: str, reason: str) -> None:
        self.found.append(Problem(field, reason))

    def _recipients(self, region: str | None) -> dict[int, Recipient]:
        """The readable recipients by position."""
        recipients: dict[int, Recipient] = {}
        first: dict[str, int] = {}
        for place, entry in zip(self.places, self.request.to, strict=True):
            try:
                to = self._address(entry.to, region, f"to.{place}")
            except Refused as refused:
                self.found += refused.problems
                continue
            if first.setdefault(to, place) != place and not self.request.allow_duplicates:
                self._say(f"to.{place}", f"is the same address as to.{first[to]}: allow_duplicates sends to it twice")
            recipients[place] = Recipient(to=to, reference=entry.reference, variables=entry.variables)
        return recipients

    def _address(self, raw: str, region: str | None, field: str) -> str:
        # The numbering plans are slow to load, and functions that only answer do not need them.
        from switchboard.model.address import parse_email, parse_phone

        if self.channel is Channel.EMAIL:
            return parse_email(raw, field)
        if "@" in raw:
            raise Refused(Problem(field, "is an e-mail address, and this request goes by SMS: one channel a request"))
        return parse_phone(raw, region, field)

    def _fields(self) -> None:
        """What goes together and what does not."""
        request, channel = self.request, self.channel
        for field in _FOREIGN[channel]:
            if getattr(request, field) != SendRequest.model_fields[field].default:
                self._say(field, f"does not exist in {'SMS' if channel is Channel.SMS else 'e-mail'}")
        bodies = _BODIES[channel]
        if not self.wrong.intersection(bodies) and not any(getattr(request, field) for field in bodies):
            self._say(bodies[0], "is required" if len(bodies) == 1 else f"one of {', '.join(bodies)} is required")
        for network in request.contact.social if request.contact else ():
            if network not in SOCIAL_NETWORKS:
                self._say(f"contact.social.{network}", f"must be one of {', '.join(SOCIAL_NETWORKS)}")
        if request.invitation:
            self._invitation(request.invitation)
        self._times(request)
        if request.html and len(request.html.encode()) > MAX_HTML:
            self._say("html", f"must have at most {MAX_HTML} octets")
        if len(request.model_dump_json(exclude={"to"}).encode()) > MAX_SHARED:
            self._say(bodies[0], f"is too large: all but the recipients must have at most {MAX_SHARED} octets")

    def _times(self, request: SendRequest) -> None:
        if "send_at" in self.wrong:
            return
        local = request.send_at is not None and _LOCAL.fullmatch(request.send_at) is not None
        if local and request.timezone is None and "timezone" not in self.wrong:
            self._say("send_at", "has no offset: give one, or its time zone as timezone")
        if not local and request.timezone is not None:
            self._say("timezone", "belongs to a send_at without an offset")
        if request.via is Via.PROVIDER and request.send_at is None:
            self._say("via", "provider belongs to a message with a send_at")
        if request.via is Via.PROVIDER and request.class_ is MessageClass.MARKETING:
            self._say("via", "is gateway for marketing: a provider does not know quiet hours")

    def _invitation(self, invitation: Invitation) -> None:
        for field in ("start", "end"):
            if not _LOCAL_TIME.fullmatch(getattr(invitation, field)):
                self._say(f"invitation.{field}", "must be a local time, as 2026-01-31 18:00:00")
        for field in ("title", "organizer"):
            if CONTROL.search(getattr(invitation, field)):
                self._say(f"invitation.{field}", "must be one line without control characters")

    def _placeholders(self) -> None:
        """Every placeholder has a value for everybody, and nothing that looks like one is left over."""
        asked = placeholders(self.content)
        for field in ("text", "subject", "html"):
            if (getattr(self.content, field) or "").count("{{") > MAX_PLACEHOLDERS:
                self._say(field, f"holds more than {MAX_PLACEHOLDERS} placeholders")
                return
        blank = render(self.content, dict.fromkeys(asked, ""))
        for field in ("text", "subject", "html"):
            if "{{" in (getattr(blank, field) or ""):
                self._say(field, "holds {{ that opens no placeholder: a name is letters, digits, _ . -")
        if "variables" in self.wrong:
            return
        for place, recipient in self.recipients.items():
            for name in sorted(asked - self.content.variables.keys() - recipient.variables.keys()):
                self._say(f"to.{place}", f"has no value for {{{{{name}}}}}, and variables has none")
            if CONTROL.search(render(self.content, {**dict.fromkeys(asked, ""), **recipient.variables}).subject or ""):
                self._say(f"to.{place}", "puts a line break or control character into the subject")

    def _lengths(self) -> None:
        """The parts of every SMS, with the values filled in, and the size of what each recipient brings along."""
        for place, recipient in self.recipients.items():
            if len(json.dumps(recipient.variables, ensure_ascii=False).encode()) > MAX_VARIABLES:
                self._say(f"to.{place}.variables", f"must have at most {MAX_VARIABLES} octets")
        if self.channel is not Channel.SMS or self.content.text is None:
            return
        asked = placeholders(self.content)
        each = {f"to.{place}": recipient.variables for place, recipient in self.recipients.items() if asked}
        for field, variables in (each or {"text": {}}).items():
            if len(self.found) >= MAX_PROBLEMS:
                return
            if asked <= self.content.variables.keys() | variables.keys():
                try:
                    sendable(render(self.content, variables).text or "", self.content.encoding)
                except Refused as refused:
                    self.found += [Problem(field, problem.reason) for problem in refused.problems]


_LOCAL_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01]) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d")
_EMAIL_ONLY = ("subject", "html", "template", "attachments", "invitation")
_FOREIGN = {Channel.SMS: _EMAIL_ONLY, Channel.EMAIL: ("flash", "encoding", "link")}
_BODIES = {Channel.SMS: ("text",), Channel.EMAIL: ("html", "text", "template")}


def _channel(request: SendRequest) -> Channel:
    if request.channel is not None:
        return request.channel
    if request.to:
        return Channel.EMAIL if "@" in request.to[0].to else Channel.SMS
    return Channel.EMAIL if any(getattr(request, field) for field in _EMAIL_ONLY) else Channel.SMS


def _content(request: SendRequest, channel: Channel) -> Content:
    said = {name: getattr(request, name) for name in _BY_PROVIDER if name != "provider" and getattr(request, name)}
    options = {
        name: {option: str(value) for option, value in model.model_dump(exclude_none=True).items()}
        for name, model in said.items()
    }
    return Content(
        channel=channel,
        text=request.text,
        sender=request.sender,
        flash=request.flash,
        encoding=request.encoding,
        link=request.link,
        subject=request.subject,
        html=request.html,
        template=request.template,
        variables=request.variables,
        attachments=request.attachments,
        invitation=request.invitation,
        contact=request.contact,
        campaign=request.campaign,
        options={name: options[name] for name in options if options[name]},
    )


# --------------------------------------------------------------------------------------------------- what is wrong

_PLACES = {"body", "query", "path", "header"}
_REASONS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "unexpected_keyword_argument": "is not a field of this request",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dataclass_type": "must be an object",
    "dict_type": "must be an object",
    "string_unicode": "must be Unicode text",
}


def problems(errors: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """Validation's errors as problems in the caller's words: `body.to.3` is `to.3`; no value is quoted."""
    return _distinct(_named(errors))


_KIND = re.compile(r"constrained-[a-z]+|[a-z-]+\[\w+\]")
"""What validation calls one of the kinds that a value may be, behind the field's path: `constrained-str`."""


def _named(errors: Iterable[Mapping[str, Any]]) -> list[Problem]:
    """Each error by its field; where a value may be of several kinds and is of none, one problem says them all."""
    found: list[Problem] = []
    kinds: dict[tuple[int | str, ...], list[str]] = {}
    for error in errors:
        *stem, last = error["loc"] or ("",)
        if not (stem and isinstance(last, str) and _KIND.fullmatch(last)):
            found.append(Problem(_field(error["loc"]), _reason(error)))
            continue
        reasons = kinds.setdefault(tuple(stem), [])
        reasons.append(_reason(error).removeprefix("must ") if reasons else _reason(error))
    return found + [Problem(_field(loc), ", or ".join(reasons)) for loc, reasons in kinds.items()]


def _field(loc: Sequence[int | str]) -> str:
    path = [str(step) for step in (loc[1:] if loc and loc[0] in _PLACES else loc) if step != "[key]"]
    if len(path) == 3 and path[0] == path[2] == "to":
        path.pop()  # a recipient that was a string has no field of that name
    return ".".join(path) or "body"


def _reason(error: Mapping[str, Any]) -> str:
    if error["type"] in _REASONS:
        return _REASONS[error["type"]]
    words = str(error["msg"]).removeprefix("Value error, ").replace(" after validation", "")
    return re.sub(r"^\w+ should ", "must ", words)


def _distinct(found: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(dict.fromkeys(found))[:MAX_PROBLEMS]


# --------------------------------------------------------------------------------------------------- the answers


def _time(at: Any) -> Any:
    """Epoch seconds, or ISO 8601 with an offset, as RFC 3339 in UTC with milliseconds."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at).timestamp()
    if not isinstance(at, int | float):
        return at
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Time = Annotated[str, BeforeValidator(_time), Field(json_schema_extra={"format": "date-time"})]


class _Told(BaseModel):
    """What we answer, read off the attributes of our own words."""

    # Built on first use: no function answers with all of them, and building costs a cold start.
    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class AcceptedMessage(_Told):
    """One message of an accepted request."""

    id: Annotated[str | None, BeforeValidator(lambda id_: id_ or None)] = Field(description="null in a dry run.")
    to: str = Field(description="As it was read: E.164, or an e-mail address.")
    reference: str | None
    status: Status = Field(description="Where it stood when it was accepted.")
    send_at: Annotated[Time | None, BeforeValidator(lambda at: at or None)] = Field(
        validation_alias="not_before", description="When its time comes; null for at once."
    )
    provider: str = Field(description="The first of its route.")
    segments: Segments | None = Field(description="SMS: what it costs.")


class Accepted(_Told):
    """What became of a request to send."""

    batch: str | None = Field(description="null in a dry run.")
    url: str | None = Field(description="Where the batch can be followed.")
    dry_run: bool
    messages: list[AcceptedMessage] = Field(description="In the order of the request.")


class Attempt(_Told):
    """One submission to a provider and how it ended."""

    number: int = Field(validation_alias="pass_", serialization_alias="pass", description="Counted from 0.")
    provider: str
    verdict: str = Field(
        description=f"{', '.join(Verdict)}; or expired, when its time was over before it was submitted."
    )
    vendor_id: str | None = Field(description="The provider's own id.")
    code: str | None
    detail: str | None
    at: Time
    again: bool = Field(description="Whether another attempt follows.")
    facts: dict[str, str] = Field(description="What else the provider's answer said of the message.")


class SeenReceipt(_Told):
    """A delivery receipt."""

    word: str = Field(description="The provider's own word.")
    status: Status | None = Field(description="What it means; null when it moves nothing.")
    error: str | None
    done_at: Time | None = Field(description="When it happened, by the provider.")
    received_at: Time


class Message(_Told):
    """A message's whole life."""

    id: str
    alias: str | None = Field(description="The same as a UUID, as a vendor's door that it came in by answered it.")
    batch: str | None
    direction: Literal["outbound", "inbound"]
    channel: Channel
    to: str | None
    sender: str | None = Field(serialization_alias="from")
    text: str | None
    subject: str | None
    status: Status
    settled: bool = Field(description="Whether nothing more is to be waited for.")
    provider: str | None
    reference: str | None
    metadata: dict[str, str]
    campaign: str | None
    door: str | None = Field(description="The vendor's door that it came in by; null for this API.")
    created_at: Time
    send_at: Time | None = Field(description="When its time comes or came; null for at once.")
    expires_at: Time | None
    resend_of: str | None = Field(description="The message that this one sends again.")
    segments: Segments | None
    attempts: list[Attempt]
    receipts: list[SeenReceipt]


class Messages(_Told):
    """A page of messages."""

    items: list[Message]
    cursor: str | None = Field(description="Asks for what follows; null on the last page.")


class Batch(_Told):
    """A batch, and how many of its messages stand where."""

    id: str
    created_at: Time
    send_at: Time | None
    schedule: str | None = Field(description="The recurring schedule that made it.")
    channel: Channel
    campaign: str | None
    metadata: dict[str, str]
    total: int
    statuses: dict[Status, int]
    settled: bool = Field(description="Whether every message of it is.")


class CanceledMessage(_Told):
    """A message that will not be sent."""

    id: str
    status: Status


class CanceledBatch(_Told):
    """What canceling a batch came to."""

    canceled: int = Field(description="Messages that will not be sent.")
    kept: int = Field(description="Messages that were submitted, or had ended, before.")


class FieldProblem(_Told):
    """One wrong field."""

    field: str = Field(description="A path in the words of the request: `to.3`, `contact.email`.")
    reason: str


class ProblemDocument(_Told):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = Field(default=[], description=f"Every wrong field, {MAX_PROBLEMS} at most.")


def accepted(batch: str | None, messages: Sequence[object]) -> Accepted:
    """The answer to a request to send; without a batch it was a dry run."""
    return Accepted(
        batch=batch,
        url=f"/v1/batches/{batch}" if batch else None,
        dry_run=batch is None,
        messages=[AcceptedMessage.model_validate(message) for message in messages],
    )
