"""The MEV demo, end to end, through the real command line and by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from trimtab.demo.mev.options import MevOptions
from trimtab.demo.mev.play import play
from trimtab.demo.mev.run import Finished, Hedged, Opened, Shown
from trimtab.errors import ConfigError
from trimtab.report.mev_record import decode_mev_record

RunDemo = Callable[..., Awaitable[dict[str, Any]]]
D = Decimal
pytestmark = pytest.mark.node


def check_run(run: dict[str, Any], hedges: int) -> None:
    """What must hold for every seed: the searcher takes money in public and none in private, no private byte
    was public, and the worst that was told before sending bounds the loss within 5 %."""
    public, private, predicted = (D(run[f"{name}_loss"]) for name in ("public", "private", "predicted"))
    assert run["leaks"] == 0
    assert run["private_sandwiches"] == 0
    assert abs(private) < D("1e-9")
    assert run["sandwiches"] > 0
    assert D("0.95") * predicted <= public <= predicted
    assert len(run["hedges"]) == hedges
    for hedge in run["hedges"]:
        check_hedge(hedge)
    attacked = [hedge for hedge in run["hedges"] if hedge["public"]["attack"]]
    assert run["sandwiches"] == run["searcher"]["attacks"] == len(attacked)
    assert run["searcher"]["failures"] == 0
    assert D(run["searcher"]["profit"]) > 0
    for name in ("public", "private"):
        assert run["transactions"][name]["signed"] == hedges
    assert run["transactions"]["public"]["seen_in_public"] == hedges  # the recorder is not blind


def check_hedge(hedge: dict[str, Any]) -> None:
    """The bound holds for each; who was not sandwiched lost nothing, and nobody fills beyond the limit."""
    public, predicted = D(hedge["public"]["loss"]), D(hedge["predicted_loss"])
    sign = 1 if hedge["side"] == "buy" else -1
    assert 0 <= public <= predicted
    assert public >= D("0.95") * predicted
    assert abs(D(hedge["private"]["loss"])) < D("1e-9")
    assert (public > 0) is (hedge["public"]["attack"] == "landed")
    assert sign * (D(hedge["public"]["price"]) - D(hedge["limit_price"])) <= D("1e-9")
    assert hedge["private"]["price"] != hedge["public"]["price"] or not predicted


async def test_the_first_seed_shows_what_it_must(run_demo: RunDemo) -> None:
    """`trimtab demo mev --seed 1`: money in public, none in private, the bound within 5 %, small hedges left
    alone; the JSON is what the report reads, and the report is one page without a foreign address."""
    run = await run_demo("mev", "--seed", "1")
    check_run(run, 8)
    assert decode_mev_record(run).sandwiches == run["sandwiches"]
    assert 0 < run["sandwiches"] < 8
    assert "<html" in run["report"]
    assert 'src="http' not in run["report"]
    for told in ("Worst", "Sandwiches", "Leaks", "0 of 8 private transactions"):
        assert told in run["output"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(1, 11))
async def test_every_seed_holds(run_demo: RunDemo, seed: int) -> None:
    """Twenty hedges of each seed."""
    check_run(await run_demo("mev", "--seed", str(seed), "--hedges", "20"), 20)


async def test_the_worst_is_shown_before_the_hedge_is_sent(tmp_path: Path) -> None:
    """Both worlds, then each hedge's exposure, then its fills, then the sums; the journals stay in the folder
    and a second run in it is refused. A seed is its run: what the command told is told again."""
    options = MevOptions(seed=1, hedges=2, folder=tmp_path)
    events = [event async for event in _all(options)]
    assert [type(event) for event in events] == [Opened, Shown, Hedged, Shown, Hedged, Finished]
    assert all([await asyncio.to_thread((tmp_path / f"{name}.db").exists) for name in ("public", "private")])
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.predicted_loss >= finished.public_loss > 0 == finished.leaks
    with pytest.raises(ConfigError, match="journals of an older run"):
        [event async for event in _all(options)]


async def _all(options: MevOptions) -> Any:
    async with aclosing(play(options)) as events:
        async for event in events:
            yield event
