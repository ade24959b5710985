"""What a key may do at most: one value for the local policy and for a guard on chain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Protocol, Self, runtime_checkable

from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.model.units import to_decimal, to_wad_exact

SELF = Address("self")
"""In a rule: the account that sends."""
WORD = 32
_ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class ArgumentRule:
    """What the 32-byte `word` of the arguments (0 is the first after the selector) must hold: `one_of` these
    addresses, where `SELF` is the sender's own, and `at_most` this number. `name` is for messages. Raises
    `IntentError` on a rule that rules nothing."""

    word: int
    one_of: Set[Address] | None = None
    at_most: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        _check_whole("word", self.word)
        _check_whole("at_most", self.at_most)
        if self.one_of is None and self.at_most is None:
            raise IntentError(f"the rule for word {self.word} rules nothing: give one_of or at_most")
        if self.one_of is not None:
            object.__setattr__(self, "one_of", _addresses("one_of", self.one_of, may_be_self=True))

    def admits(self, arguments: bytes, account: Address) -> bool:
        """Whether the arguments of a call by `account` keep the rule. Dirty or missing bytes do not."""
        word = self.word_of(arguments)
        if len(word) < WORD:
            return False
        if self.at_most is not None and int.from_bytes(word, "big") > self.at_most:
            return False
        if self.one_of is None:
            return True
        address = "0x" + word[12:].hex()
        is_known = address in self.one_of or (SELF in self.one_of and address == account)
        return is_known and not any(word[:12])

    def word_of(self, arguments: bytes) -> bytes:
        """The word that the rule is about; shorter when the arguments end before it does."""
        return arguments[WORD * self.word : WORD * (self.word + 1)]

    def __str__(self) -> str:
        named = self.name or f"word {self.word}"
        parts = [] if self.one_of is None else [f"one of {', '.join(sorted(self.one_of))}"]
        parts += [] if self.at_most is None else [f"at most {self.at_most}"]
        return f"{named} {' and '.join(parts)}"


@dataclass(frozen=True, slots=True)
class AllowedCall:
    """A function that a key may call. `target` None is any contract, `selector` None any function; a call
    without data is a transfer and not meant. `name` is the function's signature, for messages. `is_trade`
    says that it moves notional, which its intent must declare where notional is limited, as it must its loss
    and direction where those are. `venue` names the one whose margin it may weaken (a trade, a withdrawal):
    the account's leverage there after the call is bounded, and must be declared. Two entries for one function
    allow what either does. Raises `IntentError` on a bad value."""

    target: Address | None
    selector: bytes | None
    name: str = ""
    rules: tuple[ArgumentRule, ...] = ()
    is_trade: bool = True
    venue: str = ""

    def __post_init__(self) -> None:
        if self.target is not None:
            (target,) = _addresses("target", [self.target])
            object.__setattr__(self, "target", target)
        if self.selector is not None and len(self.selector) != 4:
            raise IntentError(
                f"a selector is 4 bytes, got {self.selector!r}", field="selector", value=self.selector
            )
        object.__setattr__(self, "rules", tuple(self.rules))

    @property
    def function(self) -> str:
        """The function's own name, without its arguments; empty when it is not known."""
        return self.name.split("(")[0]


