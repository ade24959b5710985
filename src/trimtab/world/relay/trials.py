"""Trial blocks: some transactions alone in a block, to see what they do."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.chain.client import Client
from trimtab.tx.opening import OpenedTx
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay.forge import Forge, Mined
from trimtab.world.relay.simulation import Simulation, payments, simulated


async def look(forge: Forge, txs: Sequence[OpenedTx], at: int | None) -> tuple[Simulation, Mined]:
    """Mine them alone, at unix time `at` if given: what they did, and the block, which is still there."""
    parent = await forge.client.block_number()
    mined = await forge.mine([tx.raw for tx in txs], at)
    traces = await forge.traces(mined.hashes)
    paid = [payments(traces.get(tx.tx_hash)) for tx in txs]
    return simulated(txs, mined, parent, paid, traces), mined


async def look_back(
    client: Client, url: str, txs: Sequence[OpenedTx], block: int, at: int | None
) -> Simulation:
    """The same after an old block, on a node of its own that continues the one at `url` from there."""
    options = NodeOptions(fork_url=url, fork_block=block, order="fifo")
    async with AnvilNode.open(options) as node, Client.open(node.url) as fork:
        forge = Forge(fork)
        await forge.mine_when_told()
        for sender in sorted({tx.sender for tx in txs}):  # anvil fills up its own accounts on a fork
            await forge.control.set_balance(sender, await client.balance(sender, block))
        return (await look(forge, txs, at))[0]
