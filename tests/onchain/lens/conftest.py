"""A lens on the chain, a small crowd with books, and questions to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from trimtab.hooks.lens import LensAnswer, OptionRequest, PerpRequest, decode_answer, encode_query
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.books import request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd


@dataclass(frozen=True)
class Lens:
    """Asks the deployed lens by plain `eth_call`s."""

    world: Any
    run: Any
    address: str

    @property
    def perp(self) -> PerpRequest:
        return request_of(self.world.perp)

    @property
    def option(self) -> OptionRequest:
        contracts, at = self.world.lyra.contracts, self.world.lyra.markets["sETH"].contracts
        return OptionRequest(contracts["OptionMarketViewer"], at["OptionMarket"], contracts["BlackScholes"])

    def request(self, accounts, *, perps=None, options=None, gas=10**9) -> dict[str, str]:
        """The call of PositionLens.read; both venues, when nothing is said."""
        perps = [self.perp] if perps is None else perps
        options = [self.option] if options is None else options
        query = encode_query(perps, options, [Address(a.lower()) for a in accounts])
        return {"to": self.address, "data": f"0x{query.hex()}", "gas": hex(gas)}

    def read(self, accounts, **named) -> LensAnswer:
        raw = self.run(self.world.client.request("eth_call", [self.request(accounts, **named), "latest"]))
        return decode_answer(bytes.fromhex(raw[2:]))

    def perps(self, accounts, **named):
        """Perp v2 alone."""
        return self.read(accounts, options=[], **named).perps[0].accounts

    def options(self, accounts, **named):
        """Lyra alone."""
        return self.read(accounts, perps=[], **named).options[0].accounts

    def view(self, artifact: str, target: str, function: str, *args):
        """A view by the genuine ABI."""
        read = self.world.artifacts.abi(artifact).function(function).read(target, *args)
        return self.run(self.world.client.call(read))

    def house(self, name: str, function: str, *args):
        """A view of one of Perp v2's contracts."""
        return self.view(name, self.world.perp.contracts[name], function, *args)

    def gas_of(self, call: dict[str, str]) -> int:
        """Gas of a call, as a transaction of its own."""
        asked = [call, "latest", {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}]
        return int(self.run(self.world.client.request("debug_traceCall", asked))["gasUsed"], 16)


@pytest.fixture(scope="module")
def lens(world, run, deploy, deployer):
    return Lens(world, run, deploy("PositionLens", sender=deployer).address)


@pytest.fixture(scope="module")
def crowd(world, run):
    """Twelve traders, of whom three make and six hold options."""
    found = run(gather_crowd(world, CrowdOptions(traders=12, makers=3, holders=6)))
    run(world.warp(1_000))
    return found
