"""The dialers of the uContact simulator: the schedule, the uploaded bases and the blacklist, and what is due."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.simulators.server import Taken
from switchboard.dialects.ucontact import bases
from switchboard.dialects.ucontact.bases import BlacklistRow, EmailRow, RowError, SmsRow
from switchboard.dialects.ucontact.dialer import ScheduleSms, UploadBase, UploadBlacklist, UploadDialerBase

WAITING, SENT, BLACKLISTED, NO_CAMPAIGN = "waiting", "sent", "blacklisted", "unknown campaign"

Known = Callable[[str], bool]
"""Whether there is a campaign of that name."""


@dataclass(slots=True, kw_only=True)
class Entry:
    """One message of a dialer, and what became of it; `at` is the epoch second before which it is not sent."""

    channel: str
    campaign: str
    to: str
    text: str
    priority: int = 1
    at: float = 0.0
    status: str = WAITING
    extra: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def line(self) -> dict[str, Any]:
        """As `/_state` shows it."""
        said = {name: getattr(self, name) for name in ("id", "campaign", "to", "text", "priority", "status")}
        return {**said, **self.extra}

    def taken(self, source: str) -> Taken:
        """As the ledger has it, once it is sent."""
        extra = {"channel": self.channel, "campaign": self.campaign, "priority": self.priority, "source": source}
        return Taken(id=self.id, to=self.to, sender="", text=self.text, extra={**extra, **self.extra})


@dataclass(slots=True, kw_only=True)
class Upload:
    """One file: what its form says, its rows, and the lines that are none."""

    said: Mapping[str, Any]
    entries: list[Entry]
    errors: list[RowError]

    def line(self) -> dict[str, Any]:
        """As `/_state` shows it."""
        errors = [{"line": error.line, "reason": error.reason} for error in self.errors]
        return {**self.said, "rows": [entry.line() for entry in self.entries], "errors": errors}


class Dialer:
    """All that is to be sent later."""

    def __init__(self) -> None:
        self.schedule: list[Entry] = []
        self.uploads: list[Upload] = []
        self.blacklist: list[BlacklistRow] = []

    def take_schedule(self, call: ScheduleSms, zone: ZoneInfo) -> None:
        """Keeps one SMS until its time in the instance's zone; a time that is past is due at once."""
        at = call.calldate.replace(tzinfo=zone).timestamp()
        extra = {"calldate": str(call.calldate), "at": at}
        entry = Entry(channel="sms", campaign=call.campaign, to=call.destination, text=call.data, at=at, extra=extra)
        self.schedule.append(entry)

    def take_base(self, call: UploadBase) -> None:
        """Keeps the rows of an SMS base."""
        said = {"call": "uploadbase", "filename": call.filename, "campaign": call.campaign}
        self._take(said, bases.read_sms_rows(call.content), _of_sms)

    def take_dialer_base(self, call: UploadDialerBase) -> None:
        """Keeps the rows of an e-mail base."""
        said = {"call": "uploadDialerBase", "filename": call.filename, "dialer": call.dialer, "user": call.user}
        said |= {"subject": call.subject, "count": str(call.count)}
        subject = call.subject
        self._take(said, bases.read_email_rows(call.content), lambda row: _of_email(row, subject))

    def take_blacklist(self, call: UploadBlacklist) -> None:
        """Adds to the blacklist."""
        rows = bases.read_blacklist_rows(call.content)
        self.blacklist += [row for row in rows if isinstance(row, BlacklistRow)]
        said = {"call": "uploadMultiChannelBlacklist", "filename": call.filename, "user": call.user}
        self.uploads.append(Upload(said=said, entries=[], errors=[row for row in rows if isinstance(row, RowError)]))

    def _take(self, said: Mapping[str, Any], rows: Sequence[Any], entry: Callable[[Any], Entry]) -> None:
        errors = [row for row in rows if isinstance(row, RowError)]
        entries = [entry(row) for row in rows if not isinstance(row, RowError)]
        self.uploads.append(Upload(said=said, entries=entries, errors=errors))

    def due(self, now: float, known: Known) -> Iterator[Taken]:
        """What is to be sent by `now`: the schedule's first, for they have priority 1, then the rows by theirs."""
        rows = chain.from_iterable(upload.entries for upload in self.uploads)
        sources = (("schedule", self.schedule), ("upload", sorted(rows, key=lambda entry: entry.priority)))
        for source, entries in sources:
            for entry in entries:
                if entry.status == WAITING and entry.at <= now:
                    entry.status = self._fate(entry, known)
                    if entry.status == SENT:
                        yield entry.taken(source)

    def _fate(self, entry: Entry, known: Known) -> str:
        if not known(entry.campaign):
            return NO_CAMPAIGN
        return BLACKLISTED if any(_bars(row, entry) for row in self.blacklist) else SENT

    def state(self) -> dict[str, Any]:
        """As `/_state` shows it."""
        return {
            "schedule": [entry.line() for entry in self.schedule],
            "uploads": [upload.line() for upload in self.uploads],
            "blacklist": [{"address": row.address, "campaign": row.campaign} for row in self.blacklist],
        }


def _of_sms(row: SmsRow) -> Entry:
    return Entry(channel="sms", campaign=row.campaign, to=row.number, text=row.text, priority=row.priority)


def _of_email(row: EmailRow, subject: str | None) -> Entry:
    extra = {"subject": subject, "variables": dict(row.variables)}
    return Entry(
        channel="email", campaign=row.campaign, to=row.email, text=row.body, priority=row.priority, extra=extra
    )


def _bars(row: BlacklistRow, entry: Entry) -> bool:
    return row.address.lower() == entry.to.lower() and row.campaign in {None, entry.campaign}
