"""Private bytes stay private: relays that fail in every way, SIGKILL of a real process at every boundary of
its journal and of its requests, a chain with moods; and recorders before the public endpoints, which never
see them before the journal's word."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.tx.leaks.breaks import BREAKS
from tests.tx.leaks.campaign import LeakCampaign, LeakRun, Site
from tests.tx.leaks.orders import Order, Role, make_orders
from tests.tx.leaks.proof import Landed, check_bundles
from tests.tx.leaks.table import print_tally, write_tally
from tests.tx.leaks.weather import ALL_KINDS

pytestmark = pytest.mark.node

RUNS, SOAK_RUNS = 10, 500
TRIES = 20
OUT = Path(__file__).parents[2] / "out" / "leaks.json"
POINTS = ("before bytes of", "before the answer to", "after the answer to")
PLACES = frozenset({(phase, point) for phase in ("opening", "recovery", "work") for point in POINTS})
"""Where somebody must die, beside commits."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site.open(tmp_path) as opened:
        yield opened


async def test_no_public_endpoint_sees_private_bytes_before_the_journals_word(site: Site) -> None:
    """Nor is a bundle ever half executed, an order executed twice, or a nonce given back that was used."""
    tally = await LeakCampaign(site, seed=1, runs=RUNS, pace=0.03, kills=RUNS).run()
    print_tally(tally)
    assert tally.kills >= RUNS
    assert tally.private > RUNS
    assert tally.public > RUNS
    assert tally.leaks == 0


@pytest.mark.soak
async def test_five_hundred_runs_leak_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Every kind of fault struck, and somebody died at every place."""
    seed = 2
    campaign = LeakCampaign(site, seed, SOAK_RUNS, PLACES)
    tally = await campaign.run()
    write_tally(tally, seed, OUT)
    with capsys.disabled():
        print_tally(tally)
    assert not campaign.hunter.missing
    assert tally.faults.keys() >= ALL_KINDS
    assert min(tally.opened, tally.spilled, tally.freed, tally.bundles, tally.private) > 0
    often = {kind for kind, times in tally.met.items() if times >= 500}
    assert often <= tally.killed.keys(), often - tally.killed.keys()


async def test_the_proof_finds_a_route_that_leaks(site: Site) -> None:
    """The same, with a public route that takes what is private: the recorders see it, and say so."""
    with pytest.raises(AssertionError, match="is in public, and its lane is"):
        await LeakRun(LeakCampaign(site, 3, 0), 1, (Role.PRIVATE,), broken="the public route").through(0)


@pytest.mark.soak
@pytest.mark.parametrize("broken", BREAKS)
async def test_the_proof_finds_each_broken_guard(site: Site, broken: str) -> None:
    """The engine without one of them is caught within some runs, by the words that name it."""
    with pytest.raises(AssertionError, match=BREAKS[broken].words):
        await _try_with(LeakCampaign(site, seed=5, runs=0), broken)


def test_the_proof_finds_half_a_bundle() -> None:
    """Both steps in one block, one behind the other, are a whole one; anything else is half executed, unless
    others had made it public."""
    orders = make_orders(1, random.Random(1), 0, (Role.STOPPED,))[:2]
    first, second, later = (landed(orders[0], 7, 1), landed(orders[1], 7, 2), landed(orders[1], 8, 2))
    assert check_bundles(orders, [], set()) == (0, 0)
    assert check_bundles(orders, [first, second], set()) == (1, 0)
    for half in ([first], [second], [first, later]):
        with pytest.raises(AssertionError, match=r"stopped-0 is at"):
            check_bundles(orders, half, set())
        assert check_bundles(orders, half, {orders[1].key}) == (0, 1)


async def _try_with(campaign: LeakCampaign, broken: str) -> None:
    campaign.hunter.usual = 400
    for number in range(1, TRIES + 1):
        await LeakRun(campaign, number, BREAKS[broken].roles, broken=broken).through(depth=2)


def landed(order: Order, block: int, place: int) -> Landed:
    return Landed(0, "0x", order.target, 1, block, place, order.mark, is_success=True)
