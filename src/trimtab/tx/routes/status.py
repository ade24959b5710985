"""What status APIs say of a transaction, read with suspicion: {"status": "PENDING", "hash": "0x...", ...}.

"FAILED" is no proof: such a transaction was mined 90 minutes later (flashbots/rpc-endpoint#95). The fields
of the transaction are not read at all, because services leave them empty or zero on purpose
(wevm/viem#4012).
"""

from __future__ import annotations

from typing import Any

from trimtab.model.ids import TxHash
from trimtab.tx.routes.base import RelayState, RelayStatus
from trimtab.tx.routes.relay import Relay

_REASONS = ("simError", "simulationError", "revertReason")


def status_of(relay: Relay, said: Any, tx_hash: TxHash) -> RelayStatus:
    """The status in an answer; UNKNOWN for an answer about anything else, or of another shape."""
    if not isinstance(said, dict) or str(said.get("hash", "")).lower() != tx_hash.lower():
        return RelayStatus(relay.name, RelayState.UNKNOWN)
    word = str(said.get("status", "")).lower()
    state = RelayState(word) if word in set(RelayState) else RelayState.UNKNOWN
    reasons = (said.get(key) for key in _REASONS)
    reason = next((text for text in reasons if isinstance(text, str) and text), "")
    return RelayStatus(relay.name, state, relay.show(reason))


def no_status(relay: Relay) -> RelayStatus:
    """Of a service that cannot be asked."""
    return RelayStatus(relay.name, RelayState.UNKNOWN)
