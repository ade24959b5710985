"""Every registered route over a relay whose builder makes blocks: the suite, and what comes into one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import pytest
from tests.tx.routes.scripted import KEY, raws_of

from trimtab.chain.client import Client
from trimtab.errors import ConfigError
from trimtab.testing.route_conformance import Account, Reply, RouteConformance, RouteStage, sent
from trimtab.tx.lanes import Lane
from trimtab.tx.routes.auth import RelayIdentity
from trimtab.tx.routes.base import RelayState, Route, TellingRoute, WithdrawingRoute
from trimtab.tx.routes.bundle import BundleOptions, BundleRoute
from trimtab.tx.routes.mev_share import MevShareRoute
from trimtab.tx.routes.protect import ProtectOptions
from trimtab.tx.routes.registry import ROUTES
from trimtab.tx.routes.relay import RelayOptions as Manners
from trimtab.tx.routes.relay_route import RelayRoute
from trimtab.tx.signers import LocalSigner
from trimtab.tx.states import Outcome
from trimtab.world.faults.kinds import Disconnect, Fault, ServerError
from trimtab.world.faults.plan import FaultPlan, Rule
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.relay import BadStatus, Refused, Relay, Unanswered
from trimtab.world.relay.kinds import ASKED, TAKING

pytestmark = pytest.mark.node
SIGNER = LocalSigner.from_key(KEY)
FAULTS: dict[Reply, Fault] = {
    Reply.NO: Refused(message="insufficient funds for gas * price + value"),
    Reply.UNKNOWN: Refused(message="the moon is full"),
    Reply.TROUBLE: ServerError(),
    Reply.SILENCE: Unanswered(),
    Reply.CUT: Disconnect(),
}
PATHS = {"conditional": "/sequencer"}


@pytest.fixture(scope="module")
async def site() -> AsyncIterator[Relay]:
    """A relay that never makes a block: what it holds stays."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node, Relay.open(node) as relay:
        yield relay


@pytest.fixture(scope="module")
async def mine() -> AsyncIterator[Relay]:
    """One that makes a block when it is told."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node, Relay.open(node) as relay:
        yield relay


def opened(kind: str, relay: Relay, manners: Manners | None = None) -> RelayRoute:
    """A route of that kind to the relay."""
    options = ProtectOptions(status_url=relay.url) if kind == "protect" else None
    return ROUTES[kind].open([relay.url + PATHS.get(kind, "")], options=options, relay=manners)


async def account(relay: Relay) -> Account:
    """The account as the chain has it now."""
    async with Client.open(relay.public_url) as client:
        nonce = await client.nonce(SIGNER.address, "latest")
        return Account(SIGNER, 31337, nonce, await client.block_number() + 1)


@dataclass
class RelayStage:
    """A route over the relay, for the suite."""

    relay: Relay
    route: Route
    impatient: Route
    account: Account
    begun: int

    async def will(self, reply: Reply) -> None:
        fault = FAULTS.get(reply)
        if fault is None:
            self.relay.faults = FaultPlan()
        elif isinstance(fault, ServerError | Disconnect):
            self.relay.faults = FaultPlan((Rule(fault, methods=(*ASKED, "status")),))
        else:
            self.relay.faults = FaultPlan((Rule(fault),))

    async def arrived(self) -> Sequence[bytes]:
        asked = [one for one in self.relay.log[self.begun :] if one.method in TAKING]
        calls = [{"method": one.method, "params": one.params} for one in asked]
        return [bytes.fromhex(raw[2:]) for call in calls for raw in raws_of(call)]


@pytest.mark.parametrize("kind", sorted(ROUTES))
class TestConformance(RouteConformance):
    """The suite, over a relay that checks signatures, reads every field and fails by plan."""

    @pytest.fixture
    async def stage(self, kind: str, site: Relay) -> AsyncIterator[RouteStage]:
        await site.reset()
        site.faults = FaultPlan()
        async with AsyncExitStack() as stack:
            route = await stack.enter_async_context(opened(kind, site))
            impatient = await stack.enter_async_context(opened(kind, site, Manners(timeout=0.3)))
            yield RelayStage(site, route, impatient, await account(site), len(site.log))


@pytest.mark.parametrize("kind", sorted(ROUTES))
async def test_what_is_sent_comes_into_the_next_block(mine: Relay, kind: str) -> None:
    """Two transactions, sent again for the same block, are in it once and in their order; a status API says
    so afterwards."""
    await mine.reset()
    async with opened(kind, mine) as route:
        parcel = (await account(mine)).parcel(2, min(route.lanes))
        for _ in range(2):
            assert [one.outcome for one in await sent(route, parcel)] == [Outcome.ACCEPTED] * 2
        assert (await mine.build()).tx_hashes == parcel.hashes
        assert (await mine.build()).tx_hashes == ()
        if isinstance(route, TellingRoute):
            (status,) = await route.read_status(parcel.hashes[0])
            assert status.state is RelayState.INCLUDED
            mine.faults = FaultPlan((Rule(BadStatus(state="FAILED")),))
            (lie,) = await route.read_status(parcel.hashes[0])
            assert lie.state is RelayState.FAILED, "what it says is passed on as its word, and is no proof"
            mine.faults = FaultPlan()


@pytest.mark.parametrize("kind", ["private_tx", "bundle"])
async def test_what_is_withdrawn_is_in_no_block(mine: Relay, kind: str) -> None:
    """The relay heeds the key that sent it, and no other's wish to withdraw it."""
    await mine.reset()
    async with opened(kind, mine) as route, opened(kind, mine) as stranger:
        assert isinstance(route, WithdrawingRoute)
        assert isinstance(stranger, WithdrawingRoute)
        parcel = (await account(mine)).parcel(1, Lane.PRIVATE)
        await sent(route, parcel)
        await stranger.withdraw(parcel)
        assert (await mine.build()).tx_hashes == parcel.hashes
        parcel = (await account(mine)).parcel(1, Lane.PRIVATE)
        await sent(route, parcel)
        await route.withdraw(parcel)
        assert (await mine.build()).tx_hashes == ()


