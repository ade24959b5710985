"""Addresses go out as JSON and come back equal; what is not theirs is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.perp_v2.addresses import PerpV2CollateralToken, PerpV2Deployment, PerpV2MarketAddresses
from trimtab.world.addresses import WorldAddresses, from_json, to_json


def _address(number: int) -> Address:
    return Address(f"0x{number:040x}")


ADDRESSES = WorldAddresses(
    perp_v2=PerpV2Deployment(
        contracts={"ClearingHouse": _address(1)},
        markets={"vETH": PerpV2MarketAddresses("ETH", _address(2), _address(3), _address(4))},
        collateral={"USDC": PerpV2CollateralToken(_address(5), 6)},
    ),
    lyra=LyraDeployment(
        contracts={"LyraRegistry": _address(6)},
        markets={"sETH": LyraMarketAddresses("ETH", {"OptionMarket": _address(7)}, _address(8), _address(9))},
    ),
    tokens={"USDC": _address(5)},
    oracles={"ETH": _address(10)},
)


def test_there_and_back() -> None:
    """Through JSON text nothing is lost; the venues stand under `venues`, where the settings look."""
    plain = to_json(ADDRESSES)
    assert plain["venues"]["perp_v2"]["contracts"] == {"ClearingHouse": _address(1)}
    assert from_json(json.loads(json.dumps(plain | {"url": "passed over"}))) == ADDRESSES


def test_flat_has_every_address() -> None:
    """The flat view names each address once with its group."""
    flat = {a for contracts in ADDRESSES.flat().values() for a in contracts.values()}
    assert flat == {_address(n) for n in (1, 2, 3, 4, 5, 6, 7, 10)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "missing required field"),
        ([], "not the addresses of a world"),
        ({"venues": {"perp_v2": {}}}, "missing required field"),
        (to_json(ADDRESSES) | {"tokens": 5}, "tokens"),
        (to_json(ADDRESSES) | {"venues": 5}, "not the addresses of a world"),
    ],
)
def test_what_is_no_world_is_refused(data: Any, words: str) -> None:
    """A missing or mistyped part is an error that says where, and where addresses come from."""
    with pytest.raises(ConfigError, match=words):
        from_json(data)
