"""The state of a transaction in the words of reports."""

from __future__ import annotations

from trimtab.model.ids import TxHash
from trimtab.model.order import TxRecord, TxStatus
from trimtab.tx.states import Intent, IntentState, Refusal, Slot, State

_ENDED = {
    IntentState.EXPIRED: TxStatus.EXPIRED,
    IntentState.DROPPED: TxStatus.DROPPED,
    IntentState.SUPERSEDED: TxStatus.SUPERSEDED,
    IntentState.CANCELLED: TxStatus.CANCELED,
    IntentState.REJECTED: TxStatus.REJECTED,
}


def record_of(state: State, key: str) -> TxRecord:
    """One transaction; nonce -1 and no hash when nothing of it was signed. What relays dropped has its hash
    for as long as it could still land."""
    intent, slot = state.intents[key], state.slot_of(key) or state.given_up.get(key)
    mined = slot.mined if slot else None
    return TxRecord(
        key=key,
        nonce=-1 if intent.nonce is None else intent.nonce,
        tx_hash=mined.tx_hash if mined else slot.last.tx_hash if slot and slot.attempts else TxHash(""),
        status=_status(intent, slot),
        block=mined.block if mined else None,
        gas_used=mined.gas_used if mined else 0,
        fee_wei=mined.fee_wei if mined else 0,
        attempts=len(slot.attempts) if slot else 0,
        journal_state=intent.state.value,
        label=intent.label,
        lane=(slot.lane if slot else intent.lane).value,
        last_block=slot.last_block if slot is not None and slot.lane.is_private else 0,
    )


def _status(intent: Intent, slot: Slot | None) -> TxStatus:
    if intent.refusal is Refusal.WITHDRAWN:
        return TxStatus.CANCELED
    if intent.state in _ENDED:
        return _ENDED[intent.state]
    mined = slot.mined if slot else None
    if slot is None or mined is None:
        return TxStatus.UNKNOWN
    if slot.is_cancelled_by(mined.tx_hash):
        return TxStatus.CANCELED
    return TxStatus.SUCCEEDED if mined.is_success else TxStatus.REVERTED
