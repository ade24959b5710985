"""Orders of flash liquidations as values; what the contract makes of them is shown in tests/onchain/flash."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trimtab.chain.receipt import Log
from trimtab.errors import IntentError
from trimtab.hooks.errors import explain_revert
from trimtab.hooks.flash import (
    CollateralTarget,
    FlashOrder,
    Lender,
    Liquidated,
    Loan,
    PositionTarget,
    Unwind,
    decode_events,
    encode_liquidate,
    flash_abi,
    margin_up,
)
from trimtab.hooks.plans import UINT256_MAX
from trimtab.model.ids import ZERO_ADDRESS, Address, BlockHash, TxHash

AT, TRADER, BASE, OTHER, WETH, DAVE = (Address("0x" + f"{n:02x}" * 20) for n in range(1, 7))
ORDER = FlashOrder(
    Loan.uniswap(5, WETH, 500),
    DAVE,
    99,
    (PositionTarget(TRADER, BASE, -7, 2), PositionTarget(DAVE, OTHER)),
    (Unwind(BASE, 3, 4), Unwind(OTHER)),
    (CollateralTarget(TRADER, WETH, 3_000, 8, 9, 10),),
    min_profit=11,
)
"""Something in every field, each value different from the others of its kind."""


def test_an_order_is_the_contracts_struct() -> None:
    """Every field arrives where the contract has its name."""
    call = encode_liquidate(AT, ORDER)
    assert (call.target, call.value) == (AT, 0)
    (order,) = flash_abi().function("liquidate").decode_input(call.data)
    loan = order.loan
    assert (loan.lender, loan.amount, loan.pair, loan.poolFee) == (Lender.UNISWAP_V3, 5, WETH, 500)
    first, second = order.positions
    assert (first.trader, first.baseToken, first.size, first.rounds) == (TRADER, BASE, -7, 2)
    assert (second.size, second.rounds) == (0, 16)
    narrow, wide = order.unwinds
    assert (narrow.baseToken, narrow.minPrice, narrow.maxPrice) == (BASE, 3, 4)
    assert (wide.baseToken, wide.minPrice, wide.maxPrice) == (OTHER, 0, UINT256_MAX)
    (sale,) = order.collaterals
    assert (sale.trader, sale.token, sale.poolFee) == (TRADER, WETH, 3_000)
    assert (sale.amount, sale.rounds, sale.minPrice) == (8, 9, 10)
    assert (order.minProfit, order.recipient, order.deadline) == (11, DAVE, 99)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"positions": (), "unwinds": (), "collaterals": ()}, "positions"),
        ({"recipient": ZERO_ADDRESS}, "recipient"),
        ({"loan": Loan.none()}, "loan"),
        ({"loan": Loan.aave(0)}, "loan"),
        ({"loan": Loan(Lender.NONE, 5)}, "loan"),
        ({"positions": (PositionTarget(TRADER, BASE, rounds=0),), "unwinds": (Unwind(BASE),)}, "rounds"),
        ({"collaterals": (CollateralTarget(TRADER, WETH, 500, rounds=-1),)}, "rounds"),
        ({"unwinds": (Unwind(BASE),)}, "unwinds"),
        ({"unwinds": (Unwind(BASE), Unwind(OTHER), Unwind(BASE))}, "unwinds"),
        ({"unwinds": (Unwind(BASE), Unwind(OTHER), Unwind(WETH))}, "unwinds"),
        ({"positions": ()}, "unwinds"),
    ],
)
def test_an_order_that_cannot_succeed_is_refused(change: dict[str, object], field: str) -> None:
    """Nothing to do, nobody to pay, no margin, no step, or a market that would stay open: told before it
    costs anything."""
    with pytest.raises(IntentError) as caught:
        replace(ORDER, **change)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_collateral_needs_no_loan() -> None:
    """Its sale brings the money first."""
    order = FlashOrder(Loan.none(), DAVE, 99, collaterals=ORDER.collaterals)
    assert order.loan.to_abi() == (0, 0, ZERO_ADDRESS, 0)


def test_events_are_told_typed() -> None:
    """The contract's own logs only, in their order."""
    event = flash_abi().event("Liquidated")
    words = (1, 2_000, 1, 3, 44)
    data = b"".join(word.to_bytes(32, "big") for word in words)
    topics = (event.topic0, *(bytes(12) + bytes.fromhex(a[2:]) for a in (TRADER, DAVE)))
    log = Log(AT, topics, data, 1, BlockHash("0x" + "00" * 32), TxHash("0x" + "00" * 32), 0)
    assert decode_events([log], OTHER) == []
    assert decode_events([log, log], AT) == [Liquidated(TRADER, DAVE, Lender.AAVE_V3, 2_000, 1, 3, 44)] * 2


@pytest.mark.parametrize(
    ("notional", "ratio", "margin"),
    [(9_000 * 10**18, 100_000, 900 * 10**6), (1, 100_000, 1), (0, 100_000, 0)],
)
def test_the_margin_is_rounded_up(notional: int, ratio: int, margin: int) -> None:
    """A tenth of the notional, in USDC; less than a unit is one."""
    assert margin_up(notional, ratio, 6) == margin


def test_a_refusal_has_words() -> None:
    """What was left and what was asked for stand in the text."""
    data = flash_abi().error("ProfitBelow").encode(-5, 7)
    refusal = explain_revert(data)
    assert refusal.args == {"profit": -5, "minProfit": 7}
    assert str(refusal) == "-5 base units of the settlement token would be left, less than 7"
