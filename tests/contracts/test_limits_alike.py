"""The same limits before a signature and on chain: what one refuses the other refuses, for the same reason
and by the same numbers, on the genuine venues."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from tests.contracts.desk import Action, Desk
from tests.contracts.draws import WEI, Agent, draw_fee_limits, draw_limits, draw_live_limits

from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.hooks.errors import HookRevert
from trimtab.model.limits import Limits
from trimtab.model.market import OptionType
from trimtab.model.order import PerpIntent, Side
from trimtab.model.units import to_wad_exact
from trimtab.tx.simulate import with_margin
from trimtab.tx.spend_log import DAY
from trimtab.world.world import World

pytestmark = pytest.mark.node

ERRORS = {
    "expires_at": {"LimitsExpired"},
    "calls": {"CallNotAllowed", "ArgumentNotAllowed"},
    "transfers": {"TransferNotAllowed"},
    "max_value_wei": {"ValueAbove"},
    "max_value_per_day_wei": {"ValuePerDayAbove"},
    "max_cost_wei": {"CostAbove"},
    "max_notional": {"NotionalAbove"},
    "max_notional_per_day": {"NotionalPerDayAbove"},
    "max_leverage": {"LeverageAbove"},
    "max_slippage": {"SlippageAbove"},
    "reduce_only": {"NotReducing"},
    "max_fees_per_hour_wei": {"FeesPerHourAbove"},
    "max_fees_per_day_wei": {"FeesPerDayAbove"},
}
"""What the contract says where the policy names this field."""
COUNTED_BESIDE = 60_000
"""Gas that the guard counts for what it cannot see."""
STEPS, ASIDE = 5, 3
"""Actions of a sequence, and limits under which each is judged beside those that the guard has."""


@pytest.fixture
async def desk(world: World) -> Desk:
    desk = Desk(world)
    await desk.set_up()
    return desk


def check_alike(local: LimitError | None, chain: HookRevert | None, action: Action, limits: Limits) -> None:
    """Both allow, or both refuse: the same limit, with the same numbers and the same cap."""
    told = f"{action}\n{replace(limits, calls=())}\nlocal: {local}\nchain: {chain} {chain and chain.args}"
    if local is None or chain is None:
        assert local is None, told
        assert chain is None, told
        return
    assert local.field is not None, told
    if local.field == "transfers" and chain.name == "CallNotAllowed":
        return  # value to the guard itself: it is never its own target
    assert chain.name in ERRORS[local.field], told
    facts, args = action.trade, chain.args
    match local.field:
        case "max_notional" | "max_notional_per_day":
            assert args["notional"] == to_wad_exact(action.notional), told
            assert args["notional"] == to_wad_exact(local.value), told
        case "max_slippage":
            assert facts is not None
            assert facts.loss is not None
            numbers = (to_wad_exact(facts.loss), to_wad_exact(action.notional))
            assert (args["loss"], args["notional"]) == numbers, told
        case "max_leverage":
            assert facts is not None
            assert facts.after is not None
            numbers = (to_wad_exact(facts.after.notional), to_wad_exact(facts.after.equity))
            assert (args["notional"], args["equity"]) == numbers, told
        case "max_value_per_day_wei":
            assert args["value"] == local.value, told
        case "expires_at":
            assert (args["time"], args["expiresAt"]) == (local.value, local.cap), told
    if "max" in args:
        cap = local.cap
        assert args["max"] == (to_wad_exact(cap) if isinstance(cap, Decimal) else cap), told


class Run:
    """Sequences of one seed each, and what came of them."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.actions: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()

    async def play(self, seed: int | str) -> None:
        desk, rng = self.desk, Random(seed)
        await desk.start_anew()
        agent = Agent(desk, rng)
        limits = draw_live_limits(desk, rng, await desk.next_time())
        await desk.set_limits(limits)
        if rng.random() < 0.15:
            await desk.world.set_price("ETH", Decimal(rng.randrange(1_900, 2_100)))
        for _ in range(STEPS):
            if rng.random() < 0.12:
                await self.jump(rng)
            await self.step(agent, limits, rng)

    async def jump(self, rng: Random) -> None:
        """To the second at which an amount leaves the day's window, or the one before or after."""
        desk = self.desk
        entries = list(desk.state.spent.items(0))
        edge = rng.choice(entries)[0] + DAY if entries else await desk.next_time() + DAY
        at = edge + rng.randrange(-1, 2)
        if await desk.world.now() + 200 < at:
            await desk.world.set_price("ETH", Decimal(rng.randrange(1_950, 2_050)), at=at - 20)
            await desk.control.mine_at(at - 1)

    async def step(self, agent: Agent, live: Limits, rng: Random) -> None:
        desk = self.desk
        action = await agent.draw()
        if action is None:
            self.actions["refused by the venue"] += 1
            return
        self.actions[action.name] += 1
        now = await desk.next_time()
        aside = [draw_limits(desk, rng, action, now) for _ in range(ASIDE)]
        verdicts = await desk.decide_on_chain([None, *aside], action, now)
        for limits, chain in zip((live, *aside), verdicts, strict=True):
            if chain is not None and chain.name == "CallReverted":
                self.verdicts["reverted by the venue"] += 1
                continue
            local = desk.decide_locally(limits, action, now)
            check_alike(local, chain, action, limits)
            self.verdicts[chain.name if chain is not None else "allowed"] += 1
        if verdicts[0] is None or verdicts[0].name != "CallReverted":
            await self.carry_out(action, verdicts[0])

    async def carry_out(self, action: Action, verdict: HookRevert | None) -> None:
        """The transaction itself ends as the trial did, and counts what was declared."""
        receipt, told = await self.desk.carry_out(action)
        assert receipt.status is (verdict is None), (action, verdict)
        if receipt.status:
            assert told["notional"] == to_wad_exact(action.notional or Decimal(0)), action
            assert told["value"] == action.value


