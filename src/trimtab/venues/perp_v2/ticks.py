"""Uniswap v3's price grid in its own integers: ticks, square-root prices, amounts of a range. Pure."""

from __future__ import annotations

from decimal import Decimal

from trimtab.model.units import from_wad

Q96 = 2**96
MAX_TICK = 887272

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


def sqrt_at_tick(tick: int) -> int:
    """The square root of the price at a tick, as a Q64.96 integer."""
    if abs(tick) > MAX_TICK:
        raise ValueError(f"tick {tick} is outside +-{MAX_TICK}")
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if abs(tick) >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = (2**256 - 1) // ratio
    return -(-ratio >> 32)


def price_of_sqrt(sqrt_x96: int) -> int:
    """The price (18 decimals) of a square-root price, rounded as PerpMath does."""
    return price_x96_of_sqrt(sqrt_x96) * 10**18 // Q96


def price_x96_of_sqrt(sqrt_x96: int) -> int:
    """The price as a Q160.96 integer."""
    return sqrt_x96 * sqrt_x96 // Q96


def price_at_tick(tick: int) -> Decimal:
    """The price at a tick, in quote currency."""
    return from_wad(price_of_sqrt(sqrt_at_tick(tick)))


def tick_at_price(price: Decimal, spacing: int) -> int:
    """The highest tick on the pool's grid whose price is not above `price`."""
    low, high = -MAX_TICK // spacing + 1, MAX_TICK // spacing
    while low < high:
        middle = (low + high + 1) // 2
        if price_at_tick(middle * spacing) <= price:
            low = middle
        else:
            high = middle - 1
    return low * spacing


def amounts_in_range(liquidity: int, ticks: tuple[int, int], sqrt_x96: int) -> tuple[int, int]:
    """Base and quote that the range holds at a price, rounded down as LiquidityAmounts."""
    low, high = sqrt_at_tick(ticks[0]), sqrt_at_tick(ticks[1])
    at = min(max(sqrt_x96, low), high)
    base = (liquidity << 96) * (high - at) // high // at
    return base, liquidity * (at - low) // Q96
