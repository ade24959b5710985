"""What a run of the demo is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

from trimtab.demo.opening import BookOptions
from trimtab.errors import ConfigError
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, WhalleyWilmott

UNDERLYING, OPTION_MARKET, PERP_MARKET = "ETH", "sETH", "vETH"


class PolicyName(StrEnum):
    BAND = "band"
    WW = "ww"


class Engine(StrEnum):
    ANVIL = "anvil"
    PY_EVM = "py-evm"


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """`steps` looks, `step_seconds` of chain time apart; the first is at the opening price. `band` is the
    half-width in units of underlying (for `ww` the widest it may get). `path` is "gbm", "gbm-jumps" or a CSV
    file of prices. With `has_flow` option customers trade between the looks, which moves implied volatility.
    `crash_at` N kills the hedger right after the broadcast of its N-th hedge. `is_atomic`: the trader takes
    on the executor's code, and opens and hedges through it. `folder` keeps journal and logs, None for a
    temporary one. Raises `ConfigError` on a combination that cannot run.
    """

    seed: int = 1
    steps: int = 30
    band: Decimal = Decimal("0.5")
    policy: PolicyName = PolicyName.BAND
    path: str = "gbm-jumps"
    is_hedged: bool = True
    has_flow: bool = True
    crash_at: int | None = None
    is_atomic: bool = False
    engine: Engine = Engine.ANVIL
    fork_url: str | None = None
    step_seconds: int = 3600
    book: BookOptions = field(default_factory=BookOptions)
    limits: HedgeLimits = field(default_factory=HedgeLimits)
    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"--steps must be at least 1, got {self.steps}", key="steps")
        if self.crash_at is not None and self.crash_at < 1:
            raise ConfigError(f"--crash-at counts hedges from 1, got {self.crash_at}", key="crash_at")
        if self.crash_at is not None and not self.is_hedged:
            raise ConfigError("--crash-at needs the hedger: leave out --no-hedge", key="crash_at")
        if self.is_atomic and not self.is_hedged:
            raise ConfigError("--atomic needs the hedger: leave out --no-hedge", key="is_atomic")
        if self.is_atomic and self.engine is Engine.PY_EVM:
            raise ConfigError("--atomic needs anvil: py-evm cannot fork for the plain way", key="engine")
        if self.engine is Engine.PY_EVM and self.fork_url:
            raise ConfigError("--fork-url needs anvil: py-evm cannot fork", key="engine")

    def make_policy(self) -> FixedBand | WhalleyWilmott:
        """The hedging policy. Whalley-Wilmott: 0.1 % taker fee and as much again for impact; an aversion that
        puts the band of this book near a third of an ETH."""
        if self.policy is PolicyName.BAND:
            return FixedBand(self.band)
        return WhalleyWilmott(
            risk_aversion=Decimal("0.2"),
            cost_rate=Decimal("0.002"),
            min_width=self.band / 10,
            max_width=self.band,
            lot=min(Decimal("0.0001"), self.band / 10),
        )
