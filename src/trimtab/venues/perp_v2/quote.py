"""Exact terms before the trade: the contracts run it without effect, then the account is worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.errors import (
    AbiError,
    CallRevertedError,
    InsufficientMarginError,
    OrderRejectedError,
    StalePriceError,
)
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.model.units import from_wad
from trimtab.pricing.perp import PPM
from trimtab.pricing.tick_math import sqrt_at_tick
from trimtab.venues.perp_v2.account import Account, Holding
from trimtab.venues.perp_v2.addresses import PerpV2Deployment, PerpV2MarketAddresses
from trimtab.venues.perp_v2.amounts import MAX_UINT256, average_price
from trimtab.venues.perp_v2.batch import BlockRef, Simulation, read_batch
from trimtab.venues.perp_v2.contracts import (
    ACCOUNT_BALANCE,
    CHAINLINK_FEED,
    CLEARING_HOUSE,
    EXCHANGE,
    MARKET_REGISTRY,
    ORDER_BOOK,
    POOL,
    PRICE_FEED,
    VENUE,
    find_market,
)
from trimtab.venues.perp_v2.encode import NO_REFERRAL, swap_amount
from trimtab.venues.perp_v2.facts import trade_facts
from trimtab.venues.perp_v2.reverts import explain_code, explain_revert
from trimtab.venues.perp_v2.snapshot import Snapshot, account_reads, expect, snapshot_from
from trimtab.venues.perp_v2.ticks import price_of_sqrt

_OPEN = CLEARING_HOUSE.function("openPosition")
_CLOSE = CLEARING_HOUSE.function("closePosition")
_SWAP = EXCHANGE.function("swap")
_REPLAY = ORDER_BOOK.function("replaySwap")
_INFO = MARKET_REGISTRY.function("getMarketInfoByTrader")
_MAX_TICKS = EXCHANGE.function("getMaxTickCrossedWithinBlock")


@dataclass(frozen=True, slots=True)
class Terms:
    """What the swap gives: signed base and notional, the fee, all 18-decimal; `quote` has the fee inside."""

    base: int
    notional: int
    fee: int

    @property
    def quote(self) -> int:
        return self.notional - self.fee


@dataclass(frozen=True, slots=True)
class _Run:
    """One look at the chain: the account before, and two runs of the trade at the same block."""

    ref: BlockRef
    snapshot: Snapshot
    sqrt_price: int
    tick: int
    order: Any  # ClearingHouse's answer to the order: (base, quote with the fee), or its revert
    swap: Any  # Exchange's answer to the bare swap, without margin checks, or its revert


class Quoter:
    """Quotes of one deployment.

    Two simulations: the order as the account would send it says whether the venue takes it; the bare swap as
    ClearingHouse would ask for it tells the fee, and the terms even when the margin does not suffice.
    """

    def __init__(
        self, client: Client, deployment: PerpV2Deployment, *, refuse_stale_index: bool = True
    ) -> None:
        self._client = client
        self._deployment = deployment
        self._refuse_stale_index = refuse_stale_index
        self._feeds: dict[str, Address] = {}

    async def read_quote(self, account: Address, intent: PerpIntent, block: BlockRef) -> PerpQuote:
        """One request; two to close, which has to know the position first. A node without a pending block
        answers for the latest one."""
        at = find_market(self._deployment, intent.market)
        closes = await self._read_closed_size(account, intent, at, block) if intent.close else None
        feed = await self._find_feed(intent.market, at)
        swap = _swap_params(account, intent, at, closes)
        run = await self._run(account, intent, at, feed, swap, block)
        held = run.snapshot.account.holdings[intent.market]
        if closes is not None and held.taker_size != closes:  # a trade came between the two requests
            return await self.read_quote(account, intent, block)
        terms, is_sufficient = await self._settle(run, intent, at, swap)
        _check_reduces(intent, held, terms)
        after = run.snapshot.account.after_swap(intent.market, terms.base, terms.quote)
        return _quote(intent, run, terms, after, is_sufficient=is_sufficient)

    async def _read_closed_size(
        self, account: Address, intent: PerpIntent, at: PerpV2MarketAddresses, block: BlockRef
    ) -> int:
        """The signed taker position that a close trades away."""
        read = ACCOUNT_BALANCE.function("getTakerPositionSize").read(
            self._deployment.contracts["AccountBalance"], account, at.base_token
        )
        found = await read_batch(self._client, self._deployment, [read], block)
        size = expect(found.answers[0], intent.market)
        if size == 0:
            raise explain_code("CH_PSZ", intent.market)
        if (size > 0) is (intent.side is Side.BUY):
            raise OrderRejectedError(
                f"a position of {from_wad(size)} {intent.market} is closed by a {_closing_side(size)}, "
                f"not a {intent.side}",
                venue=VENUE,
                market=intent.market,
                reason="close_side",
            )
        return int(size)

    async def _find_feed(self, name: str, at: PerpV2MarketAddresses) -> Address:
        """The Chainlink feed behind the market's dispatcher, asked for once."""
        if at.chainlink_feed is not None:
            return at.chainlink_feed
        if name not in self._feeds:
            read = PRICE_FEED.function("getChainlinkPriceFeedV3").read(at.price_feed)
            try:
                self._feeds[name] = await self._client.call(read)
            except (CallRevertedError, AbiError):
                self._feeds[name] = at.price_feed
        return self._feeds[name]

    async def _run(
        self,
        account: Address,
        intent: PerpIntent,
        at: PerpV2MarketAddresses,
        feed: Address,
        swap: dict[str, Any],
        block: BlockRef,
    ) -> _Run:
        contracts = self._deployment.contracts
        reads = [
            *account_reads(self._deployment, account),
            POOL.function("slot0").read(at.pool),
            CHAINLINK_FEED.function("isTimedOut").read(feed),
        ]
        simulations = (
            Simulation(account, _order_read(contracts["ClearingHouse"], intent, swap)),
            Simulation(contracts["ClearingHouse"], _SWAP.read(contracts["Exchange"], swap)),
        )
        found = await read_batch(self._client, self._deployment, reads, block, simulations)
        *held, slot0, is_timed_out = found.answers
        order, bare = found.simulated
        if is_timed_out is True and self._refuse_stale_index:
            raise StalePriceError(
                f"the index of {intent.market} is older than its feed allows; wait for an oracle report",
                venue=VENUE,
                market=intent.market,
            )
        snapshot = snapshot_from(self._deployment, found.head, held)
        price = expect(slot0, intent.market)
        return _Run(found.ref, snapshot, price.sqrtPriceX96, price.tick, order, bare)

    async def _settle(
        self, run: _Run, intent: PerpIntent, at: PerpV2MarketAddresses, swap: dict[str, Any]
    ) -> tuple[Terms, bool]:
        """The terms, and whether the margin suffices. Raises the venue's refusal of anything else."""
        bare_ran = not isinstance(run.swap, CallRevertedError)
        if isinstance(run.order, CallRevertedError):
            refusal = explain_revert(run.order.data, intent.market)
            if isinstance(refusal, InsufficientMarginError) and bare_ran:
                return _terms_of(run.swap), False
            raise refusal from run.order
        base, quote = run.order
        if bare_ran and (run.swap.base, run.swap.quote) == (base, quote):
            return _terms_of(run.swap), True
        # The bare swap measures the block's price limit from an older tick than the order does.
        fee = await self._replay_fee(run, at, swap)
        if intent.side is Side.BUY:
            return Terms(base, -(quote - fee), fee), True
        return Terms(-base, quote + fee, fee), True

    async def _replay_fee(self, run: _Run, at: PerpV2MarketAddresses, swap: dict[str, Any]) -> int:
        """The fee as OrderBook charges it, by its own replay at the same block."""
        contracts = self._deployment.contracts
        info, max_ticks = await self._client.read_many(
            [
                _INFO.read(contracts["MarketRegistry"], swap["trader"], at.base_token),
                _MAX_TICKS.read(contracts["Exchange"], at.base_token),
            ],
            block=run.ref,
        )
        info, max_ticks = expect(info), expect(max_ticks)
        params = {
            "baseToken": at.base_token,
            "isBaseToQuote": swap["isBaseToQuote"],
            "shouldUpdateState": False,
            "amount": _replay_amount(swap, info.exchangeFeeRatio, info.uniswapFeeRatio),
            "sqrtPriceLimitX96": _closing_limit(run.tick, swap, max_ticks),
            "exchangeFeeRatio": info.exchangeFeeRatio,
            "uniswapFeeRatio": info.uniswapFeeRatio,
            "globalFundingGrowth": (0, 0),
            "pool": at.pool,
            "insuranceFundFeeRatio": info.insuranceFundFeeRatio,
        }
        replay = await self._client.call(
            _REPLAY.read(contracts["OrderBook"], params), block=run.ref, sender=contracts["Exchange"]
        )
        return int(replay.fee)


