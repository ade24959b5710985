"""One look at the chain for all that is in flight: two batches at most, and only what they say for sure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from trimtab.chain.client import Client
from trimtab.chain.receipt import Block, Receipt
from trimtab.chain.wire import WireBlock, WireReceipt, block_of, receipt_of
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.market import HISTORY_REQUEST
from trimtab.tx.states import IntentState, Mined, Slot, State


@dataclass(slots=True)
class Sighting:
    """What a pass found. None and missing keys mean "not known", never "no"."""

    head: Block
    finalized: int | None = None
    account_nonce: int | None = None
    final_nonce: int | None = None
    balance: int | None = None
    receipts: dict[TxHash, Receipt] = field(default_factory=dict)
    absent: set[TxHash] = field(default_factory=set)
    canonical: dict[int, BlockHash] = field(default_factory=dict)
    history: Mapping[str, Any] | None = None


async def observe(
    client: Client,
    account: Address,
    state: State,
    *,
    finality_depth: int | None,
    wants_history: bool,
    full: bool,
) -> Sighting | None:
    """None when the node does not say what its head is. Raises `TransportError`.

    `full` looks again at all that is mined and not final; else only at what may move now.
    """
    slots = [slot for slot in state.slots.values() if full or slot.mined is None]
    hashes = [attempt.tx_hash for slot in slots for attempt in slot.attempts]
    requests: list[tuple[str, list[Any]]] = [
        ("eth_getBlockByNumber", ["latest", False]),
        ("eth_getTransactionCount", [account, "latest"]),
        ("eth_getBalance", [account, "latest"]),
        *(("eth_getTransactionReceipt", [tx_hash]) for tx_hash in hashes),
    ]
    extra = _extra_requests(state, finality_depth=finality_depth, wants_history=wants_history)
    answers = await client.batch([*requests, *extra.values()])
    head = _block(answers[0])
    if head is None:
        return None
    named = dict(zip(extra, answers[len(requests) :], strict=True))
    seen = Sighting(head, account_nonce=_number(answers[1]), balance=_number(answers[2]))
    seen.canonical[head.number] = head.hash
    seen.finalized = _finalized(named.get("finalized"), head, finality_depth)
    history = named.get("history")
    seen.history = history if isinstance(history, dict) else None
    for tx_hash, answer in zip(hashes, answers[3 : len(requests)], strict=True):
        _take_receipt(seen, tx_hash, answer)
    await _look_deeper(client, account, state, seen, full=full)
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


def _extra_requests(
    state: State, *, finality_depth: int | None, wants_history: bool
) -> dict[str, tuple[str, list[Any]]]:
    extra: dict[str, tuple[str, list[Any]]] = {}
    if finality_depth is None and state.slots:
        extra["finalized"] = ("eth_getBlockByNumber", ["finalized", False])
    if wants_history:
        extra["history"] = HISTORY_REQUEST
    return extra


def _finalized(answer: Any, head: Block, depth: int | None) -> int | None:
    if depth is not None:
        return max(head.number - depth + 1, 0)
    block = _block(answer)
    return None if block is None else block.number


def _take_receipt(seen: Sighting, tx_hash: TxHash, answer: Any) -> None:
    if answer is None:
        seen.absent.add(tx_hash)
        return
    receipt = _receipt(answer)
    if receipt is not None and receipt.tx_hash == tx_hash:  # another's receipt says nothing
        seen.receipts[tx_hash] = receipt


async def _look_deeper(client: Client, account: Address, state: State, seen: Sighting, *, full: bool) -> None:
    """Which blocks are canonical where our receipts say they are, and the nonce at finality if in doubt."""
    heights = {receipt.block for receipt in seen.receipts.values()}
    heights |= {
        slot.mined.block
        for slot in state.slots.values()
        if slot.mined is not None and (full or _may_deepen(state, slot, slot.mined, seen))
    }
    missing = sorted(heights - {seen.head.number})
    requests: list[tuple[str, list[Any]]] = [
        ("eth_getBlockByNumber", [hex(height), False]) for height in missing
    ]
    in_doubt = any(state.intents[slot.key].state is IntentState.RESOLVING for slot in state.slots.values())
    if in_doubt and seen.finalized is not None:
        requests.append(("eth_getTransactionCount", [account, hex(seen.finalized)]))
    if not requests:
        return
    answers = await client.batch(requests)
    for height, answer in zip(missing, answers, strict=False):
        block = _block(answer)
        if block is not None and block.number == height:
            seen.canonical[height] = block.hash
    if len(answers) > len(missing):
        seen.final_nonce = _number(answers[-1])


def _may_deepen(state: State, slot: Slot, mined: Mined, seen: Sighting) -> bool:
    if state.intents[slot.key].state is IntentState.INCLUDED:
        return True
    return seen.finalized is not None and seen.finalized >= mined.block


def _block(answer: Any) -> Block | None:
    try:
        return block_of(msgspec.convert(answer, WireBlock))
    except (msgspec.ValidationError, ValueError):
        return None


def _receipt(answer: Any) -> Receipt | None:
    try:
        return receipt_of(msgspec.convert(answer, WireReceipt))
    except (msgspec.ValidationError, ValueError):
        return None


def _number(answer: Any) -> int | None:
    try:
        return int(answer, 16) if isinstance(answer, str) and answer.startswith("0x") else None
    except ValueError:
        return None
