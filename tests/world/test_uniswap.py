"""Uniswap's way to write prices agrees with exact arithmetic."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.world.uniswap import price_of_sqrt, sqrt_price_x96, tick_below

PRICES = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10**7), places=8)


@given(PRICES)
def test_the_root_is_the_largest_that_fits(price: Decimal) -> None:
    """The root squared is at most the price, and the next one above it."""
    root = sqrt_price_x96(price)
    scaled = price * 2**192 if price == int(price) else None
    exact = int(price.scaleb(8)) * 2**192
    assert root**2 * 10**8 <= exact < (root + 1) ** 2 * 10**8
    assert scaled is None or root**2 <= int(price) * 2**192


@given(PRICES)
def test_back_to_the_price(price: Decimal) -> None:
    """The price of its root is the price, to 20 digits or so."""
    assert abs(price_of_sqrt(sqrt_price_x96(price)) / price - 1) < Decimal("1e-18")


@given(PRICES, st.sampled_from([1, 10, 60, 200]))
def test_the_tick_is_at_or_under(price: Decimal, spacing: int) -> None:
    """1.0001^tick <= price < 1.0001^(tick + spacing), and the tick can be used."""
    tick = tick_below(price, spacing)
    assert tick % spacing == 0
    base = Decimal("1.0001")
    assert base**tick <= price * (1 + Decimal("1e-9"))
    assert price < base ** (tick + spacing) * (1 + Decimal("1e-9"))
