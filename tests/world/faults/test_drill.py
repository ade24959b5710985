"""The chain's own faults, on a real node."""

from __future__ import annotations

import pytest
from tests.world.faults.conftest import SENDER, Wires, signed, until

from trimtab.errors import ConfigError, RpcError
from trimtab.world.faults import ChainRule, FaultPlan
from trimtab.world.faults.drill import Drill
from trimtab.world.faults.kinds import BaseFeeStorm, HtmlBody, PoolDrop, Reorg

pytestmark = pytest.mark.node


async def base_fee(wires: Wires) -> int:
    return int((await wires.truth("eth_getBlockByNumber", "latest", False))["baseFeePerGas"], 16)


async def test_a_reorg_takes_blocks_and_their_transactions(wires: Wires) -> None:
    """The number stays, the hashes change, what was mined there is gone."""
    await wires.mine(2)
    tx_hash = await wires.send(0)
    await wires.mine()
    old = await wires.truth("eth_getBlockByNumber", "0x3", False)
    async with Drill.open(wires.node.url) as drill:
        await drill.strike(Reorg(depth=2))
        assert drill.injected == {"reorg": 1}
    assert await wires.truth("eth_blockNumber") == "0x4"
    assert (await wires.truth("eth_getBlockByNumber", "0x3", False))["hash"] != old["hash"]
    assert await wires.truth("eth_getTransactionReceipt", tx_hash) is None
    assert await wires.truth("eth_getTransactionCount", SENDER, "latest") == "0x0"


async def test_a_reorg_deeper_than_the_chain_is_none(wires: Wires) -> None:
    """The error says so, and nothing counts."""
    async with Drill.open(wires.node.url) as drill:
        with pytest.raises(RpcError, match="refused anvil_reorg; is its chain long enough"):
            await drill.strike(Reorg(depth=3))
        assert drill.injected == {}


async def test_a_base_fee_storm_stands_and_passes(wires: Wires) -> None:
    """Blocks of that time cost three times as much; afterwards each costs an eighth less."""
    await wires.mine()
    calm = await base_fee(wires)
    async with Drill.open(
        wires.node.url, FaultPlan(chain=(ChainRule(BaseFeeStorm(seconds=1.0), (0.0,)),))
    ) as drill:
        await until(lambda: drill.injected["base_fee_storm"])
        await wires.mine()
        assert await base_fee(wires) == calm * 3
    for _ in range(20):
        await wires.mine()
    assert await base_fee(wires) < calm


async def test_the_pool_forgets_a_part(wires: Wires) -> None:
    """A part of four transactions, rounded up, and what hangs on them; an empty pool is no fault."""
    await wires.truth("evm_setAutomine", False)
    async with Drill.open(wires.node.url, seed=5) as drill:
        await drill.strike(PoolDrop())
        assert drill.injected == {}
        for nonce in range(4):
            await wires.truth("eth_sendRawTransaction", signed(nonce))
        await drill.strike(PoolDrop(percent=40))
        assert drill.injected == {"pool_drop": 1}
    status = await wires.truth("txpool_status")
    assert int(status["pending"], 16) + int(status["queued"], 16) <= 2


async def test_a_plan_runs_while_the_body_does(wires: Wires) -> None:
    """Two reorgs at their seconds, one that came too early is passed over, none after the end."""
    rules = (
        ChainRule(Reorg(depth=9), at_seconds=(0.0,)),
        ChainRule(Reorg(depth=1), every_seconds=0.1, limit=2),
    )
    await wires.mine(3)
    async with Drill.open(wires.node.url, FaultPlan(chain=rules)) as drill:
        await until(lambda: drill.injected["reorg"] == 2)
    assert drill.injected == {"reorg": 2}


async def test_an_error_of_the_body_comes_out_as_itself(wires: Wires) -> None:
    """And ends the drill."""
    plan = FaultPlan(chain=(ChainRule(Reorg(), every_seconds=60),))
    with pytest.raises(ZeroDivisionError):
        async with Drill.open(wires.node.url, plan):
            raise ZeroDivisionError


async def test_a_node_that_dies_ends_the_drill_quietly(wires: Wires) -> None:
    """Whoever uses the node learns of it; the drill only stops."""
    plan = FaultPlan(chain=(ChainRule(Reorg(depth=1), every_seconds=0.05),))
    await wires.mine(2)
    async with Drill.open(wires.node.url, plan) as drill:
        await until(lambda: drill.injected["reorg"])
        wires.node._process.kill()
        wires.node._process.wait()


async def test_only_where_and_what_a_drill_can(wires: Wires) -> None:
    """A proxy's fault is refused, and a node that is no anvil."""
    async with Drill.open(wires.node.url) as drill:
        with pytest.raises(ConfigError, match="give it to a FaultProxy"):
            await drill.strike(HtmlBody())
    wires.inject(HtmlBody(), methods=("anvil_*",))
    with pytest.raises(ConfigError, match="is no anvil"):
        async with Drill.open(wires.proxy.url):
            pass
