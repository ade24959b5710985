"""The sixteen invariants of the transaction engine against the real sender, driver, watcher, client, journal
and signer, on model nodes in virtual time: faulty wires, lagging and lying nodes, reorgs, foreign use of the
key, and the loss of power between any two steps, also amid a commit.

Which check shows which invariant (`R`: test_reducer_properties.py, over the pure reducer; `S`: here; `A`: the
auditor of shell_world.py, between the real sender and the world; `M`: moves.py, for both machines):
 1 one mined per nonce, one attempt per intent          R no_intent_is_executed_twice
                                                        S nothing_is_executed_twice
 2 no two live intents share a slot                     R no_two_live_intents_share_a_slot  S slots_are_sound
 3 nonces contiguous                                    R committed_nonces_are_contiguous, _check_reservation
                                                        S slots_are_sound  A _check_gapless
 4 bytes durable before contact                         R _send  A take_raw (reads the journal's file)
 5 each crash ends in one true terminal                 R teardown  S teardown, _check_truth
 6 recovery idempotent, identical bytes                 R _recover  A take_raw
 7 prices rise by steps that every pool takes           R prices_rise_by_legal_steps_under_the_cap
                                                        A _check_prices
 8 balance and budget cover the worst case              R _check_cost  A _check_funds  S _check_truth
 9 no normal broadcast after the deadline               R _send  A _check_now, check_departure (on the wire)
10 bytes reach only the endpoints of their record and   A take_raw, _check_lane  and with private lanes:
   lane; private ones no public endpoint before a       R test_private_properties.py
   record says so                                       S A test_private_shell_properties.py
11 a final end never changes                            M fold  R final_is_absorbing_and_true
12 no error, timeout or null ends or frees anything     R nothing_follows_from_silence, _check_release
                                                        A _check_now  test_shell_faults.py (each call)
13 one key, one slot; another payload is an error       S submit_again, submit_another_payload
14 cancel or normal: the canonical one is reported      R final_is_absorbing_and_true  S _check_told
15 with fair endpoints everything ends                  R teardown  S _settle, _send_one_more
16 events are monotone, and the journal repeats them    M fold  R replay_gives_the_state
                                                        S memory_is_what_the_file_says, _check_heard
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.tx.model_chain import FINAL_DEPTH, ModelChain, ModelTx
from tests.tx.model_node import Fault, ModelNode, Trouble
from tests.tx.moves import machine_settings
from tests.tx.shell_world import SIGNER, START, STREAM, Auditor, Fuse, Life, SlowSigner
from tests.tx.virtual_time import VirtualLoop

from trimtab.chain.call import Call
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import (
    ConfigError,
    HaltError,
    NonceConflictError,
    RpcError,
    TransportError,
    TrimtabError,
)
from trimtab.journal import Journal
from trimtab.model.ids import Address, TxHash
from trimtab.model.limits import Limits
from trimtab.tx.fees import Fees
from trimtab.tx.handle import TxHandle
from trimtab.tx.intent import TxIntent
from trimtab.tx.options import SenderOptions
from trimtab.tx.outcome import (
    Cancelled,
    Dropped,
    Expired,
    Finality,
    Reverted,
    Succeeded,
    Superseded,
    TxOutcome,
)
from trimtab.tx.policy import TxPolicy
from trimtab.tx.progress import Teller, TxProgress
from trimtab.tx.records import Archived, GivenUp, Submitted, decode_record
from trimtab.tx.reducer import replay
from trimtab.tx.states import IntentState, Slot, State

NODES = ("a", "b")
FEE_CAP = 5_000
RAM = Path("/dev/shm")
SHOP = Address("0x" + "12" * 20)
SPENT = FEE_CAP * 21_000 * 8
"""More than a window of transactions and their cancellations can cost."""
SEND_FAULTS = tuple(fault for fault in Fault if fault is not Fault.REJECT)
READ_FAULTS = tuple(fault for fault in SEND_FAULTS if fault is not Fault.LATE)
REFUSALS = (
    SendClass.POOL_FULL,
    SendClass.FUNDS,
    SendClass.UNDERPRICED,
    SendClass.FEECAP_LT_BASE,
    SendClass.PERMANENT,
    SendClass.NODE_CAP,
    SendClass.NONCE_HIGH,
    SendClass.NONCE_LOW,
    SendClass.INTRINSIC,
    SendClass.AMBIGUOUS,
)
FUSES = ("turn", "turn", "commit", "torn", "committed", "request", "delivered")


@dataclass
class Wanted:
    """One key, and what its caller was told in each of its lives."""

    intent: TxIntent
    task: asyncio.Task[Any] | None = None
    told: list[TxOutcome] = field(default_factory=list)
    heard: list[list[TxProgress]] = field(default_factory=list)
    refusals: list[BaseException] = field(default_factory=list)


class Shell(RuleBasedStateMachine):
    """The engine as it runs, with a model of everything around it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=RAM if RAM.is_dir() else None))
        self.loop = VirtualLoop()
        self.chain = ModelChain(NODES, START)
        self.auditor = Auditor(self.chain)
        self.nodes = [
            ModelNode(name, self.chain, SIGNER.address, simulates=name == "a", streams=name == "b")
            for name in NODES
        ]
        for node in self.nodes:
            node.received = self.auditor.take_raw
        self.wanted: dict[str, Wanted] = {}
        self.names = count()
        self.foreign_used = False
        self.raised: set[str] = set()
        self.may_halt = False
        self.life: Life | None = None
        self.path = self.folder / "lives" / "j"
        self.options = SenderOptions()
        self.signer: Any = SIGNER

    # Lives

    @initialize(
        past=st.integers(0, 2),
        depth=st.sampled_from([None, FINAL_DEPTH + 1]),
        simulate=st.booleans(),
        slow=st.sampled_from([False, False, True]),
    )
    def start(self, past: int, depth: int | None, simulate: bool, slow: bool) -> None:
        """The account may have sent transactions before this journal began."""
        self.chain.mine([ModelTx(TxHash(f"0x{n:064x}"), n, Fees(1, 1)) for n in range(past)])
        self.chain.finalize()
        policy = TxPolicy(window=4, confirmations=2, finality_depth=depth, clean_passes=3)
        self.options = SenderOptions(
            policy=policy,
            limits=Limits.unrestricted(),
            simulate=simulate,
            fee_cap=FEE_CAP,
            tip_floor=1,
            submit_timeout=90.0,
        )
        self.signer = SlowSigner() if slow else SIGNER
        self._live()

    def _live(self, fuse: Fuse | None = None) -> None:
        self.path.parent.mkdir(exist_ok=True)
        self.path.touch(0o600)
        self.auditor.open(self.path)
        self.life = Life(self.loop, self.nodes, self.path, self.options, self.auditor, self.signer, fuse)
        self._equip(self.life)
        self.life.start()
        self._note_doubt()

    def _equip(self, life: Life) -> None:
        """What a process has beside its nodes."""

    def _run(self, seconds: float) -> None:
        """Let time pass; a process that died is started again."""
        until = self.loop.now + seconds
        while self.loop.now < until:
            self.loop.run_for(until - self.loop.now)
            if self.life is not None and self.life.is_over:
                self._bury()
                self._live()
        self.chain.at = START + int(self.loop.now)

    def _bury(self) -> None:
        """The process is over: whatever of it is left is cleared away, and the files are as they were."""
        life = self.life
        assert life is not None
        life.end()
        self._judge_end(life)
        if life.heir is not None:
            self.path = life.heir
        self.life = None

    def _judge_end(self, life: Life) -> None:
        """A process ends because it died, was closed, or could not look at the chain when it began."""
        error = life.error
        if error is None or life.heir is not None or isinstance(error, asyncio.CancelledError):
            return
        assert life.sender is None, f"the sender broke: {error!r}"
        assert isinstance(error, (TransportError, RpcError, ConfigError)), repr(error)
        if isinstance(error, ConfigError):
            assert any(node.lag for node in self.nodes), repr(error)
        self.loop.run_for(1.0)  # somebody starts it again

    # What the caller does

    @rule(
        value=st.integers(0, 3),
        deadline=st.none() | st.integers(5, 300),
        budget=st.none() | st.sampled_from([21_000 * 250, 21_000 * 600]),
        reverts=st.sampled_from([False, False, False, True]),
    )
    def submit(self, value: int, deadline: int | None, budget: int | None, reverts: bool) -> None:
        key = f"k{next(self.names)}"
        data = (b"!" if reverts else b".") + key.encode()
        until = None if deadline is None else self.chain.at + deadline
        intent = TxIntent(key, Call(SHOP, data, value), gas_limit=21_000, budget_wei=budget, deadline=until)
        self.wanted[key] = Wanted(intent)
        self._ask(self.wanted[key])

    @rule(count=st.integers(2, 6))
    def submit_several(self, count: int) -> None:
        for _ in range(count):
            self.submit(1, None, None, False)

    @precondition(lambda self: self.wanted)
    @rule(data=st.data())
    def submit_again(self, data: st.DataObject) -> None:
        """13: the same key and content, whatever became of it."""
        self._ask(self.wanted[data.draw(st.sampled_from(sorted(self.wanted)))])

    @precondition(lambda self: self._is_up() and self.wanted)
    @rule(data=st.data())
    def submit_another_payload(self, data: st.DataObject) -> None:
        """13: one key cannot mean two transactions."""
        key = data.draw(st.sampled_from(sorted(self.wanted)))
        self._do(self._refuse_other(TxIntent(key, Call(SHOP, b"another", 9), gas_limit=21_000)))

    async def _refuse_other(self, other: TxIntent) -> None:
        known = self._sender()._driver.state.intents.get(other.key)
        if known is not None and known.refusal is None:
            with pytest.raises(NonceConflictError):
                await self._sender().submit(other)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        """Something that needs no waiting, unless the process dies of it."""
        assert self.life is not None
        task = self.life.spawn(work)
        assert self.loop.run_until(lambda: task.done() or self._is_over(), 1.0)
        if not task.done() or task.cancelled():
            return
        if not (self._is_over() and isinstance(task.exception(), HaltError)):  # the process died meanwhile
            task.result()

    def _is_over(self) -> bool:
        return self.life is None or self.life.is_over

    def _ask(self, wanted: Wanted) -> None:
        if self.life is not None and self.life.is_up:
            wanted.task = self.life.spawn(self._want(wanted, self.life))

    async def _want(self, wanted: Wanted, life: Life) -> None:
        assert life.sender is not None
        try:
            handle = await life.sender.submit(wanted.intent)
            life.spawn(self._listen(wanted, handle))
            wanted.told.append(await handle.outcome(at=Finality.FINAL))
        except TrimtabError as error:
            if life.is_up:
                wanted.refusals.append(error)

    async def _listen(self, wanted: Wanted, handle: TxHandle) -> None:
        heard: list[TxProgress] = []
        wanted.heard.append(heard)
        with suppress(TrimtabError):
            async for event in handle.events():
                heard.append(event)

    @precondition(lambda self: self._is_up())
    @rule(count=st.integers(2, 3), deadline=st.none() | st.integers(5, 300))
    def submit_batch(self, count: int, deadline: int | None) -> None:
        """Steps in one order: each goes no further than the one before."""
        name = f"b{next(self.names)}"
        until = None if deadline is None else self.chain.at + deadline
        steps = [
            TxIntent(f"{name}.{n}", Call(SHOP, f".{name}.{n}".encode(), 0), gas_limit=21_000, deadline=until)
            for n in range(count)
        ]
        self.wanted |= {intent.key: Wanted(intent) for intent in steps}
        assert self.life is not None
        self.life.spawn(self._want_batch(steps))

    async def _want_batch(self, steps: list[TxIntent]) -> None:
        with suppress(TrimtabError):
            await self._sender().submit_batch(steps)

    @precondition(lambda self: self._is_up() and self.wanted)
    @rule(data=st.data(), budget=st.none() | st.just(21_000 * 900))
    def bump(self, data: st.DataObject, budget: int | None) -> None:
        """A person wants it dearer now."""
        key = data.draw(st.sampled_from(sorted(self.wanted)))
        assert self.life is not None
        if key in self.life.state.intents:
            self._do(self._bump(key, budget))

    async def _bump(self, key: str, budget: int | None) -> None:
        self._sender().handle(key).bump(budget_wei=budget)
        if budget is not None:
            self.raised.add(key)

    @precondition(lambda self: self._is_up())
    @rule(pauses=st.booleans())
    def pause(self, pauses: bool) -> None:
        self._do(self._pause(pauses))

    async def _pause(self, pauses: bool) -> None:
        with suppress(TrimtabError):
            if pauses:
                self._sender().pause("a person wants it")
            else:
                self._sender().unpause()

    @precondition(lambda self: self._is_up())
    @rule()
    def compact(self) -> None:
        assert self.life is not None
        self.life.spawn(self._compact())

    async def _compact(self) -> None:
        with suppress(TrimtabError):
            await self._sender().compact()

    @precondition(lambda self: self._is_up() and self.wanted)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.wanted)))
        assert self.life is not None
        if key in self.life.state.intents:
            self._do(self._cancel(key))

    async def _cancel(self, key: str) -> None:
        self._sender().handle(key).cancel()

    @precondition(lambda self: self._is_up() and self.wanted)
    @rule(data=st.data())
    def stop_waiting(self, data: st.DataObject) -> None:
        """The caller's own task is cancelled."""
        task = self.wanted[data.draw(st.sampled_from(sorted(self.wanted)))].task
        if task is not None:
            task.cancel()

    @precondition(lambda self: self._is_up() and self.life.state.halted)
    @rule()
    def resume(self) -> None:
        """A person has looked."""
        assert self.life is not None
        self.life.spawn(self._resume(self.life))

    async def _resume(self, life: Life) -> None:
        assert life.sender is not None
        with suppress(TransportError, RpcError, HaltError):
            await life.sender.resume()

    # What the world does

    @rule(seconds=st.sampled_from([0.0, 0.01, 0.5, 3.0, 12.0, 40.0]))
    def wait(self, seconds: float) -> None:
        self._run(seconds)

    @rule(blocks=st.integers(1, 5), most=st.sampled_from([0, 1, 4, 4]), last=st.booleans())
    def mine(self, blocks: int, most: int, last: bool) -> None:
        for _ in range(blocks):
            self._mine(most, last)
            self._run(12.0)

    @rule(blocks=st.integers(1, 3), most=st.integers(0, 4), last=st.booleans())
    def mine_at_once(self, blocks: int, most: int, last: bool) -> None:
        """Blocks of one second, unseen until the next look."""
        for _ in range(blocks):
            self._mine(most, last)

    def _mine(self, most: int, last: bool = False) -> None:
        picks, nonce = list[ModelTx](), self.chain.nonce()
        while len(picks) < most and (offers := self._candidates(nonce)):
            picks.append(offers[-1 if last else 0])
            nonce += 1
        self.chain.mine(picks)
        for node in self.nodes:
            node.push_head()

    def _candidates(self, nonce: int) -> list[ModelTx]:
        """What a block may hold at `nonce`."""
        return self.chain.candidates(nonce)

    @precondition(lambda self: self.chain.reorg_room > 0)
    @rule(depth=st.integers(1, FINAL_DEPTH), keep=st.booleans())
    def reorg(self, depth: int, keep: bool) -> None:
        self.chain.reorg(min(depth, self.chain.reorg_room), keep)
        for node in self.nodes:
            node.push_head()

    @rule(name=st.sampled_from(NODES))
    def drop_pool(self, name: str) -> None:
        self.chain.pools[name].clear()

    @rule()
    def gossip(self) -> None:
        """The first pool tells the others what it holds."""
        first, *others = NODES
        for tx in sorted(self.chain.pools[first].values(), key=lambda tx: tx.nonce):
            for name in others:
                self.chain.offer(name, tx)

    @rule(base_fee=st.integers(1, 2_000))
    def move_base_fee(self, base_fee: int) -> None:
        self.chain.base_fee = base_fee

    @rule(factor=st.sampled_from([0, 1, 20]))
    def move_balance(self, factor: int) -> None:
        """Somebody pays into the account; or its code, like that of a 7702 delegate, pays out."""
        spent = self.chain.funds - self.chain.balance()
        self.chain.funds = spent + factor * SPENT // 20

    @precondition(lambda self: len(self.wanted) > 2)
    @rule(draw=st.integers(0, 19))
    def use_the_key_elsewhere(self, draw: int) -> None:
        if draw == 19:
            nonce = self.chain.nonce()
            name = TxHash(f"0xff{nonce:030x}{self.chain.head:032x}")
            self.chain.mine([ModelTx(name, nonce, Fees(1, 1), gas_limit=0)])
            self.foreign_used = self.auditor.is_disturbed = True

    # What goes wrong

    @rule(node=st.integers(0, 1), fault=st.sampled_from(SEND_FAULTS), times=st.integers(1, 3))
    def trouble_sends(self, node: int, fault: Fault, times: int) -> None:
        self.nodes[node].sends.extend([Trouble(fault)] * times)

    @rule(where=st.sampled_from([(0,), (1,), (0, 1)]), refusal=st.sampled_from(REFUSALS))
    def refuse_sends(self, where: tuple[int, ...], refusal: SendClass) -> None:
        for node in where:
            self.nodes[node].sends.append(Trouble(Fault.REJECT, refusal))

    @rule(node=st.integers(0, 1), fault=st.sampled_from(READ_FAULTS), times=st.integers(1, 3))
    def trouble_reads(self, node: int, fault: Fault, times: int) -> None:
        lies = fault is Fault.NULL
        self.nodes[node].reads.extend([Trouble(fault)] * (1 if lies else times))
        self._note_doubt()

    @rule(node=st.integers(0, 1), lag=st.integers(0, 4))
    def lag(self, node: int, lag: int) -> None:
        self.nodes[node].lag = lag
        self._note_doubt()

    def _note_doubt(self) -> None:
        """Transactions that the journal does not know may be hidden from a process that begins."""
        is_blind = any(node.lag for node in self.nodes) and all(node.lag or node.reads for node in self.nodes)
        if is_blind and not self._is_up():
            self.may_halt = True

    @rule(reverting=st.booleans())
    def simulate(self, reverting: bool) -> None:
        for node in self.nodes:
            node.reverting = reverting

    @rule()
    def drop_streams(self) -> None:
        for node in self.nodes:
            node.drop_streams()

    @rule(moment=st.sampled_from(FUSES), left=st.integers(0, 12))
    def lose_power(self, moment: str, left: int) -> None:
        """The process dies soon, at this kind of moment; the next one may be told too."""
        if self.life is not None and self.life.fuse is None:
            self.life.fuse = Fuse(moment, left)

    @rule(downtime=st.sampled_from([0.0, 30.0, 200.0]))
    def restart(self, downtime: float) -> None:
        """An orderly end, and a new process later."""
        if self.life is not None:
            self._bury()
        self.loop.run_for(downtime)
        self.chain.at = START + int(self.loop.now)
        self._live()

    # Invariants

    @invariant()
    def nothing_was_violated(self) -> None:
        """What the auditor saw: 4, 7, 8, 9, 10, 11, 12, 16."""
        if self.auditor.violations:
            raise self.auditor.violations[0]
        failures = [f for f in self.loop.failures if isinstance(f.get("exception"), AssertionError)]
        assert not failures, failures

    @invariant()
    def memory_is_what_the_file_says(self) -> None:
        """16: what the sender believes folds from the file, but for open questions."""
        if self._is_up() and not self._sender()._driver._outbox._records:
            assert self.life is not None
            self.auditor.read_file()
            assert _durable(self.auditor.mirror) == _durable(self.life.state)

    @invariant()
    def slots_are_sound(self) -> None:
        """2, 3, 13: one slot for each live intent, and every nonce between ours is held or comes next."""
        state = self.auditor.mirror
        keys = [slot.key for slot in state.slots.values()]
        assert len(keys) == len(set(keys)), "2: an intent holds two nonces"
        for nonce, slot in state.slots.items():
            assert state.intents[slot.key].nonce == nonce
        below = range(min(state.slots, default=0), state.nonces.next if state.slots else 0)
        lost = {n for n in below if n not in state.slots and n not in state.finished}
        assert lost <= state.nonces.free or self.foreign_used, f"3: nobody holds {lost}"

    @invariant()
    def nothing_is_executed_twice(self) -> None:
        """1, 5: on the canonical chain each intent is executed at most once."""
        executed = [tx.data for block in self.chain.blocks for tx in block.txs if tx.data]
        assert len(executed) == len(set(executed))

    # The end

    def teardown(self) -> None:
        try:
            if self.life is not None:
                self._settle()
        finally:
            self._clear()

    def _clear(self) -> None:
        if self.life is not None:
            self.life.end()
        self.auditor.close()
        self.loop.shut()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settle(self) -> None:
        """15, 5: with fair endpoints, funds and a quiet market everything ends, and one more gets through."""
        self.chain.base_fee, self.chain.funds = 1, 10**18
        for node in self.nodes:
            node.heal()
            node.reverting = False
        assert self.life is not None
        self.life.fuse = None
        for _ in range(60):
            if self._is_quiet():
                break
            self._mine(4)
            self._run(12.0)
            self._unhalt()
        assert self._is_quiet(), f"15: it never ends: {self.life.error}; {self.auditor.mirror.slots}"
        self._send_one_more()
        self.nothing_was_violated()
        self._check_truth()

    def _is_quiet(self) -> bool:
        life = self.life
        if life is None or not life.is_up:
            return False
        return (
            not life.state.slots
            and not life.state.queue
            and not life.work
            and not life.state.halted
            and not life.state.paused
        )

    def _unhalt(self) -> None:
        if self._is_up() and self.life is not None and self.life.state.halted:
            assert self.may_halt or self.foreign_used, f"halted without cause: {self.life.state.halted}"
            self.resume()
        if self._is_up() and self.life is not None and self.life.state.paused:
            self.pause(False)

    def _send_one_more(self) -> None:
        """The account is not wedged. Where its nonce is in doubt, the first try may find that out."""
        tries = 2 if self.may_halt or self.foreign_used else 1
        for number in range(tries):
            key = f"last{number}"
            last = self.wanted[key] = Wanted(
                TxIntent(key, Call(SHOP, f".{key}".encode(), 0), gas_limit=21_000)
            )
            self._ask(last)
            for _ in range(12):
                self._mine(4)
                self._run(12.0)
                self._unhalt()
        assert [type(item) for item in last.told] == [Succeeded], f"15: {last.told} {last.refusals}"

    def _check_truth(self) -> None:
        """1, 5, 14: the file, the callers and the chain tell the same."""
        state = self._read_state()
        executed = {
            tx.data[1:].decode(): (tx, block) for block in self.chain.blocks for tx in block.txs if tx.data
        }
        for key, wanted in self.wanted.items():
            intent = state.intents.get(key)
            ended = intent.state if intent is not None else None
            assert ended is None or ended.is_terminal, f"{key} is {ended}"
            happened = key in executed
            assert happened == (ended in (IntentState.SUCCEEDED, IntentState.REVERTED)), f"{key}: {ended}"
            for told in wanted.told:
                self._check_told(told, ended)
            self._check_heard(key, wanted)
            if happened and wanted.intent.budget_wei is not None and key not in self.raised:
                tx, block = executed[key]
                assert block.cost_of(tx) <= wanted.intent.budget_wei, f"8: {key} cost more than its budget"

    def _check_heard(self, key: str, wanted: Wanted) -> None:
        """16: what a listener heard in any life is how the file still begins to tell it."""
        story, teller = self.auditor.stories.get(key, []), Teller()
        tries = sum(isinstance(record, Submitted) for record in story)
        if tries > 1 or any(isinstance(record, Archived | GivenUp) for record in story):
            return  # told in short, or of a key that was free again
        told = [event for record in story for event in teller.tell(record)]
        for heard in wanted.heard:
            assert not story or heard == told[: len(heard)], f"16: {key}: {heard} is not how {told} begins"

    def _check_told(self, told: TxOutcome, ended: IntentState | None) -> None:
        match told:
            case Succeeded():
                assert ended is IntentState.SUCCEEDED
            case Reverted():
                assert ended is IntentState.REVERTED
            case Cancelled(receipt=receipt) if receipt is not None:
                assert ended is IntentState.CANCELLED
            case Superseded():
                assert ended is IntentState.SUPERSEDED
            case Expired() | Cancelled() | Dropped():
                pass  # nothing of that try was exposed, and its key was free again

    def _read_state(self) -> State:
        with Journal.open(self.path) as journal:
            return replay(decode_record(record.payload) for record in journal.replay(STREAM))

    def _is_up(self) -> bool:
        return self.life is not None and self.life.is_up

    def _sender(self) -> Any:
        assert self.life is not None
        assert self.life.sender is not None
        return self.life.sender


def _durable(state: State) -> Any:
    """What must be in the file: not open questions, nor keys that are only queued."""
    known = {k: i for k, i in state.intents.items() if i.state is not IntentState.QUEUED}
    ends = {k: (i.state, i.nonce) for k, i in known.items() if i.refusal is None}
    slots = {n: (s.key, s.state, s.lane, s.last_block, s.mined, _attempts(s)) for n, s in state.slots.items()}
    given_up = {k: (s.nonce, _attempts(s)) for k, s in state.given_up.items()}
    return ends, slots, given_up, sorted(state.finished), state.nonces, state.halted


def _attempts(slot: Slot) -> Any:
    return [(a.tx_hash, a.results, a.pending) for a in slot.attempts]


class LongShell(Shell):
    """The same machine, for `make soak`."""


TestLongShell = pytest.mark.soak(LongShell.TestCase)
TestLongShell.settings = machine_settings(10_000, 30)
TestShell = Shell.TestCase
TestShell.settings = machine_settings(300, 30)
