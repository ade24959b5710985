"""Requests in flight: ids, deadlines, losses."""

from __future__ import annotations

import asyncio

import pytest

from trimtab.chain.messages import Reply
from trimtab.chain.transports.pending import Pending, gather_batch
from trimtab.errors import ConnectionLostError, RpcTimeoutError


async def test_replies_find_their_callers_in_any_order() -> None:
    """By id, whatever the order; an unknown or repeated id harms nobody."""
    pending = Pending("node")
    futures = {n: pending.add(n, 5.0) for n in range(50)}
    for number in reversed(range(50)):
        pending.resolve(Reply(id=number))
    pending.resolve_batch([Reply(id=7), Reply(id=999), Reply(id=None)])
    assert [(await future).id for future in futures.values()] == list(range(50))
    assert len(pending) == 0
    pending.close()


async def test_each_deadline_is_its_own() -> None:
    """The short one fails with RpcTimeoutError while the long one is still waited for."""
    pending = Pending("node")
    short, long = pending.add(1, 0.05), pending.add(2, 5.0)
    with pytest.raises(RpcTimeoutError, match="node did not answer in time"):
        await short
    assert not long.done()
    pending.resolve(Reply(id=2))
    assert (await long).id == 2
    pending.close()


async def test_a_late_reply_is_dropped() -> None:
    """A reply after the deadline has no caller any more."""
    pending = Pending("node")
    future = pending.add(1, 0.0)
    with pytest.raises(RpcTimeoutError):
        await future
    pending.resolve(Reply(id=1))
    assert len(pending) == 0


async def test_a_loss_reaches_everyone() -> None:
    """Whoever waits gets the loss; whoever was cancelled leaves no trace."""
    pending = Pending("node")
    futures = [pending.add(n, 5.0) for n in range(3)]
    futures[0].cancel()
    pending.fail(ConnectionLostError("lost", endpoint="node"))
    for future in futures[1:]:
        with pytest.raises(ConnectionLostError, match="lost") as caught:
            await future
        assert caught.value.endpoint == "node"


async def test_cancelled_callers_are_forgotten() -> None:
    """Their entries go with the next sweep."""
    pending = Pending("node")
    pending.add(1, 60.0).cancel()
    await asyncio.sleep(0.12)
    assert len(pending) == 0
    pending.close()


async def test_a_batch_fails_as_one() -> None:
    """When one reply of a batch does not come, the batch failed."""
    pending = Pending("node")
    futures = [pending.add(n, 0.05) for n in (1, 2)]
    pending.resolve(Reply(id=1))
    with pytest.raises(RpcTimeoutError):
        await gather_batch(futures, 1, "node")
