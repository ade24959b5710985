"""What nodes say when they refuse a transaction, as data: their words, in match order, to a class.

Order matters: "replacement transaction underpriced" stands before "transaction underpriced". Text that no
row knows is AMBIGUOUS, never a rejection: the transaction may have been taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SendClass(StrEnum):
    """What a node's answer means for the attempt that was sent to it."""

    ALREADY_KNOWN = "already_known"
    """The node has these very bytes: accepted."""
    NONCE_LOW = "nonce_low"
    """Something with this nonce is mined, perhaps an earlier attempt of ours: ambiguous, resolve."""
    NONCE_HIGH = "nonce_high"
    """A predecessor is missing at this node: rejected here, send the predecessors, then the same bytes."""
    REPL_UNDERPRICED = "replacement_underpriced"
    """Another transaction holds the nonce and this one does not pay enough more to replace it."""
    UNDERPRICED = "underpriced"
    """Below the node's minimum: rejected, quote again."""
    FEECAP_LT_BASE = "fee_cap_below_base_fee"
    """Rejected, quote again."""
    FUNDS = "insufficient_funds"
    """The balance does not cover value plus the worst-case fee: rejected."""
    INTRINSIC = "intrinsic_gas"
    """The gas limit is below what the bytes alone cost: rejected, estimate again."""
    GASLIMIT = "gas_limit"
    """The gas limit is above the block's or the chain's: rejected for good."""
    NODE_CAP = "node_fee_cap"
    """Above this node's own fee cap: rejected by this endpoint only."""
    POOL_FULL = "pool_full"
    """Rejected here for now: the same bytes again, later."""
    TYPE_CONFLICT = "type_conflict"
    """The account has a pending transaction of the other kind (blob or not): wait for it."""
    DELEGATED_7702 = "delegated_account_limit"
    """A delegated account may have few in flight: wait."""
    PERMANENT = "permanent"
    """Malformed, or for another chain: rejected for good."""
    REVERT = "revert"
    """The node simulated it and it reverted: rejected."""
    CONDITIONAL = "conditional"
    """The condition sent along does not hold: rejected."""
    NODE_STATE = "node_state"
    """The node or what stands before it is not well: ambiguous, no proof of absence."""
    SYNC_TIMEOUT = "sync_timeout"
    """eth_sendRawTransactionSync accepted it and stopped waiting: accepted, poll."""
    AMBIGUOUS = "ambiguous"
    """Unknown text: it may have been taken."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """`pattern` is a regular expression over the normalised text; `clients` are those that say it."""

    pattern: str
    send_class: SendClass
    clients: tuple[str, ...]


SOURCES = {
    "geth": "core/txpool/errors.go, core/error.go, core/txpool/legacypool, internal/ethapi (also op-geth)",
    "reth": "crates/transaction-pool/src/error.rs, crates/rpc/rpc-eth-types/src/error",
    "erigon": "txnprovider/txpool/txpoolcfg/txpoolcfg.go",
    "nethermind": "Nethermind.TxPool/AcceptTxResult.cs, Nethermind.Consensus/Messages/TxErrorMessages.cs",
    "besu": "ethereum/api jsonrpc RpcErrorType.java, TransactionInvalidReason",
    "anvil": "crates/anvil/src/eth/error.rs",
    "hardhat": "hardhat-network provider errors",
    "arbitrum": "nitro execution/gethexec/sequencer.go, tx_pre_checker.go",
    "optimism": "op-geth core/types/transaction_conditional.go",
    "parity": "OpenEthereum rpc/src/v1/helpers/errors.rs",
    "protect": "Flashbots Protect RPC",
    "eip7966": "EIP-7966 eth_sendRawTransactionSync",
    "proxy": "HTTP proxies and providers before the node",
}
"""Where each client defines its words."""


def _row(send_class: SendClass, pattern: str, *clients: str) -> ErrorRow:
    return ErrorRow(pattern, send_class, clients)


_S = SendClass

TABLE: tuple[ErrorRow, ...] = (
    _row(_S.SYNC_TIMEOUT, r"added to the (mempool|transaction pool) but", "eip7966", "geth"),
    # "known transaction" must not match "unknown transaction".
    _row(_S.ALREADY_KNOWN, r"\balready ?known", "geth", "reth", "erigon", "nethermind"),
    _row(_S.ALREADY_KNOWN, r"existing txn with same hash", "erigon"),
    _row(_S.ALREADY_KNOWN, r"\bknown transaction", "besu", "geth"),
    _row(_S.ALREADY_KNOWN, r"already imported", "anvil", "parity"),
    _row(_S.ALREADY_KNOWN, r"transaction already in (the )?mempool", "anvil", "proxy"),
    _row(_S.DELEGATED_7702, r"in-flight transaction limit reached for delegated accounts", "geth"),
    _row(_S.DELEGATED_7702, r"authority already reserved", "geth"),
    _row(_S.NONCE_HIGH, r"gapped-nonce tx from delegated accounts", "geth"),
    _row(_S.NONCE_HIGH, r"future transaction tries to replace pending", "geth"),
    _row(_S.NONCE_HIGH, r"queued sub-pool is full", "erigon"),
    _row(_S.NONCE_HIGH, r"nonce too (high|far in (the )?future)", "geth", "reth", "nethermind", "arbitrum"),
    _row(_S.NONCE_HIGH, r"\bnonce ?gap", "nethermind"),
    _row(_S.NONCE_HIGH, r"exceeds next nonce|nonce out of range", "besu"),
    _row(_S.NONCE_LOW, r"nonce (is )?too low", "geth", "reth", "erigon", "besu", "anvil", "arbitrum"),
    _row(_S.NONCE_LOW, r"\boldnonce\b|\bownnoncealreadyused\b", "nethermind"),
    _row(_S.REPL_UNDERPRICED, r"replacement transaction (is )?underpriced", "geth", "reth", "besu"),
    _row(_S.REPL_UNDERPRICED, r"insufficient gas price to replace existing", "anvil", "reth"),
    _row(_S.REPL_UNDERPRICED, r"could not replace existing tx", "erigon"),
    _row(_S.REPL_UNDERPRICED, r"\breplacementnotallowed\b", "nethermind"),
    _row(
        _S.FEECAP_LT_BASE, r"max fee per (blob )?gas less than block (blob )?(base|gas) ?fee", "geth", "reth"
    ),
    _row(_S.FEECAP_LT_BASE, r"max fee per gas less than block base fee: address", "arbitrum"),
    _row(_S.FEECAP_LT_BASE, r"\bmaxfeepergastoolow\b", "protect"),
    _row(_S.UNDERPRICED, r"transaction underpriced", "geth", "reth"),
    _row(_S.UNDERPRICED, r"\bunderpriced\b|\bfee too low\b", "erigon"),
    _row(_S.UNDERPRICED, r"\bfeetoolow(tocompete)?\b", "nethermind"),
    _row(_S.UNDERPRICED, r"gas price below (configured )?minimum", "besu", "geth"),
    _row(_S.UNDERPRICED, r"gas price too low", "arbitrum"),
    _row(_S.FUNDS, r"\binsufficient ?funds\b", "geth", "reth", "erigon", "nethermind", "anvil"),
    _row(_S.FUNDS, r"upfront cost exceeds account balance", "besu"),
    _row(_S.FUNDS, r"sender doesn't have enough funds", "hardhat"),
    _row(_S.NODE_CAP, r"tx fee \(.*\) exceeds the configured cap", "geth", "reth", "erigon"),
    _row(_S.NODE_CAP, r"transaction fee cap exceeded", "besu"),
    _row(_S.INTRINSIC, r"intrinsic ?gas", "geth", "reth", "erigon", "nethermind", "besu", "anvil"),
    _row(_S.INTRINSIC, r"insufficient gas for floor data gas cost", "geth", "reth"),
    _row(_S.GASLIMIT, r"exceeds block gas limit", "geth", "reth", "erigon"),
    _row(_S.GASLIMIT, r"gas limit too high|gas limit exceeded", "besu", "geth"),
    _row(_S.GASLIMIT, r"\bgaslimitexceeded\b", "nethermind"),
    _row(_S.POOL_FULL, r"txpool is full|account limit exceeded", "geth"),
    _row(_S.POOL_FULL, r"(pending|basefee) sub-pool is full", "erigon"),
    _row(_S.POOL_FULL, r"\bqueue full\b|pending tx pool full", "arbitrum"),
    _row(_S.TYPE_CONFLICT, r"address already reserved", "geth"),
    _row(_S.TYPE_CONFLICT, r"can't replace blob-txn with a non-blob-txn", "erigon"),
    _row(_S.TYPE_CONFLICT, r"pending transaction type conflict", "nethermind"),
    _row(_S.CONDITIONAL, r"conditional cost|failed (header|state) check", "optimism"),
    _row(_S.PERMANENT, r"invalid (sender|chain ?id|signature)|wrong chain ?id", "geth", "reth", "anvil"),
    _row(_S.PERMANENT, r"transaction type not supported|oversized data|negative value", "geth"),
    _row(_S.PERMANENT, r"sender (is )?not an eoa", "geth"),
    _row(_S.PERMANENT, r"\brlp\b|failed to decode (signed )?transaction", "geth", "reth", "anvil"),
    _row(_S.PERMANENT, r"failed to recover sender|transaction too large", "nethermind"),
    _row(_S.PERMANENT, r"forbidden sender address", "arbitrum"),
    _row(_S.REVERT, r"execution reverted|vm exception while processing transaction", "geth", "hardhat"),
    _row(_S.REVERT, r"\breverted\b", "anvil", "besu"),
    _row(_S.NODE_STATE, r"transaction indexing is in progress|header not found", "geth"),
    _row(_S.NODE_STATE, r"node is syncing", "nethermind"),
    _row(_S.NODE_STATE, r"\bhttp (403|429|5\d\d)\b|<html|<!doctype", "proxy"),
    _row(_S.NODE_STATE, r"timed? ?out|too many requests|rate limit", "proxy"),
)

_COMPILED = tuple((re.compile(row.pattern), row.send_class) for row in TABLE)
_PREFIXES = re.compile(r"^(internal_error:|already_exists:|rpc error:|error:)\s*")
_REVERT_CODE = 3
_SYNC_TIMEOUT_CODE = 4


def normalise(message: str, data: object = None) -> str:
    """The node's words in lower case, without wrappers, with what stands in nested data and causes."""
    texts = [message, *_nested_texts(data)]
    return "\n".join(_strip(text.lower().strip()) for text in texts)


def _strip(text: str) -> str:
    while match := _PREFIXES.match(text):
        text = text[match.end() :]
    return text


def _nested_texts(data: Any, depth: int = 0) -> list[str]:
    if isinstance(data, str):
        return [] if data.startswith("0x") else [data]
    if isinstance(data, dict) and depth < 4:
        keys = ("message", "error", "cause", "reason", "details", "data", "originalError")
        return [text for key in keys for text in _nested_texts(data.get(key), depth + 1)]
    return []


def classify_send_error(message: str, code: int | None = None, data: object = None) -> SendClass:
    """The class of a node's answer to a send; AMBIGUOUS when no row knows its words."""
    text = normalise(message, data)
    if code == _SYNC_TIMEOUT_CODE and _holds_hash(data):
        return SendClass.SYNC_TIMEOUT
    for pattern, send_class in _COMPILED:
        if pattern.search(text):
            return send_class
    return SendClass.REVERT if code == _REVERT_CODE else SendClass.AMBIGUOUS


def _holds_hash(data: object) -> bool:
    if isinstance(data, dict):
        data = next((v for v in data.values() if isinstance(v, str)), None)
    return isinstance(data, str) and data.startswith("0x") and len(data) == 66
