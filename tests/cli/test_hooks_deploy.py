"""`trimtab hooks deploy` and `verify` on a world, as a user runs them."""

from __future__ import annotations

import pytest
from tests.cli.conftest import NOBODY, Cli

from trimtab.config import load_config
from trimtab.hooks.deployment import PROXY

pytestmark = pytest.mark.node

AGENT, GUARDIAN = ("0x" + digit * 40 for digit in "56")
LABELS = ["executor", "lens", "perp_v2", "lyra/sETH", "lyra/sBTC"]


async def test_deploy_twice_and_verify(cli: Cli) -> None:
    """A dry run sends nothing; then all are deployed and the settings name them; again, nothing is sent; what
    is there is ours byte for byte."""
    before = await cli.nonce()
    dry = await cli.run("hooks", "deploy", "--dry-run", "--json")
    assert (dry.json["is_dry_run"], dry.json["sent"]) == (True, 0)
    assert [row["contract"] for row in dry.json["contracts"]] == LABELS
    assert all(row["gas"] > 500_000 for row in dry.json["contracts"])
    assert await cli.nonce() == before
    nothing = await cli.run("hooks", "verify", "--json")
    assert (nothing.code, nothing.error["class"]) == (3, "ConfigError")

    done = await cli.run("hooks", "deploy", "--yes", "--json", "--config-out", str(cli.config))
    assert (done.code, done.json["sent"]) == (0, 5)
    assert [row["address"] for row in done.json["contracts"]] == [
        row["address"] for row in dry.json["contracts"]
    ]
    hooks = load_config(cli.config, {}).hooks
    assert hooks.addresses == dict(
        zip(LABELS, (row["address"] for row in done.json["contracts"]), strict=True)
    )

    again = await cli.run("hooks", "deploy", "--yes")
    assert "All are there: nothing was sent." in again.words
    assert "The settings name all of them." in again.words
    assert await cli.nonce() == before + 5
    verified = await cli.run("hooks", "verify", "--json")
    assert (verified.code, verified.json["verified"]) == (0, True)
    shown = await cli.run("hooks", "verify")
    assert shown.words.count("byte for byte") == 5


async def test_a_guard_is_deployed_for_an_agent(cli: Cli) -> None:
    """With --agent there is a guard of the configured account too; the lines for the settings are printed
    where nobody writes them."""
    done = await cli.run("hooks", "deploy", "--agent", AGENT, "--guardian", GUARDIAN, "--yes")
    assert done.code == 0, done.words
    assert "6 deployed, 0 were there already." in done.words
    assert "For the settings file" in done.words
    lines = done.out.partition("[hooks]")[2]
    cli.config.write_text(cli.config.read_text() + "\n[hooks]" + lines)
    assert (await cli.run("hooks", "verify", "--json")).json["verified"]
    shown = await cli.run("hooks", "limits", "show", "--json")
    assert shown.json["state"] == {
        "owner": cli.account.address,
        "agent": AGENT,
        "guardian": GUARDIAN,
        "is_killed": False,
        "version": 0,
        "pending_owner": None,
    }


async def test_verify_tells_what_is_not_ours(cli: Cli) -> None:
    """A byte that was changed, an address without code: exit code 7, each with its problem."""
    assert (await cli.run("hooks", "deploy", "--yes", "--config-out", str(cli.config))).code == 0
    hooks = load_config(cli.config, {}).hooks
    assert hooks.lens is not None
    assert hooks.executor is not None
    await cli.world.client.request("anvil_setCode", [hooks.lens, "0x6000"])
    cli.edit(hooks.executor, NOBODY)
    done = await cli.run("hooks", "verify", "--json")
    assert (done.code, done.json["verified"]) == (7, False)
    problems = {row["contract"]: row["problem"] for row in done.json["contracts"]}
    assert problems["lens"] == "its code is not our PositionLens's"
    assert problems["executor"].startswith("no code is there: wrong chain or address?")
    assert problems["perp_v2"] is None
    assert "2 to mend" in (await cli.run("hooks", "verify")).words
    again = await cli.run("hooks", "deploy", "--dry-run", "--json")
    assert (again.code, "its code is not our PositionLens's" in again.error["message"]) == (3, True)
    await cli.world.client.request("anvil_setCode", [hooks.lens, "0x"])
    await cli.world.client.request("anvil_setNonce", [hooks.lens, "0x0"])
    mended = await cli.run("hooks", "deploy", "--yes", "--config-out", str(cli.config))
    assert f"executor: {hooks.executor} takes the place of {NOBODY}" in mended.words
    assert (await cli.run("hooks", "verify", "--json")).json["verified"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--json",), 5, "--json asks no questions: add --yes to send or --dry-run to look"),
        (("--agent", "0x12", "--yes", "--json"), 3, "'0x12' is not an address"),
        (("--guardian", GUARDIAN, "--yes", "--json"), 3, "--guardian is of a guard, which needs --agent too"),
        (("--agent", AGENT, "--guardian", AGENT, "--yes", "--json"), 5, "it could not stop itself"),
    ],
)
async def test_bad_input_sends_nothing(cli: Cli, words: tuple[str, ...], code: int, message: str) -> None:
    """One clear error with its exit code."""
    before = await cli.nonce()
    done = await cli.run("hooks", "deploy", *words)
    assert (done.code, message in done.error["message"]) == (code, True), done.out
    assert await cli.nonce() == before


