"""What transactions change in balances: native currency and tokens, from logs and state differences. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from trimtab.chain.hashing import keccak256
from trimtab.chain.receipt import Log
from trimtab.model.ids import Address

NATIVE = Address("0x" + "ee" * 20)
"""Who `eth_simulateV1` says emitted a transfer of native currency (ERC-7528)."""
NOBODY = Address("0x" + "00" * 20)
"""From whom tokens are minted, and to whom they are burnt (ERC-20)."""

TRANSFER = keccak256(b"Transfer(address,address,uint256)")
DEPOSIT = keccak256(b"Deposit(address,uint256)")
WITHDRAWAL = keccak256(b"Withdrawal(address,uint256)")

K = TypeVar("K")
Balances = Mapping[Address, int]
Holdings = Mapping[tuple[Address, Address], int]
"""(token, holder) -> base units of the token."""


@dataclass(frozen=True, slots=True)
class Differences:
    """Gained > 0, in base units; what did not change is left out. `native` has the senders' fees in it, and
    not what the block's producer gets: that is `coinbase`, tips and payments to it. `wrapped` are the tokens
    that were found to be wrapped native currency."""

    native: Balances = field(default_factory=dict)
    tokens: Holdings = field(default_factory=dict)
    coinbase: int = 0
    wrapped: frozenset[Address] = frozenset()

    def tokens_of(self, holder: Address) -> dict[Address, int]:
        """What one holder gains and gives, by token."""
        return {token: units for (token, who), units in self.tokens.items() if who == holder}


@dataclass(frozen=True, slots=True)
class Fee:
    """What a transaction pays for its gas, wei. `tip` is the part of it that the block's producer gets."""

    payer: Address
    paid: int
    tip: int


def add_up(parts: Iterable[Differences]) -> Differences:
    """The differences of all of them together."""
    native: Counter[Address] = Counter()
    tokens: Counter[tuple[Address, Address]] = Counter()
    coinbase = 0
    wrapped: frozenset[Address] = frozenset()
    for part in parts:
        native.update(part.native)
        tokens.update(part.tokens)
        coinbase += part.coinbase
        wrapped |= part.wrapped
    return Differences(_changed(native), _changed(tokens), coinbase, wrapped)


def from_transfers(logs: Iterable[Log], fee: Fee, coinbase: Address) -> Differences:
    """The differences of a transaction whose native transfers stand among its logs (`NATIVE`). They must be
    all of its transfers; those of a reverted one are none."""
    native: Counter[Address] = Counter()
    others: list[Log] = []
    for log in logs:
        moved = _transfer(log)
        if log.address != NATIVE or moved is None:
            others.append(log)
            continue
        source, target, wei = moved
        native[source] -= wei
        native[target] += wei
    native[fee.payer] -= fee.paid
    earned = native.pop(coinbase, 0) + fee.tip
    return _with_tokens(_changed(native), others, earned)


def from_changes(native: Balances, logs: Iterable[Log], coinbase: Address) -> Differences:
    """The differences of a transaction that changes native balances by `native` in all, fees among them."""
    native = dict(native)
    earned = native.pop(coinbase, 0)
    return _with_tokens(_changed(native), list(logs), earned)


def token_differences(
    logs: Iterable[Log], wrapped: Collection[Address] = ()
) -> dict[tuple[Address, Address], int]:
    """ERC-20 transfers by (token, holder). `wrapped` are the tokens whose deposits and withdrawals count too:
    wrapped native currency mints and burns without a transfer."""
    held: Counter[tuple[Address, Address]] = Counter()
    for log in logs:
        if (moved := _transfer(log)) is not None:
            source, target, units = moved
            held[log.address, source] -= units
            held[log.address, target] += units
        elif log.address in wrapped and (swapped := _wrapping(log)) is not None:
            holder, units = swapped
            held[log.address, holder] += units
    return _changed(held)


def find_wrapped(logs: Iterable[Log], native: Balances) -> frozenset[Address]:
    """The emitters of deposits and withdrawals that are wrapped native currency: their own native balance
    changed by exactly what these say, and they mint and burn by no transfer. Others use the same events for
    other things."""
    said: Counter[Address] = Counter()
    minting: set[Address] = set()
    for log in logs:
        if (swapped := _wrapping(log)) is not None:
            said[log.address] += swapped[1]
        elif (moved := _transfer(log)) is not None and NOBODY in moved[:2]:
            minting.add(log.address)
    return frozenset(who for who, wei in said.items() if native.get(who, 0) == wei and who not in minting)


def without_native(logs: Iterable[Log]) -> Iterator[Log]:
    """The logs that contracts emitted."""
    return (log for log in logs if log.address != NATIVE)


def _with_tokens(native: dict[Address, int], logs: list[Log], coinbase: int) -> Differences:
    wrapped = find_wrapped(logs, native)
    return Differences(native, token_differences(logs, wrapped), coinbase, wrapped)


def _transfer(log: Log) -> tuple[Address, Address, int] | None:
    """From, to and units; None for what is no ERC-20 transfer (that of an ERC-721 has one topic more)."""
    if len(log.topics) != 3 or log.topics[0] != TRANSFER or len(log.data) != 32:
        return None
    source, target = _address(log.topics[1]), _address(log.topics[2])
    return None if source is None or target is None else (source, target, int.from_bytes(log.data, "big"))


def _wrapping(log: Log) -> tuple[Address, int] | None:
    """Who gets wrapped currency, and how much of it (WETH9: `Deposit` and `Withdrawal`)."""
    if len(log.topics) != 2 or log.topics[0] not in (DEPOSIT, WITHDRAWAL) or len(log.data) != 32:
        return None
    holder, units = _address(log.topics[1]), int.from_bytes(log.data, "big")
    return None if holder is None else (holder, units if log.topics[0] == DEPOSIT else -units)


def _address(topic: bytes) -> Address | None:
    return Address("0x" + topic[12:].hex()) if len(topic) == 32 and not any(topic[:12]) else None


def _changed(counted: Mapping[K, int]) -> dict[K, int]:
    return {key: units for key, units in counted.items() if units}
