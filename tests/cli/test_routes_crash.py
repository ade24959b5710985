"""A command that is killed while only a relay has its order: the next one goes on in private."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest
from tests.cli.conftest import CLEAN, RelayCli
from tests.cli.sending import until

from trimtab.world.faults import FaultPlan, Rule
from trimtab.world.relay import Ignored

pytestmark = pytest.mark.node


async def test_a_killed_private_trade_is_recovered_by_the_relay(relay_cli: RelayCli) -> None:
    """SIGKILL once the relay has it; `tx recover` sends the same bytes there again, in the same window, until
    they are mined. The public node is never sent any."""
    assert (await relay_cli.run("trade", "deposit", "USDC", "20000", "--yes")).code == 0
    relay = relay_cli.relay
    assert relay is not None
    relay.public_log.clear()
    relay.faults = FaultPlan((Rule(Ignored()),))
    own = {"TRIMTAB_PRIVATE_KEY": relay_cli.account.key.hex(), "TRIMTAB_CONFIG": str(relay_cli.config)}
    words = ("trade", "perp", "vETH", "buy", "1", "--private", "--window", "500", "--key", "buy", "--yes")
    command = (sys.executable, "-c", "from trimtab.cli import main; main()", *words)
    trade = await asyncio.create_subprocess_exec(*command, env=os.environ | CLEAN | own)
    await until(lambda: any(item.method == "eth_sendPrivateTransaction" for item in relay.log))
    trade.kill()
    await trade.wait()
    [row] = (await relay_cli.run("tx", "ls", "--json")).json["transactions"][-1:]
    assert (row["key"], row["lane"], row["block"]) == ("buy/0", "private", None)
    relay.faults = FaultPlan()
    done = await relay_cli.run("tx", "recover", "--json")
    assert done.code == 0, done.words
    [recovered] = [item for item in done.json["recovered"] if item["key"] == "buy/0"]
    assert (recovered["status"], recovered["tx_hash"]) == ("succeeded", row["tx_hash"])
    assert relay_cli.public_log == []
