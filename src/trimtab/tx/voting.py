"""Ask every node where one alone must not be believed: whether a hash of ours is unknown though its nonce is
used at finality, whether the block that holds one of ours is gone, and which nonce is the account's next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.chain.client import Client
from trimtab.chain.transports.endpoint import Endpoint
from trimtab.errors import ChainError
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.states import IntentState, State


@dataclass(frozen=True, slots=True)
class Ballot:
    """What is in doubt: hashes with the nonce that they would use, heights with the block that holds ours."""

    account: Address
    finalized: int = 0
    hashes: Mapping[TxHash, int] = field(default_factory=dict)
    heights: Mapping[int, BlockHash] = field(default_factory=dict)

    @property
    def requests(self) -> list[tuple[str, list[Any]]]:
        return [
            ("eth_getTransactionCount", [self.account, hex(self.finalized)]),
            *(("eth_getBlockByNumber", [hex(height), False]) for height in self.heights),
            *(("eth_getTransactionReceipt", [tx_hash]) for tx_hash in self.hashes),
        ]


@dataclass(frozen=True, slots=True)
class Votes:
    """How many nodes said so without an error. A node that has not come so far, or fails, has no vote."""

    witnesses: Counter[TxHash] = field(default_factory=Counter)
    dissent: Counter[int] = field(default_factory=Counter)
    assent: Counter[int] = field(default_factory=Counter)

    def take(self, ballot: Ballot, answers: Sequence[Any]) -> None:
        """One node's answers to the ballot's requests."""
        nonce, *rest = answers
        used = int(nonce, 16) if isinstance(nonce, str) else 0
        blocks, receipts = rest[: len(ballot.heights)], rest[len(ballot.heights) :]
        for (height, held), block in zip(ballot.heights.items(), blocks, strict=True):
            shown = block.get("hash") if isinstance(block, dict) else None
            if shown is not None:
                (self.assent if shown == held else self.dissent)[height] += 1
        for (tx_hash, slot_nonce), receipt in zip(ballot.hashes.items(), receipts, strict=True):
            self.witnesses[tx_hash] += receipt is None and used > slot_nonce


def doubts(
    account: Address,
    state: State,
    finalized: int | None,
    final_nonce: int | None,
    canonical: Mapping[int, BlockHash],
) -> Ballot:
    """What one node's look leaves to ask the others."""
    hashes: dict[TxHash, int] = {}
    heights: dict[int, BlockHash] = {}
    for slot in state.slots.values():
        if slot.mined is not None:
            if canonical.get(slot.mined.block, slot.mined.block_hash) != slot.mined.block_hash:
                heights[slot.mined.block] = slot.mined.block_hash
        elif state.intents[slot.key].state is IntentState.RESOLVING and (final_nonce or 0) > slot.nonce:
            hashes |= {attempt.tx_hash: slot.nonce for attempt in slot.attempts}
    return Ballot(account, finalized or 0, hashes, heights)


async def ask_everyone(endpoints: Sequence[Endpoint], ballot: Ballot, timeout: float) -> Votes:
    """One batch to each node at once; nothing is asked when nothing is in doubt."""
    votes = Votes()
    if not ballot.hashes and not ballot.heights:
        return votes
    found = await asyncio.gather(*[_ask(endpoint, ballot, timeout) for endpoint in endpoints])
    for answers in found:
        if answers is not None:
            votes.take(ballot, answers)
    return votes


async def read_pending_nonce(client: Client, account: Address) -> int:
    """The first nonce that no node knows as used or waiting. A node that lags counts too few, and what it
    misses would look like another's use of the key as soon as it catches up. Raises `TransportError` when
    none answers."""
    question = ("eth_getTransactionCount", [account, "pending"])
    limit = client.options.attempt_timeout
    others = client.endpoints if len(client.endpoints) > 1 else ()
    found = await asyncio.gather(*[_count(endpoint, question, limit) for endpoint in others])
    counts = [count for count in found if count is not None]
    return max(counts) if counts else await client.nonce(account, "pending")


async def _count(endpoint: Endpoint, question: tuple[str, list[Any]], timeout: float) -> int | None:
    try:
        answer = await endpoint.request(*question, timeout=timeout)
        return int(answer, 16)
    except (ChainError, OSError, TypeError, ValueError):
        return None


async def _ask(endpoint: Endpoint, ballot: Ballot, timeout: float) -> list[Any] | None:
    try:
        return await endpoint.request_batch(ballot.requests, timeout=timeout)
    except (ChainError, OSError):
        return None
