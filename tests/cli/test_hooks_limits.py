"""`trimtab hooks limits`, `kill` and `revive` on a world: from settings to chain."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pytest_asyncio import fixture as async_fixture
from tests.cli.conftest import NOBODY, Cli, RelayCli

from trimtab.chain.abi import encode_values
from trimtab.chain.call import Call
from trimtab.chain.hashing import keccak256
from trimtab.config import load_config
from trimtab.errors import CallRevertedError
from trimtab.hooks.errors import explain_revert
from trimtab.hooks.guard import encode_execute, encode_execute_as_owner, read_limits
from trimtab.hooks.plans import HookCall, HookPlan
from trimtab.model.ids import Address
from trimtab.model.order import PerpIntent, Side
from trimtab.venues.perp_v2 import PerpV2

pytestmark = pytest.mark.node

LIMITS = """
functions = ["openPosition", "closePosition", "deposit", "approve"]
max_notional = 3_000
max_notional_per_day = 4_000
max_leverage = 3
max_slippage = 0.05
expires_at = 1_893_456_000
"""


@async_fixture
async def owner(cli: Cli) -> Cli:
    """Alice owns a guard; the trader is its agent and the keeper its guardian."""
    people = (cli.world.accounts["trader"].address, cli.world.accounts["keeper"].address)
    words = ("--agent", people[0], "--guardian", people[1], "--yes", "--config-out", str(cli.config))
    done = await cli.run("hooks", "deploy", *words)
    assert done.code == 0, done.words
    cli.limit(LIMITS)
    return cli


def guard_of(cli: Cli) -> Address:
    guard = load_config(cli.config, {}).hooks.guard
    assert guard is not None
    return guard


async def test_limits_are_set_once_and_shown(owner: Cli) -> None:
    """The settings' [limits] go on chain after a look at what changes; set again there is nothing to send; a
    changed number is the only line of the next change."""
    first = await owner.run("hooks", "limits", "show")
    assert "No limits were set yet, so the agent may do nothing" in first.words
    dry = await owner.run("hooks", "limits", "set", "--dry-run", "--json")
    told = {change["limit"]: (change["old"], change["new"]) for change in dry.json["changes"]}
    assert told["notional of a transaction"] == ("–", "3,000")
    assert told["slippage"] == ("–", "5.000 %")
    assert dry.json["sent"] == []
    done = await owner.run("hooks", "limits", "set", "--yes")
    assert (done.code, "The limits are set: 0x" in done.words) == (0, True)
    held = await read_limits(owner.world.client, guard_of(owner))
    assert (held.limits.max_notional, held.limits.max_leverage) == (Decimal(3_000), Decimal(3))
    again = await owner.run("hooks", "limits", "set", "--yes")
    assert "has these limits already: nothing to send" in again.words
    owner.edit("max_notional = 3_000", "max_notional = 3_500")
    more = await owner.run("hooks", "limits", "set", "--dry-run", "--json")
    assert more.json["changes"] == [{"limit": "notional of a transaction", "old": "3,000", "new": "3,500"}]


async def test_the_agents_trade_is_shown_as_spent(owner: Cli) -> None:
    """A real trade at Perp v2 through the guard takes of the day's notional what the table then shows; one
    above what is left is refused with the numbers."""
    assert (await owner.run("hooks", "limits", "set", "--yes")).code == 0
    world, guard = owner.world, guard_of(owner)
    perp, agent = PerpV2(world.client, world.perp), world.accounts["trader"].address
    usdc = world.perp.collateral["USDC"].token
    await world.transact("alice", transfer(usdc, guard, 5_000 * 10**6))
    funding = await perp.encode_deposit(guard, "USDC", Decimal(5_000))
    plan = HookPlan(tuple(HookCall(call) for call in funding.calls), 2**40)
    await world.transact("alice", encode_execute_as_owner(guard, plan))
    order = await open_order(perp, guard, Decimal(1))
    await world.transact("trader", encode_execute(guard, order))
    shown = (await owner.run("hooks", "limits", "show", "--json")).json
    spent = Decimal(shown["spent"]["notional_per_day"])
    assert Decimal(1_500) < spent < Decimal(2_500)
    table = await owner.run("hooks", "limits", "show")
    assert f"{spent:,.6f}".rstrip("0") in table.words
    with pytest.raises(CallRevertedError) as caught:
        await world.client.call_raw(
            encode_execute(guard, await open_order(perp, guard, Decimal("1.4"))), sender=agent
        )
    told = explain_revert(caught.value.data, lambda _, data: perp.explain_revert(data))
    assert told.name == "NotionalPerDayAbove"
    assert str(told).endswith("of the last day are above 4000 a day")


def transfer(token: Address, to: Address, amount: int) -> Call:
    data = keccak256(b"transfer(address,uint256)")[:4] + encode_values(["address", "uint256"], [to, amount])
    return Call(token, data)


async def open_order(perp: PerpV2, guard: Address, size: Decimal) -> HookPlan:
    intent = PerpIntent("vETH", Side.BUY, size=size)
    quote = await perp.read_quote(guard, intent)
    calls = perp.encode_order(guard, intent, quote).calls
    return HookPlan(tuple(HookCall(call) for call in calls), 2**40)


async def test_the_guardian_kills_and_only_the_owner_revives(owner: Cli) -> None:
    """Killed by the guardian's key, and once; the guardian may not revive, the owner may."""
    keys = {name: owner.world.accounts[name].key.hex() for name in ("keeper", "trader")}
    keeper = {"TRIMTAB_PRIVATE_KEY": keys["keeper"]}
    stranger = await owner.run(
        "hooks", "kill", "--yes", "--json", env={"TRIMTAB_PRIVATE_KEY": keys["trader"]}
    )
    assert stranger.code == 5
    assert "only the guard's owner" in stranger.error["message"]
    killed = await owner.run("hooks", "kill", "--yes", env=keeper)
    assert (killed.code, "is stopped: 0x" in killed.words) == (0, True)
    again = await owner.run("hooks", "kill", "--yes", "--json", env=keeper)
    assert again.json == {"guard": guard_of(owner), "is_killed": True, "sent": []}
    assert (await owner.run("hooks", "limits", "show", "--json")).json["state"]["is_killed"]
    refused = await owner.run("hooks", "revive", "--yes", "--json", env=keeper)
    assert (refused.code, "only the guard's owner" in refused.error["message"]) == (5, True)
    assert (await owner.run("hooks", "revive", "--yes", "--json")).json["is_killed"] is False


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        (
            "max_notional = 1_000.0000000000000000001",
            5,
            "max_notional 1000.0000000000000000001 has more than 18",
        ),
        (
            f'[[limits.calls]]\ntarget = "{NOBODY}"\nfunction = "f(uint256)"\n',
            5,
            "there is none for it: deploy",
        ),
    ],
)
async def test_limits_that_a_guard_cannot_hold_send_nothing(
    owner: Cli, lines: str, code: int, message: str
) -> None:
    """What is exact here and cannot be there is refused with what to do."""
    owner.edit("max_notional = 3_000\n", "" if lines.startswith("[") else f"{lines}\n")
    if lines.startswith("["):
        owner.config.write_text(owner.config.read_text() + "\n" + lines)
    before = await owner.nonce()
    done = await owner.run("hooks", "limits", "set", "--yes", "--json")
    assert (done.code, message in done.error["message"]) == (code, True), done.out
    assert await owner.nonce() == before


