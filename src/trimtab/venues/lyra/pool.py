"""The liquidity pool and the Greek cache behind a market: what they show, and how to deposit and withdraw."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trimtab.chain.call import Read
from trimtab.errors import CallRevertedError, MarketClosedError, StalePriceError
from trimtab.model.ids import Address
from trimtab.model.units import from_wad, to_positive, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra.contracts import abi, find_market
from trimtab.venues.lyra.decode import explain_revert
from trimtab.venues.lyra.encode import encode_approval, plan
from trimtab.venues.lyra.read import BlockTag, Reader
from trimtab.venues.lyra.state import (
    BlockedBy,
    CachedBoard,
    CachedStrike,
    GreekCache,
    LyraBalances,
    PoolLiquidity,
    PoolState,
    QueueTicket,
)

# The answers of `_pool_reads`, in order.
_UNPRICED = (
    ("LiquidityPool", "lockedCollateral"),
    ("LiquidityPool", "totalQueuedDeposits"),
    ("LiquidityPool", "totalQueuedWithdrawals"),
    ("LiquidityPool", "queuedDepositHead"),
    ("LiquidityPool", "nextQueuedDepositId"),
    ("LiquidityPool", "queuedWithdrawalHead"),
    ("LiquidityPool", "nextQueuedWithdrawalId"),
    ("LiquidityPool", "CBTimestamp"),
    ("LiquidityPool", "getLpParams"),
    ("OptionGreekCache", "getGlobalCache"),
    ("PoolHedger", "getCurrentHedgedNetDelta"),
)


class LyraPool:
    """Deposits and withdrawals of liquidity providers, and the state that holds them up."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def read_state(self, market: str, *, block: BlockTag = "latest") -> PoolState:
        """Liquidity, token price, queues and circuit breakers; also of a paused market."""
        at = find_market(self._reader.deployment, market)
        adapter, option_market = self._adapter(), at.contracts["OptionMarket"]
        head, pinned = await self._reader.pin(block)
        pool = at.contracts["LiquidityPool"]
        priced, plain = await self._split(
            market,
            [
                abi("SynthetixAdapter").function("getSpotPriceForMarket").read(adapter, option_market),
                abi("LiquidityPool").function("getTokenPriceWithCheck").read(pool),
                abi("LiquidityPool").function("getCurrentLiquidity").read(pool),
            ],
            [
                abi("SynthetixAdapter").function("isMarketPaused").read(adapter, option_market),
                abi("SynthetixAdapter").function("isGlobalPaused").read(adapter),
                *(abi(c).function(f).read(at.contracts[c]) for c, f in _UNPRICED),
            ],
            pinned,
        )
        market_paused, global_paused, locked, deposits, withdrawals, *queues, until, params, cache, hedged = (
            plain
        )
        spot, token, liquidity = priced
        blocked = set(_breakers(params, cache, liquidity)) if liquidity else set()
        for reason, applies in (
            (BlockedBy.MARKET_PAUSED, market_paused),
            (BlockedBy.GLOBAL_PAUSED, global_paused),
            (BlockedBy.INVALID_PRICE, spot is None and not market_paused and not global_paused),
            (BlockedBy.STALE_GREEKS, token is not None and token[1]),
            (BlockedBy.CIRCUIT_BREAKER, until >= head.at),
        ):
            if applies:
                blocked.add(reason)
        return PoolState(
            market,
            frozenset(blocked),
            until,
            from_wad(spot) if spot is not None else None,
            from_wad(token[0]) if token is not None else None,
            _liquidity(liquidity) if liquidity is not None else None,
            from_wad(locked.base),
            from_wad(locked.quote),
            from_wad(deposits),
            from_wad(withdrawals),
            (queues[0], queues[1]),
            (queues[2], queues[3]),
            from_wad(hedged),
            head.number,
            head.at,
        )

    async def _split(
        self, market: str, priced: list[Read[Any]], plain: list[Read[Any]], block: BlockTag
    ) -> tuple[list[Any], list[Any]]:
        """Answers that need a price (None while the venue gives none) and answers that do not."""
        answers = await self._reader.client.read_many([*priced, *plain], block=block)
        for index, answer in enumerate(answers):
            if isinstance(answer, CallRevertedError):
                error = explain_revert(answer.data, market)
                if index >= len(priced) or not isinstance(error, MarketClosedError | StalePriceError):
                    raise error from answer
                answers[index] = None
        return answers[: len(priced)], answers[len(priced) :]

    async def read_greek_cache(self, market: str, *, block: BlockTag = "latest") -> GreekCache:
        """The venue's cached Greeks, as its pool and its fees use them."""
        view, pinned = await self._reader.read_view(market, block)
        cache, at = abi("OptionGreekCache"), view.at.contracts["OptionGreekCache"]
        boards = [board.boardId for board in view.raw.liveBoards]
        answers = await self._reader.read_all(
            [
                cache.function("getGlobalCache").read(at),
                cache.function("isGlobalCacheStale").read(at, view.spot),
                *(cache.function("getOptionBoardCache").read(at, b) for b in boards),
                *(cache.function("isBoardCacheStale").read(at, b) for b in boards),
                *(cache.function("getStrikeCache").read(at, s) for s in view.strikes),
            ],
            pinned,
            market,
        )
        whole, is_stale, *rest = answers
        strikes = dict(zip(view.strikes, rest[2 * len(boards) :], strict=True))
        return GreekCache(
            market,
            is_stale,
            from_wad(whole.netGreeks.netDelta),
            from_wad(whole.netGreeks.netStdVega),
            from_wad(whole.netGreeks.netOptionValue),
            from_wad(whole.maxIvVariance),
            from_wad(whole.maxSkewVariance),
            tuple(
                _cached_board(board, strikes, is_stale=stale)
                for board, stale in zip(rest[: len(boards)], rest[len(boards) : 2 * len(boards)], strict=True)
            ),
            view.block.number,
            view.block.at,
        )

    async def read_tickets(
        self, market: str, *, block: BlockTag = "latest"
    ) -> tuple[tuple[QueueTicket, ...], tuple[QueueTicket, ...]]:
        """Waiting deposits and waiting withdrawals, in the order in which they will be worked off."""
        state = await self.read_state(market, block=block)
        at = find_market(self._reader.deployment, market).contracts["LiquidityPool"]
        pool, pinned = abi("LiquidityPool"), block if block == "pending" else state.block
        deposits, withdrawals = range(*state.deposit_queue), range(*state.withdrawal_queue)
        params, *tickets = await self._reader.read_all(
            [
                pool.function("getLpParams").read(at),
                *(pool.function("queuedDeposits").read(at, i) for i in deposits),
                *(pool.function("queuedWithdrawals").read(at, i) for i in withdrawals),
            ],
            pinned,
            market,
        )
        delays = [params.depositDelay] * len(deposits) + [params.withdrawalDelay] * len(withdrawals)
        made = tuple(
            QueueTicket(number, beneficiary, from_wad(amount), at_, at_ + delay + 1)
            for (number, beneficiary, amount, _, at_), delay in zip(tickets, delays, strict=True)
        )
        return made[: len(deposits)], made[len(deposits) :]

    async def read_balances(
        self, account: Address, market: str, *, block: BlockTag = "latest"
    ) -> LyraBalances:
        """The account's tokens and what it lets the market take."""
        at = find_market(self._reader.deployment, market)
        spender = at.contracts["OptionMarket"]
        balance, allowance = abi("ERC20").function("balanceOf"), abi("ERC20").function("allowance")
        answers = await self._reader.read_all(
            [
                balance.read(at.quote_asset, account),
                balance.read(at.base_asset, account),
                balance.read(at.contracts["LiquidityToken"], account),
                allowance.read(at.quote_asset, account, spender),
                allowance.read(at.base_asset, account, spender),
            ],
            block,
            market,
        )
        return LyraBalances(*map(from_wad, answers))

    async def encode_deposit(self, account: Address, market: str, amount: Decimal) -> ChainPlan:
        """Deposit quote for liquidity tokens: at once while no board is live, else after the queue's delay.
        Approval first where the allowance is too small."""
        at = find_market(self._reader.deployment, market)
        pool = at.contracts["LiquidityPool"]
        wad = to_wad_exact(to_positive(amount, "amount"), "amount")
        allowance = abi("ERC20").function("allowance").read(at.quote_asset, account, pool)
        (allowed,) = await self._reader.read_all([allowance], "latest", market)
        deposit = abi("LiquidityPool").function("initiateDeposit").at(pool, account, wad)
        steps = [(f"deposit {amount} into the {market} pool", deposit)]
        if allowed < wad:
            steps.insert(0, ("approve quote for the pool", encode_approval(at.quote_asset, pool)))
        return plan(market, *steps)

    def encode_withdraw(self, account: Address, market: str, tokens: Decimal) -> ChainPlan:
        """Burn liquidity tokens for quote: paid at once while no board is live, else after the delay."""
        pool = find_market(self._reader.deployment, market).contracts["LiquidityPool"]
        wad = to_wad_exact(to_positive(tokens, "tokens"), "tokens")
        call = abi("LiquidityPool").function("initiateWithdraw").at(pool, account, wad)
        return plan(market, (f"withdraw {tokens} liquidity tokens from the {market} pool", call))

    def _adapter(self) -> Address:
        return self._reader.deployment.contracts["SynthetixAdapter"]


