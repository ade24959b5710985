"""A world to run in: a node, the genuine protocols on it, people with keys, a clock, and prices that move."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.options import ClientOptions
from trimtab.chain.receipt import Receipt
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.venues.lyra.addresses import LyraDeployment
from trimtab.venues.perp_v2.addresses import PerpV2Deployment
from trimtab.world import seed
from trimtab.world.accounts import ACCOUNTS, Account
from trimtab.world.addresses import WorldAddresses
from trimtab.world.artifacts import Artifacts
from trimtab.world.control import NodeControl
from trimtab.world.deploy_lyra import deploy_lyra
from trimtab.world.deploy_perp import deploy_perp
from trimtab.world.lenders import Lenders, LendersPlan, deploy_lenders
from trimtab.world.market import MarketMaker
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.operator import CALL_GAS, Operator
from trimtab.world.plan import DEFAULT_PLAN, WorldPlan

HISTORY_SECONDS = 2_000  # the mark price reads the pool's last 30 minutes
_SETTLE_SECONDS = 20  # from the makers' arrival to the opening: more than the mark's 15 s average
_BEFORE_HISTORY_SECONDS = 10
_DEV_BALANCE = 10_000 * 10**18
_CALL_TIMEOUT = 120.0


@dataclass(frozen=True, slots=True)
class WorldOptions:
    """How a world is made. `clock` is the unix second at which it is ready, None for the wall clock (on a
    fork time goes on from the upstream). `block_interval` is the seconds from block to block, which makes
    runs repeatable; None lets time flow with the wall clock.

    `fork_url` continues any upstream's state; with `attach` its own deployment is used instead of a new one.
    `order` is how anvil fills a block: "fifo" where a builder decides (`world/relay/`). `url` is a node with
    these accounts that somebody else has started: it is used, and left running.
    """

    engine: Literal["anvil", "py-evm"] = "anvil"
    port: int | None = None
    hardfork: str = "prague"
    clock: int | None = 1_700_000_000
    block_interval: int | None = 1
    fork_url: str | None = None
    fork_block: int | None = None
    attach: WorldAddresses | None = None
    ipc_path: Path | None = None
    node_modules: tuple[Path, ...] = ()
    plan: WorldPlan = DEFAULT_PLAN
    order: Literal["fees", "fifo"] = "fees"
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state to go back to, once."""

    id: str
    at: int


