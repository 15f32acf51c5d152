"""Judging a row of a campaign by itself: the message that it becomes, or what is wrong with it and what mends it."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from switchboard.dialects import sheets
from switchboard.dialects.sheets import Flaw, Flawed, Layout, Row
from switchboard.model.campaign import DIGEST, Campaign, Columns, Missed, MissedRow
from switchboard.model.message import CONTROL, MAX_VARIABLES, Channel, Content, Recipient
from switchboard.model.problem import Refused
from switchboard.model.segments import sendable
from switchboard.model.template import placeholders, render
from switchboard.routing import Route, route

_REFERENCE = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_LONGEST = 1024  # characters of one value
_BASES = {"sms": sheets.DIALER_SMS, "email": sheets.DIALER_EMAIL}


def layout(columns: Columns) -> Layout:
    """A campaign's columns as the reader of sheets has them."""
    if columns.base is not None:
        return _BASES[columns.base]
    return Layout(
        to=columns.to, reference=columns.reference, priority=columns.priority, variables=dict(columns.variables)
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """A row that may be sent; `digest` is the same for the same address and the same rendered text."""

    recipient: Recipient
    digest: bytes


class _Wrong(Exception):
    """What is wrong with a row: the column, its value, and what would mend it."""

    def __init__(self, column: str | int | None, value: str | None, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.cure = column, value, reason, cure


class Judge:
    """What a campaign says of every row alike, worked out once."""

    def __init__(self, campaign: Campaign, routes: Sequence[Route]) -> None:
        self._campaign, self._content, self._routes = campaign, campaign.content, routes
        self._asked = frozenset() if self._content.literal else placeholders(self._content)
        self._wanted = sorted(self._asked - self._content.variables.keys())

    def row(self, row: Row | Flaw) -> Fit | MissedRow:
        """What becomes of a row."""
        if isinstance(row, Flaw):
            return missed_flaw(row)
        try:
            return self._fit(row)
        except _Wrong as wrong:
            return MissedRow(
                kind=Missed.REFUSED,
                row=row.number,
                line=row.line,
                to=row.to,
                reference=row.reference or None,
                column=None if wrong.column is None else str(wrong.column),
                value=wrong.value,
                reason=wrong.reason,
                cure=wrong.cure,
            )

    def _fit(self, row: Row) -> Fit:
        to = self._address(row.to)
        reference = row.reference or None
        if reference and not _REFERENCE.fullmatch(reference):
            raise _Wrong(
                self._campaign.columns.reference, reference, "is no reference", "one line, 255 characters at most"
            )
        values = self._values(row)
        content = self._rendered(values)
        try:
            route(self._routes, self._content, to, self._campaign.provider)
        except Refused as refused:
            cure = "name a provider that takes it, or leave the row out"
            raise _Wrong(self._campaign.columns.to, row.to, refused.problems[0].reason, cure) from None
        recipient = Recipient(to=to, reference=reference, variables=values, row=row.number)
        return Fit(recipient, self._digest(to, content, values))

    def _address(self, cell: str) -> str:
        from switchboard.model.address import parse_email  # the numbering plans come along

        column = self._campaign.columns.to
        if self._content.channel is Channel.EMAIL:
            try:
                return parse_email(cell)
            except Refused as refused:
                raise _Wrong(
                    column, cell, refused.problems[0].reason, "write one address, as ann@example.com"
                ) from None
        try:
            return sheets.phone(cell, self._campaign.region)
        except Flawed as flawed:
            raise _Wrong(column, cell, flawed.reason, flawed.cure) from None

    def _values(self, row: Row) -> dict[str, str]:
        """What the message uses of a row: the placeholders' values; all, where the provider fills a template in."""
        columns = self._campaign.columns.variables
        filled = {name: value for name, value in row.variables.items() if value.strip()}  # else the shared value holds
        for name in self._wanted:
            if name not in filled:
                cure = "fill the cell in, or give a value for all in variables"
                raise _Wrong(columns.get(name), None, f"has no value for {{{{{name}}}}}", cure)
        values = filled if self._content.template else {name: filled[name] for name in self._asked & filled.keys()}
        for name, value in values.items():
            if len(value) > _LONGEST:
                reason = f"has {len(value)} characters"
                raise _Wrong(columns.get(name), value, reason, f"{_LONGEST} at most: shorten it")
        if len(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")) > MAX_VARIABLES:
            raise _Wrong(None, None, "its values are too long together", f"{MAX_VARIABLES} octets at most")
        return values

    def _rendered(self, values: dict[str, str]) -> Content:
        """The content with the row's values. Raises `_Wrong` where these make something that cannot be sent."""
        if not self._asked:
            return self._content
        content = render(self._content, values)
        if CONTROL.search(content.subject or ""):
            raise _Wrong(None, content.subject, "puts a line break into the subject", "take it out of the cell")
        if content.channel is Channel.SMS and content.text is not None:
            try:
                sendable(content.text, content.encoding)
            except Refused as refused:
                raise _Wrong(None, content.text, refused.problems[0].reason, "shorten what the cells hold") from None
        return content

    def _digest(self, to: str, content: Content, values: dict[str, str]) -> bytes:
        """Without placeholders the text is everybody's, and the address alone tells rows apart."""
        said = [to]
        if self._asked:
            said += [content.text or "", content.subject or "", content.html or ""]
        if self._content.template:
            said += [f"{name}={value}" for name, value in sorted(values.items())]
        return hashlib.blake2b("\0".join(said).encode("utf-8", "replace"), digest_size=DIGEST).digest()


def missed_flaw(flaw: Flaw) -> MissedRow:
    """A row that could not be read."""
    return MissedRow(
        kind=Missed.REFUSED,
        row=flaw.number,
        line=flaw.line,
        column=flaw.column or None,
        value=flaw.value,
        reason=flaw.reason,
        cure=flaw.cure,
    )


def missed_twin(row: Row, to: str, first: int) -> MissedRow:
    """A row that says the same to the same address as an earlier one."""
    return MissedRow(
        kind=Missed.DUPLICATE,
        row=row.number,
        line=row.line,
        to=to,
        reference=row.reference or None,
        reason=f"is the same message to the same address as row {first}",
        cure="allow_duplicates sends it again",
    )
