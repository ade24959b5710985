"""Genuine Uniswap v3 spot pools: two ordinary tokens against each other, on the factory that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from trimtab.model.ids import Address
from trimtab.world.artifacts import Artifacts
from trimtab.world.operator import BlockPlan, Deployed
from trimtab.world.uniswap import pool_address, sqrt_price_x96, tick_below

TICK_SPACINGS: Mapping[int, int] = {500: 10, 3000: 60}  # by fee, as the factory has them
_NO_DESCRIPTOR = Address("0x" + "00" * 20)  # draws the position's picture, which nobody looks at here
_FAR = 2**63
_CREATE_GAS = 8_000_000


@dataclass(frozen=True, slots=True)
class SpotPair:
    """`base` is priced in `quote`: `spot` whole quote tokens for one base token."""

    base: Deployed
    quote: Deployed
    base_decimals: int
    quote_decimals: int
    spot: Decimal

    @property
    def tokens(self) -> tuple[Address, Address]:
        """In the pool's order."""
        low, high = sorted((self.base.address, self.quote.address))
        return low, high

    def pool_price(self, price: Decimal) -> Decimal:
        """What the pool means by a price: base units of its second token for one of its first."""
        raw = price.scaleb(self.quote_decimals - self.base_decimals)
        return raw if self.base.address == self.tokens[0] else 1 / raw


def deploy_periphery(
    block: BlockPlan, artifacts: Artifacts, owner: Address, factory: Address, weth: Address
) -> dict[str, Deployed]:
    """The contracts that hold positions and swap for people."""
    return {
        "NonfungiblePositionManager": block.deploy(
            owner, artifacts["NonfungiblePositionManager"], factory, weth, _NO_DESCRIPTOR
        ),
        "SwapRouter": block.deploy(owner, artifacts["SwapRouter"], factory, weth),
    }


def deploy_pool(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    factory: Address,
    manager: Deployed,
    pair: SpotPair,
    fee: int,
) -> Deployed:
    """One pool of the pair, at its spot price and still without liquidity."""
    price = sqrt_price_x96(pair.pool_price(pair.spot))
    block.send(
        owner, manager, "createAndInitializePoolIfNecessary", *pair.tokens, fee, price, gas=_CREATE_GAS
    )
    made = artifacts["UniswapV3Pool"]
    address = pool_address(factory, *pair.tokens, fee, made.creation_code())
    return Deployed("UniswapV3Pool", made.abi, address)


def add_liquidity(
    block: BlockPlan,
    manager: Deployed,
    maker: Address,
    pair: SpotPair,
    fee: int,
    amounts: Mapping[Address, int],
    span: int,
) -> None:
    """Stand between spot / `span` and spot x `span` with `amounts` (base units by token) of the maker."""
    spacing = TICK_SPACINGS[fee]
    middle = pair.pool_price(pair.spot)
    ticks = [tick_below(price, spacing) for price in (middle / span, middle * span)]
    desired: Sequence[int] = [amounts[token] for token in pair.tokens]
    terms = (*pair.tokens, fee, *ticks, *desired, 0, 0, maker, _FAR)
    block.send(maker, manager, "mint", terms)
