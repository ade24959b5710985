"""Change a chain: turn an intent into exactly one mined transaction."""

from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.options import SenderOptions
from trimtab.tx.outcome import Cancelled, Expired, Finality, Reverted, Succeeded, Superseded, TxOutcome
from trimtab.tx.policy import TxPolicy
from trimtab.tx.sender import Sender, Snapshot

__all__ = [
    "Cancelled",
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
]