async def test_what_would_be_lost_or_cannot_be_sent_is_told_first(cli: Cli) -> None:
    """A file that is not the settings file is kept; without a key nothing is shown as sent; without the
    deployment proxy there is no address to deploy at. A person who says nothing sends nothing."""
    before = await cli.nonce()
    other = cli.folder / "other.toml"
    other.write_text("mine")
    kept = await cli.run("hooks", "deploy", "--yes", "--config-out", str(other), "--json")
    assert (kept.code, other.read_text()) == (3, "mine")
    silent = await cli.run("hooks", "deploy")
    assert (silent.code, "Nothing was sent" in silent.err) == (5, True)
    keyless = await cli.run("hooks", "deploy", "--yes", "--json", env={"TRIMTAB_PRIVATE_KEY": ""})
    assert "sending needs a key" in keyless.error["message"]
    assert (await cli.run("hooks", "deploy", "--dry-run", env={"TRIMTAB_PRIVATE_KEY": ""})).code == 0
    await cli.world.client.request("anvil_setCode", [PROXY, "0x"])
    bare = await cli.run("hooks", "deploy", "--yes", "--json")
    assert (bare.code, "broadcast its transaction" in bare.error["message"]) == (3, True)
    assert await cli.nonce() == before


async def test_another_salt_is_another_set_of_addresses(cli: Cli) -> None:
    """The salt of the settings decides, and lines around [hooks] stay as they were written."""
    ours = '# mine\n[hooks]\n# theirs\nsalt = "0x' + "07" * 32 + '"\n'
    cli.edit("[hedge]\n", f"{ours}\n# kept\n[hedge]\n")
    usual = await cli.run("hooks", "deploy", "--dry-run", "--json")
    done = await cli.run("hooks", "deploy", "--yes", "--json", "--config-out", str(cli.folder / "new.toml"))
    assert done.json["hooks"]["executor"] == usual.json["contracts"][0]["address"]
    written = (cli.folder / "new.toml").read_text()
    assert "# kept\n[hedge]" in written
    assert "# theirs" not in written
    assert written.count("[hooks]") == 1
    assert load_config(cli.folder / "new.toml", {}).hooks.salt_bytes == b"\x07" * 32


async def test_what_else_the_settings_ask_for(cli: Cli) -> None:
    """With [hooks.flash] and [hooks.gmx] their contracts are deployed and compared too; made from other
    addresses than the settings now say, they are not ours."""
    parts = '\n[hooks.flash]\nuniswap_factory = "{0}"\n[hooks.gmx]\nrole_store = "{0}"\ndata_store = "{1}"\n'
    cli.config.write_text(cli.config.read_text() + parts.format(AGENT, GUARDIAN))
    done = await cli.run("hooks", "deploy", "--yes", "--json", "--config-out", str(cli.config))
    assert [row["contract"] for row in done.json["contracts"]][5:] == ["flash_liquidator", "order_callback"]
    assert (await cli.run("hooks", "verify", "--json")).json["verified"]
    cli.edit(f'data_store = "{GUARDIAN}"', f'data_store = "{NOBODY}"')
    problems = {
        row["contract"]: row["problem"]
        for row in (await cli.run("hooks", "verify", "--json")).json["contracts"]
    }
    assert (
        f"0x{'00' * 12}{GUARDIAN[2:]} where 0x{'00' * 12}{NOBODY[2:]} should be" in problems["order_callback"]
    )
    assert problems["flash_liquidator"] is None


async def test_settings_that_would_not_load_are_not_written(cli: Cli) -> None:
    """Where [hooks] is said in another way than as tables, the file stays as it was and nothing is sent."""
    before = await cli.nonce()
    cli.config.write_text("hooks = {refunds_fees = true}\n" + cli.config.read_text())
    text = cli.config.read_text()
    done = await cli.run("hooks", "deploy", "--yes", "--json", "--config-out", str(cli.config))
    assert (done.code, "is not TOML" in done.error["message"]) == (3, True)
    assert (cli.config.read_text(), await cli.nonce()) == (text, before)
    assert [path.name for path in cli.folder.glob("*.new")] == []
