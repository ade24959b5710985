"""Judgements stand on logs that explain the nonce, or are not made."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain.receipt import Log
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx.safe.outcome import Execution, Ledger, execution_topics, read_executions
from trimtab.tx.safe.safe_tx import SafeTxHash

SAFE = Address("0x" + "5a" * 20)
SUCCESS, FAILURE = execution_topics()


def execution(number: int) -> Execution:
    return Execution(
        SafeTxHash(f"0x{number:064x}"), succeeded=True, tx_hash=TxHash(f"0x{number + 500:064x}"), block=1
    )


def log(topics: tuple[bytes, ...], data: bytes, address: Address = SAFE) -> Log:
    return Log(address, topics, data, 1, BlockHash("0x1"), TxHash("0x2"), 0)


def test_both_forms_of_the_events_are_read() -> None:
    """The hash as a topic (1.4.1) and as data (1.3.0); another contract's event is none of the Safe's."""
    named, payment = b"\x07" * 32, bytes(32)
    logs = [
        log((SUCCESS, named), payment),
        log((FAILURE,), named + payment),
        log((SUCCESS, named), payment, Address("0x" + "66" * 20)),
    ]
    name, sent = SafeTxHash("0x" + named.hex()), TxHash("0x2")
    assert read_executions(logs, SAFE) == [Execution(name, True, sent, 1), Execution(name, False, sent, 1)]


@given(st.integers(0, 50), st.integers(0, 20), st.integers(0, 80))
def test_each_nonce_has_its_user(start: int, count: int, asked: int) -> None:
    """The n-th use since the beginning is that of the n-th nonce; before and after nothing is known."""
    ledger = Ledger(100, start).extended([execution(n) for n in range(count)], start + count)
    assert ledger is not None
    assert ledger.next_nonce == start + count
    inside = start <= asked < start + count
    assert ledger.user_of(asked) == (execution(asked - start) if inside else None)


@given(st.integers(0, 9), st.integers(0, 9))
def test_logs_that_do_not_explain_the_nonce_say_nothing(count: int, nonce: int) -> None:
    """A log too few or too many, from a node that lags or lies: no new ledger."""
    grown = Ledger(100, 0).extended([execution(n) for n in range(count)], nonce)
    assert (grown is not None) == (count == nonce)
