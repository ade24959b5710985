"""`trimtab world` as a user runs it: up until a signal, told as JSON or tables; and what it fetches."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from trimtab.chain.client import Client
from trimtab.cli.app import app as trimtab
from trimtab.cli.world import app
from trimtab.errors import TransportError
from trimtab.world.addresses import from_json
from trimtab.world.artifacts import Artifacts

pytestmark = pytest.mark.node


@contextmanager
def _up(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "trimtab.cli.world", "up", "--port", "0", *words]
    with subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def _read_document(run: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON that is printed at once, while the command stays."""
    assert run.stdout is not None
    lines = []
    for line in run.stdout:
        lines.append(line)
        if line == "}\n":
            break
    assert lines, run.stderr.read() if run.stderr else ""
    document: dict[str, Any] = json.loads("".join(lines))
    assert "error" not in document
    return document


async def test_up_until_a_signal(tmp_path: Path) -> None:
    """The document names a node that answers, with code at the addresses; a signal ends both, with code 0."""
    with _up("--json", cwd=tmp_path) as run:
        told = _read_document(run)
        addresses = from_json(told)
        async with Client.open(told["url"]) as client:
            assert client.chain_id == told["chain_id"]
            assert await client.code(addresses.perp_v2.contracts["ClearingHouse"])
            assert await client.balance(told["accounts"][4]["address"]) > 10**18
        assert told["accounts"][4]["name"] == "trader"
        assert len(told["accounts"][4]["private_key"]) == 66
        run.terminate()
        assert run.wait(10) == 0
    with pytest.raises(TransportError):
        async with Client.open(told["url"]):
            pass


def test_settings_for_the_other_commands(tmp_path: Path) -> None:
    """With --config-out the other commands work at once, with a key of mode 0600."""
    with _up("--json", "--config-out", "trimtab.toml", cwd=tmp_path) as run:
        told = _read_document(run)
        assert told["config"] == "trimtab.toml"
        words = ["doctor", "--json", "--config", str(tmp_path / "trimtab.toml")]
        doctor = CliRunner().invoke(
            trimtab, words, env={"TRIMTAB_RPC_URL": None, "TRIMTAB_PRIVATE_KEY": None}
        )
        assert doctor.exit_code == 0, doctor.output
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


def test_a_fork_of_another_world_with_its_addresses(tmp_path: Path) -> None:
    """One world forks another by URL and takes over its deployment from the other's own JSON."""
    with _up("--json", cwd=tmp_path) as first:
        told = _read_document(first)
        (tmp_path / "world.json").write_text(json.dumps(told))
        with _up("--json", "--fork-url", told["url"], "--attach", "world.json", cwd=tmp_path) as second:
            forked = _read_document(second)
    assert forked["url"] != told["url"]
    assert forked["fork_of"] == told["url"]
    assert forked["venues"] == told["venues"]


def test_tables_for_people(tmp_path: Path) -> None:
    """Without --json: a table for each group, the accounts, and the URL at the end; Ctrl-C ends it well."""
    with _up(cwd=tmp_path) as run:
        assert run.stdout is not None
        seen = ""
        for line in run.stdout:
            seen += line
            if "chain id" in line:
                break
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == 0
    for word in ("ClearingHouse", "OptionMarketViewer", "vETH", "sBTC", "liquidator", "RPC URL", "31337"):
        assert word in seen


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--attach", "none.json"], "cannot read the addresses"),
        (["--attach", "empty.json", "--fork-url", "http://127.0.0.1:1"], "not the addresses of a world"),
        (["--fork-url", "http://127.0.0.1:1"], "Connection refused"),
        (["--engine", "py-evm", "--fork-url", "http://127.0.0.1:1"], "has no fork_url"),
    ],
)
def test_bad_wishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    """What cannot be done is one clear message with the exit code of bad settings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.json").write_text("{}")
    ended = CliRunner().invoke(app, ["up", "--port", "0", "--json", *words])
    assert ended.exit_code == 3, ended.output
    assert said in json.loads(ended.stdout)["error"]["message"]


def test_fetch_is_idempotent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where everything lies already nothing is asked of npm."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(app, ["fetch", "--dest", str(Artifacts.find().root)])
    assert ended.exit_code == 0
    assert "all 10 packages are in" in ended.stderr


def test_fetch_without_npm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where something is missing and npm too, the message says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = CliRunner().invoke(app, ["fetch", "--dest", str(tmp_path)])
    assert ended.exit_code == 3
    assert "npm is not on PATH" in ended.stderr
