"""Compiled contracts: found, parsed, and told apart from what stands on a chain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trimtab.chain.abi import Abi
from trimtab.errors import ConfigError
from trimtab.hooks.artifacts import Artifact, load_artifact


def all_names(root: Path) -> list[str]:
    return sorted(path.stem for path in (root / "abis" / "trimtab").glob("*.json"))


ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", all_names(ROOT))
def test_every_compiled_contract_is_found(name: str) -> None:
    """What the build wrote is loaded with both codes; its immutables' words are zeros in the file."""
    artifact = load_artifact(name)
    entry = json.loads((ROOT / "abis" / "trimtab" / f"{name}.json").read_text())
    assert "0x" + artifact.creation_code.hex() == entry["bytecode"]
    assert "0x" + artifact.deployed_code.hex() == entry["deployedBytecode"]
    assert artifact.read_immutables(artifact.deployed_code) == (bytes(32),) * len(artifact.immutables)


def test_a_missing_contract_says_how_it_is_made() -> None:
    """`ConfigError` names the file that was looked for and the script that writes it."""
    with pytest.raises(ConfigError, match=r"abis/trimtab/Nothing.json.*build_contracts.py"):
        load_artifact("Nothing")


def code(word: bytes) -> bytes:
    """PUSH1 0x7f, PUSH32 word, PUSH1 0, STOP: the first byte 7f is data, and no immutable."""
    return b"\x60\x7f" + b"\x7f" + word + b"\x60\x00\x00"


def test_code_is_compared_with_its_immutables_masked() -> None:
    """The words of immutables are told, and any other byte that differs is another contract."""
    artifact = Artifact("Test", Abi([]), b"", code(bytes(32)))
    owner = bytes(12) + b"\xab" * 20
    assert artifact.immutables == (3,)
    assert artifact.read_immutables(code(owner)) == (owner,)
    assert artifact.read_immutables(code(owner)[:-1]) is None
    assert artifact.read_immutables(code(owner)[:-1] + b"\x01") is None
    assert artifact.read_immutables(b"") is None
