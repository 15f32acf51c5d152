"""What a file says of itself before its rows: the separator, the header's names, and so which column is what."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from switchboard.dialects.sheets.cells import Cells, Lines
from switchboard.dialects.sheets.layout import Flawed, Layout, Plain, Unusable

MAX_COLUMNS = 1000
BLANK = " \t\r\n\xa0\ufeff"
SEPARATORS = ";\t|,"

_SAMPLE_LINES, _SAMPLE = 50, 64 * 1024  # lines, characters
_SAID = re.compile(r'\ufeff?"?sep=([^"\w])"?[,;\t|]*', re.IGNORECASE)  # what Excel reads of a first line
_QUOTED = re.compile(r'(?:(?<=[;\t|,\r\n])|^)[ \xa0]*"[^"]*+(?:""[^"]*+)*+"')
_MARK = re.compile("^(?:\ufeff|ï»¿)+")  # of byte order, written twice or read as Windows-1252
_STRAY = re.compile("[\ufeff\u00ad\u200b-\u200f\u2060]")  # what nobody sees
_PLACEHOLDER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which cell of a row is what, from 0; `names` are the header's, or positions, as people are told them."""

    to: int
    reference: int | None
    priority: int | None
    pairs: int | None
    variables: tuple[tuple[str, int], ...]
    asked: tuple[int, ...]  # the columns of variables and the reference that the layout names
    least: int  # cells that a row is filled up to
    width: int  # cells beyond which a row holds too many
    names: tuple[str, ...]

    def name(self, at: int) -> str:
        """What a column is called."""
        return self.names[at] if at < len(self.names) and self.names[at] else str(at + 1)


class Empty(Unusable):
    """There is not one row in the file."""

    def __init__(self) -> None:
        super().__init__("is empty: it has no row", "upload a file with a row for every recipient")


def opened(lines: Lines, layout: Layout) -> tuple[Cells, Columns]:
    """Reads up to the first row. Raises `Unusable`."""
    said = _said(lines)
    sample = _sample(lines)
    if not sample:
        raise Empty
    separator = said or _likely(sample, layout)
    cells = Cells(lines, separator)
    if not layout.headed:
        return cells, _columns(layout, (), _width(sample, separator, layout))
    header = _header(lines, cells)
    return cells, _columns(layout, header, len(header))


def of_plain(layout: Layout, plain: Plain) -> Columns:
    """The columns of a file without a header that always has the same ones."""
    return replace(_columns(layout, (), len(plain.columns)), names=plain.columns)


def _said(lines: Lines) -> str | None:
    """The separator that the first line names, if that is what it is for."""
    line = lines.take()
    found = _SAID.fullmatch(line.rstrip("\r\n")) if line else None
    if line is not None and found is None:
        lines.give_back([line])
    return found[1] if found else None


def _sample(lines: Lines) -> list[str]:
    """The next lines, from the first that is not blank; they come again."""
    taken: list[str] = []
    while len(taken) < _SAMPLE_LINES and sum(map(len, taken)) < _SAMPLE and (line := lines.take()) is not None:
        if taken or line.strip(SEPARATORS + BLANK):
            taken.append(line)
    lines.give_back(taken)
    return taken


# --- the separator ----------------------------------------------------------------------------------------------------


def _likely(sample: Sequence[str], layout: Layout) -> str:
    """The separator that makes the best table of a sample; a comma where none is in its first line."""
    said = _bare(sample)
    return max(
        (mark for mark in SEPARATORS if mark in said[0]), key=lambda mark: _fit(said, mark, sample, layout), default=","
    )


def _fit(said: Sequence[str], mark: str, sample: Sequence[str], layout: Layout) -> tuple[int, float, int]:
    """How well a separator fits: columns found by name, rows as wide as the first, and what comes first in a line."""
    names = [_tidy(name) for name in _names(sample, mark)] if layout.headed else []
    found = sum(_match(names, column) != [] for column in layout.named.values() if isinstance(column, str))
    widths = [line.count(mark) for line in said]
    return found, widths.count(widths[0]) / len(widths), -said[0].index(mark)


