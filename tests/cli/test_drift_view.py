"""The table of what came, less what was rehearsed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.cli.drift_view import print_drifts
from trimtab.model.drift import Drift, Gap
from trimtab.model.ids import TxHash

EXACT = Drift(
    tx_hash=TxHash("0x" + "ab" * 32),
    method="eth_simulateV1",
    is_complete=True,
    was_ok=True,
    is_ok=True,
    block=Gap(7, 7),
    gas_used=Gap(800_000, 800_000),
    gas_price=Gap(10, 10),
    fee_wei=Gap(8_000_000, 8_000_000),
    native=Gap(-8_000_000, -8_000_000),
    tokens=(),
    fills=(),
    price_bps=Decimal("0.0000"),
)


def shown(capsys: pytest.CaptureFixture[str], *drifts: Drift) -> list[list[str]]:
    print_drifts(drifts)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    return [row for row in rows if row and row[0].startswith(("eth_", "debug_"))]


def test_what_came_as_foreseen_is_zeros(capsys: pytest.CaptureFixture[str]) -> None:
    """The same block, gas, fee and price."""
    assert shown(capsys, EXACT) == [["eth_simulateV1", "0", "0", "0", "0", "yes"]]


def test_differences_have_their_sign(capsys: pytest.CaptureFixture[str]) -> None:
    """Later, dearer, and at a worse price."""
    drifted = replace(
        EXACT,
        block=Gap(7, 9),
        gas_used=Gap(800_000, 799_000),
        fee_wei=Gap(10**15, 3 * 10**15),
        price_bps=Decimal("12.3456"),
    )
    assert shown(capsys, drifted) == [["eth_simulateV1", "2", "-1,000", "0.002", "12.35", "no"]]


def test_what_is_not_known_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    """eth_call alone tells neither gas nor fills, and did not count all that came before."""
    blind = replace(
        EXACT,
        method="eth_call",
        is_complete=False,
        gas_used=Gap(None, 5),
        fee_wei=Gap(None, 5),
        tokens=None,
        fills=None,
        price_bps=None,
    )
    assert shown(capsys, blind) == [["eth_call,", "in", "part", "0", "–", "–", "–", "–"]]


def test_without_a_rehearsal_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """A report of public transactions is as it was."""
    print_drifts(())
    assert capsys.readouterr().out == ""
