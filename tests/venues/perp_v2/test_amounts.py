"""Average prices and bounds: they protect, and they do not refuse the quoted price itself."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hypothesis import given
from hypothesis import strategies as st

from trimtab.venues.perp_v2.amounts import (
    average_price,
    notional_down,
    notional_up,
    signed_ratio,
    size_down,
    size_up,
)

AMOUNTS = st.integers(1, 10**30)


@given(notional=AMOUNTS, size=AMOUNTS)
def test_the_average_price_gives_its_notional_back(notional: int, size: int) -> None:
    """Price times size is the notional again, whichever way it is rounded: a limit at that price fits."""
    price = average_price(notional, size)
    assert notional_down(price, size) == notional == notional_up(price, size)
    assert size_down(price, notional) == size == size_up(price, notional)


@given(price=st.decimals("0.0001", "100000", places=8), size=AMOUNTS)
def test_bounds_round_against_the_trade(price: Decimal, size: int) -> None:
    """A buyer never pays above price x size, a seller never gets below it."""
    with localcontext() as context:
        context.prec = 100
        exact = price * size
        assert notional_down(price, size) <= exact <= notional_up(price, size)
        assert notional_up(price, size) - notional_down(price, size) <= 1
        assert size_down(price, size) <= size / price + Decimal("1e-9")
        assert size_up(price, size) >= size / price - Decimal("1e-9")


def test_a_ratio_keeps_its_sign() -> None:
    """Negative funding stays negative; nothing over nothing is nothing."""
    assert signed_ratio(-1, 4) == Decimal("-0.25")
    assert signed_ratio(0, 0) == 0
