"""The dialect as the gateway sends by it and is called back by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from switchboard.dialects.dialect import Account, Dialect, Session
from switchboard.dialects.ucontact import NAME
from switchboard.dialects.ucontact.calls import (
    CAMPAIGN,
    CAMPAIGN_IS,
    UNAUTHORIZED,
    Authorization,
    Taken,
    TurnedDown,
    decode_done,
)
from switchboard.dialects.ucontact.email import FAILED, SendEmail, decode_send_email_answer, encode_send_email
from switchboard.dialects.ucontact.inbound import decode_receive_sms, encode_receive_sms_answer
from switchboard.dialects.ucontact.session import Login, decode_login_answer, encode_login
from switchboard.dialects.ucontact.sms import SMS_CALLS, SendSms, SmsCall, decode_send_sms_answer, encode_send_sms
from switchboard.dialects.wire import Request, Response, Unreadable
from switchboard.model.message import Channel, Content, Encoding, Outbound
from switchboard.model.outcome import Concern, Outcome, Verdict
from switchboard.model.problem import Problem
from switchboard.model.receipt import Inbound


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What only this vendor knows of a message."""

    agent: str | None = None


_Check = tuple[Callable[[Content], object], str, str]  # what is wrong, the field, the reason
_SMS_ONLY: tuple[_Check, ...] = (
    (lambda content: not content.text, "text", "an SMS needs a text"),
    (lambda content: content.flash, "flash", "uContact has no flash messages"),
    (lambda content: content.encoding is not Encoding.AUTO, "encoding", "uContact chooses the encoding itself"),
    (lambda content: content.link is not None, "link", "uContact has no WAP push"),
    (lambda content: _later(content) and content.sender is not None, "from", "uContact's schedule takes no sender"),
    (
        lambda content: _later(content) and content.options.get(NAME, {}).get("agent"),
        f"{NAME}.agent",
        "uContact's schedule takes no agent",
    ),
)
_EMAIL_ONLY: tuple[_Check, ...] = (
    (lambda content: not (content.html or content.text or content.template), "html", "html, text or a template"),
    (lambda content: content.html and content.text, "text", "uContact sends one body: html or text"),
    (lambda content: content.template and (content.html or content.text), "template", "uContact takes it or a body"),
    (lambda content: content.sender is not None, "from", "uContact sends from the campaign's address"),
    (lambda content: content.options.get(NAME, {}).get("agent"), f"{NAME}.agent", "not for an e-mail"),
    (lambda content: _later(content), "via", "uContact has no call that sends an e-mail later"),
)
_ANY: tuple[_Check, ...] = (
    (
        lambda content: content.campaign is not None and not CAMPAIGN.fullmatch(content.campaign),
        "campaign",
        CAMPAIGN_IS,
    ),
    (lambda content: content.contact is not None, "contact", "uContact carries no contact"),
)
_CHECKS = {Channel.SMS: (*_SMS_ONLY, *_ANY), Channel.EMAIL: (*_EMAIL_ONLY, *_ANY)}


def _later(content: Content) -> bool:
    return content.provider_at is not None


def _refuses(content: Content) -> tuple[Problem, ...]:
    problems = [Problem(field, reason) for wrong, field, reason in _CHECKS[content.channel] if wrong(content)]
    problems += [Problem(name, "uContact does not know these options") for name in content.options if name != NAME]
    own = content.options.get(NAME, {})
    problems += [Problem(f"{NAME}.{name}", "no such option") for name in own if name != "agent"]
    return tuple(problems)


def _pack(messages: Sequence[Outbound]) -> list[list[Outbound]]:
    return [[message] for message in messages]


def sms_for(message: Outbound, account: Account) -> SendSms:
    """The call that sends an SMS. Raises KeyError when neither it nor the account names a campaign."""
    content = message.content
    return SendSms(
        destination=message.to,
        message=content.text or "",
        campaign=content.campaign or account["campaign"],
        agent=content.options.get(NAME, {}).get("agent") or None,
        source=content.sender,
        call=_sms_call(account),
        authorization=_shown(account),
    )


