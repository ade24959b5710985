"""Intents become reports on the genuine contracts, each exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import (
    AcceptablePriceError,
    ConfigError,
    FeeCapExceededError,
    InsufficientMarginError,
    IntentError,
    LimitError,
    NonceConflictError,
    OrderRejectedError,
    UnknownMarketError,
    WrongChainError,
)
from trimtab.execution.checks import QuoteRules
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.model.limits import Limits
from trimtab.model.market import OptionType
from trimtab.model.order import (
    OptionAction,
    OptionIntent,
    OrderStatus,
    PerpIntent,
    PerpQuote,
    Side,
    TxStatus,
)
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import LostAnswers

pytestmark = pytest.mark.node
D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
BUY = PerpIntent("vETH", Side.BUY, size=D(2))


@async_fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Any]:
    """Alice's desk with margin posted."""
    async with open_desk() as opened:
        await opened.deposit()
        yield opened


async def test_a_perp_order_fills_as_it_was_quoted(desk: Any) -> None:
    """The report's fill is the quote's size, notional and fee, and one transaction paid for it."""
    report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    quote, (fill,), (tx,) = report.quote, report.fills, report.transactions
    assert isinstance(quote, PerpQuote)
    assert report.status is OrderStatus.FILLED
    assert (fill.size, fill.price, fill.fee) == (quote.size, quote.price, quote.fee)
    assert (tx.key, tx.status, tx.attempts) == ("buy/0", TxStatus.SUCCEEDED, 1)
    assert report.gas_wei == tx.fee_wei > 0
    position = await desk.perp.read_position(desk.account, "vETH")
    assert position.size == D(2)


async def test_the_same_key_again_sends_nothing(desk: Any) -> None:
    """A second call under the same key gives the first one's fills."""
    first = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    nonce = await desk.nonce()
    again = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    assert again.fills == first.fills
    assert again.status is OrderStatus.FILLED
    assert await desk.nonce() == nonce


async def test_the_same_key_after_a_restart_sends_nothing(open_desk: OpenDesk) -> None:
    """The journal knows the order in the next life (HB#4092: a retry opened a second position)."""
    async with open_desk() as desk:
        await desk.deposit()
        first = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    async with open_desk() as desk:
        again = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert again.fills == first.fills
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(2)


async def test_another_order_under_a_used_key_is_refused(open_desk: OpenDesk) -> None:
    """The first one's report never answers for another order, also in the next life; nothing is sent."""
    async with open_desk() as desk:
        await desk.deposit()
        await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    async with open_desk() as desk:
        other = replace(BUY, side=Side.SELL)
        with pytest.raises(NonceConflictError, match="'buy' was given to another order"):
            await desk.executor.execute_perp(desk.perp, desk.account, other, key="buy")
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(2)


async def test_a_dry_run_quotes_and_sends_nothing(desk: Any) -> None:
    """It needs no sender, gives the quote and the plan's labels, and leaves no trace."""
    nonce = await desk.nonce()
    looker = Executor(None, desk.world.client)
    report = await looker.execute_perp(desk.perp, desk.account, BUY, key="dry", dry_run=True)
    assert report.is_dry_run
    assert report.quote is not None
    assert report.notes == ("buy 2 vETH",)
    assert await desk.nonce() == nonce
    with pytest.raises(ConfigError, match="sending needs a key"):
        await looker.execute_perp(desk.perp, desk.account, BUY, key="real")


@pytest.mark.parametrize(
    ("intent", "rules", "error"),
    [
        (PerpIntent("vDOGE", Side.BUY, size=D(1)), None, UnknownMarketError),
        (PerpIntent("vETH", Side.BUY, size=D("1e-19")), None, IntentError),
        (PerpIntent("vETH", Side.BUY, size=D(1), deadline=1), None, IntentError),
        (PerpIntent("vETH", Side.BUY, size=D(1), acceptable_price=D(1900)), None, AcceptablePriceError),
        (PerpIntent("vETH", Side.SELL, size=D(1), acceptable_price=D(2100)), None, AcceptablePriceError),
        (PerpIntent("vETH", Side.BUY, size=D(1_000)), None, InsufficientMarginError),
        (PerpIntent("vETH", Side.SELL, close=True), None, OrderRejectedError),
        (BUY, QuoteRules(min_health_after=D(1_000)), InsufficientMarginError),
        (BUY, QuoteRules(max_price_impact=D("1e-9")), AcceptablePriceError),
    ],
)
async def test_what_cannot_work_is_refused_before_it_is_sent(
    desk: Any, intent: PerpIntent, rules: QuoteRules | None, error: type[Exception]
) -> None:
    """Each bad order raises its typed error; no nonce is used, no intent is journalled."""
    nonce, known = await desk.nonce(), len(desk.records())
    with pytest.raises(error):
        await desk.executor.execute_perp(desk.perp, desk.account, intent, key="bad", rules=rules)
    assert await desk.nonce() == nonce
    assert len(desk.records()) == known


