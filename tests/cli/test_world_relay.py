"""`trimtab world relay` as a user runs it: up until Ctrl-C, told as tables or JSON, summed up at the end."""

from __future__ import annotations

import asyncio
import json
import re
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
from trimtab.cli.world_relay import read_faults
from trimtab.errors import ConfigError
from trimtab.net.json_http import JsonHttp
from trimtab.world.accounts import ACCOUNTS
from trimtab.world.node import AnvilNode, NodeOptions

pytestmark = pytest.mark.node


@contextmanager
def running(*words: str) -> Iterator[subprocess.Popen[str]]:
    ports = ("--port", "0", "--public-port", "0")
    command = [sys.executable, "-m", "trimtab.cli.world", "relay", *ports, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        try:
            yield run
        finally:
            run.kill()


def end(run: subprocess.Popen[str]) -> str:
    """Ctrl-C; what was printed after that."""
    run.send_signal(signal.SIGINT)
    rest, complaints = run.communicate(timeout=60)
    assert run.returncode == 0, complaints
    return rest


async def test_relays_build_blocks_until_told_to_end() -> None:
    """Two relays before a node: the public node mines what it is sent, and the end says what was asked."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node:
        words = ("--upstream", node.url, "--name", "one", "--name", "two", "--every", "0.05", "--json")
        with running(*words, "--fault", "refused=0.5") as run:
            assert run.stdout is not None
            told: dict[str, Any] = json.loads(run.stdout.readline())
            assert [relay["name"] for relay in told["relays"]] == ["one", "two"]
            assert told["faults"] == {"refused": "50 %"}
            async with Client.open(told["public_url"]) as client:
                sender = ACCOUNTS["trader"].address
                before = await client.block_number()
                tx = {"from": sender, "to": sender, "value": "0x1"}
                tx_hash = await client.request("eth_sendTransaction", [tx])
                async for head in client.heads():
                    if await client.receipt(tx_hash) is not None:
                        break
                    assert head is not None
                assert await client.block_number() > before
            summary = json.loads(end(run))
    assert summary["blocks"] > 0
    assert summary["public_requests"] > 2
    assert summary["relays"]["one"]["requests"] == {}


async def test_the_settings_it_writes_are_healthy(tmp_path: Path) -> None:
    """With --config-out the other commands work behind the relays at once; not over a node whose contracts
    nobody knows."""
    path = tmp_path / "trimtab.toml"
    with running("--config-out", str(path), "--every", "0.2", "--json") as run:
        assert run.stdout is not None
        told: dict[str, Any] = json.loads(run.stdout.readline())
        assert told["config"] == str(path)
        env = {"TRIMTAB_PRIVATE_KEY": "", "TRIMTAB_RELAY_KEY": "", "TRIMTAB_RPC_URL": ""}
        words = ["doctor", "--config", str(path), "--json"]
        done = await asyncio.to_thread(CliRunner().invoke, app, words, env=env)
        assert done.exit_code == 0, done.output
        found = {
            item["check"].partition(":")[0]: item["verdict"] for item in json.loads(done.stdout)["findings"]
        }
        assert (found["route relays"], found["route protect"]) == ("ok", "ok")
        end(run)
    words = ["world", "relay", "--upstream", "http://127.0.0.1:9", "--config-out", str(path)]
    refused = await asyncio.to_thread(CliRunner().invoke, app, words)
    assert refused.exit_code == 3
    assert "leave out --upstream" in " ".join(refused.output.split())


async def test_tables_name_what_to_use() -> None:
    """For people: the relays, the public node, the faults, the way out; then what struck which request."""
    async with AnvilNode.open(NodeOptions(order="fifo")) as node:
        with running("--upstream", node.url, "--fault", "refused") as run:
            assert run.stdout is not None
            lines = []
            for line in run.stdout:
                lines.append(line)
                if "status" in line:
                    break
            text = "".join(lines)
            assert all(words in text for words in ("relays", "public node", "refused", "always", "each 2 s"))
            found = re.search(r"http://127.0.0.1:\d+", text)
            assert found is not None
            async with JsonHttp(found[0]) as http:
                await http.post("", {"id": 1, "method": "eth_sendRawTransaction", "params": ["0x02"]})
            told = end(run)
            assert re.search(r"relay +eth_sendRawTransaction +1 +refused 1", told)
            assert "blocks" in told


def test_mistakes_are_named(anvil: AnvilNode) -> None:
    """A node that sorts by itself, two relays of one name, and a fault that is none."""
    runner = CliRunner()
    for words, message in (
        (("--upstream", anvil.url), "--order fifo"),
        (("--name", "a", "--name", "a"), "one name"),
        (("--fault", "nonsense"), "no fault 'nonsense'"),
        (("--fault", "refused=often"), "probability"),
        (("--fault", "refused=2"), "not within 0 and 1"),
    ):
        done = runner.invoke(app, ["world", "relay", "--port", "0", "--public-port", "0", *words])
        assert done.exit_code != 0
        assert message in " ".join(done.output.split()), done.output


def test_faults_are_read() -> None:
    """A kind with its probability, or alone for always."""
    plan = read_faults(("refused=0.25", "uncle"))
    assert [rule.probability for rule in plan.rules] == [0.25, None]
    with pytest.raises(ConfigError, match="stale_nonce"):
        read_faults(("stale_nonce",))
