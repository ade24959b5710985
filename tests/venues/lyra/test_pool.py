"""The pool behind a market: deposits, withdrawals, what holds them up, and the keeper's duties."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.venues.lyra.stage import DAY, Stage
from tests.venues.lyra.views import Views

from trimtab.errors import InsufficientMarginError, IntentError, OrderRejectedError
from trimtab.model.market import OptionType
from trimtab.venues.lyra.state import BlockedBy

pytestmark = pytest.mark.node


async def test_a_deposit_waits_and_is_worked_off(stage: Stage) -> None:
    """Approval first, then the ticket; after the delay and on fresh Greeks it becomes liquidity tokens."""
    pool, keeper, market = stage.venue.pool, stage.venue.keeper, stage.market
    plan = await pool.encode_deposit(stage.trader, market, Decimal(10_000))
    assert [label.split()[0] for label in plan.labels] == ["approve", "deposit"]
    await stage.send(stage.trader, plan)
    again = await pool.encode_deposit(stage.trader, market, Decimal(5_000))
    assert len(again.calls) == 1
    (ticket,), withdrawals = await pool.read_tickets(market)
    assert (ticket.beneficiary, ticket.amount, withdrawals) == (stage.trader, Decimal(10_000), ())
    await stage.send(stage.keeper, keeper.encode_process_deposits(market, 5))
    assert (await pool.read_balances(stage.trader, market)).liquidity_tokens == 0
    await stage.warp(ticket.ready_at - await stage.now() - 3)
    await stage.send(stage.keeper, keeper.encode_refresh_greeks(market))
    assert (await stage.now()) < ticket.ready_at
    await stage.send(stage.keeper, keeper.encode_process_deposits(market, 5))
    assert (await pool.read_tickets(market))[0] == (ticket,)
    await stage.warp(2)
    receipt = await stage.send(stage.keeper, keeper.encode_process_deposits(market, 5))
    assert receipt is not None
    (done,) = stage.events(receipt, "DepositProcessed")
    balances = await pool.read_balances(stage.trader, market)
    assert balances.liquidity_tokens == Decimal(done["tokensReceived"]).scaleb(-18) > 0
    assert await pool.read_tickets(market) == ((), ())
    await stage.send(stage.trader, pool.encode_withdraw(stage.trader, market, balances.liquidity_tokens))
    _, (leaving,) = await pool.read_tickets(market)
    assert (leaving.amount, leaving.beneficiary) == (balances.liquidity_tokens, stage.trader)
    await Views(stage).check_pool(await stage.client.block_number())


async def test_stale_greeks_hold_the_queues_silently(stage: Stage) -> None:
    """The pool says why it is held up, and processing succeeds without doing anything."""
    pool, market = stage.venue.pool, stage.market
    assert (await pool.read_state(market)).is_open
    await stage.warp(4 * 3600)
    state = await pool.read_state(market)
    assert state.blocked_by == {BlockedBy.STALE_GREEKS}
    assert (await pool.read_greek_cache(market)).is_stale
    await stage.send(stage.keeper, stage.venue.keeper.encode_refresh_greeks(market))
    assert (await pool.read_state(market)).is_open
    assert not (await pool.read_greek_cache(market)).is_stale


async def test_a_breaker_says_why_and_until_when(stage: Stage) -> None:
    """A trade that moves base IV far over its average trips the breaker for twelve hours."""
    pool, market = stage.venue.pool, stage.market
    intent = await stage.intent(OptionType.LONG_PUT, Decimal(60), iterations=10)
    _, receipt = await stage.trade(stage.trader, intent)
    (tripped,) = stage.events(receipt, "CircuitBreakerUpdated")
    state = await pool.read_state(market)
    assert state.blocked_by == {BlockedBy.CIRCUIT_BREAKER, BlockedBy.IV_VARIANCE}
    assert state.breaker_until == tripped["newTimestamp"] == state.at + DAY // 2
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_CALL, Decimal(1)))  # trading goes on
    await stage.warp(DAY // 2 + 2)
    await stage.send(stage.keeper, stage.venue.keeper.encode_refresh_greeks(market))
    later = await pool.read_state(market)
    assert BlockedBy.CIRCUIT_BREAKER not in later.blocked_by


async def test_a_paused_pool_still_shows_itself(stage: Stage) -> None:
    """Without a price the priced fields are empty; the rest and the reason are there."""
    pool, market = stage.venue.pool, stage.market
    address = stage.at.contracts["OptionMarket"]
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", address, True)
    paused = await pool.read_state(market)
    assert paused.blocked_by == {BlockedBy.MARKET_PAUSED}
    assert paused.token_price is None
    assert paused.liquidity is None
    await stage.as_owner("SynthetixAdapter", "setMarketPaused", address, False)
    await stage.set_spot(Decimal(2000), is_invalid=True)
    invalid = await pool.read_state(market)
    assert invalid.blocked_by == {BlockedBy.INVALID_PRICE}
    assert invalid.spot_price is None


async def test_settling_the_last_board_opens_the_pool_at_once(stage: Stage) -> None:
    """Without live boards a deposit mints immediately and the chain is empty."""
    chain = await stage.venue.read_chain(stage.market)
    for board in sorted(chain.boards, key=lambda b: b.expiry):
        await stage.warp(board.expiry - await stage.now() + 60)
        await stage.send(stage.keeper, stage.venue.keeper.encode_settle_board(stage.market, board.board_id))
    assert (await stage.venue.read_chain(stage.market)).boards == ()
    assert (await stage.venue.pool.read_greek_cache(stage.market)).boards == ()
    plan = await stage.venue.pool.encode_deposit(stage.trader, stage.market, Decimal(100))
    await stage.send(stage.trader, plan)
    tokens = (await stage.venue.pool.read_balances(stage.trader, stage.market)).liquidity_tokens
    assert tokens > 99
    await stage.send(stage.trader, stage.venue.pool.encode_withdraw(stage.trader, stage.market, tokens))
    assert (await stage.venue.pool.read_balances(stage.trader, stage.market)).liquidity_tokens == 0


async def test_keepers_hedge_once_a_day(stage: Stage) -> None:
    """After trades the pool's hedge goes to where its delta is; asked again too early it says so."""
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_PUT, Decimal(20)))
    await stage.warp(DAY + 1)
    await stage.send(stage.keeper, stage.venue.keeper.encode_refresh_greeks(stage.market))
    await stage.send(stage.keeper, stage.venue.keeper.encode_hedge(stage.market))
    state = await Views(stage).check_pool(await stage.client.block_number())
    assert state.hedged_delta < -8
    await stage.trade(stage.trader, await stage.intent(OptionType.LONG_PUT, Decimal(5)))
    error = await stage.refusal(stage.keeper, stage.venue.keeper.encode_hedge(stage.market))
    assert isinstance(error, OrderRejectedError)
    assert error.reason == "InteractionDelayNotExpired"
    await stage.send(stage.keeper, stage.venue.keeper.encode_exchange_base(stage.market))
    await stage.send(stage.keeper, stage.venue.keeper.encode_update_breakers(stage.market))


async def test_bad_deposits_and_withdrawals(stage: Stage) -> None:
    """Nothing, too many decimals, below the minimum, more than there is: each has its class."""
    pool, market = stage.venue.pool, stage.market
    for amount in (Decimal(0), Decimal(-1), Decimal("1e-19")):
        with pytest.raises(IntentError):
            await pool.encode_deposit(stage.trader, market, amount)
        with pytest.raises(IntentError):
            pool.encode_withdraw(stage.trader, market, amount)
    small = await pool.encode_deposit(stage.trader, market, Decimal("0.5"))
    assert "minimum" in str(await stage.refusal(stage.trader, small))
    error = await stage.refusal(stage.trader, pool.encode_withdraw(stage.trader, market, Decimal(10)))
    assert isinstance(error, InsufficientMarginError)
