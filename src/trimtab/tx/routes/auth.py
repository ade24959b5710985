"""Who we are to relays: a key of its own, and the header that it signs over the bytes of a request.

`X-Flashbots-Signature: <checksummed address>:0x<signature>`, where the signature is personal_sign
(EIP-191) over the hex text, with its 0x, of keccak256(body). Both 0x are part of it: without either the
relay answers "invalid flashbots signature" (flashbots/mev-share#25, ApeWorX/eth-account#323).
"""

from __future__ import annotations

import uuid

from trimtab.chain.address import checksum
from trimtab.chain.hashing import keccak256
from trimtab.model.ids import Address
from trimtab.tx.signers import LocalSigner, MessageSigner

HEADER = "X-Flashbots-Signature"


class RelayIdentity:
    """A key that relays know us by. It owns no funds and is never the account's own unless you pass that one:
    whoever sees a header learns its address. What it sent, only it can replace or cancel, so give a key to
    keep it over restarts; a generated one ends with this process."""

    __slots__ = ("_signer",)

    def __init__(self, signer: MessageSigner) -> None:
        self._signer = signer

    @classmethod
    def generate(cls) -> RelayIdentity:
        """A fresh one."""
        return cls(LocalSigner.generate())

    @classmethod
    def from_hex(cls, key: str) -> RelayIdentity:
        """One whose key is given as 64 hex digits. Raises `SigningError` for anything else."""
        try:
            return cls(LocalSigner.from_hex(key))
        finally:
            del key

    @property
    def address(self) -> Address:
        return self._signer.address

    async def sign(self, body: bytes) -> dict[str, str]:
        """The header for exactly these bytes. Raises `SigningError`."""
        signature = await self._signer.sign_message(signed_text(body))
        return {HEADER: f"{checksum(self.address)}:0x{signature.hex()}"}

    def replacement_uuid(self, name: str) -> str:
        """The same for the same key and name, in every life: what a relay calls one bundle through all its
        versions. Derived (uuid5), and marked as version 4, which relays ask for."""
        derived = uuid.uuid5(uuid.NAMESPACE_OID, f"trimtab:{self.address}:{name}")
        return str(uuid.UUID(bytes=derived.bytes, version=4))

    def __repr__(self) -> str:
        return f"RelayIdentity({self.address})"


def signed_text(body: bytes) -> bytes:
    """What is signed for a request's body: the text of its hash, 66 characters."""
    return b"0x" + keccak256(body).hex().encode()
