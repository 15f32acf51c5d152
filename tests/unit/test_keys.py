"""Keys, the keyring and quotas against AWS's semantics (moto): what is stored, in which order, and what that allows."""

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from sandbox.template import Template
from switchboard import clients, credentials, keyring, quota, settings, tracking
from switchboard.credentials import Client
from switchboard.model.problem import Refused
from switchboard.model.scope import EVERY, USUAL, Scope
from switchboard.tracking import table

TABLE = Template.load(Path(__file__).resolve().parents[2] / "template.yaml").of_type("AWS::DynamoDB::Table")["Table"]
MADE_WITH = ("KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode")
ACME, OTHER = Client("acme", "UY", "America/Montevideo"), Client("other")
RATE = 200


class Stopped(BaseException):
    """The process ends here."""


class Calls:
    """Counts the calls to the table, and ends the process before the one that is asked for."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.stop_at: int | None = None

    def __call__(self, model: Any, **_: Any) -> None:
        if len(self.made) == self.stop_at:
            raise Stopped
        self.made.append(model.name)


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """The template's table in moto; the calls to it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test", "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    given = dict.fromkeys(settings.NAMES, "1") | {"TABLE_NAME": "tracking", "ROUTES": "[]", "KEY_RATE": str(RATE)}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        forget()
        boto3.client("dynamodb").create_table(TableName="tracking", **{name: TABLE[name] for name in MADE_WITH})
        counting = Calls()
        clients.client("dynamodb").meta.events.register("before-call.dynamodb", counting)
        yield counting
        forget()


def forget() -> None:
    """What a process remembers between invocations."""
    settings.settings.cache_clear()
    clients.client.cache_clear()
    credentials._keys.clear()
    quota._windows.clear()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts both clocks so many seconds on."""
    real, steady, ahead = time.time, time.monotonic, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    monkeypatch.setattr(time, "monotonic", lambda: steady() + ahead[0])

    def on(seconds: float) -> None:
        ahead[0] += seconds

    return on


def stored() -> str:
    return json.dumps(boto3.client("dynamodb").scan(TableName="tracking")["Items"])


def known(key: str) -> credentials.Key:
    found = credentials.authenticate(key)
    assert found is not None
    return found


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_key_is_what_it_was_made_to_be_and_inherits_its_client() -> None:
    made = keyring.create(ACME, "shop", {Scope.SEND}, time.time() + 60)
    key = known(made.key or "")
    assert (key.id, key.client, key.scopes) == (made.id, ACME, {Scope.SEND})
    assert made.key not in stored() and made.key is not None
    assert known(credentials.issue("acme")).scopes == EVERY


def test_a_key_from_before_there_were_scopes_may_do_what_it_could_and_is_listed_once_it_is_used() -> None:
    body = "A" * 32
    key = f"sb_{body}{credentials._checksum(body)}"
    table.put({"pk": f"K#{credentials._digest(key)}", "sk": "K", "client": "acme", "region": "UY"})
    assert keyring.keys(ACME) == []
    assert known(key).scopes == USUAL
    (listed,) = keyring.keys(ACME)
    assert (listed.id, set(listed.scopes), listed.created_at) == (known(key).id, USUAL, None)
    assert keyring.revoke(ACME, listed.id)
    credentials._keys.clear()
    assert credentials.authenticate(key) is None


def test_a_keys_end_is_not_put_off_by_what_a_process_remembers(clock: Callable[[float], None]) -> None:
    key = keyring.create(ACME, "shop", EVERY, time.time() + 30).key or ""
    token = "a-token-of-a-session"
    credentials.open_session(token, key)
    assert known(key) and credentials.in_session(token)
    clock(31)
    assert credentials.authenticate(key) is None
    assert credentials.in_session(token) is None


def test_a_key_that_was_taken_away_is_nobodys_within_a_minute(clock: Callable[[float], None]) -> None:
    credentials.issue("acme")
    made = keyring.create(ACME, "shop", EVERY, None)
    assert known(made.key or "")
    assert keyring.revoke(ACME, made.id) and not keyring.revoke(ACME, made.id)
    clock(61)
    assert credentials.authenticate(made.key or "") is None
    assert keyring.read(ACME, made.id) is None


def test_the_last_key_that_can_make_others_stays() -> None:
    admin, plain = known(credentials.issue("acme")), keyring.create(ACME, "shop", {Scope.SEND}, None)
    with pytest.raises(keyring.Conflict):
        keyring.revoke(ACME, admin.id)
    assert keyring.revoke(ACME, plain.id)
    keyring.create(ACME, "another", {Scope.ADMIN}, None)
    assert keyring.revoke(ACME, admin.id)


def test_a_key_is_its_own_clients_business() -> None:
    mine = keyring.create(ACME, "shop", EVERY, None)
    assert keyring.keys(OTHER) == []
    assert keyring.read(OTHER, mine.id) is None
    assert keyring.rotate(OTHER, mine.id, 0) is None
    assert not keyring.revoke(OTHER, mine.id)
    assert known(mine.key or "")


def test_a_rotated_key_works_until_the_overlap_is_over(clock: Callable[[float], None]) -> None:
    end = time.time() + 5000
    old = keyring.create(ACME, "shop", {Scope.SEND, Scope.READ}, end)
    new = keyring.rotate(ACME, old.id, 600)
    assert new is not None and new.key != old.key and new.id != old.id
    assert (new.name, new.scopes) == (old.name, old.scopes)
    assert known(old.key or "") and known(new.key or "")
    again = keyring.rotate(ACME, old.id, 3600)  # its answer was lost, say
    assert again is not None and again.expires_at == pytest.approx(end, abs=0.01)  # not with the overlap
    clock(601)
    assert credentials.authenticate(old.key or "") is None
    assert known(new.key or "")
    with pytest.raises(keyring.Conflict):
        keyring.rotate(ACME, old.id, 0)


def test_an_end_that_is_past_is_refused_and_so_are_too_many_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refused):
        keyring.create(ACME, "shop", EVERY, time.time() - 1)
    monkeypatch.setattr(keyring, "MAX_KEYS", 1)
    keyring.create(ACME, "shop", EVERY, None)
    with pytest.raises(keyring.Conflict):
        keyring.create(ACME, "shop", EVERY, None)


def test_the_last_day_is_written_once_a_day(calls: Calls, clock: Callable[[float], None]) -> None:
    key = credentials.issue("acme")
    for _ in range(3):
        calls.made.clear()
        for _ in range(5):
            known(key)
            clock(61)  # so that the table is asked again
        today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 61))
        (life,) = keyring.keys(ACME)
        assert life.last_used == today
        assert calls.made.count("UpdateItem") <= 2  # two, should midnight pass now
        clock(86400)


@pytest.mark.parametrize("verb", ["create", "rotate", "revoke"])
def test_wherever_a_process_ends_no_usable_key_is_missing_from_the_list(verb: str, calls: Calls) -> None:
    credentials.issue("acme", name="admin")
    for stop_at in range(20):
        old = keyring.create(ACME, "shop", EVERY, None)
        does = {
            "create": lambda: keyring.create(ACME, "new", EVERY, None),
            "rotate": lambda id_=old.id: keyring.rotate(ACME, id_, 60),
            "revoke": lambda id_=old.id: keyring.revoke(ACME, id_),
        }[verb]
        calls.made.clear()
        calls.stop_at = stop_at
        ended = False
        try:
            does()
        except Stopped:
            ended = True
        calls.stop_at = None
        rows = boto3.client("dynamodb").scan(TableName="tracking")["Items"]
        usable = {row["pk"]["S"].removeprefix("K#") for row in rows if row["sk"]["S"] == "K"}
        assert usable <= {row["key"]["S"] for row in rows if row["pk"]["S"] == "KC#acme"}
        if verb == "revoke":
            keyring.revoke(ACME, old.id)  # the repeat
            assert keyring.read(ACME, old.id) is None
        if not ended:
            break
    assert not ended and stop_at > 2


# --- quotas -----------------------------------------------------------------------------------------------------------


class Process:
    """A process's own memory of windows, on a shared table and clock."""

    def __init__(self) -> None:
        self._windows: dict[str, Any] = {}

    def lets(self, monkeypatch: pytest.MonkeyPatch, key: str = "key_1") -> bool:
        monkeypatch.setattr(quota, "_windows", self._windows)
        try:
            quota.take(key)
        except quota.Exhausted:
            return False
        return True


