"""Compile contracts/ with npm's solc: ABI and bytecode of what we deploy into abis/trimtab/, of mocks into
tests/data/contracts/.

    python scripts/build_contracts.py              # write what is stale
    python scripts/build_contracts.py FILE...      # write these files' contracts only
    python scripts/build_contracts.py --check      # fail when sources have changed since: it reads digests
    python scripts/build_contracts.py --recompile  # fail when an artifact is not what the compiler gives now

The same sources give the same bytes on every machine: the compiler, its settings and OpenZeppelin are pinned,
and no hash of the sources' metadata is in the code. Each artifact carries a digest of its sources: its own
file, all that it imports, and the settings.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "contracts"
OUT = ROOT / "abis" / "trimtab"
MOCKS_OUT = ROOT / "tests" / "data" / "contracts"
NOT_DEPLOYED = ("interfaces", "libraries")
OPENZEPPELIN = "@openzeppelin/contracts/"
SETTINGS: dict[str, Any] = {
    "evmVersion": "cancun",
    "viaIR": True,
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "remappings": [f"{OPENZEPPELIN}=node_modules/{OPENZEPPELIN}"],
}
_OUTPUTS = ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]
MAX_RUNTIME, MAX_CREATION = 24_576, 49_152  # bytes: EIP-170, EIP-3860
_AT_ONCE = 2
_IMPORT = re.compile(r"""^\s*import\b[^;'"]*["']([^"']+)["']""", re.MULTILINE)
_TRANSIENT_IS_NEW = "2394"  # said of any tstore; ours is OpenZeppelin's guard, which clears it


def deployable() -> list[Path]:
    """The sources whose contracts are built."""
    found = sorted(SOURCES.rglob("*.sol"))
    return [f for f in found if not set(f.relative_to(SOURCES).parts) & set(NOT_DEPLOYED)]


def closure(source: Path) -> list[Path]:
    """The file and everything that it imports, sorted. Raises `FileNotFoundError` where an import leads
    nowhere."""
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += [_resolved(name, path) for name in _IMPORT.findall(path.read_text(encoding="utf-8"))]
    return sorted(found)


def _resolved(name: str, importer: Path) -> Path:
    if name.startswith(OPENZEPPELIN):
        return ROOT / "node_modules" / name
    return Path(os.path.normpath(importer.parent / name)) if name.startswith(".") else ROOT / name


def digest(source: Path) -> str:
    """What an artifact was made of, as one hash."""
    made_of = hashlib.sha256(json.dumps([SETTINGS, _compiler()], sort_keys=True).encode())
    for path in closure(source):
        made_of.update(f"\n{path.relative_to(ROOT)}\n".encode())
        made_of.update(path.read_bytes())
    return made_of.hexdigest()


def _compiler() -> str:
    package = json.loads((ROOT / "node_modules" / "solc" / "package.json").read_text(encoding="utf-8"))
    return str(package["version"])


def compile_source(source: Path) -> dict[str, Any]:
    """What solc says of one file, compiled without company: the bytes shall not depend on it. Raises
    `ValueError` with its errors, and with its warnings about our own files."""
    name = str(source.relative_to(ROOT))
    asked = {
        "language": "Solidity",
        "sources": {name: {"content": source.read_text(encoding="utf-8")}},
        "settings": SETTINGS | {"outputSelection": {name: {"*": _OUTPUTS}}},
    }
    solc = [str(ROOT / "tools" / "solc"), "--standard-json", "--base-path", str(ROOT)]
    done = subprocess.run(solc, input=json.dumps(asked), capture_output=True, text=True, check=True, cwd=ROOT)
    said = json.loads(done.stdout)
    if errors := [e["formattedMessage"] for e in said.get("errors", ()) if _matters(e)]:
        raise ValueError("\n".join(errors))
    return dict(said["contracts"].get(name, {}))


def _matters(error: Mapping[str, Any]) -> bool:
    place = error.get("sourceLocation", {}).get("file", "contracts/")
    is_ours = place.startswith("contracts/") and error.get("errorCode") != _TRANSIENT_IS_NEW
    return is_ours or error["severity"] == "error"


def artifacts(source: Path) -> dict[Path, str]:
    """Where each contract of the file goes, and the text. Abstract ones have no code and are left out."""
    return {
        _place(source) / f"{name}.json": _text(source, name, made)
        for name, made in compile_source(source).items()
        if made["evm"]["bytecode"]["object"]
    }


def _text(source: Path, name: str, made: Mapping[str, Any]) -> str:
    entry = {
        "contract": name,
        "source": str(source.relative_to(ROOT)),
        "sourcesDigest": digest(source),
        "abi": made["abi"],
        "bytecode": f"0x{made['evm']['bytecode']['object']}",
        "deployedBytecode": f"0x{made['evm']['deployedBytecode']['object']}",
    }
    return json.dumps(entry, indent=1) + "\n"


def _place(source: Path) -> Path:
    return MOCKS_OUT if "mocks" in source.parts else OUT


def built() -> dict[Path, dict[str, Any]]:
    """The artifacts that are there."""
    paths = sorted((*OUT.glob("*.json"), *MOCKS_OUT.glob("*.json")))
    return {path: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def stale_sources() -> list[Path]:
    """Sources whose artifacts are not of this digest, or not there. A file of abstract contracts alone never
    has one, and is found out by its words."""
    known = {(entry["source"], entry.get("sourcesDigest")) for entry in built().values()}
    concrete = [p for p in deployable() if re.search(r"^contract \w", p.read_text("utf-8"), re.MULTILINE)]
    return [path for path in concrete if (str(path.relative_to(ROOT)), digest(path)) not in known]


def orphans() -> list[Path]:
    """Artifacts whose contract is gone."""
    return [
        path for path, entry in built().items() if not _declares(ROOT / entry["source"], entry["contract"])
    ]


def _declares(source: Path, contract: str) -> bool:
    return source.is_file() and bool(
        re.search(rf"^contract {contract}\b", source.read_text(encoding="utf-8"), re.MULTILINE)
    )


def check(*, recompile: bool) -> None:
    """Exits with what is amiss: by digests, or by compiling everything once more."""
    amiss = [str(path.relative_to(ROOT)) for path in (*stale_sources(), *orphans())]
    for source, result in compiled(deployable()) if recompile else ():
        if isinstance(result, Exception) or any(_read(path) != text for path, text in result.items()):
            amiss.append(str(source.relative_to(ROOT)))
    if amiss:
        named = ", ".join(sorted(set(amiss)))
        sys.exit(f"stale: {named}: run python scripts/build_contracts.py and commit what it writes")
    check_sizes()


def compiled(sources: Iterable[Path]) -> list[tuple[Path, dict[Path, str] | Exception]]:
    """Each source's artifacts, or what the compiler has against it; some are compiled at a time."""

    def one(source: Path) -> tuple[Path, dict[Path, str] | Exception]:
        try:
            return source, artifacts(source)
        except (ValueError, OSError) as error:
            return source, error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(one, sources))


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def check_sizes() -> None:
    """Exits when a contract could not be deployed."""
    large = [n for n, runtime, creation in sizes() if runtime > MAX_RUNTIME or creation > MAX_CREATION]
    if large:
        sys.exit(f"too large to deploy (EIP-170, EIP-3860): {', '.join(large)}")


def sizes() -> list[tuple[str, int, int]]:
    """Name, bytes at run time, bytes to create, of what we deploy."""
    entries = [entry for path, entry in built().items() if path.parent == OUT]
    return [
        (e["contract"], len(e["deployedBytecode"]) // 2 - 1, len(e["bytecode"]) // 2 - 1) for e in entries
    ]


def print_sizes() -> None:
    for name, runtime, creation in sizes():
        print(f"{name:24} {runtime:6} bytes, {runtime / MAX_RUNTIME:4.0%} of EIP-170; {creation:6} to create")


def write(wanted: Iterable[Path]) -> None:
    """Build and write what compiles; what has no source any more goes. Exits with the compiler's words about
    the rest."""
    for path in orphans():
        path.unlink()
    wrong = []
    for source, result in compiled(wanted):
        if isinstance(result, Exception):
            wrong.append(f"{source.relative_to(ROOT)}: {result}")
            continue
        for path, text in result.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    print_sizes()
    if wrong:
        sys.exit("\n".join(wrong))
    check_sizes()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--recompile", action="store_true")
    options = parser.parse_args()
    if options.check or options.recompile:
        check(recompile=options.recompile)
        print_sizes()
    else:
        write([path.absolute() for path in options.files] or stale_sources())


if __name__ == "__main__":
    main()
