"""Random plans by random callers on an owned, a delegated and the shared executor, each step beside a model:
the chain does what it says to the last unit, who may not moves nothing, and nothing stays behind."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from tests.contracts.executor.chain import Stage
from tests.contracts.executor.draws import Action, draw_action, draw_standing
from tests.contracts.executor.model import COIN, LOOT, RefusedError, State

RUNS, STEPS = 256, 4
SOAK_RUNS = 20_000
NAMES = {
    "CallerNotAllowed",
    "PlanNotApproved",
    "DeadlinePassed",
    "CallReverted",
    "NoSuchCall",
    "FundsNotAllowed",
    "BalanceOutside",
    "NothingTraded",
    "PriceWorse",
    "DeltaOutside",
    "HealthBelow",
    "SizeOutside",
}
"""The Executor's errors, but for one that is a matter of gas and one that stands inside of another."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    async with Stage.open() as opened:
        yield opened


@dataclass
class Tally:
    """What the runs have met: a claim about them is worth something only if all of it came up."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


async def test_random_plans(stage: Stage) -> None:
    """256 runs of four transactions each; every door, every kind of end and every error came up."""
    tally = await _play(stage, RUNS, seed=0)
    assert set(tally.done) == {"execute", "executeFrom", "run", "approve", "revoke"}
    assert tally.refused.keys() >= NAMES
    assert sum(tally.done.values()) > RUNS * STEPS // 3


@pytest.mark.soak
async def test_random_plans_for_long(stage: Stage) -> None:
    """20,000 runs, others each time."""
    await _play(stage, SOAK_RUNS, seed=int.from_bytes(os.urandom(4)))


async def _play(stage: Stage, runs: int, seed: int) -> Tally:
    tally = Tally()
    for number in range(runs):
        random = Random(f"{seed}/{number}")
        state, snapshot = stage.initial(), await stage.client.request("evm_snapshot")
        standing = draw_standing(random, state)
        for step in range(STEPS):
            action = draw_action(random, state, standing)
            where = f"seed {seed}, run {number}, step {step}: {action}"
            state = await _step(stage, state, action, tally, where)
        await stage.client.request("evm_revert", [snapshot])
    return tally


async def _step(stage: Stage, state: State, action: Action, tally: Tally, where: str) -> State:
    after, refusal = _ask_model(state, action)
    error = await stage.send(action)
    seen = await stage.look()
    if refusal is None:
        assert error is None, f"{where}: {error}"
        tally.done[action.door] += 1
    else:
        assert error is not None, f"{where}: the model says {refusal}"
        tally.refused[refusal.name] += 1
        _assert_told(stage, refusal, error, where)
    assert seen == stage.expected(after), where
    _assert_nothing_left(after, action, refusal, where)
    _assert_authorised(state, after, action, where)
    await _assert_approvals(stage, after, action, where)
    return after


def _ask_model(state: State, action: Action) -> tuple[State, RefusedError | None]:
    try:
        return action.on(state), None
    except RefusedError as refusal:
        return state, refusal


def _assert_told(stage: Stage, refusal: RefusedError, error: tuple[str, dict[str, Any]], where: str) -> None:
    """Our errors carry the model's numbers; what a token or a venue said is theirs."""
    name, told = error
    if not refusal.name:
        assert name not in NAMES, f"{where}: {error}"
        return
    expected = {key: stage.address(v) if isinstance(v, str) else v for key, v in refusal.told.items()}
    assert (name, told) == (refusal.name, told | expected), where


def _assert_nothing_left(after: State, action: Action, refusal: RefusedError | None, where: str) -> None:
    """The shared executor never has coins; an owned one has, after a plan of its own, neither coins nor what
    the plan names."""
    assert after.of(COIN, "shared") == 0, where
    is_own_plan = action.place == "own" and action.door in ("execute", "run")
    if is_own_plan and refusal is None:
        named = {COIN, *(token for token, _ in action.plan.inputs), *action.plan.outputs}
        assert {token: after.of(token, "own") for token in named} == dict.fromkeys(named, 0), where


def _assert_authorised(state: State, after: State, action: Action, where: str) -> None:
    """An account has less, or another position, only if it, its owner or its approved runner sent this; an
    owner's tokens go only by its own executor's plans."""
    acting = {
        "execute": {"own": "own", "trader": "trader"}.get(action.place),
        "executeFrom": "safe",
        "run": action.account,
    }.get(action.door)
    is_by_whom = action.caller == {"own": "alice", "trader": "trader", "safe": "safe"}.get(acting or "")
    is_approved = (action.place, action.account, action.plan, action.caller) in state.approvals
    may = acting if is_by_whom or (action.door == "run" and is_approved) else None
    loot_ran = ("own", "own", LOOT, "echo") in state.approvals - after.approvals
    for account in ("own", "trader", "safe", "alice", "keeper", "attacker"):
        by_own_executor = account == "alice" and (may == "own" or action.caller == "alice")
        if account == may or by_own_executor or (loot_ran and account == "own"):
            continue
        for token in (COIN, "A", "B"):
            assert after.of(token, account) >= state.of(token, account), f"{account} lost {token}: {where}"
        assert after.size.get(account) == state.size.get(account), f"{account} traded: {where}"


async def _assert_approvals(stage: Stage, after: State, action: Action, where: str) -> None:
    """The plan's approval is what the model says: used up by a run, and by nothing else."""
    for runner in {action.runner, action.caller}:
        account = action.account if action.door == "run" or action.place != "shared" else action.caller
        stands = (action.place, account, action.plan, runner) in after.approvals
        assert await stage.is_approved(action.place, account, action.plan, runner) == stands, where
