"""A hedge through a door ends inside the policy's band on the chain itself, or does not happen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from tests.hooked import Ambush, buy, put_executor

from trimtab.errors import ConfigError
from trimtab.execution.doors import OwnCode
from trimtab.execution.executor import ExecutorOptions
from trimtab.hedging.book import PerpLeg
from trimtab.hedging.conditions import Watched, hedge_terms, watch_book
from trimtab.hedging.limits import HedgeLimits
from trimtab.hedging.policy import FixedBand, HedgeDecision, WhalleyWilmott
from trimtab.model.ids import ZERO_ADDRESS, Address
from trimtab.model.limits import Limits
from trimtab.model.order import OrderStatus
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

D = Decimal
OpenHedging = Callable[..., AbstractAsyncContextManager[Any]]
PROBE = Address("0x" + "11" * 20)
WATCHED = (Watched("perp_v2", PROBE, ZERO_ADDRESS), Watched("lyra/sETH", PROBE, ZERO_ADDRESS))


class Perps:
    """A venue's name is all that is asked of it here."""

    name = "perp_v2"


LEG = PerpLeg(Perps(), "vETH", ZERO_ADDRESS, "ETH")  # type: ignore[arg-type]


def terms(wanted: HedgeDecision, before: Any, size: Decimal | None = None, probed: str | None = None) -> Any:
    delta = before.delta if probed is None else D(probed)
    chosen = wanted.size if size is None else size
    return hedge_terms(wanted, before, chosen, delta, WATCHED, LEG, D("1.2"))


def test_the_band_on_chain_is_the_policys(make_exposure: Callable[..., Any]) -> None:
    """Moved by what the probes measure otherwise; every account of the book counts; the floor is of the
    hedging venue."""
    before = make_exposure("-3")
    wanted = FixedBand(D("0.5")).decide(before)
    (band,) = terms(wanted, before).bands
    assert (band.least, band.most) == (D("-0.5"), D("0.5"))
    assert band.holdings == (("perp_v2", ZERO_ADDRESS), ("lyra/sETH", ZERO_ADDRESS))
    (moved,) = terms(wanted, before, probed="-2.9").bands
    assert (moved.least, moved.most) == (D("-0.4"), D("0.6"))
    assert terms(wanted, before).min_health == {"perp_v2": D("1.2")}


def test_a_hedge_that_cannot_reach_the_band_is_held_to_its_aim(make_exposure: Callable[..., Any]) -> None:
    """One cut by limits, and one to the edge, may end a tenth of the half-width beyond what they aim at."""
    before = make_exposure("-3")
    wanted = FixedBand(D("0.5")).decide(before)
    (cut,) = terms(wanted, before, size=D(1)).bands
    assert (cut.least, cut.most) == (D("-2.05"), D("0.5"))
    edge = WhalleyWilmott(D("0.2"), D("0.002"), D("0.5"), D("0.5")).decide(before)
    (band,) = terms(edge, before).bands
    assert D("-0.55") < band.least < D("-0.5")


async def hooked(open_hedging: OpenHedging, world: Any, write_calls: Any) -> tuple[OwnCode, Any]:
    """Alice short five calls; her door, and what opens hedgers behind it."""
    async with open_hedging() as hedging:
        await write_calls(hedging.desk)
    door = await put_executor(world)
    alice = world.accounts["alice"].address
    limits = door.allow(Limits.of(PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)), alice)

    def opened(**kwargs: Any) -> Any:
        return open_hedging(options=ExecutorOptions(door=door), key_limits=limits, **kwargs)

    return door, opened


@pytest.mark.node
async def test_a_hedge_carries_its_conditions(
    open_hedging: OpenHedging, world: Any, write_calls: Any
) -> None:
    """One transaction with band, promised size and floor beside its limit price; the next look leaves it, and
    a restart finds it ended."""
    _, opened = await hooked(open_hedging, world, write_calls)
    async with opened(limits=HedgeLimits(min_health=D("1.1"))) as hedging:
        step = await hedging.hedger.step("open")
        assert step.report.status is OrderStatus.FILLED
        assert abs(await hedging.delta()) < D("0.1")
        words = " ".join(step.report.notes)
        for part in ("net delta of ETH", "health at perp_v2", "ends at a size of"):
            assert part in words
        assert "fees inside" not in words  # the order's own limit price is dearer to check twice
        assert not (await hedging.hedger.step("later")).wanted.is_hedge
    async with opened(dry_run=True) as hedging:
        await world.set_price("ETH", D(2150))
        looked = await hedging.hedger.step("dry")
        assert looked.report.is_dry_run
        assert looked.decision is None


@pytest.mark.node
async def test_a_position_that_moved_meanwhile_is_not_hedged_twice(
    open_hedging: OpenHedging, world: Any, write_calls: Any
) -> None:
    """A delegate's trade for the account lands before the hedge: it reverts, its end is told with numbers,
    and the next look hedges what is left."""
    alice, bob = (world.accounts[name].address for name in ("alice", "bob"))
    venue = PerpV2(world.client, world.perp)
    await world.transact("alice", venue.encode_delegation(bob, approve=True).calls[0])
    _, opened = await hooked(open_hedging, world, write_calls)
    routes: list[Ambush] = []

    def fault(route: Any) -> Ambush:
        routes.append(Ambush(route))
        return routes[-1]

    async with opened(fault=fault) as hedging:
        await hedging.hedger._executor._dispatcher.enter(alice)
        routes[0].trade = lambda: buy(world, "bob", D(2), trader=alice)
        failed = await hedging.hedger.step("first")
        assert failed.decision.ending.status == OrderStatus.REJECTED.value
        assert "is outside" in failed.decision.ending.text
        done = await hedging.hedger.step("second")
        assert done.report.status is OrderStatus.FILLED
        assert abs(await hedging.delta()) < D("0.1")


@pytest.mark.node
async def test_a_book_without_its_probes_does_not_start(open_hedging: OpenHedging, world: Any) -> None:
    """The setting that is missing is named, before anything is decided."""
    door = await put_executor(world)
    bare = replace(door, probes={"perp_v2": door.probes["perp_v2"]})
    async with open_hedging(options=ExecutorOptions(door=door)) as hedging:
        names = [one.name for one in watch_book(hedging.book, "ETH", door)]
    assert names == ["lyra/sETH", "perp_v2"]
    with pytest.raises(ConfigError, match="sETH at lyra needs a probe"):
        async with open_hedging(options=ExecutorOptions(door=bare)):
            pass
