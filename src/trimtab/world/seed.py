"""Life in a fresh deployment: purses, makers in the Perp v2 pools, LPs and boards in the Lyra markets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trimtab.model.ids import Address
from trimtab.model.units import to_base_down, to_base_exact, to_wad_exact
from trimtab.world.accounts import ACCOUNTS, FUNDED
from trimtab.world.deploy_lyra import LyraMarket, LyraWorld
from trimtab.world.deploy_perp import (
    CHAINLINK_DECIMALS,
    MAX_UINT,
    TICK_SPACING,
    USDC_DECIMALS,
    PerpV2Market,
    PerpV2World,
)
from trimtab.world.operator import BlockPlan, Deployed
from trimtab.world.plan import DAY, WorldPlan
from trimtab.world.uniswap import tick_below

_FAR = 2**63
_HEDGE_GAS = 6_000_000
_NOT_FROZEN = False


@dataclass(frozen=True, slots=True)
class Seeds:
    """Both protocols, and what goes into them."""

    plan: WorldPlan
    perp: PerpV2World
    lyra: LyraWorld

    @property
    def synths(self) -> Mapping[str, Deployed]:
        """Synthetix tokens by symbol; only the deployer may mint them."""
        bases = {m.plan.option_market: m.contracts["base"] for m in self.lyra.markets.values()}
        return {"sUSD": self.lyra.contracts["sUSD"], **bases}


def mint_synths(block: BlockPlan, seeds: Seeds, owner: Address) -> None:
    """The deployer mints the purses' synths, and the LP's deposits."""
    for symbol, token in seeds.synths.items():
        amount = seeds.plan.purse.get(symbol, Decimal(0))
        for name in FUNDED:
            block.send(owner, token, "mint", ACCOUNTS[name].address, to_wad_exact(amount))
    deposits = sum((u.lp_deposit for u in seeds.plan.underlyings), Decimal(0))
    quote = seeds.synths["sUSD"]
    block.send(owner, quote, "mint", ACCOUNTS["lp"].address, to_wad_exact(deposits))


def fund_purses(block: BlockPlan, seeds: Seeds) -> None:
    """Every funded account mints its own USDC (the test token lets everybody) and wraps its own ETH."""
    usdc, weth = seeds.perp.contracts["USDC"], seeds.perp.contracts["WETH"]
    for name in FUNDED:
        address = ACCOUNTS[name].address
        units = to_base_exact(seeds.plan.purse["USDC"], USDC_DECIMALS)
        block.send(address, usdc, "mint(address,uint256)", address, units)
        block.send(address, weth, "deposit", value=to_wad_exact(seeds.plan.purse["WETH"]))


def add_perp_liquidity(block: BlockPlan, seeds: Seeds) -> None:
    """Margins, the insurance fund, and a maker's wide range in every pool."""
    plan, perp = seeds.plan, seeds.perp
    for name, margin in (
        ("maker", plan.maker_margin),
        ("arbitrageur", plan.arbitrageur_margin),
        ("liquidator", plan.liquidator_margin),
    ):
        _deposit(block, perp, ACCOUNTS[name].address, margin)
    usdc, fund = perp.contracts["USDC"], perp.contracts["InsuranceFund"].address
    units = to_base_exact(plan.insurance_fund, USDC_DECIMALS)
    block.send(ACCOUNTS["maker"].address, usdc, "mint(address,uint256)", fund, units)
    for market in perp.markets.values():
        _add_range(block, perp.contracts["ClearingHouse"], market)


def refresh_oracles(block: BlockPlan, seeds: Seeds, owner: Address) -> None:
    """A second answer, so that the index has a history."""
    for market in seeds.perp.markets.values():
        answer = to_base_exact(market.plan.spot, CHAINLINK_DECIMALS)
        block.send(owner, market.aggregator, "updateAnswer", answer)


def deposit_for_lp(block: BlockPlan, seeds: Seeds) -> None:
    """The pools' first deposits: without a live board they mint at once, afterwards they queue for 7 days."""
    lp, quote = ACCOUNTS["lp"].address, seeds.synths["sUSD"]
    for market in seeds.lyra.markets.values():
        pool = market.contracts["LiquidityPool"]
        block.send(lp, quote, "approve", pool.address, MAX_UINT)
        block.send(lp, pool, "initiateDeposit", lp, to_wad_exact(market.plan.lp_deposit))


def open_boards(block: BlockPlan, seeds: Seeds, owner: Address, now: int) -> None:
    """The pool hedger's short account, then the boards, counted from unix time `now`."""
    for market in seeds.lyra.markets.values():
        hedger = market.contracts["PoolHedger"]
        block.send(owner, hedger, "openShortAccount")
        block.send(owner, hedger, "hedgeDelta", gas=_HEDGE_GAS)
        block.send(owner, hedger, "hedgeDelta", gas=_HEDGE_GAS)
        _create_boards(block, market, owner, now)


def _create_boards(block: BlockPlan, market: LyraMarket, owner: Address, now: int) -> None:
    for board in market.plan.boards:
        block.send(
            owner,
            market.contracts["OptionMarket"],
            "createOptionBoard",
            now + board.days * DAY,
            to_wad_exact(board.base_iv),
            [to_wad_exact(strike) for strike in board.skews],
            [to_wad_exact(skew) for skew in board.skews.values()],
            _NOT_FROZEN,
            gas=_HEDGE_GAS,
        )


def _deposit(block: BlockPlan, perp: PerpV2World, account: Address, margin: Decimal) -> None:
    usdc, vault = perp.contracts["USDC"], perp.contracts["Vault"]
    units = to_base_exact(margin, USDC_DECIMALS)
    block.send(account, usdc, "mint(address,uint256)", account, units)
    block.send(account, usdc, "approve", vault.address, MAX_UINT)
    block.send(account, vault, "deposit", usdc.address, units)


def _add_range(block: BlockPlan, house: Deployed, market: PerpV2Market) -> None:
    plan = market.plan
    low, high = (
        tick_below(p, TICK_SPACING) for p in (plan.spot / plan.maker_span, plan.spot * plan.maker_span)
    )
    base = to_wad_exact(plan.maker_size)
    quote = to_base_down(plan.maker_size * plan.spot, 18)
    terms = (market.base.address, base, quote, low, high, 0, 0, False, _FAR)
    block.send(ACCOUNTS["maker"].address, house, "addLiquidity", terms, gas=4_000_000)
