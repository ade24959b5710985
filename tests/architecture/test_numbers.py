"""Three kinds of number: int on chain, Decimal in the domain, float only where maths or seconds are.

The rule that is held here: where amounts live (model, venues, execution, hedging, tx, config) a float is a
time in seconds, and its name says so. Elsewhere floats are maths (pricing), seconds and rates of input and
output (net, chain, runtime, journal), or numbers for the eye and of the simulated market (report, demo, cli,
testing, world). None reaches calldata: units.py and the ABI encoders refuse every float, by tests of theirs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

AMOUNT_ROOMS = {"model", "venues", "execution", "hedging", "tx", "config"}
SECONDS = re.compile(
    r"seconds|timeout|delay|interval|after|wait|backoff|period|poll|pause|age|cooldown|patience|grace|clock|now"
    r"|monotonic|elapsed|latency|deadline|until|started|_at$|^at$|sleep|silence|time|left|heard|look|slowest|expires"
)
BRIDGES = {
    "model/units.py": "the only conversions",
    "hedging/attribution.py": "asks pricing for values along a path; results come back through units.py",
}


def _floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, name) of everything annotated with float."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and _says_float(node.annotation):
            yield node.lineno, node.arg
        elif isinstance(node, ast.AnnAssign) and _says_float(node.annotation):
            yield node.lineno, ast.unparse(node.target)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _says_float(node.returns):
            yield node.lineno, node.name


def _says_float(annotation: ast.expr | None) -> bool:
    return annotation is not None and any(
        isinstance(part, ast.Name) and part.id == "float" for part in ast.walk(annotation)
    )


def test_floats_are_seconds_where_amounts_live(modules: list[Any]) -> None:
    """In the rooms of amounts everything annotated float is named as a time."""
    strays = [
        f"{m.path}:{line} {name}: float"
        for m in modules
        if m.room in AMOUNT_ROOMS and m.path not in BRIDGES
        for line, name in _floats(m.tree)
        if not SECONDS.search(name)
    ]
    assert not strays, "\n".join(strays)


def test_no_float_literal_where_amounts_live(modules: list[Any]) -> None:
    """In the rooms of amounts a float literal stands only as the value of something named as a time."""
    strays = []
    for module in modules:
        if module.room not in AMOUNT_ROOMS:
            continue
        times = {id(value) for value in _times(module.tree)}
        strays += [
            f"{module.path}:{node.lineno} {node.value}"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, float) and id(node) not in times
        ]
    assert not strays, "\n".join(strays)


def _times(tree: ast.Module) -> Iterator[ast.expr]:
    """The values given to names that say a time: defaults, assignments, keywords, comparisons' calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.Assign | ast.keyword) and node.value is not None:
            name = (
                (node.arg or "")
                if isinstance(node, ast.keyword)
                else ast.unparse(node.target if isinstance(node, ast.AnnAssign) else node.targets[0])
            )
            if SECONDS.search(name.lower()):
                yield from (part for part in ast.walk(node.value) if isinstance(part, ast.expr))
        elif isinstance(node, ast.Call) and SECONDS.search(ast.unparse(node.func)):
            yield from node.args
        elif isinstance(node, ast.arguments):
            named = [*node.posonlyargs, *node.args][-len(node.defaults) :] if node.defaults else []
            pairs = [
                *zip(named, node.defaults, strict=True),
                *zip(node.kwonlyargs, node.kw_defaults, strict=True),
            ]
            yield from (value for arg, value in pairs if value is not None and SECONDS.search(arg.arg))


def test_decimals_are_made_from_text_or_int(modules: list[Any]) -> None:
    """Decimal(1.5) is written nowhere: the digits would be those of the nearest double."""
    strays = [
        f"{m.path}:{node.lineno}"
        for m in modules
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "Decimal"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, float)
    ]
    assert not strays, "\n".join(strays)
