"""`trimtab world faults` as a user runs it: up until Ctrl-C, told as tables or JSON, summed up at the end."""

from __future__ import annotations

import asyncio
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
from trimtab.cli.app import app
from trimtab.errors import TransportError
from trimtab.world.faults import FaultPlan, FaultProxy, Rule
from trimtab.world.faults.kinds import HtmlBody
from trimtab.world.faults.presets import PRESETS
from trimtab.world.node import AnvilNode

pytestmark = pytest.mark.node

PLAN = """
[[rule]]
fault = "html_body"
methods = "eth_gasPrice"
first = 2
[[rule]]
fault = "dropped_send"
[[chain]]
fault = "reorg"
depth = 1
every_seconds = 0.1
limit = 1
"""


@pytest.fixture
async def mined(anvil: AnvilNode) -> AnvilNode:
    """A node with a few blocks, so that there is something to reorganise."""
    async with Client.open(anvil.url) as client:
        await client.request("anvil_mine", ["0x5"])
    return anvil


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "trimtab.cli.world", "faults", "--port", "0", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


async def read_until(run: subprocess.Popen[str], word: str) -> list[str]:
    """Lines up to the first that holds a word; what else runs in this loop goes on."""
    return await asyncio.to_thread(_read_until, run, word)


def _read_until(run: subprocess.Popen[str], word: str) -> list[str]:
    assert run.stdout is not None
    lines: list[str] = []
    for line in run.stdout:
        lines.append(line)
        if word in line:
            return lines
    pytest.fail("".join(lines) + (run.stderr.read() if run.stderr else ""))


async def use(url: str) -> None:
    """Two pages in place of the gas price, then the price."""
    async with Client.open(url) as client:
        assert int(await client.request("eth_gasPrice"), 16) > 0


async def ended(run: subprocess.Popen[str]) -> str:
    """What it still says after Ctrl-C, having ended well."""
    run.send_signal(signal.SIGINT)
    out, err = await asyncio.to_thread(run.communicate, timeout=60)
    assert (run.returncode, err) == (0, "")
    return out


async def test_tables_for_people(mined: AnvilNode, tmp_path: Path) -> None:
    """The plan in words and the URL at once; at the end what happened, and what never did."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    with running("--upstream", mined.url, "--plan", str(path), "--seed", "9") as run:
        told = await read_until(run, "trimtab doctor")
        url = next(line.split()[1] for line in told if line.strip().startswith("use "))
        words = " ".join("".join(told).split())
        assert "plan plan.toml" in words
        assert "html_body the first 2 eth_gasPrice" in words
        assert "dropped_send always sends" in words
        assert "reorg depth 1 every 0.1 s the chain" in words
        assert f"in place of {mined.url}, chain 31337 seed 9" in words
        await use(url)
        out = " ".join((await ended(run)).split())
    assert "html_body 2 eth_gasPrice 2 An HTML page with status 200 in place of an answer." in out
    assert "planned and never injected: dropped_send" in out.replace("reorg, ", "").replace(", reorg", "")
    async with Client.open(mined.url):  # the node goes on
        with pytest.raises(TransportError):
            await use(url)


async def test_json_for_programs(mined: AnvilNode, tmp_path: Path) -> None:
    """One line at the start and one at the end, with everything that the tables tell."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    with running("--upstream", mined.url, "--plan", str(path), "--json") as run:
        up: dict[str, Any] = json.loads((await read_until(run, "}"))[0])
        assert up["upstream"] == mined.url
        assert (up["chain_id"], up["seed"], up["plan"]) == (31337, 0, str(path))
        assert up["rules"] == [
            {"fault": "html_body", "forwarded": False, "methods": ["eth_gasPrice"], "first": 2},
            {"fault": "dropped_send"},
        ]
        assert up["chain"] == [{"fault": "reorg", "depth": 1, "every_seconds": 0.1, "limit": 1}]
        await use(up["url"])
        end = json.loads(await ended(run))
    assert end["requests"]["eth_gasPrice"] == 3
    assert end["injected"]["html_body"] == 2
    assert end["by_method"] == [{"fault": "html_body", "method": "eth_gasPrice", "times": 2}]
    assert "dropped_send" in end["never_injected"]


async def test_a_preset_stands_before_any_node(anvil: AnvilNode) -> None:
    """Without anvil's methods its faults of the chain are left out, and the table says so."""
    async with FaultProxy.open(anvil.url, FaultPlan((Rule(HtmlBody(), methods=("anvil_*",)),))) as plain:
        with running("--upstream", plain.url, "--preset", "storm") as run:
            words = " ".join("".join(await read_until(run, "trimtab doctor")).split())
            assert "3 faults of the chain are left out: the node is no anvil" in words
            assert words.count("any request") > 10
            await ended(run)


async def test_flaky_is_what_comes_without_a_word(anvil: AnvilNode) -> None:
    """Neither a plan nor a preset is needed to begin."""
    with running("--upstream", anvil.url, "--json") as run:
        up = json.loads((await read_until(run, "}"))[0])
        assert up["plan"] == "flaky"
        assert len(up["rules"]) == len(PRESETS["flaky"].rules)
        await ended(run)


def refused(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["world", "faults", *words], env={"COLUMNS": "200"})
    return done.exit_code, " ".join((done.stdout + done.stderr).replace("│", " ").split())


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    """A bad plan with file, rule and nearest key; two plans; no node; no URL; no key of the URL is shown."""
    path = tmp_path / "plan.toml"
    path.write_text('[[rule]]\nfault = "null_lie"\nprobabilty = 0.1\n')
    code, words = refused("--upstream", "http://127.0.0.1:1", "--plan", str(path))
    assert code == 3
    assert "plan.toml, rule 1 (null_lie): there is no key 'probabilty'; did you mean 'probability'?" in words
    code, words = refused("--upstream", "http://127.0.0.1:1", "--plan", str(path), "--preset", "calm")
    assert (code, "give --plan or --preset" in words) == (3, True)
    code, words = refused("--upstream", "http://127.0.0.1:1/v2/secret")
    assert (code, "127.0.0.1:1/*** could not be reached" in words, "secret" in words) == (4, True, False)
    code, words = refused("--upstream", "localhost:8545")
    assert (code, "is not a node: give its http(s):// or ws(s):// URL" in words) == (3, True)
    code, words = refused("--upstream", "http://127.0.0.1:1", "--json")
    assert (code, '"class": "ConnectionLostError"' in words) == (4, True)


async def test_a_plan_of_ones_own_that_cannot_be_followed(anvil: AnvilNode, tmp_path: Path) -> None:
    """Faults of the chain that a file asks for are not left out silently."""
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    async with FaultProxy.open(anvil.url, FaultPlan((Rule(HtmlBody(), methods=("anvil_*",)),))) as plain:
        with running("--upstream", plain.url, "--plan", str(path)) as run:
            _, err = await asyncio.to_thread(run.communicate, timeout=60)
    assert run.returncode == 3
    assert "leave out [[chain]]" in " ".join(err.replace("│", " ").split())
