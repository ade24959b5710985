"""The contract that tells other contracts of an account at this venue."""

from __future__ import annotations

from trimtab.hooks.deployment import HookContract
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import VENUE


def list_probes(deployment: PerpV2Deployment) -> tuple[HookContract, ...]:
    """One for all markets: they share one margin. It measures trades, and withdrawals from the Vault."""
    house, vault = (deployment.contracts[name] for name in ("ClearingHouse", "Vault"))
    return (HookContract(VENUE, "PerpV2Probe", (house,), targets=(house, vault)),)
