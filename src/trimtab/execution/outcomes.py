"""What one transaction's end means for its order: the record, the fills and the reason."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trimtab.errors import ChainError, OutcomeUnknownError
from trimtab.model.ids import Address
from trimtab.model.order import Fill, TxRecord, TxStatus
from trimtab.tx import Dropped, Finality, Reverted, Sender, Succeeded, TxHandle
from trimtab.venues.base import Venue


@dataclass(frozen=True, slots=True)
class Settled:
    """One transaction's end. `reason` is the venue's explanation of a failure, in words."""

    tx: TxRecord
    fills: tuple[Fill, ...] = ()
    reason: str | None = None


async def settle(
    sender: Sender,
    handle: TxHandle,
    venue: Venue,
    account: Address,
    *,
    market: str,
    finality: Finality,
    timeout: float,
) -> Settled:
    """Wait for the outcome. Not known in time, or not told by the node: the record says UNKNOWN and nothing
    is concluded."""
    try:
        outcome = await handle.outcome(at=finality, timeout=timeout)
    except (OutcomeUnknownError, ChainError) as error:
        return Settled(replace(sender.record(handle.key), status=TxStatus.UNKNOWN), reason=str(error))
    record = sender.record(handle.key)
    if isinstance(outcome, Succeeded):
        return Settled(record, venue.decode_fills(outcome.receipt, account))
    if isinstance(outcome, Reverted):
        return Settled(record, reason=str(venue.explain_revert(outcome.error.data, market or None)))
    if isinstance(outcome, Dropped):
        return Settled(record, reason=f"{outcome.reason}; the same order under the same key is sent again")
    return Settled(record, reason=f"the transaction ended {record.status}")
