"""The charts of the MEV report: what each route cost, hedge by hedge, and where the money went."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from itertools import accumulate

from trimtab.report.format import money, number
from trimtab.report.mev_record import HedgeRecord, MevRecord
from trimtab.report.style import Figure, X, figure, rounded

_ZERO = Decimal(0)
_BPS = 10_000
_FEW = 14  # hedges: more of them have no room for words
_REST = Decimal("0.5")  # what a line of steps goes on behind the last one
_APART, _WIDTH = Decimal("0.19"), Decimal("0.32")  # of a hedge's place on the axis


def cost_figure(run: MevRecord) -> Figure:
    """What each hedge lost: bars by route, and the worst that was predicted for the public one as a frame
    round its bar."""
    unit, is_few = escape(run.quote_currency), len(run.hedges) <= _FEW
    places = [Decimal(n) for n in range(1, len(run.hedges) + 1)]
    public: X = [place - _APART for place in places]
    private: X = [place + _APART for place in places]
    names = [_words(hedge, run) for hedge in run.hedges]
    frame = _bars(public, [hedge.predicted_loss for hedge in run.hedges], "Predicted worst", names, unit)
    frame |= {"width": _WIDTH + Decimal("0.1")}
    frame["marker"] = {"color": "rgba(0,0,0,0)", "line": {"color": "--muted", "width": 1.5}}
    bars = [
        _bars(public, [hedge.public.loss for hedge in run.hedges], "Public", names, unit),
        _bars(private, [hedge.private.loss for hedge in run.hedges], "Private", names, unit),
    ]
    for bar, color in zip(bars, ("--loss", "--accent"), strict=True):
        bar["marker"]["color"] = color
        if is_few:
            bar |= {"text": [number(value, 0) for value in bar["y"]], "textposition": "outside"}
            bar |= {
                "textfont": {"color": "--ink", "size": 11.5},
                "cliponaxis": False,
                "constraintext": "none",
            }
    chart = figure([frame, *bars], [], y_title=f"Lost, {unit}", legend=True, zero=True)
    chart["layout"] |= {"barmode": "overlay", "hovermode": "closest"}
    ticks = (
        {"tickvals": places, "ticktext": [_name(hedge) for hedge in run.hedges]}
        if is_few
        else _axis_title("Hedge")
    )
    span = [Decimal("0.4"), len(places) + Decimal("0.6")]
    chart["layout"]["xaxis"] |= {"range": span, "tickangle": 0, **ticks}
    chart["layout"]["yaxis"] |= {"range": [_ZERO, _top(run) * Decimal("1.12")], "fixedrange": True}
    chart["layout"]["margin"] |= {"b": 58 if is_few else 44}
    return chart


def total_figure(run: MevRecord) -> Figure:
    """The losses of both routes adding up, and the predicted worst."""
    last = len(run.hedges)
    x: X = [*map(Decimal, range(last + 1)), last + _REST]
    unit = escape(run.quote_currency)
    predicted = _steps(x, [hedge.predicted_loss for hedge in run.hedges], "Predicted worst", "--ink", unit)
    predicted["line"] |= {"dash": "dot", "width": 1.5}
    traces = [
        _steps(x, [hedge.public.loss for hedge in run.hedges], "Public", "--loss", unit),
        _steps(x, [hedge.private.loss for hedge in run.hedges], "Private", "--accent", unit),
        predicted,
    ]
    chart = figure(traces, x, y_title=f"Lost so far, {unit}", legend=True, zero=True)
    chart["layout"]["xaxis"] |= {"range": [_ZERO, x[-1]], "tickmode": "linear"}
    chart["layout"]["xaxis"] |= {"dtick": max(1, last // 8)}
    chart["layout"]["xaxis"] |= _axis_title("Hedges sent")
    chart["layout"]["yaxis"] |= {"rangemode": "tozero"}
    chart["layout"]["margin"] |= {"b": 44}
    return chart


def money_figure(run: MevRecord) -> Figure:
    """Who had the trader's loss, one bar each."""
    searcher = run.searcher
    parts = {
        "Searcher": searcher.profit - searcher.gas,
        "Venue’s fees": run.public_loss - searcher.profit,
        "Searcher’s gas": searcher.gas,
    }
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": list(parts),
        "x": rounded(list(parts.values())),
        "text": [escape(money(value, run.quote_currency)) for value in parts.values()],
        "textposition": "outside",
        "textfont": {"color": "--ink", "size": 12},
        "constraintext": "none",
        "cliponaxis": False,
        "marker": {"color": ["--loss", "--part-slippage", "--part-gas"], "line": {"width": 0}},
        "hoverinfo": "skip",
    }
    chart = figure([trace], [], y_title="", zero=True)
    layout = chart["layout"]
    value_axis, name_axis = layout["yaxis"], layout["xaxis"]
    low, high = min(_ZERO, *parts.values()), max(Decimal(1), *parts.values())
    value_axis |= {"range": [low, high * Decimal("1.3")], "fixedrange": True, "nticks": 5}
    name_axis |= {"autorange": "reversed", "automargin": True, "ticksuffix": "  "}
    name_axis |= {"tickfont": {"color": "--ink", "size": 12}}
    layout |= {"xaxis": value_axis, "yaxis": name_axis, "annotations": [], "bargap": 0.45}
    layout |= {"hovermode": False, "margin": {"l": 50, "r": 8, "t": 8, "b": 30}}
    return chart


