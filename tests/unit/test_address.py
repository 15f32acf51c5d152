"""Numbers as old clients write them: with and without country code and plus, at the doors that take both."""

import time
from collections.abc import Callable

import phonenumbers
import pytest

from switchboard.model.address import dialed_phone, routed_phone
from switchboard.model.problem import Refused

Read = Callable[[str, str | None], str]
MOBILES = {
    region: number
    for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    if (number := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
}


def e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def misread(read: Read, spell: Callable[[phonenumbers.PhoneNumber], str]) -> list[str]:
    """The regions whose example of a mobile a client of the region cannot send to."""
    return [region for region, number in MOBILES.items() if spoken(read, spell(number), region) != e164(number)]


def spoken(read: Read, raw: str, region: str | None) -> str | None:
    try:
        return read(raw, region)
    except Refused:
        return None


def whole(number: phonenumbers.PhoneNumber) -> str:
    return e164(number).removeprefix("+")


def bare(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.national_significant_number(number)


def dialed(number: phonenumbers.PhoneNumber) -> str:
    said = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    return "".join(filter(str.isdigit, said))


@pytest.mark.parametrize("spell", [whole, bare, dialed])
def test_no_regions_mobile_is_misread_where_home_goes_first(
    spell: Callable[[phonenumbers.PhoneNumber], str],
) -> None:
    assert len(MOBILES) > 240
    assert misread(dialed_phone, spell) == []


@pytest.mark.parametrize(
    ("spell", "wrong"),
    [
        (whole, []),
        (bare, ["BG", "CN", "CO", "DE", "MP", "MS", "TC", "US"]),
        (dialed, ["CN", "CO", "MP", "MS", "TC", "US"]),
    ],
)
def test_what_a_client_that_leaves_out_the_country_code_risks(
    spell: Callable[[phonenumbers.PhoneNumber], str], wrong: list[str]
) -> None:
    """Digits that are a number of another country too are that one's: the page wants numbers with their code."""
    assert misread(routed_phone, spell) == wrong


@pytest.mark.parametrize(
    ("raw", "region", "to"),
    [
        ("4915123456789", "DE", "+4915123456789"),
        ("015123456789", "DE", "+4915123456789"),
        ("9195551212", "US", "+19195551212"),
        ("098344484", "UY", "+59898344484"),
        ("98344484", "UY", "+59898344484"),
        ("59898344484", "UY", "+59898344484"),
        ("34600111222", "UY", "+34600111222"),
        ("447700900101", "US", "+447700900101"),  # of no plan, and long
        (" 59898344484", "UY", "+59898344484"),  # the plus of a form that did not encode it
        (" 15123456789", "DE", "+15123456789"),
        ("15123456789", "DE", "+4915123456789"),
        (" 4799234567", "US", "+4799234567"),
        ("4799234567", "US", "+14799234567"),
        (" 9195551212", "US", "+19195551212"),  # a blank, and no plus
        (" 098344484", "UY", "+59898344484"),
    ],
)
def test_at_home_first(raw: str, region: str, to: str) -> None:
    assert dialed_phone(raw, region) == to


@pytest.mark.parametrize(
    ("raw", "region", "to"),
    [
        ("9195551299", "US", "+19195551299"),
        ("612345678", "ES", "+34612345678"),
        ("447700900101", "GB", "+447700900101"),
        ("447700900101", "DE", "+447700900101"),
        ("447700900101", None, "+447700900101"),
        ("099123456", "UY", "+59899123456"),
        ("59899123456", "US", "+59899123456"),
        ("+59899123456", "US", "+59899123456"),
        ("0059899123456", "US", "+59899123456"),
        ("15123456789", "DE", "+15123456789"),
    ],
)
def test_with_a_country_code_first(raw: str, region: str | None, to: str) -> None:
    assert routed_phone(raw, region) == to


@pytest.mark.parametrize("read", [dialed_phone, routed_phone])
@pytest.mark.parametrize("raw", ["", "12", "nobody", "+098344484", "+1"])
def test_what_is_no_number(read: Read, raw: str) -> None:
    for region in ("UY", None):
        with pytest.raises(Refused):
            read(raw, region)


@pytest.mark.parametrize("read", [dialed_phone, routed_phone])
def test_a_thousand_numbers_are_read_in_no_time(read: Read) -> None:
    read("098344484", "UY")  # the plan is loaded once
    numbers = [f"5989{number:07d}" for number in range(1000)]
    begun = time.process_time()
    for number in numbers:
        read(number, "UY")
    assert time.process_time() - begun < 0.3
