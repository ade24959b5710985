"""What is written is what is read, without secrets and for nobody else."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.config.conftest import CHAIN, KEY, KMS, LYRA, PERP, TOKEN, Write, address

from trimtab.config import (
    AccountSettings,
    ChainSettings,
    Config,
    HedgeSettings,
    JournalSettings,
    PrivateRouteSettings,
    RouteSettings,
    Secret,
    TxSettings,
    load_config,
    write_config,
)
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, WhalleyWilmott
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.tx.limit_settings import CallSettings, LimitSettings, RuleSettings
from trimtab.tx.routes.mev_share import MevShareOptions
from trimtab.tx.routes.preferences import Refund


@pytest.mark.parametrize(
    "policy",
    [
        {"fixed_band": FixedBand(Decimal("0.25"))},
        {
            "whalley_wilmott": WhalleyWilmott(
                Decimal("0.01"), Decimal("0.001"), Decimal("0.1"), Decimal(2), lot=Decimal("1E-8")
            )
        },
    ],
)
def test_what_is_written_reads_back_equal(tmp_path: Path, policy: dict[str, Any]) -> None:
    """write_config and load_config are inverse; the file is its owner's alone and holds no secret."""
    config = Config(
        chain=ChainSettings(("http://127.0.0.1:1", 'ws://a/"b\\'), 31337, Decimal("2.5")),
        account=AccountSettings(address=address(10), private_key=Secret(KEY)),
        journal=JournalSettings(tmp_path / "sub" / "j.db"),
        tx=TxSettings(Decimal("0.000000001")),
        limits=LimitSettings(
            functions=("openPosition",),
            calls=(CallSettings(address(11), "f(address)", None, (RuleSettings(0, ("self",)),)),),
            max_fees_per_hour_eth=Decimal("0.05"),
            pause_file=tmp_path / "pause",
        ),
        routes=RouteSettings(
            "private_then_public",
            3,
            (
                PrivateRouteSettings("bundle", ("https://a/key", "https://b")),
                PrivateRouteSettings(
                    "mev_share",
                    ("https://c",),
                    "share",
                    Decimal("0.5"),
                    9,
                    MevShareOptions(("hash",), (), refunds=(Refund(address(12), 90),)),
                ),
            ),
            ExposureRule(Decimal("1.5"), (ExposureAction.TIGHTEN,), 3),
            identity=Secret(KEY),
        ),
        venues={"perp_v2": PERP, "lyra": LYRA},
        hedge=HedgeSettings("ETH", "sETH", "vETH", limits=HedgeLimits(gas_budget_wei=10**30), **policy),
    )
    path = tmp_path / "out.toml"
    write_config(path, config)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()
    assert path.read_text().count("[[routes.private]]") == 2
    assert load_config(path, {"TRIMTAB_PRIVATE_KEY": KEY, "TRIMTAB_RELAY_KEY": KEY}) == config


@pytest.mark.parametrize("text", [TOKEN, KMS])
def test_kinds_of_keys_are_written_and_read(write: Write, tmp_path: Path, text: str) -> None:
    """`write_config` is the inverse of `load_config`, without the PIN."""
    config = load_config(write(CHAIN + text), {})
    write_config(tmp_path / "again.toml", config)
    assert load_config(tmp_path / "again.toml", {}) == config
