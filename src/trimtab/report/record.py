"""The record of a hedging run, as `trimtab demo --json FILE` writes it and the report reads it.

Only what has no default is needed; everything else makes the report richer and may be missing. Numbers are
JSON numbers or strings of decimals; money in `quote_currency`, sizes and deltas in units of `underlying`,
gains > 0, bought > 0. `t` is unix seconds (or a plain step number). A mapping called `pnl` holds parts by
name (delta, gamma, theta, vega, higher_order, slippage, funding, trading_fees, gas; others are shown too)
and, in the summary, their `total`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from trimtab.errors import ConfigError

Parts = dict[str, Decimal]


class HedgeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A filled hedge: signed size, average price before the fee, fee and gas in quote currency."""

    size: Decimal
    price: Decimal
    fee: Decimal
    gas: Decimal
    tx: str
    reason: str | None = None


class StepRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The book after one step. `pnl` is cumulative since the first step, `unhedged_pnl` that of the same
    book without the perp; `health` = equity / maintenance margin of the hedging account."""

    t: Decimal
    block: int
    spot: Decimal
    delta_before: Decimal
    delta_after: Decimal
    hedge: HedgeRecord | None = None
    mark: Decimal | None = None  # of the hedging perp
    band: Decimal | None = None  # where it changes from step to step
    venue_delta: Decimal | None = None  # net delta by the venues' own Greeks
    gamma: Decimal | None = None
    vega: Decimal | None = None
    theta: Decimal | None = None
    iv: Decimal | None = None  # of the options held, weighted by vega; an annualised fraction
    equity: Decimal | None = None  # sum of all account values
    health: Decimal | None = None
    pnl: Parts | None = None
    unhedged_pnl: Decimal | None = None
    event: str | None = None  # what happened here: "jump -12 %", "crash and restart"


class SummaryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The run in figures. `unexplained` = change of the account values read from the contracts, less the
    sum of the parts; `unhedged_pnl` and the variances are of the same path without hedging."""

    max_abs_delta_after: Decimal
    hedges: int
    transactions: int
    duplicate_hedges: int
    orphans: int
    pnl: Parts
    unexplained: Decimal
    wall_seconds: Decimal
    unhedged_pnl: Decimal | None = None
    pnl_variance: Decimal | None = None  # of the changes from step to step
    unhedged_pnl_variance: Decimal | None = None


class TransactionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction with the journal's last word on it. `fee` in quote currency."""

    key: str
    tx: str
    label: str
    journal_state: str
    nonce: int | None = None
    block: int | None = None
    gas_used: int | None = None
    fee: Decimal | None = None
    attempts: int | None = None
    step: int | None = None


class PositionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the book at the end. Greeks are for the signed amount: ours, and the venue's where it has
    them; `value` at the venue's mark, for a perp its unrealised profit."""

    venue: str
    instrument: str
    amount: Decimal
    strike: Decimal | None = None
    expiry: int | None = None
    iv: Decimal | None = None
    mark: Decimal | None = None
    value: Decimal | None = None
    delta: Decimal | None = None
    gamma: Decimal | None = None
    vega: Decimal | None = None
    theta: Decimal | None = None
    venue_delta: Decimal | None = None
    venue_vega: Decimal | None = None


class AccountRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One account value read from the contracts: before the book was opened, and after the last step."""

    name: str
    start: Decimal
    end: Decimal


class AtomicRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of the run took through our contracts, beside the plain way of the same."""

    name: str
    transactions: int
    gas: int
    plain_transactions: int
    plain_gas: int


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run."""

    seed: int
    band: Decimal
    steps: tuple[StepRecord, ...]
    summary: SummaryRecord
    title: str = "Delta-neutral option book"
    description: str | None = None  # one sentence: what was held, what hedged it, where
    underlying: str = "ETH"
    quote_currency: str = "USD"
    generated_at: int | None = None
    version: str | None = None
    is_hedged: bool = True
    settings: dict[str, str] = {}  # shown as they are: engine, policy, path, limits
    positions: tuple[PositionRecord, ...] = ()
    transactions: tuple[TransactionRecord, ...] = ()
    accounts: tuple[AccountRecord, ...] = ()
    atomic: tuple[AtomicRecord, ...] = ()


def decode_record(record: Mapping[str, Any]) -> RunRecord:
    """The record as typed values; unknown keys are ignored. `ConfigError` names the key that is missing or of
    the wrong type, or the number that is not finite."""
    try:
        run = msgspec.convert(record, RunRecord)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"this is not the record of a run: {error}; write it with `trimtab demo --json`"
        ) from error
    check_finite(msgspec.structs.asdict(run), "record")
    return run


def check_finite(value: object, where: str) -> None:
    """`ConfigError` that names the place of a number in the record that is not finite."""
    if isinstance(value, Decimal) and not value.is_finite():
        raise ConfigError(f"{where} is {value}: a record holds finite numbers only", key=where)
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if isinstance(value, dict):
        for key, inner in value.items():
            check_finite(inner, f"{where}.{key}")
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            check_finite(inner, f"{where}[{number}]")
