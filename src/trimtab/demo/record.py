"""The run as the plain JSON of `--json FILE`, which the report reads too.

Named figures are JSON numbers for plotting; the exact decimal strings stand beside them under `exact`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

from trimtab import __version__
from trimtab.demo.accounts import AccountValues
from trimtab.demo.atomic import Comparison, Cost
from trimtab.demo.options import UNDERLYING
from trimtab.demo.protocol import Looked
from trimtab.demo.run import Finished, Stepped
from trimtab.hedging.attribution import Attribution
from trimtab.model.order import TxRecord
from trimtab.model.position import OptionPosition, PerpPosition
from trimtab.model.units import from_wad

_ZERO = Decimal(0)


def make_record(run: Finished) -> dict[str, Any]:
    """Everything about the run; money in USD, sizes in ETH, gains and buys above 0."""
    options = run.options
    return {
        "seed": options.seed,
        "band": float(options.band),
        "steps": [_step(step) for step in run.steps],
        "summary": _summary(run),
        "title": "Delta-neutral option book" if options.is_hedged else "Unhedged option book",
        "description": _description(run),
        "underlying": UNDERLYING,
        "quote_currency": "USD",
        "version": __version__,
        "is_hedged": options.is_hedged,
        "settings": _settings(run),
        "positions": _positions(run.steps[-1].after),
        "transactions": [_transaction(record, run) for record in run.records],
        "accounts": _accounts(run.first.accounts, run.steps[-1].posting.accounts),
        **({"atomic": _atomic(run.comparison)} if run.comparison else {}),
    }


def variance(changes: Sequence[Decimal]) -> Decimal | None:
    """Sample variance; None for fewer than two values."""
    if len(changes) < 2:
        return None
    mean = sum(changes, _ZERO) / len(changes)
    return sum(((c - mean) ** 2 for c in changes), _ZERO) / (len(changes) - 1)


def implied_vol(options: Sequence[OptionPosition]) -> Decimal | None:
    """The options' volatilities weighted by their vega, as a fraction; None where no option has vega."""
    weights = sum((abs(position.greeks.vega) for position in options), _ZERO)
    if not weights:
        return None
    return sum((abs(position.greeks.vega) * position.iv for position in options), _ZERO) / weights


def is_filled(looked: Looked | None) -> bool:
    """Whether the look traded."""
    return looked is not None and looked.hedge is not None and looked.hedge.size != 0


def _step(step: Stepped) -> dict[str, Any]:
    after, profit = step.after, step.posting.profit
    greeks, health = after.exposure.greeks, after.margin.health
    return {
        "t": after.at,
        "block": after.block,
        "spot": float(step.before.spot),
        "delta_before": float(step.before.exposure.delta),
        "delta_after": float(after.exposure.delta),
        "hedge": _hedge(step.looked, after.spot),
        "mark": float(after.exposure.mark_price or 0),
        "band": float(step.looked.band) if step.looked else None,
        "venue_delta": float(after.exposure.venue_greeks.delta),
        "gamma": float(greeks.gamma),
        "vega": float(greeks.vega),
        "theta": float(greeks.theta),
        "iv": _float(implied_vol(after.exposure.options)),
        "equity": float(after.total),
        "health": float(health) if health is not None else None,
        "pnl": {**_parts(profit), "total": float(profit.total)},
        "unhedged_pnl": float(step.posting.unhedged),
        "event": _event(step),
        "exact": _exact(step),
    }


def _event(step: Stepped) -> str | None:
    refusal = step.looked.refusal if step.looked else None
    words = [step.event, f"hedge refused: {refusal}" if refusal else None]
    return "; ".join(word for word in words if word) or None


def _exact(step: Stepped) -> dict[str, Any]:
    """Digit by digit what the contracts said, for whoever wants to add it up again."""
    after = step.after
    hedge = step.looked.hedge if step.looked else None
    return {
        "perp_size": str(after.exposure.perp_delta),
        "perp_equity": str(after.margin.equity),
        "option_value": str(after.option_value),
        "option_collateral": str(after.option_collateral),
        "wallet": {currency: str(amount) for currency, amount in after.wallet.items()},
        "ether": str(after.ether),
        "hedge": {"size": str(hedge.size), "price": str(hedge.price), "fee": str(hedge.fee)}
        if hedge
        else None,
        "unexplained": str(step.posting.profit.unexplained),
    }


def _hedge(looked: Looked | None, spot: Decimal) -> dict[str, Any] | None:
    hedge = looked.hedge if looked else None
    if hedge is None or not is_filled(looked):
        return None
    return {
        "size": float(hedge.size),
        "price": float(hedge.price or 0),
        "fee": float(hedge.fee),
        "gas": float(from_wad(hedge.gas_wei) * spot),
        "tx": hedge.tx_hash,
        "reason": hedge.reason,
    }


