"""The record's schema: a fresh simulated run fits it, and its numbers add up."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.report import simulation

from trimtab.report.record import decode_record


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_a_simulated_run_adds_up(seed: int) -> None:
    """Attribution explains the simulated accounts to the last digits, and hedging takes most of the variance
    away."""
    run = decode_record(json.loads(simulation.as_json(simulation.simulate(seed))))
    parts = {name: value for name, value in run.summary.pnl.items() if name != "total"}
    change = sum((account.end - account.start for account in run.accounts), Decimal(0))
    assert abs(sum(parts.values()) - change) < Decimal("1e-9")
    assert abs(run.summary.unexplained) < Decimal("1e-9")
    assert run.summary.pnl_variance is not None
    assert run.summary.unhedged_pnl_variance is not None
    assert run.summary.pnl_variance < run.summary.unhedged_pnl_variance / 2


def test_the_stored_data_is_such_a_run() -> None:
    """tests/data/report/record.json is what the script writes, but for the last digits of the platform."""
    stored = decode_record(json.loads(simulation.DATA.read_text()))
    fresh = decode_record(json.loads(simulation.as_json(simulation.simulate())))
    assert [step.block for step in stored.steps] == [step.block for step in fresh.steps]
    for ours, theirs in zip(stored.steps, fresh.steps, strict=True):
        assert abs(ours.delta_before - theirs.delta_before) < Decimal("1e-6")


def test_numbers_keep_their_digits() -> None:
    """Strings and JSON numbers both become exact Decimals."""
    summary = {
        "max_abs_delta_after": "0.1", "hedges": 0, "transactions": 0, "duplicate_hedges": 0, "orphans": 0,
        "pnl": {"total": 0.1}, "unexplained": "0.000000000000000001", "wall_seconds": 1,
    }  # fmt: skip
    run = decode_record({"seed": 1, "band": 0.5, "steps": [], "summary": summary, "unknown": "kept out"})
    assert run.summary.pnl["total"] == Decimal("0.1")
    assert run.summary.unexplained == Decimal("1e-18")
