"""A relay and its builder on a real node: private transactions, bundles, cancellations, shared chains."""

from __future__ import annotations

import asyncio

import pytest
from tests.world.relay.conftest import GWEI, OTHER, PEOPLE, REVERT, SEARCHER, Site, make_tx, raw

from trimtab.errors import ConfigError
from trimtab.world.node import AnvilNode
from trimtab.world.relay import Relay, RelayOptions


async def test_private_transaction_is_mined_and_never_seen_before(site: Site) -> None:
    """A private transaction is in the next block; until then neither pool nor filter of the face has it."""
    watching = await site.public("eth_newPendingTransactionFilter")
    tx = make_tx(0, 0, value=5)
    assert await site.send_private(tx) == tx.tx_hash
    assert await site.public("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert await site.public("eth_getTransactionByHash", tx.tx_hash) is None
    assert (await site.status(tx))["status"] == "PENDING"
    built = await site.relay.build()
    assert built.tx_hashes == (tx.tx_hash,)
    assert await site.public("eth_getFilterChanges", watching) == []
    status = await site.status(tx)
    assert (status["status"], status["transaction"]["value"], status["seenInMempool"]) == (
        "INCLUDED",
        "5",
        False,
    )
    assert (await site.public("eth_getTransactionReceipt", tx.tx_hash))["blockHash"] == built.hash


async def test_bundle_is_whole_and_in_its_order_before_all_others(site: Site) -> None:
    """A bundle stands at the top in its own order, whatever its tips; behind it who pays more."""
    public, private = make_tx(2, 0, tip=3 * GWEI), make_tx(3, 0, tip=2 * GWEI, to=PEOPLE[0])
    await site.public("eth_sendRawTransaction", raw(public))
    await site.send_private(private)
    first, second = make_tx(0, 0, tip=1), make_tx(1, 0, tip=GWEI)
    await site.send_bundle(first, second)
    built = await site.relay.build()
    assert built.tx_hashes == tuple(tx.tx_hash for tx in (first, second, public, private))


async def test_bundle_with_a_revert_is_left_out_whole(site: Site) -> None:
    """One revert that was not allowed keeps a whole bundle out, and its nonces free."""
    good, bad = make_tx(0, 0), make_tx(1, 0, to=None, data=REVERT)
    await site.send_bundle(good, bad)
    built = await site.relay.build()
    assert built.tx_hashes == ()
    assert list(built.dropped.values()) == [f"{bad.tx_hash} reverted"]
    await site.send_bundle(good, bad, revertingTxHashes=[bad.tx_hash])
    assert (await site.relay.build()).tx_hashes == (good.tx_hash, bad.tx_hash)


async def test_bundle_is_for_its_block_only(site: Site) -> None:
    """A bundle for a later block waits for it, and is forgotten after it."""
    tx = make_tx(0, 0)
    await site.send_bundle(tx, block=await site.head() + 2)
    assert (await site.relay.build()).tx_hashes == ()
    assert (await site.relay.build()).tx_hashes == (tx.tx_hash,)
    late = make_tx(0, 1, to=None, data=REVERT)
    await site.send_bundle(late)
    assert (await site.relay.build()).tx_hashes == ()
    assert site.relay.offers(await site.head() + 1) == []


async def test_private_transaction_is_dropped_after_its_last_block(site: Site) -> None:
    """What never could be mined is FAILED after maxBlockNumber, and its nonce is free."""
    tx = make_tx(0, 1)
    await site.send_private(tx, last=await site.head() + 1)
    await site.relay.build()
    assert (await site.status(tx))["status"] == "FAILED"
    await site.send_private(make_tx(0, 0))
    assert len((await site.relay.build()).tx_hashes) == 1


async def test_reverting_private_transaction_waits_with_its_reason(site: Site) -> None:
    """Protect includes no revert: the transaction waits, and the status says why."""
    tx = make_tx(0, 0, to=None, data=REVERT)
    await site.send_private(tx)
    assert (await site.relay.build()).tx_hashes == ()
    status = await site.status(tx)
    assert (status["status"], status["simError"]) == ("PENDING", f"{tx.tx_hash} reverted")


async def test_only_the_sender_cancels(site: Site) -> None:
    """A private transaction is cancelled by the key that sent it, and by no other."""
    tx = make_tx(0, 0)
    await site.send_private(tx)
    assert await site.ask("eth_cancelPrivateTransaction", {"txHash": tx.tx_hash}, key=OTHER) is False
    assert await site.ask("eth_cancelPrivateTransaction", {"txHash": tx.tx_hash}) is True
    assert (await site.relay.build()).tx_hashes == ()
    assert (await site.status(tx))["status"] == "CANCELLED"


async def test_replacement_uuid_belongs_to_its_signer(site: Site) -> None:
    """A later bundle of the same key and uuid takes the earlier one's place; another key's does not."""
    first, second, foreign = make_tx(0, 0, tip=1), make_tx(0, 0, tip=2), make_tx(1, 0)
    await site.send_bundle(first, replacementUuid="u")
    body = {"txs": [raw(foreign)], "blockNumber": hex(await site.head() + 1), "replacementUuid": "u"}
    await site.ask("eth_sendBundle", body, key=OTHER)
    await site.send_bundle(second, replacementUuid="u")
    built = await site.relay.build()
    assert set(built.tx_hashes) == {second.tx_hash, foreign.tx_hash}


@pytest.mark.parametrize("by", ["eth_cancelBundle", "eth_sendBundle"])
async def test_bundles_are_cancelled_by_their_uuid(site: Site, by: str) -> None:
    """eth_cancelBundle, or an empty bundle of the same uuid, takes a bundle back."""
    await site.send_bundle(make_tx(0, 0), replacementUuid="u")
    await site.ask(by, {"replacementUuid": "u"} | ({"txs": []} if by == "eth_sendBundle" else {}))
    assert (await site.relay.build()).tx_hashes == ()


async def test_two_relays_share_a_chain(site: Site) -> None:
    """Two relays of one builder have pools of their own, and both are in its blocks."""
    async with Relay.open(site.relay.builder, RelayOptions(name="two")) as second:
        one, two, both = make_tx(0, 0), make_tx(1, 0), make_tx(2, 0)
        await site.send_bundle(one)
        await site.send_bundle(two, to=second)
        await site.send_private(both)
        await site.send_private(both, to=second)
        assert second.story(one.tx_hash) is None
        built = await second.build()
        assert set(built.tx_hashes) == {one.tx_hash, two.tx_hash, both.tx_hash}
        assert {offer.relay for offer in built.included} >= {"one", "two"}
        assert [received.method for received in second.log] == [
            "eth_sendBundle",
            "eth_sendPrivateTransaction",
        ]
        assert second.log[0].signer == SEARCHER.address.lower()


async def test_blocks_come_by_the_clock(fifo_node: AnvilNode) -> None:
    """With an interval nobody has to ask for a block."""
    async with Relay.open(fifo_node, RelayOptions(block_seconds=0.05)) as relay:
        async with asyncio.timeout(30):
            first = await relay.builder.wait_for(0)
            assert (await relay.builder.wait_for(first.number + 2)).number >= first.number + 2


async def test_work_on_the_bare_node_lies_between_blocks(site: Site) -> None:
    """While the relay is paused the node mines at once, what waits stays, and the public face waits."""
    waiting, private = make_tx(0, 0), make_tx(1, 0)
    await site.public("eth_sendRawTransaction", raw(waiting))
    await site.send_private(private)
    async with site.relay.paused():
        work = make_tx(2, 0)
        assert (await site.truth("eth_sendRawTransactionSync", raw(work)))["status"] == "0x1"
        asked = asyncio.create_task(site.public("eth_blockNumber"))
        await asyncio.sleep(0.05)
        assert not asked.done()
        head = await site.truth("eth_blockNumber")
    assert await asked == head
    assert set((await site.relay.build()).tx_hashes) == {waiting.tx_hash, private.tx_hash}


async def test_node_that_orders_by_fee_is_refused(anvil: AnvilNode) -> None:
    """The order of a block is the builder's: a node that sorts by itself does not do."""
    with pytest.raises(ConfigError, match="fifo"):
        async with Relay.open(anvil.url):
            pass


async def test_uncled_block_gives_its_private_bytes_away(site: Site) -> None:
    """A lost block's private transactions are off the chain and open in the mempool; its public stay."""
    public, private = make_tx(0, 0), make_tx(1, 0)
    await site.public("eth_sendRawTransaction", raw(public))
    await site.send_private(private)
    built = await site.relay.build()
    watching = await site.public("eth_newPendingTransactionFilter")
    sibling = await site.relay.uncle()
    assert sibling is not None
    assert (sibling.number, sibling.instead_of, sibling.tx_hashes) == (
        built.number,
        built.hash,
        (public.tx_hash,),
    )
    assert await site.public("eth_getTransactionReceipt", private.tx_hash) is None
    assert await site.public("eth_getFilterChanges", watching) == [private.tx_hash]
    status = await site.status(private)
    assert (status["status"], status["seenInMempool"]) == ("PENDING", True)
    assert (await site.relay.build()).tx_hashes == (private.tx_hash,)
    assert await site.relay.uncle() is not None
    assert await site.relay.uncle() is None
