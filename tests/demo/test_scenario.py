"""The main job, end to end, through the real command line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from statistics import variance
from typing import Any

import pytest

from trimtab.chain.client import Client
from trimtab.demo.options import DemoOptions
from trimtab.demo.scenario import JOURNAL, make_prices, play
from trimtab.errors import ConfigError
from trimtab.report.record import decode_record
from trimtab.world.node import AnvilNode

RunDemo = Callable[..., Awaitable[dict[str, Any]]]
PARTS = {"delta", "gamma", "theta", "vega", "higher_order", "slippage", "funding", "trading_fees", "gas"}


def check_run(run: dict[str, Any], steps: int) -> None:
    """What must hold for every hedged run."""
    summary, band = run["summary"], run["band"]
    assert len(run["steps"]) == steps
    assert all(abs(step["delta_after"]) <= band for step in run["steps"])
    assert summary["max_abs_delta_after"] == max(abs(s["delta_after"]) for s in run["steps"])
    assert (summary["duplicate_hedges"], summary["orphans"]) == (0, 0)
    assert summary["hedges"] == sum(s["hedge"] is not None for s in run["steps"])
    assert summary["transactions"] == len({t["tx"] for t in run["transactions"]})
    check_profit(run)


def check_profit(run: dict[str, Any]) -> None:
    """The parts add up to the change of what the contracts show, added up here once more."""
    pnl = run["summary"]["pnl"]
    assert pnl.keys() == PARTS | {"total"}
    assert abs(sum(pnl[name] for name in PARTS) - pnl["total"]) < 1e-6
    change = sum(Decimal(a["end"]) - Decimal(a["start"]) for a in run["accounts"])
    assert abs(float(change) - pnl["total"]) <= 1e-4 * abs(float(change))
    assert abs(run["summary"]["unexplained"]) <= 1e-4 * abs(float(change))
    last = run["steps"][-1]["exact"]
    contracts = sum(Decimal(last[k]) for k in ("perp_equity", "option_value", "option_collateral"))
    contracts += Decimal(last["wallet"]["sUSD"]) + Decimal(last["wallet"]["USDC"])
    ends = {a["name"]: Decimal(a["end"]) for a in run["accounts"]}
    assert contracts == sum(ends.values()) - ends["Gas spent"]


def final(run: dict[str, Any]) -> dict[str, Any]:
    """Positions, accounts and wallet at the end, digit by digit."""
    exact: dict[str, Any] = run["steps"][-1]["exact"]
    return exact


def profits(run: dict[str, Any]) -> Sequence[float]:
    """Profit of each step after the opening."""
    return [b["pnl"]["total"] - a["pnl"]["total"] for a, b in pairwise(run["steps"])]


@pytest.mark.node
async def test_six_steps_hold_all_that_a_run_must(six_steps: dict[str, Any]) -> None:
    """Delta inside the band after each step, no duplicate, no orphan, every cent explained; the record is
    what the report reads, and the report is one page without a foreign address."""
    check_run(six_steps, 6)
    assert six_steps["summary"]["hedges"] >= 2
    assert decode_record(six_steps).summary.hedges == six_steps["summary"]["hedges"]
    assert "<html" in six_steps["report"]
    for step in six_steps["steps"]:
        if step["hedge"]:
            assert step["hedge"].keys() >= {"size", "price", "fee", "gas", "tx"}
            assert abs(step["delta_before"]) > six_steps["band"]
            assert step["delta_before"] * step["hedge"]["size"] < 0


@pytest.mark.node
async def test_a_kill_between_broadcast_and_receipt_changes_nothing(
    six_steps: dict[str, Any], run_demo: RunDemo
) -> None:
    """The hedger dies by SIGKILL right after hedge 2 was broadcast; it restarts, reconciles and goes on, and
    every account ends equal to the wei."""
    crashed = await run_demo("--steps", "6", "--seed", "2", "--crash-at", "2")
    assert crashed["summary"]["crashes"] == 1
    assert any("crash and restart" in (s["event"] or "") for s in crashed["steps"])
    check_run(crashed, 6)
    assert [s["exact"] for s in crashed["steps"]] == [s["exact"] for s in six_steps["steps"]]


@pytest.mark.node
async def test_the_unhedged_series_is_that_of_a_run_without_hedger(
    six_steps: dict[str, Any], run_demo: RunDemo
) -> None:
    """What the hedged run calls unhedged is, to the cent, what a run without hedger earns; it sends only what
    opens the book."""
    unhedged = await run_demo("--steps", "6", "--seed", "2", "--no-hedge")
    check_profit(unhedged)
    assert unhedged["summary"]["hedges"] == 0
    assert all(step["hedge"] is None for step in unhedged["steps"])
    for ours, alone in zip(six_steps["steps"], unhedged["steps"], strict=True):
        assert abs(ours["unhedged_pnl"] - alone["pnl"]["total"]) < 0.01


@pytest.mark.node
async def test_customers_move_volatility_and_vega_tells(six_steps: dict[str, Any], run_demo: RunDemo) -> None:
    """Customers move implied volatility at every step by a fraction of a point to two; without them it
    stands still. Vega and higher order explain what that did: the options of both runs are the same."""
    points = [step["iv"] * 100 for step in six_steps["steps"]]
    assert all(0.05 < abs(after - before) < 2 for before, after in pairwise(points))
    assert abs(six_steps["summary"]["pnl"]["vega"]) > 1
    still = await run_demo("--steps", "6", "--seed", "2", "--no-flow")
    check_run(still, 6)
    assert len({step["iv"] for step in still["steps"]}) == 1
    assert still["summary"]["pnl"]["vega"] == 0
    for moved, quiet in zip(six_steps["steps"], still["steps"], strict=True):
        assert moved["spot"] == quiet["spot"]


@pytest.mark.node
@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 21))
async def test_every_seed_holds(run_demo: RunDemo, seed: int) -> None:
    """Thirty steps with jumps hold all that a run must; without jumps the hedged book's variance is under a
    quarter of the unhedged one's, in two runs of one path."""
    check_run(await run_demo("--seed", str(seed)), 30)
    hedged = await run_demo("--seed", str(seed), "--path", "gbm")
    unhedged = await run_demo("--seed", str(seed), "--path", "gbm", "--no-hedge")
    check_run(hedged, 30)
    assert variance(profits(hedged)) < 0.25 * variance(profits(unhedged))


