"""A life in private lanes, for tests of the reducer: two relays beside two nodes, bundles to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.tx.test_decide import CANON, MARKET, POLICY, Life

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import Fees
from trimtab.tx.lanes import Lane, RoutePolicy, Ways
from trimtab.tx.reducer import replay
from trimtab.tx.states import Kind, Mined, Slot, change

NODES = ("a", "b")
RELAYS = ("relay", "builder")
ALL = Ways({Lane.PUBLIC: NODES, Lane.PRIVATE: RELAYS, Lane.BUNDLE: RELAYS[1:]})
ONLY_PRIVATE = Ways({Lane.PRIVATE: RELAYS, Lane.BUNDLE: RELAYS[1:]})
WINDOW = 5
PATIENT = replace(POLICY, window=8, finality_depth=20, drop_margin=2, clean_passes=2)
PASSES = PATIENT.clean_passes


class PrivateLife(Life):
    """Heads are looked at one by one; what a look knows of hashes is that the node does not have them, unless
    it says more."""

    def __init__(self, ways: Ways = ALL) -> None:
        super().__init__(PATIENT)
        self.ways = ways
        self.mined: dict[TxHash, Mined] = {}
        self.used = 0

    def submit_private(
        self, key: str = "k", *, route: RoutePolicy | None = None, deadline: int | None = None
    ) -> None:
        chosen = RoutePolicy.private(WINDOW) if route is None else route
        self.feed(e.Submit(self.intent_of(key, chosen, deadline)))
        self.check(key)

    def submit_bundle(self, count: int = 2, name: str = "b", deadline: int | None = None) -> list[str]:
        keys = [f"{name}.{number}" for number in range(count)]
        route = RoutePolicy.private(WINDOW)
        steps = [
            change(self.intent_of(key, route, deadline), batch=name, step=number, bundle=count)
            for number, key in enumerate(keys)
        ]
        self.feed(e.SubmitBatch(tuple(steps)))
        return keys

    def intent_of(self, key: str, route: RoutePolicy | None, deadline: int | None = None) -> r.Submitted:
        return r.Submitted(
            key=key,
            digest=key,
            target=Address("0x"),
            data=b"",
            value=0,
            gas_limit=1,
            deadline=deadline,
            route=route,
            at=self.at,
        )

    def sign(self, nonce: int, kind: Kind = Kind.NORMAL, price: int = 100, ask: int | None = None) -> TxHash:
        tx_hash = TxHash(f"{nonce}.{self.state.slots[nonce].key}.{kind}.{price}")
        number = self.ask(nonce) if ask is None else ask
        fees = Fees(price, price)
        self.feed(
            e.Signed(nonce, kind, tx_hash, tx_hash.encode(), fees, 1, price, self.ways, self.at, number)
        )
        return tx_hash

    def say(self, nonce: int, tx_hash: TxHash, said: SendClass | None, *endpoints: str) -> None:
        for endpoint in endpoints:
            self.answer(nonce, tx_hash, endpoint, said)

    def fly(self, key: str = "k", *, nonce: int = 0, route: RoutePolicy | None = None) -> TxHash:
        """Private, and taken by both relays."""
        self.submit_private(key, route=route)
        tx_hash = self.sign(nonce)
        self.say(nonce, tx_hash, None, *RELAYS)
        return tx_hash

    def fly_bundle(self, count: int = 2, name: str = "b", first: int = 0) -> list[TxHash]:
        self.submit_bundle(count, name)
        hashes = [self.sign(first + number) for number in range(count)]
        for number, tx_hash in enumerate(hashes):
            self.say(first + number, tx_hash, None, "builder")
        return hashes

    def look(self, head: int, **more: Any) -> list[Any]:
        """One look at `head`; the sends that follow."""
        watched = (*self.state.slots.values(), *self.state.given_up.values())
        hashes = {attempt.tx_hash for slot in watched for attempt in slot.attempts}
        seen: dict[str, Any] = {
            "account_nonce": self.used,
            "mined": self.mined,
            "absent": frozenset(hashes - self.mined.keys()),
            "market": MARKET,
            "canonical": CANON,
        }
        self.feed(e.Observed(head, self.at, ways=self.ways, **{**seen, **more}))
        return self.sends

    def mine(self, block: int, *hashes: TxHash) -> None:
        """From now on looks find them in this block."""
        self.mined |= {tx_hash: Mined(tx_hash, block, CANON[block], True, 1, 1) for tx_hash in hashes}
        self.used += len(hashes)

    def pass_window(self, last_block: int) -> None:
        """Past it and its margin, as often as it takes."""
        for _ in range(PASSES):
            self.look(last_block + PATIENT.drop_margin + 1)

    def restart(self, account_nonce: int | None = None) -> None:
        """A new life on the same records."""
        self.state = replay(r.decode_record(r.encode_record(fact)) for fact in self.facts)
        nonce = self.used if account_nonce is None else account_nonce
        self.feed(e.Recovered(nonce, self.state.head, self.at, self.ways))

    @property
    def sends(self) -> list[Any]:
        return [effect for effect in self.effects if isinstance(effect, e.Send | e.SendBundle)]

    @property
    def is_halted(self) -> bool:
        return self.state.halted is not None

    def slot(self, nonce: int = 0) -> Slot:
        return self.state.slots[nonce]

    def sent_to(self) -> set[str]:
        """Every endpoint that any record names."""
        begun = [fact for fact in self.facts if isinstance(fact, r.SendBegun)]
        return {name for fact in begun for name in fact.endpoints}

    def begun(self, tx_hash: TxHash) -> Sequence[r.SendBegun]:
        return [fact for fact in self.facts if isinstance(fact, r.SendBegun) and fact.tx_hash == tx_hash]
