"""The vendor's doors: its calls taken by the gateway and answered in the vendor's words; and the doors to a session."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

from switchboard.dialects.door import Credentials, Door, Entrance, Home, Order, Placed, Refusal, TurnedAway, Upload
from switchboard.dialects.ucontact import NAME
from switchboard.dialects.ucontact.calls import (
    CAMPAIGN,
    CAMPAIGN_IS,
    UNKNOWN_SESSION,
    Authorization,
    Taken,
    TurnedDown,
    WrongParameters,
    encode_done,
    make_token,
)
from switchboard.dialects.ucontact.dialer import (
    SCHEDULE_SMS,
    UPLOAD_BASE,
    UPLOAD_BLACKLIST,
    UPLOAD_DIALER_BASE,
    ScheduleSms,
    UploadBase,
    UploadBlacklist,
    UploadDialerBase,
    decode_schedule_sms,
    decode_upload_base,
    decode_upload_blacklist,
    decode_upload_dialer_base,
)
from switchboard.dialects.ucontact.email import (
    FAILED,
    SEND_EMAIL,
    WRONG,
    SendEmail,
    decode_send_email,
    encode_send_email_answer,
)
from switchboard.dialects.ucontact.session import (
    END_SESSION,
    EndSession,
    Login,
    LoginCall,
    decode_end_session,
    decode_login,
    encode_login_answer,
)
from switchboard.dialects.ucontact.sms import SendSms, SmsCall, decode_send_sms, encode_send_sms_answer
from switchboard.dialects.wire import Request, Response, Unreadable, basic_pair, text
from switchboard.model.address import dialed_phone, parse_email
from switchboard.model.calendar import FIRST_YEAR, LAST_YEAR, resolve
from switchboard.model.message import CONTROL, Channel, Content, Recipient, is_html
from switchboard.model.problem import Problem, Refused

_METHODS = ("POST",)
_KEY = "sb_"  # how the gateway's API keys begin; no token of a session does

Call = TypeVar(
    "Call", Login, EndSession, SendSms, SendEmail, ScheduleSms, UploadBase, UploadDialerBase, UploadBlacklist
)
Uploading = TypeVar("Uploading", UploadBase, UploadDialerBase)


def _reader(decode: Callable[[Request], Call], no: Response) -> Callable[[Request], Call]:
    def read(request: Request) -> Call:
        try:
            return decode(request)
        except Unreadable as unreadable:
            raise TurnedAway(no, (Problem("request", str(unreadable)),)) from None
        except WrongParameters as wrong:
            raise TurnedAway(no, tuple(Problem(name, str(wrong)) for name in wrong.parameters)) from None

    return read


def _refuser(
    no: Response, others: Mapping[Refusal, Response] | None = None
) -> Callable[[object, Refusal, object, object], Response]:
    """The vendor has one word for every no, but for a session that it does not know; too many calls have a status."""
    known = {Refusal.CREDENTIALS: UNKNOWN_SESSION, Refusal.LIMIT: replace(no, status=429), **(others or {})}
    return lambda call, refusal, problems, order: known.get(refusal, no)


# --- whose call it is -------------------------------------------------------------------------------------------------


def credentials_of(shown: Authorization | None) -> Credentials | None:
    """A session's token or a key under Basic or Bearer, or under Basic a client's name and key in base64."""
    if shown is None or shown.scheme.lower() not in {"basic", "bearer"}:
        return None
    if shown.token.startswith(_KEY):
        return Credentials(secret=shown.token)
    halves = basic_pair(shown.token) if shown.scheme.lower() == "basic" else None
    if halves and halves[1].startswith(_KEY):
        return Credentials(secret=halves[1], user=halves[0])
    return Credentials(secret=shown.token, session=True)


def _credentials(
    call: SendSms | SendEmail | ScheduleSms | UploadBase | UploadDialerBase | UploadBlacklist,
) -> Credentials | None:
    return credentials_of(call.authorization)


# --- SMS --------------------------------------------------------------------------------------------------------------


def _sms_order(call: SendSms, home: Home) -> Order:
    """The call in our words. Raises `Refused`."""
    _check_campaign(call.campaign)
    content = Content(
        channel=Channel.SMS,
        text=call.message,
        sender=call.source,
        campaign=call.campaign,
        options={NAME: {"agent": call.agent}} if call.agent else {},
    )
    return Order(content=content, recipients=(Recipient(to=dialed_phone(call.destination, home.region, "to.0")),))


def _check_campaign(name: str | None) -> None:
    """Raises `Refused` for a campaign that is none, whoever is to send the text."""
    if name is not None and not CAMPAIGN.fullmatch(name):
        raise Refused(Problem("campaign", CAMPAIGN_IS))


_NAMES = {"to": "destination", "from": "source", "text": "message", NAME: "agent", f"{NAME}.agent": "agent"}
# `ERROR` or `0` would be a plain no: a client that hears neither this nor a yes knows that it does not know.
_IN_DOUBT = text("Server error", 500)


def _sms_door(call: SmsCall) -> Door[SendSms]:
    no = encode_send_sms_answer(TurnedDown(), call)
    return Door(
        dialect=NAME,
        name=call.rpartition("/")[2],
        path=call,
        methods=_METHODS,
        read=_reader(decode_send_sms, no),
        credentials=_credentials,
        order=_sms_order,
        answer=lambda said, order, placed: encode_send_sms_answer(Taken(placed[0].id), call),
        refuse=_refuser(no, {Refusal.UNKNOWN: _IN_DOUBT}),
        names=_NAMES,
    )


def _schedule_order(call: ScheduleSms, home: Home) -> Order:
    """The call in our words, on our own schedule: `calldate` is read by the client's clock. Raises `Refused`."""
    _check_campaign(call.campaign)
    if not FIRST_YEAR <= call.calldate.year <= LAST_YEAR:
        raise Refused(Problem("send_at", f"is not within the years {FIRST_YEAR} to {LAST_YEAR}"))
    return Order(
        content=Content(channel=Channel.SMS, text=call.data, campaign=call.campaign),
        recipients=(Recipient(to=dialed_phone(call.destination, home.region, "to.0")),),
        send_at=resolve(call.calldate, home.zone).timestamp(),
        at_once=True,  # the page's dialer sends what is past at once
    )


