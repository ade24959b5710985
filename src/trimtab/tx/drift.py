"""What a rehearsal foresaw, made small enough for a journal, and how far the chain went another way."""

from __future__ import annotations

from collections.abc import Mapping

from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import ChainError
from trimtab.model.drift import Drift, Gap, TokenDrift
from trimtab.model.ids import Address
from trimtab.tx.answers import malformed_as_error
from trimtab.tx.differences import NOBODY, Differences, from_changes, token_differences
from trimtab.tx.forecast import Forecast
from trimtab.tx.rehearsal import Rehearsal, RehearsedTx
from trimtab.tx.rehearsal_answers import CHANGES, native_changes


def forecast_of(rehearsal: Rehearsal, item: RehearsedTx) -> Forecast:
    """What is kept of one of its transactions."""
    known, own = item.differences, item.tx.sender
    return Forecast(
        tx_hash=item.tx.tx_hash,
        method=str(rehearsal.method),
        block=rehearsal.target.number,
        base_fee=rehearsal.target.base_fee,
        price=item.price,
        ok=item.is_ok,
        is_complete=rehearsal.is_complete,
        gas_used=item.gas_used,
        native=None if known is None else known.native.get(own, 0),
        tokens=None if known is None else known.tokens_of(own),
        wrapped=() if known is None else tuple(sorted(known.wrapped)),
    )


def measure_drift(forecast: Forecast, receipt: Receipt, changes: Differences | None = None) -> Drift:
    """The forecast beside the receipt of the same transaction, or of one that replaced it at another price.
    `changes` are the receipt's own differences (`read_changes`): without them the native one is unknown."""
    own, gas = receipt.sender, forecast.gas_used
    if changes is not None:
        tokens: Mapping[Address, int] = changes.tokens_of(own)
    else:
        tokens = Differences(tokens=token_differences(receipt.logs, forecast.wrapped)).tokens_of(own)
    return Drift(
        tx_hash=receipt.tx_hash,
        method=forecast.method,
        is_complete=forecast.is_complete,
        was_ok=forecast.ok,
        is_ok=receipt.status,
        block=Gap(forecast.block, receipt.block),
        gas_used=Gap(gas, receipt.gas_used),
        gas_price=Gap(forecast.price, receipt.effective_gas_price),
        fee_wei=Gap(None if gas is None else gas * forecast.price, receipt.fee_wei),
        native=Gap(forecast.native, None if changes is None else changes.native.get(own, 0)),
        tokens=_token_drifts(forecast.tokens, tokens),
    )


async def read_changes(client: Client, receipt: Receipt) -> Differences | None:
    """What a mined transaction changed, by the node's trace of it, the block producer's part left among
    `native`; None where the node has no such trace, or does not tell."""
    try:
        state = await client.request("debug_traceTransaction", [receipt.tx_hash, CHANGES])
        with malformed_as_error():
            return from_changes(native_changes(state), receipt.logs, NOBODY)
    except ChainError:
        return None


def _token_drifts(
    foreseen: Mapping[Address, int] | None, actual: Mapping[Address, int]
) -> tuple[TokenDrift, ...] | None:
    if foreseen is None:
        return None
    both = sorted({*foreseen, *actual})
    return tuple(TokenDrift(token, Gap(foreseen.get(token, 0), actual.get(token, 0))) for token in both)
