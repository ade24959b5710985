"""Looks at the public mempool, lets the strategy decide, and sends: a thin shell, one attack at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from trimtab.chain.client import Client
from trimtab.model.ids import TxHash
from trimtab.model.units import from_wad, to_wad_exact
from trimtab.tx.envelope import SignedTx
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import Parcel, PublicRoute, Route
from trimtab.tx.routes.bundle import BundleRoute
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import BASE_TOKEN, VAULT
from trimtab.venues.perp_v2.pool import PoolReader
from trimtab.world.accounts import Account
from trimtab.world.searcher.books import Books, make_entry
from trimtab.world.searcher.legs import Legs, sign_cancellation, sign_legs
from trimtab.world.searcher.sighting import Sighting, sight
from trimtab.world.searcher.strategy import Costs, Prey, Sandwich, choose


@dataclass(frozen=True, slots=True)
class SearcherOptions:
    """`least_profit` in quote currency, after the venue's fees and gas. `ether_market` is the market whose
    index values gas. `poll_seconds` between two looks of `watch`."""

    least_profit: Decimal = Decimal("0.01")
    ether_market: str = "vETH"
    poll_seconds: float = 0.02


@dataclass(frozen=True, slots=True)
class _Out:
    """An attack whose end is not known. `until`: a bundle is for no block after this one."""

    sandwich: Sandwich
    legs: Legs
    until: int | None


class Searcher:
    """An adversary with an account of its own. Made by `Searcher.open`; `look` is one look at the mempool,
    `watch` looks until it is cancelled, `books` say what it earned."""

    def __init__(
        self,
        client: Client,
        deployment: PerpV2Deployment,
        account: Account,
        route: Route,
        options: SearcherOptions | None = None,
    ) -> None:
        self.address = account.address
        self.books = Books()
        self._client = client
        self._deployment = deployment
        self._signer = LocalSigner.from_key(account.key)
        self._route = route
        self._options = options or SearcherOptions()
        self._venue = PerpV2(client, deployment)
        self._pools = PoolReader(client, deployment)
        self._out: _Out | None = None
        self._left: set[TxHash] = set()  # attacked once in public: its legs are known, it will not do again

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        deployment: PerpV2Deployment,
        account: Account,
        *,
        relay_url: str | None = None,
        options: SearcherOptions | None = None,
    ) -> AsyncIterator[Self]:
        """Watch the public endpoint at `url`. The legs go out in public, round the victim by what they pay;
        with a relay as one bundle with the victim in the middle."""
        async with Client.open(url) as client:
            if relay_url is None:
                yield cls(client, deployment, account, PublicRoute(client), options)
                return
            async with BundleRoute([relay_url]) as route:
                yield cls(client, deployment, account, route, options)

    async def watch(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._options.poll_seconds)

    async def look(self) -> Sandwich | None:
        """Settle what is out; then, if nothing is, attack whoever pays best. The attack, if there is one."""
        await self.settle()
        if self._out is not None:
            return None
        seen = [one for one in await self._read_mempool() if one.tx_hash not in self._left]
        if not seen:
            return None
        chosen = choose([await self._stalk(one) for one in seen], await self._read_costs())
        if chosen is not None:
            await self._strike(chosen)
        return chosen

    async def settle(self) -> None:
        """Write down what became of the attack that is out, as soon as its victim is mined or cannot be any
        more."""
        if self._out is None:
            return
        out, legs = self._out, self._out.legs
        victim = await self._client.receipt(out.sandwich.victim.tx_hash)
        if victim is None:
            if not await self._read_is_gone(out):
                return
            # Its block may have come between the two questions.
            victim = await self._client.receipt(out.sandwich.victim.tx_hash)
        front = await self._client.receipt(legs.front.tx_hash)
        back = await self._client.receipt(legs.back.tx_hash)
        if out.until is None and back is None:
            if front is not None:
                return  # the back leg is on its way, and closes what the front leg opened
            await self._withdraw(legs)
        self._out = None
        if victim is None and out.until is not None:
            return  # a bundle that was in no block: as if it had not been
        fills = [fill for leg in (front, back) if leg for fill in self._venue.decode_fills(leg, self.address)]
        expected = from_wad(out.sandwich.attack.gain)
        hunted = out.sandwich.victim.tx_hash
        self.books.entries.append(make_entry(hunted, victim, (front, back), fills, expected))

    async def _read_is_gone(self, out: _Out) -> bool:
        """Whether a victim without a receipt is none any more: the bundle's block is over, or in public its
        sender has used the nonce for something else."""
        if out.until is not None:
            return await self._client.block_number() >= out.until
        victim = out.sandwich.victim
        return await self._client.nonce(victim.sender) > victim.nonce

    async def _withdraw(self, legs: Legs) -> None:
        """Legs that were left behind in public must not trade without their victim."""
        await self._send([await sign_cancellation(leg, self._signer) for leg in (legs.front, legs.back)])

    async def _read_mempool(self) -> list[Sighting]:
        pool = await self._client.request("txpool_content")
        waiting = [tx for by_nonce in pool["pending"].values() for tx in by_nonce.values()]
        found = [sight(tx, self._deployment) for tx in waiting]
        return [one for one in found if one is not None and one.sender != self.address]

    async def _stalk(self, victim: Sighting) -> Prey:
        look = await self._pools.read(victim.order.market, account=victim.order.trader, block="latest")
        return Prey(victim, look)

    async def _read_costs(self) -> Costs:
        token = self._deployment.markets[self._options.ether_market].base_token
        index = BASE_TOKEN.function("getIndexPrice").read(token, 0)
        vault = self._deployment.contracts["Vault"]
        free = VAULT.function("getFreeCollateral").read(vault, self.address)
        block, price, margin = await asyncio.gather(
            self._client.block("pending"), self._client.call(index), self._client.call(free)
        )
        decimals = self._deployment.collateral[self._deployment.settlement].decimals
        return Costs(
            base_fee=block.base_fee or 0,
            ether_price=price,
            margin=margin * 10 ** (18 - decimals),
            least_profit=to_wad_exact(self._options.least_profit),
        )

    async def _strike(self, sandwich: Sandwich) -> None:
        nonce = await self._client.nonce(self.address)
        chain_id = self._client.chain_id
        legs = await sign_legs(sandwich, self._deployment, self._signer, chain_id, nonce)
        if Lane.BUNDLE not in self._route.lanes:
            self._left.add(sandwich.victim.tx_hash)
            self._out = _Out(sandwich, legs, None)
            await self._send([legs.front, legs.back])
            return
        victim = sandwich.victim.tx_hash
        raw = await self._client.request("eth_getRawTransactionByHash", [victim])
        if raw is None:
            return  # mined or replaced while we thought
        target = await self._client.block_number() + 1
        self._out = _Out(sandwich, legs, target)
        parcel = Parcel(
            (legs.front.raw, bytes.fromhex(raw[2:]), legs.back.raw),
            (legs.front.tx_hash, victim, legs.back.tx_hash),
            lane=Lane.BUNDLE,
            target=target,
            last_block=target,
            name=f"sandwich/{victim}",
        )
        await asyncio.gather(*self._route.send(parcel))

    async def _send(self, transactions: list[SignedTx]) -> None:
        parcel = Parcel(tuple(tx.raw for tx in transactions), tuple(tx.tx_hash for tx in transactions))
        await asyncio.gather(*self._route.send(parcel))
