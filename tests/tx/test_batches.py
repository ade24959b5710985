"""Ordered batches on a real node: steps that need each other, admitted together and stopped together."""

from __future__ import annotations

import pytest
from tests.tx.conftest import REVERTER, Desk, pay

from trimtab.chain.call import Call
from trimtab.errors import IntentError, NonceConflictError, NotSentError, SimulationRevertedError
from trimtab.model.ids import Address
from trimtab.tx import Cancelled, Reverted, Sender, Succeeded, TxIntent
from trimtab.tx.states import Kind

pytestmark = pytest.mark.node

LATCH = Address("0x" + "1a" * 20)
LATCH_CODE = "0x5f35156010575f54600e575f5ffd5b005b60015f5500"
"""calldataload(0) iszero: sstore(0, 1); else sload(0): stop, or revert. Opened by a word of zero, used by
another: a trade that needs its approval."""


@pytest.fixture
async def latch(desk: Desk) -> Address:
    await desk.client.request("anvil_setCode", [LATCH, LATCH_CODE])
    return LATCH


def steps(latch: Address, *, gas: int | None = None) -> list[TxIntent]:
    """Open the latch, then use it."""
    use = (1).to_bytes(32, "big")
    return [
        TxIntent("open", Call(latch, bytes(32)), gas_limit=gas),
        TxIntent("use", Call(latch, use), gas_limit=gas),
    ]


async def test_a_step_is_simulated_on_what_the_one_before_it_leaves(desk: Desk, latch: Address) -> None:
    """Alone the second step reverts; in its batch it is tried after the first, and both happen in order."""
    async with desk.sender() as sender:
        with pytest.raises(SimulationRevertedError):
            await sender.submit(steps(latch)[1])
        handles = await sender.submit_batch(steps(latch))
        outcomes = [await handle.outcome(timeout=60) for handle in handles]
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert [handle.nonce for handle in handles] == [0, 1]


async def test_a_batch_with_a_step_that_reverts_is_not_admitted(desk: Desk, latch: Address) -> None:
    """All or none: the first step alone would have worked, and is not sent either."""
    await desk.client.request("anvil_setCode", [REVERTER, "0x5f5ffd"])
    async with desk.sender() as sender:
        wrong = TxIntent("wrong", Call(REVERTER, b"\x01"))
        with pytest.raises(SimulationRevertedError):
            await sender.submit_batch([steps(latch)[0], wrong])
        assert sender.snapshot().queued == ()
    assert await desk.sent_nonce() == 0


async def test_the_same_batch_again_is_the_same_batch(desk: Desk, latch: Address) -> None:
    """Also after a restart; with another content under one of its keys nothing is sent."""
    async with desk.sender() as sender:
        for handle in await sender.submit_batch(steps(latch)):
            await handle.outcome(timeout=60)
    async with desk.sender() as sender:
        again = await sender.submit_batch(steps(latch))
        assert [handle.nonce for handle in again] == [0, 1]
        changed = [pay("new"), TxIntent("use", Call(latch, b"\x02"))]
        with pytest.raises(NonceConflictError):
            await sender.submit_batch(changed)
    assert await desk.sent_nonce() == 2


async def test_a_batch_may_be_longer_than_the_window(desk: Desk) -> None:
    """Forty steps go out as places become free, in their order."""
    async with desk.sender(simulate=False) as sender:
        handles = await sender.submit_batch([pay(f"k{n}") for n in range(40)])
        for handle in handles:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert [handle.nonce for handle in handles] == list(range(40))
    assert await desk.executions() == 40


def cancellation_is_out(sender: Sender, key: str) -> bool:
    slot = sender._driver.state.slot_of(key)
    return slot is not None and slot.last.kind is Kind.CANCEL and bool(slot.last.results)


async def test_cancelling_a_step_withdraws_those_after_it(desk: Desk, latch: Address) -> None:
    """While nothing is mined: both nonces are used by transfers of nothing, and the latch stays shut."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handles = await sender.submit_batch(steps(latch))
        await desk.pool_has(2)
        handles[0].cancel()
        await desk.until(lambda: all(cancellation_is_out(sender, handle.key) for handle in handles))
        await desk.set_automine(True)
        await desk.mine()
        outcomes = [await handle.outcome(timeout=60) for handle in handles]
    assert all(isinstance(outcome, Cancelled) for outcome in outcomes)
    assert int(await desk.client.request("eth_getStorageAt", [latch, "0x0", "latest"]), 16) == 0


async def test_what_is_mined_of_a_batch_stands(desk: Desk, latch: Address) -> None:
    """A step that reverts on the chain is an outcome like any other; the next had its own chance."""
    first, second = steps(latch, gas=100_000)
    async with desk.sender(simulate=False) as sender:
        handles = await sender.submit_batch([second, first])
        outcomes = [await handle.outcome(timeout=60) for handle in handles]
    assert isinstance(outcomes[0], Reverted)
    assert isinstance(outcomes[1], Succeeded)


@pytest.mark.parametrize("keys", [(), ("a", "a")])
async def test_a_batch_needs_steps_with_keys_of_their_own(desk: Desk, keys: tuple[str, ...]) -> None:
    """An empty one and a doubled key are refused before anything else."""
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(IntentError, match="a key of its own"):
            await sender.submit_batch([pay(key) for key in keys])


async def test_a_batch_that_cannot_be_paid_sends_nothing(desk: Desk) -> None:
    """Its first step is beyond the balance: the error is raised, and the second is withdrawn with it."""
    poor = TxIntent("poor", Call(Address("0x" + "12" * 20), b"", 10**30), gas_limit=21_000)
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(NotSentError):
            await sender.submit_batch([poor, pay("next")])
        assert sender.handle("next").is_refused
    assert await desk.sent_nonce() == 0


async def test_a_batch_does_not_go_on_after_a_step_that_failed(desk: Desk, latch: Address) -> None:
    """Its first step reverted on the chain: submitted again with a step more, nothing is sent."""
    opening, use = steps(latch, gas=100_000)
    async with desk.sender(simulate=False) as sender:
        (handle,) = await sender.submit_batch([use])
        assert isinstance(await handle.outcome(timeout=60), Reverted)
        with pytest.raises(IntentError, match="after steps that succeeded"):
            await sender.submit_batch([use, opening])
    assert await desk.sent_nonce() == 1
