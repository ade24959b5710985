"""The public mempool: who hears what, once each, and in which order the bytes go back."""

from __future__ import annotations

from itertools import count

from tests.world.relay.test_auction import make_tx

from trimtab.world.relay.mempool import Mempool
from trimtab.world.relay.offers import Kind


def test_listeners_hear_each_transaction_once() -> None:
    """A filter and a queue hear of a transaction once, also when it is put back after a block."""
    pool, tx = Mempool(count(1)), make_tx(0, 0)
    number = pool.open_filter()
    with pool.listening() as heard:
        pool.add(tx)
        pool.keep_only(())
        pool.add(tx)
        assert (heard.get_nowait(), heard.empty()) == (tx.tx_hash, True)
    assert pool.drain(number) == [tx.tx_hash]
    assert pool.drain(number) == []
    assert pool.has_seen(tx.tx_hash)
    pool.close_filter(number)
    assert not pool.has_filter(number)


def test_a_filter_hears_only_what_comes_after_it() -> None:
    """What was public before a filter is none of its business."""
    pool = Mempool(count(1))
    pool.add(make_tx(0, 0))
    assert pool.drain(pool.open_filter()) == []


def test_bytes_go_back_in_order_of_arrival() -> None:
    """What the node no longer has is forgotten; the rest keeps its order and is offered without a promise."""
    pool = Mempool(count(1))
    txs = [make_tx(who, 0, mark=who) for who in range(3)]
    for tx in reversed(txs):
        pool.add(tx)
    pool.keep_only([txs[0].tx_hash, txs[2].tx_hash])
    assert [o.name for o in sorted(pool.offers(), key=lambda o: o.turn)] == [txs[2].tx_hash, txs[0].tx_hash]
    assert len(pool.raws()) == 2
    assert all(o.kind is Kind.PUBLIC and o.steps[0].may_revert for o in pool.offers())
    assert not pool.knows(txs[1].tx_hash)
