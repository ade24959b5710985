"""A private transaction relay: `eth_sendPrivateTransaction`, as Flashbots (https://relay.flashbots.net),
Titan and others have it. The relay itself tries each block up to the last one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, SendResult
from trimtab.tx.routes.preferences import Refund, check_builders, check_hints, check_refunds, refund_fields
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, send_each


@dataclass(frozen=True, slots=True)
class PrivateTxOptions:
    """`hints`: what searchers see, by default nothing. `builders`: names of those that get it beside the
    relay's own; `fast` gives it to all of them. All of it is said in each request, so that no default of the
    relay's counts. Raises `ConfigError`."""

    hints: tuple[str, ...] = ()
    builders: tuple[str, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fast: bool = False

    def __post_init__(self) -> None:
        check_hints(self.hints)
        check_builders(self.builders)
        check_refunds(self.refunds)


class PrivateTxRoute(RelayRoute):
    """Sent again for each block it is the same request, and the relay keeps one transaction."""

    kind = "private_tx"
    question = ("eth_cancelPrivateTransaction", ({"txHash": "0x" + "00" * 32},))

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: PrivateTxOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(urls, identity=identity or RelayIdentity.generate(), relay=relay, name=name)
        self._options = options or PrivateTxOptions()

    async def withdraw(self, parcel: Parcel) -> None:
        """`eth_cancelPrivateTransaction` for each hash; a relay heeds it from the key that sent it."""
        asked = [(relay, tx_hash) for relay in self._relays for tx_hash in parcel.hashes]
        method = "eth_cancelPrivateTransaction"
        await asyncio.gather(*(relay.ask(method, [{"txHash": tx_hash}]) for relay, tx_hash in asked))

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        options = self._options
        preferences: dict[str, Any] = {
            "fast": options.fast,
            "privacy": {"hints": list(options.hints), "builders": list(options.builders)},
        }
        if options.refunds:
            preferences["validity"] = {"refund": refund_fields(options.refunds)}

        def request(raw: str) -> tuple[str, list[Any]]:
            fields = {"tx": raw, "maxBlockNumber": hex(parcel.last_block), "preferences": preferences}
            return "eth_sendPrivateTransaction", [fields]

        return await send_each(relay, parcel, request)
