"""What nodes say when they refuse a transaction, as data: their words, in match order, to a class.

Order matters: "replacement transaction underpriced" stands before "transaction underpriced", a proxy's page
and a contract's own words before everything else. Text that no row knows is AMBIGUOUS, never a rejection: the
transaction may have been taken. `tests/data/rpc_errors.toml` holds each client's words with their sources.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from trimtab.errors import ConfigError


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
    MINED_REVERT = "mined_revert"
    """A development node mined it and answers with its failure: ambiguous, the receipt tells."""
    CONDITIONAL = "conditional"
    """The condition sent along does not hold, or is none that is taken here: rejected."""
    UNAUTHORISED = "unauthorised"
    """A relay does not know the sender of the request: rejected by it, mend the identity that it is given."""
    NODE_STATE = "node_state"
    """The node or what stands before it is not well: ambiguous, no proof of absence."""
    SYNC_TIMEOUT = "sync_timeout"
    """eth_sendRawTransactionSync accepted it and stopped waiting: accepted, poll."""
    AMBIGUOUS = "ambiguous"
    """Unknown text: it may have been taken."""


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """`pattern` is a regular expression, searched anywhere in the lower-case text; `clients` are those that
    say it. Rows of one's own stand before the table's: `ClientOptions(error_rows=...)`. Raises `ConfigError`
    for a pattern that cannot be read."""

    pattern: str
    send_class: SendClass
    clients: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ConfigError(
                f"the error row's pattern {self.pattern!r} is not a regular expression: {error}",
                key="error_rows",
            ) from error


SOURCES = {
    "geth": "core/error.go, core/txpool, internal/ethapi, and its kin: op-geth, bor, bsc, coreth",
    "reth": "crates/rpc/rpc-eth-types/src/error, crates/transaction-pool/src/error.rs",
    "erigon": "txnprovider/txpool/txpoolcfg/txpoolcfg.go",
    "nethermind": "Nethermind.TxPool/AcceptTxResult.cs, Nethermind.Core/Messages; earlier the enum's names",
    "besu": "ethereum/api RpcErrorType.java",
    "anvil": "crates/anvil/src/eth/error.rs",
    "hardhat": "provider/TxPool.ts, node.ts; edr_provider since 2.22; ganache's reverts alike",
    "arbitrum": "nitro execution/gethexec sequencer.go, tx_pre_checker.go",
    "optimism": "op-geth's sequencerapi, op-conditional-ext",
    "parity": "OpenEthereum rpc/src/v1/helpers/errors.rs",
    "protect": "Flashbots Protect RPC: rpc-endpoint server/",
    "relay": "Flashbots' bundle relay: mev-relay-js server/, and its present answers",
    "mev_share": "mev-share-node mevshare/",
    "eip7966": "EIP-7966 eth_sendRawTransactionSync",
    "rollups": "zkSync, zkEVM, Metis, Mantle",
    "others": "Avalanche, Celo, Harmony, Hedera, Kaia, Monad, Sei, Substrate",
    "proxy": "HTTP proxies and providers before the node",
}
"""Where each client defines its words."""


def _row(send_class: SendClass, pattern: str, *clients: str) -> ErrorRow:
    return ErrorRow(pattern, send_class, clients)


_S = SendClass

TABLE: tuple[ErrorRow, ...] = (
    # A proxy's page says nothing of the bytes, whatever words are on it.
    _row(_S.NODE_STATE, r"<html|<!doctype", "proxy"),
    # "... was added to the mempool but wasn't processed due to ... insufficient funds" was added.
    _row(_S.SYNC_TIMEOUT, r"added to the (mempool|transaction pool) but", "eip7966", "erigon", "reth"),
    _row(_S.SYNC_TIMEOUT, r"transaction confirmation timeout", "anvil"),
    # Behind these words a contract speaks, not the node.
    _row(_S.REVERT, r"execution reverted|^reverted\b", "geth", "reth", "besu", "anvil", "arbitrum", "parity"),
    _row(_S.MINED_REVERT, r"vm exception while processing transaction|transaction reverted", "hardhat"),
    _row(_S.MINED_REVERT, r"transaction ran out of gas|transaction failed: revert", "hardhat"),
    # "known transaction" must not match "unknown transaction".
    _row(_S.ALREADY_KNOWN, r"\balready ?known", "geth", "reth", "erigon", "nethermind", "rollups"),
    _row(_S.ALREADY_KNOWN, r"existing txn with same hash", "erigon"),
    _row(_S.ALREADY_KNOWN, r"\bknown transaction", "besu", "geth", "hardhat", "rollups"),
    _row(_S.ALREADY_KNOWN, r"already ?imported", "anvil", "parity", "others"),
    _row(_S.ALREADY_KNOWN, r"(transaction|tx) already (exists )?in (the )?(mempool|pool|cache)", "others"),
    # The nonce of an authorisation inside, not the transaction's own.
    _row(_S.PERMANENT, r"authority nonce too low", "geth"),
    _row(_S.DELEGATED_7702, r"in-flight transaction limit reached for delegated accounts", "geth"),
    _row(_S.DELEGATED_7702, r"authority already reserved", "geth", "erigon"),
    _row(_S.DELEGATED_7702, r"delegation authority has pending|delegatorhaspendingtx", "nethermind"),
    # Beyond 2^64 - 2 (EIP-2681): no predecessor will help.
    _row(_S.PERMANENT, r"nonce has max value|nonce exceeds max nonce", "geth", "reth", "nethermind"),
    _row(_S.NONCE_HIGH, r"gapped-nonce tx from delegated accounts", "geth"),
    _row(_S.NONCE_HIGH, r"notcurrentnoncefordelegation", "nethermind"),
    _row(_S.NONCE_HIGH, r"future transaction tries to replace pending", "geth"),
    _row(_S.NONCE_HIGH, r"queued sub-pool is full", "erigon"),
    _row(_S.NONCE_HIGH, r"nonce too (high|far in (the )?future)", "geth", "reth", "nethermind", "arbitrum"),
    _row(_S.NONCE_HIGH, r"\bnonce ?gap", "nethermind"),
    _row(_S.NONCE_HIGH, r"exceeds next nonce|nonce out of range", "besu"),
    _row(_S.NONCE_HIGH, r"too distant from current sender nonce", "besu"),
    _row(_S.NONCE_HIGH, r"invalid transaction with a lower nonce exists", "besu"),
    _row(_S.NONCE_LOW, r"nonce (is )?too low", "geth", "reth", "erigon", "besu", "anvil", "arbitrum"),
    _row(_S.NONCE_LOW, r"\boldnonce\b|\bownnoncealreadyused\b", "nethermind"),
    _row(_S.NONCE_LOW, r"invalid transaction nonce", "arbitrum"),
    _row(_S.NONCE_LOW, r"(^|: )mined$", "erigon"),
    _row(_S.NONCE_LOW, r"transaction already (finalized|mined)|pool\(stale\)", "others"),
    _row(_S.REPL_UNDERPRICED, r"replacement transaction underpriced", "geth", "reth", "besu", "hardhat"),
    _row(_S.REPL_UNDERPRICED, r"insufficient gas price to replace existing", "anvil", "reth"),
    _row(_S.REPL_UNDERPRICED, r"could not replace existing tx", "erigon"),
    _row(_S.REPL_UNDERPRICED, r"replaced by transaction with higher tip", "erigon"),
    _row(_S.REPL_UNDERPRICED, r"\breplacementnotallowed\b", "nethermind"),
    _row(_S.REPL_UNDERPRICED, r"another (transaction|tx) (with|which has the) same nonce", "parity"),
    _row(
        _S.FEECAP_LT_BASE,
        r"(max fee per (blob )?gas|gas price) less than block (blob )?(base|gas) fee",
        "geth",
        "reth",
        "anvil",
        "arbitrum",
        "rollups",
    ),
    _row(_S.FEECAP_LT_BASE, r"gas price below current (blob )?base fee", "besu"),
    _row(_S.FEECAP_LT_BASE, r"too low for the next block, which has a basefee", "hardhat"),
    _row(_S.FEECAP_LT_BASE, r"`blob_gas_price` is greater than tx-specified", "anvil"),
    _row(_S.FEECAP_LT_BASE, r"\bmaxfeepergastoolow\b", "protect"),
    _row(_S.UNDERPRICED, r"transaction underpriced", "geth", "reth", "nethermind"),
    _row(_S.UNDERPRICED, r"\bunderpriced\b|\bfee too low\b", "erigon"),
    _row(_S.UNDERPRICED, r"\bfeetoolow(tocompete)?\b", "nethermind"),
    _row(_S.UNDERPRICED, r"gas price .{0,90}\bbelow (the |configured )?minimum", "besu", "geth", "hardhat"),
    _row(_S.UNDERPRICED, r"priority fee below minimum", "reth"),
    _row(_S.UNDERPRICED, r"gas price (is )?too low", "arbitrum", "parity", "rollups"),
    _row(_S.UNDERPRICED, r"gasprice is less than gas price minimum|\binsufficient fees?\b", "others"),
    _row(_S.UNDERPRICED, r"unacceptable gas price|fair pubdata price too high", "rollups"),
    _row(_S.FUNDS, r"\binsufficient[ _]?(payer_)?(funds|balance)\b", "geth", "reth", "nethermind", "anvil"),
    _row(_S.FUNDS, r"would cause overdraft|not enough funds for gas", "geth", "arbitrum"),
    _row(_S.FUNDS, r"upfront cost exceeds account balance", "besu"),
    _row(_S.FUNDS, r"sender doesn't have enough funds", "hardhat"),
    _row(_S.NODE_CAP, r"tx fee \(.*\) exceeds the configured cap", "geth", "reth", "erigon"),
    _row(_S.NODE_CAP, r"transaction fee cap exceeded", "besu"),
    # "too high" is the block's limit, unless what it is too high for is the transaction's own.
    _row(_S.GASLIMIT, r"intrinsic gas too high(?! -- (callgascost|gasfloor))", "reth", "anvil"),
    _row(_S.INTRINSIC, r"intrinsic ?gas", "geth", "reth", "erigon", "nethermind", "besu", "anvil"),
    _row(_S.INTRINSIC, r"insufficient gas for floor data gas cost", "geth"),
    _row(_S.INTRINSIC, r"requires at least \d+ gas but got|not enough gas to cover", "hardhat", "parity"),
    _row(_S.INTRINSIC, r"not enough gas for transaction validation|\bgas limit too low", "rollups", "others"),
    _row(
        _S.GASLIMIT,
        r"exceeds (block|current|max transaction|maximum per-transaction) gas limit",
        "geth",
        "reth",
        "erigon",
        "besu",
        "parity",
    ),
    _row(_S.GASLIMIT, r"gas limit (is )?too high|supplied gas is beyond limit", "geth", "erigon", "parity"),
    _row(_S.GASLIMIT, r"gas limit is greater than the (block gas limit|cap)", "anvil"),
    _row(_S.GASLIMIT, r"gas limit (reached|exceeded)|gaslimit(cap)?exceeded", "nethermind"),
    _row(_S.POOL_FULL, r"txpool is full|account limit exceeded", "geth", "reth"),
    _row(_S.POOL_FULL, r"(pending|basefee) sub-pool is full|limit in txpool is full|\bspammer\b", "erigon"),
    _row(_S.POOL_FULL, r"\bqueue full\b|pending tx pool full|due to l2 congestion", "arbitrum"),
    _row(_S.POOL_FULL, r"not accepting transactions due to expected surplus", "arbitrum"),
    _row(_S.POOL_FULL, r"too many transactions in the queue", "parity"),
    # The block aimed at is over or too far: the same again, for the next one.
    _row(_S.POOL_FULL, r"invalid inclusion", "mev_share"),
    _row(_S.TYPE_CONFLICT, r"address already reserved", "geth", "reth"),
    _row(_S.TYPE_CONFLICT, r"can't replace blob-txn with a non-blob-txn", "erigon"),
    _row(_S.TYPE_CONFLICT, r"pending transaction type conflict", "nethermind"),
    _row(_S.CONDITIONAL, r"conditional cost|failed (header|state) check|conditional validation", "optimism"),
    _row(_S.CONDITIONAL, r"(missing|invalid) conditional|max cost exceeded|storage \w+ mismatch", "optimism"),
    _row(_S.CONDITIONAL, r"only 4337 entrypoint contract support|endpoint disabled", "optimism"),
    _row(_S.CONDITIONAL, r"conditions check failed for old state", "arbitrum"),
    _row(_S.CONDITIONAL, r"condition not met|knownaccounts too large", "arbitrum"),
    # "invalid signature provided" is of the request, "invalid signature" of the transaction.
    _row(_S.UNAUTHORISED, r"(error in|invalid flashbots) signature|signature is required", "relay"),
    _row(_S.UNAUTHORISED, r"(no|invalid) signature provided", "relay"),
    _row(_S.UNAUTHORISED, r"(missing|invalid) authentication", "optimism"),
    _row(_S.PERMANENT, r"invalid (sender|chain ?id|(transaction )?signature)|wrong chainid", "geth"),
    _row(_S.PERMANENT, r"signed for another chain|chainid (not supported|is required)", "anvil", "besu"),
    _row(_S.PERMANENT, r"\binvalidtx(type|signature|chainid)\b", "nethermind"),
    _row(_S.PERMANENT, r"(un|not )supported transaction type|invalid transaction type", "nethermind", "besu"),
    _row(_S.PERMANENT, r"transaction type not supported|type is not activated yet", "geth", "erigon"),
    _row(_S.PERMANENT, r"oversized data|transaction (is )?too (large|big)", "geth", "nethermind", "parity"),
    _row(_S.PERMANENT, r"max initcode size exceeded|initcode too large", "geth", "reth", "erigon"),
    _row(_S.PERMANENT, r"max priority fee per gas (higher than|exceeds)|higher than 2\^", "geth", "besu"),
    _row(_S.PERMANENT, r"negative value|gas ?uint(64)? ?overflow|cost overflow|int256overflow", "geth"),
    _row(_S.PERMANENT, r"sender (is )?not an eoa|\bsenderiscontract\b", "geth", "nethermind"),
    _row(_S.PERMANENT, r"\brlp(toolong)?\b|failed to decode (signed )?transaction", "geth", "reth", "anvil"),
    _row(_S.PERMANENT, r"empty (raw )?transaction data", "reth", "anvil"),
    _row(_S.PERMANENT, r"failed to (recover|resolve) (the )?(sender|signer)", "nethermind", "anvil"),
    _row(_S.PERMANENT, r"failedtoresolvesender|transaction invalid\b|(^|: )invalid(,|$)", "nethermind"),
    _row(_S.PERMANENT, r"forbidden sender address|invalid message format|not on the whitelist", "arbitrum"),
    _row(_S.PERMANENT, r"not authorized to send|plugin has marked the transaction as invalid", "besu"),
    _row(_S.PERMANENT, r"banned in local queue|transaction is not permitted", "parity"),
    _row(_S.PERMANENT, r"counters to continue the execution|out of counters", "rollups"),
    _row(_S.PERMANENT, r"unable to decode (txs|bundle)|blacklisted tx|incorrect request", "relay"),
    _row(_S.PERMANENT, r"missing (block param|params)|block param must be|timestamp must be an", "relay"),
    _row(_S.PERMANENT, r"reading transaction object failed|couldn't get address from rawtx", "protect"),
    _row(_S.PERMANENT, r"invalid (raw transaction param|target for large tx|auction preference)", "protect"),
    _row(_S.PERMANENT, r"maxblocknumber must be|preferences (fast )?must be", "protect"),
    _row(_S.PERMANENT, r"invalid bundle (body|constraints|privacy)|bundle too deep", "mev_share"),
    _row(_S.PERMANENT, r"unsupported bundle version|invalid hint intent", "mev_share"),
    _row(_S.NODE_STATE, r"transaction indexing is in progress|header not found", "geth"),
    _row(_S.NODE_STATE, r"node is syncing|initial sync is still in progress", "nethermind", "besu"),
    _row(_S.NODE_STATE, r"transaction pool not enabled", "besu"),
    _row(_S.NODE_STATE, r"sequencer temporarily not available|context deadline exceeded", "arbitrum"),
    _row(_S.NODE_STATE, r"\bhttp (403|429|5\d\d)\b|\b(429|50[234]) [a-z]", "proxy"),
    _row(_S.NODE_STATE, r"timed? ?out|too many requests|rate limit|compute units", "proxy"),
)

_COMPILED = tuple((re.compile(row.pattern, re.MULTILINE), row.send_class) for row in TABLE)
_PREFIXES = re.compile(r"^(internal_error|already_exists|rpc error|error|call failed):\s*")
_KEYS = ("message", "error", "cause", "reason", "details", "data", "originalError")
_DEEPEST, _WIDEST, _LONGEST = 5, 8, 2_000
"""How far foreign JSON is read: levels, items of a list, characters of a text."""
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_REVERT_CODE = 3
_SYNC_TIMEOUT_CODE = 4


def normalise(message: object, data: object = None) -> str:
    """The node's words in lower case, without wrappers, a line each, with what stands in nested data and
    causes. Any JSON will do."""
    texts = [*_texts(message), *_texts(data)]
    return "\n".join(_strip(text[:_LONGEST].lower().strip()) for text in texts)


def _strip(text: str) -> str:
    while match := _PREFIXES.match(text):
        text = text[match.end() :]
    return text


def _texts(value: object, depth: int = 0) -> list[str]:
    if isinstance(value, str):
        return [] if value.startswith("0x") else [value]
    if depth == _DEEPEST:
        return []
    if isinstance(value, dict):
        return [text for key in _KEYS for text in _texts(value.get(key), depth + 1)]
    if isinstance(value, list | tuple):
        return [text for item in value[:_WIDEST] for text in _texts(item, depth + 1)]
    return []


def classify_send_error(
    message: object, code: object = None, data: object = None, rows: Sequence[ErrorRow] = ()
) -> SendClass:
    """The class of a node's answer to a send; AMBIGUOUS when no row knows its words. `rows` of a chain's own
    are tried before the table. Total: any JSON in any place has a class."""
    text = normalise(message, data)
    if code == _SYNC_TIMEOUT_CODE and _holds_hash(data):
        return SendClass.SYNC_TIMEOUT
    for row in rows:
        if re.search(row.pattern, text, re.MULTILINE):
            return row.send_class
    for pattern, send_class in _COMPILED:
        if pattern.search(text):
            return send_class
    return SendClass.REVERT if code == _REVERT_CODE else SendClass.AMBIGUOUS


def _holds_hash(data: object) -> bool:
    values = data.values() if isinstance(data, dict) else (data,)
    return any(isinstance(value, str) and _HASH.fullmatch(value) for value in values)
