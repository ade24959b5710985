"""A relay under everything at once: random senders, bundles, cancellations, trials and uncles on a real node,
while somebody watches the public node. What is true of every block is held to every block."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable

import pytest
from tests.world.relay.conftest import GWEI, KEYS, PEOPLE, REVERT, Site, make_tx, raw

from trimtab.tx.opening import OpenedTx
from trimtab.world.relay import Built, Kind


class Storm:
    """What was sent, in which way, and what may therefore be seen."""

    def __init__(self, site: Site, seed: int) -> None:
        self.site = site
        self.dice = random.Random(seed)
        self.bundles: list[tuple[OpenedTx, ...]] = []
        self.private: set[str] = set()
        self.open: set[str] = set()
        self.seen: set[str] = set()
        self.done = asyncio.Event()

    async def watch(self) -> None:
        """Whatever the public mempool shows, by filter and by content."""
        number = await self.site.public("eth_newPendingTransactionFilter")
        while not self.done.is_set():
            found = await self.site.public("eth_getFilterChanges", number)
            pool = await self.site.public("txpool_content")
            found += [tx["hash"] for part in pool.values() for txs in part.values() for tx in txs.values()]
            self.seen.update(found)
            assert not (self.private - self.open) & set(found)

    async def act(self) -> None:
        """One of everything that people do."""
        who = self.dice.randrange(len(KEYS))
        state = int(await self.site.truth("eth_getTransactionCount", PEOPLE[who], "latest"), 16)
        tx = self.make(who, state + self.dice.choice((0, 0, 0, 1)))
        match self.dice.randrange(6):
            case 0 | 1:
                self.open.add(tx.tx_hash)
                await self.site.public("eth_sendRawTransaction", raw(tx))
            case 2:
                self.private.add(tx.tx_hash)
                last = await self.site.head() + self.dice.randint(1, 4)
                await self.site.send_private(tx, last=last)
                if self.dice.random() < 0.2:
                    await self.site.ask("eth_cancelPrivateTransaction", {"txHash": tx.tx_hash})
            case 3 | 4:
                await self.bundle(tx)
            case _:
                await self.site.relay.builder.simulate([tx])

    def make(self, who: int, nonce: int) -> OpenedTx:
        """A transfer of its own amount, or a creation that reverts."""
        tip, mark = self.dice.randint(1, 9) * GWEI, self.dice.getrandbits(40)
        if self.dice.random() < 0.2:
            return make_tx(who, nonce, tip=tip, to=None, data=REVERT + bytes([who]), value=mark)
        return make_tx(who, nonce, tip=tip, value=mark)

    async def bundle(self, first: OpenedTx) -> None:
        """Two or three legs of several people; sometimes cancelled, sometimes with somebody's public leg."""
        others = self.dice.sample([w for w in range(len(KEYS)) if PEOPLE[w] != first.sender], 2)
        legs = [first]
        for who in others[: self.dice.randint(1, 2)]:
            state = int(await self.site.truth("eth_getTransactionCount", PEOPLE[who], "latest"), 16)
            legs.append(self.make(who, state))
        self.private.update(leg.tx_hash for leg in legs)
        self.bundles.append(tuple(legs))
        uuid = str(self.dice.getrandbits(64))
        await self.site.send_bundle(*legs, replacementUuid=uuid)
        if self.dice.random() < 0.2:
            await self.site.ask("eth_cancelBundle", {"replacementUuid": uuid})

    async def check(self, built: Built) -> None:
        """The block on the chain: bundles whole and in order, no private revert, and every promise kept."""
        block = await self.site.truth("eth_getBlockByNumber", hex(built.number), False)
        hashes: list[str] = block["transactions"]
        assert tuple(hashes) == built.tx_hashes
        for legs in self.bundles:
            places = [hashes.index(leg.tx_hash) for leg in legs if leg.tx_hash in hashes]
            if places:
                assert places == list(range(places[0], places[0] + len(legs)))
        for tx_hash in hashes:
            receipt = await self.site.truth("eth_getTransactionReceipt", tx_hash)
            assert receipt["status"] == "0x1" or tx_hash in self.open

    def uncled(self, lost: Built) -> None:
        """Its private transactions are everybody's from now on, and may be mined each for itself."""
        gone = {h for offer in lost.included if offer.kind is not Kind.PUBLIC for h in offer.hashes}
        self.open |= gone
        self.bundles = [legs for legs in self.bundles if gone.isdisjoint(_hashes(legs))]


def _hashes(legs: Iterable[OpenedTx]) -> set[str]:
    return {leg.tx_hash for leg in legs}


async def play(site: Site, seed: int, blocks: int) -> Storm:
    storm = Storm(site, seed)
    mined = 0
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(storm.watch())
        for _ in range(blocks):
            for _ in range(storm.dice.randint(1, 6)):
                await storm.act()
            built = await site.relay.build()
            await storm.check(built)
            mined += len(built.tx_hashes)
            if storm.dice.random() < 0.15:
                storm.uncled(built)
                sibling = await site.relay.uncle()
                if sibling is not None:
                    await storm.check(sibling)
        storm.done.set()
    assert mined > blocks // 2
    return storm


async def test_every_block_keeps_every_promise(site: Site) -> None:
    """Bundles are whole or absent, private transactions neither revert nor show, uncles and trials or not."""
    storm = await play(site, seed=4, blocks=16)
    assert storm.seen & storm.open


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
async def test_every_block_keeps_every_promise_for_long(site: Site, seed: int) -> None:
    """The same, twenty other ways."""
    await play(site, seed=seed, blocks=60)
