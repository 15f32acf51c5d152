"""Campaigns in our JSON: what a caller asks for, read into our own words, and what is told of one."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StringConstraints, create_model

from switchboard.dialects.unified import SendRequest, Time, shared
from switchboard.model.campaign import Campaign, Columns, Missed
from switchboard.model.problem import Problem, Refused
from switchboard.model.status import Status
from switchboard.model.template import placeholders

MAX_COLUMNS = 64 * 1024  # octets: they are in one item with the message, and an item has 400 kB
_Header = Annotated[str, StringConstraints(min_length=1, max_length=255)]
_Column = _Header | Annotated[StrictInt, Field(ge=1, le=1000)]
_Placeholder = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$")]

# ------------------------------------------------------------------------------------------------- the request


class ColumnsSaid(BaseModel):
    """Which column holds what: by its header, or by its place, from 1, in a file without headers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    to: _Column = Field(description="The phone number or e-mail address.")
    reference: _Column | None = Field(default=None, description="Your own name for the row's message.")
    priority: _Column | None = Field(
        default=None, description="A number; 1 goes out first. Without it, the file's order."
    )
    variables: Annotated[dict[_Placeholder, _Column], Field(max_length=100)] = Field(
        default={},
        description="The columns of `{{placeholders}}`; one that is not named here has its own name for header.",
    )


_NOT_SHARED = {"to", "dry_run"}
_SHARED: dict[str, Any] = {
    name: (field.annotation, field) for name, field in SendRequest.model_fields.items() if name not in _NOT_SHARED
}
_Message = create_model("_Message", __base__=BaseModel, **_SHARED)


class CampaignRequest(_Message):  # type: ignore[misc, valid-type]  # its fields are known only at run time
    """A message to every row of a file: the fields of a message without its recipients, and where the file has them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        description="What you call it."
    )
    columns: ColumnsSaid
    allow_duplicates: bool = Field(
        default=False, description="Send to a row that says the same to the same address as one before it."
    )


EXAMPLES: dict[str, dict[str, Any]] = {
    "campaign": {
        "summary": "An SMS to every row of a file",
        "value": {
            "name": "Spring",
            "from": "3056490655",
            "text": "Hello {{name}}, the shop is open again.",
            "columns": {"to": "phone", "reference": "customer", "variables": {"name": "First name"}},
        },
    },
}


class Caller(Protocol):
    """Whose campaign it is."""

    @property
    def name(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    @property
    def zone(self) -> str: ...
    @property
    def hours(self) -> str: ...


def campaign(request: CampaignRequest, id_: str, client: Caller, now: float) -> Campaign:
    """A request in our own words. Raises `Refused` with everything that is wrong with it."""
    said = request.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    foreign = [Problem(field, reason) for field, reason in _FOREIGN.items() if said.get(field) not in _WITHOUT]
    if len(json.dumps(said["columns"], ensure_ascii=False).encode()) > MAX_COLUMNS:
        foreign.append(Problem("columns", f"must have at most {MAX_COLUMNS} octets together"))
    if foreign:
        raise Refused(*foreign)
    message = shared({name: value for name, value in said.items() if name not in _OURS})
    content = message["content"]
    return Campaign(
        id=id_,
        client=client.name,
        region=client.region,
        zone=client.zone,
        hours=client.hours,
        name=request.name,
        content=content,
        columns=_columns(request.columns, sorted(placeholders(content) - content.variables.keys())),
        fingerprint=_fingerprint(said),
        created_at=now,
        provider=message["provider"],
        marketing=message["marketing"],
        send_at=message["send_at"],
        expires_at=message["expires_at"],
        metadata=message["metadata"],
        allow_duplicates=request.allow_duplicates,
    )


_WITHOUT = (None, "gateway")
_FOREIGN = {
    "contact": "is one person's, and a campaign goes to many",
    "via": "is gateway for a campaign: it can be paused and canceled until a message goes",
}
_OURS = frozenset({"name", "columns", "allow_duplicates"})


def _columns(said: ColumnsSaid, wanted: list[str]) -> Columns:
    """The columns; a placeholder that nobody named a column for is read from the one of its own name."""
    by_name: Mapping[str, str | int] = {name: name for name in wanted}
    return Columns(
        to=said.to, reference=said.reference, priority=said.priority, variables={**by_name, **said.variables}
    )


def _fingerprint(said: Mapping[str, Any]) -> str:
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


# ------------------------------------------------------------------------------------------------- the answers


class CampaignState(StrEnum):
    """Where a campaign stands, as its owner sees it."""

    WAITING = "waiting"
    RUNNING = "running"
    FED = "fed"
    PAUSED = "paused"
    CANCELED = "canceled"
    FAILED = "failed"
    FINISHED = "finished"


class _Told(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class FileForm(_Told):
    """Where and with which form fields the file is to be sent, the file last."""

    url: str
    fields: dict[str, str]
    expires_at: Time


class Begun(_Told):
    """A campaign that waits for its file."""

    id: str
    url: str = Field(description="Where it can be followed.")
    upload: FileForm


class RowTold(_Told):
    """One row of the file and what became of it."""

    row: int = Field(description="Counted from 1, without the headers.")
    line: int = Field(description="The line of the file that it begins in.")
    to: str | None
    reference: str | None
    status: Status | Missed = Field(description="Its message's, or why it became none.")
    message: str | None = Field(description="The message's id.")
    provider: str | None
    column: str | None
    value: str | None
    reason: str | None
    cure: str | None = Field(description="What would mend it.")


class RowPage(_Told):
    """A page of rows, in the order in which they were taken."""

    items: list[RowTold]
    cursor: str | None = Field(description="Asks for what follows; null on the last page.")


class Unreadable(_Told):
    """Why a file cannot be read."""

    field: str | None
    reason: str | None
    cure: str | None


class CampaignLine(_Told):
    """A campaign, and how far its file has been read."""

    id: str
    name: str
    url: str
    state: CampaignState = Field(description="`fed`: every row is read, and messages still go out.")
    created_at: Time
    started_at: Time | None = Field(description="When its file came.")
    rows: int = Field(description="Rows read so far.")
    accepted: int
    refused: int
    duplicates: int
    failure: Unreadable | None


class CampaignTold(CampaignLine):
    """A campaign and how its rows stand."""

    fed_at: Time | None = Field(description="When every row had been read.")
    finished_at: Time | None = Field(description="When the last message settled.")
    statuses: dict[Status, int] = Field(description="Accepted rows by where their messages stand.")
    counted: int = Field(description="How many accepted rows `statuses` covers: there is a time for counting.")
    rate: float | None = Field(description="Messages handed to providers a second, since the start.")
    estimated_end: Time | None = Field(
        description="When all will have been handed over; null where that cannot be known, as with priorities to come."
    )
    metadata: dict[str, str]
    refusals: list[RowTold] = Field(description="The first rows that became no message.")


class CampaignPage(_Told):
    """A page of campaigns."""

    items: list[CampaignLine]
    cursor: str | None = Field(description="Asks for what follows; null on the last page.")


class Steered(_Told):
    """Where a campaign stands now."""

    id: str
    state: CampaignState


class BeingMade(_Told):
    """The file is not there yet."""

    id: str
    ready: bool
