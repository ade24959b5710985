"""Customers on the genuine contracts."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.venues.lyra import Lyra
from trimtab.world.customers import CUSTOMERS, Customers
from trimtab.world.flow import FlowOptions
from trimtab.world.world import World, WorldOptions

D = Decimal
pytestmark = pytest.mark.node


async def base_ivs(venue: Lyra) -> list[Decimal]:
    return [board.base_iv for board in (await venue.read_chain("sETH")).boards]


async def test_their_trades_move_volatility_and_are_all_on_the_chain(world: World) -> None:
    """Every trade moves its board's base IV by a point for five options, up when they buy; what they think
    they hold is, position by position, what the contracts say. The odds of closing are set high here."""
    venue, at = Lyra(world.client, world.lyra), await world.now()
    chain = await venue.read_chain("sETH")
    often = replace(FlowOptions(), closing=0.9, later_boards=0.5)
    customers = await Customers.open(world, chain, seed=4, options=often)
    before = dict(
        zip((b.strikes[0].series.board_id for b in chain.boards), await base_ivs(venue), strict=True)
    )
    opened = 0
    for step in range(1, 13):
        fills = await customers.trade(step, D(2000), at=at + step * 600)
        opened += len(fills)
        for fill in fills:
            assert abs(fill.size) <= often.largest
    assert opened > 12
    assert len(customers.held) < opened  # some were closed again
    held = {}
    for name in CUSTOMERS:
        for position in await venue.read_option_positions(world.accounts[name].address):
            held[position.position_id] = (name, position.series.strike_id, position.type, position.amount)
    assert held == {c.position_id: (c.customer, c.series.strike_id, c.type, c.amount) for c in customers.held}
    after = await base_ivs(venue)
    for (board_id, iv), now in zip(before.items(), after, strict=True):
        net = sum((c.signed_amount for c in customers.held if c.series.board_id == board_id), D(0))
        assert now - iv == net / 5 / 100
    assert after != list(before.values())


async def test_the_same_seed_trades_the_same(world: World) -> None:
    """Two worlds, one seed: the same fills to the wei, at the same seconds."""
    seen = []
    for _ in range(2):
        async with world.fork() as other:
            chain = await Lyra(other.client, other.lyra).read_chain("sETH")
            customers = await Customers.open(other, chain, seed=9)
            at = chain.at
            fills = [f for n in range(1, 5) for f in await customers.trade(n, D(2000), at=at + n * 900)]
            seen.append([(f.size, f.price, f.fee, f.position_id, f.block) for f in fills])
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 4


@pytest.mark.soak
async def test_they_trade_without_a_binary() -> None:
    """On py-evm too."""
    async with World.open(WorldOptions(engine="py-evm")) as world:
        await world.deploy()
        chain = await Lyra(world.client, world.lyra).read_chain("sETH")
        customers = await Customers.open(world, chain, seed=2)
        await customers.trade(1, D(2000), at=chain.at + 900)
        assert customers.held
