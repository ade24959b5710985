"""Answers of nodes and relays to a rehearsal: what they say is read, and no nonsense breaks us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tx.test_rehearsal import SHOP, TARGET, tx

from trimtab.errors import RpcError
from trimtab.tx import rehearsal_answers as answers
from trimtab.tx.rehearsal import RehearsedTx

ONE = tx(0)
ME = ONE.sender
WORD = "0x" + "00" * 31 + "07"
ZERO = "0x" + "00" * 32
FRAME = {"gasUsed": "0x5208", "output": "0x"}
STATES: dict[str, Any] = {"pre": {}, "post": {}}


def log(number: int, position: int) -> dict[str, Any]:
    return {"address": SHOP, "topics": [f"0x{number:064x}"], "data": "0x", "position": hex(position)}


def traced(frame: Any, states: Any, overrides: answers.Overrides | None = None) -> tuple[RehearsedTx, Any]:
    return answers.read_traces([frame, states], ONE, TARGET, (), overrides or {})


def simulation(**call: Any) -> list[Any]:
    done = {"status": "0x1", "gasUsed": "0x5208", "returnData": "0x", "logs": []} | call
    return [{"number": "0xa", "timestamp": "0x3e8", "baseFeePerGas": "0xa", "calls": [done]}]


def bundle(**result: Any) -> dict[str, Any]:
    return {"results": [{"txHash": ONE.tx_hash, "gasUsed": 21_000} | result]}


READERS: list[Callable[[Any], Any]] = [
    lambda answer: answers.read_simulation(answer, [ONE], TARGET, ()),
    lambda answer: answers.read_bundle(answer, [ONE], TARGET, ()),
    lambda answer: answers.read_call(answer, ONE, TARGET, ()),
    lambda answer: traced(answer, STATES),
    lambda answer: traced(FRAME, answer),
]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
words = scalars | st.sampled_from(["0x", "0x1", WORD, SHOP, ME, "0xzz", "0x" + "ff" * 40])
NAMES = """calls results status gasUsed returnData logs error data message number timestamp baseFeePerGas
    txHash revert value output topics address position pre post balance nonce code storage"""
names = st.sampled_from(NAMES.split()) | st.sampled_from([SHOP, ME, WORD])
nonsense = st.recursive(
    words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
    max_leaves=25,
)
valid = st.sampled_from([simulation(), bundle(), FRAME, STATES, "0x"])


@settings(max_examples=400)
@given(st.sampled_from(READERS), nonsense | valid, nonsense, names)
def test_whatever_a_node_answers_is_read_or_refused(
    read: Callable[[Any], Any], answer: Any, odd: Any, name: str
) -> None:
    """Any JSON at all, and right answers with one part that is not: an `RpcError`, never anything else."""
    if isinstance(answer, dict):
        answer = answer | {name: odd}
    elif isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], dict):
        (block,) = answer
        calls = [{**call, name: odd} if isinstance(call, dict) else odd for call in block.get("calls") or []]
        answer = [{**block, "calls": calls}]
    try:
        read(answer)
    except RpcError as error:
        assert error.code == -32700  # noqa: PT017 - most answers are fine or not: both are


def test_the_right_answers_are_read() -> None:
    """Else the test above would prove nothing."""
    (item,), unseen = answers.read_simulation(simulation(), [ONE], TARGET, ())
    assert (item.is_ok, item.gas_used, item.logs, unseen) == (True, 21_000, (), ())
    (item,) = answers.read_bundle(bundle(value="0x07"), [ONE], TARGET, ())
    assert (item.is_ok, item.gas_used, item.returned, item.logs) == (True, 21_000, b"\x07", None)
    item, overrides = traced(FRAME, STATES)
    assert (item.is_ok, item.gas_used, item.logs, overrides) == (True, 21_000, (), {})
    item = answers.read_call("0x07", ONE, TARGET, ())
    assert (item.is_ok, item.returned, item.gas_used) == (True, b"\x07", None)


@pytest.mark.parametrize(
    "answer",
    [
        bundle(txHash="0x" + "11" * 32),
        bundle(gasUsed=30_001),
        {"results": []},
        bundle() | {"error": "bundle is too late"},
        {"error": "no"},
        bundle(error="execution reverted", revert="0x1"),
    ],
)
def test_a_relays_answer_of_other_bytes_is_refused(answer: Any) -> None:
    """Another transaction's result, more gas than its limit, none at all, an error beside it, half a byte."""
    with pytest.raises(RpcError, match="expected form"):
        answers.read_bundle(answer, [ONE], TARGET, ())


