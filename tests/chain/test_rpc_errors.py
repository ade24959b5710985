"""The table of node errors: one fixture per string and client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.rpc_errors import SOURCES, TABLE, SendClass, classify_send_error, normalise

C = SendClass

# (what the client says, client, class). Where a row of the table has no fixture here, a test fails.
FIXTURES = [
    ("already known", "geth", C.ALREADY_KNOWN),
    ("AlreadyKnown", "nethermind", C.ALREADY_KNOWN),
    ("ALREADY_EXISTS: already known", "erigon", C.ALREADY_KNOWN),
    ("existing txn with same hash", "erigon", C.ALREADY_KNOWN),
    ("Known transaction", "besu", C.ALREADY_KNOWN),
    ("known transaction: 0x5f1e", "geth", C.ALREADY_KNOWN),
    ("Tx: [0xab] already Imported", "parity", C.ALREADY_KNOWN),
    ("transaction already imported", "anvil", C.ALREADY_KNOWN),
    ("Transaction with the same hash was already imported.", "parity", C.ALREADY_KNOWN),
    ("transaction already in mempool", "anvil", C.ALREADY_KNOWN),
    ("nonce too low", "geth", C.NONCE_LOW),
    ("nonce too low: next nonce 5, tx nonce 4", "reth", C.NONCE_LOW),
    ("INTERNAL_ERROR: nonce too low", "erigon", C.NONCE_LOW),
    ("OldNonce", "nethermind", C.NONCE_LOW),
    ("OwnNonceAlreadyUsed", "nethermind", C.NONCE_LOW),
    ("Nonce too low", "besu", C.NONCE_LOW),
    ("nonce is too low", "anvil", C.NONCE_LOW),
    ("nonce too low: address 0xAB.., tx: 4 state: 5", "arbitrum", C.NONCE_LOW),
    ("nonce too high", "geth", C.NONCE_HIGH),
    ("future transaction tries to replace pending", "geth", C.NONCE_HIGH),
    ("gapped-nonce tx from delegated accounts", "geth", C.NONCE_HIGH),
    ("queued sub-pool is full", "erigon", C.NONCE_HIGH),
    ("NonceGap", "nethermind", C.NONCE_HIGH),
    ("nonce too far in future", "nethermind", C.NONCE_HIGH),
    ("nonce too far in the future", "reth", C.NONCE_HIGH),
    ("Transaction nonce exceeds next nonce", "besu", C.NONCE_HIGH),
    ("nonce out of range", "besu", C.NONCE_HIGH),
    ("replacement transaction underpriced", "geth", C.REPL_UNDERPRICED),
    ("Replacement transaction underpriced", "besu", C.REPL_UNDERPRICED),
    ("insufficient gas price to replace existing transaction", "anvil", C.REPL_UNDERPRICED),
    ("insufficient gas price to replace existing transaction", "reth", C.REPL_UNDERPRICED),
    ("could not replace existing tx", "erigon", C.REPL_UNDERPRICED),
    ("ReplacementNotAllowed", "nethermind", C.REPL_UNDERPRICED),
    ("transaction underpriced", "geth", C.UNDERPRICED),
    ("transaction underpriced: tip needed 1, tip permitted 0", "geth", C.UNDERPRICED),
    ("transaction gas price below minimum: gas tip cap 0, minimum needed 1", "geth", C.UNDERPRICED),
    ("underpriced", "erigon", C.UNDERPRICED),
    ("fee too low", "erigon", C.UNDERPRICED),
    ("FeeTooLow", "nethermind", C.UNDERPRICED),
    ("FeeTooLowToCompete", "nethermind", C.UNDERPRICED),
    ("Gas price below configured minimum gas price", "besu", C.UNDERPRICED),
    ("gas price too low", "arbitrum", C.UNDERPRICED),
    ("max fee per gas less than block base fee: address 0x, baseFee: 2", "geth", C.FEECAP_LT_BASE),
    ("max fee per blob gas less than block blob gas fee", "geth", C.FEECAP_LT_BASE),
    ("max fee per gas less than block base fee", "reth", C.FEECAP_LT_BASE),
    ("max fee per gas less than block base fee: address 0xab", "arbitrum", C.FEECAP_LT_BASE),
    ("MaxFeePerGasTooLow", "protect", C.FEECAP_LT_BASE),
    ("insufficient funds for gas * price + value", "geth", C.FUNDS),
    ("insufficient funds for gas * price + value: address 0x have 0 want 1", "geth", C.FUNDS),
    ("insufficient funds for transfer", "geth", C.FUNDS),
    ("insufficient funds", "erigon", C.FUNDS),
    ("InsufficientFunds, Balance is zero, cannot pay gas", "nethermind", C.FUNDS),
    ("Upfront cost exceeds account balance", "besu", C.FUNDS),
    ("Insufficient funds for gas * price + value", "anvil", C.FUNDS),
    ("sender doesn't have enough funds to send tx", "hardhat", C.FUNDS),
    ("intrinsic gas too low", "geth", C.INTRINSIC),
    ("intrinsic gas too low: have 0, want 21000", "reth", C.INTRINSIC),
    ("insufficient gas for floor data gas cost", "geth", C.INTRINSIC),
    ("IntrinsicGas", "erigon", C.INTRINSIC),
    ("Intrinsic gas exceeds gas limit", "besu", C.INTRINSIC),
    ("intrinsic gas too high -- CallGasCostMoreThanGasLimit", "anvil", C.INTRINSIC),
    ("exceeds block gas limit", "geth", C.GASLIMIT),
    ("transaction gas limit too high (cap: 16777216, tx: 20000000)", "geth", C.GASLIMIT),
    ("GasLimitExceeded, Gas limit: 1, gas limit of rejected tx: 2", "nethermind", C.GASLIMIT),
    ("gas limit too high", "besu", C.GASLIMIT),
    ("tx fee (1.50 ether) exceeds the configured cap (1.00 ether)", "geth", C.NODE_CAP),
    ("tx fee (1500000 wei) exceeds the configured cap (1000000 wei)", "reth", C.NODE_CAP),
    ("Transaction fee cap exceeded", "besu", C.NODE_CAP),
    ("txpool is full", "geth", C.POOL_FULL),
    ("account limit exceeded: pooled 16 txs", "geth", C.POOL_FULL),
    ("pending sub-pool is full", "erigon", C.POOL_FULL),
    ("baseFee sub-pool is full", "erigon", C.POOL_FULL),
    ("queue full", "arbitrum", C.POOL_FULL),
    ("sequencer pending tx pool full, please try again", "arbitrum", C.POOL_FULL),
    ("address already reserved", "geth", C.TYPE_CONFLICT),
    ("can't replace blob-txn with a non-blob-txn", "erigon", C.TYPE_CONFLICT),
    ("pending transaction type conflict", "nethermind", C.TYPE_CONFLICT),
    ("in-flight transaction limit reached for delegated accounts", "geth", C.DELEGATED_7702),
    ("authority already reserved", "geth", C.DELEGATED_7702),
    ("invalid sender", "geth", C.PERMANENT),
    ("invalid chain id for signer: have 1 want 2", "geth", C.PERMANENT),
    ("transaction type not supported", "geth", C.PERMANENT),
    ("oversized data: transaction size 200000, limit 131072", "geth", C.PERMANENT),
    ("negative value", "geth", C.PERMANENT),
    ("sender not an eoa: address 0x, len(code): 5", "geth", C.PERMANENT),
    ("rlp: value size exceeds available input length", "geth", C.PERMANENT),
    ("Failed to decode transaction", "anvil", C.PERMANENT),
    ("failed to recover sender", "nethermind", C.PERMANENT),
    ("transaction too large", "nethermind", C.PERMANENT),
    ("forbidden sender address", "arbitrum", C.PERMANENT),
    ("execution reverted: Too little received", "geth", C.REVERT),
    ("VM Exception while processing transaction: reverted with reason string 'x'", "hardhat", C.REVERT),
    ("Transaction reverted", "besu", C.REVERT),
    ("conditional cost, 2000, exceeded max: 1000", "optimism", C.CONDITIONAL),
    ("failed state check: state trie for address does not match", "optimism", C.CONDITIONAL),
    ("transaction indexing is in progress", "geth", C.NODE_STATE),
    ("header not found", "geth", C.NODE_STATE),
    ("node is syncing", "nethermind", C.NODE_STATE),
    ("HTTP 503", "proxy", C.NODE_STATE),
    ("<html><body>502 Bad Gateway", "proxy", C.NODE_STATE),
    ("Request timed out", "proxy", C.NODE_STATE),
    ("The transaction was added to the mempool but wasn't processed in 2s", "eip7966", C.SYNC_TIMEOUT),
    ("The transaction was added to the transaction pool but wasn't processed", "geth", C.SYNC_TIMEOUT),
]  # fmt: skip


@pytest.mark.parametrize(("text", "client", "expected"), FIXTURES, ids=[f"{c}: {t}" for t, c, _ in FIXTURES])
def test_each_client_is_understood(text: str, client: str, expected: SendClass) -> None:
    """What this client says has this class, alone and within longer text."""
    assert classify_send_error(text) is expected
    assert classify_send_error(f"rpc error: {text} (request 0x)", -32000) is expected
    assert client in SOURCES


@pytest.mark.parametrize("row", TABLE, ids=[row.pattern for row in TABLE])
def test_every_row_has_a_fixture_that_needs_it(row: object) -> None:
    """No row is dead: some fixture's first match is this very row, or an equal class's row before it."""
    import re

    hits = [(t, c) for t, _, c in FIXTURES if re.search(row.pattern, normalise(t))]  # type: ignore[attr-defined]
    assert any(c is row.send_class for _, c in hits), row  # type: ignore[attr-defined]
    assert set(row.clients) <= set(SOURCES)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unknown transaction", C.AMBIGUOUS),
        ("", C.AMBIGUOUS),
        ("something that no client says", C.AMBIGUOUS),
        ("internal error", C.AMBIGUOUS),
    ],
)
def test_unknown_text_is_ambiguous(text: str, expected: SendClass) -> None:
    """Never a rejection: the transaction may have been taken."""
    assert classify_send_error(text) is expected


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)), st.integers(-33000, 2))
def test_foreign_words_are_never_a_rejection(text: str, code: int) -> None:
    """Text without a known word is ambiguous whatever the code."""
    assert classify_send_error(text, code) is C.AMBIGUOUS


def test_the_order_of_the_table_matters() -> None:
    """A longer phrase that contains a shorter one of another class is found first."""
    assert classify_send_error("replacement transaction underpriced") is not C.UNDERPRICED
    assert classify_send_error("queued sub-pool is full") is not C.POOL_FULL
    assert classify_send_error("authority already reserved") is not C.TYPE_CONFLICT


def test_nested_data_and_codes_are_read() -> None:
    """Some providers hide the node's words in data; code 3 is a revert; code 4 with a hash is EIP-7966's."""
    nested = {"originalError": {"message": "nonce too low"}}
    assert classify_send_error("transaction failed", -32603, nested) is C.NONCE_LOW
    assert classify_send_error("transaction failed", -32603, {"cause": "already known"}) is C.ALREADY_KNOWN
    assert classify_send_error("oops", 3) is C.REVERT
    assert classify_send_error("oops", 4, "0x" + "ab" * 32) is C.SYNC_TIMEOUT
    assert classify_send_error("oops", 4, {"hash": "0x" + "ab" * 32}) is C.SYNC_TIMEOUT
    assert classify_send_error("oops", 4) is C.AMBIGUOUS
