"""Finding messages: which list of a client's messages a caller's filters ask for."""

from switchboard import tracking
from switchboard.credentials import Client
from switchboard.model.contact import CONTACT
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
    address = _recipient(raw, client.region) if name == "to" else _party(raw, client.region)
    return tracking.by_address(client.name, address, status, cursor, limit, inbound=name == "with")


def _recipient(raw: str, region: str | None) -> str:
    """An address that we may have sent to, as messages are kept by it. Raises `Refused` for what none can be."""
    # Few searches are by number, and the numbering plans are slow to load.
    from switchboard.model.address import parse_email, parse_phone

    if raw.startswith(CONTACT):
        return raw
    return parse_email(raw) if "@" in raw else parse_phone(_plus(raw), region)


def _party(raw: str, region: str | None) -> str:
    """Whoever may have written to us: also a short code or a name. Raises `Refused` for nothing."""
    from switchboard.model.address import parse_email, read_phone

    if not raw.strip():
        raise Refused(Problem("with", "is empty"))
    return parse_email(raw, "with") if "@" in raw else read_phone(_plus(raw), region)


def _plus(raw: str) -> str:
    """A `+` that the query turned into a space is one again."""
    return f"+{raw.strip()}" if raw.startswith(" ") else raw
