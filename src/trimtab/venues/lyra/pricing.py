"""The venue's own Black-Scholes, asked of its library, beside ours.

A mark is the library's price at the strike's current volatility (base IV x skew), the current spot and the
block's time: the price that the venue's next trade starts from, before its impact and fees. It is not the
cached price of `OptionGreekCache`, which is as old as the board's last update.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from trimtab.chain.abi import AbiFunction
from trimtab.chain.call import Read
from trimtab.model.greeks import Greeks
from trimtab.model.ids import Address
from trimtab.model.market import OptionKind
from trimtab.model.units import WAD, from_base, from_wad
from trimtab.pricing.black76 import greeks_black_scholes, greeks_to_model, years_to_expiry
from trimtab.venues.lyra.contracts import abi

# A library's selector is made from the qualified name of the struct, which no ABI tool derives.
_QUALIFIED = "pricesDeltaStdVega(BlackScholes.BlackScholesInputs)"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What an option is priced with, in the contract's base units."""

    seconds: int
    vol: int
    spot: int
    strike: int
    rate: int


@dataclass(frozen=True, slots=True)
class Marks:
    """Prices and Greeks per one option held long: the venue knows delta and vega, the rest stays 0."""

    call_price: Decimal
    put_price: Decimal
    call: Greeks
    put: Greeks


def read_prices(library: Address, inputs: Inputs) -> Read[Any]:
    """The library's callPrice, putPrice, callDelta, putDelta, vega and stdVega, in base units."""
    terms = (inputs.seconds, inputs.vol, inputs.spot, inputs.strike, inputs.rate)
    return _library_function().read(library, terms)


@cache
def _library_function() -> AbiFunction:
    return abi("BlackScholes").function("pricesDeltaStdVega").with_signature(_QUALIFIED)


def marks_from(prices: Any) -> Marks:
    """The library's answer as marks."""
    return marks_of(prices.callPrice, prices.putPrice, prices.callDelta, prices.putDelta, prices.vega)


def marks_of(call_price: int, put_price: int, call_delta: int, put_delta: int, vega: int) -> Marks:
    """The library's numbers as marks; its vega is per 1.0 of volatility."""
    per_point = from_base(vega, 20)
    return Marks(
        from_wad(call_price),
        from_wad(put_price),
        Greeks(delta=from_wad(call_delta), vega=per_point),
        Greeks(delta=from_wad(put_delta), vega=per_point),
    )


def intrinsic_marks(strike: int, price: int) -> Marks:
    """Marks of a settled strike: what it pays at the settlement price. SHORT_CALL_BASE pays it in base, and
    the venue's settlement fee on top."""
    return Marks(from_wad(max(price - strike, 0)), from_wad(max(strike - price, 0)), Greeks(), Greeks())


def strike_vol(base_iv: int, skew: int) -> int:
    """Volatility of a strike, rounded as the contract rounds."""
    return base_iv * skew // WAD


def own_greeks(kind: OptionKind, inputs: Inputs) -> Greeks:
    """Our Greeks per one option held long, in the venue's convention: spot, continuous rate, 365-day year."""
    return greeks_to_model(
        greeks_black_scholes(
            kind,
            float(from_wad(inputs.spot)),
            float(from_wad(inputs.strike)),
            years_to_expiry(inputs.seconds, 0),
            float(from_wad(inputs.vol)),
            float(from_wad(inputs.rate)),
        )
    )
