"""Disks that fill, files that vanish, clocks that jump: what is out stays known, and nothing new leaves."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.tx.conftest import QUICK, Desk, pay

from trimtab.errors import ConfigError, HaltError, NotSentError
from trimtab.journal import Journal, place
from trimtab.model.limits import Limits
from trimtab.runtime import SystemClock
from trimtab.tx import Cancelled, Finality, Sender, SenderOptions, Succeeded
from trimtab.tx.records import decode_record, stream_name
from trimtab.tx.reducer import replay
from trimtab.tx.states import Kind

pytestmark = pytest.mark.node


@contextmanager
def no_growth(path: Path) -> Iterator[None]:
    """The operating system lets no file of this process grow above the journal's log."""
    size = Path(f"{path}-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_fills_while_transactions_are_in_flight(desk: Desk) -> None:
    """The error says so, nothing leaves that is not durable, and with room again everything is there: each
    intent happens once."""
    await desk.set_automine(False)

    async def fill() -> None:
        with Journal.open(desk.path) as journal:
            options = SenderOptions(policy=QUICK, simulate=False, limits=Limits.unrestricted())
            async with Sender.open(desk.client, desk.signer, journal, options) as sender:
                for number in range(3):
                    await sender.submit(pay(f"k{number}"))
                await desk.pool_has(3)
                with no_growth(desk.path):
                    for number in range(3, 15):
                        await sender.submit(pay(f"k{number}"))

    with pytest.raises(HaltError, match=r"cannot be written.*[Ff]ree or mend"):
        await fill()
    left = await desk.pool_size()
    assert 3 <= left < 15
    async with desk.sender(simulate=False) as sender:
        known = [handle.key for handle in sender.recovered]
        assert known == [f"k{number}" for number in range(len(known))]
        assert left <= len(known) < 15
        handles = [await sender.submit(pay(f"k{number}")) for number in range(15)]
        await desk.mine(8)
        for handle in handles:
            assert isinstance(await handle.outcome(timeout=60), Succeeded)
    assert await desk.executions() == await desk.sent_nonce() == 15


FULL = """
import sys
from tests.tx.test_compaction import done, sent
from trimtab.errors import HaltError
from trimtab.journal import Journal
from trimtab.tx.records import encode_record
stream, number = "tx/1/0xabc", 0
with Journal.open(sys.argv[1]) as journal, journal.acquire(stream):
    try:
        while True:
            for record in done(f"k{number}", number):
                journal.append(stream, encode_record(record))
            number += 1
    except HaltError as error:
        print(number, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_small_disk_that_is_really_full(tmp_path: Path) -> None:
    """All that was acknowledged is there, and with room again the journal goes on."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], check=False)
    if mounted.returncode:
        pytest.skip("this machine mounts nothing")
    try:
        full = subprocess.run(
            [sys.executable, "-c", FULL, str(disk / "j.db")], capture_output=True, text=True, timeout=60
        )
        number, words = full.stdout.split(" ", 1)
        assert "is full" in words, full
        assert "Free or mend" in words or "free or mend" in words
        with Journal.open(disk / "j.db", read_only=True) as journal:
            records = [decode_record(record.payload) for record in journal.replay("tx/1/0xabc")]
        assert len(replay(records).finished) == int(number)
        subprocess.run(["mount", "-o", "remount,size=8m", str(disk)], check=True)
        with Journal.open(disk / "j.db") as journal, journal.acquire("tx/1/0xabc"):
            journal.append("tx/1/0xabc", b"next")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(ConfigError, match="yours to write"):
            Journal.open(disk / "j.db")
        with Journal.open(disk / "j.db", read_only=True) as journal:
            assert journal.count("tx/1/0xabc") == len(records) + 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("fault", ["removed", "second writer", "held"])
async def test_a_journal_that_is_taken_away_from_a_running_sender(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    """The file is removed, another process writes behind a lock that was removed, a shell holds the file:
    nothing new leaves, what is out stays known to the next life."""
    monkeypatch.setattr(place, "LOOK_SECONDS", 0.0)
    await desk.set_automine(False)
    stream = stream_name(desk.client.chain_id, desk.signer.address)
    words = {
        "removed": "was removed or replaced",
        "second writer": "another process wrote",
        "held": "nother program holds its write lock",
    }

    async def lose(journal: Journal) -> None:
        options = SenderOptions(policy=QUICK, simulate=False, limits=Limits.unrestricted())
        async with Sender.open(desk.client, desk.signer, journal, options) as sender:
            await sender.submit(pay("a"))
            await desk.pool_has(1)
            sender._driver.write()
            if fault == "removed":
                desk.path.rename(desk.path.with_name("aside.db"))
            elif fault == "held":
                journal._db.execute("PRAGMA busy_timeout = 50")
                shell.execute("BEGIN IMMEDIATE")
            else:
                next(desk.path.parent.glob("*.lock")).unlink()
                with Journal.open(desk.path) as other, other.acquire(stream):
                    other.append(stream, b'{"type":"paused","reason":"by another process"}')
            await sender.submit(pay("b"))

    with Journal.open(desk.path) as journal:
        shell = sqlite3.connect(desk.path, isolation_level=None)
        with pytest.raises(HaltError, match=words[fault]):
            await lose(journal)
        shell.close()
    assert await desk.pool_size() == 1
    if fault == "removed":
        desk.path.with_name("aside.db").rename(desk.path)
    async with desk.sender(simulate=False) as sender:
        sender.unpause()
        (handle,) = sender.recovered
        assert handle.key == "a"
        await sender.submit(pay("b"))
        await desk.mine(8)
        assert isinstance(await handle.outcome(timeout=60), Succeeded)
        assert isinstance(await sender.handle("b").outcome(timeout=60), Succeeded)
    assert await desk.executions() == 2


YEARS = 365 * 86_400


async def test_a_wall_clock_that_jumps_by_years_decides_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Back and forth between any two records: deadlines are the chain's seconds, and the journal's order is
    its numbers."""
    wild = random.Random(7)

    class WildClock(SystemClock):
        def time(self) -> float:
            return super().time() + wild.randint(-20 * YEARS, 20 * YEARS)

    clock = WildClock()
    monkeypatch.setattr("trimtab.journal.journal.time", clock)
    for life in range(2):
        with Journal.open(desk.path) as journal:
            options = SenderOptions(policy=QUICK, simulate=False, limits=Limits.unrestricted())
            async with Sender.open(desk.client, desk.signer, journal, options, clock=clock) as sender:
                deadline = (await desk.client.block("latest")).at + 60
                handles = [await sender.submit(pay(f"{life}.{n}", deadline=deadline)) for n in range(5)]
                await desk.mine(8)
                for handle in handles:
                    assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=60), Succeeded)
                with pytest.raises(Exception, match="deadline"):
                    await sender.submit(pay("late", deadline=deadline - 3_600))
    with Journal.open(desk.path, read_only=True) as journal:
        times = [r.at for r in journal.replay(stream_name(desk.client.chain_id, desk.signer.address))]
    assert times != sorted(times)
    assert await desk.executions() == await desk.sent_nonce() == 10


def _encodings(key: bytes) -> Iterator[bytes]:
    """What a key may look like in a file."""
    whole = int.from_bytes(key, "big")
    yield key
    yield key[::-1]
    yield key.hex().encode()
    yield key.hex().upper().encode()
    yield str(whole).encode()
    yield str(list(key)).encode()
    for shift in range(3):  # base64 depends on where the key begins
        yield base64.b64encode(bytes(shift) + key)[4:-4]
        yield base64.urlsafe_b64encode(bytes(shift) + key)[4:-4]


async def test_a_journal_after_a_full_life_holds_no_key(desk: Desk) -> None:
    """Sent, replaced, cancelled, refused, compacted, restarted: the key is in no file, in no encoding."""
    await desk.set_automine(False)
    seen = bytearray()

    def keep() -> None:
        for file in desk.path.parent.iterdir():
            seen.extend(file.read_bytes())

    async with desk.sender(simulate=False) as sender:
        handle = await sender.submit(pay("a"))
        cancelled = await sender.submit(pay("b"))
        await desk.pool_has(2)
        cancelled.cancel()
        await desk.until(lambda: sender._driver.state.slots[1].last.kind is Kind.CANCEL)
        await desk.until(lambda: bool(sender._driver.state.slots[1].last.results))
        with pytest.raises(NotSentError):
            await sender.submit(pay("c", budget_wei=1))
        await desk.mine(8)
        assert isinstance(await handle.outcome(at=Finality.FINAL, timeout=60), Succeeded)
        assert isinstance(await cancelled.outcome(at=Finality.FINAL, timeout=60), Cancelled)
        sender._driver.write()
        keep()
        await sender.compact()
        keep()
    async with desk.sender(simulate=False) as sender:
        await sender.submit(pay("d"))
        keep()
    keep()
    assert b"attempt" in seen
    assert b"archived" in seen
    found = [form for form in _encodings(desk.signer._key.secret) if form in seen]
    assert not found


async def test_another_process_reads_while_a_sender_runs(desk: Desk) -> None:
    """`read_only` needs no lock and sees what is committed; the sender does not notice."""
    script = (
        "import sys\nfrom trimtab.journal import Journal\n"
        "from trimtab.execution.reconcile import read_records\n"
        "with Journal.open(sys.argv[1], read_only=True) as journal:\n"
        "    for record in read_records(journal, int(sys.argv[2]), sys.argv[3]):\n"
        "        print(record.key, record.journal_state)\n"
    )
    async with desk.sender(simulate=False) as sender:
        for number in range(2):
            handle = await sender.submit(pay(f"k{number}"))
        await desk.mine(8)
        await handle.outcome(at=Finality.FINAL, timeout=60)
        sender._driver.write()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            script,
            str(desk.path),
            str(desk.client.chain_id),
            desk.signer.address,
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            told, _ = await process.communicate()
        assert told == b"k0 succeeded\nk1 succeeded\n"
        await (await sender.submit(pay("k2"))).outcome(timeout=60)
