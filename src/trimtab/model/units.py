"""Conversions between the three kinds of number: `int` base units, `Decimal`, and `float` of `pricing/`.

This is the only place that converts. The rounding direction is in the name; floats are refused at every
door that leads to calldata.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, InvalidOperation

from trimtab.errors import IntentError

WAD = 10**18
_EXACT = Context(prec=120)  # uint256 has 78 digits: products of two still fit


def to_decimal(value: object, field: str = "value") -> Decimal:
    """The number as a finite Decimal. Accepts Decimal, int and str; a float, bool, NaN or infinity is an
    `IntentError`, because a float has lost digits before we could see it."""
    if isinstance(value, float):
        raise IntentError(
            f"{field} is the float {value!r}, which is not exact; pass Decimal('{value}') or a string",
            field=field,
            value=value,
        )
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise IntentError(
            f"{field} must be a Decimal, int or str, got {type(value).__name__} {value!r}",
            field=field,
            value=value,
        )
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise IntentError(f"{field} is not a number: {value!r}", field=field, value=value) from None
    if not number.is_finite():
        raise IntentError(f"{field} must be finite, got {number}", field=field, value=value)
    return number


def to_positive(value: object, field: str = "value") -> Decimal:
    """Like `to_decimal`, and above zero."""
    number = to_decimal(value, field)
    if number <= 0:
        raise IntentError(f"{field} must be above 0, got {number}", field=field, value=value)
    return number


def to_base_exact(value: object, decimals: int, field: str = "amount") -> int:
    """Base units of `value`; more than `decimals` decimal places is an `IntentError`, never a rounding."""
    scaled = _scale(to_decimal(value, field), decimals)
    base = int(scaled)
    if base != scaled:
        raise IntentError(
            f"{field} {value} has more than {decimals} decimal places; "
            "round it before, in the direction you mean",
            field=field,
            value=value,
        )
    return base


def to_base_down(value: object, decimals: int, field: str = "amount") -> int:
    """Base units of `value`, rounded towards minus infinity."""
    return int(_scale(to_decimal(value, field), decimals).to_integral_value(ROUND_FLOOR, _EXACT))


def to_base_up(value: object, decimals: int, field: str = "amount") -> int:
    """Base units of `value`, rounded towards plus infinity."""
    return int(_scale(to_decimal(value, field), decimals).to_integral_value(ROUND_CEILING, _EXACT))


def from_base(base: int, decimals: int) -> Decimal:
    """The exact Decimal of `base` units: 1 USDC is 1000000 base units of 6 decimals."""
    return _EXACT.scaleb(Decimal(base), -decimals)


def from_wad(wad: int) -> Decimal:
    """The exact Decimal of an 18-decimal fixed-point integer."""
    return from_base(wad, 18)


def to_wad_exact(value: object, field: str = "amount") -> int:
    """18-decimal fixed-point integer of `value`; more than 18 decimal places is an `IntentError`."""
    return to_base_exact(value, 18, field)


def product_up(first: Decimal, second: Decimal) -> Decimal:
    """first x second, rounded up to 18 decimals: as contracts multiply wads against a caller."""
    product = _EXACT.multiply(first, second)
    return product.quantize(Decimal(1).scaleb(-18), ROUND_CEILING, _EXACT)


def decimal_from_float(value: float, places: int = 12) -> Decimal:
    """A result of `pricing/` as a Decimal of `places` decimals, half to even. For display and decisions
    about targets; an amount that reaches calldata is rounded once more, by name, through `to_base_*`."""
    return Decimal(value).quantize(Decimal(1).scaleb(-places), context=_EXACT)


def to_text(number: Decimal) -> str:
    """The exact digits for messages and labels: no exponent and no trailing zeros."""
    return f"{number.normalize(_EXACT):f}"


def _scale(number: Decimal, decimals: int) -> Decimal:
    return _EXACT.scaleb(number, decimals)
