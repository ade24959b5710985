"""The charts: they hold the record's data, and say nothing where it has none."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trimtab.report import figures
from trimtab.report.record import RunRecord, decode_record

DATA = Path(__file__).parents[1] / "data" / "report" / "record.json"
D = Decimal


@pytest.fixture
def record() -> dict[str, Any]:
    return json.loads(DATA.read_text())


@pytest.fixture
def run(record: dict[str, Any]) -> RunRecord:
    return decode_record(record)


def test_spot_and_hedges(run: RunRecord) -> None:
    """Spot is drawn for every step, each hedge is one marker at its price, buys and sells apart, and the area
    of a marker is in proportion to its size beyond a least one."""
    spot, bought, sold = figures.price_figure(run)["data"]
    assert spot["y"] == [pytest.approx(step.spot, abs=D("1e-8")) for step in run.steps]
    hedges = [step.hedge for step in run.steps if step.hedge]
    assert len(bought["y"]) == sum(hedge.size > 0 for hedge in hedges)
    assert len(sold["y"]) == sum(hedge.size < 0 for hedge in hedges)
    assert bought["y"] == [hedge.price for hedge in hedges if hedge.size > 0]
    assert max(bought["marker"]["size"] + sold["marker"]["size"]) == 20


def test_delta_and_band(run: RunRecord) -> None:
    """Both deltas are drawn for every step between the two edges of the band."""
    low, high, before, after = figures.delta_figure(run)["data"]
    assert set(high["y"]) == {run.band}
    assert set(low["y"]) == {-run.band}
    assert before["y"] == [pytest.approx(step.delta_before, abs=D("1e-8")) for step in run.steps]
    assert after["y"] == [pytest.approx(step.delta_after, abs=D("1e-8")) for step in run.steps]


def test_a_band_that_changes_is_followed(record: dict[str, Any]) -> None:
    """Where the policy's band moves, its edges move."""
    for number, step in enumerate(record["steps"]):
        step["band"] = number
    high = figures.delta_figure(decode_record(record))["data"][1]
    assert high["y"] == list(range(30))


def test_an_opening_out_of_scale_is_cut_and_written(record: dict[str, Any]) -> None:
    """A first delta that dwarfs all others is named instead of drawn; a moderate one is drawn."""
    record["steps"][0]["delta_before"] = "-40"
    layout = figures.delta_figure(decode_record(record))["layout"]
    low, high = layout["yaxis"]["range"]
    assert -40 < low < min(D(step["delta_before"]) for step in record["steps"][1:])
    assert high == -low
    assert "opening at −40.00" in layout["annotations"][-1]["text"]
    record["steps"][0]["delta_before"] = "-2"
    assert "range" not in figures.delta_figure(decode_record(record))["layout"]["yaxis"]


def test_profit_beside_unhedged(run: RunRecord) -> None:
    """Two lines end at the two totals of the summary."""
    chart = figures.profit_figure(run)
    assert chart is not None
    unhedged, hedged = chart["data"]
    assert hedged["y"][-1] == pytest.approx(run.summary.pnl["total"], abs=D("1e-8"))
    assert unhedged["y"][-1] == pytest.approx(run.summary.unhedged_pnl, abs=D("1e-8"))


def test_parts_start_at_the_first_step(record: dict[str, Any]) -> None:
    """The stacked parts begin at nothing, whatever the opening cost, and end at what came after it."""
    for step in record["steps"]:
        step["pnl"] = {
            name: str(D(value) - 700 * (name in ("gas", "total"))) for name, value in step["pnl"].items()
        }
    run = decode_record(record)
    chart = figures.attribution_figure(run)
    assert chart is not None
    *bars, total = chart["data"]
    assert all(bar["y"][0] == 0 for bar in bars)
    for number in range(len(run.steps)):
        assert sum(bar["y"][number] for bar in bars) == pytest.approx(total["y"][number], abs=D("1e-6"))
    assert total["y"][-1] == pytest.approx((run.steps[-1].pnl or {})["total"] + 700, abs=D("1e-6"))


def test_the_waterfall_ends_at_the_total(run: RunRecord) -> None:
    """Its steps add up to its last bar, and all of them fit into the picture."""
    chart = figures.waterfall_figure(run)
    *parts, total = chart["data"][0]["x"]
    assert sum(parts) == pytest.approx(total, abs=D("1e-6"))
    low, high = chart["layout"]["xaxis"]["range"]
    level = D(0)
    for part in parts:
        level += part
        assert low < level < high


def test_health_is_logarithmic_with_the_limit(run: RunRecord) -> None:
    """The line of liquidation is always inside the picture."""
    chart = figures.health_figure(run)
    assert chart is not None
    low, high = chart["layout"]["yaxis"]["range"]
    assert low < 0 < high
    assert chart["layout"]["shapes"][0]["y0"] == 1


def test_volatility_is_in_percent(run: RunRecord) -> None:
    """One point for each step, as traders write it."""
    chart = figures.iv_figure(run)
    assert chart is not None
    assert chart["data"][0]["y"] == [step.iv and step.iv * 100 for step in run.steps]
    assert all(40 < point < 100 for point in chart["data"][0]["y"])


def test_nothing_to_show_is_no_chart(record: dict[str, Any]) -> None:
    """Without profit by step, without volatility and without health there are no such charts."""
    for step in record["steps"]:
        for key in ("pnl", "unhedged_pnl", "health", "iv"):
            del step[key]
    run = decode_record(record)
    assert figures.profit_figure(run) is None
    assert figures.attribution_figure(run) is None
    assert figures.health_figure(run) is None
    assert figures.iv_figure(run) is None


def test_unknown_parts_come_last_and_are_counted(record: dict[str, Any]) -> None:
    """A part with a name of its own is drawn behind the known ones."""
    record["summary"]["pnl"] = {"keeper_rewards": "3", "delta": "4"}
    chart = figures.waterfall_figure(decode_record(record))
    assert chart["data"][0]["y"] == ["Delta", "Keeper rewards", "<b>Total</b>"]
    assert chart["data"][0]["x"] == [4, 3, 7]
