"""Bundles to an MEV-Share node (https://relay.flashbots.net): `mev_sendBundle` v0.1, which says what
searchers may see and who gets what they pay. They may add theirs behind it, and cannot take it apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.errors import ConfigError
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, SendResult
from trimtab.tx.routes.bundle import beyond_limits, replacement_of
from trimtab.tx.routes.bundle_simulation import BundleSimulation, read_number
from trimtab.tx.routes.preferences import Refund, check_builders, check_hints, check_refunds, refund_fields
from trimtab.tx.routes.relay import Heard, Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, take_bundle

_FAILURES = ("error", "execError", "revert")
MOST_BLOCKS = 30
"""The widest range that a node takes: the last block is at most so many after the first."""
MOST_TRANSACTIONS = 50
"""A node's limit for one bundle."""


@dataclass(frozen=True, slots=True)
class MevShareOptions:
    """`hints`: what searchers see, by default nothing, and then none can bid. `builders`: who may include it,
    by default the node's own. `refund_percent`: the least share of what they pay that goes to `refunds`, or
    to the sender. All of it is said in each request. Raises `ConfigError`."""

    hints: tuple[str, ...] = ()
    builders: tuple[str, ...] = ("flashbots",)
    refund_percent: int | None = None
    refunds: tuple[Refund, ...] = ()

    def __post_init__(self) -> None:
        check_hints(self.hints)
        check_builders(self.builders)
        check_refunds(self.refunds, most=100)
        if self.refund_percent is not None and not 0 <= self.refund_percent <= 100:
            raise ConfigError(f"refund_percent is 0 to 100, got {self.refund_percent}", key="refund_percent")


class MevShareRoute(RelayRoute):
    """A bundle is good from its target to its last block, which is the only end that it has: nodes know no
    deadline, and pass by one that they know already."""

    kind = "mev_share"
    question = ("mev_cancelBundle", ({"replacementUuid": "00000000-0000-4000-8000-000000000000"}, []))
    lanes = frozenset({Lane.PRIVATE, Lane.BUNDLE})
    lingers = 0

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: MevShareOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        self._identity = identity or RelayIdentity.generate()
        super().__init__(urls, identity=self._identity, relay=relay, name=name)
        self._options = options or MevShareOptions()

    async def withdraw(self, parcel: Parcel) -> None:
        """`mev_cancelBundle`, to the same builders, for the bundle of this name; one without a name stays."""
        if parcel.name:
            named = {"replacementUuid": replacement_of(self._identity, parcel)}
            asked = [named, list(self._options.builders)]
            await asyncio.gather(*(relay.ask("mev_cancelBundle", asked) for relay in self._relays))

    async def simulate(self, parcel: Parcel, *, state_block: int | None = None) -> Sequence[BundleSimulation]:
        """What `mev_simBundle` says at each node, on the state of `state_block` (None: the latest)."""
        around = {} if state_block is None else {"parentBlock": hex(state_block)}
        params = [self._fields(parcel), around]
        heard = await asyncio.gather(*(relay.ask("mev_simBundle", params) for relay in self._relays))
        return [_read(relay, one) for relay, one in zip(self._relays, heard, strict=True)]

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        if beyond := beyond_limits(parcel, MOST_TRANSACTIONS):
            return [relay.refuse(beyond)] * len(parcel.raws)
        return take_bundle(relay, await relay.ask("mev_sendBundle", [self._fields(parcel)]), parcel)

    def _fields(self, parcel: Parcel) -> dict[str, Any]:
        """Block numbers are hex. `privacy` is always there: without it the node's own defaults count."""
        options = self._options
        refund = [] if options.refund_percent is None else [{"bodyIdx": 0, "percent": options.refund_percent}]
        last = min(parcel.last_block, parcel.target + MOST_BLOCKS)
        fields: dict[str, Any] = {
            "version": "v0.1",
            "inclusion": {"block": hex(parcel.target), "maxBlock": hex(max(last, parcel.target))},
            "body": [{"tx": "0x" + raw.hex(), "canRevert": False} for raw in parcel.raws],
            "validity": {"refund": refund, "refundConfig": refund_fields(options.refunds)},
            "privacy": {"hints": list(options.hints), "builders": list(options.builders)},
        }
        if parcel.name:
            fields["replacementUuid"] = replacement_of(self._identity, parcel)
        return fields


def _read(relay: Relay, heard: Heard) -> BundleSimulation:
    said = heard.result
    if heard.trouble is not None:
        return BundleSimulation(relay.name, trouble=heard.trouble)
    if not isinstance(said, dict):
        return BundleSimulation(relay.name, failure="the simulation says nothing")
    words = next((str(said[key]) for key in _FAILURES if said.get(key)), "")
    if said.get("success") is not True:
        words = words or "it does not say that it succeeded"
    try:
        return BundleSimulation(
            relay.name,
            failure=relay.show(words),
            gas_used=read_number(said.get("gasUsed", 0)),
            coinbase_gain=read_number(said.get("profit", 0)),
            gas_price=read_number(said.get("mevGasPrice", 0)),
            state_block=read_number(said.get("stateBlock", 0)),
        )
    except (TypeError, ValueError):
        return BundleSimulation(relay.name, failure="the simulation's numbers are none")
