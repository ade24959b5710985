"""Several orders are one transaction on the genuine contracts: all of them happen, or none does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.hooked import Ambush, buy

from trimtab.errors import (
    AcceptablePriceError,
    ConfigError,
    InsufficientMarginError,
    IntentError,
    LimitError,
    NonceConflictError,
    OrderRejectedError,
)
from trimtab.execution.checks import QuoteRules
from trimtab.execution.executor import Executor
from trimtab.execution.terms import DeltaBand, Terms
from trimtab.execution.together import Leg
from trimtab.hooks.probes import read_probe
from trimtab.model.limits import Limits
from trimtab.model.market import OptionType
from trimtab.model.order import OptionAction, OptionIntent, OrderStatus, PerpIntent, Side, TxStatus
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import LostAnswers

pytestmark = pytest.mark.node
D = Decimal
OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
HEDGE = PerpIntent("vETH", Side.BUY, size=D("2.5"))


@async_fixture
async def desk(open_hooked: OpenDesk) -> AsyncIterator[Any]:
    """Alice's desk, ready to trade."""
    async with open_hooked() as opened:
        await fund(opened)
        yield opened


async def fund(desk: Any) -> None:
    await desk.deposit()
    approvals = await desk.lyra.encode_approvals(desk.account, "sETH")
    await desk.executor.execute_plan(desk.lyra, desk.account, approvals, key="approve")


async def write_calls(desk: Any, amount: int = 5) -> OptionIntent:
    """An order to write calls at the money."""
    chain = await desk.lyra.read_chain("sETH")
    series = next(s.series for s in chain.boards[0].strikes if s.series.strike == D(2000))
    return OptionIntent(
        series, OptionType.SHORT_CALL_QUOTE, OptionAction.OPEN, D(amount), set_collateral_to=D(1_500 * amount)
    )


async def legs_of(desk: Any, hedge: PerpIntent = HEDGE) -> list[Leg]:
    return [Leg(desk.lyra, await write_calls(desk)), Leg(desk.perp, hedge)]


async def delta_of(desk: Any) -> int:
    """As the conditions measure it."""
    probes = desk.executor.door.probes.values()
    return sum(
        [(await desk.world.client.call(read_probe(probe, desk.account))).delta_in("ETH") for probe in probes]
    )


async def is_flat(desk: Any) -> bool:
    """Whether neither venue has a position."""
    options = await desk.lyra.read_option_positions(desk.account)
    return not options and not (await desk.perp.read_position(desk.account, "vETH")).size


async def test_an_option_and_its_hedge_are_one_transaction(desk: Any) -> None:
    """One nonce, both legs filled as quoted, each with a report of its own; the gas is told once."""
    nonce = await desk.nonce()
    terms = Terms(bands=(DeltaBand("ETH", D(-1), D(1)),), min_health={"perp_v2": D("1.5")})
    report = await desk.executor.execute_together(desk.account, await legs_of(desk), key="open", terms=terms)
    option, perp = report.legs
    assert report.status is option.status is perp.status is OrderStatus.FILLED
    assert await desk.nonce() == nonce + 1
    assert (option.fills[0].size, perp.fills[0].size) == (D(-5), D("2.5"))
    assert perp.fills[0].price == perp.quote.price
    assert option.fills[0].fee == option.quote.fee
    assert option.transactions == perp.transactions == report.transactions
    assert report.gas_wei == report.transactions[0].fee_wei > 0
    assert abs(await delta_of(desk)) < 10**18
    assert "net delta of ETH from -1.000000 to 1.000000" in report.conditions


