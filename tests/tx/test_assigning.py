"""Which intent gets the next nonce: in submit order, and what holds it up."""

from __future__ import annotations

from tests.tx.private_life import NODES, WINDOW, PrivateLife
from tests.tx.test_decide import CANON, WAYS, Life

from trimtab.model.ids import Address
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.policy import TxPolicy
from trimtab.tx.states import Kind, Mined, Refusal

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
    """There is no room for all of it: none of it takes a nonce, because what never left would have to be
    filled up to when those below are dropped; and nothing overtakes it."""
    life = Life(TxPolicy(window=2, finality_depth=2))
    life.live("first", 0)
    life.feed(e.SubmitBatch((step("b", 0, 2), step("b", 1, 2))))
    assert not life.did(e.Sign)
    life.submit("after")
    life.check("after")
    assert [life.intent(key) for key in ("b.0", "b.1", "after")] == ["checked"] * 3
    life.feed(e.CancelAsked("after"))
    (attempt,) = life.state.slots[0].attempts
    mined = Mined(attempt.tx_hash, 1, CANON[1], True, 1, 1)
    life.feed(e.Observed(1, 1, account_nonce=1, mined={attempt.tx_hash: mined}, canonical=CANON, ways=WAYS))
    assert [ask.nonce for ask in life.did(e.Sign)] == [1, 2]


def test_a_bundle_of_an_account_with_code_is_alone_and_whole() -> None:
    """Pools take one transaction at a time of it, and relays take a bundle: it has nothing beside it."""
    life = Life(TxPolicy())
    life.live("first", 0)
    life.feed(e.Observed(1, 1, account_nonce=0, is_delegated=True, ways=WAYS))
    life.feed(e.SubmitBatch((step("b", 0, 2), step("b", 1, 2))))
    assert not life.did(e.Sign)
    life = Life(TxPolicy())
    life.feed(e.Observed(1, 1, account_nonce=0, is_delegated=True, ways=WAYS))
    life.feed(e.SubmitBatch((step("b", 0, 2), step("b", 1, 2))))
    assert [ask.nonce for ask in life.did(e.Sign)] == [0, 1]


def test_nonces_below_ones_own_are_filled() -> None:
    """Two were dropped at nonces 0 and 1, and only the second is wanted again: nobody else needs nonce 0, so
    a transfer of nothing takes it, and the second goes out at its own."""
    life = PrivateLife()
    life.fly("a")
    life.fly("b", nonce=1)
    life.pass_window(WINDOW)
    assert life.state.nonces.lowest == 0
    life.submit_private("b")
    (ask,) = life.did(e.Sign)
    assert (ask.nonce, ask.kind) == (0, Kind.CANCEL)
    filler = life.sign(0, Kind.CANCEL)
    life.say(0, filler, None, *NODES)
    assert life.state.slots[1].key == "b"


def test_a_filler_that_is_refused_is_not_tried_for_ever() -> None:
    """Without funds for it the caller is told to come back later; at the next head it is tried again."""
    life = PrivateLife()
    life.fly("a")
    life.fly("b", nonce=1)
    life.pass_window(WINDOW)
    life.submit_private("b")
    life.feed(e.SignFailed(0, Refusal.FUNDS, "no funds", life.at, life.ask(0)))
    assert life.state.intents["b"].refusal is Refusal.HELD
    assert life.state.slots == {}
