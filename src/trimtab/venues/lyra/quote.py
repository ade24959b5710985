"""Exact terms before a trade: the venue's own trade function, called without sending it.

Lyra has no quoter. Called by `eth_call` from the trader at the pending block, openPosition and its siblings
return the cost of the fill at that block, to the wei. The trader's balance and allowance are lent by state
override where the deployment knows the tokens' storage and the node takes overrides; elsewhere the account
must have them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from decimal import Decimal
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.hashing import keccak256
from trimtab.errors import CallRevertedError, RpcError, UnknownMarketError
from trimtab.model.ids import Address
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote
from trimtab.model.trade import TradeFacts
from trimtab.model.units import WAD, from_wad, to_wad_exact
from trimtab.venues.lyra.addresses import LyraMarketAddresses, TokenStorage
from trimtab.venues.lyra.contracts import VENUE, abi, find_market
from trimtab.venues.lyra.decode import explain_revert
from trimtab.venues.lyra.encode import FUNCTIONS, encode_trade, is_buy
from trimtab.venues.lyra.facts import Held, held_from, trade_facts
from trimtab.venues.lyra.pricing import own_greeks, strike_vol
from trimtab.venues.lyra.read import (
    BlockTag,
    MarketView,
    Reader,
    StrikeView,
    find_strike,
    min_collateral_read,
)

LENT = 2**127  # more than any cost, and a sum of two still fits
Overrides = dict[Address, dict[str, Any]]


class Quoter:
    """Quotes of one deployment."""

    def __init__(self, reader: Reader, *, lend_funds: bool) -> None:
        self._reader = reader
        self._lend_funds = lend_funds

    async def read_quote(self, account: Address, intent: OptionIntent, block: BlockTag) -> OptionQuote:
        """The terms at `block`, the intent's limit included. Raises the venue's typed error."""
        at = find_market(self._reader.deployment, intent.series.market.name)
        trade = self._trade(at, intent)
        if block == "pending":
            try:
                return await self._read_terms(account, intent, at, trade, "pending")
            except RpcError:
                pass  # the node has no pending block
        return await self._read_terms(account, intent, at, trade, "latest" if block == "pending" else block)

    @staticmethod
    def _trade(at: LyraMarketAddresses, intent: OptionIntent) -> Read[Any]:
        function = abi("OptionMarket").function(FUNCTIONS[intent.action])
        return Read(encode_trade(at, intent), function.decode, function.signature)

    async def _read_terms(
        self,
        account: Address,
        intent: OptionIntent,
        at: LyraMarketAddresses,
        trade: Read[Any],
        block: BlockTag,
    ) -> OptionQuote:
        market = intent.series.market.name
        terms, (view, pinned), held, owned = await _together(
            self._call(account, at, trade, market, block),
            self._reader.read_view(market, block),
            self._read_held(at, intent, market, block),
            self._read_owned(at, account, block),
        )
        strike = find_strike(view, intent.series.strike_id)
        _check_series(strike, intent)
        after = _ivs_after(view, strike, intent)
        reads = _min_collateral_reads(view, strike, intent, held)
        least, trade_facts = await self._read_rest(view, intent, terms, after, owned, reads, pinned)
        return _quote(view, strike, intent, terms, after, least, trade_facts)

    async def _call(
        self, account: Address, at: LyraMarketAddresses, trade: Read[Any], market: str, block: BlockTag
    ) -> Any:
        lent = lend(account, at) if self._lend_funds else None
        client = self._reader.client
        try:
            try:
                return await client.call(trade, sender=account, block=block, overrides=lent)
            except RpcError:
                if not lent:
                    raise
            return await client.call(trade, sender=account, block=block)
        except CallRevertedError as error:
            raise explain_revert(error.data, market) from error

    async def _read_held(
        self, at: LyraMarketAddresses, intent: OptionIntent, market: str, block: BlockTag
    ) -> int:
        """What the position holds before the trade, in base units."""
        if intent.position_id is None:
            return 0
        read = abi("OptionToken").function("getOptionPosition")
        token = at.contracts["OptionToken"]
        position = await self._reader.client.call(read.read(token, intent.position_id), block=block)
        if position.positionId == 0:
            raise UnknownMarketError(
                f"lyra {market} has no position {intent.position_id}", venue=VENUE, market=market
            )
        return int(position.amount)

    async def _read_owned(
        self, at: LyraMarketAddresses, account: Address, block: BlockTag
    ) -> tuple[Held, ...]:
        """The account's open positions in the market."""
        read = self._reader.viewer("getOwnerPositions", account)
        owned = await self._reader.client.call(read, block=block)
        market = at.contracts["OptionMarket"]
        return held_from(p for entry in owned if entry.market == market for p in entry.positions)

    async def _read_rest(
        self,
        view: MarketView,
        intent: OptionIntent,
        terms: Any,
        after: tuple[int, int],
        owned: tuple[Held, ...],
        reads: list[Read[Any]],
        block: BlockTag,
    ) -> tuple[Decimal | None, TradeFacts]:
        """The least collateral, and what the trade does by the venue's own prices before and after it."""
        strikes = [
            view.strikes[i]
            for i in {intent.series.strike_id, *(p.strike_id for p in owned)} & set(view.strikes)
        ]
        prices = [*map(self._reader.price, strikes)]
        prices += [self._reader.price(_strike_after(strike, intent, after)) for strike in strikes]
        answers = await self._reader.read_all([*prices, *reads], block, view.market.name)
        ids, count = [strike.series.strike_id for strike in strikes], len(strikes)
        facts = trade_facts(
            owned,
            intent,
            terms.totalCost,
            view.spot,
            dict(zip(ids, answers, strict=False)),
            dict(zip(ids, answers[count:], strict=False)),
        )
        return (from_wad(answers[-1]) if reads else None), facts


