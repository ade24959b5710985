"""Exposed orders by private routes, on a chain whose blocks a builder makes behind a relay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.chain.client import Client
from trimtab.cli.output import to_plain
from trimtab.errors import ConfigError, NonceConflictError, RpcTimeoutError
from trimtab.execution import outcomes
from trimtab.execution.executor import Executor, ExecutorOptions
from trimtab.journal import Journal
from trimtab.model.exposure_rule import ExposureAction
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus, PerpIntent, Side, TxStatus
from trimtab.tx import RoutePolicy, Sender, SenderOptions, TxPolicy
from trimtab.tx.routes import PublicRoute, Route
from trimtab.tx.routes.private_tx import PrivateTxRoute
from trimtab.tx.signers import LocalSigner
from trimtab.venues.perp_v2 import PerpV2
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.relay import Ignored, Relay, RelayOptions
from trimtab.world.world import World, WorldOptions

pytestmark = pytest.mark.node
D = Decimal
BIG = PerpIntent("vETH", Side.BUY, size=D(60))
OPTIONS = ExecutorOptions(private=RoutePolicy.private(20))


@dataclass(frozen=True)
class Place:
    """A world, and the relay before its node."""

    world: World
    relay: Relay


@dataclass(frozen=True)
class Hidden:
    """A desk with a private route."""

    relay: Relay
    client: Client
    sender: Sender
    executor: Executor
    perp: PerpV2

    async def buy(self, intent: PerpIntent = BIG, **chosen: Any) -> Any:
        return await self.executor.execute_perp(self.perp, self.sender.address, intent, key="buy", **chosen)

    def sent_in_public(self) -> int:
        """How many transactions were sent to the public node since the margin was posted."""
        return sum(item.method == "eth_sendRawTransaction" for item in self.relay.public_log)


@async_fixture
async def place() -> AsyncIterator[Place]:
    """A market behind a relay that makes a block every tenth of a second."""
    async with World.open(WorldOptions(order="fifo")) as world:
        await world.deploy()
        async with Relay.open(world, RelayOptions(block_seconds=0.1)) as relay:
            yield Place(world, relay)


@asynccontextmanager
async def _desk(place: Place, folder: Path) -> AsyncIterator[Hidden]:
    world, relay = place.world, place.relay
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        client = await enter(Client.open(relay.public_url))
        perp = PerpV2(client, world.perp)
        private = await enter(PrivateTxRoute([relay.url]))
        journal = stack.enter_context(Journal.open(folder / "journal.db"))
        sender_options = SenderOptions(
            limits=Limits.of(perp), policy=TxPolicy(drop_margin=1), poll_interval=0.1
        )
        signer = LocalSigner.from_key(world.accounts["alice"].key)
        routes: list[Route] = [PublicRoute(client), private]
        sender = await enter(Sender.open(client, signer, journal, sender_options, routes))
        executor = Executor(sender, client, OPTIONS)
        if not (await perp.read_margin(sender.address)).equity:
            plan = await perp.encode_deposit(sender.address, "USDC", D(50_000))
            await executor.execute_plan(perp, sender.address, plan, key="deposit")
        relay.public_log.clear()
        yield Hidden(relay, client, sender, executor, perp)


async def test_an_exposed_order_goes_private_and_no_other(place: Place, tmp_path: Path) -> None:
    """With a private route and no rule, what a sandwich could earn on is seen by the relay alone; what is
    not exposed is public as ever. The report has the lane."""
    async with _desk(place, tmp_path) as desk:
        report = await desk.buy()
        assert (report.status, report.verdict.action) == (OrderStatus.FILLED, ExposureAction.PRIVATE)
        assert (report.transactions[0].lane, desk.sent_in_public()) == ("private", 0)
        small = await desk.executor.execute_perp(
            desk.perp, desk.sender.address, PerpIntent("vETH", Side.SELL, size=D(1)), key="small"
        )
        assert small.verdict is not None
        assert (small.status, small.verdict.action) == (OrderStatus.FILLED, None)
        assert (small.transactions[0].lane, desk.sent_in_public()) == ("public", 1)


async def test_the_callers_word_counts(place: Place, tmp_path: Path) -> None:
    """Public is public, though it is exposed, and private is private, though it is not."""
    async with _desk(place, tmp_path) as desk:
        report = await desk.buy(route=RoutePolicy.public())
        assert (report.status, report.transactions[0].lane) == (OrderStatus.FILLED, "public")
        assert desk.sent_in_public() == 1
        hidden = await desk.executor.execute_perp(
            desk.perp,
            desk.sender.address,
            PerpIntent("vETH", Side.SELL, size=D(1)),
            key="small",
            route=RoutePolicy.private(100),
        )
        assert (hidden.status, hidden.transactions[0].lane) == (OrderStatus.FILLED, "private")
        assert desk.sent_in_public() == 1


async def test_what_relays_drop_expires_and_is_sent_again_under_its_key(place: Place, tmp_path: Path) -> None:
    """The relay says yes and does nothing: past the window the order is EXPIRED and nothing of it was public.
    The same order under the same key is the same transaction, also after a restart and with another price;
    another order is refused."""
    async with _desk(place, tmp_path) as desk:
        place.relay.faults = FaultPlan((Rule(Ignored()),))
        report = await desk.buy()
        assert (report.status, report.transactions[0].status) == (OrderStatus.EXPIRED, TxStatus.DROPPED)
        assert "its private window ended with block" in report.reason
        assert "under the same key is sent again" in report.reason
        assert not desk.executor.knows("buy")
        first = report.transactions[0]
    async with place.relay.paused():
        await place.world.set_prices({"ETH": D("2001")})
    async with _desk(place, tmp_path) as desk:
        place.relay.faults = FaultPlan()
        with pytest.raises(NonceConflictError):
            await desk.buy(replace(BIG, size=D(61)), route=RoutePolicy.public())
        again = await desk.buy()
        assert (again.status, again.filled_size) == (OrderStatus.FILLED, D(60))
        assert again.transactions[0].nonce == first.nonce
        assert again.transactions[0].lane == "private"
        assert desk.sent_in_public() == 0


async def test_a_node_that_goes_silent_leaves_the_order_unknown(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How far the window is cannot be read, and something left: UNKNOWN, never an error that looks like
    nothing was sent. Later the same key tells the fill."""

    async def silent(*_: Any) -> Any:
        raise RpcTimeoutError("no answer")

    async with _desk(place, tmp_path) as desk:
        monkeypatch.setattr(outcomes, "_read_window", silent)
        report = await desk.buy()
        assert report.status is OrderStatus.UNKNOWN
        monkeypatch.undo()
        again = await desk.buy()
        assert (again.status, again.filled_size) == (OrderStatus.FILLED, D(60))


