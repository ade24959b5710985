"""What gas costs now, kept instead of asked for: the base fee from heads, the tip from the fee history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trimtab.errors import ConfigError
from trimtab.tx.fees import GWEI, Fees, quote, suggest_tip

TIP_FLOORS = {1: GWEI, 137: 30 * GWEI}
"""Least tips that get mined, by chain: below them transactions waited for many blocks."""
DEFAULT_TIP_FLOOR = GWEI // 1000
HISTORY_BLOCKS = 10
REFRESH_BLOCKS = 10
HISTORY_REQUEST = ("eth_feeHistory", [hex(HISTORY_BLOCKS), "latest", [20]])


class FeeMarket:
    """Quotes without a request. `take_head` and `take_history` feed it; wei per gas."""

    def __init__(self, chain_id: int, tip_floor: int | None) -> None:
        self._floor = TIP_FLOORS.get(chain_id, DEFAULT_TIP_FLOOR) if tip_floor is None else tip_floor
        self._tip = self._floor
        self._history_head = -REFRESH_BLOCKS
        self._head = 0
        self.base_fee = 0

    def take_head(self, number: int, base_fee: int | None) -> None:
        """Raises `ConfigError` on a chain without base fee: only EIP-1559 transactions are sent."""
        if base_fee is None:
            raise ConfigError("the chain has no base fee (before London): trimtab sends EIP-1559 only")
        self._head, self.base_fee = number, base_fee

    def take_history(self, history: Mapping[str, Any]) -> None:
        """The node's `eth_feeHistory`, asked with the 20th percentile. One that cannot be read changes
        nothing."""
        try:
            rewards = [int(row[0], 16) for row in history.get("reward") or [] if row]
        except (TypeError, ValueError):
            return
        self._tip = suggest_tip(rewards, self._floor)
        self._history_head = self._head

    @property
    def is_history_due(self) -> bool:
        return self._head - self._history_head >= REFRESH_BLOCKS

    def quote(self) -> Fees:
        return quote(self.base_fee, self._tip)
