"""The dialers' bases and blacklists as CSV files, both ways (sections 2.2, 2.3): pure functions between rows and bytes.

No header, semicolons, a line a row, and no quoting: what holds the separator or a line break has no escape. Written in
UTF-8 with LF; read in UTF-8, with its mark or without, else in Windows-1252, and with any line break. When read, one
bad row does not lose the others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from switchboard.dialects.sheets.layout import EMAIL_BASE, LAST, SMS_BASE, pairs, priority


@dataclass(frozen=True, slots=True, kw_only=True)
class SmsRow:
    """One SMS of an SMS dialer's base."""

    campaign: str
    number: str
    text: str
    priority: int = LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailRow:
    """One e-mail of an e-mail dialer's base; `variables` are for the placeholders of the body."""

    campaign: str
    email: str
    body: str
    variables: Mapping[str, str] = field(default_factory=dict)
    priority: int = LAST


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistRow:
    """An address that is not to be sent to: by one campaign, or by any."""

    address: str
    campaign: str | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """A line that is no row: its number in the file, from 1, and the reason."""

    line: int
    reason: str


class UnwritableRow(Exception):
    """A row that the format has no way to write: its number among the rows, from 1, and the reason."""

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(f"row {row}: {reason}")
        self.row, self.reason = row, reason


Row = TypeVar("Row")

_BREAK = re.compile(r"\r\n|\r|\n")


# --- bytes and lines --------------------------------------------------------------------------------------------------


def _read(content: bytes, read: Callable[[str], Row]) -> tuple[Row | RowError, ...]:
    return tuple(_row(number, line, read) for number, line in _lines(content))


def _row(number: int, line: str, read: Callable[[str], Row]) -> Row | RowError:
    try:
        return read(line)
    except ValueError as error:
        return RowError(number, str(error))


def _lines(content: bytes) -> Iterator[tuple[int, str]]:
    try:
        said = content.decode("utf-8-sig")
    except ValueError:
        said = content.decode("cp1252", "replace")
    numbered = enumerate(_BREAK.split(said), 1)
    return ((number, line) for number, line in numbered if line.strip() and line.strip().lower() != SMS_BASE.legend)


def _write(rows: Iterable[Row], write: Callable[[Row], str]) -> bytes:
    return b"".join(_line(number, row, write) for number, row in enumerate(rows, 1))


def _line(number: int, row: Row, write: Callable[[Row], str]) -> bytes:
    try:
        return write(row).encode() + b"\n"
    except UnicodeEncodeError:
        raise UnwritableRow(number, "holds half of a surrogate pair") from None
    except ValueError as error:
        raise UnwritableRow(number, str(error)) from None


# --- fields; what is wrong with one is a ValueError -------------------------------------------------------------------


def _named(name: str, said: str) -> str:
    if not said.strip():
        raise ValueError(f"no {name}")
    return said.strip()


def _body(name: str, said: str) -> str:
    _named(name, said)
    return said  # with the blanks around it


def _writable(name: str, said: str, forbidden: str) -> str:
    """A field that reads back as what it is."""
    found = next((character for character in forbidden if character in said), None)
    if found is not None:
        what = {"\n": "a line break", "\r": "a line break"}.get(found, found)
        raise ValueError(f"the {name} holds {what}, which the format cannot carry")
    return said


def _plainly(name: str, said: str) -> str:
    if _named(name, said) != said or said.startswith("\ufeff"):
        raise ValueError(f"the {name} has blanks around it, or begins with a byte order mark")
    return _writable(name, said, ";\r\n")


def _ranked(rank: int) -> str:
    return str(priority(str(rank)))


# --- SMS: campaign;number;text;priority -------------------------------------------------------------------------------


def read_sms_rows(content: bytes) -> tuple[SmsRow | RowError, ...]:
    """The rows of an SMS base, as the vendor reads them: the text is all between the second `;` and the last."""
    return _read(content, _read_sms)


def write_sms_rows(rows: Iterable[SmsRow]) -> bytes:
    """As the client. Raises `UnwritableRow`, also for a text that holds `;`: nobody promises that it arrives whole."""
    return _write(rows, _write_sms)


def _read_sms(line: str) -> SmsRow:
    campaign, number, text, said = SMS_BASE.split(line)
    return SmsRow(
        campaign=_named("campaign", campaign),
        number=_named("number", number),
        text=_body("text", text),
        priority=priority(said),
    )


def _write_sms(row: SmsRow) -> str:
    fields = (_plainly("campaign", row.campaign), _plainly("number", row.number))
    return ";".join((*fields, _writable("text", _body("text", row.text), ";\r\n"), _ranked(row.priority)))


# --- e-mail: campaign;email;body;<empty>;"Var1":"value","Var2":"value";priority ---------------------------------------


def read_email_rows(content: bytes) -> tuple[EmailRow | RowError, ...]:
    """The rows of an e-mail base: the body is all between the second `;` and the last three fields."""
    return _read(content, _read_email)


def write_email_rows(rows: Iterable[EmailRow]) -> bytes:
    """As the client; a body of HTML may hold `;`. Raises `UnwritableRow`."""
    return _write(rows, _write_email)


def _read_email(line: str) -> EmailRow:
    campaign, email, body, empty, variables, said = EMAIL_BASE.split(line)
    if empty.strip():
        raise ValueError("the fourth field is not empty")
    return EmailRow(
        campaign=_named("campaign", campaign),
        email=_named("email", email),
        body=_body("body", body),
        variables=pairs(variables),
        priority=priority(said),
    )


def _write_email(row: EmailRow) -> str:
    fields = (_plainly("campaign", row.campaign), _plainly("email", row.email))
    body = _writable("body", _body("body", row.body), "\r\n")
    variables = ",".join(f"{_quoted(name)}:{_quoted(value)}" for name, value in row.variables.items())
    return ";".join((*fields, body, "", variables, _ranked(row.priority)))


_UNQUOTABLE = ';"\\' + "".join(map(chr, range(32)))


def _quoted(said: str) -> str:
    if any(character in _UNQUOTABLE for character in said):
        raise ValueError("a variable holds a semicolon, a quote, a backslash or a control character")
    return f'"{said}"'


# --- blacklist: address, or campaign;address --------------------------------------------------------------------------


def read_blacklist_rows(content: bytes) -> tuple[BlacklistRow | RowError, ...]:
    """The rows of a blacklist, in either form."""
    return _read(content, _read_blacklist)


def write_blacklist_rows(rows: Iterable[BlacklistRow]) -> bytes:
    """As the client. Raises `UnwritableRow`."""
    return _write(rows, _write_blacklist)


def _read_blacklist(line: str) -> BlacklistRow:
    *campaign, address = line.split(";")
    if len(campaign) > 1:
        raise ValueError("more than 2 fields")
    return BlacklistRow(address=_named("address", address), campaign="".join(campaign).strip() or None)


def _write_blacklist(row: BlacklistRow) -> str:
    address = _plainly("address", row.address)
    return address if row.campaign is None else f"{_plainly('campaign', row.campaign)};{address}"
