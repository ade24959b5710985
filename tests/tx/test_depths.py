"""Levels and clocks on a real node: safe by the node's own block, reverts as deep as successes, a wall clock
that jumps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.tx.conftest import QUICK, REVERTER, REVERTER_CODE, SHOP, Desk, pay

from trimtab.chain.call import Call
from trimtab.errors import IntentError, OutcomeUnknownError
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.runtime.clock import ManualClock
from trimtab.tx import Finality, Reverted, Sender, SenderOptions, Succeeded, TxIntent

pytestmark = pytest.mark.node
LEVELS = (Finality.INCLUDED, Finality.CONFIRMED, Finality.SAFE, Finality.FINAL)


@pytest.mark.parametrize("reverts", [False, True])
async def test_each_level_comes_at_its_depth_also_for_a_revert(desk: Desk, reverts: bool) -> None:
    """Included at once, confirmed at 2 blocks, safe at 4, final at 6: none before, for either outcome."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    policy = replace(QUICK, confirmations=2, safe_depth=4, finality_depth=6)
    call = Call(REVERTER, b"\x01\x02") if reverts else Call(SHOP, b"", 1)
    async with desk.sender(policy=policy, simulate=False) as sender:
        handle = await sender.submit(TxIntent("a", call, gas_limit=100_000))
        await handle.outcome(timeout=60)
        for before, level in zip((1, 2, 2), LEVELS[1:], strict=True):
            await desk.mine(before - 1)
            with pytest.raises(OutcomeUnknownError):
                await handle.outcome(at=level, timeout=0.2)
            await desk.mine()
            outcome = await handle.outcome(at=level, timeout=60)
            assert isinstance(outcome, Reverted if reverts else Succeeded)
        assert sender.record("a").journal_state == ("reverted" if reverts else "succeeded")


async def test_safe_and_final_are_the_nodes_own_blocks(desk: Desk) -> None:
    """Without depths of the policy's own: this node calls a block safe 32 deep and final 64 deep, and its
    chain is one that is not undone below one block in practice, so that safe comes with confirmed at the
    latest."""
    policy = replace(QUICK, finality_depth=None)
    async with desk.sender(policy=policy) as sender:
        handle = await sender.submit(pay("a"))
        await handle.outcome(timeout=60)
        await desk.mine()
        assert isinstance(await handle.outcome(at=Finality.SAFE, timeout=60), Succeeded)
        await desk.mine(40)
        with pytest.raises(OutcomeUnknownError, match="is safe, not final"):
            await handle.outcome(at=Finality.FINAL, timeout=0.3)
        await desk.mine(30)
        assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=60), Succeeded)


async def test_a_wall_clock_that_jumps_changes_no_deadline(desk: Desk) -> None:
    """A day forth and a year back, as NTP or a person may set it: deadlines are seconds of the chain."""
    clock = ManualClock(1_700_000_000)
    head = await desk.client.block()
    with Journal.open(desk.path) as journal:
        options = SenderOptions(policy=QUICK, limits=Limits.unrestricted())
        async with Sender.open(desk.client, desk.signer, journal, options, clock=clock) as sender:
            for number, jump in enumerate((86_400.0, -365 * 86_400.0)):
                clock.jump(jump)
                handle = await sender.submit(pay(f"k{number}", deadline=head.at + 3_600))
                assert isinstance(await handle.outcome(timeout=60), Succeeded)
                with pytest.raises(IntentError, match="deadline"):
                    await sender.submit(pay(f"late{number}", deadline=head.at - 1))
            clock.advance(7_200)  # time that passes without a head does count
            with pytest.raises(IntentError, match="deadline"):
                await sender.submit(pay("late", deadline=head.at + 3_600))
    assert await desk.executions() == 2
