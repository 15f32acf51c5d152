"""Judging a row of a campaign by itself: the message that it becomes, or what is wrong with it and what mends it."""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from switchboard.dialects import sheets
from switchboard.dialects.sheets import Flaw, Flawed, Layout, Row
from switchboard.model.campaign import DIGEST, WINDOW_WORDS, Campaign, Columns, Missed, MissedRow
from switchboard.model.message import CONTROL, MAX_VARIABLES, Channel, Content, Recipient, Wording, is_html
from switchboard.model.problem import Refused
from switchboard.model.segments import sendable
from switchboard.model.template import placeholders, render, worded
from switchboard.routing import Route, route

_REFERENCE = re.compile(r"[^\x00-\x1f\x7f]{1,255}")
_LONGEST = 1024  # characters of one value
_BASES = {"sms": sheets.DIALER_SMS, "email": sheets.DIALER_EMAIL}
_WHOLE_TEXT = ("sms", "text")  # a base's value that is as long as an SMS may be


def base(name: str) -> Columns:
    """The columns of a base."""
    plain = _BASES[name].plain
    return Columns(to=plain.columns[1] if plain else 2, base=name)


def octets(wording: Wording) -> int:
    """How much of its batch's item a wording takes."""
    return len(json.dumps(asdict(wording), ensure_ascii=False).encode("utf-8", "replace"))


def layout(columns: Columns) -> Layout:
    """A campaign's columns as the reader of sheets has them."""
    if columns.base is not None:
        return _BASES[columns.base]
    return Layout(
        to=columns.to, reference=columns.reference, priority=columns.priority, variables=dict(columns.variables)
    )


@dataclass(frozen=True, slots=True)
class Fit:
    """A row that may be sent; `digest` is the same for the same address and the same rendered text.

    `wording` is what the row says in place of what all rows share.
    """

    recipient: Recipient
    digest: bytes
    wording: Wording | None = None


class _Said:
    """A content and what it asks of a row."""

    def __init__(self, content: Content, wording: Wording | None = None) -> None:
        self.content, self.wording = content, wording
        self.asked = frozenset() if content.literal else placeholders(content)
        self.wanted = sorted(self.asked - content.variables.keys())


class _Wrong(Exception):
    """What is wrong with a row: the column, its value, and what would mend it."""

    def __init__(self, column: str | int | None, value: str | None, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason, self.cure = column, value, reason, cure


class Judge:
    """What a campaign says of every row alike, worked out once."""

    def __init__(self, campaign: Campaign, routes: Sequence[Route]) -> None:
        self._campaign, self._routes = campaign, routes
        self._base = campaign.columns.base
        self._said = _Said(campaign.content)

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
        said = self._of(row)
        values = self._values(said, row)
        content = self._rendered(said, values)
        self._routed(said, to, row)
        recipient = Recipient(to=to, reference=reference, variables=values, row=row.number)
        return Fit(recipient, self._digest(said, to, content, values), said.wording)

    def _of(self, row: Row) -> _Said:
        """What is said to a row: what is said to all, in the words of a base's own row. Raises `_Wrong`."""
        if self._base is None:
            return self._said
        wording = _wording(row)
        if wording != self._said.wording:  # most rows say what the row before them says
            if octets(wording) > WINDOW_WORDS:
                raise _Wrong("body", wording.html or wording.text, "is too long", f"{WINDOW_WORDS} octets at most")
            self._said = _Said(worded(self._campaign.content, wording), wording)
        return self._said

    def _routed(self, said: _Said, to: str, row: Row) -> None:
        """Raises `_Wrong` where nobody carries it."""
        try:
            route(self._routes, said.content, to, self._campaign.provider)
        except Refused as refused:
            problem = refused.problems[0]
            if said.wording and problem.field == "campaign":
                raise _Wrong("campaign", said.wording.campaign, problem.reason, "write it so") from None
            cure = "name a provider that takes it, or leave the row out"
            raise _Wrong(self._campaign.columns.to, row.to, problem.reason, cure) from None

    def _address(self, cell: str) -> str:
        from switchboard.model.address import parse_email  # the numbering plans come along

        column = self._campaign.columns.to
        if self._campaign.content.channel is Channel.EMAIL:
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

    def _values(self, said: _Said, row: Row) -> dict[str, str]:
        """What the message uses of a row: the placeholders' values; all, where the provider fills a template in."""
        columns = self._campaign.columns.variables
        filled = {name: value for name, value in row.variables.items() if value.strip()}  # else the shared value holds
        for name in said.wanted:
            if name not in filled:
                cure = "fill the cell in, or give a value for all in variables"
                raise _Wrong(columns.get(name), None, f"has no value for {{{{{name}}}}}", cure)
        values = filled if said.content.template else {name: filled[name] for name in said.asked & filled.keys()}
        for name, value in values.items():
            if len(value) > _LONGEST and (self._base, name) != _WHOLE_TEXT:
                reason = f"has {len(value)} characters"
                raise _Wrong(columns.get(name), value, reason, f"{_LONGEST} at most: shorten it")
        if len(json.dumps(values, ensure_ascii=False).encode("utf-8", "replace")) > MAX_VARIABLES:
            raise _Wrong(None, None, "its values are too long together", f"{MAX_VARIABLES} octets at most")
        return values

    def _rendered(self, said: _Said, values: dict[str, str]) -> Content:
        """The content with the row's values. Raises `_Wrong` where these make something that cannot be sent."""
        if not said.asked:
            return said.content
        content = render(said.content, values)
        if CONTROL.search(content.subject or ""):
            raise _Wrong(None, content.subject, "puts a line break into the subject", "take it out of the cell")
        if content.channel is Channel.SMS and content.text is not None:
            try:
                sendable(content.text, content.encoding)
            except Refused as refused:
                raise _Wrong(None, content.text, refused.problems[0].reason, "shorten what the cells hold") from None
        return content

    def _digest(self, said: _Said, to: str, content: Content, values: dict[str, str]) -> bytes:
        """Where the text is everybody's, the address alone tells rows apart."""
        told = [to]
        if said.asked or said.wording:
            told += [content.text or "", content.subject or "", content.html or ""]
        if content.template:
            told += [f"{name}={value}" for name, value in sorted(values.items())]
        return hashlib.blake2b("\0".join(told).encode("utf-8", "replace"), digest_size=DIGEST).digest()


def _wording(row: Row) -> Wording:
    """What a base's row says of its own; an SMS is no wording but a value: no two rows need have the same."""
    campaign, body = row.variables[sheets.CAMPAIGN].strip(), row.variables.get(sheets.BODY)
    if body is None:
        return Wording(campaign=campaign)
    return Wording(campaign=campaign, html=body) if is_html(body) else Wording(campaign=campaign, text=body)


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
