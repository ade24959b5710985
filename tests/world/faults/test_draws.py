"""Who is struck: counted and drawn, alike for one seed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.draws import Draws, Fired
from trimtab.world.faults.kinds import (
    Disconnect,
    HtmlBody,
    NullLie,
    RateLimited,
    RepeatedReply,
    ShuffledBatch,
    Silence,
    Stage,
    Wire,
)

CALL = ("eth_call",)


def struck(rule: Rule, times: int, seconds: float = 0.0) -> list[int]:
    draws = Draws(FaultPlan((rule,)), 0)
    return [n for n in range(times) if draws.draw(Stage.MESSAGE, CALL, seconds * n)]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"every": 2}, [1, 3, 5]),
        ({"first": 2}, [0, 1]),
        ({"skip": 2}, [2, 3, 4, 5]),
        ({"skip": 2, "first": 1}, [2]),
        ({"skip": 1, "every": 2}, [2, 4]),
        ({"limit": 3}, [0, 1, 2]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0, "limit": 1}, [0]),
        ({"after_seconds": 3.0}, [3, 4, 5]),
        ({"after_seconds": 1.0, "until_seconds": 3.0, "first": 9}, [1, 2]),
    ],
)
def test_how_often(how: dict[str, Any], expected: list[int]) -> None:
    """One request a second: always, every nth, the first, after some, up to a limit, within a time."""
    assert struck(Rule(HtmlBody(), **how), 6, seconds=1.0) == expected


@given(st.floats(0.05, 0.95), st.integers())
def test_a_probability_is_one(probability: float, seed: int) -> None:
    """Over many requests about so many are struck, for any seed."""
    draws = Draws(FaultPlan((Rule(HtmlBody(), probability=probability),)), seed)
    hits = sum(draws.draw(Stage.MESSAGE, CALL, 0.0) is not None for _ in range(2000))
    assert abs(hits / 2000 - probability) < 0.08


@given(st.lists(st.sampled_from(["eth_call", "eth_chainId", "anvil_mine"]), max_size=30), st.integers())
def test_one_seed_and_one_order_give_the_same(methods: list[str], seed: int) -> None:
    """Also what a fault still has to choose."""
    plan = FaultPlan((Rule(HtmlBody(), probability=0.3), Rule(Disconnect(), probability=0.5)))
    runs: list[list[Fired | None]] = []
    for _ in range(2):
        draws = Draws(plan, seed)
        runs.append([draws.draw(Stage.MESSAGE, (method,), 0.0) for method in methods])
    assert runs[0] == runs[1]


def test_the_first_rule_that_fires_wins() -> None:
    """The one after it does not see the request."""
    draws = Draws(FaultPlan((Rule(HtmlBody(), first=2), Rule(Disconnect(), first=1))), 0)
    kinds = [fired and fired.kind for fired in (draws.draw(Stage.MESSAGE, CALL, 0.0) for _ in range(4))]
    assert kinds == ["html_body", "html_body", "disconnect", None]


def test_a_rule_more_does_not_change_what_another_draws() -> None:
    """Each has dice of its own."""
    alone = Draws(FaultPlan((Rule(HtmlBody(), probability=0.5),)), 3)
    beside = Draws(FaultPlan((Rule(HtmlBody(), probability=0.5), Rule(NullLie(), probability=0.5))), 3)
    for _ in range(50):
        beside.draw(Stage.ANSWER, CALL, 0.0)
        assert alone.draw(Stage.MESSAGE, CALL, 0.0) == beside.draw(Stage.MESSAGE, CALL, 0.0)


def test_what_only_batches_and_only_lines_can_have() -> None:
    """A batch's fault spares single requests, a repeated reply needs a batch over HTTP, silence a line."""
    draws = Draws(FaultPlan((Rule(ShuffledBatch()),)), 0)
    assert draws.draw(Stage.MESSAGE, CALL, 0.0) is None
    assert draws.draw(Stage.MESSAGE, CALL * 2, 0.0, is_batch=True) is not None
    draws = Draws(FaultPlan((Rule(RepeatedReply()),)), 0)
    assert draws.draw(Stage.MESSAGE, CALL, 0.0) is None
    assert draws.draw(Stage.MESSAGE, CALL, 0.0, wire=Wire.WEBSOCKET) is not None
    draws = Draws(FaultPlan((Rule(Silence()),)), 0)
    assert not draws.has(Stage.MESSAGE, CALL, Wire.HTTP)
    assert draws.has(Stage.MESSAGE, CALL, Wire.WEBSOCKET)


def test_a_batch_is_struck_when_one_of_its_requests_is_meant() -> None:
    """Once, whatever the number of those requests."""
    draws = Draws(FaultPlan((Rule(HtmlBody(), methods=("sends",), first=1),)), 0)
    mixed = ("eth_call", "eth_sendRawTransaction", "eth_sendRawTransaction")
    assert draws.draw(Stage.MESSAGE, CALL, 0.0) is None
    assert draws.draw(Stage.MESSAGE, mixed, 0.0, is_batch=True) is not None
    assert draws.draw(Stage.MESSAGE, mixed, 0.0, is_batch=True) is None


def test_a_handshake_is_refused_or_passes() -> None:
    """What needs an answer to spoil is not wasted on it."""
    draws = Draws(FaultPlan((Rule(Disconnect(forwarded=True), first=1), Rule(RateLimited(), first=1))), 0)
    fired = draws.draw(Stage.MESSAGE, ("websocket",), 0.0)
    assert fired is not None
    assert fired.kind == "rate_limited"
