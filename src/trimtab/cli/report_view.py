"""What became of a trade, for people and programs, and how the command then ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from trimtab.cli.drift_view import print_drifts
from trimtab.cli.output import console, money, number, print_json, print_table

if TYPE_CHECKING:
    from trimtab.errors import TrimtabError
    from trimtab.model.order import ExecutionReport

WIDE = 150
"""Columns from which a report has room for a column of hashes."""


def failure_of(report: ExecutionReport) -> TrimtabError | None:
    """The error that tells an order which did not fill, for its exit code; None when all is well."""
    from trimtab.errors import DroppedError, OrderRejectedError, OutcomeUnknownError, RevertedError
    from trimtab.model.order import OrderStatus, TxStatus

    if report.status is OrderStatus.FILLED or report.is_dry_run:
        return None
    last = report.transactions[-1] if report.transactions else None
    reason = report.reason or report.status.value
    if last is None:
        return OrderRejectedError(reason, venue=report.venue, market=report.market, reason=reason)
    if report.status is OrderStatus.UNKNOWN:
        return OutcomeUnknownError(
            f"order {report.key} was sent and its outcome is not known: ask again with --key {report.key}, "
            "never send it under another key",
            tx_hash=last.tx_hash,
            nonce=last.nonce,
        )
    if last.status is TxStatus.DROPPED:
        return DroppedError(
            f"order {report.key} was dropped: {reason} (--key {report.key})",
            tx_hash=last.tx_hash,
            nonce=last.nonce,
        )
    if report.status is OrderStatus.PARTIALLY_FILLED:
        reason = (
            f"{report.filled_size} is filled under this key and that is not what was asked; "
            "another order needs another --key"
        )
    return RevertedError(
        f"order {report.key} ended as {report.status.value}: {reason}",
        tx_hash=last.tx_hash,
        nonce=last.nonce,
        reason=reason,
    )


def print_report(report: ExecutionReport, *, as_json: bool) -> None:
    """What became of a trade: its fills, its transactions, and how these went beside their rehearsals."""
    if as_json:
        print_json(report)
        return
    if report.is_dry_run:
        typer.echo("Dry run: nothing was sent.")
        return
    if report.fills:
        rows = [
            (f.market, number(f.size, 6), money(f.price), money(f.fee), money(f.realized_pnl), f.block)
            for f in report.fills
        ]
        print_table("Fills", ("Market", ">Size", ">Price", ">Fee", ">Realized P&L", ">Block"), rows)
    _print_transactions(report)
    print_drifts(report.drifts)


def _print_transactions(report: ExecutionReport) -> None:
    """A row for each, and whole hashes: as a column where there is room, else below, each on its line."""
    columns: tuple[str, ...] = ("Transaction", ">Nonce", "Status", "Lane", ">Gas", ">Fee (ETH)", "Journal")
    rows: list[tuple[object, ...]] = [
        (t.label, t.nonce, t.status.value, t.lane, t.gas_used, _ether(t.fee_wei), t.journal_state)
        for t in report.transactions
    ]
    hashes = [t.tx_hash for t in report.transactions if t.tx_hash]
    if is_wide := console().width >= WIDE:
        columns = (*columns, "Hash")
        rows = [(*row, t.tx_hash) for row, t in zip(rows, report.transactions, strict=True)]
    key = f"key {report.key}" + (f"; {report.reason}" if report.reason else "")
    if report.verdict is not None and report.verdict.action is not None:
        key += f"\n{report.verdict.reason}: {report.verdict.plan}"
    title = f"{report.status.value.capitalize()} at {report.venue}"
    print_table(title, columns, rows, "\n".join([key] if is_wide else [*hashes, key]))


def _ether(wei: int) -> str:
    from trimtab.model.units import from_wad

    return number(from_wad(wei), 8)
