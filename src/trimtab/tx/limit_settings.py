"""The limits of a key as a person writes them in a settings file: in ETH, by venue and function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path

from trimtab.chain.address import parse_address
from trimtab.chain.hashing import keccak256
from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import Address
from trimtab.model.limits import SELF, AllowedCall, ArgumentRule, Callee, Limits
from trimtab.model.units import to_base_exact, to_positive


@dataclass(frozen=True)
class RuleSettings:
    """What a 32-byte word of the arguments must be: one of these addresses ("self" is the account), or at
    most a number."""

    word: int
    one_of: tuple[str, ...] | None = None
    at_most: int | None = None

    @property
    def rule(self) -> ArgumentRule:
        named = None if self.one_of is None else frozenset(map(_parse_recipient, self.one_of))
        return ArgumentRule(self.word, one_of=named, at_most=self.at_most)


@dataclass(frozen=True)
class CallSettings:
    """One more function that the key may call: by signature ("approve(address,uint256)") or by selector.
    `venue`: whose margin it may weaken."""

    target: Address
    function: str | None = None
    selector: str | None = None
    rules: tuple[RuleSettings, ...] = ()
    is_trade: bool = True
    venue: str | None = None

    @property
    def call(self) -> AllowedCall:
        rules = tuple(item.rule for item in self.rules)
        name = self.function or ""
        return AllowedCall(self.target, self._selector(), name, rules, self.is_trade, self.venue or "")

    def _selector(self) -> bytes:
        if (self.function is None) == (self.selector is None):
            raise ConfigError("needs exactly one of function and selector", key="limits.calls")
        if self.function is not None:
            if not self.function.endswith(")") or "(" not in self.function or " " in self.function:
                raise ConfigError(
                    f"{self.function!r} is not a signature like approve(address,uint256)", key="limits.calls"
                )
            return keccak256(self.function.encode())[:4]
        text = str(self.selector)
        try:
            selector = bytes.fromhex(text.removeprefix("0x"))
        except ValueError:
            selector = b""
        if len(selector) != 4:
            raise ConfigError(f"{text!r} is not a selector of 4 bytes like 0x095ea7b3", key="limits.calls")
        return selector


@dataclass(frozen=True)
class LimitSettings:
    """What the key may do: the calls of these `venues` (None: all configured), of these `functions` only, and
    `calls` beside them. Amounts in ETH and in quote currency, slippage a fraction; left out = no limit, but
    `max_value_eth`, which is 0. Raises `ConfigError` on a bad value."""

    venues: tuple[str, ...] | None = None
    functions: tuple[str, ...] | None = None
    calls: tuple[CallSettings, ...] = ()
    transfers: tuple[Address, ...] = ()
    max_value_eth: Decimal | None = None
    max_value_per_day_eth: Decimal | None = None
    max_fees_per_hour_eth: Decimal | None = None
    max_fees_per_day_eth: Decimal | None = None
    max_notional: Decimal | None = None
    max_notional_per_day: Decimal | None = None
    max_leverage: Decimal | None = None
    max_slippage: Decimal | None = None
    reduce_only: bool = field(default=False, metadata={"implied": True})
    expires_at: int | None = None
    pause_file: Path | None = None

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.startswith("max_") and value is not None:
                object.__setattr__(self, item.name, _positive(item.name, value))
        try:
            _ = [item.call for item in self.calls]  # a bad one is told when the file is read
        except IntentError as error:
            raise ConfigError(str(error), key="limits.calls") from None

    def make(self, chain_id: int, venues: Mapping[str, Callee], max_cost_wei: int | None = None) -> Limits:
        """The limits for a chain, out of the calls of its `venues`. Raises `ConfigError` for a venue or a
        function that is not there."""
        limits = Limits(
            calls=tuple(call for name in self._chosen(venues) for call in venues[name].allowed_calls),
            chains={chain_id},
            transfers=frozenset(self.transfers),
            max_value_wei=_wei(self.max_value_eth) or 0,
            max_value_per_day_wei=_wei(self.max_value_per_day_eth),
            max_cost_wei=max_cost_wei,
            max_fees_per_hour_wei=_wei(self.max_fees_per_hour_eth),
            max_fees_per_day_wei=_wei(self.max_fees_per_day_eth),
            max_notional=self.max_notional,
            max_notional_per_day=self.max_notional_per_day,
            max_leverage=self.max_leverage,
            max_slippage=self.max_slippage,
            reduce_only=self.reduce_only,
            expires_at=self.expires_at,
        )
        try:
            narrowed = limits if self.functions is None else limits.only(*self.functions)
        except IntentError as error:
            raise ConfigError(f"limits.functions: {error}", key="limits.functions") from None
        return narrowed.allowing(*(item.call for item in self.calls))

    def _chosen(self, venues: Mapping[str, Callee]) -> tuple[str, ...]:
        chosen = tuple(venues) if self.venues is None else self.venues
        for name in chosen:
            if name not in venues:
                raise ConfigError(
                    f"limits.venues names {name!r}, which is not configured; there are "
                    f"{', '.join(sorted(venues)) or 'none'}",
                    key="limits.venues",
                )
        return chosen


def _parse_recipient(text: str) -> Address:
    return SELF if text == SELF else parse_address(text)


def _positive(name: str, value: Decimal) -> Decimal:
    key = f"limits.{name}"
    try:
        number = to_positive(value, key)
        if name.endswith("_eth") or name in ("max_leverage", "max_slippage"):
            to_base_exact(number, 18, key)
    except IntentError as error:
        raise ConfigError(str(error).removeprefix(key).strip(), key=key) from None
    return number


def _wei(eth: Decimal | None) -> int | None:
    return None if eth is None else to_base_exact(eth, 18)
