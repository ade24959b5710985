"""No cap of a key is exceeded in any window, whatever happens: the truth is added up from what a model chain
mined, and knows nothing of what the guard counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from trimtab.errors import FeeCapExceededError, LimitError
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.model.limits import Limits
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.drafting import Desk, Draft
from trimtab.tx.fees import quote
from trimtab.tx.guard import Guard
from trimtab.tx.lanes import Ways
from trimtab.tx.market import Terms
from trimtab.tx.policy import TxPolicy
from trimtab.tx.reducer import advance, replay
from trimtab.tx.spend_log import DAY, HOUR
from trimtab.tx.states import Kind, Mined, Outcome, Refusal, State

ME, SHOP = Address("0x" + "aa" * 20), Address("0x" + "bb" * 20)
CHAIN = 10
WAYS = Ways.public("a")
POLICY = TxPolicy(window=4, confirmations=2, finality_depth=4, bump_after_blocks=1, rebroadcast_after=30)
DESK = Desk(CHAIN, ME, 10_000)
CANCEL_GAS = 21_000
UNIT = 100_000 * 200
"""What a common call costs at the opening price: caps are a few of these."""


@dataclass(frozen=True)
class Signed:
    """An attempt as the chain gets it."""

    tx_hash: TxHash
    nonce: int
    kind: Kind
    gas: int
    fee_cap: int
    tip: int
    value: int
    notional: Decimal
    excess: int
    """By which a cancellation may cost more than was kept for it."""


@dataclass(frozen=True)
class Included:
    """A transaction of a block: what it really took."""

    tx: Signed
    at: int
    fee: int
    is_success: bool


class Spender(RuleBasedStateMachine):
    """The reducer, the desk and the guard as the driver puts them together, on a chain that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[r.TxFact] = []
        self.state = State()
        self.at = 1_000_000
        self.base_fee = 100
        self.blocks: list[tuple[BlockHash, list[Included]]] = [(BlockHash("g"), [])]
        self.pool: dict[int, list[Signed]] = {}
        self.asks: list[tuple[e.Sign, Draft]] = []
        self.raws: dict[TxHash, Signed] = {}
        self.at_hand: list[tuple[e.Sign, Draft]] = []
        self.is_slow = True
        self.depth = 0
        self.keys = 0
        self.refusals = 0
        self.limits = Limits.unrestricted()
        self.guard = Guard(self.limits, CHAIN, ME)

    # The shell

    def feed(self, event: e.Event) -> None:
        """What a key at hand signs comes after all else that the event led to, like in the driver."""
        self.depth += 1
        self._follow(event)
        self.depth -= 1
        while self.at_hand and not self.depth:
            self._take(*self.at_hand.pop(0))

    def _follow(self, event: e.Event) -> None:
        for effect in advance(self.state, event, POLICY):
            match effect:
                case e.Sign():
                    self._draft(effect)
                case e.Send():
                    self._send(effect)
                case e.Check(key=key):
                    self.feed(e.CheckPassed(key, self.state.intents[key].gas_limit, self.at))
                case e.Rehearse() | e.SendBundle() | e.Withdraw():
                    raise AssertionError("nothing here is private")
                case e.Observe() | e.Changed():
                    pass
                case _ if effect.durable:
                    self.journal.append(r.decode_record(r.encode_record(effect)))

    def _draft(self, ask: e.Sign) -> None:
        """As the driver does, before it asks the signer."""
        slot = self.state.slots[ask.nonce]
        terms = Terms(quote(self.base_fee, 1), self.base_fee, CANCEL_GAS)
        try:
            draft = DESK.draft(self.guard.tighten(self.state.intents[slot.key]), ask, terms)
            self.guard.check_draft(self.state, ask, draft, now=self.at)
        except (LimitError, FeeCapExceededError) as error:
            self._refuse(ask, error)
            return
        (self.asks if self.is_slow else self.at_hand).append((ask, draft))

    def _refuse(self, ask: e.Sign, error: Exception) -> None:
        assert ask.kind is Kind.NORMAL or not isinstance(error, LimitError), "a cancellation was refused"
        self.refusals += isinstance(error, LimitError)
        refusal = Refusal.LIMIT if isinstance(error, LimitError) else Refusal.FEE_CAP
        self.feed(e.SignFailed(ask.nonce, refusal, str(error), self.at, ask.ask))

    def _sign(self, ask: e.Sign, draft: Draft) -> None:
        slot = self.state.slots.get(ask.nonce)
        if slot is None or slot.asked != ask.ask:
            return
        try:
            self.guard.check_draft(self.state, ask, draft, now=self.at)
        except LimitError as error:
            self._refuse(ask, error)
            return
        self._take(ask, draft)

    def _take(self, ask: e.Sign, draft: Draft) -> None:
        slot = self.state.slots[ask.nonce]
        intent, is_normal = self.state.intents[slot.key], ask.kind is Kind.NORMAL
        wanted = [item for item in slot.attempts if item.kind is Kind.NORMAL]
        kept = max((max(item.worst_cost - intent.value, item.reserve) for item in wanted), default=0)
        raw = repr((slot.key, ask.nonce, ask.kind.value, draft.fees, len(self.raws))).encode()
        tx = Signed(
            TxHash("0x" + raw.hex()),
            ask.nonce,
            ask.kind,
            draft.fields.gas_limit,
            draft.fees.fee_cap,
            draft.fees.tip,
            intent.value if is_normal else 0,
            (intent.notional or Decimal(0)) if is_normal else Decimal(0),
            0 if is_normal else max(draft.worst_cost - kept, 0),
        )
        self.raws[tx.tx_hash] = tx
        self.feed(
            e.Signed(
                ask.nonce,
                ask.kind,
                tx.tx_hash,
                raw,
                draft.fees,
                tx.gas,
                draft.worst_cost,
                WAYS,
                self.at,
                ask.ask,
                draft.reserve,
            )
        )

    def _send(self, send: e.Send) -> None:
        tx = self.raws[send.tx_hash]
        offers = self.pool.setdefault(tx.nonce, [])
        if tx not in offers:
            offers.append(tx)
        self.feed(e.SendAnswered(tx.nonce, tx.tx_hash, "a", Outcome.ACCEPTED, "", "", self.at))

    # Rules

    @initialize(
        hour=st.none() | st.integers(UNIT // 5, 3 * UNIT) | st.integers(UNIT // 5, 6 * UNIT),
        day=st.none() | st.integers(UNIT, 20 * UNIT),
        value=st.none() | st.integers(5, 40),
        notional=st.none() | st.integers(5, 40),
        is_slow=st.booleans(),
    )
    def start(
        self, hour: int | None, day: int | None, value: int | None, notional: int | None, is_slow: bool
    ) -> None:
        self.is_slow = is_slow
        self.limits = Limits(
            calls=Limits.unrestricted().calls,
            chains=None,
            max_value_wei=None,
            max_fees_per_hour_wei=hour,
            max_fees_per_day_wei=day,
            max_value_per_day_wei=value,
            max_notional_per_day=None if notional is None else Decimal(notional),
        )
        self._live()

    def _live(self) -> None:
        """A new life: memory is gone, the journal and the chain are not."""
        self.state, self.asks = replay(self.journal), []
        self.guard = Guard(self.limits, CHAIN, ME)
        self.feed(e.Recovered(self._nonce(), len(self.blocks) - 1, self.at, WAYS))

    @rule(
        gas=st.sampled_from([21_000, 100_000, 100_000, 400_000]),
        value=st.integers(0, 9),
        notional=st.integers(0, 9),
        count=st.integers(1, 3),
    )
    def submit(self, gas: int, value: int, notional: int, count: int) -> None:
        for _ in range(count):
            self.keys += 1
            wanted = r.Submitted(
                key=f"k{self.keys}",
                digest="d",
                target=SHOP,
                data=b"\1\2\3\4",
                value=value,
                gas_limit=gas,
                notional=Decimal(notional),
                at=self.at,
            )
            try:
                self.guard.check_wanted(self.state, wanted, now=self.at)
            except LimitError:
                self.refusals += 1
                continue
            self.feed(e.Submit(wanted))

    @precondition(lambda self: self.asks)
    @rule(data=st.data(), everything=st.sampled_from([True, True, False]))
    def sign(self, data: st.DataObject, everything: bool) -> None:
        """The signer answers one question, or all; what it is asked meanwhile comes later."""
        asks, self.asks = self.asks, []
        if not everything:
            chosen = data.draw(st.integers(0, len(asks) - 1))
            self.asks = asks[:chosen] + asks[chosen + 1 :]
            asks = [asks[chosen]]
        for ask, draft in asks:
            self._sign(ask, draft)

    @rule(seconds=st.sampled_from([1, 12, 60, 600, 1_800, 3_000, 20_000, 80_000]))
    def wait(self, seconds: int) -> None:
        self.at += seconds
        self.feed(e.Ticked(self.at, WAYS))

    @rule(
        most=st.integers(0, 4),
        which=st.sampled_from([0, -1, -1]),
        is_dear=st.booleans(),
        is_success=st.booleans(),
        seen=st.sampled_from([True, True, False]),
    )
    def mine(self, most: int, which: int, is_dear: bool, is_success: bool, seen: bool) -> None:
        """Any attempt that is out may be the one that is mined, at any price that its cap allows."""
        self.at += 12
        included: list[Included] = []
        for nonce in range(self._nonce(), self._nonce() + most):
            offers = [tx for tx in self.pool.get(nonce, []) if tx.fee_cap >= self.base_fee]
            if not offers:
                break
            tx = offers[which]
            price = tx.fee_cap if is_dear else min(tx.fee_cap, self.base_fee + tx.tip)
            included.append(Included(tx, self.at, tx.gas * price, is_success))
        self.blocks.append((BlockHash(f"{len(self.blocks)}.{self.at}"), included))
        if seen:
            self.look()

    @rule(fee=st.integers(10, 900))
    def move_base_fee(self, fee: int) -> None:
        self.base_fee = fee

    def _sign_all(self) -> None:
        asks, self.asks = self.asks, []
        for ask, draft in asks:
            self._sign(ask, draft)

    @rule()
    def calm(self) -> None:
        """The common course: all is signed, mined and confirmed, so that actual fees are what counts."""
        for _ in range(4):
            self._sign_all()
            self.mine(9, -1, is_dear=False, is_success=True, seen=True)

    @rule(
        gas=st.sampled_from([21_000, 100_000]),
        first=st.sampled_from(["nothing", "included", "included"]),
        then=st.sampled_from(["nothing", "stuck", "stuck", "cancelled"]),
        rise=st.integers(2, 6),
    )
    def squeeze(self, gas: int, first: str, then: str, rise: int) -> None:
        """As much as is allowed, twice, the first cheap and perhaps undone; then stuck and replaced, or
        cancelled; and the dearest of it is mined at all that it may cost."""
        fee, self.base_fee = self.base_fee, 10
        for round_ in range(2):
            for _ in range(4):
                self.submit(gas, 1, 1, 1)
                self._sign_all()
            if first == "included" and not round_:
                self.mine(9, -1, is_dear=False, is_success=False, seen=True)
        if first == "included":
            self.blocks[-1] = (BlockHash(f"{len(self.blocks)}s{self.at}"), [])
            self.look()
        if then == "cancelled":
            for slot in self.state.unmined:
                self.feed(e.CancelAsked(slot.key))
            self._sign_all()
        for _ in range(2 if then == "stuck" else 0):
            self.base_fee *= rise
            for _ in range(2):
                self.mine(0, -1, is_dear=False, is_success=True, seen=True)
                self._sign_all()
        self.base_fee = 1
        self.mine(9, -1, is_dear=True, is_success=True, seen=True)
        self.base_fee = fee

    @rule()
    def look(self) -> None:
        head = len(self.blocks) - 1
        mined = {
            item.tx.tx_hash: Mined(
                item.tx.tx_hash, number, block_hash, item.is_success, item.tx.gas, item.fee
            )
            for number, (block_hash, included) in enumerate(self.blocks)
            for item in included
        }
        self.feed(
            e.Observed(
                head=head,
                at=self.at,
                finalized=max(head - 3, 0),
                account_nonce=self._nonce(),
                mined=mined,
                canonical={number: block_hash for number, (block_hash, _) in enumerate(self.blocks)},
                market=quote(self.base_fee, 1),
                base_fee=self.base_fee,
                ways=WAYS,
            )
        )

    @precondition(lambda self: len(self.blocks) > 6)
    @rule()
    def reorg(self) -> None:
        """The last block is another: what it held is in the pool again, and may be mined otherwise."""
        self.blocks[-1] = (BlockHash(f"{len(self.blocks)}r{self.at}"), [])
        self.look()

    @precondition(lambda self: self.state.slots)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        keys = sorted(slot.key for slot in self.state.slots.values())
        self.feed(e.CancelAsked(data.draw(st.sampled_from(keys))))

    @rule(draw=st.integers(0, 3))
    def restart(self, draw: int) -> None:
        if draw == 3:
            self._live()

    def _nonce(self) -> int:
        return sum(len(included) for _, included in self.blocks)

    # The truth

    @invariant()
    def no_window_holds_more_than_its_cap(self) -> None:
        """For every window that ends with a mined transaction: no other can hold more."""
        mined = [item for _, included in self.blocks for item in included]
        limits = self.limits
        ways: list[tuple[object, int, Callable[[Included], object]]] = [
            (limits.max_fees_per_hour_wei, HOUR, lambda item: item.fee - item.tx.excess),
            (limits.max_fees_per_day_wei, DAY, lambda item: item.fee - item.tx.excess),
            (limits.max_value_per_day_wei, DAY, lambda item: item.tx.value if item.is_success else 0),
            (limits.max_notional_per_day, DAY, lambda item: item.tx.notional if item.is_success else 0),
        ]
        for cap, seconds, part in ways:
            if cap is None:
                continue
            for last in mined:
                window = [item for item in mined if last.at - seconds < item.at <= last.at]
                spent = sum(part(item) for item in window)  # type: ignore[misc]
                assert spent <= cap, f"{spent} in {seconds} s, above {cap}"  # type: ignore[operator]


class LongSpender(Spender):
    """The same machine, for `make soak`."""


TestLongSpender = pytest.mark.soak(LongSpender.TestCase)
TestLongSpender.settings = settings(max_examples=10_000, stateful_step_count=80, deadline=None)
TestSpender = Spender.TestCase
TestSpender.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
