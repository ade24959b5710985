"""ABI types as values: parsed from JSON or text, with their sizes and canonical names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from trimtab.errors import AbiError


@dataclass(frozen=True, slots=True)
class Word:
    """A type of exactly one 32-byte word. `size` is bits for numbers, bytes for bytesN."""

    name: str
    kind: str
    size: int = 0
    decimals: int = 0


@dataclass(frozen=True, slots=True)
class Blob:
    """bytes or string."""

    name: str


@dataclass(frozen=True, slots=True)
class Array:
    """T[] (`length` None) or T[k]."""

    item: AbiType
    length: int | None


@dataclass(frozen=True, slots=True)
class Tuple:
    """A struct, or the arguments of a function, event or error."""

    components: tuple[AbiType, ...]
    names: tuple[str, ...]


AbiType: TypeAlias = Word | Blob | Array | Tuple

_ARRAY = re.compile(r"^(.*)\[(\d*)\]$", re.DOTALL)
_INT = re.compile(r"^(u?int)(\d*)$")
_FIXED = re.compile(r"^(u?fixed)(?:(\d+)x(\d+))?$")
_BYTES = re.compile(r"^bytes(\d+)$")


def canonical(kind: AbiType) -> str:
    """The name as it stands in a signature."""
    if isinstance(kind, Array):
        return f"{canonical(kind.item)}[{'' if kind.length is None else kind.length}]"
    if isinstance(kind, Tuple):
        return f"({','.join(map(canonical, kind.components))})"
    return kind.name


def is_dynamic(kind: AbiType) -> bool:
    """True when the value stands in the tail, behind an offset."""
    if isinstance(kind, Array):
        return kind.length is None or is_dynamic(kind.item)
    if isinstance(kind, Tuple):
        return any(map(is_dynamic, kind.components))
    return isinstance(kind, Blob)


def head_size(kind: AbiType) -> int:
    """Bytes that the type takes in the head of its parent."""
    return 32 if is_dynamic(kind) else body_size(kind)


def body_size(kind: AbiType) -> int:
    """Bytes that the type's own head takes where it stands."""
    if isinstance(kind, Array):
        return 32 if kind.length is None else kind.length * head_size(kind.item)
    if isinstance(kind, Tuple):
        return sum(map(head_size, kind.components))
    return 32


def head_word(kind: Tuple, path: str) -> int | None:
    """Which word of the head holds the member at `path` ("amount", "params.amount"); None when there is none,
    or when it is not a single word that stands there itself."""
    name, _, rest = path.partition(".")
    offset = 0
    for member, here in zip(kind.components, kind.names, strict=True):
        if here == name:
            if isinstance(member, Tuple) and rest and not is_dynamic(member):
                inner = head_word(member, rest)
                return None if inner is None else offset // 32 + inner
            return offset // 32 if isinstance(member, Word) and not rest else None
        offset += head_size(member)
    return None


def parse_type(text: str, components: Sequence[Mapping[str, Any]] = ()) -> AbiType:
    """A type from its ABI text, `tuple` with its JSON components or written out as (a,b)."""
    if match := _ARRAY.match(text):
        length = int(match[2]) if match[2] else None
        if length == 0:
            raise AbiError(f"{text!r} is an array of no items: Solidity has no such type")
        return Array(parse_type(match[1], components), length)
    if text == "tuple":
        return parse_parameters(components)
    if text.startswith("(") and text.endswith(")"):
        parts = tuple(parse_type(part) for part in split_types(text[1:-1]))
        return Tuple(parts, ("",) * len(parts))
    return _parse_elementary(text)


def parse_parameters(parameters: Sequence[Mapping[str, Any]]) -> Tuple:
    """The inputs or outputs of a JSON ABI entry as one tuple."""
    return Tuple(
        tuple(parse_type(p["type"], p.get("components", ())) for p in parameters),
        tuple(p.get("name", "") for p in parameters),
    )


def split_types(text: str) -> list[str]:
    """The comma-separated types of a signature's inside, nested tuples kept whole."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    if depth:
        raise AbiError(f"{text!r} has parentheses that do not match")
    return [part.strip() for part in [*parts, text[start:]]] if text.strip() else []


def _parse_elementary(text: str) -> AbiType:
    if text in ("bytes", "string"):
        return Blob(text)
    if text in ("address", "bool"):
        return Word(text, text)
    if text == "function":
        return Word(text, "bytes", 24)
    if match := _INT.match(text):
        bits = int(match[2] or 256)
        if bits % 8 == 0 and 8 <= bits <= 256:
            return Word(f"{match[1]}{bits}", match[1], bits)
    if match := _FIXED.match(text):
        bits, decimals = int(match[2] or 128), int(match[3] or 18)
        if bits % 8 == 0 and 8 <= bits <= 256 and 1 <= decimals <= 80:
            return Word(f"{match[1]}{bits}x{decimals}", match[1], bits, decimals)
    if (match := _BYTES.match(text)) and 1 <= int(match[1]) <= 32:
        return Word(text, "bytes", int(match[1]))
    raise AbiError(f"{text!r} is not an ABI type")
