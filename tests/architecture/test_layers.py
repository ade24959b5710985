"""Who may import whom, and which libraries live in which room."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

# Library -> the places where it may be imported. A place ending in "/" is a room, else one module.
HOMES: dict[str, tuple[str, ...]] = {
    "aiohttp": ("net/", "chain/", "world/"),  # world: talks to the nodes it starts before there is a client
    "picows": ("net/", "chain/"),
    "web3": ("chain/", "world/"),  # world: py-evm runs behind eth-tester's web3-shaped provider
    "eth_abi": ("chain/",),
    "coincurve": ("tx/signers/",),
    "eth_account": ("tx/signers/",),
    "eth_keys": ("tx/signers/", "world/"),  # world: py-evm takes its keys as these
    "eth_tester": ("world/",),
    "pkcs11": ("tx/signers/",),
    "botocore": ("tx/signers/",),
    "sqlite3": ("journal/",),
    "numpy": ("pricing/", "world/"),  # world: seeded price paths
    "scipy": ("pricing/",),
    "plotly": ("report/",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "tomllib": ("config/reader.py", "world/faults/plan_file.py"),  # faults are a scenario, not settings
    "pytest": ("testing/",),
    "requests": (),
    "websockets": (),
}


@pytest.fixture(scope="session")
def contract(root: Path) -> dict[str, Any]:
    config = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = config["tool"]["importlinter"]["contracts"]
    return next(entry for entry in contracts if entry["type"] == "layers")


def _rows(layers: list[str]) -> list[set[str]]:
    return [set(re.findall(r"\w+", layer)) for layer in layers]


def test_the_import_contract_holds(root: Path) -> None:
    """lint-imports passes: imports point down, siblings never meet, strategies cannot send."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def test_the_contract_is_the_page(contract: dict[str, Any], page: str) -> None:
    """The layers of pyproject.toml are the rows that ARCHITECTURE.md draws, in that order."""
    drawing = page.split("Layers: import only downward")[1].split("```")[1]
    rows = [set(re.findall(r"[a-z]+", row[2:].split("    ")[0])) for row in drawing.strip().splitlines()]
    assert _rows(contract["layers"]) == rows


def test_every_room_has_a_row(contract: dict[str, Any], root: Path) -> None:
    """Each package and module of trimtab stands in one row; only bracketed rooms may be unbuilt."""
    package = root / "src" / "trimtab"
    built = {p.name for p in package.iterdir() if (p / "__init__.py").is_file()}
    built |= {p.stem for p in package.glob("*.py") if p.stem not in ("__init__", "__main__")}
    named = set().union(*_rows(contract["layers"]))
    planned = {name for layer in contract["layers"] for name in re.findall(r"\((\w+)\)", layer)}
    assert built <= named
    assert named - built <= planned


def test_libraries_stay_in_their_rooms(modules: list[Any]) -> None:
    """RPC and ABI libraries only look at chains, key libraries only sign, and so on by the table above."""
    strays = [
        f"{module.path} imports {name}"
        for module in modules
        for name in sorted(module.imports & HOMES.keys())
        if not any(module.path.startswith(home) for home in HOMES[name])
    ]
    assert not strays, "\n".join(strays)


def test_only_config_reads_settings(modules: list[Any]) -> None:
    """os.environ and os.getenv appear in config/reader.py alone: a room's options are values it is given."""
    readers = {m.path for m in modules if re.search(r"\bos\.(environ|getenv)\b|import environ", m.text)}
    assert readers == {"config/reader.py"}


def test_only_the_composition_root_reads_config(modules: list[Any]) -> None:
    """cli/ alone imports trimtab.config; config/ itself knows its own parts."""
    users = [m.path for m in modules if re.search(r"(from|import) trimtab\.config|import config\b", m.text)]
    assert [path for path in users if not path.startswith(("cli/", "config/"))] == []


def test_adapters_hold_no_key_and_send_nothing(modules: list[Any]) -> None:
    """A venue neither imports tx nor names a private key, nor sleeps, nor asks a node to send."""
    pattern = re.compile(r"trimtab\.tx\b|private_key|sendRawTransaction|eth_sendTransaction|\bsleep\(")
    assert [m.path for m in modules if m.room == "venues" and pattern.search(m.text)] == []


def test_no_loose_tasks(modules: list[Any]) -> None:
    """Nothing calls asyncio.ensure_future or loop.create_task: a task belongs to a group that awaits it."""
    pattern = re.compile(r"ensure_future\(|get_event_loop\(|(loop|asyncio)\.create_task\(")
    assert [m.path for m in modules if pattern.search(m.text)] == []
