"""Intents to calls. Pure: whatever needs the chain came with the quote."""

from __future__ import annotations

from decimal import Decimal

from trimtab.chain.call import Call
from trimtab.errors import AcceptablePriceError, OrderRejectedError
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, PerpQuote, Side
from trimtab.model.units import to_base_exact, to_positive, to_wad_exact
from trimtab.venues.base import ChainPlan
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import MAX_UINT256, notional_down, notional_up, size_down, size_up
from trimtab.venues.perp_v2.contracts import (
    CLEARING_HOUSE,
    ERC20,
    QUOTE_CURRENCY,
    VAULT,
    VENUE,
    find_collateral,
    find_market,
)

NO_REFERRAL = b"\0" * 32
_OPEN = CLEARING_HOUSE.function("openPosition")
_OPEN_FOR = CLEARING_HOUSE.function("openPositionFor")
_CLOSE = CLEARING_HOUSE.function("closePosition")
_APPROVE = ERC20.function("approve")
_DEPOSIT = VAULT.function("deposit")
_WITHDRAW = VAULT.function("withdraw")


def encode_order(deployment: PerpV2Deployment, intent: PerpIntent, quote: PerpQuote) -> ChainPlan:
    """A market order of the account that sends it. `size` is exact in base; `notional` is exact in quote:
    what a buyer pays with the fee, what a seller receives after it. Reduce-only was checked by the quote.

    Raises `AcceptablePriceError` when the quote is already beyond the limit, `OrderRejectedError` when the
    deadline has passed, `IntentError` on more decimals than the venue has.
    """
    check_order(intent, quote)
    if intent.close:
        call = _CLOSE.at(_house(deployment), _close_params(deployment, intent, quote))
        return _plan(intent.market, (call, f"close {intent.market}"))
    call = _OPEN.at(_house(deployment), _open_params(deployment, intent, quote))
    return _plan(intent.market, (call, _order_label(intent)))


def encode_order_for(
    deployment: PerpV2Deployment, trader: Address, intent: PerpIntent, quote: PerpQuote
) -> ChainPlan:
    """The same order for `trader`, sent by a delegate that it approved. A close becomes the opposite trade
    of the quoted size, because the venue lets delegates open only."""
    check_order(intent, quote)
    call = _OPEN_FOR.at(_house(deployment), trader, _open_params(deployment, intent, quote))
    return _plan(intent.market, (call, f"{_order_label(intent)} for {trader}"))


def encode_deposit(deployment: PerpV2Deployment, currency: str, amount: Decimal, allowance: int) -> ChainPlan:
    """The deposit, after an approval of exactly its amount where `allowance` (base units) is too small."""
    asset = find_collateral(deployment, currency)
    units = to_base_exact(to_positive(amount, "amount"), asset.decimals, "amount")
    vault = deployment.contracts["Vault"]
    approval = (_APPROVE.at(asset.token, vault, units), f"approve {amount} {currency}")
    deposit = (_DEPOSIT.at(vault, asset.token, units), f"deposit {amount} {currency}")
    return _plan("", *([] if allowance >= units else [approval]), deposit)


def encode_withdraw(deployment: PerpV2Deployment, currency: str, amount: Decimal) -> ChainPlan:
    """A withdrawal; the venue refuses more than the account's free collateral in that currency."""
    asset = find_collateral(deployment, currency)
    units = to_base_exact(to_positive(amount, "amount"), asset.decimals, "amount")
    call = _WITHDRAW.at(deployment.contracts["Vault"], asset.token, units)
    return _plan("", (call, f"withdraw {amount} {currency}"))


