"""Values that only Lyra shows."""

from __future__ import annotations

from decimal import Decimal

from trimtab.venues.lyra.state import BlockedBy, PoolState

ZERO = Decimal(0)


def _pool(*reasons: BlockedBy) -> PoolState:
    return PoolState(
        "sETH", frozenset(reasons), 0, None, None, None, ZERO, ZERO, ZERO, ZERO, (1, 1), (1, 1), ZERO, 1, 1
    )


def test_a_pool_is_open_when_nothing_blocks_it() -> None:
    """One reason is enough to hold the queues."""
    assert _pool().is_open
    assert not any(_pool(reason).is_open for reason in BlockedBy)
