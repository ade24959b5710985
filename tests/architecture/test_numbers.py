"""Three kinds of number: int on chain, Decimal in the domain, float only where maths or seconds are.

The rule that is held here: a float may be (1) anything inside pricing/; (2) a time in seconds or a rate per
second, and then its name says so; (3) a number for the eye or of the simulated market in report/, demo/,
cli/, testing/ and world/, which cannot reach calldata because units.py refuses it there.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

FREE_ROOMS = {"pricing", "report", "demo", "cli", "testing", "world"}
SECONDS = re.compile(
    r"seconds|timeout|delay|interval|after|wait|backoff|back_off|period|poll|pause|age|cooldown|cool_down|patience"
    r"|ttl|grace|clock|now|monotonic|elapsed|latency|deadline|rate|until|started|burst|_at$|^at$|sleep|per_second"
    r"|jitter|time|tokens|recovery|expires|linger"
)
BRIDGES = {"model/units.py": "the only conversions"}
AMOUNT_ROOMS = {"model", "venues", "execution", "hedging"}


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


def test_floats_are_maths_or_seconds(modules: list[Any]) -> None:
    """Outside the free rooms everything annotated float is named as a time."""
    strays = [
        f"{m.path}:{line} {name}: float"
        for m in modules
        if m.room not in FREE_ROOMS and m.path not in BRIDGES
        for line, name in _floats(m.tree)
        if not SECONDS.search(name)
    ]
    assert strays == []


def test_no_float_literal_where_amounts_live(modules: list[Any]) -> None:
    """No float literal in model, venues, execution and hedging, so none slips into an amount."""
    strays = [
        f"{m.path}:{node.lineno} {node.value}"
        for m in modules
        if m.room in AMOUNT_ROOMS
        for node in ast.walk(m.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, float)
    ]
    assert strays == []


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
    assert strays == []
