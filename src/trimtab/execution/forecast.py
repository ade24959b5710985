"""What signed bytes will do to a venue's account, and what they did instead: positions, collateral, fills."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal, localcontext
from itertools import zip_longest

from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import AbiError
from trimtab.execution.legs import Dialect
from trimtab.model.drift import Drift, FillDrift, Gap
from trimtab.model.ids import Address
from trimtab.model.order import Fill
from trimtab.tx.differences import Differences
from trimtab.tx.drift import forecast_of, measure_drift, read_changes
from trimtab.tx.forecast import Forecast
from trimtab.tx.rehearsal import Rehearsal, RehearsedTx, receipt_of
from trimtab.venues.base import Venue

TRACE_TIMEOUT = 3.0
"""Seconds that a report waits for what a mined transaction changed."""
_STEP = Decimal("0.0001")
_WIDE = Context(prec=200)
"""For whatever two numbers of 256 bits give when one is divided by the other."""


@dataclass(frozen=True, slots=True)
class Foresight:
    """What a rehearsal changes for an account at a venue. `positions` are signed sizes by market (units of
    underlying); `fee`, `realized_pnl` and `funding` in quote currency, as fills tell them; `collateral` what
    the account gives to the venue's contracts, by token in base units (taken out < 0)."""

    fills: tuple[Fill, ...]
    positions: Mapping[str, Decimal]
    fee: Decimal
    realized_pnl: Decimal
    funding: Decimal
    collateral: Mapping[Address, int]


def foresee(rehearsal: Rehearsal, venue: Venue, account: Address) -> Foresight | None:
    """By the venue's own decoders, from the logs of all the rehearsal's transactions; None where its method
    tells none."""
    fills: list[Fill] = []
    for item in rehearsal.txs:
        found = _fills(item, rehearsal, venue, account)
        if found is None:
            return None
        fills += found
    changes = rehearsal.differences
    return Foresight(
        fills=tuple(fills),
        positions=_sizes(fills),
        fee=sum((fill.fee for fill in fills), Decimal(0)),
        realized_pnl=sum((fill.realized_pnl for fill in fills), Decimal(0)),
        funding=sum((fill.funding for fill in fills), Decimal(0)),
        collateral={} if changes is None else _collateral(changes, venue, account),
    )


def measure(
    rehearsal: Rehearsal,
    receipt: Receipt,
    venue: Dialect,
    account: Address,
    changes: Differences | None = None,
) -> Drift | None:
    """The drift of a mined transaction, fills among it; None when the rehearsal is of another one. One that
    was replaced at another price is compared with what its first bytes foresaw, if they were rehearsed
    alone."""
    item = rehearsal.find(receipt.tx_hash) or (rehearsal.txs[0] if len(rehearsal.txs) == 1 else None)
    if item is None or item.tx.sender != receipt.sender:
        return None
    drift = measure_drift(forecast_of(rehearsal, item), receipt, changes)
    foreseen = _fills(item, rehearsal, venue, account)
    if foreseen is None:
        return drift
    actual = venue.decode_fills(receipt, account) if receipt.status else ()
    fills = compare_fills(foreseen, actual)
    return replace(drift, fills=fills, price_bps=_price_bps(fills))


async def read_drift(
    client: Client,
    rehearsal: Rehearsal | None,
    receipt: Receipt,
    venue: Dialect,
    account: Address,
    *,
    forecast: Forecast | None = None,
) -> Drift | None:
    """`measure` with the differences that the node tells; in a later life without the fills, from the
    `forecast` that the journal kept. None where there is nothing to measure, or where the rehearsed logs are
    none of the venue's form: a report does not fail for that."""
    if rehearsal is None and forecast is None:
        return None
    try:
        async with asyncio.timeout(TRACE_TIMEOUT):
            changes = await read_changes(client, receipt)
    except TimeoutError:
        changes = None
    if rehearsal is None:
        return None if forecast is None else measure_drift(forecast, receipt, changes)
    try:
        return measure(rehearsal, receipt, venue, account, changes)
    except AbiError:
        return None


def compare_fills(foreseen: Sequence[Fill], actual: Sequence[Fill]) -> tuple[FillDrift, ...]:
    """Fills of the same market in the same place, beside each other."""
    markets = dict.fromkeys(fill.market for fill in (*foreseen, *actual))
    return tuple(
        _compare(market, *pair)
        for market in markets
        for pair in zip_longest(_of(foreseen, market), _of(actual, market))
    )


def _fills(
    item: RehearsedTx, rehearsal: Rehearsal, venue: Dialect, account: Address
) -> tuple[Fill, ...] | None:
    receipt = receipt_of(item, rehearsal.target)
    return None if receipt is None else venue.decode_fills(receipt, account)


def _sizes(fills: Iterable[Fill]) -> dict[str, Decimal]:
    sizes: dict[str, Decimal] = {}
    for fill in fills:
        sizes[fill.market] = sizes.get(fill.market, Decimal(0)) + fill.size
    return {market: size for market, size in sizes.items() if size}


def _collateral(changes: Differences, venue: Venue, account: Address) -> dict[Address, int]:
    """What the venue's own contracts gained of the tokens that the account gave, as far as it gave them."""
    gained: Counter[Address] = Counter()
    contracts = frozenset(venue.addresses.values())
    for (token, holder), units in changes.tokens.items():
        if holder in contracts:
            gained[token] += units
    given = {token: -units for token, units in changes.tokens_of(account).items()}
    return {token: units for token, units in given.items() if gained[token] == units}


def _compare(market: str, foreseen: Fill | None, actual: Fill | None) -> FillDrift:
    size = Gap(foreseen.size if foreseen else Decimal(0), actual.size if actual else Decimal(0))
    price = Gap(foreseen.price if foreseen else None, actual.price if actual else None)
    fee = Gap(foreseen.fee if foreseen else Decimal(0), actual.fee if actual else Decimal(0))
    drift = FillDrift(market, size, price, fee, None)
    return replace(drift, price_bps=_price_bps((drift,)))


def _price_bps(fills: Iterable[FillDrift]) -> Decimal | None:
    """How much worse the prices are, in basis points of those foreseen, by the sizes that were filled."""
    lost = paid = Decimal(0)
    with localcontext(_WIDE):
        for fill in fills:
            worse, size = fill.price.difference, fill.size.actual
            if worse is not None and size is not None and fill.price.foreseen is not None:
                lost += worse * size  # a buyer loses by a higher price, a seller by a lower one
                paid += fill.price.foreseen * abs(size)
        return (lost / paid * 10_000).quantize(_STEP) if paid else None


def _of(fills: Iterable[Fill], market: str) -> list[Fill]:
    return [fill for fill in fills if fill.market == market]
