"""The sender on a real node: one intent, one transaction, whatever happens in between."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from tests.tx.conftest import GAS, GWEI, QUICK, REVERTER, REVERTER_CODE, SHOP, Desk, pay

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.errors import (
    AbiError,
    ConfigError,
    FeeCapExceededError,
    HaltError,
    InsufficientFundsError,
    IntentError,
    NonceConflictError,
    OutcomeUnknownError,
    RouteRefusedError,
    SimulationRevertedError,
    TransportError,
    WrongChainError,
)
from trimtab.journal import Journal
from trimtab.model.limits import Limits
from trimtab.model.order import TxStatus
from trimtab.tx import (
    Cancelled,
    Finality,
    Reverted,
    Sender,
    SenderOptions,
    Succeeded,
    Superseded,
    TxIntent,
)
from trimtab.tx.routes import Parcel, PublicRoute
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults import LostAnswers, LostBytes
from trimtab.world.node import AnvilNode, NodeOptions

pytestmark = pytest.mark.node

ANYTHING = SenderOptions(limits=Limits.unrestricted())
ERROR_NO = bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (2).to_bytes(32, "big") + b"no" + bytes(30)


async def test_an_intent_becomes_one_mined_transaction(desk: Desk) -> None:
    """Value arrives, the receipt is ours, and the record tells nonce, hash, block, gas and fee."""
    async with desk.sender() as sender:
        handle = await sender.submit(TxIntent("a", Call(SHOP, b"", 1), label="pay the shop"))
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.tx_hash == handle.tx_hash
    assert await desk.executions() == 1
    record = sender.record("a")
    assert (record.nonce, record.tx_hash, record.block) == (0, handle.tx_hash, outcome.receipt.block)
    assert (record.gas_used, record.fee_wei) == (GAS, outcome.receipt.fee_wei)
    assert (record.status, record.attempts, record.label) == (TxStatus.SUCCEEDED, 1, "pay the shop")


async def test_200_parallel_submits_get_contiguous_nonces_in_their_order(desk: Desk) -> None:
    """More than the window of 16 at once: nonces 0 to 199 in submit order, each executed once."""
    async with desk.sender() as sender:
        handles = await asyncio.gather(*[sender.submit(pay(f"k{i}")) for i in range(200)])
        assert [handle.nonce for handle in handles] == list(range(200))
        outcomes = await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
    assert all(isinstance(outcome, Succeeded) for outcome in outcomes)
    assert await desk.executions() == await desk.sent_nonce() == 200


async def test_no_more_than_the_window_is_in_flight(desk: Desk) -> None:
    """The 17th waits until one of 16 is mined; none is lost."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        submits = [asyncio.create_task(sender.submit(pay(f"k{i}"))) for i in range(20)]
        await asyncio.gather(*submits[:16])
        assert await desk.pool_size() == 16
        assert not any(task.done() for task in submits[16:])
        await desk.mine()
        handles = await asyncio.gather(*submits)
        await desk.mine()
        await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
    assert await desk.executions() == 20


async def test_a_send_with_its_gas_given_is_one_request(desk: Desk) -> None:
    """Chain id, nonce, fees and balance are kept, not asked for: one request by the time submit returns."""
    async with desk.sender(simulate=False) as sender:
        await desk.set_automine(False)  # a block of it would be looked at
        await desk.quiet()
        before = Counter(desk.client.stats.requests)
        await sender.submit(pay("a"))
        assert Counter(desk.client.stats.requests) - before == Counter({"eth_sendRawTransaction": 1})


async def test_a_simulated_send_is_two_round_trips(desk: Desk) -> None:
    """Simulation (with the first look at the target's code in the same batch), then the send."""
    await desk.client.request("anvil_setCode", [REVERTER, "0x00"])
    async with desk.sender() as sender:
        await desk.set_automine(False)
        await desk.quiet()
        before = desk.client.stats.round_trips
        await sender.submit(TxIntent("a", Call(REVERTER, b"\x01")))
        assert desk.client.stats.round_trips - before == 2


