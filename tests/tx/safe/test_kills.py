"""Killed by SIGKILL while the service has its request in hand: every intent is one proposal, none is lost."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest
from tests.tx.safe.conftest import SafeDesk

pytestmark = pytest.mark.node
ROOT = Path(__file__).parents[3]


class Killer:
    """Kills the proposer at a chosen request of its life, before or after the service has dealt with it."""

    def __init__(self) -> None:
        self.at: tuple[int, str] | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._seen = 0

    def __call__(self, moment: str) -> bool:
        is_here = self.at == (self._seen, moment)
        self._seen += moment == "after"
        if is_here and self._child is not None:
            self._child.send_signal(signal.SIGKILL)
        return is_here

    async def live(self, desk: SafeDesk, count: int) -> bool:
        """One life of the proposer; whether it came through."""
        self._seen = 0
        node = desk.client.endpoints[0].name
        words = (node, desk.service.url, desk.safe.address, str(desk.path), str(count))
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.tx.safe.killed", *words, cwd=ROOT, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await self._child.communicate()
        assert self._child.returncode in (0, -signal.SIGKILL), errors.decode()
        return self._child.returncode == 0


@pytest.mark.parametrize(("count", "kills"), [(2, 4), pytest.param(15, 60, marks=pytest.mark.soak)])
async def test_a_killed_proposer_proposes_once(safe: SafeDesk, count: int, kills: int) -> None:
    """Cut off at its first, second, ... request, before and after the service took it: in the end as many
    proposals as intents, nonces without a gap, and the hashes that the journal has."""
    safe.service.cuts = killer = Killer()
    came_through = 0
    for number in range(kills):
        killer.at = (number // 2 % 4, ("after", "before")[number % 2])
        came_through += await killer.live(safe, count)
    killer.at = None
    assert await killer.live(safe, count)
    assert came_through < kills
    proposals = safe.service.proposals
    assert sorted(p["nonce"] for p in proposals.values()) == list(range(count))
    assert sorted(int(p["value"]) for p in proposals.values()) == list(range(1, count + 1))
    async with safe.proposer() as proposer:
        assert {p.safe_tx_hash for p in proposer.live} == proposals.keys()
        assert [p.nonce for p in proposer.live] == list(range(count))
