"""Campaign files: what people save as CSV, file by file, and any table and any bytes at all."""

import csv
import gzip
import io
import json
import re
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from switchboard.dialects import sheets
from switchboard.dialects.sheets import DIALER_SMS, Flaw, Flawed, Layout, Row, Unusable, phone, rows, text

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "csv"
FILES = sorted(path for path in SAMPLES.iterdir() if path.suffix != ".json" and not path.name.startswith("."))
HEADED = Layout(to="phone", variables={"name": "name"})
DEFAULTS = {"reference": None, "priority": 1}


def cut(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def read(pieces: Iterable[bytes], layout: Layout) -> list[Row | Flaw | Unusable]:
    found: list[Row | Flaw | Unusable] = []
    try:
        found.extend(rows(pieces, layout))
    except Unusable as unusable:
        found.append(unusable)
    return found


def said(found: Row | Flaw | Unusable, layout: Layout, region: str | None) -> dict[str, Any]:
    """What was found as the samples say it: a row with its phone number, or what is wrong with that."""
    if isinstance(found, Unusable):
        return {"unusable": found.field, "reason": found.reason, "cure": found.cure}
    if isinstance(found, Flaw):
        return {"flaw" if key == "number" else key: value for key, value in asdict(found).items()}
    row = {"row" if key == "number" else key: value for key, value in asdict(found).items()}
    if layout == sheets.DIALER_EMAIL:
        return row | {"phone": None}
    try:
        row["phone"] = phone(row.pop("to"), region)
    except Flawed as flawed:
        flaw = {"column": str(layout.to), "value": found.to[:40], "reason": flawed.reason, "cure": flawed.cure}
        return {"flaw": found.number, "line": found.line} | flaw
    return row


def test_there_are_enough_nasty_files() -> None:
    assert len(FILES) >= 60
    assert {f"{path.name}.json" for path in FILES} == {path.name for path in SAMPLES.glob("*.json")}


@pytest.mark.parametrize("size", [1, 7, 64 * 1024])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_nasty_file_is_read_as_its_outcome_says(path: Path, size: int) -> None:
    case = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
    named = case["layout"]
    layout = getattr(sheets, named) if isinstance(named, str) else Layout(**named)
    found = read(cut(path.read_bytes(), size), layout)
    wanted = [DEFAULTS | one if "row" in one else one for one in case["outcome"]]
    assert [said(one, layout, case["region"]) for one in found] == wanted


# --- any table --------------------------------------------------------------------------------------------------------

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252")
IDIOMS = ("=", "#")  # what a spreadsheet means something else by
letters = st.characters(codec="cp1252", exclude_categories=["Cc"]) | st.sampled_from("\r\n\t,;|\"' €ñ")
cells = st.text(letters, max_size=12).filter(lambda cell: not cell.lstrip().startswith(IDIOMS))
tables = st.lists(st.tuples(st.from_regex(r"[0-9]{8,12}", fullmatch=True), cells, cells), min_size=1, max_size=70)


@settings(deadline=None, max_examples=300)
@given(
    table=tables,
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(ENCODINGS),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    ending=st.sampled_from(["\r\n", "\n", "\r"]),
    size=st.sampled_from([1, 3, 1000]),
    packed=st.booleans(),
)
def test_any_table_is_read_as_it_was_written(
    table: list[tuple[str, str, str]],
    separator: str,
    encoding: str,
    quoting: Any,
    ending: str,
    size: int,
    packed: bool,
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=quoting, lineterminator=ending)
    writer.writerows([("phone", "name", "the note"), *table])
    content = written.getvalue().encode(encoding)
    assume(encoding != "cp1252" or not re.search(rb"[\xc2-\xf4][\x80-\xbf]", content))  # which would be UTF-8 too
    found = read(
        cut(gzip.compress(content) if packed else content, size),
        Layout(to="phone", variables={"name": "name", "note": "The Note"}),
    )
    assert all(isinstance(row, Row) for row in found)
    assert [(row.to, row.variables) for row in found if isinstance(row, Row)] == [
        (to, {"name": name, "note": note}) for to, name, note in table
    ]
    assert [row.number for row in found if isinstance(row, Row)] == list(range(1, len(table) + 1))


PIECES = [
    b'"',
    b'""',
    b",",
    b";",
    b"\n",
    b"\r\n",
    b"\r",
    b"phone,name\n",
    b"a",
    b"\x00",
    b"\xff\xfe",
    b"\x1f\x8b",
    b"\xe9",
]


@settings(deadline=None, max_examples=500)
@given(
    content=st.binary(max_size=300)
    | st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join)
    | st.lists(st.sampled_from(PIECES), max_size=60).map(lambda pieces: b"phone,name\n" + b"".join(pieces))
    | st.binary(max_size=99).map(lambda rest: gzip.compress(b"phone,name\n1,2\n") + rest),
    layout=st.sampled_from([HEADED, DIALER_SMS, sheets.DIALER_EMAIL, Layout(to=1, variables={"name": 2})]),
    size=st.integers(1, 20),
)
def test_any_bytes_are_rows_and_flaws_or_unusable_and_the_same_in_any_pieces(
    content: bytes, layout: Layout, size: int
) -> None:
    found = read([content], layout)
    outcomes = [said(one, layout, "UY") for one in found]
    assert outcomes == [said(one, layout, "UY") for one in read(cut(content, size), layout)]
    numbers = [one.number for one in found if not isinstance(one, Unusable)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [isinstance(one, Unusable) for one in found] == [not numbers] * len(found)
    lines = [one.line for one in found if not isinstance(one, Unusable)]
    assert lines == sorted(set(lines))


@settings(deadline=None, max_examples=1000)
@given(
    cell=st.text(max_size=30) | st.text("0123456789+-.,/() eE='\"", max_size=20),
    region=st.sampled_from(["UY", "IT", None]),
)
def test_any_cell_is_a_number_or_flawed(cell: str, region: str | None) -> None:
    try:
        assert phone(cell, region).startswith("+")
    except Flawed as flawed:
        assert flawed.reason
        assert flawed.cure


# --- any size ---------------------------------------------------------------------------------------------------------

MEGABYTE = 1024 * 1024


def test_memory_is_flat() -> None:
    """Some 200 MB: rows, one line of 60 MB, a quote that is never closed, and rows again."""
    name = b"Ana, dear, " * 90
    quoted = b"".join(b'098344%03d,"%s",Montevideo\r\n' % (number, name) for number in range(1000))
    bare = quoted.replace(b'"', b"").replace(b", ", b" ")

    def pieces() -> Iterator[bytes]:
        yield b"phone,name,city\r\n"
        yield from [quoted] * 70
        yield from [b"x" * MEGABYTE] * 60
        yield b'\r\n098344484,"never closed\r\n'
        yield from [bare] * 70

    tracemalloc.start()
    try:
        found = Counter(getattr(row, "reason", "") for row in rows(pieces(), HEADED))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == {"": 140_000, "is longer than 1048576 characters": 1, "has a quote that is never closed": 1}
    assert peak < 8 * MEGABYTE


def test_what_unpacks_to_too_much_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_UNPACKED", MEGABYTE)
    row = b"098344484,Ana\n"
    *good, last = rows([gzip.compress(b"phone,name\n" + row * 100_000)], HEADED)
    assert all(isinstance(one, Row) for one in good)
    assert MEGABYTE - 2 * text.BLOCK < len(good) * len(row) < MEGABYTE
    assert isinstance(last, Flaw)
    assert last.reason == "the file unpacks to more than 2 GiB: nothing from this line on was read"
    assert (last.number, last.line, last.cure) == (len(good) + 1, len(good) + 2, "split it into smaller files")


def test_what_has_too_many_lines_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "MAX_LINES", 300_000)
    good, last = rows([b"phone,name\n098344484,Ana\n", b"\n" * 400_000, b"098344485,Bob\n"], HEADED)
    assert isinstance(good, Row) and isinstance(last, Flaw)
    assert last.reason == "the file has more than 100000000 lines: nothing from this line on was read"
    assert 300_000 - 2 * text.BLOCK < last.line <= 300_000


