"""Everything goes wrong at once: the engine's word for each wish is what the chain shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.storm.count import Mined, count_mined
from tests.storm.storm import Storm, StormOptions, StormResult
from tests.storm.wishes import AMPLE_WEI, Mood, make_wishes

from trimtab.model.ids import Address

pytestmark = pytest.mark.node
SMALL = StormOptions(transactions=100, kills=3, reorgs=2, pool_drops=1, block_seconds=0.1, patience=200.0)
ACCOUNT = Address("0x" + "aa" * 20)


async def _survive(options: StormOptions, folder: Path) -> StormResult:
    async with Storm.open(options, folder) as storm:
        result = await storm.run()
    assert result.is_survived, json.dumps(result.record(), indent=1) + str(result.count)
    return result


async def test_a_small_storm_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """A hundred wishes, three kills, two reorgs and lying endpoints: all end as the chain says."""
    result = await _survive(SMALL, tmp_path)
    record = result.record()
    assert record["submitted"] == record["terminal"] == 100
    assert record["duplicates"] == record["lost"] == record["over_budget"] == 0
    assert (record["reorgs"], record["kills"]) == (2, 3)
    assert record["faults_injected"] > 100
    assert record["executed_on_chain"] > 70


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 7))
async def test_storms_of_other_seeds_are_survived(tmp_path: Path, seed: int) -> None:
    """Four hundred wishes each, with eight kills."""
    await _survive(StormOptions(seed=seed, transactions=400, kills=8), tmp_path)


def test_the_count_sees_what_is_wrong() -> None:
    """A wish paid twice, one said to be done and not there, one there and not said, one too dear, a stray."""
    wishes = [wish for wish in make_wishes(40, 1) if wish.mood is Mood.PLAIN][:4]
    doubled, absent, unsaid, dear = wishes

    def paid(nonce: int, to: str, cost: int = 1) -> Mined:
        return Mined(nonce, f"0x{nonce:064x}", to, 1, cost)

    mined = [
        paid(0, doubled.payee),
        paid(1, doubled.payee),
        paid(2, unsaid.payee),
        paid(3, dear.payee, AMPLE_WEI + 1),
        paid(5, "0x" + "bb" * 20),
    ]
    ends = {doubled.key: "succeeded", absent.key: "succeeded", unsaid.key: "refused", dear.key: "succeeded"}
    count = count_mined(ACCOUNT, wishes, mined, ends, cancel_wei=1)
    assert count.duplicates == [doubled.key]
    assert absent.key in count.lost
    assert count.unsaid == [unsaid.key]
    assert count.over_budget == [dear.key]
    assert count.strays == [mined[-1].tx_hash]
    assert not count.is_contiguous
    assert not count.is_clean
