"""How a sender behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trimtab.model.limits import Limits
from trimtab.tx.fees import DEFAULT_FEE_CAP
from trimtab.tx.policy import TxPolicy


@dataclass(frozen=True, slots=True)
class SenderOptions:
    """`limits`: what the key may do; while `pause_file` exists nothing new is signed. `simulate`: run each
    call before signing it; without, an intent needs its own gas limit. `fee_cap` and `tip_floor`: wei per
    gas, None for no cap and for the chain's usual floor; the cap's last legal step, a ninth of it, is kept
    for cancellations. Seconds: `poll_interval` between looks at the chain while something is in flight and no
    head comes, `submit_timeout` that `submit` waits for a place in the window, `sign_timeout` until a silent
    signer has refused, `send_timeout` until an endpoint's silence counts as ambiguous, `close_timeout` that
    closing waits for answers. `chain_id`: refuse any other chain. `cancel_gas`: what a cancellation gets;
    None takes what the chain's transfers need. `access_lists`: ask the node for one with each simulation, and
    use it when less gas is used with it (one more round trip). `compact_after`: the journal is compacted when
    more than half of its records, and at least so many, are not needed any more; None for never."""

    policy: TxPolicy = field(default_factory=TxPolicy)
    limits: Limits = field(default_factory=Limits.unrestricted)
    pause_file: Path | None = None
    simulate: bool = True
    fee_cap: int | None = DEFAULT_FEE_CAP
    tip_floor: int | None = None
    poll_interval: float = 0.5
    submit_timeout: float = 120.0
    sign_timeout: float = 60.0
    send_timeout: float = 30.0
    close_timeout: float = 5.0
    cancel_gas: int | None = None
    access_lists: bool = False
    compact_after: int | None = 20_000
    chain_id: int | None = None