def _names(sample: Sequence[str], mark: str) -> list[str]:
    try:
        return Cells(Lines(sample[1:]), mark).of(_MARK.sub("", sample[0]), MAX_COLUMNS)
    except Flawed:
        return []


def _bare(sample: Sequence[str]) -> list[str]:
    """The lines that are not blank, a letter standing for what is quoted in them."""
    lines = _QUOTED.sub("q", "".join(sample)).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line for line in lines if line.strip(BLANK + SEPARATORS)] or [""]


def _width(sample: Sequence[str], separator: str, layout: Layout) -> int:
    """How many cells most rows have, where no header says it."""
    widths = Counter(line.count(separator) + 1 for line in _bare(sample))
    needed = max(column for column in layout.named.values() if isinstance(column, int))
    return max(widths.most_common(1)[0][0], needed if max(widths) >= needed else 0)


# --- the header -------------------------------------------------------------------------------------------------------


def _header(lines: Lines, cells: Cells) -> tuple[str, ...]:
    """The names of the columns, tidied. Raises `Unusable`."""
    line = lines.take()
    while line is not None and not line.strip(SEPARATORS + BLANK):
        line = lines.take()
    try:
        names = cells.of(_MARK.sub("", line or ""), MAX_COLUMNS)
    except Flawed as flawed:
        raise Unusable(f"has a header that {flawed.reason}", flawed.cure) from None
    if len(names) > MAX_COLUMNS:
        raise Unusable(f"has more than {MAX_COLUMNS} columns", "delete the columns that the campaign does not use")
    return tuple(map(_tidy, names))


def _tidy(name: str) -> str:
    return _STRAY.sub("", name).strip()


def _loosely(name: str) -> str:
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", name)).casefold()


def _match(names: Sequence[str], wanted: str) -> list[int]:
    """The columns of this name: as it is written, else whatever its case, its blanks and the form of its accents."""
    exact = [at for at, name in enumerate(names) if name == wanted]
    return exact or [at for at, name in enumerate(names) if _loosely(name) == _loosely(wanted)]


def _columns(layout: Layout, names: tuple[str, ...], width: int) -> Columns:
    places = {field: _place(field, column, names, width) for field, column in layout.named.items()}
    explicit = {name: places[f"columns.variables.{name}"] for name in layout.variables}
    taken = set(places.values())
    counts = Counter(names)
    others = {
        name: at
        for at, name in enumerate(names)
        if at not in taken and counts[name] == 1 and _PLACEHOLDER.fullmatch(name)
    }
    return Columns(
        to=places["columns.to"],
        reference=places.get("columns.reference"),
        priority=places.get("columns.priority"),
        pairs=places.get("columns.pairs"),
        variables=tuple((others | explicit).items()),
        asked=tuple(sorted({*explicit.values(), *(at for at in [places.get("columns.reference")] if at is not None)})),
        least=1 + max({*taken, *others.values()}),
        width=width,
        names=names,
    )


def _place(field: str, column: str | int, names: tuple[str, ...], width: int) -> int:
    """Where a column is, from 0. Raises `Unusable`."""
    if isinstance(column, int):
        if 1 <= column <= width:
            return column - 1
        raise Unusable(f"has no column {column}: it has {width}", "name a position from 1, or another file", field)
    found = _match(names, column)
    if len(found) == 1:
        return found[0]
    if found:
        raise Unusable(f"has {len(found)} columns called {column}", "give each a name of its own", field)
    raise Unusable(f"has no column called {column}: {_listed(names)}", "name one of these columns", field)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(name[:_SHOWN] or "(blank)" for name in names[:_MOST])
    return f"its header has {shown}" + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")


_SHOWN, _MOST = 40, 20
