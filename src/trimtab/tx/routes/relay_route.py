"""What all routes over relays share: names of endpoints, one sending per relay, and their end."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from socket import inet_aton
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from trimtab.errors import ConfigError
from trimtab.model.ids import TxHash
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import Parcel, Sending, SendResult
from trimtab.tx.routes.relay import Heard, Relay, RelayOptions


class RelayRoute(ABC):
    """Sends each parcel to every relay of `urls` at once. Connections open by themselves; `close` it, or use
    it in `async with`. Two routes of one kind to one host need different `name`s."""

    kind: ClassVar[str]
    lanes: frozenset[Lane] = frozenset({Lane.PRIVATE})
    question: ClassVar[tuple[str, tuple[Any, ...]]] = ("eth_chainId", ())
    """What sends nothing, and shows whether a relay is there and knows us."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> None:
        if not urls:
            raise ConfigError(f"the route {name or self.kind} needs at least one URL", key="url")
        self.name = name or self.kind
        places = [self._place(url) for url in urls]
        names = _names(self.name, places)
        self._relays = tuple(
            Relay(one, place, identity, relay) for one, place in zip(names, places, strict=True)
        )

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(relay.name for relay in self._relays)

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        """One coroutine per relay. Raises `ValueError` for a lane that is not its own: those bytes are for
        others to see, or not for these."""
        if parcel.lane not in self.lanes:
            raise ValueError(f"the route {self.name} takes no {parcel.lane} parcels")
        return [self._send_to(relay, parcel) for relay in self._relays]

    async def probe(self) -> Sequence[Heard]:
        """Ask each relay the `question`, signed as everything is; in the order of `endpoints`."""
        method, params = self.question
        return await asyncio.gather(*(relay.ask(method, params) for relay in self._relays))

    async def close(self) -> None:
        for relay in self._relays:
            await relay.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(self.endpoints)}>"

    def _place(self, url: str) -> str:
        """Where requests go, of a URL as it was given. Raises `ConfigError` for none of HTTP, and for one on
        which everybody could read private bytes on their way."""
        try:
            parts = urlsplit(url)
            is_http = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:  # its text is a piece of the URL
            is_http = False
        if not is_http:
            raise ConfigError(f"the route {self.name} needs a URL of http or https", key="url")
        if parts.scheme == "http" and Lane.PUBLIC not in self.lanes and not _is_near(parts.hostname or ""):
            raise ConfigError(f"the route {self.name} is private: its URL must be of https", key="url")
        return url

    @abstractmethod
    async def _send_to(self, relay: Relay, parcel: Parcel) -> Sequence[SendResult]:
        """One answer per transaction, never raised."""


async def send_each(
    relay: Relay,
    parcel: Parcel,
    request: Callable[[str], tuple[str, list[Any]]],
    *,
    query: Sequence[tuple[str, str]] = (),
    why_not: Callable[[bytes], str] = lambda _: "",
) -> Sequence[SendResult]:
    """One request per transaction, one after the other, so that they arrive in their order: relays take no
    batches. `request` makes method and parameters out of raw bytes in hex; what there is a reason not to send
    (`why_not`) stays here. A yes is the transaction's own hash."""
    results = []
    for raw, tx_hash in zip(parcel.raws, parcel.hashes, strict=True):
        if reason := why_not(raw):
            results.append(relay.refuse(reason))
            continue
        method, params = request("0x" + raw.hex())
        results.append(relay.taken(await relay.ask(method, params, query=query), _is_hash(tx_hash)))
    return results


def take_bundle(relay: Relay, heard: Heard, parcel: Parcel) -> Sequence[SendResult]:
    """One answer for all of a bundle. A yes names the bundle's hash."""
    return [relay.taken(heard, _names_bundle)] * len(parcel.raws)


def _is_hash(tx_hash: TxHash) -> Callable[[Any], bool]:
    return lambda said: isinstance(said, str) and said.lower() == tx_hash.lower()


def _names_bundle(said: Any) -> bool:
    found = said.get("bundleHash") if isinstance(said, dict) else said
    return isinstance(found, str) and found.startswith("0x") and len(found) == 66


def _is_near(host: str) -> bool:
    """Whether it is on this machine or in its own network: an address of one, or a name without a dot."""
    with suppress(OSError):  # a bare number is an address, as resolvers read it
        return ip_address(inet_aton(host)).is_private
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(".localhost")


def _names(route: str, places: Sequence[str]) -> list[str]:
    """`route:host`; a second one to the same host gets #1, and so on."""
    hosts = [urlsplit(place).netloc.rpartition("@")[2] for place in places]
    names = [f"{route}:{host}" for host in hosts]
    return [name if (n := names[:i].count(name)) == 0 else f"{name}#{n}" for i, name in enumerate(names)]
