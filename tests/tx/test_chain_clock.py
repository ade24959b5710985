"""Deadlines are judged by the chain's time, not by the machine's."""

from __future__ import annotations

from trimtab.runtime import ManualClock
from trimtab.tx.chain_clock import ChainClock


def test_time_goes_on_between_blocks() -> None:
    """The last head's timestamp plus the time since it came."""
    clock = ManualClock(5_000.0)
    chain = ChainClock(clock)
    assert chain.now() == 5_000
    chain.take_head(100)
    clock.advance(7)
    assert chain.now() == 107


def test_a_wall_clock_that_jumps_does_not_matter() -> None:
    """An hour forward by NTP expires nothing."""
    clock = ManualClock(5_000.0)
    chain = ChainClock(clock)
    chain.take_head(5_000)
    clock.jump(3_600)
    assert chain.now() == 5_000


def test_a_warped_chain_keeps_its_own_time() -> None:
    """A fork that was moved a month ahead is a month ahead."""
    chain = ChainClock(ManualClock(5_000.0))
    chain.take_head(5_000)
    chain.take_head(2_500_000)
    assert chain.now() == 2_500_000


def test_time_does_not_run_backwards() -> None:
    """A head that is behind our estimate (slow blocks, a lagging node, a reorg) changes nothing."""
    clock = ManualClock(0.0)
    chain = ChainClock(clock)
    chain.take_head(100)
    clock.advance(30)
    chain.take_head(112)
    assert chain.now() == 130
