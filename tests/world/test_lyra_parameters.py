"""Every parameter table fits the contract's own struct: no field too many, none missing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from trimtab.chain.abi_types import Tuple
from trimtab.world.artifacts import Artifacts
from trimtab.world.lyra_parameters import OPTION_MARKET_PARAMETERS, PARAMETERS

ARTIFACT = {"PoolHedger": "ShortPoolHedger"}
TABLES = [*PARAMETERS, ("OptionMarket", "setOptionMarketParams", OPTION_MARKET_PARAMETERS)]


@pytest.mark.parametrize(("contract", "function", "parameters"), TABLES)
def test_the_table_is_the_struct(
    contract: str, function: str, parameters: Mapping[str, object] | int
) -> None:
    """The names are the struct's components, and every value encodes."""
    setter = Artifacts.find().abi(ARTIFACT.get(contract, contract)).function(function)
    if isinstance(parameters, Mapping):
        struct = setter.inputs.components[0]
        assert isinstance(struct, Tuple)
        assert set(struct.names) == set(parameters)
    assert len(setter.encode(parameters)) > 4
