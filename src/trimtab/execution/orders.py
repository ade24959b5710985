"""The life cycle of an order: which status may follow which, and what one plan's transactions make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from trimtab.errors import HaltError
from trimtab.model.drift import Drift
from trimtab.model.order import Fill, OrderStatus, TxRecord, TxStatus

_S = OrderStatus
_OPEN = frozenset({_S.NEW, _S.PARTIALLY_FILLED, _S.FILLED, _S.CANCELED, _S.REJECTED, _S.EXPIRED, _S.UNKNOWN})
TRANSITIONS: Mapping[OrderStatus, frozenset[OrderStatus]] = {
    _S.PENDING_NEW: _OPEN,
    _S.NEW: _OPEN,
    _S.PARTIALLY_FILLED: _OPEN - {_S.NEW, _S.REJECTED},
    _S.UNKNOWN: _OPEN,  # resolved by reconciling: anything may turn out true
    _S.FILLED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.REJECTED: frozenset(),
    _S.EXPIRED: frozenset(),
}
_FAILED: Mapping[TxStatus, OrderStatus] = {
    TxStatus.REVERTED: _S.REJECTED,
    TxStatus.REJECTED: _S.REJECTED,
    TxStatus.CANCELED: _S.CANCELED,
    TxStatus.EXPIRED: _S.EXPIRED,
    TxStatus.DROPPED: _S.EXPIRED,
    TxStatus.SUPERSEDED: _S.CANCELED,
    TxStatus.UNKNOWN: _S.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Order:
    """One intent under way. `asked` is the signed size to fill, None where only the fill tells it (a close,
    an order by notional). `is_trade` False: a plan without fills, such as a deposit, done with its last
    transaction."""

    key: str
    status: OrderStatus = OrderStatus.PENDING_NEW
    asked: Decimal | None = None
    is_trade: bool = True
    fills: tuple[Fill, ...] = ()
    transactions: tuple[TxRecord, ...] = ()
    drifts: tuple[Drift, ...] = ()

    @property
    def filled(self) -> Decimal:
        """Signed size filled so far."""
        return sum((fill.size for fill in self.fills), Decimal(0))


def advance(order: Order, status: OrderStatus) -> Order:
    """The order in its next status; a terminal order never changes again (`HaltError`: our own fault)."""
    if status is order.status:
        return order
    if status not in TRANSITIONS[order.status]:
        raise HaltError(
            f"order {order.key} cannot go from {order.status} to {status}: this is a fault in trimtab, "
            "stop and compare the journal with the chain"
        )
    return replace(order, status=status)


def record(
    order: Order, tx: TxRecord, fills: Sequence[Fill], *, is_last: bool, drift: Drift | None = None
) -> Order:
    """The order after one more of its transactions ended. A plan fails with its first failed transaction;
    it is done with its last. A receipt is not a fill: only decoded events fill an order."""
    after = replace(
        order,
        fills=order.fills + tuple(fills),
        transactions=(*order.transactions, tx),
        drifts=order.drifts if drift is None else (*order.drifts, drift),
    )
    if tx.status is not TxStatus.SUCCEEDED:
        return advance(after, _FAILED[tx.status])
    return advance(after, _status_of(after, is_last=is_last))


def _status_of(order: Order, *, is_last: bool) -> OrderStatus:
    if not order.is_trade:
        return OrderStatus.FILLED if is_last else OrderStatus.NEW
    if not order.fills:
        return OrderStatus.NEW
    is_whole = is_last if order.asked is None else order.filled == order.asked
    return OrderStatus.FILLED if is_whole else OrderStatus.PARTIALLY_FILLED