_SCHEDULE_DOOR = Door(
    dialect=NAME,
    name="ScheduleDialerSMS",
    path=SCHEDULE_SMS,
    methods=_METHODS,
    read=_reader(decode_schedule_sms, encode_done(False)),
    credentials=_credentials,
    order=_schedule_order,
    answer=lambda said, order, placed: encode_done(True),
    refuse=_refuser(encode_done(False), {Refusal.UNKNOWN: _IN_DOUBT}),
    names={"to": "destination", "text": "data", "send_at": "calldate"},
)


# --- e-mail -----------------------------------------------------------------------------------------------------------

_NOT_A_LINE = "must be one line without control characters"


def _email_order(call: SendEmail, home: Home) -> Order:
    """The call in our words; with a body the template and its variables are not used, as the page says.

    Raises `Refused`, also for what would add lines to the e-mail's head or to its invitation.
    """
    invitation = asdict(call.schedule) if call.schedule else {}
    lines = {"subject": call.subject or ""} | {f"invitation.{name}": line for name, line in invitation.items()}
    wrong = [Problem(field, _NOT_A_LINE) for field, line in lines.items() if CONTROL.search(line)]
    if wrong:
        raise Refused(*wrong)
    said = call.body or ""
    html = is_html(said)
    content = Content(
        channel=Channel.EMAIL,
        campaign=call.campaign,
        subject=call.subject,
        html=said if html else None,
        text=None if html else said or None,
        template=None if said else call.template,
        variables={} if said else call.variables,
        attachments=call.attachments,
        invitation=call.schedule,
    )
    return Order(content=content, recipients=(Recipient(to=parse_email(call.to, "to.0")),))


def _email_answer(call: SendEmail, order: Order, placed: tuple[Placed, ...]) -> Response:
    return encode_send_email_answer(Taken(placed[0].id))


_EMAIL_NAMES = {
    "text": "body",
    "html": "body",
    "invitation": "schedule",
    "invitation.start": "schedule.from",
    "invitation.end": "schedule.to",
}
_SERVER_ERROR = encode_send_email_answer(FAILED)
_EMAIL_DOOR = Door(
    dialect=NAME,
    name="sendEmail",
    path=SEND_EMAIL,
    methods=_METHODS,
    read=_reader(decode_send_email, encode_send_email_answer(WRONG)),
    credentials=_credentials,
    order=_email_order,
    answer=_email_answer,
    refuse=_refuser(_SERVER_ERROR, {Refusal.CONTENT: encode_send_email_answer(WRONG)}),
    names=_EMAIL_NAMES,
)


