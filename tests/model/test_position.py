"""Positions: signs, health and leverage as the glossary says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.position import MarginAccount, OptionPosition, PerpPosition

MONEY = st.decimals(min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=6)


def _margin(**changes: Any) -> MarginAccount:
    values: dict[str, Any] = {
        "venue": "perp_v2",
        "account": ZERO_ADDRESS,
        "equity": Decimal(0),
        "initial_margin": Decimal(0),
        "maintenance_margin": Decimal(0),
        "free_collateral": Decimal(0),
        "collateral": (),
        "total_notional": Decimal(0),
        "pending_funding": Decimal(0),
        "block": 1,
        "at": 1,
    }
    return MarginAccount(**{**values, **changes})


@given(equity=MONEY, maintenance=MONEY.filter(lambda m: m > 0))
def test_health_below_one_is_liquidatable(equity: Decimal, maintenance: Decimal) -> None:
    """health < 1 exactly when equity is below the maintenance margin."""
    health = _margin(equity=equity, maintenance_margin=maintenance).health
    assert health is not None
    assert (health < 1) == (equity < maintenance)


def test_without_a_position_there_is_no_health() -> None:
    """No maintenance margin means no health, not an infinite one."""
    assert _margin(equity=Decimal(100)).health is None


@given(equity=MONEY, notional=MONEY.filter(lambda m: m >= 0))
def test_leverage_needs_equity(equity: Decimal, notional: Decimal) -> None:
    """leverage = notional / equity, and None for an account under water."""
    leverage = _margin(equity=equity, total_notional=notional).leverage
    assert (leverage is None) == (equity <= 0)
    if leverage is not None:
        assert leverage >= 0


@given(size=MONEY, mark=MONEY.filter(lambda m: m > 0))
def test_notional_has_no_sign(size: Decimal, mark: Decimal) -> None:
    """notional = abs(size) x mark price, for longs and shorts."""
    nothing = Decimal(0)
    position = PerpPosition(
        "perp_v2", "vETH", ZERO_ADDRESS, size, nothing, None, mark, mark, nothing, nothing, None, 1
    )
    assert position.notional == abs(size) * mark >= 0


def _option(kind: OptionType, amount: Decimal) -> OptionPosition:
    series = OptionSeries(
        OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 2, Decimal(1500), 10**10
    )
    return OptionPosition(
        venue="lyra",
        account=ZERO_ADDRESS,
        position_id=1,
        series=series,
        type=kind,
        amount=amount,
        collateral=Decimal(0),
        min_collateral=None,
        mark_price=Decimal(50),
        iv=Decimal("0.65"),
        venue_greeks=Greeks(),
        greeks=Greeks(),
        state="active",
        block=1,
    )


@given(kind=st.sampled_from(OptionType), amount=MONEY.filter(lambda m: m > 0))
def test_writers_are_short(kind: OptionType, amount: Decimal) -> None:
    """A written option counts negative in amount and in value; a held one positive."""
    position = _option(kind, amount)
    sign = -1 if kind.value.startswith("short") else 1
    assert position.signed_amount == sign * amount
    assert position.mark_value == sign * amount * 50