async def test_what_prepares_takes_no_fill(open_hooked: OpenDesk) -> None:
    """Approvals, two sales in one market, margin and hedge, from an empty account, in one transaction: each
    fill is its own leg's, though the margin for the hedge is not there before."""
    async with open_hooked() as desk:
        calls, nonce = await write_calls(desk), await desk.nonce()
        puts = replace(calls, type=OptionType.SHORT_PUT_QUOTE, amount=D(2), set_collateral_to=D(3_000))
        legs = [
            Leg(desk.lyra, await desk.lyra.encode_approvals(desk.account, "sETH")),
            Leg(desk.lyra, calls),
            Leg(desk.lyra, puts, QuoteRules(max_cost_slippage=D("0.2"))),
            Leg(desk.perp, await desk.perp.encode_deposit(desk.account, "USDC", D(5_000))),
            Leg(desk.perp, HEDGE),
        ]
        report = await desk.executor.execute_together(desk.account, legs, key="open")
        assert [[fill.size for fill in leg.fills] for leg in report.legs] == [[], [-5], [-2], [], [D("2.5")]]
        assert report.status is OrderStatus.FILLED
        assert await desk.nonce() == nonce + 3  # a delegation takes two


async def test_the_code_is_taken_on_once(desk: Any) -> None:
    """The delegation is a transaction of its own under a key that names the executor; later plans need
    none."""
    for number in range(2):
        await desk.executor.execute_together(desk.account, [Leg(desk.perp, HEDGE)], key=f"hedge/{number}")
    taken = [record for record in desk.records() if record.key.startswith("code/")]
    assert [record.key for record in taken] == [f"code/{desk.executor.door.executor}/1"]
    code = await desk.world.client.code(desk.account)
    assert code.hex() == "ef0100" + desk.executor.door.executor[2:]


async def test_a_deposit_takes_one_transaction(open_hooked: OpenDesk) -> None:
    """Approval and deposit leave together; asked again under the key, though the approval is spent by now,
    nothing is sent."""
    async with open_hooked() as desk:
        await desk.deposit(7)
        nonce = await desk.nonce()
        plan = await desk.perp.encode_deposit(desk.account, "USDC", D(100))
        assert len(plan.calls) == 2
        report = await desk.executor.execute_plan(desk.perp, desk.account, plan, key="fund")
        assert report.status is OrderStatus.FILLED
        assert [tx.label for tx in report.transactions] == ["approve 100 USDC; deposit 100 USDC"]
        assert await desk.nonce() == nonce + 1
        only_deposit = replace(plan, calls=plan.calls[1:], labels=plan.labels[1:])
        for again in (plan, only_deposit):
            told = await desk.executor.execute_plan(desk.perp, desk.account, again, key="fund")
            assert told.transactions == report.transactions
        assert await desk.nonce() == nonce + 1


async def test_a_second_leg_that_fails_leaves_no_first_one(desk: Any) -> None:
    """Found by simulation: told with the leg that failed, nothing is sent, and the key is free."""
    nonce = await desk.nonce()
    rules = QuoteRules(max_slippage=None, max_price_impact=None)
    far = [Leg(desk.lyra, await write_calls(desk)), Leg(desk.perp, replace(HEDGE, size=D(400)), rules)]
    with pytest.raises(InsufficientMarginError):
        await desk.executor.execute_together(desk.account, far, key="open")
    withdraw = desk.perp.encode_withdraw(desk.account, "USDC", D(60_000))
    legs = [Leg(desk.perp, HEDGE), Leg(desk.perp, withdraw)]
    with pytest.raises(InsufficientMarginError, match=r"call 2 \(withdraw 60000 USDC\)"):
        await desk.executor.execute_together(desk.account, legs, key="open")
    assert await desk.nonce() == nonce
    assert await is_flat(desk)
    assert not desk.executor.knows("open")


async def test_a_leg_that_fails_when_it_is_mined_undoes_all(open_hooked: OpenDesk, world: Any) -> None:
    """Another trade lands between simulation and inclusion: one nonce is used, no leg happened, each leg's
    report is rejected and tells which call failed."""
    routes: list[Ambush] = []
    async with open_hooked(fault=ambush(routes)) as desk:
        await fund(desk)
        await take_code(desk)
        nonce = await desk.nonce()
        rules = QuoteRules(max_slippage=D("0.00001"))
        legs = [Leg(desk.lyra, await write_calls(desk)), Leg(desk.perp, HEDGE, rules)]
        routes[0].trade = lambda: buy(world, "bob", D(20))
        report = await desk.executor.execute_together(desk.account, legs, key="open")
        assert {leg.status for leg in report.legs} == {OrderStatus.REJECTED}
        assert "call 2 (buy 2.5 vETH)" in (report.reason or "")
        assert report.transactions[0].status is TxStatus.REVERTED
        assert report.gas_wei > 0
        assert await desk.nonce() == nonce + 1
        assert await is_flat(desk)


