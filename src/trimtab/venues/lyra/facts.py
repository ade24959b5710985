"""What a trade does to its account in one market, in the integers of `LyraProbe` and `Trades.sol`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trimtab.model.market import OptionKind, OptionType
from trimtab.model.order import OptionAction, OptionIntent
from trimtab.model.trade import Leverage, TradeFacts
from trimtab.model.units import WAD, from_wad, to_wad_exact
from trimtab.venues.lyra.contracts import OPTION_TYPES, POSITION_STATES
from trimtab.venues.lyra.encode import is_buy

Prices = Mapping[int, Any]
"""The venue's own prices of strikes, as its library answers: callPrice, putPrice."""


@dataclass(frozen=True, slots=True)
class Held:
    """An open position in base units."""

    position_id: int
    strike_id: int
    type: OptionType
    amount: int
    collateral: int

    @property
    def size(self) -> int:
        return self.amount * self.type.sign

    def price(self, prices: Prices) -> int:
        return price_of(prices, self.strike_id, self.type.kind)


def held_from(positions: Iterable[Any]) -> tuple[Held, ...]:
    """The open ones among the contract's positions."""
    return tuple(
        Held(p.positionId, p.strikeId, OPTION_TYPES[p.optionType], p.amount, p.collateral)
        for p in positions
        if POSITION_STATES[p.state] == "active"
    )


def held_after(held: tuple[Held, ...], intent: OptionIntent) -> tuple[Held, ...]:
    """The positions when the intent is done."""
    amount = to_wad_exact(intent.amount, "amount")
    collateral = to_wad_exact(intent.set_collateral_to, "set_collateral_to")
    if intent.position_id is None:
        return (*held, Held(0, intent.series.strike_id, intent.type, amount, collateral))
    change = amount if intent.action is OptionAction.OPEN else -amount
    moved = (
        replace(p, amount=p.amount + change, collateral=collateral)
        if p.position_id == intent.position_id
        else p
        for p in held
    )
    return tuple(p for p in moved if p.amount > 0)


def price_of(prices: Prices, strike_id: int, kind: OptionKind) -> int:
    """Per option."""
    found = prices[strike_id]
    return int(found.callPrice if kind is OptionKind.CALL else found.putPrice)


def trade_facts(
    held: tuple[Held, ...], intent: OptionIntent, cost: int, spot: int, before: Prices, after: Prices
) -> TradeFacts:
    """The facts of an intent that costs or brings `cost`. `before` and `after` it the strike's prices differ:
    the one that makes the loss larger counts. Leverage is unknown with positions whose strike is over."""
    then = held_after(held, intent)
    strike_id, kind = intent.series.strike_id, intent.type.kind
    was, is_now = (_size(all_, strike_id, kind) for all_ in (held, then))
    prices = [
        price_of(at, strike_id, kind) for at, size in ((before, was), (after, is_now)) if size is not None
    ]
    change = (is_now or 0) - (was or 0)
    worth = change * (min(prices) if change > 0 else max(prices)) // WAD
    paid = cost if is_buy(intent.type, intent.action) else -cost
    return TradeFacts(
        loss=from_wad(max(paid - worth, 0)),
        before=leverage_of(held, before, spot),
        after=leverage_of(then, after, spot),
        is_reducing=_is_reducing(was or 0, is_now or 0),
    )


def leverage_of(held: tuple[Held, ...], prices: Prices, spot: int) -> Leverage | None:
    """Short options at the spot price, rounded up; equity is what positions are worth with their collateral,
    the wallet not. None with a strike that `prices` do not know."""
    if any(p.strike_id not in prices for p in held):
        return None
    notional = sum(-(-p.amount * spot // WAD) for p in held if not p.type.is_long)
    equity = sum(p.size * p.price(prices) // WAD + _posted(p, spot) for p in held)
    return Leverage(from_wad(notional), from_wad(equity))


def _posted(held: Held, spot: int) -> int:
    return held.collateral * spot // WAD if held.type is OptionType.SHORT_CALL_BASE else held.collateral


def _size(held: tuple[Held, ...], strike_id: int, kind: OptionKind) -> int | None:
    """Longs and shorts netted; None where there are neither."""
    sizes = [p.size for p in held if (p.strike_id, p.type.kind) == (strike_id, kind)]
    return sum(sizes) if sizes else None


def _is_reducing(was: int, is_now: int) -> bool:
    if is_now == 0:
        return True
    return (is_now > 0) == (was > 0) and abs(is_now) <= abs(was)
