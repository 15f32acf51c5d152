"""Cursors: a place in a list as text that goes into a URL as it is."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from switchboard.model.problem import Problem, Refused

NO_CURSOR = Problem("cursor", "is not a cursor of this list")

Place = list[Any]


def cursor_of(place: Place) -> str:
    """The cursor of a place: base64url without padding."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def position(cursor: str | None, *types: type) -> Place | None:
    """The place that a cursor of ours holds. Raises `Refused` for anything else."""
    if cursor is None:
        return None
    try:
        place = json.loads(urlsafe_b64decode(cursor[:1000] + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        place = None
    if not isinstance(place, list) or len(place) != len(types) or not all(map(isinstance, place, types)):
        raise Refused(NO_CURSOR)
    return place
