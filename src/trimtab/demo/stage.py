"""Where the demo plays: a world with both protocols, by default a fork of another local chain."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from trimtab.demo.accounts import Token
from trimtab.demo.atomic import put_door
from trimtab.demo.options import UNDERLYING, DemoOptions, Engine
from trimtab.execution.doors import OwnCode
from trimtab.world.accounts import Account
from trimtab.world.world import World, WorldOptions

_NOT_THE_BOOKS = ("WETH", "sETH", "sBTC")


@dataclass(frozen=True, slots=True)
class Stage:
    """A world ready for the trader. `tokens` are what the trader's wallet is read for; `name` says in words
    where we are; `seconds` is wall clock by what it was spent on. `door`: of an atomic run."""

    world: World
    trader: Account
    tokens: tuple[Token, ...]
    name: str
    seconds: dict[str, float]
    door: OwnCode | None = None


@asynccontextmanager
async def open_stage(options: DemoOptions) -> AsyncIterator[Stage]:
    """The world that the options ask for.

    anvil: the protocols are deployed on one chain and the demo plays on a fork of it; with a fork URL, on a
    fork of that upstream, where they are deployed. py-evm: one chain in this process, no fork.
    """
    seconds: dict[str, float] = {}
    clock = time.monotonic()
    engine = WorldOptions(engine=options.engine.value)
    if options.fork_url is not None:
        forked = WorldOptions(fork_url=options.fork_url)
        async with World.open(forked) as world:
            await world.deploy()
            seconds["world"] = time.monotonic() - clock
            name = f"a fork of chain {world.client.chain_id} at {_host(options.fork_url)}"
            yield await _set(world, name, seconds, options)
        return
    async with World.open(engine) as base:
        await base.deploy()
        seconds["world"] = time.monotonic() - clock
        if options.engine is Engine.PY_EVM:
            yield await _set(base, "py-evm in this process", seconds, options)
            return
        clock = time.monotonic()
        async with base.fork() as world:
            seconds["fork"] = time.monotonic() - clock
            yield await _set(world, "a fork of a local anvil chain", seconds, options)


async def _set(world: World, name: str, seconds: dict[str, float], options: DemoOptions) -> Stage:
    """Send away what the trader's purse holds beyond the book's currencies: it is not this book's risk."""
    trader, clock = world.accounts["trader"], time.monotonic()
    tokens = world.addresses.tokens
    erc20 = world.artifacts.abi("TestERC20Fail")
    for symbol in _NOT_THE_BOOKS:
        balance = await world.client.call(erc20.function("balanceOf").read(tokens[symbol], trader.address))
        away = erc20.function("transfer").at(tokens[symbol], world.accounts["deployer"].address, balance)
        await world.transact("trader", away)
    seconds["purse"] = time.monotonic() - clock
    wallet = (
        Token("sUSD", tokens["sUSD"], 18),
        Token("USDC", tokens["USDC"], 6),
        Token(f"s{UNDERLYING}", tokens[f"s{UNDERLYING}"], 18, is_base=True),
        Token("WETH", tokens["WETH"], 18, is_base=True),
    )
    if not options.is_atomic:
        return Stage(world, trader, wallet, name, seconds)
    clock = time.monotonic()
    door = await put_door(world)
    seconds["contracts"] = time.monotonic() - clock
    return Stage(world, trader, wallet, name, seconds, door)


def _host(url: str) -> str:
    """Without path and query, which may hold a key."""
    return url.split("://", 1)[-1].split("/", 1)[0].split("@")[-1]
