"""Slither over contracts/, by npm's solc. Each finding must be answered in docs/reference/slither.md, by its
kind or by its place, and each answer there must have a finding: otherwise this fails, and says which.

    .venv-ape/bin/python scripts/static_analysis.py
"""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crytic_compile import CryticCompile
from crytic_compile.platform import solc_standard_json
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "slither.md"
SOLC = ROOT / "tools" / "solc"
NOT_OURS = ["node_modules", "contracts/mocks"]
_NO_CODE = {"object": "", "sourceMap": ""}
_ROW = re.compile(r"^\| `([\w-]+)` \|(?: ((?:`[\w.]+`(?:, )?)+) \|)? [^|]+ \|$", re.MULTILINE)
Key = tuple[str, str | None]  # a kind, and a place or all places


def findings() -> list[dict[str, Any]]:
    """What slither has to say about our contracts."""
    solc_standard_json.run_solc_standard_json = _syntax_trees
    platform = solc_standard_json.SolcStandardJson(_question(), solc=str(SOLC))
    slither = Slither(CryticCompile(platform, solc=str(SOLC)), filter_paths=NOT_OURS)
    for _, detector in inspect.getmembers(all_detectors, inspect.isclass):
        if issubclass(detector, AbstractDetector):
            slither.register_detector(detector)
    return [found for result in slither.run_detectors() for found in result]


def _question() -> dict[str, Any]:
    files = sorted((ROOT / "contracts").rglob("*.sol"))
    sources = {str(f.relative_to(ROOT)): {"content": f.read_text(encoding="utf-8")} for f in files}
    remappings = ["@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/"]
    settings = {"evmVersion": "cancun", "viaIR": True, "remappings": remappings}
    return {"language": "Solidity", "sources": sources, "settings": settings}


def _syntax_trees(asked: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
    """In place of crytic-compile's own call of solc, without the code: slither reads syntax trees only, and
    code would take ten times as long."""
    asked["settings"]["outputSelection"] = {"*": {"*": ["abi", "devdoc", "userdoc"], "": ["ast"]}}
    command = [str(SOLC), "--standard-json", "--base-path", str(ROOT)]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout)
    if wrong := [e["formattedMessage"] for e in said.get("errors", ()) if e["severity"] == "error"]:
        sys.exit("\n".join(wrong))
    for contracts in said["contracts"].values():
        for made in contracts.values():
            made["evm"] = {"bytecode": _NO_CODE, "deployedBytecode": _NO_CODE}
    return said


def place(found: dict[str, Any]) -> str:
    """`Contract.function`, or `Contract.variable`, of a finding."""
    element, names = found["elements"][0], {}
    while element:
        names[element["type"]] = element["name"]
        element = element.get("type_specific_fields", {}).get("parent")
    inner = names.get("function") or names.get("variable") or names.get("struct")
    return (
        f"{names['contract']}.{inner}" if inner and "contract" in names else str(inner or names["contract"])
    )


def answers(text: str) -> set[Key]:
    """The page's rows: `kind` | answer, and `kind` | `places` | answer."""
    keys: set[Key] = set()
    for kind, places in _ROW.findall(text):
        keys |= {(kind, name) for name in re.findall(r"[\w.]+", places)} or {(kind, None)}
    return keys


def judge(found: list[dict[str, Any]], answered: set[Key]) -> Iterator[str]:
    """What is not answered, and which answers have no question any more."""
    used: set[Key] = set()
    for finding in found:
        fitting = {(finding["check"], place(finding)), (finding["check"], None)} & answered
        used |= fitting
        if not fitting:
            words = " ".join(finding["description"].split())
            yield f"{finding['check']} ({finding['impact']}) at {place(finding)}: {words[:400]}"
    for kind, where in sorted(answered - used, key=str):
        yield f"an answer without a finding: {kind} {where or ''}"


def main() -> None:
    found = findings()
    amiss = list(judge(found, answers(PAGE.read_text(encoding="utf-8"))))
    print(f"slither: {len(found)} findings in contracts/, {len(amiss)} of them amiss")
    if amiss:
        sys.exit("\n".join([*amiss, f"mend the contract, or answer in {PAGE.relative_to(ROOT)}"]))


if __name__ == "__main__":
    main()
