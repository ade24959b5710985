"""A thousand accounts in one `eth_call`."""

from __future__ import annotations

import pytest

from trimtab.hooks.lens import OptionReading, OptionRequest, PerpReading
from trimtab.hooks.lens_reader import LensOptions, LensReader
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.books import request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

pytestmark = pytest.mark.node
GAS = 10**9  # what a node must give to one call: five times the room of a block, for both venues
THOUSAND = 1_000


async def check(world: World, accounts: list[Address]) -> None:
    """One call tells what calls for fifty accounts each tell."""
    contracts, at = world.lyra.contracts, world.lyra.markets["sETH"].contracts
    option = OptionRequest(contracts["OptionMarketViewer"], at["OptionMarket"], contracts["BlackScholes"])
    block = await world.client.block_number()

    async def read(size: int) -> tuple[tuple[object, ...], tuple[object, ...], int]:
        reader = LensReader(world.client, LensOptions(size=size, gas=GAS))
        before = world.client.stats.requests.total()
        answer = await reader.read(accounts, block, [request_of(world.perp)], [option])
        asked = world.client.stats.requests.total() - before
        return answer.perps[0].accounts, answer.options[0].accounts, asked

    perps, options, requests = await read(THOUSAND)
    assert requests == 1
    assert len(perps) == len(options) == THOUSAND
    assert all(isinstance(reading, PerpReading) for reading in perps)
    assert all(isinstance(reading, OptionReading) for reading in options)
    assert await read(50) == (perps, options, THOUSAND // 50)


async def test_a_thousand_readings_in_one_call(world: World) -> None:
    """A hundred accounts with positions, ten times over."""
    options = CrowdOptions(traders=100, makers=10, holders=20)
    await check(world, [*await gather_crowd(world, options)] * 10)


@pytest.mark.soak
async def test_a_thousand_accounts_in_one_call(world: World) -> None:
    """A thousand different ones."""
    options = CrowdOptions(traders=THOUSAND, makers=50, holders=200)
    await check(world, [*await gather_crowd(world, options)])
