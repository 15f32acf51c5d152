"""How an SMS text is coded and cut into the parts that a handset puts together again (GSM 03.38, 03.40)."""

from dataclasses import dataclass

from switchboard.model.message import Encoding
from switchboard.model.problem import Problem, Refused

GSM_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION = frozenset("\f^{}\\[~]|€")  # each an escape and one more septet
GSM = GSM_BASIC | GSM_EXTENSION

MAX_PARTS = 10  # of one SMS: a longer text is a mistake more often than a message

# What one message holds alone, and what each part holds beside the header that joins it to the others.
LIMITS = {Encoding.GSM: (160, 153), Encoding.UCS2: (70, 67), Encoding.LATIN1: (140, 134)}


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text costs. `encoding` is never `auto`; `units` are septets with escapes, UTF-16 units or octets."""

    encoding: Encoding
    units: int
    parts: int


def is_gsm(text: str) -> bool:
    """Whether every character is in GSM 03.38's basic table or its extension."""
    return GSM.issuperset(text)


def is_latin1(text: str) -> bool:
    """Whether every character is in ISO-8859-1."""
    return all(character <= "\xff" for character in text)


def resolve(text: str, encoding: Encoding) -> Encoding:
    """The encoding that the text goes out in; `Refused` when the one asked for cannot carry it."""
    if encoding is Encoding.AUTO:
        encoding = Encoding.GSM if is_gsm(text) else Encoding.UCS2
    carried, alphabet = _CARRIES[encoding]
    if not carried(text):
        raise Refused(Problem("text", f"holds a character that {alphabet} does not have"))
    return encoding


def split(text: str, encoding: Encoding) -> tuple[str, ...]:
    """The parts as a handset receives them: an escape pair or a surrogate pair stays in one; an empty text is one part.

    Raises `Refused` when the encoding cannot carry the text.
    """
    encoding = resolve(text, encoding)
    alone, joined = LIMITS[encoding]
    widths = _widths(text, encoding)
    if sum(widths) <= alone:
        return (text,)
    parts, start, filled = [], 0, 0
    for index, width in enumerate(widths):
        if filled + width > joined:
            parts.append(text[start:index])
            start, filled = index, 0
        filled += width
    return (*parts, text[start:])


def sendable(text: str, encoding: Encoding = Encoding.AUTO) -> Segments:
    """What the text costs as one SMS; `Refused` where there is nothing in it, or more than an SMS is meant for."""
    if not text.strip():
        raise Refused(Problem("text", "makes an SMS without a text"))
    # Longer than any encoding allows: not worth counting.
    segments = count(text, encoding) if len(text) <= MAX_PARTS * LIMITS[Encoding.GSM][0] else None
    if segments is None or segments.parts > MAX_PARTS:
        parts = f"{segments.parts}" if segments else f"more than {MAX_PARTS}"
        raise Refused(Problem("text", f"makes an SMS of {parts} parts: {MAX_PARTS} at most"))
    return segments


def count(text: str, encoding: Encoding = Encoding.AUTO) -> Segments:
    """What the text costs in this encoding; `Refused` when it cannot carry it."""
    encoding = resolve(text, encoding)
    return Segments(encoding, sum(_widths(text, encoding)), len(split(text, encoding)))


def _widths(text: str, encoding: Encoding) -> list[int]:
    """The units of each character."""
    if encoding is Encoding.GSM:
        return [2 if character in GSM_EXTENSION else 1 for character in text]
    return [2 if character > "\uffff" else 1 for character in text]


def _is_unicode(text: str) -> bool:
    """Whether it has no half of a surrogate pair, which no encoding can carry."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


_CARRIES = {
    Encoding.GSM: (is_gsm, "GSM 03.38"),
    Encoding.LATIN1: (is_latin1, "ISO-8859-1"),
    Encoding.UCS2: (_is_unicode, "Unicode"),
}
