"""The probe of Perp v2, before it is deployed."""

from __future__ import annotations

from trimtab.model.ids import Address
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.venues.perp_v2.probes import list_probes

HOUSE, VAULT = (Address("0x" + digit * 40) for digit in "12")


def test_one_probe_measures_all_markets() -> None:
    """It is made from the ClearingHouse and bounds what trades there and what leaves the Vault."""
    (probe,) = list_probes(PerpV2Deployment({"ClearingHouse": HOUSE, "Vault": VAULT}, {}, {}))
    assert (probe.label, probe.arguments, probe.targets) == ("perp_v2", (HOUSE,), (HOUSE, VAULT))
