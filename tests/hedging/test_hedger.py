"""The hedger on the genuine contracts: inside the band, once for each reason, over any restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import (
    CallRevertedError,
    HaltError,
    OutcomeUnknownError,
    RpcError,
    RpcTimeoutError,
    StalePriceError,
)
from trimtab.execution.executor import ExecutorOptions
from trimtab.hedging.decisions import VOID, Ending
from trimtab.hedging.exposure import read_exposure
from trimtab.hedging.limits import HedgeLimits
from trimtab.model.order import PerpIntent, Side
from trimtab.world.faults import LostAnswers
from trimtab.world.world import World

pytestmark = pytest.mark.node
D = Decimal
BAND = D("0.1")
OpenHedging = Callable[..., AbstractAsyncContextManager[Any]]


@async_fixture
async def short(open_hedging: OpenHedging, write_calls: Callable[..., Any]) -> AsyncIterator[OpenHedging]:
    """Alice is short five calls, unhedged; the fixture opens hedgers, each on the same journal."""
    async with open_hedging() as hedging:
        await write_calls(hedging.desk)
    yield open_hedging


async def test_a_step_brings_the_delta_inside(short: OpenHedging) -> None:
    """One trade, the delta read from the chain inside the band, and the next look leaves it."""
    async with short() as hedging:
        before = await hedging.delta()
        nonce = await hedging.desk.nonce()
        step = await hedging.hedger.step()
        assert abs(before) > 2
        assert abs(await hedging.delta()) < BAND
        assert step.decision is not None
        assert step.decision.ending.filled == step.wanted.size
        assert step.after.delta == await hedging.delta()
        quiet = await hedging.hedger.step()
        assert not quiet.wanted.is_hedge
        assert await hedging.desk.nonce() == nonce + 1


async def test_one_reason_one_hedge(short: OpenHedging, world: World) -> None:
    """Asked again for the same reason it tells what it did, though the price moved and the delta is out; a
    new reason is hedged."""
    async with short() as hedging:
        first = await hedging.hedger.step("open")
        await world.set_price("ETH", D(2150))
        nonce = await hedging.desk.nonce()
        again = await hedging.hedger.step("open")
        assert again.decision == first.decision
        assert abs(again.after.delta) > BAND
        assert await hedging.desk.nonce() == nonce
        await hedging.hedger.step("later")
        assert abs(await hedging.delta()) < BAND


async def test_a_crash_before_the_broadcast_is_void(short: OpenHedging) -> None:
    """Decided and never sent: the next life ends it as void, and hedges the same reason, once."""
    async with short() as hedging:
        exposure = (await read_exposure(hedging.book, hedging.desk.world.client)).of("ETH")
        hedging.log.decide("open", exposure, held=D(0), band=BAND, size=-exposure.delta, limit=D(2020))
    async with short() as hedging:
        resolved = (await hedging.hedger.reconcile()).resolved
        assert resolved.ending.status == VOID
        await hedging.hedger.step("open")
        assert abs(await hedging.delta()) < BAND
        assert len(hedging.log.decisions) == 2


async def test_a_crash_after_the_broadcast_is_found_filled(short: OpenHedging) -> None:
    """Decided, sent and mined, and nobody saw it: the next life finds the fill and sends nothing."""
    async with short() as hedging:
        desk = hedging.desk
        exposure = (await read_exposure(hedging.book, desk.world.client)).of("ETH")
        size = D(round(-exposure.delta, 3))
        decision = hedging.log.decide("open", exposure, held=D(0), band=BAND, size=size, limit=D(2020))
        buy = PerpIntent("vETH", Side.BUY, size=size, acceptable_price=D(2020))
        await desk.executor.execute_perp(desk.perp, desk.account, buy, key=decision.key)
        nonce = await desk.nonce()
    async with short() as hedging:
        resolved = (await hedging.hedger.reconcile()).resolved
        assert (resolved.ending.status, resolved.ending.filled) == ("filled", size)
        step = await hedging.hedger.step("open")
        assert step.decision == resolved
        assert await hedging.desk.nonce() == nonce
        assert (await hedging.hedger.reconcile()).resolved is None


async def test_a_restart_tells_what_others_did_to_the_position(short: OpenHedging) -> None:
    """A trade beside the hedger shows as a gap, digit by digit, and is counted in what it hedges next."""
    async with short() as hedging:
        await hedging.hedger.step("open")
        desk = hedging.desk
        sell = PerpIntent("vETH", Side.SELL, size=D("0.7"))
        await desk.executor.execute_perp(desk.perp, desk.account, sell, key="by hand")
    async with short() as hedging:
        found = await hedging.hedger.reconcile()
        assert (found.resolved, found.position_gap) == (None, D("-0.7"))
        step = await hedging.hedger.step("next")
        assert abs(step.decision.size - D("0.7")) < D("0.01")
        assert (await hedging.hedger.reconcile()).position_gap == 0


async def test_nothing_is_hedged_while_a_hedge_is_unknown(short: OpenHedging, world: World) -> None:
    """Without a receipt nothing new is decided; when the block comes, the next life goes on from the fill."""
    await world.control.set_automine(enabled=False)
    try:
        async with short(options=ExecutorOptions(timeout=0.3)) as hedging:
            with pytest.raises(OutcomeUnknownError, match="nothing new is hedged"):
                await hedging.hedger.step("open")
            with pytest.raises(OutcomeUnknownError, match="nothing new is hedged"):
                await hedging.hedger.step("another")
            await world.mine()
    finally:
        await world.control.set_automine(enabled=True)
    async with short() as hedging:
        step = await hedging.hedger.step("open")
        assert step.decision.ending.status == "filled"
        assert len(hedging.log.decisions) == 1
        assert abs(await hedging.delta()) < BAND


async def test_a_hedge_that_is_not_mined_in_time_is_given_up(short: OpenHedging, world: World) -> None:
    """Past its deadline it is cancelled at its nonce, the hedge ends without a fill, and the next occasion is
    hedged on what is true then."""
    await world.control.set_automine(enabled=False)
    try:
        async with short(limits=HedgeLimits(deadline_seconds=30)) as hedging:
            looking = asyncio.create_task(hedging.hedger.step("open"))
            address, client = hedging.desk.account, world.client
            while await hedging.desk.nonce() == await client.nonce(address):  # noqa: ASYNC110  a pool is silent
                await asyncio.sleep(0.01)
            pending = await client.request("txpool_content")
            (first,) = next(iter(pending["pending"].values())).values()
            await world.control.drop(first["hash"])
            await world.control.mine_at(await world.now() + 60)
            async with asyncio.timeout(20):
                while not looking.done():
                    await asyncio.sleep(0.05)
                    await world.mine()
            step = await looking
            assert step.decision.ending.status == "canceled"
            assert abs(step.after.delta) > BAND
            await world.control.set_automine(enabled=True)
            assert (await hedging.hedger.step("next")).decision.ending.status == "filled"
    finally:
        await world.control.set_automine(enabled=True)


async def test_lost_answers_do_not_hedge_twice(short: OpenHedging) -> None:
    """Every broadcast looks like a time-out: still one trade, and the delta inside the band."""
    async with short(fault=lambda route: LostAnswers(route, times=10)) as hedging:
        nonce = await hedging.desk.nonce()
        await hedging.hedger.step("open")
        assert await hedging.desk.nonce() == nonce + 1
        assert abs(await hedging.delta()) < BAND


async def test_a_refused_hedge_says_why_and_sends_nothing(short: OpenHedging) -> None:
    """Health after the hedge below the limit, and an hour that is used up: a reason each, no transaction."""
    async with short(limits=HedgeLimits(min_health=D(10_000))) as hedging:
        nonce = await hedging.desk.nonce()
        step = await hedging.hedger.step("open")
        assert "health after" in step.refusal
        assert await hedging.desk.nonce() == nonce
    async with short(limits=HedgeLimits(max_size=D(1), max_size_per_hour=D("1.5"))) as hedging:
        sizes = [(await hedging.hedger.step(f"look-{n}")).decision.size for n in range(2)]
        assert sizes == [D(1), D("0.5")]
        assert "max_size_per_hour 1.5 is used up" in (await hedging.hedger.step("look-3")).refusal


async def test_a_hedge_that_makes_safer_is_not_refused_for_health(short: OpenHedging, world: World) -> None:
    """Reducing the perp is allowed below the health limit, or the hedger would be stuck where it hurts."""
    async with short() as hedging:
        await hedging.hedger.step("open")
        await world.set_price("ETH", D(1850))
    async with short(limits=HedgeLimits(min_health=D(10_000))) as hedging:
        step = await hedging.hedger.step("fall")
        assert step.refusal is None
        assert step.decision.size < 0


async def test_a_dry_run_plans_and_sends_nothing(short: OpenHedging) -> None:
    """It quotes what it would trade; neither the chain nor the log of decisions knows of it."""
    async with short(dry_run=True) as hedging:
        nonce = await hedging.desk.nonce()
        step = await hedging.hedger.step("open")
        assert step.report.is_dry_run
        assert step.report.quote.size == step.wanted.size
        assert await hedging.desk.nonce() == nonce
        assert hedging.log.decisions == ()


async def test_failing_over_and_over_halts(short: OpenHedging, world: World) -> None:
    """After three hedges of an hour that were mined and failed no more gas is spent (WED#752: 436 tries)."""
    async with short() as hedging:
        exposure = (await read_exposure(hedging.book, hedging.desk.world.client)).of("ETH")
        for number in range(3):
            decision = hedging.log.decide(
                str(number), exposure, held=D(0), band=BAND, size=D(1), limit=D(2020)
            )
            hedging.log.end(decision, Ending("rejected", gas_wei=1, text="CH_TMRL"))
        with pytest.raises(HaltError, match="last 3 hedges were mined and failed"):
            await hedging.hedger.step("open")
        await world.set_price("ETH", D(2000), at=exposure.at + 3_700)
        assert (await hedging.hedger.step("an hour later")).decision.ending.status == "filled"


async def test_it_looks_at_every_new_head(short: OpenHedging, world: World) -> None:
    """The first look hedges, a move of the price brings the next."""
    async with short() as hedging, aclosing(hedging.hedger.run()) as looks:
        first = await anext(looks)
        assert first.decision is not None
        await world.set_price("ETH", D(2100))
        async for step in looks:
            if step.decision is not None:
                break
        assert abs(step.after.delta) < BAND


async def test_a_node_that_does_not_answer_is_asked_again_at_the_next_head(
    short: OpenHedging, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look fails like a time-out; the hedger lives, and the next head is hedged, once."""
    async with short() as hedging:
        read, failures = hedging.desk.perp.read_quote, [RpcTimeoutError("no answer")]

        async def sometimes(*args: Any, **options: Any) -> Any:
            if failures:
                raise failures.pop()
            return await read(*args, **options)

        monkeypatch.setattr(hedging.desk.perp, "read_quote", sometimes)
        async with aclosing(hedging.hedger.run()) as looks:
            looking = asyncio.create_task(anext(looks))
            while failures:  # noqa: ASYNC110  the failed look tells nobody
                await asyncio.sleep(0.01)
            await world.mine()
            step = await looking
        assert step.decision.ending.status == "filled"
        statuses = [decision.ending.status for decision in hedging.log.decisions]
        assert statuses == [VOID, "filled"]


async def test_a_hedge_that_a_reorg_took_out_is_not_made_twice(short: OpenHedging, world: World) -> None:
    """The block of the hedge is gone and the position is back where it was: the hedger waits for the same
    transaction to be mined again, instead of buying once more beside it."""
    async with short(options=ExecutorOptions(timeout=1.0)) as hedging:
        nonce = await hedging.desk.nonce()
        await hedging.hedger.step("open")
        await world.control.set_automine(enabled=False)
        try:
            await world.control.reorg(1)
            step = await hedging.hedger.step("next")
            assert step.decision is None
            assert "no longer in the chain" in step.refusal
        finally:
            await world.control.set_automine(enabled=True)
        async with asyncio.timeout(20):
            # Not the delta: a read amid anvil's mining was seen to revert, as if with an older block's time.
            while await world.client.nonce(hedging.desk.account) == nonce:
                await world.mine()
                await asyncio.sleep(0.05)
        assert abs(await hedging.delta()) < BAND
        later = await hedging.hedger.step("later")
        assert later.refusal is None
        assert not later.wanted.is_hedge
        assert await hedging.desk.nonce() == nonce + 1


async def test_an_old_view_of_the_chain_is_not_hedged_on(
    short: OpenHedging, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that lags shows the book before the last hedge: nothing is decided on it (WED#153)."""
    async with short() as hedging:
        old = (await read_exposure(hedging.book, world.client)).of("ETH")
        await hedging.hedger.step("open")

        async def lagging() -> Any:
            return old

        with monkeypatch.context() as patch:
            patch.setattr(hedging.hedger, "_look", lagging)
            step = await hedging.hedger.step("next")
        assert step.decision is None
        assert "older than block" in step.refusal
        assert not (await hedging.hedger.step("later")).wanted.is_hedge


@pytest.mark.parametrize(
    "failure",
    [
        RpcError("header not found", code=-32000),
        CallRevertedError("the oracle is paused", reason=""),
        StalePriceError("the mark price cannot be worked out", venue="perp_v2", market="vETH"),
    ],
)
async def test_a_look_that_fails_is_made_again(
    short: OpenHedging, world: World, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """A node behind its head, or a venue whose reads revert for a block, does not end the night's work."""
    async with short() as hedging:
        look, failures = hedging.hedger._look, [failure]

        async def sometimes() -> Any:
            if failures:
                raise failures.pop()
            return await look()

        monkeypatch.setattr(hedging.hedger, "_look", sometimes)
        async with aclosing(hedging.hedger.run()) as looks:
            looking = asyncio.create_task(anext(looks))
            while failures:  # noqa: ASYNC110  the failed look tells nobody
                await asyncio.sleep(0.01)
            await world.mine()
            step = await looking
        assert step.decision.ending.status == "filled"


async def test_a_hedge_that_takes_long_does_not_end_the_run(short: OpenHedging, world: World) -> None:
    """Not mined within the executor's patience: the run goes on, decides nothing new, and finds the fill at a
    later head."""
    await world.control.set_automine(enabled=False)
    try:
        async with (
            short(options=ExecutorOptions(timeout=0.3)) as hedging,
            aclosing(hedging.hedger.run()) as looks,
        ):
            looking = asyncio.create_task(anext(looks))
            while hedging.log.unfinished is None:  # noqa: ASYNC110  a decision tells nobody
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.6)
            assert not looking.done()
            async with asyncio.timeout(20):
                while not looking.done():
                    await world.mine()
                    await asyncio.sleep(0.1)
            step = await looking
            assert [d.ending.status for d in hedging.log.decisions] == ["filled"]
            assert abs(step.after.delta) < BAND
    finally:
        await world.control.set_automine(enabled=True)


async def test_a_stream_of_heads_that_breaks_off_is_opened_again(
    short: OpenHedging, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that answers the fetch of a missed block with an error does not end the run."""
    heads, broken = world.client.heads, [True]
    monkeypatch.setattr("trimtab.hedging.hedger.HEADS_REST_SECONDS", 0.01)

    async def breaking() -> AsyncIterator[Any]:
        if broken:
            broken.pop()
            raise RpcError("header not found", code=-32000)
        async with aclosing(heads()) as stream:
            async for head in stream:
                yield head

    async with short() as hedging:
        monkeypatch.setattr(world.client, "heads", breaking)
        async with aclosing(hedging.hedger.run()) as looks, asyncio.timeout(20):
            step = await anext(looks)
        assert step.decision.ending.status == "filled"
        monkeypatch.undo()
