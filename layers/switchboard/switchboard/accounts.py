"""Accounts: a caller's sign-ups become writes to the CRM, one after the other for one e-mail, whoever asks."""

import re

from switchboard.credentials import Client
from switchboard.dialects import unified_deals
from switchboard.dialects.unified_deals import AccountRequest
from switchboard.model.record import Kind, Record, Write
from switchboard.tracking import writes
from switchboard.upsert import Wanted, digest_of, patience, submit, wait

_ID = 32  # characters of a digest
_NAMED = re.compile(rf"[0-9a-f]{{{_ID}}}")


def sign_up(client: Client, request: AccountRequest, key: str | None) -> tuple[Write, bool]:
    """Sign an account up and wait for the CRM; and whether that was a repeat. Raises as `submit` does."""
    until = patience()
    said = unified_deals.canonical(request)
    record = Record(Kind.ACCOUNT, client.name, digest_of(request.email.strip().lower())[:_ID])
    wanted = Wanted(record=record, said=said, fingerprint=unified_deals.fingerprint(said))
    taken = submit([wanted], client.name, key)
    return wait(taken, until)[0], taken[0].replayed


def read(client: Client, id_: str) -> Write | None:
    """The client's last sign-up under an id; None when it made none."""
    if not _NAMED.fullmatch(id_):
        return None
    return writes.last_of(Record(Kind.ACCOUNT, client.name, id_), client.name)
