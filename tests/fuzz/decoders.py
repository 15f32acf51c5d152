"""Damaged answers and callbacks at everything that a client of a vendor reads them with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from switchboard.dialects.dialect import Dialect
from switchboard.dialects.registry import DIALECTS
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Outbound
from tests.corners import CALLS, VENDORS
from tests.corners.samples import Call
from tests.fuzz.damage import Damage
from tests.fuzz.tally import Kind, Tally

ACCOUNT = {
    **{"key": "k", "sender": "13056490655", "username": "u", "password": "p", "user": "u", "campaign": "Ventas"},
    **{"zone": "America/Montevideo", "region": "US", "token": "t"},
}
SMS = Content(channel=Channel.SMS, text="Hello", sender="13056490655", campaign="Ventas")
LATER = replace(SMS, sender=None, provider_at=1_900_000_000.0)
EMAIL = Content(channel=Channel.EMAIL, text="Hello", subject="Hello", campaign="Ventas")
NUMBERS = ("+19195551212", "+19195551213", "+9715012345678")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What reads a message of the vendor: its name, what it may raise, and well-formed messages to begin with."""

    name: str
    read: Callable[[Any], object]
    typed: tuple[type[Exception], ...]
    starts: tuple[Request | Response, ...]


def readers() -> Iterator[Reader]:
    """Everything on the client's side that reads what a stranger sent."""
    for call in CALLS:
        yield Reader(
            name=f"{call.vendor} {call.name}", read=call.decode_answer, typed=call.typed, starts=_answers([call])
        )
    for vendor in VENDORS:
        yield from readers_of(vendor)


def readers_of(vendor: str) -> Iterator[Reader]:
    """What the gateway reads of a vendor, in its own words: outcomes of any group, callbacks, a session's token."""
    calls = [call for call in CALLS if call.vendor == vendor]
    answers, plain = _answers(calls), DIALECTS[vendor]
    for dialect in dict.fromkeys((plain, plain.spoken_with({**ACCOUNT, "sms_call": "SendSMS"}))):
        for group in _groups(dialect):
            yield Reader(
                name=f"{vendor} outcomes",
                read=lambda answer, dialect=dialect, group=group: dialect.outcomes(group, answer),
                typed=(Unreadable,),
                starts=answers,
            )
    yield Reader(
        name=f"{vendor} callback",
        read=lambda request: plain.callback(request, ACCOUNT),
        typed=(Unreadable,),
        starts=tuple(call.request(s) for call in calls for s in call.samples if s.is_request),
    )
    if plain.session is not None:
        yield Reader(name=f"{vendor} token", read=plain.session.token, typed=(Unreadable,), starts=answers)


def _answers(calls: list[Call]) -> tuple[Response, ...]:
    return tuple(call.answer(sample) for call in calls for sample in call.samples if not sample.is_request)


def _groups(dialect: Dialect) -> Iterator[list[Outbound]]:
    """Messages that go in one call: one alone, and as many as the dialect packs."""
    for content in (SMS, LATER, EMAIL):
        if not dialect.refuses(content):
            several = [Outbound(id=number, to=number, content=content) for number in NUMBERS]
            yield several[:1]
            yield from (group for group in dialect.pack(several)[:1] if len(group) > 1)


def run(seeds: range) -> Tally:
    """One damaged answer or callback a seed."""
    tally, known = Tally(), tuple(reader for reader in readers() if reader.starts)
    for seed in seeds:
        damage = Damage(seed)
        reader = damage.random.choice(known)
        message = _message(damage, reader)
        try:
            reader.read(message)
        except reader.typed:
            tally.add(reader.name, Kind.TYPED)
        except Exception as error:
            tally.fail(reader.name, seed, message, error)
        else:
            tally.add(reader.name, Kind.READ)
    return tally


def _message(damage: Damage, reader: Reader) -> Request | Response:
    start = damage.random.choice(reader.starts)
    noise = damage.random.random() < 0.1
    if isinstance(start, Request):
        return damage.noisy_request(start.path) if noise else damage.request(start)
    return damage.noisy_answer() if noise else damage.answer(start)
