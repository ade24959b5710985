"""SIGKILL of the hedger's process at every boundary of one hedge, also in the middle of its recovery: the
position and the transactions on chain are those of a run that nobody killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.demo.protocol import Start, encode_line
from trimtab.execution.reconcile import reconcile_perp
from trimtab.hedging.exposure import read_exposure
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand
from trimtab.model.order import TxRecord
from trimtab.world.world import World

pytestmark = pytest.mark.node
OpenHedging = Callable[..., AbstractAsyncContextManager[Any]]
BAND = FixedBand(Decimal("0.1"))

LIFE = """
import asyncio, os, signal, sys
from trimtab.chain.client import Client
from trimtab.demo import wiring
from trimtab.demo.protocol import decode_order
from trimtab.journal import Journal
from trimtab.tx.routes import PublicRoute

boundary = sys.argv[1]

def die_at(here):
    if here == boundary:
        os.kill(os.getpid(), signal.SIGKILL)

async def answered(sending):
    result = await sending
    die_at("after broadcast")
    return result

class Route(PublicRoute):
    def send(self, raw):
        die_at("before broadcast")
        return [answered(sending) for sending in super().send(raw)]

WORDS = {"decision": b'"decided"', "attempt": b'"type":"attempt"', "answer": b'"type":"send_result"',
         "receipt": b'"type":"seen"', "ending": b'"ended"'}

class DyingJournal(Journal):
    def append_many(self, stream, payloads):
        text = b"".join(p if isinstance(p, bytes) else repr(p).replace("'", '"').encode() for p in payloads)
        names = [name for name, word in WORDS.items() if word in text]
        for name in names:
            die_at("before " + name)
        super().append_many(stream, payloads)
        for name in names:
            die_at("after " + name)

wiring.Journal, wiring.PublicRoute = DyingJournal, Route

async def main():
    start = decode_order(sys.stdin.buffer.readline())
    async with Client.open(start.url) as client, wiring.open_hedger(client, start) as hedger:
        await hedger.reconcile()
        die_at("after recovery")
        await hedger.step("open")

asyncio.run(main())
"""
POINTS = [
    f"{when} {what}" for what in ("decision", "attempt", "broadcast", "answer", "receipt", "ending")
    for when in ("before", "after")
]  # fmt: skip
QUICK = ("before broadcast", "after broadcast")


@dataclass
class Victim:
    """A short book, and lives of the hedger that begin on its journal."""

    hedging: Any
    start: Start
    size: Decimal
    nonce: int

    async def live(self, boundary: str) -> int:
        """One life of the process, until the boundary or its end; its exit code."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LIFE, boundary, stdin=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(60):
            await process.communicate(encode_line(self.start) + b"\n")
        return process.returncode or 0


@async_fixture
async def victim(
    open_hedging: OpenHedging, write_calls: Callable[..., Any], world: World, tmp_path: Path
) -> AsyncIterator[Victim]:
    """The size is what a hedger that nobody kills would trade."""
    async with open_hedging() as hedging:
        await write_calls(hedging.desk)
        exposure = (await read_exposure(hedging.book, world.client)).of("ETH")
        nonce = await hedging.desk.nonce()
    alice = world.accounts["alice"]
    start = Start(
        url=world.url,
        chain_id=world.client.chain_id,
        key="0x" + alice.key.hex(),
        account=alice.address,
        journal=str(tmp_path / "journal.db"),
        underlying="ETH",
        option_market="sETH",
        perp_market="vETH",
        perp=world.perp,
        lyra=world.lyra,
        limits=HedgeLimits(),
        fixed_band=BAND,
    )
    yield Victim(hedging, start, BAND.decide(exposure).size, nonce)


async def check_one_hedge(victim: Victim, open_hedging: OpenHedging, world: World) -> None:
    """To the wei what was wanted, by one transaction, which the journal explains."""
    async with open_hedging() as hedging:
        desk = hedging.desk
        position = await desk.perp.read_position(desk.account, "vETH")
        assert position.size == victim.size
        assert await desk.nonce() == victim.nonce + 1
        records: tuple[TxRecord, ...] = desk.records()
        found = await reconcile_perp(world.client, records, desk.perp, desk.account, "vETH")
        assert not found.vanished
        assert not found.unresolved
        assert not found.unexplained_size
        ended = [d.ending.status for d in hedging.log.decisions]
        assert ended[-1] == "filled"
        assert set(ended[:-1]) <= {"void"}


@pytest.mark.parametrize(
    "boundary", [pytest.param(p, marks=() if p in QUICK else pytest.mark.soak) for p in POINTS]
)
async def test_one_hedge_wherever_it_dies(
    victim: Victim, open_hedging: OpenHedging, world: World, boundary: str
) -> None:
    """Killed once, started again: one hedge."""
    assert await victim.live(boundary) == -signal.SIGKILL
    assert await victim.live("never") == 0
    await check_one_hedge(victim, open_hedging, world)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(
            first,
            second,
            marks=() if (first, second) == ("after attempt", "after broadcast") else pytest.mark.soak,
        )
        for first in (
            "after decision",
            "after attempt",
            "before broadcast",
            "after broadcast",
            "before ending",
        )
        for second in (
            "after recovery",
            "before broadcast",
            "after broadcast",
            "before receipt",
            "before ending",
        )
    ],
)
async def test_one_hedge_when_it_dies_again_in_its_recovery(
    victim: Victim, open_hedging: OpenHedging, world: World, first: str, second: str
) -> None:
    """Killed, killed again while it recovers or goes on, and once more at the same point: one hedge."""
    assert await victim.live(first) == -signal.SIGKILL
    for _ in range(2):
        assert await victim.live(second) in (-signal.SIGKILL, 0)
    assert await victim.live("never") == 0
    await check_one_hedge(victim, open_hedging, world)
