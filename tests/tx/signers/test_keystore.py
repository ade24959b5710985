"""A key at rest: encrypted, readable by its owner, never over another."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trimtab.errors import SigningError
from trimtab.tx.signers import LocalSigner
from trimtab.tx.signers.keystore import write_keystore

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")


def test_there_and_back(tmp_path: Path) -> None:
    """The signer reads what was written, given the password; the file is private, and the key not in it."""
    path = tmp_path / "key.json"
    write_keystore(path, KEY, "correct horse")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY.hex() not in path.read_text()
    assert LocalSigner.from_keystore(path, "correct horse").address == LocalSigner.from_key(KEY).address
    with pytest.raises(SigningError, match="wrong password"):
        LocalSigner.from_keystore(path, "battery staple")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    """A second key goes to another file."""
    path = tmp_path / "key.json"
    path.write_text("precious")
    with pytest.raises(SigningError, match="never overwritten"):
        write_keystore(path, KEY, "x")
    assert path.read_text() == "precious"


@pytest.mark.parametrize("key", [b"", bytes(32), b"\xff" * 32, b"\x01" * 31])
def test_what_is_no_key_is_refused(tmp_path: Path, key: bytes) -> None:
    """No file is made for it, and the error does not show it."""
    with pytest.raises(SigningError, match="private key") as caught:
        write_keystore(tmp_path / "key.json", key, "x")
    assert not list(tmp_path.iterdir())
    assert caught.value.__cause__ is None
