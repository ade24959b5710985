"""Contract ABIs: functions, events and errors with codecs that are generated once, on first use."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from trimtab.chain.abi_types import (
    AbiType,
    Tuple,
    Word,
    body_size,
    canonical,
    head_word,
    parse_parameters,
    parse_type,
    split_types,
)
from trimtab.chain.call import Call, Read
from trimtab.chain.decoding import DecoderSource, Struct, struct_type
from trimtab.chain.encoding import EncoderSource
from trimtab.chain.hashing import keccak256
from trimtab.chain.receipt import Log
from trimtab.errors import AbiError, ConfigError
from trimtab.model.ids import Address
from trimtab.model.limits import AllowedCall, ArgumentRule


def encode_values(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """`abi.encode(...)` for types given as text, like `["uint256", "(address,bytes)[]"]`."""
    return _value_encoder(tuple(types))(*values)


def decode_values(types: Sequence[str], data: bytes) -> tuple[Any, ...]:
    """`abi.decode(...)` for types given as text."""
    values: tuple[Any, ...] = _value_decoder(tuple(types))(data)
    return values


@lru_cache(maxsize=1024)
def _value_encoder(types: tuple[str, ...]) -> Callable[..., bytes]:
    kind = parse_type(f"({','.join(types)})")
    assert isinstance(kind, Tuple)
    return EncoderSource().compile_arguments(kind, b"", canonical(kind))


@lru_cache(maxsize=1024)
def _value_decoder(types: tuple[str, ...]) -> Callable[[bytes], Any]:
    kind = parse_type(f"({','.join(types)})")
    assert isinstance(kind, Tuple)
    return DecoderSource().compile_value(kind, canonical(kind), unwrap=False)


class AbiFunction:
    """A function: calldata out, return data in. Overloads are separate functions."""

    def __init__(
        self, name: str, inputs: Tuple, outputs: Tuple, mutability: str, signature: str | None = None
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.mutability = mutability
        self.signature = signature or name + canonical(inputs)
        self.selector = keccak256(self.signature.encode())[:4]

    def __repr__(self) -> str:
        return f"<AbiFunction {self.signature} 0x{self.selector.hex()}>"

    def with_signature(self, signature: str) -> AbiFunction:
        """The same codec under another selector: Solidity libraries sign structs and enums by their names."""
        return AbiFunction(self.name, self.inputs, self.outputs, self.mutability, signature)

    @cached_property
    def encode(self) -> Callable[..., bytes]:
        """`encode(*args)`: selector and arguments. Raises `AbiError` naming the argument and its value."""
        return EncoderSource().compile_arguments(self.inputs, self.selector, self.signature)

    @cached_property
    def decode(self) -> Callable[[bytes], Any]:
        """`decode(data)`: the one output, or all outputs as a tuple with attributes. Raises `AbiError`."""
        return DecoderSource().compile_value(self.outputs, self.signature, unwrap=True)

    @cached_property
    def _decode_arguments(self) -> Callable[[bytes], Any]:
        return DecoderSource().compile_value(self.inputs, self.signature, unwrap=False)

    def decode_input(self, data: bytes) -> tuple[Any, ...]:
        """The arguments of calldata. Raises `AbiError` when the selector is another's."""
        if data[:4] != self.selector:
            raise AbiError(f"calldata 0x{data[:4].hex()} is not a call of {self.signature}")
        arguments: tuple[Any, ...] = self._decode_arguments(data[4:])
        return arguments

    def at(self, address: Address, *args: Any, value: int = 0) -> Call:
        """A transaction's call; `value` in wei."""
        return Call(address, self.encode(*args), value)

    def allow(
        self,
        address: Address | None,
        rules: Mapping[str, Collection[Address] | int] | None = None,
        *,
        is_trade: bool = True,
        venue: str = "",
    ) -> AllowedCall:
        """This function at `address` (None: anywhere) for the limits of a key. `rules` by the argument's
        name, a struct's member as "params.baseToken": the addresses it may be, or the most. `is_trade` and
        `venue` as in `AllowedCall`. Raises `AbiError` for an argument that is not there, or that does not
        stand in the head."""
        made = tuple(self._rule(name, allowed) for name, allowed in (rules or {}).items())
        return AllowedCall(address, self.selector, self.signature, made, is_trade, venue)

    def _rule(self, name: str, allowed: Collection[Address] | int) -> ArgumentRule:
        word = head_word(self.inputs, name)
        if word is None:
            raise AbiError(f"{self.signature} has no argument {name!r} of one word in its head")
        if isinstance(allowed, int):
            return ArgumentRule(word, at_most=allowed, name=name)
        return ArgumentRule(word, one_of=frozenset(allowed), name=name)

    def read(self, address: Address, *args: Any) -> Read[Any]:
        """A read of the contract at `address`, with its decoder."""
        return Read(Call(address, self.encode(*args)), self.decode, self.signature)


