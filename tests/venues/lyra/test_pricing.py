"""The venue's Black-Scholes and ours: where they must agree, and how the venue's is asked."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.lyra.stage import DAY, Stage

from trimtab.errors import PricingError
from trimtab.model.ids import Address
from trimtab.model.market import OptionKind
from trimtab.model.units import WAD
from trimtab.pricing.black76 import greeks_black_scholes, years_to_expiry
from trimtab.venues.lyra.pricing import Inputs, intrinsic_marks, own_greeks, read_prices, strike_vol

LIBRARY = Address("0x" + "bb" * 20)
YEAR = 365 * DAY
inputs = st.builds(
    Inputs,
    seconds=st.integers(3600, 2 * YEAR),
    vol=st.integers(WAD // 5, 2 * WAD),
    spot=st.integers(1000 * WAD, 3000 * WAD),
    strike=st.integers(1000 * WAD, 3000 * WAD),
    rate=st.integers(-WAD // 10, WAD // 5),
)


def test_the_librarys_selector_is_of_the_qualified_struct() -> None:
    """Libraries sign structs by name; the arguments are the five values in the contract's order."""
    read = read_prices(LIBRARY, Inputs(1, 2, 3, 4, -5))
    assert read.call.data[:4].hex() == "036d5878"
    words = [int.from_bytes(read.call.data[i : i + 32], "big", signed=True) for i in range(4, 164, 32)]
    assert words == [1, 2, 3, 4, -5]


@given(base_iv=st.integers(0, 10**20), skew=st.integers(0, 10**20))
def test_strike_vol_is_rounded_as_the_contract_rounds(base_iv: int, skew: int) -> None:
    """multiplyDecimal truncates."""
    assert strike_vol(base_iv, skew) * WAD <= base_iv * skew < (strike_vol(base_iv, skew) + 1) * WAD


def test_a_settled_strike_is_worth_what_it_pays() -> None:
    """The intrinsic value at the settlement price, and no Greeks."""
    above, below = intrinsic_marks(1750 * WAD, 2050 * WAD), intrinsic_marks(1750 * WAD, 1700 * WAD)
    assert [above.call_price, above.put_price, above.call.delta] == [300, 0, 0]
    assert [below.call_price, below.put_price, below.put.delta] == [0, 50, 0]


@given(inputs=inputs)
def test_parity_of_our_greeks(inputs: Inputs) -> None:
    """On one strike call and put deltas are one apart, gamma and vega are equal, theta is a day's."""
    call, put = own_greeks(OptionKind.CALL, inputs), own_greeks(OptionKind.PUT, inputs)
    assert abs(call.delta - put.delta - 1) < Decimal("1e-12")
    assert abs(call.gamma - put.gamma) < Decimal("1e-12")
    assert abs(call.vega - put.vega) < Decimal("1e-9")


def test_our_greeks_need_a_price() -> None:
    """A spot of zero is outside the model, and said so."""
    with pytest.raises(PricingError, match="spot"):
        own_greeks(OptionKind.CALL, Inputs(DAY, WAD, 0, WAD, 0))


@pytest.mark.node
async def test_the_fresh_cache_agrees_with_our_model(stage: Stage) -> None:
    """On fresh caches the venue's cached deltas, prices and vegas are ours within 1e-9, relative."""
    for option_board in (await stage.venue.read_chain(stage.market)).boards:
        plan = stage.venue.keeper.encode_refresh_greeks(stage.market, option_board.board_id)
        await stage.send(stage.keeper, plan)
    chain = await stage.venue.read_chain(stage.market)
    cache = await stage.venue.pool.read_greek_cache(stage.market)
    strikes = {s.series.strike_id: s.series for b in chain.boards for s in b.strikes}
    compared = 0
    for board in cache.boards:
        assert not board.is_stale
        years = years_to_expiry(board.expiry, board.updated_at)
        days = max(board.expiry - board.updated_at, 7 * DAY) // DAY
        for cached in board.strikes:
            vol = await stage.cached_vol(board.board_id, cached.strike_id, board.updated_at)
            spot, rate = float(board.updated_at_price), float(chain.rate)
            strike = float(strikes[cached.strike_id].strike)
            call = greeks_black_scholes(OptionKind.CALL, spot, strike, years, vol, rate)
            put = greeks_black_scholes(OptionKind.PUT, spot, strike, years, vol, rate)
            standard = call.vega * (30 / days) ** 0.5
            for ours, theirs in (
                (call.delta, cached.call_delta),
                (put.delta, cached.put_delta),
                (call.price, cached.call_price),
                (put.price, cached.put_price),
                (standard, cached.standard_vega),
            ):
                assert ours == pytest.approx(float(theirs), rel=1e-9)
                compared += 1
    assert compared >= 25


@pytest.mark.node
async def test_live_marks_agree_with_our_model(stage: Stage) -> None:
    """The marks of a chain are ours within 1e-9 too, whatever the age of the venue's cache."""
    await stage.set_spot(Decimal(1500))
    await stage.warp(5 * 3600)
    chain = await stage.venue.read_chain(stage.market)
    assert all(board.is_stale for board in chain.boards)
    for s in (s for b in chain.boards for s in b.strikes):
        years = years_to_expiry(s.series.expiry, chain.at)
        numbers = (float(chain.spot_price), float(s.series.strike), years, float(s.iv), float(chain.rate))
        call = greeks_black_scholes(OptionKind.CALL, *numbers)
        put = greeks_black_scholes(OptionKind.PUT, *numbers)
        assert call.price == pytest.approx(float(s.call_price), rel=1e-9)
        assert put.price == pytest.approx(float(s.put_price), rel=1e-9)
        assert call.delta == pytest.approx(float(s.call.delta), rel=1e-9)
        assert put.vega == pytest.approx(float(s.put.vega), rel=1e-9)
