"""What an atomic hedge costs beside the same steps in transactions of their own."""

from __future__ import annotations

import pytest

from trimtab.chain.call import Call
from trimtab.hooks.executor import executor_abi
from trimtab.hooks.plans import HealthCondition, PlanInput, PriceCondition
from trimtab.model.ids import Address

WAD = 10**18
WHY = "all of it or nothing: no block in which one leg stands alone, and no failed leg to pay for and repair"
WHY_CHECKED = WHY + "; and what it promised is checked by the chain"
PLAIN = "five transactions: two approvals, option, deposit, hedge"


@pytest.fixture
def plain(run, world, desk):
    """Gas of the steps in transactions of their own, by an account that does them for the first time."""
    snapshot = run(world.snapshot())
    used = sum(run(world.transact("bob", call)).gas_used for call in desk.hedge())
    run(world.restore(snapshot))
    return PLAIN, used


def test_a_hedge_of_an_eoa(gas, desk, delegated, trader, plain):
    """Without a condition it is cheaper than the steps."""
    receipt = delegated.execute(desk.plan(*desk.hedge()), sender=trader)
    gas.record("Executor.execute: option and hedge", receipt.gas_used, plain=plain)
    assert receipt.gas_used < plain[1]


def test_a_bounded_hedge_of_an_eoa(gas, desk, delegated, trader, plain):
    """With its net delta checked over both venues."""
    plan = desk.plan(*desk.hedge(), deltas=desk.band(-WAD // 4, WAD // 4))
    receipt = delegated.execute(plan, sender=trader)
    gas.record("Executor.execute: hedge in a delta band", receipt.gas_used, plain=plain, why=WHY_CHECKED)


def test_a_checked_hedge_of_an_eoa(gas, desk, delegated, trader, plain):
    """With its net delta, health and price checked on both venues."""
    receipt = delegated.execute(_checked(desk), sender=trader)
    gas.record("Executor.execute: checked hedge", receipt.gas_used, plain=plain, why=WHY_CHECKED)


def test_a_checked_hedge_of_a_safe(gas, desk, shared, safe, plain):
    """Signed by an owner, through the module."""
    function = executor_abi().function("executeFrom")
    receipt = safe.do(function.at(_low(shared), safe.address, _checked(desk)))
    gas.record("Executor.executeFrom: checked hedge", receipt.gas_used, plain=plain, why=WHY_CHECKED)


def test_a_checked_hedge_stand_alone(gas, desk, own, owner, tokens, plain):
    """Tokens taken from the owner first, and what is left given back."""
    for symbol in ("USDC", "sUSD"):
        tokens[symbol].approve(own, 2**255, sender=owner)
    usdc, susd = (desk.world.addresses.tokens[name] for name in ("USDC", "sUSD"))
    inputs = (PlanInput(susd, 5_000 * WAD), PlanInput(usdc, 10_000 * 10**6))
    receipt = own.execute(_checked(desk, inputs=inputs), sender=owner)
    gas.record("Executor.execute: checked hedge, stand-alone", receipt.gas_used, plain=plain, why=WHY_CHECKED)


def test_an_approved_plan(gas, desk, delegated, trader, keeper, bell, call_of):
    """What `run` adds to `execute`: one approval, used up."""
    plan = desk.plan(call_of(bell, "ring"))
    delegated.execute(plan, sender=trader)  # the bell's first ring is dearer
    direct = delegated.execute(plan, sender=trader).gas_used
    delegated.approve(delegated.hashPlan(plan), keeper, sender=trader)
    receipt = delegated.run(trader, plan, sender=keeper)
    why = "somebody else may send it, once, and only as it was approved"
    gas.record("Executor.run: one call", receipt.gas_used, plain=("execute by the account", direct), why=why)


def test_a_batch_of_ten(gas, desk, delegated, trader, bell, call_of, world, run):
    """Each further call is cheaper than a transaction."""
    plan = desk.plan(*[call_of(bell, "ring")] * 10)
    delegated.execute(plan, sender=trader)
    receipt = delegated.execute(plan, sender=trader)
    single: Call = call_of(bell, "ring")
    alone = run(world.transact("bob", single)).gas_used
    gas.record("Executor.execute: ten calls", receipt.gas_used, plain=("ten transactions", 10 * alone))
    assert receipt.gas_used < 10 * alone


def _checked(desk, **fields):
    perp, lyra = _low(desk.perp_probe), _low(desk.lyra_probe)
    prices = (
        PriceCondition(1, lyra, desk.call_market, 300 * WAD),
        PriceCondition(4, perp, desk.perp_market, 1_950 * WAD),
    )
    return desk.plan(
        *desk.hedge(),
        deltas=desk.band(-WAD // 4, WAD // 4),
        healths=(HealthCondition(perp, 5 * WAD),),
        prices=prices,
        **fields,
    )


def _low(thing) -> Address:
    return Address(str(thing.address).lower())
