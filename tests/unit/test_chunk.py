"""The names of batches and messages: a message's UUID says where it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard.model.chunk import BATCH_OCTETS, alias, batch_id, parse_alias

BATCHES = st.binary(min_size=BATCH_OCTETS, max_size=BATCH_OCTETS).map(batch_id)
VERSION_8 = r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


@given(BATCHES, st.integers(0, 999))
def test_an_alias_holds_the_batch_and_the_place(batch: str, place: int) -> None:
    assert re.fullmatch(r"[a-z2-7]{23}", batch)
    assert re.fullmatch(VERSION_8, alias(batch, place))
    assert parse_alias(alias(batch, place)) == (batch, place)
    assert parse_alias(alias(batch, place).upper()) == (batch, place)


@given(BATCHES, BATCHES, st.integers(0, 999), st.integers(0, 999))
def test_two_messages_never_share_an_alias(one: str, other: str, place: int, elsewhere: int) -> None:
    assert (alias(one, place) == alias(other, elsewhere)) == ((one, place) == (other, elsewhere))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "fuldjn6kcf3xhxyqrj4oxdm-4lbgxlgx-0-0",
        "2f0c2f6e-7f0d-4a41-9d3b-0c7c2b1f9a55",  # of another version
        "2f0c2f6e-7f0d-8a41-cd3b-0c7c2b1f9a55",  # of another variant
        "2f0c2f6e7f0d8a419d3b0c7c2b1f9a55",
        "２f0c2f6e-7f0d-8a41-9d3b-0c7c2b1f9a55",
    ],
)
def test_what_is_no_alias(text: str) -> None:
    assert parse_alias(text) is None
