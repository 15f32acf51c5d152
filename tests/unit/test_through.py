"""Through the gateway: what comes in by a vendor's door and goes out to that vendor is the same call, whole."""

from dataclasses import fields, replace
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from switchboard.dialects import doors, registry
from switchboard.dialects.bulksms.schedule import Schedule
from switchboard.dialects.bulksms.submit import Submit, Type
from switchboard.dialects.door import Door, Home, TurnedAway
from switchboard.dialects.hubb.sms import SendSms
from switchboard.model.address import parse_phone
from switchboard.model.message import Outbound
from switchboard.model.problem import Refused
from switchboard.model.template import render
from tests.corners import CALLS

ACCOUNTS = {
    "bulksms": {"username": "us", "password": "secret", "sender": "Ours"},
    "hubb": {"key": "ours", "sender": "+13056490655"},
    "ucontact": {"campaign": "Ours", "token": "session"},
}
SENT_ANYHOW = {  # what the gateway says on its own behalf, and how a recipient is written
    "bulksms": ("username", "password", "dlr", "destinations", "ip"),
    "hubb": ("key", "to", "numbers"),
    "ucontact": ("authorization", "destination", "call", "action"),
}
NUMBER = "+59898344484"
MANY = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def through(vendor: str, name: str, said: Any) -> Any:
    """The call that the vendor gets of a call at its door."""
    call = next(call for call in CALLS if (call.vendor, call.name) == (vendor, name))
    door: Door[Any] = next(door for door in doors.DOORS if (door.dialect, door.name) == (vendor, name))
    try:
        order = door.order(door.read(call.encode(said)), Home("UY", ZoneInfo("UTC")))
    except (TurnedAway, Refused):
        order = None
    assume(order is not None)
    assert order is not None
    dialect = registry.DIALECTS[vendor]
    assert dialect.refuses(order.content) == (), "the vendor whose words they are can carry all of them"
    first = order.recipients[0]
    # Between a vendor's schedule and itself, as `via: "provider"` has it; our own schedule sends by the plain call.
    content = replace(order.content, literal=True, provider_at=order.send_at)
    message = Outbound(id="1", to=first.to, content=render(content, first.variables))
    return call.decode(dialect.submit([message], ACCOUNTS[vendor]))


def same(vendor: str, said: Any, sent: Any) -> None:
    """Nothing was changed but what the gateway says on its own behalf."""
    ours = SENT_ANYHOW[vendor]
    names = [field.name for field in fields(said) if field.name not in ours]
    assert {name: getattr(sent, name) for name in names} == {name: getattr(said, name) for name in names}


def requests(vendor: str, name: str) -> st.SearchStrategy[Any]:
    return next(call.requests for call in CALLS if (call.vendor, call.name) == (vendor, name))


@MANY
@given(requests("bulksms", "bulksms"))
def test_a_call_of_the_bulk_platform(said: Submit) -> None:
    said = replace(said, destinations=(NUMBER.lstrip("+"),), link=said.link if said.type is Type.WAP_PUSH else None)
    sent = through("bulksms", "bulksms", said)
    assert sent.destinations == said.destinations
    # A text that its type cannot carry is coded anew, and plain text is sent as plainly as it can be.
    coded_anew = {"type", "encoding_guessed"}
    same("bulksms", replace(said, **{name: getattr(sent, name) for name in coded_anew}), sent)
    assert flashes(sent.type) == flashes(said.type)


def flashes(type_: Type) -> bool:
    return type_ in {Type.GSM_FLASH, Type.UNICODE_FLASH, Type.LATIN1_FLASH}


@MANY
@given(requests("bulksms", "schedulemsg"))
def test_a_call_of_the_bulk_platforms_schedule(said: Schedule) -> None:
    submit = replace(said.submit, destinations=(NUMBER.lstrip("+"),), link=None)
    if submit.type is Type.WAP_PUSH:
        submit = replace(submit, link=said.submit.link)
    sent = through("bulksms", "schedulemsg", replace(said, submit=submit))
    assert sent.at == said.at.replace(second=0, microsecond=0)
    submit = replace(submit, type=sent.submit.type, encoding_guessed=sent.submit.encoding_guessed)
    same("bulksms", submit, sent.submit)


@MANY
@given(requests("hubb", "send_sms"))
def test_a_text_by_hubb(said: SendSms) -> None:
    said = replace(said, to=("9195551212",), numbers=())
    # Of what the page says is passed over beside another parameter, nothing is sent on.
    if said.full_name:
        said = replace(said, first_name=None, last_name=None)
    if said.owner_email:
        said = replace(said, owner_group=None)
    if not said.notify_to_email:
        said = replace(said, notify_email_subject=None)
    sent = through("hubb", "send_sms", said)
    same("hubb", said, sent)
    assert sent.recipients == ("+19195551212",)


@MANY
@given(requests("ucontact", "SendSMS") | requests("ucontact", "SendSMSv2"))
def test_a_text_by_ucontact(said: Any) -> None:
    said = replace(said, destination="098344484", campaign=said.campaign and "Ventas->")
    sent = through("ucontact", said.call.rpartition("/")[2], said)
    same("ucontact", replace(said, campaign=said.campaign or "Ours"), sent)
    assert parse_phone(sent.destination, None) == NUMBER


@MANY
@given(requests("ucontact", "ScheduleDialerSMS"))
def test_a_text_by_ucontacts_schedule(said: Any) -> None:
    year = min(max(said.calldate.year, 1971), 2100)
    assume((said.calldate.month, said.calldate.day) != (2, 29))
    said = replace(said, destination="098344484", campaign="Ventas->", calldate=said.calldate.replace(year=year))
    sent = through("ucontact", "ScheduleDialerSMS", said)
    same("ucontact", said, sent)
    assert parse_phone(sent.destination, None) == NUMBER


@MANY
@given(requests("ucontact", "sendEmail"))
def test_an_email_by_ucontact(said: Any) -> None:
    said = replace(said, to="ana@example.com", campaign=said.campaign and "Mail")
    if said.body:  # the page: a template is used only where there is no body
        said = replace(said, template=None, variables={})
    sent = through("ucontact", "sendEmail", said)
    same("ucontact", replace(said, campaign=said.campaign or "Ours"), sent)