async def test_both_decide_alike(desk: Desk) -> None:
    """Random agents under random limits: trades of all kinds, margin, transfers, approvals and theft."""
    run = Run(desk)
    for seed in range(64):
        await run.play(seed)
    assert set(run.verdicts) >= set().union(*ERRORS.values()) - FEES
    assert run.verdicts["allowed"] > 256


@pytest.mark.parametrize("kind", ["perp", "option", "withdrawal"])
async def test_the_cap_passes_and_a_unit_less_does_not(desk: Desk, kind: str) -> None:
    """In both, for every number that an action has; and the second at which the limits end."""
    agent = Agent(desk, Random(0))
    await desk.set_limits(free_limits(desk))
    trade = await agent.perp(PerpIntent("vETH", Side.BUY, size=Decimal(1)))
    await desk.carry_out(trade)
    if kind == "perp":
        action = await agent.perp(PerpIntent("vETH", Side.BUY, size=Decimal(2)))
    elif kind == "option":
        action = await agent.option(await desk.lyra.intent(OptionType.SHORT_PUT_QUOTE, Decimal(1)))
    else:
        action = await agent.withdrawal(Decimal(5_000))
    now = await desk.next_time()
    passes = caps_of(action, trade.notional or Decimal(0))
    fails = [{name: cap - WEI} for caps in passes for name, cap in caps.items()]
    edges = [replace(free_limits(desk), **dict[str, Any](caps)) for caps in (*passes, *fails)]
    edges = [replace(edges[0], expires_at=now + 1), *edges, replace(edges[0], expires_at=now)]
    chain = await desk.decide_on_chain(edges, action, now)
    for number, (limits, refusal) in enumerate(zip(edges, chain, strict=True)):
        local = desk.decide_locally(limits, action, now)
        check_alike(local, refusal, action, limits)
        assert (local is None) is (number <= len(passes)), (limits, local)


