"""Average prices and the bounds that protect them, in the contracts' 18-decimal integers. Pure."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from trimtab.model.units import from_wad

# 50 digits: a price times its size is within 1e-15 of a base unit of the notional that it came from.
_PRICE = Context(prec=50)
_PRODUCT = Context(prec=100)
_TENTH_DIGIT = Decimal("1e-10")

MAX_UINT256 = 2**256 - 1


def average_price(notional: int, size: int) -> Decimal:
    """abs(notional) / abs(size) of 18-decimal integers, quote currency per unit, to 50 digits."""
    return _PRICE.divide(from_wad(abs(notional)), from_wad(abs(size)))


def signed_ratio(numerator: int, denominator: int) -> Decimal:
    """A fraction of two integers of the same unit, to 50 digits."""
    return _PRICE.divide(Decimal(numerator), Decimal(denominator)) if denominator else Decimal(0)


def notional_down(price: Decimal, size: int) -> int:
    """price x size in base units, rounded down: the most that a buyer may pay before the fee."""
    return int(_settle(_PRODUCT.multiply(price, Decimal(size))).to_integral_value(ROUND_FLOOR, _PRODUCT))


def notional_up(price: Decimal, size: int) -> int:
    """price x size in base units, rounded up: the least that a seller must get before the fee."""
    return int(_settle(_PRODUCT.multiply(price, Decimal(size))).to_integral_value(ROUND_CEILING, _PRODUCT))


def size_down(price: Decimal, notional: int) -> int:
    """notional / price in base units, rounded down: the most that a seller may give."""
    return int(_settle(_PRODUCT.divide(Decimal(notional), price)).to_integral_value(ROUND_FLOOR, _PRODUCT))


def size_up(price: Decimal, notional: int) -> int:
    """notional / price in base units, rounded up: the least that a buyer must get."""
    return int(_settle(_PRODUCT.divide(Decimal(notional), price)).to_integral_value(ROUND_CEILING, _PRODUCT))


def _settle(base_units: Decimal) -> Decimal:
    """Drops the 1e-15 of a base unit that a 50-digit price cannot carry, so that a limit at exactly the
    quoted price passes; anything coarser still rounds against the trade."""
    return base_units.quantize(_TENTH_DIGIT, context=_PRODUCT)
