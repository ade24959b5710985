"""Plans of our contracts as values: calls in order, and what must hold after them. All numbers in base units.

An `account` that is left out is the one that the plan acts as. Bounds are inclusive; None is no bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from trimtab.chain.abi import encode_values
from trimtab.chain.address import is_address_text
from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.errors import IntentError
from trimtab.model.ids import ZERO_ADDRESS, Address

UINT256_MAX: Final = 2**256 - 1
INT256_MAX: Final = 2**255 - 1
INT256_MIN: Final = -(2**255)
NATIVE: Final = ZERO_ADDRESS
"""In a balance condition: the chain's own coin."""
ACTING: Final = ZERO_ADDRESS
"""In a condition: the account that the plan acts as."""
NO_SALT: Final = bytes(32)

PLAN_TYPE: Final = (
    "((address,uint256,bytes,uint8)[],"
    "((address,address,bool,int256,int256)[],"
    "(uint256,address,address,bytes32,uint256)[],"
    "(bytes32,(address,address)[],address[],int256,int256)[],"
    "(address,address,uint256)[],"
    "(address,address,bytes32,int256,int256)[]),"
    "uint256,bytes32,(address,uint256)[],address[])"
)
"""`Plan` of contracts/interfaces/IExecutor.sol."""


class OnFailure(IntEnum):
    """What a call that fails does to its plan: all is undone; the next goes on; no further call is made."""

    REVERT = 0
    CONTINUE = 1
    STOP = 2


def perp_market_id(base_token: Address) -> bytes:
    """How probes name a market of Perp v2: its base token as a word."""
    _check_address("base_token", base_token)
    return bytes(12) + bytes.fromhex(base_token[2:])


def lyra_market_id(strike_id: int, *, is_call: bool) -> bytes:
    """How probes name an option of Lyra: its strike's number and kind."""
    _check_number("strike_id", strike_id, 0, UINT256_MAX >> 1)
    return (strike_id << 1 | is_call).to_bytes(32, "big")


def underlying_id(symbol: str) -> bytes:
    """How probes name an underlying: `bytes32("ETH")`."""
    raw = symbol.encode()
    if not 0 < len(raw) <= 32 or not raw.isascii() or not symbol.isprintable():
        raise _wrong("underlying", symbol, "must be a symbol of 1 to 32 ASCII characters, like ETH")
    return raw.ljust(32, b"\0")


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a plan. Raises `IntentError` for a value that no contract can hold."""

    call: Call
    on_failure: OnFailure = OnFailure.REVERT

    def __post_init__(self) -> None:
        _check_address("target", self.call.target)
        _check_number("value", self.call.value, 0, UINT256_MAX)

    def to_abi(self) -> tuple[Any, ...]:
        return self.call.target, self.call.value, self.call.data, int(self.on_failure)


@dataclass(frozen=True, slots=True)
class BalanceCondition:
    """`account`'s balance of `token` at the end, or with `is_change` its change since the start."""

    token: Address
    least: int | None = None
    most: int | None = None
    account: Address = ACTING
    is_change: bool = False

    def __post_init__(self) -> None:
        _check_address("token", self.token)
        _check_address("account", self.account)
        _check_band(self.least, self.most)

    def to_abi(self) -> tuple[Any, ...]:
        return self.token, self.account, self.is_change, *_band(self.least, self.most)


@dataclass(frozen=True, slots=True)
class PriceCondition:
    """Price per unit in `market` that call number `call` may get, 18 decimals, fees inside: at most `limit`
    where it bought, at least `limit` where it sold. A call that trades nothing there reverts."""

    call: int
    probe: Address
    market: bytes
    limit: int
    account: Address = ACTING

    def __post_init__(self) -> None:
        _check_number("call", self.call, 0, UINT256_MAX)
        _check_probe(self.probe, self.account)
        _check_market(self.market)
        _check_number("limit", self.limit, 1, UINT256_MAX)

    def to_abi(self) -> tuple[Any, ...]:
        return self.call, self.probe, self.account, self.market, self.limit


@dataclass(frozen=True, slots=True)
class Holding:
    """One account at one venue, as part of a book."""

    probe: Address
    account: Address = ACTING

    def __post_init__(self) -> None:
        _check_probe(self.probe, self.account)

    def to_abi(self) -> tuple[Any, ...]:
        return self.probe, self.account


@dataclass(frozen=True, slots=True)
class DeltaCondition:
    """Delta in one underlying at the end, 18 decimals: of all `holdings`, and one for each whole token of
    `spot` that the acting account holds."""

    underlying: str
    holdings: tuple[Holding, ...]
    least: int | None
    most: int | None
    spot: tuple[Address, ...] = ()

    def __post_init__(self) -> None:
        underlying_id(self.underlying)
        for token in self.spot:
            _check_address("spot", token)
        _check_band(self.least, self.most)
        if not (self.holdings or self.spot):
            raise _wrong("holdings", self.holdings, "is empty and so is spot: name what the book holds")

    def to_abi(self) -> tuple[Any, ...]:
        holdings = [holding.to_abi() for holding in self.holdings]
        band = _band(self.least, self.most)
        return underlying_id(self.underlying), holdings, list(self.spot), *band


