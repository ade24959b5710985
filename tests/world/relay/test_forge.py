"""Exact blocks on a real anvil, and back again: order, time, base fee, what was refused."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.world.relay.conftest import GWEI, PAY_COINBASE, make_tx

from trimtab.chain.client import Client
from trimtab.errors import ConfigError
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay.forge import COINBASE, Forge


@pytest.fixture(params=[None, 5], ids=["wall clock", "interval"])
async def forge(request: pytest.FixtureRequest) -> AsyncIterator[Forge]:
    """On a node of its own, with the clock of the wall or of the blocks."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node, Client.open(node.url) as client:
        made = Forge(client)
        await made.check()
        await made.take_over()
        if request.param:
            await made.control.set_block_interval(request.param)
        await made.control.mine()
        yield made


async def test_block_has_the_order_given(forge: Forge) -> None:
    """Whatever the tips, and also between two of one sender."""
    txs = [
        make_tx(0, 0, tip=1),
        make_tx(1, 0, tip=9 * GWEI),
        make_tx(1, 1, tip=2),
        make_tx(0, 1, tip=8 * GWEI),
        make_tx(2, 0, tip=7 * GWEI),
    ]
    mined = await forge.mine([tx.raw for tx in txs])
    assert mined.hashes == tuple(tx.tx_hash for tx in txs)
    assert mined.statuses == {tx.tx_hash: True for tx in txs}
    assert mined.gas_used == 5 * 21_000


async def test_undone_block_leaves_nothing_and_comes_again_alike(forge: Forge) -> None:
    """State, pool, clock and base fee are as before; the same block again has the same hash."""
    coming = await forge.next()
    tx = make_tx(0, 0)
    mined = await forge.mine([tx.raw])
    await forge.undo(mined)
    assert await forge.client.nonce(tx.sender) == 0
    assert await forge.pool() == []
    assert (await forge.next()).base_fee == coming.base_fee
    assert 0 <= (await forge.next()).at - coming.at < 300
    again = await forge.mine([tx.raw], mined.at)
    assert again.hash == mined.hash


async def test_clock_goes_on_after_a_block_at_another_time(forge: Forge) -> None:
    """A trial in the future does not take the clock along."""
    coming = await forge.next()
    mined = await forge.mine([], coming.at + 1000)
    assert mined.at == coming.at + 1000
    await forge.undo(mined)
    assert 0 <= (await forge.next()).at - coming.at < 300


async def test_time_that_has_passed_is_now(forge: Forge) -> None:
    """A block cannot be before its parent: it has the time that it would have had."""
    coming = await forge.next()
    mined = await forge.mine([], coming.at - 1000)
    assert 0 <= mined.at - coming.at < 300


async def test_what_the_chain_does_not_take_is_missing(forge: Forge) -> None:
    """A used nonce and an empty purse are refused with the node's words; a gap is just not there."""
    first = make_tx(0, 0)
    await forge.mine([first.raw])
    poor, gap, good = make_tx(1, 0, value=10**30), make_tx(2, 5), make_tx(3, 0)
    mined = await forge.mine([tx.raw for tx in (first, poor, gap, good)])
    assert mined.hashes == (good.tx_hash,)
    assert mined.refused == {
        first.tx_hash: "nonce too low",
        poor.tx_hash: "Insufficient funds for gas * price + value",
    }


async def test_fees_and_payments_go_to_an_account_of_their_own(forge: Forge) -> None:
    """The tips and what a call pays are the fee recipient's balance; the traces show the payment."""
    tx = make_tx(0, 0, to=None, data=PAY_COINBASE, value=777)
    mined = await forge.mine([tx.raw])
    assert await forge.client.balance(COINBASE) == mined.gas_used * GWEI + 777
    traces = await forge.traces(mined.hashes)
    assert traces[tx.tx_hash]["calls"][0]["to"] == COINBASE


async def test_other_nodes_are_refused(anvil: AnvilNode) -> None:
    """A node that sorts by fee does not do."""
    async with Client.open(anvil.url) as client:
        with pytest.raises(ConfigError, match="fifo"):
            await Forge(client).check()


async def test_first_block_of_a_fork_can_be_taken_back() -> None:
    """A fork's own first block is made at once, because anvil goes no further back."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node:
        options = NodeOptions(order="fifo", fork_url=node.url)
        async with AnvilNode.open(options) as fork, Client.open(fork.url) as client:
            forge = Forge(client)
            await forge.take_over()
            await forge.undo(await forge.mine([make_tx(0, 0).raw]))
            assert await client.block_number() == 1
