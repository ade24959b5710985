"""Fee quotes without a request."""

from __future__ import annotations

import pytest

from trimtab.chain.chains.base import LEAST_TIP
from trimtab.errors import ConfigError, RpcError
from trimtab.model.ids import Address
from trimtab.tx.fees import GWEI, Fees, bump_price, fit_bump
from trimtab.tx.market import FeeMarket, Terms
from trimtab.tx.rollup import NOTHING
from trimtab.tx.simulate import with_margin

ACCOUNT = Address("0x" + "aa" * 20)


def history(*rewards: int) -> dict[str, object]:
    return {"history": {"reward": [[hex(reward)] for reward in rewards]}}


def test_a_quote_follows_head_and_history() -> None:
    """Twice the head's base fee plus the median tip."""
    market = FeeMarket(10, None)
    market.take_head(5, 100)
    market.take_answers(history(3 * GWEI, 5 * GWEI, 4 * GWEI))
    assert market.terms().fees == Fees(4 * GWEI, 200 + 4 * GWEI)


@pytest.mark.parametrize(
    ("chain_id", "floor"), [(1, GWEI), (137, 30 * GWEI), (10, LEAST_TIP), (987654321, LEAST_TIP)]
)
def test_the_tip_has_the_chains_floor(chain_id: int, floor: int) -> None:
    """An idle chain's zero rewards do not make a tip that waits for many blocks."""
    market = FeeMarket(chain_id, None)
    market.take_head(1, 0)
    market.take_answers(history(0, 0))
    assert market.terms().fees == Fees(floor, floor)


def test_the_callers_floor_wins() -> None:
    """Also when it is 0."""
    market = FeeMarket(1, 0)
    market.take_head(1, 50)
    assert market.terms().fees == Fees(0, 100)


def test_history_is_due_every_ten_blocks() -> None:
    """The tip is kept, and asked for now and then; a node without rewards is not asked each time."""
    market = FeeMarket(1, None)
    due = []
    for head in (100, 109, 110):
        market.take_head(head, 1)
        due.append("history" in market.questions(ACCOUNT))
        if head == 100:
            market.take_answers({"history": {}})
    assert due == [True, False, True]


def test_a_chain_without_base_fee_is_refused() -> None:
    """Only EIP-1559 transactions are sent, so the error comes before the first of them."""
    with pytest.raises(ConfigError, match="EIP-1559"):
        FeeMarket(1, None).take_head(1, None)


@pytest.mark.parametrize("broken", [{"reward": [["0xzz"]]}, {"reward": [[None]]}, {"reward": 7}, {}])
def test_a_history_that_cannot_be_read_changes_no_price(broken: dict[str, object]) -> None:
    """A node's odd answer neither raises nor moves the tip under the floor."""
    market = FeeMarket(10, 5)
    market.take_head(5, 100)
    market.take_answers({"history": broken})
    assert market.terms().fees == Fees(5, 205)


@pytest.mark.parametrize(
    ("rewards", "tip"),
    [
        ([], 5),
        ([[]] * 10, 5),
        ([["0x0"]] * 10, 5),
        ([["0x0"]] * 4 + [["0x9"]] * 6, 9),
        ([[hex(2**256 - 1)]] * 10, 5),
        ([[hex(2**256 - 1)]] * 5 + [["0x7"]] * 3, 7),
        ([["0x7"]] * 1024, 7),
        ([["-0x7"]] * 10, 5),
    ],
)
def test_a_strange_history_makes_no_strange_tip(rewards: list[list[str]], tip: int) -> None:
    """Empty, of empty rows, of idle blocks, far too long, or of numbers that nobody pays: those are not
    believed, and the floor stands under the rest."""
    market = FeeMarket(10, 5)
    market.take_head(5, 100)
    market.take_answers({"history": {"reward": rewards}})
    assert market.terms().fees == Fees(tip, 200 + tip)


def test_a_storm_that_triples_the_base_fee_is_outbid() -> None:
    """Ten blocks, each an eighth dearer: the first price lasts for five of them, and a replacement at each of
    the policy's three blocks is never under the next block's base fee; every step is legal."""
    market, base_fee = FeeMarket(1, GWEI), 20 * GWEI
    market.take_head(0, base_fee)
    signed, lasted = market.terms().fees, 0
    for number in range(1, 11):
        base_fee = base_fee * 9 // 8
        market.take_head(number, base_fee)
        lasted += number == lasted + 1 and signed.fee_cap >= base_fee + signed.tip
        if number % 3 == 0:
            before, signed = signed, fit_bump(signed, market.terms().fees, None)
            assert signed.fee_cap >= bump_price(before.fee_cap)
        assert signed.fee_cap >= base_fee + GWEI
    assert base_fee > 3 * 20 * GWEI
    assert lasted >= 5


def test_a_lagging_heads_base_fee_is_no_news() -> None:
    """A node that is behind tells an old price."""
    market = FeeMarket(1, 0)
    market.take_head(9, 300)
    market.take_head(8, 100)
    assert market.base_fee == 300


def test_a_chain_without_a_mempool_is_not_asked_for_tips() -> None:
    """First come, first served: the tip is nothing, and the gas of a transfer is the node's to say."""
    market = FeeMarket(42_161, None)
    market.take_head(5, 100)
    assert set(market.questions(ACCOUNT)) == {"transfer"}
    assert market.terms().cancel_gas is None
    for odd in (ValueError("no"), None, "0xzz", hex(2**60), 7):
        market.take_answers({"transfer": odd})
        assert set(market.questions(ACCOUNT)) == {"transfer"}, "asked until it is known"
    market.take_answers({"transfer": hex(100_000)})
    assert market.terms() == Terms(Fees(0, 200), 100, with_margin(100_000))
    assert market.questions(ACCOUNT) == {}
    assert FeeMarket(42_161, None, 70_000).terms().cancel_gas == 70_000


def test_a_rollups_fees_are_asked_for_until_known_and_then_now_and_then() -> None:
    """With the tips, in the same look."""
    market = FeeMarket(10, None)
    market.take_head(5, 100)
    asked = market.questions(ACCOUNT)
    assert {"history", "l1BaseFee()", "isFjord()", "operator(0)"} <= set(asked)
    market.take_answers(dict.fromkeys(asked))
    assert market.terms().l1 is None
    assert "l1BaseFee()" in market.questions(ACCOUNT)
    market.take_answers({**dict.fromkeys(asked), "l1BaseFee()": "0x" + "00" * 31 + "09"})
    l1 = market.terms().l1
    assert l1 is not None
    assert l1.l1_base_fee == 9
    assert market.questions(ACCOUNT) == {}
    market.take_head(15, 100)
    assert "l1BaseFee()" in market.questions(ACCOUNT)


def test_a_rollups_fee_that_nobody_has_told_is_due() -> None:
    """Until the oracle answers, the worst case is not known; a chain of that id without an oracle takes
    nothing."""
    market = FeeMarket(10, None)
    market.take_head(1, 100)
    assert market.terms().l1_is_due
    market.take_answers({"l1BaseFee()": RpcError("busy", code=-32000)})
    assert market.terms().l1_is_due
    market.take_answers({"l1BaseFee()": "0x"})
    assert not market.terms().l1_is_due
    assert market.terms().l1 == NOTHING
    assert NOTHING.worst_fee(1_000, 10**6) == 0
