"""What an order becomes before it is sent, and who decides about its route."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from pytest_asyncio import fixture as async_fixture

from trimtab.errors import IntentError
from trimtab.execution.checks import QuoteRules
from trimtab.execution.options import ExecutorOptions
from trimtab.execution.preparing import PerpJob, Ready, prepare, scales_of
from trimtab.model.exposure_rule import ExposureAction, ExposureRule
from trimtab.model.order import PerpIntent, Side
from trimtab.tx import RoutePolicy

D = Decimal
A = ExposureAction
PUBLIC, PRIVATE, THEN = RoutePolicy.public(), RoutePolicy.private(3), RoutePolicy.private_then_public(3)
RULE = ExposureRule(D(5))
BIG = PerpIntent("vETH", Side.BUY, size=D(60))


@pytest.mark.parametrize(
    ("options", "route", "actions", "has_rule"),
    [
        (ExecutorOptions(exposure=RULE, private=PRIVATE), None, tuple(A), True),
        (ExecutorOptions(exposure=RULE), None, (A.TIGHTEN, A.SPLIT, A.REFUSE), True),
        (ExecutorOptions(exposure=RULE, private=PRIVATE), PUBLIC, (A.TIGHTEN, A.SPLIT, A.REFUSE), True),
        (ExecutorOptions(exposure=RULE, private=PRIVATE), THEN, (), False),
        (ExecutorOptions(exposure=RULE), PRIVATE, (), False),
        (ExecutorOptions(private=PRIVATE), None, (A.PRIVATE,), True),
        (ExecutorOptions(private=PRIVATE), PUBLIC, (), False),
        (ExecutorOptions(), None, (), False),
        (ExecutorOptions(exposure=ExposureRule(D(5), (A.PRIVATE,))), None, (), True),
    ],
)
def test_what_the_rule_may_still_do(
    options: ExecutorOptions, route: RoutePolicy | None, actions: tuple[A, ...], has_rule: bool
) -> None:
    """The caller's word on the route counts; without a private route nothing goes private, and a rule that
    knows nothing else then refuses."""
    scales = scales_of(options, QuoteRules(), route)
    assert (scales.actions, scales.rule is not None) == (actions, has_rule)


@async_fixture
async def desk(open_desk: Any) -> AsyncIterator[Any]:
    """Alice's desk with margin for a large order."""
    async with open_desk() as opened:
        await opened.deposit()
        yield opened


async def _prepare(desk: Any, options: ExecutorOptions, route: RoutePolicy | None = None) -> Ready:
    job = PerpJob(desk.perp, desk.account, BIG, "k", QuoteRules(max_slippage=D("0.005")), route)
    return await prepare(desk.world.client, options, job, BIG)


@pytest.mark.node
async def test_the_rule_chooses_route_and_limit(desk: Any) -> None:
    """Private: by the options' own policy, the limit as it was. Tighter: public, with a better limit. The
    caller's own route stays what it is."""
    usual = await _prepare(desk, ExecutorOptions())
    limit = usual.quote.intent.acceptable_price
    assert (usual.route, usual.verdict) == (None, None)
    hiding = ExecutorOptions(exposure=RULE, private=PRIVATE)
    for given, route in ((None, PRIVATE), (THEN, THEN)):
        hidden = await _prepare(desk, hiding, given)
        assert (hidden.quote.intent.acceptable_price, hidden.route) == (limit, route)
    tight = (await _prepare(desk, ExecutorOptions(exposure=RULE))).quote.intent
    assert tight.acceptable_price is not None
    assert limit is not None
    assert tight.acceptable_price < limit
    with pytest.raises(IntentError, match="no way to hide it"):
        await _prepare(desk, ExecutorOptions(exposure=ExposureRule(D(5), (A.PRIVATE,))))


@pytest.mark.node
async def test_no_limit_is_worse_than_that_of_the_whole(desk: Any) -> None:
    """A part gets a limit of its own, but never beyond the one that its order was quoted with."""
    job = PerpJob(desk.perp, desk.account, BIG, "k", QuoteRules())
    for worst, limit in ((D(2003), D(2003)), (D(9_000), None)):
        ready = await prepare(desk.world.client, ExecutorOptions(), job, BIG, worst=worst)
        found = ready.quote.intent.acceptable_price
        assert found is not None
        assert found == limit if limit else found < worst
