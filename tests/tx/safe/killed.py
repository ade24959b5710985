"""A process that proposes, to be killed: `python -m tests.tx.safe.killed NODE SERVICE SAFE JOURNAL COUNT`."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.tx.safe.conftest import OWNERS, pay

from trimtab.chain.client import Client
from trimtab.journal import Journal
from trimtab.model.ids import Address
from trimtab.model.limits import Limits
from trimtab.tx.safe import SafeOptions, SafeProposer, SafeService


async def main(node: str, service_url: str, safe: str, path: str, count: str) -> None:
    """Propose so many intents under fixed keys, whichever of them were proposed before."""
    options = SafeOptions(limits=Limits.unrestricted(), pause=0.01)
    with Journal.open(Path(path)) as journal:
        async with (
            Client.open(node) as client,
            SafeService(service_url, timeout=30.0) as service,
            SafeProposer.open(client, OWNERS[0], journal, Address(safe), service, options) as proposer,
        ):
            for number in range(int(count)):
                await proposer.propose(pay(f"intent-{number}", number + 1))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
