"""A sender of the user's beside the command line, and a world without blocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from tests.cli.conftest import Cli

from trimtab.chain.call import Call
from trimtab.config import load_config
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx import Sender, SenderOptions, TxIntent, TxPolicy
from trimtab.tx.signers import LocalSigner

SHOP = Address("0x" + "12" * 20)


@asynccontextmanager
async def sending(cli: Cli) -> AsyncIterator[Sender]:
    """A sender over the journal of the command line's settings, as a bot of the user has it."""
    settings = load_config(cli.config, {})
    signer = LocalSigner.from_key(cli.account.key)
    options = SenderOptions(
        simulate=False, limits=Limits.unrestricted(), policy=TxPolicy(finality_depth=3, rebroadcast_after=1)
    )
    with Journal.open(settings.journal.path) as journal:
        async with Sender.open(cli.world.client, signer, journal, options) as sender:
            yield sender


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what no event tells. Fails after a minute."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)


def pay(key: str) -> TxIntent:
    return TxIntent(key, Call(SHOP, b"", 1), gas_limit=21_000, label="a gift")


@asynccontextmanager
async def no_blocks(cli: Cli) -> AsyncIterator[None]:
    """Nothing is mined meanwhile."""
    await cli.world.client.request("evm_setAutomine", [False])
    try:
        yield
    finally:
        await cli.world.client.request("evm_setAutomine", [True])
        await cli.world.client.request("evm_mine")
