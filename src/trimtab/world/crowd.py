"""A crowd: many strangers with small books at both venues, opened in few blocks.

For measurements and tests of what reads many accounts.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address
from trimtab.model.market import OptionType
from trimtab.model.units import WAD
from trimtab.pricing.tick_math import tick_at_sqrt
from trimtab.venues.lyra.contracts import TYPE_INDEX
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.deploy_perp import TICK_SPACING
from trimtab.world.operator import BlockPlan, Deployed
from trimtab.world.world import World

ROOM = 2_000_000_000  # gas of a block while they come
_TRADE_GAS, _RANGE_GAS, _OPTION_GAS = 1_800_000, 3_000_000, 3_000_000
_FAR = 2**63
_NO_REFERRAL = bytes(32)
_PARTS = 4  # of a block: so many moments at which positions begin


@dataclass(frozen=True, slots=True)
class CrowdOptions:
    """How many accounts have what. Every fifth trader is in two markets, every tenth has WETH too; a maker
    has a range of liquidity beside its position. `holders` are the first accounts: each has two options."""

    traders: int = 1_000
    makers: int = 50
    holders: int = 0
    seed: int = 0


async def gather_crowd(world: World, options: CrowdOptions | None = None) -> tuple[Address, ...]:
    """Bring them, and return them. anvil only: it signs for them all. Raises `RevertedError` when the venues
    refuse what they want, which another seed may mend."""
    chosen = options or CrowdOptions()
    crowd = _Crowd(world, chosen)
    room = (await world.client.block("latest")).gas_limit
    await world.control.set_gas_limit(ROOM)
    try:
        await crowd.arrive()
        await crowd.trade()
        await crowd.make()
        await crowd.hold()
    finally:
        await world.control.set_gas_limit(room)
    return crowd.accounts


class _Crowd:
    def __init__(self, world: World, options: CrowdOptions) -> None:
        self.world = world
        self.options = options
        count = max(options.traders, options.holders)
        self.accounts = tuple(_address(options.seed, i) for i in range(count))
        self._draws = random.Random(options.seed)
        self._payer = ACCOUNTS["trader"].address
        self._owner = ACCOUNTS["deployer"].address

    def _perp(self, name: str, artifact: str = "") -> Deployed:
        abi = self.world.artifacts.abi(artifact or name)
        return Deployed(name, abi, self.world.perp.contracts[name])

    def _token(self, symbol: str, artifact: str) -> Deployed:
        return Deployed(symbol, self.world.artifacts.abi(artifact), self.world.addresses.tokens[symbol])

    async def arrive(self) -> None:
        """Gas, and margin that one pays for all."""
        for account in self.accounts:
            await self.world.control.impersonate(account)
        gifts = [("anvil_setBalance", [account, hex(100 * WAD)]) for account in self.accounts]
        await self.world.client.batch(gifts)
        vault = self._perp("Vault")
        usdc, weth = self._token("USDC", "MintableERC20"), self._token("WETH", "WETH9Mocked")
        async with self.world.operator.block(self._payer) as block:
            block.send(self._payer, usdc, "mint(address,uint256)", self._payer, 10**15)
            block.send(self._payer, weth, "deposit", value=2_000 * WAD)
            for token in (usdc, weth):
                block.send(self._payer, token, "approve", vault.address, 2**255)
            for i, account in enumerate(self.accounts[: self.options.traders]):
                amount = self._draws.randint(500, 3_000) * 10**6
                block.send(self._payer, vault, "depositFor", account, usdc.address, amount, gas=400_000)
                if i % 10 == 0:
                    amount = self._draws.randint(1, WAD)
                    block.send(self._payer, vault, "depositFor", account, weth.address, amount, gas=400_000)

    async def trade(self) -> None:
        """Long and short, in some blocks, so that their funding begins at different times."""
        tokens = [market.base_token for market in self.world.perp.markets.values()]
        house = self._perp("ClearingHouse")
        traders = self.accounts[: self.options.traders]
        for first, last in pairwise(len(traders) * n // _PARTS for n in range(_PARTS + 1)):
            part = traders[first:last]
            async with self.world.operator.block(*part) as block:
                for i, account in enumerate(part, start=first):
                    for token in tokens if i % 5 == 0 else tokens[:1]:
                        block.send(account, house, "openPosition", self._order(token), gas=_TRADE_GAS)
            await self.world.warp(60)

    def _order(self, token: Address) -> tuple[Any, ...]:
        is_short, amount = self._draws.random() < 0.5, self._draws.randint(100, 2_000) * WAD
        return (token, is_short, not is_short, amount, 0, _FAR, 0, _NO_REFERRAL)

    async def make(self) -> None:
        """Ranges below the price, in quote, and one in four across it."""
        market = next(iter(self.world.perp.markets.values()))
        pool = Deployed("pool", self.world.artifacts.abi("UniswapV3Pool"), market.pool)
        slot0 = await self.world.client.call(pool.read("slot0"))
        tick = tick_at_sqrt(slot0.sqrtPriceX96) // TICK_SPACING * TICK_SPACING
        makers = self.accounts[: self.options.makers]
        async with self.world.operator.block(*makers) as block:
            for i, account in enumerate(makers):
                self._add_range(block, account, market.base_token, tick, is_across=i % 4 == 0)

    def _add_range(
        self, block: BlockPlan, account: Address, token: Address, tick: int, *, is_across: bool
    ) -> None:
        lower = tick - TICK_SPACING * self._draws.randint(2, 20)
        upper = tick + TICK_SPACING * self._draws.randint(2, 20) if is_across else tick
        base = self._draws.randint(1, 50) * WAD // 1_000 if is_across else 0
        quote = self._draws.randint(100, 300) * WAD
        order = (token, base, quote, lower, upper, 0, 0, False, _FAR)
        block.send(account, self._perp("ClearingHouse"), "addLiquidity", order, gas=_RANGE_GAS)

    async def hold(self) -> None:
        """Two options each, of all five types and over the strikes near the money."""
        holders = self.accounts[: self.options.holders]
        if not holders:
            return
        at = next(iter(self.world.lyra.markets.values()))
        market = Deployed(
            "OptionMarket", self.world.artifacts.abi("OptionMarket"), at.contracts["OptionMarket"]
        )
        await self._pay_holders(holders, market.address)
        boards = await self.world.client.call(market.read("getLiveBoards"))
        boards_strikes = [await self.world.client.call(market.read("getBoardStrikes", b)) for b in boards]
        strikes = [strike for ids in boards_strikes for strike in ids[2:5]]
        async with self.world.operator.block(*holders) as block:
            for i, account in enumerate(holders):
                for option_type in (list(OptionType)[i % 5], list(OptionType)[(i + 2) % 5]):
                    order = self._option(self._draws.choice(strikes), option_type)
                    block.send(account, market, "openPosition", order, gas=_OPTION_GAS)

    async def _pay_holders(self, holders: Sequence[Address], market: Address) -> None:
        tokens = [self._token(symbol, "TestERC20Fail") for symbol in ("sUSD", "sETH")]
        async with self.world.operator.block(self._owner, *holders) as block:
            for account in holders:
                for token, amount in zip(tokens, (20_000 * WAD, 10 * WAD), strict=True):
                    block.send(self._owner, token, "mint", account, amount, gas=200_000)
                    block.send(account, token, "approve", market, 2**255, gas=200_000)

    def _option(self, strike_id: int, option_type: OptionType) -> tuple[Any, ...]:
        amount = self._draws.randint(30, 100) * WAD // 100
        if option_type.is_long:
            collateral = 0
        else:
            each = WAD if option_type is OptionType.SHORT_CALL_BASE else 2_000 * WAD
            collateral = amount * each // WAD
        return (strike_id, 0, 1, TYPE_INDEX[option_type], amount, collateral, 0, 2**255)


def _address(seed: int, index: int) -> Address:
    return Address("0x" + keccak256(f"trimtab crowd {seed} {index}".encode())[12:].hex())
