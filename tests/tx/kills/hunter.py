"""Whom to kill next: a life at a boundary that no life ended at yet."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from tests.tx.kills.boundaries import Hunt, split_kind
from tests.tx.kills.nursery import BY_CLOCK, Report

Place = tuple[str, str]
"""A phase, and the point in it."""


@dataclass
class Tally:
    """What was met and what was killed, by boundary; `deepest` is the longest row of kills in recoveries,
    each of the one before."""

    met: Counter[str] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    runs: int = 0
    intents: int = 0
    executed: int = 0
    cancels: int = 0
    replaced: int = 0
    transactions: int = 0
    deepest: int = 0
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        return self.killed.total()


class Hunter:
    """Chooses boundaries by what the `tally` has. From `kills` kills on it goes for places that somebody
    `must` die at and nobody did; `usual` is how many boundaries a life meets that nobody kills."""

    def __init__(self, tally: Tally, draw: random.Random, kills: int, must: frozenset[Place]) -> None:
        self.tally = tally
        self.draw = draw
        self.usual = 0
        self._kills = kills
        self._must = must

    @property
    def missing(self) -> frozenset[Place]:
        """Places that it must reach, where nobody died yet."""
        return self._must - {split_kind(kind)[:2] for kind in self.tally.killed}

    def hunt(self, life: int) -> Hunt:
        """A kind of boundary that killed nobody yet, else any: at work most for a run's first life, in their
        recovery most for the later ones. If it does not come, a number ends the life."""
        draw, tally = self.draw, self.tally
        first, later = ("work", "work", "work", "closing", "opening"), ("opening", "recovery", "work")
        phase = draw.choice(later if life else first)
        wanted = sorted({place[0] for place in self.missing} & set(later if life else first))
        if wanted and tally.kills >= self._kills:
            phase = draw.choice(wanted)
        kinds = sorted(kind for kind in tally.met if kind.startswith(phase))
        fresh = [kind for kind in kinds if not tally.killed[kind]]
        died = {split_kind(kind)[:2] for kind in tally.killed}
        fresh = [kind for kind in fresh if split_kind(kind)[:2] not in died] or fresh
        longest = self.usual * 3 // 4 if life == 0 else self.usual // 3
        at = draw.randint(longest // 3, longest)
        if fresh and life:
            return Hunt(frozenset(kind for kind in fresh if draw.random() < 0.5), at=at)
        return Hunt(frozenset(draw.sample(fresh or kinds, k=min(len(kinds), 1))), at=at)

    def note(self, report: Report) -> None:
        self.tally.lives += 1
        self.tally.met.update(report.met)
        if report.killed:
            self.tally.killed[report.killed] += 1
            self.tally.met[report.killed] += report.killed == BY_CLOCK
