"""Refuse an intent before it costs anything: pure checks of intents and quotes against rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    IntentError,
    MarketClosedError,
    StalePriceError,
    UnknownMarketError,
    WrongChainError,
)
from trimtab.model.market import OptionMarket, PerpMarket
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote, PerpIntent, PerpQuote, Side
from trimtab.model.units import to_base_exact, to_decimal, to_text


@dataclass(frozen=True, slots=True)
class QuoteRules:
    """What a quote must satisfy, and what its fill may differ by. `max_age_blocks` and `max_age_seconds` are
    against the head; None means no limit. `min_health_after` is equity / maintenance margin,
    `max_price_impact` a fraction of spot. `max_slippage` is a fraction of a perp's quoted price,
    `max_cost_slippage` of an option's quoted total cost: they bound an intent that names no limit of its own.
    Raises `IntentError` on a slippage outside [0, 1)."""

    max_age_blocks: int = 5
    max_age_seconds: int = 120
    min_health_after: Decimal | None = None
    min_free_collateral_after: Decimal | None = None
    max_price_impact: Decimal | None = None
    max_slippage: Decimal | None = Decimal("0.005")
    max_cost_slippage: Decimal | None = Decimal("0.02")

    def __post_init__(self) -> None:
        for name in ("max_slippage", "max_cost_slippage"):
            given = getattr(self, name)
            if given is None:
                continue
            slippage = to_decimal(given, name)
            if not 0 <= slippage < 1:
                raise IntentError(
                    f"{name} is a fraction from 0 to below 1, got {slippage}", field=name, value=slippage
                )
            object.__setattr__(self, name, slippage)


def check_chain(expected: int | None, actual: int) -> None:
    """`WrongChainError` unless the node serves the chain that the caller means."""
    if expected is not None and expected != actual:
        raise WrongChainError(
            f"the node serves chain {actual}, expected {expected}: fix the URL or chain_id",
            expected=expected,
            actual=actual,
        )


def check_perp_intent(intent: PerpIntent, markets: Iterable[PerpMarket], *, now: int) -> PerpMarket:
    """The intent's market. `UnknownMarketError`; `IntentError` on too many decimals or a past deadline."""
    known = {market.name: market for market in markets}
    if intent.market not in known:
        raise UnknownMarketError(
            f"no market {intent.market!r}; there are {', '.join(sorted(known)) or 'none'}",
            market=intent.market,
        )
    market = known[intent.market]
    if intent.size is not None:
        to_base_exact(intent.size, market.size_decimals, "size")
    if intent.deadline is not None and intent.deadline <= now:
        raise IntentError(
            f"deadline {intent.deadline} is not after the head's time {now}: give a later unix second",
            field="deadline",
            value=intent.deadline,
        )
    return market


def check_perp_quote(
    quote: PerpQuote, rules: QuoteRules, *, head: int, now: int, has_margin_to_come: bool = False
) -> None:
    """The quote is fresh, meets the intent's price and leaves margin enough, unless margin comes before it in
    the same transaction. `StalePriceError`, `AcceptablePriceError`, `InsufficientMarginError`."""
    _check_age(quote.block, quote.at, rules, head=head, now=now, market=quote.intent.market)
    _check_acceptable(quote)
    _check_impact(quote, rules)
    if not has_margin_to_come:
        _check_margin(quote, rules)


def check_option_intent(intent: OptionIntent, markets: Iterable[OptionMarket], *, now: int) -> None:
    """`UnknownMarketError`; `MarketClosedError` for an expired board; `IntentError` on decimals."""
    known = {market.name for market in markets}
    series = intent.series
    if series.market.name not in known:
        raise UnknownMarketError(
            f"no option market {series.market.name!r}; there are {', '.join(sorted(known)) or 'none'}",
            venue=series.market.venue,
            market=series.market.name,
        )
    if series.expiry <= now:
        raise MarketClosedError(
            f"board {series.board_id} expired at {series.expiry}, the head's time is {now}: settle instead",
            venue=series.market.venue,
            market=series.market.name,
        )
    to_base_exact(intent.amount, 18, "amount")
    to_base_exact(intent.set_collateral_to, 18, "set_collateral_to")


