"""The one word that venues and the transaction engine both speak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from trimtab.model.ids import Address

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A contract call: target, calldata, and value in wei."""

    target: Address
    data: bytes
    value: int = 0


@dataclass(frozen=True, slots=True)
class Read(Generic[T]):
    """A call without effect, and how to read its answer. `name` says it in errors and logs."""

    call: Call
    decode: Callable[[bytes], T]
    name: str = ""
