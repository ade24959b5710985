"""The wheel is whole: it installs and works where the repository is not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
USE = """
import trimtab
from trimtab import Abi, Lyra, PerpV2
assert Abi.load("perp_v2/ClearingHouse").function("openPosition").selector
assert Abi.load("lyra/OptionMarket").events
print(trimtab.__file__)
"""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]


def _run(*words: object, cwd: Path) -> str:
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as `pip` builds it from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", folder, ROOT, cwd=folder)
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_what_it_needs_and_no_more(wheel: Path) -> None:
    """Every ABI, every data file beside the code, and py.typed; no test, no artifact, no settings file."""
    names = set(zipfile.ZipFile(wheel).namelist())
    abis = {f"trimtab/_abis/{p.relative_to(ROOT / 'abis')}" for p in (ROOT / "abis").rglob("*.json")}
    assert len(abis) > 20
    assert abis <= names
    package = ROOT / "src" / "trimtab"
    data = [p for p in package.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")]
    assert {f"trimtab/{p.relative_to(package)}" for p in data} <= names
    assert "trimtab/py.typed" in names
    assert not [n for n in names if n.startswith("tests") or n.endswith((".toml", ".db", ".pyc"))]
    assert {n.split("/")[0] for n in names} == {"trimtab", f"trimtab-{_version(wheel)}.dist-info"}


def test_it_works_outside_of_the_repository(wheel: Path, tmp_path: Path) -> None:
    """In a fresh environment: names import, ABIs load, the command answers."""
    _run(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    bin_ = tmp_path / "venv" / "bin"
    _run(bin_ / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    assert str(tmp_path) in _run(bin_ / "python", "-W", "error", "-c", USE, cwd=tmp_path)
    assert "Exit codes" in _run(bin_ / "trimtab", "--help", cwd=tmp_path)
    assert "fetch" in _run(bin_ / "trimtab", "world", "fetch", "--help", cwd=tmp_path)
    assert "--crash-at" in _run(bin_ / "trimtab", "demo", "--help", cwd=tmp_path)


def _version(wheel: Path) -> str:
    return wheel.name.split("-")[1]
