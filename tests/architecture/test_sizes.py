"""Small, not shredded: sizes above which a module or a function is looked at again."""

from __future__ import annotations

import statistics
from typing import Any

MODULE_LINES = 600
FUNCTION_LINES = 60
# Name -> why it is long. Each is looked at again when it is touched.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}


def test_modules_fit_a_reader(modules: list[Any]) -> None:
    """No module is above 600 lines; the list of exceptions holds no stale entry."""
    long = {m.path: len(m.text.splitlines()) for m in modules if len(m.text.splitlines()) > MODULE_LINES}
    assert long.keys() == LONG_MODULES.keys(), long


def test_the_usual_module_is_small(modules: list[Any]) -> None:
    """The median module that holds code is under 200 lines."""
    lengths = [len(m.text.splitlines()) for m in modules if len(m.text.splitlines()) > 5]
    assert statistics.median(lengths) < 200


def test_functions_fit_a_screen(modules: list[Any]) -> None:
    """No function is above 60 lines; half of them are at most 12."""
    spans = {
        f"{m.path}:{f.name}": (f.end_lineno or f.lineno) - f.lineno + 1
        for m in modules
        for f in m.functions()
    }
    long = {name: span for name, span in spans.items() if span > FUNCTION_LINES}
    assert long.keys() == LONG_FUNCTIONS.keys(), long
    assert statistics.median(spans.values()) <= 12
