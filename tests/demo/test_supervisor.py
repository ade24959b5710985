"""The hedger's process, watched: what it may die of, and what it may not."""

from __future__ import annotations

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
