"""Whatever agent, owner, guardian and thief do, in whatever order: no limit is passed over any window, and
nothing leaves but what the limits let."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator

import pytest
from tests.contracts.guard.stage import Run, Stage

RUNS, MANY, ACTIONS = 256, 20_000, 10


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with Stage.open() as opened:
        yield opened


async def test_the_guard_holds_its_limits(stage: Stage) -> None:
    """256 runs: the contract decides as an independent model does, to the error's name; every window is
    within its cap, wherever it ends; each wei is accounted for; no attack does anything."""
    for seed in range(RUNS):
        await Run(stage, seed).play(ACTIONS)


@pytest.mark.soak
async def test_it_holds_them_for_long(stage: Stage) -> None:
    """20,000 runs of seeds that nobody has seen, each twice as long."""
    first = secrets.randbelow(2**48) if "TRIMTAB_EXPLORE" in os.environ else RUNS
    for seed in range(first, first + MANY):
        await Run(stage, seed).play(2 * ACTIONS)
