"""Hubb as a provider that the gateway sends by: what it can carry, one call a recipient, and what an answer means."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from switchboard.dialects.dialect import Account, Dialect
from switchboard.dialects.hubb import NAME
from switchboard.dialects.hubb.callbacks import STATUS_WORDS, Arrival, Noted, decode_callback, encode_callback_answer
from switchboard.dialects.hubb.fields import ErrorText, split
from switchboard.dialects.hubb.sms import (
    FACTS,
    MAX_TEXT,
    SendSms,
    Sent,
    TimeWindow,
    contact_attributes,
    decode_send_sms_answer,
    encode_send_sms,
    phone,
)
from switchboard.dialects.wire import Request, Response
from switchboard.model.contact import CONTACT, SOCIAL_NETWORKS, Contact, Owner
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this vendor knows of a message."""

    override_time_window: TimeWindow | None = None


_CONCERNS = {text.lower(): Concern.ACCOUNT for text in ErrorText}


def _refuses(content: Content) -> tuple[Problem, ...]:
    if content.channel is not Channel.SMS:
        return (Problem("channel", "Hubb sends SMS only"),)
    return (*_refused_text(content), *_refused_options(content), *_refused_contact(content.contact or Contact()))


def _refused_text(content: Content) -> list[Problem]:
    checks = (
        (not content.text, "text", "an SMS needs a text"),
        (len(content.text or "") > MAX_TEXT, "text", f"Hubb takes at most {MAX_TEXT} characters"),
        (content.flash, "flash", "Hubb has no flash messages"),
        (content.encoding is not Encoding.AUTO, "encoding", "Hubb chooses the encoding itself"),
        (content.link is not None, "link", "Hubb has no WAP push"),
        (content.provider_at is not None, "via", "Hubb has no call that sends later"),
    )
    return [Problem(field, reason) for wrong, field, reason in checks if wrong]


def _refused_options(content: Content) -> list[Problem]:
    others = [Problem(name, "Hubb does not know these options") for name in content.options if name != NAME]
    own = content.options.get(NAME, {})
    unknown = [Problem(f"{NAME}.{name}", "no such option") for name in own if name != "override_time_window"]
    window = own.get("override_time_window")
    if window is not None and window not in set(TimeWindow):
        unknown.append(Problem(f"{NAME}.override_time_window", "company or user"))
    return others + unknown


def _refused_contact(contact: Contact) -> list[Problem]:
    """Contact fields that the vendor passes over, by its page, when another one is sent, and lists it cannot write."""
    owner = contact.owner or Owner()
    named_twice = contact.name and (contact.first_name or contact.last_name)
    checks: list[tuple[object, str, str]] = [
        (named_twice, "contact.name", "Hubb takes a full name, or first and last name, not both"),
        (owner.email and owner.group, "contact.owner.group", "Hubb takes an owner or a group, not both"),
    ]
    checks += [
        (network not in SOCIAL_NETWORKS, f"contact.social.{network}", "Hubb does not know this network")
        for network in contact.social
    ]
    checks += [
        (split(tag) != (tag,), f"contact.tags.{kind}.{number}", "a tag has no comma, no blank end and is not empty")
        for kind, tags in (("add", contact.tags.add), ("remove", contact.tags.remove))
        for number, tag in enumerate(tags)
    ]
    return [Problem(field, reason) for wrong, field, reason in checks if wrong]


def _pack(messages: Sequence[Outbound]) -> list[list[Outbound]]:
    # The answer has one message_id even for a list (section 1.1): one call per recipient.
    return [[message] for message in messages]


def call_for(message: Outbound, account: Account) -> SendSms:
    """The call that sends a message. Raises KeyError when neither it nor the account names a sender."""
    content = message.content
    window = content.options.get(NAME, {}).get("override_time_window")
    about: dict[str, Any] = contact_attributes(content.contact or Contact())
    if known := message.to.startswith(CONTACT):
        about["contact_id"] = message.to.removeprefix(CONTACT)
    return SendSms(
        key=account["key"],
        sender=content.sender or account["sender"],
        text=content.text or "",
        to=() if known else (message.to,),
        override_time_window=TimeWindow(window) if window else None,
        **{attribute: value for attribute, value in about.items() if value != ""},
    )


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    (message,) = group
    return encode_send_sms(call_for(message, account))


def _outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
    answer = decode_send_sms_answer(response)
    if isinstance(answer, Sent):
        facts = {name: fact for name in FACTS if (fact := getattr(answer, name))}
        return (Outcome(verdict=Verdict.ACCEPTED, vendor_id=answer.message_id, facts=facts),) * len(group)
    concern = _CONCERNS.get(answer.error_message.strip().rstrip(".").lower(), Concern.RECIPIENT)
    return (Outcome(verdict=Verdict.REJECTED, detail=answer.error_message, concern=concern),) * len(group)


def _number(said: str) -> str:
    """A number of a callback, ten digits being one of the US by the page; as it is where it is none (a short code)."""
    try:
        return phone(said)
    except ValueError:
        return said


def _called_back(request: Request, account: Account) -> tuple[Receipt | Inbound, ...]:
    said = decode_callback(request)
    if isinstance(said, Arrival):
        to = said.to and _number(said.to)
        return (Inbound(sender=_number(said.sender), to=to, text=said.text, vendor_id=said.message_id),)
    status = STATUS_WORDS.get(said.status.strip().lower())
    return (Receipt(vendor_id=said.message_id, word=said.status, status=status, error=said.error_code),)


DIALECT = Dialect(
    name=NAME,
    channels=frozenset({Channel.SMS}),
    receipts=False,  # only where callbacks have been set up on the vendor's side: a message may stay submitted
    refuses=_refuses,
    pack=_pack,
    submit=_submit,
    outcomes=_outcomes,
    callback=_called_back,
    acknowledgement=encode_callback_answer(Noted()),
    options=Options,
)
