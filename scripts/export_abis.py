"""Write the trimmed ABIs in abis/ from the npm artifacts: `python scripts/export_abis.py [venue ...]`.

abis/manifest.json says what is kept: {venue: {Contract: {path, functions}}}; path is inside node_modules
and functions is "*" or a list of names. All events and errors are kept, so that every log and revert decodes.
`--check` writes nothing and fails when a file would change.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ABIS = ROOT / "abis"
Entry = dict[str, Any]

# What the compiler adds for people and tools, not for codecs.
DROPPED_KEYS = frozenset({"internalType", "constant", "payable", "gas"})


def load_abi(node_modules: Path, path: str) -> list[Entry]:
    content = json.loads((node_modules / path).read_text(encoding="utf-8"))
    if isinstance(content, dict):
        content = content.get("compilerOutput", content)["abi"]
    return list(content)


def signature(entry: Entry) -> str:
    return f"{entry['name']}({','.join(_type_of(i) for i in entry['inputs'])})"


def _type_of(field: Entry) -> str:
    kind: str = field["type"]
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(c) for c in field['components'])}){kind[5:]}"


def trim(abi: list[Entry], functions: list[str] | str) -> list[Entry]:
    """The kept entries, sorted by type and signature. A listed function that is not there is an error."""
    kept: dict[tuple[str, str], Entry] = {}
    for entry in abi:
        if entry["type"] not in ("function", "event", "error"):
            continue
        if entry["type"] == "function" and functions != "*" and entry["name"] not in functions:
            continue
        kept[entry["type"], signature(entry)] = _strip(entry)
    if functions != "*":
        missing = set(functions) - {e["name"] for (kind, _), e in kept.items() if kind == "function"}
        if missing:
            sys.exit(f"abis/manifest.json lists functions that the artifact has not: {sorted(missing)}")
    return [kept[key] for key in sorted(kept)]


def _strip(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _strip(v) for k, v in value.items() if k not in DROPPED_KEYS}
    if isinstance(value, list):
        return [_strip(v) for v in value]
    return value


def export(node_modules: Path, venues: list[str], *, check: bool) -> list[Path]:
    """Write the files of these venues (all when none is named); returns the ones that changed."""
    manifest = json.loads((ABIS / "manifest.json").read_text(encoding="utf-8"))
    changed = []
    for venue in venues or sorted(manifest):
        for contract, wanted in manifest[venue].items():
            abi = trim(load_abi(node_modules, wanted["path"]), wanted["functions"])
            text = json.dumps(abi, sort_keys=True, separators=(",", ":")) + "\n"
            target = ABIS / venue / f"{contract}.json"
            if target.exists() and target.read_text(encoding="utf-8") == text:
                continue
            changed.append(target)
            if not check:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
    return changed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("venues", nargs="*")
    parser.add_argument("--node-modules", type=Path, default=ROOT / "node_modules")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    changed = export(options.node_modules, options.venues, check=options.check)
    for path in changed:
        print(("stale: " if options.check else "wrote ") + str(path.relative_to(ROOT)))
    if options.check and changed:
        sys.exit(1)


if __name__ == "__main__":
    main()
