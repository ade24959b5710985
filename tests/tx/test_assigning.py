"""Which intent gets the next nonce: in submit order, and what holds it up."""

from __future__ import annotations

from tests.tx.test_decide import WAYS, Life

from trimtab.model.ids import Address
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.policy import TxPolicy

ALL = Ways({Lane.PUBLIC: WAYS.of(Lane.PUBLIC), Lane.PRIVATE: ("relay",), Lane.BUNDLE: ("relay",)})


def step(name: str, number: int, of: int) -> r.Submitted:
    return r.Submitted(
        key=f"{name}.{number}",
        digest=f"{name}.{number}",
        target=Address("0x"),
        data=b"",
        value=0,
        gas_limit=1,
        batch=f"{name}.0",
        step=number,
        bundle=of,
        route=RoutePolicy.private(3),
        at=1,
    )


def test_the_steps_of_a_bundle_do_not_wait_for_each_other() -> None:
    """None of them leaves before all are signed: all are asked for at once, even where deliveries are
    chained, and what comes after waits for them."""
    life = Life(TxPolicy(pipeline=1))
    life.feed(e.SubmitBatch((step("b", 0, 3), step("b", 1, 3), step("b", 2, 3))))
    assert [ask.nonce for ask in life.did(e.Sign)] == [0, 1, 2]
    life.submit("after")
    life.check("after")
    assert not life.did(e.Sign)


def test_a_bundle_waits_for_room_and_keeps_its_place() -> None:
    """The window is full: its later steps wait, and nothing overtakes them."""
    life = Life(TxPolicy(window=2))
    life.live("first", 0)
    life.feed(e.SubmitBatch((step("b", 0, 2), step("b", 1, 2))))
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]
    assert [life.intent(key) for key in ("b.0", "b.1")] == ["assigned", "checked"]
