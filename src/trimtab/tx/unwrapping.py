"""What a call of our contracts really does: the calls inside of its plan, and as whom. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from trimtab.chain.abi import decode_values, encode_values
from trimtab.chain.hashing import keccak256
from trimtab.errors import AbiError
from trimtab.hooks.plans import PLAN_TYPE
from trimtab.model.ids import Address

MAX_DEPTH = 3
"""Plans inside of plans inside of a plan; more is nobody's wish."""


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


_AS_TARGET = frozenset(_selector(f"{name}({PLAN_TYPE})") for name in ("execute", "executeAsOwner"))
_AS_NAMED = frozenset(_selector(f"{name}(address,{PLAN_TYPE})") for name in ("executeFrom", "run"))
_ARMING = {
    _selector(f"arm(bytes32,uint8,address,{PLAN_TYPE})"): ["bytes32", "uint8", "address", PLAN_TYPE],
    _selector(f"armLast(uint8,address,{PLAN_TYPE})"): ["uint8", "address", PLAN_TYPE],
}
_APPROVAL = _selector("approve(bytes32,address)")
WRAPPERS = _AS_TARGET | _AS_NAMED | _ARMING.keys()
"""Functions that make a plan's calls: as the contract that is called, as the account that is named, or later
as the one that arms it."""
NOBODY = Address("")
"""An actor that is not known: whatever the call itself sends is spent."""


@dataclass(frozen=True, slots=True)
class Made:
    """A call as it is made in the end, and the account that makes it."""

    actor: Address
    target: Address
    value: int
    data: bytes

    @property
    def is_wrapper(self) -> bool:
        """Whether it only makes other calls, which follow it."""
        return self.data[:4] in WRAPPERS

    @property
    def spends(self) -> int:
        """Wei that leave the account that makes it."""
        return 0 if self.target == self.actor else self.value


def unwrap(actor: Address, target: Address, value: int, data: bytes) -> tuple[Made, ...]:
    """The call itself, then all calls that plans inside of it make, at any depth. Raises `ValueError` for a
    plan that is not encoded in the one canonical way, moves funds by inputs and outputs, is too deep, or is
    approved for another to run and not there to be read."""
    made = Made(actor, target, value, data)
    found = _unwrap(made) if made.is_wrapper else (made,)
    _check_approvals(found)
    return found


def value_of(actor: Address, target: Address, value: int, data: bytes) -> int:
    """Wei that a call and all calls inside of it spend; that of the call alone where nobody can read it."""
    try:
        return sum(made.spends for made in unwrap(actor, target, value, data))
    except ValueError:
        return value


@lru_cache(maxsize=256)
def _unwrap(made: Made, depth: int = 1) -> tuple[Made, ...]:
    if not made.is_wrapper:
        return (made,)
    if depth > MAX_DEPTH:
        raise ValueError(f"it holds plans more than {MAX_DEPTH} deep")
    actor, plan = _decode(made)
    calls, *_, inputs, outputs = plan
    if inputs or outputs:
        raise ValueError("its plan takes inputs or gives outputs, which no limit bounds")
    inner = (
        Made(actor, Address(target.lower()), value, bytes(data)) for target, value, data, _on_failure in calls
    )
    return (made, *(found for one in inner for found in _unwrap(one, depth + 1)))


def _check_approvals(made: tuple[Made, ...]) -> None:
    """An approval names a plan by its hash: it is read where it is armed, each time for one approval."""
    armed = [_hash_armed(one) for one in made if one.data[:4] in _ARMING]
    for one in made:
        if one.data[:4] != _APPROVAL:
            continue
        if one.data[4:36] not in armed:
            raise ValueError(
                "it approves a plan that is not armed in the same transaction, so nobody can read it"
            )
        armed.remove(one.data[4:36])


def _hash_armed(made: Made) -> bytes:
    return keccak256(encode_values([PLAN_TYPE], [_decode(made)[1]]))


def _decode(made: Made) -> tuple[Address, Any]:
    """Contracts read more encodings than one; what is not the one that we write is not looked into."""
    types = _ARMING.get(made.data[:4]) or (
        [PLAN_TYPE] if made.data[:4] in _AS_TARGET else ["address", PLAN_TYPE]
    )
    try:
        values = decode_values(types, made.data[4:])
        is_canonical = encode_values(types, values) == made.data[4:]
    except (AbiError, ValueError, OverflowError):
        is_canonical = False
    if not is_canonical:
        raise ValueError("its plan is not encoded in the canonical way")
    return _actor_in(made, values), values[-1]


def _actor_in(made: Made, values: Any) -> Address:
    """The account whose calls the plan's are."""
    if made.data[:4] in _ARMING:
        return made.actor
    return made.target if len(values) == 1 else Address(values[0].lower())
