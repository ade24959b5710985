"""Many logs at once, to objects and to columns."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.abi import Abi, encode_values
from trimtab.chain.log_decoding import decode_log_columns, decode_logs, key_of
from trimtab.chain.wire import decode_log_list
from trimtab.errors import AbiError, RateLimitedError

POOL = Abi.parse(
    [
        {"type": "event", "name": "Swap", "inputs": [
            {"name": "sender", "type": "address", "indexed": True},
            {"name": "recipient", "type": "address", "indexed": True},
            {"name": "amount0", "type": "int256"}, {"name": "amount1", "type": "int256"},
            {"name": "sqrtPriceX96", "type": "uint160"}, {"name": "liquidity", "type": "uint128"},
            {"name": "tick", "type": "int24"},
        ]},
        {"type": "event", "name": "Noted", "inputs": [
            {"name": "block", "type": "uint256", "indexed": True}, {"name": "text", "type": "string"},
            {"name": "ok", "type": "bool"},
        ]},
        {"type": "event", "name": "Flags", "inputs": [
            {"name": "key", "type": "bytes4"}, {"name": "on", "type": "bool"},
        ]},
        {"type": "event", "name": "Silent", "anonymous": True, "inputs": []},
    ]
)  # fmt: skip
SWAP, NOTED, FLAGS = POOL.event("Swap"), POOL.event("Noted"), POOL.event("Flags")
SWAP_TYPES = ["int256", "int256", "uint160", "uint128", "int24"]


def raw(topics: list[bytes], data: bytes, index: int = 0) -> dict[str, Any]:
    return {
        "address": "0x" + "aB" * 20, "topics": [f"0x{t.hex()}" for t in topics], "data": f"0x{data.hex()}",
        "blockNumber": hex(100 + index), "blockHash": "0x" + "cc" * 32, "transactionHash": "0x" + "dd" * 32,
        "transactionIndex": "0x0", "logIndex": hex(index), "removed": False,
    }  # fmt: skip


def response(logs: list[dict[str, Any]]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": logs}).encode()


def swap_log(values: tuple[int, int, int, int, int], index: int) -> dict[str, Any]:
    sides = [bytes(12) + b"\x01" * 20, bytes(12) + b"\x02" * 20]
    return raw([SWAP.topic0, *sides], encode_values(SWAP_TYPES, values), index)


swaps = st.lists(
    st.tuples(
        st.integers(-(2**255), 2**255 - 1), st.integers(-(2**255), 2**255 - 1), st.integers(0, 2**160 - 1),
        st.integers(0, 2**128 - 1), st.integers(-(2**23), 2**23 - 1),
    ),
    max_size=8,
)  # fmt: skip


@given(swaps)
def test_every_way_gives_the_same_values(values: list[tuple[int, int, int, int, int]]) -> None:
    """Response bytes, the result alone, Log values, objects, columns and the single decoder all agree."""
    raws = [swap_log(v, i) for i, v in enumerate(values)]
    whole, alone = response(raws), json.dumps(raws).encode()
    logs = decode_log_list(alone)
    objects = decode_logs(whole, SWAP)
    assert objects == decode_logs(alone, SWAP) == decode_logs(logs, SWAP)
    assert [o.args.as_dict() for o in objects] == [SWAP.decode(log) for log in logs]
    columns = decode_log_columns(whole, SWAP)
    assert columns == decode_log_columns(logs, SWAP)
    assert [list(v) for v in zip(*values, strict=True)] == [
        columns[n] for n in ("amount0", "amount1", "sqrtPriceX96", "liquidity", "tick") if values
    ]
    assert columns["block"] == [o.block for o in objects] == [100 + i for i in range(len(values))]
    assert columns["address"] == ["0x" + "ab" * 20] * len(values)


def test_other_events_are_left_out() -> None:
    """A filter by address brings every event of a contract: only the asked ones are decoded, in order."""
    noted = raw([NOTED.topic0, (7).to_bytes(32, "big")], encode_values(["string", "bool"], ["hi", True]), 1)
    foreign = raw([b"\x09" * 32], b"", 2)
    bare = raw([], b"", 3)
    source = response([swap_log((1, 2, 3, 4, 5), 0), noted, foreign, bare])
    assert [log.name for log in decode_logs(source, POOL)] == ["Swap", "Noted"]
    assert [log.name for log in decode_logs(source, [NOTED])] == ["Noted"]
    assert decode_log_columns(source, SWAP)["tick"] == [5]


def test_the_same_topic_with_more_topics_is_another_event() -> None:
    """ERC-721's Transfer has ERC-20's topic0 and one more topic: it is not mistaken for it."""
    odd = swap_log((1, 2, 3, 4, 5), 0)
    odd["topics"].append("0x" + "00" * 32)
    assert decode_logs(response([odd]), SWAP) == []
    assert decode_log_columns(response([odd]), SWAP)["tick"] == []


def test_dynamic_events_and_clashing_names_have_columns_too() -> None:
    """Strings go row by row; an argument named like a place column gets an underscore."""
    noted = raw([NOTED.topic0, (7).to_bytes(32, "big")], encode_values(["string", "bool"], ["hi", True]), 1)
    columns = decode_log_columns(response([noted]), NOTED)
    assert columns["block_"] == [7]
    assert columns["block"] == [101]
    assert (columns["text"], columns["ok"]) == (["hi"], [True])
    assert decode_log_columns(response([]), NOTED)["text"] == []


def test_bool_and_bytes_columns() -> None:
    """Every kind of word has its column."""
    logs = [raw([FLAGS.topic0], encode_values(["bytes4", "bool"], [b"abcd", flag])) for flag in (True, False)]
    columns = decode_log_columns(response(logs), FLAGS)
    assert (columns["key"], columns["on"]) == ([b"abcd", b"abcd"], [True, False])


@pytest.mark.parametrize("place", [64, 96, 128])
def test_dirty_words_are_refused_in_both_forms(place: int) -> None:
    """uint160, uint128 and int24 with bits outside are errors for objects and for columns."""
    data = bytearray(encode_values(SWAP_TYPES, (1, 2, 3, 4, 5)))
    data[place] = 0x7F
    source = response([raw([SWAP.topic0, bytes(32), bytes(32)], bytes(data))])
    with pytest.raises(AbiError, match="Swap"):
        decode_logs(source, SWAP)
    with pytest.raises(AbiError, match="Swap"):
        decode_log_columns(source, SWAP)


def test_dirty_topics_and_short_data_are_refused_in_both_forms() -> None:
    """A dirty address, a bool of 2, bytes with a tail, and truncated data."""
    bad = [
        (SWAP, raw([SWAP.topic0, b"\xff" * 32, bytes(32)], encode_values(SWAP_TYPES, (1, 2, 3, 4, 5)))),
        (SWAP, raw([SWAP.topic0, bytes(32), bytes(32)], encode_values(SWAP_TYPES, (1, 2, 3, 4, 5))[:-1])),
        (FLAGS, raw([FLAGS.topic0], b"abcd" + bytes(28) + (2).to_bytes(32, "big"))),
        (FLAGS, raw([FLAGS.topic0], b"abcde" + bytes(27) + (1).to_bytes(32, "big"))),
    ]
    for event, log in bad:
        for decode in (decode_logs, decode_log_columns):
            with pytest.raises(AbiError):
                decode(response([log]), event)


def test_a_refusal_in_the_response_is_an_error() -> None:
    """A response that holds a JSON-RPC error is not an empty list of logs."""
    source = b'{"jsonrpc":"2.0","id":1,"error":{"code":429,"message":"too many requests"}}'
    with pytest.raises(RateLimitedError):
        decode_logs(source, SWAP)


def test_an_anonymous_event_cannot_be_picked_out() -> None:
    """It has no topic0, so asking for it is refused."""
    with pytest.raises(AbiError, match="anonymous"):
        key_of(POOL.event("Silent"))
