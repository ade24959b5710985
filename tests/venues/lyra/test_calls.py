"""What a key needs for this venue: all that the encoders make, and nothing that a thief wants."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.model.market import OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.testing.calls import check_plan
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.calls import allow_gifts, list_calls
from trimtab.venues.lyra.contracts import abi
from trimtab.venues.lyra.encode import KeeperPlans, PositionPlans, encode_approval, encode_trade, plan

ME, THIEF = Address("0x" + "a1" * 20), Address("0x" + "66" * 20)


@pytest.fixture
def check(paper: LyraDeployment) -> Callable[[ChainPlan], None]:
    limits = Limits(calls=list_calls(paper), chains=None)
    return lambda plan: check_plan(limits, 10, ME, plan)


def one(call: Call) -> ChainPlan:
    return plan("sETH", ("step", call))


@pytest.mark.parametrize("action", OptionAction)
def test_trades_are_within_the_calls(
    paper: LyraDeployment, series: OptionSeries, check: Callable[[ChainPlan], None], action: OptionAction
) -> None:
    """Open, close and force close; and they are told from the rest, for limits on notional."""
    intent = OptionIntent(series, OptionType.LONG_CALL, action, Decimal(1), position_id=3)
    check(one(encode_trade(paper.markets["sETH"], intent)))
    trades = {call.function for call in list_calls(paper) if call.is_trade}
    assert trades == {"openPosition", "closePosition", "forceClosePosition"}


def test_approvals_and_duties_are_within_the_calls(
    paper: LyraDeployment, check: Callable[[ChainPlan], None]
) -> None:
    """Both tokens to the market, quote to the pool; positions, queues and duties that end at the sender."""
    at = paper.markets["sETH"]
    market, pool = at.contracts["OptionMarket"], at.contracts["LiquidityPool"]
    positions, keeper = PositionPlans(paper), KeeperPlans(paper)
    for step in (
        one(encode_approval(at.quote_asset, market)),
        one(encode_approval(at.base_asset, market)),
        one(encode_approval(at.quote_asset, pool)),
        one(abi("LiquidityPool").function("initiateDeposit").at(pool, ME, 1)),
        one(abi("LiquidityPool").function("initiateWithdraw").at(pool, ME, 1)),
        positions.encode_split("sETH", 1, Decimal(1), Decimal(1), ME),
        positions.encode_merge("sETH", [1, 2]),
        positions.encode_transfer("sETH", 1, THIEF, ME),
        keeper.encode_settle_board("sETH", 1),
        keeper.encode_settle_positions("sETH", [1]),
        keeper.encode_liquidate("sETH", 1, ME),
        keeper.encode_refresh_greeks("sETH"),
        keeper.encode_refresh_greeks("sETH", 1),
        keeper.encode_hedge("sETH"),
        keeper.encode_exchange_base("sETH"),
        keeper.encode_update_breakers("sETH"),
        keeper.encode_process_deposits("sETH", 1),
        keeper.encode_process_withdrawals("sETH", 1),
    ):
        check(step)


def test_what_a_thief_wants_is_not(paper: LyraDeployment, check: Callable[[ChainPlan], None]) -> None:
    """Approvals to a stranger or of base to the pool, positions and pool tokens for him, collateral for a
    position that may be his, his reward."""
    at = paper.markets["sETH"]
    pool = at.contracts["LiquidityPool"]
    positions, keeper = PositionPlans(paper), KeeperPlans(paper)
    for step in (
        one(encode_approval(at.quote_asset, THIEF)),
        one(encode_approval(at.base_asset, pool)),
        one(abi("LiquidityPool").function("initiateDeposit").at(pool, THIEF, 1)),
        one(abi("LiquidityPool").function("initiateWithdraw").at(pool, THIEF, 1)),
        positions.encode_add_collateral("sETH", 1, Decimal(1)),
        positions.encode_transfer("sETH", 1, ME, THIEF),
        positions.encode_split("sETH", 1, Decimal(1), Decimal(1), THIEF),
        keeper.encode_liquidate("sETH", 1, THIEF),
    ):
        with pytest.raises(LimitError):
            check(step)


def test_collateral_for_any_position_can_be_allowed(paper: LyraDeployment) -> None:
    """`allow_gifts` allows this one, and nothing else."""
    limits = Limits(calls=(allow_gifts(paper.markets["sETH"]),), chains=None)
    check_plan(limits, 10, ME, PositionPlans(paper).encode_add_collateral("sETH", 1, Decimal(1)))
    with pytest.raises(LimitError):
        check_plan(limits, 10, ME, PositionPlans(paper).encode_merge("sETH", [1, 2]))