async def test_another_chain_is_refused(open_desk: OpenDesk) -> None:
    """An executor for one chain does nothing on another."""
    async with open_desk(options=ExecutorOptions(chain_id=10)) as desk:
        with pytest.raises(WrongChainError):
            await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        with pytest.raises(WrongChainError):
            await desk.deposit()


async def test_options_open_and_close(desk: Any) -> None:
    """Approvals once, then a written call opens and closes; the report carries the position's id."""
    approvals = await desk.lyra.encode_approvals(desk.account, "sETH")
    await desk.executor.execute_plan(desk.lyra, desk.account, approvals, key="approve")
    chain = await desk.lyra.read_chain("sETH")
    series = next(s.series for s in chain.boards[0].strikes if s.series.strike == D(2000))
    kind, amount = OptionType.SHORT_CALL_QUOTE, D(3)
    opening = OptionIntent(series, kind, OptionAction.OPEN, amount, set_collateral_to=D(4_000))
    opened = await desk.executor.execute_option(desk.lyra, desk.account, opening, key="open")
    assert opened.status is OrderStatus.FILLED
    assert opened.filled_size == -amount
    (fill,) = opened.fills
    closing = OptionIntent(series, kind, OptionAction.CLOSE, amount, position_id=fill.position_id)
    closed = await desk.executor.execute_option(desk.lyra, desk.account, closing, key="close")
    assert closed.filled_size == amount
    assert not await desk.lyra.read_option_positions(desk.account)
    again = await desk.executor.execute_option(desk.lyra, desk.account, opening, key="open")
    assert again.fills == opened.fills


async def test_an_empty_plan_is_done(desk: Any) -> None:
    """With nothing to approve there is nothing to send."""
    for key in ("first", "second"):
        plan = await desk.lyra.encode_approvals(desk.account, "sETH")
        report = await desk.executor.execute_plan(desk.lyra, desk.account, plan, key=key)
        assert report.status is OrderStatus.FILLED
    assert report.transactions == ()


async def test_a_plan_that_fails_half_way_says_where(desk: Any) -> None:
    """The approval was sent, the deposit beyond the balance was not: rejected, with the one transaction."""
    plan = await desk.perp.encode_deposit(desk.account, "USDC", D(10_000_000))
    report = await desk.executor.execute_plan(desk.perp, desk.account, plan, key="too much")
    assert report.status is OrderStatus.REJECTED
    assert [tx.label for tx in report.transactions] == ["approve 10000000 USDC"]
    assert report.reason


async def test_a_lost_answer_is_no_reason_to_send_again(open_desk: OpenDesk) -> None:
    """The broadcast looks like a time-out, yet it arrived: the order is filled once (DEFI, NT#4958)."""
    async with open_desk(fault=lambda route: LostAnswers(route, times=10)) as desk:
        await desk.deposit()
        nonce = await desk.nonce()
        report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert report.status is OrderStatus.FILLED
        assert await desk.nonce() == nonce + 1
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(2)


async def test_an_order_for_another_account_is_refused(desk: Any) -> None:
    """Quoted for one account and signed by another it would trade for the wrong one: nothing is sent."""
    bob, nonce = desk.world.accounts["bob"].address, await desk.nonce()
    with pytest.raises(IntentError, match="the sender signs for"):
        await desk.executor.execute_perp(desk.perp, bob, BUY, key="buy")
    assert await desk.nonce() == nonce
    assert not desk.executor.knows("buy")


async def test_a_key_that_was_refused_may_be_asked_for_again(open_desk: OpenDesk) -> None:
    """Too little budget: nothing left, so the same key with enough of it trades, also in the next life."""
    async with open_desk() as desk:
        await desk.deposit()
    async with open_desk(options=ExecutorOptions(budget_wei=1)) as desk:
        with pytest.raises(FeeCapExceededError):
            await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert not desk.executor.knows("buy")
    async with open_desk() as desk:
        report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert report.status is OrderStatus.FILLED
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(2)


