"""What happened to an order is recorded, by its name in the data, for whoever the order is of."""

from __future__ import annotations

import ape
import pytest

EXECUTED, CANCELLED, FROZEN = 1, 2, 3
SIZE = 24_680 * 10**30


@pytest.mark.parametrize("outcome", [EXECUTED, CANCELLED, FROZEN])
def test_an_outcome_is_recorded(outcome, callback, order_of, recorded, trader, chain, create, finish):
    """Account, outcome and time; no plan was armed."""
    key = create(trader)
    tx = finish(key, outcome, order_of(trader), recorded("OrderExecuted"))
    record = callback.recordOf(key)
    assert (record.account, record.outcome, record.plan) == (trader.address, outcome, 0)
    assert record.reachedAt == chain.blocks[tx.block_number].timestamp
    (log,) = tx.decode_logs(callback.OrderRecorded)
    assert (log.key, log.account, log.outcome) == (key, trader.address, outcome)
    assert (log.sizeDeltaUsd, log.executionPrice) == (SIZE, 0)


def test_a_price_is_read_where_the_event_has_one(callback, order_of, recorded, trader, create, finish):
    """From among the 21 numbers of the recorded PositionIncrease."""
    key = create(trader)
    data = recorded("PositionIncrease")
    tx = finish(key, EXECUTED, order_of(trader), data)
    (log,) = tx.decode_logs(callback.OrderRecorded)
    assert log.executionPrice == dict(map(tuple, data[1][0]))["executionPrice"] > 0


def test_a_frozen_order_may_be_executed_later(callback, order_of, nothing, trader, create, finish):
    """The record is that of the last outcome; events keep all."""
    key = create(trader)
    for outcome in (FROZEN, EXECUTED):
        finish(key, outcome, order_of(trader), nothing)
    assert callback.recordOf(key).outcome == EXECUTED


def test_names_may_move_and_grow(callback, order_of, nothing, trader, create, finish):
    """Data with its names turned round, 200 names more, and values of any size is read all the same."""
    key = create(trader)
    data = order_of(trader)
    for group in data:
        group[0] = group[0][::-1]
    data[1][0] = [[f"later{n}", n] for n in range(200)] + data[1][0]
    data[5][0] = [["blob", b"\x01" * 5_000]]
    data[6][1] = [["words", ["long " * 200] * 5]]
    finish(key, EXECUTED, data, nothing)
    assert callback.recordOf(key).account == trader.address


@pytest.mark.parametrize("method", ["afterOrderExecution", "afterOrderCancellation", "afterOrderFrozen"])
def test_others_cannot_call_back(method, callback, order_of, nothing, attacker, trader):
    """Only GMX's controllers: an outcome cannot be made up."""
    with ape.reverts(callback.CallerNotController, caller=attacker.address):
        getattr(callback, method)(b"\x07" * 32, order_of(trader), nothing, sender=attacker)
    assert callback.recordOf(b"\x07" * 32).outcome == 0


def test_an_order_without_an_account_is_refused(gmx, callback, nothing, trader, create, finish):
    """It is nobody's: GMX swallows the revert, and nothing is recorded."""
    key = create(trader)
    tx = finish(key, EXECUTED, nothing, nothing)
    (log,) = tx.decode_logs(gmx.CallbackReverted)
    assert bytes(log.reason)[4:] == key
    assert callback.recordOf(key).outcome == 0


def test_too_little_gas_records_nothing(callback, order_of, nothing, trader, create, finish):
    """GMX goes on without the callback: no word of ours is no word on the order."""
    key = create(trader)
    finish(key, EXECUTED, order_of(trader), nothing, gas=20_000)
    assert callback.recordOf(key).outcome == 0
