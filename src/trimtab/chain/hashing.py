"""Keccak-256 through the fastest backend present: tiny-keccak, then safe-pysha3, then pycryptodome."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _tiny_keccak() -> Callable[[bytes], bytes]:
    from tiny_keccak import keccak256

    return keccak256


def _pysha3() -> Callable[[bytes], bytes]:
    from sha3 import keccak_256

    def keccak(data: bytes) -> bytes:
        digest: bytes = keccak_256(data).digest()
        return digest

    return keccak


def _pycryptodome() -> Callable[[bytes], bytes]:
    from Crypto.Hash import keccak as crypto

    def keccak(data: bytes) -> bytes:
        digest: bytes = crypto.new(digest_bits=256, data=data).digest()
        return digest

    return keccak


BACKENDS: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "tiny_keccak": _tiny_keccak,
    "pysha3": _pysha3,
    "pycryptodome": _pycryptodome,
}


def _load_fastest() -> tuple[str, Callable[[Any], bytes]]:
    for name, load in BACKENDS.items():
        try:
            return name, load()
        except ImportError:
            continue
    raise ImportError("no keccak backend: install tiny-keccak or pycryptodome")


backend, keccak256 = _load_fastest()
