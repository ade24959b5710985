"""The real sender in virtual time, one scene at a time: each single fault at each single call changes nothing
that is known (12), and what the sender refuses it refuses before anything is exposed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count

import pytest
from tests.tx.model_node import Fault, ModelNode, Trouble
from tests.tx.shell_world import SIGNER, START, STREAM, SlowSigner
from tests.tx.test_shell_properties import SHOP, Shell, Wanted

from trimtab.chain.call import Call
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import HaltError, InsufficientFundsError, IntentError, NonceConflictError, SigningError
from trimtab.journal import Journal
from trimtab.tx import records as r
from trimtab.tx.envelope import DynamicFeeTx, SignedTx, TxFields
from trimtab.tx.intent import TxIntent
from trimtab.tx.outcome import Succeeded
from trimtab.tx.signers import Signer
from trimtab.tx.states import IntentState, Refusal

UNSURE = (*(fault for fault in Fault if fault is not Fault.REJECT), SendClass.NONCE_LOW, SendClass.AMBIGUOUS)
"""Faults, and answers to a broadcast, of which none says anything for certain."""
STRIDE = 20
"""Every so many calls are struck in `make test`; `make soak` strikes each."""


@contextmanager
def opened(*, past: int = 1, simulate: bool = True, depth: int | None = None) -> Iterator[Shell]:
    """A world with a sender that runs; at its end everything is held to the truth."""
    shell = Shell()
    shell.start(past=past, depth=depth, simulate=simulate, slow=False)
    try:
        yield shell
    except BaseException:
        shell._clear()
        raise
    shell.teardown()


def intent(
    key: str, *, value: int = 1, deadline: int | None = None, gas_limit: int | None = 21_000
) -> TxIntent:
    return TxIntent(key, Call(SHOP, f".{key}".encode(), value), gas_limit=gas_limit, deadline=deadline)


def ask(shell: Shell, wanted: TxIntent) -> Wanted:
    """Submit it, as a caller that then waits for its end."""
    shell.wanted[wanted.key] = made = Wanted(wanted)
    shell._ask(made)
    return made


def play(shell: Shell) -> None:
    """Three transactions, a reorg of the first, and a replacement of the last."""
    shell.loop.run_until(shell._is_up, 60.0)
    ask(shell, intent("a"))
    ask(shell, intent("b", deadline=START + 5_000))
    shell._run(0.5)
    shell._mine(1)
    shell._run(12.0)
    shell.chain.reorg(1, keep=False)
    shell._run(12.0)
    shell.chain.base_fee = 400
    ask(shell, intent("c"))
    for most in (0, 0, 0, 0, 4, 0, 0, 4):
        shell._mine(most)
        shell._run(12.0)


def strike(shell: Shell, at: int, trouble: Trouble) -> Iterator[int]:
    """The counter of the calls; the one numbered `at` is struck."""
    calls = count()

    def struck(node: ModelNode) -> Trouble | None:
        return trouble if next(calls) == at else None

    for node in shell.nodes:
        node.strike = struck
    return calls


def records(shell: Shell) -> list[r.TxFact]:
    with Journal.open(shell.path) as journal:
        return [r.decode_record(item.payload) for item in journal.replay(STREAM)]


def play_struck(at: int, kind: Fault | SendClass) -> int:
    """The scene with one fault; how many calls it took."""
    trouble = Trouble(kind) if isinstance(kind, Fault) else Trouble(Fault.REJECT, kind)
    with opened() as shell:
        calls = strike(shell, at, trouble)
        play(shell)
        taken = next(calls)
        for node in shell.nodes:
            node.strike = lambda _: None
        shell._settle()
        told = {key: [type(item) for item in wanted.told] for key, wanted in shell.wanted.items()}
        refused = {key for key, wanted in shell.wanted.items() if wanted.refusals}
        kept = {key: told[key] for key in ("a", "b", "c") if key not in refused}
        assert all(outcomes == [Succeeded] for outcomes in kept.values()), (at, kind, told)
        life = shell.life
        assert life is not None
        life.end()
        shell.life = None
        ends = (r.Released, r.Refused, r.Halted)
        ended = [fact for fact in records(shell) if isinstance(fact, ends)]
        assert not ended, f"12: {kind} at call {at} ended something: {ended}"
    return taken


@pytest.mark.parametrize("kind", UNSURE, ids=lambda kind: kind.name)
def test_no_single_fault_ends_or_frees_anything(kind: Fault | SendClass) -> None:
    """12: an error, a timeout or a null at any one call of a life: all that was sent succeeds, no nonce is
    given back, no account halts."""
    at, calls = UNSURE.index(kind) % STRIDE, 1_000
    while at < calls:
        calls = play_struck(at, kind)
        at += STRIDE
    assert calls > 50, "the scene is too short to strike much"


@pytest.mark.soak
@pytest.mark.parametrize("kind", UNSURE, ids=lambda kind: kind.name)
def test_no_fault_at_any_call_ends_or_frees_anything(kind: Fault | SendClass) -> None:
    """12, at every call."""
    at, calls = 0, 1_000
    while at < calls:
        calls = play_struck(at, kind)
        at += 1


def test_a_sender_begins_above_what_any_node_knows() -> None:
    """A node that lags counts too few nonces; when it catches up nothing looks like another's use."""
    with opened(past=2) as shell:
        shell.nodes[0].lag = 1
        shell._run(1.0)
        assert shell._sender().snapshot().next_nonce == 2
        shell.nodes[0].lag = 0
        shell._mine(0)
        shell._run(60.0)
        assert shell._sender().snapshot().halted is None


