"""The contracts that tell other contracts of an account at this venue."""

from __future__ import annotations

from trimtab.hooks.deployment import HookContract
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.contracts import VENUE


def list_probes(deployment: LyraDeployment) -> tuple[HookContract, ...]:
    """One for each option market, named "lyra/sETH": each has its own positions and prices."""
    viewer, library = (deployment.contracts[name] for name in ("OptionMarketViewer", "BlackScholes"))
    markets = {name: found.contracts["OptionMarket"] for name, found in deployment.markets.items()}
    return tuple(
        HookContract(f"{VENUE}/{name}", "LyraProbe", (viewer, market, library), targets=(market,))
        for name, market in markets.items()
    )
