"""What one run wants done: orders of every kind, each with a payee of its own: the chain counts them."""

from __future__ import annotations

import random
from enum import StrEnum

import msgspec

from trimtab.chain.call import Call
from trimtab.model.ids import Address
from trimtab.tx import TxIntent

GAS = 21_000


class Role(StrEnum):
    """PAY: many at once. ORDERED: an ordered batch. REPLACED: the base fee rises above it. CANCELLED: the
    caller changes his mind. EXPIRING: its deadline passes. RETRIED: refused for its budget, then submitted
    again under the same key with more. UNAFFORDABLE: refused, and left so."""

    PAY = "pay"
    ORDERED = "ordered"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    EXPIRING = "expiring"
    RETRIED = "retried"
    UNAFFORDABLE = "unaffordable"


ENDS: dict[Role, frozenset[str]] = {
    Role.PAY: frozenset({"succeeded"}),
    Role.ORDERED: frozenset({"succeeded"}),
    Role.REPLACED: frozenset({"succeeded"}),
    Role.RETRIED: frozenset({"succeeded"}),
    Role.CANCELLED: frozenset({"succeeded", "cancelled", "refused"}),
    Role.EXPIRING: frozenset({"succeeded", "cancelled", "expired", "refused"}),
    Role.UNAFFORDABLE: frozenset({"refused"}),
}
"""How an order of a role may end; what the chain shows must be what its end says."""


class Order(msgspec.Struct, frozen=True):
    key: str
    role: Role
    payee: Address
    deadline: int | None = None

    def intent(self, budget_wei: int | None = None) -> TxIntent:
        """1 wei to the order's own payee."""
        call = Call(self.payee, b"", 1)
        return TxIntent(self.key, call, gas_limit=GAS, budget_wei=budget_wei, deadline=self.deadline)


def make_orders(run: int, seed: int, deadline: int) -> tuple[Order, ...]:
    """Three to five payments and one to three of every other kind; `deadline` in the chain's seconds."""
    draw = random.Random(seed)
    roles = [Role.PAY] * draw.randint(3, 5) + [Role.ORDERED] * 3
    for role in (Role.REPLACED, Role.CANCELLED, Role.EXPIRING, Role.RETRIED):
        roles += [role] * draw.randint(1, 2)
    roles.append(Role.UNAFFORDABLE)
    return tuple(
        Order(f"{role}-{i}", role, payee(run, i), deadline if role is Role.EXPIRING else None)
        for i, role in enumerate(roles)
    )


def payee(run: int, number: int) -> Address:
    """An address that nobody else pays."""
    return Address(f"0x{0xBEEF:08x}{run:016x}{number:016x}")
