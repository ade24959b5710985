"""What a guard's limits cost, beside the same trades by a key that may do everything."""

from __future__ import annotations

import pytest

USDC = 10**6
WHY = {
    "trade": "the account is read before and after: a leaked key loses what the limits say, not all",
    "pair": "both legs or none, and each account is read before and after its leg",
    "value": "the recipient is one that the limits name, and the day holds no more than its cap",
    "limits": "written once, by the owner",
}


@pytest.fixture
def plain(perp, lyra, trader):
    """The same trades by the trader's own account: gas of the perpetual and of the option."""
    perp.usdc.approve(perp.vault, 10_000 * USDC, sender=trader)
    perp.vault.deposit(perp.usdc, 10_000 * USDC, sender=trader)
    lyra.quote.approve(lyra.market, 2**256 - 1, sender=trader)

    def trades(size):
        option = (lyra.strike, 0, 1, 0, 10**18, 0, 0, 2**256 - 1)
        return (
            perp.house.openPosition(perp.order(size), sender=trader).gas_used,
            lyra.market.openPosition(option, sender=trader).gas_used,
        )

    return trades


def test_a_trade(gas, perp, margin, permit, run_plan, plain):
    """The second of two, with every limit in force, beside openPosition by an EOA."""
    hard = 10**30
    permit(*perp.entries(), maxLeverage=hard, maxSlippage=hard, maxNotional=hard, maxNotionalPerDay=hard)
    run_plan(perp.trade(0.1))
    used = run_plan(perp.trade(0.1)).gas_used
    plain(0.1)
    gas.record(
        "Guard.execute: trade at Perp v2", used, plain=("openPosition", plain(0.1)[0]), why=WHY["trade"]
    )


def test_an_option_and_its_hedge(gas, perp, lyra, margin, premium, permit, run_plan, plain):
    """Both legs in one plan, beside two transactions."""
    permit(*perp.entries(), *lyra.entries())
    run_plan(lyra.approve(), lyra.buy_call(1), perp.trade(-0.5))
    used = run_plan(lyra.buy_call(1), perp.trade(-0.5)).gas_used
    plain(-0.5)
    both = ("two transactions", sum(plain(-0.5)))
    gas.record("Guard.execute: option and hedge", used, plain=both, why=WHY["pair"])


def test_a_transfer(gas, permit, run_plan, terms, lp, agent):
    """Plain value to a named recipient."""
    permit(transfers=[lp.address])
    run_plan(terms.raw(lp, value=1))
    used = run_plan(terms.raw(lp, value=1)).gas_used
    plain = agent.transfer(lp, 1).gas_used
    gas.record("Guard.execute: plain value", used, plain=("transfer", plain), why=WHY["value"])


def test_a_hedgers_limits(gas, guard, perp, lyra, terms, owner):
    """Eight calls of two venues with their rules."""
    limits = terms.limits(*perp.entries(), *lyra.entries())
    used = guard.setLimits(limits, sender=owner).gas_used
    gas.record("Guard.setLimits: eight calls", used, why=WHY["limits"])
