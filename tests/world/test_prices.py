"""Price paths: the same for the same seed, always above zero, and history as it was written."""

from __future__ import annotations

import math
import statistics
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import ConfigError, IntentError
from trimtab.world.prices import GbmOptions, PricePoint, gbm_path, load_csv, parse_csv, resample

SPOT = Decimal(2000)
PATH_OF_SEED_7 = ["2000.00000000", "1995.55761995", "2004.22697818", "1988.28528355", "1984.59105958"]


def _take(options: GbmOptions, seed: int | str, count: int) -> list[PricePoint]:
    return list(islice(gbm_path(options, seed), count))


@given(
    seed=st.integers(0, 2**64),
    volatility=st.floats(0, 5),
    step=st.integers(1, 86_400),
    jump_rate=st.floats(0, 2_000),
)
def test_a_path_repeats_by_its_seed(seed: int, volatility: float, step: int, jump_rate: float) -> None:
    """Same options and seed, same path; times in equal steps, prices above 0 with at most 8 decimals."""
    options = GbmOptions(SPOT, volatility=volatility, step_seconds=step, jump_rate=jump_rate)
    path = _take(options, seed, 20)
    assert path == _take(options, seed, 20)
    assert path[0] == PricePoint(0, SPOT)
    assert [p.at for p in path] == [i * step for i in range(20)]
    assert all(p.price > 0 and -p.price.as_tuple().exponent <= 8 for p in path)  # type: ignore[operator]


def test_this_very_path() -> None:
    """A seed means the same path in every version and on every machine: a demo can be cited by its seed."""
    path = _take(GbmOptions(SPOT, jump_rate=500), 7, 5)
    assert [str(p.price) for p in path] == PATH_OF_SEED_7


def test_seeds_differ() -> None:
    """Another seed, another path; a text may be a seed, so that each underlying has its own."""
    paths = [_take(GbmOptions(SPOT), seed, 10) for seed in (1, 2, "1/ETH", "1/BTC")]
    assert len({tuple(path) for path in paths}) == 4


def test_the_moments_are_those_of_the_model() -> None:
    """Over 20,000 hourly steps the volatility and the drift are the ones asked for, within sampling error."""
    path = _take(GbmOptions(SPOT, volatility=0.8, drift=0.3), 11, 20_001)
    returns = [math.log(b.price / a.price) for a, b in pairwise(path)]
    hours = 365 * 24
    assert statistics.stdev(returns) * math.sqrt(hours) == pytest.approx(0.8, rel=0.02)
    deviation = 0.8 / math.sqrt(20_000 / hours)
    assert statistics.fmean(returns) * hours == pytest.approx(0.3 - 0.8**2 / 2, abs=3 * deviation)


def test_jumps_come_at_their_rate() -> None:
    """Without diffusion every move is a jump: about rate x time of them, of about the mean size."""
    options = GbmOptions(SPOT, volatility=0, jump_rate=876, jump_mean=-0.001, jump_deviation=0.0001)
    path = _take(options, 5, 10_001)
    sizes = [math.log(b.price / a.price) for a, b in pairwise(path) if a.price != b.price]
    assert 850 < len(sizes) < 1_050  # a tenth of a jump an hour, some hours have two
    assert statistics.fmean(sizes) == pytest.approx(-0.00105, rel=0.05)


def test_shocks_are_certain() -> None:
    """A shock multiplies the price at its step, whatever the diffusion does."""
    plain = _take(GbmOptions(SPOT), 3, 10)
    shocked = _take(GbmOptions(SPOT, shocks={4: Decimal("-0.15")}), 3, 10)
    assert shocked[:4] == plain[:4]
    for a, b in zip(plain[4:], shocked[4:], strict=True):
        assert b.price / a.price == pytest.approx(Decimal("0.85"), abs=Decimal("1e-9"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("spot", Decimal(0)),
        ("spot", Decimal("NaN")),
        ("volatility", -0.1),
        ("volatility", math.nan),
        ("volatility", math.inf),
        ("step_seconds", 0),
        ("jump_rate", -1.0),
        ("shocks", {0: Decimal("-0.1")}),
        ("shocks", {3: Decimal(-1)}),
    ],
)
def test_impossible_options_are_refused(field: str, value: object) -> None:
    """Each impossible number is an `IntentError` that names its field."""
    with pytest.raises(IntentError) as caught:
        GbmOptions(**({"spot": SPOT} | {field: value}))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_history_from_a_file(tmp_path: Path) -> None:
    """Unix seconds, ISO times with and without zone, more columns, a byte-order mark: all are read."""
    file = tmp_path / "eth.csv"
    file.write_text(
        "\ufefftime,price,volume\n1690000000,1850.5,3\n2023-07-22T05:26:40Z,1851.123456789,4\n"
        "2023-07-22 06:26:40,1852,5\n",
        encoding="utf-8",
    )
    assert load_csv(file) == [
        PricePoint(1_690_000_000, Decimal("1850.5")),
        PricePoint(1_690_003_600, Decimal("1851.12345679")),
        PricePoint(1_690_007_200, Decimal(1852)),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header time,price; found nothing"),
        ("t,p\n1,2\n", "header time,price; found t, p"),
        ("time,price\n", "holds no prices"),
        ("time,price\n1,abc\n", "line 2: price is not a number"),
        ("time,price\n1,\n", "line 2: price is not a number"),
        ("time,price\n1,0\n", "line 2: price must be above 0"),
        ("time,price\n1,-3\n", "line 2: price must be above 0"),
        ("time,price\n1,NaN\n", "line 2: price must be finite"),
        ("time,price\n1,0.000000001\n", "line 2: price must be above 0"),
        ("time,price\nyesterday,5\n", "line 2: Invalid isoformat"),
        ("time,price\n1,5\n", None),
        ("time,price\n2,5\n1,5\n", "line 3: 1 is not later"),
        ("time,price\n2,5\n2,6\n", "line 3: 2 is not later"),
        ("time,price\n2\n", "line 2: price is not a number"),
    ],
)
def test_bad_history_is_told_by_line(text: str, words: str | None) -> None:
    """What cannot be a price history is an error with the line and what is wrong there."""
    if words is None:
        assert len(parse_csv(text.splitlines())) == 1
        return
    with pytest.raises(ConfigError, match=words):
        parse_csv(text.splitlines())


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """No file and no text are both said with the path."""
    with pytest.raises(ConfigError, match=r"none\.csv"):
        load_csv(tmp_path / "none.csv")
    (tmp_path / "bytes.csv").write_bytes(b"time,price\n\xff\xfe\n")
    with pytest.raises(ConfigError, match=r"bytes\.csv"):
        load_csv(tmp_path / "bytes.csv")


def test_history_in_equal_steps() -> None:
    """Each step has the last price known then, never a later one; gaps repeat it."""
    history = [PricePoint(100, Decimal(10)), PricePoint(130, Decimal(20)), PricePoint(220, Decimal(30))]
    assert resample(history, 60) == [
        PricePoint(0, Decimal(10)),
        PricePoint(60, Decimal(20)),
        PricePoint(120, Decimal(30)),
    ]
    assert [p.price for p in resample(history, 60, spot=Decimal(2000))] == [2000, 4000, 6000]
