"""An RPC that keeps what it is sent to itself, like Flashbots Protect (https://rpc.flashbots.net):
preferences stand in the URL, the transaction goes as `eth_sendRawTransaction`, and a status API says where
it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from trimtab.chain.address import checksum
from trimtab.errors import ConfigError, IntentError
from trimtab.model.ids import TxHash
from trimtab.tx.opening import open_signed
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, RelayStatus, SendResult
from trimtab.tx.routes.preferences import Refund, check_builders, check_hints, check_refunds
from trimtab.tx.routes.relay import Relay, RelayOptions
from trimtab.tx.routes.relay_route import RelayRoute, send_each
from trimtab.tx.routes.status import no_status, status_of

PUBLISHES = frozenset({"usemempool", "mempoolrpc"})
"""Parameters with which Protect itself sends to the public mempool: no private route has them."""
_OURS = frozenset({"hint", "builder", "refund", "canrevert", "blockrange"})
_OTHER_SERVICES = frozenset({"bundle", "url"})
_KEPT_GAS = 42_000
_OPEN_FUNCTIONS = frozenset(
    bytes.fromhex(selector)
    for selector in ("a9059cbb", "23b872dd", "095ea7b3", "2e1a7d4d", "d0e30db0", "f242432a")
)
"""transfer, transferFrom, approve, withdraw and deposit of WETH, safeTransferFrom of ERC-1155."""


@dataclass(frozen=True, slots=True)
class ProtectOptions:
    """`hints`: what searchers see; at least one, because without any Protect takes its own. `fast` shares
    with all builders, and everything with searchers in enclaves. `can_revert` lets a reverting transaction be
    mined. `may_publish` sends also what Protect would pass on in public (see `passes_on`). `status_url` is
    where it tells (https://protect.flashbots.net). Raises `ConfigError`."""

    hints: tuple[str, ...] = ("hash",)
    builders: tuple[str, ...] = ()
    refunds: tuple[Refund, ...] = ()
    fast: bool = False
    can_revert: bool = False
    may_publish: bool = False
    status_url: str | None = None

    def __post_init__(self) -> None:
        if not self.hints:
            raise ConfigError("name at least one hint: without any, Protect takes its own", key="hints")
        check_hints(self.hints)
        check_builders(self.builders)
        check_refunds(self.refunds)


class ProtectRoute(RelayRoute):
    """Each request names the blocks that are left of the window, where Protect would take 25. What it would
    pass on in public is not sent."""

    kind = "protect"

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: ProtectOptions | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        self._options = options or ProtectOptions()
        super().__init__(urls, identity=identity, relay=relay, name=name)
        told_by = self._options.status_url
        self._teller = None if told_by is None else Relay(self._relays[0].name, told_by, None, relay)

    async def read_status(self, tx_hash: TxHash) -> Sequence[RelayStatus]:
        """What the status API says, once for all endpoints: they are one service."""
        if self._teller is None:
            return [no_status(relay) for relay in self._relays]
        said = await self._teller.read(f"/tx/{tx_hash}")
        return [status_of(relay, said, tx_hash) for relay in self._relays]

    async def close(self) -> None:
        await super().close()
        if self._teller is not None:
            await self._teller.close()

    def _place(self, url: str) -> str:
        parts = urlsplit(super()._place(url))
        taken = {key.lower() for key, _ in parse_qsl(parts.query, keep_blank_values=True)}
        if found := sorted(taken & PUBLISHES):
            raise ConfigError(f"{found[0]} in the URL would make it public; take it out", key="url")
        path = parts.path.rstrip("/")
        wrong = ["fast"] if path.endswith("/fast") else sorted(taken & (_OURS | _OTHER_SERVICES))
        if wrong:
            raise ConfigError(
                f"{wrong[0]} is no part of the URL: say it as an option of the route", key="url"
            )
        return urlunsplit(parts._replace(path=path + "/fast")) if self._options.fast else url

    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        def request(raw: str) -> tuple[str, list[Any]]:
            return "eth_sendRawTransaction", [raw]

        def why_not(raw: bytes) -> str:
            what = "" if self._options.may_publish else passes_on(raw)
            return what and f"not sent: Protect makes {what} public; send it by another route"

        return await send_each(relay, parcel, request, query=self._query(parcel), why_not=why_not)

    def _query(self, parcel: Parcel) -> list[tuple[str, str]]:
        """What is said in each request. The blocks that are left are the window's: without them Protect would
        go on trying after it."""
        options = self._options
        query = [("hint", hint) for hint in options.hints]
        query += [("builder", builder) for builder in options.builders]
        query += [("refund", f"{checksum(one.address)}:{one.percent}") for one in options.refunds]
        query += [("canRevert", "true")] if options.can_revert else []
        return [*query, ("blockRange", str(max(1, parcel.last_block - parcel.target + 1)))]


def passes_on(raw: bytes) -> str:
    """What makes Protect's published server (flashbots/rpc-endpoint) hand a transaction to the public mempool
    at once: it thinks that it needs no protection. Empty when it keeps it. A cancellation holds nothing."""
    try:
        tx = open_signed(raw)
    except IntentError:
        return "what is of no known type"
    data, fields = tx.fields.data, tx.fields
    if fields.to == tx.sender and len(data) <= 2:
        return ""
    if fields.gas_limit < _KEPT_GAS:
        return f"whatever has less than {_KEPT_GAS} gas"
    if len(data) < 4:
        return "whatever calls no function"
    return "transfers, approvals and wrapping" if data[:4] in _OPEN_FUNCTIONS else ""