@pytest.mark.node
@pytest.mark.soak
async def test_every_crash_point_ends_the_same(run_demo: RunDemo) -> None:
    """Ten steps with a band so narrow that each trades, killed at each hedge in turn: the same final
    positions as without a crash, and a crash every time."""
    words = ("--steps", "10", "--seed", "3", "--band", "0.01")
    whole = await run_demo(*words)
    assert whole["summary"]["hedges"] == 10
    for hedge in range(1, 11):
        crashed = await run_demo(*words, "--crash-at", str(hedge))
        assert crashed["summary"]["crashes"] == 1
        check_run(crashed, 10)
        assert final(crashed) == final(whole)


@pytest.mark.node
@pytest.mark.soak
async def test_whalley_wilmott_holds_its_own_band(run_demo: RunDemo) -> None:
    """With the width that gamma and cost give, every step ends inside that step's band."""
    run = await run_demo("--policy", "ww")
    check_run(run, 30)
    assert all(abs(step["delta_after"]) <= step["band"] for step in run["steps"])
    assert len({step["band"] for step in run["steps"]}) > 1


@pytest.mark.node
@pytest.mark.soak
async def test_a_fork_of_the_users_node_does_the_same_job(run_demo: RunDemo, anvil: AnvilNode) -> None:
    """The protocols are deployed onto a fork of the node that is named, which stays as it was."""
    run = await run_demo("--steps", "3", "--fork-url", anvil.url)
    check_run(run, 3)
    async with Client.open(anvil.url) as upstream:
        assert await upstream.block_number() == 0


@pytest.mark.soak
async def test_the_engine_without_a_binary_does_the_same_job(run_demo: RunDemo) -> None:
    """py-evm in place of anvil, with a crash: slower, and all that a run must holds."""
    run = await run_demo("--steps", "2", "--engine", "py-evm", "--crash-at", "2")
    assert run["summary"]["crashes"] == 1
    check_run(run, 2)


def test_a_history_is_scaled_to_the_opening_price(tmp_path: Path) -> None:
    """A CSV path keeps its returns; one that is too short is refused with what it holds."""
    file = tmp_path / "history.csv"
    file.write_text("time,price\n0,100\n3600,110\n7200,99\n")
    options = DemoOptions(path=str(file), steps=3)
    assert make_prices(options, Decimal(2000)) == [Decimal(2000), Decimal(2200), Decimal(1980)]
    with pytest.raises(ConfigError, match="3 steps of 3600 s, 4 asked"):
        make_prices(DemoOptions(path=str(file), steps=4), Decimal(2000))


@pytest.mark.parametrize("name", ["gbm", "gbm-jumps"])
def test_a_seed_is_a_path(name: str) -> None:
    """The same seed gives the same prices from the same start, another seed others."""
    first = make_prices(DemoOptions(path=name, seed=5), Decimal(2000))
    assert first == make_prices(DemoOptions(path=name, seed=5), Decimal(2000))
    assert first != make_prices(DemoOptions(path=name, seed=6), Decimal(2000))
    assert (len(first), first[0]) == (30, Decimal(2000))


async def test_a_folder_with_an_older_run_is_refused(tmp_path: Path) -> None:
    """Its journal would answer for another chain; nothing is started."""
    (tmp_path / JOURNAL).touch()
    async with aclosing(play(DemoOptions(folder=tmp_path))) as events:
        with pytest.raises(ConfigError, match="holds the journal of an older run"):
            await anext(events)
