"""What a caller wants proposed, before the Safe's nonce."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.chain.address import is_address_text
from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.errors import IntentError
from trimtab.model.trade import TradeFacts
from trimtab.model.units import to_decimal

_UINT256_MAX = 2**256 - 1


@dataclass(frozen=True, slots=True)
class SafeIntent:
    """One proposal, wanted exactly once: `key` is its identity, also across restarts.

    Several `calls` go through MultiSend, all or none. `nonce` None comes after all that is queued; a nonce
    that another proposal has competes with it, which is how a Safe replaces. `safe_tx_gas` above 0 lets a
    call that fails use up the nonce. `label` is shown to the owners. For the `Limits` of the key:
    `notional` is what it trades, in quote currency, `trade` what that does to the account. Raises
    `IntentError` on a bad value.
    """

    key: str
    calls: tuple[Call, ...]
    nonce: int | None = field(default=None, kw_only=True)
    safe_tx_gas: int = field(default=0, kw_only=True)
    label: str = field(default="", kw_only=True)
    notional: Decimal | None = field(default=None, kw_only=True)
    trade: TradeFacts | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.key or len(self.key) > 200:
            raise IntentError(f"key must be 1 to 200 characters, got {self.key!r}", field="key")
        if not self.calls:
            raise IntentError("a proposal needs at least one call", field="calls")
        for call in self.calls:
            if not is_address_text(call.target):
                raise IntentError(f"the call's target {call.target!r} is not an address", field="calls")
            _check_int("calls", call.value)
        _check_int("nonce", self.nonce)
        _check_int("safe_tx_gas", self.safe_tx_gas)
        if self.notional is not None and to_decimal(self.notional, "notional") < 0:
            raise IntentError(f"notional must not be negative, got {self.notional}", field="notional")
        if len(self.label) > 150:
            raise IntentError(f"label may have 150 characters, got {len(self.label)}", field="label")

    @property
    def digest(self) -> str:
        """Names the content, so that one key cannot mean two proposals. The label is no part of it."""
        calls = tuple((call.target.lower(), call.value, call.data) for call in self.calls)
        return keccak256(repr((calls, self.nonce, self.safe_tx_gas)).encode()).hex()


def _check_int(name: str, value: object) -> None:
    if value is None:
        return
    if type(value) is not int or not 0 <= value <= _UINT256_MAX:
        raise IntentError(f"{name} must be an int of 0 to 2**256 - 1, got {value!r}", field=name, value=value)
