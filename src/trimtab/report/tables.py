"""The tables of the page as HTML. Every cell is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from html import escape

from trimtab.report.format import day, moment, money, number, part_name, percent, short_hash, tidy
from trimtab.report.record import RunRecord, TransactionRecord

_ZERO = Decimal(0)
_GOOD_STATES = {"final", "finalized", "safe", "succeeded", "included", "confirmed", "mined", "resolved"}


def cell(text: str, *, kind: str = "", title: str = "") -> str:
    """One escaped table cell; `kind` is its CSS class."""
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' title="{escape(title, quote=True)}"' if title else ""
    return f"<td{attributes}>{escape(text)}</td>"


def table(
    headers: Sequence[tuple[str, str]],
    rows: Iterable[str],
    *,
    foot: str = "",
    kind: str = "",
    label: str = "",
) -> str:
    """A table from (header, class) pairs and ready rows of cells."""
    head = "".join(f'<th scope="col" class="{css}">{escape(text)}</th>' for text, css in headers)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    foot = f"<tfoot>{foot}</tfoot>" if foot else ""
    return (
        f'<div class="scroll {kind}" tabindex="0" role="region" aria-label="{escape(label, quote=True)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>{foot}</table></div>"
    )


def parts_table(run: RunRecord) -> str:
    """Every part of the profit, the sum, what the contracts say, and what is left between the two."""
    parts = {name: value for name, value in run.summary.pnl.items() if name != "total"}
    added = sum(parts.values(), _ZERO)
    total, unexplained = run.summary.pnl.get("total", added), run.summary.unexplained
    rows = [
        cell(part_name(name))
        + _money_cell(value, run, signed=True)
        + cell(_MEANING.get(name, ""), kind="note")
        for name, value in parts.items()
    ]
    foot = [
        ("Sum of the parts", total, "what our books say was earned"),
        ("Change of account values", total + unexplained, "what the contracts say, start to end"),
        ("Unexplained", unexplained, "the difference of the two"),
    ]
    if abs(added - total) > Decimal("0.005"):
        foot.insert(0, ("Rounding", total - added, "the record's total against its own parts"))
    ends = "".join(
        f"<tr>{cell(name)}{_money_cell(value, run, signed=True)}{cell(meaning, kind='note')}</tr>"
        for name, value, meaning in foot
    )
    headers = (("Part", ""), (run.quote_currency, "n"), ("What it is", "note"))
    return table(headers, rows, foot=ends, label="Profit by cause")


_MEANING = {
    "delta": "moves of the spot on options and perp together",
    "gamma": "curvature of the options against the move squared",
    "theta": "time that passed",
    "vega": "moves of implied volatility",
    "higher_order": "full revaluation less the terms above",
    "slippage": "trades at another price than the mark after them",
    "funding": "paid to or received from the other side of the perp",
    "trading_fees": "venue fees of all trades",
    "gas": "transaction fees at the spot price",
}


def accounts_table(run: RunRecord) -> str:
    """Account values read from the contracts at both ends."""
    rows = [
        cell(account.name)
        + _money_cell(account.start, run)
        + _money_cell(account.end, run)
        + _money_cell(account.end - account.start, run, signed=True)
        for account in run.accounts
    ]
    start = sum((account.start for account in run.accounts), _ZERO)
    end = sum((account.end for account in run.accounts), _ZERO)
    sums = _money_cell(start, run) + _money_cell(end, run) + _money_cell(end - start, run, signed=True)
    headers = (("Account", ""), ("Start", "n"), ("End", "n"), ("Change", "n"))
    return table(headers, rows, foot=f"<tr>{cell('All accounts')}{sums}</tr>", label="Account values")


def positions_table(run: RunRecord) -> str:
    """The book at the last step, our Greeks beside the venues' own."""
    rows = [
        cell(tidy(line.instrument))
        + cell(tidy(line.venue), kind="note")
        + cell(number(line.amount, 4, signed=True), kind="n")
        + cell(day(line.expiry), kind="n")
        + cell(percent(line.iv) if line.iv is not None else number(None), kind="n")
        + cell(number(line.mark), kind="n")
        + cell(number(line.value, signed=True), kind="n")
        + cell(number(line.delta, 3, signed=True), kind="n")
        + cell(number(line.venue_delta, 3, signed=True), kind="n soft")
        + cell(number(line.gamma, 5), kind="n")
        + cell(number(line.vega), kind="n")
        + cell(number(line.venue_vega), kind="n soft")
        + cell(number(line.theta), kind="n")
        for line in run.positions
    ]
    names = ("value", "delta", "venue_delta", "gamma", "vega", "venue_vega", "theta")
    sums = {name: sum((getattr(line, name) or _ZERO for line in run.positions), _ZERO) for name in names}
    # a venue that says no delta of its own (a perp's is its size) counts with ours
    sums["venue_delta"] += sum((p.delta or _ZERO for p in run.positions if p.venue_delta is None), _ZERO)
    foot = (
        f'<tr>{cell("Net")}<td colspan="5"></td>{cell(number(sums["value"], signed=True), kind="n")}'
        + cell(number(sums["delta"], 3, signed=True), kind="n")
        + cell(number(sums["venue_delta"], 3, signed=True), kind="n soft")
        + cell(number(sums["gamma"], 5), kind="n")
        + cell(number(sums["vega"]), kind="n")
        + cell(number(sums["venue_vega"]), kind="n soft")
        + cell(number(sums["theta"]), kind="n")
        + "</tr>"
    )
    headers = (
        ("Instrument", ""), ("Venue", "note"), ("Amount", "n"), ("Expiry", "n"), ("IV", "n"), ("Mark", "n"),
        ("Value", "n"), ("Delta", "n"), ("venue’s", "n soft"), ("Gamma", "n"), ("Vega", "n"),
        ("venue’s", "n soft"), ("Theta", "n"),
    )  # fmt: skip
    return table(headers, rows, foot=foot, kind="wide", label="The book")


