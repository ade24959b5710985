"""SIGKILL of a real process at each boundary of a send: after a restart the intent happened exactly once,
counted on the chain."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.tx.conftest import KEY, SHOP, Desk, pay

from trimtab.journal import Journal
from trimtab.tx import Succeeded
from trimtab.tx.records import stream_name

pytestmark = pytest.mark.node

VICTIM = """
import asyncio, os, signal, sys
from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.journal import Journal
from trimtab.tx import Sender, SenderOptions, TxIntent
from trimtab.tx.routes import PublicRoute
from trimtab.tx.signers import LocalSigner
from trimtab.world.faults import CrashAfterBroadcast

url, path, key, target, boundary, crash_at = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

class DieBeforeSending(PublicRoute):
    sent = 0
    def send(self, raws):
        DieBeforeSending.sent += 1
        return die() if DieBeforeSending.sent == int(crash_at) else super().send(raws)

class DyingJournal(Journal):
    commits = 0
    def append_many(self, stream, payloads):
        DyingJournal.commits += any(b'"attempt"' in bytes(p) for p in payloads)
        dies = DyingJournal.commits == int(crash_at)
        if dies and boundary == "before_commit":
            die()
        super().append_many(stream, payloads)
        if dies and boundary == "after_commit":
            die()

async def main():
    async with Client.open(url) as client:
        route = PublicRoute(client)
        if boundary == "before_send":
            route = DieBeforeSending(client)
        if boundary == "after_send":
            route = CrashAfterBroadcast(route, int(crash_at))
        with DyingJournal.open(path) as journal:
            signer = LocalSigner.from_hex(key)
            options = SenderOptions(simulate=False)
            async with Sender.open(client, signer, journal, options, [route]) as sender:
                for number in range(1, 4):
                    intent = TxIntent(f"k{number}", Call(target, b"", 1), gas_limit=21_000)
                    handle = await sender.submit(intent)
                    if boundary == "after_result" and number == int(crash_at):
                        die()
                    await handle.outcome(timeout=60)
                    if boundary == "after_receipt" and number == int(crash_at):
                        die()

asyncio.run(main())
"""
BOUNDARIES = ("before_commit", "after_commit", "before_send", "after_send", "after_result", "after_receipt")


async def run_victim(desk: Desk, boundary: str, crash_at: int) -> int:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", VICTIM, desk.node.ws_url, str(desk.path), KEY, SHOP, boundary, str(crash_at)
    )
    async with asyncio.timeout(60):
        return await process.wait()


@pytest.mark.parametrize(
    ("boundary", "crash_at"),
    [
        pytest.param(boundary, at, marks=() if at == 2 else pytest.mark.soak)
        for boundary in BOUNDARIES
        for at in (1, 2, 3)
    ],
)
async def test_every_intent_happens_once_wherever_the_process_dies(
    desk: Desk, boundary: str, crash_at: int
) -> None:
    """The survivor submits the same keys again: three executions, three nonces, whatever the victim did."""
    assert await run_victim(desk, boundary, crash_at) == -signal.SIGKILL
    async with desk.sender(simulate=False) as sender:
        handles = [await sender.submit(pay(f"k{number}")) for number in (1, 2, 3)]
        for handle in handles:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert [handle.nonce for handle in handles] == [0, 1, 2]
    assert await desk.executions() == await desk.sent_nonce() == 3


async def test_recovery_alone_finishes_what_was_exposed(desk: Desk) -> None:
    """Killed between commit and send: nobody submits again, and the transaction is mined from the journal."""
    assert await run_victim(desk, "after_commit", 1) == -signal.SIGKILL
    assert await desk.executions() == 0
    async with desk.sender(simulate=False) as sender:
        (handle,) = sender.recovered
        assert handle.key == "k1"
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == 1


async def test_a_second_recovery_changes_nothing(desk: Desk, tmp_path: Path) -> None:
    """Opening again and again sends nothing new: one transaction, however often recovery runs."""
    assert await run_victim(desk, "after_send", 1) == -signal.SIGKILL
    for _ in range(3):
        async with desk.sender(simulate=False) as sender:
            for handle in sender.recovered:
                await handle.outcome(timeout=60)
    assert await desk.executions() == await desk.sent_nonce() == 1
    with Journal.open(desk.path) as journal:
        records = list(journal.replay(stream_name(31337, desk.signer.address)))
    assert sum(b'"type":"attempt"' in record.payload for record in records) == 1
