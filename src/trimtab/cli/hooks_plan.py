"""Which of our contracts the settings ask for, and where the settings say that they are."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from trimtab.config import Config
from trimtab.errors import ConfigError
from trimtab.hooks.deployment import HookContract, executor_contract, guard_contract
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.venues.registry import VENUES

GUARD = HookContract("guard", "Guard")
"""A guard whatever its people: they are storage, its code is the same."""


def plan_contracts(config: Config) -> list[HookContract]:
    """What is deployed for these settings besides a guard: the shared executor, the lens, a probe of each
    venue's markets, and what [hooks.flash] and [hooks.gmx] ask for. Raises `ConfigError`."""
    found = [executor_contract(), HookContract("lens", "PositionLens"), *list_probes(config)]
    flash, gmx = config.hooks.flash, config.hooks.gmx
    if flash is not None:
        parts = (_clearing_house(config), flash.aave_pool, flash.uniswap_factory)
        found.append(HookContract("flash_liquidator", "FlashLiquidator", parts))
    if gmx is not None:
        found.append(HookContract("order_callback", "OrderCallback", (gmx.role_store, gmx.data_store)))
    return found


def plan_guard(owner: Address, agent: Address | None, guardian: Address | None) -> list[HookContract]:
    """The owner's guard when an agent is named. Raises `ConfigError` for a guardian without an agent."""
    if agent is not None:
        return [guard_contract(owner, agent, guardian or ZERO_ADDRESS)]
    if guardian is not None:
        raise ConfigError("--guardian is of a guard, which needs --agent too: the key that it bounds")
    return []


def list_probes(config: Config) -> list[HookContract]:
    """The probes of the configured venues, in their order."""
    return [p for name, found in config.venues.items() for p in VENUES[name].list_probes(found)]


def configured_contracts(config: Config) -> list[HookContract]:
    """What the settings name an address for. Raises `ConfigError` when that is nothing, and for a probe of no
    configured venue."""
    check_probe_names(config)
    known = {contract.label: contract for contract in (*plan_contracts(config), GUARD)}
    missing = {"flash_liquidator": "hooks.flash", "order_callback": "hooks.gmx"}
    for name in config.hooks.addresses:
        if name not in known:
            raise ConfigError(
                f"hooks.{name} is set, and [{missing[name]}] is not: what it is made from cannot be compared",
                key=missing[name],
            )
    found = [known[name] for name in config.hooks.addresses]
    if not found:
        raise ConfigError(
            "the settings name none of our contracts: `trimtab hooks deploy` makes them and prints [hooks]",
            key="hooks",
        )
    return found


def probe_targets(config: Config) -> Mapping[str, Address]:
    """The configured probes by venue, by market, and by the contracts whose calls they measure."""
    check_probe_names(config)
    named = config.hooks.probes
    measured: dict[str, Address] = {
        t: named[p.label] for p in list_probes(config) if p.label in named for t in p.targets
    }
    return {**named, **measured}


def check_probe_names(config: Config) -> None:
    """Raises `ConfigError` for a probe that no configured venue has."""
    known = [probe.label for probe in list_probes(config)]
    for name in config.hooks.probes:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
            raise ConfigError(
                f"hooks.probes.{name} is no probe of a configured venue; {hint}", key="hooks.probes"
            )


def name_addresses(config: Config, venues: Mapping[str, object]) -> dict[Address, str]:
    """What addresses are, for people: the venues' contracts and ours."""
    names: dict[Address, str] = {}
    for venue, found in venues.items():
        addresses: Mapping[str, Address] = getattr(found, "addresses", {})
        for name, address in addresses.items():
            names[address] = f"{names[address]} = {name}" if address in names else f"{venue} {name}"
    probes = {address: f"probe {name}" for name, address in config.hooks.probes.items()}
    ours = {
        address: name for name, address in config.hooks.addresses.items() if name not in config.hooks.probes
    }
    return names | probes | ours


def _clearing_house(config: Config) -> Address:
    perp = config.venues.get("perp_v2")
    if perp is None:
        raise ConfigError(
            "[hooks.flash] needs the venue that it liquidates at: configure [venues.perp_v2]",
            key="hooks.flash",
        )
    house: Address = perp.contracts["ClearingHouse"]
    return house
