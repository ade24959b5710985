"""A maker's trades are made by others, later: no look around its own call sees them."""

from __future__ import annotations

import pytest

from trimtab.errors import IntentError
from trimtab.hooks.guard import encode_limits
from trimtab.model.limits import Limits
from trimtab.venues.perp_v2.calls import list_calls

WAD = 10**18


def test_liquidity_is_no_trade_that_a_guard_can_measure(
    world, guard, permit, perp, margin, terms, run_plan, owner, trader
):
    """The call itself trades nothing, and a stranger makes it 400 times the notional that limits allow. So
    a venue's calls are not taken over with it where trades are bounded."""
    perp.usdc.transfer(trader, 500_000 * 10**6, sender=owner)
    perp.usdc.approve(perp.vault, 2**256 - 1, sender=trader)
    perp.vault.deposit(perp.usdc, 500_000 * 10**6, sender=trader)
    entry = terms.allow(perp.house.addLiquidity, terms.rule(0, [perp.base]), probe=perp.probe, is_trade=True)
    permit(*perp.entries(), entry, maxNotional=100 * WAD, maxSlippage=WAD // 1_000, maxLeverage=WAD)
    order = (perp.base, 20 * WAD, 0, 76_080, 76_140, 0, 0, False, 2**256 - 1)
    (event,) = run_plan(terms.call(perp.house.addLiquidity, order)).decode_logs(guard.Spend)
    perp.house.openPosition(perp.order(900), sender=trader)
    state = perp.probe.probe(guard)
    assert (event.notional, state.notional > 39_000 * WAD) == (0, True)
    assert state.notional > 3 * state.equity

    chain_id, probes = world.client.chain_id, {"perp_v2": perp.probe.address.lower()}
    limits = Limits(calls=list_calls(world.perp), chains={chain_id}, max_leverage=1)
    with pytest.raises(IntentError, match="addLiquidity"):
        encode_limits(limits, account=guard.address.lower(), chain_id=chain_id, probes=probes)
