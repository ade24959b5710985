"""A world: both genuine protocols deployed, wired and seeded; restored, forked and carried as JSON."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.world.views import read

from trimtab.chain.client import Client
from trimtab.errors import ConfigError, RevertedError
from trimtab.world.accounts import ACCOUNTS, FUNDED
from trimtab.world.addresses import WorldAddresses, from_json, to_json
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node


async def test_both_protocols_up_within_three_seconds() -> None:
    """Start, deploy and seed both protocols; the best of three, because others share the machine."""
    times: list[float] = []
    while len(times) < 3 and min(times, default=3) >= 3:
        started = time.perf_counter()
        async with World.open() as world:
            await world.deploy()
            times.append(time.perf_counter() - started)
            assert await world.now() == 1_700_000_000
            assert await world.client.block_number() == 3
    assert min(times) < 3


async def test_code_at_every_address(world: World) -> None:
    """Every address that the world names has a contract."""
    named = {
        f"{group} {name}": address
        for group, contracts in world.addresses.flat().items()
        for name, address in contracts.items()
    }
    codes = await world.client.batch([("eth_getCode", [a, "latest"]) for a in named.values()])
    assert [name for name, code in zip(named, codes, strict=True) if len(code) <= 2] == []
    assert len(named) > 60


async def test_purses_are_filled(world: World) -> None:
    """Each funded account holds exactly its purse of every token, and ETH for gas."""
    decimals = {"USDC": 6}
    for symbol, amount in world.options.plan.purse.items():
        for name in FUNDED:
            token = world.addresses.tokens[symbol]
            held = await read(world, "TestERC20Fail", token, "balanceOf", ACCOUNTS[name].address)
            assert held == int(amount * 10 ** decimals.get(symbol, 18)), (symbol, name)
    for account in world.accounts.values():
        assert await world.client.balance(account.address) > 1_000 * 10**18


async def test_everybody_knows_how_much_they_are_worth(world: World) -> None:
    """Makers, liquidator and arbitrageur have their margins in the Vault, the insurance fund its capital."""
    contracts, plan = world.perp.contracts, world.options.plan
    for name, margin in (("maker", plan.maker_margin), ("liquidator", plan.liquidator_margin)):
        held = await read(world, "Vault", contracts["Vault"], "getBalance", ACCOUNTS[name].address)
        assert held == margin * 10**6
    fund = await read(world, "InsuranceFund", contracts["InsuranceFund"], "getInsuranceFundCapacity")
    assert fund == plan.insurance_fund * 10**6


async def test_restoring_undoes_everything(world: World) -> None:
    """After a restore the blocks, the prices and the pool are as they were, even with automine left off."""
    snapshot = await world.snapshot()
    head = await world.client.block()
    await world.set_price("ETH", Decimal(2100))
    await world.warp(1000)
    await world.control.set_automine(False)
    payment = {"from": ACCOUNTS["bob"].address, "to": ACCOUNTS["carol"].address, "value": "0x1"}
    await world.client.request("eth_sendTransaction", [payment])
    await world.restore(snapshot)
    assert await world.client.block() == head
    assert snapshot.at == head.at
    await world.mine()
    assert (await world.client.block()).gas_used == 0


async def test_a_fork_leaves_its_upstream_untouched(world: World) -> None:
    """The fork continues the deployment, moves its prices and time; the upstream sees nothing of it."""
    head = await world.client.block()
    async with world.fork() as forked:
        assert forked.addresses == world.addresses
        assert await forked.now() == head.at
        weth = forked.addresses.tokens["WETH"]
        alice = ACCOUNTS["alice"].address
        held = await read(world, "WETH9Mocked", weth, "balanceOf", alice)
        assert await read(forked, "WETH9Mocked", weth, "balanceOf", alice) == held
        assert await forked.client.balance(alice) == await world.client.balance(alice)
        await forked.set_price("ETH", Decimal(1800))
        base = forked.perp.markets["vETH"].base_token
        assert await read(forked, "BaseToken", base, "getIndexPrice", 0) == 1800 * 10**18
    assert await world.client.block() == head
    base = world.perp.markets["vETH"].base_token
    assert await read(world, "BaseToken", base, "getIndexPrice", 0) == 2000 * 10**18


async def test_deploys_onto_a_foreign_chain() -> None:
    """On a fork of a chain that knows nothing of us both protocols are deployed; the development accounts,
    whose keys everybody has, get money and lose code that somebody put there; the clock goes on."""
    async with AnvilNode.open(NodeOptions(chain_id=10, timestamp=1_600_000_000)) as upstream:
        async with Client.open(upstream.url) as client:
            trader = ACCOUNTS["trader"].address
            await client.request("anvil_setCode", [trader, "0x5f5ffd"])
            await client.request("anvil_setBalance", [trader, "0x0"])
        async with World.open(WorldOptions(fork_url=upstream.url)) as world:
            await world.deploy()
            assert world.client.chain_id == 10
            assert await world.client.code(trader) == b""
            assert await world.client.balance(trader) > 10**21
            assert 1_600_000_000 < await world.now() < 1_600_010_000
            await world.set_price("BTC", Decimal(31_000))


async def test_attaches_to_a_deployment(world: World) -> None:
    """With addresses in JSON another process continues a world that it did not deploy."""
    text = json.dumps(to_json(world.addresses))
    options = WorldOptions(fork_url=world.url, attach=from_json(json.loads(text)))
    async with World.open(options) as other:
        await other.set_price("ETH", Decimal(2050))
        base = other.perp.markets["vETH"].base_token
        assert await read(other, "BaseToken", base, "getIndexPrice", 0) == 2050 * 10**18


async def test_a_deployment_of_others_cannot_be_moved(world: World) -> None:
    """Where the oracles are not ours, moving a price says so instead of failing somewhere."""
    lyra = world.addresses.lyra
    contracts = {n: a for n, a in lyra.contracts.items() if n != "TestExchangeRates"}
    foreign = WorldAddresses(
        world.perp, replace(lyra, contracts=contracts), world.addresses.tokens, world.addresses.oracles
    )
    async with World.open(WorldOptions(fork_url=world.url, attach=foreign)) as other:
        with pytest.raises(ConfigError, match="only where the world deployed the oracles"):
            await other.set_price("ETH", Decimal(2050))


async def test_a_node_that_runs_already_is_used_and_left_running() -> None:
    """`url`: somebody else's node, of small blocks and a past clock, carries both protocols at the planned
    second, and outlives the world; a second world on it finds what the first deployed."""
    small = NodeOptions(gas_limit=30_000_000, accounts=len(ACCOUNTS), timestamp=1_600_000_000, chain_id=1)
    async with AnvilNode.open(small) as node:
        options = WorldOptions(url=node.url, clock=1_900_000_000)
        async with World.open(options) as world:
            deployed = await world.deploy()
            assert await world.now() == 1_900_000_000
            assert world.client.chain_id == 1
        async with World.open(replace(options, attach=deployed)) as again:
            assert await again.now() == 1_900_000_000
            await again.set_price("ETH", Decimal(1700))
        assert node.is_alive


async def test_nothing_deployed_is_said() -> None:
    """Addresses of an empty world are an error with what to do; a bare world costs no deployment."""
    async with World.open() as world:
        with pytest.raises(ConfigError, match=r"world\.deploy\(\) first"):
            _ = world.addresses
        assert await world.client.block_number() == 0


async def test_runs_repeat_to_the_hash() -> None:
    """Two worlds with the same clock are the same, block for block, also after a price move."""
    hashes = []
    for _ in range(2):
        async with World.open() as world:
            await world.deploy()
            await world.set_price("ETH", Decimal(1950))
            hashes.append((await world.client.block()).hash)
    assert hashes[0] == hashes[1]


async def test_a_custom_error_is_named(world: World) -> None:
    """A revert inside Lyra is told by its error's name and arguments, whichever contract threw it."""
    market = world.lyra.markets["sETH"].contracts["OptionMarket"]
    create = world.artifacts.abi("OptionMarket").function("createOptionBoard").at(market, 0, 0, [], [], False)
    with pytest.raises(RevertedError, match=rf"OnlyOwner\(thrower={market}, caller=0x.*, owner=0x"):
        await world.transact("alice", create)


async def test_the_wall_clock_counts_when_asked() -> None:
    """With clock None the world is ready now, and time goes on by itself."""
    async with World.open(WorldOptions(clock=None, block_interval=None)) as world:
        await world.deploy()
        assert abs(await world.now() - time.time()) < 10
        await world.mine()
        assert abs(await world.now() - time.time()) < 10
