"""What strikes a message is decided before it is sent, and by one plan at a time."""

from __future__ import annotations

import json

import pytest
from tests.world.faults.conftest import Wires, request

from trimtab.runtime.tasks import open_tasks
from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.faults.calls import decode_message
from trimtab.world.faults.exchange import Course, Exchange
from trimtab.world.faults.kinds import DroppedSend, HtmlBody, NullLie, SlowAnswer, Wire, WrongChain
from trimtab.world.faults.strikes import Strikes
from trimtab.world.faults.tally import Tally
from trimtab.world.faults.upstream import Upstream

pytestmark = pytest.mark.node


async def course(wires: Wires, plan: FaultPlan, *methods: str) -> tuple[Course, Tally, bytes]:
    """What a plan does to a batch of these methods, and the answer if the node saw it."""
    async with Upstream.open(wires.node.url) as upstream, open_tasks() as tasks:
        tally = Tally()
        exchange = Exchange(upstream, tally, Strikes(upstream, tally, tasks), seed=1)
        exchange.follow(plan)
        payload = json.dumps([request(method, number=n) for n, method in enumerate(methods)]).encode()
        message = decode_message(payload)
        assert message is not None
        drawn = exchange.course(message, Wire.HTTP)
        body = (await exchange.page(payload, drawn)).body if drawn.reaches_node else b""
        return drawn, tally, body


async def test_a_clean_message_passes_as_it_is(wires: Wires) -> None:
    """Nothing is drawn for methods that no rule means."""
    drawn, tally, body = await course(
        wires, FaultPlan((Rule(DroppedSend()),)), "eth_chainId", "eth_blockNumber"
    )
    assert drawn.is_clean
    assert [answer["result"] for answer in json.loads(body)] == ["0x7a69", "0x0"]
    assert tally.injected == {}
    assert tally.requests == {"eth_chainId": 1, "eth_blockNumber": 1}


async def test_what_does_not_reach_the_node_is_struck_by_nothing_else(wires: Wires) -> None:
    """A page in place of an answer: no other rule is used up on it."""
    plan = FaultPlan((Rule(HtmlBody()), Rule(WrongChain(), first=1), Rule(SlowAnswer(), first=1)))
    drawn, _, _ = await course(wires, plan, "eth_chainId")
    assert (drawn.reaches_node, drawn.calls, drawn.delay) == (False, (), None)


async def test_faults_of_one_message_add_up(wires: Wires) -> None:
    """One request lies about the chain, every other value is null, each counts under its method."""
    plan = FaultPlan((Rule(WrongChain(chain_id=5), first=1), Rule(NullLie(), every=2)))
    drawn, tally, body = await course(wires, plan, "eth_chainId", "eth_chainId", "eth_blockNumber")
    assert not drawn.is_clean
    assert [answer["result"] for answer in json.loads(body)] == ["0x5", None, "0x0"]
    assert tally.by_method == {("wrong_chain", "eth_chainId"): 1, ("null_lie", "eth_chainId"): 1}
    assert tally.injected == {"wrong_chain": 1, "null_lie": 1}