async def test_an_identity_outlives_its_route(mine: Relay) -> None:
    """What one life sent, the next one replaces and withdraws, when it was given the same key."""
    await mine.reset()
    key = "07" * 32
    parcel = (await account(mine)).parcel(1, Lane.PRIVATE)
    async with BundleRoute([mine.url], identity=RelayIdentity.from_hex(key)) as route:
        await sent(route, parcel)
    async with BundleRoute([mine.url], identity=RelayIdentity.from_hex(key)) as route:
        await route.withdraw(parcel)
    assert (await mine.build()).tx_hashes == ()


async def test_a_bundle_is_sent_anew_for_each_block(mine: Relay) -> None:
    """It is for one block only: not sent again, it is over; sent again under its name, with other bytes, the
    new ones are in the block and the old ones are not."""
    await mine.reset()
    async with BundleRoute([mine.url]) as route:
        parcel = (await account(mine)).parcel(2, Lane.BUNDLE)
        await sent(route, replace(parcel, target=parcel.target + 1))
        assert (await mine.build()).tx_hashes == (), "aimed one block further"
        bumped = (await account(mine)).parcel(1, Lane.BUNDLE)
        await sent(route, bumped)
        assert (await mine.build()).tx_hashes == bumped.hashes
        assert (await mine.build()).tx_hashes == ()


async def test_a_simulation_is_of_the_chain(mine: Relay) -> None:
    """One that goes through, by both methods; one whose nonce has a gap fails, and is not even sent with
    `simulate_first`."""
    await mine.reset()
    now = await account(mine)
    good, bad = now.parcel(2, Lane.BUNDLE), replace(now, nonce=now.nonce + 5).parcel(1, Lane.BUNDLE)
    options = BundleOptions(simulate_first=True)
    async with BundleRoute([mine.url], options=options) as route, MevShareRoute([mine.url]) as share:
        for one in (route, share):
            (fine,) = await one.simulate(good)
            assert fine.is_ok, fine
            assert fine.gas_used > 42_000
            (failed,) = await one.simulate(bad)
            assert not failed.is_ok
        assert [one.outcome for one in await sent(route, good)] == [Outcome.ACCEPTED] * 2
        before = len(mine.log)
        (answer,) = await sent(route, bad)
    assert answer.outcome is not Outcome.ACCEPTED
    assert [one.method for one in mine.log[before:]] == ["eth_callBundle"]


async def test_a_condition_that_does_not_hold(mine: Relay) -> None:
    """Past its deadline the sequencer refuses it for certain; before it, it is in the block."""
    await mine.reset()
    async with opened("conditional", mine) as route, Client.open(mine.public_url) as client:
        at = (await client.block("latest")).at
        parcel = (await account(mine)).parcel(1, Lane.PUBLIC)
        (late,) = await sent(route, replace(parcel, deadline=at - 1))
        assert late.outcome is Outcome.REJECTED, late
        (timely,) = await sent(route, replace(parcel, deadline=at + 3600))
        assert timely.outcome is Outcome.ACCEPTED, timely
    assert (await mine.build()).tx_hashes == parcel.hashes


async def test_an_authentication_refusal_is_a_no_of_that_relay_alone(mine: Relay) -> None:
    """Another relay beside it takes the bundle; the one that refused is asked again next time."""
    await mine.reset()
    mine.faults = FaultPlan((Rule(Refused(message="invalid flashbots signature"), first=1),))
    parcel = (await account(mine)).parcel(1, Lane.BUNDLE)
    async with BundleRoute([mine.url, mine.url + "/"]) as route:
        answers = [await sending for sending in route.send(parcel)]
        again = [await sending for sending in route.send(parcel)]
    assert [one.outcome for (one,) in answers] == [Outcome.REJECTED, Outcome.ACCEPTED]
    assert answers[0][0].send_class == "unauthorised"
    assert [one.outcome for (one,) in again] == [Outcome.ACCEPTED] * 2
    mine.faults = FaultPlan()


def test_a_kind_that_there_is_not() -> None:
    """Is not in the registry, and a WebSocket is no relay."""
    assert "timeboost" not in ROUTES
    with pytest.raises(ConfigError, match="http"):
        ROUTES["bundle"].open(["ws://127.0.0.1:1"])