def is_payer(intent: OptionIntent) -> bool:
    """Whether the trader pays the total cost: opens a long or closes a short."""
    return intent.type.is_long == (intent.action is OptionAction.OPEN)


def check_option_quote(quote: OptionQuote, rules: QuoteRules, *, head: int, now: int) -> None:
    """The quote is fresh, within `limit_cost` and with collateral enough for a short position."""
    intent = quote.intent
    market = intent.series.market
    _check_age(quote.block, quote.at, rules, head=head, now=now, market=market.name)
    if intent.limit_cost is not None:
        pays = is_payer(intent)
        bad = quote.total_cost > intent.limit_cost if pays else quote.total_cost < intent.limit_cost
        if bad:
            raise AcceptablePriceError(
                f"{market.name} asks a total of {to_text(quote.total_cost)}, "
                f"{'above' if pays else 'below'} limit_cost {to_text(intent.limit_cost)}",
                venue=market.venue,
                market=market.name,
                reason="limit_cost",
            )
    needed = quote.min_collateral
    if intent.action is OptionAction.OPEN and needed is not None and intent.set_collateral_to < needed:
        raise InsufficientMarginError(
            f"set_collateral_to {to_text(intent.set_collateral_to)} is below "
            f"the minimum {to_text(needed)}: post more",
            venue=market.venue,
            market=market.name,
            reason="min_collateral",
        )


def _check_age(block: int, at: int, rules: QuoteRules, *, head: int, now: int, market: str) -> None:
    if head - block > rules.max_age_blocks or now - at > rules.max_age_seconds:
        raise StalePriceError(
            f"the quote for {market} is of block {block} ({now - at} s before the head {head}): quote again",
            market=market,
        )


def _check_acceptable(quote: PerpQuote) -> None:
    limit = quote.intent.acceptable_price
    is_buy = quote.intent.side is Side.BUY
    if limit is not None and (quote.price > limit if is_buy else quote.price < limit):
        raise AcceptablePriceError(
            f"{quote.intent.market} would fill at {to_text(quote.price)}, "
            f"{'above' if is_buy else 'below'} the acceptable price {to_text(limit)}",
            market=quote.intent.market,
            reason="acceptable_price",
        )


def _check_impact(quote: PerpQuote, rules: QuoteRules) -> None:
    if rules.max_price_impact is not None and abs(quote.price_impact) > rules.max_price_impact:
        raise AcceptablePriceError(
            f"{quote.intent.market} would move by {quote.price_impact:.6f}, "
            f"more than {rules.max_price_impact}: trade less",
            market=quote.intent.market,
            reason="max_price_impact",
        )


def _check_margin(quote: PerpQuote, rules: QuoteRules) -> None:
    """A close may pass with too little left: it only makes the account safer."""
    market = quote.intent.market
    if not quote.is_margin_sufficient:
        raise InsufficientMarginError(
            f"margin would not carry {to_text(quote.size)} of {market}: free collateral after it "
            f"{to_text(quote.free_collateral_after)}; deposit or trade less",
            market=market,
            reason="margin",
        )
    if quote.intent.close or quote.intent.reduce_only:
        return
    floor = rules.min_free_collateral_after
    if floor is not None and quote.free_collateral_after < floor:
        raise InsufficientMarginError(
            f"free collateral after {to_text(quote.size)} of {market} would be "
            f"{to_text(quote.free_collateral_after)}, below {to_text(floor)}: deposit or trade less",
            market=market,
            reason="min_free_collateral_after",
        )
    health = quote.health_after
    if rules.min_health_after is not None and health is not None and health < rules.min_health_after:
        raise InsufficientMarginError(
            f"health after {to_text(quote.size)} of {market} would be {health:.4f}, "
            f"below {rules.min_health_after}: deposit or trade less",
            market=market,
            reason="min_health_after",
        )
