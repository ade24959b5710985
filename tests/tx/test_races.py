"""What happens between the steps of a send: answers that come late, or never, change nothing that is true."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from tests.tx.conftest import GAS, REVERTER, SHOP, Desk, pay

from trimtab.chain.call import Call
from trimtab.errors import (
    ConfigError,
    FeeCapExceededError,
    HaltError,
    NonceConflictError,
    NotSentError,
    RpcTimeoutError,
    SigningError,
)
from trimtab.model.ids import Address
from trimtab.tx import Finality, Succeeded, TxIntent
from trimtab.tx.envelope import Authorization, SignedTx, TxFields
from trimtab.tx.routes import Parcel, PublicRoute, Route, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.tx.signers import LocalSigner
from trimtab.tx.simulate import Found, Simulator, Trial

pytestmark = pytest.mark.node


class SlowSigner:
    """A signer in another process: each signature waits until `answer` of its number is called."""

    def __init__(self, local: LocalSigner) -> None:
        self.address: Address = local.address
        self.asked: list[TxFields] = []
        self._local = local
        self._gates: list[asyncio.Event] = []

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        self.asked.append(fields)
        self._gates.append(asyncio.Event())
        await self._gates[-1].wait()
        return await self._local.sign_transaction(fields)

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        return await self._local.sign_typed_data(message)

    async def sign_authorization(self, chain_id: int, address: Address, nonce: int) -> Authorization:
        return await self._local.sign_authorization(chain_id, address, nonce)

    def answer(self, number: int) -> None:
        self._gates[number].set()


class DeafRoute(PublicRoute):
    """Takes the bytes and never answers, not even that it does not."""

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._wait() for _ in self.endpoints]

    async def _wait(self) -> Sequence[SendResult]:
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def test_a_late_check_says_nothing_about_the_next_try(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A caller gives up on a slow simulation and submits again; when the first simulation fails at last, the
    transaction that is out stays known: the same key never gets a second nonce."""
    started, release = asyncio.Event(), asyncio.Event()

    async def find_gas(_: Simulator, trial: Trial, **options: Any) -> Found:
        if not started.is_set():
            started.set()
            await release.wait()
            raise RpcTimeoutError("no answer")
        return Found(GAS)

    monkeypatch.setattr(Simulator, "find_gas", find_gas)
    await desk.set_automine(False)
    async with desk.sender() as sender:
        impatient = asyncio.create_task(sender.submit(pay("k")))
        await started.wait()
        impatient.cancel()
        await asyncio.wait([impatient])
        handle = await sender.submit(pay("k"))
        release.set()
        await asyncio.sleep(0.05)
        again = await sender.submit(pay("k"))
        assert (again.nonce, again.tx_hash) == (handle.nonce, handle.tx_hash)
        await desk.mine()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_a_signature_for_a_cancelled_intent_is_not_used_for_the_next(desk: Desk) -> None:
    """A slow signer answers for an intent that was cancelled, when another one holds its nonce: the answer is
    dropped, and only what is still wanted is executed."""
    signer = SlowSigner(desk.signer)
    async with desk.sender(signer=signer, simulate=False) as sender:
        first = asyncio.create_task(sender.submit(pay("cancelled")))
        await desk.until(lambda: len(signer.asked) == 1)
        sender.handle("cancelled").cancel()
        wanted = TxIntent("wanted", Call(SHOP, b"", 10), gas_limit=GAS)
        second = asyncio.create_task(sender.submit(wanted))
        await desk.until(lambda: len(signer.asked) == 2)
        signer.answer(0)
        await asyncio.sleep(0.05)
        signer.answer(1)
        with pytest.raises(NotSentError):
            await first
        assert isinstance(await (await second).outcome(timeout=60), Succeeded)
    assert await desk.executions() == 10


