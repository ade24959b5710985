"""Calls of makers, delegators and liquidators."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.perp_v2.conftest import address

from trimtab.errors import IntentError, UnknownMarketError
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import MAX_UINT256
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, DELEGATE_APPROVAL, VAULT
from trimtab.venues.perp_v2.duties import Duties


class Desk(Duties):
    """Duties of the made-up deployment."""

    def __init__(self, deployment: PerpV2Deployment) -> None:
        self.deployment = deployment


@pytest.fixture
def desk(deployment: PerpV2Deployment) -> Desk:
    return Desk(deployment)


def decode(plan: ChainPlan, name: str) -> tuple[object, ...]:
    function = CLEARING_HOUSE.function(name)
    (call,) = plan.calls
    assert call.data[:4] == function.selector
    return function.decode_input(call.data)


def test_add_and_remove_liquidity(desk: Desk) -> None:
    """Amounts in wad, ticks as they are, no deadline unless given."""
    plan = desk.encode_add_liquidity("vETH", base=Decimal(1), quote=Decimal(2000), ticks=(-60, 120))
    (added,) = decode(plan, "addLiquidity")
    assert added == (address(201), 10**18, 2000 * 10**18, -60, 120, 0, 0, False, MAX_UINT256)
    plan = desk.encode_remove_liquidity("vETH", liquidity=77, ticks=(-60, 120), deadline=5)
    (removed,) = decode(plan, "removeLiquidity")
    assert removed == (address(201), -60, 120, 77, 0, 0, 5)


def test_bad_ranges_are_refused(desk: Desk) -> None:
    """The lower tick is below the upper; amounts and liquidity are not negative."""
    with pytest.raises(IntentError, match="below the upper"):
        desk.encode_add_liquidity("vETH", base=Decimal(1), quote=Decimal(1), ticks=(60, 60))
    with pytest.raises(IntentError, match="not be negative"):
        desk.encode_add_liquidity("vETH", base=Decimal(-1), quote=Decimal(1), ticks=(0, 60))
    with pytest.raises(IntentError, match="not be negative"):
        desk.encode_remove_liquidity("vETH", liquidity=-1, ticks=(0, 60))


def test_liquidate_all_or_a_signed_size(desk: Desk) -> None:
    """Two functions of one name: the short one takes all that may be taken."""
    assert decode(desk.encode_liquidate(address(5), "vETH"), "liquidate(address,address)") == (
        address(5),
        address(201),
    )
    plan = desk.encode_liquidate(address(5), "vBTC", Decimal("-0.25"))
    assert decode(plan, "liquidate(address,address,int256)") == (address(5), address(211), -25 * 10**16)
    with pytest.raises(UnknownMarketError):
        desk.encode_liquidate(address(5), "vDOGE")


def test_collateral_is_bought_after_an_approval_of_the_maximum(desk: Desk) -> None:
    """The amount is in the collateral's own units, the approval in the settlement token's."""
    plan = desk.encode_liquidate_collateral(address(5), "WETH", Decimal(2), 0, Decimal(4000))
    approve, buy = plan.calls
    assert approve.target == address(301)
    assert VAULT.function("liquidateCollateral").decode_input(buy.data) == (
        address(5),
        address(302),
        2 * 10**18,
        False,
    )
    enough = desk.encode_liquidate_collateral(address(5), "WETH", Decimal(2), 4000 * 10**6, Decimal(4000))
    assert enough.calls == (buy,)


def test_delegation_is_the_open_position_bit(desk: Desk) -> None:
    """Approve and revoke name the delegate and the one action that openPositionFor asks for."""
    for approve, name in ((True, "approve"), (False, "revoke")):
        (call,) = desk.encode_delegation(address(9), approve=approve).calls
        assert call.target == desk.deployment.contracts["DelegateApproval"]
        assert DELEGATE_APPROVAL.function(name).decode_input(call.data) == (address(9), 1)
        assert call.data[:4] == DELEGATE_APPROVAL.function(name).selector


def test_permissionless_calls_name_the_account(desk: Desk) -> None:
    """Cancelling excess orders, quitting a closed market, settling one's own funding."""
    assert decode(desk.encode_cancel_excess_orders(address(5), "vETH"), "cancelAllExcessOrders") == (
        address(5),
        address(201),
    )
    assert decode(desk.encode_quit_market(address(5), "vETH"), "quitMarket") == (address(5), address(201))
    assert decode(desk.encode_settle_funding(address(5)), "settleAllFunding") == (address(5),)
