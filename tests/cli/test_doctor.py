"""`trimtab doctor`: each thing that can be wrong is found and said with its cure."""

from __future__ import annotations

import os
from typing import Any

import pytest
from moto.kms.utils import ECDSAPrivateKey
from tests.cli.conftest import NOBODY, Cli
from tests.tx.signers.kms_server import REGION, serve_kms, sign_hashed

from trimtab.journal import Journal
from trimtab.tx.records import stream_name
from trimtab.tx.signers.kms import KmsSigner

pytestmark = pytest.mark.node


async def _findings(cli: Cli, code: int, env: dict[str, str] | None = None) -> dict[str, Any]:
    done = await cli.run("doctor", "--json", env=env)
    assert done.code == code, done.words
    assert done.json["healthy"] == (code == 0)
    return {finding["check"]: finding for finding in done.json["findings"]}


async def test_a_healthy_world_is_healthy(cli: Cli) -> None:
    """Everything is looked at; what is not needed yet is a warning with what to do."""
    found = await _findings(cli, 0)
    fine = (
        "settings",
        f"node {cli.world.url}",
        "perp_v2 contracts",
        "lyra contracts",
        "account",
        "gas money",
    )
    assert {found[name]["verdict"] for name in fine} == {"ok"}
    assert found["clock"]["verdict"] == "warn"  # the world's clock stands in 2023
    assert found["perp_v2 USDC allowance"]["verdict"] == "warn"
    assert "trimtab trade" in found["perp_v2 USDC allowance"]["advice"]
    table = await cli.run("doctor")
    assert table.code == 0
    assert "healthy" in table.out


async def test_allowances_are_seen(cli: Cli) -> None:
    """After `trade approve` the option market's allowance is given."""
    assert (await _findings(cli, 0))["lyra sETH allowance"]["verdict"] == "warn"
    assert (await cli.run("trade", "approve", "sETH", "--yes")).code == 0
    assert (await _findings(cli, 0))["lyra sETH allowance"]["verdict"] == "ok"


async def test_an_address_without_code_is_named(cli: Cli) -> None:
    """The contract without code is told by name and address, and the exit code is 7."""
    vault = cli.world.perp.contracts["Vault"]
    cli.edit(vault, NOBODY)
    finding = (await _findings(cli, 7))["perp_v2 contracts"]
    assert finding["verdict"] == "fail"
    assert f"Vault ({NOBODY})" in finding["found"]
    assert "[venues.perp_v2]" in finding["advice"]


async def test_a_node_that_is_down_is_told_beside_one_that_is_up(cli: Cli) -> None:
    """Each URL is looked at alone: one that is down is a failure, the rest is still examined."""
    cli.edit(f'"{cli.world.url}"', f'"{cli.world.url}", "http://127.0.0.1:9"')
    found = await _findings(cli, 7)
    assert found["node http://127.0.0.1:9"]["verdict"] == "fail"
    assert found[f"node {cli.world.url}"]["verdict"] == "ok"
    assert found["gas money"]["verdict"] == "ok"


async def test_another_chain_is_told(cli: Cli) -> None:
    """A node of another chain fails, naming both chain ids."""
    cli.edit("chain_id = 31337", "chain_id = 10")
    finding = (await _findings(cli, 7))[f"node {cli.world.url}"]
    assert finding["verdict"] == "fail"
    assert "31337" in finding["found"]
    assert "10" in finding["advice"]


async def test_no_gas_money_is_told(cli: Cli) -> None:
    """An account without ETH fails with its address."""
    await cli.world.control.set_balance(cli.account.address, 0)
    finding = (await _findings(cli, 7))["gas money"]
    assert finding["advice"] == f"send ETH to {cli.account.address}"


async def test_a_locked_journal_is_told(cli: Cli) -> None:
    """While another writer has the account's journal, doctor names the process."""
    with Journal.open(cli.folder / "journal.db") as journal:
        lock = journal.acquire(stream_name(cli.world.client.chain_id, cli.account.address))
        finding = (await _findings(cli, 7))["journal"]
        lock.release()
    assert finding["verdict"] == "fail"
    assert str(os.getpid()) in finding["found"]


async def test_a_pause_is_told(cli: Cli) -> None:
    """Who finds that nothing is sent learns why, and how to go on."""
    await cli.run("tx", "pause", "lunch")
    finding = (await _findings(cli, 0))["sending"]
    assert (finding["verdict"], finding["found"]) == ("warn", "paused: lunch")
    assert "trimtab tx unpause" in finding["advice"]
    await cli.run("tx", "unpause")
    assert "sending" not in await _findings(cli, 0)


async def test_no_key_is_a_warning(cli: Cli) -> None:
    """Without a key one can look, and doctor says what sending needs."""
    finding = (await _findings(cli, 0, env={"TRIMTAB_PRIVATE_KEY": ""}))["account"]
    assert finding["verdict"] == "warn"
    assert "TRIMTAB_PRIVATE_KEY" in finding["advice"]


async def test_a_key_in_kms_is_tried(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """Doctor says which signer and whose address, and finds a service that signs something else before a
    trade does."""
    with serve_kms() as kms:
        kms.make_key("alias/doctor")
        address = KmsSigner(kms.client, "alias/doctor").address
        await cli.world.control.set_balance(address, 10**18)
        table = f'key = "alias/doctor"\nregion = "{REGION}"\nendpoint = "{kms.url}"\n'
        cli.edit("[journal]", f'[account]\nkind = "kms"\n[account.kms]\n{table}\n[journal]')
        finding = (await _findings(cli, 0, env={"TRIMTAB_PRIVATE_KEY": ""}))["account"]
        assert finding["found"] == f"{address}, signs with the AWS KMS key 'alias/doctor'"
        monkeypatch.setattr(ECDSAPrivateKey, "sign", sign_hashed)
        finding = (await _findings(cli, 7, env={"TRIMTAB_PRIVATE_KEY": ""}))["account"]
        assert finding["verdict"] == "fail"
        assert "MessageType=DIGEST" in finding["found"]


async def test_bad_settings_are_the_first_finding(cli: Cli) -> None:
    """A settings file with an unknown key is told, and nothing else is looked at."""
    cli.edit("[chain]", "[chain]\nurll = 1")
    found = await _findings(cli, 7)
    assert list(found) == ["settings"]
    assert "did you mean 'urls'?" in found["settings"]["found"]


async def test_no_secret_is_printed(cli: Cli) -> None:
    """The key is in no output of doctor, and a URL's path and password are masked."""
    key = cli.account.key.hex()
    url = cli.world.url.replace("http://", "http://user:hunter2@") + "/v1/SECRETKEY"
    done = await cli.run("doctor", env={"TRIMTAB_RPC_URL": url})
    assert key not in done.words
    assert "SECRETKEY" not in done.words
    assert "hunter2" not in done.words
