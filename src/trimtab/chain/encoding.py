"""ABI types to encoders: one Python function generated per type, range checks kept.

The generated code is optimistic: a value that does not fit raises some built-in error, and only then
`check_value` walks the value to say which argument is wrong and why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from trimtab.chain.abi_types import AbiType, Array, Blob, Tuple, Word, canonical, head_size, is_dynamic
from trimtab.chain.address import address_bytes, is_address_text
from trimtab.errors import AbiError

ENCODE_ERRORS = (TypeError, ValueError, OverflowError, AttributeError, KeyError, AbiError)
_SEQUENCES = (tuple, list)
_KNOWN: dict[str, bytes] = {}
_MAX_KNOWN = 4096


def int_bounds(kind: Word) -> tuple[int, int]:
    """Smallest and largest value of an integer type (scaled, for fixed-point)."""
    if kind.kind.startswith("u"):
        return 0, (1 << kind.size) - 1
    return -(1 << (kind.size - 1)), (1 << (kind.size - 1)) - 1


def scale_fixed(value: object, kind: Word) -> int:
    """A fixed-point Decimal as its integer. Raises `ValueError` when it has too many decimals."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise TypeError(f"expected a finite Decimal for {kind.name}")
    sign, digits, exponent = value.as_tuple()
    shift = int(exponent) + kind.decimals
    magnitude: int = int("".join(map(str, digits)))
    scaled, rest = (magnitude * 10**shift, 0) if shift >= 0 else divmod(magnitude, 10**-shift)
    if rest:
        raise ValueError(f"more than {kind.decimals} decimals")
    signed: int = -scaled if sign else scaled
    return signed


def _plain_int(value: Any) -> int:
    """Integers that are not plainly `int`: an IntEnum passes, a bool does not."""
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise TypeError("not an integer")


def _bounded(value: Any, low: int, high: int) -> int:
    number = _plain_int(value)
    if not low <= number <= high:
        raise OverflowError("out of range")
    return number


def _not_bool(value: Any) -> bytes:
    raise TypeError(f"{value!r} is not a bool")


def _exact_bytes(value: Any, size: int) -> bytes:
    if isinstance(value, (bytes, bytearray)) and len(value) == size:
        return bytes(value)
    raise ValueError("not bytes of that length")


def _fixed_word(value: Any, kind: Word) -> bytes:
    low, high = int_bounds(kind)
    return _bounded(scale_fixed(value, kind), low, high).to_bytes(32, "big", signed=low < 0)


def _address_word(value: Any) -> bytes:
    """The word of an address, remembered: the same few addresses are encoded all day."""
    word = bytes(12) + address_bytes(value)
    if len(_KNOWN) >= _MAX_KNOWN:
        _KNOWN.clear()
    _KNOWN[value] = word
    return word


def _blob(value: Any) -> bytes:
    """Length, bytes, padding."""
    if not isinstance(value, (bytes, bytearray)):
        raise TypeError("not bytes")
    size = len(value)
    return size.to_bytes(32, "big") + value + b"\0" * (-size % 32)


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError("not a string")
    return _blob(value.encode())


def fields_of(value: Any, names: tuple[str, ...]) -> Sequence[Any]:
    """The members of a struct in order, from a dict by component name or from any sequence."""
    if isinstance(value, _SEQUENCES):
        return value
    if isinstance(value, Mapping):
        if len(value) != len(names) or "" in names:
            raise ValueError("a dict must name every component")
        return [value[name] for name in names]
    raise TypeError("not a struct")


