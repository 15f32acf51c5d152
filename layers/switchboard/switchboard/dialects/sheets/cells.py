"""From physical lines to cells: quoting, cells of several lines, and quotes that are never closed."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from switchboard.dialects.sheets.layout import Flawed
from switchboard.dialects.sheets.text import MAX_LINE

MAX_LINES = 5000  # of one row
_BREAKS = "\r\n"
_BLANKS = " \t\xa0"

_CLOSING = re.compile(r'([^"]*+(?:""[^"]*+)*+)"')
_DOUBLE = 'write every " inside a quoted cell twice'


class Lines:
    """Physical lines one at a time; what was looked ahead at may be given back. `number` is that of the last one."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._back: list[str] = []
        self.number = 0

    def take(self) -> str | None:
        """The next line; None after the last."""
        line = self._back.pop() if self._back else next(self._lines, None)
        if line is not None:
            self.number += 1
        return line

    def give_back(self, lines: list[str]) -> None:
        """Takes back the last lines that were taken."""
        self._back.extend(reversed(lines))
        self.number -= len(lines)


class Cells:
    """Cuts lines into cells at a separator, with quotes as RFC 4180 has them and as people write them.

    A cell is quoted where its first character that is no blank is a quote; anywhere else a quote is a quote. A quote
    that is not closed within MAX_LINE characters and MAX_LINES lines, or after which the cell goes on, spoils its own
    line alone. What is spent on looking ahead in vain is paid back by the lines that follow, so that no file makes this
    slower than a small multiple of its length.
    """

    def __init__(self, lines: Lines, separator: str) -> None:
        self._lines = lines
        self.separator = separator
        self._between = f'"{separator}"'
        self._marks = _marks(separator)
        self._ahead: list[str] = []
        self._patience = MAX_LINE
        self._scanned = 0
        self.ended = False

    def of(self, line: str, most: int = -1) -> list[str]:
        """The cells of the row that begins with this line; beyond the first `most`, several may come as one.

        Raises `Flawed`, and whatever was looked ahead at comes again; `ended` says whether that was all there is.
        """
        sound(line)
        if self._patience < MAX_LINE:
            self._patience = min(MAX_LINE, self._patience + 4 * len(line))
        if '"' not in line:
            return line.rstrip(_BREAKS).split(self.separator, most)
        if cells := self._all_quoted(line.rstrip(_BREAKS)):
            return cells
        self._ahead, self._scanned, self.ended = [], 0, False
        try:
            return list(self._cells(line))
        except Flawed:
            self._lines.give_back(self._ahead)
            self._patience -= self._scanned
            raise

    def _all_quoted(self, line: str) -> list[str]:
        """The cells of a line that quotes each and has no other quote; none of any other line."""
        if line[0] != '"' or line[-1] != '"' or len(line) < 2:
            return []
        cells = line[1:-1].split(self._between)
        return cells if line.count('"') == 2 * len(cells) else []

    def _cells(self, line: str) -> Iterator[str]:
        marks, at, more = self._marks, 0, True
        while more:
            cell = None
            if opened := marks.opening.match(line, at):
                cell, line, at = self._quoted(line, opened.end())
            end = (marks.plain if cell is None else marks.end).match(line, at)
            if end is None:
                raise _unclosed() if self._ahead else Flawed("goes on after its closing quote", _DOUBLE, value=cell)
            yield end[1] if cell is None else cell
            at, more = end.end(), end["separator"] is not None

    def _quoted(self, line: str, at: int) -> tuple[str, str, int]:
        """The cell up to its closing quote, the line that holds this, and the place after it."""
        parts = []
        while not (closed := _CLOSING.match(line, at)):
            parts.append(line[at:])
            line, at = self._next(), 0
        parts.append(closed[1])
        return "".join(parts).replace('""', '"'), line, closed.end()

    def _next(self) -> str:
        line = self._lines.take()
        self.ended = line is None
        if line is not None:
            self._ahead.append(line)
            self._scanned += len(line)
            if self._scanned <= self._patience and len(self._ahead) < MAX_LINES:
                sound(line)
                return line
        raise _unclosed()


def _unclosed() -> Flawed:
    return Flawed("has a quote that is never closed", f"close it, or quote the whole cell and {_DOUBLE}")


def sound(line: str) -> None:
    """Raises `Flawed` for a line that is too long to be read, or no text."""
    if len(line) > MAX_LINE:
        raise Flawed(f"is longer than {MAX_LINE} characters", "break the lines between the rows and save it again")
    if "\x00" in line:
        raise Flawed("holds a zero byte, which is no text", "delete what stands there and write it again")


@dataclass(frozen=True, slots=True)
class _Marks:
    opening: re.Pattern[str]
    end: re.Pattern[str]
    plain: re.Pattern[str]


@cache
def _marks(separator: str) -> _Marks:
    """How a quoted cell begins and ends, and a whole cell without quotes, each with the separator behind it."""
    blanks = f"[{_BLANKS.replace(separator, '')}]*+"
    end = f"(?P<separator>{re.escape(separator)})"
    return _Marks(
        opening=re.compile(f'{blanks}"'),
        end=re.compile(f"{blanks}(?:{end}|[\r\n]*\\Z)"),
        plain=re.compile(f"([^{re.escape(separator)}\r\n]*+){end}?"),
    )
