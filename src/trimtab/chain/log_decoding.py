"""Many logs at once, from a response's bytes or from `Log` values, to objects or to columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from trimtab.chain.abi import Abi, AbiEvent
from trimtab.chain.abi_types import Tuple, Word
from trimtab.chain.decoding import Struct
from trimtab.chain.encoding import int_bounds
from trimtab.chain.receipt import Log
from trimtab.chain.wire import LogEntry, decode_log_entries
from trimtab.errors import AbiError
from trimtab.model.ids import Address, TxHash

LogSource = bytes | Sequence[Log]
"""The bytes of an eth_getLogs response (whole, or its result alone), or logs."""

PLACE = ("address", "block", "log_index", "tx_hash")
"""The columns that say where a log stands."""


class DecodedLog(msgspec.Struct, frozen=True, gc=False):
    """A decoded log. `args` is a tuple with attributes, in the ABI's order."""

    name: str
    args: Struct
    address: Address
    block: int
    log_index: int
    tx_hash: TxHash


Row = tuple[str, list[bytes] | tuple[bytes, ...], bytes, int, int, str]


def decode_logs(source: LogSource, events: Abi | AbiEvent | Iterable[AbiEvent]) -> list[DecodedLog]:
    """The logs of these events in their order; logs of other events are left out.

    Events are told apart by topic0 and number of topics, so that ERC-20 and ERC-721 `Transfer` never mix.
    Raises `AbiError` for a log that does not fit its event.
    """
    decoders = {key_of(event): (event.name, event.decode_parts) for event in _listed(events)}
    decoded: list[DecodedLog] = []
    for address, topics, data, block, index, tx_hash in _rows(source):
        found = decoders.get((topics[0] if topics else b"", len(topics)))
        if found is not None:
            name, decode = found
            args = decode(topics, data)
            decoded.append(DecodedLog(name, args, Address(address), block, index, TxHash(tx_hash)))
    return decoded


def key_of(event: AbiEvent) -> tuple[bytes, int]:
    """Topic0 and the number of topics. Raises `AbiError` for an anonymous event, which has no topic0."""
    if event.anonymous:
        raise AbiError(f"{event.signature} is anonymous: its logs cannot be told from others")
    return event.topic0, 1 + len(event.topic_types)


def _listed(events: Abi | AbiEvent | Iterable[AbiEvent]) -> Iterable[AbiEvent]:
    if isinstance(events, Abi):
        return [event for event in events.events.values() if not event.anonymous]
    return [events] if isinstance(events, AbiEvent) else events


def _rows(source: LogSource) -> Iterable[Row]:
    if not isinstance(source, bytes):
        return [(log.address, log.topics, log.data, log.block, log.log_index, log.tx_hash) for log in source]
    unhex = bytes.fromhex
    return [
        (
            log.address.lower(),
            [unhex(topic[2:]) for topic in log.topics],
            unhex(log.data[2:]),
            int(log.block_number or "0x0", 16),
            int(log.log_index or "0x0", 16),
            log.transaction_hash or "",
        )
        for log in decode_log_entries(source)
    ]


def decode_log_columns(source: LogSource, event: AbiEvent) -> dict[str, list[Any]]:
    """One list per argument, and `address`, `block`, `log_index`, `tx_hash`; other events are left out.

    An argument of one of these four names gets a trailing underscore. Integers are exact Python ints.
    """
    key_of(event)
    names = [f"{name}_" if name in PLACE else name for name in event.names]
    if isinstance(source, bytes) and _all_words(event.body):
        found = _columns_of_words(decode_log_entries(source), event)
        if found is not None:
            return dict(zip([*names, *PLACE], found, strict=True))
    logs = decode_logs(source, event)
    arguments = [list(column) for column in zip(*[log.args for log in logs], strict=True)]
    place = [[getattr(log, name) for log in logs] for name in PLACE]
    return dict(zip([*names, *PLACE], [*(arguments or [[] for _ in names]), *place], strict=True))


def _all_words(body: Tuple) -> bool:
    return all(isinstance(kind, Word) and not kind.decimals for kind in body.components)


def _columns_of_words(logs: list[LogEntry], event: AbiEvent) -> list[list[Any]] | None:
    """Columns through one long run of words; None when a log has another size, so that rows say which."""
    topic0 = f"0x{event.topic0.hex()}"
    count = 1 + len(event.topic_types)
    logs = [log for log in logs if len(log.topics) == count and _is_same_hex(log.topics[0], topic0)]
    width = 32 * len(event.body.components)
    if {len(log.data) for log in logs} - {2 + 2 * width}:
        return None
    body = bytes.fromhex("".join([log.data[2:] for log in logs]))
    topics = bytes.fromhex("".join([topic[2:] for log in logs for topic in log.topics[1:]]))
    columns: dict[str, list[Any]] = {}
    for index, (name, kind) in enumerate(event.topic_types):
        columns[name] = _column(kind, topics, 32 * index, 32 * (count - 1), event)
    for index, (name, part) in enumerate(zip(event.body.names, event.body.components, strict=True)):
        assert isinstance(part, Word)
        columns[name] = _column(part, body, 32 * index, width, event)
    return [
        *(columns[name] for name in event.names),
        _lowered([log.address for log in logs]),
        [int(log.block_number or "0x0", 16) for log in logs],
        [int(log.log_index or "0x0", 16) for log in logs],
        [log.transaction_hash or "" for log in logs],
    ]


def _lowered(addresses: list[str]) -> list[str]:
    """Lower case by a table: the logs of one query come from few contracts."""
    lower = {address: address.lower() for address in set(addresses)}
    return [lower[address] for address in addresses]


def _is_same_hex(text: str, lower: str) -> bool:
    return text == lower or text.lower() == lower


def _column(kind: Word, run: bytes, start: int, stride: int, event: AbiEvent) -> list[Any]:
    places = range(start, len(run), stride)
    if kind.kind in ("uint", "int"):
        return _integer_column(kind, run, places, event)
    if kind.kind == "bool":
        words = [int.from_bytes(run[i : i + 32], "big") for i in places]
        _check(all(word <= 1 for word in words), kind, event)
        return [word == 1 for word in words]
    if kind.kind == "address":
        _check(not any(b"".join([run[i : i + 12] for i in places])), kind, event)
        return ["0x" + run[i + 12 : i + 32].hex() for i in places]
    size = kind.size
    _check(not any(b"".join([run[i + size : i + 32] for i in places])), kind, event)
    return [run[i : i + size] for i in places]


def _integer_column(kind: Word, run: bytes, places: range, event: AbiEvent) -> list[int]:
    read: Callable[..., int] = int.from_bytes
    if kind.kind == "uint":
        values = [read(run[i : i + 32], "big") for i in places]
    else:
        values = [read(run[i : i + 32], "big", signed=True) for i in places]
    if kind.size < 256 and values:
        low, high = int_bounds(kind)
        _check(low <= min(values) and max(values) <= high, kind, event)
    return values


def _check(fits: bool, kind: Word, event: AbiEvent) -> None:  # noqa: FBT001 - it is the statement checked
    if not fits:
        raise AbiError(f"{event.signature}: a word in the logs is not a valid {kind.name}")
