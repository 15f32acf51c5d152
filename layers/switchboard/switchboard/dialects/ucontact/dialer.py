"""What the dialers send later: the schedule's one SMS, and the uploads of bases and blacklists (sections 2.2, 2.3)."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from switchboard.dialects.forms import json_object, scalar
from switchboard.dialects.ucontact.calls import (
    Authorization,
    WrongParameters,
    compact,
    decode_authorization,
    fields_of,
    local_time,
    missing,
    post,
)
from switchboard.dialects.wire import Request, Unreadable

SCHEDULE_SMS = "/Integra/resources/SMS/ScheduleDialerSMS"
UPLOAD_BASE = "/Integra/resources/SMS/uploadbase"
UPLOAD_DIALER_BASE = "/IntegraChannels/resources/DialersResources/uploadDialerBase"
UPLOAD_BLACKLIST = "/IntegraChannels/resources/DialersResources/uploadMultiChannelBlacklist"

EMAIL = "email"
"""The one channel that the e-mail dialer's uploads name."""


# --- the schedule -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSms:
    """One SMS to be sent at `calldate`, or at once if that is past: naive, whole seconds, the instance's own time."""

    calldate: datetime
    campaign: str
    destination: str
    data: str
    authorization: Authorization | None = None


_TEXTS = ("campaign", "destination", "data")


def encode_schedule_sms(call: ScheduleSms) -> Request:
    """The form whose one field is a JSON object."""
    said = {"calldate": call.calldate.isoformat(" ", "seconds")} | {name: getattr(call, name) for name in _TEXTS}
    return post(SCHEDULE_SMS, {"sms": compact(said)}, call.authorization)


def decode_schedule_sms(request: Request) -> ScheduleSms:
    """Raises `Unreadable`, and `WrongParameters` for a missing member or a moment that does not exist."""
    said = _object(fields_of(request, "sms")["sms"])
    texts = {name: scalar(said.get(name)) or "" for name in ("calldate", *_TEXTS)}
    if not all(map(str.strip, texts.values())):
        raise missing(name for name, text in texts.items() if not text.strip())
    calldate = _moment(texts.pop("calldate").strip())
    return ScheduleSms(calldate=calldate, authorization=decode_authorization(request), **texts)


def _object(said: str) -> dict[str, object]:
    try:
        return json_object(said.encode())
    except Unreadable:
        raise WrongParameters("sms is not a JSON object", "sms") from None


def _moment(said: str) -> datetime:
    try:
        return local_time(said)
    except ValueError:
        raise WrongParameters("calldate is not YYYY-MM-DD hh:mm:ss", "calldate") from None


# --- the uploads ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBase:
    """The base of an SMS dialer; `content` is the CSV file."""

    filename: str
    content: bytes
    campaign: str
    authorization: Authorization | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDialerBase:
    """The base of an e-mail dialer; `count` is the number of its rows."""

    filename: str
    content: bytes
    dialer: str
    count: int
    channel: str
    subject: str | None = None
    user: str | None = None
    authorization: Authorization | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadBlacklist:
    """Addresses that the e-mail dialers are not to send to."""

    filename: str
    content: bytes
    channel: str
    user: str | None = None
    authorization: Authorization | None = None


def encode_upload_base(call: UploadBase) -> Request:
    """The form with the file in base64."""
    fields = {"filename": call.filename, "fileb64": _base64(call.content), "campaign": call.campaign}
    return post(UPLOAD_BASE, fields, call.authorization)


def decode_upload_base(request: Request) -> UploadBase:
    """Raises `Unreadable`, `WrongParameters`."""
    fields = fields_of(request, "filename", "fileb64", "campaign")
    return UploadBase(
        filename=fields["filename"],
        content=_octets(fields["fileb64"]),
        campaign=fields["campaign"],
        authorization=decode_authorization(request),
    )


def encode_upload_dialer_base(call: UploadDialerBase) -> Request:
    """The form with the file in base64."""
    fields = {"filename": call.filename, "fileb64": _base64(call.content), "channel": call.channel, "user": call.user}
    fields |= {"dialer": call.dialer, "filter": call.subject, "cant": str(call.count)}
    return post(UPLOAD_DIALER_BASE, fields, call.authorization)


def decode_upload_dialer_base(request: Request) -> UploadDialerBase:
    """Raises `Unreadable`, `WrongParameters`; whether `cant` is the number of rows is for the reader of the file."""
    fields = fields_of(request, "filename", "fileb64", "channel", "dialer", "cant")
    return UploadDialerBase(
        filename=fields["filename"],
        content=_octets(fields["fileb64"]),
        dialer=fields["dialer"],
        count=_count(fields["cant"]),
        subject=fields.get("filter"),
        user=fields.get("user"),
        channel=_channel(fields["channel"]),
        authorization=decode_authorization(request),
    )


def encode_upload_blacklist(call: UploadBlacklist) -> Request:
    """The form with the file in base64."""
    fields = {"filename": call.filename, "fileb64": _base64(call.content), "channel": call.channel, "user": call.user}
    return post(UPLOAD_BLACKLIST, fields, call.authorization)


def decode_upload_blacklist(request: Request) -> UploadBlacklist:
    """Raises `Unreadable`, `WrongParameters`."""
    fields = fields_of(request, "filename", "fileb64", "channel")
    return UploadBlacklist(
        filename=fields["filename"],
        content=_octets(fields["fileb64"]),
        user=fields.get("user"),
        channel=_channel(fields["channel"]),
        authorization=decode_authorization(request),
    )


def _channel(said: str) -> str:
    if said != EMAIL:
        raise WrongParameters("channel is email", "channel")
    return said


def _count(said: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", said.strip()):
        raise WrongParameters("cant is a number of rows", "cant")
    return int(said)


_DATA_URL = re.compile(r"data:[^,]*,", re.IGNORECASE)
_LINE = str.maketrans("", "", "\r\n\t")
_STANDARD = str.maketrans("-_", "+/")


def _base64(content: bytes) -> str:
    return b64encode(content).decode()


def _octets(written: str) -> bytes:
    """A file from its base64: with line breaks or blanks, as a `data:` URL, in the alphabet for URLs, without padding.

    A plus that a form did not encode arrives as a blank: it is one wherever only so the length comes out even.
    """
    line = written.translate(_LINE).strip(" ")
    head = _DATA_URL.match(line)
    said = line[head.end() :].strip(" ") if head else line
    whole = said.replace(" ", "")
    if len(whole) % 4 and not len(said) % 4:
        whole = said.replace(" ", "+")
    bare = whole.translate(_STANDARD).rstrip("=")
    try:
        content = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise WrongParameters("fileb64 is not base64", "fileb64") from None
    if not content:
        raise WrongParameters("an empty file", "fileb64")
    return content