async def test_the_same_key_is_the_same_transaction(desk: Desk) -> None:
    """At the same time, one after the other, and after a restart: one nonce, one execution."""
    async with desk.sender() as sender:
        first, second = await asyncio.gather(sender.submit(pay("a")), sender.submit(pay("a")))
        await first.outcome(timeout=60)
        third = await sender.submit(pay("a"))
        assert first.nonce == second.nonce == third.nonce == 0
    async with desk.sender() as sender:
        again = await sender.submit(pay("a"))
        assert isinstance(await again.outcome(timeout=60), Succeeded)
        assert again.tx_hash == first.tx_hash
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_a_key_cannot_mean_two_transactions(desk: Desk) -> None:
    """Another payload under a used key is refused, also after a restart, and nothing is sent."""
    async with desk.sender() as sender:
        await sender.submit(pay("a"))
    async with desk.sender() as sender:
        with pytest.raises(NonceConflictError, match="'a' already means another") as caught:
            await sender.submit(TxIntent("a", Call(SHOP, b"", 2), gas_limit=GAS))
    assert (caught.value.key, caught.value.nonce) == ("a", 0)
    assert await desk.sent_nonce() == 1


async def test_a_reverting_call_is_not_signed(desk: Desk) -> None:
    """The simulation's revert is decoded, its raw data kept for the venue, and nothing is sent or written."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    async with desk.sender() as sender:
        with pytest.raises(SimulationRevertedError, match="no") as caught:
            await sender.submit(TxIntent("a", Call(REVERTER, ERROR_NO)))
        assert (caught.value.reason, caught.value.data) == ("no", ERROR_NO)
        await sender.submit(pay("a"))  # nothing was exposed: the key is free
    assert await desk.sent_nonce() == 1


async def test_without_simulate_v1_the_gas_is_estimated(desk: Desk) -> None:
    """A node without eth_simulateV1 (here: a block tag it refuses) is asked by eth_call and
    eth_estimateGas; reverts decode the same."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    async with desk.sender() as sender:
        sender._driver.trials._simulator._has_simulate_v1 = False
        with pytest.raises(SimulationRevertedError) as caught:
            await sender.submit(TxIntent("a", Call(REVERTER, ERROR_NO)))
        assert caught.value.data == ERROR_NO
        handle = await sender.submit(TxIntent("b", Call(SHOP, b"", 1)))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_a_mined_revert_has_its_reason(desk: Desk) -> None:
    """Sent without simulation, it reverts on chain: an outcome, not an exception, with reason and data."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(TxIntent("a", Call(REVERTER, ERROR_NO), gas_limit=100_000))
        outcome = await handle.outcome(timeout=60)
        assert sender.record("a").status is TxStatus.REVERTED
    assert isinstance(outcome, Reverted)
    assert (outcome.error.reason, outcome.error.data) == ("no", ERROR_NO)
    assert outcome.error.tx_hash == handle.tx_hash == outcome.receipt.tx_hash


async def test_a_call_to_an_address_without_code_is_refused(desk: Desk) -> None:
    """Calldata to an empty account would succeed and do nothing."""
    async with desk.sender() as sender:
        with pytest.raises(AbiError, match="no code at 0x1212"):
            await sender.submit(TxIntent("a", Call(SHOP, b"\x01\x02\x03\x04")))
    assert await desk.sent_nonce() == 0


async def test_an_account_that_cannot_pay_is_told_so(desk: Desk) -> None:
    """Value above the balance, and a worst-case fee above the balance, are refused before signing."""
    await desk.client.request("anvil_setBalance", [desk.signer.address, hex(10**15)])
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(InsufficientFundsError, match="10000000") as caught:
            await sender.submit(TxIntent("a", Call(SHOP, b"", 10**16), gas_limit=GAS))
        assert caught.value.available == 10**15
        with pytest.raises(InsufficientFundsError):
            await sender.submit(TxIntent("b", Call(SHOP, b"", 1), gas_limit=5_000_000))
        await desk.client.request("anvil_setBalance", [desk.signer.address, hex(10**18)])
        await sender.submit(TxIntent("b", Call(SHOP, b"", 1), gas_limit=5_000_000))  # asked anew
    async with desk.sender() as sender:
        with pytest.raises(InsufficientFundsError):
            await sender.submit(TxIntent("c", Call(SHOP, b"", 10**20)))
    assert await desk.sent_nonce() == 1


async def test_a_budget_caps_value_and_worst_fee_together(desk: Desk) -> None:
    """Below the market nothing is signed; above it the fee cap is lowered to fit."""
    async with desk.sender() as sender:
        with pytest.raises(FeeCapExceededError, match="budget"):
            await sender.submit(pay("poor", budget_wei=GAS * GWEI // 2))
        handle = await sender.submit(pay("rich", budget_wei=GAS * GWEI * 3 // 2 + 1))
        await handle.outcome(timeout=60)
        transaction = await desk.client.request("eth_getTransactionByHash", [handle.tx_hash])
    assert int(transaction["maxFeePerGas"], 16) == GWEI * 3 // 2
    assert await desk.executions() == 1


async def test_a_passed_deadline_is_refused(desk: Desk) -> None:
    """By the chain's clock, which a local chain may have moved."""
    head = await desk.client.block()
    async with desk.sender() as sender:
        with pytest.raises(IntentError, match="deadline") as caught:
            await sender.submit(pay("a", deadline=head.at))
        assert caught.value.field == "deadline"
        await sender.submit(pay("a", deadline=head.at + 3600))
    assert await desk.sent_nonce() == 1


