"""Which contracts the settings ask for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from trimtab.cli.hooks_plan import (
    configured_contracts,
    name_addresses,
    plan_contracts,
    plan_guard,
    probe_targets,
)
from trimtab.config import ChainSettings, Config, FlashSettings, GmxSettings, HookSettings
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.perp_v2.addresses import PerpV2Deployment


def address(number: int) -> Address:
    return Address(f"0x{number:040x}")


PERP = PerpV2Deployment({"ClearingHouse": address(1), "Vault": address(2)}, {}, {})
LYRA = LyraDeployment(
    {"OptionMarketViewer": address(3), "BlackScholes": address(4)},
    {"sETH": LyraMarketAddresses("ETH", {"OptionMarket": address(5)}, address(6), address(7))},
)
BOTH = Config(ChainSettings(("http://node",), 1), venues={"perp_v2": PERP, "lyra": LYRA})


def with_hooks(**settings: object) -> Config:
    return replace(BOTH, hooks=HookSettings(**settings))  # type: ignore[arg-type]


def test_the_shared_ones_and_a_probe_of_each_venue() -> None:
    """Executor and lens always, probes as the venues have them, the rest when its settings are there."""
    assert [c.label for c in plan_contracts(BOTH)] == ["executor", "lens", "perp_v2", "lyra/sETH"]
    more = with_hooks(flash=FlashSettings(address(8), address(9)), gmx=GmxSettings(address(10), address(11)))
    flash, gmx = plan_contracts(more)[-2:]
    assert (flash.name, flash.arguments) == ("FlashLiquidator", (address(1), address(9), address(8)))
    assert (gmx.name, gmx.arguments) == ("OrderCallback", (address(10), address(11)))


def test_flash_needs_the_venue_that_it_liquidates_at() -> None:
    """Without Perp v2 there is nothing to liquidate."""
    alone = replace(with_hooks(flash=FlashSettings(address(8))), venues={"lyra": LYRA})
    with pytest.raises(ConfigError, match=r"configure \[venues.perp_v2\]"):
        plan_contracts(alone)


def test_a_guardian_alone_is_no_guard() -> None:
    """A guard is planned for an agent; its guardian may be nobody."""
    assert plan_guard(address(1), None, None) == []
    (guard,) = plan_guard(address(1), address(2), None)
    assert guard.arguments == (address(1), address(2), address(0))
    with pytest.raises(ConfigError, match="needs --agent too"):
        plan_guard(address(1), None, address(3))


def test_probes_are_known_by_name_and_by_what_they_measure() -> None:
    """A guard's entry finds its probe by the call's target, a door by venue or market."""
    config = with_hooks(probes={"perp_v2": address(20), "lyra/sETH": address(21)})
    assert probe_targets(config) == {
        "perp_v2": address(20),
        "lyra/sETH": address(21),
        address(1): address(20),
        address(2): address(20),
        address(5): address(21),
    }
    assert name_addresses(config, {})[address(21)] == "probe lyra/sETH"


def test_what_two_markets_share_has_both_names() -> None:
    """So that neither seems to be left out."""
    shared = SimpleNamespace(addresses={"sETH/quote": address(7), "sBTC/quote": address(7)})
    assert name_addresses(with_hooks(), {"lyra": shared}) == {address(7): "lyra sETH/quote = sBTC/quote"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "the settings name none of our contracts"),
        ({"probes": {"lyra/sETHH": address(1)}}, "no probe of a configured venue; did you mean 'lyra/sETH'?"),
        ({"probes": {"gmx": address(1)}}, "there are perp_v2, lyra/sETH"),
        ({"order_callback": address(1)}, "[hooks.gmx] is not"),
        ({"flash_liquidator": address(1)}, "[hooks.flash] is not"),
    ],
)
def test_what_cannot_be_compared_is_told(settings: dict[str, object], words: str) -> None:
    """`ConfigError` names the setting that is missing or unknown."""
    with pytest.raises(ConfigError) as caught:
        configured_contracts(with_hooks(**settings))
    assert words in str(caught.value)


def test_what_the_settings_name_is_compared() -> None:
    """Each address with its contract; a guard whoever its people are."""
    config = with_hooks(executor=address(30), guard=address(31), probes={"perp_v2": address(32)})
    assert [c.name for c in configured_contracts(config)] == ["Executor", "Guard", "PerpV2Probe"]