def check_order(intent: PerpIntent, quote: PerpQuote) -> None:
    """Refuses what the quote already shows to fail: a passed deadline, a price beyond the limit."""
    if intent.deadline is not None and intent.deadline < quote.at:
        raise OrderRejectedError(
            f"the deadline {intent.deadline} is before the block time {quote.at}: give a later one",
            venue=VENUE,
            market=intent.market,
            reason="CH_TE",
        )
    limit = intent.acceptable_price
    if limit is not None and (quote.price - limit) * intent.side.sign > 0:
        raise AcceptablePriceError(
            f"{intent.side} {intent.market} would fill at {quote.price:.6f}, beyond the acceptable {limit}: "
            "trade less, or accept a worse price",
            venue=VENUE,
            market=intent.market,
            reason="acceptable_price",
        )


def swap_amount(intent: PerpIntent) -> tuple[int, bool]:
    """The exact amount and whether it is the swap's input: a buyer puts quote in, a seller base."""
    if intent.size is not None:
        return to_wad_exact(intent.size, "size"), intent.side is Side.SELL
    return to_wad_exact(intent.notional, "notional"), intent.side is Side.BUY


def _house(deployment: PerpV2Deployment) -> Address:
    return deployment.contracts["ClearingHouse"]


def _plan(market: str, *steps: tuple[Call, str]) -> ChainPlan:
    return ChainPlan(VENUE, market, tuple(call for call, _ in steps), tuple(label for _, label in steps))


def _order_label(intent: PerpIntent) -> str:
    if intent.close:
        return f"close {intent.market}"
    amount = str(intent.size) if intent.size is not None else f"{intent.notional} {QUOTE_CURRENCY} of"
    return f"{intent.side} {amount} {intent.market}"


def _open_params(deployment: PerpV2Deployment, intent: PerpIntent, quote: PerpQuote) -> dict[str, object]:
    market = find_market(deployment, intent.market)
    sells = intent.side is Side.SELL
    amount, is_exact_input = (
        (to_wad_exact(abs(quote.size), "size"), sells) if intent.close else swap_amount(intent)
    )
    return {
        "baseToken": market.base_token,
        "isBaseToQuote": sells,
        "isExactInput": is_exact_input,
        "amount": amount,
        "oppositeAmountBound": opposite_bound(intent, quote),
        "deadline": _deadline(intent),
        "sqrtPriceLimitX96": 0,
        "referralCode": NO_REFERRAL,
    }


def _close_params(deployment: PerpV2Deployment, intent: PerpIntent, quote: PerpQuote) -> dict[str, object]:
    return {
        "baseToken": find_market(deployment, intent.market).base_token,
        "sqrtPriceLimitX96": 0,
        "oppositeAmountBound": opposite_bound(intent, quote),
        "deadline": _deadline(intent),
        "referralCode": NO_REFERRAL,
    }


def opposite_bound(intent: PerpIntent, quote: PerpQuote) -> int:
    """The worst other side of the swap at the acceptable price, 0 for none. The venue compares amounts with
    the fee inside, the limit is before it, so the quote's own fee is added or taken; rounded against the
    trade."""
    price = intent.acceptable_price
    if price is None:
        return 0
    notional, fee = to_wad_exact(quote.notional, "notional"), to_wad_exact(quote.fee, "fee")
    if intent.notional is None:
        size = to_wad_exact(abs(quote.size), "size")
        return bound_of_size(intent.side, price, size, notional, fee)
    return bound_of_notional(intent.side, price, to_wad_exact(intent.notional, "notional"), fee)


def bound_of_size(side: Side, price: Decimal, size: int, notional: int, fee: int) -> int:
    """The most that a buyer of `size` pays, the least that a seller gets, the fee as that of the notional."""
    if side is Side.BUY:
        return notional_down(price, size) * (notional + fee) // notional
    return -(-notional_up(price, size) * (notional - fee) // notional)


def bound_of_notional(side: Side, price: Decimal, paid: int, fee: int) -> int:
    """The least that a buyer for `paid` gets, the most that a seller for it gives."""
    return size_up(price, paid - fee) if side is Side.BUY else size_down(price, paid + fee)


def _deadline(intent: PerpIntent) -> int:
    return MAX_UINT256 if intent.deadline is None else intent.deadline
