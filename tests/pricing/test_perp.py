"""Perp maths in integers: the contracts' rounding, and liquidation prices against the rule itself."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.units import WAD
from trimtab.pricing import perp
from trimtab.pricing.perp import PPM, account_value, is_liquidatable, position_value

wads = st.integers(-(10**26), 10**26)
marks = st.integers(10**15, 10**23)
ratios = st.sampled_from([62_500, 30_000, 125_000])
sizes = st.integers(10**12, 10**24)


@given(a=st.integers(), b=st.integers().filter(bool))
def test_div_trunc_rounds_towards_zero(a: int, b: int) -> None:
    """Solidity's division: quotient towards zero, remainder with the sign of the numerator."""
    quotient = perp.div_trunc(a, b)
    remainder = a - quotient * b
    assert abs(remainder) < abs(b)
    assert remainder == 0 or (remainder < 0) == (a < 0)


@given(size=wads, mark=marks, notional=wads)
def test_pnl_of_a_position_opened_at_the_mark_is_zero(size: int, mark: int, notional: int) -> None:
    """Value and open notional cancel at the entry, and a long gains exactly what a short loses."""
    assert perp.unrealized_pnl(size, mark, -position_value(size, mark)) == 0
    assert perp.unrealized_pnl(size, mark, notional) == -perp.unrealized_pnl(-size, mark, -notional)


@given(size=wads.filter(bool), mark=marks)
def test_entry_price_is_the_price_paid(size: int, mark: int) -> None:
    """The entry price gives back the open notional within one wei per wei of size."""
    notional = -position_value(size, mark)
    entry = perp.entry_price(size, notional)
    assert entry is not None
    assert abs(position_value(size, entry) + notional) <= abs(size) // WAD + 2
    assert perp.entry_price(0, 5) is None


@given(amount=wads)
def test_settlement_flooring(amount: int) -> None:
    """Account values are floored to 6 decimals towards minus infinity, also below zero."""
    floored = perp.floor_to_settlement(amount)
    assert floored % 10**12 == 0
    assert 0 <= amount - floored < 10**12


def liquidatable_at(mark: int, size: int, rest: int, other: int, ratio: int) -> bool:
    """The contract's rule at a hypothetical mark, everything else held."""
    value = position_value(size, mark)
    return is_liquidatable(account_value(rest, value, 0), other + abs(value), ratio)


