"""An account's margin in exact integers; the contracts themselves are the oracle in the node tests."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from trimtab.venues.perp_v2.account import Account, Asset, Holding, realized_pnl

WAD = 10**18
EMPTY = Holding(0, 0, 0, 0, 0, 0, 2000 * WAD, 0)


def held(size: int, notional: int, price: int = 2000 * WAD, funding: int = 0) -> Holding:
    """A taker's position."""
    return Holding(size, notional, size, notional, size, notional, price, funding)


def account(**changes: object) -> Account:
    made = Account(
        settlement_balance=1000 * 10**6,
        settlement_decimals=6,
        owed_realized_pnl=0,
        pending_fee=0,
        assets={},
        holdings={"vETH": EMPTY},
        im_ratio=100_000,
        mm_ratio=62_500,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_a_long_at_five_times() -> None:
    """2.5 ETH bought at 2000 on 1000 USDC: margins, and the price at which equity meets maintenance."""
    long = account(holdings={"vETH": held(5 * WAD // 2, -5000 * WAD)})
    assert long.equity == 1000 * WAD
    assert long.initial_margin == 500 * WAD
    assert long.maintenance_margin == 3125 * WAD // 10
    assert long.free_collateral == 500 * WAD
    price = long.liquidation_price("vETH")
    assert price is not None
    at_price = account(holdings={"vETH": held(5 * WAD // 2, -5000 * WAD, price)})
    assert abs(at_price.equity - at_price.maintenance_margin) < 10**13


def test_a_short_is_liquidated_above() -> None:
    """The mirror image."""
    short = account(holdings={"vETH": held(-5 * WAD // 2, 5000 * WAD)})
    price = short.liquidation_price("vETH")
    assert price is not None
    assert price > 2000 * WAD


def test_nothing_liquidates_an_account_without_debt() -> None:
    """No position, or a long that its collateral covers down to zero."""
    assert account().liquidation_price("vETH") is None
    assert account().liquidation_price("vBTC") is None
    assert account(holdings={"vETH": held(WAD // 10, -200 * WAD)}).liquidation_price("vETH") is None


def test_collateral_counts_after_its_haircut() -> None:
    """2 WETH at 2000 with a ratio of 70 % count for 2800."""
    weth = Asset(2 * WAD, 18, 2000 * 10**8, 8, 700_000)
    assert weth.value == 2800 * WAD
    assert account(assets={"WETH": weth}).equity == 3800 * WAD


def test_equity_is_floored_to_the_settlement_token() -> None:
    """Towards minus infinity, as the Vault formats it."""
    assert account(owed_realized_pnl=-1).equity == 1000 * WAD - 10**12
    assert account(settlement_balance=0, owed_realized_pnl=-1).equity == -(10**12)


def test_unrealized_profit_is_not_free() -> None:
    """Free collateral takes the smaller of collateral and equity, and never goes below zero."""
    rich = account(holdings={"vETH": held(WAD, -1500 * WAD)})
    assert rich.free_collateral == 1000 * WAD - 150 * WAD
    poor = account(holdings={"vETH": held(WAD, -5000 * WAD)})
    assert poor.free_collateral == 0


def test_a_swap_that_closes_leaves_nothing_behind() -> None:
    """The pnl goes to owed, the position and its notional to zero: equity loses only what the swap costs."""
    before = account(holdings={"vETH": held(WAD, -1900 * WAD)})
    after = before.after_swap("vETH", -WAD, 1998 * WAD)
    assert after.holdings["vETH"] == EMPTY
    assert after.owed_realized_pnl == 98 * WAD
    assert after.equity == before.equity - 2 * WAD


SIZES = st.integers(-(10**22), 10**22)


@given(size=SIZES, base=SIZES, quote=st.integers(0, 10**26), notional=st.integers(0, 10**26))
def test_a_swap_moves_equity_by_its_cost_only(size: int, base: int, quote: int, notional: int) -> None:
    """Realizing pnl moves money from the position to the balance and changes no equity beyond rounding."""
    before = account(holdings={"vETH": held(size, -notional if size > 0 else notional)})
    signed_quote = -quote if base > 0 else quote
    after = before.after_swap("vETH", base, signed_quote)
    moved = after.collateral_value + after.unrealized_pnl - before.collateral_value - before.unrealized_pnl
    cost = signed_quote + base * 2000
    assert abs(moved - cost) <= 30_000  # ten wei of dust at 2000, and two roundings


@given(size=SIZES.filter(bool), share=st.integers(1, 10**6), notional=st.integers(1, 10**26))
def test_pnl_is_realized_in_proportion(size: int, share: int, notional: int) -> None:
    """Closing a share realizes that share of the open notional; adding realizes nothing."""
    open_notional = -notional if size > 0 else notional
    base = -size * share // 10**6
    quote = abs(base) * 2000 * (1 if size > 0 else -1)
    if base:
        expected = quote + Fraction(open_notional * abs(base), abs(size))
        # The ratio is truncated to 18 decimals, then the product to a wei.
        assert abs(realized_pnl(size, open_notional, base, quote) - expected) <= notional // WAD + 2
    assert realized_pnl(size, open_notional, size, -quote) == 0
    assert realized_pnl(0, 0, base, quote) == 0
