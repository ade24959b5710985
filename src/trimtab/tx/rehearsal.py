"""What signed bytes would do in the next block: the values, and what may be concluded from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.chain.receipt import Log, Receipt
from trimtab.chain.reverts import Revert, decode_revert
from trimtab.errors import (
    FeeCapExceededError,
    IntentError,
    NonceConflictError,
    SigningError,
    SimulationRevertedError,
    WrongChainError,
)
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.delegation import authority_of
from trimtab.tx.differences import Differences, add_up
from trimtab.tx.envelope import SetCodeTx
from trimtab.tx.opening import OpenedTx


class Method(StrEnum):
    """How a rehearsal is made, the most telling first. SIMULATE_V1 and TRACE_CALL tell everything; a relay's
    CALL_BUNDLE tells ends and gas; CALL only whether each transaction alone would revert."""

    SIMULATE_V1 = "eth_simulateV1"
    CALL_BUNDLE = "eth_callBundle"
    TRACE_CALL = "debug_traceCall"
    CALL = "eth_call"


@dataclass(frozen=True, slots=True)
class Target:
    """The block that is rehearsed: it follows the block `parent`, whose state it begins with. `at` is a unix
    second, `base_fee` wei per gas; `coinbase` the fee recipient, taken to be its parent's."""

    parent: int
    at: int
    base_fee: int
    coinbase: Address

    @property
    def number(self) -> int:
        return self.parent + 1


@dataclass(frozen=True, slots=True)
class RehearsedTx:
    """What one transaction would do. None is what the method cannot tell. `price` is wei per gas in the
    block; `returned` the return or revert data; `logs` have no block hash yet."""

    tx: OpenedTx
    is_ok: bool
    price: int
    revert: Revert | None = None
    gas_used: int | None = None
    logs: tuple[Log, ...] | None = None
    returned: bytes | None = None
    differences: Differences | None = None

    @property
    def fee_wei(self) -> int | None:
        """What it pays for gas; a rollup's fee for L1 is not in it."""
        return None if self.gas_used is None else self.gas_used * self.price


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What transactions would do in `target`, in this order, after those `ahead` of them. `unseen` says what
    was not counted, in words; it is empty when all was."""

    method: Method
    target: Target
    txs: tuple[RehearsedTx, ...]
    ahead: tuple[RehearsedTx, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether it ran behind all that comes before it, in the block that it aims at."""
        return not self.unseen

    @property
    def is_ok(self) -> bool:
        """Whether none of the transactions would revert."""
        return all(tx.is_ok for tx in self.txs)

    @property
    def differences(self) -> Differences | None:
        """Of all transactions together, without those ahead; None when the method does not tell."""
        parts = [tx.differences for tx in self.txs]
        return None if None in parts else add_up(part for part in parts if part is not None)

    def find(self, tx_hash: TxHash) -> RehearsedTx | None:
        """The one of this hash."""
        return next((tx for tx in self.txs if tx.tx.tx_hash == tx_hash), None)


def check_succeeds(rehearsal: Rehearsal) -> None:
    """Raise `SimulationRevertedError` for the first transaction that would revert. Nothing is concluded from
    a rehearsal that is not complete: what was not counted may be what the transaction needs."""
    for item in rehearsal.txs if rehearsal.is_complete else ():
        if item.is_ok:
            continue
        fields, revert = item.tx.fields, item.revert or decode_revert(b"")
        raise SimulationRevertedError(
            f"nonce {fields.nonce} to {fields.to or 'a new contract'} would revert in block "
            f"{rehearsal.target.number}: {revert.text}; it was not sent",
            reason=revert.reason,
            data=item.returned or b"",
            args_by_name=revert.args,
        )


def receipt_of(item: RehearsedTx, target: Target) -> Receipt | None:
    """The receipt that it would have, for what decodes receipts; None where the method tells no logs."""
    if item.logs is None or item.gas_used is None:
        return None
    return Receipt(
        tx_hash=item.tx.tx_hash,
        block=target.number,
        block_hash=BlockHash(""),
        index=0,
        status=item.is_ok,
        sender=item.tx.sender,
        to=item.tx.fields.to,
        contract_address=None,
        gas_used=item.gas_used,
        effective_gas_price=item.price,
        l1_fee=0,
        logs=item.logs,
    )


@dataclass(frozen=True, slots=True)
class Lineup:
    """What is rehearsed: transactions behind those `ahead` that are not in the chain yet. `missing` are the
    nonces before them that nobody gave, `waiting` those ahead that pay too little for the block."""

    ahead: tuple[OpenedTx, ...]
    txs: tuple[OpenedTx, ...]
    missing: tuple[range, ...] = ()
    waiting: tuple[int, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether a block could hold all of it."""
        return not self.missing and not self.waiting


def line_up(
    ahead: Sequence[OpenedTx], txs: Sequence[OpenedTx], used: Mapping[Address, int], target: Target
) -> Lineup:
    """Put both in their places; `used` are the senders' nonces at the target's parent. Raises
    `NonceConflictError` for a nonce that is used, or twice, and `FeeCapExceededError` when the `txs` pay less
    than the block's base fee: it could not hold them."""
    coming = tuple(tx for tx in ahead if tx.fields.nonce >= used[tx.sender])
    following: dict[Address, int] = dict(used)
    missing: list[range] = []
    for tx in (*coming, *txs):
        expected, nonce = following[tx.sender], tx.fields.nonce
        if nonce < expected:
            raise NonceConflictError(
                f"nonce {nonce} of {tx.sender} is used: the next one is {expected}. Leave out what was "
                "replaced, and give what is ahead in the order of its nonces",
                nonce=nonce,
            )
        missing += [range(expected, nonce)] if nonce > expected else []
        following[tx.sender] = nonce + 1
        _count_authorizations(tx, following)
    for tx in txs:
        if tx.fee_cap < target.base_fee:
            raise FeeCapExceededError(
                f"nonce {tx.fields.nonce} of {tx.sender} pays at most {tx.fee_cap} wei per gas, and block "
                f"{target.number} asks {target.base_fee}: it cannot be in that block",
                asked=target.base_fee,
                cap=tx.fee_cap,
            )
    waiting = tuple(tx.fields.nonce for tx in coming if tx.fee_cap < target.base_fee)
    return Lineup(coming, tuple(txs), tuple(missing), waiting)


def _count_authorizations(tx: OpenedTx, following: dict[Address, int]) -> None:
    """One that is valid counts as a nonce of whoever signed it (EIP-7702); the sender counts first."""
    if not isinstance(tx.fields, SetCodeTx):
        return
    for item in tx.fields.authorizations:
        try:
            who = authority_of(item)
        except (SigningError, OverflowError):
            continue  # the chain skips it
        if following.get(who) == item.nonce and item.chain_id in (0, tx.fields.chain_id):
            following[who] += 1


def check_openable(txs: Sequence[OpenedTx], chain_id: int) -> None:
    """Raise `IntentError` when there is nothing to rehearse, `WrongChainError` for another chain's bytes."""
    if not txs:
        raise IntentError("give at least one signed transaction to rehearse", field="raws")
    for tx in txs:
        if tx.fields.chain_id != chain_id:
            raise WrongChainError(
                f"nonce {tx.fields.nonce} of {tx.sender} is signed for chain {tx.fields.chain_id}, "
                f"the node serves {chain_id}: check the URL",
                expected=tx.fields.chain_id,
                actual=chain_id,
            )
