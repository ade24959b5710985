"""Intents to calldata: the exact side, the bound that protects, nothing rounded in silence."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venues.perp_v2.conftest import address, quote_for

from trimtab.errors import (
    AcceptablePriceError,
    IntentError,
    OrderRejectedError,
    UnknownMarketError,
)
from trimtab.model.order import PerpIntent, Side
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import MAX_UINT256
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE, ERC20, VAULT
from trimtab.venues.perp_v2.encode import (
    encode_deposit,
    encode_order,
    encode_order_for,
    encode_withdraw,
)

OPEN = CLEARING_HOUSE.function("openPosition")
CLOSE = CLEARING_HOUSE.function("closePosition")


def params_of(plan: ChainPlan, function: Any = OPEN) -> Any:
    (call,) = plan.calls
    assert call.data[:4] == function.selector
    return function.decode_input(call.data)[-1]


@pytest.mark.parametrize(
    ("side", "by", "is_exact_input"),
    [
        (Side.BUY, "size", False),
        (Side.BUY, "notional", True),
        (Side.SELL, "size", True),
        (Side.SELL, "notional", False),
    ],
)
def test_what_was_given_is_exact(
    deployment: PerpV2Deployment, side: Side, by: str, is_exact_input: bool
) -> None:
    """A buyer puts quote in and takes base out, a seller the other way; the given one is the exact one."""
    intent = PerpIntent("vETH", side, **{by: Decimal("1.5")})  # type: ignore[arg-type]
    params = params_of(encode_order(deployment, intent, quote_for(intent)))
    assert params.baseToken == address(201)
    assert params.isBaseToQuote is (side is Side.SELL)
    assert params.isExactInput is is_exact_input
    assert params.amount == 15 * 10**17
    assert params.oppositeAmountBound == 0
    assert params.deadline == MAX_UINT256


def test_a_limit_becomes_the_worst_other_side(deployment: PerpV2Deployment) -> None:
    """The contract compares amounts with the fee inside: the quote's fee goes on the limit's notional."""
    buy = PerpIntent("vETH", Side.BUY, size=Decimal(2), acceptable_price=Decimal(2010))
    assert params_of(encode_order(deployment, buy, quote_for(buy))).oppositeAmountBound == (
        4020 * 10**18 * 4004 // 4000
    )
    sell = PerpIntent("vETH", Side.SELL, size=Decimal(2), acceptable_price=Decimal(1990))
    assert params_of(encode_order(deployment, sell, quote_for(sell))).oppositeAmountBound == (
        -(-3980 * 10**18 * 3996 // 4000)
    )
    spend = PerpIntent("vETH", Side.BUY, notional=Decimal(4004), acceptable_price=Decimal(2500))
    assert params_of(encode_order(deployment, spend, quote_for(spend))).oppositeAmountBound == 16 * 10**17
    receive = PerpIntent("vETH", Side.SELL, notional=Decimal(3996), acceptable_price=Decimal(1600))
    assert params_of(encode_order(deployment, receive, quote_for(receive))).oppositeAmountBound == 25 * 10**17


@given(
    price=st.decimals("1000", "3000", places=12),
    notional=st.decimals("1", "100000", places=18),
    side=st.sampled_from(list(Side)),
)
def test_a_limit_at_the_quoted_price_lets_the_quote_through(
    deployment: PerpV2Deployment, price: Decimal, notional: Decimal, side: Side
) -> None:
    """The bound is exactly what the quote pays or receives, to the wei."""
    fee = (notional / 1000).quantize(Decimal("1e-18"))
    intent = PerpIntent("vETH", side, size=Decimal(2), acceptable_price=notional / 2)
    quote = quote_for(intent, notional=notional, fee=fee, price=notional / 2)
    bound = params_of(encode_order(deployment, intent, quote)).oppositeAmountBound
    assert bound == int((notional + fee * side.sign).scaleb(18))


def test_close_takes_the_whole_position(deployment: PerpV2Deployment) -> None:
    """closePosition needs no amount; the bound is that of the quoted size."""
    intent = PerpIntent("vETH", Side.SELL, close=True, acceptable_price=Decimal(1990), deadline=2_000_000_000)
    params = params_of(encode_order(deployment, intent, quote_for(intent)), CLOSE)
    assert params.baseToken == address(201)
    assert params.oppositeAmountBound == -(-3980 * 10**18 * 3996 // 4000)
    assert params.deadline == 2_000_000_000


def test_a_delegate_opens_for_the_trader(deployment: PerpV2Deployment) -> None:
    """openPositionFor names the trader; a close becomes the opposite trade of the quoted size."""
    function = CLEARING_HOUSE.function("openPositionFor")
    intent = PerpIntent("vETH", Side.SELL, close=True)
    plan = encode_order_for(deployment, address(9), intent, quote_for(intent))
    trader, params = function.decode_input(plan.calls[0].data)
    assert trader == address(9)
    assert (params.isBaseToQuote, params.isExactInput, params.amount) == (True, True, 2 * 10**18)


@pytest.mark.parametrize(("side", "limit"), [(Side.BUY, Decimal("1999.99")), (Side.SELL, Decimal("2000.01"))])
def test_a_quote_beyond_the_limit_is_refused_here(
    deployment: PerpV2Deployment, side: Side, limit: Decimal
) -> None:
    """No gas is spent on an order that the quote already shows to fail."""
    intent = PerpIntent("vETH", side, size=Decimal(2), acceptable_price=limit)
    with pytest.raises(AcceptablePriceError):
        encode_order(deployment, intent, quote_for(intent))


def test_a_passed_deadline_is_refused_here(deployment: PerpV2Deployment) -> None:
    """The block time of the quote decides."""
    intent = PerpIntent("vETH", Side.BUY, size=Decimal(2), deadline=1_699_999_999)
    with pytest.raises(OrderRejectedError) as caught:
        encode_order(deployment, intent, quote_for(intent))
    assert caught.value.reason == "CH_TE"


def test_too_many_decimals_are_refused(deployment: PerpV2Deployment) -> None:
    """The venue counts 18 decimals, USDC 6: the nineteenth and the seventh are the caller's to round."""
    intent = PerpIntent("vETH", Side.BUY, size=Decimal("1.0000000000000000001"))
    with pytest.raises(IntentError, match="decimal places"):
        encode_order(deployment, intent, quote_for(intent))
    with pytest.raises(IntentError, match="decimal places"):
        encode_deposit(deployment, "USDC", Decimal("1.0000001"), 0)


