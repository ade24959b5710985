"""A hedging run without a chain: our pricing on a seeded path, for the report's test data.

`python tests/report/simulation.py` writes tests/data/report/record.json.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import pvariance
from typing import Any

from trimtab.hedging.attribution import Attribution, OptionHolding, StepSnapshot, Trade, attribute_steps
from trimtab.model.greeks import Greeks
from trimtab.model.market import OptionKind
from trimtab.model.units import decimal_from_float
from trimtab.pricing.black76 import greeks_black_scholes, greeks_to_model, years_to_expiry

DATA = Path(__file__).parents[1] / "data" / "report" / "record.json"
START, STEP_SECONDS = 1_795_500_000, 2 * 3600
EXPIRY = START + 28 * 86_400
BAND, RATE, FEE, GAS = Decimal("0.5"), Decimal("0.05"), Decimal("0.001"), Decimal("0.84")
BOOK = (  # kind, strike, signed amount
    (OptionKind.CALL, Decimal(1850), Decimal(-12)),
    (OptionKind.CALL, Decimal(1750), Decimal(-10)),
    (OptionKind.PUT, Decimal(1650), Decimal(-8)),
)
D2, D6 = Decimal("0.01"), Decimal("0.000001")


def tx_hash(rng: random.Random) -> str:
    return "0x" + "".join(rng.choices("0123456789abcdef", k=64))


def walk(rng: random.Random, steps: int) -> Iterator[tuple[Decimal, Decimal]]:
    """(spot, level of volatility): GBM with one jump, volatility rising as the spot falls."""
    spot, level = 1742.0, 0.68
    for step in range(steps):
        yield Decimal(f"{spot:.4f}"), Decimal(f"{level:.5f}")
        move = rng.gauss(0.0, 0.6 * math.sqrt(STEP_SECONDS / 31_536_000)) - (0.034 if step == 17 else 0.0)
        spot *= math.exp(move)
        level = max(0.45, level + 0.06 * (0.66 - level) - 0.4 * move + rng.gauss(0.0, 0.004))


@dataclass
class State:
    """What the account holds at the perp venue, and the hedges and transactions so far."""

    size: Decimal = Decimal(0)
    cash: Decimal = Decimal(4200)
    gas_money: Decimal = Decimal(200)


def simulate(seed: int = 7, steps: int = 30) -> dict[str, Any]:
    """The record of one run, as `trimtab demo --json` has it."""
    rng = random.Random(seed)
    state = State()
    snapshots: list[StepSnapshot] = []
    rows: list[dict[str, Any]] = []
    transactions = [opening_transaction(rng, n, name) for n, name in enumerate(OPENING)]
    for step, (spot, level) in enumerate(walk(rng, steps)):
        at = START + step * STEP_SECONDS
        options = holdings(spot, level, at)
        greeks = sum((held_greeks(option, spot, at) for option in options), Greeks())
        mark = (spot * (1 + Decimal(f"{rng.gauss(0.0002, 0.0003):.6f}"))).quantize(D6)
        before = greeks.delta + state.size
        snapshot, hedge = hedge_step(rng, state, snapshots, (at, spot, mark, before))
        snapshots.append(
            replace(snapshot, options=options, rate=RATE, accounts=accounts(state, mark, options))
        )
        if hedge:
            transactions.append(hedge_transaction(hedge, len(transactions), step))
        margin = abs(state.size) * mark * Decimal("0.0625")
        equity = state.cash + state.size * mark
        rows.append(
            {
                "t": at, "block": 212 + 3 * step, "spot": spot, "mark": mark, "delta_before": before,
                "delta_after": greeks.delta + state.size, "hedge": hedge, "band": BAND,
                "venue_delta": greeks.delta + state.size + Decimal(f"{rng.gauss(0, 0.02):.6f}"),
                "gamma": greeks.gamma, "vega": greeks.vega, "theta": greeks.theta,
                "iv": book_iv(options, spot, at),
                "health": equity / margin if margin else None,
                "event": "price jump" if step == 18 else None,
            }
        )  # fmt: skip
    return finish(seed, rows, snapshots, transactions)


def book_iv(options: tuple[OptionHolding, ...], spot: Decimal, at: int) -> Decimal:
    """The options' volatilities weighted by their vega."""
    vegas = [abs(held_greeks(option, spot, at).vega) for option in options]
    pairs = zip(vegas, options, strict=True)
    weighted = sum((vega * option.iv for vega, option in pairs), Decimal(0))
    return (weighted / sum(vegas, Decimal(0))).quantize(D6)


