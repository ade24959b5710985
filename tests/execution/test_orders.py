"""The life cycle of orders."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.errors import HaltError
from trimtab.execution.orders import TRANSITIONS, Order, advance, record
from trimtab.model.drift import Drift, Gap
from trimtab.model.ids import TxHash
from trimtab.model.order import Fill, OrderStatus, TxRecord, TxStatus

HASH = TxHash("0x" + "ab" * 32)
SAME = Gap(1, 1)
DRIFT = Drift(HASH, "eth_call", True, True, True, SAME, SAME, SAME, SAME, SAME, None)
statuses = st.sampled_from(list(OrderStatus))


def tx(status: TxStatus = TxStatus.SUCCEEDED) -> TxRecord:
    return TxRecord("k/0", 7, HASH, status, 12, 21_000, 21_000, 1, "final")


def fill(size: str) -> Fill:
    zero = Decimal(0)
    return Fill("perp_v2", "vETH", Decimal(size), Decimal(2000), zero, zero, zero, HASH, 12, 3)


@given(st.lists(statuses, min_size=1, max_size=8))
def test_a_terminal_status_never_changes(path: list[OrderStatus]) -> None:
    """Whatever is asked of it, a terminal order keeps its status or refuses loudly."""
    order = Order("k")
    for status in path:
        before = order.status
        try:
            order = advance(order, status)
        except HaltError:
            assert status not in TRANSITIONS[before]
        assert order.status is before if before.is_terminal else True


def test_every_status_has_its_row() -> None:
    """The table of transitions covers every status, and exactly the terminal ones lead nowhere."""
    assert set(TRANSITIONS) == set(OrderStatus)
    assert {s for s, after in TRANSITIONS.items() if not after} == {s for s in OrderStatus if s.is_terminal}


def test_a_receipt_is_not_a_fill() -> None:
    """A succeeded transaction without a decoded fill leaves the order acknowledged, not filled (WED#576)."""
    order = record(Order("k", asked=Decimal(1)), tx(), (), is_last=True)
    assert order.status is OrderStatus.NEW


def test_a_part_is_partial_and_the_whole_is_filled() -> None:
    """Fills add up over transactions; only the asked size is FILLED."""
    order = record(Order("k", asked=Decimal(-2)), tx(), (fill("-0.5"),), is_last=False)
    assert order.status is OrderStatus.PARTIALLY_FILLED
    order = record(order, tx(), (fill("-1.5"),), is_last=True, drift=DRIFT)
    assert (order.status, order.filled) == (OrderStatus.FILLED, Decimal(-2))
    assert order.drifts == (DRIFT,)


def test_an_order_of_unknown_size_is_filled_by_its_last_fill() -> None:
    """A close does not know its size beforehand: its last transaction's fill ends it."""
    assert record(Order("k"), tx(), (fill("3"),), is_last=True).status is OrderStatus.FILLED


def test_a_plan_without_trade_is_done_with_its_last_transaction() -> None:
    """An approval before a deposit does not end the plan; the deposit does."""
    order = record(Order("k", is_trade=False), tx(), (), is_last=False)
    assert order.status is OrderStatus.NEW
    assert record(order, tx(), (), is_last=True).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (TxStatus.REVERTED, OrderStatus.REJECTED),
        (TxStatus.REJECTED, OrderStatus.REJECTED),
        (TxStatus.CANCELED, OrderStatus.CANCELED),
        (TxStatus.EXPIRED, OrderStatus.EXPIRED),
        (TxStatus.SUPERSEDED, OrderStatus.CANCELED),
        (TxStatus.UNKNOWN, OrderStatus.UNKNOWN),
    ],
)
def test_a_failed_transaction_decides(outcome: TxStatus, status: OrderStatus) -> None:
    """The first failed transaction ends the order with the status that says why; unknown stays unknown."""
    assert record(Order("k"), tx(outcome), (), is_last=False).status is status


def test_a_second_word_after_the_end_is_a_fault() -> None:
    """A filled order cannot be reverted afterwards: that would be a fault of ours, and it halts."""
    filled = record(Order("k"), tx(), (fill("1"),), is_last=True)
    with pytest.raises(HaltError, match="cannot go from filled to rejected"):
        record(filled, tx(TxStatus.REVERTED), (), is_last=True)


def test_every_failure_of_a_transaction_has_its_meaning() -> None:
    """No status of a transaction is left without a status of its order."""
    for status in TxStatus:
        record(Order("k", is_trade=False), tx(status), (), is_last=True)
