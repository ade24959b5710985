"""Which hedges a seed draws."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trimtab.demo.mev.hedges import draw_hedges
from trimtab.demo.mev.options import MevOptions

seeds, counts = st.integers(0, 10**9), st.integers(1, 30)


@given(seeds, counts)
def test_every_draw_keeps_to_its_bounds(seed: int, count: int) -> None:
    """As many as asked for, sizes between smallest and largest, the position never beyond its bound."""
    options = MevOptions(seed=seed, hedges=count)
    hedges, position = draw_hedges(options), Decimal(0)
    assert len(hedges) == count
    for hedge in hedges:
        assert hedge.size is not None
        assert options.smallest <= hedge.size <= options.largest
        position += hedge.side.sign * hedge.size
        assert abs(position) <= options.max_position


@given(seeds)
def test_small_and_large_are_in_every_run(seed: int) -> None:
    """One of eight lies in the lowest eighth of the sizes' logarithms, and one in the highest."""
    options = MevOptions(seed=seed)
    sizes = sorted(hedge.size for hedge in draw_hedges(options) if hedge.size is not None)
    assert sizes[0] < options.smallest * Decimal("1.5")
    assert sizes[-1] > options.largest / Decimal("1.5")


def test_a_seed_is_its_hedges() -> None:
    """The same again for the same seed, others for another."""
    first = draw_hedges(MevOptions(seed=3))
    assert first == draw_hedges(MevOptions(seed=3))
    assert first != draw_hedges(MevOptions(seed=4))