def refusal(shell: Shell, wanted: TxIntent) -> BaseException:
    """What `submit` raises."""
    made = ask(shell, wanted)
    shell._run(1.0)
    del shell.wanted[wanted.key]
    assert len(made.refusals) == 1, made
    return made.refusals[0]


def test_a_passed_deadline_is_refused_at_once() -> None:
    """Nothing is asked of any node, and nothing is written."""
    with opened() as shell:
        shell._run(1.0)
        assert isinstance(refusal(shell, intent("late", deadline=START - 1)), IntentError)
        assert "late" not in shell.auditor.mirror.intents


def test_a_halted_account_takes_nothing_new() -> None:
    """Somebody else used the key: until a person resumes it, `submit` raises."""
    with opened() as shell:
        shell._run(1.0)
        shell.use_the_key_elsewhere(19)
        shell._run(60.0)
        assert isinstance(refusal(shell, intent("new")), HaltError)


def test_without_simulation_the_gas_limit_is_the_callers() -> None:
    """Nobody else could say it."""
    with opened(simulate=False) as shell:
        shell._run(1.0)
        assert isinstance(refusal(shell, intent("bare", gas_limit=None)), IntentError)


def test_one_key_is_one_transaction_also_after_a_restart() -> None:
    """13: the same content gives the same nonce, another content an error, in this life and the next."""
    with opened() as shell:
        shell._run(1.0)
        first = ask(shell, intent("k"))
        shell._run(1.0)
        for life in range(2):
            if life:
                shell.restart(0.0)
                shell._run(1.0)
            again = ask(shell, intent("k"))
            shell._run(1.0)
            assert not again.refusals
            assert isinstance(refusal(shell, intent("k", value=2)), NonceConflictError)
            shell.wanted["k"] = first
        assert [slot.key for slot in shell.auditor.mirror.slots.values()] == ["k"]


def test_a_key_that_was_refused_is_free_again() -> None:
    """Every endpoint said no: nothing is out, so the same key may mean something else."""
    with opened() as shell:
        shell._run(1.0)
        for node in shell.nodes:
            node.sends.append(Trouble(Fault.REJECT, SendClass.PERMANENT))
        ask(shell, intent("k"))
        shell._run(1.0)
        assert shell.auditor.mirror.intents["k"].refusal is Refusal.ROUTE
        ask(shell, intent("k", value=2))
        shell._run(1.0)
        assert shell.auditor.mirror.intents["k"].state is IntentState.LIVE


class Forger(SlowSigner):
    """A signer that was replaced: it signs another transaction than the one it was given."""

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        assert isinstance(fields, DynamicFeeTx)
        return await super().sign_transaction(replace(fields, value=fields.value + 1))


def test_a_signature_of_something_else_is_never_used() -> None:
    """What a signer gives back is read before it is written: nothing leaves, and the nonce is free."""
    with opened() as shell:
        shell.signer = Forger()
        shell.restart(0.0)
        shell._run(1.0)
        wanted = ask(shell, intent("k"))
        shell._run(10.0)
        assert [type(error) for error in wanted.refusals] == [SigningError]
        assert not shell.auditor.mirror.slots
        shell.signer = SIGNER
        shell.restart(0.0)


def test_a_silent_signer_holds_up_nothing_for_good() -> None:
    """After its time it has refused; the next intent gets the same nonce."""

    class Silent(SlowSigner):
        async def sign_transaction(self, fields: TxFields) -> SignedTx:
            await asyncio.sleep(1e6)
            return await super().sign_transaction(fields)

    with opened() as shell:
        shell.signer = Silent()
        shell.restart(0.0)
        shell._run(1.0)
        wanted = ask(shell, intent("k"))
        shell._run(shell.options.sign_timeout + 5.0)
        assert [type(error) for error in wanted.refusals] == [SigningError]
        assert not shell.auditor.mirror.slots
        shell.signer = SIGNER
        shell.restart(0.0)


@pytest.mark.parametrize("signer", [SIGNER, SlowSigner()], ids=["at-hand", "slow"])
def test_what_the_balance_does_not_cover_is_never_signed(signer: Signer) -> None:
    """8: whether the key is at hand or elsewhere; the refusal says what is missing."""
    with opened() as shell:
        shell.signer = signer
        shell.restart(0.0)
        shell.move_balance(0)
        shell._run(1.0)
        wanted = ask(shell, intent("k"))
        shell._run(10.0)
        assert [type(error) for error in wanted.refusals] == [InsufficientFundsError]
        story = shell.auditor.stories["k"]
        assert not any(isinstance(record, r.Attempted) for record in story)