def size_figure(run: MevRecord) -> Figure:
    """The loss against the size of the order, in basis points of its notional: small orders are left alone,
    because a sandwich pays the venue's fee twice."""
    unit = escape(run.underlying)
    hedges = sorted(run.hedges, key=lambda hedge: hedge.size)
    texts = [_words(hedge, run) for hedge in hedges]
    x: X = [hedge.size for hedge in hedges]
    hollow = {"size": 12, "symbol": "circle-open", "color": "--muted", "line": {"width": 1.5}}
    common = {"type": "scatter", "mode": "markers", "x": x, "text": texts}
    hover = "%{text}<br>%{y:.1f} bp"
    traces = [
        common
        | {"name": "Predicted worst", "marker": hollow, "hovertemplate": hover}
        | {"y": rounded([_bps(hedge.predicted_loss, hedge) for hedge in hedges])},
        common
        | {"name": "Public", "marker": {"size": 7, "color": "--loss"}, "hovertemplate": hover}
        | {"y": rounded([_bps(hedge.public.loss, hedge) for hedge in hedges])},
        common
        | {"name": "Private", "marker": {"size": 7, "color": "--accent"}, "hovertemplate": hover}
        | {"y": rounded([_bps(hedge.private.loss, hedge) for hedge in hedges])},
    ]
    chart = figure(traces, [], y_title="Lost, bp", legend=True, zero=True)
    chart["layout"]["xaxis"] |= {"rangemode": "tozero", **_axis_title(f"Size, {unit}")}
    chart["layout"] |= {"hovermode": "closest"}
    chart["layout"]["margin"] |= {"b": 44}
    return chart


def _name(hedge: HedgeRecord) -> str:
    return f"{hedge.number}<br>{escape(hedge.side)}<br>{number(hedge.size, 1)}"


def _words(hedge: HedgeRecord, run: MevRecord) -> str:
    """The same in a line."""
    return escape(f"hedge {hedge.number}, {hedge.side} {number(hedge.size, 1)} {run.underlying}")


def _axis_title(text: str) -> Figure:
    return {"title": {"text": text, "standoff": 6, "font": {"color": "--muted", "size": 11.5}}}


def _bps(loss: Decimal, hedge: HedgeRecord) -> Decimal:
    return loss / hedge.notional * _BPS


def _top(run: MevRecord) -> Decimal:
    """The highest bar, and something to see where there is none."""
    return max(Decimal(1), *(max(h.predicted_loss, h.public.loss, h.private.loss) for h in run.hedges))


def _bars(x: X, values: list[Decimal], name: str, texts: list[str], unit: str) -> Figure:
    return {
        "type": "bar",
        "name": name,
        "x": x,
        "y": rounded(values),
        "width": _WIDTH,
        "marker": {"line": {"width": 0}},
        "customdata": texts,
        "hovertemplate": f"{name}, %{{customdata}}: %{{y:,.2f}} {unit}<extra></extra>",
    }


def _steps(x: X, losses: list[Decimal], name: str, color: str, unit: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": rounded([*accumulate([_ZERO, *losses]), sum(losses, _ZERO)]),
        "line": {"color": color, "width": 2.5, "shape": "hv"},
        "hovertemplate": f"%{{y:,.2f}} {unit}",
    }
