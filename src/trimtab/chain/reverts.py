"""Revert data to a name and arguments: Error(string), Panic(uint256), custom errors of known ABIs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.errors import AbiError, CallRevertedError, RpcError

PANICS = {
    0x00: "generic compiler panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division or modulo by zero",
    0x21: "value outside an enum",
    0x22: "storage byte array badly encoded",
    0x31: "pop of an empty array",
    0x32: "array index out of bounds",
    0x41: "too much memory allocated",
    0x51: "call of an uninitialised function pointer",
}
"""Meaning of Solidity's panic codes (Solidity documentation, "Panic via assert and Error via require")."""

ERROR_SELECTOR = bytes.fromhex("08c379a0")
PANIC_SELECTOR = bytes.fromhex("4e487b71")

_DATA_IN_TEXT = re.compile(r"(?:reverted|revert|output)[^0]{0,20}(0x[0-9a-fA-F]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Revert:
    """A decoded revert. `name` is "Error", "Panic", the custom error's name, "unknown" or "no data"."""

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def reason(self) -> str:
        """What errors carry: the text of a plain error, the name of a custom one."""
        return self.text if self.name in ("Error", "Panic", "no data") else self.name


def decode_revert(data: bytes, abis: Sequence[Abi] = ()) -> Revert:
    """What revert data says; never raises. Custom errors are looked up in `abis`, in order."""
    if not data:
        return Revert("no data", text="reverted without data")
    selector = data[:4]
    if selector == ERROR_SELECTOR:
        return _decode_error(data)
    if selector == PANIC_SELECTOR and len(data) == 36:
        code = int.from_bytes(data[4:], "big")
        meaning = PANICS.get(code, "unknown panic code")
        return Revert("Panic", {"code": code}, f"Panic(0x{code:02x}): {meaning}")
    for abi in abis:
        error = abi.error_by_selector(selector)
        if error is not None:
            try:
                args = error.decode(data)
            except AbiError:
                continue
            return Revert(
                error.name, args, f"{error.name}({', '.join(f'{k}={_plain(v)}' for k, v in args.items())})"
            )
    return Revert(
        "unknown", {"data": data}, f"unknown error 0x{data[:68].hex()}{'...' if len(data) > 68 else ''}"
    )


def _decode_error(data: bytes) -> Revert:
    """Lenient: old contracts pack the string without padding, and any bytes may stand in it."""
    size = int.from_bytes(data[36:68], "big")
    if len(data) < 68 or size > len(data) - 68:
        return Revert("unknown", {"data": data}, f"malformed Error(string) 0x{data[:68].hex()}")
    message = data[68 : 68 + size].decode(errors="replace")
    return Revert("Error", {"message": message}, message)


def _plain(value: Any) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def revert_data(error: RpcError) -> bytes | None:
    """The revert data in a node's error to a call; empty when there is none, None when it is no revert.

    geth, Erigon, reth, anvil: code 3 with hex data. Nethermind and Parity: -32015, data "Reverted 0x..".
    Hardhat: an object with `data`. Besu: -32000 with hex data.
    """
    words = error.text.lower()
    data: object = error.data
    while isinstance(data, dict):
        data = data.get("data") or data.get("result")
    found = _hex_in(data) if isinstance(data, str) else None
    if found is not None and ("revert" in words or error.code in (3, -32015) or "vm exec" in words):
        return found
    if error.code == 3 or "execution reverted" in words or "reverted" in words:
        match = _DATA_IN_TEXT.search(error.text)
        return (_hex_in(match[1]) if match else None) or b""
    if any(
        w in words
        for w in ("invalid opcode", "invalidopcode", "stack underflow", "bad jump", "invalidfeopcode")
    ):
        return b""
    return None


def _hex_in(text: str) -> bytes | None:
    start = text.find("0x")
    if start < 0:
        return None
    try:
        return bytes.fromhex(text[start + 2 :].strip())
    except ValueError:
        return None


def call_reverted(
    name: str, target: str, data: bytes, abis: Sequence[Abi] = (), text: str = ""
) -> CallRevertedError:
    """The error of a read or simulation that reverted. `text`, the node's own, is shown without data."""
    revert = decode_revert(data, abis)
    said = f"{revert.text} ({text})" if text and not data else revert.text
    return CallRevertedError(
        f"{name or 'the call'} at {target} reverted: {said}",
        reason=revert.reason,
        data=data,
        args_by_name=revert.args,
    )
