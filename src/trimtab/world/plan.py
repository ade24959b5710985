"""What a fresh world holds: prices, liquidity, boards and purses. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

DAY = 86_400


@dataclass(frozen=True, slots=True)
class BoardPlan:
    """One Lyra expiry. `skews` by strike; a strike's volatility is base_iv x skew."""

    days: int
    base_iv: Decimal
    skews: Mapping[Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class UnderlyingPlan:
    """One underlying with a market on both protocols. `maker_size` (units of it, and as much quote) stands in
    the Perp v2 pool between spot / `maker_span` and spot x `maker_span`; `lp_deposit` in sUSD."""

    symbol: str
    spot: Decimal
    maker_size: Decimal
    maker_span: int
    lp_deposit: Decimal
    boards: tuple[BoardPlan, ...]

    @property
    def perp_market(self) -> str:
        return f"v{self.symbol}"

    @property
    def option_market(self) -> str:
        return f"s{self.symbol}"


@dataclass(frozen=True, slots=True)
class WorldPlan:
    """Everything that is deployed. Purses by token symbol for each funded account; margins in USDC."""

    underlyings: tuple[UnderlyingPlan, ...]
    purse: Mapping[str, Decimal]
    insurance_fund: Decimal
    maker_margin: Decimal
    arbitrageur_margin: Decimal
    liquidator_margin: Decimal

    def underlying(self, symbol: str) -> UnderlyingPlan | None:
        return next((u for u in self.underlyings if u.symbol == symbol), None)


def _skews(**by_strike: str) -> dict[Decimal, Decimal]:
    return {Decimal(strike[1:]): Decimal(skew) for strike, skew in by_strike.items()}


_ETH = UnderlyingPlan(
    symbol="ETH",
    spot=Decimal(2000),
    maker_size=Decimal(25_000),
    maker_span=4,
    lp_deposit=Decimal(3_000_000),
    boards=(
        BoardPlan(
            28,
            Decimal("0.9"),
            _skews(
                k1600="1.14", k1700="1.1", k1850="1.04", k2000="1", k2150="1.02", k2350="1.06", k2600="1.1"
            ),
        ),
        BoardPlan(
            84,
            Decimal("0.8"),
            _skews(
                k1500="1.14", k1700="1.07", k1850="1.03", k2000="1", k2200="1.02", k2500="1.06", k2900="1.1"
            ),
        ),
    ),
)

_BTC = UnderlyingPlan(
    symbol="BTC",
    spot=Decimal(30_000),
    maker_size=Decimal(1_700),
    maker_span=4,
    lp_deposit=Decimal(3_000_000),
    boards=(
        BoardPlan(
            28,
            Decimal("0.75"),
            _skews(
                k25500="1.1",
                k27000="1.06",
                k28500="1.03",
                k30000="1",
                k31500="1.02",
                k33500="1.05",
                k36000="1.1",
            ),
        ),
        BoardPlan(
            84,
            Decimal("0.7"),
            _skews(
                k24000="1.12",
                k26500="1.06",
                k28500="1.02",
                k30000="1",
                k32000="1.02",
                k35000="1.05",
                k40000="1.1",
            ),
        ),
    ),
)

DEFAULT_PLAN = WorldPlan(
    underlyings=(_ETH, _BTC),
    purse={
        "USDC": Decimal(1_000_000),
        "WETH": Decimal(500),
        "sUSD": Decimal(1_000_000),
        "sETH": Decimal(500),
        "sBTC": Decimal(50),
    },
    insurance_fund=Decimal(1_000_000),
    maker_margin=Decimal(120_000_000),
    arbitrageur_margin=Decimal(20_000_000),
    liquidator_margin=Decimal(200_000),
)
"""Round numbers near the middle of 2023."""
