"""`trade`, `hedge` and `positions` with `[hooks]`: through the account's own code, or as a guard's agent."""

from __future__ import annotations

from decimal import Decimal

import pytest
from tests.cli.conftest import Cli
from tests.hooked import put_executor, put_guard

from trimtab.execution.doors import Guarded, OwnCode
from trimtab.model.limits import Limits
from trimtab.venues.lyra import Lyra
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node


def configure(cli: Cli, door: OwnCode | Guarded) -> None:
    """Put [hooks] into the settings file."""
    own = f'executor = "{door.executor}"' if isinstance(door, OwnCode) else f'guard = "{door.guard}"'
    probes = "\n".join(f'"{name}" = "{address}"' for name, address in door.probes.items())
    cli.edit("[hedge]\n", f"[hooks]\n{own}\n\n[hooks.probes]\n{probes}\n\n[hedge]\n")


async def test_a_book_is_traded_and_hedged_through_the_accounts_own_code(cli: Cli) -> None:
    """The code is told before it is taken on, once; approvals travel with the option, the hedge with its
    conditions; the same key again sends nothing."""
    configure(cli, await put_executor(cli.world))
    option = ("trade", "option", "sETH", "4", "long_call", "1", "--dry-run")
    assert (
        "take on the executor's code" in (await cli.run("trade", "deposit", "USDC", "8", "--dry-run")).words
    )
    assert "take on the executor's code" in (await cli.run(*option)).words
    deposit = await cli.run("trade", "deposit", "USDC", "8000", "--yes", "--json")
    assert deposit.code == 0, deposit.words
    assert [tx["label"] for tx in deposit.json["transactions"]] == ["approve 8000 USDC; deposit 8000 USDC"]
    sale = ("trade", "option", "sETH", "4", "short_call_base", "2", "--collateral", "2")
    shown = await cli.run(*sale, "--dry-run")
    assert shown.code == 0, shown.words
    assert "steps approve quote for sETH trading; approve base" in shown.words
    assert "take on" not in shown.words
    nonce = await cli.nonce()
    first = await cli.run(*sale, "--yes", "--key", "write", "--json")
    assert first.code == 0, first.words
    assert await cli.nonce() == nonce + 1
    assert first.json["fills"][0]["size"] == "-2"
    assert first.json["transactions"][0]["label"].startswith("approve quote for sETH trading; approve base")
    again = await cli.run(*sale, "--yes", "--key", "write", "--json")
    assert again.json["fills"] == first.json["fills"]
    hedged = await cli.run("hedge", "--once")
    assert hedged.code == 0, hedged.words
    assert await cli.nonce() == nonce + 2
    perp = PerpV2(cli.world.client, cli.world.perp)
    assert (await perp.read_position(cli.account.address, "vETH")).size > 0


async def test_an_agent_trades_its_guards_account(cli: Cli) -> None:
    """Alice's key, the guard's positions; what the owner does not allow is told as a limit, with exit code 5
    and nothing sent."""
    world = cli.world
    venues = PerpV2(world.client, world.perp), Lyra(world.client, world.lyra)
    limits = Limits.of(*venues, max_notional=Decimal(5_000)).only("openPosition", "approve", "deposit")
    door = await put_guard(world, cli.account.address, limits)
    configure(cli, door)
    for words in (("deposit", "USDC", "8000"), ("perp", "vETH", "buy", "1.5")):
        done = await cli.run("trade", *words, "--yes")
        assert done.code == 0, done.words
    position = await venues[0].read_position(door.guard, "vETH")
    assert position.size == Decimal("1.5")
    told = await cli.run("positions", "--json")
    assert told.json["account"].lower() == door.guard
    nonce = await cli.nonce()
    large = await cli.run("trade", "perp", "vETH", "buy", "3", "--yes", "--json")
    assert large.code == 5
    assert large.error["class"] == "LimitError"
    assert "is above 5000" in large.error["message"]
    assert await cli.nonce() == nonce
