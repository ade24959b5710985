"""The legs' calldata and transactions."""

from __future__ import annotations

import pytest
from tests.world.searcher.test_sighting import BASE, DEPLOYMENT, HOUSE
from tests.world.searcher.test_strategy import COSTS, prey

from trimtab.tx.envelope import DynamicFeeTx
from trimtab.tx.opening import open_signed
from trimtab.tx.signers import LocalSigner
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.searcher.legs import sign_cancellation, sign_legs
from trimtab.world.searcher.sighting import read_order
from trimtab.world.searcher.strategy import Sandwich, choose

SIGNER = LocalSigner.from_key(ACCOUNTS["searcher"].key)


@pytest.fixture
def sandwich() -> Sandwich:
    found = choose([prey()], COSTS)
    assert found is not None
    return found


async def test_the_legs_do_what_was_computed(sandwich: Sandwich) -> None:
    """The front leg buys exactly the attack's size for exactly its quote, the back leg closes, and both pay
    what was bid, at two nonces in a row."""
    legs = await sign_legs(sandwich, DEPLOYMENT, SIGNER, 31337, 7)
    front, back = open_signed(legs.front.raw), open_signed(legs.back.raw)
    assert front.sender == back.sender == SIGNER.address
    assert isinstance(front.fields, DynamicFeeTx)
    assert isinstance(back.fields, DynamicFeeTx)
    assert (front.fields.nonce, back.fields.nonce) == (7, 8)
    assert (front.fields.to, back.fields.to) == (HOUSE, HOUSE)
    assert (front.fields.tip, front.fields.fee_cap) == (sandwich.front.tip, sandwich.front.fee_cap)
    assert (back.fields.tip, back.fields.fee_cap) == (sandwich.back.tip, sandwich.back.fee_cap)
    opening = read_order(SIGNER.address, front.fields.data, DEPLOYMENT)
    assert opening is not None
    assert (opening.amount, opening.bound) == (sandwich.attack.size, sandwich.attack.front.quote)
    assert (opening.is_base_to_quote, opening.is_exact_input) == (False, False)
    closing = read_order(SIGNER.address, back.fields.data, DEPLOYMENT)
    assert closing is not None
    assert (closing.closes, closing.bound, closing.market) == (True, 0, "vETH")
    assert BASE[2:] in back.fields.data.hex()


async def test_a_cancellation_takes_the_place_of_its_leg(sandwich: Sandwich) -> None:
    """Same nonce, more than any pool's bump, and it moves nothing."""
    leg = (await sign_legs(sandwich, DEPLOYMENT, SIGNER, 31337, 7)).back
    instead = open_signed((await sign_cancellation(leg, SIGNER)).raw)
    assert isinstance(instead.fields, DynamicFeeTx)
    assert isinstance(leg.fields, DynamicFeeTx)
    assert (instead.fields.nonce, instead.fields.to, instead.fields.data) == (8, SIGNER.address, b"")
    assert instead.fields.tip > leg.fields.tip * 9 // 8
    assert instead.fields.fee_cap > leg.fields.fee_cap * 9 // 8
