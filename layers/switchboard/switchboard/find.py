"""Finding messages: which list of a client's messages a caller's filters ask for."""

from switchboard import tracking
from switchboard.credentials import Client
from switchboard.model.problem import Problem, Refused
from switchboard.model.status import Status
from switchboard.tracking import Page


def find(
    client: Client, filters: dict[str, str | None], status: Status | None, cursor: str | None, limit: int
) -> Page | None:
    """A page of the messages `to` an address, of the conversation `with` one, of a `batch`, or of all, newest first.

    None when there is no such batch. Raises `Refused` for filters that do not go together.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    if len(given) > 1:
        raise Refused(*(Problem(name, f"give one of {', '.join(filters)}") for name in given))
    if "batch" in given:
        return tracking.of_batch(client.name, given["batch"], status, cursor, limit)
    if not given:
        return tracking.recent(client.name, status, cursor, limit)
    ((name, raw),) = given.items()
    if status is not None:
        raise Refused(Problem("status", f"cannot be combined with {name}"))
    return tracking.by_address(client.name, _address(raw, client.region), cursor, limit, inbound=name == "with")


def _address(raw: str, region: str | None) -> str:
    """An address as messages are kept by it. A `+` that the query turned into a space is one again."""
    if "@" in raw:
        local, _, domain = raw.strip().rpartition("@")
        return f"{local}@{domain.lower()}"
    # Few searches are by number, and the numbering plans are slow to load.
    from switchboard.model.address import read_phone

    return read_phone(f"+{raw.strip()}" if raw.startswith(" ") else raw, region)
