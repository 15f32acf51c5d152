"""Our own JSON for recurring schedules: what callers may send, in our own words, and what they get back."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    create_model,
)

from switchboard.dialects import unified
from switchboard.dialects.unified import SendRequest, Time, problems
from switchboard.model import schedule as model
from switchboard.model.calendar import local_instant, parse_cron, parse_rate, zone_of
from switchboard.model.problem import Problem, Refused
from switchboard.model.schedule import Outcome, ScheduleState

MAX_MESSAGE = 300_000  # octets: it is in one item of the table, which takes 400 kB
MAX_GRACE = 86_400  # seconds

# ----------------------------------------------------------------------------------------------- what callers say


def _cron(text: str) -> str:
    parse_cron(text)
    return text


def _rate(text: str) -> str:
    parse_rate(text)
    return text


def _zone(name: str) -> str:
    return zone_of(name).key


def _moment(text: str) -> str:
    local_instant(text, UTC)  # whatever its zone will be
    return text


_Moment = Annotated[str, StringConstraints(max_length=40), AfterValidator(_moment)]


class _Said(BaseModel):
    """What a caller says: a name we do not know is a mistake that would otherwise go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


_ONCE = frozenset({"send_at", "timezone", "via", "expires_at", "dry_run"})  # what belongs to a message of one time
_MESSAGE: Any = {  # as a dictionary of anything: which fields there are is known only at run time
    name: (field.annotation, field) for name, field in SendRequest.model_fields.items() if name not in _ONCE
}
ScheduledMessage: Any = create_model(
    "ScheduledMessage",
    __base__=_Said,
    __doc__="What is sent at each occurrence: as for `POST /v1/messages`, but for its times.",
    **_MESSAGE,
)


class ScheduleRequest(_Said):
    """A message that is to be sent again and again, by `cron` or by `rate`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")] | None = (
        Field(default=None, description="Your own name for it.")
    )
    cron: Annotated[str, AfterValidator(_cron)] | None = Field(
        default=None,
        description=(
            "Five fields, minute hour day month weekday, as in crontab(5). A local time that the clocks skip is due"
            " when the gap ends; one that they repeat is due the first time only."
        ),
        examples=["30 9 * * MON-FRI"],
    )
    rate: Annotated[str, AfterValidator(_rate)] | None = Field(
        default=None,
        description="Every so many minutes, hours or days from `start`; without it, first when that time has passed.",
        examples=["15 minutes"],
    )
    timezone: Annotated[str, AfterValidator(_zone)] | None = Field(
        default=None,
        description="The time zone (IANA) of `cron`, and of a `start` and `end` without an offset; by default yours.",
        examples=["America/Montevideo"],
    )
    start: _Moment | None = Field(
        default=None, description="Nothing is due before it; RFC 3339, or a local time without an offset."
    )
    end: _Moment | None = Field(default=None, description="Nothing is due after it; the same.")
    grace: int = Field(
        default=3600,
        ge=1,
        le=MAX_GRACE,
        description="Seconds that an occurrence may be late, after an outage. Then it is missed, and not sent.",
    )
    message: ScheduledMessage


EXAMPLES: dict[str, dict[str, Any]] = {
    "weekdays": {
        "summary": "Every weekday at half past nine",
        "value": {
            "name": "Reminder",
            "cron": "30 9 * * MON-FRI",
            "timezone": "America/Montevideo",
            "message": {"to": "+59898344484", "text": "The shop opens at ten."},
        },
    },
    "rate": {
        "summary": "Every six hours for a week",
        "value": {
            "rate": "6 hours",
            "start": "2030-01-01T00:00:00Z",
            "end": "2030-01-07T23:59:59Z",
            "message": {"to": ["+19195551212", "+447700900123"], "text": "Still on call."},
        },
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request in our own words: times are epoch seconds, `message` is JSON."""

    name: str | None
    cron: str | None
    rate: str | None
    timezone: str
    start: float | None
    end: float | None
    grace: int
    message: str
    fingerprint: str


