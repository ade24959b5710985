"""Who lends for the length of a transaction: a genuine Aave v3, and genuine Uniswap v3 spot pools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trimtab.model.ids import Address
from trimtab.model.units import to_base_down, to_base_exact, to_positive, to_wad_exact
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.addresses import WorldAddresses
from trimtab.world.artifacts import Artifacts
from trimtab.world.deploy_aave import AaveReserve, deploy_aave, supply
from trimtab.world.deploy_perp import CHAINLINK_DECIMALS, MAX_UINT, USDC_DECIMALS
from trimtab.world.deploy_uniswap import SpotPair, add_liquidity, deploy_periphery, deploy_pool
from trimtab.world.operator import BlockPlan, Deployed, Operator
from trimtab.world.uniswap import sqrt_price_x96

_WETH_DECIMALS = 18
_FAR = 2**63
_SWAP_GAS = 8_000_000


@dataclass(frozen=True, slots=True)
class LendersPlan:
    """USDC and WETH that Aave lends; the WETH, beside as much worth of USDC, in the spot pool of each fee
    (millionths), between `spot` / `span` and `spot` x `span` (USDC)."""

    spot: Decimal = Decimal(2_000)
    span: int = 4
    aave_usdc: Decimal = Decimal(20_000_000)
    aave_weth: Decimal = Decimal(1_000)
    pool_weth: Mapping[int, Decimal] = field(
        default_factory=lambda: {500: Decimal(500), 3_000: Decimal(2_000)}
    )


@dataclass(frozen=True, slots=True)
class Lenders:
    """Where they are: Aave's contracts by name (`Pool` is the one to borrow from), Uniswap's by name, and the
    USDC/WETH pools by fee."""

    aave: Mapping[str, Address]
    uniswap: Mapping[str, Address]
    pools: Mapping[int, Address]


async def deploy_lenders(
    operator: Operator, artifacts: Artifacts, addresses: WorldAddresses, plan: LendersPlan
) -> Lenders:
    """Deploy and fill them in one block, on a world that is deployed. USDC counts as one dollar at Aave."""
    owner, maker = ACCOUNTS["deployer"].address, ACCOUNTS["lp"].address
    usdc, weth = _tokens(addresses, artifacts)
    pair = SpotPair(weth, usdc, _WETH_DECIMALS, USDC_DECIMALS, plan.spot)
    factory = addresses.perp_v2.contracts["UniswapV3Factory"]
    async with operator.block(owner, maker) as block:
        dollar = block.deploy(
            owner, artifacts["MockV3Aggregator"], CHAINLINK_DECIMALS, 10**CHAINLINK_DECIMALS
        )
        aave = deploy_aave(
            block,
            artifacts,
            owner,
            (
                AaveReserve("USDC", usdc.address, USDC_DECIMALS, dollar.address),
                AaveReserve("WETH", weth.address, _WETH_DECIMALS, addresses.oracles["ETH"]),
            ),
        )
        for token, amount in (
            (usdc, to_base_exact(plan.aave_usdc, USDC_DECIMALS)),
            (weth, to_wad_exact(plan.aave_weth)),
        ):
            block.send(maker, token, "mint(address,uint256)", maker, amount)
            supply(block, aave["Pool"], maker, token, amount)
        uniswap = deploy_periphery(block, artifacts, owner, factory, weth.address)
        pools = {
            fee: deploy_pool(
                block, artifacts, owner, factory, uniswap["NonfungiblePositionManager"], pair, fee
            ).address
            for fee in plan.pool_weth
        }
        _make_markets(block, uniswap["NonfungiblePositionManager"], maker, pair, plan)
    return Lenders(
        {name: made.address for name, made in aave.items()},
        {name: made.address for name, made in uniswap.items()},
        pools,
    )


async def move_spot(
    operator: Operator, artifacts: Artifacts, addresses: WorldAddresses, lenders: Lenders, price: Decimal
) -> None:
    """Bring WETH to `price` (USDC) in every pool, by an arbitrageur's swaps: `World.set_prices` leaves these
    pools where they are."""
    to_positive(price, "price")
    usdc, weth = _tokens(addresses, artifacts)
    pair = SpotPair(weth, usdc, _WETH_DECIMALS, USDC_DECIMALS, price)
    target = sqrt_price_x96(pair.pool_price(price))
    router = Deployed("SwapRouter", artifacts.abi("SwapRouter"), lenders.uniswap["SwapRouter"])
    arbitrageur = ACCOUNTS["arbitrageur"].address
    now = {fee: await _read_sqrt_price(operator, artifacts, pool) for fee, pool in lenders.pools.items()}
    async with operator.block(arbitrageur) as block:
        for token in (usdc, weth):
            # As much as any pool could swallow; the limit on the price stops the swap before.
            block.send(arbitrageur, token, "mint(address,uint256)", arbitrageur, 2**100)
            block.send(arbitrageur, token, "approve", router.address, MAX_UINT)
        for fee, sqrt_price in now.items():
            if sqrt_price == target:
                continue
            sold, bought = pair.tokens if target < sqrt_price else reversed(pair.tokens)
            terms = (sold, bought, fee, arbitrageur, _FAR, 2**100, 0, target)
            block.send(arbitrageur, router, "exactInputSingle", terms, gas=_SWAP_GAS)


def _make_markets(
    block: BlockPlan, manager: Deployed, maker: Address, pair: SpotPair, plan: LendersPlan
) -> None:
    for token in (pair.base, pair.quote):
        block.send(maker, token, "approve", manager.address, MAX_UINT)
    for fee, amount in plan.pool_weth.items():
        amounts = {
            pair.base.address: to_wad_exact(amount),
            pair.quote.address: to_base_down(amount * plan.spot, USDC_DECIMALS),
        }
        for token in (pair.base, pair.quote):
            block.send(maker, token, "mint(address,uint256)", maker, amounts[token.address])
        add_liquidity(block, manager, maker, pair, fee, amounts, plan.span)


async def _read_sqrt_price(operator: Operator, artifacts: Artifacts, pool: Address) -> int:
    slot0 = await operator.client.call(artifacts.abi("UniswapV3Pool").function("slot0").read(pool))
    price: int = slot0.sqrtPriceX96
    return price


def _tokens(addresses: WorldAddresses, artifacts: Artifacts) -> tuple[Deployed, Deployed]:
    names = {"USDC": "MintableERC20", "WETH": "WETH9Mocked"}
    usdc, weth = (Deployed(a, artifacts.abi(a), addresses.tokens[symbol]) for symbol, a in names.items())
    return usdc, weth
