"""The pytest plugin: worlds that are undone, and nothing at all for those who do not ask."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from tests.world.views import read

from trimtab.chain.client import Client
from trimtab.testing.plugin import OpenFaultProxy
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import HtmlBody, Reorg
from trimtab.world.node import AnvilNode
from trimtab.world.world import World

_PLAIN = "def test_plain():\n    assert True\n"
_COST = """
import sys
import trimtab.testing.plugin
heavy = {"trimtab.world.world", "trimtab.chain.client", "aiohttp", "numpy", "scipy"} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.mark.node
@pytest.mark.parametrize("price", [1800, 2200])
async def test_what_a_test_does_is_undone(world: World, price: int) -> None:
    """Each test finds the world as it was deployed, whatever the others did to it."""
    base = world.perp.markets["vETH"].base_token
    assert await read(world, "BaseToken", base, "getIndexPrice", 0) == 2000 * 10**18
    assert await world.client.block_number() == 3
    await world.set_price("ETH", Decimal(price))
    await world.control.set_automine(False)  # is undone as well


@pytest.mark.node
async def test_the_client_is_the_worlds(world: World, client: Client) -> None:
    """`client` reads the same chain as `world`."""
    assert client is world.client
    assert await client.block_number() == 3


@pytest.mark.node
async def test_a_bare_node_is_empty(anvil: AnvilNode) -> None:
    """`anvil` is a chain without contracts, of the test's own."""
    async with Client.open(anvil.url) as client:
        assert await client.block_number() == 0


@pytest.mark.node
async def test_proxies_fail_by_a_plan(fault_proxy: OpenFaultProxy, anvil: AnvilNode, world: World) -> None:
    """As many as a test opens, before its own node or another, each with faults of its own."""
    dark = await fault_proxy(FaultPlan((Rule(HtmlBody()),)), seed=1)
    clear = await fault_proxy(upstream=world.url)
    assert (dark.upstream_name, clear.upstream_name) == (anvil.url, world.url)
    async with Client.open([dark.url, clear.url]) as client:
        assert await client.block_number() == 3
    assert dark.injected["html_body"] >= 1
    assert clear.injected == {}


@pytest.mark.node
async def test_the_chain_is_struck_at_a_word(drill: Drill, anvil: AnvilNode) -> None:
    """`drill` works on the test's own node."""
    async with Client.open(anvil.url) as client:
        await client.request("anvil_mine", ["0x3"])
        before = await client.block(3)
        await drill.strike(Reorg(depth=1))
        assert (await client.block(3)).hash != before.hash
    assert drill.injected == {"reorg": 1}


def test_importing_costs_nothing() -> None:
    """The plugin is loaded by every pytest of whoever has trimtab installed: it imports no heavy part."""
    subprocess.run([sys.executable, "-c", _COST], check=True)


def test_no_world_unless_asked(tmp_path: Path) -> None:
    """A plain test of somebody else runs without a node: there is not even a binary to be found."""
    (tmp_path / "test_plain.py").write_text(_PLAIN)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plain.py"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed" in run.stdout
