"""Refusals as typed errors, and reverts explained on nodes that can trace, replay, or neither."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from trimtab.chain.client import Client
from trimtab.chain.messages import Reply
from trimtab.chain.receipt import Receipt
from trimtab.errors import (
    HaltError,
    InsufficientFundsError,
    NotSentError,
    RouteRefusedError,
    SigningError,
)
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.failures import explain_revert, not_sent
from trimtab.tx.fees import Fees
from trimtab.tx.states import Attempt, Intent, Kind, Refusal, Slot

TARGET = Address("0x" + "bb" * 20)
ERROR_NO = (
    "0x08c379a0" + (32).to_bytes(32, "big").hex() + (2).to_bytes(32, "big").hex() + b"no".hex() + "00" * 30
)
RECEIPT = Receipt(
    TxHash("0x01"), 9, BlockHash("0x"), 0, False, Address("0x" + "aa" * 20), TARGET, None, 1, 1, 0, ()
)


def intent(refusal: Refusal | None = None) -> Intent:
    return Intent(
        key="k",
        digest="d",
        target=TARGET,
        data=b"\x01",
        value=0,
        gas_limit=1,
        deadline=None,
        budget_wei=None,
        label="",
        submitted_at=0,
        nonce=4,
        refusal=refusal,
        reason="because",
    )


class Node:
    """A transport that answers by method, and refuses what it does not know."""

    name = "node"

    def __init__(self, **answers: Any) -> None:
        self._answers = {"eth_chainId": "0x1"} | answers
        self.asked: list[str] = []

    async def send(self, method: str, params: bytes, timeout: float) -> Reply:
        self.asked.append(method)
        answer = self._answers.get(method)
        if answer is None or (isinstance(answer, dict) and "message" in answer):
            error = answer or {"code": -32601, "message": "the method does not exist"}
            return Reply(error=msgspec.Raw(msgspec.json.encode(error)))
        return Reply(result=msgspec.Raw(msgspec.json.encode(answer)))

    async def send_batch(self, requests: Sequence[tuple[str, bytes]], timeout: float) -> list[Reply]:
        return [await self.send(method, params, timeout) for method, params in requests]

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal.FUNDS, InsufficientFundsError),
        (Refusal.SIGNER, SigningError),
        (Refusal.HALTED, HaltError),
        (Refusal.ROUTE, RouteRefusedError),
        (Refusal.EXPIRED, NotSentError),
        (Refusal.WITHDRAWN, NotSentError),
        (Refusal.INTERRUPTED, NotSentError),
    ],
)
def test_each_refusal_has_its_error(refusal: Refusal, error: type[Exception]) -> None:
    """The class says what to do, the message which intent and why."""
    found = not_sent(intent(refusal), None)
    assert type(found) is error
    assert str(found).startswith("k was not sent: because")


def test_a_refusal_by_the_route_keeps_hash_and_nonce() -> None:
    """A third party saw the bytes: the caller can look for them."""
    attempt = Attempt(Kind.NORMAL, TxHash("0xab"), b"", Fees(1, 1), 1, 1)
    found = not_sent(intent(Refusal.ROUTE), Slot(4, "k", attempts=(attempt,)))
    assert isinstance(found, RouteRefusedError)
    assert (found.tx_hash, found.nonce) == ("0xab", 4)


async def test_a_trace_explains_a_revert() -> None:
    """The call tracer's output is decoded; nothing else is asked."""
    node = Node(debug_traceTransaction={"output": ERROR_NO, "error": "execution reverted"})
    async with Client.open(node) as client:
        error = await explain_revert(client, RECEIPT, intent())
    assert (error.reason, error.data.hex(), error.nonce) == ("no", ERROR_NO[2:], 4)
    assert node.asked == ["eth_chainId", "debug_traceTransaction"]


async def test_a_node_without_traces_replays_the_call() -> None:
    """On the state of the block before the one that held it."""
    node = Node(eth_call={"code": 3, "message": "execution reverted: no", "data": ERROR_NO})
    async with Client.open(node) as client:
        error = await explain_revert(client, RECEIPT, intent())
    assert error.reason == "no"
    assert node.asked[-2:] == ["debug_traceTransaction", "eth_call"]


async def test_a_node_that_can_do_neither_leaves_the_reason_unknown() -> None:
    """An outcome is still an outcome: explaining never raises."""
    async with Client.open(Node()) as client:
        error = await explain_revert(client, RECEIPT, intent())
    assert (error.reason, error.data) == ("unknown", b"")
    assert "neither trace nor replay" in str(error)
