"""Plans as values: what they refuse, and that they reach the contract as they were meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from trimtab.chain.call import Call
from trimtab.errors import IntentError
from trimtab.hooks.plans import (
    INT256_MAX,
    INT256_MIN,
    UINT256_MAX,
    BalanceCondition,
    Conditions,
    DeltaCondition,
    HealthCondition,
    Holding,
    HookCall,
    HookPlan,
    PlanInput,
    PriceCondition,
    SizeCondition,
    hash_plan,
    lyra_market_id,
    perp_market_id,
    underlying_id,
)
from trimtab.model.ids import ZERO_ADDRESS, Address

SHOP = Address("0x" + "ab" * 20)
PROBE = Address("0x" + "cd" * 20)
CALL = HookCall(Call(SHOP, b"\x01\x02\x03\x04", 5))


def test_market_ids_are_those_of_the_probes() -> None:
    """A base token of Perp v2 as a word; of Lyra strike and kind; the underlying as bytes32("ETH")."""
    assert perp_market_id(SHOP).hex() == "00" * 12 + "ab" * 20
    assert lyra_market_id(4, is_call=True) == (9).to_bytes(32, "big")
    assert lyra_market_id(4, is_call=False) == (8).to_bytes(32, "big")
    assert underlying_id("ETH") == b"ETH" + bytes(29)


def test_a_bound_left_out_is_none() -> None:
    """The contract has no missing bounds: they are the ends of its numbers."""
    assert BalanceCondition(SHOP, least=-1).to_abi() == (SHOP, ZERO_ADDRESS, False, -1, INT256_MAX)
    assert SizeCondition(PROBE, bytes(32), None, 7).to_abi()[3:] == (INT256_MIN, 7)


def test_the_plan_says_what_value_it_hands_on() -> None:
    """What the caller has to send along is the sum over its calls."""
    assert HookPlan((CALL, CALL), 1).value == 10


def test_each_part_changes_the_name() -> None:
    """Two plans that differ in anything have different hashes."""
    plans = [
        HookPlan((CALL,), 1),
        HookPlan((CALL,), 2),
        HookPlan((CALL, CALL), 1),
        HookPlan((CALL,), 1, salt=b"\x01" * 32),
        HookPlan((CALL,), 1, Conditions(healths=(HealthCondition(PROBE, 1),))),
        HookPlan((CALL,), 1, inputs=(PlanInput(SHOP, 1),)),
        HookPlan((CALL,), 1, outputs=(SHOP,)),
    ]
    assert len({hash_plan(plan) for plan in plans}) == len(plans)


BAD: dict[str, tuple[Callable[[], Any], str]] = {
    "no call": (lambda: HookPlan((), 1), "calls () is empty: a plan makes at least one call"),
    "no deadline": (lambda: HookPlan((CALL,), 0), "deadline 0 must be 1 to 2**256 - 1"),
    "float deadline": (lambda: HookPlan((CALL,), 1.5), "deadline 1.5 must be a whole number of base units"),  # type: ignore[arg-type]
    "short salt": (lambda: HookPlan((CALL,), 1, salt=b"1"), "must be 32 bytes, got 1"),
    "no such call": (
        lambda: HookPlan((CALL,), 1, Conditions(prices=(PriceCondition(1, PROBE, bytes(32), 1),))),
        "price condition 1 is of call 1, but there are only 1: count from 0",
    ),
    "target": (lambda: HookCall(Call(Address("0x12"), b"")), "target '0x12' is not an address"),
    "value": (lambda: HookCall(Call(SHOP, b"", -1)), "value -1 must be 0 to 2**256 - 1"),
    "crossed": (lambda: BalanceCondition(SHOP, 2, 1), "least 2 is above most, which is 1"),
    "unbounded": (lambda: BalanceCondition(SHOP), "leave the condition out"),
    "too far": (lambda: BalanceCondition(SHOP, INT256_MIN - 1), "must be -2**255 to 2**255 - 1"),
    "probe": (lambda: HealthCondition(ZERO_ADDRESS, 1), "is the zero address: name the venue's probe"),
    "health": (lambda: HealthCondition(PROBE, 0), "least 0 must be 1 to"),
    "price": (lambda: PriceCondition(0, PROBE, bytes(32), 0), "limit 0 must be 1 to"),
    "market": (lambda: SizeCondition(PROBE, b"ETH", 1, 1), "must be 32 bytes: see perp_market_id"),
    "book": (lambda: DeltaCondition("ETH", (), -1, 1), "holdings () is empty and so is spot"),
    "underlying": (lambda: DeltaCondition("E" * 33, (Holding(PROBE),), -1, 1), "1 to 32 ASCII characters"),
    "input": (lambda: PlanInput(SHOP, 0), "amount 0 must be 1 to"),
    "output": (lambda: HookPlan((CALL,), 1, outputs=(Address("gold"),)), "outputs 'gold' is not an address"),
    "strike": (lambda: lyra_market_id(UINT256_MAX, is_call=True), "strike_id"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_no_contract_can_hold_is_refused(case: str) -> None:
    """Each bad value is an `IntentError` that says what, with which value, and what to do."""
    build, words = BAD[case]
    with pytest.raises(IntentError) as caught:
        build()
    assert words in str(caught.value)
    assert caught.value.field
