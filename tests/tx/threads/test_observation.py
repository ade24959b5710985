"""Threads of other tools about looking: errors read as answers, receipts of somebody else, heads that were
missed. Each test makes the thread's circumstances and fails in an engine that has its bug."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.tx.conftest import GAS, REVERTER, pay
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import SEND, answer, gives, read_sent, says

from trimtab.chain.call import Call
from trimtab.chain.messages import Reply
from trimtab.errors import ConnectionLostError, OutcomeUnknownError, RpcTimeoutError
from trimtab.tx import Cancelled, Finality, Succeeded, TxIntent

pytestmark = pytest.mark.node
RECEIPT = "eth_getTransactionReceipt"


async def _looks(bent: BentDesk, count: int) -> None:
    """Wait until the sender has asked for receipts so many times more."""

    def asked() -> int:
        return sum(method == RECEIPT for method, _ in bent.wire.requests)

    before = asked()
    await bent.until(lambda: asked() >= before + count)


def _forbidden(method: str, params: list[Any]) -> Reply | None:
    return says("HTTP 403: forbidden", 403) if method == RECEIPT else None


def _lost(method: str, params: list[Any]) -> Reply | None:
    return gives(None) if method == RECEIPT else None


def _silent(method: str, params: list[Any]) -> Reply | None:
    if method == RECEIPT:
        raise RpcTimeoutError("no answer")
    return None


@pytest.mark.parametrize("fault", [_forbidden, _lost, _silent], ids=["403", "null", "timeout"])
async def test_foundry_14684_metamask_30410_30419_no_answer_is_no_proof(bent: BentDesk, fault: Any) -> None:
    """An error, a 403 or a null was read as "dropped": the transaction was given up, its nonce used again.
    Ours: it is mined while the node answers so; nothing is concluded, nothing is sent anew, and when the node
    is well its receipt is the outcome."""
    bent.wire.bends.append(fault)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        await _looks(bent, 6)
        assert handle.state in ("live", "resolving")
        assert not handle.is_refused
        bent.wire.bends.clear()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert sender.snapshot().halted is None
    assert len(bent.wire.attempts) == 1
    assert await bent.executions() == 1


async def test_viem_3982_the_receipt_of_another_transaction_is_not_ours(bent: BentDesk) -> None:
    """Waiting for a hash gave the receipt of an unrelated transaction. Ours: a receipt of another hash says
    nothing; ours is live until its own comes."""
    accounts = await bent.client.request("eth_accounts")
    foreign = await bent.client.request("eth_sendTransaction", [{"from": accounts[1], "to": accounts[2]}])
    await bent.until(lambda: _has_receipt(bent, foreign))
    receipt = await bent.client.request(RECEIPT, [foreign])
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        bent.wire.bends.append(answer(RECEIPT, lambda params: receipt))
        handle = await sender.submit(pay("k"))
        await _looks(bent, 4)
        assert handle.state == "live"
        bent.wire.bends.clear()
        await bent.executed(1)
        outcome = await handle.outcome(timeout=60)
    assert isinstance(outcome, Succeeded)
    assert outcome.receipt.tx_hash == handle.tx_hash != foreign


async def _has_receipt(bent: BentDesk, tx_hash: str) -> bool:
    return await bent.client.request(RECEIPT, [tx_hash]) is not None


@pytest.mark.parametrize(
    "lacking", ["blockNumber", "blockHash", "status", "gasUsed", "transactionHash", "everything"]
)
async def test_viem_4012_a_receipt_without_its_fields_is_no_receipt(bent: BentDesk, lacking: str) -> None:
    """A private RPC answered with receipts whose fields were undefined, and the client fell over. Ours: it is
    looked at again until it is whole."""

    async def cut(method: str, params: list[Any]) -> Reply | None:
        if method != RECEIPT:
            return None
        if lacking == "everything":
            return gives({})
        receipt = await bent.wire.ask(method, params)
        return gives(receipt and {**receipt, lacking: None})

    bent.wire.bends.append(cut)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        await _looks(bent, 4)
        assert not handle.state.is_mined
        bent.wire.bends.clear()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_viem_2767_confirmations_are_counted_though_their_heads_were_missed(
    bent: BentDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting for more than one confirmation timed out although the blocks were there. Ours: ten blocks come
    at once and no head is pushed; the waits for confirmed and final end."""
    monkeypatch.setattr(bent.client, "heads", _stalled)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        await bent.mine(10)
        for level in (Finality.CONFIRMED, Finality.FINAL):
            assert isinstance(await handle.outcome(at=level, timeout=60), Succeeded)


