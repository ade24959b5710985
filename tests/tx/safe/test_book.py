"""The journal's records make the same book again, and a nonce is given once."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.ids import Address, TxHash
from trimtab.tx.safe.book import Book, Entry, Standing, ended, posted, refused
from trimtab.tx.safe.outcome import Execution
from trimtab.tx.safe.safe_tx import Operation, SafeTx, SafeTxHash

TO = Address("0x" + "12" * 20)
TX = SafeTx(TO, 2**255, b"\xff\x00", 4, Operation.DELEGATE_CALL, 2**200)
ENTRY = Entry("key", "d" * 64, "words", TX, SafeTxHash("0x" + "0a" * 32), TO, b"\x01" * 65, 90, 2)
END = Execution(SafeTxHash("0x" + "0b" * 32), succeeded=False, tx_hash=TxHash("0x" + "0c" * 32), block=95)


def entry(key: str, nonce: int) -> Entry:
    return replace(ENTRY, key=key, tx=replace(TX, nonce=nonce))


def test_records_make_the_same_book() -> None:
    """Through JSON and back, each step, numbers of 256 bits included."""
    steps = [ENTRY.record(), posted("key"), refused("key", "no"), posted("key"), ended("key", END)]
    book = Book(json.loads(json.dumps(steps[:1])))
    assert book.entries["key"] == ENTRY
    seen = [book.apply(json.loads(json.dumps(step))).standing for step in steps[1:]]
    assert seen == [Standing.POSTED, Standing.REFUSED, Standing.POSTED, Standing.ENDED]
    assert book.entries["key"].end == END
    assert Book(steps).entries == book.entries


@given(st.integers(0, 9), st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_the_next_nonce_is_after_all_that_waits(chain: int, queued: list[int], own: list[int]) -> None:
    """Chain, service and journal: none of them can move it backwards."""
    book = Book(entry(str(number), nonce).record() for number, nonce in enumerate(own))
    assert book.next_nonce(chain, queued) == max([chain, *(n + 1 for n in (*queued, *own))])


def test_a_refused_nonce_is_given_again() -> None:
    """Nothing waits with it; who gets it is the rival of the one that was refused."""
    book = Book([entry("a", 3).record(), refused("a", "no")])
    assert book.next_nonce(3, []) == 3
    assert book.rival_of(book.entries["a"]) is None
    book.apply(entry("b", 3).record())
    rival = book.rival_of(book.entries["a"])
    assert rival is not None
    assert rival.key == "b"
    assert [live.key for live in book.live()] == ["b"]
    book.apply(ended("b", END))
    assert book.next_nonce(0, []) == 4
