"""The command itself: quick, explained, and the same errors whoever calls."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Cli
from typer.testing import CliRunner

import trimtab
from trimtab.cli.app import app

ROOT = Path(__file__).parents[2]
COMMANDS = ("markets", "chain", "quote", "trade", "positions", "greeks", "hedge", "doctor", "demo", "world")


def test_every_command_of_the_plan_is_there() -> None:
    """`trimtab --help` lists every command and the exit codes."""
    shown = CliRunner().invoke(app, ["--help"]).stdout
    listed = {line.split()[0] for line in shown.splitlines() if line.startswith("  ") and line.strip()}
    assert set(COMMANDS) <= listed
    assert "Exit codes: 0 done" in " ".join(shown.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """--help works for every command, and each speaks --json and --config or is a group of those that do."""
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert "--json" in shown.stdout or "Commands:" in shown.stdout


def test_help_is_quick() -> None:
    """`trimtab --help` loads no room, no network library and no numerics, and takes under 0.3 s of processor
    time, the interpreter's start included; the best of three, because others share the machine."""
    code = (
        "import sys, time; sys.argv = ['trimtab', '--help']\n"
        "from trimtab.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'aiohttp', 'asyncio', 'numpy', 'scipy', 'web3', 'coincurve', 'rich', 'msgspec'}\n"
        "sys.stderr.write(repr((sorted(heavy & set(sys.modules)), time.process_time())))"
    )
    times = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded, seconds = ast.literal_eval(done.stderr)
        assert loaded == []
        times.append(seconds)
    assert min(times) < 0.3


def test_the_installed_command_runs() -> None:
    """The console script prints the version of the package."""
    tool = Path(sys.executable).with_name("trimtab")
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"trimtab {trimtab.__version__}\n"


@pytest.mark.node
@pytest.mark.parametrize("words", [("chain", "sETH"), ("chain", "sETH", "--json")])
async def test_a_reader_that_goes_away_is_no_fault(cli: Cli, words: tuple[str, ...]) -> None:
    """`trimtab ... | head -0` ends quietly with 141, for tables and for JSON."""
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from trimtab.cli import main; main()", *words),
        stdout=writer,
        stderr=subprocess.PIPE,
        env=os.environ | {"TRIMTAB_CONFIG": str(cli.config)},
    )
    os.close(writer)
    _, err = await process.communicate()
    assert (process.returncode, err) == (141, b"")


def test_a_wrong_command_line_is_2() -> None:
    """An unknown command or a missing argument is a usage error."""
    assert CliRunner().invoke(app, ["market"]).exit_code == 2
    assert CliRunner().invoke(app, ["chain"]).exit_code == 2
    assert CliRunner().invoke(app, ["trade", "perp", "vETH", "hold", "1"]).exit_code == 2


def test_no_settings_file_is_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a settings file every command that needs one says how to get one, as text or JSON."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRIMTAB_CONFIG", raising=False)
    done = CliRunner().invoke(app, ["markets", "--json"])
    assert done.exit_code == 3
    error = json.loads(done.stdout)["error"]
    assert error["class"] == "ConfigError"
    assert "world up --config-out" in error["message"]


def test_the_reference_page_is_what_the_commands_say() -> None:
    """docs/reference/cli.md is what scripts/cli_reference.py writes today."""
    done = subprocess.run(
        [sys.executable, "scripts/cli_reference.py", "--check"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, "run: python scripts/cli_reference.py"
