"""ape's own compilation of the sources beside ours."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_contracts.py"
LENGTH_BYTES = 2  # of the metadata, at the end of the code


@pytest.fixture(scope="session")
def ours():
    """What scripts/build_contracts.py makes of our sources by name, with the metadata that ape cannot leave
    out: it moves the places of data in the code. That the shipped artifacts are what that script makes is
    checked in CI, by --recompile."""
    spec = importlib.util.spec_from_file_location("build_contracts", SCRIPT)
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.SETTINGS.pop("metadata")
    shipped = [path for path in build.deployable() if "mocks" not in path.parts]
    return {str(p.relative_to(build.ROOT)): build.compile_source(p) for p in shipped}


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_ape_compiles_the_same_code(project, ours):
    """`ape compile`, by ape-config.yaml and with all files in company, gives the same code at run time as our
    script, but for the hashes at its end; so who works with ape tests what ships."""
    project.load_contracts(*ours)
    compared = 0
    for contracts in ours.values():
        for name, made in contracts.items():
            if code := made["evm"]["deployedBytecode"]["object"]:
                apes = project.get_contract(name).contract_type.runtime_bytecode.bytecode
                assert _without_metadata(apes.removeprefix("0x")) == _without_metadata(code), name
                compared += 1
    assert compared >= 5


def _without_metadata(code: str) -> str:
    length = int(code[-2 * LENGTH_BYTES :], 16)
    return code[: -2 * (length + LENGTH_BYTES)]
