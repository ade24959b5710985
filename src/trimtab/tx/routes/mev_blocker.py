"""MEV Blocker (https://rpc.mevblocker.io): a private RPC whose path says who may see a transaction, with a
status API on the same host."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from trimtab.errors import ConfigError
from trimtab.model.ids import TxHash
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, RelayStatus, SendResult
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, send_each
from trimtab.tx.routes.status import status_of


class Privacy(StrEnum):
    """MEV Blocker's paths. FAST and NO_REVERTS auction it to searchers, MAX_BACKRUNS shows it to all of them,
    FULL_PRIVACY to builders only."""

    FAST = "fast"
    NO_REVERTS = "noreverts"
    FULL_PRIVACY = "fullprivacy"
    MAX_BACKRUNS = "maxbackruns"


SOFT = frozenset({Privacy.NO_REVERTS, Privacy.FULL_PRIVACY})
"""Where soft cancellations work."""
HELD_BLOCKS = 25
"""It is told no last block, and tries what it has for so long."""
_OURS = frozenset({"softcancellations", "shareall"})


@dataclass(frozen=True, slots=True)
class MevBlockerOptions:
    """`soft_cancellations`: a cancellation that is sent there stops it without being mined; elsewhere than in
    `SOFT` there is none. Raises `ConfigError`."""

    privacy: Privacy = Privacy.FULL_PRIVACY
    soft_cancellations: bool = False

    def __post_init__(self) -> None:
        if self.privacy not in set(Privacy):
            raise ConfigError(f"there is no path {self.privacy!r}: {', '.join(Privacy)}", key="privacy")
        if self.soft_cancellations and self.privacy not in SOFT:
            raise ConfigError(
                f"{self.privacy} has no soft cancellations: {' and '.join(sorted(SOFT))} have",
                key="soft_cancellations",
            )


class MevBlockerRoute(RelayRoute):
    """What it says of receipts and transactions is never asked: it gives fields of private ones as zero."""

    kind = "mev_blocker"
    lingers = HELD_BLOCKS

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: MevBlockerOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        self._options = options or MevBlockerOptions()
        super().__init__(urls, identity=identity, relay=relay, name=name)
        roots = [urlunsplit(urlsplit(url)._replace(path="", query="", fragment="")) for url in urls]
        self._tellers = [
            Relay(one.name, root, None, relay) for one, root in zip(self._relays, roots, strict=True)
        ]

    async def read_status(self, tx_hash: TxHash) -> Sequence[RelayStatus]:
        """What each host's status API says."""
        said = await asyncio.gather(*(teller.read(f"/tx/{tx_hash}") for teller in self._tellers))
        return [status_of(teller, one, tx_hash) for teller, one in zip(self._tellers, said, strict=True)]

    async def close(self) -> None:
        await super().close()
        for teller in self._tellers:
            await teller.close()

    def _place(self, url: str) -> str:
        parts = urlsplit(super()._place(url))
        taken = {key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
        path = parts.path.rstrip("/")
        if taken & _OURS or path.rpartition("/")[2] in set(Privacy) | {"nochecks"}:
            raise ConfigError(
                "give MEV Blocker's URL without path and softCancellations or shareAll: say them as options",
                key="url",
            )
        return urlunsplit(parts._replace(path=f"{path}/{self._options.privacy}"))

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        def request(raw: str) -> tuple[str, list[Any]]:
            return "eth_sendRawTransaction", [raw]

        query = [("softCancellations", "true")] if self._options.soft_cancellations else []
        return await send_each(relay, parcel, request, query=query)
