"""What nobody can explain, found by comparing journal and chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.execution.reconcile import foreign_nonces
from trimtab.model.ids import TxHash
from trimtab.model.order import TxRecord, TxStatus


def record(nonce: int) -> TxRecord:
    return TxRecord(f"k/{nonce}", nonce, TxHash("0x00"), TxStatus.SUCCEEDED, 1, 0, 0, 1, "final")


@given(st.sets(st.integers(0, 30)), st.integers(0, 30), st.integers(0, 31))
def test_every_nonce_of_the_range_is_ours_or_foreign(held: set[int], first: int, used: int) -> None:
    """Ours and foreign nonces together are exactly those that the chain used since the journal began."""
    foreign = foreign_nonces([record(n) for n in held], first, used)
    assert set(foreign) | (held & set(range(first, used))) == set(range(first, used))
    assert not set(foreign) & held
