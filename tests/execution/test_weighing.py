"""Exposures of orders on the genuine pool, and what is decided where nobody can compute one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.errors import PricingError, StalePriceError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.protect import protect_perp
from trimtab.execution.weighing import Scales, weigh
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.model.order import PerpIntent, Side
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node
D = Decimal
A = ExposureAction
BIG = PerpIntent("vETH", Side.BUY, size=D(60))
SLIP = D("0.005")


async def _weigh(world: World, venue: Any, intent: PerpIntent, scales: Scales) -> Any:
    account = world.accounts["alice"].address
    quote = await PerpV2(world.client, world.perp).read_quote(account, intent)
    protected = protect_perp(quote, QuoteRules(max_slippage=SLIP))
    return await weigh(world.client, venue, account, intent, protected, scales)


async def test_a_large_order_is_exposed_and_its_remedies_work(world: World) -> None:
    """The part that may go at once is exposed by no more than the rule lets, as is the tighter price."""
    venue, rule = PerpV2(world.client, world.perp), ExposureRule(D(5))
    split = await _weigh(world, venue, BIG, Scales(rule, (A.SPLIT,), SLIP))
    assert split.exposure.worst_profit > 5
    part = PerpIntent("vETH", Side.BUY, size=split.amount)
    assert (await _weigh(world, venue, part, Scales(rule, (A.SPLIT,), SLIP))).action is None
    tight = await _weigh(world, venue, BIG, Scales(rule, (A.TIGHTEN,), SLIP))
    limited = PerpIntent("vETH", Side.BUY, size=D(60), acceptable_price=tight.acceptable_price)
    assert (await _weigh(world, venue, limited, Scales(rule, (A.TIGHTEN,), SLIP))).action is None


async def test_an_attackers_gas_is_paid_in_the_venues_money(world: World) -> None:
    """At the base fee, at the index price of the market of the chain's own currency."""
    venue = PerpV2(world.client, world.perp)
    found = await _weigh(world, venue, BIG, Scales(None, (), SLIP))
    head = await world.client.block("latest")
    assert head.base_fee
    assert found.exposure.gas_cost == D(660_000 + 420_000) * head.base_fee / D(10) ** 18 * 2000
    assert "no rule says" in found.reason


async def test_a_venue_that_does_not_tell_has_no_verdict(world: World) -> None:
    """None, and nothing is asked."""
    lyra = Lyra(world.client, world.lyra)
    assert await _weigh(world, lyra, BIG, Scales(ExposureRule(), tuple(A), SLIP)) is None


class Blind(PerpV2):
    """Its pool cannot be computed, as when its price ran away from the last recorded one."""

    trouble: Exception = PricingError("too far")

    async def read_exposure(self, *_: Any, **__: Any) -> Any:
        raise self.trouble


@pytest.mark.parametrize("trouble", [PricingError("too far"), StalePriceError("too far")])
async def test_what_cannot_be_computed_counts_as_too_much(world: World, trouble: Exception) -> None:
    """By private routes where there are any, else not at all; without a rule it is only told."""
    venue = Blind(world.client, world.perp)
    venue.trouble = trouble
    for actions, action in ((tuple(A), A.PRIVATE), ((A.TIGHTEN, A.SPLIT), A.REFUSE)):
        found = await _weigh(world, venue, BIG, Scales(ExposureRule(D(5)), actions, SLIP))
        assert (found.action, found.exposure) == (action, None)
        assert "cannot be computed: too far" in found.reason
    assert (await _weigh(world, venue, BIG, Scales(None, (), SLIP))).action is None
