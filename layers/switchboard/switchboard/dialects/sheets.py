"""Stand-in for the reader of sheets."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from switchboard.model.address import parse_phone
from switchboard.model.problem import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    to: str | int
    reference: str | int | None = None
    priority: str | int | None = None
    variables: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    number: int
    line: int
    to: str
    reference: str | None
    priority: int
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    number: int
    line: int
    column: str
    value: str
    reason: str
    cure: str


class Unusable(Exception):
    def __init__(self, reason: str, cure: str, field: str) -> None:
        self.reason, self.cure, self.field = reason, cure, field


class Flawed(Exception):
    def __init__(self, reason: str, cure: str) -> None:
        self.reason, self.cure = reason, cure


def phone(cell: str, region: str | None) -> str:
    try:
        return parse_phone(cell, region)
    except Refused as refused:
        raise Flawed(refused.problems[0].reason, "write it in E.164") from None


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode() + "\n"
    if rest:
        yield rest.decode()


def rows(pieces: Iterable[bytes], layout: Layout) -> Iterator[Row | Flaw]:
    reader = csv.reader(_lines(pieces))
    headers = next(reader, [])
    if layout.to not in headers:
        raise Unusable(
            f"has no column {layout.to}: headers found: {', '.join(headers)}", "name one of them", "columns.to"
        )
    for number, cells in enumerate(reader, start=1):
        said = dict(zip(headers, cells, strict=False))
        prio = said.get(layout.priority) if layout.priority else None
        line = reader.line_num
        if len(cells) != len(headers):
            yield Flaw(number=number, line=line, column="", value="", reason="wrong number of cells", cure="add")
            continue
        yield Row(
            number=number,
            line=line,
            to=said[layout.to],
            reference=said.get(layout.reference) if layout.reference else None,
            priority=int(prio or 1),
            variables={name: said[column] for name, column in layout.variables.items()},
        )
