"""Every read of the adapter beside the protocol's own view, to the wei."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.venues.lyra.stage import Stage, genuine

from trimtab.model.ids import Address
from trimtab.model.market import OptionChain, OptionKind, OptionSeriesState
from trimtab.model.position import OptionPosition
from trimtab.model.units import WAD, from_wad
from trimtab.venues.lyra.contracts import OPTION_TYPES
from trimtab.venues.lyra.state import GreekCache, PoolState


class Views:
    """Compares at one block; each comparison asks the contracts by their genuine ABIs, past the adapter."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.venue = stage.venue
        self.at = stage.at.contracts
        self.compared = 0

    async def ask(
        self, contract: str, target: Address, function: str, args: Iterable[Any], block: int
    ) -> Any:
        self.compared += 1
        return await self.stage.view(contract, target, function, *args, block=block)

    async def ask_all(
        self, questions: Iterable[tuple[str, Address, str, list[Any]]], block: int
    ) -> list[Any]:
        """Many questions in one request."""
        reads = [genuine(contract).function(name).read(at, *args) for contract, at, name, args in questions]
        self.compared += len(reads)
        answers: list[Any] = await self.stage.client.read_many(reads, block=block)
        return answers

    async def check_all(self, accounts: Iterable[Address]) -> None:
        """Chain, Greek cache, pool, every account's positions and what may be liquidated."""
        block = await self.stage.client.block_number()
        await self.check_chain(block)
        await self.check_greek_cache(block)
        await self.check_pool(block)
        for account in accounts:
            await self.check_positions(account, block)
        await self.check_liquidatable(block)

    async def check_chain(self, block: int) -> OptionChain:
        """Against OptionMarketViewer, OptionMarket, OptionGreekCache and the deployed Black-Scholes."""
        chain = await self.venue.read_chain(self.stage.market, block=block)
        om, cache = self.at["OptionMarket"], self.at["OptionGreekCache"]
        viewer = self.stage.deployment.contracts["OptionMarketViewer"]
        view = await self.ask("OptionMarketViewer", viewer, "getMarket", [om], block)
        header = await self.stage.client.block(block)
        assert (chain.block, chain.at) == (header.number, header.at)
        assert chain.spot_price == from_wad(view.exchangeParams.spotPrice)
        live = await self.ask("OptionMarket", om, "getLiveBoards", [], block)
        assert [b.board_id for b in chain.boards] == list(live)
        for board, raw in zip(chain.boards, view.liveBoards, strict=True):
            stale = await self.ask("OptionGreekCache", cache, "isBoardCacheStale", [raw.boardId], block)
            assert (board.expiry, board.base_iv, board.is_frozen, board.is_stale) == (
                raw.expiry,
                from_wad(raw.baseIv),
                raw.isPaused,
                stale,
            )
            cutoff = view.marketParameters.tradeLimitParams.tradingCutoff
            assert board.trading_cutoff_at == raw.expiry - cutoff
            for state, strike in zip(board.strikes, raw.strikes, strict=True):
                self._check_strike(state, raw, strike)
        states = [s for board in chain.boards for s in board.strikes]
        target = self.stage.deployment.contracts["TestBlackScholes"]
        asked = (
            ("TestBlackScholes", target, "pricesDeltaStdVega_pub", [self.inputs(chain, s)]) for s in states
        )
        for state, prices in zip(states, await self.ask_all(asked, block), strict=True):
            self._check_marks(state, prices)
        return chain

    @staticmethod
    def _check_strike(state: OptionSeriesState, board: Any, strike: Any) -> None:
        assert (state.series.board_id, state.series.strike_id) == (board.boardId, strike.strikeId)
        assert state.series.strike == from_wad(strike.strikePrice)
        assert (state.base_iv, state.skew) == (from_wad(board.baseIv), from_wad(strike.skew))
        assert state.iv == from_wad(board.baseIv * strike.skew // WAD)
        assert state.long_call_oi == from_wad(strike.longCallOpenInterest)
        assert state.long_put_oi == from_wad(strike.longPutOpenInterest)
        short = strike.shortCallBaseOpenInterest + strike.shortCallQuoteOpenInterest
        assert (state.short_call_oi, state.short_put_oi) == (
            from_wad(short),
            from_wad(strike.shortPutOpenInterest),
        )

    @staticmethod
    def _check_marks(state: OptionSeriesState, prices: Any) -> None:
        """Against the package's own test contract around the same library."""
        assert state.call_price == from_wad(prices.callPrice)
        assert state.put_price == from_wad(prices.putPrice)
        assert state.call.delta == from_wad(prices.callDelta)
        assert state.put.delta == from_wad(prices.putDelta)
        assert state.call.vega == state.put.vega == from_wad(prices.vega) / 100

    @staticmethod
    def inputs(chain: OptionChain, state: OptionSeriesState) -> tuple[int, ...]:
        """What the library prices a series with."""
        return (
            max(state.series.expiry - chain.at, 0),
            int(state.iv * WAD),
            int(chain.spot_price * WAD),
            int(state.series.strike * WAD),
            int(chain.rate * WAD),
        )

    async def check_greek_cache(self, block: int) -> GreekCache:
        """Against OptionGreekCache's structs."""
        cache = await self.venue.pool.read_greek_cache(self.stage.market, block=block)
        target, name = self.at["OptionGreekCache"], "OptionGreekCache"
        whole = await self.ask(name, target, "getGlobalCache", [], block)
        assert (cache.net_delta, cache.net_standard_vega, cache.net_option_value) == tuple(
            map(from_wad, whole.netGreeks)
        )
        assert cache.max_iv_variance == from_wad(whole.maxIvVariance)
        assert cache.max_skew_variance == from_wad(whole.maxSkewVariance)
        for board in cache.boards:
            raw = await self.ask(name, target, "getOptionBoardCache", [board.board_id], block)
            assert (board.expiry, board.updated_at) == (raw.expiry, raw.updatedAt)
            assert board.updated_at_price == from_wad(raw.updatedAtPrice)
            assert (board.net_delta, board.net_standard_vega, board.net_option_value) == tuple(
                map(from_wad, raw.netGreeks)
            )
            assert (board.iv_variance, board.max_skew_variance) == (
                from_wad(raw.ivVariance),
                from_wad(raw.maxSkewVariance),
            )
            view = await self.ask(name, target, "getBoardGreeksView", [board.board_id], block)
            for strike, greeks in zip(board.strikes, view.strikeGreeks, strict=True):
                assert (
                    strike.call_delta,
                    strike.put_delta,
                    strike.standard_vega,
                    strike.call_price,
                    strike.put_price,
                ) == tuple(map(from_wad, greeks))
        return cache

    async def check_pool(self, block: int) -> PoolState:
        """Against LiquidityPool, PoolHedger and the viewer."""
        state = await self.venue.pool.read_state(self.stage.market, block=block)
        pool = self.at["LiquidityPool"]
        price, is_stale, breaker = await self.ask("LiquidityPool", pool, "getTokenPriceWithCheck", [], block)
        raw = await self.ask("LiquidityPool", pool, "getCurrentLiquidity", [], block)
        assert (state.token_price, state.breaker_until) == (from_wad(price), breaker)
        assert ("stale_greeks" in state.blocked_by) == is_stale
        assert state.liquidity is not None
        assert (
            state.liquidity.free,
            state.liquidity.burnable,
            state.liquidity.used_collateral,
            state.liquidity.pending_delta,
            state.liquidity.used_delta,
            state.liquidity.nav,
        ) == tuple(map(from_wad, raw))
        locked = await self.ask("LiquidityPool", pool, "lockedCollateral", [], block)
        assert (state.locked_quote, state.locked_base) == tuple(map(from_wad, locked))
        viewer = self.stage.deployment.contracts["OptionMarketViewer"]
        view = await self.ask("OptionMarketViewer", viewer, "getMarket", [self.at["OptionMarket"]], block)
        assert state.queued_deposits == from_wad(view.totalQueuedDeposits)
        assert state.queued_withdrawals == from_wad(view.totalQueuedWithdrawals)
        hedged = await self.ask(
            "ShortPoolHedger", self.at["PoolHedger"], "getCurrentHedgedNetDelta", [], block
        )
        assert state.hedged_delta == from_wad(hedged)
        return state

    async def check_positions(self, account: Address, block: int) -> tuple[OptionPosition, ...]:
        """Against OptionToken, the viewer, OptionGreekCache.getMinCollateral and the marks of the chain."""
        positions = tuple(await self.venue.read_option_positions(account, block=block))
        viewer = self.stage.deployment.contracts["OptionMarketViewer"]
        owned = await self.ask("OptionMarketViewer", viewer, "getOwnerPositions", [account], block)
        raws = {(m.market, p.positionId): p for m in owned for p in m.positions}
        assert {(p.series.market.address, p.position_id) for p in positions} == raws.keys()
        chains: dict[str, OptionChain] = {}
        for p in positions:
            market = p.series.market
            raw = raws[market.address, p.position_id]
            assert (p.series.strike_id, p.type) == (raw.strikeId, OPTION_TYPES[raw.optionType])
            assert (p.amount, p.collateral, p.state) == (
                from_wad(raw.amount),
                from_wad(raw.collateral),
                "active",
            )
            if market.name not in chains:
                chains[market.name] = await self.venue.read_chain(market.name, block=block)
            await self._check_value(p, raw, chains[market.name], block)
        return positions

    async def _check_value(self, p: OptionPosition, raw: Any, chain: OptionChain, block: int) -> None:
        om = p.series.market.address
        strike, expiry = await self.ask("OptionMarket", om, "getStrikeAndExpiry", [raw.strikeId], block)
        assert (p.series.strike, p.series.expiry) == (from_wad(strike), expiry)
        is_call = p.type.kind is OptionKind.CALL
        live = {s.series.strike_id: s for b in chain.boards for s in b.strikes}.get(raw.strikeId)
        if live is None:
            _, price, _ = await self.ask("OptionMarket", om, "getSettlementParameters", [raw.strikeId], block)
            gain = price - strike if is_call else strike - price
            assert (p.mark_price, p.min_collateral) == (from_wad(max(gain, 0)), None)
            return
        assert p.mark_price == (live.call_price if is_call else live.put_price)
        venue_delta = (live.call if is_call else live.put).delta * p.signed_amount
        assert abs(p.venue_greeks.delta - venue_delta) <= abs(venue_delta) * Decimal("1e-26")
        if p.type.is_long:
            assert p.min_collateral is None
            return
        cache = self.stage.deployment.markets[p.series.market.name].contracts["OptionGreekCache"]
        args = [raw.optionType, strike, expiry, int(chain.spot_price * WAD), raw.amount]
        least = await self.ask("OptionGreekCache", cache, "getMinCollateral", args, block)
        assert p.min_collateral == from_wad(least)
        assert (
            await self.venue.read_min_collateral(p.series, p.type, p.amount, block=block) == p.min_collateral
        )

    async def check_liquidatable(self, block: int) -> set[int]:
        """The ids are exactly those of which OptionToken.canLiquidate says yes."""
        ids = set(await self.venue.read_liquidatable(self.stage.market, block=block))
        token, om = self.at["OptionToken"], self.at["OptionMarket"]
        adapter = self.stage.deployment.contracts["SynthetixAdapter"]
        spot = await self.ask("SynthetixAdapter", adapter, "getSpotPriceForMarket", [om], block)
        boards = await self.ask("OptionMarket", om, "getLiveBoards", [], block)
        listed = await self.ask_all([("OptionMarket", om, "getBoardStrikes", [b]) for b in boards], block)
        live = {strike for strikes in listed for strike in strikes}
        numbers = range(1, await self.ask("OptionToken", token, "nextId", [], block))
        positions = await self.ask_all(
            [("OptionToken", token, "getOptionPosition", [n]) for n in numbers], block
        )
        held = [p for p in positions if p.strikeId in live]
        terms = await self.ask_all(
            [("OptionMarket", om, "getStrikeAndExpiry", [p.strikeId]) for p in held], block
        )
        answers = await self.ask_all(
            [
                ("OptionToken", token, "canLiquidate", [p, expiry, strike, spot])
                for p, (strike, expiry) in zip(held, terms, strict=True)
            ],
            block,
        )
        expected = {p.positionId for p, is_so in zip(held, answers, strict=True) if is_so}
        assert ids == expected
        return ids
