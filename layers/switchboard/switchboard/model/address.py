"""Addresses: phone numbers in E.164 (ITU-T E.164) and e-mail addresses, from whatever the caller wrote."""

import re
from collections.abc import Iterable, Iterator
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
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _unparsed(error: phonenumbers.NumberParseException, region: str | None) -> str:
    if error.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE and region is None:
        return "has no country code: write it in E.164, as +19195551212"
    return "is not a phone number"


def read_phone(raw: str, region: str | None) -> str:
    """`raw` in E.164 where it can be read so, with or without its plus; as it is (a short code, a name) where not."""
    return next(phones((raw, f"+{raw.strip()}"), region), raw.strip())


def dialed_phone(raw: str, region: str | None, field: str = "to") -> str:
    """`raw` in E.164, as it is dialed in the region or with a country code, its plus there or not.

    What reads both ways is what a numbering plan knows, at home first. Raises `Refused` naming `field`.
    """
    said = raw.strip()
    whole = said.startswith(("+", "00"))
    spellings = (said,) if whole else (f"+{said}",) if region is None else (said, f"+{said}")
    readings = list(phones(spellings, region))
    known = (number for number in readings if phonenumbers.is_valid_number(phonenumbers.parse(number)))
    return next(known, None) or (readings[0] if readings else parse_phone(spellings[0], region, field))


def phones(spellings: Iterable[str], region: str | None) -> Iterator[str]:
    """Those of the spellings of one number that read as a phone number, in E.164."""
    for text in spellings:
        with suppress(Refused):
            yield parse_phone(text, region)


def parse_email(raw: str, field: str = "to") -> str:
    """`raw` as an e-mail address with its domain in lower case. Raises `Refused` naming `field`."""
    text = raw.strip()
    if len(text) > 254 or not _EMAIL.fullmatch(text):
        raise Refused(Problem(field, "is not an e-mail address"))
    local, domain = text.rsplit("@", 1)
    return f"{local}@{domain.lower()}"
