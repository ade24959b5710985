"""Names and addresses of a deployment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trimtab.errors import IntentError, UnknownMarketError
from trimtab.venues.perp_v2 import PerpV2Deployment
from trimtab.venues.perp_v2.contracts import (
    find_collateral,
    find_market,
    list_addresses,
    list_emitters,
)

ABIS = Path(__file__).resolve().parents[3] / "abis"


def test_every_contract_and_market_is_listed(deployment: PerpV2Deployment) -> None:
    """`trimtab doctor` checks code at each: contracts, base tokens, pools, feeds, collaterals."""
    found = list_addresses(deployment)
    of_markets = 3 * len(deployment.markets) + 1  # one of the two names its Chainlink feed
    assert len(found) == len(deployment.contracts) + of_markets + len(deployment.collateral)
    assert len(set(found.values())) == len(found)


def test_every_emitter_has_its_abi(deployment: PerpV2Deployment) -> None:
    """Whatever emits an event of the venue is known by address."""
    emitters = list_emitters(deployment)
    silent = {"PerpPortal", "Quoter", "Multicall2"}
    expected = {a for name, a in deployment.contracts.items() if name not in silent}
    for market in deployment.markets.values():
        expected |= {market.base_token, market.pool, market.price_feed}
        if market.chainlink_feed is not None:
            expected.add(market.chainlink_feed)
    assert emitters.keys() == expected


def test_names_are_found_or_refused(deployment: PerpV2Deployment) -> None:
    """An unknown name is a typed error that lists the known ones."""
    assert find_market(deployment, "vETH").underlying == "ETH"
    assert find_collateral(deployment, "USDC").decimals == 6
    with pytest.raises(UnknownMarketError, match="vBTC, vETH"):
        find_market(deployment, "ETH")
    with pytest.raises(IntentError, match="USDC, WETH"):
        find_collateral(deployment, "usdc")


def test_every_abi_file_stands_in_the_manifest() -> None:
    """scripts/export_abis.py can write each file again."""
    manifest = json.loads((ABIS / "manifest.json").read_text(encoding="utf-8"))
    assert {p.stem for p in (ABIS / "perp_v2").glob("*.json")} == manifest["perp_v2"].keys()
