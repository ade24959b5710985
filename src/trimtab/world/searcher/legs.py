"""The two legs of a sandwich as calls of the house, and as transactions. Pure but for the signature."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.chain.call import Call
from trimtab.tx.envelope import DynamicFeeTx, SignedTx
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.amounts import MAX_UINT256
from trimtab.venues.perp_v2.contracts import CLEARING_HOUSE
from trimtab.venues.perp_v2.encode import NO_REFERRAL
from trimtab.world.searcher.strategy import Bid, Sandwich

_OPEN = CLEARING_HOUSE.function("openPosition")
_CLOSE = CLEARING_HOUSE.function("closePosition")
LEG_GAS = 2_000_000
_CANCEL_GAS = 21_000


@dataclass(frozen=True, slots=True)
class Legs:
    """Both transactions of an attack, signed."""

    front: SignedTx
    back: SignedTx


def front_call(sandwich: Sandwich, deployment: PerpV2Deployment) -> Call:
    """Open the attack's size on the victim's side: exact base, and exactly the quote that was computed, so
    that on any other state it does not fill."""
    sells = sandwich.sells
    params = {
        "baseToken": deployment.markets[sandwich.victim.order.market].base_token,
        "isBaseToQuote": sells,
        "isExactInput": sells,
        "amount": sandwich.attack.size,
        "oppositeAmountBound": sandwich.attack.front.quote,
        "deadline": MAX_UINT256,
        "sqrtPriceLimitX96": 0,
        "referralCode": NO_REFERRAL,
    }
    return _OPEN.at(deployment.contracts["ClearingHouse"], params)


def close_call(market: str, deployment: PerpV2Deployment) -> Call:
    """Close whatever is open, at any price: what cannot be sold behind the victim is worth less later."""
    params = {
        "baseToken": deployment.markets[market].base_token,
        "sqrtPriceLimitX96": 0,
        "oppositeAmountBound": 0,
        "deadline": MAX_UINT256,
        "referralCode": NO_REFERRAL,
    }
    return _CLOSE.at(deployment.contracts["ClearingHouse"], params)


async def sign_legs(
    sandwich: Sandwich, deployment: PerpV2Deployment, signer: LocalSigner, chain_id: int, nonce: int
) -> Legs:
    """Both at `nonce` and the one after it."""
    closing = close_call(sandwich.victim.order.market, deployment)
    front = _fields(front_call(sandwich, deployment), sandwich.front, chain_id, nonce)
    back = _fields(closing, sandwich.back, chain_id, nonce + 1)
    return Legs(await signer.sign_transaction(front), await signer.sign_transaction(back))


async def sign_cancellation(leg: SignedTx, signer: LocalSigner) -> SignedTx:
    """A transfer of nothing to itself in the leg's place, for twice its price."""
    fields = leg.fields
    assert isinstance(fields, DynamicFeeTx)
    instead = DynamicFeeTx(
        fields.chain_id, fields.nonce, 2 * fields.tip + 1, 2 * fields.fee_cap + 1, _CANCEL_GAS, signer.address
    )
    return await signer.sign_transaction(instead)


def _fields(call: Call, bid: Bid, chain_id: int, nonce: int) -> DynamicFeeTx:
    return DynamicFeeTx(chain_id, nonce, bid.tip, bid.fee_cap, LEG_GAS, call.target, 0, call.data)
