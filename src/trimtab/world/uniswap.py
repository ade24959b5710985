"""Uniswap v3's way to write prices: square roots in Q64.96, and ticks of 1 basis point."""

from __future__ import annotations

import math
from decimal import Context, Decimal

from trimtab.chain.address import create2_address
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address

_EXACT = Context(prec=120)


def sqrt_price_x96(price: Decimal) -> int:
    """sqrt(price) x 2^96, rounded down. The price is one of base units: it needs scaling where the tokens'
    decimals differ."""
    return math.isqrt(int(_EXACT.multiply(price, Decimal(2**192))))


def price_of_sqrt(sqrt_x96: int) -> Decimal:
    """The price of a Q64.96 square root, to 28 digits."""
    return Context(prec=28).divide(Decimal(sqrt_x96 * sqrt_x96), Decimal(2**192))


def tick_below(price: Decimal, spacing: int) -> int:
    """The usable tick at or under a price (within the float's own 1e-12)."""
    return int(math.log(price) / math.log(1.0001) // spacing) * spacing


def pool_address(factory: Address, token: Address, other: Address, fee: int, creation_code: bytes) -> Address:
    """Where the factory's CREATE2 puts a pool: salted by both tokens in order, and the fee."""
    words = (*sorted((int(token, 16), int(other, 16))), fee)
    salt = keccak256(b"".join(word.to_bytes(32, "big") for word in words))
    return create2_address(factory, salt, creation_code)
