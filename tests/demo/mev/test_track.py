"""One run of its own: what its recorder counts, and that the searcher and the builder have their turn."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from trimtab.chain.client import Client
from trimtab.demo.mev.track import Track
from trimtab.model.order import PerpIntent, Side
from trimtab.tx.lanes import RoutePolicy
from trimtab.world.searcher import End, post_margin
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node
D = Decimal


async def test_a_leak_is_counted_and_a_public_order_is_prey(tmp_path: Path) -> None:
    """A private hedge fills as quoted and the recorder has not seen it; handed to the public endpoint it has.
    On the same world a public one is sandwiched, and loses what its exposure told."""
    async with World.open(WorldOptions(order="fifo")) as world:
        await world.deploy()
        for name in ("trader", "searcher"):
            await post_margin(world, world.accounts[name], D(500_000))
        async with Track.open(world, RoutePolicy.private(), tmp_path / "private.db") as track:
            quote, exposure = await track.show(PerpIntent("vETH", Side.BUY, size=D(150)))
            assert exposure.victim_loss > 0
            leg = await track.hedge(quote, key="hedge/1")
            assert (leg.loss, leg.attack, leg.price) == (D(0), None, quote.price)
            assert track.count() == (1, 0)
            (raw,) = track.signed()
            async with Client.open(track.recorder.url) as everybody:
                with pytest.raises(Exception, match="nonce"):
                    await everybody.request("eth_sendRawTransaction", ["0x" + raw.hex()])
            assert track.count() == (1, 1)
        async with Track.open(world, RoutePolicy.public(), tmp_path / "public.db") as track:
            quote, exposure = await track.show(PerpIntent("vETH", Side.SELL, size=D(150)))
            leg = await track.hedge(quote, key="hedge/1")
            assert leg.attack is not None
            assert leg.attack.end is End.LANDED
            assert D("0.95") * exposure.victim_loss <= leg.loss <= exposure.victim_loss
            assert track.count() == (1, 1)
            hunt = await track.read_hunt()
            assert (hunt.attacks, hunt.landed, hunt.profit) == (1, 1, leg.attack.profit)
            assert 0 < hunt.gas < hunt.fees
