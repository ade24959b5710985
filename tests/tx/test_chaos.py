"""Random trouble on a real node: reorgs, dropped transactions, moving base fees, cancellations and restarts.
Whatever happens, each key is executed once or not at all, and its outcome says which."""

from __future__ import annotations

import asyncio
import random

import pytest
from tests.tx.conftest import GAS, GWEI, Desk

from trimtab.chain.call import Call
from trimtab.errors import NotSentError
from trimtab.model.ids import Address
from trimtab.tx import Cancelled, Expired, Sender, Succeeded, TxIntent
from trimtab.tx.outcome import Finality
from trimtab.tx.routes import PublicRoute, Route
from trimtab.world.faults import LostBytes

pytestmark = pytest.mark.node
STEPS = 60


def target(number: int) -> Address:
    """An address of its own for each key: its balance counts how often the key was executed."""
    return Address(f"0x{0xC0FFEE:06x}{number:034x}")


class Chaos:
    """What happens to one account, drawn from a seed."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.draw = random.Random(seed)
        self.keys = 0
        self.refused: set[str] = set()

    async def act(self, sender: Sender) -> bool:
        """One thing happens; True asks for a restart."""
        request, draw = self.desk.client.request, self.draw
        match draw.choice(
            ("submit",) * 5 + ("cancel", "mine", "mine", "drop", "reorg", "fee", "automine", "restart")
        ):
            case "submit":
                await self.submit(sender)
            case "cancel" if self.keys:
                key = f"k{draw.randrange(self.keys)}"
                if key not in self.refused:
                    sender.handle(key).cancel()
            case "mine":
                await self.desk.mine(draw.randint(1, 3))
            case "drop":
                if flying := sender.snapshot().in_flight:
                    await request("anvil_dropTransaction", [draw.choice(flying).tx_hash])
            case "reorg":
                if await self.desk.client.block_number() > 5:
                    await request("anvil_reorg", [draw.randint(1, 3), []])
            case "fee":
                await request("anvil_setNextBlockBaseFeePerGas", [hex(draw.randint(1, 40) * GWEI // 4)])
            case "automine":
                await self.desk.set_automine(draw.random() < 0.5)
            case "restart":
                return True
        await asyncio.sleep(draw.choice((0, 0, 0.01, 0.05)))
        return False

    async def submit(self, sender: Sender) -> None:
        key, self.keys = f"k{self.keys}", self.keys + 1
        deadline = sender._driver.clock.now() + self.draw.randint(3, 30) if self.draw.random() < 0.3 else None
        intent = TxIntent(key, Call(target(self.keys - 1), b"", 1), gas_limit=GAS, deadline=deadline)
        try:
            async with asyncio.timeout(self.draw.choice((0.02, 1, 5))):
                await sender.submit(intent)
        except (NotSentError, TimeoutError):
            if key not in sender._driver.state.intents:
                self.refused.add(key)

    async def settle(self, sender: Sender) -> None:
        """Calm: everything that is known ends."""
        await self.desk.set_automine(True)
        for number in range(self.keys):
            key = f"k{number}"
            executed = await self.check(sender, key, number)
            assert executed == await self.desk.client.balance(target(number)), key

    async def check(self, sender: Sender, key: str, number: int) -> bool:
        if key not in sender._driver.state.intents:
            return False
        handle = sender.handle(key)
        ending = asyncio.create_task(handle.outcome(at=Finality.FINAL, timeout=60))
        while not ending.done():
            await self.desk.mine()
            await asyncio.wait([ending], timeout=0.1)
        try:
            outcome = ending.result()
        except NotSentError:
            return False
        assert isinstance(outcome, Succeeded | Cancelled | Expired), f"{key} {number}: {outcome}"
        return isinstance(outcome, Succeeded)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 20))])
async def test_every_key_happens_once_or_not_at_all(desk: Desk, seed: int) -> None:
    """And nothing that happened was anybody else's: the account is never halted."""
    chaos = Chaos(desk, seed)
    await desk.mine(6)
    steps = STEPS
    while steps:
        route = PublicRoute(desk.client)
        fault = chaos.draw.choice((None, LostBytes))
        routes: list[Route] = [fault(route, times=2) if fault else route]
        async with desk.sender(routes, simulate=chaos.draw.random() < 0.5, close_timeout=0.1) as sender:
            while steps:
                steps -= 1
                if await chaos.act(sender):
                    break
    async with desk.sender() as sender:
        await chaos.settle(sender)
        assert sender.snapshot().halted is None
    assert await desk.sent_nonce() > 0
