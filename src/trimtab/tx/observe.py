"""One look at the chain for all that is in flight: two batches, a third to each node where something is in
doubt, and only what they say for sure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.chain.client import Client
from trimtab.chain.receipt import Block, Receipt
from trimtab.chain.wire import WireBlock, WireReceipt, block_of, receipt_of
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.market import Requests
from trimtab.tx.simulate import DELEGATION_PREFIX
from trimtab.tx.states import IntentState, Mined, Slot, State
from trimtab.tx.voting import Votes, ask_everyone, doubts

NO_BLOCK = BlockHash("")
"""The chain of this look does not reach so high."""


@dataclass(frozen=True, slots=True)
class Look:
    """How to look. `full`: again at all that is mined and not final, and at the account's own code; else only
    at what may move now. `questions` travel along, by name. `reorg_depth` makes a block safe where the node
    has no safe block; the other depths and `quorum` are the policy's."""

    full: bool = False
    safe_depth: int | None = None
    finality_depth: int | None = None
    reorg_depth: int = 64
    quorum: int = 1
    questions: Requests = field(default_factory=dict)


@dataclass(slots=True)
class Sighting:
    """What a pass found. None and missing keys mean "not known", never "no". `answers` are to the questions;
    the votes of several nodes are there only where something was in doubt."""

    head: Block
    safe: int | None = None
    finalized: int | None = None
    account_nonce: int | None = None
    final_nonce: int | None = None
    balance: int | None = None
    is_delegated: bool | None = None
    receipts: dict[TxHash, Receipt] = field(default_factory=dict)
    absent: set[TxHash] = field(default_factory=set)
    canonical: dict[int, BlockHash] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    votes: Votes = field(default_factory=Votes)


