"""Uniswap v3's price grid in its own integers: square roots of prices (Q64.96) at ticks, and ticks of them.

Uniswap v3-core TickMath, bit for bit. A tick is a factor of 1.0001 in price.
"""

from __future__ import annotations

import math
from functools import lru_cache

from trimtab.errors import PricingError

Q96 = 2**96
MIN_TICK, MAX_TICK = -887272, 887272
MIN_SQRT, MAX_SQRT = 4295128739, 1461446703485210103287273052203988822378723970342

# TickMath.getSqrtRatioAtTick: 2^128 / sqrt(1.0001)^(2^i), for the bits of |tick|.
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_LOG_BASE = math.log(1.0001)


@lru_cache(maxsize=65536)
def sqrt_at_tick(tick: int) -> int:
    """The square root of the price at a tick, as a Q64.96 integer. `ValueError` outside the grid."""
    size = abs(tick)
    if size > MAX_TICK:
        raise ValueError(f"tick {tick} is outside +-{MAX_TICK}")
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if size >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


def tick_at_sqrt(sqrt_x96: int) -> int:
    """The highest tick whose square root is not above this one: TickMath.getTickAtSqrtRatio. A logarithm
    guesses, the integers decide. `PricingError` outside the grid."""
    if not MIN_SQRT <= sqrt_x96 < MAX_SQRT:
        raise PricingError(f"square root {sqrt_x96} is outside {MIN_SQRT} to below {MAX_SQRT}")
    tick = max(MIN_TICK, min(MAX_TICK, math.floor(2 * math.log(sqrt_x96 / Q96) / _LOG_BASE)))
    while sqrt_at_tick(tick) > sqrt_x96:
        tick -= 1
    while tick < MAX_TICK and sqrt_at_tick(tick + 1) <= sqrt_x96:
        tick += 1
    return tick
