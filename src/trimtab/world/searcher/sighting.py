"""A pending transaction as a searcher reads it: the Perp v2 order inside, and what it pays to be included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from trimtab.errors import AbiError
from trimtab.model.ids import Address, TxHash
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE

_OPEN = CLEARING_HOUSE.function("openPosition")
_OPEN_FOR = CLEARING_HOUSE.function("openPositionFor")
_CLOSE = CLEARING_HOUSE.function("closePosition")


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An order in calldata. `amount` is None for a close: the venue takes the position's own size, and the
    side with it (see `sized`). `bound` is the worst other side with the fee inside, 0 for none; `sqrt_limit`
    the pool price at which the swap stops, 0 for none."""

    trader: Address
    market: str
    amount: int | None
    is_base_to_quote: bool
    is_exact_input: bool
    bound: int
    sqrt_limit: int
    deadline: int
    closes: bool = False

    def sized(self, position: int) -> PendingOrder:
        """The swap that it comes to while its trader holds `position` (signed base): the same for an opening
        order; a close sells a long position, and buys a short one back."""
        if not self.closes:
            return self
        sells = position > 0
        return replace(self, amount=abs(position), is_base_to_quote=sells, is_exact_input=sells)


@dataclass(frozen=True, slots=True)
class Sighting:
    """An order on its way. `tip` and `fee_cap` in wei per gas; before EIP-1559 both are the gas price."""

    tx_hash: TxHash
    sender: Address
    nonce: int
    tip: int
    fee_cap: int
    order: PendingOrder


def sight(transaction: Mapping[str, Any], deployment: PerpV2Deployment) -> Sighting | None:
    """What a node says of a pending transaction; None where it is no order on this deployment."""
    if (transaction.get("to") or "").lower() != deployment.contracts["ClearingHouse"]:
        return None
    sender = Address(transaction["from"].lower())
    order = read_order(sender, bytes.fromhex(transaction["input"][2:]), deployment)
    if order is None:
        return None
    price = transaction.get("gasPrice") or "0x0"
    return Sighting(
        TxHash(transaction["hash"]),
        sender,
        int(transaction["nonce"], 16),
        int(transaction.get("maxPriorityFeePerGas") or price, 16),
        int(transaction.get("maxFeePerGas") or price, 16),
        order,
    )


def read_order(sender: Address, data: bytes, deployment: PerpV2Deployment) -> PendingOrder | None:
    """The order that the calldata asks ClearingHouse for; None for anything else, torn calldata included."""
    trader = sender
    try:
        if data[:4] == _OPEN.selector:
            (params,) = _OPEN.decode_input(data)
        elif data[:4] == _OPEN_FOR.selector:
            trader, params = _OPEN_FOR.decode_input(data)
        elif data[:4] == _CLOSE.selector:
            (params,) = _CLOSE.decode_input(data)
        else:
            return None
    except AbiError:
        return None
    market = _market_of(params.baseToken, deployment)
    if market is None:
        return None
    closes = data[:4] == _CLOSE.selector
    return PendingOrder(
        trader,
        market,
        None if closes else params.amount,
        False if closes else params.isBaseToQuote,
        False if closes else params.isExactInput,
        params.oppositeAmountBound,
        params.sqrtPriceLimitX96,
        params.deadline,
        closes,
    )


def _market_of(base_token: Address, deployment: PerpV2Deployment) -> str | None:
    return next((name for name, at in deployment.markets.items() if at.base_token == base_token), None)
