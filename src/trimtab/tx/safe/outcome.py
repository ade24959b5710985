"""What became of a proposal: by the Safe's own logs and nonce, never by what a service says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from trimtab.chain.receipt import Log, Receipt
from trimtab.model.ids import Address, TxHash
from trimtab.tx.safe.safe_tx import SafeTxHash, safe_abi


@dataclass(frozen=True, slots=True)
class Proposed:
    """Not executed yet: owners may still sign, and nothing else has used its nonce."""

    safe_tx_hash: SafeTxHash
    nonce: int


@dataclass(frozen=True, slots=True)
class Executed:
    """The Safe made the calls, in this transaction of whoever executed it."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Failed:
    """The Safe tried, the call failed, and the nonce is used up (only where `safe_tx_gas` is above 0)."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Replaced:
    """Its nonce was used by the proposal `by`, in the transaction `tx_hash`: it can never be executed."""

    nonce: int
    by: SafeTxHash
    tx_hash: TxHash


SafeOutcome: TypeAlias = Executed | Failed | Replaced
"""For `match`: how a proposal ended."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One use of a Safe's nonce."""

    safe_tx_hash: SafeTxHash
    succeeded: bool
    tx_hash: TxHash
    block: int


def execution_topics() -> list[bytes]:
    """The two events of which every use of a nonce emits one."""
    abi = safe_abi()
    return [abi.event(name).topic0 for name in ("ExecutionSuccess", "ExecutionFailure")]


def read_executions(logs: Sequence[Log], safe: Address) -> list[Execution]:
    """The uses of the Safe's nonce, in order. Before 1.4 the hash is in the data, since then a topic."""
    success = safe_abi().event("ExecutionSuccess").topic0
    return [
        Execution(
            SafeTxHash("0x" + (log.topics[1] if len(log.topics) > 1 else log.data[:32]).hex()),
            log.topics[0] == success,
            log.tx_hash,
            log.block,
        )
        for log in logs
        if log.address == safe
    ]


@dataclass(frozen=True, slots=True)
class Ledger:
    """The Safe's nonce at one block, and every use of it since: what all judgements stand on."""

    block: int
    nonce: int
    executions: tuple[Execution, ...] = ()

    @property
    def next_nonce(self) -> int:
        return self.nonce + len(self.executions)

    def user_of(self, nonce: int) -> Execution | None:
        """What used the nonce; None when nothing has."""
        index = nonce - self.nonce
        return self.executions[index] if 0 <= index < len(self.executions) else None

    def extended(self, executions: Sequence[Execution], nonce: int) -> Ledger | None:
        """With the later uses that `nonce` must show; None when they do not explain it: then some node did
        not give every log, and nothing may be concluded."""
        grown = Ledger(self.block, self.nonce, (*self.executions, *executions))
        return grown if grown.next_nonce == nonce else None