async def test_a_window_ends_to_the_second(desk: Desk) -> None:
    """What was spent counts for a day in both: until the second before it is over."""
    limits = replace(free_limits(desk), transfers={desk.friend}, max_value_wei=5, max_value_per_day_wei=5)
    await desk.set_limits(limits)
    transfer = Action("transfer", (Call(desk.friend, b"", 5),))
    await desk.carry_out(transfer)
    ((spent_at, _),) = desk.state.spent.items(0)
    for now, allowed in ((spent_at + DAY - 1, False), (spent_at + DAY, True)):
        (chain,) = await desk.decide_on_chain([None], transfer, now)
        local = desk.decide_locally(limits, transfer, now)
        check_alike(local, chain, transfer, limits)
        assert (local is None) is allowed


def free_limits(desk: Desk) -> Limits:
    """All that the venues need, without a cap."""
    return Limits(desk.allowed, chains={desk.client.chain_id})


def caps_of(action: Action, spent: Decimal) -> list[dict[str, Decimal]]:
    """One cap each, at the action's own number, none of them 0."""
    facts, notional = action.trade, action.notional
    assert facts is not None
    assert facts.after is not None
    caps = {"max_leverage": facts.after.ratio}
    if notional is not None:
        slippage = facts.slippage(notional)
        assert slippage is not None
        caps |= {"max_slippage": slippage, "max_notional": notional, "max_notional_per_day": spent + notional}
    assert all(caps.values())
    return [{name: cap} for name, cap in caps.items()]


async def test_what_may_be_signed_may_be_spent(desk: Desk) -> None:
    """Fees are judged at their worst before a signature, and by what was used on chain: what the policy lets
    through the guard lets through. Its own count is never below what is paid: it knows no refunds of gas, and
    some of the transaction's cost only at its worst."""
    rng, verdicts = Random(1), Counter[str]()
    await desk.start_anew()
    free = draw_live_limits(desk, Random(0), await desk.next_time())
    free = replace(free, max_notional=None, max_notional_per_day=None, max_leverage=None, max_slippage=None)
    await desk.set_limits(free)
    agent = Agent(desk, rng)
    for _ in range(40):
        action, now = await agent.draw(), await desk.next_time()
        if action is None or desk.decide_locally(free, action, now) is not None:
            continue
        price = rng.randrange(10**9, 50 * 10**9)
        gas_limit = with_margin(await desk.gas_used(action, now, price))
        drawn = [draw_fee_limits(desk, rng, free, action, gas_limit * price, now) for _ in range(6)]
        chain = await desk.decide_on_chain(drawn, action, now, gas_limit=gas_limit, gas_price=price)
        for limits, refusal in zip(drawn, chain, strict=True):
            local = desk.decide_fee_locally(limits, action, gas_limit, price, now)
            assert refusal is None or refusal.name in FEES, refusal
            assert local is not None or refusal is None, (action, limits, refusal)
            verdicts[f"{local and local.field} {refusal and refusal.name}"] += 1
        receipt, told = await desk.carry_out(action, gas=hex(gas_limit), gasPrice=hex(price))
        assert receipt.fee_wei <= told["fee"] <= receipt.fee_wei * 5 // 4 + COUNTED_BESIDE * price, action
        assert told["fee"] <= gas_limit * price
    assert {name for verdict in verdicts for name in verdict.split()[1:]} == {*FEES, "None"}


FEES = {"CostAbove", "FeesPerHourAbove", "FeesPerDayAbove"}


@pytest.mark.soak
async def test_both_decide_alike_for_long(desk: Desk) -> None:
    """20,000 actions, new ones each time, each under four limits: a failure names its seed."""
    run, first = Run(desk), os.urandom(8).hex()
    for number in range(20_000 // STEPS):
        seed = f"{first}/{number}"
        try:
            await run.play(seed)
        except AssertionError as error:
            raise AssertionError(f"seed {seed!r}: {error}") from error
