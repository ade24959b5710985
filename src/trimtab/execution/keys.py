"""The keys of transactions and parts, derived from their order's: the same in every life."""

from __future__ import annotations

from trimtab.chain.hashing import keccak256
from trimtab.venues.base import ChainPlan


def part_key(key: str, number: int) -> str:
    """The key of a part, from 1 up, derived from its order's."""
    return f"{key}/part-{number}"


def tx_key(key: str, number: int) -> str:
    return f"{key}/{number}"


def step_key(key: str, plan: ChainPlan, number: int) -> str:
    """Names a step by its label, because its place in the plan changes when an approval is given already."""
    label = plan.labels[number]
    again = plan.labels[:number].count(label)
    digest = keccak256(label.encode()).hex()[:16]
    return f"{key}/{digest}" + (f"/{again}" if again else "")
