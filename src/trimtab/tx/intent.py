"""What a caller wants sent, before nonce and fees."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.chain.address import is_address_text
from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.errors import IntentError
from trimtab.model.ids import Address
from trimtab.model.trade import TradeFacts
from trimtab.model.units import to_decimal
from trimtab.tx.envelope import AccessList, Authorization
from trimtab.tx.lanes import RoutePolicy

UINT256_MAX = 2**256 - 1
TX_GAS_CAP = 16_777_216
"""No transaction may ask for more gas (EIP-7825)."""


@dataclass(frozen=True, slots=True)
class TxIntent:
    """One transaction, wanted exactly once. `key` is its identity: the same key with the same content is the
    same transaction, also across restarts.

    `label` is for people; `cause` names what it was planned from, is kept with it, and is the caller's to
    compare. For the `Limits` of the key: `notional` is what it trades, in quote currency, `trade` what that
    does to the account. Raises `IntentError` on a bad value.
    """

    key: str
    call: Call
    gas_limit: int | None = field(default=None, kw_only=True)
    """None lets the simulation say."""
    budget_wei: int | None = field(default=None, kw_only=True)
    """The most that value and fees may cost in the worst case."""
    deadline: int | None = field(default=None, kw_only=True)
    """A unix second of the chain's clock: from then on no attempt is broadcast, and what is out is
    cancelled."""
    label: str = field(default="", kw_only=True)
    cause: str = field(default="", kw_only=True)
    notional: Decimal | None = field(default=None, kw_only=True)
    trade: TradeFacts | None = field(default=None, kw_only=True)
    access_list: AccessList = field(default=(), kw_only=True)
    """Travels with it (EIP-2930)."""
    authorizations: tuple[Authorization, ...] = field(default=(), kw_only=True)
    """Signed leaves of accounts to run other code as their own (EIP-7702)."""
    delegate_to: Address | None = field(default=None, kw_only=True)
    """The code that the sending account itself shall run as its own: signed with the transaction, and alone
    in flight. It uses two nonces."""
    route: RoutePolicy | None = field(default=None, kw_only=True)
    """Who may have its bytes; None takes the sender's own policy."""

    def __post_init__(self) -> None:
        if not self.key or len(self.key) > 200:
            raise IntentError(f"key must be 1 to 200 characters, got {self.key!r}", field="key")
        if not is_address_text(self.call.target):
            raise IntentError(f"the call's target {self.call.target!r} is not an address", field="target")
        _check_int("value", self.call.value, UINT256_MAX)
        _check_int("gas_limit", self.gas_limit, TX_GAS_CAP, least=21_000)
        _check_int("budget_wei", self.budget_wei, UINT256_MAX)
        _check_int("deadline", self.deadline, 2**63)
        if self.notional is not None and to_decimal(self.notional, "notional") < 0:
            raise IntentError(f"notional must not be negative, got {self.notional}", field="notional")
        for address, keys in self.access_list:
            if not is_address_text(address) or any(len(key) != 32 for key in keys):
                raise IntentError(
                    f"the access list's entry of {address!r} is not an address with 32-byte keys",
                    field="access_list",
                )
        if self.delegate_to is not None and not is_address_text(self.delegate_to):
            raise IntentError(f"delegate_to {self.delegate_to!r} is not an address", field="delegate_to")

    @property
    def digest(self) -> str:
        """Names the content, so that one key cannot mean two transactions. An access list that was found
        later is no part of it; a plain intent has the digest that it had before there were other parts."""
        call = self.call
        parts = (call.target.lower(), call.value, self.gas_limit, self.budget_wei, self.deadline)
        given = (self.access_list, self.authorizations, self.delegate_to, self.route)
        extras = tuple(extra for extra in given if extra)
        return keccak256(repr(parts + extras).encode() + call.data).hex()


def _check_int(name: str, value: object, most: int, least: int = 0) -> None:
    if value is None:
        return
    if type(value) is not int:
        raise IntentError(
            f"{name} must be an int in base units, got {type(value).__name__} {value!r}",
            field=name,
            value=value,
        )
    if not least <= value <= most:
        raise IntentError(f"{name} must be {least} to {most}, got {value}", field=name, value=value)
