"""An order without a limit of its own is bounded by its quote, in the direction that protects it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import AcceptablePriceError, IntentError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.protect import protect_option, protect_perp
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.order import (
    OptionAction,
    OptionIntent,
    OptionQuote,
    OrderStatus,
    PerpIntent,
    PerpQuote,
    Side,
)

D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
BUY = PerpIntent("vETH", Side.BUY, size=D(2))
SERIES = OptionSeries(OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 1, D(2000), 10**10)
prices = st.decimals(D("0.000001"), D(10**9), places=18)
slippages = st.decimals(D(0), D("0.99"), places=9)


def perp_quote(intent: PerpIntent, price: Decimal) -> PerpQuote:
    zero = D(0)
    return PerpQuote(intent, D(2), 2 * price, price, zero, zero, price, price, zero, zero, None, True, 7, 100)


def option_quote(kind: OptionType, action: OptionAction, cost: Decimal) -> OptionQuote:
    intent = OptionIntent(SERIES, kind, action, D(1), position_id=None if action is OptionAction.OPEN else 3)
    return OptionQuote(intent, cost, D(0), cost, None, Greeks(), D(2000), None, 7, 100)


@given(prices, slippages)
def test_a_perp_is_bounded_on_its_own_side(price: Decimal, slippage: Decimal) -> None:
    """A buyer never accepts more than price x (1 + slippage), a seller never less than price x (1 -
    slippage), and both accept the quote itself."""
    rules = QuoteRules(max_slippage=slippage)
    bought = protect_perp(perp_quote(BUY, price), rules).intent.acceptable_price
    sold = protect_perp(perp_quote(replace(BUY, side=Side.SELL), price), rules).intent.acceptable_price
    assert bought is not None
    assert sold is not None
    assert Fraction(price) <= Fraction(bought) <= Fraction(price) * (1 + Fraction(slippage))
    assert Fraction(price) * (1 - Fraction(slippage)) <= Fraction(sold) <= Fraction(price)


@given(prices, slippages)
def test_an_options_cost_is_bounded_by_who_pays_it(cost: Decimal, slippage: Decimal) -> None:
    """Opening a long and closing a short pay; opening a short and closing a long receive."""
    rules = QuoteRules(max_cost_slippage=slippage)
    for kind, action, pays in (
        (OptionType.LONG_CALL, OptionAction.OPEN, True),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.CLOSE, True),
        (OptionType.SHORT_PUT_QUOTE, OptionAction.FORCE_CLOSE, True),
        (OptionType.SHORT_CALL_QUOTE, OptionAction.OPEN, False),
        (OptionType.LONG_PUT, OptionAction.CLOSE, False),
    ):
        limit = protect_option(option_quote(kind, action, cost), rules).intent.limit_cost
        assert limit is not None
        if pays:
            assert Fraction(cost) <= Fraction(limit) <= Fraction(cost) * (1 + Fraction(slippage))
        else:
            assert Fraction(cost) * (1 - Fraction(slippage)) <= Fraction(limit) <= Fraction(cost)


def test_the_callers_limit_wins_and_none_turns_it_off() -> None:
    """A given limit stays to the digit; without a slippage the intent stays open."""
    given_limit = perp_quote(replace(BUY, acceptable_price=D(5000)), D(2000))
    assert protect_perp(given_limit, QuoteRules()) is given_limit
    open_end = perp_quote(BUY, D(2000))
    assert protect_perp(open_end, QuoteRules(max_slippage=None)) is open_end
    option = option_quote(OptionType.LONG_CALL, OptionAction.OPEN, D(100))
    assert protect_option(option, QuoteRules(max_cost_slippage=None)) is option
    asked = replace(option, intent=replace(option.intent, limit_cost=D(1)))
    assert protect_option(asked, QuoteRules()) is asked


@pytest.mark.parametrize("slippage", [D(1), D("-0.1"), 0.005])
def test_a_slippage_that_protects_nothing_is_refused(slippage: Any) -> None:
    """One or more, below zero, or a float."""
    with pytest.raises(IntentError, match="max_slippage"):
        QuoteRules(max_slippage=slippage)


@async_fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Any]:
    """Alice's desk with margin posted and options approved."""
    async with open_desk() as opened:
        await opened.deposit()
        approvals = await opened.lyra.encode_approvals(opened.account, "sETH")
        await opened.executor.execute_plan(opened.lyra, opened.account, approvals, key="approve")
        yield opened


def after(read: Callable[..., Any], happens: Callable[[], Any]) -> Callable[..., Any]:
    """The same read, and then something happens, once."""
    left = [happens]

    async def reading(*args: Any, **options: Any) -> Any:
        answer = await read(*args, **options)
        if left:
            await left.pop()()
        return answer

    return reading


@pytest.mark.node
async def test_a_perp_that_moved_beyond_the_slippage_is_not_traded(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody buys between the quote and the send: refused before anything leaves, nothing journalled, and
    the same key trades on the new quote."""
    world = desk.world

    async def rival() -> None:
        address = world.accounts["arbitrageur"].address
        big = PerpIntent("vETH", Side.BUY, size=D(200))
        plan = desk.perp.encode_order(address, big, await quote(address, big))
        for call in plan.calls:
            await world.transact("arbitrageur", call)

    quote = desk.perp.read_quote
    monkeypatch.setattr(desk.perp, "read_quote", after(quote, rival))
    nonce, known = await desk.nonce(), len(desk.records())
    with pytest.raises(AcceptablePriceError):
        await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    assert (await desk.nonce(), len(desk.records())) == (nonce, known)
    assert (await desk.perp.read_position(desk.account, "vETH")).size == 0
    report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    (fill,) = report.fills
    assert report.status is OrderStatus.FILLED
    assert (fill.size, fill.price, fill.fee) == (report.quote.size, report.quote.price, report.quote.fee)
    assert fill.price < report.quote.intent.acceptable_price <= fill.price * D("1.005")


@pytest.mark.node
async def test_an_option_that_moved_beyond_the_slippage_is_not_traded(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spot jumps between the quote and the send: refused before anything leaves, nothing journalled."""
    chain = await desk.lyra.read_chain("sETH")
    series = next(s.series for s in chain.boards[0].strikes if s.series.strike == D(2000))
    buy = OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, D(1))
    quote = desk.lyra.read_option_quote
    jump = after(quote, lambda: desk.world.set_price("ETH", D(2040)))
    monkeypatch.setattr(desk.lyra, "read_option_quote", jump)
    nonce, known = await desk.nonce(), len(desk.records())
    with pytest.raises(AcceptablePriceError):
        await desk.executor.execute_option(desk.lyra, desk.account, buy, key="buy")
    assert (await desk.nonce(), len(desk.records())) == (nonce, known)
    report = await desk.executor.execute_option(desk.lyra, desk.account, buy, key="buy")
    (fill,) = report.fills
    assert report.status is OrderStatus.FILLED
    assert fill.price + fill.fee == report.quote.total_cost
    assert report.quote.total_cost <= report.quote.intent.limit_cost


@pytest.mark.node
async def test_without_slippage_a_move_is_traded_through(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Turned off explicitly, the order takes any price: what the caller asked for."""
    jump = after(desk.perp.read_quote, lambda: desk.world.set_price("ETH", D(2100)))
    monkeypatch.setattr(desk.perp, "read_quote", jump)
    rules = QuoteRules(max_slippage=None)
    report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy", rules=rules)
    assert report.status is OrderStatus.FILLED
    assert report.quote.intent.acceptable_price is None
