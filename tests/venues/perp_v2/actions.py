"""What the machine does: each action is predicted, tried, and its outcome held against the prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.venues.perp_v2.conftest import quote_for
from tests.venues.perp_v2.stage import Stage
from tests.venues.perp_v2.views import Views

from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    MarketClosedError,
    VenueError,
)
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2.contracts import ACCOUNT_BALANCE, VAULT
from trimtab.venues.perp_v2.revert_codes import REVERT_CODES
from trimtab.venues.perp_v2.ticks import tick_at_price

SPACING = 60
WEI = Decimal("1e-18")
DUST = Decimal("1e-15")  # the contract drops positions under 10 wei, here a hundred times at most


class Actions:
    """Counts what was done and what was refused, by the venue's own codes."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.venue = stage.venue
        self.views = Views(stage.venue)
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.quotes_checked = 0

    @property
    def count(self) -> int:
        return sum(self.done.values()) + sum(self.refused.values())

    # ---- trading

    async def order(
        self, name: str, who: Address, intent: PerpIntent, *, delegate: Address | None = None
    ) -> bool:
        """Quote and send. The quote equals the fill; a margin that the quote says is short is refused."""
        try:
            quote = await self.venue.read_quote(who, intent)
        except VenueError as error:
            self._refuse(name, error)
            await self._is_refused_by_the_venue_too(who, intent, error)
            return False
        if delegate is None:
            sender, plan = who, self.venue.encode_order(who, intent, quote)
        else:
            sender, plan = delegate, self.venue.encode_order_for(who, intent, quote)
        refusal = await self.attempt(name, sender, plan)
        if getattr(refusal, "reason", None) == "CH_SHNAOPT":
            assert delegate is not None
            assert not await self.venue.read_is_delegate(who, delegate)
            return False
        assert (refusal is None) is quote.is_margin_sufficient, f"{refusal} but {quote}"
        if refusal is not None:
            assert isinstance(refusal, InsufficientMarginError)
            return False
        await self._check_fill(who, intent, quote)
        return True

    async def _is_refused_by_the_venue_too(self, who: Address, intent: PerpIntent, error: VenueError) -> None:
        """A refusal of the quote is the venue's own: the same order, sent blindly, meets the same code."""
        reason = getattr(error, "reason", None)
        if reason not in REVERT_CODES or intent.close:
            return
        plan = self.venue.encode_order(who, intent, quote_for(intent))
        assert getattr(await self.attempt("blindly", who, plan), "reason", None) == reason, error

    async def _check_fill(self, who: Address, intent: PerpIntent, quote: PerpQuote) -> None:
        """Terms always; the account after it, when its own liquidity did not take part in the swap."""
        receipt = self.last
        assert receipt.block == quote.block
        (fill,) = self.venue.decode_fills(receipt, who)
        assert (fill.size, fill.price, fill.fee) == (quote.size, quote.price, quote.fee)
        self.quotes_checked += 1
        if await self.venue.read_liquidity(who, intent.market, block=quote.block):
            return
        margin = await self.venue.read_margin(who, block=quote.block)
        position = await self.venue.read_position(who, intent.market, block=quote.block)
        assert margin.equity == quote.equity_after
        assert margin.free_collateral == quote.free_collateral_after
        assert margin.maintenance_margin == quote.maintenance_margin_after
        assert position.liquidation_price == quote.liquidation_price_after

    async def open(
        self, who: Address, market: str, side: Side, leverage: Decimal, *, by_notional: bool
    ) -> None:
        """An order worth `leverage` times the account's equity."""
        margin = await self.venue.read_margin(who)
        notional = max(margin.equity * leverage, Decimal(50)).quantize(WEI)
        state = await self.venue.read_state(market)
        size = (notional / state.spot_price).quantize(WEI)
        terms: dict[str, Any] = {"notional": notional} if by_notional else {"size": size}
        await self.order(f"open {side} by {next(iter(terms))}", who, PerpIntent(market, side, **terms))

    async def order_with_limit(self, who: Address, market: str, side: Side, edge: Decimal) -> None:
        """A limit at the quoted price fills; a better one is refused here and, sent blindly, by the venue."""
        intent = PerpIntent(market, side, size=Decimal("0.5"))
        try:
            quote = await self.venue.read_quote(who, intent)
        except VenueError as error:
            self._refuse("limit", error)
            return
        exact = PerpIntent(market, side, size=Decimal("0.5"), acceptable_price=quote.price)
        better = (quote.price * (1 - edge * side.sign)).quantize(WEI)
        tight = PerpIntent(market, side, size=Decimal("0.5"), acceptable_price=better)
        blind = replace(quote, price=better)
        refusal = await self.attempt("limit", who, self.venue.encode_order(who, tight, blind))
        assert isinstance(refusal, AcceptablePriceError | InsufficientMarginError), refusal
        await self.order("limit", who, exact)

    async def reduce(self, who: Address, market: str, part: Decimal, *, reduce_only: bool) -> None:
        """Trades against the position; above its size it flips it, which reduce-only forbids."""
        position = await self.venue.read_position(who, market)
        taker = await self.taker_size(who, market)
        size = (abs(taker) * part).quantize(WEI)
        side = Side.SELL if taker > 0 else Side.BUY
        if size <= 0:
            assert position.size == 0 or await self.venue.read_liquidity(who, market)
            return
        intent = PerpIntent(market, side, size=size, reduce_only=reduce_only)
        filled = await self.order(f"reduce by {part}", who, intent)
        assert not (filled and reduce_only and part > 1)

    async def close(self, who: Address, market: str) -> None:
        taker = await self.taker_size(who, market)
        side = Side.SELL if taker > 0 else Side.BUY
        await self.order("close", who, PerpIntent(market, side, close=True))

    async def order_for(self, who: Address, delegate: Address, market: str, side: Side) -> None:
        await self.order("order for", who, PerpIntent(market, side, size=Decimal("0.3")), delegate=delegate)

    # ---- collateral

    async def deposit(self, who: Address, currency: str, amount: Decimal) -> None:
        await self.attempt("deposit", who, await self.venue.encode_deposit(who, currency, amount))

    async def withdraw(self, who: Address, currency: str, part: Decimal) -> None:
        """A part of what the Vault says is free in that currency; more than all of it is refused."""
        asset = self.stage.deployment.collateral[currency]
        read = VAULT.function("getFreeCollateralByToken")
        vault = self.stage.deployment.contracts["Vault"]
        free = await self.stage.client.call(read.read(vault, who, asset.token), block="pending")
        amount = Decimal(int(Decimal(free) * part) or 1).scaleb(-asset.decimals)
        error = await self.attempt("withdraw", who, self.venue.encode_withdraw(who, currency, amount))
        assert (error is None) is (amount <= Decimal(free).scaleb(-asset.decimals)), error
        assert error is None or isinstance(error, InsufficientMarginError)

    # ---- making

    async def add_liquidity(self, who: Address, market: str, width: int, share: Decimal) -> None:
        """Around the market price; base and quote each worth a share of the equity."""
        state = await self.venue.read_state(market)
        middle = tick_at_price(state.spot_price, SPACING)
        ticks = (middle - width * SPACING, middle + (width + 1) * SPACING)
        quote = max(((await self.venue.read_margin(who)).equity * share), Decimal(10)).quantize(WEI)
        base = (quote / state.spot_price).quantize(WEI)
        plan = self.venue.encode_add_liquidity(market, base=base, quote=quote, ticks=ticks)
        await self.attempt("add liquidity", who, plan)

    async def remove_liquidity(self, who: Address, market: str, part: Decimal) -> None:
        """A part of the first order, of a new one where there is none."""
        if not await self.venue.read_liquidity(who, market):
            await self.add_liquidity(who, market, 5, Decimal("0.1"))
        for order in (await self.venue.read_liquidity(who, market))[:1]:
            liquidity = int(order.liquidity * part)
            plan = self.venue.encode_remove_liquidity(market, liquidity=liquidity, ticks=order.ticks)
            await self.attempt("remove liquidity", who, plan)

    # ---- keeping

    async def liquidate(self, keeper: Address, who: Address, market: str, part: Decimal | None) -> None:
        """Succeeds exactly when equity is below the maintenance margin (health below one), the account makes
        no market, and it has a position; one without a position may still be in debt."""
        margin = await self.venue.read_margin(who, block="pending")
        makes = [m for m in self.stage.deployment.markets if await self.venue.read_liquidity(who, m)]
        taker = await self.taker_size(who, market)
        size = None if part is None or taker == 0 else (taker * part).quantize(WEI)
        error = await self.attempt("liquidate", keeper, self.venue.encode_liquidate(who, market, size))
        reason = getattr(error, "reason", None)
        if isinstance(error, MarketClosedError):
            return
        if makes:
            assert reason == "CH_CLWTISO"
        elif margin.equity >= margin.maintenance_margin:
            assert reason == "CH_EAV", f"{margin}: {error}"
        elif taker == 0:
            assert reason == "CH_PSZ"
        elif size is not None and size * taker < 0:
            assert reason == "CH_WLD"
        else:
            assert reason in (None, "CH_NEFCI", "CH_IIC"), error
        if error is None:
            (lost,) = self.venue.decode_fills(self.last, who)
            (taken,) = self.venue.decode_fills(self.last, keeper)
            assert lost.size == -taken.size
            assert lost.fee > 0

    async def squeeze(self, who: Address, market: str) -> None:
        """Moves the price half a percent past where the venue says that the account is liquidatable."""
        position = await self.venue.read_position(who, market)
        price = position.liquidation_price
        if price is None or not Decimal("0.5") < price / position.mark_price < Decimal(2):
            return
        past = Decimal("0.995") if position.size > 0 else Decimal("1.005")
        underlying = self.stage.deployment.markets[market].underlying
        await self.stage.world.set_price(underlying, (price * past).quantize(Decimal("1e-8")))
        self.done["squeeze"] += 1

    async def cancel_excess(self, keeper: Address, who: Address, market: str) -> None:
        await self.attempt("cancel excess", keeper, self.venue.encode_cancel_excess_orders(who, market))

    async def liquidate_collateral(self, keeper: Address, who: Address) -> None:
        """Succeeds exactly when the Vault says that the collateral is liquidatable."""
        vault, weth = self.stage.deployment.contracts["Vault"], self.stage.token("WETH")
        is_liquidatable, most = [
            await self.stage.client.call(VAULT.function(name).read(vault, who, *more), block="pending")
            for name, more in (
                ("isLiquidatable", ()),
                ("getMaxRepaidSettlementAndLiquidatableCollateral", (weth,)),
            )
        ]
        units = most[1] // 2 if is_liquidatable else 10**15
        amount = Decimal(max(units, 1)).scaleb(-18)
        allowance = await self.venue.read_allowance(keeper, "USDC")
        plan = self.venue.encode_liquidate_collateral(who, "WETH", amount, allowance, Decimal(100_000))
        error = await self.attempt("liquidate collateral", keeper, plan)
        if not is_liquidatable:
            assert getattr(error, "reason", None) == "V_NL"

    # ---- the world

    async def move_price(self, market: str, factor: Decimal) -> None:
        """Oracle and pool together, by the world's arbitrageur."""
        state = await self.venue.read_state(market)
        price = (state.spot_price * factor).quantize(Decimal("1e-8"))
        await self.stage.world.set_price(state.market.underlying, price)
        self.done["move price"] += 1

    async def move_oracle(self, market: str, factor: Decimal, seconds: int) -> None:
        """Time passes, then the index alone moves, off the pool's price: spreads open, funding runs."""
        await self.stage.warp(seconds)
        for name in self.stage.deployment.markets:
            state = await self.venue.read_state(name)
            price = state.spot_price * factor if name == market else state.index_price
            await self.stage.post_oracle(name, price)
        self.done["move oracle"] += 1

    async def pause(self, who: Address, market: str) -> None:
        """A paused venue refuses everything as closed, and takes it again afterwards."""
        house = self.stage.deployment.contracts["ClearingHouse"]
        await self.stage.as_owner(house, "pause")
        assert not (await self.venue.read_state(market)).is_open
        try:
            await self.venue.read_quote(who, PerpIntent(market, Side.BUY, size=Decimal(1)))
        except MarketClosedError as error:
            self._refuse("paused", error)
        else:
            raise AssertionError("a paused venue gave a quote")
        finally:
            await self.stage.as_owner(house, "unpause")

    # ---- how it ends

    async def attempt(self, name: str, who: Address, plan: ChainPlan) -> VenueError | None:
        """Sends a plan. A refusal must be one of the published codes, in its class; None means done."""
        try:
            self.last = await self.stage.send(who, plan)
        except VenueError as error:
            self._refuse(name, error)
            return error
        self.done[name] += 1
        tokens = {asset.token for asset in self.stage.deployment.collateral.values()}
        assert all(self.venue.decode_log(log) for log in self.last.logs if log.address not in tokens)
        return None

    def _refuse(self, name: str, error: VenueError) -> None:
        text = str(error)
        if "reverted with " not in text:
            assert "reverted without" not in text, text
            self.refused[f"{name}: {getattr(error, 'reason', type(error).__name__)}"] += 1
            return
        told = text.split("reverted with ", 1)[1]
        code = max((known for known in REVERT_CODES if told.startswith(f"{known}: ")), key=len, default="")
        assert code, text
        assert type(error) is REVERT_CODES[code][0]
        self.refused[f"{name}: {code}"] += 1

    async def taker_size(self, who: Address, market: str) -> Decimal:
        token = self.stage.deployment.markets[market].base_token
        read = ACCOUNT_BALANCE.function("getTakerPositionSize")
        balance = self.stage.deployment.contracts["AccountBalance"]
        size = await self.stage.client.call(read.read(balance, who, token), block="pending")
        return Decimal(size).scaleb(-18)

    async def pick_position(self, who: Address, pick: int) -> str:
        """A market in which the account has a position; any market when it has none."""
        held = [p.market for p in await self.venue.read_positions(who)]
        markets = held or list(self.stage.deployment.markets)
        return markets[pick % len(markets)]

    async def check_replay(self, accounts: Sequence[Address]) -> None:
        """The fills of every transaction add up to what the contract holds, but for the dust it forgets."""
        sizes: Counter[tuple[Address, str]] = Counter()
        for receipt in self.stage.receipts:
            for who in accounts:
                for fill in self.venue.decode_fills(receipt, who):
                    sizes[who, fill.market] += fill.size  # type: ignore[assignment]
        for who in accounts:
            for market in self.stage.deployment.markets:
                held = await self.taker_size(who, market)
                assert abs(held - sizes[who, market]) < DUST, f"{who} {market}: {held}, {sizes[who, market]}"

    async def hold(self, who: Address, pick: int) -> str:
        """A market in which the account has a position; it opens one when it has none."""
        market = await self.pick_position(who, pick)
        if await self.taker_size(who, market) == 0:
            await self.open(who, market, tuple(Side)[pick % 2], Decimal(3), by_notional=pick > 2)
        return market