@runtime_checkable
class Callee(Protocol):
    """What says which calls it needs: every venue does."""

    @property
    def chain_id(self) -> int: ...
    @property
    def allowed_calls(self) -> tuple[AllowedCall, ...]: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """What one key may do. Empty sets allow nothing, None anywhere is no limit; `Limits()` allows nothing.

    `transfers`: who may get plain value. `delegates`: contracts whose code the account may take on. Wei:
    `max_value_wei` and `max_cost_wei` (value and worst-case fee) of a transaction; value a day, fees an hour
    and a day. Notional in quote currency, as intents declare it, of a transaction and a day. Windows roll by
    the chain's clock, as does `expires_at`, the second from which on nothing new is signed. What is equal to
    a cap passes. Cancellations are always allowed. Raises `IntentError` on a bad value."""

    calls: tuple[AllowedCall, ...] = ()
    chains: Set[int] | None = frozenset()
    transfers: Set[Address] | None = frozenset()
    delegates: Set[Address] | None = frozenset()
    max_value_wei: int | None = 0
    max_value_per_day_wei: int | None = None
    max_cost_wei: int | None = None
    max_fees_per_hour_wei: int | None = None
    max_fees_per_day_wei: int | None = None
    max_notional: Decimal | None = None
    """|size| traded x mark price of a perpetual, x spot price of an option's underlying."""
    max_notional_per_day: Decimal | None = None
    max_leverage: Decimal | None = None
    """notional / equity of the account at a venue after the call."""
    max_slippage: Decimal | None = None
    """Loss to the oracle's prices, fees inside, as a fraction of the notional traded: 0.005 is 0.5 %."""
    reduce_only: bool = False
    """Trades make positions smaller; they do not open or flip them."""
    expires_at: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "calls", tuple(dict.fromkeys(self.calls)))
        if self.chains is not None:
            object.__setattr__(self, "chains", frozenset(self.chains))
            for chain_id in self.chains:
                _check_whole("chains", chain_id)
        for name in ("transfers", "delegates"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, _addresses(name, given))
        for item in fields(self):
            if item.name.endswith("_wei") or item.name == "expires_at":
                _check_whole(item.name, getattr(self, item.name))
        for name in ("max_notional", "max_notional_per_day"):
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        for name in ("max_leverage", "max_slippage"):
            object.__setattr__(self, name, _ratio(name, getattr(self, name)))
        if type(self.reduce_only) is not bool:
            raise IntentError(
                f"reduce_only must be True or False, got {self.reduce_only!r}", field="reduce_only"
            )

    @classmethod
    def of(cls, *callees: Callee, calls: Iterable[AllowedCall] = (), **limits: Any) -> Self:
        """What these venues need on their chains and the `calls` beside it, within `limits` (fields of this
        class)."""
        chains = frozenset(callee.chain_id for callee in callees)
        needed = tuple(call for callee in callees for call in callee.allowed_calls)
        return cls(**{"calls": (*needed, *calls), "chains": chains, **limits})

    @classmethod
    def unrestricted(cls) -> Self:
        """No limit at all: whatever asks for a signature gets it. For tests, and keys that hold nothing."""
        return cls(calls=(ANY_CALL,), chains=None, transfers=None, delegates=None, max_value_wei=None)

    def allowing(self, *calls: AllowedCall) -> Self:
        """The same limits with more calls."""
        return replace(self, calls=(*self.calls, *calls))

    def only(self, *functions: str) -> Self:
        """The same limits with no other calls than those of these functions ("openPosition"). Raises
        `IntentError` for one that is not among them."""
        known = {call.function for call in self.calls}
        for name in functions:
            if name not in known:
                raise IntentError(
                    f"no allowed call is named {name!r}; there are {', '.join(sorted(known)) or 'none'}",
                    field="functions",
                    value=name,
                )
        return replace(self, calls=tuple(call for call in self.calls if call.function in functions))

    @property
    def is_unrestricted(self) -> bool:
        return self == Limits.unrestricted()


ANY_CALL = AllowedCall(None, None)


def _check_whole(name: str, value: object) -> None:
    """None or a whole number of at least 0; the type is exact, because True and 1.0 are not amounts."""
    if value is None:
        return
    if type(value) is not int:
        raise IntentError(
            f"{name} must be a whole number, got {type(value).__name__} {value!r}", field=name, value=value
        )
    if value < 0:
        raise IntentError(f"{name} must not be negative, got {value}", field=name, value=value)


def _number(name: str, value: object) -> Decimal | None:
    if value is None:
        return None
    number = to_decimal(value, name)
    if number < 0:
        raise IntentError(f"{name} must not be negative, got {number}", field=name, value=value)
    return number


def _ratio(name: str, value: object) -> Decimal | None:
    """As `_number`, with 18 decimals at most: what a contract compares with."""
    number = _number(name, value)
    if number is not None:
        to_wad_exact(number, name)
    return number


def _addresses(name: str, given: Iterable[str], *, may_be_self: bool = False) -> frozenset[Address]:
    if isinstance(given, str):
        raise IntentError(f"{name} is a collection of addresses, got the text {given!r}", field=name)
    lowered = frozenset(Address(address.lower()) for address in given)
    for address in lowered:
        if not (_ADDRESS.fullmatch(address) or (may_be_self and address == SELF)):
            raise IntentError(
                f"{name} holds {address!r}, which is not an address: expected 0x and 40 hex digits",
                field=name,
                value=address,
            )
    return lowered
