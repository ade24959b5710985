"""A rollup's sequencer that takes conditions (ERC-7796): `eth_sendRawTransactionConditional`. The
transaction is ordered only while they hold, which gives it a time in force, and is refused at once where
they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from trimtab.chain.address import checksum, parse_address
from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, SendResult
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, send_each

Storage: TypeAlias = bytes | Mapping[int, int]
"""What an account's storage must be: its root, or values by slot."""
MOST_COST = 1_000
"""The dearest condition of op-geth; op-reth takes 5,000."""


@dataclass(frozen=True, slots=True)
class ConditionalOptions:
    """Conditions for every transaction of this route, beside its own deadline and last block. `max_cost` is
    what the sequencer takes. Arbitrum counts blocks of L1 there. Raises `ConfigError`."""

    known_accounts: Mapping[Address, Storage] = field(default_factory=dict)
    block_min: int | None = None
    block_max: int | None = None
    timestamp_min: int | None = None
    timestamp_max: int | None = None
    max_cost: int = MOST_COST

    def __post_init__(self) -> None:
        for account, storage in self.known_accounts.items():
            parse_address(account)
            if isinstance(storage, bytes) and len(storage) != 32:
                raise ConfigError(f"a storage root is 32 bytes, got {len(storage)}", key="known_accounts")
        _check_order("block", self.block_min, self.block_max)
        _check_order("timestamp", self.timestamp_min, self.timestamp_max)


class ConditionalRoute(RelayRoute):
    """Public: a sequencer's queue is not a secret. Where another public route is beside it, that one sends
    without the conditions."""

    kind = "conditional"
    lanes = frozenset({Lane.PUBLIC})

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: ConditionalOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(urls, identity=identity, relay=relay, name=name)
        self._options = options or ConditionalOptions()

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        """One after the other, each on its own conditions."""
        return [result for single in parcel.singles() for result in await self._send_single(relay, single)]

    async def _send_single(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        conditions = self.conditions(parcel)
        cost = cost_of(conditions)
        if cost > self._options.max_cost:
            words = f"not sent: its conditions cost {cost}, the sequencer takes {self._options.max_cost}"
            return [relay.refuse(words, SendClass.CONDITIONAL)] * len(parcel.raws)

        def request(raw: str) -> tuple[str, list[Any]]:
            return "eth_sendRawTransactionConditional", [raw, conditions]

        return await send_each(relay, parcel, request)

    def conditions(self, parcel: Parcel) -> dict[str, Any]:
        """What the sequencer is told for a parcel, numbers in hex."""
        options = self._options
        bounds = {
            "blockNumberMin": options.block_min,
            "blockNumberMax": _least(options.block_max, parcel.last_block or None),
            "timestampMin": options.timestamp_min,
            "timestampMax": _least(options.timestamp_max, parcel.deadline),
        }
        told: dict[str, Any] = {key: hex(value) for key, value in bounds.items() if value is not None}
        accounts = options.known_accounts.items()
        return told | {"knownAccounts": {checksum(one): _storage(storage) for one, storage in accounts}}


def cost_of(conditions: Mapping[str, Any]) -> int:
    """What conditions cost a sequencer, as op-geth counts them: look-ups, and one for each kind of bound."""
    accounts = conditions.get("knownAccounts", {}).values()
    looked_up = sum(1 + (1 if isinstance(storage, str) else len(storage)) for storage in accounts)
    kinds = {key.removesuffix("Min").removesuffix("Max") for key in conditions} - {"knownAccounts"}
    return looked_up + len(kinds)


def _storage(storage: Storage) -> str | dict[str, str]:
    if isinstance(storage, bytes):
        return "0x" + storage.hex()
    return {_word(slot): _word(value) for slot, value in storage.items()}


def _word(number: int) -> str:
    return "0x" + number.to_bytes(32, "big").hex()


def _least(*values: int | None) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _check_order(what: str, least: int | None, most: int | None) -> None:
    if least is not None and most is not None and least > most:
        raise ConfigError(f"{what}_min {least} is above {what}_max {most}", key=f"{what}_min")
