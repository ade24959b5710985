"""The house style of the charts: hairlines for the value axis only, its title above, the legend on top.

A colour is written "--name"; the page's script replaces it by the CSS variable's value, for the light or the
dark theme. Every text here is escaped by the caller, because plotly renders markup in labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trimtab.report.format import is_unix
from trimtab.report.record import StepRecord

Figure = dict[str, Any]
X = list[str | Decimal]  # times as ISO text, or step numbers
_PLACES = Decimal("0.00000001")


def times(steps: Sequence[StepRecord]) -> X:
    """The x of each step: a UTC time where the record has times, else the step number."""
    if steps and is_unix(steps[0].t):
        return [datetime.fromtimestamp(int(step.t), UTC).strftime("%Y-%m-%d %H:%M:%S") for step in steps]
    return [step.t for step in steps]


def rounded(values: Sequence[Decimal | None]) -> list[Decimal | None]:
    """Eight decimals: more would only make the page larger."""
    return [None if value is None else value.quantize(_PLACES) for value in values]


def line(x: X, y: Sequence[Decimal | None], name: str, color: str, unit: str, *, width: float = 2) -> Figure:
    """A plain line trace."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": rounded(y),
        "line": {"color": color, "width": width},
        "hovertemplate": f"%{{y:,.2f}} {unit}".rstrip(),
    }


def label(text: str, color: str = "--muted", **where: Any) -> dict[str, Any]:
    """A small text in the plot."""
    return {"text": text, "showarrow": False, "font": {"color": color, "size": 11.5}, **where}


def mark_events(chart: Figure, x: X, events: Mapping[int, str]) -> None:
    """A dotted line with its text on top for everything that happened to the run, by number of the step."""
    upright = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    upright |= {"line": {"color": "--muted", "width": 1, "dash": "dot"}}
    layout = chart["layout"]
    layout["shapes"] = [upright | {"x0": x[number], "x1": x[number]} for number in events]
    for number, text in events.items():
        is_late = number > 0.8 * len(x)  # the text stays inside the picture
        side = {"xanchor": "right", "xshift": -4} if is_late else {"xanchor": "left", "xshift": 4}
        layout["annotations"].append(label(text, yref="paper", y=1, yanchor="top") | {"x": x[number], **side})


def figure(
    traces: Sequence[Figure],
    x: X,
    *,
    y_title: str,
    legend: bool = False,
    zero: bool = False,
) -> Figure:
    """A chart of `traces` over the span of `x`; `zero` draws the zero line."""
    title = label(y_title, xref="paper", yref="paper", x=0, y=1, xshift=-48, yshift=8)
    axis = {"showline": False, "zeroline": False, "ticks": "", "tickfont": {"color": "--muted", "size": 11.5}}
    grid = {"gridcolor": "--rule", "gridwidth": 1, "tickformat": ",~r"}
    zero_line = {"zeroline": zero, "zerolinecolor": "--zero", "zerolinewidth": 1}
    hover = {"bgcolor": "--paper", "bordercolor": "--rule", "font": {"color": "--ink", "size": 12}}
    top_right = {"orientation": "h", "x": 1, "xanchor": "right", "y": 1, "yanchor": "bottom"}
    layout = {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 50, "r": 12, "t": 34, "b": 34},
        "hovermode": "x unified",
        "hoverlabel": hover,
        "showlegend": legend,
        "legend": {**top_right, "traceorder": "normal", "bgcolor": "rgba(0,0,0,0)"},
        "xaxis": axis | {"showgrid": False, "fixedrange": True} | _span(x),
        "yaxis": axis | grid | zero_line,
        "annotations": [title | {"xanchor": "left", "yanchor": "bottom"}],
    }
    return {"data": list(traces), "layout": layout}


def _span(x: X) -> dict[str, Any]:
    """A time axis that all charts share: the record's span and a little room on both sides."""
    if len(x) < 2:
        return {}
    if isinstance(x[0], str) and isinstance(x[-1], str):
        first, last = datetime.fromisoformat(x[0]), datetime.fromisoformat(x[-1])
        room = (last - first) * 0.02
        return {"range": [str(first - room), str(last + room)], "tickformat": "%H:%M\n%-d %b"}
    return {"range": [Decimal(x[0]) - Decimal("0.6"), Decimal(x[-1]) + Decimal("0.6")]}