async def test_another_chain_is_refused(desk: Desk) -> None:
    """A sender that was meant for mainnet does not open on a local chain."""
    with pytest.raises(WrongChainError, match="31337"):
        async with desk.sender(chain_id=1):
            pass


async def test_two_senders_of_one_account_are_refused(desk: Desk) -> None:
    """The second is told which process has the account; another account is free."""
    async with desk.sender():
        with pytest.raises(ConfigError, match="one writer"):
            async with desk.sender():
                pass
        other = replace(desk, signer=LocalSigner.from_key(b"\x05" * 32))
        async with other.sender() as sender:
            assert sender.recovered == ()


async def test_a_chain_that_was_started_anew_needs_a_journal_of_its_own(desk: Desk) -> None:
    """The same chain id and account on a fresh local chain: old bytes are not broadcast into it."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        await sender.submit(pay("a"))
    options = NodeOptions(timestamp=1_700_000_000)
    async with AnvilNode.open(options) as fresh, Client.open(fresh.url) as client:
        with pytest.raises(ConfigError, match="started anew") as caught:
            async with replace(desk, client=client, node=fresh).sender():
                pass
        assert caught.value.key == "journal.path"
        assert await client.nonce(desk.signer.address, "pending") == 0


async def test_a_chain_that_lost_settled_nonces_is_refused(desk: Desk) -> None:
    """The journal knows a nonce as final that the node's chain has not used: a reset chain, or a node that
    lags beyond finality."""
    await desk.mine(2)
    snapshot = await desk.client.request("evm_snapshot")
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await desk.mine(6)
        await handle.outcome(at=Finality.FINAL, timeout=10)
    await desk.client.request("evm_revert", [snapshot])
    with pytest.raises(ConfigError, match="below 1 as used"):
        async with desk.sender():
            pass


async def test_a_lost_answer_is_not_a_failure(desk: Desk) -> None:
    """The bytes arrived and the answer did not: the handle says so, and the transaction happens once."""
    async with desk.sender(routes=[LostAnswers(PublicRoute(desk.client), 1)]) as sender:
        handle = await sender.submit(pay("a"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_every_endpoint_gets_the_bytes_and_one_yes_is_enough(desk: Desk) -> None:
    """Two connections to one node, and a dead one that gets nothing because its chain cannot be checked:
    accepted, already known and unknown make one live transaction."""
    urls = [desk.node.ws_url, desk.node.url, "http://127.0.0.1:1"]
    async with Client.open(urls) as client:
        async with replace(desk, client=client).sender(simulate=False) as sender:
            handle = await sender.submit(pay("a"))
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert client.stats.requests["eth_sendRawTransaction"] == 2
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_lost_bytes_are_sent_again(desk: Desk) -> None:
    """Nothing arrived and nobody said so: identical bytes go out again until they are mined."""
    async with desk.sender(routes=[LostBytes(PublicRoute(desk.client), 2)]) as sender:
        handle = await sender.submit(pay("a"))
        sent_as = handle.tx_hash
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.tx_hash == sent_as
    assert await desk.executions() == 1


async def test_a_dropped_transaction_is_broadcast_again(desk: Desk) -> None:
    """A pool forgets it (anvil_dropTransaction): the same hash is back, and is mined."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await desk.client.request("anvil_dropTransaction", [handle.tx_hash])
        assert await desk.pool_size() == 0
        await desk.pool_has(1)
        await desk.mine()
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.tx_hash == handle.tx_hash