@dataclass(frozen=True, slots=True)
class HealthCondition:
    """Health at the end: at least `least`, 18 decimals. Below one the venue liquidates."""

    probe: Address
    least: int
    account: Address = ACTING

    def __post_init__(self) -> None:
        _check_probe(self.probe, self.account)
        _check_number("least", self.least, 1, UINT256_MAX)

    def to_abi(self) -> tuple[Any, ...]:
        return self.probe, self.account, self.least


@dataclass(frozen=True, slots=True)
class SizeCondition:
    """Signed size in one market at the end, 18 decimals; equal bounds are a promise."""

    probe: Address
    market: bytes
    least: int | None
    most: int | None
    account: Address = ACTING

    def __post_init__(self) -> None:
        _check_probe(self.probe, self.account)
        _check_market(self.market)
        _check_band(self.least, self.most)

    def to_abi(self) -> tuple[Any, ...]:
        return self.probe, self.account, self.market, *_band(self.least, self.most)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold after the last call, or all is undone."""

    balances: tuple[BalanceCondition, ...] = ()
    prices: tuple[PriceCondition, ...] = ()
    deltas: tuple[DeltaCondition, ...] = ()
    healths: tuple[HealthCondition, ...] = ()
    sizes: tuple[SizeCondition, ...] = ()

    def to_abi(self) -> tuple[Any, ...]:
        kinds = (self.balances, self.prices, self.deltas, self.healths, self.sizes)
        return tuple([condition.to_abi() for condition in kind] for kind in kinds)


@dataclass(frozen=True, slots=True)
class PlanInput:
    """An amount of a token that a stand-alone executor takes from its owner before the first call."""

    token: Address
    amount: int

    def __post_init__(self) -> None:
        _check_address("token", self.token)
        _check_number("amount", self.amount, 1, UINT256_MAX)

    def to_abi(self) -> tuple[Any, ...]:
        return self.token, self.amount


@dataclass(frozen=True, slots=True)
class HookPlan:
    """Calls in order and what must hold after them. `deadline` is the unix second of the last block that may
    hold it; `salt` tells approved plans apart; `inputs` and `outputs` are of a stand-alone executor only:
    what it takes first, and what it gives back whole at the end. Raises `IntentError`."""

    calls: tuple[HookCall, ...]
    deadline: int
    conditions: Conditions = Conditions()
    salt: bytes = NO_SALT
    inputs: tuple[PlanInput, ...] = ()
    outputs: tuple[Address, ...] = ()

    def __post_init__(self) -> None:
        if not self.calls:
            raise _wrong("calls", self.calls, "is empty: a plan makes at least one call")
        _check_number("deadline", self.deadline, 1, UINT256_MAX)
        if len(self.salt) != 32:
            raise _wrong("salt", self.salt, f"must be 32 bytes, got {len(self.salt)}")
        for token in self.outputs:
            _check_address("outputs", token)
        for price in self.conditions.prices:
            if price.call >= len(self.calls):
                problem = f"is of call {price.call}, but there are only {len(self.calls)}: count from 0"
                raise _wrong("price condition", price.call, problem)

    @property
    def value(self) -> int:
        """Wei that all calls hand on."""
        return sum(item.call.value for item in self.calls)

    def to_abi(self) -> tuple[Any, ...]:
        """The contract's struct, for encoders."""
        return (
            [call.to_abi() for call in self.calls],
            self.conditions.to_abi(),
            self.deadline,
            self.salt,
            [item.to_abi() for item in self.inputs],
            list(self.outputs),
        )


def hash_plan(plan: HookPlan) -> bytes:
    """The plan's name, as the contract's `hashPlan` says it."""
    return keccak256(encode_values([PLAN_TYPE], [plan.to_abi()]))


def _band(least: int | None, most: int | None) -> tuple[int, int]:
    return INT256_MIN if least is None else least, INT256_MAX if most is None else most


def _check_band(least: int | None, most: int | None) -> None:
    for name, bound in (("least", least), ("most", most)):
        if bound is not None:
            _check_number(name, bound, INT256_MIN, INT256_MAX)
    low, high = _band(least, most)
    if low > high:
        raise _wrong("least", least, f"is above most, which is {most}: nothing is between them")
    if least is None and most is None:
        raise _wrong("least", least, "is None and so is most: give one, or leave the condition out")


def _check_probe(probe: Address, account: Address) -> None:
    _check_address("probe", probe)
    _check_address("account", account)
    if probe == ZERO_ADDRESS:
        raise _wrong("probe", probe, "is the zero address: name the venue's probe")


def _check_market(market: bytes) -> None:
    if type(market) is not bytes or len(market) != 32:
        raise _wrong("market", market, "must be 32 bytes: see perp_market_id and lyra_market_id")


def _check_address(name: str, value: object) -> None:
    if not is_address_text(value):
        raise _wrong(name, value, "is not an address: expected 0x and 40 hex digits")


def _check_number(name: str, value: object, least: int, most: int) -> None:
    if type(value) is not int:
        raise _wrong(name, value, f"must be a whole number of base units, got {type(value).__name__}")
    if not least <= value <= most:
        raise _wrong(name, value, f"must be {_power(least)} to {_power(most)}")


def _power(bound: int) -> str:
    names = {UINT256_MAX: "2**256 - 1", INT256_MAX: "2**255 - 1", INT256_MIN: "-2**255"}
    return names.get(bound, str(bound))


def _wrong(name: str, value: object, problem: str) -> IntentError:
    return IntentError(f"{name} {value!r} {problem}", field=name, value=value)
