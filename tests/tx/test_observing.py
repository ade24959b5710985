"""What one look at the chain proves, and what it does not: depths, votes of several nodes, nodes that lag."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.tx.test_decide import CANON, ENDPOINTS, POLICY, WAYS, Life, mined

from trimtab.chain.rpc_errors import SendClass
from trimtab.model.ids import Address, BlockHash, TxHash
from trimtab.tx import events as e
from trimtab.tx import records as r
from trimtab.tx.fees import Fees
from trimtab.tx.policy import TxPolicy
from trimtab.tx.reducer import replay, step
from trimtab.tx.states import IntentState, Kind, Refusal

FORKED = {3: BlockHash("other")}


class OwnLife(Life):
    """A life with a policy of its own."""

    def __init__(self, policy: TxPolicy = POLICY) -> None:
        super().__init__()
        self.policy = policy

    def feed(self, event: e.Event) -> None:
        self.state, self.effects = step(self.state, event, self.policy)
        self.facts += [effect for effect in self.effects if getattr(effect, "durable", False)]


@pytest.fixture
def life() -> OwnLife:
    return OwnLife()


def included(life: Life, key: str = "k", nonce: int = 0, block: int = 3) -> TxHash:
    tx_hash = life.live(key, nonce)
    life.observe(block, mined=mined(tx_hash, block))
    assert life.intent(key) is IntentState.INCLUDED
    return tx_hash


# Levels


def test_safe_stands_between_confirmed_and_final() -> None:
    """By the chain's own safe block; not before, and only while the block that holds it is known as
    canonical."""
    life = OwnLife(replace(POLICY, finality_depth=None))
    included(life)
    life.observe(4, safe=2)
    assert life.intent("k") is IntentState.CONFIRMED
    life.observe(5, safe=3, canonical={})
    assert life.intent("k") is IntentState.CONFIRMED
    life.observe(5, safe=3)
    assert life.intent("k") is IntentState.SAFE
    life.observe(6, safe=3, finalized=2)
    assert life.intent("k") is IntentState.SAFE
    assert replay(life.facts).intents["k"].state is IntentState.SAFE
    life.observe(7, safe=3, finalized=3)
    assert life.intent("k") is IntentState.SUCCEEDED


@pytest.mark.parametrize("ok", [True, False])
def test_safe_by_depth_holds_for_reverts_alike(ok: bool) -> None:
    """A depth of the policy's own, whatever the node calls safe; what reverted is no surer than what did
    not."""
    life = OwnLife(replace(POLICY, safe_depth=4, finality_depth=9))
    tx_hash = life.live("k", 0)
    life.observe(3, mined=mined(tx_hash, 3, ok=ok))
    life.observe(5, safe=40)
    assert life.intent("k") is IntentState.CONFIRMED
    life.observe(6)
    assert life.intent("k") is IntentState.SAFE


def test_a_reorg_undoes_safe_too(life: OwnLife) -> None:
    """It should not happen, and does not go unseen when it does."""
    tx_hash = included(life)
    life.observe(4, safe=3)
    assert life.intent("k") is IntentState.SAFE
    life.observe(5, canonical=FORKED)
    assert life.intent("k") is IntentState.LIVE
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]


# Votes


def test_a_nonce_is_taken_by_others_only_on_the_word_of_several_nodes(life: OwnLife) -> None:
    """T11: one node's clean looks are not enough where there are two; both without an error in a look are."""
    tx_hash = life.live("k", 0)
    gone = frozenset({tx_hash})
    life.observe(3, account_nonce=1)
    for _ in range(2 * POLICY.clean_passes):
        life.observe(9, account_nonce=1, final_nonce=1, absent=gone, readers=2, witnesses={tx_hash: 1})
        assert life.intent("k") is IntentState.RESOLVING
    for _ in range(POLICY.clean_passes):
        assert life.state.halted is None
        life.observe(9, account_nonce=1, final_nonce=1, absent=gone, readers=2, witnesses={tx_hash: 2})
    assert life.intent("k") is IntentState.SUPERSEDED
    assert life.state.halted is not None


def test_the_quorum_is_at_most_the_nodes_there_are() -> None:
    """Three are asked for, two exist: two are enough, one is not; and every hash of the slot is asked for."""
    life = OwnLife(replace(POLICY, quorum=3, clean_passes=1))
    first = life.live("k", 0)
    life.feed(e.CancelAsked("k"))
    second = life.sign(0, Kind.CANCEL, 200)
    for endpoint in ENDPOINTS:
        life.answer(0, second, endpoint)
    gone = frozenset({first, second})
    known: dict[str, Any] = {"account_nonce": 1, "final_nonce": 1, "absent": gone, "readers": 2}
    life.observe(3, account_nonce=1)
    life.observe(9, **known, witnesses={first: 2, second: 1})
    assert life.intent("k") is IntentState.RESOLVING
    life.observe(9, **known, witnesses={first: 2, second: 2})
    assert life.intent("k") is IntentState.SUPERSEDED


