"""A probe's answer is read as the contract that checks a plan reads it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.hooked import buy, put_probes

from trimtab.hooks.plans import perp_market_id
from trimtab.hooks.probes import read_probe
from trimtab.model.units import to_wad_exact
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.world import World

pytestmark = pytest.mark.node


async def test_an_account_is_told_as_the_venue_holds_it(world: World) -> None:
    """Size, delta, equity and health of a position; nothing of an account that the venue does not know."""
    probes, bob = await put_probes(world), world.accounts["bob"].address
    await buy(world, "bob", Decimal(2))
    told = await world.client.call(read_probe(probes["perp_v2"], bob))
    market = perp_market_id(world.perp.markets["vETH"].base_token)
    assert told.size_in(market) == told.delta_in("ETH") == 2 * 10**18
    margin = await PerpV2(world.client, world.perp).read_margin(bob)
    assert told.equity == to_wad_exact(margin.equity)
    assert told.health == told.equity * 10**18 // told.maintenance_margin
    assert told.delta_in("BTC") == 0
    nobody = await world.client.call(read_probe(probes["lyra/sETH"], bob))
    assert (nobody.markets, nobody.health) == ((), 2**256 - 1)
