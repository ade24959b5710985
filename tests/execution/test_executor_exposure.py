"""Exposed orders on the genuine pool: the rule decides before anything leaves, and parts add up."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import IntentError, LimitError, NonceConflictError
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus, PerpIntent, Side
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node
D = Decimal
GWEI = 10**9
A = ExposureAction
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
BIG = PerpIntent("vETH", Side.BUY, size=D(120))
SPLIT = ExecutorOptions(exposure=ExposureRule(D(5), (A.SPLIT,)))


def _options(*prefer: A, most: str = "5") -> ExecutorOptions:
    return ExecutorOptions(exposure=ExposureRule(D(most), prefer))


@async_fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Any]:
    """A desk that splits what is exposed by more than 5."""
    async with open_desk(options=SPLIT) as opened:
        await opened.deposit()
        yield opened


async def test_a_refused_order_sends_nothing(open_desk: OpenDesk) -> None:
    """The number is in the error; nonce and position are what they were, also in a dry run."""
    async with open_desk(options=_options(A.REFUSE)) as desk:
        await desk.deposit()
        nonce = await desk.nonce()
        for dry_run in (True, False):
            with pytest.raises(IntentError, match=r"a sandwich could earn .* more than 5") as caught:
                await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy", dry_run=dry_run)
            assert caught.value.field == "exposure"
        assert await desk.nonce() == nonce
        small = await desk.executor.execute_perp(
            desk.perp, desk.account, PerpIntent("vETH", Side.BUY, size=D(1)), key="small"
        )
        assert (small.status, small.verdict.action) == (OrderStatus.FILLED, None)


async def test_a_tighter_limit_still_fills_and_leaves_less_to_take(open_desk: OpenDesk) -> None:
    """The order that was sent is exposed by no more than the rule allows; the report says what was done."""
    async with open_desk(options=_options(A.TIGHTEN)) as desk:
        await desk.deposit()
        report = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        assert (report.status, report.verdict.action) == (OrderStatus.FILLED, A.TIGHTEN)
        assert report.quote.intent.acceptable_price == report.verdict.acceptable_price
        assert report.verdict.exposure.worst_profit > 5


async def test_parts_fill_the_whole_and_none_is_exposed(desk: Any) -> None:
    """Each under a key of its own, in order, together exactly what was asked; the same key sends nothing."""
    report = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
    assert (report.status, report.filled_size) == (OrderStatus.FILLED, D(120))
    assert [tx.key for tx in report.transactions] == ["buy/part-1/0", "buy/part-2/0", "buy/part-3/0"]
    assert report.fills[0].size == report.verdict.amount
    assert (await desk.perp.read_position(desk.account, "vETH")).size == D(120)
    nonce = await desk.nonce()
    again = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
    assert (again.status, again.fills) == (OrderStatus.FILLED, report.fills)
    resumed = await desk.executor.resume(desk.perp, desk.account, "buy", market="vETH", asked=D(120))
    assert (resumed.status, resumed.fills) == (OrderStatus.FILLED, report.fills)
    assert await desk.executor.read_is_mined("buy", by=await desk.world.client.block_number())
    assert await desk.nonce() == nonce
    with pytest.raises(NonceConflictError, match="'buy' was given to another order"):
        await desk.executor.execute_perp(desk.perp, desk.account, replace(BIG, size=D(121)), key="buy")


async def test_an_order_by_notional_splits_to_the_last_unit(desk: Any) -> None:
    """What the buyer pays with the fees is what was asked, to the wei."""
    intent = PerpIntent("vETH", Side.BUY, notional=D(240_000))
    report = await desk.executor.execute_perp(desk.perp, desk.account, intent, key="buy")
    assert report.status is OrderStatus.FILLED, report.reason
    assert len(report.fills) == 3
    paid = sum(fill.size * fill.price + fill.fee for fill in report.fills)
    assert abs(paid - 240_000) < D("1e-15")
    nonce = await desk.nonce()
    again = await desk.executor.execute_perp(desk.perp, desk.account, intent, key="buy")
    assert again.status is OrderStatus.FILLED
    assert await desk.nonce() == nonce


async def test_a_part_that_became_too_large_is_not_sent(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its amount was found, and then gas became cheap: what an attacker pays less for is weighed anew, and
    the part is smaller. One that never holds still is refused, with nothing sent."""
    read, amounts = PerpV2.read_remedies, list[Any]()

    async def moving(*args: Any, **costs: Any) -> Any:
        found = await read(*args, **costs)
        amounts.append(found.amount)
        price = GWEI >> len(amounts) if len(amounts) <= moves else GWEI >> moves
        await desk.world.client.request("anvil_setNextBlockBaseFeePerGas", [hex(price)])
        await desk.world.mine()
        return found

    monkeypatch.setattr(PerpV2, "read_remedies", moving)
    nonce, moves = await desk.nonce(), 99
    with pytest.raises(IntentError, match="changes faster than"):
        await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="restless")
    assert await desk.nonce() == nonce
    amounts.clear()
    moves = 2
    report = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
    assert report.fills[0].size == amounts[2] < amounts[1]
    assert (report.status, report.filled_size) == (OrderStatus.FILLED, D(120))


