"""A message in our own words: what a batch shares, what each recipient has of its own, what goes to a provider."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from switchboard.model.contact import Contact

CONTROL = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""What a subject, or any line of an e-mail's head, must not hold: line breaks, controls, turns of direction."""

MAX_VARIABLES = 4096  # octets of one recipient's own variables
WORDING = "#wording"
"""A variable of a recipient, and no placeholder's name: the place of its wording among the content's, 0 where it lacks.
"""

_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:[\s/][^<>]*)?>|<!(?:--|doctype\b)", re.IGNORECASE)


def is_html(body: str) -> bool:
    """Whether an e-mail's body is HTML: it holds a tag, a comment or a document type. `<ana@example.com>` is none."""
    return _TAG.search(body) is not None


class Channel(StrEnum):
    """The road a message takes."""

    SMS = "sms"
    EMAIL = "email"


class Encoding(StrEnum):
    """The alphabet of an SMS; `auto` is GSM 03.38 where every character fits, else UCS-2."""

    AUTO = "auto"
    GSM = "gsm"
    UCS2 = "ucs2"
    LATIN1 = "latin1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """A calendar invitation that an e-mail carries; `start` and `end` are local times, `YYYY-MM-DD hh:mm:ss`."""

    title: str
    organizer: str
    start: str
    end: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What some messages of a batch say in place of the others: their campaign and, if there is one, their body."""

    campaign: str
    text: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What all messages of a batch share. `sender` is the API's `from`.

    `text`, `html` and `subject` may hold `{{name}}` placeholders; `variables` are their shared values. In a `literal`
    one what looks like a placeholder is text. `options` maps a provider's name to what only this provider knows. Of
    `wordings` each recipient has one, which its variable `WORDING` names: parts of the content, not values in it.
    """

    channel: Channel
    text: str | None = None
    sender: str | None = None
    literal: bool = False
    flash: bool = False
    encoding: Encoding = Encoding.AUTO
    link: str | None = None  # the URL of a WAP push
    subject: str | None = None
    html: str | None = None
    template: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[str, ...] = ()
    invitation: Invitation | None = None
    contact: Contact | None = None
    campaign: str | None = None
    provider_at: float | None = None  # epoch seconds: the provider gets it at once and is to send it then
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    wordings: tuple[Wording, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address of a batch: E.164 or an e-mail address, with the caller's own reference and variables.

    `row` is where it stands in a campaign's file, from 1.
    """

    to: str
    reference: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """One message as a provider gets it: our id, the address, and the content with its placeholders filled in."""

    id: str
    to: str
    content: Content
