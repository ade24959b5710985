"""A key in this process: given as bytes or hex, or read from an encrypted keystore file."""

from __future__ import annotations

import json
import stat
import warnings
from pathlib import Path
from typing import Any, NoReturn

from coincurve import PrivateKey

from trimtab.chain.hashing import keccak256
from trimtab.errors import SigningError
from trimtab.model.ids import Address
from trimtab.tx.envelope import SignedTx, TxFields, signing_payload
from trimtab.tx.signers.base import assemble, public_address


class LocalSigner:
    """Signs with a key held in this process's memory. The key appears in no repr, error, pickle or copy."""

    __slots__ = ("_key", "_sign", "address")

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._sign = key.sign_recoverable
        self.address: Address = public_address(key.public_key)

    @classmethod
    def from_key(cls, key: bytes) -> LocalSigner:
        """A signer for a 32-byte private key. Raises `SigningError` when it is no key of secp256k1."""
        if len(key) != 32:
            raise SigningError(f"a private key is 32 bytes, got {len(key)}")
        try:
            return cls(PrivateKey(key))
        except ValueError:
            # `from None`: the cause's message may quote the key.
            raise SigningError("the private key is zero or above the curve's order") from None

    @classmethod
    def from_hex(cls, key: str) -> LocalSigner:
        """A signer for a private key as 64 hex digits, with or without 0x."""
        try:
            raw = bytes.fromhex(key.removeprefix("0x"))
        except (ValueError, AttributeError):
            raise SigningError("the private key is not hex: expected 64 hex digits") from None
        return cls.from_key(raw)

    @classmethod
    def from_keystore(cls, path: str | Path, password: str) -> LocalSigner:
        """A signer for an encrypted keystore file (Web3 secret storage, as geth and eth-account write it).

        Warns when other users can read the file. Raises `SigningError` for a missing or malformed file and
        for a wrong password.
        """
        from eth_account import Account  # here, because loading it takes a second and few signers need it

        file = Path(path)
        content = _read_keystore(file)
        try:
            key = bytes(Account.decrypt(content, password))
        except (ValueError, TypeError, KeyError, NotImplementedError) as error:
            if "MAC" in str(error):
                raise SigningError(f"wrong password for the keystore {file}") from None
            raise SigningError(f"{file} is not a keystore that can be read: {type(error).__name__}") from None
        return cls.from_key(key)

    def sign_nowait(self, fields: TxFields) -> SignedTx:
        """The signed transaction; no wait, about 20 µs."""
        return assemble(fields, self._sign(keccak256(signing_payload(fields)), hasher=None))

    async def sign_transaction(self, fields: TxFields) -> SignedTx:
        """The signed transaction."""
        return self.sign_nowait(fields)

    async def sign_typed_data(self, message: dict[str, Any]) -> bytes:
        """The 65-byte signature (r, s, v) of an EIP-712 message: types, primaryType, domain, message."""
        from eth_account import Account
        from eth_account.messages import encode_typed_data

        try:
            signable = encode_typed_data(full_message=message)
        except (ValueError, TypeError, KeyError) as error:
            raise SigningError(f"the typed data does not encode: {error}") from error
        signed = Account.sign_message(signable, self._key.secret)
        return bytes(signed.signature)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not pickled or copied: its key stays in one place")


def _read_keystore(file: Path) -> dict[str, Any]:
    try:
        mode = file.stat().st_mode
        content = json.loads(file.read_text())
    except FileNotFoundError:
        raise SigningError(f"there is no keystore at {file}: check the path in [signer] keystore") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SigningError(f"the keystore {file} cannot be read: {type(error).__name__}") from None
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        warnings.warn(f"other users can read the keystore {file}: run chmod 600 {file}", stacklevel=3)
    if not isinstance(content, dict):
        raise SigningError(f"{file} is not a keystore: expected a JSON object")
    return content