class CustomError:
    """A custom error of a contract."""

    def __init__(self, name: str, inputs: Tuple) -> None:
        self.name = name
        self.inputs = inputs
        self.signature = name + canonical(inputs)
        self.selector = keccak256(self.signature.encode())[:4]

    def __repr__(self) -> str:
        return f"<CustomError {self.signature} 0x{self.selector.hex()}>"

    @cached_property
    def _decode(self) -> Callable[[bytes], Any]:
        return DecoderSource().compile_value(self.inputs, self.signature, unwrap=False)

    @cached_property
    def encode(self) -> Callable[..., bytes]:
        """`encode(*args)`: the revert data, for tests and simulations."""
        return EncoderSource().compile_arguments(self.inputs, self.selector, self.signature)

    def decode(self, data: bytes) -> dict[str, Any]:
        """The arguments of revert data by name (`arg0` when unnamed). Raises `AbiError`."""
        if data[:4] != self.selector:
            raise AbiError(f"revert data 0x{data[:4].hex()} is not {self.signature}")
        return dict(zip(argument_names(self.inputs), self._decode(data[4:]), strict=True))


class AbiEvent:
    """An event. Indexed arguments of dynamic types decode to their hash, which is all the log holds."""

    def __init__(self, name: str, inputs: Tuple, indexed: tuple[bool, ...], *, anonymous: bool) -> None:
        self.name = name
        self.inputs = inputs
        self.indexed = indexed
        self.anonymous = anonymous
        self.signature = name + canonical(inputs)
        self.topic0 = keccak256(self.signature.encode())
        self.names = argument_names(inputs)

    def __repr__(self) -> str:
        return f"<AbiEvent {self.signature} 0x{self.topic0.hex()}>"

    @cached_property
    def body(self) -> Tuple:
        """The arguments that stand in the data."""
        pairs = zip(self.inputs.components, self.names, self.indexed, strict=True)
        kept = [(kind, name) for kind, name, indexed in pairs if not indexed]
        return Tuple(tuple(k for k, _ in kept), tuple(n for _, n in kept))

    @cached_property
    def topic_types(self) -> tuple[tuple[str, Word], ...]:
        """Names and types of the indexed arguments as they stand in topics."""
        pairs = zip(self.inputs.components, self.names, self.indexed, strict=True)
        return tuple((name, _topic_type(kind)) for kind, name, indexed in pairs if indexed)

    @cached_property
    def record(self) -> type[Struct]:
        """The tuple type of the arguments, in the ABI's order."""
        return struct_type(self.names)

    @cached_property
    def decode_parts(self) -> Callable[[Sequence[bytes], bytes], Struct]:
        """`decode_parts(topics, data)`: the arguments as a tuple with attributes. Raises `AbiError`."""
        return _compile_event(self)

    def decode(self, log: Log) -> dict[str, Any]:
        """The arguments of a log by name. Raises `AbiError` when the log is another event's."""
        return dict(zip(self.names, self.decode_parts(log.topics, log.data), strict=True))


def _compile_event(event: AbiEvent) -> Callable[[Sequence[bytes], bytes], Struct]:
    source = DecoderSource()
    first = 0 if event.anonymous else 1
    count = first + len(event.topic_types)
    source.namespace["TOPIC0"] = event.topic0
    wrong = f"raise dirty('log of {event.name} with {count} topics', b''.join(topics))"
    body = [f"if len(topics) != {count}: {wrong}"]
    if not event.anonymous:
        body.append(f"if topics[0] != TOPIC0: {wrong}")
    by_name: dict[str, str] = {}
    for index, (name, kind) in enumerate(event.topic_types):
        target = by_name[name] = f"p{index}"
        body += source.word(kind, target, f"topics[{first + index}]", "whole")
    size = body_size(event.body)
    body.append(f"if len(data) < {size}: raise short(data, {size})")
    statements, expression = source.sequence(event.body, "0")
    body += [*statements, f"values = {expression}"]
    for index, name in enumerate(event.body.names):
        by_name[name] = f"values[{index}]"
    source.namespace["Record"] = event.record
    members = "".join(f"{by_name[name]}, " for name in event.names)
    body.append(f"return new(Record, ({members}))")
    return source.compile_body("decode(topics, data)", body, event.signature, "the log")


def _topic_type(kind: AbiType) -> Word:
    return kind if isinstance(kind, Word) else Word("bytes32", "bytes", 32)


def argument_names(inputs: Tuple) -> tuple[str, ...]:
    """Every argument's name; unnamed and repeated ones are `arg<index>`."""
    names: list[str] = []
    for index, name in enumerate(inputs.names):
        names.append(name if name and name not in names else f"arg{index}")
    return tuple(names)


