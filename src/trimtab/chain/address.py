"""Addresses: lower-case inside, checksummed (EIP-55) for display only, strict about what a user typed."""

from __future__ import annotations

from trimtab.chain.hashing import keccak256
from trimtab.errors import AbiError, ConfigError
from trimtab.model.ids import Address

_HEX = frozenset("0123456789abcdef")


def checksum(address: str) -> str:
    """The EIP-55 form of an address, for display."""
    plain = address[2:].lower()
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(c.upper() if int(d, 16) >= 8 else c for c, d in zip(plain, digest, strict=False))


def is_address_text(text: object) -> bool:
    """True for 0x and 40 hex digits; a mixed-case text must carry the right checksum."""
    if not isinstance(text, str) or len(text) != 42 or text[:2] != "0x":
        return False
    digits = text[2:]
    if not _HEX.issuperset(digits.lower()):
        return False
    return digits in (digits.lower(), digits.upper()) or checksum(text) == text


def parse_address(text: object) -> Address:
    """An address as a user typed it. Raises `ConfigError` when it is malformed or its checksum is wrong."""
    if not isinstance(text, str) or len(text) != 42 or text[:2] not in ("0x", "0X"):
        raise ConfigError(f"{text!r} is not an address: expected 0x and 40 hex digits")
    plain = "0x" + text[2:]
    if not _HEX.issuperset(plain[2:].lower()):
        raise ConfigError(f"{text!r} is not an address: it holds characters that are not hex digits")
    if not is_address_text(plain):
        raise ConfigError(f"{text!r} has a wrong checksum: did you mean {checksum(plain)}? Check every digit")
    return Address(plain.lower())


def address_bytes(address: str) -> bytes:
    """The 20 bytes of an address. Raises `AbiError` when it is malformed or its checksum is wrong."""
    try:
        raw = bytes.fromhex(address[2:])
        # `islower` spares the checksum for what trimtab holds itself; fromhex alone would skip spaces.
        if len(raw) == 20 and len(address) == 42 and address.startswith("0x") and address.islower():
            return raw
    except (TypeError, ValueError, AttributeError):
        pass
    if is_address_text(address):
        return bytes.fromhex(address[2:])
    raise AbiError(
        f"{address!r} is not an address: expected 0x, 40 hex digits, and a right checksum if mixed"
    )


def create_address(deployer: str, nonce: int) -> Address:
    """Where a CREATE of `deployer` with `nonce` puts the contract."""
    if nonce == 0:
        encoded = b"\x80"
    elif nonce < 0x80:
        encoded = bytes([nonce])
    else:
        size = (nonce.bit_length() + 7) // 8
        encoded = bytes([0x80 + size]) + nonce.to_bytes(size, "big")
    body = b"\x94" + address_bytes(deployer) + encoded
    return Address("0x" + keccak256(bytes([0xC0 + len(body)]) + body)[12:].hex())


def create2_address(deployer: str, salt: bytes, init_code: bytes) -> Address:
    """Where a CREATE2 of `deployer` puts the contract (EIP-1014)."""
    body = b"\xff" + address_bytes(deployer) + salt + keccak256(init_code)
    return Address("0x" + keccak256(body)[12:].hex())
