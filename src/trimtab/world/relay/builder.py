"""The builder: fills blocks from the pools of its relays and from the public mempool, on its own node.

Nobody else's bytes may be seen before they are in a block. The node's pool is the public mempool, and the
public face is a proxy before the node (`face.py`). While a block is made the gate is closed: nobody reaches
the node, the public transactions are taken out of its pool, the decided ones go in and are mined, and what is
left over goes back. So private bytes are in the node's pool only while nobody can look; what the node pushes
or collects meanwhile is filtered by the face. The alternative, a pool of our own for public transactions,
would have needed all of a node's own judgement (nonces, prices, replacement, balances) once more.

Whether an offer keeps its promise (no revert, atomic) is not simulated but tried: the block is mined, looked
at, and taken back if a promise was broken; then the next one is mined without the offer that broke it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol, Self

from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Block
from trimtab.errors import ConfigError, IntentError, TrimtabError
from trimtab.model.ids import Address
from trimtab.tx.opening import OpenedTx, open_signed
from trimtab.world.faults.upstream import Upstream
from trimtab.world.node import AnvilNode
from trimtab.world.relay.auction import Frame, Gain, Placed, arrange, first_broken
from trimtab.world.relay.conditions import holds
from trimtab.world.relay.face import Face
from trimtab.world.relay.forge import Forge, Mined, Next
from trimtab.world.relay.gate import Gate
from trimtab.world.relay.mempool import Mempool
from trimtab.world.relay.offers import Kind, Offer
from trimtab.world.relay.simulation import Simulation
from trimtab.world.relay.trials import look, look_back
from trimtab.world.relay.veil import Veil
from trimtab.world.world import World

_TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Built:
    """A block that stays. `included` are the offers in it in their order, `dropped` those that broke their
    promise, with the reason. `instead_of` is the hash of the block that it replaced, if it did."""

    number: int
    hash: str
    at: int
    base_fee: int
    gas_used: int
    tx_hashes: tuple[str, ...]
    included: tuple[Offer, ...]
    dropped: Mapping[Offer, str] = field(default_factory=dict)
    instead_of: str | None = None


class OfferPool(Protocol):
    """A relay, to its builder."""

    def offers(self, number: int) -> Sequence[Offer]:
        """What may be in the block of this number."""
        ...

    def settle(self, built: Built) -> None:
        """A block was made, in its place or in place of another."""
        ...

    def draws_uncle(self) -> bool:
        """Whether the block just made shall be lost."""
        ...


class Builder:
    """One chain's builder. Made by `Builder.open`; several relays may hand to it."""

    def __init__(self, client: Client, upstream: Upstream) -> None:
        self.gate = Gate()
        self.veil = Veil()
        self.turns = count(1)
        self.mempool = Mempool(self.turns)
        self.pools: list[OfferPool] = []
        self.client = client
        self.upstream = upstream
        self.forge = Forge(client)
        self.face = Face(upstream, self.gate, self.veil, self.mempool)
        self.last: Built | None = None
        self._made = asyncio.Condition()

    @classmethod
    @asynccontextmanager
    async def open(cls, node: str | AnvilNode | World, *, public_port: int = 0) -> AsyncIterator[Self]:
        """Take over a node: it mines only when told from now on, until the end. Its public face listens on
        `public_port`, 0 for a free one. Raises `ConfigError` when it is no anvil with the order "fifo"."""
        url = node if isinstance(node, str) else node.url
        options = ClientOptions(timeout=_TIMEOUT, attempt_timeout=_TIMEOUT)
        async with Client.open(url, options) as client, Upstream.open(url) as upstream:
            builder = cls(client, upstream)
            await builder.forge.check()
            await builder.forge.take_over()
            async with builder.face.listen(public_port):
                yield builder
            with suppress(TrimtabError):  # the node may be gone before us
                await builder.forge.control.set_automine(enabled=True)

    async def build(self) -> Built:
        """Make the next block."""
        async with self._aside():
            built = await self._fill(await self._offers())
        await self._tell()
        drawn = [pool.draws_uncle() for pool in self.pools]  # each relay's dice are thrown at every block
        if any(drawn):
            return await self.uncle() or built
        return built

    async def uncle(self) -> Built | None:
        """Lose the last block if private transactions are in it: a sibling without them takes its place, and
        their bytes are in the public mempool. None when there is nothing to lose."""
        async with self._aside():
            last = self.last
            if last is None or (await self.client.block("latest")).hash != last.hash:
                return None
            public = [offer for offer in last.included if offer.kind is Kind.PUBLIC]
            private = [offer for offer in last.included if offer.kind is not Kind.PUBLIC]
            if not private:
                return None
            await self.forge.undo(Mined(last.number, last.hash, last.at, last.base_fee, last.at, {}))
            built = await self._fill(public, at=last.at, instead_of=last.hash)
        for offer in private:
            for step in offer.steps:
                await self.publish(step.tx)
        await self._tell()
        return built

    async def publish(self, tx: OpenedTx) -> str | None:
        """Hand a transaction to everybody; the node's words when it does not take it."""
        async with self.gate.passing():
            refused = await self.forge.send([tx.raw])
            if not refused:
                self.mempool.add(tx)
        return refused.get(tx.tx_hash)

    @asynccontextmanager
    async def paused(self) -> AsyncIterator[None]:
        """Let somebody work on the bare node, as on one of his own: it mines each transaction at once. Nobody
        reaches the public face meanwhile, and the pools wait. What he mined stays, whatever happens."""
        async with self._aside(stays=True):
            await self.forge.control.drop_all()
            await self.forge.control.set_automine(enabled=True)
            try:
                yield
            finally:
                await self.forge.control.set_automine(enabled=False)

    async def reset(self) -> None:
        """After the chain was set back from outside: mine only when told, and forget the public mempool."""
        async with self.gate.closed():
            self.mempool.keep_only(())
            await self.forge.control.drop_all()
            await self.forge.take_over()
            self.last = None

    async def wait_for(self, number: int, timeout: float = _TIMEOUT) -> Built:
        """The block that was made last, as soon as it has this number or a higher one."""
        async with asyncio.timeout(timeout), self._made:
            await self._made.wait_for(lambda: self.last is not None and self.last.number >= number)
        assert self.last is not None
        return self.last

    async def simulate(
        self, txs: Sequence[OpenedTx], *, block: int | None = None, at: int | None = None
    ) -> Simulation:
        """What these would do as the only ones of the block after the head, or after `block`; at unix time
        `at`, if given. Nothing of it stays."""
        async with self._aside():
            if block is None or block >= await self.client.block_number():
                return await self._try(txs, at)
        return await look_back(self.client, self.upstream.url, txs, block, at)

    async def head(self) -> Block:
        """The last block that stays."""
        async with self.gate.passing():
            return await self.client.block("latest")

    async def nonce(self, sender: Address) -> int:
        """An account's next nonce behind the last block that stays."""
        async with self.gate.passing():
            return await self.client.nonce(sender)

    async def read_refusal(self, offer: Offer) -> str:
        """Why the next block could not include a conditional transaction, in op-geth's words; else empty."""
        async with self.gate.passing():
            coming = await self.forge.next()
            if not offer.is_open(coming.number, coming.at):
                return f"failed header check: block {coming.number} at {coming.at}"
            return "" if await holds(self.client, offer.known_accounts) else "failed state check"

    @asynccontextmanager
    async def _aside(self, *, stays: bool = False) -> AsyncIterator[None]:
        """Alone with the node, all that is public at hand; what still is goes back into its pool. What was
        mined when something failed is taken back, unless it `stays`."""
        async with self.gate.closed():
            await self._take_public()
            head = await self.client.block_number()
            try:
                yield
            except BaseException:
                if not stays:
                    await self._back_to(head)
                raise
            finally:
                await self.forge.control.drop_all()
                raws = self.mempool.raws()
                await self.forge.send(raws)
                self.mempool.keep_only(await self.forge.pool() if raws else ())

    async def _back_to(self, number: int) -> None:
        while await self.client.block_number() > number:
            await self._take_back(await self.forge.look_at_head())

    async def _take_public(self) -> None:
        """Agree with the node's pool, which also knows who replaced whom."""
        hashes = await self.forge.pool()
        self.mempool.keep_only(hashes)
        for tx_hash in hashes:
            if not self.mempool.knows(tx_hash):
                await self._learn(tx_hash)

    async def _learn(self, tx_hash: str) -> None:
        """A transaction that came to the bare node. One of an impersonated account, or with blobs, has no
        bytes to go by, and does not survive a block."""
        raw = await self.client.request("eth_getRawTransactionByHash", [tx_hash])
        try:
            tx = open_signed(bytes.fromhex((raw or "0x")[2:]))
        except IntentError:
            return
        if tx.tx_hash == tx_hash:
            self.mempool.add(tx)

    async def _offers(self) -> list[Offer]:
        number = (await self.forge.next()).number
        private = [offer for pool in self.pools for offer in pool.offers(number)]
        return [o for o in private if await holds(self.client, o.known_accounts)] + self.mempool.offers()

    async def _fill(
        self, offers: Iterable[Offer], *, at: int | None = None, instead_of: str | None = None
    ) -> Built:
        """Mine until every promise is kept."""
        coming = await self.forge.next()
        left, dropped = list(offers), dict[Offer, str]()
        frame = await self._frame(coming, left, at)
        gains = await self._measure(left, frame)
        while True:
            placed = arrange(left, frame, gains)
            mined = await self._mine(placed, at)
            broken = first_broken(placed, mined.statuses)
            if broken is None:
                return self._keep(placed, mined, dropped, instead_of)
            left.remove(broken[0])
            dropped[broken[0]] = broken[1]
            at = mined.at
            await self._take_back(mined)

    async def _mine(self, placed: Sequence[Placed], at: int | None) -> Mined:
        wanted = [tx for item in placed for tx in item.txs]
        mined = await self.forge.mine([tx.raw for tx in wanted], at)
        order = [tx.tx_hash for tx in wanted if tx.tx_hash in mined.receipts]
        if order != list(mined.hashes):
            await self._take_back(mined)
            message = f"block {mined.number} is not in the order that was decided; does somebody else send?"
            raise ConfigError(message, key="node")
        return mined

    def _keep(
        self, placed: Sequence[Placed], mined: Mined, dropped: Mapping[Offer, str], instead_of: str | None
    ) -> Built:
        included = tuple(p.offer for p in placed if any(tx.tx_hash in mined.receipts for tx in p.txs))
        self.veil.show(mined.hash)
        built = Built(
            number=mined.number,
            hash=mined.hash,
            at=mined.at,
            base_fee=mined.base_fee,
            gas_used=mined.gas_used,
            tx_hashes=mined.hashes,
            included=included,
            dropped=dropped,
            instead_of=instead_of,
        )
        self.last = built
        for pool in self.pools:
            pool.settle(built)
        return built

    async def _frame(self, coming: Next, offers: Iterable[Offer], at: int | None) -> Frame:
        senders = {step.tx.sender for offer in offers for step in offer.steps}
        nonces = await self.forge.nonces(senders)
        return Frame(coming.number, at or coming.at, coming.base_fee, coming.gas_limit, nonces)

    async def _measure(self, offers: Iterable[Offer], frame: Frame) -> dict[str, Gain]:
        """What each bundle brings that can be at the top of the block, alone."""
        gains = {}
        for offer in offers:
            alone = arrange([offer], frame) if offer.kind is Kind.BUNDLE else ()
            if alone:
                result = await self._try(alone[0].txs, frame.at)
                gains[offer.name] = Gain(result.coinbase_diff, result.gas_used)
        return gains

    async def _try(self, txs: Sequence[OpenedTx], at: int | None) -> Simulation:
        """A block of these alone, looked at and taken back."""
        simulation, mined = await look(self.forge, txs, at)
        await self._take_back(mined)
        return simulation

    async def _take_back(self, mined: Mined) -> None:
        self.veil.hide(mined.hash)
        await self.forge.undo(mined)

    async def _tell(self) -> None:
        async with self._made:
            self._made.notify_all()
