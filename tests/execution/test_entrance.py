"""A door opens to its own account only: with the right code, or for the guard's agent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.hooked import put_executor, put_guard

from trimtab.errors import ConfigError, IntentError, LimitError
from trimtab.execution.doors import Guarded, OwnCode
from trimtab.execution.executor import ExecutorOptions
from trimtab.execution.together import Leg
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus, PerpIntent, Side
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
BUY = PerpIntent("vETH", Side.BUY, size=Decimal(1))


async def buy(desk: Any, key: str = "buy") -> Any:
    return await desk.executor.execute_together(desk.account, [Leg(desk.perp, BUY)], key=key)


async def test_a_key_that_may_not_take_on_code_sends_nothing(open_desk: OpenDesk, world: Any) -> None:
    """The delegation is refused by the limits, and with it the order."""
    door = await put_executor(world)
    limits = Limits.of(PerpV2(world.client, world.perp))
    async with open_desk(options=ExecutorOptions(door=door), limits=limits) as desk:
        plan = await desk.perp.encode_deposit(desk.account, "USDC", Decimal(5))
        with pytest.raises(LimitError, match="may not give an account the code"):
            await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
        assert await world.client.code(desk.account) == b""


async def test_an_account_with_other_code_keeps_it(open_hooked: OpenDesk, world: Any) -> None:
    """It is told whose code it runs, and what to do; nothing is sent."""
    async with open_hooked() as desk:
        await desk.deposit()
        other = "ef0100" + "77" * 20
        await world.client.request("anvil_setCode", [desk.account, f"0x{other}"])
        nonce = await desk.nonce()
        for code, words in ((other, f"runs the code of 0x{'77' * 20}"), ("6001", "runs code of its own")):
            await world.client.request("anvil_setCode", [desk.account, f"0x{code}"])
            desk.executor._dispatcher._entrance._open.clear()
            with pytest.raises(ConfigError, match=words) as caught:
                await buy(desk)
            assert caught.value.key == "hooks.executor"
        assert await desk.nonce() == nonce


async def test_code_that_was_taken_off_is_taken_on_again(open_hooked: OpenDesk, world: Any) -> None:
    """Under the next key, in a later life; the order is sent after it."""
    async with open_hooked() as desk:
        await desk.deposit()
    await world.client.request("anvil_setCode", [world.accounts["alice"].address, "0x"])
    async with open_hooked() as desk:
        assert (await buy(desk)).status is OrderStatus.FILLED
        taken = [record.key for record in desk.records() if record.key.startswith("code/")]
        assert taken == [f"code/{desk.executor.door.executor}/{number}" for number in (1, 2)]


async def test_an_executor_that_is_not_there_is_told(open_desk: OpenDesk) -> None:
    """Before any delegation to nothing."""
    door = OwnCode(Address("0x" + "12" * 20))
    async with open_desk(options=ExecutorOptions(door=door)) as desk:
        plan = await desk.perp.encode_deposit(desk.account, "USDC", Decimal(5))
        with pytest.raises(ConfigError, match=r"no contract at hooks\.executor"):
            await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")


async def test_a_single_call_needs_no_code(open_hooked: OpenDesk, world: Any) -> None:
    """An order alone is sent as ever: nothing is taken on before something needs it."""
    async with open_hooked() as desk:
        for call in (await desk.perp.encode_deposit(desk.account, "USDC", Decimal(5_000))).calls:
            await world.transact("alice", call)
    async with open_hooked() as desk:
        report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="alone")
        assert report.status is OrderStatus.FILLED
        assert await world.client.code(desk.account) == b""


async def test_a_guard_obeys_its_agent_only(open_desk: OpenDesk, world: Any) -> None:
    """Another key is told who the agent is; no guard there, and another account, are told too."""
    bob, limits = world.accounts["bob"].address, Limits.of(PerpV2(world.client, world.perp))
    door = await put_guard(world, bob, limits)
    nowhere = Guarded(Address("0x" + "12" * 20))
    for wrong, words in ((door, f"is {bob}, and this key is of"), (nowhere, "there is no guard at")):
        async with open_desk(options=ExecutorOptions(door=wrong)) as desk:
            plan = await desk.perp.encode_deposit(wrong.guard, "USDC", Decimal(5))
            with pytest.raises(ConfigError, match=words):
                await desk.executor.execute_plan(desk.perp, wrong.guard, plan, key="fund")
            with pytest.raises(IntentError, match="go through the guard"):
                await buy(replace(desk, account=bob))
