"""The house style of the charts: axes, events, rounding."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from trimtab.report.record import StepRecord
from trimtab.report.style import figure, line, mark_events, rounded, times

D = Decimal


def steps(*at: int) -> list[StepRecord]:
    return [StepRecord(t=D(t), block=1, spot=D(1), delta_before=D(0), delta_after=D(0)) for t in at]


def test_times_are_utc_or_step_numbers() -> None:
    """Unix seconds become UTC text that plotly reads, step numbers stay numbers."""
    assert times(steps(1_795_500_000, 1_795_500_061)) == ["2026-11-24 06:00:00", "2026-11-24 06:01:01"]
    assert times(steps(0, 1)) == [D(0), D(1)]
    assert times([]) == []


def test_the_span_leaves_room() -> None:
    """The axis shows the whole record and a little more on both sides, the same for every chart."""
    axis = figure([], times(steps(1_795_500_000, 1_795_510_000)), y_title="y")["layout"]["xaxis"]
    first, last = axis["range"]
    assert first < "2026-11-24 06:00:00"
    assert last > "2026-11-24 08:46:40"
    assert figure([], times(steps(0, 9)), y_title="y")["layout"]["xaxis"]["range"] == [D("-0.6"), D("9.6")]
    assert "range" not in figure([], times(steps(5)), y_title="y")["layout"]["xaxis"]


@pytest.mark.parametrize(("number", "side"), [(1, "left"), (9, "right")])
def test_event_labels_stay_inside(number: int, side: str) -> None:
    """A late event is written to the left of its line, any other to the right."""
    x = times(steps(*range(10)))
    chart: dict[str, Any] = figure([], x, y_title="y")
    mark_events(chart, x, {number: "jump"})
    assert chart["layout"]["annotations"][-1]["xanchor"] == side
    assert chart["layout"]["shapes"][0]["x0"] == chart["layout"]["shapes"][0]["x1"] == D(number)


def test_values_are_rounded_and_gaps_kept() -> None:
    """Eight decimals are drawn; what is unknown is a gap, not a zero."""
    assert rounded([D("1.123456789"), None]) == [D("1.12345679"), None]
    assert line([D(0)], [None], "x", "--ink", "USD")["y"] == [None]