def wanted(request: ScheduleRequest, region: str | None, zone: str) -> Wanted:
    """A validated request in our own words; `region` reads national numbers, `zone` is the client's own.

    Raises `Refused` with every problem that validation by field cannot see.
    """
    message = json.dumps(_said(request.message), separators=(",", ":"), ensure_ascii=False)
    found = _times(request) + ([_TOO_LARGE] if len(message.encode()) > MAX_MESSAGE else [])
    try:
        submitted(message, region)
    except Refused as refused:
        found += inside(refused.problems)
    timezone = request.timezone or zone
    start, end = (
        local_instant(text, zone_of(timezone)).timestamp() if text else None for text in (request.start, request.end)
    )
    if start is not None and end is not None and end < start:
        found.append(Problem("end", "is before start"))
    if found:
        raise Refused(*found)
    return Wanted(
        name=request.name,
        cron=request.cron,
        rate=request.rate,
        timezone=timezone,
        start=start,
        end=end,
        grace=request.grace,
        message=message,
        fingerprint=_fingerprint(request),
    )


_TOO_LARGE = Problem("message", f"is too large: it must have at most {MAX_MESSAGE} octets as JSON")


def _times(request: ScheduleRequest) -> list[Problem]:
    if (request.cron is None) == (request.rate is None):
        both = "belongs to a schedule without a rate" if request.cron else "is required, or a rate"
        return [Problem("cron", both)]
    return []


def _said(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def _fingerprint(request: ScheduleRequest) -> str:
    canonical = json.dumps(_said(request), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def submitted(message: str, region: str | None) -> dict[str, Any]:
    """What a kept message comes to, for accepting. Raises `Refused` for one that is none, or none any more."""
    try:
        said = unified.submission(SendRequest.model_validate_json(message), region)
    except ValidationError as error:
        raise Refused(*problems(error.errors())) from None
    own = ("fingerprint", "send_at", "expires_at")  # an occurrence has these of its own
    return {name: value for name, value in said.items() if name not in own}


def inside(found: Iterable[Problem]) -> list[Problem]:
    """Problems of the message in the words of the request that it is part of."""
    return [Problem(f"message.{problem.field}", problem.reason) for problem in found]


def refusals(errors: Iterable[Mapping[str, Any]], body: Any, region: str | None) -> tuple[Problem, ...]:
    """Every problem of a body that validation refused: those that it named, and those of what else its message says."""
    listed = list(errors)
    trimmed = [{**error, "loc": path[1:]} for error in listed if (path := _path(error))[0] == "message" and path[1:]]
    named = problems(error for error in listed if _path(error)[0] != "message" or not _path(error)[1:])
    message = body.get("message") if isinstance(body, dict) else None
    if not isinstance(message, dict):
        return named
    once = {name: said for name, said in message.items() if name not in _ONCE}
    return (*named, *inside(unified.refusals(trimmed, once, region)))


def _path(error: Mapping[str, Any]) -> tuple[Any, ...]:
    """Where in the body an error is; never empty."""
    loc = tuple(error["loc"])
    return (loc[1:] if loc[:1] == ("body",) else loc) or ("",)


# ------------------------------------------------------------------------------------------------- what we answer


class _Told(BaseModel):
    """What we answer, read off the attributes of our own words."""

    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class Occurrence(_Told):
    """What became of what was due."""

    due: Time
    outcome: Outcome = Field(
        description="A batch was made; or it was missed, being late; or its message was refused when it was due."
    )
    batch: str | None = Field(description="Follow it at /v1/batches/{batch}.")
    reason: str | None
    count: int = Field(description="How many in a row were missed, from this one on.")


class Schedule(_Told):
    """A recurring schedule."""

    id: str
    name: str | None
    state: ScheduleState
    cron: str | None
    rate: str | None
    timezone: str
    start: Time
    end: Time | None
    grace: int
    next_due: Time | None = Field(description="null where nothing waits: while it is paused, and when it has ended.")
    created_at: Time


class ScheduleLife(Schedule):
    """A recurring schedule, its message, and what became of what was due last."""

    message: dict[str, Any] = Field(description="As it was asked for.")
    occurrences: list[Occurrence] = Field(description="The newest first.")


class Schedules(_Told):
    """A page of recurring schedules."""

    items: list[Schedule]
    cursor: str | None = Field(description="Asks for what follows; null on the last page.")


def told(schedule: model.Schedule) -> Schedule:
    """A schedule as its owner sees it."""
    return Schedule.model_validate(_summary(schedule))


def told_whole(schedule: model.Schedule, occurrences: Iterable[model.Occurrence]) -> ScheduleLife:
    """The same with its message and what became of what was due last."""
    about = {"message": json.loads(schedule.message), "occurrences": list(occurrences)}
    return ScheduleLife.model_validate({**_summary(schedule), **about})


def _summary(schedule: model.Schedule) -> dict[str, Any]:
    waits = schedule.next_due if schedule.state is ScheduleState.ACTIVE else None
    return {**asdict(schedule), "next_due": waits}
