"""Names of order intents."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.execution.cause import cause_of
from trimtab.model.order import PerpIntent, Side

SIZES = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**9), places=6)


@given(SIZES, SIZES)
def test_equal_sizes_have_one_name_and_others_another(one: Decimal, other: Decimal) -> None:
    """Trailing zeros do not make another order; another size does."""
    first, second = (PerpIntent("vETH", Side.BUY, size=size) for size in (one, other))
    assert cause_of(first) == cause_of(replace(first, size=one.normalize()))
    assert (cause_of(first) == cause_of(second)) == (one == other)


def test_every_field_counts() -> None:
    """Market, side, limit, deadline and the flags are part of what was ordered."""
    order = PerpIntent("vETH", Side.BUY, size=Decimal(1))
    others = (
        replace(order, market="vBTC"),
        replace(order, side=Side.SELL),
        replace(order, acceptable_price=Decimal(2000)),
        replace(order, deadline=1),
        replace(order, reduce_only=True),
        replace(order, size=None, notional=Decimal(1)),
    )
    assert len({cause_of(order), *map(cause_of, others)}) == 1 + len(others)


def test_the_name_outlives_releases() -> None:
    """A journal of yesterday names its orders as today: the digest is pinned."""
    order = PerpIntent("vETH", Side.BUY, size=Decimal("1.50"))
    assert cause_of(order) == "84a889076b7463d3a392ac3ed26593e9"
