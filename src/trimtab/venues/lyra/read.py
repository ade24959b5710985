"""State of the contracts into the house's nouns. Every value of one answer is of one block.

Marks and Greeks of a series are the venue's own at the block (see `pricing`); the cached ones are read by
`LyraPool.read_greek_cache`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trimtab.chain.call import Read
from trimtab.chain.client import Client
from trimtab.chain.receipt import Block
from trimtab.errors import CallRevertedError, MarketClosedError, UnknownMarketError
from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address
from trimtab.model.market import (
    OptionBoard,
    OptionChain,
    OptionKind,
    OptionMarket,
    OptionSeries,
    OptionSeriesState,
    OptionType,
)
from trimtab.model.position import OptionPosition
from trimtab.model.units import from_wad, to_positive, to_wad_exact
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.lyra.contracts import (
    OPTION_TYPES,
    POSITION_STATES,
    TYPE_INDEX,
    VENUE,
    abi,
    find_market,
    option_market,
)
from trimtab.venues.lyra.decode import explain_revert
from trimtab.venues.lyra.pricing import (
    Inputs,
    Marks,
    intrinsic_marks,
    marks_from,
    own_greeks,
    read_prices,
    strike_vol,
)

BlockTag = int | str


@dataclass(frozen=True, slots=True)
class StrikeView:
    """A live strike of OptionMarketViewer with what prices it."""

    series: OptionSeries
    base_iv: int
    raw: Any
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class MarketView:
    """OptionMarketViewer.getMarket at one block."""

    market: OptionMarket
    at: LyraMarketAddresses
    raw: Any
    spot: int
    rate: int
    block: Block
    strikes: dict[int, StrikeView]


class Reader:
    """Reads of one deployment. Reverts come as the venue's typed errors."""

    def __init__(self, client: Client, deployment: LyraDeployment) -> None:
        self.client = client
        self.deployment = deployment
        self._library = deployment.contracts["BlackScholes"]

    async def pin(self, block: BlockTag) -> tuple[Block, BlockTag]:
        """The block, and how to name it in the reads that follow: all of them see the same state."""
        head = await self.client.block(block)
        return head, block if block == "pending" else head.number

    async def read_all(self, reads: Sequence[Read[Any]], block: BlockTag, market: str) -> list[Any]:
        """Every answer, or the first revert as the venue's error."""
        answers: list[Any] = await self.client.read_many(reads, block=block)
        for answer in answers:
            if isinstance(answer, CallRevertedError):
                raise explain_revert(answer.data, market) from answer
        return answers

    async def read_view(self, market: str, block: BlockTag) -> tuple[MarketView, BlockTag]:
        """The viewer's whole answer for a market. Paused: `MarketClosedError`."""
        at = find_market(self.deployment, market)
        head, pinned = await self.pin(block)
        try:
            raw = await self.client.call(self.viewer("getMarket", at.contracts["OptionMarket"]), block=pinned)
        except CallRevertedError as error:
            raise explain_revert(error.data, market) from error
        return self.view_from(market, raw, head), pinned

    def viewer(self, function: str, *args: Any) -> Read[Any]:
        return (
            abi("OptionMarketViewer")
            .function(function)
            .read(self.deployment.contracts["OptionMarketViewer"], *args)
        )

    def view_from(self, market: str, raw: Any, head: Block) -> MarketView:
        at, noun = find_market(self.deployment, market), option_market(self.deployment, market)
        spot, rate = raw.exchangeParams.spotPrice, raw.marketParameters.greekCacheParams.rateAndCarry
        if spot == 0:
            raise MarketClosedError(
                f"lyra {market} is paused: the venue gives no prices; wait until it is unpaused",
                venue=VENUE,
                market=market,
            )
        strikes = {}
        for board in raw.liveBoards:
            seconds = max(board.expiry - head.at, 0)
            for s in board.strikes:
                series = OptionSeries(noun, board.boardId, s.strikeId, from_wad(s.strikePrice), board.expiry)
                vol = strike_vol(board.baseIv, s.skew)
                inputs = Inputs(seconds, vol, spot, s.strikePrice, rate)
                strikes[s.strikeId] = StrikeView(series, board.baseIv, s, inputs)
        return MarketView(noun, at, raw, spot, rate, head, strikes)

    async def read_chain(self, market: str, block: BlockTag) -> OptionChain:
        view, pinned = await self.read_view(market, block)
        cache = abi("OptionGreekCache").function("isBoardCacheStale")
        stale = [cache.read(view.at.contracts["OptionGreekCache"], b.boardId) for b in view.raw.liveBoards]
        marks = [self.price(strike) for strike in view.strikes.values()]
        answers = await self.read_all([*stale, *marks], pinned, market)
        states = {
            strike_id: series_state(strike, marks_from(prices))
            for (strike_id, strike), prices in zip(view.strikes.items(), answers[len(stale) :], strict=True)
        }
        cutoff = view.raw.marketParameters.tradeLimitParams.tradingCutoff
        boards = tuple(
            OptionBoard(
                view.market,
                board.boardId,
                board.expiry,
                from_wad(board.baseIv),
                board.isPaused,
                is_stale,
                board.expiry - cutoff,
                tuple(states[s.strikeId] for s in board.strikes),
            )
            for board, is_stale in zip(view.raw.liveBoards, answers, strict=False)
        )
        return OptionChain(
            view.market, from_wad(view.spot), from_wad(view.rate), boards, view.block.number, view.block.at
        )

    def price(self, strike: StrikeView) -> Read[Any]:
        return read_prices(self._library, strike.inputs)

    async def read_series(self, market: str, strike_id: int, block: BlockTag) -> OptionSeriesState:
        view, pinned = await self.read_view(market, block)
        strike = find_strike(view, strike_id)
        (prices,) = await self.read_all([self.price(strike)], pinned, market)
        return series_state(strike, marks_from(prices))

    async def read_min_collateral(
        self, series: OptionSeries, option_type: OptionType, amount: Decimal, block: BlockTag
    ) -> Decimal:
        market = series.market.name
        at = find_market(self.deployment, market)
        wad = to_wad_exact(to_positive(amount, "amount"), "amount")
        if option_type.is_long:
            return Decimal(0)
        _, pinned = await self.pin(block)
        spot_of = abi("SynthetixAdapter").function("getSpotPriceForMarket")
        adapter = self.deployment.contracts["SynthetixAdapter"]
        (spot,) = await self.read_all([spot_of.read(adapter, at.contracts["OptionMarket"])], pinned, market)
        strike = to_wad_exact(series.strike, "strike")
        read = min_collateral_read(at, option_type, strike, series.expiry, spot, wad)
        (least,) = await self.read_all([read], pinned, market)
        return from_wad(least)

    async def read_positions(self, account: Address, block: BlockTag) -> tuple[OptionPosition, ...]:
        head, pinned = await self.pin(block)
        names = list(self.deployment.markets)
        views = [
            self.viewer("getMarket", self.deployment.markets[n].contracts["OptionMarket"]) for n in names
        ]
        owned, *raws = await self.client.read_many(
            [self.viewer("getOwnerPositions", account), *views], block=pinned
        )
        if isinstance(owned, CallRevertedError):
            raise explain_revert(owned.data) from owned
        held = {entry.market: entry.positions for entry in owned}
        positions: list[OptionPosition] = []
        for name, raw in zip(names, raws, strict=True):
            mine = held.get(self.deployment.markets[name].contracts["OptionMarket"], ())
            if not mine:
                continue
            if isinstance(raw, CallRevertedError):
                raise explain_revert(raw.data, name) from raw
            positions += await self._value(self.view_from(name, raw, head), account, mine, pinned)
        return tuple(positions)

    async def read_liquidatable(self, market: str, block: BlockTag) -> tuple[int, ...]:
        """Ids of the open short positions that OptionToken.canLiquidate says may be liquidated."""
        view, pinned = await self.read_view(market, block)
        token, at = abi("OptionToken"), view.at.contracts["OptionToken"]
        (next_id,) = await self.read_all([token.function("nextId").read(at)], pinned, market)
        ids = token.function("getOptionPositions").read(at, list(range(1, next_id)))
        (positions,) = await self.read_all([ids], pinned, market)
        shorts = [
            p
            for p in positions
            if POSITION_STATES[p.state] == "active"
            and not OPTION_TYPES[p.optionType].is_long
            and p.strikeId in view.strikes
        ]
        check = token.function("canLiquidate")
        answers = await self.read_all(
            [
                check.read(at, p, s.series.expiry, s.inputs.strike, view.spot)
                for p in shorts
                for s in [view.strikes[p.strikeId]]
            ],
            pinned,
            market,
        )
        return tuple(p.positionId for p, is_so in zip(shorts, answers, strict=True) if is_so)

    async def _value(
        self, view: MarketView, account: Address, mine: Sequence[Any], block: BlockTag
    ) -> list[OptionPosition]:
        """Marks, Greeks and minimum collateral of positions of one market, in one request."""
        name = view.market.name
        live = [p for p in mine if p.strikeId in view.strikes]
        shorts = [p for p in live if not OPTION_TYPES[p.optionType].is_long]
        held = sorted({p.strikeId for p in live})
        settled = sorted({p.strikeId for p in mine} - set(held))
        om, market = abi("OptionMarket"), view.at.contracts["OptionMarket"]
        answers = iter(
            await self.read_all(
                [
                    *(self.price(view.strikes[s]) for s in held),
                    *(self._min_collateral(view, p) for p in shorts),
                    *(om.function("getStrikeAndBoard").read(market, s) for s in settled),
                    *(om.function("getSettlementParameters").read(market, s) for s in settled),
                ],
                block,
                name,
            )
        )
        marks = {s: marks_from(next(answers)) for s in held}
        least = {p.positionId: from_wad(next(answers)) for p in shorts}
        series = {s: view.strikes[s].series for s in held}
        for strike_id, (strike, board) in zip(settled, [next(answers) for _ in settled], strict=True):
            price = from_wad(strike.strikePrice)
            series[strike_id] = OptionSeries(view.market, board.id, strike_id, price, board.expiry)
        for strike_id, (strike_price, price_at_expiry, _) in zip(settled, answers, strict=True):
            marks[strike_id] = intrinsic_marks(strike_price, price_at_expiry)
        return [
            _position(view, account, p, series[p.strikeId], marks[p.strikeId], least.get(p.positionId))
            for p in mine
        ]

    def _min_collateral(self, view: MarketView, position: Any) -> Read[Any]:
        inputs, series = view.strikes[position.strikeId].inputs, view.strikes[position.strikeId].series
        kind = OPTION_TYPES[position.optionType]
        return min_collateral_read(view.at, kind, inputs.strike, series.expiry, view.spot, position.amount)