def test_every_block_is_told_of_and_what_that_raises_comes_out() -> None:
    class Enough(Exception):
        """The clock says so."""

    def beat() -> None:
        beats.append(1)
        if len(beats) == 5:
            raise Enough

    beats: list[int] = []
    with pytest.raises(Enough):
        list(sheets.rows([b"phone,name\n", b"\n" * MEGABYTE], HEADED, beat))


@pytest.mark.parametrize("line", [b'a","\n', b'"\n', b'"""\n', b'x,"y\n', b'","\n'])
def test_no_line_makes_reading_slow(line: bytes) -> None:
    """Every look ahead in vain is paid for: half a MB takes a second or two, whatever its quotes."""
    begun = process_time()
    content = b"phone,name\n" + line * (MEGABYTE // 2 // len(line)) + b"098344484,Ana\n"
    assert all(rows([content], HEADED))
    assert process_time() - begun < 10


def test_an_open_quote_looks_ahead_as_far_as_a_long_cell_and_no_further() -> None:
    long = "line\n" * 4000
    found = read([f'phone,name\n098344484,"{long}"\n'.encode()], HEADED)
    assert [said(row, HEADED, "UY") for row in found] == [
        DEFAULTS | {"row": 1, "line": 2, "phone": "+59898344484", "variables": {"name": long}}
    ]
    found = read([f'phone,name\n098344484,"{long * 2}"\n'.encode()], HEADED)
    assert isinstance(found[0], Flaw)
    assert found[0].reason == "has a quote that is never closed"
    assert [row.line for row in found if not isinstance(row, Unusable)] == list(range(2, 8003))


def test_a_header_may_be_wide_and_not_wider() -> None:
    names = ",".join(f"c{number}" for number in range(999))
    assert read([f"phone,{names}\n098344484\n".encode()], Layout(to="phone"))
    with pytest.raises(Unusable, match="more than 1000 columns"):
        list(rows([f"phone,{names},c\n098344484\n".encode()], Layout(to="phone")))
