"""Which board and which strikes the demo writes."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.demo.opening import choose_board, choose_strike
from trimtab.errors import HaltError
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionBoard, OptionChain, OptionMarket, OptionSeries, OptionSeriesState

D = Decimal
MARKET = OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS)
DAY = 86_400
ZERO = D(0)


def strike_state(strike: D) -> OptionSeriesState:
    series = OptionSeries(MARKET, 1, int(strike), strike, 28 * DAY)
    greeks = Greeks()
    return OptionSeriesState(series, ZERO, ZERO, ZERO, ZERO, ZERO, greeks, greeks, ZERO, ZERO, ZERO, ZERO)


def board(days: int, strikes: list[D], *, is_frozen: bool = False) -> OptionBoard:
    states = tuple(strike_state(strike) for strike in strikes)
    return OptionBoard(MARKET, days, days * DAY, ZERO, is_frozen, False, days * DAY - DAY, states)


def test_the_board_is_the_first_that_lasts_and_trades() -> None:
    """Too short and frozen boards are passed over; without any other the demo says so."""
    boards = (board(84, []), board(7, []), board(28, []), board(21, [], is_frozen=True))
    chain = OptionChain(MARKET, D(2000), ZERO, boards, 1, 0)
    assert choose_board(chain, 14).expiry == 28 * DAY
    with pytest.raises(HaltError, match="no open board of 90 days"):
        choose_board(chain, 90)


@given(
    st.lists(st.integers(1000, 3000).map(D), min_size=1, unique=True), st.integers(1000, 3000), st.booleans()
)
def test_the_strike_is_the_nearest_on_its_side(strikes: list[D], spot: int, above: bool) -> None:
    """Calls at or above the spot, puts at or below; where a side is empty, the nearest there is."""
    chosen = choose_strike(board(28, strikes), D(spot), above=above).strike
    sided = [k for k in strikes if (k >= spot if above else k <= spot)] or strikes
    assert abs(chosen - spot) == min(abs(k - spot) for k in sided)
