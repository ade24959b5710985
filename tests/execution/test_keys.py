"""Keys that are the same in every life, and no two for different things."""

from __future__ import annotations

from trimtab.chain.call import Call
from trimtab.execution.keys import part_key, step_key, tx_key
from trimtab.model.ids import Address
from trimtab.venues.base import ChainPlan

SHOP = Address("0x" + "12" * 20)


def test_transactions_and_parts_hang_on_their_order() -> None:
    """A part's transactions on the part."""
    assert tx_key("hedge-1", 0) == "hedge-1/0"
    assert tx_key(part_key("hedge-1", 2), 0) == "hedge-1/part-2/0"


def test_a_step_is_known_by_what_it_does() -> None:
    """Its place in the plan changes when an approval is given already; two of one label stay two."""
    call = Call(SHOP, b"")
    whole = ChainPlan("v", "m", (call,) * 3, ("approve 5", "deposit 5", "deposit 5"))
    rest = ChainPlan("v", "m", (call,) * 2, ("deposit 5", "deposit 5"))
    keys = [step_key("k", whole, number) for number in range(3)]
    assert [step_key("k", rest, number) for number in range(2)] == keys[1:]
    assert len(set(keys)) == 3
