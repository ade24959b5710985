"""The word of several nodes: counted when given without an error, and asked for only in doubt."""

from __future__ import annotations

from typing import Any

from tests.tx.test_observe import ACCOUNT, COUNTS, HASH, HEAD, Node, block, receipt, state

from trimtab.chain.client import Client
from trimtab.model.ids import BlockHash
from trimtab.tx.observe import Look, Sighting, observe
from trimtab.tx.states import IntentState, Mined, State
from trimtab.tx.voting import Ballot, Votes, doubts

USED = {("eth_getTransactionCount", "latest"): "0x1", ("eth_getTransactionCount", "0x4"): "0x1"}
GONE = {("eth_getTransactionReceipt", HASH): None}
HELD = Mined(HASH, 7, BlockHash("h7"), True, 1, 1)


class NamedNode(Node):
    def __init__(self, name: str, answers: dict[tuple[str, Any], Any]) -> None:
        super().__init__(answers)
        self.name = name


async def look(nodes: list[Node], seen_by: State, quorum: int = 2) -> Sighting:
    async with Client.open(list(nodes)) as client:
        seen = await observe(client, ACCOUNT, seen_by, Look(full=True, quorum=quorum))
    assert seen is not None
    return seen


def nodes(*answers: dict[tuple[str, Any], Any]) -> list[Node]:
    return [NamedNode(f"n{i}", HEAD | COUNTS | USED | each) for i, each in enumerate(answers)]


async def test_each_node_that_does_not_know_a_hash_is_a_witness() -> None:
    """Both say null, and both have the nonce as used at finality."""
    seen = await look(nodes(GONE, GONE), state(IntentState.RESOLVING))
    assert seen.votes.witnesses == {HASH: 2}


async def test_an_error_is_no_vote() -> None:
    """A node that fails for a hash, or does not know the count at finality, or shows the receipt, bears no
    witness; the other's vote stands."""
    unused = GONE | {("eth_getTransactionCount", "0x4"): "0x0"}
    knows = {("eth_getTransactionReceipt", HASH): receipt(HASH, 7)}
    for other in ({}, unused, knows):
        first, second = nodes(GONE, other)
        seen = await look([first, second], state(IntentState.RESOLVING))
        assert seen.votes.witnesses.get(HASH, 0) <= 1


async def test_nothing_is_asked_without_a_doubt_or_without_a_quorum() -> None:
    """One node's two batches are the whole look, as ever."""
    for intent_state, quorum in ((IntentState.LIVE, 2), (IntentState.RESOLVING, 1)):
        asked = nodes(GONE, GONE)
        seen = await look(asked, state(intent_state), quorum)
        assert seen.votes == Votes()
        assert sum(len(node.batches) for node in asked) <= 2


async def test_blocks_are_voted_on_where_ours_was() -> None:
    """One node shows ours, the other another block at its height."""
    ours = {("eth_getBlockByNumber", "0x7"): block(7)}
    other = {("eth_getBlockByNumber", "0x7"): block(7, "forked")}
    pair = nodes(other, ours)
    held = state(IntentState.INCLUDED, HELD)
    looks = [await look(order, held) for order in (pair, pair[::-1])]
    doubtful = [seen.votes for seen in looks if seen.canonical[7] == "forked"]
    assert [(votes.dissent, votes.assent) for votes in doubtful] == [({7: 1}, {7: 1})]
    seen = await look(nodes(other, other), held)
    assert (seen.votes.dissent, seen.votes.assent) == ({7: 2}, {})


def test_a_node_that_has_not_come_so_far_has_no_vote() -> None:
    """It answers null for the block: neither for nor against."""
    ballot = Ballot(ACCOUNT, 4, heights={7: BlockHash("h7")})
    votes = Votes()
    votes.take(ballot, ["0x1", None])
    votes.take(ballot, [ValueError("no"), ValueError("no")])
    assert votes == Votes()


def test_only_what_one_look_leaves_open_is_in_doubt() -> None:
    """A hash while its nonce is used at finality; a height whose block is another than ours."""
    resolving = state(IntentState.RESOLVING)
    assert doubts(ACCOUNT, resolving, 4, 1, {}).hashes == {HASH: 0}
    assert doubts(ACCOUNT, resolving, 4, 0, {}).hashes == {}
    assert doubts(ACCOUNT, resolving, 4, None, {}).hashes == {}
    included = state(IntentState.INCLUDED, HELD)
    assert doubts(ACCOUNT, included, 4, 1, {7: BlockHash("other")}).heights == {7: "h7"}
    assert doubts(ACCOUNT, included, 4, 1, {7: BlockHash("h7")}).heights == {}
    assert doubts(ACCOUNT, included, 4, 1, {}).heights == {}
