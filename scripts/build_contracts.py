"""Compile contracts/ with npm's solc and write ABI and bytecode of what we deploy to abis/trimtab/.

    python scripts/build_contracts.py            # write
    python scripts/build_contracts.py --check    # fail when a file is not what the sources give

The same sources give the same bytes on every machine: the compiler, its settings and OpenZeppelin are pinned,
and no hash of the sources' metadata is in the code.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUT = ROOT / "abis" / "trimtab"
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "remappings": ["@openzeppelin/contracts/=node_modules/@openzeppelin/contracts/"],
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}},
}

QUIET = {"2394"}  # transient storage can surprise: ours is a reentrancy guard, the use that the warning excepts


def compile_sources() -> dict[str, Any]:
    """What solc says of every file in contracts/. Exits with its errors and warnings when there are any."""
    files = sorted((ROOT / "contracts").rglob("*.sol"))
    sources = {str(f.relative_to(ROOT)): {"content": f.read_text()} for f in files}
    asked = json.dumps({"language": "Solidity", "sources": sources, "settings": SETTINGS})
    solc = [str(ROOT / "tools" / "solc"), "--standard-json", "--base-path", str(ROOT)]
    done = subprocess.run(solc, input=asked, capture_output=True, text=True, check=True, cwd=ROOT)
    said = json.loads(done.stdout)
    told = [e for e in said.get("errors", ()) if e.get("errorCode") not in QUIET]
    if errors := [e["formattedMessage"] for e in told]:
        sys.exit("\n".join(errors))
    return said["contracts"]


def artifacts() -> dict[str, str]:
    """File name -> text, for each contract that can be deployed and each of our interfaces' own."""
    out = {}
    for source, contracts in compile_sources().items():
        if not source.startswith("contracts/") or "/mocks/" in source or "/external/" in source:
            continue
        for name, made in contracts.items():
            code = made["evm"]["bytecode"]["object"]
            if not code or "/libraries/" in source:
                continue
            deployed = made["evm"]["deployedBytecode"]["object"]
            entry = {
                "contract": name,
                "source": source,
                "abi": made["abi"],
                "bytecode": "0x" + code,
                "deployedBytecode": "0x" + deployed,
            }
            out[f"{name}.json"] = json.dumps(entry, indent=1) + "\n"
    return out


def main() -> None:
    wanted = artifacts()
    if "--check" in sys.argv:
        have = {f.name: f.read_text() for f in OUT.glob("*.json")}
        if stale := sorted(n for n in wanted | have if wanted.get(n) != have.get(n)):
            sys.exit(f"stale: {', '.join(stale)}: run python scripts/build_contracts.py")
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (OUT / name).write_text(text)
    for name in sorted(wanted):
        size = (len(json.loads(wanted[name])["deployedBytecode"]) - 2) // 2
        print(f"{name:28} {size:6} bytes")


if __name__ == "__main__":
    main()
