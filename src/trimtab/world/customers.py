"""The option customers of a world: named accounts that trade Lyra's genuine contracts as `flow` decides."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Self

from trimtab.errors import ChainError
from trimtab.model.market import OptionChain
from trimtab.model.order import Fill, OptionAction
from trimtab.venues.lyra.encode import encode_approval, encode_trade
from trimtab.venues.lyra.venue import Lyra
from trimtab.world.flow import Clip, Demand, Flow, FlowOptions
from trimtab.world.world import World

CUSTOMERS = ("bob", "carol", "dave")
_TRADE_GAS = 5_000_000


class Customers:
    """Made by `Customers.open`. `held` are the positions that they have open."""

    def __init__(self, world: World, flow: Flow) -> None:
        self.held: list[Clip] = []
        self._world = world
        self._flow = flow
        self._market = world.lyra.markets[flow.chain.market.name]
        self._venue = Lyra(world.client, world.lyra)

    @classmethod
    async def open(
        cls, world: World, chain: OptionChain, seed: int, options: FlowOptions | None = None
    ) -> Self:
        """Customers of the market that `chain` shows, who have approved what they will pay."""
        customers = cls(world, Flow(CUSTOMERS, chain, seed, options or FlowOptions()))
        approval = encode_approval(customers._market.quote_asset, customers._market.contracts["OptionMarket"])
        for name in CUSTOMERS:
            await world.transact(name, approval)
        return customers

    async def trade(self, step: int, spot: Decimal, *, at: int) -> Sequence[Fill]:
        """What they want at `step`, in one block each from unix second `at` on. It must come while the
        venue's Greek caches are fresh. Raises `RevertedError` when the venue refuses."""
        demands = self._flow.demands(step, spot, at, self.held)
        return [await self._execute(demand, at + n) for n, demand in enumerate(demands)]

    async def _execute(self, demand: Demand, at: int) -> Fill:
        await self._world.control.set_next_timestamp(at)
        call = encode_trade(self._market, demand.intent)
        receipt = await self._world.transact(demand.customer, call, gas=_TRADE_GAS)
        account = self._world.accounts[demand.customer].address
        fills = self._venue.decode_fills(receipt, account)
        if len(fills) != 1 or fills[0].position_id is None:
            raise ChainError(f"the trade of {demand.customer} in {receipt.tx_hash} shows {len(fills)} fills")
        self._book(demand, fills[0].position_id)
        return fills[0]

    def _book(self, demand: Demand, position_id: int) -> None:
        intent = demand.intent
        if intent.action is OptionAction.OPEN:
            clip = Clip(demand.customer, position_id, intent.series, intent.type, intent.amount)
            self.held.append(clip)
        else:
            self.held = [clip for clip in self.held if clip.position_id != position_id]
