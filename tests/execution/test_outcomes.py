"""What the end of a transaction means for its order, on a node that mines when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import RpcTimeoutError
from trimtab.execution.executor import ExecutorOptions
from trimtab.model.order import OrderStatus, PerpIntent, Side, TxStatus
from trimtab.tx import TxHandle
from trimtab.world.world import World

pytestmark = pytest.mark.node
D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
PATIENCE = 0.3


@async_fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Any]:
    """A desk with margin and little patience; blocks come on demand once automine is off."""
    async with open_desk(options=ExecutorOptions(timeout=PATIENCE)) as opened:
        await opened.deposit()
        try:
            yield opened
        finally:
            await opened.world.control.set_automine(enabled=True)


async def test_without_a_receipt_the_order_is_unknown_not_failed(desk: Any) -> None:
    """Nothing is concluded from silence: UNKNOWN, then, once mined, the same key tells the fill."""
    await desk.world.control.set_automine(enabled=False)
    buy = PerpIntent("vETH", Side.BUY, size=D(1))
    report = await desk.executor.execute_perp(desk.perp, desk.account, buy, key="buy")
    assert report.status is OrderStatus.UNKNOWN
    assert report.transactions[0].status is TxStatus.UNKNOWN
    assert "do not submit it under another key" in (report.reason or "")
    await desk.world.mine()
    again = await desk.executor.execute_perp(desk.perp, desk.account, buy, key="buy")
    assert again.status is OrderStatus.FILLED
    assert again.filled_size == D(1)


async def test_a_mined_revert_is_told_in_the_venues_words(desk: Any, world: World) -> None:
    """Somebody buys first in the same block, so the price limit is missed: rejected, gas paid, code told."""
    await world.control.set_automine(enabled=False)
    quote = await desk.perp.read_quote(desk.account, PerpIntent("vETH", Side.BUY, size=D(1)))
    intent = PerpIntent("vETH", Side.BUY, size=D(1), acceptable_price=quote.price + D("0.01"))
    waiting = asyncio.create_task(desk.executor.execute_perp(desk.perp, desk.account, intent, key="buy"))
    while await desk.nonce() == await world.client.nonce(desk.account):  # noqa: ASYNC110  a pool tells nobody
        await asyncio.sleep(0.01)
    rival = world.accounts["arbitrageur"].address
    big = PerpIntent("vETH", Side.BUY, size=D(200))
    plan = desk.perp.encode_order(rival, big, await desk.perp.read_quote(rival, big))
    fields = {
        "from": rival,
        "to": plan.calls[0].target,
        "data": "0x" + plan.calls[0].data.hex(),
        "gas": hex(8_000_000),
        "maxFeePerGas": hex(10**12),
        "maxPriorityFeePerGas": hex(10**11),
    }
    await world.client.request("eth_sendTransaction", [fields])
    await world.mine()
    report = await waiting
    assert report.status is OrderStatus.REJECTED
    assert report.transactions[0].status is TxStatus.REVERTED
    assert report.gas_wei > 0
    assert "CH_TMRL" in (report.reason or "")
    assert (await desk.perp.read_position(desk.account, "vETH")).size == 0


async def test_a_receipt_that_cannot_be_read_is_unknown_not_an_error(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trade is mined and the node goes silent before its receipt is read: something left, so the report
    says UNKNOWN instead of an error that looks like nothing was sent; later the same key tells the fill."""

    async def silent(*_: Any) -> Any:
        raise RpcTimeoutError("no answer")

    monkeypatch.setattr(TxHandle, "_receipt", silent)
    buy = PerpIntent("vETH", Side.BUY, size=D(1))
    report = await desk.executor.execute_perp(desk.perp, desk.account, buy, key="buy")
    assert report.status is OrderStatus.UNKNOWN
    assert report.transactions[0].status is TxStatus.UNKNOWN
    monkeypatch.undo()
    again = await desk.executor.execute_perp(desk.perp, desk.account, buy, key="buy")
    assert (again.status, again.filled_size) == (OrderStatus.FILLED, D(1))
