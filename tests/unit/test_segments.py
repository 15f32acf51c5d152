"""Segments: how a text is coded and cut, at every limit and for every text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchboard.model.message import Encoding
from switchboard.model.problem import Refused
from switchboard.model.segments import GSM, GSM_BASIC, GSM_EXTENSION, LIMITS, Segments, count, is_gsm, resolve, split

AUTO, G, U, L = Encoding.AUTO, Encoding.GSM, Encoding.UCS2, Encoding.LATIN1


@pytest.mark.parametrize(
    ("text", "asked", "segments", "lengths"),
    [
        ("", AUTO, Segments(G, 0, 1), [0]),
        ("a" * 160, AUTO, Segments(G, 160, 1), [160]),
        ("a" * 161, AUTO, Segments(G, 161, 2), [153, 8]),
        ("a" * 306, AUTO, Segments(G, 306, 2), [153, 153]),
        ("a" * 307, AUTO, Segments(G, 307, 3), [153, 153, 1]),
        ("€" * 80, AUTO, Segments(G, 160, 1), [80]),
        ("€" * 81, AUTO, Segments(G, 162, 2), [76, 5]),
        (
            "a" * 152 + "[" + "a" * 10,
            AUTO,
            Segments(G, 164, 2),
            [152, 11],
        ),  # the escape would be the part's last septet
        ("a" * 151 + "[" + "a" * 10, AUTO, Segments(G, 163, 2), [152, 10]),
        # 76 escape pairs leave one septet of 153 free in every part: 306 septets need three parts.
        ("€" * 153, AUTO, Segments(G, 306, 3), [76, 76, 1]),
        ("ñàÑ¿¡ÇØøåΔ\n\r", AUTO, Segments(G, 12, 1), [12]),
        ("á", AUTO, Segments(U, 1, 1), [1]),
        ("`", AUTO, Segments(U, 1, 1), [1]),  # in ASCII, not in GSM 03.38
        ("ы" * 70, AUTO, Segments(U, 70, 1), [70]),
        ("ы" * 71, AUTO, Segments(U, 71, 2), [67, 4]),
        ("ы" * 134, AUTO, Segments(U, 134, 2), [67, 67]),
        ("😀" * 35, AUTO, Segments(U, 70, 1), [35]),
        ("😀" * 36, AUTO, Segments(U, 72, 2), [33, 3]),
        ("ы" * 66 + "😀" + "ы" * 9, AUTO, Segments(U, 77, 2), [66, 10]),
        ("a" * 71, U, Segments(U, 71, 2), [67, 4]),
        ("á" * 140, L, Segments(L, 140, 1), [140]),
        ("á" * 141, L, Segments(L, 141, 2), [134, 7]),
        ("a[" * 3, L, Segments(L, 6, 1), [6]),  # no escapes there
    ],
)
def test_counts_and_cuts(text: str, asked: Encoding, segments: Segments, lengths: list[int]) -> None:
    assert count(text, asked) == segments
    assert [len(part) for part in split(text, asked)] == lengths


@pytest.mark.parametrize(
    ("text", "asked"), [("á", G), ("ы", G), ("€", L), ("\u0100", L), ("\ud83d", U), ("\udc00", AUTO)]
)
def test_an_encoding_that_cannot_carry_the_text_is_refused(text: str, asked: Encoding) -> None:
    for verb in (resolve, split, count):
        with pytest.raises(Refused) as refused:
            verb(text, asked)
        assert [problem.field for problem in refused.value.problems] == ["text"]


def test_the_alphabet() -> None:
    assert (len(GSM_BASIC), len(GSM_EXTENSION), len(GSM)) == (127, 10, 137)  # 128 less the escape
    assert is_gsm("".join(GSM))
    assert not any(map(is_gsm, "`çáíóúâãõ\t\x1b\xa0’“…"))


@settings(deadline=None)
@given(
    st.text(st.sampled_from("ab€[😀ыñ\n") | st.characters(exclude_categories=["Cs"]), max_size=400)
    | st.text(st.sampled_from(sorted(GSM)), max_size=700),
    st.sampled_from(Encoding),
)
def test_a_cut_text_is_whole_and_no_part_too_long(text: str, asked: Encoding) -> None:
    try:
        counted = count(text, asked)
    except Refused:
        assert asked in {G, L}
        return
    parts = split(text, asked)
    alone, joined = LIMITS[counted.encoding]
    assert "".join(parts) == text
    assert len(parts) == counted.parts
    units = [count(part, counted.encoding).units for part in parts]
    assert sum(units) == counted.units
    assert (
        (units[0] <= alone) if len(parts) == 1 else (counted.units > alone and max(units) <= joined and min(units) > 0)
    )
    # No part could have held the next character too.
    assert all(
        full + count(part[0], counted.encoding).units > joined for full, part in zip(units, parts[1:], strict=False)
    )