class EncoderSource:
    """Writes the encoders of one ABI item as Python source and compiles them together."""

    def __init__(self) -> None:
        self._functions: list[str] = []
        self._by_type: dict[AbiType, str] = {}
        self._count = 0
        self.namespace: dict[str, Any] = {
            "join": b"".join, "SEQ": _SEQUENCES, "ERRORS": ENCODE_ERRORS,
            "TRUE": (1).to_bytes(32, "big"), "FALSE": bytes(32), "integer": _plain_int,
            "bounded": _bounded, "not_bool": _not_bool, "exact": _exact_bytes, "fixed": _fixed_word,
            "known": _KNOWN, "address": _address_word, "blob": _blob, "text": _text, "fields": fields_of,
        } | {f"PAD{i}": b"\0" * i for i in range(33)}  # fmt: skip

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _constant(self, value: Any) -> str:
        name = self._name("k")
        self.namespace[name] = value
        return name

    def word(self, kind: Word, value: str) -> list[str]:
        """Bytes expressions that make up the word."""
        if kind.kind in ("uint", "int"):
            return self._integer(kind, value)
        if kind.kind == "address":
            return [f"(known.get({value}) or address({value}))"]
        if kind.kind == "bool":
            return [f"(TRUE if {value} is True else FALSE if {value} is False else not_bool({value}))"]
        if kind.kind == "bytes":
            size = kind.size
            plain = f"{value}.__class__ is bytes and len({value}) == {size}"
            exact = f"({value} if {plain} else exact({value}, {size}))"
            return [exact] if size == 32 else [exact, f"PAD{32 - size}"]
        return [f"fixed({value}, {self._constant(kind)})"]

    def _integer(self, kind: Word, value: str) -> list[str]:
        size = kind.size // 8
        if kind.kind == "uint":  # to_bytes itself refuses what is out of range
            plain = f"({value} if {value}.__class__ is int else integer({value}))"
            word = f'{plain}.to_bytes({size}, "big")'
            return [word] if size == 32 else [f"PAD{32 - size}", word]
        low, high = int_bounds(kind)
        inside = f"{value}.__class__ is int and {low} <= {value} <= {high}"
        return [
            f'({value} if {inside} else bounded({value}, {low}, {high})).to_bytes(32, "big", signed=True)'
        ]

    def sequence(self, kind: Tuple, values: list[str]) -> tuple[list[str], list[str]]:
        """Statements, and the bytes expressions of heads followed by tails."""
        statements: list[str] = []
        heads: list[str] = []
        tails: list[str] = []
        size = sum(map(head_size, kind.components))
        for component, value in zip(kind.components, values, strict=True):
            if is_dynamic(component):
                tail = self._name("t")
                statements.append(f"{tail} = {self.function(component)}({value})")
                offset = " + ".join([str(size), *(f"len({t})" for t in tails)])
                heads.append(f'({offset}).to_bytes(32, "big")')
                tails.append(tail)
            elif isinstance(component, Word):
                heads += self.word(component, value)
            elif isinstance(component, Tuple):
                inner, parts = self._unpacked(component, value)
                statements += inner
                heads += parts
            else:
                heads.append(f"{self.function(component)}({value})")
        return statements, heads + tails

    def _unpacked(self, kind: Tuple, value: str) -> tuple[list[str], list[str]]:
        names = [self._name("v") for _ in kind.components]
        fields = f"{value} if {value}.__class__ is tuple else fields({value}, {self._constant(kind.names)})"
        target = f"({', '.join(names)},)" if names else "()"
        statements, parts = self.sequence(kind, names)
        return [f"{target} = {fields}", *statements], parts

    def function(self, kind: AbiType) -> str:
        """The name of a function that encodes a value of this type, head and tails together."""
        if isinstance(kind, Blob):
            return "text" if kind.name == "string" else "blob"
        if kind not in self._by_type:
            self._by_type[kind] = name = self._name("e")
            body = self._array_body(kind) if isinstance(kind, Array) else self._value_body(kind)
            self._functions.append("\n    ".join([f"def {name}(v):", *body]))
        return self._by_type[kind]

    def _value_body(self, kind: Word | Tuple) -> list[str]:
        if isinstance(kind, Word):
            return [f"return {' + '.join(self.word(kind, 'v'))}"]
        statements, parts = self._unpacked(kind, "v")
        return [*statements, f"return join(({''.join(p + ', ' for p in parts)}))"]

    def _array_body(self, kind: Array) -> list[str]:
        checks = ["if not isinstance(v, SEQ): raise TypeError('not a sequence')"]
        prefix = ""
        if kind.length is None:
            prefix = 'len(v).to_bytes(32, "big") + '
        else:
            checks.append(f"if len(v) != {kind.length}: raise ValueError('wrong length')")
        if isinstance(kind.item, Word):
            items = " + ".join(self.word(kind.item, "x"))
            return [*checks, f"return {prefix}join([{items} for x in v])"]
        item = self.function(kind.item)
        if not is_dynamic(kind.item):
            return [*checks, f"return {prefix}join([{item}(x) for x in v])"]
        return [
            *checks, f"tails = [{item}(x) for x in v]", "at = 32 * len(v)", "heads = []",
            'for tail in tails: heads.append(at.to_bytes(32, "big")); at += len(tail)',
            f"return {prefix}join(heads) + join(tails)",
        ]  # fmt: skip

    def compile_arguments(self, kind: Tuple, prefix: bytes, where: str) -> Callable[..., bytes]:
        """`encode(*args) -> prefix + arguments`; raises `AbiError` naming `where`, argument and value."""
        names = [self._name("a") for _ in kind.components]
        statements, parts = self.sequence(kind, names)
        target = f"({', '.join(names)},)" if names else "()"
        self.namespace |= {"prefix": prefix, "explain": lambda args: explain(kind, args, where)}
        returned = f"return join((prefix, {''.join(p + ', ' for p in parts)}))"
        lines = [*self._functions, "def encode(*args):", "    try:"]
        lines += [f"        {line}" for line in [f"{target} = args", *statements, returned]]
        lines += ["    except ERRORS as cause:", "        raise explain(args) from cause"]
        source = "\n".join(lines)
        exec(compile(source, f"<abi encoder of {where}>", "exec"), self.namespace)  # noqa: S102
        encode: Callable[..., bytes] = self.namespace["encode"]
        return encode