async def test_a_cancel_while_the_balance_is_read_stops_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The balance looks too small and is asked again; the intent is cancelled meanwhile. The sender lives."""
    reading, release = asyncio.Event(), asyncio.Event()
    balance = desk.client.balance

    async def slowly(*args: Any, **options: Any) -> int:
        reading.set()
        await release.wait()
        return await balance(*args, **options)

    async with desk.sender(simulate=False) as sender:
        sender._driver.balance = 0
        monkeypatch.setattr(desk.client, "balance", slowly)
        task = asyncio.create_task(sender.submit(pay("cancelled")))
        await reading.wait()
        sender.handle("cancelled").cancel()
        release.set()
        with pytest.raises(NotSentError):
            await task
        monkeypatch.undo()
        assert isinstance(await (await sender.submit(pay("next"))).outcome(timeout=60), Succeeded)
    assert await desk.executions() == 1


async def test_a_cancel_before_the_check_began_stops_nobody(desk: Desk) -> None:
    """Cancelled in the very moment of its submission: it is withdrawn, and the next is sent."""
    async with desk.sender() as sender:
        task = asyncio.create_task(sender.submit(pay("cancelled")))
        await asyncio.sleep(0)
        handle = sender.handle("cancelled")
        handle.cancel()
        with pytest.raises(NotSentError, match="withdrawn"):
            await task
        with pytest.raises(NotSentError, match="withdrawn"):
            await handle.outcome(timeout=1)
        assert isinstance(await (await sender.submit(pay("next"))).outcome(timeout=60), Succeeded)
    assert await desk.executions() == 1


async def test_a_route_that_never_answers_is_ambiguous_in_time(desk: Desk) -> None:
    """Silence is not an answer: after `send_timeout` the bytes count as out, and go out again elsewhere."""
    routes: list[Route] = [DeafRoute(desk.client)]
    async with desk.sender(routes, simulate=False, send_timeout=0.2) as sender:
        async with asyncio.timeout(5):
            handle = await sender.submit(pay("k"))
        assert handle.nonce == 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await handle.outcome()
    async with desk.sender(simulate=False) as sender:
        (handle,) = sender.recovered
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == await desk.sent_nonce() == 1


async def test_a_signer_that_never_answers_gives_the_nonce_back(desk: Desk) -> None:
    """After `sign_timeout` the intent is refused with nothing exposed, and the account is not blocked."""
    signer = SlowSigner(desk.signer)
    async with desk.sender(signer=signer, simulate=False, sign_timeout=0.2) as sender:
        with pytest.raises(SigningError, match="did not answer"):
            await sender.submit(pay("first"))
        task = asyncio.create_task(sender.submit(pay("second")))
        await desk.until(lambda: len(signer.asked) == 2)
        signer.answer(1)
        handle = await task
        assert handle.nonce == 0
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_a_closed_sender_answers_at_once(desk: Desk) -> None:
    """Asking a handle for its outcome after the sender was closed raises, and does not wait for ever."""
    await desk.set_automine(False)
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
    with pytest.raises(HaltError, match="closed"):
        async with asyncio.timeout(2):
            await handle.outcome()


async def test_a_refused_key_is_free_for_another_try(desk: Desk) -> None:
    """What was refused with nothing exposed may be asked for again on other terms, also after a restart; once
    it is out, the key means that transaction."""
    async with desk.sender(simulate=False) as sender:
        with pytest.raises(FeeCapExceededError):
            await sender.submit(pay("k", budget_wei=2))
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k", budget_wei=10**18))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        with pytest.raises(NonceConflictError):
            await sender.submit(pay("k", budget_wei=10**17))
    assert await desk.executions() == 1


async def test_a_gap_that_others_left_is_filled(desk: Desk) -> None:
    """Another program's transaction was pending when this sender began, and is dropped later: a transfer of
    nothing takes its nonce, and ours is mined behind it, not stuck for ever (OZ#818, chainlink#14984)."""
    await desk.set_automine(False)
    stranger = {"from": desk.signer.address, "to": REVERTER, "nonce": "0x0"}
    foreign = await desk.client.request("eth_sendTransaction", [stranger])
    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("ours"))
        assert handle.nonce == 1
        await desk.client.request("anvil_dropTransaction", [foreign])

        async def mined() -> bool:
            await desk.mine()
            return await desk.executions() == 1

        await desk.until(mined)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    assert await desk.sent_nonce() == 2


async def test_another_fork_of_the_same_chain_needs_a_journal_of_its_own(desk: Desk) -> None:
    """Both forks share the first block and have used our nonces; the block of our last final transaction
    tells them apart."""
    await desk.mine(2)
    snapshot = await desk.client.request("evm_snapshot")
    async with desk.sender() as sender:
        handle = await sender.submit(pay("a"))
        await desk.mine(6)
        await handle.outcome(at=Finality.FINAL, timeout=10)
    await desk.client.request("evm_revert", [snapshot])
    await desk.client.request("anvil_setNonce", [desk.signer.address, "0x5"])
    await desk.mine(1)
    await desk.client.request("evm_increaseTime", [1_000])
    await desk.mine(7)
    with pytest.raises(ConfigError, match="another fork"):
        async with desk.sender():
            pass


async def test_a_node_that_asks_an_absurd_tip_is_not_believed(desk: Desk) -> None:
    """Without a cap of the caller's own nothing is signed above 1,000 gwei (connext#418: a runaway fee)."""
    async with desk.sender(simulate=False) as sender:
        sender._driver.market.take_answers({"history": {"reward": [[hex(10**12 - 1)]] * 10}})
        with pytest.raises(FeeCapExceededError, match="above the cap"):
            await sender.submit(pay("k"))
    assert await desk.sent_nonce() == 0


async def test_two_routes_to_one_endpoint_are_refused(desk: Desk) -> None:
    """One would be left out without a word, and its answers taken for the other's."""
    routes: list[Route] = [PublicRoute(desk.client), PublicRoute(desk.client)]
    with pytest.raises(ConfigError, match="two routes lead"):
        async with desk.sender(routes):
            pass