def offer(processes: list[Process], rate: int, monkeypatch: pytest.MonkeyPatch, start: float) -> int:
    """How many of ten seconds' requests, spread over processes in turn, are let through."""
    served = 0
    for n in range(rate * 10):
        monkeypatch.setattr(time, "time", lambda n=n: start + n / rate)
        served += processes[n % len(processes)].lets(monkeypatch)
    return served


START = 1_800_000_000.0  # the beginning of a window


@pytest.mark.parametrize(("processes", "bar"), [(1, 0.03), (5, 0.1), (20, 0.1), (50, 0.1)])
def test_fifty_requests_a_second_cost_few_writes(
    processes: int, bar: float, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert offer([Process() for _ in range(processes)], 50, monkeypatch, START) == 500
    assert len(calls.made) / 500 < bar


def test_a_key_that_is_seldom_used_costs_nothing(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    assert offer([Process()], 1, monkeypatch, START) == 10
    assert calls.made == []


@pytest.mark.parametrize("count", [1, 8, 30])
def test_all_processes_together_let_the_limit_through_and_little_more(
    count: int, monkeypatch: pytest.MonkeyPatch, calls: Calls
) -> None:
    limit = RATE * 10
    served = offer([Process() for _ in range(count)], 2 * RATE, monkeypatch, START)
    assert 0.9 * limit <= served <= limit + count * limit // 200
    assert len(calls.made) / (2 * limit) < 0.1  # who is refused asks nobody
    assert offer([Process()], RATE // 2, monkeypatch, START + 10) == limit // 2  # the next window is another


def test_a_limit_is_reached_when_it_is_met(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is refused below the limit, however many processes there are to share it."""
    served = offer([Process() for _ in range(20)], RATE, monkeypatch, START)
    assert served >= 0.95 * RATE * 10


def test_what_is_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY_RATE", "1")
    settings.settings.cache_clear()
    monkeypatch.setattr(time, "time", lambda: START + 3.5)
    left = [quota.take("key_1") for _ in range(10)]
    assert [one.remaining for one in left if one] == list(range(9, -1, -1))
    assert left[0] and left[0].headers == {"RateLimit-Policy": '"key";q=10;w=10', "RateLimit": '"key";r=9;t=7'}
    with pytest.raises(quota.Exhausted) as over:
        quota.take("key_1")
    assert over.value.headers["Retry-After"] == "7"
    assert quota.take("key_2")  # another key's window is its own


def test_no_limit_is_none(monkeypatch: pytest.MonkeyPatch, calls: Calls) -> None:
    monkeypatch.setenv("KEY_RATE", "0")
    settings.settings.cache_clear()
    assert [quota.take("key_1") for _ in range(100)] == [None] * 100
    assert calls.made == []


def test_a_lease_that_was_overtaken_takes_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: START)
    tracking.lease("key_1", int(START // 10), 1985, 2000, START)
    process = Process()
    assert sum(process.lets(monkeypatch) for _ in range(40)) == 15
