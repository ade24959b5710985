"""The page of an MEV run: what the same hedges lost in public and in private, and who had the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from trimtab.report import mev_figures
from trimtab.report.format import moment, money, number, percent, plural, short_hash
from trimtab.report.mev_record import HedgeRecord, MevRecord, decode_mev_record
from trimtab.report.style import Figure
from trimtab.report.tables import cell, table
from trimtab.report.template import Page, Section, chart, render_page

_CENT = Decimal("0.01")
_NOTES = (
    "A hedge’s loss is how much worse it filled than its quote at the state before it, the venue’s fee "
    "included. The predicted worst was computed before sending, from the pool’s ticks and liquidity: what "
    "the order loses to the sandwich that pays its searcher best, within the price limit that goes with the "
    "order. Both routes began on the same state, and a searcher watched the public mempool on both. A leak "
    "is a private transaction that a recorder before the public endpoints saw."
)


def render_mev_report(record: dict[str, Any]) -> str:
    """One self-contained HTML page from the record of `trimtab demo mev --json`. Raises `ConfigError` when it
    does not hold what `report.mev_record` asks for."""
    run = decode_mev_record(record)
    charts: dict[str, Figure] = {
        "cost": mev_figures.cost_figure(run),
        "total": mev_figures.total_figure(run),
        "size": mev_figures.size_figure(run),
        "money": mev_figures.money_figure(run),
    }
    page = Page(
        kind="Routes report",
        title="What a public mempool costs",
        description=f"The same {plural(len(run.hedges), 'hedge')} on the genuine Perp v2 {run.market}, sent "
        "through the public mempool and through a relay, beside a searcher.",
        dateline=f"Seed {run.seed}",
        lead=_lead(run),
        tiles=_tiles(run),
        sections=_sections(run),
        charts=charts,
        notes=_NOTES,
        settings={"Seed": str(run.seed), **run.settings},
        colophon=_colophon(run),
    )
    return render_page(page)


def _lead(run: MevRecord) -> str:
    currency = run.quote_currency
    took = f"In public the hedges lost {money(run.public_loss, currency)} to {_sandwiches(run.sandwiches)}"
    kept = f"in private they lost {money(run.private_loss, currency)}"
    return f"{took}; {kept}. The worst case, told before sending, was {money(run.predicted_loss, currency)}."


def _sandwiches(count: int) -> str:
    return plural(count, "sandwich", "sandwiches")


def _tiles(run: MevRecord) -> list[tuple[str, str, str, str]]:
    currency, net = run.quote_currency, run.searcher.profit - run.searcher.gas
    traded = sum((hedge.notional for hedge in run.hedges), Decimal(0))
    share = number(run.public_loss / traded * 10_000, 1) if traded else number(None)
    holds = run.predicted_loss >= run.public_loss
    kept = run.private_loss < _CENT / 2
    return [
        (
            "Lost in public",
            money(run.public_loss, currency),
            f"{share} bp of what was traded",
            "bad" if run.public_loss > 0 else "",
        ),
        (
            "Lost in private",
            money(run.private_loss, currency),
            "the same hedges, the same start",
            "" if kept else "bad",
        ),
        (
            "Predicted worst",
            money(run.predicted_loss, currency),
            "bounds the public loss" if holds else "below the public loss",
            "" if holds else "bad",
        ),
        ("Sandwiches", f"{run.sandwiches} · {run.private_sandwiches}", "in public · in private", ""),
        ("Leaks", f"{run.leaks}", "private bytes at a public endpoint", "bad" if run.leaks else ""),
        ("Searcher’s profit", money(net, currency, signed=True), "after the venue’s fees and gas", ""),
    ]


def _sections(run: MevRecord) -> list[Section]:
    more = run.public_loss - run.private_loss
    cost = "The public route cost {} more" if more >= 0 else "The private route cost {} more"
    return [
        Section(
            _cost_headline(run),
            "How much worse each filled than its quote; the frame is the worst case, told before sending.",
            chart("cost", tall=True),
        ),
        Section(
            cost.format(money(abs(more), run.quote_currency)),
            "The losses of the hedges, one after the other.",
            chart("total"),
            is_half=True,
        ),
        Section(
            _size_headline(run),
            "A sandwich pays the venue’s fee twice: round a small order it is not worth its cost.",
            chart("size"),
            is_half=True,
        ),
        Section(
            f"The searcher kept {percent(_kept(run), 0)} of what the trader lost",
            "On the public route. Every trade pays the venue’s fee, the searcher’s two legs too.",
            f'<div class="pair">{chart("money")}{_totals_table(run)}</div>',
        ),
        Section(
            "Every hedge, on both routes",
            "Prices are averages before the fee; the limit is the worst price that went with the order.",
            _hedges_table(run),
        ),
    ]


def _cost_headline(run: MevRecord) -> str:
    public, private = (
        sum(loss > _CENT / 2 for loss in losses)
        for losses in ([h.public.loss for h in run.hedges], [h.private.loss for h in run.hedges])
    )
    lost = f"{public} of {plural(len(run.hedges), 'hedge')} lost money in public"
    return f"{lost}, {private or 'none'} in private"


def _size_headline(run: MevRecord) -> str:
    spared = sum(hedge.public.searcher_profit is None for hedge in run.hedges)
    if not spared:
        return "Every hedge was large enough for a sandwich to pay"
    were = "was" if spared == 1 else "were"
    return f"{plural(spared, 'hedge')} {were} too small for a sandwich to pay"


def _kept(run: MevRecord) -> Decimal:
    return (run.searcher.profit - run.searcher.gas) / run.public_loss if run.public_loss else Decimal(0)


def _totals_table(run: MevRecord) -> str:
    currency = run.quote_currency
    venue = run.public_loss - run.searcher.profit
    rows = [
        ("Trader, in public", -run.public_loss),
        ("Searcher, after fees and gas", run.searcher.profit - run.searcher.gas),
        ("Gas of the searcher", run.searcher.gas),
        ("Venue: makers and insurance fund", venue),
    ]
    body = [cell(name) + cell(money(value, currency, signed=True), kind="n") for name, value in rows]
    left = sum((value for _, value in rows), Decimal(0))
    foot = f"<tr>{cell('Unexplained')}{cell(money(left, currency), kind='n')}</tr>"
    return table((("Who", ""), (currency, "n")), body, foot=foot, label="Where everything went")


def _hedges_table(run: MevRecord) -> str:
    headers = (
        ("Hedge", ""), (f"Size, {run.underlying}", "n"), ("Quoted", "n"), ("Limit", "n"), ("Worst", "n"),
        ("Public fill", "n"), ("Lost", "n"), ("Searcher", "n"), ("Private fill", "n"), ("Lost", "n"),
        ("Public", "hash"), ("Private", "hash"),
    )  # fmt: skip
    sums = [
        cell(money(value, run.quote_currency), kind="n")
        for value in (run.predicted_loss, run.public_loss, run.searcher.profit, run.private_loss)
    ]
    worst, public, searcher, private = sums
    foot = (
        f'<tr>{cell("All hedges")}<td colspan="3"></td>{worst}<td></td>{public}{searcher}<td></td>{private}'
        '<td colspan="2"></td></tr>'
    )
    rows = [_row(hedge, run) for hedge in run.hedges]
    return table(headers, rows, foot=foot, kind="wide", label="Every hedge")


def _row(hedge: HedgeRecord, run: MevRecord) -> str:
    currency = run.quote_currency
    public, private = hedge.public, hedge.private
    return (
        cell(f"{hedge.number} {hedge.side}")
        + cell(number(hedge.size, 1), kind="n")
        + cell(number(hedge.quote_price), kind="n")
        + cell(number(hedge.limit_price), kind="n soft")
        + cell(money(hedge.predicted_loss, currency), kind="n")
        + cell(number(public.price), kind="n")
        + cell(money(public.loss, currency), kind="n")
        + cell(money(public.searcher_profit, currency), kind="n soft")
        + cell(number(private.price), kind="n")
        + cell(money(private.loss, currency), kind="n")
        + cell(short_hash(public.tx), kind="hash", title=public.tx)
        + cell(short_hash(private.tx), kind="hash", title=private.tx)
    )


def _colophon(run: MevRecord) -> str:
    made = f"Made with trimtab {run.version}" if run.version else "Made with trimtab"
    at = f" at {moment(run.generated_at)} UTC" if run.generated_at else ""
    return f"{made}{at}. The run took {number(run.wall_seconds, 1)} s."
