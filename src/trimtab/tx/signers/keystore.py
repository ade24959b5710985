"""Write an encrypted keystore: a key at rest, readable by its owner only."""

from __future__ import annotations

import json
from pathlib import Path

from eth_account import Account

from trimtab.errors import SigningError
from trimtab.tx.signers.local import LocalSigner

_ROUNDS = 262_144


def write_keystore(path: Path, key: bytes, password: str) -> None:
    """Encrypt a 32-byte private key (Web3 secret storage v3, PBKDF2) into a new file of mode 0600, which
    `LocalSigner.from_keystore` reads. Raises `SigningError` when the key is none, or the file exists."""
    LocalSigner.from_key(key)
    content = Account.encrypt(key, password, kdf="pbkdf2", iterations=_ROUNDS)
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise SigningError(f"{path} exists: a key file is never overwritten; move it away first") from None
    path.write_text(json.dumps(content), encoding="utf-8")
