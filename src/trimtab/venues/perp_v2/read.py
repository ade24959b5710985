"""The venue's state as model nouns. Every read is of one block."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.chain.receipt import Block
from trimtab.model.ids import Address
from trimtab.model.market import PerpMarket, PerpState
from trimtab.model.position import CollateralBalance, LiquidityRange, MarginAccount, PerpPosition
from trimtab.model.units import WAD, from_base, from_wad
from trimtab.pricing.perp import premium_x96
from trimtab.pricing.tick_math import Q96
from trimtab.venues.perp_v2.account import DUST
from trimtab.venues.perp_v2.addresses import PerpV2Deployment, PerpV2MarketAddresses
from trimtab.venues.perp_v2.amounts import average_price, signed_ratio
from trimtab.venues.perp_v2.batch import BlockRef, read_batch
from trimtab.venues.perp_v2.contracts import (
    ACCOUNT_BALANCE,
    BASE_TOKEN,
    CLEARING_HOUSE,
    CONFIG,
    EXCHANGE,
    MARKET_REGISTRY,
    ORDER_BOOK,
    POOL,
    QUOTE_CURRENCY,
    VAULT,
    VENUE,
    find_market,
)
from trimtab.venues.perp_v2.snapshot import (
    MarketPrices,
    Snapshot,
    account_reads,
    expect,
    price_reads,
    prices_from,
    snapshot_from,
)
from trimtab.venues.perp_v2.ticks import (
    amounts_in_range,
    price_at_tick,
    price_of_sqrt,
    price_x96_of_sqrt,
)


class Reader:
    """Reads of one deployment. Reverts come as the venue's typed errors."""

    def __init__(self, client: Client, deployment: PerpV2Deployment) -> None:
        self.client = client
        self.deployment = deployment
        self._twap_seconds = 900  # ClearingHouseConfig's default; every read checks it

    def list_markets(self) -> tuple[PerpMarket, ...]:
        """The deployment's markets, in its order."""
        return tuple(self.market(name) for name in self.deployment.markets)

    def market(self, name: str) -> PerpMarket:
        """Raises `UnknownMarketError` with the known ones."""
        at = find_market(self.deployment, name)
        return PerpMarket(VENUE, name, at.underlying, QUOTE_CURRENCY, at.base_token)

    async def read_snapshot(self, account: Address, block: BlockRef) -> Snapshot:
        """The account in all markets, as the contracts see it."""
        head, answers = await self._read(account_reads(self.deployment, account), block)
        return snapshot_from(self.deployment, head, answers)

    async def read_state(self, name: str, block: BlockRef) -> PerpState:
        """Prices and funding of a market. Open interest is None: the contracts keep no totals of taker
        positions (`read_open_interest` adds them up from the events)."""
        market = self.market(name)
        at = self.deployment.markets[name]
        seconds = self._twap_seconds
        head, answers = await self._read(self._state_reads(at, seconds), block)
        prices = prices_from(answers[:6], name)
        slot0, info, paused, max_ticks, max_rate, interval, sqrt_twap, index_twap = (
            expect(answer, name) for answer in answers[6:]
        )
        if interval != seconds:
            self._twap_seconds = interval
            return await self.read_state(name, block)
        return PerpState(
            market=market,
            mark_price=from_wad(expect(prices.mark, name)),
            index_price=from_wad(expect(prices.index, name)),
            spot_price=from_wad(price_of_sqrt(slot0.sqrtPriceX96)),
            funding_rate=_funding_rate(sqrt_twap, index_twap, max_rate),
            open_interest_long=None,
            open_interest_short=None,
            fee_rate=from_base(info.exchangeFeeRatio, 6),
            is_open=prices.is_open and not paused and max_ticks > 0,
            block=head.number,
            at=head.at,
        )

    async def _read(self, reads: Sequence[Read[Any]], block: BlockRef) -> tuple[Block, list[Any]]:
        found = await read_batch(self.client, self.deployment, reads, block)
        return found.head, found.answers

    def _state_reads(self, at: PerpV2MarketAddresses, seconds: int) -> list[Read[Any]]:
        contracts = self.deployment.contracts
        config, exchange, token = contracts["ClearingHouseConfig"], contracts["Exchange"], at.base_token
        return [
            *price_reads(self.deployment, at),
            POOL.function("slot0").read(at.pool),
            MARKET_REGISTRY.function("getMarketInfo").read(contracts["MarketRegistry"], token),
            CLEARING_HOUSE.function("paused").read(contracts["ClearingHouse"]),
            EXCHANGE.function("getMaxTickCrossedWithinBlock").read(exchange, token),
            CONFIG.function("getMaxFundingRate").read(config),
            CONFIG.function("getTwapInterval").read(config),
            EXCHANGE.function("getSqrtMarketTwapX96").read(exchange, token, seconds),
            BASE_TOKEN.function("getIndexPrice").read(token, seconds),
        ]

    async def read_positions(self, account: Address, block: BlockRef) -> tuple[PerpPosition, ...]:
        """The account's position in every market, also where it has none (size 0)."""
        snapshot = await self.read_snapshot(account, block)
        return tuple(_position(snapshot, account, name) for name in self.deployment.markets)

    async def read_position(self, account: Address, name: str, block: BlockRef) -> PerpPosition:
        self.market(name)
        return _position(await self.read_snapshot(account, block), account, name)

    async def read_margin(self, account: Address, block: BlockRef) -> MarginAccount:
        """Equity, free collateral and maintenance margin are the Vault's and AccountBalance's own views."""
        views = self._margin_reads(account)
        head, answers = await self._read([*views, *account_reads(self.deployment, account)], block)
        snapshot = snapshot_from(self.deployment, head, answers[len(views) :])
        equity, free, maintenance = map(expect, answers[: len(views)])
        held = snapshot.account
        decimals = held.settlement_decimals
        return MarginAccount(
            venue=VENUE,
            account=account,
            equity=from_base(equity, decimals),
            initial_margin=from_wad(held.initial_margin),
            maintenance_margin=from_wad(maintenance),
            free_collateral=from_base(free, decimals),
            collateral=self._collateral(snapshot),
            total_notional=from_wad(held.total_abs_value),
            pending_funding=from_wad(held.pending_funding),
            block=head.number,
            at=head.at,
        )

    def _margin_reads(self, account: Address) -> list[Read[Any]]:
        vault, balance = self.deployment.contracts["Vault"], self.deployment.contracts["AccountBalance"]
        return [
            VAULT.function("getAccountValue").read(vault, account),
            VAULT.function("getFreeCollateral").read(vault, account),
            ACCOUNT_BALANCE.function("getMarginRequirementForLiquidation").read(balance, account),
        ]

    def _collateral(self, snapshot: Snapshot) -> tuple[CollateralBalance, ...]:
        """What was posted of each asset. The settlement balance takes realized pnl; it may be negative."""
        held = snapshot.account
        found = []
        for currency, asset in self.deployment.collateral.items():
            if currency == self.deployment.settlement:
                amount = value = from_base(held.settlement_balance, asset.decimals)
            else:
                amount = from_base(held.assets[currency].balance, asset.decimals)
                value = from_wad(held.assets[currency].value)
            found.append(CollateralBalance(currency, asset.token, amount, value))
        return tuple(found)

    async def read_liquidity(
        self, account: Address, name: str, block: BlockRef
    ) -> tuple[LiquidityRange, ...]:
        """The account's maker orders in a market. Three requests of one block: ids, orders, fees."""
        self.market(name)
        at, book = self.deployment.markets[name], self.deployment.contracts["OrderBook"]
        ids_read = ORDER_BOOK.function("getOpenOrderIds").read(book, account, at.base_token)
        slot0_read = POOL.function("slot0").read(at.pool)
        first = await read_batch(self.client, self.deployment, [ids_read, slot0_read], block)
        ids, slot0 = first.answers
        order_read, fee_read = ORDER_BOOK.function("getOpenOrderById"), ORDER_BOOK.function("getPendingFee")
        head, pinned = first.head, first.ref
        found = await self.client.read_many(
            [order_read.read(book, i) for i in expect(ids, name)], block=pinned
        )
        orders = [expect(order, name) for order in found]
        fees = await self.client.read_many(
            [fee_read.read(book, account, at.base_token, o.lowerTick, o.upperTick) for o in orders],
            block=pinned,
        )
        price = expect(slot0, name).sqrtPriceX96
        return tuple(
            _range(name, account, order, expect(fee, name), price, head.number)
            for order, fee in zip(orders, fees, strict=True)
        )

    async def read_open_interest(self, name: str, from_block: int = 0) -> tuple[Decimal, Decimal]:
        """Long and short taker positions in units of underlying, added up from every PositionChanged since
        `from_block`, which must not be after the market's first trade. As slow as the log query."""
        base_token = self.market(name).address
        house = self.deployment.contracts["ClearingHouse"]
        changed, closed = CLEARING_HOUSE.event("PositionChanged"), CLEARING_HOUSE.event("PositionClosed")
        topics = [[changed.topic0, closed.topic0], None, bytes.fromhex(base_token[2:]).rjust(32, b"\0")]
        latest = await self.client.block_number()
        sizes: dict[str, int] = {}
        for log in await self.client.logs([house], topics, from_block, latest):
            is_closed = log.topics[0] == closed.topic0
            args = (closed if is_closed else changed).decode(log)
            size = 0 if is_closed else sizes.get(args["trader"], 0) + args["exchangedPositionSize"]
            sizes[args["trader"]] = 0 if abs(size) < DUST else size
        held = sizes.values()
        return from_wad(sum(s for s in held if s > 0)), from_wad(-sum(s for s in held if s < 0))


