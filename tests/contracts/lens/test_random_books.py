"""Random books: the lens beside the genuine views, the probes and our own reads, to the wei.

Each account of a crowd is a book of its own: side, size, margin, collateral, liquidity and options are drawn,
and the market moves. 256 in a commit; `make soak` draws 20,000 others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from trimtab.chain.call import Read
from trimtab.errors import CallRevertedError
from trimtab.hooks.artifacts import load_artifact
from trimtab.hooks.lens import LensAnswer, OptionReading, OptionRequest, PerpReading
from trimtab.hooks.lens_reader import LensReader
from trimtab.model.ids import Address
from trimtab.venues.perp_v2.books import request_of
from trimtab.world.crowd import CrowdOptions, gather_crowd
from trimtab.world.world import World

pytestmark = pytest.mark.node
BOOKS, SOAK = 256, 20_000
UNIT = 10**12  # of USDC, in 18 decimals


class Bench:
    """The lens, both probes and the genuine views, on one world."""

    def __init__(self, world: World, perp_probe: Address, lyra_probe: Address) -> None:
        self.world = world
        self.probes = (perp_probe, lyra_probe)
        self.house = request_of(world.perp)

    @classmethod
    async def build(cls, world: World) -> Bench:
        contracts, market = world.lyra.contracts, world.lyra.markets["sETH"].contracts["OptionMarket"]
        library = (contracts["OptionMarketViewer"], market, contracts["BlackScholes"])
        perp = await _deploy(world, "PerpV2Probe", world.perp.contracts["ClearingHouse"])
        return cls(world, perp, await _deploy(world, "LyraProbe", *library))

    async def look(self, crowd: Sequence[Address], block: int) -> LensAnswer:
        contracts, at = self.world.lyra.contracts, self.world.lyra.markets["sETH"].contracts
        option = OptionRequest(contracts["OptionMarketViewer"], at["OptionMarket"], contracts["BlackScholes"])
        return await LensReader(self.world.client).read(crowd, block, [self.house], [option])

    async def check(self, crowd: Sequence[Address]) -> int:
        """How many numbers were equal; the first that is not fails."""
        block = await self.world.client.block_number()
        answer = await self.look(crowd, block)
        claims: list[tuple[Read[Any], Any]] = []
        for account, perp, option in zip(
            crowd, answer.perps[0].accounts, answer.options[0].accounts, strict=True
        ):
            assert isinstance(perp, PerpReading), perp
            assert isinstance(option, OptionReading), option
            claims += self._perp_claims(account, perp)
            claims += self._probe_claims(account, perp, option)
        answers = await self.world.client.read_many([read for read, _ in claims], block=block)
        for (read, expected), found in zip(claims, answers, strict=True):
            assert not isinstance(found, CallRevertedError), f"{read.name}: {found}"
            assert found == expected, f"{read.name}: {found} by the contract, {expected} by the lens"
        return len(claims)

    def _perp_claims(self, account: Address, reading: PerpReading) -> list[tuple[Read[Any], Any]]:
        owed = sum(held.pending_funding for held in reading.holdings)
        claims: list[tuple[str, str, tuple[Address, ...], int]] = [
            ("Vault", "getAccountValue", (account,), reading.equity // UNIT),
            ("Vault", "getFreeCollateral", (account,), reading.free_collateral // UNIT),
            ("AccountBalance", "getMarginRequirementForLiquidation", (account,), reading.maintenance_margin),
            ("AccountBalance", "getTotalAbsPositionValue", (account,), reading.notional),
            ("Exchange", "getAllPendingFundingPayment", (account,), owed),
        ]
        for held in reading.holdings:
            where = (account, held.base_token)
            claims += [
                ("AccountBalance", "getTotalPositionSize", where, held.size),
                ("AccountBalance", "getTotalOpenNotional", where, held.open_notional),
                ("PerpPortal", "getLiquidationPrice", where, held.liquidation_price or 0),
            ]
        return [
            (self.world.artifacts.abi(name).function(view).read(self._at(name), *args), expected)
            for name, view, args, expected in claims
        ]

    def _at(self, name: str) -> Address:
        return self.world.perp.contracts[name]

    def _probe_claims(
        self, account: Address, perp: PerpReading, option: OptionReading
    ) -> list[tuple[Read[Any], Any]]:
        """Equity, margin and health by the probes; and the money: what is not in it is margin and value."""
        settled = perp.settlement_balance * UNIT + sum(c.value for c in perp.collaterals)
        value = sum(held.value for held in perp.holdings)
        function = load_artifact("PerpV2Probe").abi.function("probe")  # the same of every probe

        def perp_state(data: bytes) -> Any:
            state = function.decode(data)
            assert (settled + state.cash + value) // UNIT * UNIT == state.equity
            return state.equity, state.maintenanceMargin, state.health

        def option_state(data: bytes) -> Any:
            state = function.decode(data)
            return state.equity, state.maintenanceMargin, state.health

        asked = ((self.probes[0], perp, perp_state), (self.probes[1], option, option_state))
        return [
            (
                Read(function.at(probe, account), decode, "probe"),
                (reading.equity, reading.maintenance_margin, reading.health),
            )
            for probe, reading, decode in asked
        ]


async def _deploy(world: World, name: str, *args: Any) -> Address:
    data = load_artifact(name).init_code(*args)
    fields = {"from": world.accounts["deployer"].address, "data": f"0x{data.hex()}", "gas": hex(8_000_000)}
    receipt = await world.client.request("eth_sendTransactionSync", [fields])
    return Address(receipt["contractAddress"])


async def compare(world: World, seed: int, count: int) -> int:
    """A crowd at one price and after a jump."""
    draws = random.Random(seed)
    bench = await Bench.build(world)
    options = CrowdOptions(traders=count, makers=count // 6, holders=count // 6, seed=seed)
    crowd = await gather_crowd(world, options)
    await world.control.set_gas_limit(2_000_000_000)  # for the peer's many views in one call
    await world.mine()
    compared = await bench.check(crowd)
    await world.set_price("ETH", Decimal(draws.randint(1_500, 2_400)))
    await world.warp(draws.randint(1, 3_000))
    return compared + await bench.check(crowd)


async def test_random_books_are_the_venues_own(world: World) -> None:
    """256 books, before and after the market moves."""
    assert await compare(world, 1, BOOKS) > 2 * BOOKS * 9


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", range(2, 2 + -(-SOAK // BOOKS)))
async def test_other_random_books(world: World, seed: int) -> None:
    """20,000 books in all, a crowd at a time."""
    assert await compare(world, seed, BOOKS) > 2 * BOOKS * 9
