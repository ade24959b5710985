"""A thousand accounts by PositionLens beside Multicall of the venues' own views, on the genuine contracts.

The peer is Multicall2 as Perp v2 ships it, asked in one `eth_call` for the views that tell the same numbers:
equity, free collateral, margins, and of each market size, open notional, funding and PerpPortal's liquidation
price; of Lyra positions, then strikes, minimum collateral and the prices of its Black-Scholes. Each view of
Perp v2 works out the mark price again for every position, from 30 minutes of the pool's history; the lens
asks it once for all, and one view per account in which the house does it anyway. What is left is that view:
see the line without a promise, which has nothing but the cheapest views, and tells less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from benchmarks.harness import Result, compare_async, counted
from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.errors import CallRevertedError
from trimtab.hooks.lens import LensAnswer, OptionReading, OptionRequest, PerpReading
from trimtab.hooks.lens_reader import LensOptions, LensReader
from trimtab.model.ids import Address
from trimtab.venues.lyra import Lyra
from trimtab.venues.lyra.pricing import Inputs, read_prices, strike_vol
from trimtab.venues.perp_v2 import PerpV2
from trimtab.venues.perp_v2.books import request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

ACCOUNTS, HOLDERS = 1_000, 200
SAMPLE = 100  # accounts of a peer's round: its time per account does not depend on how many
PLAIN = 10
GAS = 10_000_000_000


async def run() -> list[Result]:
    async with World.open() as world:
        await world.deploy()
        crowd = await gather_crowd(world, CrowdOptions(traders=ACCOUNTS, holders=HOLDERS))
        await world.warp(1_800)
        await world.control.set_gas_limit(GAS)  # anvil gives an eth_call the gas of a block
        await world.mine()
        block = await world.client.block_number()
        multicall = world.perp.contracts["Multicall2"]
        options = replace(world.client.options, multicall=multicall, multicall_size=100_000)
        async with Client.open(world.url, options) as client:
            client.aggregator.use("deployed")
            return [
                *await _perps(world, client, crowd, block),
                *await _options(world, client, crowd[:HOLDERS], block),
            ]


async def _perps(world: World, client: Client, crowd: Sequence[Address], block: int) -> list[Result]:
    lens = LensReader(world.client, LensOptions(size=ACCOUNTS, gas=GAS))
    request, venue = request_of(world.perp), PerpV2(world.client, world.perp)

    async def ours() -> LensAnswer:
        return await lens.read(crowd, block, perps=[request])

    answer = await ours()
    views = _perp_views(world, answer, crowd)
    requests = world.client.stats.requests.total()
    await ours()
    ours_requests = world.client.stats.requests.total() - requests
    sample = [read for reads in views[:SAMPLE] for read in reads]
    await _check_perps(client, answer, views[:SAMPLE], block)
    cheapest = [read for reads in _cheapest_views(world, crowd[:SAMPLE]) for read in reads]

    async def plain() -> None:
        for account in crowd[:PLAIN]:
            await venue.read_positions(account, block=block)
            await venue.read_margin(account, block=block)

    async def theirs() -> Any:
        return await client.read_many(sample, block=block)

    async def bare() -> Any:
        return await client.read_many(cheapest, block=block)

    async def books() -> Any:
        return await venue.read_books(crowd, block=block)

    name = f"lens: {ACCOUNTS} accounts of Perp v2"

    async def beside(what: str, mine: Any, peer: Any, of: str, per: int, promised: float | None) -> Result:
        return await compare_async(
            what, mine, peer, peer_name=of, unit="ms", per=ACCOUNTS, peer_per=per, promised=promised
        )

    return [
        counted(f"{name}, eth_calls", ours=ours_requests, peer=1, peer_name="Multicall2", unit="calls"),
        await beside(name, ours, theirs, "Multicall2 of the views", SAMPLE, 5),
        await beside(f"{name}, as books", books, plain, "our reads of each", PLAIN, 5),
        await beside(f"{name}, beside less", ours, bare, "the cheapest views only", SAMPLE, None),
    ]


def _perp_views(world: World, answer: LensAnswer, crowd: Sequence[Address]) -> list[list[Read[Any]]]:
    at, artifacts = world.perp.contracts, world.artifacts
    vault, house, exchange, portal = (
        artifacts.abi(name) for name in ("Vault", "AccountBalance", "Exchange", "PerpPortal")
    )
    balance = at["AccountBalance"]
    views = []
    for account, reading in zip(crowd, answer.perps[0].accounts, strict=True):
        assert isinstance(reading, PerpReading), reading
        reads: list[Read[Any]] = [
            *(vault.function(f).read(at["Vault"], account) for f in ("getAccountValue", "getFreeCollateral")),
            house.function("getMarginRequirementForLiquidation").read(balance, account),
            house.function("getTotalDebtValue").read(balance, account),
            vault.function("getBalance").read(at["Vault"], account),
        ]
        for held in reading.holdings:
            token = held.base_token
            reads += [
                house.function("getTotalPositionSize").read(balance, account, token),
                house.function("getTotalOpenNotional").read(balance, account, token),
                exchange.function("getPendingFundingPayment").read(at["Exchange"], account, token),
                portal.function("getLiquidationPrice").read(at["PerpPortal"], account, token),
            ]
        views.append(reads)
    return views


def _cheapest_views(world: World, crowd: Sequence[Address]) -> list[list[Read[Any]]]:
    """What nobody can do without who works out the rest elsewhere: realized pnl, fees, funding, sizes."""
    at, artifacts = world.perp.contracts, world.artifacts
    house, exchange, vault = (artifacts.abi(name) for name in ("AccountBalance", "Exchange", "Vault"))
    tokens = [market.base_token for market in world.perp.markets.values()]
    return [
        [
            house.function("getPnlAndPendingFee").read(at["AccountBalance"], account),
            exchange.function("getAllPendingFundingPayment").read(at["Exchange"], account),
            vault.function("getBalance").read(at["Vault"], account),
            *(
                house.function("getTotalPositionSize").read(at["AccountBalance"], account, token)
                for token in tokens
            ),
        ]
        for account in crowd
    ]


async def _check_perps(
    client: Client, answer: LensAnswer, views: Sequence[Sequence[Read[Any]]], block: int
) -> None:
    """Both tell the same, to the wei, or there is nothing to compare."""
    for reading, reads in zip(answer.perps[0].accounts, views, strict=False):
        assert isinstance(reading, PerpReading)
        answers: list[Any] = await client.read_many(reads, block=block)
        equity, free, margin, _, settled, *rest = answers
        ours = (reading.equity, reading.free_collateral, reading.maintenance_margin)
        assert ours == (equity * 10**12, free * 10**12, margin)
        assert reading.settlement_balance == settled
        held = [
            number
            for h in reading.holdings
            for number in (h.size, h.open_notional, h.pending_funding, h.liquidation_price or 0)
        ]
        assert held == rest


async def _options(world: World, client: Client, holders: Sequence[Address], block: int) -> list[Result]:
    at = next(iter(world.lyra.markets.values()))
    contracts = world.lyra.contracts
    market = at.contracts["OptionMarket"]
    request = OptionRequest(contracts["OptionMarketViewer"], market, contracts["BlackScholes"])
    lens = LensReader(world.client, LensOptions(size=ACCOUNTS, gas=GAS))
    venue = Lyra(world.client, world.lyra)
    peer = _LyraViews(world, client, block)

    async def ours() -> LensAnswer:
        return await lens.read(holders, block, options=[request])

    async def plain() -> None:
        for account in holders[:PLAIN]:
            await venue.read_option_positions(account, block=block)

    async def theirs() -> Any:
        return await peer.read(holders)

    async def books() -> Any:
        return await venue.read_books(holders, block=block)

    least = await peer.read(holders)
    for reading, found in zip((await ours()).options[0].accounts, least, strict=True):
        assert isinstance(reading, OptionReading)
        assert [h.min_collateral for h in reading.holdings] == found
    name = f"lens: {HOLDERS} accounts of Lyra"
    return [
        await compare_async(
            name, ours, theirs, peer_name="Multicall2 of the views", unit="ms", per=HOLDERS, promised=2
        ),
        await compare_async(
            f"{name}, as books", books, plain, peer_name="our reads of each", unit="ms", per=HOLDERS,
            peer_per=PLAIN, promised=5,
        ),
    ]  # fmt: skip


class _LyraViews:
    """Three rounds: whose positions, which strikes, and then what they must hold and are worth."""

    def __init__(self, world: World, client: Client, block: int) -> None:
        self.client, self.block = client, block
        self.at = next(iter(world.lyra.markets.values())).contracts
        self.contracts = world.lyra.contracts
        self.abi = world.artifacts.abi

    async def _ask(self, reads: Sequence[Read[Any]]) -> list[Any]:
        answers: list[Any] = await self.client.read_many(reads, block=self.block)
        assert not any(isinstance(answer, CallRevertedError) for answer in answers)
        return answers

    async def read(self, holders: Sequence[Address]) -> list[list[int]]:
        """Minimum collateral of each account's positions; the prices are asked for, and dropped."""
        token, market = self.abi("OptionToken"), self.abi("OptionMarket")
        cache, adapter = self.abi("OptionGreekCache"), self.abi("SynthetixAdapter")
        spot, params, *owned = await self._ask(
            [
                adapter.function("getSpotPriceForMarket").read(
                    self.contracts["SynthetixAdapter"], self.at["OptionMarket"]
                ),
                cache.function("getGreekCacheParams").read(self.at["OptionGreekCache"]),
                *(
                    token.function("getOwnerPositions").read(self.at["OptionToken"], holder)
                    for holder in holders
                ),
            ]
        )
        positions = [p for held in owned for p in held]
        strikes = await self._ask(
            [
                market.function("getStrikeAndBoard").read(self.at["OptionMarket"], p.strikeId)
                for p in positions
            ]
        )
        at = (await self.client.block(self.block)).at
        shorts = [(p, s, b) for p, (s, b) in zip(positions, strikes, strict=True) if p.optionType >= 2]
        least = iter(
            await self._ask(
                [
                    *(
                        cache.function("getMinCollateral").read(
                            self.at["OptionGreekCache"], p.optionType, s.strikePrice, b.expiry, spot, p.amount
                        )
                        for p, s, b in shorts
                    ),
                    *(
                        read_prices(
                            self.contracts["BlackScholes"],
                            Inputs(
                                b.expiry - at,
                                strike_vol(b.iv, s.skew),
                                spot,
                                s.strikePrice,
                                params.rateAndCarry,
                            ),
                        )
                        for s, b in strikes
                    ),
                ]
            )
        )
        return [[next(least) if p.optionType >= 2 else 0 for p in held] for held in owned]
