"""The searcher before a real builder: by fees in public, as a bundle by a relay, and blind to the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.world.searcher.conftest import ALICE, Ground

from trimtab.chain.client import Client
from trimtab.model.order import Side
from trimtab.tx.lanes import Lane
from trimtab.tx.routes import Parcel
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.relay import Ignored, Relay
from trimtab.world.searcher import End, Searcher, post_margin
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node


@async_fixture(scope="module", loop_scope="session")
async def market() -> AsyncIterator[World]:
    """A world whose blocks a builder can order. No fork: anvil loses what it fetched in a block that is taken
    back, and a builder takes trial blocks back."""
    async with World.open(WorldOptions(order="fifo")) as world:
        await world.deploy()
        await post_margin(world, world.accounts["searcher"], Decimal(400_000))
        await post_margin(world, ALICE, Decimal(400_000))
        yield world


@async_fixture(scope="function", loop_scope="session")
async def relay(market: World) -> AsyncIterator[Relay]:
    """One before it; what a test does is undone."""
    snapshot = await market.snapshot()
    async with Relay.open(market) as opened:
        yield opened
    await market.restore(snapshot)


@async_fixture(scope="function", loop_scope="session")
async def street(relay: Relay, market: World) -> AsyncIterator[Ground]:
    """Alice before the builder's public face."""
    async with Client.open(relay.public_url) as client:
        venue = PerpV2(client, market.perp)
        yield Ground(client, venue, relay.build, await client.nonce(ALICE.address))


@pytest.mark.parametrize("is_bundle", [False, True])
async def test_the_legs_land_by_fees_and_as_a_bundle(
    street: Ground, relay: Relay, market: World, *, is_bundle: bool
) -> None:
    """The builder orders by what is paid: the legs land round the victim in public, and as one bundle with
    the victim in the middle, and earn the same."""
    relay_url = relay.url if is_bundle else None
    account = market.accounts["searcher"]
    async with Searcher.open(relay.public_url, market.perp, account, relay_url=relay_url) as searcher:
        for side in (Side.BUY, Side.SELL):
            await street.order(side, 150)
            assert await searcher.look() is not None
            await street.mine()
            await searcher.settle()
        assert [entry.end for entry in searcher.books.entries] == [End.LANDED, End.LANDED]
        assert all(entry.profit == entry.expected for entry in searcher.books.entries)
        assert bool([r for r in relay.log if r.method == "eth_sendBundle"]) is is_bundle


async def test_what_is_not_public_is_not_seen(street: Ground, relay: Relay, market: World) -> None:
    """The same order through the relay: the searcher sees nothing before, and the order fills as quoted."""
    async with (
        Searcher.open(relay.public_url, market.perp, market.accounts["searcher"]) as searcher,
        PrivateTxRoute([relay.url]) as route,
    ):
        call, quote = await street.write(Side.BUY, 150)
        signed = await street.sign(call)
        head = await street.client.block_number()
        lane = {"lane": Lane.PRIVATE, "target": head + 1, "last_block": head + 5}
        parcel = Parcel((signed.raw,), (signed.tx_hash,), **lane)  # type: ignore[arg-type]
        for sending in route.send(parcel):
            await sending
        assert await searcher.look() is None
        await street.mine()
        assert (await street.fill(signed.tx_hash)).price == quote.price
        assert searcher.books.entries == []


async def test_a_bundle_that_was_not_in_is_aimed_anew(street: Ground, relay: Relay, market: World) -> None:
    """Somebody else makes the block that it was for, without it and its victim: for the one after that the
    attack is computed again, and lands; one attack is written down."""
    account = market.accounts["searcher"]
    async with Searcher.open(relay.public_url, market.perp, account, relay_url=relay.url) as searcher:
        await street.order(Side.BUY, 150)
        assert await searcher.look() is not None
        assert await searcher.look() is None  # one at a time
        async with relay.paused():
            await market.mine()
        assert await searcher.look() is not None
        await street.mine()
        await searcher.settle()
        assert [entry.end for entry in searcher.books.entries] == [End.LANDED]
        targets = [r.params[0]["blockNumber"] for r in relay.log if r.method == "eth_sendBundle"]
        assert int(targets[1], 16) == int(targets[0], 16) + 1


async def test_a_bundle_that_the_relay_forgets_is_missed(street: Ground, relay: Relay, market: World) -> None:
    """It says yes and does nothing: the victim fills as quoted, and the searcher, who lost nothing, knows."""
    relay.faults = FaultPlan((Rule(Ignored()),))
    account = market.accounts["searcher"]
    async with Searcher.open(relay.public_url, market.perp, account, relay_url=relay.url) as searcher:
        victim, quote = await street.order(Side.SELL, 150)
        assert await searcher.look() is not None
        await street.mine()
        await searcher.settle()
        assert (await street.fill(victim)).price == quote.price
        (entry,) = searcher.books.entries
        assert (entry.end, entry.gas_wei) == (End.MISSED, 0)
