"""Our contracts on a world, and desks behind their doors: for tests of what uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from trimtab.chain.call import Call
from trimtab.execution.doors import Guarded, OwnCode
from trimtab.hooks.deployment import (
    HookContract,
    address_of,
    encode_deploy,
    executor_contract,
    guard_contract,
)
from trimtab.hooks.guard import encode_limits, encode_set_limits
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.model.order import PerpIntent, Side
from trimtab.tx.routes import Parcel, Route, SendResult
from trimtab.tx.routes.base import Sending
from trimtab.venues.perp_v2 import PerpV2
from trimtab.venues.registry import VENUES
from trimtab.world.world import World

DEPLOY_GAS = 8_000_000


async def put_probes(world: World) -> dict[str, Address]:
    """The probes of both venues, by label; Lyra's of the ETH market only."""
    venues = {"perp_v2": world.perp, "lyra": world.lyra}
    probes = [probe for name, found in venues.items() for probe in VENUES[name].list_probes(found)]
    wanted = [probe for probe in probes if not probe.label.endswith("BTC")]
    return {probe.label: await put(world, probe) for probe in wanted}


async def put(world: World, contract: HookContract) -> Address:
    """One contract, by CREATE2."""
    deployer = world.accounts["deployer"].address
    await world.operator.transact(deployer, encode_deploy(contract), gas=DEPLOY_GAS)
    return address_of(contract)


async def put_executor(world: World) -> OwnCode:
    """The door of EOAs."""
    return OwnCode(await put(world, executor_contract()), await put_probes(world))


async def put_guard(world: World, agent: Address, limits: Limits) -> Guarded:
    """The deployer's guard, with what Bob has in his wallet."""
    owner, purse = world.accounts["deployer"].address, world.accounts["bob"].address
    guard = await put(world, guard_contract(owner, agent, world.accounts["keeper"].address))
    probes = await put_probes(world)
    struct = encode_limits(limits, account=guard, chain_id=world.client.chain_id, probes=_by_venue(probes))
    await world.operator.transact(owner, encode_set_limits(guard, struct), gas=DEPLOY_GAS)
    erc20 = world.artifacts.abi("TestERC20Fail")
    for symbol in ("USDC", "sUSD", "sETH"):
        token = world.addresses.tokens[symbol]
        held = await world.client.call(erc20.function("balanceOf").read(token, purse))
        give: Call = erc20.function("transfer").at(token, guard, held)
        await world.transact("bob", give)
    return Guarded(guard, probes)


def _by_venue(probes: dict[str, Address]) -> dict[str, Address]:
    return {label.split("/")[0]: address for label, address in probes.items()}


class Ambush:
    """A route round another: `trade`, when it is set, is mined between simulation and broadcast, once."""

    def __init__(self, route: Route) -> None:
        self.name = route.name
        self.lanes = route.lanes
        self.trade: Callable[[], Awaitable[None]] | None = None
        self._route = route

    @property
    def endpoints(self) -> tuple[str, ...]:
        return self._route.endpoints

    def send(self, parcel: Parcel) -> Sequence[Sending]:
        """What the route does, after the trade."""
        return [self._wait(sending) for sending in self._route.send(parcel)]

    async def _wait(self, sending: Sending) -> Sequence[SendResult]:
        trade, self.trade = self.trade, None
        if trade is not None:
            await trade()
        return await sending


async def buy(world: World, name: str, size: Decimal, *, trader: Address | None = None) -> None:
    """Another trade at the perp venue, by a key of the node: its own, or as the delegate of `trader`."""
    venue, account = PerpV2(world.client, world.perp), world.accounts[name].address
    intent = PerpIntent("vETH", Side.BUY, size=size)
    if trader is not None:
        quote = await venue.read_quote(trader, intent)
        await world.transact(name, venue.encode_order_for(trader, intent, quote).calls[0])
        return
    for call in (await venue.encode_deposit(account, "USDC", Decimal(90_000))).calls:
        await world.transact(name, call)
    quote = await venue.read_quote(account, intent)
    await world.transact(name, venue.encode_order(account, intent, quote).calls[0])
