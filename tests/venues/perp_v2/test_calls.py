"""What a key needs for this venue: all that the encoders make, and nothing that a thief wants."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from tests.venues.perp_v2.conftest import address, quote_for

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.model.limits import Limits
from trimtab.model.order import PerpIntent, Side
from trimtab.testing.calls import check_plan
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.calls import allow_delegation, list_calls
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, DELEGATE_APPROVAL, ERC20, VAULT
from trimtab.venues.perp_v2.duties import Duties
from trimtab.venues.perp_v2.encode import encode_deposit, encode_order, encode_order_for, encode_withdraw

ME, THIEF = address(5), address(666)


@pytest.fixture
def check(deployment: PerpV2Deployment) -> Callable[[ChainPlan], None]:
    limits = Limits(calls=list_calls(deployment), chains=None)
    return lambda plan: check_plan(limits, 10, ME, plan)


def test_every_encoder_is_within_the_calls(
    deployment: PerpV2Deployment, check: Callable[[ChainPlan], None]
) -> None:
    """Orders, closes, margin in and out, liquidity, liquidations, and what anybody may do."""
    buy, close = PerpIntent("vETH", Side.BUY, size=Decimal(2)), PerpIntent("vBTC", Side.SELL, close=True)
    desk = Duties()
    desk.deployment = deployment
    for plan in (
        encode_order(deployment, buy, quote_for(buy)),
        encode_order(deployment, close, quote_for(close)),
        encode_order_for(deployment, address(9), buy, quote_for(buy)),
        encode_deposit(deployment, "USDC", Decimal(5), 0),
        encode_deposit(deployment, "WETH", Decimal(5), 0),
        encode_withdraw(deployment, "USDC", Decimal(5)),
        desk.encode_add_liquidity("vETH", base=Decimal(1), quote=Decimal(1), ticks=(-60, 60)),
        desk.encode_remove_liquidity("vETH", liquidity=1, ticks=(-60, 60)),
        desk.encode_liquidate(address(9), "vETH"),
        desk.encode_liquidate(address(9), "vETH", Decimal(1)),
        desk.encode_cancel_excess_orders(address(9), "vETH"),
        desk.encode_quit_market(address(9), "vETH"),
        desk.encode_settle_funding(ME),
        desk.encode_liquidate_collateral(address(9), "WETH", Decimal(1), 0, Decimal(5)),
        desk.encode_delegation(address(9), approve=False),
    ):
        check(plan)


def test_what_a_thief_wants_is_not(deployment: PerpV2Deployment, check: Callable[[ChainPlan], None]) -> None:
    """Tokens approved or transferred to a stranger, rights to a delegate, markets and tokens that are not the
    deployment's, the house's functions at another address."""
    usdc, vault = deployment.collateral["USDC"].token, deployment.contracts["Vault"]
    delegates = deployment.contracts["DelegateApproval"]
    for call in (
        ERC20.function("approve").at(usdc, THIEF, 1),
        Call(usdc, bytes.fromhex("a9059cbb") + ERC20.function("approve").encode(THIEF, 1)[4:]),
        DELEGATE_APPROVAL.function("approve").at(delegates, THIEF, 1),
        VAULT.function("deposit").at(vault, THIEF, 1),
        CLEARING_HOUSE.function("quitMarket").at(deployment.contracts["ClearingHouse"], ME, THIEF),
        CLEARING_HOUSE.function("settleAllFunding").at(THIEF, ME),
    ):
        with pytest.raises(LimitError):
            check(ChainPlan("perp_v2", "", (call,), ("theft",)))


def test_a_delegate_is_named(deployment: PerpV2Deployment) -> None:
    """`allow_delegation` allows this one, no other."""
    limits = Limits(calls=(allow_delegation(deployment, address(9)),), chains=None)
    desk = Duties()
    desk.deployment = deployment
    check_plan(limits, 10, ME, desk.encode_delegation(address(9), approve=True))
    with pytest.raises(LimitError, match="only with delegate one of"):
        check_plan(limits, 10, ME, desk.encode_delegation(THIEF, approve=True))


def test_trades_are_told_from_the_rest(deployment: PerpV2Deployment) -> None:
    """What moves notional must declare it where that is limited."""
    trades = {call.function for call in list_calls(deployment) if call.is_trade}
    assert trades == {
        "openPosition",
        "openPositionFor",
        "closePosition",
        "addLiquidity",
        "liquidate",
        "liquidateCollateral",
    }
