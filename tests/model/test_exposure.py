"""What an exposure says of itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trimtab.model.exposure import ExposureBound, SandwichExposure
from trimtab.model.order import PerpIntent, Side

ZERO = Decimal(0)


def test_an_exposure_knows_whether_the_order_bounds_it() -> None:
    """An acceptable price does; without one only the venue and the pool are left."""
    intent = PerpIntent("vETH", Side.BUY, size=Decimal(1))
    bare = SandwichExposure(intent, ZERO, ZERO, ZERO, ZERO, ZERO, ZERO, ExposureBound.ATTACKER, block=1, at=2)
    assert not bare.is_price_limited
    assert replace(bare, intent=replace(intent, acceptable_price=Decimal(2001))).is_price_limited
