"""What a searcher reads out of pending transactions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.venues.perp_v2.addresses import PerpV2Deployment, PerpV2MarketAddresses
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE
from trimtab.world.searcher.sighting import read_order, sight

HOUSE, BASE, TRADER, DELEGATE = (Address(f"0x{n:040x}") for n in (1, 2, 3, 4))
DEPLOYMENT = PerpV2Deployment(
    {"ClearingHouse": HOUSE},
    {
        "vETH": PerpV2MarketAddresses(
            base_token=BASE, pool=ZERO_ADDRESS, price_feed=ZERO_ADDRESS, underlying="ETH"
        )
    },
    {},
)
NONE = bytes(32)
amounts = st.integers(0, 2**256 - 1)


def open_params(amount: int, bound: int, *, sells: bool, is_input: bool) -> dict[str, object]:
    return {
        "baseToken": BASE,
        "isBaseToQuote": sells,
        "isExactInput": is_input,
        "amount": amount,
        "oppositeAmountBound": bound,
        "deadline": 99,
        "sqrtPriceLimitX96": 7,
        "referralCode": NONE,
    }


@given(amounts, amounts, st.booleans(), st.booleans(), st.booleans())
def test_an_order_is_read_as_it_was_written(
    amount: int, bound: int, sells: bool, is_input: bool, is_delegated: bool
) -> None:
    """Every field of an opening order, its trader's own or a delegate's, comes out as it went in."""
    params = open_params(amount, bound, sells=sells, is_input=is_input)
    call = (
        CLEARING_HOUSE.function("openPositionFor").encode(TRADER, params)
        if is_delegated
        else CLEARING_HOUSE.function("openPosition").encode(params)
    )
    order = read_order(DELEGATE if is_delegated else TRADER, call, DEPLOYMENT)
    assert order is not None
    assert (order.trader, order.market) == (TRADER, "vETH")
    assert (order.amount, order.is_base_to_quote, order.is_exact_input) == (amount, sells, is_input)
    assert (order.bound, order.sqrt_limit, order.deadline) == (bound, 7, 99)
    assert order.sized(5) == order


def test_a_close_leaves_its_amount_open() -> None:
    """It takes the position's size, which stands on chain and not in the calldata."""
    params = dict(zip(("baseToken", "sqrtPriceLimitX96", "oppositeAmountBound"), (BASE, 0, 5), strict=True))
    params |= {"deadline": 9, "referralCode": NONE}
    order = read_order(TRADER, CLEARING_HOUSE.function("closePosition").encode(params), DEPLOYMENT)
    assert order is not None
    assert (order.amount, order.bound) == (None, 5)
    long, short = order.sized(30), order.sized(-30)
    assert (long.amount, long.is_base_to_quote, long.is_exact_input) == (30, True, True)
    assert (short.amount, short.is_base_to_quote, short.is_exact_input) == (30, False, False)
    assert (long.closes, short.closes) == (True, True)


def transaction(**changes: str | None) -> dict[str, str | None]:
    data = CLEARING_HOUSE.function("openPosition").encode(open_params(1, 2, sells=True, is_input=True))
    found: dict[str, str | None] = {
        "hash": "0x" + "ab" * 32, "from": TRADER, "to": HOUSE, "nonce": "0x5", "input": f"0x{data.hex()}",
        "maxFeePerGas": "0x64", "maxPriorityFeePerGas": "0x2", "gasPrice": "0x64",
    }  # fmt: skip
    return found | changes


def test_what_it_pays_decides_its_place() -> None:
    """Tip and cap of a 1559 transaction; the gas price for both of a legacy one."""
    new, old = (
        sight(transaction(), DEPLOYMENT),
        sight(transaction(maxFeePerGas=None, maxPriorityFeePerGas=None), DEPLOYMENT),
    )
    assert new is not None
    assert old is not None
    assert (new.nonce, new.tip, new.fee_cap) == (5, 2, 100)
    assert (old.tip, old.fee_cap) == (100, 100)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": None},
        {"to": BASE},
        {"input": "0x"},
        {"input": "0xdeadbeef"},
        {"input": str(transaction()["input"])[:80]},
    ],
)
def test_anything_else_is_passed_over(changes: dict[str, str | None]) -> None:
    """A creation, another contract, a transfer, another call, torn calldata."""
    assert sight(transaction(**changes), DEPLOYMENT) is None


def test_a_market_that_is_not_ours_is_passed_over() -> None:
    """An order on a base token that the deployment does not list."""
    params = open_params(1, 0, sells=False, is_input=False) | {"baseToken": TRADER}
    assert read_order(TRADER, CLEARING_HOUSE.function("openPosition").encode(params), DEPLOYMENT) is None
