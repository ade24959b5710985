"""How a sender behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trimtab.model.limits import Limits
from trimtab.tx.fees import DEFAULT_FEE_CAP
from trimtab.tx.lanes import RoutePolicy
from trimtab.tx.policy import TxPolicy


@dataclass(frozen=True, slots=True)
class SenderOptions:
    """Fees in wei per gas, times in seconds."""

    policy: TxPolicy = field(default_factory=TxPolicy)
    limits: Limits = field(default_factory=Limits)
    """What the key may do; nothing unless given."""
    route: RoutePolicy = field(default_factory=RoutePolicy)
    """Who may have the bytes of an intent that does not say so itself."""
    pause_file: Path | None = None
    """While this file exists nothing new is signed."""
    simulate: bool = True
    """Run each call before signing it; without, an intent needs its own gas limit."""
    rehearse: bool = True
    """Run private transactions once more as signed bytes before they leave, behind all of ours in flight; not
    where `simulate` is off, and not those that carry signed delegations, which the node would read."""
    rehearsal_timeout: float = 5.0
    """Then nobody could tell, and they leave."""
    fee_cap: int | None = DEFAULT_FEE_CAP
    """None for no cap. Its last legal step, a ninth of it, is kept for cancellations."""
    tip_floor: int | None = None
    """None for the chain's usual one."""
    poll_interval: float = 0.5
    """Between looks at the chain while something is in flight and no head comes."""
    submit_timeout: float = 120.0
    """How long `submit` waits for a place in the window."""
    sign_timeout: float = 60.0
    """Then a silent signer has refused."""
    send_timeout: float = 30.0
    """Then an endpoint's silence counts as ambiguous."""
    close_timeout: float = 5.0
    """How long closing waits for answers."""
    cancel_gas: int | None = None
    """What a cancellation gets; None takes what the chain's transfers need."""
    access_lists: bool = False
    """Ask the node for an access list with each simulation, and use it when less gas is used with it: one
    more round trip where it offers one. Never where L1 is paid for by the byte."""
    compact_after: int | None = 20_000
    """The journal is compacted when more than half of its records, and at least so many, are not needed any
    more; None for never."""
    chain_id: int | None = None
    """Refuse any other chain."""