@given(size=sizes, is_long=st.booleans(), rest=wads, other=st.integers(0, 10**25), ratio=ratios)
def test_exact_liquidation_price_is_the_edge(
    size: int, is_long: bool, rest: int, other: int, ratio: int
) -> None:
    """At the exact price the rule says liquidatable; beyond it, a wei and any number of steps further into
    safety, it never does."""
    signed = size if is_long else -size
    price = perp.exact_liquidation_price(signed, rest, other, ratio)
    direction = 1 if is_long else -1
    plateau = 10**12 * WAD // size + 1  # marks between two values of the floored equity
    start = -direction if price is None else price
    if price is not None:
        assert liquidatable_at(price, signed, rest, other, ratio)
    else:
        assert is_long
    for step in (1, 2, plateau // 3, plateau // 2, plateau, plateau + 1, 2 * plateau, 10**18, 10**24):
        mark = start + direction * step
        if mark >= 0:
            assert not liquidatable_at(mark, signed, rest, other, ratio)


@given(
    size=st.integers(10**15, 10**22),
    is_long=st.booleans(),
    mark=st.integers(10**18, 10**22),
    leverage_ppm=st.integers(1_200_000, 15_000_000),
    other=st.integers(0, 10**24),
    ratio=ratios,
)
def test_portal_and_exact_price_agree_but_for_the_flooring(
    size: int, is_long: bool, mark: int, leverage_ppm: int, other: int, ratio: int
) -> None:
    """PerpPortal's closed form lies within what flooring equity to 6 decimals is worth of the exact edge."""
    signed = size if is_long else -size
    value = position_value(signed, mark)
    assume(abs(value) > 10**15)
    rest = abs(value) * PPM // leverage_ppm + other // 5 - value
    equity, total = account_value(rest, value, 0), abs(value) + other
    portal = perp.liquidation_price(signed, mark, equity, total, ratio)
    exact = perp.exact_liquidation_price(signed, rest, other, ratio)
    assert portal is not None
    if portal == 0:
        return
    assert exact is not None
    room = (2 * 10**12 + 10) * WAD // size * PPM // (PPM - ratio) + mark // (size * (PPM - ratio) // PPM) + 2
    room += abs(mark - portal) // (size * (PPM - ratio) // PPM)  # the portal truncates size x (1 -/+ ratio)
    assert abs(portal - exact) <= room


def test_liquidation_price_of_the_recorded_accounts() -> None:
    """The arithmetic by hand: 10 ETH long at 2000 with 2000 of equity is liquidated where
    2000 - 10 (2000 - p) = 0.0625 x 10 p."""
    price = perp.liquidation_price(10 * WAD, 2000 * WAD, 2000 * WAD, 20_000 * WAD, 62_500)
    assert price is not None
    assert abs(price * (10 * PPM - 625_000) - 18_000 * WAD * PPM) <= 10 * PPM
    short = perp.liquidation_price(-10 * WAD, 2000 * WAD, 2000 * WAD, 20_000 * WAD, 62_500)
    assert short is not None
    assert abs(short * (10 * PPM + 625_000) - 22_000 * WAD * PPM) <= 11 * PPM
    assert perp.liquidation_price(0, 2000 * WAD, 0, 0, 62_500) is None
    assert perp.liquidation_price(10 * WAD, 2000 * WAD, 50_000 * WAD, 20_000 * WAD, 62_500) == 0


@pytest.mark.parametrize("ratio", [0, PPM, -5])
def test_senseless_ratio_is_refused(ratio: int) -> None:
    """A maintenance ratio of 0 or 100 % has no liquidation price."""
    with pytest.raises(PricingError, match=str(ratio)):
        perp.exact_liquidation_price(WAD, 0, 0, ratio)


def test_liquidatable_size() -> None:
    """Nothing of a safe account, half of a one-market account, all of a deep or dusty one."""
    size, mark = -10 * WAD, 2000 * WAD  # margin 1250
    assert perp.liquidatable_size(size, mark, 1250 * WAD, 20_000 * WAD, 62_500) == 0
    assert perp.liquidatable_size(size, mark, 1250 * WAD - 1, 20_000 * WAD, 62_500) == size // 2
    assert perp.liquidatable_size(size, mark, 624 * WAD, 20_000 * WAD, 62_500) == size
    assert perp.liquidatable_size(size, mark, 1000 * WAD, 30_000 * WAD, 62_500) == size * 3 // 4
    assert perp.liquidatable_size(-(WAD // 20), mark, 0, 100 * WAD, 62_500) == -(WAD // 20)


@given(size=wads, premium=st.integers(-(10**30), 10**30), seconds=st.integers(0, 10**7))
def test_funding_is_zero_sum(size: int, premium: int, seconds: int) -> None:
    """What a long owes a short of the same size receives, and funding grows with time from nothing."""
    growth = perp.funding_growth_after(12345, premium, seconds)
    assert perp.pending_funding(size, growth, 12345) == -perp.pending_funding(-size, growth, 12345)
    assert perp.pending_funding(size, growth, growth) == 0


def test_funding_of_one_day() -> None:
    """A premium of 20 on an index of 2000 for one day costs a long of 3 units 60, at a rate of 1 % a day."""
    index, market = 2000 * perp.Q96, 2020 * perp.Q96
    premium = perp.premium_x96(market, index, 100_000)
    growth = perp.funding_growth_after(0, premium, 86_400)
    assert perp.pending_funding(3 * WAD, growth, 0) == 60 * WAD
    assert perp.funding_rate(premium, index) == 10**16


def test_premium_is_clamped() -> None:
    """The premium is held within the greatest funding rate on both sides."""
    index = 2000 * perp.Q96
    assert perp.premium_x96(3000 * perp.Q96, index, 100_000) == 200 * perp.Q96
    assert perp.premium_x96(1000 * perp.Q96, index, 100_000) == -200 * perp.Q96
