"""Our own JSON for API keys: what admins ask for, and what they get back."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from switchboard.dialects.unified import Instant, Time
from switchboard.model.scope import Scope

LONGEST_OVERLAP = 30 * 86400  # seconds


class _Said(BaseModel):
    """What a caller says: a name we do not know is a mistake that would otherwise go unseen."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class KeyRequest(_Said):
    """A new key of the client."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")] = Field(
        description="For people, to tell keys apart."
    )
    scopes: Annotated[set[Scope], Field(min_length=1)] = Field(description="No scope includes another.")
    expires_at: Instant | None = Field(default=None, description="When it ends (RFC 3339, with a zone).")


class RotateRequest(_Said):
    """A new key in another's place."""

    overlap: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP)] = Field(
        default=86400, description="For how many more seconds the old key works."
    )


class _Told(BaseModel):
    """What we answer, read off the attributes of our own words."""

    model_config = ConfigDict(from_attributes=True, frozen=True, defer_build=True)


class KeyTold(_Told):
    """A key, without what only its holder knows."""

    id: str
    name: str | None
    scopes: list[Scope]
    created_at: Time | None = Field(description="Null for a key from before keys were listed.")
    expires_at: Time | None = Field(description="From then on it is nobody's; it is listed for seven days more.")
    last_used: str | None = Field(description="The last day (UTC) it was used on.")


class NewKey(KeyTold):
    """A key that was just made."""

    key: str = Field(description="The key itself: nobody can show it again.")


class Keys(_Told):
    """All keys of the client."""

    items: list[KeyTold]


def instant(at: str | None) -> float | None:
    """A validated time as epoch seconds."""
    return datetime.fromisoformat(at).timestamp() if at else None