async def test_a_stuck_transaction_is_replaced_at_a_legal_price(desk: Desk) -> None:
    """The base fee rises above its cap: after the policy's blocks a dearer attempt goes out, one is mined."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        first = handle.tx_hash
        for _ in range(4):
            await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(20 * GWEI)])
            await desk.mine()
        await desk.until(lambda: handle.tx_hash != first)
        await desk.mine()
        outcome = await handle.outcome(timeout=60)
        assert sender.record("a").attempts >= 2
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.tx_hash == handle.tx_hash != first
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_a_cap_keeps_the_bytes_instead_of_overspending(desk: Desk) -> None:
    """The next legal price is above the cap: no new bytes are signed, the old ones wait in the pool."""
    await desk.set_automine(False)
    async with desk.sender(fee_cap=2 * GWEI + GWEI // 10) as sender:
        handle = await sender.submit(pay("a"))
        for _ in range(5):
            await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(20 * GWEI)])
            await desk.mine()
        with pytest.raises(OutcomeUnknownError, match="may still be mined"):
            await handle.outcome(timeout=0.5)
        assert sender.record("a").attempts == 1
        await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(GWEI)])
        await desk.mine()
        await desk.pool_has(1)  # this pool forgot it while it could not be mined
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_a_reorg_puts_it_back_and_it_is_mined_again(desk: Desk) -> None:
    """Its block leaves the chain: included, live, included again, under the same hash, once."""
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        before = await handle.outcome(timeout=60)
        assert isinstance(before, Succeeded)
        await desk.set_automine(False)
        await desk.client.request("anvil_reorg", [1, []])
        assert await desk.executions() == 0
        await desk.until(lambda: not handle.state.is_mined)
        await desk.pool_has(1)
        await desk.mine()
        after = await handle.outcome(timeout=60)
    assert isinstance(after, Succeeded)
    assert after.receipt.tx_hash == before.receipt.tx_hash
    assert after.receipt.block_hash != before.receipt.block_hash
    assert await desk.executions() == 1


async def test_levels_of_finality(desk: Desk) -> None:
    """Included at once, confirmed at depth 2, final at depth 6; FINAL is not given before."""
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await handle.outcome(timeout=60)
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(at=Finality.CONFIRMED, timeout=0.2)
        await desk.mine()
        assert isinstance(await handle.outcome(at=Finality.CONFIRMED, timeout=10), Succeeded)
        await desk.mine(3)
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(at=Finality.FINAL, timeout=0.2)
        await desk.mine()
        assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=10), Succeeded)
        assert sender.record("a").journal_state == "succeeded"


async def test_foreign_use_of_the_key_halts_the_account(desk: Desk) -> None:
    """Another program mines our nonce: the intent is superseded at finality, never called a success, and
    nothing more is signed until a person resumes."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await desk.client.request("anvil_dropTransaction", [handle.tx_hash])
        stranger = {"from": desk.signer.address, "to": REVERTER, "nonce": "0x0", "gasPrice": hex(50 * GWEI)}
        await desk.client.request("eth_sendTransaction", [stranger])
        await desk.mine()
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(timeout=0.3)
        await desk.mine(6)
        assert await handle.outcome(timeout=60) == Superseded(0)
        with pytest.raises(HaltError, match="not ours"):
            await sender.submit(pay("b"))
        assert sender.snapshot().halted is not None
    async with desk.sender() as sender:
        with pytest.raises(HaltError):
            await sender.submit(pay("b"))
        await sender.resume()
        assert (await sender.submit(pay("b"))).nonce == 1
    assert await desk.executions() == 0