def _schedule(message: Outbound, at: float, account: Account) -> Request:
    """The call that has an SMS sent at `at` (epoch seconds) or up to a second later; where that is past, at once.

    The time is written in the instance's own zone, the account's `zone`. Raises KeyError for one that is none, and when
    neither the message nor the account names a campaign.
    """
    # Few messages are handed over, and a cold start does not wait for these.
    from switchboard.dialects.ucontact.dialer import ScheduleSms, encode_schedule_sms
    from switchboard.model.calendar import written, zone_of

    content = message.content
    try:
        zone = zone_of(account.get("zone") or "UTC")
    except ValueError:
        raise KeyError("a time zone that is one") from None
    call = ScheduleSms(
        calldate=written(datetime.fromtimestamp(at, UTC), zone),
        campaign=content.campaign or account["campaign"],
        destination=message.to,
        data=content.text or "",
        authorization=_shown(account),
    )
    return encode_schedule_sms(call)


def email_for(message: Outbound, account: Account) -> SendEmail:
    """The call that sends an e-mail. Raises KeyError when neither it nor the account names a campaign."""
    content = message.content
    return SendEmail(
        to=message.to,
        campaign=content.campaign or account["campaign"],
        subject=content.subject,
        body=content.html or content.text,
        attachments=content.attachments,
        schedule=content.invitation,
        template=content.template,
        variables=content.variables if content.template else {},
        authorization=_shown(account),
    )


def _shown(account: Account) -> Authorization:
    return Authorization(account["token"], account.get("scheme") or "Basic")


def _sms_call(account: Account) -> SmsCall:
    return SMS_CALLS[account.get("sms_call") or "SendSMSv2"]


def _submit(group: Sequence[Outbound], account: Account) -> Request:
    (message,) = group
    if message.content.channel is Channel.EMAIL:
        return encode_send_email(email_for(message, account))
    if (at := message.content.provider_at) is not None:
        return _schedule(message, at, account)
    return encode_send_sms(sms_for(message, account))


def _outcomes_of(call: SmsCall) -> Callable[[Sequence[Outbound], Response], tuple[Outcome, ...]]:
    def outcomes(group: Sequence[Outbound], response: Response) -> tuple[Outcome, ...]:
        if response.status in UNAUTHORIZED:
            raise Unreadable("the session is not known")
        answer = _answer(group[0].content, response, call)
        if isinstance(answer, Taken):
            return (Outcome(verdict=Verdict.ACCEPTED, vendor_id=answer.id),) * len(group)
        if answer == FAILED:
            raise Unreadable("the vendor's fault: nobody knows whether it was taken")
        # Another provider of the route may have a try (section 4): the word does not say what was wrong.
        return (Outcome(verdict=Verdict.REJECTED, code=answer.word, concern=Concern.ACCOUNT),) * len(group)

    return outcomes


def _answer(content: Content, response: Response, call: SmsCall) -> Taken | TurnedDown:
    """What the answer to the call that carried a content says. Raises `Unreadable`."""
    if content.channel is Channel.EMAIL:
        return decode_send_email_answer(response)
    if _later(content):
        return Taken() if decode_done(response) else TurnedDown("0")
    return decode_send_sms_answer(response, call)


def _called_back(request: Request, account: Account) -> tuple[Inbound, ...]:
    said = decode_receive_sms(request)
    return (Inbound(sender=said.phone, text=said.message),)


def _login(account: Account) -> Request:
    return encode_login(Login(user=account["user"], password=account["password"]))


def _variant(account: Account) -> Dialect:
    # A yes without an id is a yes only where the account's instance has no call that gives one.
    return replace(DIALECT, outcomes=_outcomes_of(_sms_call(account)))


DIALECT = Dialect(
    name=NAME,
    channels=frozenset({Channel.SMS, Channel.EMAIL}),
    receipts=False,
    refuses=_refuses,
    pack=_pack,
    submit=_submit,
    outcomes=_outcomes_of(SmsCall.SEND_SMS_V2),
    callback=_called_back,
    acknowledgement=encode_receive_sms_answer(True),
    unreadable=encode_receive_sms_answer(False),
    options=Options,
    session=Session(login=_login, token=decode_login_answer),
    variant=_variant,
)
