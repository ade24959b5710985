"""The named plans hold what their names promise."""

from __future__ import annotations

import pytest

from trimtab.world.faults import FaultPlan
from trimtab.world.faults.kinds import RefusedSend, Stage, reaches_node
from trimtab.world.faults.presets import PRESETS


def test_they_are_found_by_name() -> None:
    """The plan's own methods give the same values."""
    assert {"calm": FaultPlan.calm(), "flaky": FaultPlan.flaky(), "storm": FaultPlan.storm()} == PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_reads_get_through(name: str) -> None:
    """Broken answers from three nodes, four times over, are less likely than one in a million."""
    broken = sum(
        rule.probability or 0.0
        for rule in PRESETS[name].rules
        if Stage.MESSAGE in rule.fault.stages and not rule.fault.needs_batch and rule.strikes("eth_call")
    )
    assert broken**12 < 1e-6


def test_lies_about_a_send_are_none_that_no_sender_could_see_through() -> None:
    """A node that took a transaction never says a definite no."""
    lies = {
        rule.fault.send_class
        for rule in FaultPlan.storm().rules
        if isinstance(rule.fault, RefusedSend) and reaches_node(rule.fault)
    }
    assert lies <= {"nonce_low", "ambiguous", "node_state", "already_known"}
    assert lies
