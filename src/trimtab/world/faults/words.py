"""The words in which clients refuse a transaction, one or more for each class of `chain.rpc_errors`. Data."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.chain.rpc_errors import SendClass as C
from trimtab.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a node of `client` says, as a JSON-RPC error."""

    send_class: C
    client: str
    text: str
    code: int = -32000


REFUSALS: tuple[Refusal, ...] = (
    Refusal(C.ALREADY_KNOWN, "geth", "already known"),
    Refusal(C.ALREADY_KNOWN, "nethermind", "AlreadyKnown", -32010),
    Refusal(C.ALREADY_KNOWN, "besu", "Known transaction"),
    Refusal(C.ALREADY_KNOWN, "erigon", "ALREADY_EXISTS: already known"),
    Refusal(C.ALREADY_KNOWN, "anvil", "transaction already imported", -32003),
    Refusal(C.NONCE_LOW, "geth", "nonce too low: next nonce 5, tx nonce 4"),
    Refusal(C.NONCE_LOW, "nethermind", "OldNonce", -32010),
    Refusal(C.NONCE_LOW, "besu", "Nonce too low", -32001),
    Refusal(C.NONCE_LOW, "erigon", "INTERNAL_ERROR: nonce too low"),
    Refusal(C.NONCE_LOW, "arbitrum", "nonce too low: address 0x00, tx: 4 state: 5"),
    Refusal(C.NONCE_LOW, "anvil", "nonce too low", -32003),
    Refusal(C.NONCE_HIGH, "geth", "nonce too high"),
    Refusal(C.NONCE_HIGH, "nethermind", "NonceGap", -32010),
    Refusal(C.NONCE_HIGH, "besu", "Transaction nonce exceeds next nonce", -32006),
    Refusal(C.REPL_UNDERPRICED, "geth", "replacement transaction underpriced"),
    Refusal(C.REPL_UNDERPRICED, "erigon", "could not replace existing tx"),
    Refusal(C.REPL_UNDERPRICED, "nethermind", "ReplacementNotAllowed", -32010),
    Refusal(C.UNDERPRICED, "geth", "transaction underpriced"),
    Refusal(C.UNDERPRICED, "nethermind", "FeeTooLowToCompete", -32010),
    Refusal(C.UNDERPRICED, "besu", "Gas price below configured minimum gas price", -32009),
    Refusal(C.FEECAP_LT_BASE, "geth", "max fee per gas less than block base fee: address 0x00, baseFee: 2"),
    Refusal(C.FUNDS, "geth", "insufficient funds for gas * price + value: have 1 want 2"),
    Refusal(C.FUNDS, "besu", "Upfront cost exceeds account balance", -32004),
    Refusal(C.INTRINSIC, "geth", "intrinsic gas too low: gas 20000, minimum needed 21000"),
    Refusal(C.GASLIMIT, "geth", "exceeds block gas limit"),
    Refusal(C.GASLIMIT, "nethermind", "GasLimitExceeded", -32010),
    Refusal(C.NODE_CAP, "geth", "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)"),
    Refusal(C.POOL_FULL, "geth", "txpool is full"),
    Refusal(C.POOL_FULL, "erigon", "pending sub-pool is full"),
    Refusal(C.POOL_FULL, "arbitrum", "sequencer pending tx pool full, please try again"),
    Refusal(C.TYPE_CONFLICT, "geth", "address already reserved"),
    Refusal(C.DELEGATED_7702, "geth", "in-flight transaction limit reached for delegated accounts"),
    Refusal(C.PERMANENT, "geth", "invalid sender"),
    Refusal(C.PERMANENT, "nethermind", "failed to recover sender", -32010),
    Refusal(C.REVERT, "geth", "execution reverted", 3),
    Refusal(C.CONDITIONAL, "optimism", "failed state check", -32003),
    Refusal(C.UNAUTHORISED, "relay", "invalid flashbots signature", -32025),
    Refusal(C.NODE_STATE, "geth", "transaction indexing is in progress"),
    Refusal(C.NODE_STATE, "nethermind", "node is syncing"),
    Refusal(C.NODE_STATE, "proxy", "request timed out", -32002),
    Refusal(C.AMBIGUOUS, "proxy", "internal error", -32603),
    Refusal(C.AMBIGUOUS, "proxy", "upstream is unwell, please wait"),
)
"""Texts without a hash; tests hold each to its class."""


def pick_refusal(send_class: str, client: str, salt: int) -> Refusal:
    """The one that `salt` picks among those of a class and a client, empty for any. Raises `ConfigError`."""
    found = [r for r in REFUSALS if send_class in ("", r.send_class) and client in ("", r.client)]
    if not found:
        known = ", ".join(sorted({r.client for r in REFUSALS if send_class in ("", r.send_class)}))
        what = send_class or "a refusal"
        raise ConfigError(f"there are no words of {client!r} for {what}; only of {known}", key="client")
    return found[salt % len(found)]
