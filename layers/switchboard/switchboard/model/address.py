"""Addresses: phone numbers in E.164 (ITU-T E.164) and e-mail addresses, from whatever the caller wrote."""

import re
from collections.abc import Callable
from contextlib import suppress

import phonenumbers

from switchboard.model.problem import Problem, Refused

# Deliberately loose: only the receiving server knows its local parts (RFC 5321, 4.1.2; limits of 4.5.3.1).
_EMAIL = re.compile(
    r"[^\s@,;<>\"\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2069]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{1,62}"
)


def parse_phone(raw: str, region: str | None, field: str = "to") -> str:
    """`raw` in E.164, as `+59898344484`.

    `region` (ISO 3166-1 alpha-2) reads national numbers. Only the length is judged, not the numbering plan: plans
    change faster than releases. Raises `Refused` naming `field`.
    """
    return _e164(_parsed(raw, region, field))


def _parsed(raw: str, region: str | None, field: str = "to") -> phonenumbers.PhoneNumber:
    text = raw.strip()
    if text.startswith("00"):
        text = "+" + text[2:]
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise Refused(Problem(field, _unparsed(error, region))) from None
    # A number that can only be dialed within its town is possible too, and is no E.164.
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    if number.extension or not possible:
        raise Refused(Problem(field, "is not a possible phone number: wrong length for its country"))
    return number


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _unparsed(error: phonenumbers.NumberParseException, region: str | None) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and region is None:
        return "has no country code: write it in E.164, as +19195551212"
    return "is not a phone number"


def read_phone(raw: str, region: str | None) -> str:
    """`raw` in E.164 where it can be read so, with or without its plus; as it is (a short code, a name) where not."""
    for spelling in (raw, f"+{raw.strip()}"):
        with suppress(Refused):
            return parse_phone(spelling, region)
    return raw.strip()


def dialed_phone(raw: str, region: str | None, field: str = "to") -> str:
    """`raw` in E.164, as it is dialed at home in the region, or with a country code, its plus there or not.

    At home goes before abroad and a mobile before a fixed line, where the numbering plans know both. What they do not
    know is of home if it is short. Raises `Refused` naming `field`.
    """
    home = phonenumbers.country_code_for_region(region) if region else None

    def rank(number: phonenumbers.PhoneNumber, abroad: bool) -> int:
        type_ = phonenumbers.number_type(number)
        if type_ == phonenumbers.PhoneNumberType.UNKNOWN:
            return 0
        if number.country_code != home:
            return 1
        return _CERTAIN if type_ in _MOBILE else 2

    return _likely(raw, region, field, rank, abroad_first=sum(map(str.isdigit, raw)) >= _LONG)


def routed_phone(raw: str, region: str | None, field: str = "to") -> str:
    """`raw` in E.164, as a number with its country code, the plus there or not; else as it is dialed in the region.

    What no numbering plan knows abroad gives way to a mobile at home. Raises `Refused` naming `field`.
    """

    def rank(number: phonenumbers.PhoneNumber, abroad: bool) -> int:
        type_ = phonenumbers.number_type(number)
        if abroad:
            return 1 if type_ == phonenumbers.PhoneNumberType.UNKNOWN else _CERTAIN
        return 2 if type_ in _MOBILE else 0

    return _likely(raw, region, field, rank, abroad_first=True)


_LONG = 11  # digits of a number that rather has its country code than not
_CERTAIN = 3  # the rank of a reading beside which no other is looked at
_MOBILE = frozenset({phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE})


def _likely(
    raw: str,
    region: str | None,
    field: str,
    rank: Callable[[phonenumbers.PhoneNumber, bool], int],
    *,
    abroad_first: bool,
) -> str:
    """The reading of the highest rank, the first of equals. Raises `Refused` where there is none."""
    text = raw.strip()
    if text.startswith(("+", "00")):
        return parse_phone(text, region, field)
    if region is None:
        return parse_phone(f"+{text}", region, field)
    if raw[:1].isspace() and (plussed := _unencoded(text)):
        return plussed
    best: tuple[int, str] | None = None
    for abroad in (abroad_first, not abroad_first):
        with suppress(Refused):
            number = _parsed(f"+{text}" if abroad else text, region)
            found = rank(number, abroad)
            if found == _CERTAIN:
                return _e164(number)
            best = max(best or (-1, ""), (found, _e164(number)), key=lambda reading: reading[0])
    return best[1] if best else parse_phone(text, region, field)


def _unencoded(text: str) -> str | None:
    """The number behind a blank that was a plus until a form was read: a long one, or one that a plan knows."""
    with suppress(Refused):
        number = _parsed(f"+{text}", None)
        if sum(map(str.isdigit, text)) >= _LONG or phonenumbers.is_valid_number(number):
            return _e164(number)
    return None


def parse_email(raw: str, field: str = "to") -> str:
    """`raw` as an e-mail address with its domain in lower case. Raises `Refused` naming `field`."""
    text = raw.strip()
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise Refused(Problem(field, "is not an e-mail address"))
    local, domain = text.rsplit("@", 1)
    return f"{local}@{domain.lower()}"
