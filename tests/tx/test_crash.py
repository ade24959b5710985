"""SIGKILL of a real process at every boundary of its journal and of its requests: each order is executed as
its end says, once or not at all, counted on the chain of a real node."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.tx.kills.boundaries import SEND, Hunt
from tests.tx.kills.campaign import Campaign, Run, Site
from tests.tx.kills.life import Work
from tests.tx.kills.orders import Role
from tests.tx.kills.proof import Sent, count_sent, read_sent
from tests.tx.kills.table import print_tally, write_tally

pytestmark = pytest.mark.node

KILLS, SOAK_KILLS = 60, 1_000
NEVER = Hunt()
OUT = Path(__file__).parents[2] / "out" / "kills.json"
COMMITS = ("before commit", "written, uncommitted", "after commit")
REQUESTS = ("before bytes of", "before the answer to", "after the answer to")
PLACES = frozenset(
    {(phase, point) for phase in ("opening", "recovery", "work") for point in REQUESTS}
    | {("work", point) for point in COMMITS}
    | {("closing", "before commit")}
)
"""Where somebody must die."""


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site.open(tmp_path) as opened:
        yield opened


async def test_every_order_ends_as_the_chain_says_wherever_the_process_dies(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kills before, in the middle of and after commits and requests, while opening, recovering, working and
    closing, and in recoveries of recoveries. Nothing is lost, nothing is doubled."""
    campaign = Campaign(site, seed=1, kills=KILLS, must=PLACES)
    tally = await campaign.run()
    print_tally(tally)
    assert not campaign.hunter.missing
    assert tally.kills >= KILLS
    assert tally.deepest >= 2
    assert tally.replaced > 0
    assert tally.cancels > 0


@pytest.mark.soak
async def test_a_thousand_kills_lose_nothing_and_double_nothing(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every kind of boundary that is not rare has killed a life, and every count on chain was right."""
    seed = 2
    tally = await Campaign(site, seed, SOAK_KILLS).run()
    write_tally(tally, seed, OUT)
    with capsys.disabled():
        print_tally(tally)
    assert tally.kills >= SOAK_KILLS
    often = {kind for kind, times in tally.met.items() if times >= 50}
    assert often <= tally.killed.keys(), often - tally.killed.keys()


async def test_recovery_alone_finishes_what_was_exposed(site: Site) -> None:
    """Killed between the commit and the first byte: nobody submits again, and the transaction is mined from
    the journal, the same bytes."""
    run = await _single(site, Role.PAY)
    report = await run.live(Hunt(prefix=f"work: before bytes of {SEND}"))
    assert report.killed
    assert await read_sent(site.client, run.account, run.first) == []
    await run.live(NEVER, Work.FINISH)
    (sent,) = await read_sent(site.client, run.account, run.first)
    assert (sent.tx_hash,) == report.hashes
    await run.check({run.orders[0].key: "succeeded"})


async def test_what_the_node_took_counts_though_its_yes_was_never_written(site: Site) -> None:
    """Killed between the node's answer and its record: who submits again gets the transaction that is out."""
    run = await _single(site, Role.PAY)
    report = await run.live(Hunt(prefix=f"work: after the answer to {SEND}"))
    assert report.killed
    async with asyncio.timeout(60):
        while not (  # noqa: ASYNC110 - nothing tells
            sent := await read_sent(site.client, run.account, run.first)
        ):
            await asyncio.sleep(0.01)
    assert (sent[0].tx_hash,) == report.sent
    report = await run.live(NEVER)
    await run.check(report.ends)


async def test_nothing_is_left_of_a_commit_that_did_not_end(site: Site) -> None:
    """Killed between the write and COMMIT: the next life finds a key that was never used, and a whole
    journal."""
    run = await _single(site, Role.PAY)
    report = await run.live(Hunt(prefix="work: written, uncommitted"))
    assert report.killed.endswith("attempt")
    report = await run.live(NEVER, Work.FINISH)
    assert report.ends == {run.orders[0].key: "refused"}
    assert await read_sent(site.client, run.account, run.first) == []
    await run.check((await run.live(NEVER)).ends)


async def test_the_count_finds_what_a_lost_journal_doubles(site: Site) -> None:
    """The same kill without the journal pays twice, and the count on chain says so: it can fail."""
    run = await _single(site, Role.PAY)
    await run.live(Hunt(prefix=f"work: after the answer to {SEND}"))
    for file in site.folder.glob(f"{run.path.name}*"):
        file.unlink()
    await run.live(NEVER)
    with pytest.raises(AssertionError, match="executed more than once"):
        count_sent(run.account, run.orders, await read_sent(site.client, run.account, run.first))


async def test_the_count_finds_what_nobody_wanted(site: Site) -> None:
    """A transaction of the account to anybody else is refused by the count."""
    run = await _single(site, Role.PAY)
    stray = Sent(0, "0x" + "11" * 32, "0x" + "22" * 20, 1)
    with pytest.raises(AssertionError, match="nobody wanted"):
        count_sent(run.account, run.orders, [stray])


async def _single(site: Site, role: Role) -> Run:
    """A run of one order."""
    run = Run(Campaign(site, seed=3, kills=0), 1)
    await run.prepare()
    run.orders = tuple(order for order in run.orders if order.role is role)[:1]
    return run
