"""The builder on a real node: who pays, who conflicts, who breaks a promise, what is put back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.world.relay.conftest import GWEI, PAY_COINBASE, PEOPLE, REVERT, Site, make_tx, raw

from trimtab.chain.client import Client
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import Builder, Kind, Relay, Uncle
from trimtab.world.world import World, WorldOptions


async def test_bundle_that_pays_the_fee_recipient_is_first(site: Site) -> None:
    """A bundle without tips that pays by a call goes before one with higher tips."""
    paying = make_tx(0, 0, tip=0, to=None, data=PAY_COINBASE, value=10**18)
    tipping = make_tx(1, 0, tip=5 * GWEI)
    await site.send_bundle(tipping)
    await site.send_bundle(paying)
    assert (await site.relay.build()).tx_hashes == (paying.tx_hash, tipping.tx_hash)


async def test_bundle_with_a_public_transaction_takes_it_along(site: Site) -> None:
    """A public transaction may be part of a bundle, in whose place it is then, once."""
    victim = make_tx(0, 0, tip=9 * GWEI)
    await site.public("eth_sendRawTransaction", raw(victim))
    front, back = make_tx(1, 0), make_tx(1, 1)
    await site.send_bundle(front, victim, back)
    built = await site.relay.build()
    assert built.tx_hashes == tuple(tx.tx_hash for tx in (front, victim, back))
    assert [offer.kind for offer in built.included] == [Kind.BUNDLE]
    assert await site.public("txpool_status") == {"pending": "0x0", "queued": "0x0"}


async def test_of_two_bundles_for_one_nonce_one_is_in(site: Site) -> None:
    """Bundles that exclude each other: the better one, whole."""
    low, high = make_tx(0, 0, tip=GWEI), make_tx(0, 0, tip=2 * GWEI)
    await site.send_bundle(make_tx(1, 0, tip=GWEI), low)
    await site.send_bundle(make_tx(2, 0, tip=2 * GWEI), high)
    built = await site.relay.build()
    assert high.tx_hash in built.tx_hashes
    assert len(built.tx_hashes) == 2


async def test_private_transactions_go_in_their_nonces_order(site: Site) -> None:
    """Given in any order, with rising tips, they are mined by nonce."""
    txs = [make_tx(0, nonce, tip=(nonce + 1) * GWEI) for nonce in range(3)]
    for tx in reversed(txs):
        await site.send_private(tx)
    assert (await site.relay.build()).tx_hashes == tuple(tx.tx_hash for tx in txs)


async def test_what_fails_only_behind_others_is_left_out(site: Site) -> None:
    """A bundle that works alone and fails behind another in the block breaks its promise there."""
    drain = 9_999 * 10**18
    first = make_tx(0, 0, tip=9 * GWEI, value=drain)
    second = make_tx(1, 0, tip=GWEI)
    late = make_tx(0, 1, tip=GWEI, value=drain)
    await site.send_bundle(first)
    await site.send_bundle(second, late)
    built = await site.relay.build()
    assert built.tx_hashes == (first.tx_hash,)
    assert list(built.dropped.values()) == [f"the chain did not take {late.tx_hash}"]


async def test_droppable_transaction_may_be_missing(site: Site) -> None:
    """A bundle goes in without a transaction that it lets be dropped."""
    used, good = make_tx(0, 0), make_tx(1, 0)
    await site.send_private(used)
    await site.relay.build()
    await site.send_bundle(used, good, droppingTxHashes=[used.tx_hash])
    assert (await site.relay.build()).tx_hashes == (good.tx_hash,)


async def test_public_transactions_wait_with_their_places(site: Site) -> None:
    """What a block could not take is in the pool again after it, in the order of arrival, and is not new."""
    gap, dear = make_tx(0, 1), make_tx(1, 0, tip=1, cap=2)
    watching = await site.public("eth_newPendingTransactionFilter")
    await site.public("eth_sendRawTransaction", raw(gap))
    answer = await site.public("eth_sendRawTransaction", raw(dear))
    assert answer == "max fee per gas less than block base fee"
    assert (await site.relay.build()).tx_hashes == ()
    assert await site.public("txpool_status") == {"pending": "0x0", "queued": "0x1"}
    assert await site.public("eth_getFilterChanges", watching) == [gap.tx_hash]
    first = make_tx(0, 0)
    await site.public("eth_sendRawTransaction", raw(first))
    assert (await site.relay.build()).tx_hashes == (first.tx_hash, gap.tx_hash)


async def test_public_reverting_transaction_is_mined(site: Site) -> None:
    """The public mempool has no protection: a revert is mined and paid."""
    tx = make_tx(0, 0, to=None, data=REVERT)
    await site.public("eth_sendRawTransaction", raw(tx))
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)
    assert (await site.public("eth_getTransactionReceipt", tx.tx_hash))["status"] == "0x0"


async def test_replaced_public_transaction_is_gone(site: Site) -> None:
    """The node decides who replaces whom."""
    old, new = make_tx(0, 0, tip=GWEI), make_tx(0, 0, tip=2 * GWEI, cap=200 * GWEI)
    await site.public("eth_sendRawTransaction", raw(old))
    await site.public("eth_sendRawTransaction", raw(new))
    assert (await site.relay.build()).tx_hashes == (new.tx_hash,)


async def test_transaction_sent_to_the_bare_node_is_public(site: Site) -> None:
    """What comes to the builder's node past the face, signed by the node's own keys, is in the next block."""
    fields = {"from": PEOPLE[0], "to": PEOPLE[1], "value": "0x1"}
    tx_hash = await site.truth("eth_sendTransaction", fields)
    assert (await site.relay.build()).tx_hashes == (tx_hash,)


async def test_uncles_come_by_seed(site: Site) -> None:
    """A plan with an uncle loses a block with private transactions, counts it, and spares the next."""
    site.relay.faults = FaultPlan((Rule(Uncle(), first=1),))
    tx = make_tx(0, 0)
    await site.send_private(tx)
    built = await site.relay.build()
    assert built.instead_of is not None
    assert built.tx_hashes == ()
    assert site.relay.injected == {"uncle": 1}
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)
    assert site.relay.injected == {"uncle": 1}


async def test_simulation_leaves_nothing(site: Site) -> None:
    """A trial changes neither chain nor mempool, and nobody is told of its block."""
    waiting = make_tx(0, 0)
    await site.public("eth_sendRawTransaction", raw(waiting))
    watching = await site.public("eth_newBlockFilter")
    pool, head = await site.public("txpool_content"), await site.head()
    result = await site.relay.builder.simulate([make_tx(1, 0)])
    assert (result.gas_used, result.tips, result.state_block) == (21_000, 21_000 * GWEI, head)
    assert await site.head() == head
    assert await site.public("txpool_content") == pool
    assert await site.public("eth_getFilterChanges", watching) == []
    built = await site.relay.build()
    assert await site.public("eth_getFilterChanges", watching) == [built.hash]


async def test_relay_is_not_confused_by_a_block_in_the_making(site: Site) -> None:
    """What is asked while the builder works is judged by the chain that stays: nobody is told of a trial's
    nonces and numbers, he waits."""
    target = await site.head() + 1
    async with site.relay.builder.gate.closed():
        mined = await site.relay.builder.forge.mine([make_tx(0, 0).raw])
        asked = asyncio.create_task(site.send_private(make_tx(0, 0, tip=5)))
        sent = asyncio.create_task(site.send_bundle(make_tx(1, 0), block=target))
        await asyncio.sleep(0.1)
        await site.relay.builder.forge.undo(mined)
    await asked
    await sent
    assert len((await site.relay.build()).tx_hashes) == 2


async def test_block_that_was_begun_does_not_stay_when_something_fails(site: Site) -> None:
    """A build that is broken off leaves the chain, the mempool and the pools as they were."""
    public, private = make_tx(0, 0), make_tx(1, 0)
    await site.public("eth_sendRawTransaction", raw(public))
    await site.send_private(private)
    head, traces = await site.head(), asyncio.Event()

    async def never(_hashes: object) -> dict[str, Any]:
        traces.set()
        await asyncio.Event().wait()
        return {}

    forge = site.relay.builder.forge
    forge.traces = never  # type: ignore[assignment, method-assign]
    trial = asyncio.create_task(site.relay.builder.simulate([make_tx(2, 0)]))
    await traces.wait()
    assert await site.head() == head + 1
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert await site.head() == head
    assert set((await site.relay.build()).tx_hashes) == {public.tx_hash, private.tx_hash}


async def test_work_on_the_bare_node_stays_when_it_fails(site: Site) -> None:
    """Whoever worked in a pause keeps what he mined, and his error comes out."""

    async def work() -> None:
        async with site.relay.paused():
            await site.truth("eth_sendRawTransactionSync", raw(make_tx(0, 0)))
            raise ValueError("his own")

    with pytest.raises(ValueError, match="his own"):
        await work()
    assert await site.truth("eth_getTransactionCount", PEOPLE[0], "latest") == "0x1"


async def test_node_mines_by_itself_again_afterwards() -> None:
    """A builder gives its node back."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node:
        async with Builder.open(node) as builder:
            assert builder.face.url
        async with Client.open(node.url) as client:
            tx = make_tx(0, 0)
            receipt = await client.request("eth_sendRawTransactionSync", [raw(tx)])
            assert receipt["transactionHash"] == tx.tx_hash


async def test_world_in_order_is_a_builders_node() -> None:
    """A world opened with the order "fifo" can have a relay, and may be set back when the relay is told."""
    async with World.open(WorldOptions(order="fifo")) as world, Relay.open(world) as relay:
        snapshot = await world.snapshot()
        built = await relay.build()
        await world.restore(snapshot)
        await relay.reset()
        again = await relay.build()
        assert (again.number, again.at) == (built.number, built.at)
