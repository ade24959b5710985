"""The run: two worlds of one state, the same hedges in both, in public here and in private there."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from pathlib import Path

from trimtab.demo.mev.hedges import draw_hedges
from trimtab.demo.mev.options import MevOptions
from trimtab.demo.mev.run import PRIVATE, PUBLIC, Event, Finished, Hedged, Opened, Shown
from trimtab.demo.mev.track import Track
from trimtab.errors import ConfigError, HaltError
from trimtab.model.order import PerpIntent
from trimtab.tx import RoutePolicy
from trimtab.world.searcher import post_margin
from trimtab.world.world import World, WorldOptions

SEARCHER_MARGIN = Decimal(2_000_000)
"""Enough for the best attack on the largest hedge, so that what it takes is the worst case."""
QUIET_BLOCKS = 20
"""Empty ones before the first hedge, until fees are low: the exposure counts the attacker's gas at its least,
and where gas is dear some orders count as exposed that are not worth a real attacker's gas."""
ROUTES = {PUBLIC: RoutePolicy.public(), PRIVATE: RoutePolicy.private()}


async def play(options: MevOptions) -> AsyncGenerator[Event, None]:
    """Run the demo: `Opened`; for each hedge `Shown` before it is sent, then `Hedged`; then `Finished`.

    Iterate it inside `contextlib.aclosing`: everything that was started is stopped when that ends. Raises
    what the rooms that it uses raise.
    """
    started = time.monotonic()
    with _folder(options.folder) as folder:
        async with _open_tracks(options, folder) as (public, private, opened):
            yield opened
            hedges: list[Hedged] = []
            for number, intent in enumerate(draw_hedges(options), 1):
                quote, exposure = await public.show(intent)
                shown = Shown(number, quote, exposure)
                yield shown
                hedges.append(await _hedge(shown, intent, public, private))
                yield hedges[-1]
            counts = {PUBLIC: public.count(), PRIVATE: private.count()}
            yield Finished(
                options,
                opened,
                hedges,
                await public.read_hunt(),
                await private.read_hunt(),
                {name: signed for name, (signed, _) in counts.items()},
                {name: seen for name, (_, seen) in counts.items()},
                time.monotonic() - started,
            )


async def _hedge(shown: Shown, intent: PerpIntent, public: Track, private: Track) -> Hedged:
    """Each route has a quote of its own: the sandwiches before left a wei here and there in the public
    pool."""
    key = f"hedge/{shown.number}"
    own_quote, _ = await private.show(intent)
    in_public, in_private = await asyncio.gather(
        public.hedge(shown.quote, key=key), private.hedge(own_quote, key=key)
    )
    return Hedged(shown, in_public, in_private)


@asynccontextmanager
async def _open_tracks(options: MevOptions, folder: Path) -> AsyncIterator[tuple[Track, Track, Opened]]:
    """Both worlds, each deployed for itself: the same transactions at the same times give the same state, and
    that is checked."""
    clock = time.monotonic()
    async with AsyncExitStack() as stack:
        worlds = [await stack.enter_async_context(World.open(WorldOptions(order="fifo"))) for _ in ROUTES]
        await asyncio.gather(*(_prepare(world, options) for world in worlds))
        roots = [await _state_root(world) for world in worlds]
        if len(set(roots)) > 1:
            raise HaltError(f"the two worlds began on different states, {' and '.join(roots)}")
        seconds = {"worlds": time.monotonic() - clock}
        clock = time.monotonic()
        public, private = [
            await stack.enter_async_context(Track.open(world, policy, folder / f"{name}.db"))
            for world, (name, policy) in zip(worlds, ROUTES.items(), strict=True)
        ]
        seconds["engines"] = time.monotonic() - clock
        yield public, private, Opened(seconds, roots[0])


async def _prepare(world: World, options: MevOptions) -> None:
    await world.deploy()
    await post_margin(world, world.accounts["trader"], options.margin)
    await post_margin(world, world.accounts["searcher"], SEARCHER_MARGIN)
    await world.mine(QUIET_BLOCKS)


async def _state_root(world: World) -> str:
    block = await world.client.request("eth_getBlockByNumber", ["latest", False])
    return str(block["stateRoot"])


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    """Where the journals are: a given folder is kept, else one that goes with the run. `ConfigError` when it
    holds an older run: its journals are of other chains."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="trimtab-mev-") as name:
            yield Path(name)
        return
    if any((given / f"{name}.db").exists() for name in ROUTES):
        raise ConfigError(f"{given} holds the journals of an older run: name another folder", key="folder")
    given.mkdir(parents=True, exist_ok=True)
    yield given
