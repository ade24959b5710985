"""The genuine Aave v3, as its own market deployment wires it: one pool that lends USDC and WETH."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trimtab.chain.address import create_address
from trimtab.model.ids import Address
from trimtab.world.artifacts import Artifacts
from trimtab.world.operator import BlockPlan, Deployed

FLASH_PREMIUM_BPS = 5  # what the mainnet market asks
_PREMIUM_TO_TREASURY_BPS = 0
_PRICE_DECIMALS = 8
_NOBODY = Address("0x" + "00" * 20)
_RAY = 10**27
# In ray: optimal usage; base rate; slopes of the variable, then of the stable rate; offsets; stable share.
_RATES = (
    8 * _RAY // 10,
    0,
    4 * _RAY // 100,
    60 * _RAY // 100,
    5 * _RAY // 1000,
    60 * _RAY // 100,
    _RAY // 100,
    8 * _RAY // 100,
    2 * _RAY // 10,
)
_LINKS: Mapping[str, tuple[str, ...]] = {
    "BorrowLogic": (),
    "BridgeLogic": (),
    "ConfiguratorLogic": (),
    "EModeLogic": (),
    "LiquidationLogic": (),
    "PoolLogic": (),
    "SupplyLogic": (),
    "FlashLoanLogic": ("BorrowLogic",),
}
_ENABLED = True
_RESERVES_GAS = 8_000_000


@dataclass(frozen=True, slots=True)
class AaveReserve:
    """An asset to be lent: `feed` is a Chainlink aggregator of 8 decimals."""

    symbol: str
    token: Address
    decimals: int
    feed: Address


def deploy_aave(
    block: BlockPlan, artifacts: Artifacts, owner: Address, reserves: tuple[AaveReserve, ...]
) -> dict[str, Deployed]:
    """Add the whole protocol to a block, with flash loans of every reserve enabled. `Pool` and
    `PoolConfigurator` are the proxies that users call."""
    made = {
        "PoolAddressesProvider": block.deploy(owner, artifacts["PoolAddressesProvider"], "trimtab", owner)
    }
    provider = made["PoolAddressesProvider"]
    block.send(owner, provider, "setACLAdmin", owner)  # the access list reads it when it is made
    made["ACLManager"] = block.deploy(owner, artifacts["ACLManager"], provider.address)
    block.send(owner, provider, "setACLManager", made["ACLManager"].address)
    block.send(owner, made["ACLManager"], "addPoolAdmin", owner)
    _deploy_pool(block, artifacts, owner, made)
    _deploy_oracle(block, artifacts, owner, made, reserves)
    _list_reserves(block, artifacts, owner, made, reserves)
    return made


def supply(block: BlockPlan, pool: Deployed, lender: Address, token: Deployed, amount: int) -> None:
    """Lend what `lender` has, so that others can borrow it; `amount` in base units."""
    block.send(lender, token, "approve", pool.address, amount)
    block.send(lender, pool, "supply", token.address, amount, lender, 0)


def _deploy_pool(block: BlockPlan, artifacts: Artifacts, owner: Address, made: dict[str, Deployed]) -> None:
    libraries: dict[str, Address] = {}
    for name, needs in _LINKS.items():
        links = {need: libraries[need] for need in needs}
        libraries[name] = block.deploy(owner, artifacts[name], libraries=links).address
    provider = made["PoolAddressesProvider"]
    pool = block.deploy(owner, artifacts["Pool"], provider.address, libraries=libraries)
    configurator = block.deploy(owner, artifacts["PoolConfigurator"], libraries=libraries)
    # The provider makes a proxy for each, its first and its second contract.
    for nonce, implementation in enumerate((pool, configurator), start=1):
        block.send(owner, provider, f"set{implementation.name}Impl", implementation.address)
        proxy = create_address(provider.address, nonce)
        made[implementation.name] = Deployed(implementation.name, implementation.abi, proxy)


def _deploy_oracle(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    made: dict[str, Deployed],
    reserves: tuple[AaveReserve, ...],
) -> None:
    provider = made["PoolAddressesProvider"]
    tokens, feeds = [r.token for r in reserves], [r.feed for r in reserves]
    made["AaveOracle"] = block.deploy(
        owner,
        artifacts["AaveOracle"],
        provider.address,
        tokens,
        feeds,
        _NOBODY,
        _NOBODY,
        10**_PRICE_DECIMALS,
    )
    block.send(owner, provider, "setPriceOracle", made["AaveOracle"].address)


def _list_reserves(
    block: BlockPlan,
    artifacts: Artifacts,
    owner: Address,
    made: dict[str, Deployed],
    reserves: tuple[AaveReserve, ...],
) -> None:
    provider, pool = made["PoolAddressesProvider"], made["Pool"]
    strategy = artifacts["DefaultReserveInterestRateStrategy"]
    rates = block.deploy(owner, strategy, provider.address, *_RATES).address
    tokens = [
        block.deploy(owner, artifacts[name], pool.address).address
        for name in ("AToken", "StableDebtToken", "VariableDebtToken")
    ]
    configurator = made["PoolConfigurator"]
    listed = [_listing(reserve, tokens, rates, owner) for reserve in reserves]
    block.send(owner, configurator, "initReserves", listed, gas=_RESERVES_GAS)
    for reserve in reserves:
        block.send(owner, configurator, "setReserveFlashLoaning", reserve.token, _ENABLED)
    block.send(owner, configurator, "updateFlashloanPremiumTotal", FLASH_PREMIUM_BPS)
    block.send(owner, configurator, "updateFlashloanPremiumToProtocol", _PREMIUM_TO_TREASURY_BPS)


def _listing(
    reserve: AaveReserve, tokens: list[Address], rates: Address, treasury: Address
) -> tuple[object, ...]:
    names = [
        text
        for kind, short in (("Aave", "a"), ("Aave Variable Debt", "vd"), ("Aave Stable Debt", "sd"))
        for text in (f"{kind} {reserve.symbol}", f"{short}{reserve.symbol}")
    ]
    return (*tokens, reserve.decimals, rates, reserve.token, treasury, _NOBODY, *names, b"")
