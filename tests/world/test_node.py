"""The anvil process: quick to start, plain about why it does not, gone with its parent."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trimtab.chain.client import Client
from trimtab.errors import ConfigError
from trimtab.world import node as node_module
from trimtab.world.node import AnvilNode, NodeOptions, find_anvil

pytestmark = pytest.mark.node

_PARENT = """
import asyncio
from trimtab.world.node import AnvilNode

async def main():
    async with AnvilNode.open() as node:
        print(node.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_two_nodes_side_by_side() -> None:
    """Without a port each node takes a free one, on loopback, and answers at once."""
    async with AnvilNode.open() as one, AnvilNode.open(NodeOptions(chain_id=7)) as other:
        assert one.url != other.url
        assert one.url.startswith("http://127.0.0.1:")
        for node, chain_id in ((one, 31337), (other, 7)):
            async with Client.open(node.url) as client:
                assert client.chain_id == chain_id


async def test_starts_quickly() -> None:
    """A node listens in under a second; the best of three is taken, because others share the machine."""
    times = []
    for _ in range(3):
        started = time.perf_counter()
        async with AnvilNode.open():
            times.append(time.perf_counter() - started)
    assert min(times) < 1


async def test_gone_after_the_block() -> None:
    """Leaving the block ends the process, also when the body fails."""
    seen: list[AnvilNode] = []

    async def use_and_fail() -> None:
        async with AnvilNode.open() as node:
            seen.append(node)
            assert node.is_alive
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await use_and_fail()
    assert not seen[0].is_alive
    await seen[0].wait_until_dead()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_no_orphan_when_the_parent_is_killed() -> None:
    """SIGKILL of the process that started anvil takes anvil with it."""
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert _is_alive(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while _is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _is_alive(pid)


async def test_a_bad_option_is_told_with_the_nodes_words() -> None:
    """When anvil stops at once, the error holds what it said."""
    with pytest.raises(ConfigError, match="Unknown hardfork: nope"):
        async with AnvilNode.open(NodeOptions(hardfork="nope")):
            pass


async def test_a_taken_port_is_told() -> None:
    """A port in use is an error that says so, not another port."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"choose another, or 0[\s\S]*Address already in use"):
            async with AnvilNode.open(NodeOptions(port=taken.getsockname()[1])):
                pass


async def test_an_unreachable_upstream_is_told() -> None:
    """A fork of nothing fails with the upstream's trouble."""
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1"):
        async with AnvilNode.open(NodeOptions(fork_url="http://127.0.0.1:1")):
            pass


async def test_a_slow_start_has_a_deadline() -> None:
    """The wait for the node ends, with the reason."""
    with pytest.raises(ConfigError, match=r"did not listen within 0\.0 s"):
        async with AnvilNode.open(NodeOptions(start_timeout=0.0)):
            pass


async def test_ipc_and_websocket_answer(tmp_path: Path) -> None:
    """The node serves HTTP, WebSocket and a socket file at once."""
    path = tmp_path / "anvil.ipc"
    async with AnvilNode.open(NodeOptions(ipc_path=path)) as node:
        for url in (node.url, node.ws_url, str(path)):
            async with Client.open(url) as client:
                assert await client.block_number() == 0
        assert "Listening on" in node.log_tail(100)


def test_a_missing_binary_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without anvil the error names the fix and the other engine."""
    monkeypatch.setattr(node_module, "default_node_modules", lambda: (tmp_path,))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"npm install @foundry-rs/anvil.*--engine py-evm") as caught:
        find_anvil()
    assert caught.value.key == "engine"


def test_the_npm_wrapper_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A script named anvil on PATH is npm's wrapper, whose death would orphan the node: it is passed over,
    and a native binary is taken."""
    monkeypatch.setattr(node_module, "default_node_modules", lambda: ())
    binary = tmp_path / "anvil"
    monkeypatch.setenv("PATH", str(tmp_path))
    binary.write_bytes(b"#!/usr/bin/env node\n")
    binary.chmod(0o755)
    with pytest.raises(ConfigError):
        find_anvil()
    binary.write_bytes(b"\x7fELF")
    assert find_anvil() == binary


def test_a_given_folder_comes_first(tmp_path: Path) -> None:
    """The native binary inside the given node_modules wins over all other places."""
    binary = tmp_path / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    binary.parent.mkdir(parents=True)
    binary.write_bytes(b"\x7fELF")
    assert find_anvil([tmp_path]) != binary  # not executable
    binary.chmod(0o755)
    assert find_anvil([tmp_path]) == binary


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_node_leaves_nothing_in_the_users_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """anvil writes old states to disk, by default into the home, where a killed one leaves them: hundreds of
    test runs are tens of gigabytes. Ours go with the node."""
    monkeypatch.setenv("HOME", str(tmp_path))
    async with AnvilNode.open() as node, Client.open(node.url) as client:
        for _ in range(8):
            await client.request("anvil_setBalance", ["0x" + "12" * 20, "0x1"])
            await client.request("anvil_mine", [hex(100)])
    assert not files_below(tmp_path)
