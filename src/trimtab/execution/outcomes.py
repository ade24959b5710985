"""What one transaction's end means for its order: the record, the fills and the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.chain.chains import chain_info
from trimtab.chain.client import Client
from trimtab.errors import ChainError, OutcomeUnknownError
from trimtab.execution.forecast import read_drift
from trimtab.execution.legs import Dialect
from trimtab.model.drift import Drift
from trimtab.model.ids import Address
from trimtab.model.order import Fill, TxRecord, TxStatus
from trimtab.tx import Dropped, Finality, Reverted, Sender, Succeeded, TxHandle


@dataclass(frozen=True, slots=True)
class Settled:
    """One transaction's end. `reason` is the venue's explanation of a failure, in words; `drift` how far it
    went another way than its rehearsal, None when there was none."""

    tx: TxRecord
    fills: tuple[Fill, ...] = ()
    reason: str | None = None
    drift: Drift | None = None


async def settle(
    sender: Sender,
    client: Client,
    handle: TxHandle,
    venue: Dialect,
    account: Address,
    *,
    market: str,
    finality: Finality,
    timeout: float,
) -> Settled:
    """Wait for the outcome, for `timeout` seconds and what is left of a private window. Not known in time, or
    not told by the node: the record says UNKNOWN and nothing is concluded."""
    rehearsal = handle.rehearsal  # it may be forgotten with the end
    try:
        patience = timeout + await _read_window(client, handle) * chain_info(client.chain_id).block_time
        outcome = await handle.outcome(at=finality, timeout=patience)
    except (OutcomeUnknownError, ChainError) as error:
        return Settled(replace(sender.record(handle.key), status=TxStatus.UNKNOWN), reason=str(error))
    record = sender.record(handle.key)
    if isinstance(outcome, Succeeded | Reverted):
        drift = await read_drift(
            client,
            handle.rehearsal or rehearsal,
            outcome.receipt,
            venue,
            account,
            forecast=await handle.read_forecast(),
        )
        if isinstance(outcome, Succeeded):
            return Settled(record, venue.decode_fills(outcome.receipt, account), drift=drift)
        explained = venue.explain_revert(outcome.error.data, market or None)
        return Settled(record, reason=str(explained), drift=drift)
    if isinstance(outcome, Dropped):
        return Settled(record, reason=f"{outcome.reason}; the same order under the same key is sent again")
    return Settled(record, reason=f"the transaction ended {record.status}")


async def _read_window(client: Client, handle: TxHandle) -> int:
    """For how many blocks its private window is still open."""
    if not handle.last_block:
        return 0
    return max(handle.last_block - await client.block_number(), 0)
