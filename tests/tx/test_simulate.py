"""The gas limit that a simulation gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import IntentError
from trimtab.tx.intent import TX_GAS_CAP
from trimtab.tx.simulate import with_margin


@given(st.integers(21_000, TX_GAS_CAP * 7 // 10))
def test_the_margin_covers_refunds_and_eight_nested_calls(used: int) -> None:
    """Refunds hide up to a fifth of the spending (EIP-3529); eight calls pass on (63/64)^8 of the rest."""
    limit = with_margin(used)
    spent_before_refund = -(-used * 5 // 4)
    assert limit * 63**8 // 64**8 >= spent_before_refund
    assert limit <= used * 1.43 + 1


def test_the_limit_stays_under_the_cap_of_a_transaction() -> None:
    """A use just below the cap gets the cap; above it the call must be split (EIP-7825)."""
    assert with_margin(TX_GAS_CAP) == TX_GAS_CAP
    with pytest.raises(IntentError, match="split it"):
        with_margin(TX_GAS_CAP + 1)