async def test_a_dry_run_tells_the_parts(desk: Any) -> None:
    """How many, and how large the first is; nothing is sent."""
    nonce = await desk.nonce()
    looker = Executor(None, desk.world.client, SPLIT)
    report = await looker.execute_perp(desk.perp, desk.account, BIG, key="dry", dry_run=True)
    assert report.verdict is not None
    assert (report.verdict.action, report.verdict.parts) == (A.SPLIT, 3)
    assert await desk.nonce() == nonce


async def test_what_stopped_goes_on_in_the_next_life(open_desk: OpenDesk) -> None:
    """The key may trade for one part only: the order stops with what is filled told. In the next life, with
    more room, the same key sends the rest and no more."""
    async with open_desk(options=SPLIT) as desk:
        await desk.deposit()
        limits = Limits.of(desk.perp, max_notional_per_day=D(150_000))
    async with open_desk(options=SPLIT, limits=limits) as desk:
        report = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        assert report.status is OrderStatus.CANCELED
        assert 0 < report.filled_size < 120
        assert "the same order under the same key goes on" in report.reason
        nonce = await desk.nonce()
        stopped = await desk.executor.resume(desk.perp, desk.account, "buy", market="vETH", asked=D(120))
        assert (stopped.status, stopped.fills) == (OrderStatus.CANCELED, report.fills)
        assert await desk.nonce() == nonce
    async with open_desk(options=SPLIT) as desk:
        whole = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        assert (whole.status, whole.filled_size) == (OrderStatus.FILLED, D(120))
        assert whole.fills[: len(report.fills)] == report.fills
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(120)


async def test_a_crash_between_parts_sends_no_part_twice(
    open_desk: OpenDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after a part was sent and before its outcome was read: the next life counts it."""

    class Crash(BaseException):
        pass

    read = PerpV2.decode_fills
    calls = 0

    def crash(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise Crash
        return read(*args)

    async with open_desk(options=SPLIT) as desk:
        await desk.deposit()
        monkeypatch.setattr(PerpV2, "decode_fills", crash)
        with pytest.raises(Crash):
            await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        monkeypatch.undo()
    async with open_desk(options=SPLIT) as desk:
        report = await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        assert (report.status, report.filled_size) == (OrderStatus.FILLED, D(120))
        assert [tx.key for tx in report.transactions] == [f"buy/part-{n}/0" for n in (1, 2, 3)]
        assert (await desk.perp.read_position(desk.account, "vETH")).size == D(120)


async def test_what_is_refused_before_the_first_part_raises(open_desk: OpenDesk) -> None:
    """Nothing left, so it is an error, and the key is free."""
    async with open_desk(options=SPLIT) as desk:
        await desk.deposit()
        limits = Limits.of(desk.perp, max_notional=D(50_000))
    async with open_desk(options=SPLIT, limits=limits) as desk:
        nonce = await desk.nonce()
        with pytest.raises(LimitError):
            await desk.executor.execute_perp(desk.perp, desk.account, BIG, key="buy")
        assert not desk.executor.knows("buy")
        assert await desk.nonce() == nonce
