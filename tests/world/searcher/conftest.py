"""A hunting ground: a world that mines only when told, a searcher with margin, and orders to prey on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal

from pytest_asyncio import fixture as async_fixture

from trimtab.chain.call import Call
from trimtab.chain.receipt import Receipt
from trimtab.execution.checks import QuoteRules
from trimtab.execution.protect import protect_perp
from trimtab.model.ids import TxHash
from trimtab.model.order import Fill, PerpIntent, PerpQuote, Side
from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.searcher import Searcher, post_margin
from trimtab.world.world import World

GWEI = 10**9


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it does, a minute at most."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - a node tells nobody
            await asyncio.sleep(0.01)


@dataclass
class Ground:
    """Where a victim's orders wait in the public mempool until `mine`."""

    world: World
    venue: PerpV2
    nonce: int

    async def send(self, call: Call, *, tip: int = GWEI) -> TxHash:
        """The victim's transaction, signed and handed to everybody."""
        account = self.world.accounts["alice"]
        client = self.world.client
        cap = 2 * ((await client.block("latest")).base_fee or 0) + tip
        fields = DynamicFeeTx(client.chain_id, self.nonce, tip, cap, 2_000_000, call.target, 0, call.data)
        self.nonce += 1
        signed = await LocalSigner.from_key(account.key).sign_transaction(fields)
        await client.request("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
        return signed.tx_hash

    async def order(
        self, side: Side, size: int, slippage: str = "0.005", *, close: bool = False, tip: int = GWEI
    ) -> tuple[TxHash, PerpQuote]:
        """An order as the executor would protect it, and its quote at the state before."""
        account = self.world.accounts["alice"].address
        intent = PerpIntent("vETH", side, size=None if close else Decimal(size), close=close)
        quote = await self.venue.read_quote(account, intent, block="latest")
        quote = protect_perp(quote, QuoteRules(max_slippage=Decimal(slippage)))
        call = self.venue.encode_order(account, quote.intent, quote).calls[0]
        return await self.send(call, tip=tip), quote

    async def mine(self) -> None:
        await self.world.mine()

    async def receipt(self, tx_hash: TxHash) -> Receipt:
        found = await self.world.client.receipt(tx_hash)
        assert found is not None
        return found

    async def fill(self, tx_hash: TxHash) -> Fill:
        """The victim's."""
        (fill,) = self.venue.decode_fills(await self.receipt(tx_hash), self.world.accounts["alice"].address)
        return fill


@async_fixture(scope="function", loop_scope="session")
async def ground(world: World) -> Ground:
    """The searcher and Alice have margin; from here on blocks come when they are told to."""
    venue = PerpV2(world.client, world.perp)
    await post_margin(world, world.accounts["searcher"], Decimal(400_000))
    await post_margin(world, world.accounts["alice"], Decimal(400_000))
    await world.control.set_automine(enabled=False)
    return Ground(world, venue, await world.client.nonce(world.accounts["alice"].address))


@async_fixture(scope="function", loop_scope="session")
async def searcher(ground: Ground) -> AsyncIterator[Searcher]:
    """One that sends its legs in public."""
    world = ground.world
    async with Searcher.open(world.url, world.perp, world.accounts["searcher"]) as opened:
        yield opened
