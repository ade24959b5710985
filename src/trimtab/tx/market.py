"""What gas costs now, kept instead of asked for: the base fee from heads, the rest from the looks at the
chain."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from trimtab.chain.chains import chain_info
from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.tx.fees import DEFAULT_FEE_CAP, Fees, quote, suggest_tip
from trimtab.tx.rollup import L1Fee, oracle_requests, read_oracle
from trimtab.tx.simulate import with_margin

HISTORY_BLOCKS = 10
REFRESH_BLOCKS = 10
HISTORY_REQUEST = ("eth_feeHistory", [hex(HISTORY_BLOCKS), "latest", [20]])
Requests: TypeAlias = dict[str, tuple[str, list[Any]]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a transaction is priced by. `cancel_gas` is None while only the node could say it and has not;
    `l1` is what a rollup takes beside gas, None where nothing is taken, or while `l1_is_due`: its oracle has
    not answered yet."""

    fees: Fees
    base_fee: int
    cancel_gas: int | None
    l1: L1Fee | None = None
    l1_is_due: bool = False


class FeeMarket:
    """Prices without a request of their own: `questions` travel in the next look at the chain, `take_head`
    and `take_answers` bring what is new. Wei per gas.

    `tip_floor` and `cancel_gas` are the caller's; None takes the chain's usual ones.

    """

    def __init__(self, chain_id: int, tip_floor: int | None, cancel_gas: int | None = None) -> None:
        self._chain = chain_info(chain_id)
        self._floor = self._chain.tip_floor if tip_floor is None else tip_floor
        self._tip = self._floor
        self._cancel_gas = cancel_gas if cancel_gas is not None else self._chain.transfer_gas
        self._asks_cancel_gas = self._cancel_gas is None
        self._l1: L1Fee | None = None
        self._asked_at = -REFRESH_BLOCKS
        self._head = 0
        self.base_fee = 0

    def take_head(self, number: int, base_fee: int | None) -> None:
        """A head behind the one that is known is a lagging node's, and no news. Raises `ConfigError` on a
        chain without base fee: only EIP-1559 transactions are sent."""
        if base_fee is None:
            raise ConfigError("the chain has no base fee (before London): trimtab sends EIP-1559 only")
        if number >= self._head:
            self._head, self.base_fee = number, base_fee

    def set_back(self, number: int) -> None:
        """The chain itself went back: the next head is news."""
        self._head = min(self._head, number)

    def questions(self, account: Address) -> Requests:
        """What is worth asking now, by name: the fee history where a tip buys anything, a rollup's fees, and
        the gas of a transfer where only the node knows it."""
        if not self._is_due:
            return {}
        asked: Requests = {"history": HISTORY_REQUEST} if self._chain.has_mempool else {}
        if self._chain.l1_fee_oracle is not None:
            asked |= oracle_requests(self._chain.l1_fee_oracle, self._l1)
        if self._asks_cancel_gas:
            transfer = {"from": account, "to": account, "value": "0x0"}
            asked["transfer"] = ("eth_estimateGas", [transfer, "latest"])
        return asked

    def take_answers(self, answers: Mapping[str, Any]) -> None:
        """The node's answers to `questions`, errors among them. One that cannot be read changes nothing."""
        if not answers:
            return
        self._take_history(answers.get("history"))
        if self._chain.l1_fee_oracle is not None:
            self._l1 = read_oracle(answers, self._l1)
        self._take_transfer(answers.get("transfer"))
        self._asked_at = self._head

    @property
    def _is_due(self) -> bool:
        return self._cancel_gas is None or self._l1_is_due or self._head - self._asked_at >= REFRESH_BLOCKS

    def terms(self) -> Terms:
        """Twice the base fee, and the tip of late."""
        fees = quote(self.base_fee, self._tip)
        return Terms(fees, self.base_fee, self._cancel_gas, self._l1, self._l1_is_due)

    @property
    def _l1_is_due(self) -> bool:
        return self._l1 is None and self._chain.l1_fee_oracle is not None

    def _take_history(self, history: Any) -> None:
        """`eth_feeHistory`, asked with the 20th percentile. A reward above what is ever paid is not
        believed."""
        try:
            rewards = [int(row[0], 16) for row in history.get("reward") or [] if row]
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        believed = [reward for reward in rewards if 0 <= reward <= DEFAULT_FEE_CAP]
        self._tip = suggest_tip(believed, self._floor)

    def _take_transfer(self, answer: Any) -> None:
        if not isinstance(answer, str):
            return
        with suppress(ValueError, IntentError):  # no number, or one that no transaction may have
            self._cancel_gas = with_margin(int(answer, 16))
