"""Deals: a caller's upserts become writes to the CRM, and what was written is read and found again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TypeVar

from switchboard import credentials, uploads
from switchboard.credentials import Client
from switchboard.crm import DEALS_CLIENT
from switchboard.dialects import unified_deals
from switchboard.dialects.keeper import KEEPER
from switchboard.dialects.unified_deals import BY_ID, DealRequest, NewDealRequest
from switchboard.model.deal import File
from switchboard.model.problem import Problem, Refused
from switchboard.model.record import Head, Kind, Record, Write
from switchboard.tracking import writes
from switchboard.upsert import AT_ONCE, Wanted, digest_of, patience, reference, submit, wait

Found = TypeVar("Found")

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


def save(
    client: Client, request: DealRequest, name: str | None, key: str | None, until: float | None = None
) -> tuple[Write, bool]:
    """Write one deal, known by `name` if the caller gives one, and wait for the CRM; and whether that was a repeat.

    `until` is the caller's patience, by default from now on. Raises `Refused`, and as `submit` does.
    """
    until = until or patience()
    wanted = _wanted(client, request, name, key, 0)
    taken = submit([wanted], client.name, key, lambda: _check(client, request, wanted))
    return wait(taken, until)[0], taken[0].replayed


def save_all(client: Client, requests: Sequence[NewDealRequest], key: str | None) -> tuple[list[Write], bool]:
    """Write deals in order, wait for the CRM; and whether that was a repeat. Raises as `save` does, for all at once."""
    until = patience()
    wanted = _of_each(
        lambda place: _wanted(client, requests[place], requests[place].external_reference, key, place), len(requests)
    )
    whole = digest_of(*(one.fingerprint for one in wanted))
    wanted = [replace(one, fingerprint=digest_of(whole, one.fingerprint)) for one in wanted]

    def check() -> None:
        _of_each(lambda place: _check(client, requests[place], wanted[place]), len(requests), AT_ONCE)

    taken = submit(wanted, client.name, key, check)
    return wait(taken, until), all(one.replayed for one in taken)


def _of_each(ask: Callable[[int], Found], size: int, at_once: int = 1) -> list[Found]:
    """What is found at every place of a batch. Raises `Refused` for all places at once."""
    problems: dict[int, list[Problem]] = {}

    def found(place: int) -> list[Found]:
        try:
            return [ask(place)]
        except Refused as refused:
            problems[place] = [Problem(f"deals.{place}.{one.field}", one.reason) for one in refused.problems]
            return []

    with ThreadPoolExecutor(at_once) as pool:
        all_found = [one for some in pool.map(found, range(size)) for one in some]
    if problems:
        raise Refused(*(problem for place in sorted(problems) for problem in problems[place]))
    return all_found


def _wanted(client: Client, request: DealRequest, name: str | None, key: str | None, place: int) -> Wanted:
    """What a request comes to by its words alone. Raises `Refused`."""
    said = unified_deals.canonical(request)
    name = name or (BY_ID + request.id if request.id else reference(client.name, key, place))
    unified_deals.deal(request, name)
    return Wanted(
        record=Record(Kind.DEAL, client.name, name),
        said=said,
        fingerprint=digest_of(name, unified_deals.fingerprint(said)),  # a name that we made is the key's own
        files=cache(lambda: tuple(asdict(file) for file in _files(client, request))),
        addresses=_addresses(client, request),
    )


def _check(client: Client, request: DealRequest, wanted: Wanted) -> None:
    """Raises `Refused` for a deal or files that are not the client's: nothing has been written then."""
    if request.id and _owner(request.id) != client.name:
        raise Refused(Problem("id", "is not a deal of yours"))
    files = tuple(File(**file) for file in wanted.files())
    unified_deals.deal(request, wanted.record.reference, files)


def _owner(crm_id: str) -> str | None:
    """Whose deal an id of the CRM is: one that we did not make is the client's that had deals before us."""
    return writes.get_owner(crm_id) or credentials.account(KEEPER.name).get(DEALS_CLIENT)


def _files(client: Client, request: DealRequest) -> tuple[File, ...]:
    return uploads.resolve(client.name, request.attachments) if request.attachments else ()


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
    if cursor is not None and not (cursor.isascii() and cursor.isdigit() and 0 < int(cursor) < 10**9):
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
    return Page(tuple(known[record] for record in records if record in known and known[record].count), after)


def _position(cursor: str | None) -> str | None:
    """A cursor of a list of deals. Raises `Refused`."""
    at = (cursor or "").partition("#")[0]
    if cursor is not None and not (at.isascii() and at.isdigit() and len(at) == 14):
        raise Refused(Problem("cursor", "is not a cursor of this list"))
    return cursor
