"""Everything that is refused before it costs anything."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import (
    AcceptablePriceError,
    InsufficientMarginError,
    IntentError,
    MarketClosedError,
    StalePriceError,
    UnknownMarketError,
    WrongChainError,
)
from trimtab.execution import checks
from trimtab.execution.checks import QuoteRules
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionMarket, OptionSeries, OptionType, PerpMarket
from trimtab.model.order import OptionAction, OptionIntent, OptionQuote, PerpIntent, PerpQuote, Side

D = Decimal
MARKET = PerpMarket("perp_v2", "vETH", "ETH", "USD", ZERO_ADDRESS)
OPTIONS = OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS)
SERIES = OptionSeries(OPTIONS, 1, 3, D(2000), expiry=2_000)
RULES = QuoteRules()


def perp_quote(price: str = "2000", *, side: Side = Side.BUY, limit: str | None = None) -> PerpQuote:
    intent = PerpIntent("vETH", side, size=D(1), acceptable_price=D(limit) if limit else None)
    return PerpQuote(
        intent=intent,
        size=D(side.sign),
        notional=D(price),
        price=D(price),
        fee=D(2),
        price_impact=D("0.001") * side.sign,
        mark_price=D(2000),
        index_price=D(2000),
        equity_after=D(900),
        free_collateral_after=D(100),
        liquidation_price_after=D(1500),
        is_margin_sufficient=True,
        block=100,
        at=1_000,
        maintenance_margin_after=D(300),
    )


def option_quote(
    option_type: OptionType, action: OptionAction, cost: str, *, limit: str, collateral: str = "500"
) -> OptionQuote:
    intent = OptionIntent(
        SERIES,
        option_type,
        action,
        D(1),
        position_id=None if action is OptionAction.OPEN else 9,
        set_collateral_to=D(0) if option_type.is_long else D(collateral),
        limit_cost=D(limit),
    )
    needed = None if option_type.is_long else D(500)
    return OptionQuote(intent, D(cost), D(1), D(cost), None, Greeks(), D(2000), needed, 100, 1_000)


def check(quote: PerpQuote, rules: QuoteRules = RULES, *, head: int = 100, now: int = 1_000) -> None:
    checks.check_perp_quote(quote, rules, head=head, now=now)


def test_another_chain_is_refused() -> None:
    """A node on another chain than the one meant is refused with both ids."""
    checks.check_chain(None, 1)
    checks.check_chain(10, 10)
    with pytest.raises(WrongChainError, match="serves chain 1, expected 10"):
        checks.check_chain(10, 1)


def test_an_unknown_market_is_refused_with_the_known_ones() -> None:
    """The message names what there is instead."""
    with pytest.raises(UnknownMarketError, match="no market 'vDOGE'; there are vETH"):
        checks.check_perp_intent(PerpIntent("vDOGE", Side.BUY, size=D(1)), [MARKET], now=0)


@given(st.integers(1, 10**30), st.integers(0, 30))
def test_only_the_markets_decimals_pass(digits: int, places: int) -> None:
    """A size passes exactly when it is a whole number of base units: nothing is rounded behind one's back."""
    size = D(digits).scaleb(-places)
    is_whole = size * 10**18 == (size * 10**18).to_integral_value()
    intent = PerpIntent("vETH", Side.BUY, size=size)
    if is_whole:
        assert checks.check_perp_intent(intent, [MARKET], now=0) is MARKET
    else:
        with pytest.raises(IntentError, match="decimal places"):
            checks.check_perp_intent(intent, [MARKET], now=0)


@pytest.mark.parametrize("size", [D(0), D(-1), D("NaN"), D("Infinity"), 1.5, True, "many"])
def test_a_bad_size_never_becomes_an_intent(size: object) -> None:
    """Zero, negative, NaN, infinite, float, bool and text are refused where the intent is made."""
    with pytest.raises(IntentError, match="size"):
        PerpIntent("vETH", Side.BUY, size=size)  # type: ignore[arg-type]


def test_a_past_deadline_is_refused() -> None:
    """A deadline at or before the head's time could only revert."""
    intent = PerpIntent("vETH", Side.BUY, size=D(1), deadline=1_000)
    with pytest.raises(IntentError, match="deadline 1000 is not after"):
        checks.check_perp_intent(intent, [MARKET], now=1_000)
    checks.check_perp_intent(intent, [MARKET], now=999)