OPENING = (
    "approve sUSD",
    "open 12 short calls 1850",
    "open 10 short calls 1750",
    "open 8 short puts 1650",
    "deposit margin",
)


def opening_transaction(rng: random.Random, nonce: int, label: str) -> dict[str, Any]:
    return {
        "key": f"open/{nonce}", "tx": tx_hash(rng), "label": label, "journal_state": "final", "nonce": nonce,
        "block": 190 + nonce, "gas_used": 1_229_318, "fee": GAS, "attempts": 1, "step": 0,
    }  # fmt: skip


def hedge_transaction(hedge: dict[str, Any], nonce: int, step: int) -> dict[str, Any]:
    side = "buy" if hedge["size"] > 0 else "sell"
    return {
        "key": f"hedge/ETH/{step}", "tx": hedge["tx"], "label": f"{side} {abs(hedge['size']):.3f} vETH",
        "journal_state": "final", "nonce": nonce, "block": 213 + 3 * step, "gas_used": 412_331,
        "fee": hedge["gas"], "attempts": 2 if step == 18 else 1, "step": step,
    }  # fmt: skip


def holdings(spot: Decimal, level: Decimal, at: int) -> tuple[OptionHolding, ...]:
    options = []
    for kind, strike, amount in BOOK:
        iv = (level + Decimal("0.12") * abs(strike / spot - 1)).quantize(D6)
        price = greeks_black_scholes(kind, *inputs(spot, strike, at, iv)).price
        options.append(
            OptionHolding(f"{kind} {strike}", kind, amount, strike, EXPIRY, iv, decimal_from_float(price, 18))
        )
    return tuple(options)


def inputs(spot: Decimal, strike: Decimal, at: int, iv: Decimal) -> tuple[float, float, float, float, float]:
    return float(spot), float(strike), years_to_expiry(EXPIRY, at), float(iv), float(RATE)


def held_greeks(option: OptionHolding, spot: Decimal, at: int) -> Greeks:
    one = greeks_black_scholes(option.kind, *inputs(spot, option.strike, at, option.iv))
    return greeks_to_model(one) * option.amount


def hedge_step(
    rng: random.Random,
    state: State,
    snapshots: list[StepSnapshot],
    now: tuple[int, Decimal, Decimal, Decimal],
) -> tuple[StepSnapshot, dict[str, Any] | None]:
    """Pay funding on what is held, then trade back to zero delta when outside the band."""
    at, spot, mark, delta = now
    funding = (
        (state.size * spot * Decimal(f"{rng.gauss(0.0001, 0.00008):.8f}")).quantize(D6)
        if snapshots
        else Decimal(0)
    )
    state.cash -= funding
    snapshot = StepSnapshot(at, spot, state.size, mark, {}, funding_paid=funding)
    if abs(delta) <= BAND:
        return snapshot, None
    size = (-delta).quantize(D6)
    price = (mark * (1 + size * Decimal("0.00004"))).quantize(D6)
    fee = (abs(size) * price * FEE).quantize(D6)
    state.cash -= size * price + fee
    state.size += size
    state.gas_money -= GAS
    hedge = {
        "size": size,
        "price": price,
        "fee": fee,
        "gas": GAS,
        "tx": tx_hash(rng),
        "reason": "outside the band",
    }
    traded = replace(
        snapshot, perp_size=state.size, trades=(Trade(size, price),), fees_paid=fee, gas_paid=GAS
    )
    return traded, hedge