def test_one_forked_node_does_not_undo_an_inclusion(life: OwnLife) -> None:
    """T13: of two nodes one shows another block, the other ours: nothing moves. Both show another: a
    reorg."""
    included(life)
    for _ in range(2 * POLICY.clean_passes):
        life.observe(4, canonical=FORKED, readers=2, dissent={3: 1}, assent={3: 1})
        assert life.intent("k") is IntentState.INCLUDED
    life.observe(4, canonical=FORKED, readers=2, dissent={3: 2})
    assert life.intent("k") is IntentState.LIVE


def test_a_reorg_is_seen_though_the_other_nodes_are_silent(life: OwnLife) -> None:
    """The one that answers must say so as often in a row as a single node must about a nonce."""
    included(life)
    life.observe(4, canonical=FORKED, readers=2, dissent={3: 1})
    life.observe(4, readers=2)
    life.observe(4, canonical=FORKED, readers=2, dissent={3: 1})
    assert life.intent("k") is not IntentState.LIVE, (
        "a look in between that shows ours begins the count again"
    )
    life.observe(4, canonical=FORKED, readers=2, dissent={3: 1})
    assert life.intent("k") is IntentState.LIVE


# Nodes that lag


def test_a_lagging_node_ends_no_doubt(life: OwnLife) -> None:
    """Its old count of the account says that the nonce is unused: it says nothing; a current node's does."""
    life.live("k", 0)
    life.observe(9, account_nonce=1)
    assert life.intent("k") is IntentState.RESOLVING
    life.observe(8, account_nonce=0)
    assert life.intent("k") is IntentState.RESOLVING
    life.observe(9, account_nonce=0)
    assert life.intent("k") is IntentState.LIVE


def test_a_lagging_node_takes_no_nonce_away(life: OwnLife) -> None:
    """Its blocks end before the one that holds ours: that it does not know our hash proves nothing."""
    tx_hash = life.live("k", 0)
    life.observe(9, account_nonce=1)
    for _ in range(2 * POLICY.clean_passes):
        life.observe(8, account_nonce=1, final_nonce=1, absent=frozenset({tx_hash}))
        assert life.intent("k") is IntentState.RESOLVING
    assert life.state.halted is None


def test_a_lagging_forked_node_undoes_no_inclusion(life: OwnLife) -> None:
    """A stale branch shows another block at our height; the real reorg comes with a head as high as known."""
    tx_hash = included(life)
    life.observe(6)
    for _ in range(2 * POLICY.clean_passes):
        life.observe(5, canonical=FORKED, absent=frozenset({tx_hash}))
        assert life.intent("k") is IntentState.CONFIRMED
    life.observe(6, canonical=FORKED)
    assert life.intent("k") is IntentState.LIVE


def test_a_lagging_node_makes_no_gap(life: OwnLife) -> None:
    """It waits for a nonce that was used long ago: nothing is sent to fill it."""
    life.feed(e.Recovered(account_nonce=1, head=1, at=life.at, ways=WAYS))
    life.live("ours", 1)
    life.feed(e.Observed(30, life.at, canonical=CANON, ways=WAYS, market=Fees(1, 1)))
    life.observe(29, account_nonce=0)
    assert not [ask for ask in life.did(e.Sign) if ask.nonce == 0]
    life.observe(30, account_nonce=0)
    assert [ask.kind for ask in life.did(e.Sign) if ask.nonce == 0] == [Kind.CANCEL]


def test_a_lagging_head_moves_nothing_back(life: OwnLife) -> None:
    """Head and chain time only rise, so that no patience begins again."""
    included(life)
    life.at = 200
    life.observe(20)
    life.at = 100
    life.observe(4)
    assert (life.state.head, life.state.at) == (20, 200)


# Without a mempool

CHAINED = replace(POLICY, pipeline=1, replaces_stuck=False)


def test_without_a_mempool_nothing_is_replaced_for_its_age() -> None:
    """The market is above its price, and it is old: identical bytes all the same."""
    life = OwnLife(CHAINED)
    tx_hash = life.live("k", 0)
    life.at += POLICY.rebroadcast_after
    life.observe(40, account_nonce=0, base_fee=80)
    assert not life.did(e.Sign)
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]