class World:
    """Made by `World.open`; `deploy()` puts both protocols on it."""

    def __init__(
        self, url: str, client: Client, options: WorldOptions, node: AnvilNode | None = None
    ) -> None:
        self.url = url
        self.client = client
        self.options = options
        self.node = node
        self.accounts: Mapping[str, Account] = ACCOUNTS
        self.control = NodeControl(client)
        self.operator = Operator(client, error_abis=lambda: self.artifacts.error_abis())
        self._addresses: WorldAddresses | None = None
        self._market: MarketMaker | None = None
        self._artifacts: Artifacts | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls, options: WorldOptions | None = None) -> AsyncIterator[Self]:
        """Start the engine, with or without a fork; everything is gone on leaving. Raises `ConfigError` with
        the fix when the binary, the artifacts or the upstream are missing."""
        chosen = options or WorldOptions()
        async with AsyncExitStack() as stack:
            node, url = await _start(stack, chosen)
            client_options = ClientOptions(timeout=_CALL_TIMEOUT, attempt_timeout=_CALL_TIMEOUT)
            client = await stack.enter_async_context(Client.open(url, client_options))
            world = cls(url, client, chosen, node)
            if chosen.block_interval is not None:
                await world.control.set_block_interval(chosen.block_interval)
            if chosen.url is not None:
                await world._take_over()
            if chosen.attach is not None:
                world._adopt(chosen.attach)
                await world._carry_balances()
            elif chosen.fork_url is not None:
                await world._settle_in()
            yield world

    @property
    def addresses(self) -> WorldAddresses:
        """Raises `ConfigError` before `deploy()`."""
        if self._addresses is None:
            raise ConfigError("nothing is deployed in this world yet: await world.deploy() first")
        return self._addresses

    @property
    def perp(self) -> PerpV2Deployment:
        return self.addresses.perp_v2

    @property
    def lyra(self) -> LyraDeployment:
        return self.addresses.lyra

    @property
    def artifacts(self) -> Artifacts:
        """The protocols' ABIs and bytecode. Raises `ConfigError` with the fix when they are not there."""
        if self._artifacts is None:
            self._artifacts = Artifacts.find(self.options.node_modules)
        return self._artifacts

    async def deploy(self) -> WorldAddresses:
        """Deploy and seed both genuine protocols, in three blocks. Raises `RevertedError` if a step fails."""
        owner, plan = ACCOUNTS["deployer"].address, self.options.plan
        started = await self.now()
        ready = await self._ready_at(started)
        async with self.operator.block(owner, at=started + 1) as block:
            perp = deploy_perp(block, self.artifacts, owner, plan)
            lyra = deploy_lyra(block, self.artifacts, owner, plan)
            seeds = seed.Seeds(plan, perp, lyra)
            seed.mint_synths(block, seeds, owner)
        senders = [account.address for account in ACCOUNTS.values()]
        async with self.operator.block(*senders, at=ready - _SETTLE_SECONDS) as block:
            seed.refresh_oracles(block, seeds, owner)
            seed.fund_purses(block, seeds)
            seed.add_perp_liquidity(block, seeds)
            seed.deposit_for_lp(block, seeds)
        async with self.operator.block(owner, at=ready) as block:
            seed.open_boards(block, seeds, owner, ready)
        self._adopt(_addresses_of(seeds))
        return self.addresses

    async def deploy_lenders(self, plan: LendersPlan | None = None) -> Lenders:
        """Add a genuine Aave v3 and Uniswap v3 spot pools of USDC and WETH, for flash loans, in one block.
        Raises `ConfigError` before `deploy()`."""
        chosen = plan or LendersPlan()
        return await deploy_lenders(self.operator, self.artifacts, self.addresses, chosen)

    async def set_price(self, symbol: str, price: Decimal, *, at: int | None = None) -> None:
        """Move one underlying; see `set_prices`."""
        await self.set_prices({symbol: price}, at=at)

    async def set_prices(self, prices: Mapping[str, Decimal], *, at: int | None = None) -> None:
        """Move underlyings coherently on both protocols: Chainlink, Synthetix, AMM, mark, Lyra's Greeks.

        Takes 16 s of chain time for each 9 % of the largest move and 16 s more; done at unix second `at` if
        given, and then settled as far as there was time. Raises `IntentError` when that is too early, or for
        an unknown underlying or a bad price.
        """
        if self._market is None:
            self._market = MarketMaker(self.operator, self.addresses, self.artifacts)
        await self._market.set_prices(prices, at=at)

    async def transact(self, account: str, call: Call, *, gas: int = CALL_GAS) -> Receipt:
        """Send a call as a named account, without a signer of ours: for administration and for tests."""
        return await self.operator.transact(self.accounts[account].address, call, gas=gas)

    async def now(self) -> int:
        """The latest block's unix time."""
        return (await self.client.block("latest")).at

    async def warp(self, seconds: int) -> None:
        """Mine one block so many seconds after the latest."""
        await self.control.mine_at(await self.now() + seconds)

    async def mine(self, blocks: int = 1) -> None:
        await self.control.mine(blocks)

    async def snapshot(self) -> Snapshot:
        """Remember the whole state."""
        return Snapshot(await self.control.snapshot(), await self.now())

    async def restore(self, snapshot: Snapshot) -> None:
        """Go back; a snapshot restores once. Nonces and blocks go back too, and the pool is emptied."""
        await self.control.drop_all()
        await self.control.set_automine(True)
        await self.control.revert(snapshot.id)

    @asynccontextmanager
    async def fork(self, options: WorldOptions | None = None) -> AsyncIterator[World]:
        """A second world that continues this one's state; nothing done there touches this one."""
        base = options or replace(self.options, port=None, ipc_path=None, url=None)
        async with World.open(replace(base, fork_url=self.url, attach=self._addresses)) as forked:
            yield forked

    def _adopt(self, addresses: WorldAddresses) -> None:
        self._addresses = addresses
        self._market = None

    async def _ready_at(self, started: int) -> int:
        earliest = started + 1 + HISTORY_SECONDS
        if self.options.fork_url is not None:
            return earliest
        return max(earliest, self.options.clock or int(time.time()))

    async def _take_over(self) -> None:
        """On a node that ran before: blocks as large as ours, and time as early as the plan begins."""
        await self.control.set_gas_limit(NodeOptions().gas_limit)
        begins = (self.options.clock or 0) - HISTORY_SECONDS - _BEFORE_HISTORY_SECONDS
        if self.options.attach is None and begins > await self.now():
            await self.control.mine_at(begins)

    async def _carry_balances(self) -> None:
        """anvil fills up its development accounts on a fork; here they are who they were upstream."""
        if self.options.fork_url is None:
            return
        block = hex(await self.client.block_number())
        addresses = [account.address for account in ACCOUNTS.values()]
        async with Client.open(self.options.fork_url) as upstream:
            balances = await upstream.batch([("eth_getBalance", [a, block]) for a in addresses])
        pairs = zip(addresses, balances, strict=True)
        await self.client.batch([("anvil_setBalance", [a, balance]) for a, balance in pairs])

    async def _settle_in(self) -> None:
        """On a foreign chain the dev accounts may have code (public keys get delegated) and no money."""
        requests: list[tuple[str, list[str]]] = []
        for account in ACCOUNTS.values():
            requests.append(("anvil_setBalance", [account.address, hex(_DEV_BALANCE)]))
            requests.append(("anvil_setCode", [account.address, "0x"]))
        await self.client.batch(requests)


