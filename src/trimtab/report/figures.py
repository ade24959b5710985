"""The charts of the page as plotly figures: plain dicts of data in the house style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from html import escape
from itertools import accumulate
from typing import Any

from trimtab.report.format import PART_NAMES, money, number, part_name, tidy
from trimtab.report.record import HedgeRecord, RunRecord
from trimtab.report.style import Figure, X, figure, label, line, mark_events, rounded, times

_ZERO = Decimal(0)


def price_figure(run: RunRecord) -> Figure:
    """Spot, with every hedge as a marker whose area follows its size."""
    x = times(run.steps)
    traces = [line(x, [step.spot for step in run.steps], "Spot", "--ink", escape(run.quote_currency))]
    hedges = [(at, step.hedge) for at, step in zip(x, run.steps, strict=True) if step.hedge]
    largest = max((abs(hedge.size) for _, hedge in hedges), default=_ZERO)
    bought = [(at, hedge) for at, hedge in hedges if hedge.size > 0]
    sold = [(at, hedge) for at, hedge in hedges if hedge.size < 0]
    if bought:
        traces.append(_markers(bought, "Bought", "--gain", "triangle-up", largest, run))
    if sold:
        traces.append(_markers(sold, "Sold", "--loss", "triangle-down", largest, run))
    title = f"{escape(run.underlying)} spot, {escape(run.quote_currency)}"
    chart = figure(traces, x, y_title=title, legend=True)
    mark_events(chart, x, {n: escape(tidy(step.event)) for n, step in enumerate(run.steps) if step.event})
    return chart


def delta_figure(run: RunRecord) -> Figure:
    """Net delta before and after each step, the band shaded; one line where nobody hedged."""
    x = times(run.steps)
    bands = [run.band if step.band is None else step.band for step in run.steps]
    edge: Figure = {"type": "scatter", "mode": "lines", "hoverinfo": "skip", "line": {"width": 0}, "x": x}
    before = line(x, [step.delta_before for step in run.steps], "Before", "--muted", "", width=1)
    after = line(x, [step.delta_after for step in run.steps], "After", "--accent", "")
    hollow = {"size": 6, "color": "--paper", "line": {"color": "--muted", "width": 1.5}}
    dots = {"mode": "lines+markers", "hovertemplate": "%{y:.3f}"}
    before |= {**dots, "marker": hollow, "line": {"color": "--muted", "width": 1, "dash": "dot"}}
    after |= {**dots, "marker": {"size": 5, "color": "--accent"}}
    shade = {"name": "Band", "fill": "tonexty", "fillcolor": "--band", "legendrank": 1002}
    traces = [edge | {"y": [-band for band in bands], "showlegend": False}, edge | {"y": bands} | shade]
    title = f"Net delta, {escape(run.underlying)}"
    lines = [before, after] if run.is_hedged else [after | {"name": "Net delta"}]
    chart = figure([*traces, *lines], x, y_title=title, legend=True, zero=True)
    _crop_opening(chart, run, x, max(bands, default=_ZERO))
    return chart


def profit_figure(run: RunRecord) -> Figure | None:
    """Cumulative profit, hedged beside unhedged; None where the record has neither."""
    x, unit = times(run.steps), escape(run.quote_currency)
    ours = [(step.pnl or {}).get("total") for step in run.steps]
    alone = [step.unhedged_pnl for step in run.steps] if run.is_hedged else []
    traces = []
    if any(value is not None for value in alone):
        traces.append(line(x, alone, "Unhedged", "--muted", unit, width=1.5))
    if any(value is not None for value in ours):
        name = "Hedged" if run.is_hedged else "Unhedged"
        traces.append(line(x, ours, name, "--accent", unit, width=2.5))
    if not traces:
        return None
    return figure(traces, x, y_title=f"Cumulative profit, {unit}", legend=True, zero=True)


def attribution_figure(run: RunRecord) -> Figure | None:
    """Parts since the first step stacked above and below zero, their total as a line; None without parts.
    What opening the book cost would dwarf them: it is in the first step and in the waterfall."""
    steps = [step for step in run.steps if step.pnl]
    if not steps:
        return None
    x, unit = times(steps), escape(run.quote_currency)
    opening = steps[0].pnl or {}
    parts = [
        {name: value - opening.get(name, _ZERO) for name, value in (step.pnl or {}).items()} for step in steps
    ]
    names = [name for name in _part_order([*parts, run.summary.pnl]) if any(p.get(name) for p in parts)]
    traces = [
        {
            "type": "bar",
            "name": escape(part_name(name)),
            "x": x,
            "y": rounded([p.get(name, _ZERO) for p in parts]),
            "marker": {"color": _part_color(name), "line": {"width": 0}},
            "hovertemplate": "%{y:,.2f}",
        }
        for name in names
    ]
    traces.append(line(x, [total_of(p) for p in parts], "Total", "--ink", unit, width=2.5))
    chart = figure(traces, x, y_title=unit, legend=True, zero=True)
    chart["layout"] |= {"barmode": "relative", "bargap": 0.18}
    return chart


def waterfall_figure(run: RunRecord) -> Figure:
    """From nothing through every part to the total profit, one bar below the other."""
    names = _part_order([run.summary.pnl])
    values = [run.summary.pnl[name] for name in names]
    total = total_of(run.summary.pnl)
    places = 0 if max(map(abs, values), default=_ZERO) >= 10_000 else 2
    texts = [money(value, run.quote_currency, places, signed=True) for value in [*values, total]]
    trace = {
        "type": "waterfall",
        "orientation": "h",
        "y": [*(escape(part_name(name)) for name in names), "<b>Total</b>"],
        "x": rounded([*values, total]),
        "measure": [*("relative" for _ in names), "total"],
        "text": [escape(text) for text in texts],
        "textposition": "outside",
        "textfont": {"color": "--ink", "size": 12},
        "constraintext": "none",
        "cliponaxis": False,
        "increasing": {"marker": {"color": "--gain"}},
        "decreasing": {"marker": {"color": "--loss"}},
        "totals": {"marker": {"color": "--accent"}},
        "connector": {"line": {"color": "--rule", "width": 1}},
        "hoverinfo": "skip",
    }
    chart = figure([trace], [], y_title="", zero=True)
    layout = chart["layout"]
    value_axis, name_axis = layout["yaxis"], layout["xaxis"]
    value_axis |= {"range": _waterfall_range(values), "fixedrange": True}
    name_axis |= {"autorange": "reversed", "automargin": True, "tickfont": {"color": "--ink", "size": 12}}
    layout |= {"xaxis": value_axis, "yaxis": name_axis, "annotations": []}
    layout |= {"waterfallgap": 0.38, "hovermode": False, "margin": {"l": 50, "r": 8, "t": 8, "b": 30}}
    return chart


def iv_figure(run: RunRecord) -> Figure | None:
    """Implied volatility of the options held, in percent; None where no step tells it."""
    if all(step.iv is None for step in run.steps):
        return None
    x = times(run.steps)
    points = [None if step.iv is None else step.iv * 100 for step in run.steps]
    trace = line(x, points, "Implied volatility", "--part-vega", "%", width=2.5)
    return figure([trace], x, y_title="Implied volatility, %")


def health_figure(run: RunRecord) -> Figure | None:
    """Equity over maintenance margin, with the line below which the account is liquidatable; None where no
    step tells it. On a logarithmic axis: a small position makes health very large."""
    known = [step.health for step in run.steps if step.health is not None and step.health > 0]
    if not known:
        return None
    x = times(run.steps)
    trace = line(x, [step.health for step in run.steps], "Margin health", "--accent", "", width=2.5)
    chart = figure([trace], x, y_title="Equity / maintenance margin")
    lowest = min([Decimal("0.85"), *(value * Decimal("0.9") for value in known)])
    scale = [lowest.log10(), max([*known, Decimal(2)]).log10() + Decimal("0.08")]
    chart["layout"]["yaxis"] |= {"type": "log", "range": scale, "dtick": "D2", "tickformat": "~g"}
    dashed = {"color": "--loss", "width": 1.5, "dash": "dash"}
    chart["layout"]["shapes"] = [
        {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": 1, "y1": 1, "line": dashed}
    ]
    text = label("liquidatable below 1", "--loss", xref="paper", x=1, y=0, xanchor="right", yanchor="bottom")
    chart["layout"]["annotations"].append(text)
    return chart


def total_of(parts: Mapping[str, Decimal]) -> Decimal:
    """The total that the record gives, else the sum of the parts."""
    return parts["total"] if "total" in parts else sum(parts.values(), _ZERO)


def _part_order(mappings: Sequence[Mapping[str, Decimal]]) -> list[str]:
    found = {name for parts in mappings for name in parts} - {"total"}
    return [name for name in PART_NAMES if name in found] + sorted(found - set(PART_NAMES))


def _part_color(name: str) -> str:
    return f"--part-{name}" if name in PART_NAMES else "--part-other"


def _waterfall_range(values: Sequence[Decimal]) -> list[Decimal]:
    """The span of the running sum, with room on both sides for the labels."""
    sums = [_ZERO, *accumulate(values)]
    room = (max(sums) - min(sums) or Decimal(1)) * Decimal("0.36")
    return [min(sums) - room, max(sums) + room]


def _markers(
    hedges: Sequence[tuple[str | Decimal, HedgeRecord]],
    name: str,
    color: str,
    symbol: str,
    largest: Decimal,
    run: RunRecord,
) -> dict[str, Any]:
    texts = [
        f"{name.lower()} {number(abs(hedge.size), 4)} {run.underlying} at "
        f"{money(hedge.price, run.quote_currency)}, fee {money(hedge.fee, run.quote_currency)}"
        for _, hedge in hedges
    ]
    sizes = [8 + 12 * (abs(hedge.size) / largest).sqrt() for _, hedge in hedges]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [at for at, _ in hedges],
        "y": rounded([hedge.price for _, hedge in hedges]),
        "text": [escape(text) for text in texts],
        "hovertemplate": "%{text}",
        "marker": {
            "symbol": symbol,
            "color": color,
            "size": rounded(sizes),
            "opacity": 1,
            "line": {"color": "--paper", "width": 1},
        },
    }


def _crop_opening(chart: Figure, run: RunRecord, x: X, band: Decimal) -> None:
    """Where the first delta, before any hedge, dwarfs all others: cut the axis and write its value."""
    rest = [abs(step.delta_before) for step in run.steps[1:]] + [abs(step.delta_after) for step in run.steps]
    reach = max([*rest, band]) * Decimal("1.25")
    opening = run.steps[0].delta_before if run.steps else _ZERO
    if abs(opening) <= 2 * reach:
        return
    chart["layout"]["yaxis"] |= {"range": [-reach, reach], "autorange": False}
    side: dict[str, Any] = {"xanchor": "left", "yanchor": "bottom" if opening < 0 else "top", "xshift": 6}
    text = f"opening at {number(opening)}, outside the picture"
    chart["layout"]["annotations"].append(
        label(text, x=x[min(1, len(x) - 1)], y=reach.copy_sign(opening), **side)
    )