async def test_a_delta_outside_the_band_is_refused_with_numbers(desk: Any) -> None:
    """At simulation: nothing leaves; the error tells delta and band."""
    nonce = await desk.nonce()
    terms = Terms(bands=(DeltaBand("ETH", D("-0.1"), D("0.1")),))
    short = await legs_of(desk, replace(HEDGE, size=D(1)))
    with pytest.raises(
        OrderRejectedError, match=r"net delta of ETH -1\.\d+ is outside -0\.1 to 0\.1"
    ) as caught:
        await desk.executor.execute_together(desk.account, short, key="open", terms=terms)
    assert caught.value.reason == "DeltaOutside"
    assert await desk.nonce() == nonce
    assert await is_flat(desk)


async def test_a_delta_that_leaves_the_band_before_inclusion_reverts(
    open_hooked: OpenDesk, world: Any
) -> None:
    """A delegate's trade for the account lands first: the size is not the promised one, or, without that
    promise, the delta is outside; no leg happened, and the numbers are told."""
    routes: list[Ambush] = []
    alice, bob = (world.accounts[name].address for name in ("alice", "bob"))
    venue = PerpV2(world.client, world.perp)
    await world.transact("alice", venue.encode_delegation(bob, approve=True).calls[0])
    async with open_hooked(fault=ambush(routes)) as desk:
        await desk.deposit()
        await take_code(desk)
        legs, band = [Leg(desk.perp, HEDGE)], Terms(sizes=False, bands=(DeltaBand("ETH", D(5), D(6)),))
        for key, terms in (("promised", Terms()), ("band", band)):
            if key == "band":
                legs = [Leg(desk.perp, replace(HEDGE, size=D("2.4")))]
            routes[0].trade = lambda: buy(world, "bob", D(3), trader=alice)
            report = await desk.executor.execute_together(alice, legs, key=key, terms=terms)
            assert report.status is OrderStatus.REJECTED
            told = {
                "promised": "outside 2.5 to 2.5",
                "band": "net delta of ETH 8.4 is outside 5 to 6",
            }
            assert told[key] in (report.reason or "")
        assert (await desk.perp.read_position(alice, "vETH")).size == D(6)


async def test_health_and_prices_are_held_on_chain(desk: Any) -> None:
    """A floor that the hedge breaks, and a price that the venue's own bound does not hold."""
    terms = Terms(min_health={"perp_v2": D(1_000)})
    with pytest.raises(InsufficientMarginError, match=r"health \d+\.\d+ of .* is below 1000"):
        await desk.executor.execute_together(desk.account, [Leg(desk.perp, HEDGE)], key="a", terms=terms)
    dear = replace(HEDGE, acceptable_price=D(1))
    with pytest.raises(AcceptablePriceError):
        await desk.executor.execute_together(desk.account, [Leg(desk.perp, dear)], key="b")


async def test_the_same_key_sends_nothing_in_the_next_life(open_hooked: OpenDesk) -> None:
    """The node's answer to the broadcast was lost and the process ended: the next life tells both legs from
    the one transaction; another order under the key is refused."""
    async with open_hooked() as desk:
        await fund(desk)
        await take_code(desk)
        legs = await legs_of(desk)
    async with open_hooked(fault=lambda route: LostAnswers(route, 1)) as desk:
        first = await desk.executor.execute_together(desk.account, legs, key="open")
        nonce = await desk.nonce()
    async with open_hooked() as desk:
        assert desk.executor.knows("open")
        legs = [replace(leg, venue=venue) for leg, venue in zip(legs, (desk.lyra, desk.perp), strict=True)]
        again = await desk.executor.execute_together(desk.account, legs, key="open")
        assert [leg.fills for leg in again.legs] == [leg.fills for leg in first.legs]
        assert again.status is OrderStatus.FILLED
        with pytest.raises(NonceConflictError, match="given to another order"):
            await desk.executor.execute_together(desk.account, legs[1:], key="open")
        assert await desk.nonce() == nonce


