"""How far transactions went from their rehearsals, for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trimtab.cli.output import DASH, number, print_table

if TYPE_CHECKING:
    from trimtab.model.drift import Drift

COLUMNS = ("Rehearsed by", ">Blocks later", ">Gas", ">Fee (ETH)", ">Price (bps)", "As foreseen")


def print_drifts(drifts: Iterable[Drift]) -> None:
    """A row for each: what came, less what was rehearsed. A price > 0 is worse than foreseen."""
    rows = [_row(drift) for drift in drifts]
    if rows:
        print_table("Against the rehearsal", COLUMNS, rows)


def _row(drift: Drift) -> tuple[object, ...]:
    from trimtab.model.units import from_wad

    gas, fee = drift.gas_used.difference, drift.fee_wei.difference
    return (
        drift.method if drift.is_complete else f"{drift.method}, in part",
        drift.blocks_late,
        DASH if gas is None else gas,
        DASH if fee is None else number(from_wad(fee), 8),
        DASH if drift.price_bps is None else number(drift.price_bps, 2),
        "no" if not drift.is_exact else "yes" if drift.fills is not None else DASH,
    )
