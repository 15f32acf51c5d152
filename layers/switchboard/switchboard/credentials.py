"""Secrets: clients' API keys (minted, checked, stored only as hashes) and the providers' accounts (Secrets Manager)."""

import hashlib
import hmac
import json
import re
import secrets
import time
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from switchboard import observe, tracking
from switchboard.clients import client as aws
from switchboard.model.scope import EVERY, USUAL, Scope
from switchboard.settings import settings

_KEY = re.compile(r"sb_([0-9A-Za-z_-]{32})([0-9a-f]{8})")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_SESSION = 86400.0  # seconds that a session lasts which nobody ends
_FRESH = 60.0  # seconds that a key or the secret is believed without asking again


@dataclass(frozen=True, slots=True)
class Client:
    """Who calls: every record belongs to one client.

    `region` (ISO 3166-1) reads national phone numbers, `zone` (IANA) times that name no zone; marketing messages go in
    `hours` of their recipients, and in those of `zone` where nobody knows where these are.
    """

    name: str
    region: str | None = None
    zone: str = "UTC"
    hours: str = "08:00-21:00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as its holder shows it: its id, which is no secret, whose it is, what it may do and until when (epoch
    seconds)."""

    id: str
    client: Client
    scopes: frozenset[Scope]
    expires_at: float | None = None


_keys: dict[str, tuple[float, Key]] = {}
_accounts: dict[str, tuple[float, Mapping[str, Mapping[str, str]]]] = {}


def issue(
    client: str,
    region: str | None = None,
    zone: str | None = None,
    hours: str | None = None,
    scopes: Collection[Scope] = EVERY,
    name: str | None = None,
) -> str:
    """A new API key of a client: shown this once, stored as a hash. A region of one time zone need not name it.

    Raises ValueError for a client's name that is not of letters, digits, `_`, `-` and `.`, an unknown region or zone,
    or hours that are not as 08:00-21:00.
    """
    from phonenumbers import SUPPORTED_REGIONS  # slow to load, as the zones are, and keys are seldom made

    from switchboard.model.calendar import zone_of
    from switchboard.model.hours import parse_hours

    if not _NAME.fullmatch(client):
        raise ValueError("a client's name has letters, digits, _, - and . only, 64 at most")
    if region is not None and region not in SUPPORTED_REGIONS:
        raise ValueError(f"{region} is not a region of ISO 3166-1, such as UY")
    if hours is not None:
        parse_hours(hours)
    about = {"region": region, "zone": zone_of(zone).key if zone else _only_zone(region), "hours": hours}
    return _mint(client, {**about, "name": name}, scopes, None)[0]


def issue_another(
    client: Client, name: str | None, scopes: Collection[Scope], expires_at: float | None
) -> tuple[str, str, Mapping[str, Any]]:
    """A new API key of a client that has one, its id, and what is stored of it; `expires_at` is epoch seconds."""
    about = {"region": client.region, "zone": client.zone, "hours": client.hours, "name": name}
    return _mint(client.name, about, scopes, expires_at)


def _mint(
    client: str, about: Mapping[str, str | None], scopes: Collection[Scope], expires_at: float | None
) -> tuple[str, str, Mapping[str, Any]]:
    body = secrets.token_urlsafe(24)
    key = f"sb_{body}{_checksum(body)}"
    digest = _digest(key)
    # What it was made to end at is kept: a key that takes its place ends then, not with the overlap.
    ends = {"expires_at": expires_at, "made_until": expires_at}
    made = {**about, **ends, "scopes": {str(scope) for scope in scopes}, "created": time.time()}
    return key, _id(digest), tracking.put_key(digest, _id(digest), client, made)


def _only_zone(region: str | None) -> str | None:
    """The time zone of a region that has one, by the tz database's zone.tab; else None."""
    from importlib.resources import files

    lines = files("tzdata.zoneinfo").joinpath("zone.tab").read_text().splitlines()
    zones = [line.split("\t")[2] for line in lines if line.startswith(f"{region}\t")]
    return zones[0] if len(zones) == 1 else None


