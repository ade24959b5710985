"""What somebody would try who wants a nonce lost, an order doubled or a limit passed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tx.conftest import QUICK, REVERTER, REVERTER_CODE, SHOP, Desk, pay
from tests.tx.test_decide import POLICY, Life

from trimtab.chain.call import Call
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import HaltError, IntentError, SimulationRevertedError
from trimtab.journal import Journal
from trimtab.model.ids import Address, TxHash
from trimtab.tx import Finality, Sender, Succeeded, TxIntent
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.asks import Ask, AskBox, AskKind
from trimtab.tx.outbox import Outbox
from trimtab.tx.records import stream_name
from trimtab.tx.states import IntentState, Kind, Refusal


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


def test_a_bump_of_what_is_cancelled_bumps_the_cancellation() -> None:
    """Its cancellation was too dear once: a bump asks for it again, not for the transaction."""
    life = Life()
    life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    life.feed(e.BumpAsked("k"))
    assert [ask.kind for ask in life.did(e.Sign)] == [Kind.CANCEL]


async def test_an_interrupted_commit_sends_nothing_later() -> None:
    """Ctrl-C in the middle of a commit is no error like others; the actions go with their records."""
    done: list[e.Action] = []

    def write(rows: Sequence[bytes]) -> None:
        raise KeyboardInterrupt

    outbox = Outbox(write, done.extend, lambda error: None)
    outbox.put_record(r.Resumed())
    outbox.put_action(e.Send(0, TxHash("0x"), b""))
    with pytest.raises(KeyboardInterrupt):
        outbox.flush()
    outbox.flush()
    assert done == []


def test_an_ask_in_words_of_a_newer_version_stops_nobody(tmp_path: Path) -> None:
    """The sender goes on without it, and the one that it understands is there."""
    with Journal.open(tmp_path / "journal.db") as journal:
        journal.append("tx/asks", {"type": "ask", "kind": "teleport", "name": "new"})
        box = AskBox(journal, "tx")
        box.leave(Ask(kind=AskKind.CANCEL, key="k"))
        assert [ask.kind for ask in box.pending()] == [AskKind.CANCEL]


@pytest.mark.node
async def test_an_ask_is_durable_before_its_answer(desk: Desk) -> None:
    """Whoever reads the answer finds the cancellation in the journal, though the sender dies at once."""
    await desk.set_automine(False)
    async with desk.sender() as sender:
        await sender.submit(pay("k"))
        await sender.obey(Ask(kind=AskKind.CANCEL, key="k"))
        with Journal.open(desk.path, read_only=True) as journal:
            told = [item.decode()["type"] for item in journal.replay(stream_name(31337, desk.signer.address))]
    assert "cancelling" in told


@pytest.mark.node
async def test_a_check_of_a_withdrawn_try_lets_no_other_pass(desk: Desk) -> None:
    """The key is withdrawn and given to another transaction in the very turn in which the first one's
    simulation ends well: the second's own decides."""
    await desk.client.request("anvil_setCode", [REVERTER, REVERTER_CODE])
    async with desk.sender() as sender:
        simulator, begun, go_on = sender._driver.trials._simulator, asyncio.Event(), asyncio.Event()
        find_gas = simulator.find_gas

        async def find_late(trial: Any, **options: Any) -> Any:
            found = await find_gas(trial, **options)
            if trial.call.target == SHOP:
                begun.set()
                await go_on.wait()
            return found

        simulator.find_gas = find_late  # type: ignore[method-assign]
        first = asyncio.create_task(sender.submit(TxIntent("k", Call(SHOP, b"", 1))))
        await begun.wait()
        first.cancel()
        second = asyncio.create_task(sender.submit(TxIntent("k", Call(REVERTER, b"no"))))
        go_on.set()
        with pytest.raises(SimulationRevertedError):
            await second
    assert await desk.sent_nonce() == 0


@pytest.mark.node
async def test_a_batch_whose_steps_went_apart_is_refused(desk: Desk) -> None:
    """A step under way on its own, before or after the new ones, would neither keep the order nor stop with
    it; what is mined already is fine, and so is the same batch twice at once."""
    await desk.set_automine(False)
    async with desk.sender(simulate=False) as sender:
        apart = await sender.submit(pay("b"))
        for steps in ("ab", "bc"):
            with pytest.raises(IntentError, match="keeps its order"):
                await sender.submit_batch([pay(key) for key in steps])
        await desk.mine()
        await desk.set_automine(True)
        assert isinstance(await apart.outcome(timeout=60), Succeeded)
        twice = [sender.submit_batch([pay("b"), pay("c")]) for _ in range(2)]
        for handles in await asyncio.gather(*twice):
            assert isinstance(await handles[1].outcome(timeout=60), Succeeded)
    assert await desk.executions() == 2


async def set_back(desk: Desk, sender: Sender, *, is_final: bool) -> None:
    """Two are mined, and final or not; then the chain goes back to before them."""
    before = await desk.client.request("evm_snapshot")
    for key in ("k0", "k1"):
        handle = await sender.submit(pay(key))
        await handle.outcome(timeout=60)
    if is_final:
        await desk.mine(8)
        await handle.outcome(at=Finality.FINAL, timeout=60)
    await desk.client.request("evm_revert", [before])


@pytest.mark.node
async def test_a_chain_that_goes_back_is_followed(desk: Desk) -> None:
    """A development chain is reverted below what is mined and not final: it is mined again, and what is
    submitted then with it, in order."""
    async with desk.sender(policy=replace(QUICK, lag_patience=1)) as sender:
        await set_back(desk, sender, is_final=False)
        last = await sender.submit(pay("k2"))
        assert isinstance(await last.outcome(timeout=60), Succeeded)
        assert last.nonce == 2
    assert await desk.executions() == 3


@pytest.mark.node
async def test_a_chain_that_goes_back_below_what_is_final_is_told(desk: Desk) -> None:
    """Nothing above a nonce that is final here could be mined there: whoever waits is told, at once."""

    async def live() -> None:
        async with desk.sender(policy=replace(QUICK, lag_patience=1)) as sender:
            await set_back(desk, sender, is_final=True)
            last = await sender.submit(pay("k2"))
            await last.outcome(timeout=60)

    with pytest.raises(HaltError, match="set back or started anew"):
        await live()
