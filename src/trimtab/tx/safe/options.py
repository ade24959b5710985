"""How a proposer behaves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trimtab.model.ids import Address
from trimtab.model.limits import Limits


@dataclass(frozen=True, slots=True)
class SafeOptions:
    """`limits`: what the key may propose; while `pause_file` exists nothing new is signed. `confirmations`:
    depth at which an execution is told; it is settled, and written, at the depth that the chain does not
    undo. `multi_send`: MultiSendCallOnly where it is not in one of its usual places. `attempts` to post the
    same bytes while the service does not answer. Seconds: `pause` between attempts, `poll_interval` between
    looks at the chain, `sign_timeout` until a silent signer has refused. `origin` tells the owners who
    proposes."""

    limits: Limits | None = None
    pause_file: Path | None = None
    confirmations: int = 2
    multi_send: Address | None = None
    simulate: bool = True
    attempts: int = 3
    pause: float = 0.5
    poll_interval: float = 4.0
    sign_timeout: float = 60.0
    origin: str = "trimtab"
