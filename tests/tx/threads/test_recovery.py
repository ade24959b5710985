"""Threads of other tools about crashes and restarts: what was paid twice, given up or forgotten. Each test
makes the thread's circumstances and fails in an engine that has its bug."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tx.conftest import GWEI, pay
from tests.tx.test_decide import WAYS, Life, mined
from tests.tx.threads.conftest import BentDesk
from tests.tx.threads.wire import fail, refuse

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError, HaltError, InsufficientFundsError, RpcTimeoutError
from trimtab.tx import Finality, Succeeded, Superseded
from trimtab.tx import events as e
from trimtab.tx.routes import Parcel, PublicRoute, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.tx.states import IntentState, Outcome

pytestmark = pytest.mark.node


class CrashImage(PublicRoute):
    """Broadcasts, then keeps what is on the disk at that moment: what a process leaves that dies there."""

    def __init__(self, bent: BentDesk, folder: Path) -> None:
        super().__init__(bent.client)
        self._journal, self._folder = bent.path, folder

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        return [self._die_after(sending, len(parcel.raws)) for sending in super().send(parcel)]

    async def _die_after(self, sending: Sending, count: int) -> Sequence[SendResult]:
        await sending
        shutil.copytree(self._journal.parent, self._folder, dirs_exist_ok=True)
        silent = SendResult("gone", Outcome.AMBIGUOUS, SendClass.AMBIGUOUS, "dead")
        return [replace(silent, endpoint=self.endpoints[0])] * count


async def _crash(bent: BentDesk, folder: Path, *keys: str) -> BentDesk:
    """A life that ends right after its broadcasts; the desk of the next life."""
    bent.path = folder / "before" / "journal.db"
    bent.path.parent.mkdir(parents=True)
    async with bent.sender([CrashImage(bent, folder / "after")], simulate=False, close_timeout=0.1) as sender:
        for key in keys:
            await sender.submit(pay(key))
    return replace(bent, path=folder / "after" / "journal.db")


async def test_allways_296_ithaca_534_a_crash_after_the_broadcast_pays_once(
    bent: BentDesk, tmp_path: Path
) -> None:
    """Between broadcast and the write that remembered it the process died; the order was paid again. Ours:
    bytes and hash are on the disk before they leave: the next life knows the transaction, and so does whoever
    submits the order again."""
    after = await _crash(bent, tmp_path, "order")
    async with after.sender(simulate=False) as sender:
        (known,) = sender.recovered
        handle = await sender.submit(pay("order"))
        assert (handle.nonce, handle.tx_hash) == (0, known.tx_hash)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert len(bent.wire.attempts) == 1
    assert await bent.executions() == await bent.sent_nonce() == 1


async def test_hb_api_243_nt_4958_what_was_in_flight_is_not_ended_by_a_crash(
    bent: BentDesk, tmp_path: Path
) -> None:
    """After a crash executors were marked terminated, and orders without an id rejected, while their
    positions stayed. Ours: two in flight are live again after it, under their keys, and end as the chain
    says."""
    await bent.set_automine(False)
    after = await _crash(bent, tmp_path, "open", "stop")
    async with after.sender(simulate=False) as sender:
        assert [(handle.key, handle.state) for handle in sender.recovered] == [
            ("open", "live"),
            ("stop", "live"),
        ]
        await bent.executed(2)
        for handle in sender.recovered:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)


async def test_gw_678_hb_8424_a_close_that_failed_once_may_be_tried_again(bent: BentDesk) -> None:
    """One failed close became terminal while the position lived on the chain. Ours: a refusal says that
    nothing is out and frees the key, also for another life; the retry is executed once."""
    bent.wire.bends.append(refuse("insufficient funds for gas * price + value"))
    async with bent.sender(simulate=False) as sender:
        with pytest.raises(InsufficientFundsError):
            await sender.submit(pay("close"))
        assert sender.handle("close").is_refused
    async with bent.sender() as sender:
        bent.wire.bends.append(fail(RpcTimeoutError("no answer"), times=99, method="eth_simulateV1"))
        with pytest.raises(RpcTimeoutError):
            await sender.submit(pay("close"))
        bent.wire.bends.clear()
        handle = await sender.submit(pay("close"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await bent.executions() == await bent.sent_nonce() == 1


async def test_nitro_4273_two_posters_of_one_journal_are_refused(bent: BentDesk) -> None:
    """Two posters shared a store that did not agree with the nonce, and a batch was posted twice. Ours: a
    journal has one writer for an account; the second is told."""
    async with bent.sender():
        with pytest.raises(ConfigError, match="one writer"):
            async with bent.sender():
                pass


async def test_nitro_4273_two_posters_with_a_journal_each_do_not_repeat_an_order(
    bent: BentDesk, tmp_path: Path
) -> None:
    """Where no lock can hold them apart (two machines, two journals), the one whose nonce was used by the
    other stops: it does not take the next nonce for the same order."""
    elsewhere = replace(bent, path=tmp_path / "elsewhere.db")
    async with (
        bent.sender(simulate=False) as first,
        elsewhere.sender(simulate=False, tip_floor=2 * GWEI) as second,
    ):
        handle = await first.submit(pay("batch"))
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        try:
            repeated = await second.submit(pay("batch"))
        except HaltError:
            pass
        else:
            await bent.mine(10)
            assert await repeated.outcome(timeout=60) == Superseded(0)
        assert second.snapshot().halted is not None
    assert await bent.executions() == await bent.sent_nonce() == 1


async def test_nt_3878_recovery_is_the_same_however_often(bent: BentDesk) -> None:
    """Reconciliation gave different results when it ran again. Ours: five restarts over three in flight, one
    final and one refused: the same handles, states and bytes each time, and nothing new is sent."""
    async with bent.sender(simulate=False) as sender:
        done = await sender.submit(pay("done"))
        await bent.mine(6)
        await done.outcome(at=Finality.FINAL, timeout=60)
        await bent.set_automine(False)
        for number in range(3):
            await sender.submit(pay(f"k{number}"))
    seen = set()
    for _ in range(5):
        async with bent.sender(simulate=False) as sender:
            seen.add(tuple((h.key, str(h.state), h.nonce, h.tx_hash) for h in sender.recovered))
            assert sender.snapshot().next_nonce == 4
            assert sender.handle("done").state == "succeeded"
    assert len(seen) == 1
    assert len(bent.wire.attempts) == 4
    await bent.executed(4)


def test_wed_742_1000_1006_time_alone_ends_nothing() -> None:
    """After ten minutes without news live orders were marked cancelled; they were filled later, and the bot
    did not know. Ours: a day without news, then looks that find nothing, and it is live until its receipt."""
    life = Life()
    tx_hash = life.live("k", 0)
    for _ in range(24):
        life.at += 3_600
        life.feed(e.Ticked(life.at, WAYS))
        assert life.intent("k") is IntentState.LIVE
    life.observe(4, account_nonce=0, absent=frozenset({tx_hash}))
    assert life.intent("k") is IntentState.LIVE
    life.observe(5, account_nonce=1, mined=mined(tx_hash, 5))
    assert life.intent("k") is IntentState.INCLUDED
