"""Nonces: contiguous, in order, given back only below what is next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.tx.nonces import Nonces


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(0, 5))
def test_reserved_nonces_leave_no_gap(moves: list[int], start: int) -> None:
    """After any reservations and releases: reserved and free are disjoint and fill all below `next`."""
    nonces, held = Nonces(start), list[int]()
    for move in moves:
        if move < 6 or not held:
            lowest = nonces.lowest
            assert lowest not in held
            nonces = nonces.reserve(lowest)
            held.append(lowest)
        else:
            nonces = nonces.release(held.pop(move % len(held)))
        assert set(held) | set(nonces.free) == set(range(start, nonces.next))
        assert not set(held) & set(nonces.free)


def test_the_smallest_free_nonce_goes_first() -> None:
    """A gap is filled before anything is put above it."""
    nonces = Nonces(3).reserve(3).reserve(4).reserve(5).release(3)
    assert nonces.lowest == 3
    assert nonces.reserve(3).lowest == 6


def test_releasing_the_top_moves_next_back_over_the_free_ones() -> None:
    """Nothing stays marked as free above what is next."""
    assert Nonces(0).reserve(0).reserve(1).release(0).release(1) == Nonces(0)


def test_a_gap_is_never_reserved() -> None:
    """A nonce above the next one is a bug, and is refused."""
    with pytest.raises(ValueError, match="gap"):
        Nonces(3).reserve(5)


def test_a_nonce_that_was_not_reserved_is_not_released() -> None:
    """Twice, or from nowhere."""
    with pytest.raises(ValueError, match="not reserved"):
        Nonces(3).release(3)
    with pytest.raises(ValueError, match="not reserved"):
        Nonces(0).reserve(0).reserve(1).release(0).release(0)


def test_the_chain_only_raises() -> None:
    """A lower count is a stale answer: it never gives a nonce back. A higher one skips what others used."""
    assert Nonces(5).raise_to(3) == Nonces(5)
    assert Nonces(5, frozenset({2, 4})).raise_to(3) == Nonces(5, frozenset({4}))
    assert Nonces(5, frozenset({2})).raise_to(9) == Nonces(9)
