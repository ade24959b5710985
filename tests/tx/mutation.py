"""Takes the guards of `mutants.toml` away one by one, in a copy of the tree: a test must fail for each.

`python -m tests.tx.mutation --out out/mutants.json`; exit code 1 when a mutant lives, or cannot be judged.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.tx.mutants import MACHINES, Mutant, read_mutants

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("src", "tests", "abis", "benchmarks", "pyproject.toml", "README.md")
LIMIT_SECONDS = 900
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Verdict:
    """`killed_by` is the first test that failed; None: the mutant lives, or (`trouble`) nothing is known."""

    name: str
    file: str
    killed_by: str | None
    seed: int | None
    seconds: float
    trouble: str = ""


def copy_tree(to: Path) -> None:
    """What the tests need, without what they made."""
    skipped = shutil.ignore_patterns("__pycache__", ".hypothesis", "*.pyc")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=skipped)
        else:
            shutil.copy2(source, to / name)


def run_tests(tree: Path, tests: Sequence[str], seed: int, examples: int) -> tuple[int, str]:
    """pytest's exit code and its words, with the copy's own source first."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-rf", "-m", "not soak and not node"]
    command += ["-p", "no:randomly", "-p", "no:cacheprovider", f"--hypothesis-seed={seed}", *tests]
    surroundings = {**os.environ, "PYTHONPATH": str(tree / "src"), "TRIMTAB_EXAMPLES": str(examples)}
    surroundings |= {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command,
        cwd=tree,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def judge(mutant: Mutant, tree: Path, seeds: Sequence[int], examples: int) -> Verdict:
    """Run the tests that must fail, the quick ones first, the machines once for each seed."""
    began = time.monotonic()
    path = tree / "src" / "trimtab" / mutant.file
    original = path.read_text()
    if original.count(mutant.text) != 1:
        return Verdict(mutant.name, mutant.file, None, None, 0.0, "its text does not stand there once")
    path.write_text(original.replace(mutant.text, mutant.becomes))
    try:
        found = _search(mutant, tree, seeds, examples)
    finally:
        path.write_text(original)
    return Verdict(mutant.name, mutant.file, *found[:2], round(time.monotonic() - began, 1), found[2])


def _search(
    mutant: Mutant, tree: Path, seeds: Sequence[int], examples: int
) -> tuple[str | None, int | None, str]:
    tests = mutant.tests
    for seed in seeds:
        try:
            code, words = run_tests(tree, tests, seed, examples)
        except subprocess.TimeoutExpired:
            return f"no end in {LIMIT_SECONDS} s", seed, ""
        if code == FAILED:
            failed = re.search(r"^FAILED (\S+)", words, re.MULTILINE)
            return failed.group(1) if failed else "?", seed, ""
        if code != PASSED:
            return None, seed, words.strip().splitlines()[-1]
        tests = tuple(test for test in mutant.tests if test in MACHINES)
        if not tests:
            break
    return None, None, ""


def run(mutants: Sequence[Mutant], jobs: int, seeds: Sequence[int], examples: int) -> list[Verdict]:
    """Judge all, `jobs` at a time, each in a copy of its own."""
    with tempfile.TemporaryDirectory() as folder:
        trees = [Path(folder) / str(number) for number in range(jobs)]
        for tree in trees:
            tree.mkdir()
            copy_tree(tree)
        lots = [mutants[number::jobs] for number in range(jobs)]

        def work(lot: Sequence[Mutant], tree: Path) -> list[Verdict]:
            return [_told(judge(mutant, tree, seeds, examples)) for mutant in lot]

        with ThreadPoolExecutor(jobs) as pool:
            return [verdict for done in pool.map(work, lots, trees) for verdict in done]


def check_sound(tests: Sequence[str], examples: int, seed: int) -> str:
    """Nothing is shown by tests that fail anyway: what they say of the tree as it is, empty for a pass."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        copy_tree(tree)
        code, words = run_tests(tree, tests, seed, examples)
    return "" if code == PASSED else words[-3_000:]


def _told(verdict: Verdict) -> Verdict:
    end = verdict.killed_by or verdict.trouble or "LIVES"
    sys.stdout.write(f"{verdict.seconds:6.1f} s  {verdict.file:20} {verdict.name:60} {end}\n")
    sys.stdout.flush()
    return verdict


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "out" / "mutants.json")
    parser.add_argument("--only", default="", help="mutants whose file or name holds this")
    parser.add_argument("--jobs", type=int, default=max((os.cpu_count() or 2) // 2, 1))
    parser.add_argument("--examples", type=int, default=150)
    parser.add_argument("--quick", action="store_true", help="without the machines: what lives needs them")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args(arguments)
    mutants = [item for item in read_mutants() if chosen.only in item.name or chosen.only in item.file]
    if chosen.quick:
        mutants = [replace(m, tests=tuple(t for t in m.tests if t not in MACHINES)) for m in mutants]
    needed = tuple(dict.fromkeys(test for item in mutants for test in item.tests))
    if unsound := check_sound(needed, chosen.examples, chosen.seeds[0]):
        sys.stderr.write(f"the tests fail without any mutant:\n{unsound}\n")
        return 1
    verdicts = run(mutants, chosen.jobs, chosen.seeds, chosen.examples)
    living = [item for item in verdicts if item.killed_by is None]
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    summary = {"mutants": len(verdicts), "killed": len(verdicts) - len(living), "living": len(living)}
    told = {**summary, "verdicts": [asdict(item) for item in verdicts]}
    chosen.out.write_text(json.dumps(told, indent=2) + "\n")
    sys.stdout.write(f"{summary['killed']} of {len(verdicts)} guards are needed by a test; {chosen.out}\n")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main())
