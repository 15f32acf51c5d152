"""From a cell to a phone number: what people and spreadsheets make of one, read where it is sure and else explained."""

import re

import phonenumbers

from switchboard.dialects.sheets.layout import Flawed
from switchboard.model.address import parse_phone
from switchboard.model.problem import Refused

AS_TEXT = re.compile(r'\s*="([^"]*)"\s*')
"""How a spreadsheet is told that digits are text."""
FORMULA = re.compile(r"\s*=\s*[+-]?(?:[A-Za-z][A-Za-z0-9.]*\(|\$?[A-Z]{1,3}\$?[0-9]+\b|'?[\w .]+'?!)")
ERROR = re.compile(r"\s*#(?:N/A|N/D|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)\s*", re.IGNORECASE)
AS_VALUES = "mend the formula, paste the column as values and save the file again"

_FORMAT = "format the column as text"
_WRITE = f"{_FORMAT}, write the number again and save the file"
_ONE = "write one phone number in the cell"
_HIDDEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")  # what comes along from web pages
_BLANKS = re.compile(r"[^\S\r\n]+")
_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}  # ASCII as wide as an ideograph
_AROUND = "'’‘`´\",; \t\r\n"
_SCHEME = re.compile(r"(?:tel|callto|sms):(?://)?", re.IGNORECASE)
_NOTHING = frozenset(
    {"", "-", "--", "---", "–", "—", ".", "?", "n/a", "na", "n.a.", "nan", "null", "(null)", "none", "nil"}
)
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,]([0-9]*))?[eE]([+-]?[0-9]+)")
_DECIMAL = re.compile(r"(\+?[0-9]{5,})[.,]([0-9]{1,2})")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}){2,}")
_DATE = re.compile(
    r"(?:[0-9]{1,2}/[0-9]{1,2}/(?:[0-9]{2}|[0-9]{4})|[0-9]{4}-(?:0[1-9]|1[0-2])-[0-3][0-9])(?:[ T][0-9:.]+)?"
)
_SEVERAL = re.compile(r"[/;,|\r\n]|\s(?:o|y|or|and|ou|e|und|oder)\s", re.IGNORECASE)
_ENDINGS = re.compile(r".*[0-9]{6} ?/ ?[0-9]{1,3}")
_STRANGE = re.compile(r"[^\d +()\[\]./\-‐‑‒–—―−]|\d.*\+")


def phone(cell: str, region: str | None) -> str:
    """The phone number of a cell in E.164.

    `region` (ISO 3166-1 alpha-2) reads national numbers. What is only around the number is taken away (blanks, seen or
    not, quotes, `="…"`, `tel:`, the `.0` and the thousands' commas of a whole number). What a spreadsheet broke is not
    guessed at. As in `parse_phone` the length is judged and not the numbering plan, but a number that no plan knows is
    refused where one more zero, or a plus, makes it one that is known. Raises `Flawed`.
    """
    if len(cell) > _LONGEST:
        raise Flawed("is not a phone number", _ONE)
    said = _bare(cell)
    _explain(said)
    whole = _DECIMAL.fullmatch(said)
    digits = whole[1] if whole else said.replace(",", "") if _THOUSANDS.fullmatch(said) else said
    if _ENDINGS.fullmatch(digits) or sum(_SIX.search(part) is not None for part in _SEVERAL.split(digits)) > 1:
        raise Flawed("holds more than one number", _ONE)
    if _STRANGE.search(digits):
        raise Flawed("is not a phone number", _ONE)
    return _parsed(digits, region)


_LONGEST = 250  # characters, as the library's own limit
_SIX = re.compile(r"(?:\d\D*){6}")  # digits are enough for a number of its own


def _bare(cell: str) -> str:
    """The cell without what is only around a number."""
    said = _BLANKS.sub(" ", _HIDDEN.sub("", cell).translate(_WIDE)).strip()
    text = AS_TEXT.fullmatch(said)
    return _SCHEME.sub("", (text[1] if text else said).strip(_AROUND), count=1).strip()


def _explain(said: str) -> None:
    """Raises `Flawed` for a cell that never was a number, or that a spreadsheet made another one."""
    if said.lower() in _NOTHING:
        raise Flawed("has no number", "write the number, or delete the row")
    if ERROR.fullmatch(said):
        raise Flawed("is an error of the spreadsheet, not a number", AS_VALUES)
    if said.startswith("="):
        raise Flawed("is a formula, not a number", AS_VALUES)
    if found := _SCIENTIFIC.fullmatch(said):
        kept = len(found[1] or "") >= int(found[2])
        lost = "its digits seem to be there, what stood before them is not" if kept else "its last digits are lost"
        cure = f"{_FORMAT} before the number is written, and save the file" if kept else _WRITE
        raise Flawed(f"was turned into a power of ten by a spreadsheet: {lost}", cure)
    if _DATE.fullmatch(said):
        raise Flawed("was turned into a date by a spreadsheet", _WRITE)
    found = _DECIMAL.fullmatch(said)
    if found and found[2].strip("0"):
        raise Flawed("is a number with decimals", _WRITE)


def _parsed(digits: str, region: str | None) -> str:
    bare = digits.isascii() and digits.isdigit() and not digits.startswith("0")
    try:
        number = parse_phone(digits, region)
    except Refused as refused:
        if bare:
            _seek(digits, region)
        raise Flawed(refused.problems[0].reason, "write it with its country code, as +19195551212") from None
    if bare and not _known(number):
        _seek(digits, region)
    return number


def _seek(digits: str, region: str | None) -> None:
    """Raises `Flawed` for digits that only lack their first ones to be a number that a numbering plan knows."""
    for lost, reason in ((f"0{digits}", _NATIONAL), (f"+{digits}", _ABROAD)):
        try:
            known = _known(parse_phone(lost, region))
        except Refused:
            continue
        if known:
            raise Flawed(reason, f"{_FORMAT}, write the number with what is in front of it and save the file")


_NATIONAL = "seems to have lost the zero in front of it, as spreadsheets do"
_ABROAD = "seems to have lost the 00 or + in front of its country code, as spreadsheets do"


def _known(number: str) -> bool:
    return phonenumbers.is_valid_number(phonenumbers.parse(number, None))
