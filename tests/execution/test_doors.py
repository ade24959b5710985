"""Doors put a plan's calls into one, and only where that is needed; a guard's agent trades within limits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.hooked import put_guard

from trimtab.chain.call import Call
from trimtab.errors import ConfigError, IntentError, LimitError
from trimtab.execution.doors import Guarded, OwnCode, find_probe, wrap
from trimtab.execution.executor import ExecutorOptions
from trimtab.execution.together import Leg
from trimtab.hooks.plans import Conditions, HealthCondition
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus, PerpIntent, Side
from trimtab.tx.simulate import with_margin
from trimtab.tx.unwrapping import unwrap
from trimtab.venues.base import ChainPlan
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
ME, SHOP, GUARD = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc"))
TWO = ChainPlan("shop", "m", (Call(SHOP, b"\x01" * 4), Call(SHOP, b"\x02" * 4)), ("look", "buy"))
ONE = replace(TWO, calls=TWO.calls[1:], labels=TWO.labels[1:])
HEALTHY = Conditions(healths=(HealthCondition(SHOP, 1),))
BUY = PerpIntent("vETH", Side.BUY, size=D(2))


def test_several_calls_become_one_of_the_account_itself() -> None:
    """In their order, under both labels."""
    plan = wrap(OwnCode(SHOP), ME, TWO)
    (call,) = plan.calls
    assert call.target == ME
    assert [made.data for made in unwrap(ME, call.target, 0, call.data)][1:] == [c.data for c in TWO.calls]
    assert (plan.labels, plan.venue, plan.market) == (("look; buy",), "shop", "m")


def test_a_door_is_used_where_it_is_needed() -> None:
    """One call of an account's own needs none, unless conditions hang on it; a guard's calls always do."""
    assert wrap(OwnCode(SHOP), ME, ONE) == ONE
    assert wrap(OwnCode(SHOP), ME, ONE, HEALTHY).calls[0].target == ME
    assert wrap(Guarded(GUARD), GUARD, ONE).calls[0].target == GUARD
    nothing = replace(ONE, calls=(), labels=())
    assert wrap(OwnCode(SHOP), ME, nothing) == wrap(Guarded(GUARD), GUARD, nothing) == nothing


def test_a_door_is_of_one_account() -> None:
    """The sender's own, or the guard."""
    OwnCode(SHOP).check_account(ME, ME)
    Guarded(GUARD).check_account(GUARD, ME)
    with pytest.raises(IntentError, match="use that account's key"):
        OwnCode(SHOP).check_account(GUARD, ME)
    with pytest.raises(IntentError, match=f"go through the guard {GUARD}"):
        Guarded(GUARD).check_account(ME, ME)


def test_probes_are_by_market_or_by_venue() -> None:
    """The market's own comes first; a missing one is told with the setting."""
    door = OwnCode(SHOP, {"lyra/sETH": ME, "lyra": GUARD})
    assert find_probe(door, "lyra", "sETH") == ("lyra/sETH", ME)
    assert find_probe(door, "lyra", "sBTC") == ("lyra", GUARD)
    with pytest.raises(ConfigError, match="vETH at perp_v2 needs a probe") as caught:
        find_probe(door, "perp_v2", "vETH")
    assert caught.value.key == "hooks.probes"


def test_a_keys_limits_grow_by_the_door_alone() -> None:
    """The wrapper at its own address, and the code to take on; everything else stays denied."""
    base = Limits(chains={1}, max_notional=D(5))
    own, guarded = OwnCode(SHOP).allow(base, ME), Guarded(GUARD).allow(base, ME)
    assert [call.target for call in own.calls] == [ME]
    assert (own.delegates, guarded.delegates) == ({SHOP}, frozenset())
    assert [call.target for call in guarded.calls] == [GUARD]
    assert replace(own, calls=(), delegates=frozenset()) == replace(guarded, calls=()) == base


@async_fixture
async def desk(open_desk: OpenDesk, world: Any) -> AsyncIterator[Any]:
    """Alice is the agent of a guard that may trade and post margin, up to a notional."""
    perp, lyra, agent = (
        PerpV2(world.client, world.perp),
        Lyra(world.client, world.lyra),
        world.accounts["alice"],
    )
    limits = Limits.of(perp, lyra, max_notional=D(6_000)).only("openPosition", "approve", "deposit")
    door = await put_guard(world, agent.address, limits)
    local = door.allow(Limits.of(perp, lyra), agent.address)
    async with open_desk(options=ExecutorOptions(door=door), limits=local) as opened:
        yield replace(opened, account=door.guard)


@pytest.mark.node
async def test_an_agent_trades_the_guards_account(desk: Any) -> None:
    """Deposit, order and report are of the guard; the agent's key only pays for gas."""
    agent = desk.executor._dispatcher.sender.address
    before = await desk.world.client.nonce(agent)
    plan = await desk.perp.encode_deposit(desk.account, "USDC", D(20_000))
    funded = await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
    report = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    assert funded.status is report.status is OrderStatus.FILLED
    assert report.fills[0].size == D(2)
    assert (await desk.perp.read_position(desk.account, "vETH")).size == D(2)
    assert not (await desk.perp.read_position(agent, "vETH")).size
    assert await desk.world.client.nonce(agent) == before + 2
    both = await desk.executor.execute_together(desk.account, [Leg(desk.perp, BUY)], key="more")
    assert both.status is OrderStatus.FILLED
    again = await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
    assert again.fills == report.fills


@pytest.mark.node
async def test_a_guarded_call_takes_the_gas_that_was_simulated(desk: Any) -> None:
    """Also what the guard writes down of its fee, though nothing is paid in a simulation: a small call keeps
    its whole margin, but for the arithmetic of a price."""
    deposit = await desk.perp.encode_deposit(desk.account, "USDC", D(20_000))
    approval = replace(deposit, calls=deposit.calls[:1], labels=deposit.labels[:1])
    for number in range(3):
        key = f"approve {number}"
        report = await desk.executor.execute_plan(desk.perp, desk.account, approval, key=key)
        (mined,) = report.transactions
        sent = await desk.world.client.request("eth_getTransactionByHash", [mined.tx_hash])
        assert int(sent["gas"], 16) >= with_margin(mined.gas_used - 1_000), key


@pytest.mark.node
async def test_the_guards_limits_are_told_as_limits(desk: Any) -> None:
    """What the owner does not allow is a `LimitError` with the numbers; nothing leaves."""
    plan = await desk.perp.encode_deposit(desk.account, "USDC", D(20_000))
    await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
    nonce = await desk.nonce()
    large = replace(BUY, size=D(4))
    with pytest.raises(LimitError, match=r"notional 7999\.\d+ is above 6000") as caught:
        await desk.executor.execute_perp(desk.perp, desk.account, large, key="large")
    assert caught.value.field == "NotionalAbove"
    withdraw = desk.perp.encode_withdraw(desk.account, "USDC", D(5))
    with pytest.raises(LimitError, match="the limits allow no call"):
        await desk.executor.execute_plan(desk.perp, desk.account, withdraw, key="out")
    assert await desk.nonce() == nonce
