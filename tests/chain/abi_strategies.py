"""Random ABI types, and values that fit them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from trimtab.chain.abi_types import AbiType, Array, Blob, Tuple, Word
from trimtab.chain.encoding import int_bounds

_sizes = st.integers(1, 32)

words = st.one_of(
    _sizes.map(lambda n: Word(f"uint{8 * n}", "uint", 8 * n)),
    _sizes.map(lambda n: Word(f"int{8 * n}", "int", 8 * n)),
    _sizes.map(lambda n: Word(f"bytes{n}", "bytes", n)),
    st.just(Word("address", "address")),
    st.just(Word("bool", "bool")),
)


def _compounds(inner: st.SearchStrategy[AbiType]) -> st.SearchStrategy[AbiType]:
    arrays = st.builds(Array, inner, st.one_of(st.none(), st.integers(1, 3)))
    tuples = st.lists(inner, min_size=1, max_size=4).map(
        lambda kinds: Tuple(tuple(kinds), tuple(f"m{i}" for i in range(len(kinds))))
    )
    return st.one_of(arrays, tuples)


abi_types: st.SearchStrategy[AbiType] = st.recursive(
    st.one_of(words, st.sampled_from([Blob("bytes"), Blob("string")])), _compounds, max_leaves=8
)


def values_of(kind: AbiType) -> st.SearchStrategy[Any]:
    """Values that fit a type, with the bounds of integers made likely."""
    if isinstance(kind, Array):
        low, high = (0, 4) if kind.length is None else (kind.length, kind.length)
        return st.lists(values_of(kind.item), min_size=low, max_size=high).map(tuple)
    if isinstance(kind, Tuple):
        return st.tuples(*(values_of(component) for component in kind.components))
    if isinstance(kind, Blob):
        return st.binary(max_size=70) if kind.name == "bytes" else st.text(max_size=40)
    if kind.kind in ("uint", "int"):
        low, high = int_bounds(kind)
        return st.one_of(st.sampled_from([low, high]), st.integers(low, high))
    if kind.kind == "bytes":
        return st.binary(min_size=kind.size, max_size=kind.size)
    if kind.kind == "bool":
        return st.booleans()
    return st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())


@st.composite
def arguments(draw: st.DrawFn) -> tuple[Tuple, tuple[Any, ...]]:
    """A list of argument types, and arguments for it."""
    kinds = tuple(draw(st.lists(abi_types, min_size=1, max_size=4)))
    kind = Tuple(kinds, tuple(f"a{i}" for i in range(len(kinds))))
    return kind, draw(values_of(kind))
