"""Inside `world up`: what is told of a world, prices in step with the clock, a node that dies."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
from tests.world.views import read

from trimtab.cli import world_session
from trimtab.cli.world_session import UpOptions, describe, keep_up
from trimtab.errors import HaltError
from trimtab.model.units import from_wad
from trimtab.world.addresses import from_json
from trimtab.world.node import AnvilNode
from trimtab.world.prices import GbmOptions, gbm_path
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node


async def test_the_document(world: World) -> None:
    """It holds the addresses, every account, and of a fork's URL no more than the host."""
    told = describe(world, UpOptions(fork_url="https://node.example/v2/secret-key"))
    assert from_json(told) == world.addresses
    assert len(told["accounts"]) == len(world.accounts)
    assert "secret-key" not in str(told)
    assert told["fork_of"] == "https://node.example/***"


async def test_prices_move_in_step_with_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a seed the prices follow its path, and the chain's clock stays near the wall's."""
    async with World.open(WorldOptions(clock=None, block_interval=None)) as world:
        await world.deploy()
        await world.control.mine_at(int(time.time()) + 1)
        base = world.perp.markets["vETH"].base_token
        moves = asyncio.Semaphore(0)
        set_prices = world.set_prices

        async def set_and_count(prices: Mapping[str, Decimal], *, at: int | None = None) -> None:
            await set_prices(prices, at=at)
            moves.release()

        monkeypatch.setattr(world, "set_prices", set_and_count)
        moving = asyncio.create_task(world_session._move_prices(world, 5, 1))
        async with asyncio.timeout(20):
            for _ in range(2):
                await moves.acquire()
        moving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await moving
        path = gbm_path(GbmOptions(Decimal(2000), step_seconds=1), "5/ETH")
        second = [next(path), next(path)][1].price
        assert from_wad(await read(world, "BaseToken", base, "getIndexPrice", 0)) == second
        assert abs(await world.now() - time.time()) < 300


async def test_a_node_that_dies_ends_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """When anvil is killed under it, the command ends with what happened instead of hanging."""
    nodes: list[AnvilNode] = []
    shown = asyncio.Event()

    async def show(world: World, _options: UpOptions) -> None:
        assert world.node is not None
        nodes.append(world.node)
        shown.set()

    monkeypatch.setattr(world_session, "_show", show)
    monkeypatch.chdir(tmp_path)
    up = asyncio.create_task(keep_up(UpOptions(port=0)))
    async with asyncio.timeout(20):
        await shown.wait()
        os.kill(nodes[0].pid, signal.SIGKILL)
        with pytest.raises(ExceptionGroup) as caught:
            await up
    assert isinstance(caught.value.exceptions[0], HaltError)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().remove_signal_handler(number)
