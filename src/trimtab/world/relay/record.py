"""What came in: one value for each request that a relay, or the public face, was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class Received:
    """One JSON-RPC request. `at` is the unix time of its arrival; `signer` who signed it, if it had to be
    signed and was; `fault` the kind of what struck it."""

    at: float
    to: str
    path: str
    method: str
    params: Any
    signer: Address | None = None
    fault: str | None = None
