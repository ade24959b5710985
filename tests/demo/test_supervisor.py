"""The hedger's process, watched: what it may die of, and what it may not."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from trimtab.demo.protocol import Start
from trimtab.demo.supervisor import Supervisor
from trimtab.errors import HaltError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.world.world import World


def make_start(url: str, folder: Path, world: World) -> Start:
    return Start(
        url=url,
        chain_id=world.client.chain_id,
        key="0x" + world.accounts["bob"].key.hex(),
        account=world.accounts["bob"].address,
        journal=str(folder / "journal.db"),
        underlying="ETH",
        option_market="sETH",
        perp_market="vETH",
        perp=world.perp,
        lyra=world.lyra,
        limits=HedgeLimits(),
        fixed_band=FixedBand(Decimal("0.5")),
    )


@pytest.mark.node
async def test_a_flat_book_is_looked_at_and_left(world: World, tmp_path: Path) -> None:
    """The process starts, reconciles, answers and ends by itself; the key is in none of its traces."""
    start = make_start(world.url, tmp_path, world)
    async with Supervisor.open(start, tmp_path / "hedger.log") as supervisor:
        looked = await supervisor.look("step-0")
        assert looked.hedge is None
        assert looked.delta_before == looked.delta_after == 0
    assert supervisor.crashes == 0
    key = start.key.removeprefix("0x")
    traces = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # noqa: ASYNC240  three small files
    assert key.encode() not in traces
    assert bytes.fromhex(key) not in traces


@pytest.mark.node
async def test_a_hedger_that_cannot_start_says_why(world: World, tmp_path: Path) -> None:
    """A book that is not the key's, another chain: the process's own error comes through."""
    start = make_start(world.url, tmp_path, world)
    for wrong, told in (
        (replace(start, account=ZERO_ADDRESS), "ConfigError: the key is of"),
        (replace(start, chain_id=10), "WrongChainError"),
    ):
        with pytest.raises(HaltError, match=told):
            async with Supervisor.open(wrong, tmp_path / "hedger.log"):
                pass


@pytest.mark.node
async def test_a_hedger_that_is_killed_while_it_recovers_is_started_again(
    world: World, tmp_path: Path
) -> None:
    """Killed, and its successor killed before it said that it is ready: the third one answers the look."""
    start = make_start(world.url, tmp_path, world)
    async with Supervisor.open(start, tmp_path / "hedger.log") as supervisor:
        first = supervisor._process
        assert first is not None
        first.kill()
        looking = asyncio.create_task(supervisor.look("step-0"))
        while supervisor._process in (first, None):  # noqa: ASYNC110  a new process tells nobody
            await asyncio.sleep(0.01)
        supervisor._process.kill()
        assert (await looking).hedge is None
        assert supervisor.crashes == 2


@pytest.mark.node
async def test_a_hedger_that_is_always_killed_is_given_up(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory, say: after some kills in a row a person must look."""
    start = make_start(world.url, tmp_path, world)
    killer = tmp_path / "killer"
    killer.write_text("#!/bin/sh\nkill -9 $$\n")
    killer.chmod(0o700)
    async with Supervisor.open(start, tmp_path / "hedger.log") as supervisor:
        monkeypatch.setattr("trimtab.demo.supervisor.sys.executable", str(killer))
        assert supervisor._process is not None
        supervisor._process.kill()
        with pytest.raises(HaltError, match="killed 5 times"):
            await supervisor.look("step-0")
        monkeypatch.undo()
        assert (await supervisor.look("step-0")).hedge is None
