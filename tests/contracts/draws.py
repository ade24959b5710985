"""What a random agent does at a desk, and random limits around that: half of them at the very edge."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from tests.contracts.desk import MARKET, Action, Desk

from trimtab.chain.call import Call
from trimtab.errors import InsufficientMarginError, VenueError
from trimtab.model.limits import Limits
from trimtab.model.market import OptionType
from trimtab.model.order import OptionAction, OptionIntent, PerpIntent, Side
from trimtab.model.units import from_wad
from trimtab.tx.spend_log import DAY, HOUR
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20

WEI = Decimal("1e-18")
ETH = 10**18


class Agent:
    """Draws actions that the venues would take as the chain is now; None for one that they refuse."""

    def __init__(self, desk: Desk, rng: Random) -> None:
        self.desk, self.rng = desk, rng
        self._kinds: list[tuple[int, Callable[[], Awaitable[Action | None]]]] = [
            (8, self._perp),
            (6, self._option),
            (2, self._withdraw),
            (1, self._deposit),
            (3, self._transfer),
            (4, self._forbidden),
        ]

    async def draw(self) -> Action | None:
        weights, kinds = zip(*self._kinds, strict=True)
        (kind,) = self.rng.choices(kinds, weights)
        try:
            return await kind()
        except VenueError:
            return None

    async def _perp(self) -> Action | None:
        desk, rng = self.desk, self.rng
        market = rng.choice(("vETH", "vETH", "vBTC"))
        held = (await desk.perp.venue.read_position(desk.guard, market, block="pending")).size
        return await self.perp(self._perp_intent(market, held))

    async def perp(self, intent: PerpIntent) -> Action:
        """Raises the venue's refusal."""
        desk = self.desk
        quote = await desk.perp.venue.read_quote(desk.guard, intent)
        if not quote.is_margin_sufficient:
            raise InsufficientMarginError("too little margin", market=intent.market)
        plan = desk.perp.venue.encode_order(desk.guard, intent, quote)
        return Action(f"{intent.side} perp", plan.calls, quote.mark_notional, quote.trade)

    def _perp_intent(self, market: str, held: Decimal) -> PerpIntent:
        rng = self.rng
        against = Side.SELL if held > 0 else Side.BUY
        kind = (
            rng.choice(("size", "notional", "close", "reduce", "flip"))
            if held
            else rng.choice(("size", "notional"))
        )
        if kind == "close":
            return PerpIntent(market, against, close=True)
        if kind in ("reduce", "flip"):
            factor = Decimal(rng.randrange(1, 100) if kind == "reduce" else rng.randrange(101, 250)) / 100
            return PerpIntent(market, against, size=(abs(held) * factor).quantize(WEI))
        side, amount = rng.choice(list(Side)), Decimal(rng.randrange(10**9, 25 * 10**12)) / 10**9
        if kind == "notional":
            return PerpIntent(market, side, notional=amount)
        price = 2_000 if market == "vETH" else 30_000
        return PerpIntent(market, side, size=(amount / price).quantize(WEI))

    async def _option(self) -> Action | None:
        return await self.option(await self._option_intent())

    async def option(self, intent: OptionIntent) -> Action:
        """Raises the venue's refusal."""
        desk = self.desk
        quote = await desk.lyra.venue.read_option_quote(desk.guard, intent)
        plan = desk.lyra.venue.encode_option_order(desk.guard, intent, quote)
        return Action(f"{intent.action} {intent.type}", plan.calls, quote.mark_notional, quote.trade)

    async def _option_intent(self) -> OptionIntent:
        desk, rng = self.desk, self.rng
        held = await desk.lyra.venue.read_option_positions(desk.guard, block="pending")
        amount = Decimal(rng.randrange(1, 3 * 10**6)) / 10**6
        if held and rng.random() < 0.55:
            position = rng.choice(held)
            if rng.random() < 0.4:
                return OptionIntent(
                    position.series,
                    position.type,
                    OptionAction.OPEN,
                    amount,
                    position_id=position.position_id,
                    set_collateral_to=position.collateral * 3,
                )
            is_whole = rng.random() < 0.4
            part = position.amount if is_whole else (position.amount / rng.randrange(2, 5)).quantize(WEI)
            return OptionIntent(
                position.series,
                position.type,
                OptionAction.CLOSE,
                part,
                position_id=position.position_id,
                set_collateral_to=Decimal(0) if is_whole else position.collateral,
            )
        chain = await desk.lyra.venue.read_chain(MARKET, block="pending")
        series = rng.choice(rng.choice(chain.boards).strikes).series
        type_ = rng.choice(list(OptionType))
        collateral = Decimal(0)
        if not type_.is_long:
            least = await desk.lyra.venue.read_min_collateral(series, type_, amount)
            collateral = (least * rng.randrange(12, 40) / 10).quantize(WEI)
        return OptionIntent(series, type_, OptionAction.OPEN, amount, set_collateral_to=collateral)

    async def _withdraw(self) -> Action | None:
        desk = self.desk
        amount = Decimal(self.rng.randrange(1, 18_000 * 10**6)) / 10**6
        margin = await desk.perp.venue.read_margin(desk.guard, block="pending")
        if amount > margin.free_collateral:
            return None
        return await self.withdrawal(amount)

    async def withdrawal(self, amount: Decimal) -> Action:
        """Of USDC from the margin."""
        desk = self.desk
        plan = desk.perp.venue.encode_withdraw(desk.guard, "USDC", amount)
        facts = await desk.perp.venue.read_withdrawal_facts(desk.guard, "USDC", amount)
        return Action("withdraw", plan.calls, trade=facts)

    async def _deposit(self) -> Action | None:
        """With the approval before it: two calls of one plan."""
        desk = self.desk
        amount = Decimal(self.rng.randrange(1, 1_000 * 10**6)) / 10**6
        plan = await desk.perp.venue.encode_deposit(desk.guard, "USDC", amount)
        return Action("deposit", plan.calls)

    async def _transfer(self) -> Action | None:
        friend, rng = self.desk.friend, self.rng
        to = rng.choice((friend, friend, self.desk.world.accounts["maker"].address))
        values = [rng.randrange(1, ETH) for _ in range(rng.choice((1, 1, 2)))]
        return Action("transfer", tuple(Call(to, b"", value) for value in values))

    async def _forbidden(self) -> Action | None:
        """What a thief tries; all of it is refused by the list of calls, whatever the rest of the limits."""
        desk, perp = self.desk, self.desk.world.perp
        house, usdc = perp.contracts["ClearingHouse"], desk.perp.token("USDC")
        vault, thief = perp.contracts["Vault"], desk.world.accounts["maker"].address
        token, position = ERC20.function("approve"), self._foreign_market(thief)
        call = self.rng.choice(
            [
                token.at(usdc, thief, 5),
                Call(usdc, bytes.fromhex("a9059cbb") + bytes(64)),
                Call(usdc, token.selector + bytes.fromhex("ff" * 12 + vault[2:]) + bytes(32)),
                Call(usdc, token.selector + bytes.fromhex(vault[2:])),
                Call(usdc, token.selector[:3]),
                CLEARING_HOUSE.function("openPosition").at(house, position),
                Call(thief, CLEARING_HOUSE.function("openPosition").selector + bytes(256)),
                desk.encode_limits(Limits(chains=None)),
                Call(desk.guard, b"", 1),
            ]
        )
        return Action("forbidden", (call,))

    @staticmethod
    def _foreign_market(token: str) -> dict[str, Any]:
        numbers = ("amount", "oppositeAmountBound", "deadline", "sqrtPriceLimitX96")
        flags = {"isBaseToQuote": False, "isExactInput": True, "referralCode": bytes(32)}
        return {"baseToken": token, **flags, **dict.fromkeys(numbers, 1)}


