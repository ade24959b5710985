"""Option Greeks, implied volatility and account health beside the option libraries and plain integers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from benchmarks.harness import Result, compare
from trimtab.model.market import OptionKind
from trimtab.model.units import WAD
from trimtab.pricing.black76 import greeks_black_scholes
from trimtab.pricing.black76_columns import Column, greeks_black_scholes_columns
from trimtab.pricing.implied_vol_columns import implied_vol_black_scholes_columns
from trimtab.pricing.margin import HealthBook

warnings.filterwarnings("ignore", module="fast_vollib|vollib|lets_be_rational")

import fast_vollib  # noqa: E402
import vollib.black_scholes as vollib_prices  # noqa: E402
import vollib.black_scholes.greeks.analytical as vollib_greeks  # noqa: E402
from vollib.black_scholes.implied_volatility import implied_volatility as vollib_iv  # noqa: E402

RATE = 0.05
SAMPLE = 100  # options of a vollib round: it is a loop, its time per option does not depend on how many


class Options:
    """`size` random options around a spot of 2000, within about three standard deviations."""

    def __init__(self, size: int) -> None:
        rng = np.random.default_rng(7)
        self.spot = np.full(size, 2000.0)
        self.years = rng.uniform(0.02, 1.0, size)
        self.vol = rng.uniform(0.2, 1.5, size)
        self.strike = self.spot * np.exp(rng.normal(0.0, 1.0, size) * self.vol * np.sqrt(self.years))
        self.is_call = self.strike > self.spot
        self.flag = np.where(self.is_call, "c", "p")
        self.rows = [
            (str(flag), float(spot), float(strike), float(years), RATE, float(vol))
            for flag, spot, strike, years, vol, _ in zip(
                self.flag, self.spot, self.strike, self.years, self.vol, range(SAMPLE), strict=False
            )
        ]

    def ours(self) -> object:
        return greeks_black_scholes_columns(self.is_call, self.spot, self.strike, self.years, self.vol, RATE)

    def vollib_loop(self) -> None:
        for row in self.rows:
            vollib_prices.black_scholes(*row)
            for greek in ("delta", "gamma", "vega", "theta", "rho"):
                getattr(vollib_greeks, greek)(*row)

    def fast_vollib(self) -> None:
        arguments = (self.flag, self.spot, self.strike, self.years, RATE, self.vol)
        fast_vollib.fast_black_scholes(*arguments, return_as="numpy")
        fast_vollib.get_all_greeks(*arguments, return_as="numpy")


def measure_one() -> list[Result]:
    options = Options(1)
    flag, spot, strike, years, rate, vol = options.rows[0]
    kind = OptionKind.CALL if flag == "c" else OptionKind.PUT

    def ours() -> object:
        return greeks_black_scholes(kind, spot, strike, years, vol, rate)

    name = "price and Greeks, 1 option"
    return [
        compare(name, ours, options.vollib_loop, peer_name="vollib", number=500, promised=10),
        compare(
            name, ours, options.fast_vollib, peer_name="fast-vollib", number=500, peer_number=50, promised=50
        ),
    ]


def measure_many(size: int, loop_promised: float) -> list[Result]:
    """Ours gives price and eight Greeks, the peers price and five."""
    options = Options(size)
    number = max(1, 100_000 // size)
    name = f"price and Greeks, {size:,} options, each"
    return [
        compare(
            name, options.ours, options.vollib_loop, peer_name="vollib", number=number, peer_number=1,
            per=size, peer_per=len(options.rows), unit="ns", promised=loop_promised,
        ),
        compare(
            name, options.ours, options.fast_vollib, peer_name="fast-vollib", number=number,
            peer_number=max(1, number // 4), per=size, unit="ns", promised=3,
        ),
    ]  # fmt: skip


def measure_implied_vol(size: int = 10_000) -> list[Result]:
    options = Options(size)
    price = greeks_black_scholes_columns(
        options.is_call, options.spot, options.strike, options.years, options.vol, RATE
    ).price
    rows = [
        (float(p), spot, strike, years, RATE, flag)
        for p, (flag, spot, strike, years, _, _) in zip(price, options.rows, strict=False)
    ]

    def ours() -> Column:
        return implied_vol_black_scholes_columns(
            options.is_call, price, options.spot, options.strike, options.years, RATE
        )

    def peer() -> object:
        return fast_vollib.fast_implied_volatility(
            price, options.spot, options.strike, options.years, RATE, options.flag, return_as="numpy"
        )

    def loop() -> None:
        for row in rows:
            vollib_iv(*row)

    found = ours()
    assert np.max(np.abs(found / options.vol - 1.0)) < 1e-13, "implied volatility is off by more than 1e-13"
    name = f"implied volatility, {size:,} prices, each"
    return [
        compare(name, ours, loop, peer_name="vollib", per=size, peer_per=len(rows), unit="ns", promised=20),
        compare(name, ours, peer, peer_name="fast-vollib", per=size, unit="ns", promised=3),
    ]


def measure_health(size: int = 1_000_000) -> list[Result]:
    """One-market accounts; ours is exact, the float64 pass beside it is not."""
    rng = np.random.default_rng(3)
    sizes = [int(v) * 10**6 for v in rng.integers(-(10**15), 10**15, size)]
    mark = 2000 * WAD + 1
    lever = rng.uniform(-0.9, 1.5, size)
    settled = [int(abs(s) * 2000 * m) - s * 2000 for s, m in zip(sizes, lever, strict=True)]
    book = HealthBook(settled, [sizes], 62_500)
    settled_float, sizes_float = np.array(settled, dtype=float), np.array(sizes, dtype=float)

    def by_integers() -> int:
        count = 0
        for cash, held in zip(settled, sizes, strict=True):
            value = abs(held) * mark // WAD
            equity = (cash + (value if held > 0 else -value)) // 10**12 * 10**12
            count += equity < value * 62_500 // 10**6
        return count

    def by_floats() -> object:
        value = sizes_float * (mark / 1e18)
        return np.flatnonzero(settled_float + value < np.abs(value) * 0.0625)

    assert len(book.liquidatable([mark])) == by_integers(), "the screen and the integers disagree"
    ours: Callable[[], object] = lambda: book.liquidatable([mark])  # noqa: E731
    name = f"exact health check, {size:,} accounts"
    return [
        compare(name, ours, by_integers, peer_name="Python integers", unit="ms", promised=15),
        compare(name, ours, by_floats, peer_name="float64, inexact", unit="ms", promised=0.4),
    ]


async def run() -> list[Result]:
    return [
        *measure_one(),
        *measure_many(100, 20),
        *measure_many(10_000, 100),
        *measure_many(1_000_000, 100),
        *measure_implied_vol(),
        *measure_health(),
    ]
