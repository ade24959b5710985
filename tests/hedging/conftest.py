"""Exposures made of values: what the pure parts of hedging decide on."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from trimtab.hedging.exposure import UnderlyingExposure
from trimtab.model.greeks import Greeks
from trimtab.model.ids import ZERO_ADDRESS
from trimtab.model.market import OptionMarket, OptionSeries, OptionType
from trimtab.model.position import OptionPosition, PerpPosition

MakeExposure = Callable[..., UnderlyingExposure]
_SERIES = OptionSeries(OptionMarket("lyra", "sETH", "ETH", "sUSD", ZERO_ADDRESS), 1, 1, Decimal(2000), 10**10)


def _build(
    option_delta: Decimal | str = "0",
    perp_size: Decimal | str = "0",
    *,
    gamma: Decimal | str = "0.02",
    spot: Decimal | str | None = "2000",
    at: int = 1_000_000,
) -> UnderlyingExposure:
    """A book of one written call and one perp whose net delta is the sum of the two numbers."""
    zero, price = Decimal(0), Decimal(spot) if spot is not None else None
    greeks = Greeks(delta=Decimal(option_delta), gamma=-Decimal(gamma))
    option = OptionPosition(
        "lyra", ZERO_ADDRESS, 1, _SERIES, OptionType.SHORT_CALL_QUOTE, Decimal(20), zero, None, zero,
        Decimal("0.7"), Greeks(delta=Decimal(option_delta) / 2), greeks, "active", 7,
    )  # fmt: skip
    shown = price if price is not None else zero
    perp = PerpPosition(
        "perp_v2", "vETH", ZERO_ADDRESS, Decimal(perp_size), zero, None, shown, shown, zero, zero, None, 7
    )
    return UnderlyingExposure("ETH", 7, at, price, price, (option,), (perp,))


@pytest.fixture(scope="session")
def make_exposure() -> MakeExposure:
    return _build
