"""The record of a run of `trimtab demo mev --json FILE`, as the report reads it.

Numbers are strings of decimals; money in `quote_currency`, sizes in units of `underlying`. A loss is above
zero: how much worse an order filled than its quote at the state before it, the venue's fee included.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from trimtab.errors import ConfigError
from trimtab.report.record import check_finite


class LegRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one hedge went on one route: average price before the fee, and what it lost. `searcher_profit` is
    what a sandwich round it brought, after the venue's fees and before gas; None where there was none."""

    price: Decimal
    loss: Decimal
    tx: str
    block: int
    searcher_profit: Decimal | None = None


class HedgeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One hedge on both routes. `predicted_loss` is the worst case that its exposure told before sending on
    the public route; `quote_price` and `limit_price` are of that order too."""

    number: int
    side: str
    size: Decimal
    notional: Decimal
    quote_price: Decimal
    limit_price: Decimal
    predicted_loss: Decimal
    public: LegRecord
    private: LegRecord


class SearcherRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The searcher's books on the public route: `profit` from its fills after the venue's fees, `fees` these
    fees, `gas` at the spot price. `failures` are attacks that did not land round their victim."""

    attacks: int
    failures: int
    profit: Decimal
    fees: Decimal
    gas: Decimal


class MevRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run. `leaks` counts private transactions that a recorder before the public endpoints saw."""

    seed: int
    public_loss: Decimal
    private_loss: Decimal
    predicted_loss: Decimal
    sandwiches: int
    leaks: int
    hedges: Annotated[tuple[HedgeRecord, ...], msgspec.Meta(min_length=1)]
    searcher: SearcherRecord
    private_sandwiches: int = 0
    market: str = "vETH"
    underlying: str = "ETH"
    quote_currency: str = "USD"
    wall_seconds: Decimal = Decimal(0)
    generated_at: int | None = None
    version: str | None = None
    settings: dict[str, str] = {}


def decode_mev_record(record: Mapping[str, Any]) -> MevRecord:
    """The record as typed values; unknown keys are ignored. `ConfigError` names what is missing or wrong."""
    try:
        run = msgspec.convert(record, MevRecord)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"this is not the record of an MEV run: {error}; write it with `trimtab demo mev --json`"
        ) from error
    check_finite(msgspec.structs.asdict(run), "record")
    return run
