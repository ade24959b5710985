"""Perp v2 ("Curie"): perpetuals on Uniswap v3 pools with virtual tokens."""

from trimtab.venues.perp_v2.addresses import (
    PerpV2CollateralToken,
    PerpV2Deployment,
    PerpV2MarketAddresses,
)
from trimtab.venues.perp_v2.venue import PerpV2

__all__ = ["PerpV2", "PerpV2CollateralToken", "PerpV2Deployment", "PerpV2MarketAddresses"]