def _liquidity(raw: Any) -> PoolLiquidity:
    return PoolLiquidity(
        from_wad(raw.NAV),
        from_wad(raw.freeLiquidity),
        from_wad(raw.burnableLiquidity),
        from_wad(raw.usedCollatLiquidity),
        from_wad(raw.usedDeltaLiquidity),
        from_wad(raw.pendingDeltaLiquidity),
    )


def _breakers(params: Any, cache: Any, liquidity: Any) -> list[BlockedBy]:
    """The thresholds that are crossed now, as LiquidityPool._updateCBs compares them."""
    # Without open options nothing trips.
    if liquidity.usedCollatLiquidity == 0 and cache.netGreeks.netOptionValue == 0:
        return []
    is_short = liquidity.freeLiquidity * 10**18 // liquidity.NAV < params.liquidityCBThreshold
    crossed = (
        (BlockedBy.IV_VARIANCE, cache.maxIvVariance > params.ivVarianceCBThreshold),
        (BlockedBy.SKEW_VARIANCE, cache.maxSkewVariance > params.skewVarianceCBThreshold),
        (BlockedBy.LIQUIDITY, is_short),
    )
    return [reason for reason, is_crossed in crossed if is_crossed]


def _cached_board(board: Any, strikes: dict[int, Any], *, is_stale: bool) -> CachedBoard:
    return CachedBoard(
        board.id,
        board.expiry,
        board.updatedAt,
        from_wad(board.updatedAtPrice),
        is_stale,
        from_wad(board.ivVariance),
        from_wad(board.maxSkewVariance),
        from_wad(board.netGreeks.netDelta),
        from_wad(board.netGreeks.netStdVega),
        from_wad(board.netGreeks.netOptionValue),
        tuple(_cached_strike(strikes[s]) for s in board.strikes),
    )


def _cached_strike(strike: Any) -> CachedStrike:
    greeks = strike.greeks
    return CachedStrike(
        strike.id,
        from_wad(greeks.callDelta),
        from_wad(greeks.putDelta),
        from_wad(greeks.stdVega),
        from_wad(greeks.callPrice),
        from_wad(greeks.putPrice),
        from_wad(strike.callExposure),
        from_wad(strike.putExposure),
        from_wad(strike.skewVariance),
    )
