"""The health screen decides as exact integers do, also at the edge."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import PricingError
from trimtab.model.units import WAD
from trimtab.pricing.margin import HealthBook

RATIO = 62_500


def edge_book(accounts: int, markets: int, marks: list[int], nearness: int, seed: int) -> HealthBook:
    """Accounts whose margin lies within `nearness` wei of the threshold, some far from it."""
    rng = random.Random(seed)
    sizes = [[rng.randint(-(10**22), 10**22) for _ in range(accounts)] for _ in range(markets)]
    settled = []
    for i in range(accounts):
        values = [s[i] * mark // WAD for s, mark in zip(sizes, marks, strict=True)]
        threshold = sum(map(abs, values)) * RATIO // 10**6 - sum(values)
        settled.append(threshold + rng.randint(-nearness, nearness) * rng.choice([1, 1, 10**9]))
    return HealthBook(settled, sizes, RATIO)


@given(
    markets=st.integers(1, 4),
    nearness=st.sampled_from([1, 10**6, 10**12, 10**15, 10**22]),
    seed=st.integers(0, 10_000),
)
def test_screen_equals_integers(markets: int, nearness: int, seed: int) -> None:
    """The accounts that the screen finds are exactly those that the integer rule finds."""
    marks = [random.Random(seed + k).randint(10**18, 10**23) for k in range(markets)]
    book = edge_book(200, markets, marks, nearness, seed)
    exact = [i for i in range(200) if book.check_exact(i, marks)]
    assert book.liquidatable(marks).tolist() == exact


def test_floats_alone_would_be_wrong() -> None:
    """The edge is real: of accounts within one base unit of it, floats alone misjudge many."""
    marks = [1999 * WAD + 7]
    book = edge_book(2000, 1, marks, 10**12, 1)
    margin, _ = book._screen(slice(None), marks)
    by_float = set(np.flatnonzero(margin < 0).tolist())
    exact = set(book.liquidatable(marks).tolist())
    assert len(by_float ^ exact) > 100


def test_most_accounts_need_no_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from the edge the screen decides alone: a pass over a usual book does no integer work."""
    marks = [2000 * WAD]
    book = edge_book(5000, 1, marks, 10**24, 3)
    checked: list[int] = []

    def check_exact(self: HealthBook, account: int, marks: list[int]) -> bool:
        checked.append(account)
        return False

    monkeypatch.setattr(HealthBook, "check_exact", check_exact)
    book.liquidatable(marks)
    assert len(checked) < 25


def test_chunks_join(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts keep their numbers over the edges of chunks, and an empty book has none to show."""
    marks = [1500 * WAD + 3, 20 * WAD]
    book = edge_book(500, 2, marks, 10**13, 5)
    whole = book.liquidatable(marks).tolist()
    monkeypatch.setattr("trimtab.pricing.margin._CHUNK", 64)
    assert book.liquidatable(marks).tolist() == whole
    assert HealthBook([], [[]], RATIO).liquidatable([WAD]).tolist() == []
    assert HealthBook([WAD, -WAD], [], RATIO).liquidatable([]).tolist() == [1]  # a debt without a position


def test_columns_must_match() -> None:
    """Columns of different lengths and marks for other markets are refused."""
    with pytest.raises(PricingError, match="one length"):
        HealthBook([1, 2], [[1, 2, 3]], RATIO)
    with pytest.raises(PricingError, match="2 marks for 1 markets"):
        HealthBook([1], [[1]], RATIO).liquidatable([WAD, WAD])