async def test_a_nonce_used_before_submitting_halts(desk: Desk) -> None:
    """The key is used elsewhere while nothing of ours is in flight: the next look says so."""
    async with desk.sender() as sender:
        first = await sender.submit(pay("a"))
        await first.outcome(timeout=60)
        await desk.client.request("eth_sendTransaction", [{"from": desk.signer.address, "to": REVERTER}])
        await desk.until(lambda: sender.snapshot().halted is not None)
        with pytest.raises(HaltError, match="used elsewhere"):
            await sender.submit(pay("b"))


async def test_a_deadline_cancels_what_is_exposed(desk: Desk) -> None:
    """Past its deadline it is never broadcast again: a transfer to ourselves takes the nonce."""
    await desk.set_automine(False)
    head = await desk.client.block()
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a", deadline=head.at + 30))
        await desk.client.request("evm_setNextBlockTimestamp", [head.at + 60])
        await desk.client.request("anvil_dropTransaction", [handle.tx_hash])
        await desk.mine()
        await desk.pool_has(1)
        await desk.mine()
        outcome = await handle.outcome(timeout=60)
        assert sender.record("a").status is TxStatus.CANCELED
    assert isinstance(outcome, Cancelled)
    assert await desk.executions() == 0
    assert await desk.sent_nonce() == 1


async def test_a_cancelled_transaction_is_what_the_chain_says(desk: Desk) -> None:
    """The cancellation is dearer and wins here; the outcome is told by the hash that was mined."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        normal = handle.tx_hash
        handle.cancel()
        await desk.until(lambda: handle.tx_hash != normal)

        async def is_known() -> bool:
            return await desk.client.request("eth_getTransactionByHash", [handle.tx_hash]) is not None

        await desk.until(is_known)
        await desk.mine()
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Cancelled)
    assert outcome.receipt is not None
    assert outcome.receipt.tx_hash != normal
    assert await desk.executions() == 0


async def test_a_cancellation_that_comes_too_late_is_a_success(desk: Desk) -> None:
    """It was mined already: cancelling changes nothing."""
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await handle.outcome(timeout=60)
        handle.cancel()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.sent_nonce() == 1


async def test_a_restart_takes_up_what_was_in_flight(desk: Desk) -> None:
    """The pool lost everything while we were away: recovery sends identical bytes before anything new."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handles = [await sender.submit(pay(f"k{i}")) for i in range(3)]
        hashes = [handle.tx_hash for handle in handles]
    await desk.client.request("anvil_dropAllTransactions")
    async with desk.sender() as sender:
        assert [handle.tx_hash for handle in sender.recovered] == hashes
        await desk.pool_has(3)
        await desk.mine()
        for handle in sender.recovered:
            outcome = await handle.outcome(timeout=60)
            assert isinstance(outcome, Succeeded)
        assert (await sender.submit(pay("new"))).nonce == 3
    assert await desk.executions() == 3


