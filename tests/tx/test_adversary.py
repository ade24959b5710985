"""What somebody would try who wants a nonce lost, an order doubled or a limit passed."""

from __future__ import annotations

from dataclasses import replace

from tests.tx.test_decide import POLICY, Life

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.states import IntentState, Kind


def wanted(key: str, *, batch: str = "", step: int = 0, is_delegation: bool = False) -> r.Submitted:
    return r.Submitted(
        key=key,
        digest=key,
        target=Address("0x"),
        data=b"",
        value=0,
        gas_limit=1,
        batch=batch,
        step=step,
        is_delegation=is_delegation,
        at=100,
    )


def test_a_later_step_takes_no_nonce_below_an_earlier_one() -> None:
    """A nonce is given back below the first step of a batch: the second may not have it, or the trade would
    run before its approval. A transfer of nothing takes it, and the second step goes on above."""
    life = Life(replace(POLICY, window=2))
    life.submit("other")
    life.check("other")
    other = life.sign(0)
    life.feed(e.SubmitBatch((wanted("approve", batch="b"), wanted("trade", batch="b", step=1))))
    life.sign(1)
    life.refuse(0, other, SendClass.FUNDS, SendClass.FUNDS)
    assert life.intent("trade") is IntentState.CHECKED
    life.observe(3, account_nonce=0)
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign)] == [(0, Kind.CANCEL)]


def test_a_delegation_takes_no_nonce_below_what_is_out() -> None:
    """It uses the nonce after its own too, which ours above holds already: that would be lost."""
    life = Life(replace(POLICY, window=4))
    life.submit("first")
    life.check("first")
    first = life.sign(0)
    life.submit("above")
    life.check("above")
    life.sign(1)
    life.feed(e.Submit(wanted("delegate", is_delegation=True)))
    life.check("delegate")
    life.refuse(0, first, SendClass.FUNDS, SendClass.FUNDS)
    assert life.intent("delegate") is IntentState.CHECKED
    life.observe(3, account_nonce=0)
    assert [(ask.nonce, ask.kind) for ask in life.did(e.Sign)] == [(0, Kind.CANCEL)]
