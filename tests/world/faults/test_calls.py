"""Requests and answers keep the bytes that they were."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.world.faults.calls import (
    Answer,
    Call,
    decode_answers,
    decode_message,
    encode_all,
    leave_out,
    refusal,
    repeat_first,
    result,
    shuffle,
)

PARTS = [b"0", b"1", b"2", b"3"]


@pytest.mark.parametrize("number", ["7", '"a-\\u00e9"', "null", "1.50"])
def test_ids_and_parameters_are_not_touched(number: str) -> None:
    """Not even the digits of an odd id, or of an amount that is no integer in JSON."""
    text = '{"jsonrpc":"2.0","id":%s,"method":"eth_call","params":[1.10,{"b":1,"a":2}]}' % number  # noqa: UP031
    message = decode_message(text)
    assert message is not None
    assert message.encode() == text.encode()
    assert not message.is_batch
    batch = decode_message(f"[{text},{text}]")
    assert batch is not None
    assert batch.is_batch
    assert batch.encode() == f"[{text},{text}]".encode()
    assert batch.methods == ("eth_call", "eth_call")


@pytest.mark.parametrize("payload", [b"", b"7", b"[]", b"{}", b"[{}]", b'{"method":1}', b"\xff", b"<html>"])
def test_what_is_no_request_is_left_to_the_node(payload: bytes) -> None:
    """It says so itself."""
    assert decode_message(payload) is None


def test_answers_stand_in_the_order_of_the_calls() -> None:
    """Whatever order they came in; one error for all is everybody's; a missing one makes none."""
    calls = [Call("a", id=b"1"), Call("b", id=b"2")]  # type: ignore[arg-type]
    shuffled = b'[{"id":2,"result":"B"},{"id":1,"result":"A"}]'
    assert [a.encode() for a in decode_answers(shuffled, calls) or []] == [
        b'{"jsonrpc":"2.0","id":1,"result":"A"}',
        b'{"jsonrpc":"2.0","id":2,"result":"B"}',
    ]
    lone = decode_answers(b'{"id":null,"error":{"code":1}}', calls) or []
    assert [json.loads(a.encode())["id"] for a in lone] == [1, 2]
    assert decode_answers(b'[{"id":2,"result":"B"}]', calls) is None
    assert decode_answers(b"<html>", calls) is None
    twins = b'[{"id":1,"result":"A"},{"id":1,"result":"B"}]'
    assert [bytes(a.result) for a in decode_answers(twins, calls) or []] == [b'"A"', b'"B"']
    assert decode_answers(twins, calls[:1]) is None


def test_a_value_is_neither_null_nor_an_error() -> None:
    """A lie needs a value."""
    call = Call("a", id=b"1")  # type: ignore[arg-type]
    assert result(call, 0).has_value
    assert not result(call, None).has_value
    assert not refusal(call, -1, "no").has_value
    assert not Answer().has_value
    assert json.loads(refusal(call, -1, "no", {"x": 1}).encode())["error"] == {
        "code": -1, "message": "no", "data": {"x": 1},
    }  # fmt: skip


@given(st.integers(0, 2**32))
def test_batches_are_mixed_up_by_the_salt(salt: int) -> None:
    """Another order of the same parts; all but so many; alike for one salt."""
    mixed = shuffle(PARTS, salt)
    assert mixed != PARTS
    assert sorted(mixed) == PARTS
    assert shuffle(PARTS, salt) == mixed
    assert len(leave_out(PARTS, 3, salt)) == 1
    assert leave_out(PARTS, 9, salt) == []


def test_the_first_answer_again() -> None:
    """At the end of a batch; what is no batch stays."""
    assert repeat_first(encode_all(PARTS, is_batch=True)) == b"[0,1,2,3,0]"
    assert repeat_first(b"<html>") == b"<html>"
