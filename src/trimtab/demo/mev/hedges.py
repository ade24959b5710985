"""The hedges of a run, drawn by its seed. Pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal

from trimtab.demo.mev.options import MARKET, MevOptions
from trimtab.model.order import PerpIntent, Side

_STEP = Decimal("0.1")


def draw_hedges(options: MevOptions) -> tuple[PerpIntent, ...]:
    """Small ones and large ones in every run: the logarithms of the sizes lie one in each of as many equal
    parts as there are hedges. The side is a coin's, but none takes the position beyond `max_position`."""
    draws = random.Random(f"mev/{options.seed}")
    sizes = list(_sizes(options, draws))
    draws.shuffle(sizes)
    position, hedges = Decimal(0), []
    for size in sizes:
        side = draws.choice([Side.BUY, Side.SELL])
        if abs(position + side.sign * size) > options.max_position:
            side = Side.SELL if position > 0 else Side.BUY
        position += side.sign * size
        hedges.append(PerpIntent(MARKET, side, size=size))
    return tuple(hedges)


def _sizes(options: MevOptions, draws: random.Random) -> Iterator[Decimal]:
    ratio = float(options.largest / options.smallest)
    for part in range(options.hedges):
        place = (part + draws.random()) / options.hedges
        size = options.smallest * Decimal(str(ratio**place))
        yield min(max(size.quantize(_STEP), options.smallest), options.largest)