# --- the dialers' bases -----------------------------------------------------------------------------------------------

_LONGEST_NAME, _LONGEST_SUBJECT = 128, 255  # characters, as in our own API
_CLIPPED = 255  # characters that are kept of what a form says beside the file


def _sms_base(call: UploadBase) -> Upload:
    """The call in our words: each row has its own campaign, number and text. Raises `Refused`."""
    _check_campaign(call.campaign)
    _check_line("name", call.campaign, _LONGEST_NAME)
    content = Content(channel=Channel.SMS, text="{{text}}", campaign=call.campaign)
    return Upload(
        name=call.campaign, content=content, base="sms", data=call.content, metadata=_about(filename=call.filename)
    )


def _email_base(call: UploadDialerBase) -> Upload:
    """The call in our words: each row has its own campaign, address, body and values for the body's placeholders.

    `cant` is kept as it was said: its caller may have counted lines, and every row is accounted for. Raises `Refused`.
    """
    _check_line("name", call.dialer, _LONGEST_NAME)
    _check_line("subject", call.subject or "", _LONGEST_SUBJECT)
    return Upload(
        name=call.dialer,
        content=Content(channel=Channel.EMAIL, text="{{body}}", subject=call.subject),
        base="email",
        data=call.content,
        metadata=_about(filename=call.filename, user=call.user, cant=str(call.count)),
    )


def _check_line(field: str, said: str, longest: int) -> None:
    if CONTROL.search(said):
        raise Refused(Problem(field, _NOT_A_LINE))
    if len(said) > longest:
        raise Refused(Problem(field, f"has at most {longest} characters"))


def _about(**said: str | None) -> dict[str, str]:
    return {name: value[:_CLIPPED] for name, value in said.items() if value}


def _upload_door(
    path: str,
    decode: Callable[[Request], Uploading],
    upload: Callable[[Uploading], Upload],
    names: Mapping[str, str],
) -> Door[Uploading]:
    no = encode_done(False)
    return Door(
        dialect=NAME,
        name=path.rpartition("/")[2],
        path=path,
        methods=_METHODS,
        read=_reader(decode, no),
        credentials=_credentials,
        order=lambda call, home: None,
        answer=lambda call, order, placed: no,
        refuse=_refuser(no, {Refusal.UNKNOWN: _IN_DOUBT}),
        names={"file": "fileb64", "text": "fileb64", **names},
        upload=upload,
        begun=encode_done(True),
    )


# --- what this gateway does not do ------------------------------------------------------------------------------------

# It reads the call in full, and then says no: nothing is answered as if it had been done.
_BLACKLIST_DOOR: Door[UploadBlacklist] = Door(
    dialect=NAME,
    name=UPLOAD_BLACKLIST.rpartition("/")[2],
    path=UPLOAD_BLACKLIST,
    methods=_METHODS,
    read=_reader(decode_upload_blacklist, encode_done(False)),
    credentials=_credentials,
    order=lambda call, home: None,
    answer=lambda call, order, placed: encode_done(False),
    refuse=_refuser(encode_done(False)),
)


DOORS: tuple[Door[Any], ...] = (
    *(_sms_door(call) for call in SmsCall),
    _SCHEDULE_DOOR,
    _upload_door(UPLOAD_BASE, decode_upload_base, _sms_base, {"name": "campaign"}),
    _upload_door(UPLOAD_DIALER_BASE, decode_upload_dialer_base, _email_base, {"name": "dialer", "subject": "filter"}),
    _BLACKLIST_DOOR,
    _EMAIL_DOOR,
)


# --- sessions ---------------------------------------------------------------------------------------------------------


def _login_entrance(call: LoginCall) -> Entrance[Login]:
    return Entrance(
        path=call,
        methods=_METHODS,
        read=_reader(decode_login, encode_login_answer(None, call)),
        credentials=lambda said: Credentials(secret=said.password, user=said.user),
        token=make_token,
        answer=lambda said, token: encode_login_answer(token, call),
    )


ENTRANCES: tuple[Entrance[Any], ...] = (
    *(_login_entrance(call) for call in LoginCall),
    Entrance(
        path=END_SESSION,
        methods=_METHODS,
        read=_reader(decode_end_session, encode_done(False)),
        credentials=lambda said: Credentials(secret=said.token, session=True),
        token=None,
        answer=lambda said, token: encode_done(token is not None),
    ),
)