def test_unknown_names_are_refused(deployment: PerpV2Deployment) -> None:
    """With the known ones in the message."""
    intent = PerpIntent("vDOGE", Side.BUY, size=Decimal(1))
    with pytest.raises(UnknownMarketError, match="vBTC, vETH"):
        encode_order(deployment, intent, quote_for(intent))
    with pytest.raises(IntentError, match="USDC, WETH"):
        encode_withdraw(deployment, "DAI", Decimal(1))


@pytest.mark.parametrize("amount", [Decimal(0), Decimal(-1), Decimal("NaN"), 1.5, "x"])
def test_bad_amounts_are_refused(deployment: PerpV2Deployment, amount: Any) -> None:
    """Zero, negative, not a number, a float: none reaches calldata."""
    with pytest.raises(IntentError):
        encode_deposit(deployment, "USDC", amount, 0)
    with pytest.raises(IntentError):
        encode_withdraw(deployment, "USDC", amount)


def test_a_deposit_approves_exactly_what_it_needs(deployment: PerpV2Deployment) -> None:
    """First the approval, unless the allowance covers it; both in base units."""
    approve, deposit = encode_deposit(deployment, "USDC", Decimal("12.5"), 12_499_999).calls
    vault = deployment.contracts["Vault"]
    assert approve.target == address(301)
    assert ERC20.function("approve").decode_input(approve.data) == (vault, 12_500_000)
    assert deposit.target == vault
    assert VAULT.function("deposit").decode_input(deposit.data) == (address(301), 12_500_000)
    assert encode_deposit(deployment, "USDC", Decimal("12.5"), 12_500_000).calls == (deposit,)


def test_a_withdrawal_is_in_the_tokens_units(deployment: PerpV2Deployment) -> None:
    """18 decimals for WETH."""
    (call,) = encode_withdraw(deployment, "WETH", Decimal("0.5")).calls
    assert VAULT.function("withdraw").decode_input(call.data) == (address(302), 5 * 10**17)
