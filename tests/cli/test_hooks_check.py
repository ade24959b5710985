"""What `trimtab doctor` says of our own contracts."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cli.conftest import NOBODY, Cli

from trimtab.config import load_config

pytestmark = pytest.mark.node


async def findings(cli: Cli, code: int, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = await cli.run("doctor", "--json", env=env)
    assert done.code == code, done.words
    return {finding["check"]: finding for finding in done.json["findings"]}


async def deploy(cli: Cli) -> None:
    agent = ("--agent", cli.world.accounts["trader"].address)
    done = await cli.run("hooks", "deploy", *agent, "--yes", "--config-out", str(cli.config))
    assert done.code == 0, done.words


async def test_where_none_is_used_nothing_is_said(cli: Cli) -> None:
    """A user without our contracts hears nothing of them."""
    assert not [check for check in await findings(cli, 0) if check.startswith(("hooks", "guard"))]


async def test_ours_are_named_and_the_guard_is_told_as_it_stands(cli: Cli) -> None:
    """Without limits, open, stopped, and with a key that has no part in it; what is held is the guard's."""
    await deploy(cli)
    found = await findings(cli, 0)
    assert found["hooks"]["found"].startswith("ours byte for byte: executor, guard, lens, lyra/sBTC")
    assert (found["guard"]["verdict"], found["guard"]["found"]) == ("warn", "no limits were set")
    assert found["perp_v2 wallet"]["found"] == "of the guard: 0 USDC, 0 WETH to post"
    assert (await cli.run("hooks", "limits", "set", "--yes")).code == 0
    assert (await findings(cli, 0))["guard"]["found"] == "open to its agent; this account is its owner"
    stranger = {"TRIMTAB_PRIVATE_KEY": cli.world.accounts["keeper"].key.hex()}
    found = await findings(cli, 0, stranger)
    assert "this account is neither" in found["guard"]["found"]
    assert (await cli.run("hooks", "kill", "--yes")).code == 0
    assert (await findings(cli, 0))["guard"]["found"] == "its agent is stopped"
    assert (await cli.run("hooks", "revive", "--yes")).code == 0
    cli.limit("expires_at = 1_600_000_000")
    assert (await cli.run("hooks", "limits", "set", "--yes")).code == 0
    assert (await findings(cli, 0))["guard"]["found"] == "its limits ended at 1600000000"


async def test_what_is_missing_or_anothers_fails(cli: Cli) -> None:
    """Each by its name, with exit code 7 and what to do; a probe of no venue is a setting to mend."""
    await deploy(cli)
    hooks = load_config(cli.config, {}).hooks
    assert hooks.executor is not None
    await cli.world.client.request("anvil_setCode", [hooks.probes["perp_v2"], "0x00"])
    cli.edit(hooks.executor, NOBODY)
    found = await findings(cli, 7)
    assert found["hooks executor"]["found"] == f"{NOBODY}: no code"
    assert found["hooks perp_v2"]["found"].endswith("its code is not our PerpV2Probe's")
    assert "trimtab hooks deploy" in found["hooks perp_v2"]["advice"]
    cli.edit('"lyra/sETH"', '"lyra/sDOGE"')
    assert "no probe of a configured venue" in (await findings(cli, 7))["hooks"]["found"]
