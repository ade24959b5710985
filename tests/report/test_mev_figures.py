"""The MEV charts: what is drawn is what the record holds."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from trimtab.report.mev_figures import cost_figure, money_figure, size_figure, total_figure
from trimtab.report.mev_record import MevRecord, decode_mev_record

DATA = Path(__file__).parents[1] / "data" / "report" / "mev.json"
CENT = Decimal("0.01")


@pytest.fixture
def run() -> MevRecord:
    return decode_mev_record(json.loads(DATA.read_text()))


def trace(figure: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(t for t in figure["data"] if t.get("name") == name)
    return found


def test_each_bar_is_a_loss(run: MevRecord) -> None:
    """Public and private side by side, the prediction as a frame round the public bar."""
    chart = cost_figure(run)
    public, private, frame = (trace(chart, name) for name in ("Public", "Private", "Predicted worst"))
    for number, hedge in enumerate(run.hedges):
        assert abs(public["y"][number] - hedge.public.loss) < CENT
        assert abs(frame["y"][number] - hedge.predicted_loss) < CENT
        assert private["y"][number] == 0
    assert frame["x"] == public["x"] != private["x"]
    assert frame["width"] > public["width"]


def test_many_hedges_lose_their_words(run: MevRecord) -> None:
    """With more than there is room for, bars have no texts and the axis counts."""
    many = msgspec.structs.replace(run, hedges=run.hedges * 4)
    assert "text" not in trace(cost_figure(many), "Public")
    assert "ticktext" not in cost_figure(many)["layout"]["xaxis"]
    assert len(cost_figure(run)["layout"]["xaxis"]["ticktext"]) == len(run.hedges)


def test_the_steps_end_at_the_totals(run: MevRecord) -> None:
    """The last point of each line is the sum that the record tells."""
    chart = total_figure(run)
    ends = {name: trace(chart, name)["y"][-1] for name in ("Public", "Private", "Predicted worst")}
    assert abs(ends["Public"] - run.public_loss) < CENT
    assert abs(ends["Predicted worst"] - run.predicted_loss) < CENT
    assert ends["Private"] == 0


def test_the_parts_are_the_whole(run: MevRecord) -> None:
    """Searcher, venue and gas add up to what the trader lost."""
    (bars,) = money_figure(run)["data"]
    assert abs(sum(bars["x"]) - run.public_loss) < CENT


def test_small_orders_stand_at_nothing(run: MevRecord) -> None:
    """By size: nothing below the threshold, about fifty basis points, the price limit, above it."""
    chart = size_figure(run)
    public = trace(chart, "Public")
    assert public["x"] == sorted(public["x"])
    points = [point for point in public["y"] if point]
    assert len(points) == run.sandwiches
    assert all(49 < point < 51 for point in points)
    assert public["y"][0] == 0
