"""Lyra ("Avalon"): an options AMM over Synthetix."""

from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses, TokenStorage
from trimtab.venues.lyra.venue import Lyra, LyraOptions

__all__ = ["Lyra", "LyraDeployment", "LyraMarketAddresses", "LyraOptions", "TokenStorage"]
