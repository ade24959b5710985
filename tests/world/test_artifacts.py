"""Artifacts: found in npm packages, linked, and plainly missed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from trimtab.chain.abi import Abi
from trimtab.errors import ConfigError
from trimtab.model.ids import Address
from trimtab.world import artifacts as artifacts_module
from trimtab.world.artifacts import CONTRACTS, Artifacts, missing_files

LIBRARY = Address("0x" + "11" * 20)
LIBRARIES = ("BlackScholes", "GWAV", "Logic")
_PORTAL = "@perp/curie-deployments/optimism/periphery/artifacts/contracts/lens/PerpPortal.sol/PerpPortal.json"


def test_every_contract_loads() -> None:
    """Each of the 74 contracts has an ABI and bytecode that deploys something."""
    found = Artifacts.find()
    assert len(CONTRACTS) == 74
    for name in CONTRACTS:
        artifact = found[name]
        assert len(artifact.code) > 100
        assert artifact.abi.functions or artifact.links or name.endswith(LIBRARIES)


def test_other_libraries_take_the_abi_as_it_is() -> None:
    """The JSON entries of an artifact give the same ABI again, also where Chainlink keeps it elsewhere."""
    found = Artifacts.find()
    for name in ("ClearingHouse", "MockV3Aggregator"):
        again = Abi.parse(found.entries(name))
        assert set(again.functions) == set(found.abi(name).functions)


def test_libraries_are_linked_in_place() -> None:
    """A linked contract has the library's address wherever it had a placeholder; unlinked it is refused."""
    cache = Artifacts.find()["OptionGreekCache"]
    assert set(cache.links) == {"GWAV", "BlackScholes"}
    other = Address("0x" + "22" * 20)
    code = cache.creation_code(libraries={"GWAV": LIBRARY, "BlackScholes": other})
    for library, address in (("GWAV", LIBRARY), ("BlackScholes", other)):
        for offset in cache.links[library]:
            assert code[offset : offset + 20].hex() == address[2:]
    with pytest.raises(ConfigError, match="links the library"):
        cache.creation_code(libraries={"GWAV": LIBRARY})


def test_constructor_arguments_follow_the_code() -> None:
    """Creation code ends with the encoded arguments."""
    token = Artifacts.find()["MintableERC20"]
    code = token.creation_code("USD Coin", "USDC", 6)
    assert code.startswith(bytes.fromhex(token.code))
    assert b"USD Coin" in code[len(token.code) // 2 :]


def test_missing_packages_are_named_with_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where nothing is found the error says which packages, where it looked, and the command."""
    monkeypatch.setattr(artifacts_module, "default_node_modules", lambda: (tmp_path / "cache",))
    with pytest.raises(ConfigError) as caught:
        Artifacts.find([tmp_path])
    message = str(caught.value)
    for word in (
        "trimtab world fetch",
        str(tmp_path / "cache"),
        "@perp/curie-contract",
        "@lyrafinance/protocol",
    ):
        assert word in message


def test_a_half_filled_folder_is_passed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder that lacks one file is not taken; the next complete one is."""
    complete = Artifacts.find().root
    for path in missing_files(tmp_path):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(complete / path, target)
    assert missing_files(tmp_path) == []
    (tmp_path / _PORTAL).unlink()
    assert missing_files(tmp_path) == [_PORTAL]
    assert missing_files(tmp_path, "@lyrafinance/protocol") == []
    monkeypatch.setattr(artifacts_module, "default_node_modules", lambda: (complete,))
    assert Artifacts.find([tmp_path]).root == complete


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        json.dumps({"abi": []}),
        json.dumps({"abi": [], "bytecode": "0x", "linkReferences": {}}),
        json.dumps({"abi": 5, "bytecode": "0x60", "linkReferences": {}}),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    """A file cut short, of another shape or without bytecode is an error with its name and the fix."""
    path = tmp_path / _PORTAL
    path.parent.mkdir(parents=True)
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"PerpPortal .*damaged.*trimtab world fetch --force"):
        Artifacts(tmp_path)["PerpPortal"]


def test_an_unknown_name_is_refused() -> None:
    """A name that is no contract of ours is an error, too."""
    with pytest.raises(ConfigError, match="Nonsense"):
        Artifacts.find()["Nonsense"]


def test_a_typechain_factory_without_code_is_named(tmp_path: Path) -> None:
    """The mock aggregator's bytecode is looked for in generated JavaScript; without it there is an error."""
    path = tmp_path / "@chainlink/contracts/ethers/v0.7/factories/MockV3Aggregator__factory.js"
    path.parent.mkdir(parents=True)
    path.write_text('const _bytecode = "0x";')
    with pytest.raises(ConfigError, match="no bytecode in the typechain factory"):
        Artifacts(tmp_path)["MockV3Aggregator"]