def draw_limits(desk: Desk, rng: Random, action: Action, now: int) -> Limits:
    """Limits of which each is left out, is at the action's own number, a unit below it, or anywhere."""
    spent, facts = desk.spent_per_day(now), action.trade
    notional = action.notional or Decimal(0)
    slippage = facts.slippage(notional) if facts is not None and action.notional is not None else None
    leverage = facts.after.ratio if facts is not None and facts.after is not None else None

    def near(value: Decimal | None, top: int) -> Decimal | None:
        anywhere = (Decimal(rng.random()) * top).quantize(WEI)
        if value is None or not value.is_finite():
            return rng.choice((None, anywhere))
        return rng.choice((None, None, None, value, max(value - WEI, Decimal(0)), anywhere))

    def wei(value: int) -> int | None:
        return rng.choice((None, None, value, max(value - 1, 0), rng.randrange(2 * ETH)))

    calls = desk.allowed
    if rng.random() < 0.1:
        calls = tuple(call for call in calls if rng.random() < 0.5)
    return Limits(
        calls=calls,
        chains={desk.client.chain_id},
        transfers=frozenset() if rng.random() < 0.2 else {desk.friend},
        max_value_wei=wei(action.value),
        max_value_per_day_wei=wei(spent.value + action.value),
        max_notional=near(notional, 40_000),
        max_notional_per_day=near(spent.notional + notional, 80_000),
        max_leverage=near(leverage, 3),
        max_slippage=near(slippage, 1),
        reduce_only=rng.random() < 0.15,
        expires_at=rng.choice((None,) * 12 + (now, now + 1, now - 1)),
    )


def draw_live_limits(desk: Desk, rng: Random, now: int) -> Limits:
    """Limits for a whole sequence: wide enough that much happens, and the windows fill."""
    return Limits(
        calls=desk.allowed,
        chains={desk.client.chain_id},
        transfers={desk.friend},
        max_value_wei=rng.choice((None, ETH)),
        max_value_per_day_wei=rng.choice((None, rng.randrange(ETH, 3 * ETH))),
        max_notional=from_wad(rng.randrange(10_000, 30_000) * ETH),
        max_notional_per_day=from_wad(rng.randrange(20_000, 90_000) * ETH),
        max_leverage=rng.choice((None, Decimal(rng.randrange(1, 30)) / 10)),
        max_slippage=rng.choice((None, Decimal(rng.randrange(1, 300)) / 1_000)),
        reduce_only=rng.random() < 0.05,
        expires_at=rng.choice((None, now + 2 * DAY)),
    )


def draw_fee_limits(desk: Desk, rng: Random, limits: Limits, action: Action, worst: int, now: int) -> Limits:
    """The same limits with caps on fees about what the action costs, in and beside the windows."""
    spent = desk.state.spent

    def near(earlier: int) -> int | None:
        share = rng.choice(
            (worst, worst - 1, rng.randrange(worst // 2, worst), rng.randrange(worst, 2 * worst))
        )
        return rng.choice((None, earlier + share))

    return replace(
        limits,
        max_cost_wei=near(action.value),
        max_fees_per_hour_wei=near(spent.since(now - HOUR).fee),
        max_fees_per_day_wei=near(spent.since(now - DAY).fee),
    )
