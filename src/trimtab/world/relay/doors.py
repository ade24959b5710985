"""The paths of a relay by which a raw transaction may come in, and what each promises.

Sources: the settings guide of Flashbots Protect, and MEV Blocker's documentation of its endpoints. Where both
have a path of one name (`/fast`), it is MEV Blocker's.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.tx.opening import OpenedTx

DEFAULT_BLOCKS = 25
DEFAULT_HINTS = ("hash", "default_logs")


@dataclass(frozen=True, slots=True)
class Door:
    """`may_revert`: a transaction may fail in a block. `hints` are told of it. `has_soft_cancel`: a
    self-transfer at its nonce takes it back before it is in a block, if the caller asks for that."""

    path: str
    name: str
    may_revert: bool
    hints: tuple[str, ...]
    has_soft_cancel: bool
    needs_tip: bool = True
    is_sequencer: bool = False


PROTECT = Door("/", "protect", may_revert=False, hints=DEFAULT_HINTS, has_soft_cancel=True)
SEQUENCER = Door(
    "/sequencer",
    "sequencer",
    may_revert=True,
    hints=(),
    has_soft_cancel=False,
    needs_tip=False,
    is_sequencer=True,
)
DOORS = {
    door.path: door
    for door in (
        PROTECT,
        Door("/fast", "mevblocker", may_revert=True, hints=("hash", "tx_hash"), has_soft_cancel=False),
        Door("/noreverts", "mevblocker", may_revert=False, hints=("hash", "tx_hash"), has_soft_cancel=True),
        Door("/fullprivacy", "mevblocker", may_revert=False, hints=(), has_soft_cancel=True),
        SEQUENCER,
    )
}
"""By path. Protect's has soft cancellations always, MEV Blocker's with `?softCancellations=true`."""

_KEPT_GAS = 42_000
_OPEN_FUNCTIONS = frozenset(
    ("a9059cbb", "23b872dd", "095ea7b3", "2e1a7d4d", "d0e30db0", "f242432a")  # transfers, approvals, wrapping
)


def is_passed_on(tx: OpenedTx) -> bool:
    """What Protect's published server (flashbots/rpc-endpoint) takes to need no protection, and hands to the
    public mempool at once: little gas, no function, or one that moves or approves tokens."""
    data = tx.fields.data
    return tx.fields.gas_limit < _KEPT_GAS or len(data) < 4 or data[:4].hex() in _OPEN_FUNCTIONS