async def _stalled() -> AsyncIterator[Any]:
    await asyncio.Event().wait()
    yield None


async def test_viem_3875_alloy_2678_a_wait_for_what_was_dropped_ends(bent: BentDesk) -> None:
    """Waiting for a transaction that was dropped or replaced never ended. Ours: it ends when the caller's
    time is up, with what is known; the wait is taken up again, and the transaction is not touched by it."""

    def swallow(method: str, params: list[Any]) -> Reply | None:
        return gives("0x" + "00" * 32) if method == SEND else None

    bent.wire.bends.append(swallow)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        async with asyncio.timeout(30):
            with pytest.raises(OutcomeUnknownError) as caught:
                await handle.outcome(timeout=0.3)
        assert (caught.value.tx_hash, caught.value.nonce) == (handle.tx_hash, 0)
        bent.wire.bends.clear()
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_alloy_3408_3881_a_stream_of_heads_that_stalls_hides_nothing(
    bent: BentDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat missed blocks, and what was mined in them was never reported. Ours: no head comes at all,
    and the looks find the receipt."""
    monkeypatch.setattr(bent.client, "heads", _stalled)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_mlb_99_a_stream_of_heads_that_breaks_stops_nobody(
    bent: BentDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block watcher's error ended the process. Ours: it is opened again; sending goes on meanwhile."""
    opened: list[bool] = []

    async def broken() -> AsyncIterator[Any]:
        opened.append(True)
        yield await bent.client.block()
        raise ConnectionLostError("the socket was closed")

    monkeypatch.setattr(bent.client, "heads", broken)
    async with bent.sender(simulate=False) as sender:
        await bent.until(lambda: len(opened) >= 2)
        handle = await sender.submit(pay("k"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_alloy_4181_a_block_replaced_at_its_height_takes_its_receipts_along(bent: BentDesk) -> None:
    """Only a jump in block numbers was taken for a reorg; another block at the same height was not seen.
    Ours: the block is replaced by an empty one of its number: included, live, and included again."""
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(pay("k"))
        before = await handle.outcome(timeout=60)
        assert isinstance(before, Succeeded)
        await bent.set_automine(False)
        height = await bent.client.block_number()
        await bent.client.request("anvil_reorg", [1, []])
        assert await bent.client.block_number() == height
        await bent.until(lambda: not handle.state.is_mined)
        await bent.executed(1)
        after = await handle.outcome(timeout=60)
        assert isinstance(after, Succeeded)
        assert after.receipt.block_hash != before.receipt.block_hash


async def test_oz_809_the_mined_hash_says_whether_it_was_cancelled(bent: BentDesk) -> None:
    """Cancelled transactions were followed by their last state, not by what was mined. Ours: a cancellation
    that lost is a success, and one that won is a cancellation."""
    await bent.set_automine(False)
    async with bent.sender(simulate=False) as sender:
        won, lost = [await sender.submit(pay(key)) for key in ("won", "lost")]
        for handle in (won, lost):
            handle.cancel()
        await bent.until(lambda: len({item.nonce for item in bent.wire.sent if item.value == 0}) == 2)
        bent.wire.bends.append(lambda method, params: gives(params[0]) if method == SEND else None)
        await bent.client.request("anvil_dropAllTransactions")
        bent.wire.bends.clear()
        by_nonce = {(item.nonce, item.value): item.raw for item in bent.wire.attempts}
        for raw in (by_nonce[0, 0], by_nonce[1, 1]):
            await bent.client.request(SEND, [raw])
        await bent.mine()
        assert isinstance(await won.outcome(timeout=60), Cancelled)
        assert isinstance(await lost.outcome(timeout=60), Succeeded)
    assert await bent.executions() == 1


async def test_oz_809_a_transfer_to_oneself_is_no_cancellation(bent: BentDesk) -> None:
    """A cancellation was known by its form. Ours: a wanted transfer of nothing to oneself succeeds."""
    own = TxIntent("k", Call(bent.signer.address, b"", 0), gas_limit=GAS)
    async with bent.sender(simulate=False) as sender:
        handle = await sender.submit(own)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert read_sent(bent.wire.sent[0].raw).to == bent.signer.address != REVERTER