async def test_a_plan_that_a_crash_cut_short_is_finished_under_its_key(open_desk: OpenDesk) -> None:
    """Dead between the approval and the deposit: planned again, with the approval given, the same key sends
    what is missing; and once all is done, nothing."""
    async with open_desk() as desk:
        nonce = await desk.nonce()
        whole = await desk.perp.encode_deposit(desk.account, "USDC", D(50))
        assert len(whole.calls) == 2
        cut = replace(whole, calls=whole.calls[:1], labels=whole.labels[:1])
        await desk.executor.execute_plan(desk.perp, desk.account, cut, key="fund")
    async with open_desk() as desk:
        for _ in range(2):
            plan = await desk.perp.encode_deposit(desk.account, "USDC", D(50))
            report = await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
            assert report.status is OrderStatus.FILLED
        assert await desk.nonce() == nonce + 2


async def refused_field(work: Awaitable[object]) -> str | None:
    """Which limit refuses it."""
    with pytest.raises(LimitError) as caught:
        await work
    return caught.value.field


async def test_what_an_order_trades_is_declared_from_its_quote(open_desk: OpenDesk, world: Any) -> None:
    """A key whose notional is limited trades under the cap and not above it, perps and options alike; margin
    and approvals trade nothing; a refused order leaves no trace and its key free."""
    venues = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    limits = Limits.of(*venues, max_notional=D(5_000), max_notional_per_day=D(9_000))
    async with open_desk(limits=limits) as desk:
        await desk.deposit()
        approvals = await desk.lyra.encode_approvals(desk.account, "sETH")
        await desk.executor.execute_plan(desk.lyra, desk.account, approvals, key="approve")
        first = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert first.quote.notional < 5_000
        nonce = await desk.nonce()
        large = replace(BUY, size=D(3))
        with pytest.raises(LimitError, match="max_notional 5000") as caught:
            await desk.executor.execute_perp(desk.perp, desk.account, large, key="large")
        assert D(str(caught.value.value)) > 5_000
        assert not desk.executor.knows("large")
        series = (await desk.lyra.read_series("sETH", 4)).series
        calls = OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, D(3))
        with pytest.raises(LimitError):
            await desk.executor.execute_option(desk.lyra, desk.account, calls, key="calls")
        assert await desk.nonce() == nonce
        await desk.executor.execute_option(desk.lyra, desk.account, replace(calls, amount=D(2)), key="calls")
        with pytest.raises(LimitError) as caught:
            await desk.executor.execute_perp(desk.perp, desk.account, replace(BUY, size=D(1)), key="day")
        assert caught.value.field == "max_notional_per_day"


async def test_what_an_order_does_is_declared_from_its_quote(open_desk: OpenDesk, world: Any) -> None:
    """Leverage, slippage and direction of perps and options, and the leverage that a withdrawal leaves: under
    the caps they pass, above them nothing leaves."""
    venues = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    limits = Limits.of(*venues, max_leverage=D("0.5"), max_slippage=D("0.05"))
    async with open_desk(limits=limits) as desk:
        await desk.deposit()
        first = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        assert first.status is OrderStatus.FILLED
        nonce = await desk.nonce()
        large = desk.executor.execute_perp(desk.perp, desk.account, replace(BUY, size=D(20)), key="large")
        assert await refused_field(large) == "max_leverage"
        few, much = (desk.perp.encode_withdraw(desk.account, "USDC", D(amount)) for amount in (10, 45_000))
        facts = [await desk.perp.read_withdrawal_facts(desk.account, "USDC", D(n)) for n in (10, 45_000)]
        undeclared = desk.executor.execute_plan(desk.perp, desk.account, few, key="few")
        assert await refused_field(undeclared) == "max_leverage"
        declared = desk.executor.execute_plan(desk.perp, desk.account, much, key="much", trade=facts[1])
        assert await refused_field(declared) == "max_leverage"
        assert await desk.nonce() == nonce
        report = await desk.executor.execute_plan(desk.perp, desk.account, few, key="few", trade=facts[0])
        assert report.status is OrderStatus.FILLED
    async with open_desk(limits=replace(limits, reduce_only=True)) as desk:
        again = desk.executor.execute_perp(desk.perp, desk.account, BUY, key="again")
        assert await refused_field(again) == "reduce_only"
        series = (await desk.lyra.read_series("sETH", 4)).series
        call = OptionIntent(series, OptionType.LONG_CALL, OptionAction.OPEN, D(1))
        approvals = await desk.lyra.encode_approvals(desk.account, "sETH")
        await desk.executor.execute_plan(desk.lyra, desk.account, approvals, key="approve")
        opened = desk.executor.execute_option(desk.lyra, desk.account, call, key="call")
        assert await refused_field(opened) == "reduce_only"
        half = replace(BUY, side=Side.SELL, size=D(1))
        assert (await desk.executor.execute_perp(desk.perp, desk.account, half, key="half")).fills
