"""How a proposer behaves."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trimtab.model.ids import Address
from trimtab.model.limits import Limits


@dataclass(frozen=True, slots=True)
class SafeOptions:
    """Times in seconds."""

    limits: Limits = field(default_factory=Limits)
    """What the owner's key may propose; nothing unless given."""
    pause_file: Path | None = None
    """While this file exists nothing new is signed."""
    confirmations: int = 2
    """Depth at which an execution is told; it is written at the one that the chain does not undo."""
    multi_send: Address | None = None
    """MultiSendCallOnly, where it is not in one of its usual places."""
    simulate: bool = True
    """Run the calls as the Safe before signing."""
    attempts: int = 3
    """To post the same bytes while the service does not answer."""
    pause: float = 0.5
    """Between attempts."""
    poll_interval: float = 4.0
    """Between looks at the chain."""
    sign_timeout: float = 60.0
    """Then a silent signer has refused."""
    origin: str = "trimtab"
    """Tells the owners who proposes."""