async def observe(client: Client, account: Address, state: State, look: Look) -> Sighting | None:
    """None when the node does not say what its head is. Raises `TransportError`."""
    slots = [slot for slot in state.slots.values() if look.full or slot.mined is None]
    slots += state.given_up.values()
    hashes = [attempt.tx_hash for slot in slots for attempt in slot.attempts]
    requests: list[tuple[str, list[Any]]] = [
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getTransactionCount", [account, "latest"]),
        ("eth_getBalance", [account, "latest"]),
        *(("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes),
    ]
    extra = _extra_requests(account, state, look) | look.questions
    answers = await client.batch([*requests, *extra.values()])
    head = _block(answers[0])
    if head is None:
        return None
    named = dict(zip(extra, answers[len(requests) :], strict=True))
    seen = Sighting(head, account_nonce=_number(answers[1]), balance=_number(answers[2]))
    seen.canonical[head.number] = head.hash
    seen.finalized = _finalized(named.get("finalized"), head, look.finality_depth)
    seen.safe = _safe(named.get("safe"), head, look.reorg_depth)
    seen.is_delegated = _is_delegation(named.get("code"))
    for slot in state.slots.values():
        if slot.mined is not None and slot.mined.block > head.number:
            seen.canonical[slot.mined.block] = NO_BLOCK
    seen.answers = {name: named[name] for name in look.questions}
    for tx_hash, answer in zip(hashes, answers[3 : len(requests)], strict=True):
        _take_receipt(seen, tx_hash, answer)
    await _look_deeper(client, account, state, seen, full=look.full)
    if look.quorum > 1 and len(client.endpoints) > 1:
        ballot = doubts(account, state, seen.finalized, seen.final_nonce, seen.canonical)
        seen.votes = await ask_everyone(client.endpoints, ballot, client.options.attempt_timeout)
    return seen


def mined_of(receipts: Iterable[Receipt]) -> dict[TxHash, Mined]:
    """Receipts as the reducer takes them."""
    return {
        receipt.tx_hash: Mined(
            receipt.tx_hash,
            receipt.block,
            receipt.block_hash,
            receipt.status,
            receipt.gas_used,
            receipt.fee_wei,
        )
        for receipt in receipts
    }


def _extra_requests(account: Address, state: State, look: Look) -> Requests:
    extra: Requests = {}
    if look.finality_depth is None and state.slots:
        extra["finalized"] = ("eth_getBlockByNumber", ["finalized", False])
    states = {state.intents[slot.key].state for slot in state.slots.values()}
    if look.safe_depth is None and IntentState.CONFIRMED in states:
        extra["safe"] = ("eth_getBlockByNumber", ["safe", False])
    if look.full:
        extra["code"] = ("eth_getCode", [account, "latest"])
    return extra


def _finalized(answer: Any, head: Block, depth: int | None) -> int | None:
    if depth is not None:
        return max(head.number - depth + 1, 0)
    block = _block(answer)
    return None if block is None else block.number


def _safe(answer: Any, head: Block, reorg_depth: int) -> int:
    """The node's safe block, or the depth that the chain does not undo in practice where that is more, or
    where the node has none."""
    block = _block(answer)
    return max(head.number - reorg_depth + 1, 0 if block is None else block.number)


def _is_delegation(code: Any) -> bool | None:
    return code.startswith(DELEGATION_PREFIX) if isinstance(code, str) else None


def _take_receipt(seen: Sighting, tx_hash: TxHash, answer: Any) -> None:
    if answer is None:
        seen.absent.add(tx_hash)
        return
    receipt = _receipt(answer)
    if receipt is not None and receipt.tx_hash == tx_hash:  # another's receipt says nothing
        seen.receipts[tx_hash] = receipt


async def _look_deeper(client: Client, account: Address, state: State, seen: Sighting, *, full: bool) -> None:
    """Which blocks are canonical where our receipts say they are, and the nonce at finality if in doubt. It
    may be another node that answers now: one that does not have the head of this look has no say in it."""
    heights = {receipt.block for receipt in seen.receipts.values()}
    heights |= {
        slot.mined.block
        for slot in state.slots.values()
        if slot.mined is not None and (full or _may_deepen(state, slot, slot.mined, seen))
    }
    missing = sorted(heights - seen.canonical.keys())
    requests: list[tuple[str, list[Any]]] = [
        ("eth_getBlockByNumber", [hex(height), False]) for height in missing
    ]
    in_doubt = any(state.intents[slot.key].state is IntentState.RESOLVING for slot in state.slots.values())
    if in_doubt and seen.finalized is not None:
        requests.append(("eth_getTransactionCount", [account, hex(seen.finalized)]))
    if not requests:
        return
    same_head, *answers = await client.batch(
        [("eth_getBlockByNumber", [hex(seen.head.number), False]), *requests]
    )
    if (block := _block(same_head)) is None or block.hash != seen.head.hash:
        return
    for height, answer in zip(missing, answers, strict=False):
        block = _block(answer)
        if block is not None and block.number == height:
            seen.canonical[height] = block.hash
    if len(answers) > len(missing):
        seen.final_nonce = _number(answers[-1])


def _may_deepen(state: State, slot: Slot, mined: Mined, seen: Sighting) -> bool:
    intent_state = state.intents[slot.key].state
    if intent_state is IntentState.INCLUDED:
        return True
    if intent_state is IntentState.CONFIRMED and (seen.safe or -1) >= mined.block:
        return True
    return seen.finalized is not None and seen.finalized >= mined.block


def _block(answer: Any) -> Block | None:
    try:
        return block_of(msgspec.convert(answer, WireBlock))
    except (msgspec.ValidationError, ValueError):
        return None


def _receipt(answer: Any) -> Receipt | None:
    """None for one that is not whole: without a status it does not say how it ended."""
    try:
        wire = msgspec.convert(answer, WireReceipt)
        return receipt_of(wire) if wire.status is not None else None
    except (msgspec.ValidationError, ValueError):
        return None


def _number(answer: Any) -> int | None:
    try:
        return int(answer, 16) if isinstance(answer, str) and answer.startswith("0x") else None
    except ValueError:
        return None