class Abi:
    """A contract's ABI: `functions`, `events`, `errors` by signature; `bytecode` if the artifact has it."""

    def __init__(
        self, entries: Sequence[Mapping[str, Any]], *, name: str = "", bytecode: bytes = b""
    ) -> None:
        self.name = name
        self.bytecode = bytecode
        self.functions: dict[str, AbiFunction] = {}
        self.events: dict[str, AbiEvent] = {}
        self.errors: dict[str, CustomError] = {}
        self.constructor = Tuple((), ())
        self._picked: dict[str, AbiFunction] = {}
        for entry in entries:
            self._add(entry)

    def __repr__(self) -> str:
        return f"<Abi {self.name or 'unnamed'}: {len(self.functions)} functions, {len(self.events)} events>"

    @classmethod
    def parse(cls, source: Sequence[Mapping[str, Any]] | Mapping[str, Any], *, name: str = "") -> Self:
        """From a JSON ABI, or from an artifact with `abi` and perhaps `bytecode`."""
        if not isinstance(source, Mapping):
            return cls(source, name=name)
        bytecode = source.get("bytecode", "")
        if isinstance(bytecode, Mapping):  # forge and solc put it one level deeper
            bytecode = bytecode.get("object", "")
        text = bytecode.removeprefix("0x")
        linked = all(c in "0123456789abcdefABCDEF" for c in text)  # library placeholders stay the caller's
        return cls(source["abi"], name=name, bytecode=bytes.fromhex(text) if linked else b"")

    @classmethod
    def load(cls, name: str) -> Abi:
        """`abis/<name>.json`, from the wheel or the repository. Raises `ConfigError` when there is none."""
        return _load(name)

    def _add(self, entry: Mapping[str, Any]) -> None:
        kind = entry.get("type", "function")
        inputs = parse_parameters(entry.get("inputs", ()))
        if kind == "function":
            mutability = entry.get("stateMutability") or ("view" if entry.get("constant") else "nonpayable")
            function = AbiFunction(
                entry["name"], inputs, parse_parameters(entry.get("outputs", ())), mutability
            )
            self.functions[function.signature] = function
        elif kind == "event":
            indexed = tuple(bool(p.get("indexed")) for p in entry.get("inputs", ()))
            event = AbiEvent(entry["name"], inputs, indexed, anonymous=bool(entry.get("anonymous")))
            self.events[event.signature] = event
        elif kind == "error":
            error = CustomError(entry["name"], inputs)
            self.errors[error.signature] = error
        elif kind == "constructor":
            self.constructor = inputs

    def function(self, name: str) -> AbiFunction:
        """By name, or by full signature where the name is overloaded. Raises `AbiError`."""
        if name not in self._picked:
            self._picked[name] = _pick(self.functions, name, "function", self.name)
        return self._picked[name]

    def event(self, name: str) -> AbiEvent:
        """By name or full signature. Raises `AbiError`."""
        found: AbiEvent = _pick(self.events, name, "event", self.name)
        return found

    def error(self, name: str) -> CustomError:
        """By name or full signature. Raises `AbiError`."""
        found: CustomError = _pick(self.errors, name, "error", self.name)
        return found

    def event_by_topic(self, topic0: bytes) -> AbiEvent | None:
        """The event of a log's first topic, or None."""
        return self._events_by_topic.get(topic0)

    def error_by_selector(self, selector: bytes) -> CustomError | None:
        """The custom error of revert data's first four bytes, or None."""
        return self._errors_by_selector.get(selector[:4])

    def function_by_selector(self, selector: bytes) -> AbiFunction | None:
        """The function of calldata's first four bytes, or None."""
        return self._functions_by_selector.get(selector[:4])

    def constructor_data(self, bytecode: bytes, *args: Any) -> bytes:
        """Creation code: the bytecode and the constructor's arguments."""
        return self._constructor_encoder(bytecode)(*args)

    def _constructor_encoder(self, bytecode: bytes) -> Callable[..., bytes]:
        where = f"{self.name or 'contract'} constructor"
        return EncoderSource().compile_arguments(self.constructor, bytes(bytecode), where)

    @cached_property
    def _events_by_topic(self) -> dict[bytes, AbiEvent]:
        return {event.topic0: event for event in self.events.values() if not event.anonymous}

    @cached_property
    def _errors_by_selector(self) -> dict[bytes, CustomError]:
        return {error.selector: error for error in self.errors.values()}

    @cached_property
    def _functions_by_selector(self) -> dict[bytes, AbiFunction]:
        return {function.selector: function for function in self.functions.values()}


def _pick(items: Mapping[str, Any], name: str, what: str, contract: str) -> Any:
    if "(" in name:
        stem, _, inside = name.partition("(")
        wanted = f"{stem}({','.join(canonical(parse_type(t)) for t in split_types(inside[:-1]))})"
        if wanted in items:
            return items[wanted]
    found = [item for signature, item in items.items() if signature.partition("(")[0] == name]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(item.signature for item in found)
        raise AbiError(f"{contract}: {what} {name!r} is overloaded; ask for one of {choices}")
    known = ", ".join(sorted({signature.partition("(")[0] for signature in items})) or "none"
    raise AbiError(f"{contract or 'this ABI'} has no {what} {name!r}; it has {known}")


@cache
def _load(name: str) -> Abi:
    for root in (files("trimtab") / "_abis", Path(__file__).parents[3] / "abis"):
        source = root.joinpath(f"{name}.json")
        if source.is_file():
            return Abi.parse(json.loads(source.read_text()), name=name)
    raise ConfigError(f"there is no ABI {name!r}: expected abis/{name}.json", key=name)
