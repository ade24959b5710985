"""Price paths: a seeded geometric Brownian motion with jumps, or history from a CSV file. Steps of 1e-8."""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from trimtab.errors import ConfigError, IntentError
from trimtab.model.units import decimal_from_float, to_positive

PLACES = 8  # Chainlink's decimals
YEAR_SECONDS = 365 * 86_400
_TICK = Decimal(1).scaleb(-PLACES)


@dataclass(frozen=True, slots=True)
class PricePoint:
    """A price at `at`: seconds from the start of a path, or a unix second of history."""

    at: int
    price: Decimal


@dataclass(frozen=True, slots=True)
class GbmOptions:
    """d ln S = (drift - volatility^2 / 2) dt + volatility dW + jumps (Merton 1976).

    `volatility` and `drift` are annual fractions. `jump_rate` is the expected jumps a year, each of log size
    normal(`jump_mean`, `jump_deviation`). `shocks` are certain: at step k the price is multiplied by 1 + x,
    on top of the diffusion.
    """

    spot: Decimal
    volatility: float = 0.8
    drift: float = 0.0
    step_seconds: int = 3_600
    jump_rate: float = 0.0
    jump_mean: float = -0.05
    jump_deviation: float = 0.05
    shocks: Mapping[int, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        to_positive(self.spot, "spot")
        if self.step_seconds < 1:
            raise IntentError(
                f"step_seconds must be at least 1, got {self.step_seconds}", field="step_seconds"
            )
        for name in ("volatility", "jump_rate", "jump_deviation"):
            if not 0 <= getattr(self, name) < math.inf:
                raise IntentError(f"{name} must be 0 or above, got {getattr(self, name)}", field=name)
        for step, shock in self.shocks.items():
            if step < 1 or shock <= -1:
                raise IntentError(
                    f"a shock of {shock} at step {step} is not possible: steps count from 1, "
                    "and a price stays above 0",
                    field="shocks",
                )


def gbm_path(options: GbmOptions, seed: int | str) -> Iterator[PricePoint]:
    """An endless path that begins at (0, spot). The same options and seed give the same path everywhere."""
    draw = random.Random(seed)
    log_price = math.log(options.spot)
    yield PricePoint(0, options.spot.quantize(_TICK))
    step = 0
    while True:
        step += 1
        log_price += _log_step(options, draw) + math.log1p(options.shocks.get(step, Decimal(0)))
        yield PricePoint(step * options.step_seconds, _quantised(math.exp(log_price)))


def _log_step(options: GbmOptions, draw: random.Random) -> float:
    dt = options.step_seconds / YEAR_SECONDS
    diffusion = (options.drift - options.volatility**2 / 2) * dt
    diffusion += options.volatility * math.sqrt(dt) * draw.gauss(0.0, 1.0)
    jumps = _poisson(options.jump_rate * dt, draw) if options.jump_rate else 0
    return diffusion + sum(draw.gauss(options.jump_mean, options.jump_deviation) for _ in range(jumps))


def _poisson(mean: float, draw: random.Random) -> int:
    """Knuth's product of uniforms: exact, and quick for the small means of one step."""
    count, product, floor = 0, draw.random(), math.exp(-mean)
    while product > floor:
        count += 1
        product *= draw.random()
    return count


def load_csv(path: Path) -> list[PricePoint]:
    """History from a file with the columns `time,price`: unix seconds or ISO 8601 (UTC when it says no zone),
    in rising order. Raises `ConfigError` that names file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return parse_csv(file, str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the prices in {path}: {error}", key="prices") from error


def parse_csv(lines: Iterable[str], name: str = "prices") -> list[PricePoint]:
    """Like `load_csv`, from lines of text."""
    rows = csv.DictReader(lines)
    if not {"time", "price"} <= set(rows.fieldnames or ()):
        found = ", ".join(rows.fieldnames or ()) or "nothing"
        raise ConfigError(f"{name} needs the header time,price; found {found}", key="prices")
    points: list[PricePoint] = []
    for row in rows:
        where = f"{name} line {rows.line_num}"
        point = _point(row, where)
        if points and point.at <= points[-1].at:
            raise ConfigError(f"{where}: {row['time']} is not later than the line before", key="prices")
        points.append(point)
    if not points:
        raise ConfigError(f"{name} holds no prices", key="prices")
    return points


def resample(
    points: Sequence[PricePoint], step_seconds: int, *, spot: Decimal | None = None
) -> list[PricePoint]:
    """One point every `step_seconds` from the first on: each the last known price. `spot` rescales the whole
    history so that it begins there; returns keep their size."""
    first = points[0]
    scale = Decimal(1) if spot is None else spot / first.price
    out: list[PricePoint] = []
    index = 0
    for offset in range(0, points[-1].at - first.at + 1, step_seconds):
        while index + 1 < len(points) and points[index + 1].at - first.at <= offset:
            index += 1
        out.append(PricePoint(offset, (points[index].price * scale).quantize(_TICK)))
    return out


def _point(row: Mapping[str, str | None], where: str) -> PricePoint:
    try:
        price = to_positive((row["price"] or "").strip(), "price").quantize(_TICK)
        return PricePoint(_unix(row["time"] or ""), to_positive(price, "price"))
    except (IntentError, ValueError) as error:
        raise ConfigError(f"{where}: {error}", key="prices") from error


def _unix(text: str) -> int:
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text)
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _quantised(price: float) -> Decimal:
    """Never 0: the smallest price there is is one tick."""
    return max(decimal_from_float(price, PLACES), _TICK)