def _min_collateral_reads(
    view: MarketView, strike: StrikeView, intent: OptionIntent, held: int
) -> list[Read[Any]]:
    """One read for a short position, of what it is after the trade; none for a long one."""
    if intent.type.is_long:
        return []
    amount = to_wad_exact(intent.amount, "amount")
    after = held + (amount if intent.action is OptionAction.OPEN else -amount)
    terms = (strike.inputs.strike, strike.series.expiry, view.spot, after)
    return [min_collateral_read(view.at, intent.type, *terms)]


def _check_series(strike: StrikeView, intent: OptionIntent) -> None:
    """The id alone decides what is traded: refuse an intent that means another option by it."""
    meant, there = intent.series, strike.series
    if meant != there:
        raise UnknownMarketError(
            f"lyra {there.market.name} strike {there.strike_id} is {there.strike:f}, expiry {there.expiry}, "
            f"board {there.board_id}, but the intent says {meant.strike:f}, expiry {meant.expiry}, "
            f"board {meant.board_id}; take the series from read_chain",
            venue=VENUE,
            market=there.market.name,
        )


def _quote(
    view: MarketView,
    strike: StrikeView,
    intent: OptionIntent,
    terms: Any,
    after: tuple[int, int],
    min_collateral: Decimal | None,
    trade: TradeFacts,
) -> OptionQuote:
    size = intent.amount if is_buy(intent.type, intent.action) else -intent.amount
    inputs = _strike_after(strike, intent, after).inputs
    cost = from_wad(terms.totalCost)
    return OptionQuote(
        intent,
        cost,
        from_wad(terms.totalFee),
        cost / intent.amount,
        from_wad(inputs.vol),
        own_greeks(intent.type.kind, inputs) * size,
        from_wad(view.spot),
        min_collateral,
        view.block.number,
        view.block.at,
        trade,
    )


def _strike_after(strike: StrikeView, intent: OptionIntent, after: tuple[int, int]) -> StrikeView:
    """A strike when the trade is done: its board has one base IV, the traded strike a new skew."""
    series, (base_iv, skew) = intent.series, after
    if strike.series.board_id != series.board_id:
        return strike
    is_traded = strike.series.strike_id == series.strike_id
    vol = strike_vol(base_iv, skew if is_traded else strike.raw.skew)
    return replace(strike, base_iv=base_iv, inputs=replace(strike.inputs, vol=vol))


def _ivs_after(view: MarketView, strike: StrikeView, intent: OptionIntent) -> tuple[int, int]:
    """Base IV of the board and skew of the strike after the trade, step by step as
    OptionMarketPricer.ivImpactForTrade moves them. A force close moves the skew only."""
    params, limits = view.raw.marketParameters.pricingParams, view.raw.marketParameters.tradeLimitParams
    base_iv, skew = strike.base_iv, strike.raw.skew
    amount = to_wad_exact(intent.amount, "amount")
    part = amount // intent.iterations
    sign = 1 if is_buy(intent.type, intent.action) else -1
    for index in range(intent.iterations):
        step = part if index < intent.iterations - 1 else amount - part * (intent.iterations - 1)
        move = step * WAD // params.standardSize // 100
        skew += sign * (move * params.skewAdjustmentFactor // WAD)
        if intent.action is not OptionAction.FORCE_CLOSE:
            base_iv += sign * move
        if limits.capSkewsToAbs:
            skew = max(min(skew, limits.absMaxSkew), limits.absMinSkew)
    return base_iv, skew


def lend(account: Address, at: LyraMarketAddresses) -> Overrides | None:
    """State overrides that give `account` the tokens and let the market take them."""
    spender = at.contracts["OptionMarket"]
    tokens = ((at.quote_asset, at.quote_storage), (at.base_asset, at.base_storage))
    return {
        token: {"stateDiff": _funds(account, spender, storage)} for token, storage in tokens if storage
    } or None


def _funds(account: Address, spender: Address, storage: TokenStorage) -> dict[str, str]:
    balance = _mapping_slot(account, storage.balances.to_bytes(32, "big"))
    allowance = _mapping_slot(spender, _mapping_slot(account, storage.allowances.to_bytes(32, "big")))
    value = "0x" + LENT.to_bytes(32, "big").hex()
    return {"0x" + slot.hex(): value for slot in (balance, allowance)}


def _mapping_slot(key: Address, slot: bytes) -> bytes:
    return keccak256(bytes.fromhex(key[2:]).rjust(32, b"\0") + slot)


async def _together(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """Several requests at once; the first failure alone, so that callers see one typed error."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(read) for read in reads]
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]
