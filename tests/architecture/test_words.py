"""Names, verbs and docstrings: one word per thing, and what a room is in one sentence."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path
from typing import Any

VAGUE_FILES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "tools"}
FORBIDDEN_VERBS = ("get_", "handle_", "process_", "do_", "perform_")
VAGUE_CLASSES = re.compile(r"(Manager|Helper|Util|Utils|Handler|Processor)$")


def test_each_package_is_one_sentence(modules: list[Any]) -> None:
    """The docstring of a package says what it turns into what, in one line or two short sentences at most."""
    for module in modules:
        if module.path.endswith("/__init__.py") and module.path.count("/") == 1:
            text = ast.get_docstring(module.tree) or ""
            first = text.split("\n\n")[0]
            assert first.endswith("."), f"{module.path}: {first!r}"
            assert len(re.findall(r"[.!?](?:\s|$)", first)) <= 2, f"{module.path}: {first!r}"


def test_every_module_says_what_it_is(modules: list[Any]) -> None:
    """Each module that holds code has a docstring."""
    silent = [m.path for m in modules if m.tree.body and not ast.get_docstring(m.tree)]
    assert not silent, "\n".join(silent)


def test_no_vague_files_or_classes(modules: list[Any]) -> None:
    """No utils, helpers or managers: a thing has a name, or it has no place."""
    files = [m.path for m in modules if VAGUE_FILES & set(m.path.removesuffix(".py").split("/"))]
    classes = [
        f"{m.path}: {node.name}"
        for m in modules
        for node in ast.walk(m.tree)
        if isinstance(node, ast.ClassDef) and VAGUE_CLASSES.search(node.name)
    ]
    assert files + classes == []


def test_no_vague_verbs(modules: list[Any]) -> None:
    """No get_, handle_, process_: the verb says whether a function reads, decodes, checks or sends."""
    vague = [
        f"{m.path}:{f.lineno} {f.name}"
        for m in modules
        for f in m.functions()
        if f.name.lstrip("_").startswith(FORBIDDEN_VERBS)
    ]
    assert not vague, "\n".join(vague)


def test_what_may_wait_is_async(modules: list[Any]) -> None:
    """A watch_ or an async read is a coroutine or an async generator; check_ and is_ never are."""
    wrong = [
        f"{m.path}:{f.lineno} async {f.name}"
        for m in modules
        for f in m.functions()
        if isinstance(f, ast.AsyncFunctionDef) and re.match(r"_*(is|has|encode_call|decode)_", f.name)
    ]
    assert not wrong, "\n".join(wrong)


def test_public_names_are_explained(modules: list[Any]) -> None:
    """Public classes and functions have a docstring of at most eight lines, unless their names and fields say
    all: enums, values of at most eight fields, functions of at most two statements."""
    faults = []
    for module in modules:
        for node in module.tree.body:
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            text = ast.get_docstring(node)
            if not text and not node.name.startswith("_") and not _says_all(node):
                faults.append(f"{module.path}:{node.lineno} {node.name} has no docstring")
            if text and len(text.splitlines()) > 8:
                faults.append(f"{module.path}:{node.lineno} {node.name}: {len(text.splitlines())} lines")
    assert not faults, "\n".join(faults)


def _says_all(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    if not isinstance(node, ast.ClassDef):
        return len(node.body) <= 2
    only_fields = all(isinstance(part, ast.AnnAssign) for part in node.body) and len(node.body) <= 8
    return _is_enum(node) or only_fields


def _is_enum(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases)


def test_nothing_is_left_for_later(modules: list[Any]) -> None:
    """No TODO, FIXME or NotImplementedError: what is named is built."""
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK|raise NotImplementedError)\b")
    assert [m.path for m in modules if pattern.search(m.text)] == []


def test_no_trace_of_a_machine(root: Path) -> None:
    """Tracked text names no registry host, no home folder and no temporary path of a machine."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if listed.returncode != 0:  # an unpacked archive has no git
        files = [p for p in root.glob("*.*") if p.is_file()]
    else:
        files = [root / name for name in listed.stdout.decode().split("\0") if name]
    trace = re.compile(
        r"/home/\w+/|/Users/\w+/|/root/|\B/work/|/tmp/\w+/|registry\.npmjs|pypi\.org/simple|files\.pythonhosted"
        r"|artifactory|nexus|index-url"
    )
    here = Path(__file__)
    found = []
    for file in files:
        if file == here or not file.is_file() or file.suffix in (".png", ".ico", ".gz"):
            continue
        match = trace.search(file.read_text(encoding="utf-8", errors="replace"))
        if match:
            found.append(f"{file.relative_to(root)}: {match[0]}")
    assert not found, "\n".join(found)
