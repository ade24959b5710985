"""The worst price that an order may get, for a caller who named none: no order is sent without a bound."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from trimtab.execution.checks import QuoteRules, is_payer
from trimtab.model.order import OptionQuote, PerpQuote, Side

_ONE, _DOWN, _UP = Decimal(1), Context(60, ROUND_FLOOR), Context(60, ROUND_CEILING)


def protect_perp(
    quote: PerpQuote,
    rules: QuoteRules,
    shown: PerpQuote | None = None,
    worst: Decimal | None = None,
) -> PerpQuote:
    """The quote with an acceptable price in its intent: the caller's, else that of the terms that were
    `shown` before, else `max_slippage` off the quoted one, rounded against the trade; never worse than
    `worst`. The quote itself is not touched, so the fill still equals it."""
    intent, slippage = quote.intent, rules.max_slippage
    if intent.acceptable_price is not None:
        return quote
    limit = None if shown is None else shown.intent.acceptable_price
    if limit is None and slippage is not None:
        limit = _worst(quote.price, slippage, is_payer=intent.side is Side.BUY)
    limit = tighter(intent.side, limit, worst)
    return quote if limit is None else replace(quote, intent=replace(intent, acceptable_price=limit))


def protect_option(quote: OptionQuote, rules: QuoteRules, shown: OptionQuote | None = None) -> OptionQuote:
    """The same for an option's total cost, `max_cost_slippage` off the quoted one."""
    intent, slippage = quote.intent, rules.max_cost_slippage
    if intent.limit_cost is not None:
        return quote
    limit = None if shown is None else shown.intent.limit_cost
    if limit is None and slippage is not None:
        limit = _worst(quote.total_cost, slippage, is_payer=is_payer(intent))
    return quote if limit is None else replace(quote, intent=replace(intent, limit_cost=limit))


def tighter(side: Side, *limits: Decimal | None) -> Decimal | None:
    """The best for the trader of the acceptable prices that are there: the lowest for a buyer."""
    given = [limit for limit in limits if limit is not None]
    return (min(given) if side is Side.BUY else max(given)) if given else None


def _worst(quoted: Decimal, slippage: Decimal, *, is_payer: bool) -> Decimal:
    """A payer's most is rounded down, a receiver's least up."""
    if is_payer:
        return _DOWN.multiply(quoted, _DOWN.add(_ONE, slippage))
    return _UP.multiply(quoted, _UP.subtract(_ONE, slippage))
