"""The gate of the static analysis: nothing unanswered, and no answer to nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "static_analysis.py"
PAGE = """
| finding | answer |
|---|---|
| `timestamp` | Seconds. |
| `assembly` | `Lens.read`, `Code.copy` | No other way. |
"""


@pytest.fixture(scope="module")
def gate():
    spec = importlib.util.spec_from_file_location("static_analysis", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _finding(check, contract, function):
    parent = {"type": "contract", "name": contract}
    element = {"type": "function", "name": function, "type_specific_fields": {"parent": parent}}
    return {"check": check, "impact": "Low", "description": "words", "elements": [element]}


def test_each_finding_is_answered_by_kind_or_by_place(gate):
    """A kind answers wherever it is found, a place answers only itself; the rest is named with its place."""
    answered = gate.answers(PAGE)
    assert answered == {("timestamp", None), ("assembly", "Lens.read"), ("assembly", "Code.copy")}
    found = [_finding("timestamp", "Any", "thing"), _finding("assembly", "Lens", "read")]
    other = _finding("assembly", "Lens", "write")
    amiss = list(gate.judge([*found, _finding("assembly", "Code", "copy"), other], answered))
    assert amiss == ["assembly (Low) at Lens.write: words"]
    assert list(gate.judge(found, answered)) == ["an answer without a finding: assembly Code.copy"]
