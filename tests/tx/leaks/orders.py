"""What one run wants done: orders of every route policy, each with a mark of its own in its calldata."""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby

import msgspec

from trimtab.chain.call import Call
from trimtab.model.ids import Address
from trimtab.tx import RoutePolicy, TxIntent

GAS = 60_000
REVERTER = Address("0x00000000000000000000000000000000000dead1")
"""A contract that reverts whatever is asked of it."""
SINK = Address("0x00000000000000000000000000000000000000aa")
"""One that takes whatever it is given."""
CODES = {REVERTER: "0x5f5ffd", SINK: "0x00"}
_FUNCTION = b"leak"


class Role(StrEnum):
    """PUBLIC: to everybody. PRIVATE: dropped at the window's end. SWITCHED: public after it. WANTED: private,
    and submitted again under the same key when it was dropped. BUMPED: private, at a higher price on the way.
    WITHDRAWN: private, and the caller changes his mind. EXPIRING: private, and its deadline is near. BUNDLED:
    steps of a bundle. STOPPED: of one that is cancelled. BROKEN: of one whose last step reverts."""

    PUBLIC = "public"
    PRIVATE = "private"
    SWITCHED = "switched"
    WANTED = "wanted"
    BUMPED = "bumped"
    WITHDRAWN = "withdrawn"
    EXPIRING = "expiring"
    BUNDLED = "bundled"
    STOPPED = "stopped"
    BROKEN = "broken"

    @property
    def is_bundle(self) -> bool:
        return self in (Role.BUNDLED, Role.STOPPED, Role.BROKEN)

    @property
    def is_sure(self) -> bool:
        """It is done in the end, whatever relays do."""
        return self in (Role.PUBLIC, Role.SWITCHED)


_MAYBE = frozenset({"succeeded", "dropped", "refused"})
ENDS: dict[Role, frozenset[str]] = {
    Role.PUBLIC: frozenset({"succeeded"}),
    Role.SWITCHED: frozenset({"succeeded", "refused"}),
    Role.PRIVATE: _MAYBE,
    Role.WANTED: _MAYBE,
    Role.BUMPED: _MAYBE,
    Role.BUNDLED: _MAYBE,
    Role.WITHDRAWN: _MAYBE | {"cancelled"},
    Role.STOPPED: _MAYBE | {"cancelled"},
    Role.EXPIRING: _MAYBE | {"cancelled", "expired"},
    Role.BROKEN: _MAYBE - {"succeeded"},
}
"""How an order of a role may end; what the chain shows must be what its end says. A switched one is refused
where relays had refused it and nothing else is sent: bytes of it hold a nonce above free ones."""
LEAKED_ENDS: dict[Role, frozenset[str]] = {Role.BROKEN: frozenset({"succeeded", "reverted"})}
"""And where a relay or an uncled block made its bytes public: a bundle's steps are alone then."""


class Order(msgspec.Struct, frozen=True):
    """`group` names what is submitted together; `window` in blocks."""

    key: str
    role: Role
    group: str
    target: Address
    mark: bytes
    window: int
    deadline: int | None = None

    def intent(self) -> TxIntent:
        """1 wei, with the order's mark as calldata."""
        call = Call(self.target, self.mark, 1)
        return TxIntent(self.key, call, gas_limit=GAS, deadline=self.deadline, route=self.route)

    @property
    def route(self) -> RoutePolicy | None:
        """None in a bundle, which says it itself."""
        if self.role.is_bundle:
            return None
        match self.role:
            case Role.PUBLIC:
                return RoutePolicy.public()
            case Role.SWITCHED:
                return RoutePolicy.private_then_public(self.window)
        return RoutePolicy.private(self.window)


def draw_roles(draw: random.Random) -> list[Role]:
    """Four to six, with a public and a private one and a bundle among them."""
    roles = [Role.PUBLIC, draw.choice((Role.SWITCHED, Role.PRIVATE)), Role.BUNDLED]
    roles += draw.sample(list(Role), k=draw.randint(1, 3))
    draw.shuffle(roles)
    return roles


def make_orders(run: int, draw: random.Random, now: int, roles: Sequence[Role] = ()) -> tuple[Order, ...]:
    """One group for each role; `now` is the chain's second."""
    orders: list[Order] = []
    for number, role in enumerate(roles or draw_roles(draw)):
        steps = draw.randint(2, 3) if role.is_bundle else 1
        window, deadline = draw.randint(2, 4), now + draw.randint(4, 14)
        for step in range(steps):
            place = number * 10 + step
            reverts = role is Role.BROKEN and step == steps - 1
            orders.append(
                Order(
                    key=f"{role}-{number}-{step}",
                    role=role,
                    group=f"{role}-{number}",
                    target=REVERTER if reverts else SINK,
                    mark=_FUNCTION + run.to_bytes(16, "big") + place.to_bytes(16, "big"),
                    window=window,
                    deadline=deadline if role is Role.EXPIRING else None,
                )
            )
    return tuple(orders)


def groups_of(orders: tuple[Order, ...]) -> list[tuple[Order, ...]]:
    """What is submitted together, in its order."""
    return [tuple(group) for _, group in groupby(orders, key=lambda order: order.group)]
