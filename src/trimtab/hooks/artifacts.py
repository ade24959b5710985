"""Our contracts as they were compiled: ABI, creation code, and what stands at their address afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from trimtab.chain.abi import Abi
from trimtab.errors import ConfigError

PUSH1, PUSH32 = 0x60, 0x7F
WORD = 32


@dataclass(frozen=True)
class Artifact:
    """A compiled contract of `contracts/`. `deployed_code` has zeros where its immutables will stand."""

    name: str
    abi: Abi = field(repr=False)
    creation_code: bytes = field(repr=False)
    deployed_code: bytes = field(repr=False)

    def init_code(self, *args: Any) -> bytes:
        """Creation code with the constructor's arguments. Raises `AbiError` for arguments that do not fit."""
        return self.abi.constructor_data(self.creation_code, *args)

    @property
    def immutables(self) -> tuple[int, ...]:
        """Where in the deployed code the words of its immutables stand."""
        return _zero_words(self.deployed_code)

    def read_immutables(self, code: bytes) -> tuple[bytes, ...] | None:
        """The immutables' words in `code`, in the order of the places where they stand; None when `code` is
        another contract's: it differs from ours in more than its immutables."""
        masked, words = bytearray(code), []
        for place in self.immutables:
            words.append(bytes(code[place : place + WORD]))
            masked[place : place + WORD] = bytes(len(words[-1]))
        return tuple(words) if bytes(masked) == self.deployed_code else None


@cache
def load_artifact(name: str) -> Artifact:
    """`abis/trimtab/<name>.json`, from the wheel or the repository. Raises `ConfigError` without one."""
    for root in (files("trimtab") / "_abis", Path(__file__).parents[3] / "abis"):
        source = root.joinpath("trimtab", f"{name}.json")
        if source.is_file():
            return _parse(name, json.loads(source.read_text(encoding="utf-8")))
    raise ConfigError(
        f"there is no compiled contract {name!r}: expected abis/trimtab/{name}.json; in the repository, "
        "`python scripts/build_contracts.py` makes it from contracts/",
        key=name,
    )


def _parse(name: str, entry: dict[str, Any]) -> Artifact:
    creation, deployed = (bytes.fromhex(entry[key][2:]) for key in ("bytecode", "deployedBytecode"))
    return Artifact(name, Abi.parse(entry, name=name), creation, deployed)


def _zero_words(code: bytes) -> tuple[int, ...]:
    """Places of all `PUSH32 0`: solc pushes a zero of its own by one byte, and an immutable by 32."""
    found, at = [], 0
    while at < len(code):
        operation = code[at]
        if operation == PUSH32 and code[at + 1 : at + 1 + WORD] == bytes(WORD):
            found.append(at + 1)
        at += 1 + (operation - PUSH1 + 1 if PUSH1 <= operation <= PUSH32 else 0)
    return tuple(found)
