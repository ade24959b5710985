"""The shell's machine with private routes: the real sender, its broadcaster, outbox, recovery and bundles on
model relays beside the nodes, under the same auditor. Of a private intent nothing arrives at a public
endpoint before a record says that it goes public (10), and a bundle happens as a whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule
from tests.tx.model_chain import FINAL_DEPTH, ModelTx
from tests.tx.model_node import Fault, Trouble
from tests.tx.model_relay import ModelRelay, Offer, RelayRoute
from tests.tx.moves import machine_settings
from tests.tx.shell_world import SIGNER, Auditor, Life
from tests.tx.test_shell_properties import NODES, REFUSALS, SHOP, Shell, Wanted

from trimtab.chain.call import Call
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import TrimtabError
from trimtab.tx import records as r
from trimtab.tx.intent import TxIntent
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.outcome import Dropped, Finality, Succeeded, TxOutcome
from trimtab.tx.progress import TxProgress
from trimtab.tx.routes.base import Parcel
from trimtab.tx.states import Kind

RELAYS = {"relay": frozenset({Lane.PRIVATE}), "builder": frozenset({Lane.PRIVATE, Lane.BUNDLE})}
WAYS = Ways({Lane.PUBLIC: NODES, Lane.PRIVATE: tuple(RELAYS), Lane.BUNDLE: ("builder",)})
FAULTS = (Fault.REFUSED, Fault.LOST, Fault.SILENT, Fault.CUT, Fault.LATE, Fault.SLOW, Fault.ERROR)


class PrivateAuditor(Auditor):
    """Also stands before the relays."""

    def take_private(self, relay: ModelRelay, parcel: Parcel) -> None:
        """4, 10: it is in the file, meant for this relay; of a bundle all is there."""
        with self.watch():
            self.read_file()
            for tx_hash in parcel.hashes:
                assert tx_hash in self.endpoints, f"4: {tx_hash} arrived and the file does not know it"
                assert relay.name in self.endpoints[tx_hash], "10: sent to a relay that no record names"
            keys = [self.kinds[tx_hash][1] for tx_hash in parcel.hashes]
            intents = [self.mirror.intents[key] for key in keys]
            if parcel.lane is Lane.BUNDLE:
                assert len(keys) == intents[0].bundle, f"half a bundle was sent: {keys}"
            else:
                assert len(keys) == 1

    def _check_now(self, record: r.TxFact, life: Life) -> None:
        super()._check_now(record, life)
        if isinstance(record, r.Routed) and record.lane is Lane.PUBLIC:
            slot = self.mirror.slots[record.nonce]
            intent = self.mirror.intents[slot.key]
            assert intent.route is not None
            assert intent.route.then_public, f"10: {slot.key} is never to be public"


class PrivateShell(Shell):
    """`shown` are hashes that got about by no act of the engine."""

    def __init__(self) -> None:
        super().__init__()
        self.auditor.close()
        self.auditor = PrivateAuditor(self.chain, WAYS)
        for node in self.nodes:
            node.received = self.auditor.take_raw
        self.relays = [ModelRelay(name, self.chain, SIGNER.address, lanes) for name, lanes in RELAYS.items()]
        for relay in self.relays:
            relay.received = self.auditor.take_private
        self.steps: dict[str, list[str]] = {}
        self.shown: set[str] = set()

    def _equip(self, life: Life) -> None:
        life.routes = lambda _, life: [RelayRoute(relay, life) for relay in self.relays]

    # What the caller does

    @rule(
        window=st.integers(1, 5),
        then_public=st.booleans(),
        deadline=st.none() | st.integers(5, 300),
        reverts=st.sampled_from([False, False, False, True]),
    )
    def submit_private(self, window: int, then_public: bool, deadline: int | None, reverts: bool) -> None:
        key = f"p{next(self.names)}"
        data = (b"!" if reverts else b".") + key.encode()
        until = None if deadline is None else self.chain.at + deadline
        route = RoutePolicy(is_private=True, window=window, then_public=then_public)
        intent = TxIntent(key, Call(SHOP, data, 0), gas_limit=21_000, deadline=until, route=route)
        self.wanted[key] = Wanted(intent)
        self._ask(self.wanted[key])

    @precondition(lambda self: self._is_up())
    @rule(count=st.integers(2, 3), window=st.integers(1, 5), deadline=st.none() | st.integers(5, 300))
    def submit_bundle(self, count: int, window: int, deadline: int | None) -> None:
        name = f"q{next(self.names)}"
        until = None if deadline is None else self.chain.at + deadline
        self.steps[name] = [f"{name}.{n}" for n in range(count)]
        for key in self.steps[name]:
            call, route = Call(SHOP, f".{key}".encode(), 0), RoutePolicy.private(window)
            intent = TxIntent(key, call, gas_limit=21_000, deadline=until, route=route)
            self.wanted[key] = Wanted(intent)
        self.bundle_again(name)

    @precondition(lambda self: self._is_up() and self.steps)
    @rule(data=st.data())
    def submit_bundle_again(self, data: st.DataObject) -> None:
        """13: whatever became of it."""
        self.bundle_again(data.draw(st.sampled_from(sorted(self.steps))))

    def bundle_again(self, name: str) -> None:
        assert self.life is not None
        self.life.spawn(self._want_bundle([self.wanted[key] for key in self.steps[name]], self.life))

    async def _want_bundle(self, steps: list[Wanted], life: Life) -> None:
        assert life.sender is not None
        route = steps[0].intent.route
        assert route is not None
        with suppress(TrimtabError):
            intents = [wanted.intent for wanted in steps]
            handles = await life.sender.submit_bundle(intents, window=route.window)
            for wanted, handle in zip(steps, handles, strict=True):
                life.spawn(self._listen(wanted, handle))
                wanted.told.append(await handle.outcome(at=Finality.FINAL))

    # What relays do

    @rule(relay=st.integers(0, 1), fault=st.sampled_from(FAULTS), times=st.integers(1, 3))
    def trouble_relay(self, relay: int, fault: Fault, times: int) -> None:
        self.relays[relay].troubles.extend([Trouble(fault)] * times)

    @rule(
        where=st.sampled_from([(0,), (1,), (0, 1)]),
        refusal=st.sampled_from((*REFUSALS, SendClass.UNAUTHORISED, SendClass.REVERT)),
        lies=st.booleans(),
    )
    def refuse_privately(self, where: tuple[int, ...], refusal: SendClass, lies: bool) -> None:
        for number in where:
            self.relays[number].lies = lies
            self.relays[number].troubles.append(Trouble(Fault.REJECT, refusal))

    @rule(relay=st.integers(0, 1))
    def forget(self, relay: int) -> None:
        self.relays[relay].kept.clear()

    @precondition(lambda self: self._hoard())
    @rule(data=st.data(), name=st.sampled_from(NODES))
    def leak(self, data: st.DataObject, name: str) -> None:
        """Something that a relay ever had comes to a public pool."""
        tx = data.draw(st.sampled_from(self._hoard())).txs[0]
        self.shown.add(tx.tx_hash)
        self.chain.offer(name, tx)

    @precondition(lambda self: self._hoard())
    @rule(data=st.data(), alone=st.sampled_from([False, False, True]))
    def include_at_will(self, data: st.DataObject, alone: bool) -> None:
        """A builder includes what it ever had: before its time, after its window, part of a bundle."""
        offer = data.draw(st.sampled_from(self._hoard()))
        txs = offer.txs[:1] if alone else offer.txs
        if alone and offer.is_bundle:
            self.shown.add(txs[0].tx_hash)
        if self._may_be_mined(txs):
            self.chain.mine(txs)

    def _hoard(self) -> list[Offer]:
        return [offer for relay in self.relays for offer in relay.hoard][-20:]

    @precondition(lambda self: self.chain.reorg_room > 0)
    @rule(depth=st.integers(1, FINAL_DEPTH), keep=st.booleans())
    def reorg(self, depth: int, keep: bool) -> None:
        """An uncled block shows everybody what was in it."""
        depth = min(depth, self.chain.reorg_room)
        self.shown |= {tx.tx_hash for block in self.chain.blocks[-depth:] for tx in block.txs}
        self.chain.reorg(depth, keep)
        for node in self.nodes:
            node.push_head()

    def _mine(self, most: int, last: bool = False) -> None:
        bundle = next(
            (item for item in self._offers() if item.is_bundle and self._may_be_mined(item.txs)), None
        )
        if most < len(bundle.txs if bundle else ()) or bundle is None:
            super()._mine(most, last)
            return
        self.chain.mine(bundle.txs)
        for node in self.nodes:
            node.push_head()

    def _offers(self) -> list[Offer]:
        return [offer for relay in self.relays for offer in relay.offers(self.chain.head + 1)]

    def _candidates(self, nonce: int) -> list[ModelTx]:
        offers = {tx.tx_hash: tx for tx in super()._candidates(nonce)}
        balance = self.chain.balance()
        for offer in self._offers():
            tx = offer.txs[0]
            is_for_it = not offer.is_bundle and tx.nonce == nonce
            if is_for_it and tx.fees.fee_cap >= self.chain.base_fee and tx.worst_cost <= balance:
                offers[tx.tx_hash] = tx
        return list(offers.values())

    def _may_be_mined(self, txs: tuple[ModelTx, ...]) -> bool:
        nonce = self.chain.nonce()
        return (
            [tx.nonce for tx in txs] == list(range(nonce, nonce + len(txs)))
            and all(tx.fees.fee_cap >= self.chain.base_fee for tx in txs)
            and sum(tx.worst_cost for tx in txs) <= self.chain.balance()
        )

    def include_all(self, offer: Offer) -> None:
        """Whatever its window was."""
        self.chain.mine(offer.txs)

    def listen(self, key: str) -> tuple[list[TxProgress], TxOutcome]:
        """All that its handle tells now, and how it says that it ended."""
        found: list[TxProgress] = []
        ends: list[TxOutcome] = []
        self._do(self._hear(key, found, ends))
        return found, ends[0]

    async def _hear(self, key: str, found: list[TxProgress], ends: list[TxOutcome]) -> None:
        handle = self._sender().handle(key)
        ends.append(await handle.outcome())
        async for event in handle.events():
            found.append(event)

    # Invariants

    @invariant()
    def private_bytes_are_in_no_public_pool(self) -> None:
        """10: unless the file sends them there, or somebody else did."""
        pooled = self.chain.pooled() - self.shown
        private = {tx.tx_hash for relay in self.relays for offer in relay.hoard for tx in offer.txs}
        for tx_hash in pooled & private:
            assert self.auditor.endpoints.get(tx_hash, set()) & set(NODES), "10: private bytes in public"

    @invariant()
    def bundles_happen_as_a_whole(self) -> None:
        """But for what others took out of them. A step that was submitted again alone is no bundle."""
        mined = self.chain.mined()
        done = {self.auditor.kinds[h][1] for h in mined if self._is_normal(h)}
        shown = {self.auditor.kinds[h][1] for h in self.shown if h in self.auditor.kinds}
        for keys in self.steps.values():
            if shown.isdisjoint(keys) and not self._went_alone(keys):
                assert len(done & set(keys)) in (0, len(keys)), f"half a bundle: {done & set(keys)}"

    def _is_normal(self, tx_hash: Any) -> bool:
        return self.auditor.kinds.get(tx_hash, (Kind.CANCEL, ""))[0] is Kind.NORMAL

    def _went_alone(self, keys: list[str]) -> bool:
        told = [record for key in keys for record in self.auditor.stories.get(key, [])]
        return any(isinstance(record, r.Submitted) and not record.bundle for record in told)

    def _settle(self) -> None:
        for relay in self.relays:
            relay.heal()
        super()._settle()


class LongPrivateShell(PrivateShell):
    """The same machine, for `make soak`."""


TestLongPrivateShell = pytest.mark.soak(LongPrivateShell.TestCase)
TestLongPrivateShell.settings = machine_settings(10_000, 30)
TestPrivateShell = PrivateShell.TestCase
TestPrivateShell.settings = machine_settings(40, 30)


def test_a_listener_hears_that_it_was_dropped_and_then_happened() -> None:
    """A relay kept the bytes past the window: `Dropped` is told, and later what is true; the whole story to
    who asks then, in this life and in the next."""
    machine = PrivateShell()
    machine.start(past=0, depth=FINAL_DEPTH + 1, simulate=False, slow=False)
    machine.wait(seconds=3.0)
    machine.submit_private(window=1, then_public=False, deadline=None, reverts=False)
    machine.wait(seconds=0.5)
    machine.mine(blocks=5, most=0, last=False)
    (wanted,) = machine.wanted.values()
    assert [type(outcome) for outcome in wanted.told] == [Dropped]
    machine.include_all(machine._hoard()[0])
    machine.mine(blocks=FINAL_DEPTH + 2, most=0, last=False)
    for _ in range(2):
        heard, told = machine.listen(wanted.intent.key)
        names = [type(event).__name__ for event in heard]
        assert names.index("NotSent") < names.index("Reclaimed") < names.index("Included")
        assert names[-1] == "Final"
        assert isinstance(told, Succeeded)
        machine.restart(downtime=0.0)
        machine.wait(seconds=3.0)
    machine.nothing_was_violated()
    machine.teardown()
