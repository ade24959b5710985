"""The calls of one plan leave in order, each once, and what stops one of them ends the order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import RpcTimeoutError
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node
D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]


@async_fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Any]:
    """Alice's desk."""
    async with open_desk() as opened:
        yield opened


async def test_a_plan_whose_second_step_is_not_sent_tells_of_its_first(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The approval is mined and the node goes silent before the deposit: a report with the one transaction,
    not an error that says nothing was sent; under the same key it is finished later."""
    sender, plan = (
        desk.executor._dispatcher.sender,
        await desk.perp.encode_deposit(desk.account, "USDC", D(50)),
    )
    submit = sender.submit

    async def silent_for_deposits(intent: Any) -> Any:
        if intent.label.startswith("deposit"):
            raise RpcTimeoutError("no answer")
        return await submit(intent)

    monkeypatch.setattr(sender, "submit", silent_for_deposits)
    report = await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
    assert report.status is OrderStatus.REJECTED
    assert [tx.label for tx in report.transactions] == ["approve 50 USDC"]
    monkeypatch.undo()
    rest = await desk.perp.encode_deposit(desk.account, "USDC", D(50))
    done = await desk.executor.execute_plan(desk.perp, desk.account, rest, key="fund")
    assert done.status is OrderStatus.FILLED


async def test_a_step_beyond_the_limits_ends_its_plan(open_desk: OpenDesk, world: Any) -> None:
    """The approval was sent and the report tells it; the deposit was not allowed, and the reason is told."""
    perp = PerpV2(world.client, world.perp)
    async with open_desk(limits=Limits.of(perp).only("approve")) as desk:
        plan = await perp.encode_deposit(desk.account, "USDC", D(5))
        report = await desk.executor.execute_plan(perp, desk.account, plan, key="deposit")
        assert report.status is OrderStatus.REJECTED
        assert len(report.transactions) == 1
        assert "may not call" in (report.reason or "")
