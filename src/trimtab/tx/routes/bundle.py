"""Bundles to relays and builders: `eth_sendBundle`. All of its transactions in order in the one block that
it aims at, or none; a transaction alone is a bundle of one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.chain.rpc_errors import SendClass
from trimtab.errors import IntentError
from trimtab.tx.lanes import Lane
from trimtab.tx.opening import open_signed
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, SendResult
from trimtab.tx.routes.bundle_simulation import BundleSimulation, simulate_bundle
from trimtab.tx.routes.preferences import check_builders
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, take_bundle

MOST_TRANSACTIONS = 100
MOST_BYTES = 300_000
"""Flashbots' limits for one bundle."""


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """`builders`: names of those that the relay shares it with. `simulate_first`: each relay is asked with
    `eth_callBundle` before it is sent, and one where it fails does not get it; it fails, too, while a lower
    nonce is only waiting. `cancel_by_empty`: for builders without `eth_cancelBundle`, which take a bundle of
    nothing instead. Raises `ConfigError`."""

    builders: tuple[str, ...] = ()
    simulate_first: bool = False
    cancel_by_empty: bool = False

    def __post_init__(self) -> None:
        check_builders(self.builders)


class BundleRoute(RelayRoute):
    """Sends to all relays at once. Under one name a bundle takes the place of the one before it, so that each
    new block's replaces the last. None of its transactions may revert or be left out."""

    kind = "bundle"
    question = ("eth_cancelBundle", ({"replacementUuid": "00000000-0000-4000-8000-000000000000"},))
    lanes = frozenset({Lane.PRIVATE, Lane.BUNDLE})

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: BundleOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        self._identity = identity or RelayIdentity.generate()
        super().__init__(urls, identity=self._identity, relay=relay, name=name)
        self._options = options or BundleOptions()

    async def withdraw(self, parcel: Parcel) -> None:
        """Ask every relay to drop the bundle of this name. One without a name was for one block, and ends
        with it."""
        if not parcel.name:
            return
        uuid = replacement_of(self._identity, parcel)
        if self._options.cancel_by_empty:
            method, fields = "eth_sendBundle", {"txs": [], "replacementUuid": uuid}
        else:
            method, fields = "eth_cancelBundle", {"replacementUuid": uuid}
        await asyncio.gather(*(relay.ask(method, [fields]) for relay in self._relays))

    async def simulate(self, parcel: Parcel, *, state_block: int | None = None) -> Sequence[BundleSimulation]:
        """What `eth_callBundle` says at each relay, on the state of `state_block` (None: the latest)."""
        asked = [simulate_bundle(relay, parcel, state_block=state_block) for relay in self._relays]
        return list(await asyncio.gather(*asked))

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        if beyond := beyond_limits(parcel):
            return [relay.refuse(beyond)] * len(parcel.raws)
        if self._options.simulate_first:
            simulation = await simulate_bundle(relay, parcel)
            if simulation.trouble is not None:
                return [simulation.trouble] * len(parcel.raws)
            if simulation.failure:
                words = f"not sent: its simulation failed: {simulation.failure}"
                return [relay.refuse(words, SendClass.REVERT)] * len(parcel.raws)
        return take_bundle(relay, await relay.ask("eth_sendBundle", [self._fields(parcel)]), parcel)

    def _fields(self, parcel: Parcel) -> dict[str, Any]:
        """Block numbers are hex on the wire, timestamps are numbers."""
        fields: dict[str, Any] = {
            "txs": ["0x" + raw.hex() for raw in parcel.raws],
            "blockNumber": hex(parcel.target),
            "revertingTxHashes": [],
        }
        if parcel.deadline is not None:
            fields |= {"minTimestamp": 0, "maxTimestamp": parcel.deadline}
        if parcel.name:
            fields["replacementUuid"] = replacement_of(self._identity, parcel)
        if self._options.builders:
            fields["builders"] = list(self._options.builders)
        return fields


def replacement_of(identity: RelayIdentity, parcel: Parcel) -> str:
    """The uuid of the parcel's name on its account: accounts that share an identity do not replace what the
    others sent."""
    try:
        first = open_signed(parcel.raws[0])
        owner = f"{first.fields.chain_id}:{first.sender}"
    except (IndexError, IntentError):
        owner = ""
    return identity.replacement_uuid(f"{owner}:{parcel.name}")


def beyond_limits(parcel: Parcel, most: int = MOST_TRANSACTIONS) -> str:
    """Why no relay takes a bundle of these; empty when they may."""
    size = sum(map(len, parcel.raws))
    if len(parcel.raws) > most:
        return f"a bundle has at most {most} transactions, this has {len(parcel.raws)}; split it"
    if size > MOST_BYTES:
        return f"a bundle has at most {MOST_BYTES} bytes, this has {size}; split it"
    return ""
