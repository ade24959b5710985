"""How attacks are written down; tests/world/searcher/test_searcher.py reads the books of real ones."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from trimtab.chain.receipt import Receipt
from trimtab.model.ids import ZERO_ADDRESS, BlockHash, TxHash
from trimtab.model.order import Fill
from trimtab.world.searcher.books import Books, End, make_entry

D = Decimal
HERE, THERE = BlockHash("0x" + "aa" * 32), BlockHash("0x" + "bb" * 32)


def receipt(index: int, *, status: bool = True, block_hash: BlockHash = HERE) -> Receipt:
    tx_hash = TxHash(f"0x{index:064x}")
    return Receipt(
        tx_hash, 5, block_hash, index, status, ZERO_ADDRESS, None, None, 1000, 2, 0, ()
    )  # fmt: skip


def fill(size: int, pnl: str, fee: str) -> Fill:
    return Fill("perp_v2", "vETH", D(size), D(2000), D(fee), D(pnl), D(0), TxHash("0x1"), 5, 0)


FRONT, VICTIM, BACK = receipt(1), receipt(2), receipt(3)


@pytest.mark.parametrize(
    ("victim", "front", "back", "end"),
    [
        (VICTIM, FRONT, BACK, End.LANDED),
        (VICTIM, None, None, End.MISSED),
        (VICTIM, BACK, FRONT, End.BROKEN),
        (VICTIM, FRONT, None, End.BROKEN),
        (VICTIM, FRONT, receipt(3, status=False), End.BROKEN),
        (VICTIM, receipt(1, status=False), BACK, End.BROKEN),
        (receipt(2, status=False), FRONT, BACK, End.BROKEN),
        (VICTIM, FRONT, receipt(0, block_hash=THERE), End.BROKEN),
        (VICTIM, receipt(1, block_hash=THERE), BACK, End.BROKEN),
        (None, None, None, End.MISSED),
        (None, FRONT, BACK, End.BROKEN),
    ],
)
def test_only_round_its_victim_it_has_landed(
    victim: Receipt | None, front: Receipt | None, back: Receipt | None, end: End
) -> None:
    """All three with effect, in one block, in this order; anything else is missed or broken."""
    assert make_entry(VICTIM.tx_hash, victim, (front, back), (), D(0)).end is end


def test_profit_is_what_the_fills_say() -> None:
    """Realised profit, fees, gas of both legs and what stays open; a leg that is not mined cost nothing."""
    entry = make_entry(
        VICTIM.tx_hash, VICTIM, (FRONT, BACK), (fill(10, "0", "3"), fill(-10, "25", "4")), D(26)
    )
    assert (entry.profit, entry.fees, entry.open_size, entry.expected) == (D(25), D(7), D(0), D(26))
    assert entry.gas_wei == 4000
    assert make_entry(VICTIM.tx_hash, VICTIM, (FRONT, None), (fill(10, "0", "3"),), D(26)).gas_wei == 2000


def test_the_books_add_up() -> None:
    """Attacks, what landed, failures, and the sums of both."""
    landed = make_entry(
        VICTIM.tx_hash, VICTIM, (FRONT, BACK), (fill(10, "0", "3"), fill(-10, "25", "4")), D(25)
    )
    broken = replace(landed, end=End.BROKEN, profit=D(-2), victim=TxHash("0xcd"))
    books = Books([landed, broken])
    assert (books.profit, books.fees, books.gas_wei, books.failures) == (D(23), D(14), 8000, 1)
    assert books.landed == [landed]
    assert books.of(VICTIM.tx_hash) is landed
    assert books.of(TxHash("0xef")) is None
