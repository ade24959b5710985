"""How duplicates are counted."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.demo.audit import count_duplicates
from trimtab.model.ids import TxHash
from trimtab.model.order import Fill

ZERO = Decimal(0)


def fill(tx: int, log_index: int = 0) -> Fill:
    tx_hash = TxHash(f"0x{tx:064x}")
    return Fill("perp_v2", "vETH", Decimal(1), Decimal(2000), ZERO, ZERO, ZERO, tx_hash, 1, log_index)


@given(st.dictionaries(st.integers(0, 20), st.integers(0, 5)), st.sets(st.integers(30, 40)))
def test_every_trade_beyond_one_for_its_occasion_counts(known: dict[int, int], unknown: set[int]) -> None:
    """Trades less occasions, and every trade of no occasion: there is no way to trade twice unseen."""
    reasons = {TxHash(f"0x{tx:064x}"): f"step-{reason}" for tx, reason in known.items()}
    fills = [fill(tx) for tx in (*known, *unknown)]
    expected = len(known) - len(set(known.values())) + len(unknown)
    assert count_duplicates(fills, reasons) == expected


def test_two_fills_of_one_transaction_are_one_trade() -> None:
    """A trade may fill in parts; only a second transaction is a second trade."""
    reasons = {TxHash(f"0x{1:064x}"): "step-1"}
    assert count_duplicates([fill(1, 0), fill(1, 1)], reasons) == 0
