"""What nobody can explain, found by comparing journal and chain."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.execution.reconcile import foreign_nonces, reconcile_perp
from trimtab.model.ids import TxHash
from trimtab.model.order import PerpIntent, Side, TxRecord, TxStatus
from trimtab.world.world import World

OpenDesk = Callable[..., AbstractAsyncContextManager[Any]]
BUY = PerpIntent("vETH", Side.BUY, size=Decimal(2))


def record(nonce: int) -> TxRecord:
    return TxRecord(f"k/{nonce}", nonce, TxHash("0x00"), TxStatus.SUCCEEDED, 1, 0, 0, 1, "final")


@given(st.sets(st.integers(0, 30)), st.integers(0, 30), st.integers(0, 31))
def test_every_nonce_of_the_range_is_ours_or_foreign(held: set[int], first: int, used: int) -> None:
    """Ours and foreign nonces together are exactly those that the chain used since the journal began."""
    foreign = foreign_nonces([record(n) for n in held], first, used)
    assert set(foreign) | (held & set(range(first, used))) == set(range(first, used))
    assert not set(foreign) & held


@pytest.mark.node
async def test_what_came_through_the_journal_is_clean(open_desk: OpenDesk, world: World) -> None:
    """Deposits and trades of our own leave no orphan: every nonce and every unit of size is explained."""
    async with open_desk() as desk:
        first = await desk.nonce()
        await desk.deposit()
        await desk.executor.execute_perp(desk.perp, desk.account, BUY, key="buy")
        found = await reconcile_perp(
            world.client, desk.records(), desk.perp, desk.account, "vETH", first_nonce=first
        )
    assert found.is_clean
    assert [fill.size for fill in found.fills] == [Decimal(2)]


@pytest.mark.node
async def test_another_holder_of_the_key_is_found(open_desk: OpenDesk, world: World) -> None:
    """A trade from the same account beside the journal is a foreign nonce and unexplained size."""
    async with open_desk() as desk:
        first = await desk.nonce()
        await desk.deposit()
        plan = desk.perp.encode_order(desk.account, BUY, await desk.perp.read_quote(desk.account, BUY))
        stranger = await desk.nonce()
        await world.transact("alice", plan.calls[0])
        found = await reconcile_perp(
            world.client, desk.records(), desk.perp, desk.account, "vETH", first_nonce=first
        )
    assert found.foreign_nonces == (stranger,)
    assert found.unexplained_size == Decimal(2)
    assert found.orphans == 2
