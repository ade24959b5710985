"""The public face: explicit, sorted, explained, and loaded when first used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import trimtab


def test_names_are_listed_sorted_and_few() -> None:
    """__all__ is sorted, without doubles, and holds at most 60 names."""
    assert trimtab.__all__ == sorted(set(trimtab.__all__))
    assert len(trimtab.__all__) <= 60


@pytest.mark.parametrize("name", trimtab.__all__)
def test_every_name_leads_somewhere_and_is_explained(name: str) -> None:
    """Each public name resolves, to the same object each time, and has a docstring of its own."""
    found = getattr(trimtab, name)
    assert getattr(trimtab, name) is found
    assert found.__doc__, name
    assert not found.__doc__.startswith(f"{name}("), f"{name} has the docstring that dataclass makes"


def test_the_lazy_table_and_the_typed_imports_agree() -> None:
    """What a type checker sees is what is loaded, and both are __all__."""
    tree = ast.parse(Path(trimtab.__file__).read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {
        alias.name: (node.module or "").removeprefix("trimtab.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == trimtab._HOMES
    assert sorted(typed) == trimtab.__all__
    assert set(dir(trimtab)) == {*trimtab.__all__, "__version__"}


def test_unknown_names_say_so() -> None:
    """A typo is an AttributeError of the usual wording."""
    with pytest.raises(AttributeError, match="module 'trimtab' has no attribute 'Clint'"):
        trimtab.Clint  # noqa: B018


def test_import_is_instant() -> None:
    """`import trimtab` loads no room and no library."""
    code = (
        "import sys; before = set(sys.modules); import trimtab; "
        "print([m for m in set(sys.modules) - before if m.split('.')[0] not in sys.stdlib_module_names])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['trimtab']"


def test_the_version_is_the_packages() -> None:
    """__version__ is what the installed package says."""
    from importlib.metadata import version

    assert trimtab.__version__ == version("trimtab")
