"""Units: the one place that converts, exact or rounded by name, closed to floats."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.model.units import (
    WAD,
    decimal_from_float,
    from_base,
    from_wad,
    product_up,
    to_base_down,
    to_base_exact,
    to_base_up,
    to_decimal,
    to_positive,
    to_text,
    to_wad_exact,
)

UINT256 = st.integers(min_value=0, max_value=2**256 - 1)
INT256 = st.integers(min_value=-(2**255), max_value=2**255 - 1)
DECIMALS = st.integers(min_value=0, max_value=30)
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**40), max_value=10**40, places=25)

DOORS: list[Callable[[object], object]] = [
    to_decimal,
    to_positive,
    lambda value: to_base_exact(value, 18),
    lambda value: to_base_down(value, 6),
    lambda value: to_base_up(value, 6),
    to_wad_exact,
]


@given(base=INT256, decimals=DECIMALS)
def test_base_units_survive_the_round_trip(base: int, decimals: int) -> None:
    """Every int256 becomes a Decimal and comes back the same, at any number of decimals."""
    assert to_base_exact(from_base(base, decimals), decimals) == base


@given(base=UINT256, decimals=DECIMALS)
def test_from_base_is_the_exact_quotient(base: int, decimals: int) -> None:
    """from_base is base / 10^decimals as a fraction, not rounded to any context's precision."""
    assert Fraction(from_base(base, decimals)) == Fraction(base, 10**decimals)


@given(value=NUMBERS, decimals=DECIMALS)
def test_rounding_goes_where_the_name_says(value: Decimal, decimals: int) -> None:
    """down <= value x 10^decimals <= up, and they are the nearest integers, below zero too."""
    scaled = Fraction(value) * 10**decimals
    down, up = to_base_down(value, decimals), to_base_up(value, decimals)
    assert down <= scaled <= up
    assert up - down == (0 if scaled.denominator == 1 else 1)


@given(value=NUMBERS, decimals=DECIMALS)
def test_exact_refuses_what_it_would_have_to_round(value: Decimal, decimals: int) -> None:
    """to_base_exact agrees with both roundings where they agree, and raises where they differ."""
    down, up = to_base_down(value, decimals), to_base_up(value, decimals)
    if down == up:
        assert to_base_exact(value, decimals) == down
    else:
        with pytest.raises(IntentError, match="decimal places"):
            to_base_exact(value, decimals, "size")


def test_too_many_decimals_says_how_many_there_may_be() -> None:
    """The message names the field, the value and the limit, and what to do next; facts are attributes."""
    with pytest.raises(IntentError) as caught:
        to_base_exact("1.0000001", 6, "deposit")
    assert str(caught.value) == (
        "deposit 1.0000001 has more than 6 decimal places; round it before, in the direction you mean"
    )
    assert (caught.value.field, caught.value.value) == ("deposit", "1.0000001")


@pytest.mark.parametrize("door", DOORS)
@given(value=st.floats())
def test_no_float_passes_any_door(door: Callable[[object], object], value: float) -> None:
    """A float is refused whatever its value, even where it is a whole number."""
    with pytest.raises(IntentError):
        door(value)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    "value", [True, False, None, b"1", [], "", "one", "0x10", "NaN", "inf", "-Infinity", Decimal("sNaN")]
)
def test_no_other_type_and_no_unreal_number_passes(door: Callable[[object], object], value: object) -> None:
    """Booleans, bytes, words, NaN and infinities are refused as IntentError, never as another exception."""
    with pytest.raises(IntentError):
        door(value)


def test_float_message_shows_the_way_out() -> None:
    """The refusal of a float says what to write instead."""
    with pytest.raises(
        IntentError, match=r"size is the float 0\.1, which is not exact; pass Decimal\('0\.1'\)"
    ):
        to_decimal(0.1, "size")


@pytest.mark.parametrize("value", [0, "0", "-0", "-1", Decimal("-0.000000000000000001")])
def test_positive_means_above_zero(value: object) -> None:
    """Zero, minus zero and negative numbers are not positive."""
    with pytest.raises(IntentError, match="above 0"):
        to_positive(value, "size")


@given(wad=INT256)
def test_wad_is_eighteen_decimals(wad: int) -> None:
    """from_wad and to_wad_exact are inverse, and one WAD is 1."""
    assert to_wad_exact(from_wad(wad)) == wad
    assert from_wad(WAD) == 1


@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_decimal_from_float_is_the_nearest_of_its_places(value: float) -> None:
    """A pricing result lands within half a unit of the last place, and holds no more places."""
    number = decimal_from_float(value, 6)
    assert abs(Fraction(number) - Fraction(value)) <= Fraction(1, 2 * 10**6)
    assert to_base_exact(number, 6) == number.scaleb(6)


@given(NUMBERS)
def test_text_is_the_number_in_plain_digits(number: Decimal) -> None:
    """What a message shows reads back as the same number, without exponent or trailing zeros."""
    text = to_text(number)
    assert Decimal(text) == number
    assert "E" not in text
    assert "." not in text or not text.endswith("0")


@given(first=st.integers(0, 2**190), second=st.integers(0, 2**190))
def test_a_product_is_rounded_up_to_the_wei(first: int, second: int) -> None:
    """As a contract multiplies wads and rounds against its caller, beyond any context's digits."""
    assert product_up(from_wad(first), from_wad(second)) == from_wad(-(-first * second // WAD))