def explain(kind: Tuple, args: Sequence[Any], where: str) -> AbiError:
    """The error for arguments that do not encode: which one, what it is, what was expected."""
    if len(args) != len(kind.components):
        named = ", ".join(
            f"{canonical(c)} {n}".strip() for c, n in zip(kind.components, kind.names, strict=True)
        )
        return AbiError(f"{where} takes {len(kind.components)} arguments ({named}), got {len(args)}")
    for index, (component, value) in enumerate(zip(kind.components, args, strict=True)):
        label = kind.names[index] or f"argument {index}"
        if fault := find_fault(component, value, label):
            return AbiError(f"{where}: {fault}")
    return AbiError(f"{where}: the arguments {args!r} do not fit {canonical(kind)}")


def find_fault(kind: AbiType, value: Any, path: str) -> str | None:
    """What is wrong with a value, with its path; None when it fits."""
    if isinstance(kind, Array):
        return _array_fault(kind, value, path)
    if isinstance(kind, Tuple):
        return _tuple_fault(kind, value, path)
    if isinstance(kind, Blob):
        return _blob_fault(kind, value, path)
    return _word_fault(kind, value, path)


def _shown(value: Any) -> str:
    text = repr(value)
    return f"{text if len(text) <= 100 else text[:97] + '...'} ({type(value).__name__})"


def _array_fault(kind: Array, value: Any, path: str) -> str | None:
    if not isinstance(value, _SEQUENCES):
        return f"{path} is {_shown(value)}, expected a list for {canonical(kind)}"
    if kind.length is not None and len(value) != kind.length:
        return f"{path} has {len(value)} items, {canonical(kind)} takes {kind.length}"
    faults = (find_fault(kind.item, item, f"{path}[{i}]") for i, item in enumerate(value))
    return next((fault for fault in faults if fault), None)


def _tuple_fault(kind: Tuple, value: Any, path: str) -> str | None:
    if isinstance(value, Mapping):
        if set(value) != set(kind.names):
            missing, extra = set(kind.names) - set(value), set(value) - set(kind.names)
            return f"{path} lacks {sorted(missing)} or has unknown {sorted(map(str, extra))}"
        value = [value[name] for name in kind.names]
    if not isinstance(value, _SEQUENCES):
        return f"{path} is {_shown(value)}, expected a tuple, list or dict for {canonical(kind)}"
    if len(value) != len(kind.components):
        return f"{path} has {len(value)} members, {canonical(kind)} takes {len(kind.components)}"
    for index, (component, item) in enumerate(zip(kind.components, value, strict=True)):
        if fault := find_fault(component, item, f"{path}.{kind.names[index] or index}"):
            return fault
    return None


def _blob_fault(kind: Blob, value: Any, path: str) -> str | None:
    if kind.name == "string":
        if not isinstance(value, str):
            return f"{path} is {_shown(value)}, expected a str"
        try:
            value.encode()
        except UnicodeEncodeError:
            return f"{path} is {_shown(value)}, which has no UTF-8 form"
        return None
    if not isinstance(value, (bytes, bytearray)):
        return f"{path} is {_shown(value)}, expected bytes"
    return None


def _word_fault(kind: Word, value: Any, path: str) -> str | None:
    if kind.kind in ("uint", "int"):
        low, high = int_bounds(kind)
        if not isinstance(value, int) or isinstance(value, bool):
            return f"{path} is {_shown(value)}, expected an int for {kind.name} (base units, no float)"
        return None if low <= value <= high else f"{path} is {value}, outside {kind.name} ({low} to {high})"
    if kind.kind == "bool":
        return None if value is True or value is False else f"{path} is {_shown(value)}, expected a bool"
    if kind.kind == "address":
        hint = "expected 0x, 40 hex digits, and a right checksum if mixed"
        return None if is_address_text(value) else f"{path} is {_shown(value)}, {hint}"
    if kind.kind == "bytes":
        fits = isinstance(value, (bytes, bytearray)) and len(value) == kind.size
        return None if fits else f"{path} is {_shown(value)}, expected exactly {kind.size} bytes"
    try:
        _fixed_word(value, kind)
    except (TypeError, ValueError, OverflowError) as error:
        return f"{path} is {_shown(value)}, expected a Decimal for {kind.name}: {error}"
    return None
