"""Quotes and exposures without a venue, for what is decided about them."""

from __future__ import annotations

from decimal import Decimal

from trimtab.model.exposure import ExposureBound, Remedies, SandwichExposure
from trimtab.model.order import Fill, PerpIntent, PerpQuote, Side

D = Decimal
SELL = PerpIntent("vETH", Side.SELL, size=D(10), acceptable_price=D(1900))


def quote_of(intent: PerpIntent = SELL, price: str = "1950") -> PerpQuote:
    size = intent.size or D(10)
    return PerpQuote(
        intent, intent.side.sign * size, size * D(price), D(price), D(1), D(0), D(2000), D(2000), D(50_000),
        D(40_000), None, True, 7, 1_000,
    )  # fmt: skip


def exposure_of(worst: str, intent: PerpIntent = SELL) -> SandwichExposure:
    bound = ExposureBound.ACCEPTABLE_PRICE
    return SandwichExposure(intent, D(worst), D(50), D(3), D(2), D(1), D(600), bound, 7, 1_000)


def remedies_of(price: str, amount: str | None) -> Remedies:
    return Remedies(D(price), None if amount is None else D(amount), D(5), 7)


def fill_of(size: str, price: str = "2000", fee: str = "1") -> Fill:
    return Fill("perp_v2", "vETH", D(size), D(price), D(fee), D(0), D(0), "0x" + "11" * 32, 7, 0)  # type: ignore[arg-type]