class SlowRoute(PublicRoute):
    """Says when the bytes are about to leave, and waits for a nod."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.has_begun, self.may_go = asyncio.Event(), asyncio.Event()

    def send(self, parcel: Parcel) -> list[Any]:
        return [self._wait(answers) for answers in super().send(parcel)]

    async def _wait(self, answer: Any) -> Any:
        self.has_begun.set()
        await self.may_go.wait()
        return await answer


async def test_a_cancelled_caller_does_not_cancel_the_broadcast(desk: Desk) -> None:
    """The task that waits is cancelled in the middle of the send: the transaction still happens, once."""
    route = SlowRoute(desk.client)
    async with desk.sender(routes=[route], simulate=False) as sender:
        task = asyncio.create_task(sender.submit(pay("a")))
        await route.has_begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        route.may_go.set()
        assert isinstance(await sender.handle("a").outcome(timeout=60), Succeeded)
        assert (await sender.submit(pay("a"))).nonce == 0
    assert await desk.executions() == 1


async def test_a_refusal_by_every_endpoint_gives_the_nonce_back(desk: Desk) -> None:
    """The node says no for certain (its block's gas limit): nothing is out, the nonce goes to the next."""
    await desk.client.request("evm_setBlockGasLimit", [hex(100_000)])
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(RouteRefusedError, match="intrinsic gas too high") as caught:
            await sender.submit(TxIntent("a", Call(SHOP, b"", 1), gas_limit=200_000))
        assert caught.value.nonce == 0
        handle = await sender.submit(pay("b"))
        assert handle.nonce == 0
        await handle.outcome(timeout=30)
    assert await desk.executions() == 1


async def test_a_dead_node_is_told_before_anything_is_written(desk: Desk) -> None:
    """The node is gone: the simulation fails with a transport error, and the key stays free. Without a
    simulation nobody knows whether the bytes left: the handle is live, and its outcome unknown."""
    async with desk.sender() as sender:
        os.kill(desk.node.pid, signal.SIGKILL)
        with pytest.raises(TransportError):
            await sender.submit(TxIntent("b", Call(SHOP, b"", 1)))
        with pytest.raises(IntentError, match="no transaction"):
            sender.record("b")
        sender._options = replace(sender._options, simulate=False)
        sender._driver._options = sender._options
        handle = await sender.submit(pay("c"))
        with pytest.raises(OutcomeUnknownError):
            await handle.outcome(timeout=0.2)
        assert handle.state == "live"


async def test_a_journal_that_cannot_be_written_stops_everything(desk: Desk) -> None:
    """No record, no broadcast: the submit fails, the sender is broken, the chain saw nothing."""

    async def submit_without_a_disk(journal: Journal) -> None:
        async with Sender.open(desk.client, desk.signer, journal, ANYTHING) as sender:
            journal._db.execute("PRAGMA query_only = ON")
            try:
                await sender.submit(pay("a"))
            finally:
                with pytest.raises(HaltError):
                    await sender.submit(pay("b"))

    with Journal.open(desk.path) as journal, pytest.raises(HaltError, match="cannot be written"):
        await submit_without_a_disk(journal)
    assert await desk.sent_nonce() == 0


async def test_a_journal_that_fails_in_the_background_is_told_as_itself(desk: Desk) -> None:
    """The disk fills while answers and receipts come in: everything stops, and the cause comes out plain."""
    await desk.set_automine(False)

    async def lose_the_disk(journal: Journal) -> None:
        async with Sender.open(desk.client, desk.signer, journal, ANYTHING) as sender:
            handles = [await sender.submit(pay(f"k{i}")) for i in range(3)]
            journal._db.execute("PRAGMA query_only = ON")
            await desk.mine()
            await asyncio.gather(*[handle.outcome(timeout=60) for handle in handles])
            await sender.submit(pay("next"))  # the chain's word may come before the disk's refusal

    with Journal.open(desk.path) as journal, pytest.raises(HaltError, match="cannot be written"):
        await lose_the_disk(journal)
    async with desk.sender() as sender:
        for handle in sender.recovered:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == 3


async def test_errors_of_the_body_come_out_as_they_are(desk: Desk) -> None:
    """The sender's task group wraps nothing: callers match on their own exceptions."""
    with pytest.raises(ZeroDivisionError):
        async with desk.sender():
            _ = 1 // 0


async def test_a_closed_sender_leaves_nobody_waiting(desk: Desk) -> None:
    """Who still waits for an outcome when the sender closes gets an error, not silence."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        waiting = asyncio.create_task(handle.outcome())
        await asyncio.sleep(0)
    with pytest.raises(HaltError, match="closed"):
        await waiting


async def test_the_journal_holds_no_key(desk: Desk) -> None:
    """Neither as bytes nor as hex, in no file beside it."""
    async with desk.sender() as sender:
        await (await sender.submit(pay("a"))).outcome(timeout=60)
    key = desk.signer._key.secret
    for file in desk.path.parent.iterdir():
        content = file.read_bytes()
        assert key not in content
        assert key.hex().encode() not in content.lower()
    rows = sqlite3.connect(desk.path).execute("SELECT count(*) FROM records").fetchone()[0]
    assert rows >= 6


async def test_a_pool_that_prices_higher_is_followed(desk: Desk) -> None:
    """The node calls the first price too low: the same nonce is signed again at the market's."""
    async with desk.sender(simulate=False) as sender:
        sender._driver.market.base_fee = 1
        await desk.client.request("anvil_setNextBlockBaseFeePerGas", [hex(30 * GWEI)])
        await desk.mine()
        handle = await sender.submit(pay("a"))
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert QUICK.requotes >= 1
