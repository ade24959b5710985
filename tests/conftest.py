"""What holds for all tests: property tests are judged by their claim, not by how busy the machine is. And a
desk: what one account of a world trades with, for the rooms above the sender."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:  # tests of the lower rooms shall not load the upper ones
    from trimtab.execution.executor import Executor, ExecutorOptions
    from trimtab.journal import Journal
    from trimtab.model.ids import Address
    from trimtab.model.limits import Limits
    from trimtab.model.order import TxRecord
    from trimtab.tx.routes import Route
    from trimtab.venues.lyra import Lyra
    from trimtab.venues.perp_v2 import PerpV2
    from trimtab.world.world import World

# A commit has one verdict: the same cases each time. `make soak` looks for new ones (TRIMTAB_EXPLORE=1).
settings.register_profile(
    "trimtab",
    deadline=None,
    derandomize="TRIMTAB_EXPLORE" not in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("trimtab")


@dataclass(frozen=True)
class Desk:
    """Everything that one account trades with."""

    world: World
    account: Address
    executor: Executor
    journal: Journal
    perp: PerpV2
    lyra: Lyra

    async def deposit(self, amount: int = 50_000) -> None:
        """Margin at the perp venue."""
        plan = await self.perp.encode_deposit(self.account, "USDC", Decimal(amount))
        await self.executor.execute_plan(self.perp, self.account, plan, key=f"deposit/{amount}")

    async def nonce(self) -> int:
        return await self.world.client.nonce(self.account, "pending")

    def records(self) -> tuple[TxRecord, ...]:
        """What the journal knows of the account."""
        from trimtab.execution.reconcile import read_records

        return read_records(self.journal, self.world.client.chain_id, self.account)


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(world: World, tmp_path: Path) -> OpenDesk:
    """Opens Alice's desk; again on the same journal it is a restart."""

    @asynccontextmanager
    async def opened(
        *,
        fault: Callable[[Route], Route] | None = None,
        options: ExecutorOptions | None = None,
        limits: Limits | None = None,
    ) -> AsyncIterator[Desk]:
        from trimtab.execution.executor import Executor
        from trimtab.journal import Journal
        from trimtab.model.limits import Limits
        from trimtab.tx import Sender, SenderOptions
        from trimtab.tx.routes import PublicRoute
        from trimtab.tx.signers import LocalSigner
        from trimtab.venues.lyra import Lyra
        from trimtab.venues.perp_v2 import PerpV2

        account = world.accounts["alice"]
        route: Route = PublicRoute(world.client)
        perp, lyra = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
        sender_options = SenderOptions(poll_interval=0.05, limits=limits or Limits.of(perp, lyra))
        with Journal.open(tmp_path / "journal.db") as journal:
            async with Sender.open(
                world.client,
                LocalSigner.from_key(account.key),
                journal,
                sender_options,
                [fault(route) if fault else route],
            ) as sender:
                yield Desk(
                    world,
                    account.address,
                    Executor(sender, world.client, options),
                    journal,
                    perp,
                    lyra,
                )

    return opened