def transactions_table(run: RunRecord) -> str:
    """Every transaction with the journal's last word; the hedges alone where the record lists none."""
    if not run.transactions:
        return _hedges_table(run)
    rows = [
        _label_cell(tx)
        + f"<td>{_pill(tx.journal_state)}</td>"
        + cell(_integer(tx.block), kind="n")
        + cell(_integer(tx.nonce), kind="n")
        + cell(_integer(tx.attempts), kind="n")
        + cell(_integer(tx.gas_used), kind="n")
        + cell(money(tx.fee, run.quote_currency), kind="n")
        + cell(short_hash(tx.tx), kind="hash", title=tx.tx)
        for tx in run.transactions
    ]
    fees = sum((tx.fee or _ZERO for tx in run.transactions), _ZERO)
    gas = sum(tx.gas_used or 0 for tx in run.transactions)
    foot = (
        f'<tr>{cell("All transactions")}<td colspan="4"></td>{cell(_integer(gas), kind="n")}'
        f"{_money_cell(fees, run)}<td></td></tr>"
    )
    headers = (
        ("Transaction", ""), ("Journal", ""), ("Block", "n"), ("Nonce", "n"), ("Attempts", "n"),
        ("Gas used", "n"), ("Fee", "n"), ("Hash", "hash"),
    )  # fmt: skip
    return table(headers, rows, foot=foot, kind="tall", label="Transactions")


def atomic_table(run: RunRecord) -> str:
    """Transactions and gas through our contracts, beside those of the plain way."""
    rows = [
        cell(part.name)
        + "".join(
            cell(_integer(value), kind="n")
            for value in (part.transactions, part.plain_transactions, part.gas, part.plain_gas)
        )
        + cell(number(Decimal(part.gas - part.plain_gas), 0, signed=True), kind="n")
        for part in run.atomic
    ]
    headers = (
        ("Part", ""), ("Transactions", "n"), ("plainly", "n"), ("Gas", "n"), ("plainly", "n"), ("More", "n"),
    )  # fmt: skip
    return table(headers, rows, label="Atomic and plain")


def _hedges_table(run: RunRecord) -> str:
    rows = [
        cell(moment(step.t))
        + cell(f"{step.block:,}", kind="n")
        + cell(number(step.hedge.size, 4, signed=True), kind="n")
        + _money_cell(step.hedge.price, run)
        + _money_cell(step.hedge.fee, run)
        + _money_cell(step.hedge.gas, run)
        + cell(short_hash(step.hedge.tx), kind="hash", title=step.hedge.tx)
        for step in run.steps
        if step.hedge
    ]
    headers = (
        ("Time", ""), ("Block", "n"), (f"Size, {run.underlying}", "n"), ("Price", "n"), ("Fee", "n"),
        ("Gas", "n"), ("Hash", "hash"),
    )  # fmt: skip
    return table(headers, rows, kind="tall", label="Hedges")


def _label_cell(tx: TransactionRecord) -> str:
    """Of several calls in one transaction the number and the last; all of them on pointing at it."""
    labels = tx.label.split("; ")
    if len(labels) == 1:
        return cell(tidy(tx.label), title=tx.key)
    return cell(f"{len(labels)} calls, the last: {tidy(labels[-1])}", title=f"{tx.key}: {tx.label}")


def _money_cell(value: Decimal | None, run: RunRecord, *, signed: bool = False) -> str:
    return cell(money(value, run.quote_currency, signed=signed), kind="n")


def _integer(value: int | None) -> str:
    return number(None) if value is None else f"{value:,}"


def _pill(state: str) -> str:
    kind = "good" if state.lower() in _GOOD_STATES else "warn"
    return f'<span class="pill {kind}">{escape(state)}</span>'
