"""The routes over relays that there are: one line each, loaded when first used. The public route is not among
them: it is the client's own endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimtab.tx.lanes import Lane
    from trimtab.tx.routes.auth import RelayIdentity
    from trimtab.tx.routes.relay import RelayOptions
    from trimtab.tx.routes.relay_route import RelayRoute


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a kind of route lives: its module, its class there, and the type of its options."""

    module: str
    route: str
    options: str

    def options_type(self) -> type[Any]:
        found: type[Any] = getattr(import_module(self.module), self.options)
        return found

    def lanes(self) -> frozenset[Lane]:
        """The lanes that a route of this kind serves."""
        found: frozenset[Lane] = getattr(import_module(self.module), self.route).lanes
        return found

    def open(
        self,
        urls: Sequence[str],
        *,
        identity: RelayIdentity | None = None,
        options: object | None = None,
        relay: RelayOptions | None = None,
        name: str | None = None,
    ) -> RelayRoute:
        """A route to these URLs; close it, or use it in `async with`. Raises `ConfigError`."""
        kind = getattr(import_module(self.module), self.route)
        route: RelayRoute = kind(urls, identity=identity, options=options, relay=relay, name=name)
        return route


ROUTES: Mapping[str, Registration] = {
    "bundle": Registration("trimtab.tx.routes.bundle", "BundleRoute", "BundleOptions"),
    "conditional": Registration("trimtab.tx.routes.conditional", "ConditionalRoute", "ConditionalOptions"),
    "mev_blocker": Registration("trimtab.tx.routes.mev_blocker", "MevBlockerRoute", "MevBlockerOptions"),
    "mev_share": Registration("trimtab.tx.routes.mev_share", "MevShareRoute", "MevShareOptions"),
    "private_tx": Registration("trimtab.tx.routes.private_tx", "PrivateTxRoute", "PrivateTxOptions"),
    "protect": Registration("trimtab.tx.routes.protect", "ProtectRoute", "ProtectOptions"),
}
