"""Change a chain: turn an intent into exactly one mined transaction."""

from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import Lane, RoutePolicy
from trimtab.tx.options import SenderOptions
from trimtab.tx.outcome import (
    Cancelled,
    Dropped,
    Expired,
    Finality,
    Reverted,
    Succeeded,
    Superseded,
    TxOutcome,
)
from trimtab.tx.policy import TxPolicy
from trimtab.tx.progress import TxProgress
from trimtab.tx.sender import Compaction, Sender, Snapshot

__all__ = [
    "Cancelled",
    "Compaction",
    "Dropped",
    "Expired",
    "Finality",
    "Lane",
    "Reverted",
    "RoutePolicy",
    "Sender",
    "SenderOptions",
    "Snapshot",
    "Succeeded",
    "Superseded",
    "TxHandle",
    "TxIntent",
    "TxOutcome",
    "TxPolicy",
    "TxProgress",
]
