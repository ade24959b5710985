"""What a run of the MEV demo is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from trimtab.errors import ConfigError

MARKET, UNDERLYING = "vETH", "ETH"
MOST_HEDGES = 100


@dataclass(frozen=True, slots=True)
class MevOptions:
    """`hedges` orders whose sides and sizes `seed` draws. `margin` is what the trader posts, in the venue's
    settlement currency; `max_position` (units of underlying) bounds the sum of the hedges at every step.
    `folder` keeps the journals, None for a temporary one. Raises `ConfigError` on a bad value."""

    seed: int = 1
    hedges: int = 8
    smallest: Decimal = Decimal(15)
    largest: Decimal = Decimal(300)
    max_position: Decimal = Decimal(500)
    margin: Decimal = Decimal(500_000)
    folder: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.hedges <= MOST_HEDGES:
            raise ConfigError(f"--hedges must be 1 to {MOST_HEDGES}, got {self.hedges}", key="hedges")
        if not 0 < self.smallest <= self.largest <= self.max_position:
            raise ConfigError(
                f"hedges of {self.smallest} to {self.largest} with positions up to {self.max_position}: "
                "give sizes above 0, in this order",
                key="largest",
            )
