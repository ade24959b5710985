"""`ape test` over a fork: start a chain with id 1, deploy the genuine protocols there, and let ape's node
continue its state. Arguments go to `ape test`.

    .venv-ape/bin/python scripts/ape_fork.py tests/onchain -m fork
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from trimtab.world.accounts import ACCOUNTS
from trimtab.world.addresses import to_json
from trimtab.world.node import AnvilNode, NodeOptions
from trimtab.world.world import World, WorldOptions

APE = Path(__file__).with_name("ape")
NETWORK = "ethereum:mainnet-fork:foundry"
CLOCK = 2_000_000_000  # as in tests/onchain/conftest.py: the same gas in both runs


async def main(arguments: list[str]) -> int:
    """The exit code of `ape test`."""
    upstream = NodeOptions(chain_id=1, accounts=len(ACCOUNTS), timestamp=1_700_000_000)
    async with AnvilNode.open(upstream) as node, World.open(WorldOptions(url=node.url, clock=CLOCK)) as world:
        addresses = to_json(await world.deploy())
        with TemporaryDirectory(prefix="trimtab-ape-") as home:
            path = Path(home) / "addresses.json"
            path.write_text(json.dumps(addresses), encoding="utf-8")
            # A home of its own: ape's anvil would keep this chain's state there, for later ones.
            variables = {"HOME": home, "TRIMTAB_UPSTREAM": str(path), "TRIMTAB_UPSTREAM_URL": node.url}
            command = [str(APE), *arguments, "--network", NETWORK]
            tests = await asyncio.create_subprocess_exec(*command, env=os.environ | variables)
            try:
                return await tests.wait()
            finally:
                if tests.returncode is None:  # we are told to stop
                    tests.terminate()
                    await tests.wait()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(asyncio.run(main(sys.argv[1:] or ["tests/onchain"])))
