"""Small sums of the record; the whole of it is held by the runs in test_scenario."""

from __future__ import annotations

from decimal import Decimal
from statistics import variance as reference

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.demo.protocol import Hedge, Looked
from trimtab.demo.record import implied_vol, is_filled, variance
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.position import OptionPosition

D = Decimal


@given(st.lists(st.decimals("-1e6", "1e6", places=4), min_size=2, max_size=20))
def test_variance_is_the_sample_variance(values: list[D]) -> None:
    """Equal to the standard library's, in exact numbers."""
    assert variance(values) == pytest.approx(reference(values), abs=D("1e-12"), rel=D("1e-20"))


def test_one_value_has_no_variance() -> None:
    """With fewer than two changes there is nothing to compare."""
    assert variance([]) is None
    assert variance([D(1)]) is None


@pytest.mark.parametrize(("size", "is_trade"), [(D("0.5"), True), (D("-0.5"), True), (D(0), False)])
def test_only_what_filled_is_a_hedge(size: D, is_trade: bool) -> None:
    """A hedge that reverted or never left is not shown as one."""
    hedge = Hedge(
        key="hedge/ETH/1", reason="step-1", status="filled", size=size, price=None, fee=D(0), gas_wei=0,
        tx_hash=None, block=None,
    )  # fmt: skip
    looked = Looked(reason="step-1", delta_before=D(1), delta_after=D(0), band=D(1), hedge=hedge)
    assert is_filled(looked) is is_trade
    assert not is_filled(None)


def position(iv: str, vega: str) -> OptionPosition:
    market = OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS)
    series = OptionSeries(market, 1, 1, D(2000), 1)
    return OptionPosition(
        "lyra", ZERO_ADDRESS, 1, series, OptionType.SHORT_CALL_QUOTE, D(1), D(0), None, D(0), D(iv),
        Greeks(), Greeks(vega=D(vega)), "active", 1,
    )  # fmt: skip


def test_the_volatility_of_a_book_is_weighted_by_vega() -> None:
    """Short and long count alike; a book without vega has none."""
    assert implied_vol([position("0.6", "-30"), position("0.8", "10")]) == D("0.65")
    assert implied_vol([position("0.6", "0")]) is None
    assert implied_vol([]) is None
