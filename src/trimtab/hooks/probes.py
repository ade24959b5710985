"""What a probe tells of an account at a venue: read as the contract's conditions will read it."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.chain.call import Read
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.plans import underlying_id
from trimtab.model.ids import Address

PROBE = "PerpV2Probe"
"""Any probe's artifact: all have the one function of IProbe."""


@dataclass(frozen=True, slots=True)
class ProbedMarket:
    """One market of an account. `size` and `delta` signed, 18 decimals."""

    market: bytes
    underlying: bytes
    size: int
    delta: int


@dataclass(frozen=True, slots=True)
class ProbedAccount:
    """One account at one venue, as conditions measure it; 18 decimals. See IProbe.sol."""

    equity: int
    maintenance_margin: int
    notional: int
    health: int
    markets: tuple[ProbedMarket, ...]

    def size_in(self, market: bytes) -> int:
        """0 without a position there."""
        return sum(item.size for item in self.markets if item.market == market)

    def delta_in(self, underlying: str) -> int:
        """Of all its markets on this underlying."""
        wanted = underlying_id(underlying)
        return sum(item.delta for item in self.markets if item.underlying == wanted)


def read_probe(probe: Address, account: Address) -> Read[ProbedAccount]:
    """The read, for a client. It reverts where the venue's own views do."""
    function = load_artifact(PROBE).abi.function("probe")

    def decode(data: bytes) -> ProbedAccount:
        state = function.decode(data)
        markets = (
            ProbedMarket(bytes(item.market), bytes(item.underlying), item.size, item.delta)
            for item in state.exposures
        )
        return ProbedAccount(
            state.equity, state.maintenanceMargin, state.notional, state.health, tuple(markets)
        )

    return Read(function.at(probe, account), decode, function.signature)
