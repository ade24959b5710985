"""The page of a hedging run: its headlines, tiles, charts and tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trimtab.report import figures, tables
from trimtab.report.format import moment, money, number, part_name, percent, plural
from trimtab.report.record import RunRecord, decode_record
from trimtab.report.style import Figure
from trimtab.report.template import Page, Section, chart, render_page

_ZERO = Decimal(0)
_SMALLEST_SHARE = Decimal("0.000001")  # 0.0001 %
_NOTES = (
    "Each step’s profit is split by revaluing the options held at its start with our own Black-Scholes "
    "model: its delta, gamma, theta and vega terms, and as higher order what full revaluation leaves over. "
    "Trades count against the mark after them. The change of account values is read from the contracts, and "
    "what the parts do not explain of it is printed above, to the cent. Delta in units of the underlying, "
    "gains positive, times in UTC."
)


def render_report(record: dict[str, Any]) -> str:
    """One self-contained HTML page from the record of `trimtab demo --json`: no network, nothing to install.
    Raises `ConfigError` when the record does not hold what `report.record` asks for."""
    run = decode_record(record)
    charts: dict[str, Figure] = {}
    sections = [*_hedging_sections(run, charts), *_profit_sections(run, charts), *_book_sections(run, charts)]
    page = Page(
        kind="Hedging report",
        title=run.title,
        description=run.description or "",
        dateline=_dateline(run),
        lead=_lead(run),
        tiles=_tiles(run),
        sections=sections,
        charts=charts,
        notes=_NOTES,
        settings=_settings(run),
        colophon=_colophon(run),
    )
    return render_page(page)


def _hedging_sections(run: RunRecord, charts: dict[str, Figure]) -> list[Section]:
    charts["price"], charts["delta"] = figures.price_figure(run), figures.delta_figure(run)
    first, last = (run.steps[0].spot, run.steps[-1].spot) if run.steps else (_ZERO, _ZERO)
    hedges = sum(step.hedge is not None for step in run.steps)
    outside = sum(abs(s.delta_after) > (run.band if s.band is None else s.band) for s in run.steps)
    trades = plural(hedges, "hedge") if hedges else "No hedge was traded"
    band = f"±{number(run.band, 2)} {run.underlying}"
    held = f"After every step net delta was inside {band}"
    if outside:
        held = f"Net delta was outside {band} after {outside} of {plural(len(run.steps), 'step')}"
    markers = "; each triangle is one hedge on the perpetual, its area the size traded" if hedges else ""
    hedged = "options and perpetual, before and after the step’s hedge" if run.is_hedged else "the options"
    headline = f"{trades} while {run.underlying} went from {number(first)} to {number(last)}"
    return [
        Section(headline, f"Spot price{markers}.", chart("price")),
        Section(held, f"Net delta of {hedged}.", chart("delta")),
    ]


def _profit_sections(run: RunRecord, charts: dict[str, Figure]) -> list[Section]:
    sections = []
    if figure := figures.profit_figure(run):
        charts["profit"] = figure
        sections.append(
            Section(
                _profit_headline(run),
                "Change of all account values since the start.",
                chart("profit"),
                is_half=True,
            )
        )
    charts["waterfall"] = figures.waterfall_figure(run)
    sections.append(
        Section(
            _cause_headline(run),
            "From nothing to the total, part by part.",
            chart("waterfall"),
            is_half=True,
        )
    )
    if figure := figures.attribution_figure(run):
        charts["attribution"] = figure
        headline = "How the parts grew, step by step"
        sections.append(Section(headline, _growth_caption(run), chart("attribution", tall=True)))
    unexplained = money(abs(run.summary.unexplained), run.quote_currency)
    body = tables.parts_table(run) + (tables.accounts_table(run) if run.accounts else "")
    caption = "The parts by cause, and the account values that the contracts report."
    sections.append(
        Section(
            f"Where every cent went: {unexplained} is unexplained", caption, f'<div class="pair">{body}</div>'
        )
    )
    return sections


def _book_sections(run: RunRecord, charts: dict[str, Figure]) -> list[Section]:
    sections = []
    if figure := figures.iv_figure(run):
        charts["iv"] = figure
        caption = "Of the options held, weighted by vega: what the venue prices them with."
        sections.append(Section(_iv_headline(run), caption, chart("iv"), is_half=True))
    if figure := figures.health_figure(run):
        charts["health"] = figure
        lowest = min(step.health for step in run.steps if step.health is not None)
        sections.append(
            Section(
                f"Margin health never fell below {number(lowest, 1)}",
                "Of the hedging account, logarithmic; without a position it has no value.",
                chart("health"),
                is_half=True,
            )
        )
    if run.positions:
        caption = "At the last step; Greeks for the amount held, our model’s and the venue’s own."
        sections.append(Section("The book at the end", caption, tables.positions_table(run)))
    if run.atomic:
        sections.append(_atomic_section(run))
    caption = "As the write-ahead journal closed them; every one was written down before it was sent."
    count = plural(run.summary.transactions, "transaction")
    sections.append(Section(f"{count}: {_integrity(run)}", caption, tables.transactions_table(run)))
    return sections


def _atomic_section(run: RunRecord) -> Section:
    ours = sum(part.transactions for part in run.atomic)
    plain = sum(part.plain_transactions for part in run.atomic)
    caption = (
        "Through the account’s own code, beside the same calls sent one by one. The gas that is more is what "
        "the chain’s own checks cost: after each plan it measures net delta and sizes, and undoes all of it "
        "when one is not as promised."
    )
    headline = f"{plural(ours, 'transaction')} instead of {plain}, whole or not at all"
    return Section(headline, caption, tables.atomic_table(run))


def _lead(run: RunRecord) -> str:
    total, currency = figures.total_of(run.summary.pnl), run.quote_currency
    earned = "earned" if total >= 0 else "lost"
    text = f"Over {plural(len(run.steps), 'step')} the book {earned} {money(abs(total), currency)}"
    if run.is_hedged and run.summary.unhedged_pnl is not None:
        alone = run.summary.unhedged_pnl
        text += f"; left alone it would have {'made' if alone >= 0 else 'lost'} {money(abs(alone), currency)}"
    held = f"{number(run.summary.max_abs_delta_after, 3)} {run.underlying}"
    if not run.is_hedged:
        return f"{text}. Nobody hedged: net delta was up to {held}."
    band = number(run.band, 2)
    return f"{text}. Net delta after hedging was at most {held} against a band of {band}; {_integrity(run)}."


def _integrity(run: RunRecord) -> str:
    duplicates, orphans = run.summary.duplicate_hedges, run.summary.orphans
    if not duplicates and not orphans:
        return "no hedge was sent twice and no transaction lost"
    return f"{plural(duplicates, 'duplicate')} and {plural(orphans, 'orphan')}"


def _tiles(run: RunRecord) -> list[tuple[str, str, str, str]]:
    """(label, value, note, tone) of each tile."""
    s, currency, total = run.summary, run.quote_currency, figures.total_of(run.summary.pnl)
    out_of_band = run.is_hedged and s.max_abs_delta_after > run.band
    band = f"after a step; band ±{number(run.band, 2)} {run.underlying}"
    band = band if run.is_hedged else f"{run.underlying}; nobody hedged"
    lost = f"{s.duplicate_hedges} · {s.orphans}"
    tiles = [
        ("Profit and loss", money(total, currency, signed=True), _unhedged_note(run), ""),
        ("Largest net delta", number(s.max_abs_delta_after, 3), band, "bad" if out_of_band else ""),
        ("Hedges", f"{s.hedges:,}", plural(s.transactions, "transaction") + " in all", ""),
        ("Duplicates · orphans", lost, "journal, chain and venue compared", "" if lost == "0 · 0" else "bad"),
        ("Unexplained", money(s.unexplained, currency), _unexplained_note(run), ""),
    ]
    if run.is_hedged and s.pnl_variance is not None and s.unhedged_pnl_variance:
        share = s.pnl_variance / s.unhedged_pnl_variance
        tiles.insert(
            2,
            (
                "Variance left",
                percent(share, 0 if share >= Decimal("0.1") else 1),
                "of the unhedged book’s",
                "",
            ),
        )
    return tiles


def _unhedged_note(run: RunRecord) -> str:
    if run.summary.unhedged_pnl is None or not run.is_hedged:
        return f"over {plural(len(run.steps), 'step')}"
    return f"unhedged {money(run.summary.unhedged_pnl, run.quote_currency, signed=True)}"


def _unexplained_note(run: RunRecord) -> str:
    turnover = sum((abs(value) for name, value in run.summary.pnl.items() if name != "total"), _ZERO)
    share = abs(run.summary.unexplained) / turnover if turnover else _ZERO
    told = (
        percent(share, 4) if not share or share >= _SMALLEST_SHARE else f"under {percent(_SMALLEST_SHARE, 4)}"
    )
    return f"{told} of all gains and costs"


def _profit_headline(run: RunRecord) -> str:
    total, unhedged = figures.total_of(run.summary.pnl), run.summary.unhedged_pnl
    if unhedged is None or not run.is_hedged:
        return f"The book made {money(total, run.quote_currency, signed=True)}"
    return (
        f"Hedged {money(total, run.quote_currency, signed=True)}, "
        f"unhedged {money(unhedged, run.quote_currency, signed=True)}"
    )


def _cause_headline(run: RunRecord) -> str:
    parts = {name: value for name, value in run.summary.pnl.items() if name != "total"}
    if not any(parts.values()):
        return "Nothing was earned and nothing was paid"
    best, worst = max(parts, key=lambda name: parts[name]), min(parts, key=lambda name: parts[name])
    clauses = [f"{part_name(best)} earned most"] if parts[best] > 0 else []
    clauses += (
        [f"{part_name(worst).lower() if clauses else part_name(worst)} cost most"] if parts[worst] < 0 else []
    )
    return ", ".join(clauses)


def _iv_headline(run: RunRecord) -> str:
    known = [step.iv for step in run.steps if step.iv is not None]
    if min(known) == max(known):
        return f"Implied volatility stayed at {percent(known[0])}"
    return f"Implied volatility moved between {percent(min(known))} and {percent(max(known))}"


def _growth_caption(run: RunRecord) -> str:
    opening = figures.total_of(run.steps[0].pnl or {})
    text = "Parts since the first step, gains above zero and costs below; the line is their sum."
    if not opening:
        return text
    return f"{text} What came before, {money(opening, run.quote_currency, signed=True)}, is left out."


def _dateline(run: RunRecord) -> str:
    if not run.steps:
        return f"Seed {run.seed}"
    first, last = moment(run.steps[0].t), moment(run.steps[-1].t)
    return f"{first} to {last} UTC" if "," in first else f"Steps {first} to {last}"


def _colophon(run: RunRecord) -> str:
    made = f"Made with trimtab {run.version}" if run.version else "Made with trimtab"
    at = f" at {moment(run.generated_at)} UTC" if run.generated_at else ""
    return f"{made}{at}. The run took {number(run.summary.wall_seconds, 1)} s."


def _settings(run: RunRecord) -> dict[str, str]:
    """The run's settings as they are in the record."""
    return {"Seed": str(run.seed), "Band": f"±{number(run.band, 3)} {run.underlying}", **run.settings}
