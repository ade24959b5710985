"""Greeks add over a book and scale with the amount held."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.greeks import Greeks

NUMBER = st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, allow_infinity=False, places=8)
GREEKS = st.builds(Greeks, *([NUMBER] * len(fields(Greeks))))


@given(first=GREEKS, second=GREEKS)
def test_a_book_is_the_sum_of_its_parts(first: Greeks, second: Greeks) -> None:
    """Addition works field by field, in either order, with the empty Greeks as zero."""
    total = first + second
    assert total == second + first
    assert all(
        getattr(total, f.name) == getattr(first, f.name) + getattr(second, f.name) for f in fields(Greeks)
    )
    assert first + Greeks() == first


@given(greeks=GREEKS, amount=NUMBER)
def test_scaling_by_the_amount_held(greeks: Greeks, amount: Decimal) -> None:
    """Every sensitivity scales with the signed amount; a writer's are the holder's negated."""
    scaled = greeks * amount
    assert all(getattr(scaled, f.name) == getattr(greeks, f.name) * amount for f in fields(Greeks))
    assert greeks * amount + greeks * -amount == Greeks()
