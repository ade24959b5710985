"""A settings file to write, and the words that every one needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.perp_v2.addresses import (
    PerpV2CollateralToken,
    PerpV2Deployment,
    PerpV2MarketAddresses,
)

CHAIN = '[chain]\nurls = ["http://node"]\nchain_id = 1\n'
KEY = "0x" + "11" * 32

Write = Callable[[str], Path]


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


PERP = PerpV2Deployment(
    contracts={"ClearingHouse": address(1)},
    markets={"vETH": PerpV2MarketAddresses("ETH", address(2), address(3), address(4))},
    collateral={"USDC": PerpV2CollateralToken(address(5), 6)},
)
LYRA = LyraDeployment(
    contracts={"OptionMarketViewer": address(6)},
    markets={"sETH": LyraMarketAddresses("ETH", {"OptionMarket": address(7)}, address(8), address(9))},
)
TOKEN = '[account]\nkind = "pkcs11"\n[account.pkcs11]\nlibrary = "hsm.so"\ntoken = "desk"\nkey = "hot"\n'
KMS = '[account]\nkind = "kms"\n[account.kms]\nkey = "alias/desk"\n'


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "trimtab.toml"
        path.write_text(text)
        return path

    return to_file