def authenticate(key: str) -> Key | None:
    """What this key is, or None. The checksum turns typing errors away before the table is asked."""
    matched = _KEY.fullmatch(key)
    if matched is None or not hmac.compare_digest(matched[2], _checksum(matched[1])):
        return None
    return _key(_digest(key))


def _key(digest: str) -> Key | None:
    """The key of a hash, believed for a minute but never beyond its end."""
    now = time.monotonic()
    fresh_until, key = _keys.get(digest, (0.0, None))
    if key is None or fresh_until < now:
        _keys.pop(digest, None)  # only keys that exist are remembered: guesses cannot fill the memory
        if (row := tracking.get_key(digest)) is None:
            return None
        key = _read_key(digest, row)
        _keys[digest] = (now + _FRESH, key)
        if _stands(key):
            _note_use(digest, key, row)
    return key if _stands(key) else None


def _stands(key: Key) -> bool:
    return key.expires_at is None or time.time() < key.expires_at


def _read_key(digest: str, row: Mapping[str, Any]) -> Key:
    about = {name: row[name] for name in ("region", "zone", "hours") if name in row}
    return Key(
        id=_id(digest),
        client=Client(name=row["client"], **about),
        scopes=scopes_of(row),
        expires_at=float(row["expires_at"]) if "expires_at" in row else None,
    )


def scopes_of(row: Mapping[str, Any]) -> frozenset[Scope]:
    """The scopes of a key as it is stored; one from before there were scopes may do what keys could do then."""
    return frozenset(map(Scope, row["scopes"])) if "scopes" in row else USUAL


def _note_use(digest: str, key: Key, row: Mapping[str, Any]) -> None:
    """Have the key's last day written, once a day: whoever reads the key again that day finds it written."""
    day = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    if row.get("used", "") >= day:
        return
    try:
        if "scopes" not in row:  # nor was there a list when it was stored
            tracking.list_key(digest, key.id, key.client.name)
        tracking.note_use(digest, day)
    except tracking.Overtaken:  # by another process
        return
    except (BotoCoreError, ClientError) as error:  # whoever calls need not suffer for a note
        observe.failure("a key's last day of use could not be written", error)


def open_session(token: str, key: str) -> None:
    """Let a token stand for a key until it is ended, a day has passed or the key is gone; both are stored as hashes."""
    tracking.put_login(_digest(token), _digest(key), time.time() + _SESSION)


def in_session(token: str) -> Key | None:
    """The key that a token's session was opened with, or None."""
    digest = tracking.get_login(_digest(token), time.time())
    return _key(digest) if digest else None


def end_session(token: str) -> bool:
    """Make a token worthless; whether it was worth something."""
    return tracking.drop_login(_digest(token), time.time())


def account(provider: str) -> Mapping[str, str]:
    """A provider's credentials and settings, as the secret holds them; empty when it holds none."""
    return accounts().get(provider, {})


def accounts() -> Mapping[str, Mapping[str, str]]:
    """Every provider's account by name, read again after a minute so that a rotation needs no deployment."""
    name, now = settings().providers_secret, time.monotonic()
    known = _accounts.get(name)
    if known is None or known[0] < now:
        value = aws("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
        known = _accounts[name] = (now + _FRESH, _read_accounts(value))
    return known[1]


def _read_accounts(secret: str) -> Mapping[str, Mapping[str, str]]:
    """The accounts in the secret's JSON; numbers in it are read as text. Raises ValueError for anything else."""
    said = json.loads(secret)
    if not isinstance(said, dict) or not all(isinstance(account, dict) for account in said.values()):
        raise ValueError("the provider secret is not a JSON object of accounts by provider")
    return {name: {key: str(value) for key, value in account.items()} for name, account in said.items()}


def callback_token_matches(provider: str, token: str) -> bool:
    """Whether `token` is the secret part of this provider's callback URL, compared in constant time."""
    expected = account(provider).get("callback_token", "")
    return bool(expected) and hmac.compare_digest(expected.encode(), token.encode())


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _id(digest: str) -> str:
    """A key's id, from its hash and not to be turned back into it: no second write has to agree with the first."""
    return f"key_{hashlib.sha256(f'id of {digest}'.encode()).hexdigest()[:20]}"


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
