"""Where the demo plays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.demo.options import DemoOptions
from trimtab.demo.stage import open_stage
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node


async def test_by_default_it_is_a_fork_of_a_local_chain() -> None:
    """Two chains: the fork has the protocols of the base, and a trader whose wallet holds money only."""
    async with open_stage(DemoOptions()) as stage:
        world = stage.world
        assert world.options.fork_url is not None
        assert world.url != world.options.fork_url
        assert await world.client.code(world.perp.contracts["ClearingHouse"])
        held = {}
        for token in stage.tokens:
            read = world.artifacts.abi("TestERC20Fail").function("balanceOf")
            held[token.currency] = await world.client.call(read.read(token.address, stage.trader.address))
        assert held["sUSD"] > 0 < held["USDC"]
        assert (held["sETH"], held["WETH"]) == (0, 0)


async def test_an_upstream_of_the_users_is_forked_and_deployed_onto(anvil: AnvilNode) -> None:
    """The upstream stays as it was; its address is told without path and query, which may hold a key."""
    options = replace(DemoOptions(), fork_url=anvil.url + "/?key=secret")
    async with open_stage(options) as stage:
        assert "secret" not in stage.name
        assert anvil.url.split("://")[1] in stage.name
        assert await stage.world.client.code(stage.world.lyra.contracts["LyraRegistry"])
