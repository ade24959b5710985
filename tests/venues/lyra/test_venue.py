"""Lyra plays the role of an option venue, and keeps what the suite asks of every one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from tests.venues.lyra.stage import Stage

from trimtab.chain.receipt import Receipt
from trimtab.errors import InsufficientMarginError, OrderRejectedError
from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.testing.option_conformance import OptionStage, OptionVenueConformance
from trimtab.venues.base import ChainPlan
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.world import World

pytestmark = pytest.mark.node


class TestLyra(OptionVenueConformance):
    """The suite of all option venues, on the genuine contracts."""

    @pytest.fixture
    async def stage(self, world: World) -> OptionStage:
        """A trader without approvals yet; the first plan that is sent gives them."""
        stage = Stage(world.client, world.lyra)

        async def submit(account: Address, plan: ChainPlan) -> Receipt | None:
            return await stage.send(account, plan)

        await stage.approve(stage.trader)
        return OptionStage(stage.venue, stage.client, stage.market, stage.trader, submit)


async def test_labels_tell_a_report_what_was_done(stage: Stage) -> None:
    """A plan's label names action, amount, market, strike and type."""
    intent = await stage.intent(OptionType.LONG_CALL, Decimal(2))
    plan = stage.venue.encode_option_order(stage.trader, intent, await stage.any_quote(intent))
    assert plan.labels == ("open 2 sETH 2000 long_call",)
    assert (plan.venue, plan.market, len(plan.calls)) == ("lyra", "sETH", 1)


async def test_collateral_goes_in_and_out(stage: Stage) -> None:
    """Added, raised, lowered to the minimum, and refused below it; the wallet moves by the difference."""
    await stage.trade(stage.trader, await stage.intent(OptionType.SHORT_PUT_QUOTE, Decimal(3)))
    (before,) = await stage.venue.read_option_positions(stage.trader)
    wallet = (await stage.venue.pool.read_balances(stage.trader, stage.market)).quote
    plans = stage.venue.positions
    await stage.send(
        stage.trader, plans.encode_add_collateral(stage.market, before.position_id, Decimal(100))
    )
    (more,) = await stage.venue.read_option_positions(stage.trader)
    assert more.collateral == before.collateral + 100
    assert more.min_collateral is not None
    target = (more.min_collateral + 10).quantize(Decimal("1e-6"))
    await stage.send(stage.trader, plans.encode_set_collateral(more, target))
    (less,) = await stage.venue.read_option_positions(stage.trader)
    assert less.collateral == target
    now = (await stage.venue.pool.read_balances(stage.trader, stage.market)).quote
    assert wallet - now == target - before.collateral
    assert less.min_collateral is not None
    low = plans.encode_set_collateral(less, less.min_collateral - 1)
    assert isinstance(await stage.refusal(stage.trader, low), InsufficientMarginError)


async def test_split_merge_and_give_away(stage: Stage) -> None:
    """A split makes two positions of the same sum, a merge one again, a transfer changes the owner."""
    await stage.trade(stage.trader, await stage.intent(OptionType.SHORT_CALL_BASE, Decimal(4)))
    (whole,) = await stage.venue.read_option_positions(stage.trader)
    plans, half = stage.venue.positions, whole.collateral / 2
    await stage.send(
        stage.trader,
        plans.encode_split(stage.market, whole.position_id, Decimal(2), half, stage.trader),
    )
    first, second = await stage.venue.read_option_positions(stage.trader)
    assert first.amount == second.amount == 2
    assert first.collateral + second.collateral == whole.collateral
    await stage.send(stage.trader, plans.encode_merge(stage.market, [first.position_id, second.position_id]))
    (merged,) = await stage.venue.read_option_positions(stage.trader)
    assert (merged.amount, merged.collateral) == (whole.amount, whole.collateral)
    bob = ACCOUNTS["bob"].address
    await stage.send(stage.trader, plans.encode_transfer(stage.market, merged.position_id, stage.trader, bob))
    assert await stage.venue.read_option_positions(stage.trader) == ()
    (given,) = await stage.venue.read_option_positions(bob)
    assert given.position_id == merged.position_id
    stolen = plans.encode_transfer(stage.market, given.position_id, bob, stage.trader)
    assert isinstance(await stage.refusal(stage.trader, stolen), OrderRejectedError)


async def test_a_position_can_grow(stage: Stage) -> None:
    """An open order with a position's id adds to it."""
    intent = await stage.intent(OptionType.LONG_PUT, Decimal(1))
    await stage.trade(stage.trader, intent)
    (position,) = await stage.venue.read_option_positions(stage.trader)
    quote, receipt = await stage.trade(
        stage.trader, replace(intent, amount=Decimal("0.5"), position_id=position.position_id)
    )
    await stage.check_fill(stage.trader, quote, receipt)
    (grown,) = await stage.venue.read_option_positions(stage.trader)
    assert (grown.position_id, grown.amount) == (position.position_id, Decimal("1.5"))
