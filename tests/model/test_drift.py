"""Drift: what was foreseen beside what happened, and nothing where one of them is not known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trimtab.model.drift import Drift, FillDrift, Gap, TokenDrift
from trimtab.model.ids import Address, TxHash

D = Decimal
SAME = Gap(5, 5)
TOKEN = Address("0x" + "aa" * 20)


def fill(**given: Gap[Decimal]) -> FillDrift:
    gaps = {"size": Gap(D(1), D(1)), "price": Gap(D(9), D(9)), "fee": Gap(D(2), D(2))} | given
    return FillDrift("vETH", **gaps, price_bps=None)


EXACT = Drift(
    tx_hash=TxHash("0x1"),
    method="eth_simulateV1",
    is_complete=True,
    was_ok=True,
    is_ok=True,
    block=Gap(7, 9),
    gas_used=SAME,
    gas_price=Gap(1, 2),
    fee_wei=Gap(5, 10),
    native=Gap(-5, -10),
    tokens=(TokenDrift(TOKEN, SAME),),
    fills=(fill(),),
)


def test_a_difference_is_actual_less_foreseen_or_unknown() -> None:
    """Unknown on one side is unknown in all."""
    assert Gap(3, 5).difference == 2
    assert Gap(D("1.5"), D(1)).difference == D("-0.5")
    late: Gap[int] = Gap(None, 5)
    early: Gap[int] = Gap(5, None)
    assert late.difference is early.difference is None


def test_another_block_and_price_of_gas_are_no_drift_of_what_was_done() -> None:
    """The market's price of gas and the wait are told, and leave it exact."""
    assert EXACT.is_exact
    assert EXACT.blocks_late == 2


@pytest.mark.parametrize(
    "other",
    [
        {"is_ok": False},
        {"gas_used": Gap(5, 6)},
        {"tokens": (TokenDrift(TOKEN, Gap(5, 4)),)},
        {"fills": (fill(), fill(price=Gap(D(9), D("9.1"))))},
        {"fills": (fill(size=Gap(D(1), D(0))),)},
    ],
)
def test_any_other_difference_is(other: dict[str, Any]) -> None:
    """Its end, its gas, a token, and the price or size of a fill."""
    assert not replace(EXACT, **other).is_exact


def test_what_was_not_foreseen_cannot_differ() -> None:
    """Without logs there are no tokens and fills to compare."""
    assert replace(EXACT, tokens=None, fills=None, gas_used=Gap(None, 5)).is_exact
