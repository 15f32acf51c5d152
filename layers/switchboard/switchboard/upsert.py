"""Taking writes to the CRM: a write is kept, watched and announced, and then its caller waits a while for its end."""

import hashlib
import secrets
import time
from base64 import b32encode
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import observe, queues
from switchboard.accept import IdempotencyConflict
from switchboard.model.record import Record, Write
from switchboard.settings import settings
from switchboard.tracking import writes

AT_ONCE = 10
"""Records of a batch that are looked at, and then written, at once."""

_LOOKS = (0.02, 0.04, 0.08, 0.15, 0.25)  # seconds between looks for an end; the last for the rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A write that a caller wants: to which record, in which words; `addresses` find it again.

    `files` looks for what is attached, when the write is first kept: they may be gone when its caller repeats it.
    """

    record: Record
    said: str
    fingerprint: str
    files: Callable[[], tuple[Mapping[str, Any], ...]] = tuple
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """A write that stands, and whether an earlier request made it."""

    write: Write
    replayed: bool


def submit(
    wanted: Sequence[Wanted], client: str, key: str | None, check: Callable[[], None] = lambda: None
) -> list[Taken]:
    """Take writes, those to one record in their order; a repeat under the same Idempotency-Key finds what it made.

    `check` raises what a new request is refused for. The first place's claim of the key is the whole request's: its
    fingerprint is to be of everything, and until it stands nothing is kept. Raises `IdempotencyConflict`, what `check`
    and `files` raise, and what AWS raises: then a repeat under the same key is safe.
    """
    first = _standing(client, key, 0)
    if first is None:
        check()
    elif first.fingerprint != wanted[0].fingerprint:
        raise IdempotencyConflict
    places: dict[Record, list[int]] = defaultdict(list)
    for place, one in enumerate(wanted[1:], 1):
        places[one.record].append(place)
    taken: dict[int, Taken] = {}

    def take_all(some: list[int]) -> None:
        # Before anything is kept: a write that nobody announced is found, whatever happens to this process.
        queues.watch_record(str(wanted[some[0]].record), settings().watch_delay)
        for place in some:
            known = first if not place else _standing(client, key, place) if first else None
            taken[place] = _take(wanted[place], client, _digest(client, key, place), known)

    take_all([0])
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(take_all, places.values()))
    try:
        queues.announce_records(client, dict.fromkeys(str(one.record) for one in wanted))
    except (BotoCoreError, ClientError, ConnectionError) as error:
        observe.failure("writes were not announced; the watch will", error)
    return [taken[place] for place in range(len(wanted))]


def _digest(client: str, key: str | None, place: int) -> str | None:
    return digest_of(client, key, str(place)) if key is not None else None


def _standing(client: str, key: str | None, place: int) -> Write | None:
    digest = _digest(client, key, place)
    return writes.read_key(client, digest) if digest else None


def _take(wanted: Wanted, client: str, digest: str | None, standing: Write | None) -> Taken:
    """One write; `standing` is what its key was seen to stand for."""
    now = time.time()
    if standing is None:
        number = writes.number_next(wanted.record, now)
        if digest:
            standing = writes.claim_key(client, digest, wanted.record, number, wanted.fingerprint, now)
        if standing is None:
            write = _write(wanted, client, number, now)
            writes.put_waiting(write, wanted.addresses)
            return Taken(write, replayed=False)
    if standing.fingerprint != wanted.fingerprint:
        raise IdempotencyConflict
    known = replace(standing, said=wanted.said, at=now)
    if not writes.is_waiting(known) and writes.result(known) is None:
        # Whoever claimed the key did not come to it.
        known = _write(replace(wanted, record=standing.record), client, standing.number, now)
        writes.put_waiting(known, wanted.addresses)
    return Taken(known, replayed=True)


def _write(wanted: Wanted, client: str, number: int, at: float) -> Write:
    return Write(
        record=wanted.record,
        number=number,
        client=client,
        said=wanted.said,
        fingerprint=wanted.fingerprint,
        at=at,
        files=wanted.files(),
    )


def patience() -> float:
    """Until when (by the monotonic clock) whoever calls now waits: looking for files and keeping writes count."""
    return time.monotonic() + settings().crm_wait


def wait(taken: Sequence[Taken], until: float) -> list[Write]:
    """The writes as they ended, or as they are when the caller has waited long enough."""
    ended: dict[tuple[str, int], Write] = {}
    looks = 0
    while True:
        missing = [one.write for one in taken if _id(one.write) not in ended]
        ended |= writes.results(missing)
        if len(ended) == len({_id(one.write) for one in taken}) or time.monotonic() > until:
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