def min_collateral_read(
    at: LyraMarketAddresses, option_type: OptionType, strike: int, expiry: int, spot: int, amount: int
) -> Read[Any]:
    """OptionGreekCache.getMinCollateral, in base units of the collateral's own currency."""
    function = abi("OptionGreekCache").function("getMinCollateral")
    cache = at.contracts["OptionGreekCache"]
    return function.read(cache, TYPE_INDEX[option_type], strike, expiry, spot, amount)


def find_strike(view: MarketView, strike_id: int) -> StrikeView:
    try:
        return view.strikes[strike_id]
    except KeyError:
        known = _ranges(view.strikes)
        raise UnknownMarketError(
            f"lyra {view.market.name} has no live strike {strike_id}; live strikes are {known}",
            venue=VENUE,
            market=view.market.name,
        ) from None


def series_state(strike: StrikeView, marks: Marks) -> OptionSeriesState:
    s = strike.raw
    return OptionSeriesState(
        strike.series,
        from_wad(strike.base_iv),
        from_wad(s.skew),
        from_wad(strike.inputs.vol),
        marks.call_price,
        marks.put_price,
        marks.call,
        marks.put,
        from_wad(s.longCallOpenInterest),
        from_wad(s.longPutOpenInterest),
        from_wad(s.shortCallBaseOpenInterest + s.shortCallQuoteOpenInterest),
        from_wad(s.shortPutOpenInterest),
    )


def _position(
    view: MarketView,
    account: Address,
    raw: Any,
    series: OptionSeries,
    marks: Marks,
    min_collateral: Decimal | None,
) -> OptionPosition:
    option_type, amount = OPTION_TYPES[raw.optionType], from_wad(raw.amount)
    is_call = option_type.kind is OptionKind.CALL
    strike = view.strikes.get(raw.strikeId)
    signed = amount * option_type.sign
    return OptionPosition(
        VENUE,
        account,
        raw.positionId,
        series,
        option_type,
        amount,
        from_wad(raw.collateral),
        min_collateral,
        marks.call_price if is_call else marks.put_price,
        from_wad(strike.inputs.vol) if strike else Decimal(0),
        (marks.call if is_call else marks.put) * signed,
        own_greeks(option_type.kind, strike.inputs) * signed if strike else Greeks(),
        POSITION_STATES[raw.state],
        view.block.number,
    )


def _ranges(ids: Iterable[int]) -> str:
    ordered = sorted(ids)
    return f"{ordered[0]} to {ordered[-1]}" if ordered else "none"
