"""A hunting ground: a world that mines only when told, a searcher with margin, and orders to prey on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pytest_asyncio import fixture as async_fixture

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.execution.checks import QuoteRules
from trimtab.execution.protect import protect_perp
from trimtab.model.ids import TxHash
from trimtab.model.order import Fill, PerpIntent, PerpQuote, Side
from trimtab.tx.envelope import DynamicFeeTx, SignedTx
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.searcher import Searcher, post_margin
from trimtab.world.world import World

GWEI = 10**9
ALICE = ACCOUNTS["alice"]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it does, a minute at most."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110 - a node tells nobody
            await asyncio.sleep(0.01)


@dataclass
class Ground:
    """Where Alice's orders wait in the public mempool until `mine`."""

    client: Client
    venue: PerpV2
    mine: Callable[[], Awaitable[Any]]
    nonce: int = 0

    async def sign(self, call: Call, *, tip: int = GWEI) -> SignedTx:
        """Alice's next transaction."""
        cap = 2 * ((await self.client.block("latest")).base_fee or 0) + tip
        fields = DynamicFeeTx(
            self.client.chain_id, self.nonce, tip, cap, 2_000_000, call.target, 0, call.data
        )
        self.nonce += 1
        return await LocalSigner.from_key(ALICE.key).sign_transaction(fields)

    async def write(
        self, side: Side, size: int, slippage: str = "0.005", *, close: bool = False
    ) -> tuple[Call, PerpQuote]:
        """An order as the executor would protect it, and its quote at the state before."""
        intent = PerpIntent("vETH", side, size=None if close else Decimal(size), close=close)
        quote = await self.venue.read_quote(ALICE.address, intent, block="latest")
        quote = protect_perp(quote, QuoteRules(max_slippage=Decimal(slippage)))
        return self.venue.encode_order(ALICE.address, quote.intent, quote).calls[0], quote

    async def order(
        self, side: Side, size: int, slippage: str = "0.005", *, close: bool = False, tip: int = GWEI
    ) -> tuple[TxHash, PerpQuote]:
        """Write one and hand it to everybody."""
        call, quote = await self.write(side, size, slippage, close=close)
        signed = await self.sign(call, tip=tip)
        await self.client.request("eth_sendRawTransaction", ["0x" + signed.raw.hex()])
        return signed.tx_hash, quote

    async def receipt(self, tx_hash: TxHash) -> Receipt:
        found = await self.client.receipt(tx_hash)
        assert found is not None
        return found

    async def fill(self, tx_hash: TxHash) -> Fill:
        """Alice's."""
        (fill,) = self.venue.decode_fills(await self.receipt(tx_hash), ALICE.address)
        return fill

    async def positions(self, account: str) -> int:
        return len(await self.venue.read_positions(ACCOUNTS[account].address))


@async_fixture(scope="function", loop_scope="session")
async def ground(world: World) -> Ground:
    """The searcher and Alice have margin; from here on blocks come when they are told to."""
    await post_margin(world, world.accounts["searcher"], Decimal(400_000))
    await post_margin(world, ALICE, Decimal(400_000))
    await world.control.set_automine(enabled=False)
    nonce = await world.client.nonce(ALICE.address)
    return Ground(world.client, PerpV2(world.client, world.perp), world.mine, nonce)


@async_fixture(scope="function", loop_scope="session")
async def searcher(ground: Ground, world: World) -> AsyncIterator[Searcher]:
    """One that sends its legs in public."""
    async with Searcher.open(world.url, world.perp, world.accounts["searcher"]) as opened:
        assert ground.nonce
        yield opened
