"""Fee quotes without a request."""

from __future__ import annotations

import pytest

from trimtab.chain.chains.base import LEAST_TIP
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.fees import GWEI, Fees
from trimtab.tx.market import FeeMarket

ACCOUNT = Address("0x" + "aa" * 20)


def history(*rewards: int) -> dict[str, object]:
    return {"history": {"reward": [[hex(reward)] for reward in rewards]}}


def test_a_quote_follows_head_and_history() -> None:
    """Twice the head's base fee plus the median tip."""
    market = FeeMarket(10, None)
    market.take_head(5, 100)
    market.take_answers(history(3 * GWEI, 5 * GWEI, 4 * GWEI))
    assert market.quote() == Fees(4 * GWEI, 200 + 4 * GWEI)


@pytest.mark.parametrize(
    ("chain_id", "floor"), [(1, GWEI), (137, 30 * GWEI), (10, LEAST_TIP), (987654321, LEAST_TIP)]
)
def test_the_tip_has_the_chains_floor(chain_id: int, floor: int) -> None:
    """An idle chain's zero rewards do not make a tip that waits for many blocks."""
    market = FeeMarket(chain_id, None)
    market.take_head(1, 0)
    market.take_answers(history(0, 0))
    assert market.quote() == Fees(floor, floor)


def test_the_callers_floor_wins() -> None:
    """Also when it is 0."""
    market = FeeMarket(1, 0)
    market.take_head(1, 50)
    assert market.quote() == Fees(0, 100)


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
    assert market.quote() == Fees(5, 205)