def test_a_relays_revert_is_text_or_data() -> None:
    """Flashbots decodes it, others do not."""
    text = "0x08c379a0" + f"{32:064x}{3:064x}" + b"bad".hex().ljust(64, "0")
    for answer, words in (
        (bundle(error="execution reverted", revert="CH_NEFCI"), "reverted without data (CH_NEFCI)"),
        (bundle(error="execution reverted", revert=text), "bad"),
        (bundle(error="execution reverted"), "reverted without data (execution reverted)"),
    ):
        (item,) = answers.read_bundle(answer, [ONE], TARGET, ())
        assert item.revert is not None
        assert (item.is_ok, item.revert.text) == (False, words)


def test_logs_of_a_trace_are_in_the_order_of_emission() -> None:
    """A log's position is how many calls came before it; what failed calls emitted is undone. 3,000 deep
    calls are no more than a long list."""
    failed = {"error": "execution reverted", "logs": [log(9, 0)], "calls": [{"logs": [log(9, 0)]}]}
    inner = {"logs": [log(2, 0), log(4, 1)], "calls": [{"logs": [log(3, 0)]}]}
    frame = FRAME | {"logs": [log(1, 0), log(5, 2)], "calls": [inner, failed]}
    item, _ = traced(frame, STATES)
    assert item.logs is not None
    assert [(int.from_bytes(one.topics[0], "big"), one.log_index) for one in item.logs] == [
        (number, number - 1) for number in (1, 2, 3, 4, 5)
    ]
    deep: dict[str, Any] = {"logs": [log(7, 0)]}
    for _ in range(3_000):
        deep = {"calls": [deep]}
    item, _ = traced(FRAME | deep, STATES)
    assert item.logs is not None
    assert len(item.logs) == 1


def test_what_a_transaction_left_is_put_under_the_next() -> None:
    """Balances, nonces, code and slots; a slot that went to zero is told before and not after, and an account
    that is told before only is gone. Later changes lie over earlier ones."""
    states = {
        "pre": {
            ME: {"balance": "0x64", "nonce": 1},
            SHOP: {"balance": "0x1", "storage": {ZERO: WORD, WORD: WORD}},
        },
        "post": {ME: {"balance": "0x32", "nonce": 2}, SHOP: {"storage": {WORD: ZERO[:-1] + "9"}}},
    }
    item, first = traced(FRAME, states)
    assert item.differences is not None
    assert item.differences.native == {ME: -50}
    slots = {ZERO: ZERO, WORD: ZERO[:-1] + "9"}
    assert first == {ME: {"balance": "0x32", "nonce": "0x2"}, SHOP: {"stateDiff": slots}}
    again = {"pre": {SHOP: {"balance": "0x1"}}, "post": {SHOP: {"code": "0x60", "storage": {ZERO: WORD}}}}
    _, second = traced(FRAME, again, first)
    assert second[SHOP] == {"code": "0x60", "stateDiff": {ZERO: WORD, WORD: ZERO[:-1] + "9"}}
    assert second[ME] == first[ME]
    item, third = traced(FRAME, {"pre": {SHOP: {"balance": "0x1"}}, "post": {}}, second)
    assert third[SHOP] == {"balance": "0x0", "nonce": "0x0", "code": "0x", "state": {}}
    _, fourth = traced(FRAME, {"pre": {}, "post": {SHOP: {"storage": {ZERO: WORD}}}}, third)
    assert fourth[SHOP]["state"] == {ZERO: WORD}
    assert first == {ME: {"balance": "0x32", "nonce": "0x2"}, SHOP: {"stateDiff": slots}}


def test_a_call_that_fails_for_another_reason_is_the_nodes_error() -> None:
    """Only a revert is the transaction's own."""
    with pytest.raises(RpcError, match="out of memory"):
        answers.read_call(RpcError("out of memory", code=-32000), ONE, TARGET, ())
    item = answers.read_call(RpcError("execution reverted", code=3, data="0x1234"), ONE, TARGET, ())
    assert (item.is_ok, item.returned) == (False, b"\x12\x34")