async def _start(stack: AsyncExitStack, options: WorldOptions) -> tuple[AnvilNode | None, str]:
    if options.url is not None:
        return None, options.url
    genesis = (options.clock or int(time.time())) - HISTORY_SECONDS - _BEFORE_HISTORY_SECONDS
    if options.engine == "py-evm":
        return None, await _start_py_evm(stack, options, genesis)
    node_options = NodeOptions(
        port=options.port,
        hardfork=options.hardfork,
        accounts=len(ACCOUNTS),
        timestamp=None if options.fork_url else genesis,
        fork_url=options.fork_url,
        fork_block=options.fork_block,
        ipc_path=options.ipc_path,
        order=options.order,
    )
    opened = AnvilNode.open(node_options, node_modules=options.node_modules)
    node = await stack.enter_async_context(opened)
    return node, node.url


async def _start_py_evm(stack: AsyncExitStack, options: WorldOptions, genesis: int) -> str:
    for name in ("fork_url", "ipc_path"):
        if getattr(options, name) is not None:
            raise ConfigError(f"the py-evm engine has no {name}: leave it out, or use anvil", key=name)
    from trimtab.world.pyevm import PyEvmNode

    opened = PyEvmNode.open(port=options.port, genesis_at=genesis)
    return (await stack.enter_async_context(opened)).url


def _addresses_of(seeds: seed.Seeds) -> WorldAddresses:
    tokens: dict[str, Address] = {name: seeds.perp.contracts[name].address for name in ("USDC", "WETH")}
    tokens |= {symbol: token.address for symbol, token in seeds.synths.items()}
    oracles = {symbol: m.aggregator.address for symbol, m in seeds.perp.markets.items()}
    return WorldAddresses(seeds.perp.deployment(), seeds.lyra.deployment(), tokens, oracles)