def accounts(state: State, mark: Decimal, options: tuple[OptionHolding, ...]) -> dict[str, Decimal]:
    value = sum((option.amount * option.mark_price for option in options), Decimal(0))
    return {
        "Perp v2 account value": state.cash + state.size * mark,
        "Lyra short collateral": Decimal(42_000),
        "Lyra options at mark": value,
        "Wallet, gas money": state.gas_money,
    }


def finish(
    seed: int, rows: list[dict[str, Any]], snapshots: list[StepSnapshot], transactions: list[dict[str, Any]]
) -> dict[str, Any]:
    cumulative = attribute_steps(snapshots)
    unhedged = [
        sum(option_value(s), Decimal(0)) - sum(option_value(snapshots[0]), Decimal(0)) for s in snapshots
    ]
    for row, snapshot, so_far, alone in zip(rows, snapshots, cumulative, unhedged, strict=True):
        row |= {
            "equity": snapshot.equity,
            "pnl": {**so_far.parts, "total": so_far.total},
            "unhedged_pnl": alone,
        }
    hedges = [row["hedge"] for row in rows if row["hedge"]]
    total: Attribution = cumulative[-1]
    return {
        "seed": seed, "band": BAND, "title": "Delta-neutral short volatility, ETH",
        "description": "Short ETH calls and puts on Lyra Avalon, hedged with the vETH perpetual of Perp v2.",
        "underlying": "ETH", "quote_currency": "USD", "generated_at": START + len(rows) * STEP_SECONDS,
        "settings": {"engine": "simulation", "policy": "fixed band", "path": "GBM with a jump, 2 h steps"},
        "steps": rows,
        "positions": positions(snapshots[-1], rows[-1]),
        "transactions": transactions,
        "accounts": [
            {"name": name, "start": snapshots[0].accounts[name], "end": value}
            for name, value in snapshots[-1].accounts.items()
        ],
        "summary": {
            "max_abs_delta_after": max(abs(row["delta_after"]) for row in rows), "hedges": len(hedges),
            "transactions": len(transactions), "duplicate_hedges": 0, "orphans": 0,
            "pnl": {**total.parts, "total": total.total}, "unexplained": total.unexplained,
            "wall_seconds": Decimal("21.4"), "unhedged_pnl": unhedged[-1],
            "pnl_variance": variance([a.total for a in cumulative]),
            "unhedged_pnl_variance": variance(unhedged),
        },
    }  # fmt: skip


def option_value(snapshot: StepSnapshot) -> list[Decimal]:
    return [option.amount * option.mark_price for option in snapshot.options]


def variance(levels: list[Decimal]) -> Decimal:
    return pvariance([b - a for a, b in pairwise(levels)])


def positions(last: StepSnapshot, row: dict[str, Any]) -> list[dict[str, Any]]:
    lines = []
    for option in last.options:
        greeks = held_greeks(option, last.spot, last.at)
        lines.append(
            {
                "venue": "Lyra", "instrument": f"ETH {option.strike} {option.kind}", "amount": option.amount,
                "strike": option.strike, "expiry": option.expiry, "iv": option.iv, "mark": option.mark_price,
                "value": option.amount * option.mark_price, "delta": greeks.delta, "gamma": greeks.gamma,
                "vega": greeks.vega, "theta": greeks.theta, "venue_delta": greeks.delta * Decimal("1.0007"),
                "venue_vega": greeks.vega * Decimal("0.9994"),
            }
        )  # fmt: skip
    perp = {
        "venue": "Perp v2", "instrument": "vETH perpetual", "amount": last.perp_size, "mark": last.perp_mark,
        "delta": last.perp_size,
    }  # fmt: skip
    return [*lines, perp]


def as_json(record: dict[str, Any]) -> str:
    def number(value: object) -> str:
        if isinstance(value, Decimal):
            return format(value, "f")
        raise TypeError(f"{value!r}")

    return json.dumps(record, indent=1, default=number) + "\n"


if __name__ == "__main__":
    DATA.parent.mkdir(parents=True, exist_ok=True)
    DATA.write_text(as_json(simulate()))
