"""From a file's lines to its rows, and what spoils one of them."""

import re
from collections.abc import Callable, Iterable, Iterator

from switchboard.dialects.sheets.cells import Cells, Lines, sound
from switchboard.dialects.sheets.header import BLANK, Empty, of_plain, opened
from switchboard.dialects.sheets.layout import (
    FIRST,
    LAST,
    SHOWN,
    Flaw,
    Flawed,
    Layout,
    Plain,
    Row,
    Unusable,
    pairs,
    priority,
)
from switchboard.dialects.sheets.numbers import AS_TEXT, AS_VALUES, ERROR, FORMULA
from switchboard.dialects.sheets.text import Source

_SIGNS = ("=", "#")  # what an error and a formula begin with
_CALLED = {"\t": "a tab", " ": "a blank"}
_WHOLE = re.compile(r"\.0+$")  # of a whole number that was a float once


def rows(pieces: Iterable[bytes], layout: Layout, beat: Callable[[], None] | None = None) -> Iterator[Row | Flaw]:
    """The rows of a file whose bytes come in pieces of any sizes: the same ones whatever the sizes.

    Blank lines, and those of nothing but separators, are no rows. Memory is that of one row, of 1 Mi characters at
    most. Raises `Unusable` before the first row or never: what ends the reading after it is the last flaw. `beat` is
    called every 64 KiB, however few rows are in them; what it raises comes out here.
    """
    source = Source(pieces, beat)
    lines = Lines(source.lines())
    try:
        table = _Table(lines, layout)
    except Empty:
        raise _nothing(source) from None
    number = 0
    while (line := lines.take()) is not None:
        begun = lines.number
        try:
            found: Row | Flaw | None = table.row(line, number + 1, begun)
        except Flawed as flawed:
            if source.damage and table.torn:
                lines.number = begun - 1
                break
            found = _flaw(number + 1, begun, flawed, line)
        if found is not None:
            number += 1
            yield found
    if not number:
        raise _nothing(source)
    if source.damage:
        yield _flaw(number + 1, lines.number + 1, Flawed(source.damage.reason, source.damage.cure), "")


def _nothing(source: Source) -> Unusable:
    return Unusable(source.damage.reason, source.damage.cure) if source.damage else Empty()


def _flaw(number: int, line: int, flawed: Flawed, said: str) -> Flaw:
    value = said if flawed.value is None else flawed.value
    return Flaw(
        number=number,
        line=line,
        column=flawed.column,
        value=value.strip()[:SHOWN],
        reason=flawed.reason,
        cure=flawed.cure,
    )


class _Table:
    """The rows of a file, from the line after its header on."""

    def __init__(self, lines: Lines, layout: Layout) -> None:
        self._plain = layout.plain
        if layout.plain:
            self._cells, self._columns = Cells(lines, layout.plain.separator), of_plain(layout, layout.plain)
        else:
            self._cells, self._columns = opened(lines, layout)
        self._blank = BLANK + self._cells.separator
        self._checked = () if layout.plain else self._columns.asked

    @property
    def torn(self) -> bool:
        """Whether the last row was looked for up to the end of the text."""
        return self._cells.ended

    def row(self, line: str, number: int, begun: int) -> Row | None:
        """The row that begins with this line; None where it is none. Raises `Flawed`."""
        if not line.strip(self._blank):
            return None
        cells = self._fields(self._plain, line) if self._plain else self._quoted(line)
        if not cells:
            return None
        columns = self._columns
        for at in self._checked:
            if cells[at].lstrip()[:1] in _SIGNS:
                cells[at] = self._unspoiled(at, cells[at])
        reference = "" if columns.reference is None else cells[columns.reference].strip()
        variables = {name: cells[at] for name, at in columns.variables}
        return Row(
            number=number,
            line=begun,
            to=cells[columns.to].strip(),
            reference=reference or None,
            priority=FIRST if columns.priority is None else self._priority(columns.priority, cells),
            variables=variables if columns.pairs is None else self._pairs(columns.pairs, cells) | variables,
        )

    def _quoted(self, line: str) -> list[str]:
        """The cells of a row, at least as many as are asked for; none of a row whose cells are all empty."""
        columns = self._columns
        cells = self._cells.of(line, columns.width)
        if len(cells) > columns.width:
            self._no_more(cells)
        elif len(cells) < columns.least:
            cells += [""] * (columns.least - len(cells))
        return cells if '"' not in line or any(map(str.strip, cells)) else []

    def _no_more(self, cells: list[str]) -> None:
        width, mark = self._columns.width, self._cells.separator
        over = mark.join(cells[width:]).strip(self._blank)
        if over:
            cure = f"put a cell that holds {_CALLED.get(mark, mark)} in double quotes"
            raise Flawed(f"has more cells than the {width} of this file", cure, str(width + 1), over)

    def _fields(self, plain: Plain, line: str) -> list[str]:
        """The cells of a line without quoting; none of the line that names them."""
        sound(line)
        if line.strip().lower() == plain.legend:
            return []
        try:
            cells = plain.split(line.rstrip("\r\n"))
        except ValueError as error:
            raise Flawed(f"has {error}", f"write the row as {plain.legend}") from None
        for name, cell in zip(plain.columns, cells, strict=True):
            if not cell.strip() and name not in plain.optional:
                raise Flawed("is empty", "fill it", name, "")
        return cells

    def _unspoiled(self, at: int, cell: str) -> str:
        """A cell of a column that is asked for. Raises `Flawed` where a spreadsheet's error or formula is in it."""
        if text := AS_TEXT.fullmatch(cell):
            return text[1]
        what = "an error of the spreadsheet" if ERROR.fullmatch(cell) else "a formula" if FORMULA.match(cell) else None
        if what:
            raise Flawed(f"is {what}, not a value", AS_VALUES, self._columns.name(at), cell)
        return cell

    def _priority(self, at: int, cells: list[str]) -> int:
        said = cells[at].strip()
        try:
            return priority(_WHOLE.sub("", said)) if said else LAST
        except ValueError:
            reason, cure = f"is not a number from {FIRST} to {LAST}", "write 1 for the rows that go first"
            raise Flawed(reason, cure, self._columns.name(at), said) from None

    def _pairs(self, at: int, cells: list[str]) -> dict[str, str]:
        try:
            return pairs(cells[at])
        except ValueError as error:
            cure = 'write them as "name":"value","name":"value"'
            raise Flawed(f"cannot be read: {error}", cure, self._columns.name(at), cells[at]) from None
