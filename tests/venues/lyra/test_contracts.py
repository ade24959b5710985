"""The directory of a deployment, and the ABIs behind it."""

from __future__ import annotations

import pytest

from trimtab.errors import UnknownMarketError
from trimtab.model.market import OptionType
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.lyra.contracts import (
    CONTRACTS,
    OPTION_TYPES,
    abi,
    find_market,
    option_market,
    walk_addresses,
)


def test_option_types_have_the_contracts_order() -> None:
    """LONG_CALL 0, LONG_PUT 1, SHORT_CALL_BASE 2, SHORT_CALL_QUOTE 3, SHORT_PUT_QUOTE 4."""
    assert OPTION_TYPES == (
        OptionType.LONG_CALL,
        OptionType.LONG_PUT,
        OptionType.SHORT_CALL_BASE,
        OptionType.SHORT_CALL_QUOTE,
        OptionType.SHORT_PUT_QUOTE,
    )


def test_an_unknown_market_is_named_with_those_there_are(paper: LyraDeployment) -> None:
    """The error carries venue and market and lists what could have been meant."""
    with pytest.raises(UnknownMarketError, match=r"'sDOGE'; it has sBTC, sETH") as caught:
        find_market(paper, "sDOGE")
    assert (caught.value.venue, caught.value.market) == ("lyra", "sDOGE")


def test_every_address_is_walked_once_by_its_own_name(paper: LyraDeployment) -> None:
    """Globals, ten contracts and two tokens for each market; names are unique, ABIs exist."""
    walked = list(walk_addresses(paper))
    assert len(walked) == len(paper.contracts) + 2 * 12 == len({name for name, *_ in walked})
    assert {contract for _, _, contract, _ in walked} <= set(CONTRACTS)
    assert all(abi(contract) is not None for contract in CONTRACTS)


def test_a_market_joins_venues_by_its_underlying(paper: LyraDeployment) -> None:
    """sETH has the underlying ETH, is quoted in sUSD, and its address is the OptionMarket's."""
    market = option_market(paper, "sETH")
    assert (market.underlying, market.quote_currency) == ("ETH", "sUSD")
    assert market.address == paper.markets["sETH"].contracts["OptionMarket"]
