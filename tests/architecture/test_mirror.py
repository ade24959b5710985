"""Tests mirror the source: one test file per module, or a reason."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

# Module -> where it is tested, or why it needs no test of its own.
ELSEWHERE: dict[str, str] = {
    "model/ids.py": "names only",
    "chain/call.py": "two frozen values",
    "chain/receipt.py": "frozen values; fee_wei is checked in tests/chain/test_client.py",
    "chain/transports/base.py": "roles only; every transport's tests run them",
    "chain/chains/arbitrum.py": "data; tests/chain/chains/test_base.py checks every chain",
    "chain/chains/base_mainnet.py": "data; tests/chain/chains/test_base.py checks every chain",
    "chain/chains/ethereum.py": "data; tests/chain/chains/test_base.py checks every chain",
    "chain/chains/local.py": "data; tests/chain/chains/test_base.py checks every chain",
    "chain/chains/optimism.py": "data; tests/chain/chains/test_base.py checks every chain",
    "chain/chains/polygon.py": "data; tests/chain/chains/test_base.py checks every chain",
    "journal/tail.py": "tests/journal/test_reading.py damages each of its sums",
    "tx/driver.py": "the sender's hands; tests/tx/test_sender.py and tests/tx/test_crash.py drive them",
    "tx/events.py": "frozen values; tests/tx/test_decide.py feeds each",
    "tx/evolve.py": "no decision; tests/tx/test_reducer_properties.py folds every record",
    "tx/handle.py": "tests/tx/test_sender.py waits on handles to each level and end",
    "tx/options.py": "frozen values",
    "tx/outcome.py": "frozen values; tests/tx/test_sender.py meets each",
    "tx/reporting.py": "tests/tx/test_sender.py reads the record of every kind of end",
    "tx/routes/base.py": "roles only; tests/tx/routes/test_public.py runs one",
    "tx/safe/options.py": "frozen values",
    "tx/states.py": "frozen values; tests/tx/test_decide.py moves them",
    "tx/stories.py": "tests/tx/test_compaction.py and tests/tx/test_progress.py tell them",
    "tx/turn.py": "tests/tx/test_decide.py looks at the order of its effects",
    "tx/watching.py": "the sender's eyes; tests/tx/test_sender.py needs them in every test",
    "venues/base.py": "roles only; the conformance suites run them",
    "cli/findings.py": "frozen values; tests/cli/test_doctor.py reads each",
    "cli/options.py": "annotations only; tests/cli/test_app.py shows every command with them",
    "world/faults/tally.py": "counters; tests/world/faults/test_exchange.py reads them",
    "world/relay/doors.py": "data; tests/world/relay/test_methods.py goes in by each",
    "world/relay/kinds.py": "frozen values; tests/world/relay/test_server.py strikes with each",
    "world/relay/offers.py": "frozen values; tests/world/relay/test_auction.py arranges them",
    "world/relay/record.py": "one value; tests/world/relay/test_face.py reads it",
    "demo/accounts.py": "one read; tests/demo/test_ledger.py adds it up",
    "demo/mev/run.py": "frozen values; tests/demo/mev/test_play.py plays them",
    "demo/run.py": "frozen values; tests/demo/test_scenario.py plays them",
    "demo/wiring.py": "puts rooms together; tests/demo/test_supervisor.py runs it",
}


def test_every_module_has_its_test(modules: list[Any], root: Path) -> None:
    """src/trimtab/<room>/x.py has tests/<room>/test_x*.py, or stands in the list with a reason."""
    missing = []
    for module in modules:
        path = Path(module.path)
        if path.name in ("__init__.py", "__main__.py") or module.path in ELSEWHERE:
            continue
        if not any((root / "tests" / path.parent).glob(f"test_{path.stem}*.py")):
            missing.append(module.path)
    assert not missing, "\n".join(missing)


def test_the_list_of_reasons_is_not_stale(modules: list[Any], root: Path) -> None:
    """Every listed module exists and still has no test file of its own; tests named in a reason exist."""
    paths = {m.path for m in modules}
    assert ELSEWHERE.keys() <= paths
    own = [p for p in ELSEWHERE if (root / "tests" / Path(p).parent / f"test_{Path(p).stem}.py").exists()]
    assert not own, "\n".join(own)
    named = [test for reason in ELSEWHERE.values() for test in re.findall(r"tests/[\w/]+\.py", reason)]
    gone = [test for test in named if not (root / test).is_file()]
    assert not gone, "\n".join(gone)


def test_every_test_states_its_claim(root: Path) -> None:
    """The docstring of each test is the claim that it proves."""
    silent = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_test = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
                "test_"
            )
            if is_test and not ast.get_docstring(node):  # type: ignore[arg-type]
                silent.append(f"{path.relative_to(root)}:{node.lineno} {node.name}")  # type: ignore[attr-defined]
    assert not silent, "\n".join(silent)