def _summary(run: Finished) -> dict[str, Any]:
    profit = run.steps[-1].posting.profit
    audit = run.audit
    totals = [step.posting.profit.total for step in run.steps]
    unhedged = [step.posting.unhedged for step in run.steps]
    return {
        "max_abs_delta_after": float(run.max_abs_delta_after),
        "hedges": sum(is_filled(step.looked) for step in run.steps),
        "transactions": len(audit.transactions),
        "duplicate_hedges": audit.duplicate_hedges,
        "orphans": audit.orphans,
        "pnl": {**_parts(profit), "total": float(profit.total)},
        "unexplained": float(profit.unexplained),
        "wall_seconds": round(run.wall_seconds, 3),
        "account_change": float(profit.change),
        "unhedged_pnl": float(unhedged[-1]),
        "pnl_variance": _float(variance(_changes(totals))),
        "unhedged_pnl_variance": _float(variance(_changes(unhedged))),
        "crashes": run.crashes,
        "seconds": {name: round(value, 3) for name, value in run.opened.seconds.items()},
    }


def _parts(profit: Attribution) -> dict[str, float]:
    return {name: float(value) for name, value in profit.parts.items()}


def _changes(values: Sequence[Decimal]) -> list[Decimal]:
    return [after - before for before, after in pairwise(values)]


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _description(run: Finished) -> str:
    book = run.options.book
    hedged = "hedged with Perp v2 vETH" if run.options.is_hedged else "left unhedged"
    return (
        f"Short {book.calls} calls and {book.puts} puts on the genuine Lyra contracts, {hedged}, "
        f"on {run.engine}."
    )


def _settings(run: Finished) -> dict[str, str]:
    options = run.options
    return {
        "engine": run.engine,
        "path": options.path,
        "option customers": "trade between the steps" if options.has_flow else "none",
        "policy": options.policy.value,
        "step": f"{options.step_seconds} s",
        "max slippage": f"{options.limits.max_slippage * 100} %",
        **({"atomic": "the account runs the executor's code (EIP-7702)"} if options.is_atomic else {}),
        **({"crash at hedge": str(options.crash_at)} if options.crash_at else {}),
        **({"notes": "; ".join(run.notes)} if run.notes else {}),
    }


def _atomic(told: Comparison) -> list[dict[str, Any]]:
    """Transactions and gas through the trader's own code, beside those of the plain way."""
    return [
        {
            "name": name,
            "transactions": ours.transactions,
            "gas": ours.gas,
            "plain_transactions": plain.transactions,
            "plain_gas": plain.gas,
        }
        for name, ours, plain in (
            ("Take on the executor's code, once", told.code, Cost(0, 0)),
            ("Open the book", told.opening, told.plain_opening),
            ("Hedges", told.hedges, told.plain_hedges),
        )
    ]


def _positions(values: AccountValues) -> list[dict[str, Any]]:
    exposure = values.exposure
    return [_option(p) for p in exposure.options] + [_perp(p) for p in exposure.perps]


def _option(position: OptionPosition) -> dict[str, Any]:
    series = position.series
    return {
        "venue": position.venue,
        "instrument": f"{series.market.name} {series.strike:f} {position.type.kind}",
        "amount": str(position.signed_amount),
        "strike": str(series.strike),
        "expiry": series.expiry,
        "iv": str(position.iv),
        "mark": str(position.mark_price),
        "value": str(position.mark_value),
        "delta": str(position.greeks.delta),
        "gamma": str(position.greeks.gamma),
        "vega": str(position.greeks.vega),
        "theta": str(position.greeks.theta),
        "venue_delta": str(position.venue_greeks.delta),
        "venue_vega": str(position.venue_greeks.vega),
    }


def _perp(position: PerpPosition) -> dict[str, Any]:
    return {
        "venue": position.venue,
        "instrument": position.market,
        "amount": str(position.size),
        "mark": str(position.mark_price),
        "value": str(position.unrealized_pnl),
        "delta": str(position.size),
    }


def _transaction(record: TxRecord, run: Finished) -> dict[str, Any]:
    steps = {s.looked.hedge.tx_hash: s.number for s in run.steps if s.looked and s.looked.hedge}
    return {
        "key": record.key,
        "tx": record.tx_hash,
        "label": record.label,
        "journal_state": record.journal_state,
        "nonce": record.nonce,
        "block": record.block,
        "gas_used": record.gas_used,
        "fee": float(from_wad(record.fee_wei) * run.first.values.spot),
        "attempts": record.attempts,
        "step": steps.get(record.tx_hash),
    }


def _accounts(start: Mapping[str, Decimal], end: Mapping[str, Decimal]) -> list[dict[str, Any]]:
    return [{"name": name, "start": str(value), "end": str(end[name])} for name, value in start.items()]
