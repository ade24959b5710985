"""Change a chain: turn an intent into exactly one mined transaction."""

from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.options import SenderOptions
from trimtab.tx.outcome import Cancelled, Expired, Finality, Reverted, Succeeded, Superseded, TxOutcome
from trimtab.tx.policy import TxPolicy
from trimtab.tx.progress import TxProgress
from trimtab.tx.sender import Compaction, Sender, Snapshot

__all__ = [
    "Cancelled",
    "Compaction",
    "Expired",
    "Finality",
    "Reverted",
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
