"""Who is struck: a plan's rules drawn in order, alike for one seed and one order of requests. Pure."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass

from trimtab.world.faults.kinds import PASSING, Fault, RepeatedReply, Stage, Wire, kind_of, reaches_node
from trimtab.world.faults.plan import FaultPlan, Rule


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault that strikes. `salt` decides what it still has to choose, so that the seed decides all."""

    fault: Fault
    salt: int = 0

    @property
    def kind(self) -> str:
        return kind_of(self.fault)


class _Count:
    """One rule's memory: how many requests it saw, how often it struck, its own dice."""

    def __init__(self, rule: Rule, number: int, seed: int | str) -> None:
        self.rule = rule
        self._rng = random.Random(f"{seed}/{number}/{kind_of(rule.fault)}")
        self._seen = 0
        self._struck = 0

    def draw(self, elapsed_seconds: float) -> Fired | None:
        """One request that is the rule's business."""
        rule = self.rule
        if elapsed_seconds < rule.after_seconds:
            return None
        if rule.until_seconds is not None and elapsed_seconds >= rule.until_seconds:
            return None
        self._seen += 1
        luck, salt = self._rng.random(), self._rng.getrandbits(32)
        turn = self._seen - rule.skip
        if turn <= 0 or self._struck == rule.limit or not _is_hit(rule, turn, luck):
            return None
        self._struck += 1
        return Fired(rule.fault, salt)


def _is_hit(rule: Rule, turn: int, luck: float) -> bool:
    if rule.probability is not None:
        return luck < rule.probability
    if rule.every is not None:
        return turn % rule.every == 0
    return rule.first is None or turn <= rule.first


class Draws:
    """The memory of all rules of a plan. A rule after the one that fires does not see the request."""

    def __init__(self, plan: FaultPlan, seed: int | str) -> None:
        self._counts = [_Count(rule, number, seed) for number, rule in enumerate(plan.rules)]
        self._found: dict[tuple[Stage, Wire, str], tuple[_Count, ...]] = {}

    def draw(
        self,
        stage: Stage,
        methods: Collection[str],
        elapsed_seconds: float,
        *,
        wire: Wire = Wire.HTTP,
        is_batch: bool = False,
    ) -> Fired | None:
        """The fault that strikes a message of these methods at this stage, or None."""
        for count in self._of(stage, wire, methods):
            if not is_batch and _needs_batch(count.rule.fault, wire):
                continue
            fired = count.draw(elapsed_seconds)
            if fired is not None:
                return fired
        return None

    def has(self, stage: Stage, methods: Collection[str], wire: Wire = Wire.HTTP) -> bool:
        """Whether any rule could strike at that stage."""
        return bool(self._of(stage, wire, methods))

    def _of(self, stage: Stage, wire: Wire, methods: Collection[str]) -> tuple[_Count, ...]:
        if len(methods) == 1:
            return self._of_method(stage, wire, next(iter(methods)))
        wanted = {id(count) for method in set(methods) for count in self._of_method(stage, wire, method)}
        return tuple(count for count in self._counts if id(count) in wanted)

    def _of_method(self, stage: Stage, wire: Wire, method: str) -> tuple[_Count, ...]:
        key = (stage, wire, method)
        if key not in self._found:
            self._found[key] = tuple(c for c in self._counts if _may_strike(c.rule, *key))
        return self._found[key]


def _needs_batch(fault: Fault, wire: Wire) -> bool:
    return fault.needs_batch or (wire is Wire.HTTP and isinstance(fault, RepeatedReply))


def _may_strike(rule: Rule, stage: Stage, wire: Wire, method: str) -> bool:
    """A handshake and a subscription pass through as they are, or are refused as a whole."""
    if method in PASSING and (stage is not Stage.MESSAGE or reaches_node(rule.fault)):
        return False
    return stage in rule.fault.stages and wire in rule.fault.wires and rule.strikes(method)
