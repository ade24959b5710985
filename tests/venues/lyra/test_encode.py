"""Intents into calldata: the right function and values, and refusals before any cost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError, UnknownMarketError
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.market import OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.model.position import OptionPosition
from trimtab.model.units import WAD, from_wad
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.contracts import OPTION_TYPES, TYPE_INDEX, abi
from trimtab.venues.lyra.encode import (
    MAX_UINT,
    KeeperPlans,
    PositionPlans,
    cost_bounds,
    encode_trade,
    is_buy,
)

ALICE = Address("0x" + "a1" * 20)
wads = st.integers(min_value=1, max_value=10**30)


def _intent(series: OptionSeries, **changes: object) -> OptionIntent:
    base = OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, Decimal(5))
    return replace(base, **changes)  # type: ignore[arg-type]


def _order(paper: LyraDeployment, intent: OptionIntent) -> tuple[str, object]:
    call = encode_trade(paper.markets["sETH"], intent)
    function = abi("OptionMarket").function_by_selector(call.data[:4])
    assert function is not None
    assert call.target == paper.markets["sETH"].contracts["OptionMarket"]
    return function.name, function.decode_input(call.data)[0]


@given(
    amount=wads,
    collateral=wads,
    option_type=st.sampled_from(OptionType),
    action=st.sampled_from(OptionAction),
    position=st.integers(1, 2**64),
    iterations=st.integers(1, 100),
)
def test_every_value_of_an_intent_reaches_the_order(
    paper: LyraDeployment,
    series: OptionSeries,
    amount: int,
    collateral: int,
    option_type: OptionType,
    action: OptionAction,
    position: int,
    iterations: int,
) -> None:
    """Decoded calldata holds strike, position, iterations, type, amount and collateral to the last wei."""
    intent = OptionIntent(
        series,
        option_type,
        action,
        from_wad(amount),
        position_id=position,
        set_collateral_to=Decimal(0) if option_type.is_long else from_wad(collateral),
        iterations=iterations,
    )
    name, order = _order(paper, intent)
    expected = {"open": "openPosition", "close": "closePosition", "force_close": "forceClosePosition"}
    assert name == expected[action]
    held = 0 if option_type.is_long else collateral
    assert order == (3, position, iterations, TYPE_INDEX[option_type], amount, held, 0, MAX_UINT)


@given(limit=st.decimals(0, 10**12, places=25), option_type=st.sampled_from(OptionType))
def test_a_limit_is_rounded_for_the_one_who_set_it(
    series: OptionSeries, limit: Decimal, option_type: OptionType
) -> None:
    """A payer's limit goes down to base units, a receiver's up: never is it worse than what was said."""
    for action in (OptionAction.OPEN, OptionAction.CLOSE):
        intent = OptionIntent(series, option_type, action, Decimal(1), position_id=1, limit_cost=limit)
        least, most = cost_bounds(intent)
        if is_buy(option_type, action):
            assert (least, from_wad(most) <= limit, limit - from_wad(most) < Decimal(1) / WAD) == (
                0,
                True,
                True,
            )
        else:
            assert (most, from_wad(least) >= limit, from_wad(least) - limit < Decimal(1) / WAD) == (
                MAX_UINT,
                True,
                True,
            )


@pytest.mark.parametrize(
    ("option_type", "action", "buys"),
    [
        (OptionType.LONG_CALL, OptionAction.OPEN, True),
        (OptionType.LONG_PUT, OptionAction.CLOSE, False),
        (OptionType.SHORT_CALL_BASE, OptionAction.OPEN, False),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.FORCE_CLOSE, True),
    ],
)
def test_who_pays(option_type: OptionType, action: OptionAction, buys: bool) -> None:
    """Opening a long and closing a short pay; closing a long and opening a short receive."""
    assert is_buy(option_type, action) is buys


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal("0.1234567890123456789")}, "amount"),
        ({"limit_cost": Decimal(-1)}, "limit_cost"),
        ({"set_collateral_to": Decimal(1)}, "set_collateral_to"),
        (
            {"type": OptionType.SHORT_PUT_QUOTE, "set_collateral_to": Decimal("1e-19")},
            "set_collateral_to",
        ),
    ],
)
def test_what_would_be_rounded_or_lost_is_refused(
    paper: LyraDeployment, series: OptionSeries, changes: dict[str, object], field: str
) -> None:
    """Too many decimals, a negative limit, collateral of a long: an IntentError that names the field."""
    with pytest.raises(IntentError) as caught:
        encode_trade(paper.markets["sETH"], _intent(series, **changes))
    assert caught.value.field == field


@pytest.mark.parametrize("amount", [0, -1, Decimal("NaN"), Decimal("Infinity"), 1.5, True, "abc"])
def test_bad_amounts_never_become_an_intent(series: OptionSeries, amount: object) -> None:
    """Zero, negative, not a number, infinite, float and bool are refused where the intent is made."""
    with pytest.raises(IntentError):
        OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, amount)  # type: ignore[arg-type]


def _position(series: OptionSeries, option_type: OptionType) -> OptionPosition:
    zero = Decimal(0)
    return OptionPosition(
        "lyra",
        ALICE,
        7,
        series,
        option_type,
        Decimal(5),
        zero,
        zero,
        zero,
        zero,
        Greeks(),
        Greeks(),
        "active",
        1,
    )


def test_plans_of_a_holder(paper: LyraDeployment, series: OptionSeries) -> None:
    """Add, set, split, merge and transfer go to the right contract with exact values, one call each."""
    plans, at = PositionPlans(paper), paper.markets["sETH"].contracts
    short = _position(series, OptionType.SHORT_PUT_QUOTE)
    cases = [
        (plans.encode_add_collateral("sETH", 7, Decimal("1.5")), "OptionMarket", (7, 15 * 10**17)),
        (
            plans.encode_set_collateral(short, Decimal(900)),
            "OptionMarket",
            ((3, 7, 1, OPTION_TYPES.index(short.type), 0, 900 * WAD, 0, MAX_UINT),),
        ),
        (
            plans.encode_split("sETH", 7, Decimal(2), Decimal(3), ALICE),
            "OptionToken",
            (7, 2 * WAD, 3 * WAD, ALICE),
        ),
        (plans.encode_merge("sETH", [7, 8]), "OptionToken", ([7, 8],)),
        (
            plans.encode_transfer("sETH", 7, ALICE, Address("0x" + "b2" * 20)),
            "OptionToken",
            (ALICE, "0x" + "b2" * 20, 7),
        ),
    ]
    for plan, contract, args in cases:
        (call,) = plan.calls
        function = abi(contract).function_by_selector(call.data[:4])
        assert function is not None
        assert call.target == at[contract]
        assert _plain(function.decode_input(call.data)) == _plain(args)


def _plain(value: object) -> object:
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def test_plans_that_would_lose_something_are_refused(paper: LyraDeployment, series: OptionSeries) -> None:
    """Collateral on a long, negative collateral and a transfer to nobody never become a call."""
    plans = PositionPlans(paper)
    with pytest.raises(IntentError, match="long"):
        plans.encode_set_collateral(_position(series, OptionType.LONG_CALL), Decimal(1))
    with pytest.raises(IntentError, match="negative"):
        plans.encode_set_collateral(_position(series, OptionType.SHORT_PUT_QUOTE), Decimal(-1))
    with pytest.raises(IntentError, match="zero address"):
        plans.encode_transfer("sETH", 7, ALICE, ZERO_ADDRESS)


def test_keepers_duties_are_one_call_each(paper: LyraDeployment) -> None:
    """Every duty is a single call to a contract of the market, under a label that says it."""
    keeper = KeeperPlans(paper)
    plans = [
        keeper.encode_settle_board("sETH", 1),
        keeper.encode_settle_positions("sETH", [1, 2]),
        keeper.encode_liquidate("sETH", 4, ALICE),
        keeper.encode_refresh_greeks("sETH"),
        keeper.encode_refresh_greeks("sETH", 2),
        keeper.encode_hedge("sETH"),
        keeper.encode_exchange_base("sETH"),
        keeper.encode_update_breakers("sETH"),
        keeper.encode_process_deposits("sETH", 5),
        keeper.encode_process_withdrawals("sETH", 5),
    ]
    targets = set(paper.markets["sETH"].contracts.values())
    assert all(len(p.calls) == 1 and p.calls[0].target in targets for p in plans)
    assert len({p.labels for p in plans}) == len(plans)
    with pytest.raises(UnknownMarketError):
        keeper.encode_hedge("sDOGE")
