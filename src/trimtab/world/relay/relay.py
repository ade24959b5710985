"""A relay: a name, a URL, a pool and faults of its own, before a builder that it may share with others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from trimtab.runtime.tasks import open_tasks
from trimtab.world.faults.kinds import Stage
from trimtab.world.faults.plan import FaultPlan
from trimtab.world.faults.tally import Tally
from trimtab.world.node import AnvilNode
from trimtab.world.relay.builder import Builder, Built
from trimtab.world.relay.kinds import Uncle
from trimtab.world.relay.offers import Offer
from trimtab.world.relay.pool import Pool, Story
from trimtab.world.relay.record import Received
from trimtab.world.relay.server import Server
from trimtab.world.relay.stream import PATH
from trimtab.world.world import World


@dataclass(frozen=True, slots=True)
class RelayOptions:
    """`seed` decides which requests `faults` strike. Ports are of loopback, 0 takes a free one. `passes_on`:
    at Protect's door it hands to the public mempool what Protect's own server takes to need no protection.

    For the relay that opens the builder: it makes a block each `block_seconds`, 0 only when asked, and its
    public face listens on `public_port`.
    """

    name: str = "relay"
    port: int = 0
    public_port: int = 0
    block_seconds: float = 0.0
    faults: FaultPlan = field(default_factory=FaultPlan)
    seed: int | str = 0
    passes_on: bool = False


class Relay:
    """Made by `Relay.open`. What it holds is gone when it closes."""

    def __init__(self, url: str, builder: Builder, pool: Pool, server: Server, options: RelayOptions) -> None:
        self.url = url
        self.builder = builder
        self.options = options
        self._pool = pool
        self._server = server

    @classmethod
    @asynccontextmanager
    async def open(
        cls, before: str | AnvilNode | World | Builder, options: RelayOptions | None = None
    ) -> AsyncIterator[Self]:
        """Serve on a free port of loopback, before a node (which is the builder's alone from then on) or
        before another relay's builder. Raises `ConfigError` when the node is no anvil of order "fifo"."""
        chosen = options or RelayOptions()
        async with AsyncExitStack() as stack:
            builder = before
            if not isinstance(builder, Builder):
                builder = await stack.enter_async_context(
                    Builder.open(builder, public_port=chosen.public_port)
                )
            pool = Pool()
            server = Server(chosen.name, builder, pool, chosen.seed, passes_on=chosen.passes_on)
            server.follow(chosen.faults)
            url = await stack.enter_async_context(server.listen(chosen.port))
            relay = cls(url, builder, pool, server, chosen)
            builder.pools.append(relay)
            stack.callback(builder.pools.remove, relay)
            if chosen.block_seconds:
                await stack.enter_async_context(_building(builder, chosen.block_seconds))
            yield relay

    def __repr__(self) -> str:
        return f"<Relay {self.options.name} {self.url}>"

    @property
    def public_url(self) -> str:
        """The node as everybody sees it, over HTTP."""
        return self.builder.face.url

    @property
    def public_ws_url(self) -> str:
        """The same over WebSocket."""
        return self.builder.face.ws_url

    @property
    def stream_url(self) -> str:
        """The MEV-Share event stream."""
        return self.url + PATH

    @property
    def log(self) -> list[Received]:
        """All that the relay was asked, in its order."""
        return self._server.log

    @property
    def public_log(self) -> list[Received]:
        """All that the public node was asked."""
        return self.builder.face.log

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong now. Another plan may be set at any time, and begins then."""
        return self._server.plan

    @faults.setter
    def faults(self, plan: FaultPlan) -> None:
        self._server.follow(plan)

    @property
    def tally(self) -> Tally:
        """Everything that was counted, live."""
        return self._server.tally

    @property
    def injected(self) -> Counter[str]:
        """How often each kind of fault really happened, live."""
        return self._server.tally.injected

    async def build(self) -> Built:
        """Make the next block, of all the builder's relays."""
        return await self.builder.build()

    async def uncle(self) -> Built | None:
        """Lose the last block if private transactions are in it; None when there is nothing to lose."""
        return await self.builder.uncle()

    def paused(self) -> AbstractAsyncContextManager[None]:
        """Within it the bare node mines each transaction that comes to it at once, for work on the world."""
        return self.builder.paused()

    async def reset(self) -> None:
        """After the chain was set back (`World.restore`): hold nothing, and mine only when told."""
        self._pool.clear()
        await self.builder.reset()

    def story(self, tx_hash: str) -> Story | None:
        """What became of a private transaction."""
        return self._pool.stories.get(tx_hash)

    def offers(self, number: int) -> Sequence[Offer]:
        """What the relay holds that may be in the block of this number, or later."""
        return self._pool.offers(number)

    def settle(self, built: Built) -> None:
        """Learn what a block has."""
        self._pool.settle(built)

    def draws_uncle(self) -> bool:
        """Whether the plan has the last block lost."""
        fired = self._server.draw(Stage.CALL, "build")
        if fired is None or not isinstance(fired.fault, Uncle):
            return False
        self._server.tally.count(fired.kind, "build")
        return True


@asynccontextmanager
async def _building(builder: Builder, seconds: float) -> AsyncIterator[None]:
    """A block so often, to the end of the last one that was begun."""
    stop = asyncio.Event()

    async def build() -> None:
        while not stop.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await stop.wait()
            except TimeoutError:
                await builder.build()

    async with open_tasks() as tasks:
        tasks.create_task(build())
        try:
            yield
        finally:
            stop.set()
