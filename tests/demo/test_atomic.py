"""The demo through the trader's own code: fewer transactions, the same invariants, and what it costs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.demo.test_scenario import check_run, final

from trimtab.demo.options import DemoOptions, Engine
from trimtab.errors import ConfigError
from trimtab.report.record import decode_record

RunDemo = Callable[..., Awaitable[dict[str, Any]]]


@pytest.mark.node
async def test_the_book_opens_in_one_transaction_and_survives_a_kill(run_demo: RunDemo) -> None:
    """Delegation, opening and one transaction for each hedge; the hedger is killed after a broadcast, and all
    that a run must hold holds. Gas beside the plain way is in record, page and terminal."""
    run = await run_demo("--atomic", "--steps", "5", "--seed", "2", "--crash-at", "1")
    check_run(run, 5)
    summary = run["summary"]
    assert summary["crashes"] == 1
    assert summary["transactions"] == 2 + summary["hedges"]
    keys = [tx["key"] for tx in run["transactions"]]
    assert keys[0].startswith("code/0x")
    assert keys[1] == "open/0"
    code, opening, hedges = run["atomic"]
    assert (code["transactions"], opening["transactions"], opening["plain_transactions"]) == (1, 1, 7)
    assert opening["gas"] < opening["plain_gas"]
    assert hedges["transactions"] == hedges["plain_transactions"] == summary["hedges"] > 0
    assert 0 < hedges["plain_gas"] < hedges["gas"]
    assert [part.name for part in decode_record(run).atomic] == [part["name"] for part in run["atomic"]]
    assert "whole or not at all" in run["report"]
    assert "opened in 1 transaction" in run["output"]


@pytest.mark.soak
@pytest.mark.node
@pytest.mark.parametrize("seed", ["1", "2", "3", "4", "5"])
async def test_a_kill_changes_nothing_of_an_atomic_run(run_demo: RunDemo, seed: str) -> None:
    """With it and without every account ends equal to the wei."""
    words = ("--atomic", "--steps", "12", "--seed", seed)
    whole, crashed = await run_demo(*words), await run_demo(*words, "--crash-at", "2")
    check_run(whole, 12)
    check_run(crashed, 12)
    assert crashed["summary"]["crashes"] == 1
    assert final(crashed) == final(whole)


def test_what_cannot_be_atomic_is_refused() -> None:
    """It needs the hedger, and an engine that forks."""
    with pytest.raises(ConfigError, match="--atomic needs the hedger"):
        DemoOptions(is_atomic=True, is_hedged=False)
    with pytest.raises(ConfigError, match="--atomic needs anvil"):
        DemoOptions(is_atomic=True, engine=Engine.PY_EVM)
