"""Random games of a venue on a node of their own; and transactions that fail with a venue's typed error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, run_state_machine_as_test

from trimtab.chain.call import Call
from trimtab.chain.client import Client
from trimtab.chain.receipt import Receipt
from trimtab.errors import CallRevertedError, VenueError
from trimtab.model.ids import Address
from trimtab.world.control import NodeControl
from trimtab.world.world import World

A = TypeVar("A")


class VenueMachine(RuleBasedStateMachine, Generic[A]):
    """Every game starts from the freshly deployed venue. `actions` do what the rules draw."""

    runner: ClassVar[asyncio.Runner]
    control: ClassVar[NodeControl]
    snapshot: ClassVar[str]
    actions: A

    def run(self, work: Any) -> Any:
        return type(self).runner.run(work)

    @initialize()
    def start_anew(self) -> None:
        self.run(self._restore())

    async def _restore(self) -> None:
        await self.control.revert(type(self).snapshot)
        type(self).snapshot = await self.control.snapshot()


def play_games(
    machine: type[VenueMachine[A]],
    prepare: Callable[[World], Awaitable[A]],
    tour: Callable[[A], Awaitable[None]],
    *,
    examples: int,
    steps: int,
    repeat: bool,
) -> A:
    """The tour, then random games, on a node and in an event loop of their own: Hypothesis' machines are not
    async. With `repeat` the same games every time."""
    with asyncio.Runner() as runner:
        opened = World.open()
        world = runner.run(opened.__aenter__())
        try:
            machine.runner, machine.control = runner, world.control
            machine.actions = runner.run(_awaited(prepare(world)))
            machine.snapshot = runner.run(world.control.snapshot())
            runner.run(_awaited(tour(machine.actions)))
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=steps,
                    deadline=None,
                    database=None,
                    derandomize=repeat,
                    phases=[Phase.explicit, Phase.generate],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(opened.__aexit__(None, None, None))
    return machine.actions


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


async def mine(
    client: Client, sender: Address, call: Call, *, gas: int, explain: Callable[[bytes], VenueError]
) -> Receipt:
    """Send and mine. Tried at the pending block first, so that a revert comes as the venue's typed error."""
    try:
        await client.call_raw(call, sender=sender, block="pending", gas=gas)
    except CallRevertedError as error:
        raise explain(error.data) from error
    transaction = {
        "from": sender,
        "to": call.target,
        "data": "0x" + call.data.hex(),
        "value": hex(call.value),
        "gas": hex(gas),
    }
    sent = await client.request("eth_sendTransactionSync", [transaction])
    receipt = await client.receipt(sent["transactionHash"])
    assert receipt is not None
    assert receipt.status, "the node accepted the call at the pending block and then reverted it"
    return receipt
