"""A key in this process: given as bytes or hex, or read from an encrypted keystore file."""

from __future__ import annotations

import json
import stat
import warnings
from pathlib import Path
from typing import Any

from coincurve import PrivateKey

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.tx.envelope import SignedTx, TxFields, signing_payload
from trimtab.tx.signers.base import DigestSigner, assemble
from trimtab.tx.signers.digests import public_address


class LocalSigner(DigestSigner):
    """Signs with a key held in this process's memory. The key appears in no repr, error, pickle or copy, nor
    in the local variables of a traceback: each function forgets it before it raises."""

    __slots__ = ("_key", "_sign")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._sign = key.sign_recoverable
        self.address = public_address(key.public_key)

    @classmethod
    def from_key(cls, key: bytes) -> LocalSigner:
        """A signer for a 32-byte private key. Raises `SigningError` when it is no key of secp256k1."""
        size, parsed = len(key), _parse_key(key)
        del key
        if size != 32:
            raise SigningError(f"a private key is 32 bytes, got {size}")
        if parsed is None:
            raise SigningError("the private key is zero or above the curve's order")
        return cls(parsed)

    @classmethod
    def generate(cls) -> LocalSigner:
        """A signer for a fresh key from the system's randomness, which ends with this process."""
        return cls(PrivateKey())

    @classmethod
    def from_hex(cls, key: str) -> LocalSigner:
        """A signer for a private key as 64 hex digits, with or without 0x, as environments have it."""
        raw = _parse_hex(key)
        del key
        if raw is None:
            raise SigningError("the private key is not hex: expected 64 hex digits")
        try:
            return cls.from_key(raw)
        finally:
            del raw

    @classmethod
    def from_keystore(cls, path: str | Path, password: str) -> LocalSigner:
        """A signer for an encrypted keystore file (Web3 secret storage, as geth and eth-account write it).

        Warns when other users can read the file. Raises `SigningError` for a missing or malformed file and
        for a wrong password.
        """
        file = Path(path)
        try:
            content = _read_keystore(file)
            found = _decrypt(content, password)
        finally:
            del password
        if isinstance(found, PrivateKey):
            return cls(found)
        if found == _WRONG_PASSWORD:
            raise SigningError(f"wrong password for the keystore {file}")
        raise SigningError(f"{file} is not a keystore that can be read: {found}")

    def sign_nowait(self, fields: TxFields) -> SignedTx:
        """The signed transaction; no wait, about 20 µs."""
        return assemble(fields, self._sign(keccak256(signing_payload(fields)), hasher=None))

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        """The signed transaction."""
        return self.sign_nowait(fields)

    async def _sign_digest(self, digest: bytes) -> bytes:
        return bytes(self._sign(digest, hasher=None))


_WRONG_PASSWORD = "wrong password"  # noqa: S105 - a verdict


def _parse_key(key: bytes) -> PrivateKey | None:
    """The key, or None: raising here would leave it in the error's context."""
    try:
        return PrivateKey(key) if len(key) == 32 else None
    except ValueError:
        return None


def _parse_hex(key: str) -> bytes | None:
    try:
        return bytes.fromhex(key.removeprefix("0x"))
    except (ValueError, AttributeError):
        return None


def _decrypt(content: dict[str, Any], password: str) -> PrivateKey | str:
    """The key, or what is wrong: raising here would leave password and key in the error's context."""
    from eth_account import Account  # here, because loading it takes a second and few signers need it

    try:
        return PrivateKey(bytes(Account.decrypt(content, password)))
    except (ValueError, TypeError, KeyError, NotImplementedError) as error:
        return _WRONG_PASSWORD if "MAC" in str(error) else type(error).__name__


def _read_keystore(file: Path) -> dict[str, Any]:
    try:
        mode = file.stat().st_mode
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise SigningError(f"there is no keystore at {file}: check the path in account.keystore") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SigningError(f"the keystore {file} cannot be read: {type(error).__name__}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f"other users can read the keystore {file}: run chmod 600 {file}", stacklevel=3)
    if not isinstance(content, dict):
        raise SigningError(f"{file} is not a keystore: expected a JSON object")
    return content
