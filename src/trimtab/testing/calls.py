"""What a venue says it calls, held against what it encodes: for the conformance suites."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, Limits
from trimtab.tx.permission import Permission
from trimtab.tx.states import Intent
from trimtab.venues.base import ChainPlan, Venue

T = TypeVar("T")
GIVING = {
    keccak256(signature)[:4]: word
    for signature, word in (
        (b"approve(address,uint256)", 0),
        (b"increaseAllowance(address,uint256)", 0),
        (b"setApprovalForAll(address,bool)", 0),
        (b"transfer(address,uint256)", 0),
        (b"transferFrom(address,address,uint256)", 1),
        (b"safeTransferFrom(address,address,uint256)", 1),
    )
}
"""Functions that give tokens or rights away, and the argument that says to whom."""


def check_calls(venue: Venue) -> None:
    """Each call is a named function of a contract that the venue names, with its own selector; tokens and
    rights go to its own contracts or to the sender alone."""
    own = frozenset(venue.addresses.values())
    assert venue.allowed_calls
    for call in venue.allowed_calls:
        assert call.target in own, f"{call.name} is allowed at {call.target}, which the venue does not name"
        assert call.selector is not None, f"every function is allowed at {call.target}"
        assert call.selector == keccak256(call.name.encode())[:4], call.name
        if call.selector in GIVING:
            named = [rule.one_of for rule in call.rules if rule.word == GIVING[call.selector]]
            assert named, f"{call.name} gives to anybody"
            assert all(to is not None and to <= own | {SELF} for to in named), call.name


def check_plan(limits: Limits, chain_id: int, account: Address, plan: ChainPlan) -> None:
    """Raise `LimitError` unless `account` may send every call of the plan."""
    permission = Permission(limits, chain_id, account.lower())  # type: ignore[arg-type]
    for call, label in zip(plan.calls, plan.labels, strict=True):
        permission.check_intent(_intent(call, label))


def submit_within(
    limits: Limits, submit: Callable[[Address, ChainPlan], Awaitable[T]]
) -> Callable[[Address, ChainPlan], Awaitable[T]]:
    """`submit`, for plans within the limits only."""

    async def submitted(account: Address, plan: ChainPlan) -> T:
        check_plan(limits, next(iter(limits.chains or [0])), account, plan)
        return await submit(account, plan)

    return submitted


def _intent(call: Call, label: str) -> Intent:
    return Intent(label, "", call.target, call.data, call.value, 0, None, None, label, 0)
