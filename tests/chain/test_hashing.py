"""Keccak-256 backends."""

from __future__ import annotations

import pytest
from Crypto.Hash import keccak
from hypothesis import given
from hypothesis import strategies as st

from trimtab.chain import hashing


@pytest.mark.parametrize("name", hashing.BACKENDS)
def test_known_hashes(name: str) -> None:
    """Every backend gives the published hashes of the empty string and of `Transfer`."""
    digest = hashing.BACKENDS[name]()
    assert digest(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    transfer = digest(b"Transfer(address,address,uint256)").hex()
    assert transfer == "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


@given(st.binary(max_size=600))
def test_backends_agree(data: bytes) -> None:
    """All backends give the same hash, whatever the length around the 136-byte block."""
    expected = keccak.new(digest_bits=256, data=data).digest()
    assert {load()(data) for load in hashing.BACKENDS.values()} == {expected}


def test_the_fastest_present_is_used() -> None:
    """tiny-keccak is installed here, so it is what the house hashes with."""
    assert hashing.backend == "tiny_keccak"
    assert hashing.keccak256(b"abc") == hashing.BACKENDS["pycryptodome"]()(b"abc")


def test_without_the_fast_ones_it_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a backend cannot be imported the next one is taken, and with none there is a clear error."""

    def missing() -> None:
        raise ImportError

    monkeypatch.setitem(hashing.BACKENDS, "tiny_keccak", missing)
    assert hashing._load_fastest()[0] == "pysha3"
    monkeypatch.setitem(hashing.BACKENDS, "pysha3", missing)
    assert hashing._load_fastest()[0] == "pycryptodome"
    monkeypatch.setitem(hashing.BACKENDS, "pycryptodome", missing)
    with pytest.raises(ImportError, match="install tiny-keccak"):
        hashing._load_fastest()
