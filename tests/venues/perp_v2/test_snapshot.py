"""Answers to integers: what values a position, and what a revert among the answers becomes."""

from __future__ import annotations

import pytest
from tests.venues.perp_v2.conftest import address
from tests.venues.perp_v2.test_reverts import revert_with

from trimtab.chain.receipt import Block
from trimtab.errors import CallRevertedError, MarketClosedError, StalePriceError
from trimtab.model.ids import BlockHash
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.snapshot import account_reads, expect, prices_from, snapshot_from

BLOCK = Block(1, BlockHash("0x"), BlockHash("0x"), 2, None, 3, 4)


def reverted(code: str) -> CallRevertedError:
    return CallRevertedError(code, reason=code, data=revert_with(code))


NOT_CLOSED, NOT_PAUSED = reverted("BT_NC"), reverted("BT_NP")


def test_what_values_a_position() -> None:
    """The mark while open, the index of the pause while paused, then the closing price."""
    assert prices_from([10, 11, True, False, NOT_CLOSED, 0], "vETH").price == 10
    assert prices_from([10, 11, False, False, NOT_CLOSED, 12], "vETH").price == 12
    assert prices_from([10, 11, False, True, 13, 12], "vETH").price == 13


def test_a_mark_that_reverts_is_typed() -> None:
    """Only where it is needed: a closed market is valued without it."""
    with pytest.raises(StalePriceError):
        prices_from([reverted("OLD"), 11, True, False, NOT_CLOSED, 0], "vETH")
    assert prices_from([reverted("OLD"), 11, False, True, 13, 12], "vETH").price == 13


def test_expect_raises_the_venues_error() -> None:
    """A revert among answers becomes the error that its code means, with the market."""
    assert expect(5) == 5
    with pytest.raises(MarketClosedError) as caught:
        expect(reverted("CH_MNO"), "vETH")
    assert caught.value.market == "vETH"


def test_answers_are_taken_in_the_order_of_the_reads(deployment: PerpV2Deployment) -> None:
    """Each read's answer lands in its own field: told apart by giving every answer its place as value."""
    reads = account_reads(deployment, address(1))
    answers: list[object] = list(range(1000, 1000 + len(reads)))
    names = [read.name for read in reads]
    for i, name in enumerate(names):
        if name.startswith("getPnlAndPendingFee"):
            answers[i] = (1, 2, 3)
        elif name.startswith("getCollateralConfig"):
            answers[i] = type("Config", (), {"collateralRatio": 700_000})()
        elif name.startswith(("isOpen", "isClosed")):
            answers[i] = name.startswith("isOpen")
    snapshot = snapshot_from(deployment, BLOCK, answers)
    place = {(name, i): answers[i] for i, name in enumerate(names)}

    def answer(function: str, nth: int = 0) -> object:
        found = [value for (name, _), value in place.items() if name.startswith(function + "(")]
        return found[nth]

    held = snapshot.account
    assert snapshot.block == BLOCK
    assert held.settlement_balance == answer("getBalance")
    assert (held.owed_realized_pnl, held.pending_fee) == (1, 3)
    assert (held.im_ratio, held.mm_ratio) == (answer("getImRatio"), answer("getMmRatio"))
    assert held.assets["WETH"].balance == answer("getBalanceByToken")
    assert held.assets["WETH"].price == answer("getPrice")
    for nth, market in enumerate(deployment.markets):
        place_in = held.holdings[market]
        assert place_in.size == answer("getTotalPositionSize", nth)
        assert place_in.open_notional == answer("getTotalOpenNotional", nth)
        assert place_in.taker_size == answer("getTakerPositionSize", nth)
        assert place_in.taker_open_notional == answer("getTakerOpenNotional", nth)
        assert (place_in.base, place_in.quote) == (answer("getBase", nth), answer("getQuote", nth))
        assert place_in.pending_funding == answer("getPendingFundingPayment", nth)
        assert place_in.price == answer("getMarkPrice", nth)
        assert snapshot.prices[market].index == answer("getIndexPrice", nth)
