"""The artifacts of our contracts: built where they belong, and a stale one is found. (CI compiles all of them
once more and compares each byte: .ci/run.)"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = "scripts/build_contracts.py"
HEAD = "// SPDX-License-Identifier: MIT\npragma solidity 0.8.37;\n"
COUNTER = """import {Step} from "./libraries/Step.sol";
import {Context} from "@openzeppelin/contracts/utils/Context.sol";
contract Counter is Context {
    mapping(address caller => uint256) public count;
    function add() external { count[_msgSender()] += Step.SIZE; }
}
"""
OURS, MOCK = "abis/trimtab/Counter.json", "tests/data/contracts/Deaf.json"
Build = Callable[..., subprocess.CompletedProcess[str]]


def _run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def _write(root: Path, name: str, text: str) -> None:
    path = root / "contracts" / f"{name}.sol"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + text, encoding="utf-8")


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A small repository, built once: one contract, one library, one mock; and what the build printed."""
    root = tmp_path_factory.mktemp("small")
    (root / "scripts").mkdir()
    shutil.copy(ROOT / SCRIPT, root / "scripts")
    for folder in ("node_modules", "tools"):
        (root / folder).symlink_to(ROOT / folder)
    _write(root, "Counter", COUNTER)
    _write(root, "libraries/Step", "library Step { uint256 internal constant SIZE = 1; }\n")
    _write(root, "mocks/Deaf", "contract Deaf { fallback() external { revert(); } }\n")
    done = _run(root)
    assert done.returncode == 0, done.stderr
    return root, done.stdout


@pytest.fixture
def repository(first: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy for one test."""
    return Path(shutil.copytree(first[0], tmp_path / "copy", symlinks=True))


@pytest.fixture
def build(repository: Path) -> Build:
    return lambda *arguments: _run(repository, *arguments)


def _edit(path: Path, field: str, change: Callable[[str], str]) -> None:
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    entry[field] = change(entry[field])
    path.write_text(json.dumps(entry, indent=1) + "\n", encoding="utf-8")


def test_what_is_built_is_found_in_its_place(first: tuple[Path, str], repository: Path, build: Build) -> None:
    """Ours go where the wheel takes them, mocks to the tests' data, libraries nowhere; sizes are printed;
    what is not stale is not built again."""
    found = {str(p.relative_to(repository)) for p in repository.glob("*/**/*.json") if p.is_file()}
    assert {path for path in found if not path.startswith(("node_modules", "tools"))} == {OURS, MOCK}
    built = json.loads((repository / OURS).read_text(encoding="utf-8"))
    assert built["source"] == "contracts/Counter.sol"
    size = len(built["deployedBytecode"]) // 2 - 1
    assert any(line.startswith("Counter") and f" {size} bytes" in line for line in first[1].splitlines())
    assert build("--check").returncode == 0
    assert "wrote" not in build().stdout


def test_a_change_of_what_is_imported_makes_stale(repository: Path, build: Build) -> None:
    """An edit of a library names the contracts that import it, and only those; building mends it."""
    _write(repository, "libraries/Step", "library Step { uint256 internal constant SIZE = 2; }\n")
    done = build("--check")
    assert done.returncode != 0
    assert "contracts/Counter.sol" in done.stderr
    assert "Deaf" not in done.stderr
    assert build().stdout.count("wrote") == 1
    assert build("--check").returncode == 0


def test_bytecode_that_was_touched_is_found_by_compiling(repository: Path, build: Build) -> None:
    """Another byte of code under the right digest passes the quick check, but not the true one."""
    assert build("--recompile").returncode == 0
    _edit(repository / OURS, "bytecode", lambda code: code[:-2] + "00")
    assert build("--check").returncode == 0
    assert "contracts/Counter.sol" in build("--recompile").stderr


def test_the_artifact_of_a_contract_that_is_gone_goes_too(repository: Path, build: Build) -> None:
    """The check names it, building deletes it."""
    (repository / "contracts/mocks/Deaf.sol").unlink()
    assert MOCK in build("--check").stderr
    build()
    assert not (repository / MOCK).exists()


def test_a_warning_stops_its_file_and_no_other(repository: Path, build: Build) -> None:
    """What the compiler warns of in one of our files fails the build in its words; the others are built."""
    _write(repository, "Odd", "contract Odd { function f() external pure { uint256 x; } }\n")
    _write(repository, "Plain", "contract Plain {}\n")
    done = build()
    assert done.returncode != 0
    assert "Unused local variable" in done.stderr
    assert [p.stem for p in sorted((repository / OURS).parent.iterdir())] == ["Counter", "Plain"]


def test_a_contract_too_large_to_deploy_fails(repository: Path, build: Build) -> None:
    """24,577 bytes of code cannot stand on a chain (EIP-170), 24,576 can."""
    _edit(repository / OURS, "deployedBytecode", lambda _: "0x" + "00" * 24_576)
    assert build("--check").returncode == 0
    _edit(repository / OURS, "deployedBytecode", lambda _: "0x" + "00" * 24_577)
    done = build("--check")
    assert done.returncode != 0
    assert "EIP-170" in done.stderr
    assert "Counter" in done.stderr
