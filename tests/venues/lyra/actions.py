"""What accounts, keepers and owners do to a Lyra market, each action checked as it is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from tests.venues.lyra.stage import DAY, Stage, genuine
from tests.venues.lyra.views import Views

from trimtab.chain.receipt import Receipt
from trimtab.errors import (
    IntentError,
    MarketClosedError,
    OrderRejectedError,
    StalePriceError,
    UnknownMarketError,
    VenueError,
)
from trimtab.model.ids import Address
from trimtab.model.market import OptionChain, OptionSeries, OptionType
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote
from trimtab.model.position import OptionPosition
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra.contracts import CONTRACTS, walk_addresses
from trimtab.venues.lyra.encode import plan as plan_of
from trimtab.venues.lyra.reverts import CUSTOM_ERRORS, PANICS, TEXTS

MEANINGS = {meaning for table in (CUSTOM_ERRORS, TEXTS, PANICS) for _, meaning in table.values()}
TYPED = (OrderRejectedError, MarketClosedError, StalePriceError, UnknownMarketError)


class Actions:
    """Actions of random size; whatever the venue refuses must come as a typed error with its meaning."""

    def __init__(self, stage: Stage, accounts: Sequence[Address]) -> None:
        self.stage = stage
        self.venue = stage.venue
        self.accounts = accounts
        self.views = Views(stage)
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """Actions so far, refused ones too."""
        return self.done.total() + self.refused.total()

    async def attempt(self, name: str, sender: Address, plan: ChainPlan) -> Receipt | None:
        """Send a plan; a refusal must be understood."""
        try:
            receipt = await self.stage.send(sender, plan)
        except VenueError as error:
            self.check_refusal(name, error)
            return None
        self.done[name] += 1
        if receipt is not None:
            self.check_logs(receipt)
        return receipt

    def check_refusal(self, name: str, error: VenueError) -> None:
        """A class to act on, and a meaning from the table in the message."""
        assert isinstance(error, TYPED), error
        assert error.venue == "lyra"
        text = str(error)
        assert any(meaning in text for meaning in MEANINGS) or "has no" in text or "paused" in text, text
        self.refused[f"{name}: {type(error).__name__}"] += 1

    def check_logs(self, receipt: Receipt) -> None:
        """Every log of one of the venue's contracts decodes; Synthetix and its test doubles are not ours."""
        walked = walk_addresses(self.stage.deployment)
        known = {address for _, _, contract, address in walked if contract in CONTRACTS}
        for log in receipt.logs:
            assert (self.venue.decode_log(log) is not None) == (log.address in known), log

    async def chain(self) -> OptionChain:
        return await self.venue.read_chain(self.stage.market)

    async def positions(self, account: Address) -> tuple[OptionPosition, ...]:
        """The account's positions in the market, settled boards included."""
        held = await self.venue.read_option_positions(account)
        return tuple(p for p in held if p.series.market.name == self.stage.market)

    async def series(self, pick: int) -> OptionSeries | None:
        """Any live series, every other time the nearest to the money of its board; None without boards."""
        chain = await self.chain()
        if not chain.boards:
            return None
        board = chain.boards[pick // 2 % len(chain.boards)]
        by_distance = sorted(board.strikes, key=lambda s: abs(s.series.strike - chain.spot_price))
        return by_distance[0 if pick % 2 else pick % len(by_distance)].series

    async def trade(self, account: Address, intent: OptionIntent) -> Receipt | None:
        """The quote is the fill, or quote and trade are refused for the same reason."""
        name = f"{intent.action} {intent.type}"
        try:
            quote = await self.venue.read_option_quote(account, intent)
        except VenueError as error:
            self.check_refusal(name, error)
            await self._check_refused_too(account, intent, error)
            return None
        except IntentError:
            self.refused[f"{name}: IntentError"] += 1
            return None
        plan = self.venue.encode_option_order(account, intent, quote)
        receipt = await self.attempt(name, account, plan)
        if receipt is not None:
            await self.stage.check_fill(account, quote, receipt)
            await self._check_limit_bites(account, intent, quote)
        return receipt

    async def _check_refused_too(self, account: Address, intent: OptionIntent, error: VenueError) -> None:
        """What was not quoted is not traded either."""
        quote = await self.stage.any_quote(intent)
        plan = self.venue.encode_option_order(account, intent, quote)
        assert type(await self.stage.refusal(account, plan)) in (
            type(error),
            UnknownMarketError,
            OrderRejectedError,
        )

    async def _check_limit_bites(self, account: Address, intent: OptionIntent, quote: OptionQuote) -> None:
        """With a limit one wei better than what is quoted now, the venue refuses to trade."""
        if intent.action is not OptionAction.OPEN or self.count % 5:
            return
        try:
            fresh = await self.venue.read_option_quote(account, replace(intent, position_id=None))
        except VenueError:
            return
        wei = Decimal(1).scaleb(-18)
        limit = fresh.total_cost + (-wei if intent.type.is_long else wei)
        if limit < 0:
            return
        tight = replace(intent, position_id=None, limit_cost=limit)
        error = await self.stage.refusal(account, self.venue.encode_option_order(account, tight, fresh))
        assert type(error).__name__ == "AcceptablePriceError"
        exact = replace(tight, limit_cost=fresh.total_cost)
        await self.venue.read_option_quote(account, exact)

    async def open(
        self,
        account: Address,
        pick: int,
        kind: OptionType,
        amount: Decimal,
        margin: Decimal,
        parts: int,
    ) -> None:
        """A new position; a margin below 1 must be refused."""
        series = await self.series(pick)
        if series is None:
            return
        least = await self.venue.read_min_collateral(series, kind, amount)
        collateral = (least * margin).quantize(Decimal("1e-18"))
        intent = OptionIntent(
            series, kind, OptionAction.OPEN, amount, set_collateral_to=collateral, iterations=parts
        )
        await self.trade(account, intent)

    async def grow(self, position: OptionPosition, account: Address, amount: Decimal) -> None:
        """More of an open position, with its collateral raised in proportion and 30 % above."""
        collateral = position.collateral * (position.amount + amount) / position.amount * Decimal("1.3")
        intent = OptionIntent(
            position.series,
            position.type,
            OptionAction.OPEN,
            amount,
            position_id=position.position_id,
            set_collateral_to=collateral.quantize(Decimal("1e-18")),
        )
        await self.trade(account, intent)

    async def close(self, position: OptionPosition, account: Address, part: Decimal, *, force: bool) -> None:
        """Part of a position, or all of it; what is left keeps its collateral. Above 1 must be refused."""
        amount = (position.amount * part).quantize(Decimal("1e-18")) if part != 1 else position.amount
        if amount <= 0:
            return
        intent = OptionIntent(
            position.series,
            position.type,
            OptionAction.FORCE_CLOSE if force else OptionAction.CLOSE,
            amount,
            position_id=position.position_id,
            set_collateral_to=Decimal(0) if part == 1 else position.collateral,
        )
        await self.trade(account, intent)

    async def liquidate(self, keeper: Address) -> None:
        """Liquidate a position that may be; the parts of its collateral add up in the event."""
        ids = await self.venue.read_liquidatable(self.stage.market)
        if not ids:
            return
        plan = self.venue.keeper.encode_liquidate(self.stage.market, ids[0], keeper)
        receipt = await self.attempt("liquidate", keeper, plan)
        if receipt is None:
            return
        (liquidation,) = self.venue.decoder.decode_liquidations(receipt)
        (fill,) = self.venue.decode_fills(receipt, liquidation.account)
        assert (liquidation.position_id, fill.size) == (ids[0], liquidation.amount)
        assert liquidation.beneficiary == keeper

    async def trespass(self, what: str, account: Address) -> None:
        """What nobody may do: every one is refused, typed."""
        market, at = self.stage.market, self.stage.at.contracts["OptionMarket"]
        keeper, boards = self.venue.keeper, (await self.chain()).boards
        board = max(boards, key=lambda b: b.expiry).board_id if boards else 1
        freeze = genuine("OptionMarket").function("setBoardFrozen").at(at, board, True)
        plan = {
            "liquidate nothing": lambda: keeper.encode_liquidate(market, 10**6, account),
            "settle early": lambda: keeper.encode_settle_board(market, board),
            "freeze": lambda: plan_of(market, ("freeze", freeze)),
            "merge nothing": lambda: self.venue.positions.encode_merge(market, []),
            "withdraw air": lambda: self.venue.pool.encode_withdraw(account, market, Decimal(10**7)),
        }[what]()
        refusals = self.refused.total()
        await self.attempt(what, account, plan)
        assert self.refused.total() == refusals + 1

    async def settle(self, keeper: Address) -> None:
        """Past the expiry of the nearest board: settle it, then every position on it."""
        boards = (await self.chain()).boards
        if not boards:
            return
        first = min(boards, key=lambda b: b.expiry)
        await self.attempt(
            "settle", keeper, self.venue.keeper.encode_settle_board(self.stage.market, first.board_id)
        )
        if await self.stage.now() < first.expiry:
            return
        for account in self.accounts:
            ids = [
                p.position_id for p in await self.positions(account) if p.series.board_id == first.board_id
            ]
            if not ids:
                continue
            await self.views.check_positions(account, await self.stage.client.block_number())
            plan = self.venue.keeper.encode_settle_positions(self.stage.market, ids)
            receipt = await self.attempt("settle positions", keeper, plan)
            if receipt is not None:
                paid = self.venue.decoder.decode_settlements(receipt, account)
                assert {s.position_id for s in paid} == set(ids)

    async def warp(self, seconds: int) -> None:
        """Let time pass; the boards that expire stay live until somebody settles them."""
        self.done["warp"] += 1
        await self.stage.warp(seconds)

    async def to_expiry(self, before: int) -> None:
        """To so many seconds before the nearest expiry (negative: after it)."""
        boards = (await self.chain()).boards
        if boards:
            ahead = min(b.expiry for b in boards) - before - await self.stage.now()
            if ahead > 0:
                await self.warp(ahead)

    async def move_spot(self, factor: Decimal) -> None:
        """Move the oracle's price; kept inside 500 to 6000 so that strikes stay near it."""
        spot = (await self.chain()).spot_price
        self.done["move spot"] += 1
        await self.stage.set_spot(
            min(max(spot * factor, Decimal(500)), Decimal(6000)).quantize(Decimal("1e-6"))
        )

    async def list_board(self) -> None:
        """The owner lists a board of 28 days when fewer than two are live."""
        chain = await self.chain()
        if len(chain.boards) >= 2:
            return
        strikes = [int(chain.spot_price * f) * 10**18 for f in (Decimal("0.9"), Decimal(1), Decimal("1.1"))]
        await self.stage.as_owner(
            "OptionMarket",
            "createOptionBoard",
            await self.stage.now() + 28 * DAY,
            9 * 10**17,
            strikes,
            [10**18] * 3,
            False,
        )
        self.done["list board"] += 1
