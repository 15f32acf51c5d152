"""Deals: a caller's upserts become writes to the CRM, and what was written is read and found again."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from switchboard import uploads
from switchboard.credentials import Client
from switchboard.crm import BY_ID
from switchboard.dialects import unified_deals
from switchboard.dialects.unified_deals import DealRequest, NewDealRequest
from switchboard.model.problem import Problem, Refused
from switchboard.model.record import Head, Kind, Record, Write
from switchboard.tracking import writes
from switchboard.upsert import Taken, Wanted, digest_of, reference, submit, wait

HISTORY = 20
_FILTERS = ("reference", "contact_email", "contact_phone")


@dataclass(frozen=True, slots=True)
class Page:
    """Some deals, and the cursor that asks for those behind them (None: there are no more)."""

    items: tuple[Head, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Life:
    """A deal and its last writes, the newest first; the cursor asks for those before."""

    head: Head
    history: tuple[Write, ...]
    cursor: str | None


def save(client: Client, request: DealRequest, name: str | None, key: str | None) -> tuple[Write, bool]:
    """Write one deal, known by `name` if the caller gives one, and wait for the CRM; and whether that was a repeat.

    Raises `Refused`, and as `submit` does.
    """
    taken = submit([_wanted(client, request, name, key, 0)], client.name, key)
    return wait(taken)[0], taken[0].replayed


def save_all(client: Client, requests: Sequence[NewDealRequest], key: str | None) -> tuple[list[Write], bool]:
    """Write deals in order, wait for the CRM; and whether that was a repeat. Raises as `save` does, for all at once."""
    wanted: list[Wanted] = []
    problems: list[Problem] = []
    for place, request in enumerate(requests):
        try:
            wanted.append(_wanted(client, request, request.external_reference, key, place))
        except Refused as refused:
            problems += [Problem(f"deals.{place}.{problem.field}", problem.reason) for problem in refused.problems]
    if problems:
        raise Refused(*problems)
    whole = digest_of(*(one.fingerprint for one in wanted))
    taken: list[Taken] = submit(
        [
            Wanted(
                record=one.record,
                said=one.said,
                fingerprint=digest_of(whole, one.fingerprint),
                files=one.files,
                addresses=one.addresses,
            )
            for one in wanted
        ],
        client.name,
        key,
    )
    return wait(taken), all(one.replayed for one in taken)


def _wanted(client: Client, request: DealRequest, name: str | None, key: str | None, place: int) -> Wanted:
    """What a request comes to. Raises `Refused`: nothing has been written then."""
    said = unified_deals.canonical(request)
    name = name or (BY_ID + request.id if request.id else reference(client.name, key, place))
    if request.id and writes.get_owner(request.id) not in (None, client.name):
        raise Refused(Problem("id", "is another client's deal"))
    unified_deals.deal(request, name)
    files = uploads.resolve(client.name, request.attachments) if request.attachments else ()
    unified_deals.deal(request, name, files)
    return Wanted(
        record=Record(Kind.DEAL, client.name, name),
        said=said,
        fingerprint=digest_of(name if not name.startswith("sb-") else "", unified_deals.fingerprint(said)),
        files=tuple(asdict(file) for file in files),
        addresses=_addresses(client, request),
    )


def _addresses(client: Client, request: DealRequest) -> tuple[str, ...]:
    """By which addresses a deal is found."""
    contact = request.contact
    if contact is None:
        return ()
    said = (contact.email and _email(contact.email), contact.phone and _phone(contact.phone, client.region))
    return tuple(address for address in said if address)


def _email(raw: str) -> str:
    return raw.strip().lower()


def _phone(raw: str, region: str | None) -> str:
    from switchboard.model.address import read_phone  # slow to load, and few deals name a number

    return read_phone(raw, region)


def life(client: Client, name: str, cursor: str | None) -> Life | None:
    """A client's deal by its reference, with the writes before the cursor. None when it has no such deal."""
    record = Record(Kind.DEAL, client.name, name)
    head = writes.head(record)
    if head is None or not head.count:
        return None
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 10):
        raise Refused(Problem("cursor", "is not a cursor of this list"))
    last = min(head.count, int(cursor) if cursor else head.count)
    before = last - HISTORY
    return Life(head, tuple(writes.history(record, last, HISTORY)), str(before) if before > 0 else None)


def find(client: Client, filters: dict[str, str | None], cursor: str | None, limit: int) -> Page:
    """A page of a client's deals by exactly one of the filters, the last written first. Raises `Refused`."""
    given = {name: value for name, value in filters.items() if value}
    if len(given) != 1:
        wrong = given or dict.fromkeys(_FILTERS[:1], "")
        raise Refused(*(Problem(name, f"give one of {', '.join(_FILTERS)}") for name in wrong))
    ((name, value),) = given.items()
    if name == "reference":
        records, after = [Record(Kind.DEAL, client.name, value)], None
    else:
        address = _email(value) if name == "contact_email" else _phone(value, client.region)
        records, after = writes.by_address(client.name, address, _position(cursor), limit)
    known = writes.heads(records)
    return Page(tuple(known[record] for record in records if record in known), after)


def _position(cursor: str | None) -> str | None:
    """A cursor of a list of deals. Raises `Refused`."""
    at = (cursor or "").partition("#")[0]
    if cursor is not None and not (at.isascii() and at.isdigit() and len(at) == 14):
        raise Refused(Problem("cursor", "is not a cursor of this list"))
    return cursor
