"""The checks of the conformance suites see a venue that allows too much, and a plan beyond what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimtab.chain.abi import Abi
from trimtab.chain.call import Call
from trimtab.errors import LimitError
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Limits
from trimtab.testing.calls import check_calls, check_plan, submit_within
from trimtab.venues.base import ChainPlan

TOKEN, VAULT, ME, THIEF = (Address("0x" + digits * 20) for digits in ("aa", "bb", "cc", "dd"))
APPROVE = Abi.load("perp_v2/ERC20").function("approve")


@dataclass(frozen=True)
class Stub:
    """As much of a venue as the checks look at."""

    allowed_calls: tuple[AllowedCall, ...]
    chain_id: int = 10

    @property
    def addresses(self) -> dict[str, Address]:
        return {"token": TOKEN, "vault": VAULT}


@pytest.mark.parametrize("spender", [VAULT, SELF])
def test_approvals_to_its_own_pass(spender: Address) -> None:
    """To a contract of the venue, or to the sender."""
    venue: Any = Stub((APPROVE.allow(TOKEN, {"spender": {spender}}),))
    check_calls(venue)


@pytest.mark.parametrize(
    "calls",
    [
        (),
        (AllowedCall(TOKEN, None),),
        (AllowedCall(None, APPROVE.selector, APPROVE.signature),),
        (APPROVE.allow(TOKEN),),
        (APPROVE.allow(TOKEN, {"amount": 5}),),
        (APPROVE.allow(TOKEN, {"spender": {THIEF}}),),
        (APPROVE.allow(TOKEN, {"spender": {VAULT, THIEF}}),),
        (APPROVE.allow(THIEF, {"spender": {VAULT}}),),
        (AllowedCall(TOKEN, APPROVE.selector, "approve(uint256)", (ArgumentRule(0, one_of={VAULT}),)),),
    ],
)
def test_what_allows_too_much_fails(calls: tuple[AllowedCall, ...]) -> None:
    """Nothing at all, any function, any contract, any spender, a stranger, a wrong name."""
    venue: Any = Stub(calls)
    with pytest.raises(AssertionError):
        check_calls(venue)


async def test_a_plan_beyond_the_limits_is_not_submitted() -> None:
    """The refusal comes before the stage's own submit."""
    limits = Limits.of(Stub((APPROVE.allow(TOKEN, {"spender": {VAULT}}),)))
    good = ChainPlan("v", "", (APPROVE.at(TOKEN, VAULT, 1),), ("approve",))
    bad = ChainPlan("v", "", (*good.calls, Call(THIEF, b"\1\2\3\4")), ("approve", "steal"))
    sent: list[ChainPlan] = []

    async def submit(account: Address, plan: ChainPlan) -> None:
        sent.append(plan)

    guarded = submit_within(limits, submit)
    await guarded(ME, good)
    with pytest.raises(LimitError, match="steal"):
        await guarded(ME, bad)
    assert sent == [good]
    check_plan(limits, 10, ME, good)
