"""From the bytes of a file to its physical lines: gzip, encodings, line breaks; what is no table is refused here."""

import codecs
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import chain

from switchboard.dialects.sheets.layout import Unusable

BLOCK = 64 * 1024  # bytes looked at together: always the same ones, whatever the pieces they came in
MAX_LINE = 1024 * 1024  # characters; what a longer line has beyond this (and a block) is dropped
MAX_UNPACKED = 2 * 1024**3  # bytes
MAX_LINES = 100_000_000  # of a file, those that are blank too: a packed file of nothing else holds a worker for long
_HEAD = 4096  # bytes that tell the encoding

_AGAIN = "save the table as CSV (UTF-8) and send that file"
_UNPACK = "unpack it and send the CSV file that is in it"
_GZIP = b"\x1f\x8b"
_FORMATS = (  # how files begin that are no text, what they are, and what to do
    (b"PK\x03\x04", "a zip archive or a workbook such as .xlsx", "open it in its program, " + _AGAIN),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old workbook such as .xls", "open it in its program, " + _AGAIN),
    (b"%PDF-", "a PDF", _AGAIN),
    (_GZIP, "gzip inside gzip", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"(\xb5/\xfd", "a Zstandard archive", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"\x89PNG\r\n", "a picture", _AGAIN),
    (b"\xff\xd8\xff", "a picture", _AGAIN),
    (b"{\\rtf", "a text document", _AGAIN),
    (b"SQLite format 3\x00", "a database", _AGAIN),
    (b"PAR1", "a Parquet file", _AGAIN),
)
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|table|\?xml)\b", re.IGNORECASE)
_MARKS = (  # byte order marks; UTF-32 before the UTF-16 that it begins with
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WINDOWS = "switchboard.windows-1252"


@dataclass(frozen=True, slots=True)
class Damage:
    """Why the rest of a file was not read, and what to do."""

    reason: str
    cure: str


_TORN = Damage("the gzip file breaks off here: nothing from this line on was read", "upload the whole file again")
_BROKEN = Damage("the gzip file is damaged here: nothing from this line on was read", "pack and upload the file again")
_LARGE = Damage(
    "the file unpacks to more than 2 GiB: nothing from this line on was read", "split it into smaller files"
)
_LONG = Damage(
    f"the file has more than {MAX_LINES} lines: nothing from this line on was read",
    "delete the blank lines, or split it into smaller files",
)


class Source:
    """The text of a file; `damage` says, once its lines are over, why that was not its end.

    `beat` is called for every block of the text, however few rows are in it, and may raise what ends the reading.
    """

    def __init__(self, pieces: Iterable[bytes], beat: Callable[[], None] | None = None) -> None:
        self.damage: Damage | None = None
        self._pieces, self._beat = pieces, beat

    def lines(self) -> Iterator[str]:
        """The physical lines with their breaks, which are CRLF, LF or CR. Raises `Unusable`.

        One of more than MAX_LINE characters has lost its end. Of a file that breaks off the last line is not a line.
        """
        texts = _unbroken(self._texts())
        held: list[str] = []
        count = 0
        for text in texts:
            lines = list(StringIO(text, newline=""))
            count += len(lines)
            if count > MAX_LINES:
                self.damage = _LONG
                return
            if held and lines:
                if sum(map(len, held)) <= MAX_LINE:
                    held.append(lines[0])
                if not lines.pop(0).endswith(("\n", "\r")):
                    continue
                yield "".join(held)
                held = []
            if lines and not lines[-1].endswith(("\n", "\r")):
                held = [lines.pop()]
            yield from lines
        if held and self.damage is None:
            yield "".join(held)

    def _texts(self) -> Iterator[str]:
        blocks = _blocks(self._unpacked(_blocks(self._pieces)))
        head = next(blocks, b"")
        _refuse(head)
        decoder = codecs.getincrementaldecoder(encoding := _encoding(head))(
            errors=_WINDOWS if encoding.startswith("utf-8") else "replace"
        )
        for block in chain((head,), blocks):
            if self._beat:
                self._beat()
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)

    def _unpacked(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        head = next(blocks, b"")
        blocks = chain((head,), blocks)
        if not head.startswith(_GZIP):
            yield from blocks
            return
        total = 0
        for content in self._inflated(blocks):
            total += len(content)
            if total > MAX_UNPACKED:
                self.damage = _LARGE
                return
            yield content

    def _inflated(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The content of every member (RFC 1952 section 2.2), up to where the file is damaged."""
        member = zlib.decompressobj(_MEMBER)
        begun = True
        for block in blocks:
            rest = block
            while rest := rest if begun else rest.lstrip(b"\x00"):  # what fills up a tape's block
                begun = True
                try:
                    yield from _inflate(member, rest)
                except zlib.error:
                    self.damage = _BROKEN
                    return
                rest = member.unused_data
                if member.eof:
                    member, begun = zlib.decompressobj(_MEMBER), False
        if begun:
            self.damage = _TORN


_MEMBER = 16 + zlib.MAX_WBITS


def _inflate(member: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    """What a block unpacks to, never much of it at once. Raises zlib.error after all that stands before the damage."""
    while True:
        before = member.copy()
        try:
            content = member.decompress(packed, BLOCK)
        except zlib.error:
            for at in range(len(packed)):
                yield before.decompress(packed[at : at + 1])
            raise
        yield content
        packed = member.unconsumed_tail
        if member.eof or (not packed and len(content) < BLOCK):
            return


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of one size."""
    held = bytearray()
    for piece in pieces:
        for at in range(0, len(piece), BLOCK):
            held += piece[at : at + BLOCK]
            if len(held) >= BLOCK:
                yield bytes(held[:BLOCK])
                del held[:BLOCK]
    if held:
        yield bytes(held)


def _unbroken(texts: Iterator[str]) -> Iterator[str]:
    """The same text in pieces that never part a CR from its LF."""
    held = ""
    for text in texts:
        whole = held + text
        held = "\r" if whole.endswith("\r") else ""
        yield whole.removesuffix("\r")
    yield held


# --- encodings --------------------------------------------------------------------------------------------------------


def _refuse(head: bytes) -> None:
    for magic, what, cure in _FORMATS:
        if head.startswith(magic):
            raise Unusable(f"is {what}, not a CSV file", cure)
    if _MARKUP.match(head):
        raise Unusable("is a web page or XML, not a CSV file", "open it in a spreadsheet, " + _AGAIN)


def _encoding(head: bytes) -> str:
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    sample = head[:_HEAD]
    if b"\x00" not in sample:
        return "utf-8"
    # UTF-16 without a mark: digits, separators and Latin letters have one half that is zero, always the same one.
    zeros = {"utf-16-be": sample[0::2].count(0), "utf-16-le": sample[1::2].count(0)}
    encoding = max(zeros, key=lambda name: zeros[name])
    if zeros[encoding] * 20 < len(sample) or min(zeros.values()) * 10 > zeros[encoding]:
        raise Unusable("is not text: it holds zero bytes", _AGAIN)
    return encoding


def _windows_1252(error: UnicodeError) -> tuple[str, int]:
    """What is no UTF-8 is Windows-1252: a file may hold both, where tables were pasted together."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_WINDOWS, _windows_1252)