def _swap_params(
    account: Address, intent: PerpIntent, at: PerpV2MarketAddresses, closes: int | None
) -> dict[str, Any]:
    """Exchange.swap's parameters; ClearingHouse.openPosition takes the same ones."""
    sells = intent.side is Side.SELL
    amount, is_exact_input = swap_amount(intent) if closes is None else (abs(closes), sells)
    return {
        "trader": account,
        "baseToken": at.base_token,
        "isBaseToQuote": sells,
        "isExactInput": is_exact_input,
        "isClose": closes is not None,
        "amount": amount,
        "sqrtPriceLimitX96": 0,
    }


def _order_read(house: Address, intent: PerpIntent, swap: dict[str, Any]) -> Read[Any]:
    """The order without bounds: the quote tells the price, the encoder sets the limit."""
    params = {
        "baseToken": swap["baseToken"],
        "oppositeAmountBound": 0,
        "deadline": MAX_UINT256,
        "sqrtPriceLimitX96": 0,
        "referralCode": NO_REFERRAL,
    }
    if intent.close:
        return _CLOSE.read(house, params)
    sides = {key: swap[key] for key in ("isBaseToQuote", "isExactInput", "amount")}
    return _OPEN.read(house, {**params, **sides})


def _replay_amount(swap: dict[str, Any], exchange_fee: int, pool_fee: int) -> int:
    """SwapMath.calcScaledAmountForSwaps: a sale is scaled up for the pool's fee, or for ours."""
    amount: int = swap["amount"]
    if swap["isBaseToQuote"]:
        scaled_by = pool_fee if swap["isExactInput"] else exchange_fee
        amount = -(-amount * PPM // (PPM - scaled_by))
    return amount if swap["isExactInput"] else -amount


def _closing_limit(tick: int, swap: dict[str, Any], max_ticks: int) -> int:
    """Where a close stops, counted from the tick that the order has just recorded; 0 for other orders."""
    if not swap["isClose"]:
        return 0
    return sqrt_at_tick(tick - max_ticks if swap["isBaseToQuote"] else tick + max_ticks)


def _terms_of(swap: Any) -> Terms:
    return Terms(swap.exchangedPositionSize, swap.exchangedPositionNotional, swap.fee)


def _closing_side(size: int) -> Side:
    return Side.SELL if size > 0 else Side.BUY


def _check_reduces(intent: PerpIntent, held: Holding, terms: Terms) -> None:
    """Refuses a reduce-only order that would open or flip. The venue has no such order, so this holds for
    the quoted block: nothing on chain holds it afterwards."""
    if not intent.reduce_only:
        return
    opposes = held.taker_size and (held.taker_size > 0) is not (terms.base > 0)
    if opposes and abs(terms.base) <= abs(held.taker_size):
        return
    raise OrderRejectedError(
        f"reduce only: {intent.side} {from_wad(abs(terms.base))} would open or flip the position of "
        f"{from_wad(held.taker_size)} {intent.market}; trade at most its size against it",
        venue=VENUE,
        market=intent.market,
        reason="reduce_only",
    )


def _quote(intent: PerpIntent, run: _Run, terms: Terms, after: Account, *, is_sufficient: bool) -> PerpQuote:
    prices = run.snapshot.prices[intent.market]
    liquidation = after.liquidation_price(intent.market)
    price, spot = average_price(terms.notional, terms.base), price_of_sqrt(run.sqrt_price)
    index = expect(prices.index, intent.market)
    return PerpQuote(
        intent=intent,
        size=from_wad(terms.base),
        notional=from_wad(abs(terms.notional)),
        price=price,
        fee=from_wad(terms.fee),
        price_impact=price / from_wad(spot) - 1,
        mark_price=from_wad(expect(prices.mark, intent.market)),
        index_price=from_wad(index),
        equity_after=from_wad(after.equity),
        free_collateral_after=from_wad(after.free_collateral),
        liquidation_price_after=None if liquidation is None else from_wad(liquidation),
        maintenance_margin_after=from_wad(after.maintenance_margin),
        is_margin_sufficient=is_sufficient,
        block=run.snapshot.block.number,
        at=run.snapshot.block.at,
        trade=trade_facts(run.snapshot.account, after, intent.market, index),
    )
