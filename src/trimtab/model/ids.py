"""Names of things that travel between rooms."""

from __future__ import annotations

from typing import NewType

Address = NewType("Address", str)
"""A 20-byte address as lower-case hex with 0x: the one form inside trimtab. Checksummed only for display."""

TxHash = NewType("TxHash", str)
"""A 32-byte transaction hash as lower-case hex with 0x."""

BlockHash = NewType("BlockHash", str)

ZERO_ADDRESS = Address("0x" + "00" * 20)