def _funding_rate(sqrt_twap: int, index_twap: int, max_rate: int) -> Decimal:
    """Exchange's premium over the averaging interval, capped, as a fraction of the index: a position pays
    that much of its notional per day (the contract divides by 86400 per second held)."""
    index = index_twap * Q96 // WAD
    return signed_ratio(premium_x96(price_x96_of_sqrt(sqrt_twap), index, max_rate), index)


def _position(snapshot: Snapshot, account: Address, name: str) -> PerpPosition:
    held = snapshot.account.holdings[name]
    prices: MarketPrices = snapshot.prices[name]
    liquidation = snapshot.account.liquidation_price(name)
    return PerpPosition(
        venue=VENUE,
        market=name,
        account=account,
        size=from_wad(held.size),
        open_notional=from_wad(held.open_notional),
        entry_price=average_price(held.open_notional, held.size) if held.size else None,
        mark_price=from_wad(prices.price),
        index_price=from_wad(expect(prices.index, name)),
        unrealized_pnl=from_wad(held.value + held.open_notional),
        pending_funding=from_wad(held.pending_funding),
        liquidation_price=None if liquidation is None else from_wad(liquidation),
        block=snapshot.block.number,
    )


def _range(name: str, account: Address, order: Any, fee: int, sqrt_price: int, block: int) -> LiquidityRange:
    ticks = (order.lowerTick, order.upperTick)
    base, quote = amounts_in_range(order.liquidity, ticks, sqrt_price)
    return LiquidityRange(
        venue=VENUE,
        market=name,
        account=account,
        ticks=ticks,
        prices=(price_at_tick(ticks[0]), price_at_tick(ticks[1])),
        liquidity=order.liquidity,
        base=from_wad(base),
        quote=from_wad(quote),
        base_debt=from_wad(order.baseDebt),
        quote_debt=from_wad(order.quoteDebt),
        pending_fee=from_wad(fee),
        block=block,
    )