def test_without_a_mempool_a_price_without_room_is_made_anew_before_a_resend() -> None:
    """A fee cap under 5/4 of the base fee would be refused on arrival; when the caps forbid a new price, the
    bytes are repeated until the next head."""
    life = OwnLife(CHAINED)
    tx_hash = life.live("k", 0)
    life.at += POLICY.rebroadcast_after
    life.observe(5, account_nonce=0, base_fee=81)
    assert [(ask.nonce, ask.above) for ask in life.did(e.Sign)] == [(0, Fees(100, 100))]
    life.feed(e.SignFailed(0, Refusal.FEE_CAP, "too dear", life.at, life.ask(0)))
    life.observe(5, account_nonce=0, base_fee=81)
    assert [send.tx_hash for send in life.did(e.Send)] == [tx_hash]
    for endpoint in ENDPOINTS:
        life.answer(0, tx_hash, endpoint)
    life.at += POLICY.rebroadcast_after
    life.observe(6, account_nonce=0, base_fee=81)
    assert [ask.nonce for ask in life.did(e.Sign)] == [0]


def test_a_refusal_for_the_base_fee_is_priced_anew_though_the_bytes_may_be_out() -> None:
    """One endpoint never answered, the other says that the price is overtaken: waiting would be for ever."""
    life = OwnLife(CHAINED)
    life.submit("k")
    life.check("k")
    tx_hash = life.sign(0)
    life.answer(0, tx_hash, "a", SendClass.AMBIGUOUS)
    life.answer(0, tx_hash, "b", SendClass.FEECAP_LT_BASE)
    life.at += POLICY.rebroadcast_after
    life.observe(5, account_nonce=0)
    assert [(ask.nonce, ask.above) for ask in life.did(e.Sign)] == [(0, Fees(100, 100))]


# Accounts with code


def delegating(life: Life, key: str) -> None:
    submitted = r.Submitted(
        key=key,
        digest=key,
        target=Address("0x"),
        data=b"",
        value=0,
        gas_limit=1,
        is_delegation=True,
        at=life.at,
    )
    life.feed(e.Submit(submitted))
    life.check(key)


def test_an_account_with_code_has_one_in_flight(life: OwnLife) -> None:
    """EIP-7702: pools take no second one, so the next waits for the first to be mined."""
    life.observe(1, is_delegated=True)
    tx_hash = life.live("a", 0)
    life.submit("b")
    life.check("b")
    assert not life.did(e.Sign)
    life.observe(3, account_nonce=1, mined=mined(tx_hash, 3))
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]
    life.observe(4, is_delegated=False)
    assert not life.state.is_delegated


def test_a_node_that_counts_tells_that_there_is_code(life: OwnLife) -> None:
    """The refusal comes before the next look: the window shrinks at once, and the bytes are kept."""
    life.live("a", 0)
    life.submit("b")
    life.check("b")
    second = life.sign(1)
    life.refuse(1, second, SendClass.DELEGATED_7702, SendClass.DELEGATED_7702)
    assert life.state.is_delegated
    assert 1 in life.state.slots
    assert not replay(life.facts).is_delegated, "found out again in each life"


def test_a_delegation_of_the_account_itself_is_alone_in_flight(life: OwnLife) -> None:
    """It waits for those before it, and those after it wait."""
    first = life.live("a", 0)
    delegating(life, "code")
    assert not life.did(e.Sign)
    life.observe(3, account_nonce=1, mined=mined(first, 3))
    assert [ask.nonce for ask in life.did(e.Sign)] == [1]
    code = life.sign(1)
    for endpoint in ENDPOINTS:
        life.answer(1, code, endpoint)
    life.submit("b")
    life.check("b")
    assert not life.did(e.Sign)
    life.observe(4, account_nonce=3, mined=mined(code, 4))
    assert [ask.nonce for ask in life.did(e.Sign)] == [3]


def test_a_delegation_of_the_account_itself_uses_two_nonces(life: OwnLife) -> None:
    """Its authorisation counts too: that is no foreign use of the key; one more would be."""
    delegating(life, "code")
    code = life.sign(0)
    for endpoint in ENDPOINTS:
        life.answer(0, code, endpoint)
    life.observe(2, account_nonce=2)
    life.observe(3, account_nonce=2, mined=mined(code, 3))
    assert (life.state.halted, life.state.nonces.lowest) == (None, 2)
    assert replay(life.facts).nonces == life.state.nonces
    life.observe(4, account_nonce=3)
    assert life.state.halted is not None


def test_a_cancelled_delegation_uses_one_nonce() -> None:
    """The authorisation went with the transaction that was not mined."""
    other = OwnLife()
    delegating(other, "code")
    normal = other.sign(0)
    for endpoint in ENDPOINTS:
        other.answer(0, normal, endpoint)
    other.feed(e.CancelAsked("code"))
    cancel = other.sign(0, Kind.CANCEL, 200)
    other.observe(3, account_nonce=1, mined=mined(cancel, 3))
    assert (other.state.halted, other.state.nonces.lowest) == (None, 1)
