"""One anvil process on loopback: started, watched, and killed with its parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from trimtab.errors import ConfigError

DEV_MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 31337
_LISTENING = re.compile(r"^Listening on (127\.0\.0\.1:\d+)$", re.MULTILINE)
_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.002
_WATCH_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class NodeOptions:
    """How anvil runs. `port` None takes a free one; `timestamp` is the genesis time, unix seconds.

    `fork_url` continues another chain's state from `fork_block` (its latest when None). `ipc_path` adds a
    socket. `order` is how the pool sorts: "fees" as in production, or "fifo".
    """

    port: int | None = None
    hardfork: str = "prague"
    chain_id: int | None = None
    gas_limit: int = 2_000_000_000
    accounts: int = 10
    timestamp: int | None = None
    fork_url: str | None = None
    fork_block: int | None = None
    ipc_path: Path | None = None
    order: str = "fees"
    start_timeout: float = 60.0


class AnvilNode:
    """A running anvil. Made by `AnvilNode.open`; gone when the block is left, or when this process dies."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path, options: NodeOptions) -> None:
        self.url = url
        self.options = options
        self._process = process
        self._log = log

    @classmethod
    @asynccontextmanager
    async def open(
        cls, options: NodeOptions | None = None, *, node_modules: Sequence[Path] = ()
    ) -> AsyncIterator[Self]:
        """Start anvil and wait until it listens. Raises `ConfigError` with the fix when there is no binary,
        and with the end of its log when it does not start."""
        chosen = options or NodeOptions()
        binary = str(find_anvil(node_modules))
        with tempfile.TemporaryDirectory(prefix="trimtab-anvil-") as folder:
            # Old states go to disk; in the user's home a killed node would leave them there for good.
            command = [binary, *_arguments(chosen), "--cache-path", folder]
            log = Path(folder) / "anvil.log"
            process = _spawn(command, log)
            try:
                url = await _wait_until_listening(process, log, chosen.start_timeout)
                yield cls(process, url, log, chosen)
            finally:
                _kill(process)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ws_url(self) -> str:
        return self.url.replace("http://", "ws://", 1)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def wait_until_dead(self) -> None:
        """Returns when the process has ended, which it does not do by itself."""
        while self._process.poll() is None:  # noqa: ASYNC110 - a process tells nobody
            await asyncio.sleep(_WATCH_SECONDS)

    def log_tail(self, lines: int = 30) -> str:
        """The last lines that anvil printed."""
        return _tail(self._log, lines)


def find_anvil(node_modules: Iterable[Path] = ()) -> Path:
    """The native anvil binary: from the npm package's platform folder, else from PATH.

    Never npm's wrapper script, because a killed wrapper leaves its node running. Raises `ConfigError`.
    """
    for folder in (*node_modules, *default_node_modules()):
        for found in sorted(folder.glob("@foundry-rs/anvil-*/bin/anvil*")):
            if os.access(found, os.X_OK):
                return found
    on_path = shutil.which("anvil")
    if on_path and not _is_npm_wrapper(Path(on_path)):
        return Path(on_path)
    raise ConfigError(
        "there is no anvil to run a local world on: run `npm install @foundry-rs/anvil@1.7.1` in this folder "
        "(or `foundryup`), or choose the in-process engine with `--engine py-evm`",
        key="engine",
    )


def default_node_modules() -> tuple[Path, ...]:
    """Where npm packages may lie: this folder, the repository's, and the user's cache."""
    repository = Path(__file__).parents[3] / "node_modules"
    return (Path("node_modules").absolute(), repository, Path.home() / ".cache/trimtab/node_modules")


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _is_npm_wrapper(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def _arguments(options: NodeOptions) -> list[str]:
    given: list[tuple[str, object | None]] = [
        ("--port", options.port or 0),
        ("--host", "127.0.0.1"),
        ("--hardfork", options.hardfork),
        ("--gas-limit", options.gas_limit),
        ("--accounts", options.accounts),
        ("--mnemonic", DEV_MNEMONIC),
        ("--order", options.order),
        ("--chain-id", options.chain_id if options.fork_url else options.chain_id or CHAIN_ID),
        ("--timestamp", options.timestamp),
        ("--fork-url", options.fork_url),
        ("--fork-block-number", options.fork_block),
        ("--ipc", options.ipc_path),
    ]
    arguments = [text for flag, value in given if value is not None for text in (flag, str(value))]
    if options.fork_url and is_loopback(options.fork_url):
        # anvil keys its cache by chain id and block: another local chain would be read back from it
        arguments.append("--no-storage-caching")
    return arguments


def _spawn(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - an argument list, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is ours to answer, not the node's
            preexec_fn=_die_with_parent(os.getpid()),
        )


def _die_with_parent(parent: int) -> Callable[[], None] | None:
    """Linux kills the child when the parent is gone, even by SIGKILL. Elsewhere only our own exit does."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def in_child() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os._exit(1)

    return in_child


async def _wait_until_listening(process: subprocess.Popen[bytes], log: Path, timeout: float) -> str:
    try:
        async with asyncio.timeout(timeout):
            while True:
                found = _LISTENING.search(_text(log))
                if found:
                    return f"http://{found[1]}"
                if process.poll() is not None:
                    raise _stopped(process.returncode, _tail(log, 15))
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise ConfigError(
            f"anvil did not listen within {timeout} s (a slow fork upstream?); it said:\n{_tail(log, 15)}",
            key="engine",
        ) from None


def _stopped(code: int, words: str) -> ConfigError:
    if "Address already in use" in words:
        return ConfigError(f"anvil's port is taken: choose another, or 0 for a free one\n{words}", key="port")
    return ConfigError(f"anvil stopped at once with code {code}; it said:\n{words}", key="engine")


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _tail(log: Path, lines: int) -> str:
    return "\n".join(_text(log).rstrip().splitlines()[-lines:])


def _text(log: Path) -> str:
    return log.read_text(errors="replace")
