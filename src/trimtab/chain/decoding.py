"""ABI types to decoders: one Python function generated per type, as strict as Solidity's own decoder.

Dirty padding, an offset outside the data and truncated data are errors, never a guess. Structs decode to
tuples with attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context
from operator import itemgetter
from typing import Any

from trimtab.chain.abi_types import (
    AbiType,
    Array,
    Blob,
    Tuple,
    Word,
    body_size,
    canonical,
    head_size,
    is_dynamic,
)
from trimtab.chain.encoding import int_bounds
from trimtab.errors import AbiError

_EXACT = Context(prec=200)


class MalformedError(ValueError):
    """Bytes that do not decode; mapped to `AbiError` with the item's name."""


DECODE_ERRORS = (MalformedError, KeyError, UnicodeDecodeError, TypeError, AbiError)


class Struct(tuple[Any, ...]):
    """A decoded struct: a tuple (and equal to one) whose members are attributes too."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return dict(zip(self.names, self, strict=True))

    def __repr__(self) -> str:
        return f"({', '.join(f'{n}={v!r}' for n, v in zip(self.names, self, strict=True))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.names, tuple(self))

    def __getattr__(self, name: str) -> Any:  # only reached when no member has that name
        raise AttributeError(f"no member {name!r}; there are {', '.join(self.names)}")


def _rebuild(names: tuple[str, ...], values: tuple[Any, ...]) -> Struct:
    made: Struct = tuple.__new__(struct_type(names), values)
    return made


_STRUCTS: dict[tuple[str, ...], type[Struct]] = {}


def struct_type(names: tuple[str, ...]) -> type[Struct]:
    """The tuple type with these members; unnamed members have no attribute."""
    if names not in _STRUCTS:
        members: dict[str, Any] = {n: property(itemgetter(i)) for i, n in enumerate(names) if n}
        _STRUCTS[names] = type("Struct", (Struct,), {"__slots__": (), **members, "names": names})
    return _STRUCTS[names]


def _short(data: bytes, need: int) -> MalformedError:
    return MalformedError(f"{need} bytes are needed, there are {len(data)}")


def _dirty(name: str, word: bytes) -> MalformedError:
    return MalformedError(f"0x{word.hex()} is not a valid {name}")


def _bytes(data: bytes, at: int) -> bytes:
    start = at + 32
    if start > len(data):
        raise _short(data, start)
    size = int.from_bytes(data[at:start], "big")
    end = start + size
    padded = end + (-size % 32)
    if padded > len(data):
        raise _short(data, padded)
    if padded != end and data[end:padded].count(0) != padded - end:
        raise _dirty("padding", data[end:padded])
    return data[start:end]


def _text(data: bytes, at: int) -> str:
    return _bytes(data, at).decode()


def _fixed(value: int, decimals: int) -> Any:
    from decimal import Decimal

    return Decimal(value).scaleb(-decimals, _EXACT)


class DecoderSource:
    """Writes the decoders of one ABI item as Python source and compiles them together."""

    def __init__(self) -> None:
        self._functions: list[str] = []
        self._by_type: dict[AbiType, str] = {}
        self._count = 0
        self.namespace: dict[str, Any] = {
            "integer": int.from_bytes, "BOOLS": {bytes(32): False, (1).to_bytes(32, "big"): True},
            "blob": _bytes, "text": _text, "short": _short, "dirty": _dirty, "fixed": _fixed,
            "new": tuple.__new__, "ERRORS": DECODE_ERRORS, "AbiError": AbiError,
        } | {f"Z{i}": b"\0" * i for i in range(33)}  # fmt: skip

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def word(self, kind: Word, target: str, source: str, at: str) -> list[str]:
        """Statements that set `target` from the word of `source` at the offset expression `at`."""
        low, high = ("0", "32") if at == "0" else (at, f"{at} + 32")
        whole = source if at == "whole" else f"{source}[{low}:{high}]"
        if kind.kind in ("uint", "int", "ufixed", "fixed"):
            return self._integer(kind, target, whole)
        if kind.kind == "bool":
            return [f"{target} = BOOLS.get({whole})", f"if {target} is None: raise dirty('bool', {whole})"]
        word = f"w_{target}"
        if kind.kind == "address":
            check = f"if {word}[:12] != Z12: raise dirty('address', {word})"
            return [f"{word} = {whole}", check, f"{target} = '0x' + {word}[12:].hex()"]
        if kind.size == 32:
            return [f"{target} = {whole}"]
        check = f"if {word}[{kind.size}:] != Z{32 - kind.size}: raise dirty({kind.name!r}, {word})"
        return [f"{word} = {whole}", check, f"{target} = {word}[:{kind.size}]"]

    def _integer(self, kind: Word, target: str, whole: str) -> list[str]:
        signed = "" if kind.kind.startswith("u") else ", signed=True"
        statements = [f'{target} = integer({whole}, "big"{signed})']
        if kind.size < 256:
            low, high = int_bounds(kind)
            inside = f"{target} <= {high}" if low == 0 else f"{low} <= {target} <= {high}"
            statements.append(f"if not {inside}: raise dirty({kind.name!r}, {whole})")
        if kind.decimals:
            statements.append(f"{target} = fixed({target}, {kind.decimals})")
        return statements

    def sequence(self, kind: Tuple, base: str) -> tuple[list[str], str]:
        """Statements that read the members from `data` at `base`, and the expression of their tuple."""
        statements: list[str] = []
        targets: list[str] = []
        offset = 0
        for component in kind.components:
            target = self._name("x")
            targets.append(target)
            at = f"{base} + {offset}" if base != "0" else str(offset)
            if is_dynamic(component):
                pointer = f'integer(data[{at}:{at} + 32], "big")'
                start = pointer if base == "0" else f"{base} + {pointer}"
                statements.append(f"{target} = {self.function(component)}(data, {start})")
            elif isinstance(component, Word):
                statements += self.word(component, target, "data", at)
            elif isinstance(component, Tuple):
                inner, expression = self.sequence(component, at)
                statements += [*inner, f"{target} = {expression}"]
            else:
                statements.append(f"{target} = {self.function(component)}(data, {at})")
            offset += head_size(component)
        return statements, self.tuple_expression(kind, targets)

    def tuple_expression(self, kind: Tuple, targets: list[str]) -> str:
        plain = f"({''.join(t + ', ' for t in targets)})"
        if not any(kind.names):
            return plain
        name = self._name("S")
        self.namespace[name] = struct_type(kind.names)
        return f"new({name}, {plain})"

    def function(self, kind: AbiType) -> str:
        """The name of a function `(data, at)` that decodes a value whose own head stands at `at`."""
        if isinstance(kind, Blob):
            return "text" if kind.name == "string" else "blob"
        if kind not in self._by_type:
            self._by_type[kind] = name = self._name("d")
            body = self._array_body(kind) if isinstance(kind, Array) else self._value_body(kind)
            self._functions.append("\n    ".join([f"def {name}(data, at):", *body]))
        return self._by_type[kind]

    def _value_body(self, kind: Word | Tuple) -> list[str]:
        size = body_size(kind)
        check = f"if at + {size} > len(data): raise short(data, at + {size})"
        if isinstance(kind, Word):
            return [check, *self.word(kind, "x", "data", "at"), "return x"]
        statements, expression = self.sequence(kind, "at")
        return [check, *statements, f"return {expression}"]

    def _array_body(self, kind: Array) -> list[str]:
        step = head_size(kind.item)
        if kind.length is None:
            lines = [
                "if at + 32 > len(data): raise short(data, at + 32)",
                'n = integer(data[at:at + 32], "big")', "at += 32",
            ]  # fmt: skip
        else:
            lines = [f"n = {kind.length}"]
        lines += [f"end = at + n * {step}", "if end > len(data): raise short(data, end)"]
        places = f"range(at, end, {step})"
        if is_dynamic(kind.item):
            pointer = 'at + integer(data[i:i + 32], "big")'
            return [*lines, f"return tuple([{self.function(kind.item)}(data, {pointer}) for i in {places}])"]
        if kind.item in (Word("uint256", "uint", 256), Word("bytes32", "bytes", 32)):
            word = (
                "data[i:i + 32]"
                if kind.item == Word("bytes32", "bytes", 32)
                else 'integer(data[i:i + 32], "big")'
            )
            return [*lines, f"return tuple([{word} for i in {places}])"]
        return [*lines, f"return tuple([{self.function(kind.item)}(data, i) for i in {places}])"]

    def compile_value(self, kind: Tuple, where: str, *, unwrap: bool) -> Callable[[bytes], Any]:
        """`decode(data)` for the members of `kind`; one member alone is given bare when `unwrap`."""
        statements, expression = self.sequence(kind, "0")
        if unwrap and len(kind.components) == 1:
            expression = f"({expression})[0]"
        size = body_size(kind)
        body = [f"if len(data) < {size}: raise short(data, {size})", *statements, f"return {expression}"]
        return self.compile_body("decode(data)", body, where, canonical(kind))

    def compile_body(self, header: str, body: list[str], where: str, what: str) -> Callable[..., Any]:
        """Compile a function whose malformed input raises `AbiError` naming `where`."""
        self.namespace["prefix"] = f"{where}: cannot decode {what}"
        lines = [*self._functions, f"def {header}:", "    try:", *(f"        {line}" for line in body)]
        lines += ["    except ERRORS as cause:", "        raise AbiError(f'{prefix}: {cause}') from cause"]
        source = "\n".join(lines)
        exec(compile(source, f"<abi decoder of {where}>", "exec"), self.namespace)  # noqa: S102
        made: Callable[..., Any] = self.namespace[header.partition("(")[0]]
        return made