def test_a_stale_quote_is_refused_by_blocks_and_by_seconds() -> None:
    """Terms of an old block are not terms any more."""
    check(perp_quote(), head=105, now=1_120)
    with pytest.raises(StalePriceError, match="quote again"):
        check(perp_quote(), head=106)
    with pytest.raises(StalePriceError, match="121 s before"):
        check(perp_quote(), now=1_121)


@given(
    st.decimals("0.01", "10000", places=2),
    st.decimals("0.01", "10000", places=2),
    st.sampled_from(list(Side)),
)
def test_the_acceptable_price_binds_on_the_right_side(price: D, limit: D, side: Side) -> None:
    """A buyer refuses above it, a seller below it, and equality passes."""
    quote = perp_quote(str(price), side=side, limit=str(limit))
    is_worse = price > limit if side is Side.BUY else price < limit
    if is_worse:
        with pytest.raises(AcceptablePriceError):
            check(quote)
    else:
        check(quote)


def test_margin_health_and_impact_are_each_named() -> None:
    """Each refusal says which rule it was, so that a caller can act on it."""
    cases = [
        (replace(perp_quote(), is_margin_sufficient=False), RULES, "margin"),
        (perp_quote(), QuoteRules(min_free_collateral_after=D(101)), "min_free_collateral_after"),
        (perp_quote(), QuoteRules(min_health_after=D("3.1")), "min_health_after"),
    ]
    for quote, rules, reason in cases:
        with pytest.raises(InsufficientMarginError) as refused:
            check(quote, rules)
        assert refused.value.reason == reason
    check(perp_quote(), QuoteRules(min_free_collateral_after=D(100), min_health_after=D(3)))
    with pytest.raises(AcceptablePriceError, match="trade less"):
        check(perp_quote(), QuoteRules(max_price_impact=D("0.0009")))


def test_closing_needs_no_margin_left() -> None:
    """Making the account safer is never refused for health."""
    quote = replace(perp_quote(), intent=PerpIntent("vETH", Side.BUY, close=True), equity_after=D(1))
    check(quote, QuoteRules(min_health_after=D(3), min_free_collateral_after=D(1_000)))


@pytest.mark.parametrize(
    ("option_type", "action", "cost", "is_refused"),
    [
        (OptionType.LONG_CALL, OptionAction.OPEN, "11", True),
        (OptionType.LONG_CALL, OptionAction.OPEN, "9", False),
        (OptionType.LONG_CALL, OptionAction.CLOSE, "9", True),
        (OptionType.LONG_CALL, OptionAction.CLOSE, "11", False),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.OPEN, "9", True),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.OPEN, "11", False),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.CLOSE, "11", True),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.FORCE_CLOSE, "9", False),
    ],
)
def test_limit_cost_is_a_payers_most_and_a_receivers_least(
    option_type: OptionType, action: OptionAction, cost: str, *, is_refused: bool
) -> None:
    """Opening a long or closing a short pays; the other two receive. The limit is 10 in each case."""
    quote = option_quote(option_type, action, cost, limit="10")
    if is_refused:
        with pytest.raises(AcceptablePriceError, match="limit_cost 10"):
            checks.check_option_quote(quote, RULES, head=100, now=1_000)
    else:
        checks.check_option_quote(quote, RULES, head=100, now=1_000)


def test_too_little_collateral_is_refused_before_the_venue_does() -> None:
    """A short below the venue's minimum would revert; it is refused with the minimum."""
    quote = option_quote(OptionType.SHORT_CALL_QUOTE, OptionAction.OPEN, "11", limit="10", collateral="499")
    with pytest.raises(InsufficientMarginError, match="below the minimum 500"):
        checks.check_option_quote(quote, RULES, head=100, now=1_000)


def test_expired_boards_unknown_markets_and_dust_are_refused() -> None:
    """An option intent is checked against the head's time, the venue's markets and 18 decimals."""
    intent = OptionIntent(SERIES, OptionType.LONG_CALL, OptionAction.OPEN, D(1))
    checks.check_option_intent(intent, [OPTIONS], now=1_999)
    with pytest.raises(MarketClosedError, match="expired at 2000"):
        checks.check_option_intent(intent, [OPTIONS], now=2_000)
    with pytest.raises(UnknownMarketError, match="no option market 'sETH'; there are none"):
        checks.check_option_intent(intent, [], now=0)
    with pytest.raises(IntentError, match="18 decimal places"):
        checks.check_option_intent(replace(intent, amount=D("1e-19")), [OPTIONS], now=0)