@pytest.mark.parametrize(
    "command", [("limits", "show"), ("limits", "set", "--yes"), ("kill", "--yes"), ("revive", "--yes")]
)
async def test_without_a_guard_each_command_says_so(cli: Cli, command: tuple[str, ...]) -> None:
    """No setting, an address without code, and text that is no address are three clear errors."""
    none = await cli.run("hooks", *command, "--json")
    assert (none.code, "no guard: give --guard, or set hooks.guard" in none.error["message"]) == (3, True)
    empty = await cli.run("hooks", *command, "--json", "--guard", NOBODY)
    assert (empty.code, f"there is no guard at {NOBODY}" in empty.error["message"]) == (3, True)
    bad = await cli.run("hooks", *command, "--json", "--guard", "0x12")
    assert (bad.code, "'0x12' is not an address" in bad.error["message"]) == (3, True)


@pytest.mark.parametrize("command", [("limits", "set"), ("kill",), ("revive",)])
async def test_programs_are_not_asked(owner: Cli, command: tuple[str, ...]) -> None:
    """--json without --yes is refused, and a person who says nothing sends nothing."""
    before = await owner.nonce()
    done = await owner.run("hooks", *command, "--json")
    assert (done.code, "--json asks no questions" in done.error["message"]) == (5, True)
    if command != ("revive",):
        silent = await owner.run("hooks", *command)
        assert (silent.code, "Nothing was sent" in silent.err) == (5, True)
    assert await owner.nonce() == before


async def test_a_kill_is_public_whatever_the_usual_route(relay_cli: RelayCli) -> None:
    """Where transactions go by relays, which may take their time, limits do and a kill does not."""
    cli = relay_cli
    words = ("--agent", cli.world.accounts["trader"].address, "--yes", "--config-out", str(cli.config))
    assert (await cli.run("hooks", "deploy", *words)).code == 0
    cli.edit('default = "public"', 'default = "private"')
    before = len(cli.public_log)
    assert (await cli.run("hooks", "limits", "set", "--yes")).code == 0
    assert len(cli.public_log) == before
    assert (await cli.run("hooks", "kill", "--yes")).code == 0
    assert len(cli.public_log) == before + 1
