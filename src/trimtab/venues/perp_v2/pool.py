"""A market's pool at one block, with every tick that its block limits can reach, and orders as it sees them.

    pools = PoolReader(client, deployment)
    look = await pools.read("vETH", account=victim, block="latest", at=next_block_second)
    order = order_of_quote(quote, look)         # what `encode_order` makes of this quote; or any other order:
    order = PoolOrder(sells, exact_in, amount, look.fee, bound=bound, sqrt_limit=limit, closes=closes)
    attack = best_attack(look.state, order)     # pricing/sandwich.py

Read in one request through the venue's Multicall2; the block's tick limit is in storage without a getter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address
from trimtab.model.order import PerpQuote, Side
from trimtab.pricing.perp_pool import PoolOrder, PoolState
from trimtab.pricing.tick_math import MAX_TICK, MIN_TICK
from trimtab.pricing.uniswap_v3 import Pool, TickMap
from trimtab.venues.perp_v2.addresses import PerpV2Deployment, PerpV2MarketAddresses
from trimtab.venues.perp_v2.batch import Batch, BlockRef, read_batch
from trimtab.venues.perp_v2.contracts import (
    ACCOUNT_BALANCE,
    BASE_TOKEN,
    CONFIG,
    EXCHANGE,
    MARKET_REGISTRY,
    POOL,
    find_market,
)
from trimtab.venues.perp_v2.encode import opposite_bound, swap_amount
from trimtab.venues.perp_v2.reverts import explain_code
from trimtab.venues.perp_v2.snapshot import expect

# Exchange keeps both in storage without a getter: mappings by base token, at these slots of its layout.
_LAST_TICK_SLOT, _LAST_TICK_AT_SLOT = 208, 214
_TICK_INTERVAL = 15  # seconds: Exchange._PRICE_LIMIT_INTERVAL
_MAX_REACH = 1_000  # ticks: Exchange._MAX_TICK_CROSSED_WITHIN_BLOCK_CAP
_DRIFT = 250  # ticks that the price may have moved since the last look without a second request
_SLOT0 = POOL.function("slot0")
_TICKS = POOL.function("ticks")
_NOBODY = Address("0x" + "00" * 20)


@dataclass(frozen=True, slots=True)
class PoolLook:
    """A pool at one block, and what the account that was asked for brings to it: its taker fee in millionths
    and its signed taker position (wad)."""

    market: str
    state: PoolState
    fee: int
    taker_size: int


@dataclass(frozen=True, slots=True)
class _Grid:
    """Which ticks to read: from `low` to `high`, at the pool's spacing."""

    spacing: int
    low: int
    high: int

    @classmethod
    def around(cls, spacing: int, *ticks: int) -> _Grid:
        """Some more than these."""
        low, high = min(ticks) - _DRIFT, max(ticks) + _DRIFT
        return cls(spacing, max(MIN_TICK, low // spacing * spacing), min(MAX_TICK, high // spacing * spacing))

    @property
    def ticks(self) -> range:
        return range(-(-self.low // self.spacing) * self.spacing, self.high + 1, self.spacing)


class PoolReader:
    """Reads the pools of one deployment. Keeps where each price was last, to ask for the ticks around it at
    once; a price that moved far costs a second request."""

    def __init__(self, client: Client, deployment: PerpV2Deployment) -> None:
        self._client = client
        self._deployment = deployment
        self._grids: dict[str, _Grid] = {}

    async def read(
        self,
        market: str,
        *,
        account: Address = _NOBODY,
        block: BlockRef = "pending",
        at: int | None = None,
    ) -> PoolLook:
        """The pool as a trade at second `at` finds it, the block's own by default. `UnknownMarketError`, and
        the venue's error for a market that is paused or has no mark price."""
        place = find_market(self._deployment, market)
        grid = self._grids.get(market) or await self._find_grid(place, block)
        reads = [*self._reads(place, account), *(_TICKS.read(place.pool, t) for t in grid.ticks)]
        exchange = self._deployment.contracts["Exchange"]
        slots = [(exchange, _slot(place.base_token, s)) for s in (_LAST_TICK_SLOT, _LAST_TICK_AT_SLOT)]
        found = await read_batch(self._client, self._deployment, reads, block, slots=slots)
        look = _look(market, found, grid, found.head.at if at is None else at)
        reached = _reached(look.state)
        self._grids[market] = _Grid.around(grid.spacing, *reached)
        if grid.low <= min(reached) and max(reached) <= grid.high:
            return look
        return await self.read(market, account=account, block=block, at=at)

    async def _find_grid(self, place: PerpV2MarketAddresses, block: BlockRef) -> _Grid:
        reads = [_SLOT0.read(place.pool), POOL.function("tickSpacing").read(place.pool)]
        slot0, spacing = (await read_batch(self._client, self._deployment, reads, block)).answers
        tick = expect(slot0).tick
        return _Grid.around(expect(spacing), tick - _MAX_REACH, tick + _MAX_REACH)

    def _reads(self, place: PerpV2MarketAddresses, account: Address) -> list[Read[Any]]:
        at, token = self._deployment.contracts, place.base_token
        return [
            _SLOT0.read(place.pool),
            POOL.function("liquidity").read(place.pool),
            MARKET_REGISTRY.function("getMarketInfo").read(at["MarketRegistry"], token),
            MARKET_REGISTRY.function("getMarketInfoByTrader").read(at["MarketRegistry"], account, token),
            EXCHANGE.function("getMaxTickCrossedWithinBlock").read(at["Exchange"], token),
            BASE_TOKEN.function("getIndexPrice").read(token, 0),
            ACCOUNT_BALANCE.function("getMarkPrice").read(at["AccountBalance"], token),
            ACCOUNT_BALANCE.function("getTakerPositionSize").read(at["AccountBalance"], account, token),
            CONFIG.function("getImRatio").read(at["ClearingHouseConfig"]),
        ]


def _look(market: str, found: Batch, grid: _Grid, at: int) -> PoolLook:
    slot0, liquidity, info, own_info, max_ticks, index, mark, taker_size, im_ratio, *ticks = (
        expect(answer, market) for answer in found.answers
    )
    if max_ticks == 0:
        raise explain_code("EX_MIP", market)
    last_tick, last_at = found.words
    is_recorded_anew = at >= last_at + _TICK_INTERVAL
    nets = {t: found.liquidityNet for t, found in zip(grid.ticks, ticks, strict=True) if found.liquidityGross}
    state = PoolState(
        pool=Pool(
            slot0.sqrtPriceX96,
            slot0.tick,
            liquidity,
            TickMap(grid.spacing, tuple(nets), tuple(nets.values()), (grid.low, grid.high)),
        ),
        pool_fee=info.uniswapFeeRatio,
        taker_fee=info.exchangeFeeRatio,
        last_tick=slot0.tick if is_recorded_anew else _signed(last_tick),
        max_ticks=max_ticks,
        index_price=index,
        max_spread=info.maxPriceSpreadRatio,
        mark_price=mark,
        initial_margin=im_ratio,
        block=found.head.number,
        at=at,
    )
    return PoolLook(market, state, own_info.exchangeFeeRatio, taker_size)


def _reached(state: PoolState) -> tuple[int, int, int]:
    """Ticks between which a trade of this block stays."""
    return state.pool.tick, state.last_tick - state.max_ticks, state.last_tick + state.max_ticks + 1


def _slot(token: Address, mapping: int) -> int:
    """Where Solidity keeps a mapping's value of an address."""
    return int.from_bytes(keccak256(int(token, 16).to_bytes(32, "big") + mapping.to_bytes(32, "big")), "big")


def _signed(word: int) -> int:
    """An int24 from its word."""
    low = word & 0xFFFFFF
    return low - (1 << 24) if low >> 23 else low


def order_of_quote(quote: PerpQuote, look: PoolLook) -> PoolOrder:
    """What `encode_order` sends for this quote, as the pool sees it."""
    intent = quote.intent
    sells = intent.side is Side.SELL
    amount, exact_in = (abs(look.taker_size), sells) if intent.close else swap_amount(intent)
    return PoolOrder(
        sells, exact_in, amount, look.fee, bound=opposite_bound(intent, quote), closes=intent.close
    )
