"""The probes of Lyra, before they are deployed."""

from __future__ import annotations

from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment, LyraMarketAddresses
from trimtab.venues.lyra.probes import list_probes

VIEWER, LIBRARY, ETH, BTC, TOKEN = (Address("0x" + digit * 40) for digit in "12345")


def test_each_option_market_has_a_probe_of_its_own() -> None:
    """Named by venue and market, made from viewer, market and library, measuring calls of that market."""
    markets = {
        name: LyraMarketAddresses(name[1:], {"OptionMarket": at}, TOKEN, TOKEN)
        for name, at in (("sETH", ETH), ("sBTC", BTC))
    }
    contracts = {"OptionMarketViewer": VIEWER, "BlackScholes": LIBRARY}
    found = list_probes(LyraDeployment(contracts, markets))
    assert [(probe.label, probe.targets) for probe in found] == [("lyra/sETH", (ETH,)), ("lyra/sBTC", (BTC,))]
    assert found[1].arguments == (VIEWER, BTC, LIBRARY)
