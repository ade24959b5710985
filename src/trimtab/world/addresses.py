"""Every contract of a world as values: what the venue adapters take, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.perp_v2.addresses import PerpV2Deployment


@dataclass(frozen=True, slots=True)
class WorldAddresses:
    """Both deployments; `tokens` by symbol; `oracles` (Chainlink aggregators) by underlying."""

    perp_v2: PerpV2Deployment
    lyra: LyraDeployment
    tokens: Mapping[str, Address]
    oracles: Mapping[str, Address]

    def flat(self) -> dict[str, dict[str, Address]]:
        """Every address by group and name, for tables and for the check that there is code at each."""
        perp, lyra = self.perp_v2, self.lyra
        groups: dict[str, dict[str, Address]] = {"perp_v2": dict(perp.contracts)}
        for name, market in perp.markets.items():
            groups[f"perp_v2 {name}"] = {
                "BaseToken": market.base_token,
                "UniswapV3Pool": market.pool,
                "PriceFeedDispatcher": market.price_feed,
            }
        groups["lyra"] = dict(lyra.contracts)
        for name, option_market in lyra.markets.items():
            groups[f"lyra {name}"] = dict(option_market.contracts)
        return groups | {"tokens": dict(self.tokens), "oracles": dict(self.oracles)}


def to_json(addresses: WorldAddresses) -> dict[str, Any]:
    """Plain JSON values, in the shape of `trimtab world up --json`; `from_json` reads them back equal."""
    plain: dict[str, Any] = msgspec.to_builtins(addresses)
    venues = {name: plain.pop(name) for name in ("perp_v2", "lyra")}
    return {"venues": venues, **plain}


def from_json(data: Mapping[str, Any]) -> WorldAddresses:
    """Other keys are passed over. Raises `ConfigError` that names the place of what is missing or amiss."""
    try:
        return msgspec.convert({**data, **data.get("venues", {})}, WorldAddresses)
    except (msgspec.ValidationError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"these are not the addresses of a world: {error}; take them from `trimtab world up --json`"
        ) from error
