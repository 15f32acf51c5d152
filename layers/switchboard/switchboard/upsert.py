"""Taking writes to the CRM: a write is kept, watched and announced, and then its caller waits a while for its end."""

import hashlib
import secrets
import time
from base64 import b32encode
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import observe, queues
from switchboard.accept import IdempotencyConflict
from switchboard.model.record import Record, Write
from switchboard.settings import settings
from switchboard.tracking import writes

_AT_ONCE = 10  # records of a batch that are written at once
_LOOKS = (0.02, 0.04, 0.08, 0.15, 0.25)  # seconds between looks for an end; the last for the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A write that a caller wants: to which record, in which words, with which files; `addresses` find it again."""

    record: Record
    said: str
    fingerprint: str
    files: tuple[Mapping[str, Any], ...] = ()
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A write that stands, and whether an earlier request made it."""

    write: Write
    replayed: bool


def submit(wanted: Sequence[Wanted], client: str, key: str | None) -> list[Taken]:
    """Take writes, those to one record in their order; a repeat under the same Idempotency-Key finds what it made.

    Raises `IdempotencyConflict`, and what AWS raises: then a repeat under the same key is safe.
    """
    places: dict[Record, list[int]] = defaultdict(list)
    for place, one in enumerate(wanted):
        places[one.record].append(place)
    taken: dict[int, Taken] = {}

    def take_all(some: list[int]) -> None:
        for place in some:
            digest = digest_of(client, key, str(place)) if key is not None else None
            taken[place] = _take(wanted[place], client, digest)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(take_all, places.values()))
    fresh = dict.fromkeys(str(wanted[place].record) for place in sorted(taken))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda name: queues.watch_record(name, settings().watch_delay), fresh))
    try:
        queues.announce_records(client, fresh)
    except (BotoCoreError, ClientError, ConnectionError) as error:
        observe.failure("writes were not announced; the watch will", error)
    return [taken[place] for place in range(len(wanted))]


def _take(wanted: Wanted, client: str, digest: str | None) -> Taken:
    now = time.time()
    standing = writes.read_key(client, digest) if digest else None
    if standing is None:
        write = _write(wanted, client, writes.number_next(wanted.record, now), now)
        standing = (
            writes.claim_key(client, digest, wanted.record, write.number, wanted.fingerprint, now) if digest else None
        )
        if standing is None:
            writes.put_waiting(write, wanted.addresses)
            return Taken(write, replayed=False)
    if standing.fingerprint != wanted.fingerprint:
        raise IdempotencyConflict
    again = _write(replace(wanted, record=standing.record), client, standing.number, now)
    if not writes.is_waiting(again) and writes.result(again) is None:
        writes.put_waiting(again, wanted.addresses)  # whoever claimed the key did not come to it
    return Taken(again, replayed=True)


def _write(wanted: Wanted, client: str, number: int, at: float) -> Write:
    return Write(
        record=wanted.record,
        number=number,
        client=client,
        said=wanted.said,
        fingerprint=wanted.fingerprint,
        at=at,
        files=wanted.files,
    )


def wait(taken: Sequence[Taken]) -> list[Write]:
    """The writes as they ended, or as they are when the caller has waited long enough."""
    patience = time.monotonic() + settings().crm_wait
    ended: dict[tuple[str, int], Write] = {}
    looks = 0
    while True:
        missing = [one.write for one in taken if _id(one.write) not in ended]
        ended |= writes.results(missing)
        if len(ended) == len({_id(one.write) for one in taken}) or time.monotonic() > patience:
            return [ended.get(_id(one.write), one.write) for one in taken]
        time.sleep(_LOOKS[min(looks, len(_LOOKS) - 1)])
        looks += 1


def _id(write: Write) -> tuple[str, int]:
    return str(write.record), write.number


def digest_of(*parts: str) -> str:
    """SHA-256 of texts, none of which has a NUL."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def reference(client: str, key: str | None, place: int = 0) -> str:
    """The reference of a deal whose caller gave none: the same for the same Idempotency-Key, else nobody else's."""
    if key is None:
        return "sb-" + b32encode(secrets.token_bytes(15)).decode().lower()
    return "sb-" + b32encode(bytes.fromhex(digest_of(client, key, str(place)))[:15]).decode().lower()
