"""The adapter as a whole: liquidations to the end, delegates, money that is not there."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.perp_v2.stage import Stage

from trimtab.errors import InsufficientMarginError, OrderRejectedError
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, Side
from trimtab.venues.base import Capability, DelegationVenue, LiquidationVenue, MakerVenue, PerpVenue
from trimtab.venues.perp_v2.ticks import tick_at_price
from trimtab.world.world import World

pytestmark = pytest.mark.node

ALICE, KEEPER = Address("0x" + "a1" * 20), Address("0x" + "b2" * 20)


@pytest.fixture
async def stage(world: World) -> Stage:
    made = Stage(world)
    await made.prepare([ALICE, KEEPER])
    await made.deposit(ALICE, "USDC", Decimal(1_000))
    await made.deposit(KEEPER, "USDC", Decimal(40_000))
    return made


def test_it_plays_every_role_of_a_perp_venue(stage: Stage) -> None:
    """Nothing that a perp venue may declare is left out."""
    for role in (PerpVenue, MakerVenue, DelegationVenue, LiquidationVenue):
        assert isinstance(stage.venue, role)
    options = {"option_trade", "force_close", "adjust_collateral", "split_merge", "lp_queue", "settle"}
    assert {c.value for c in Capability} - {c.value for c in stage.venue.capabilities} == options


@pytest.mark.parametrize("side", list(Side))
async def test_liquidation_begins_at_the_liquidation_price(stage: Stage, side: Side) -> None:
    """0.3 % before it the venue refuses; 0.3 % past it a keeper takes half. Each side's fill is decoded, and
    the reward is in the keeper's price."""
    await stage.trade(ALICE, PerpIntent("vETH", side, size=Decimal(4)))
    price = (await stage.venue.read_position(ALICE, "vETH")).liquidation_price
    assert price is not None
    near, past = (price * (1 + side.sign * x) for x in (Decimal("0.003"), Decimal("-0.003")))
    await stage.world.set_price("ETH", near.quantize(Decimal("1e-8")))
    assert ((await stage.venue.read_margin(ALICE)).health or 0) > 1
    with pytest.raises(OrderRejectedError) as caught:
        await stage.send(KEEPER, stage.venue.encode_liquidate(ALICE, "vETH"))
    assert caught.value.reason == "CH_EAV"
    await stage.world.set_price("ETH", past.quantize(Decimal("1e-8")))
    margin = await stage.venue.read_margin(ALICE, block="pending")
    assert margin.health is not None
    assert margin.health < 1
    receipt = await stage.send(KEEPER, stage.venue.encode_liquidate(ALICE, "vETH"))
    (lost,) = stage.venue.decode_fills(receipt, ALICE)
    (taken,) = stage.venue.decode_fills(receipt, KEEPER)
    assert lost.size == -2 * side.sign == -taken.size
    penalty = lost.price * 2 * Decimal("0.025")
    assert abs(lost.fee - penalty) < Decimal("1e-15")
    reward = (lost.price - taken.price) * taken.size
    assert abs(reward - penalty / 2) < Decimal("1e-15")
    held = await stage.venue.read_position(ALICE, "vETH")
    assert held.size == 2 * side.sign
    await stage.trade(ALICE, PerpIntent("vETH", opposite(side), close=True))
    assert not await stage.venue.read_positions(ALICE)


def opposite(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


async def test_makers_are_cancelled_before_they_are_liquidated(stage: Stage) -> None:
    """CH_CLWTISO while there are orders, CH_NEXO while they are covered; both gone when under water."""
    await stage.trade(ALICE, PerpIntent("vETH", Side.BUY, size=Decimal(3)))
    spot = (await stage.venue.read_state("vETH")).spot_price
    tick = tick_at_price(spot, 60)
    plan = stage.venue.encode_add_liquidity(
        "vETH", base=Decimal("0.3"), quote=(spot * Decimal("0.3")).quantize(Decimal("1e-18")),
        ticks=(tick - 6000, tick + 6000),
    )  # fmt: skip
    await stage.send(ALICE, plan)
    with pytest.raises(OrderRejectedError) as caught:
        await stage.send(KEEPER, stage.venue.encode_cancel_excess_orders(ALICE, "vETH"))
    assert caught.value.reason == "CH_NEXO"
    price = (await stage.venue.read_position(ALICE, "vETH")).liquidation_price
    assert price is not None
    await stage.world.set_price("ETH", (price * Decimal("0.98")).quantize(Decimal("1e-8")))
    with pytest.raises(OrderRejectedError) as caught:
        await stage.send(KEEPER, stage.venue.encode_liquidate(ALICE, "vETH"))
    assert caught.value.reason == "CH_CLWTISO"
    await stage.send(KEEPER, stage.venue.encode_cancel_excess_orders(ALICE, "vETH"))
    assert not await stage.venue.read_liquidity(ALICE, "vETH")
    await stage.send(KEEPER, stage.venue.encode_liquidate(ALICE, "vETH"))


async def test_tokens_that_are_not_there(stage: Stage) -> None:
    """Depositing more than the wallet holds, withdrawing more than is free, an empty account's order."""
    with pytest.raises(OrderRejectedError) as caught:
        await stage.deposit(ALICE, "USDC", Decimal(10_000_000))
    assert caught.value.reason == "ERC20: transfer amount exceeds balance"
    with pytest.raises(InsufficientMarginError) as short:
        await stage.send(ALICE, stage.venue.encode_withdraw(ALICE, "USDC", Decimal("1000.000001")))
    assert short.value.reason == "V_NEFC"


async def test_an_allowance_is_not_asked_for_twice(stage: Stage) -> None:
    """A second deposit within the allowance is one call."""
    first = await stage.venue.encode_deposit(ALICE, "WETH", Decimal(2))
    assert len(first.calls) == 2
    await stage.mine(ALICE, first.calls[0])
    assert len((await stage.venue.encode_deposit(ALICE, "WETH", Decimal(2))).calls) == 1
    assert await stage.venue.read_allowance(ALICE, "WETH") == 2 * 10**18