async def test_a_dry_run_tells_steps_and_conditions(desk: Any) -> None:
    """It needs no sender and sends nothing."""
    nonce = await desk.nonce()
    looker = Executor(None, desk.world.client, desk.executor._options)
    terms = Terms(bands=(DeltaBand("ETH", D(-1), D(1)),), min_health={"perp_v2": D(2)})
    report = await looker.execute_together(
        desk.account, await legs_of(desk), key="dry", terms=terms, dry_run=True
    )
    assert report.is_dry_run
    assert report.notes == ("open 5 sETH 2000 short_call_quote", "buy 2.5 vETH")
    told = "; ".join(report.conditions)
    assert "call 1 at at least" in told
    assert "call 2 at at most" in told
    assert "perp_v2 vETH ends at a size of 2.5" in told
    assert "health at perp_v2 at least 2" in told
    assert await desk.nonce() == nonce


async def test_without_a_door_nothing_happens_together(open_desk: OpenDesk) -> None:
    """The error says what to set; an empty order and a leg of the wrong venue are refused too."""
    async with open_desk() as desk:
        with pytest.raises(ConfigError, match="executor or a guard only"):
            await desk.executor.execute_together(desk.account, [Leg(desk.perp, HEDGE)], key="k")
        with pytest.raises(IntentError, match="no legs"):
            await desk.executor.execute_together(desk.account, [], key="k")
        with pytest.raises(IntentError, match="takes no PerpIntent"):
            Leg(desk.lyra, HEDGE)


async def test_the_keys_limits_hold_inside_of_the_transaction(open_hooked: OpenDesk, world: Any) -> None:
    """What the key may not do alone it may not do among others; and the notional is that of all legs."""
    venues = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    limits = Limits.of(*venues, max_notional=D(12_000))
    async with open_hooked(limits=limits) as desk:
        await fund(desk)
        with pytest.raises(LimitError, match="max_notional 12000"):
            await desk.executor.execute_together(desk.account, await legs_of(desk), key="both")
        alone = await desk.executor.execute_together(desk.account, [Leg(desk.perp, HEDGE)], key="one")
        assert alone.status is OrderStatus.FILLED
    async with open_hooked(limits=Limits.of(venues[0])) as desk:
        with pytest.raises(LimitError, match="call 1 inside of its plan: this key may not call"):
            await desk.executor.execute_together(desk.account, await legs_of(desk), key="option")


async def take_code(desk: Any) -> None:
    """Go through the door once, so that what follows is the order alone."""
    await desk.executor._dispatcher.enter(desk.account)


def ambush(routes: list[Ambush]) -> Callable[[Any], Any]:
    """Keeps the route that it makes in the list."""

    def made(route: Any) -> Ambush:
        routes.append(Ambush(route))
        return routes[-1]

    return made


async def test_what_the_legs_do_is_declared_as_the_worst_of_them(open_hooked: OpenDesk, world: Any) -> None:
    """A key whose leverage is limited may write and hedge in one transaction; one whose slippage is, may not
    hide a dear leg behind a cheap one; and legs that share a venue are not told."""
    venues = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    async with open_hooked(limits=Limits.of(*venues, max_leverage=D(20), max_slippage=D("0.2"))) as desk:
        await fund(desk)
        legs = [Leg(desk.lyra, await write_calls(desk)), Leg(desk.perp, HEDGE)]
        twice = [Leg(desk.perp, HEDGE), Leg(desk.perp, HEDGE)]
        with pytest.raises(LimitError, match="does not declare"):
            await desk.executor.execute_together(desk.account, twice, key="twice")
        report = await desk.executor.execute_together(desk.account, legs, key="both")
        assert report.status is OrderStatus.FILLED
    limits = Limits.of(*venues, max_slippage=D("0.0001"))
    async with open_hooked(limits=limits) as desk:
        with pytest.raises(LimitError) as caught:
            await desk.executor.execute_together(desk.account, legs, key="dear")
        assert caught.value.field == "max_slippage"
