"""The venues there are: one line each, loaded when first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from trimtab.venues.base import Capability, Venue

if TYPE_CHECKING:
    from trimtab.chain.client import Client
    from trimtab.hooks.deployment import HookContract
    from trimtab.model.ids import Address


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a venue lives: its package, its class there, and the type of its `addresses.py` deployments."""

    package: str
    venue: str
    deployment: str

    def deployment_type(self) -> type[Any]:
        found: type[Any] = getattr(import_module(f"{self.package}.addresses"), self.deployment)
        return found

    def open(self, client: Client, deployment: object, lens: Address | None = None) -> Venue:
        """The adapter for one deployment, reading through `client`; one that reads many accounts at once asks
        the `lens` on the chain."""
        kind = getattr(import_module(self.package), self.venue)
        options = {}
        if lens is not None and Capability.BOOKS in kind.capabilities:
            options["lens"] = import_module("trimtab.hooks.lens_reader").LensOptions(deployed=lens)
        venue: Venue = kind(client, deployment, **options)
        return venue

    def list_probes(self, deployment: object) -> tuple[HookContract, ...]:
        """The contracts by which ours read an account there: its `probes.py`, none without one."""
        if find_spec(f"{self.package}.probes") is None:
            return ()
        found: tuple[HookContract, ...] = import_module(f"{self.package}.probes").list_probes(deployment)
        return found


VENUES: Mapping[str, Registration] = {
    "lyra": Registration("trimtab.venues.lyra", "Lyra", "LyraDeployment"),
    "perp_v2": Registration("trimtab.venues.perp_v2", "PerpV2", "PerpV2Deployment"),
}