async def test_without_a_private_route_nothing_becomes_public(place: Place, tmp_path: Path) -> None:
    """Options that say private where the sender has no such route: refused, and nothing was sent."""
    async with _desk(place, tmp_path) as desk:
        signer = LocalSigner.from_key(place.world.accounts["bob"].key)
        options = SenderOptions(limits=Limits.of(desk.perp))
        with Journal.open(tmp_path / "other.db") as journal:
            async with Sender.open(desk.client, signer, journal, options) as bare:
                plan = await desk.perp.encode_deposit(bare.address, "USDC", D(50_000))
                executor = Executor(bare, desk.client, OPTIONS)
                await executor.execute_plan(desk.perp, bare.address, plan, key="deposit")
                nonce, sent = await desk.client.nonce(bare.address, "pending"), desk.sent_in_public()
                with pytest.raises(ConfigError, match="no private route"):
                    await executor.execute_perp(desk.perp, bare.address, BIG, key="buy")
        assert await desk.client.nonce(bare.address, "pending") == nonce
        assert desk.sent_in_public() == sent


async def test_the_report_says_how_far_a_private_order_went_from_its_rehearsal(
    place: Place, tmp_path: Path
) -> None:
    """Its bytes were rehearsed before they left. Foreseen and done stand side by side, in JSON too; the
    public one beside it was not rehearsed, and has no such part."""
    async with _desk(place, tmp_path) as desk:
        report = await desk.buy()
        small = PerpIntent("vETH", Side.SELL, size=D(1))
        public = await desk.executor.execute_perp(desk.perp, desk.sender.address, small, key="small")
    (drift,), (tx,), (fill,) = report.drifts, report.transactions, report.fills
    assert (drift.tx_hash, drift.method, drift.is_complete) == (tx.tx_hash, "eth_simulateV1", True)
    assert (drift.was_ok, drift.is_ok, drift.block.actual) == (True, True, tx.block)
    assert (drift.gas_used.actual, drift.fee_wei.actual) == (tx.gas_used, tx.fee_wei)
    (of_fill,) = drift.fills
    assert (of_fill.size.foreseen, of_fill.size.actual) == (fill.size, fill.size)
    assert (of_fill.price.foreseen, of_fill.price.actual, drift.price_bps) == (fill.price, fill.price, 0)
    assert drift.native.difference == -drift.fee_wei.difference
    assert to_plain(report)["drifts"][0]["fills"][0]["price_bps"] == "0"
    assert (public.status, public.drifts) == (OrderStatus.FILLED, ())
