"""One look at the chain: what a node does not say, or says wrongly, is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.fees import Fees
from trimtab.tx.observe import Look, Sighting, observe
from trimtab.tx.states import Attempt, Intent, IntentState, Kind, Mined, Slot, State

ACCOUNT = Address("0x" + "aa" * 20)
HASH, OTHER = TxHash("0x" + "01" * 32), TxHash("0x" + "02" * 32)


def block(number: int, name: str = "") -> dict[str, Any]:
    return {
        "number": hex(number),
        "hash": name or f"h{number}",
        "parentHash": "0x",
        "timestamp": "0x64",
        "gasLimit": "0x1",
        "gasUsed": "0x0",
        "baseFeePerGas": "0x7",
    }


def receipt(tx_hash: str, number: int) -> dict[str, Any]:
    return {
        "transactionHash": tx_hash,
        "blockNumber": hex(number),
        "blockHash": f"h{number}",
        "transactionIndex": "0x0",
        "gasUsed": "0x5208",
        "effectiveGasPrice": "0x2",
        "status": "0x1",
        "from": ACCOUNT,
        "logs": [],
    }


class Node:
    """Answers by method and first parameter, and notes each batch."""

    name = "node"

    def __init__(self, answers: dict[tuple[str, Any], Any]) -> None:
        self._answers = answers
        self.batches: list[list[str]] = []

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        return Reply(result=msgspec.Raw(b'"0x1"'))

    async def send_batch(self, requests: Sequence[tuple[str, bytes]], timeout: float) -> list[Reply]:
        self.batches.append([method for method, _ in requests])
        return [self._reply(method, msgspec.json.decode(params)) for method, params in requests]

    def _reply(self, method: str, params: list[Any]) -> Reply:
        key = params[1] if method == "eth_getTransactionCount" else params[0] if params else None
        if (method, key) not in self._answers:
            return Reply(error=msgspec.Raw(b'{"code":-32000,"message":"header not found"}'))
        return Reply(result=msgspec.Raw(msgspec.json.encode(self._answers[method, key])))

    async def close(self) -> None:
        pass


def state(intent_state: IntentState = IntentState.LIVE, mined: Mined | None = None) -> State:
    attempt = Attempt(Kind.NORMAL, HASH, b"", Fees(1, 1), 1, 1)
    intent = Intent("k", "d", ACCOUNT, b"", 0, 1, None, None, "", 0, state=intent_state, nonce=0)
    return State(intents={"k": intent}, slots={0: Slot(0, "k", attempts=(attempt,), mined=mined)})


async def look(node: Node, seen_by: State, *, full: bool = False) -> Sighting | None:
    async with Client.open(node) as client:
        return await observe(client, ACCOUNT, seen_by, Look(full=full))


HEAD = {
    ("eth_getBlockByNumber", "latest"): block(9),
    ("eth_getBlockByNumber", "0x9"): block(9),
    ("eth_getBlockByNumber", "finalized"): block(4),
}
COUNTS = {("eth_getTransactionCount", "latest"): "0x1", ("eth_getBalance", ACCOUNT): "0x10"}


async def test_a_receipt_comes_with_the_canonical_hash_at_its_height() -> None:
    """Two batches: what is mined, then which blocks are canonical there."""
    answers = {
        ("eth_getTransactionReceipt", HASH): receipt(HASH, 7),
        ("eth_getBlockByNumber", "0x7"): block(7),
    }
    node = Node(HEAD | COUNTS | answers)
    seen = await look(node, state())
    assert seen is not None
    assert seen.receipts[HASH].fee_wei == 42_000
    assert seen.canonical == {9: "h9", 7: "h7"}
    assert (seen.head.number, seen.finalized, seen.account_nonce, seen.balance) == (9, 4, 1, 16)
    assert len(node.batches) == 2


async def test_null_is_absence_and_an_error_is_nothing() -> None:
    """The hash is absent only when the node says null; an error leaves it unknown."""
    absent = await look(Node(HEAD | COUNTS | {("eth_getTransactionReceipt", HASH): None}), state())
    unknown = await look(Node(HEAD | COUNTS), state())
    assert absent is not None
    assert unknown is not None
    assert (absent.absent, unknown.absent) == ({HASH}, set())


async def test_another_transactions_receipt_says_nothing() -> None:
    """A node (or a proxy's cache) that mixes up answers makes nothing mined and nothing absent."""
    seen = await look(Node(HEAD | COUNTS | {("eth_getTransactionReceipt", HASH): receipt(OTHER, 7)}), state())
    assert seen is not None
    assert (seen.receipts, seen.absent) == ({}, set())


async def test_without_a_head_there_is_no_sighting() -> None:
    """A node that is syncing or broken: nothing at all follows from the rest of its answers."""
    assert await look(Node(COUNTS), state()) is None


async def test_a_missing_final_block_or_count_stays_unknown() -> None:
    """A node without the tag, or with a failing count, is not read as zero."""
    seen = await look(Node({("eth_getBlockByNumber", "latest"): block(9)}), state())
    assert seen is not None
    assert (seen.finalized, seen.account_nonce, seen.balance, seen.final_nonce) == (None, None, None, None)


async def test_a_second_node_that_has_another_head_has_no_say() -> None:
    """The second batch may be answered by a node that lags (null) or forks (another block): what it says of
    blocks and counts is not mixed with the first one's."""
    answers = HEAD | COUNTS | {("eth_getTransactionReceipt", HASH): receipt(HASH, 7)}
    for odd in (None, block(9, "forked")):
        other = {("eth_getBlockByNumber", "0x7"): block(7), ("eth_getBlockByNumber", "0x9"): odd}
        seen = await look(Node(answers | other), state())
        assert seen is not None
        assert seen.canonical == {9: "h9"}


async def test_the_count_at_finality_is_asked_only_in_doubt() -> None:
    """RESOLVING needs it, by number, so that it belongs to the same block as the rest."""
    answers = (
        HEAD | COUNTS | {("eth_getTransactionReceipt", HASH): None, ("eth_getTransactionCount", "0x4"): "0x1"}
    )
    calm = await look(Node(answers), state())
    doubt = await look(Node(answers), state(IntentState.RESOLVING))
    assert calm is not None
    assert doubt is not None
    assert (calm.final_nonce, doubt.final_nonce) == (None, 1)


async def test_what_cannot_move_is_not_asked_for() -> None:
    """A confirmed transaction above the final block costs no request, except in a full look."""
    mined = Mined(HASH, 7, BlockHash("h7"), True, 1, 1)
    node = Node(HEAD | COUNTS | {("eth_getBlockByNumber", "0x7"): block(7)})
    await look(node, state(IntentState.CONFIRMED, mined))
    assert "eth_getTransactionReceipt" not in node.batches[0]
    assert len(node.batches) == 1
    await look(node, state(IntentState.CONFIRMED, mined), full=True)
    assert "eth_getTransactionReceipt" in node.batches[1]
    assert len(node.batches) == 3
